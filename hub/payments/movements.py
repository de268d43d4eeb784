"""Transfers and payouts as gateways tell them, folded from their events: the same end for every order. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import JsonObject


@dataclass(frozen=True, slots=True)
class Movement:
    """What was told of one transfer or payout. Amounts are minor units.

    ``reversed``: each telling of a reversal -> how much it took back. ``taken``: the most that the gateway said was taken
    back in all; where it says so, this holds, as no telling can be missed or counted twice in it. ``ours``: the hub sent it,
    and posted it then.
    """

    sent: int = 0
    failed: bool = False
    ours: bool = False
    reversed: Mapping[str, int] = field(default_factory=dict)
    taken: int | None = None

    @classmethod
    def from_json(cls, value: JsonObject) -> Movement:
        """A movement as :meth:`to_json` wrote it."""
        parts, taken = cast("Mapping[str, int]", value.get("reversed") or {}), cast("int | None", value.get("taken"))
        return cls(cast("int", value.get("sent", 0)), bool(value.get("failed")), bool(value.get("ours")), parts, taken)

    def to_json(self) -> JsonObject:
        """As the journal keeps it."""
        parts = dict(self.reversed)
        return {"sent": self.sent, "failed": self.failed, "ours": self.ours, "reversed": parts, "taken": self.taken}

    @property
    def left(self) -> int:
        """What the provider has of it: nothing when it failed or was never sent, less what was taken back."""
        taken = sum(self.reversed.values()) if self.taken is None else self.taken
        return 0 if self.failed else max(self.sent - taken, 0)

    @property
    def moved(self) -> int:
        """What the ledger must hold because of it, beside what was posted when the hub sent it."""
        if not self.ours:
            return self.left
        return self.left - self.sent if not self.failed else 0


def told(movement: Movement, event_type: str, telling: str, minor: int, taken: int | None = None) -> Movement:
    """The movement with one more event of its own.

    ``telling`` is the event's id at its source; ``taken`` what was taken back so far in all, where the event says it.
    """
    what = event_type.partition(".")[2]
    if what in {"sent", "paid"}:
        return replace(movement, sent=max(movement.sent, minor))
    if what == "failed":
        return replace(movement, failed=True)
    if what == "reversed":
        so_far = movement.taken if taken is None else max(movement.taken or 0, taken)
        return replace(movement, reversed={**movement.reversed, telling: minor}, taken=so_far)
    return movement
