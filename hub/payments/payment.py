"""What is known of one payment, folded from its events: the same end for every order and repetition of them. Pure.

The state is never set; it follows from facts that only grow: when each thing was last told, what was refunded, which
disputes there are. An older word of the gateway therefore never undoes a newer one, and amounts are sums.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.jsontypes import Json, JsonObject

FINAL: Final = frozenset(
    {"succeeded", "failed", "expired", "voided", "partially_refunded", "refunded", "returned", "disputed"}
)
"""States in which the hub need not ask the gateway how the payment goes on."""

UNPAID: Final = frozenset({"failed", "expired", "voided"})
"""States that bring no money in any more."""
_TOLD = ("created", "pending", "authorized", "succeeded", "failed", "expired", "voided", "returned", "settled")
# Of things told for the same moment, the later one in a payment's life counts.
_RANK = {name: rank for rank, name in enumerate(("created", "pending", "failed", "authorized", "expired", "voided"))}
LOST: Final = frozenset({"lost", "accepted"})
"""Outcomes of disputes that take the money."""

_REFUNDS = frozenset({"refund.issued", "refund.failed"})
_OF_REFUNDS: Final[Mapping[str, Mapping[str, str]]] = {
    "refund.issued": {"settled": "settled", "fee": "fee"},
    "refund.settled": {"settled": "settled", "fee": "fee"},
    "refund.failed": {"given_back": "settled"},
}
"""Event type -> what is kept of what it says of a refund's own exchange: name here -> name in the event."""
_KEPT = ("amount", "captured", "fee", "method", "customer", "order", "invoice", "link", "subscription", "job", "metadata",
         "gateway", "reason", "next", "lapses_at", "expires_at", "settled")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was ever told of a payment.

    ``told``: what happened -> when it was last said (RFC 3339, UTC). ``refunds``: refund -> its amount (minor units), failed
    ones 0. ``disputes``: dispute -> ``open`` or its outcome. ``decided``: dispute -> when that outcome was told.
    ``disputed``: dispute -> its amount (minor units). ``fields``: name -> [when, value], the newest value of each.
    ``exchanges``: refund -> the same, of what the gateway took for it (``settled``), kept (``fee``) and gave back when it
    failed (``given_back``).
    """

    told: Mapping[str, str] = field(default_factory=dict)
    refunds: Mapping[str, int] = field(default_factory=dict)
    disputes: Mapping[str, str] = field(default_factory=dict)
    disputed: Mapping[str, int] = field(default_factory=dict)
    decided: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, tuple[str, Json]] = field(default_factory=dict)
    exchanges: Mapping[str, Mapping[str, tuple[str, Json]]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: JsonObject) -> Facts:
        """Facts as :meth:`to_json` wrote them."""
        exchanges = cast("Mapping[str, JsonObject]", value.get("exchanges") or {})
        return cls(
            told=cast("Mapping[str, str]", value.get("told") or {}),
            refunds=cast("Mapping[str, int]", value.get("refunds") or {}),
            disputes=cast("Mapping[str, str]", value.get("disputes") or {}),
            disputed=cast("Mapping[str, int]", value.get("disputed") or {}),
            decided=cast("Mapping[str, str]", value.get("decided") or {}),
            fields=_read(cast("JsonObject", value.get("fields") or {})),
            exchanges={refund: _read(pairs) for refund, pairs in exchanges.items()},
        )

    def to_json(self) -> JsonObject:
        """As the journal keeps them."""
        exchanges: JsonObject = {refund: _written(pairs) for refund, pairs in self.exchanges.items()}
        return {
            "told": dict(self.told),
            "refunds": dict(self.refunds),
            "disputes": dict(self.disputes),
            "disputed": dict(self.disputed),
            "decided": dict(self.decided),
            "fields": _written(self.fields),
            **({"exchanges": exchanges} if exchanges else {}),
        }

    def value(self, name: str) -> Json:
        """The newest value of a field; None when none was told."""
        pair = self.fields.get(name)
        return None if pair is None else pair[1]

    def of_refund(self, refund: str, name: str) -> Json:
        """The newest value of what was told of a refund's own exchange (see ``exchanges``); None when none was."""
        pair = self.exchanges.get(refund, {}).get(name)
        return None if pair is None else pair[1]

    @property
    def state(self) -> str:
        """The payment's state, a word of the shared vocabulary of gateways' actions."""
        if "returned" in self.told:
            return "returned"
        if "open" in self.disputes.values():
            return "disputed"
        if "succeeded" in self.told:
            return self._paid_state()
        newest = max(((when, _RANK[name], name) for name, when in self.told.items() if name in _RANK), default=None)
        return newest[2] if newest else "created"

    def _paid_state(self) -> str:
        refunded = self.refunded
        paid = self.paid
        if refunded and paid is not None and refunded >= paid:
            return "refunded"
        return "partially_refunded" if refunded else "succeeded"

    @property
    def oddities(self) -> Sequence[str]:
        """What was told and does not fit together, in words: it is kept, and a person should ask the gateway about it."""
        succeeded = self.told.get("succeeded")
        found = [
            f"The gateway said {name} after it had said succeeded; the money counts as taken."
            for name in ("failed", "expired", "voided")
            if succeeded is not None and self.told.get(name, "") > succeeded
        ]
        if succeeded is not None and "" < self.told.get("voided", "") < succeeded:
            found.append("It succeeded after it had been let go.")
        if succeeded is None and (self.refunded or self.disputes or "returned" in self.told):
            found.append("Money went back or is in dispute, and nothing was told of a payment that succeeded.")
        if succeeded is not None and self.paid is not None and self.gone > self.paid:
            found.append("More went back than came in.")
        return found

    @property
    def gone(self) -> int:
        """What went back by refunds, lost disputes and a returned debit, in minor units."""
        lost = sum(self.disputed.get(name, 0) for name, outcome in self.disputes.items() if outcome in LOST)
        return self.refunded + lost + ((self.paid or 0) if "returned" in self.told else 0)

    @property
    def refunded(self) -> int:
        """What went back to the payer so far, in minor units."""
        return sum(self.refunds.values())

    @property
    def paid(self) -> int | None:
        """What was taken, in minor units; the amount where the gateway names no captured part."""
        found = [
            cast("int", money["minor"])
            for name in ("captured", "amount")
            if isinstance(money := self.value(name), dict)
        ]
        return next((minor for minor in found if minor), 0) if found else None


