"""Whether a gateway lists of a dispute, transfer or payout what is known of it here, and what to do when not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.money import Money
from hub.payments import ledger
from hub.payments.comparing import Difference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import JsonObject

DISPUTE: Final = "dispute"
TRANSFER: Final = "transfer"
PAYOUT: Final = "payout"

OPEN: Final = "open"
WON: Final = "won"
LOST: Final = "lost"
FAILED: Final = "failed"
NOT_YET: Final = "on its way"

UNHEARD: Final = "The hub never heard of it. Look at it there, and have the gateway send its report again."
UNLISTED: Final = (
    "The gateway does not list it. Look for it there; when it cannot be found, ask the gateway what became of it."
)
OTHER_CURRENCY: Final = (
    "Look at it there and ask the gateway which currency is right; book nothing until that is clear."
)
OTHER_AMOUNT: Final = "Look at it there: a part was taken back or changed. Have the gateway send its reports again."
AHEAD: Final = "A report of the gateway is missing. Look at it there, and have the gateway send its reports again."
BEHIND: Final = "The gateway may still be at it: compare again tomorrow, and look at it there when it stays so."
TAKE: Final = "Take the gateway's word over: the hub then books it as if the gateway's missing report had come."
DONE_AFTER_ALL: Final = "The gateway did it after all. Pay nothing again before it is clear who has the money."

_STATES: Final[Mapping[str, Mapping[str, str]]] = {
    DISPUTE: {"opened": OPEN, "answered": OPEN, "accepted": LOST, "lost": LOST, "won": WON},
    TRANSFER: {"queued": NOT_YET, "sent": "sent", "reversed": "sent", "failed": FAILED},
    PAYOUT: {"queued": NOT_YET, "sent": NOT_YET, "paid": "paid", "failed": FAILED, "reversed": FAILED},
}
"""A kind -> the status that gateways' actions name -> the word here. What was taken back is less of what was sent."""
_MOVES_NOTHING: Final = frozenset({WON, FAILED})
_ENDED: Final = frozenset({WON, LOST, FAILED})
_NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True)
class Standing:
    """How one thing stands, here or there: ``money`` is what is left of it, ``state`` a word of the page."""

    money: Money
    state: str

    @property
    def moved(self) -> Money:
        """What it took out of what the gateway holds for us."""
        return Money.zero(self.money.currency) if self.state in _MOVES_NOTHING else self.money


def listed(kind: str, item: JsonObject) -> Standing:
    """How the gateway has it: an item of its list, or its answer to ``payout.get``."""
    money, status = Money.from_json(item["amount"]), str(item["status"])
    if kind == TRANSFER:
        taken = item.get("reversed")
        back = money if status == "reversed" else Money.from_json(taken) if taken else Money.zero(money.currency)
        money -= back
    return Standing(money, _STATES[kind][status])


def difference(connection: str, here: Standing | None, there: Standing | None) -> Difference | None:
    """Where the two differ, with a proposal; None when they agree, or when nothing has moved yet.

    ``here`` None: the hub never heard of it; ``there`` None: the gateway's list does not have it.
    """
    if here is None or there is None:
        return _missing(connection, here, there)
    if here.money.currency != there.money.currency:
        return _difference(connection, here, there, OTHER_CURRENCY)
    if here.state != there.state:
        return _difference(connection, here, there, _of_states(here.state, there.state))
    if here.moved != there.moved:
        return _difference(connection, here, there, OTHER_AMOUNT)
    return None


def _missing(connection: str, here: Standing | None, there: Standing | None) -> Difference | None:
    known = here or there
    if known is None or not known.moved.minor or (here is None and known.state == NOT_YET):
        return None
    nothing = Standing(Money.zero(known.money.currency), _NOTHING)
    proposal = UNHEARD if here is None else UNLISTED
    return _difference(connection, here or nothing, there or nothing, proposal)


def _of_states(here: str, there: str) -> str:
    if here == FAILED:
        return DONE_AFTER_ALL
    return AHEAD if there in _ENDED or here == NOT_YET else BEHIND


def _difference(connection: str, here: Standing, there: Standing, proposal: str) -> Difference:
    account = ledger.gateway(connection)
    return Difference(account, -here.moved, -there.moved, proposal, here.state, there.state)