def told(facts: Facts, event_type: str, time: str, data: JsonObject) -> Facts:
    """The facts with one more event of the payment's: ``payment.*``, ``refund.*`` or ``dispute.*``.

    ``time`` is when the gateway says that it happened (RFC 3339, UTC). Commutative and idempotent.
    """
    family, _, what = event_type.partition(".")
    if family == "payment" and what in _TOLD:
        newer = {**facts.told, what: max(time, facts.told.get(what, ""))}
        return replace(facts, told=newer, fields=_merged(facts.fields, _KEPT, f"{time}#{_weight(what)}", data))
    facts = _with_exchange(facts, event_type, time, data)
    if event_type in _REFUNDS:
        return replace(facts, refunds={**facts.refunds, str(data["refund"]): _refund(facts, event_type, data)})
    if family == "dispute":
        return _dispute(facts, what, time, data)
    return facts


def _refund(facts: Facts, event_type: str, data: JsonObject) -> int:
    """A refund that failed gives nothing back, whatever was said of it before or after."""
    known = facts.refunds.get(str(data["refund"]))
    if event_type == "refund.failed" or known == 0:
        return 0
    return max(cast("int", cast("JsonObject", data["amount"])["minor"]), known or 0)


def _with_exchange(facts: Facts, event_type: str, time: str, data: JsonObject) -> Facts:
    names = _OF_REFUNDS.get(event_type, {})
    said: JsonObject = {name: data.get(of) for name, of in names.items()}
    if not any(value is not None for value in said.values()):
        return facts
    refund = str(data["refund"])
    newer = _merged(facts.exchanges.get(refund, {}), tuple(names), time, said)
    return replace(facts, exchanges={**facts.exchanges, refund: newer})


def _dispute(facts: Facts, what: str, time: str, data: JsonObject) -> Facts:
    """A dispute that is decided twice, the second time on appeal, stands as it was decided last."""
    dispute = str(data["dispute"])
    outcome, decided = facts.disputes.get(dispute, "open"), facts.decided.get(dispute, "")
    if what == "closed":
        decided, outcome = max((time, str(data.get("outcome") or "won")), (decided, outcome if decided else ""))
    amount = max(cast("int", cast("JsonObject", data["amount"])["minor"]), facts.disputed.get(dispute, 0))
    return replace(
        facts,
        disputes={**facts.disputes, dispute: outcome},
        disputed={**facts.disputed, dispute: amount},
        decided={**facts.decided, dispute: decided} if decided else facts.decided,
    )


def _weight(what: str) -> int:
    return _TOLD.index(what)


def _merged(
    known: Mapping[str, tuple[str, Json]], names: tuple[str, ...], when: str, data: JsonObject
) -> Mapping[str, tuple[str, Json]]:
    merged = dict(known)
    for name in names:
        value = data.get(name)
        if value is not None and (name not in known or _order(when, value) > _order(*known[name])):
            merged[name] = (when, value)
    return merged


def _read(pairs: JsonObject) -> Mapping[str, tuple[str, Json]]:
    return {name: (str(pair[0]), pair[1]) for name, pair in cast("Mapping[str, list[Json]]", pairs).items()}


def _written(pairs: Mapping[str, tuple[str, Json]]) -> JsonObject:
    return {name: [when, value] for name, (when, value) in pairs.items()}


def _order(when: str, value: Json) -> tuple[str, str]:
    """Of two values told for the same moment one always wins, whichever came first."""
    return when, repr(value)
