"""The state machine of escrow: what a hold is, what each step makes of it, and which steps are refused. Pure.

A hold keeps the money of one payment: ``authorization`` (the bank set it aside, nothing was taken yet) or ``collected`` (it
was taken and is not passed on yet). Its states::

    requested → held → releasing → released | settled | refunded      (releasing → held: a part of it, or refused)
    held ⇄ frozen → releasing                                         held, frozen → refunded | lapsed
    requested → cancelled → frozen (paid late)                        released, settled, refunded → frozen (a refund failed)

Sums, never flags: what came in is what was released, what went back and what is left, whatever arrives in which order.
Amounts are minor units of the hold's currency; times are UTC and passed in.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from hub.connect.holding import AUTHORIZATION, COLLECTED
from hub.errors import PermanentError
from hub.money import Money
from hub.payments import legal_steps
from hub.payments.legal_steps import CAPTURED, CURRENCY, MORE
from hub.payments.payment import LOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import Json, JsonObject
    from hub.payments.payment import Facts

STATES: Final = (
    *("requested", "held", "frozen", "releasing", "released"),
    *("settled", "refunded", "lapsed", "cancelled"),
)
OPEN: Final = frozenset({"held", "frozen"})
"""States in which money rests here and may be divided."""
OVER: Final = frozenset({"released", "settled", "refunded", "lapsed", "cancelled"})
_SHARED_OUT: Final = frozenset({"released", "settled", "refunded"})

WARNING: Final = timedelta(days=1)
"""So long before an authorisation lapses it is told."""

RETURN_WARNING: Final = timedelta(days=7)
"""So long before a gateway can give collected money back no more it is told."""

_MOMENTS: Final = ("lapses_at", "taken_at")
_PAID: Final = frozenset({"succeeded", "partially_refunded", "refunded", "disputed", "returned"})
_LET_GO: Final = frozenset({"expired", "voided"})
_DISPUTE: Final = "dispute"
LATE: Final = "paid_after_cancelling"
"""Why a hold is frozen whose payer paid when it was cancelled already: the hub gives the money back."""

Tale: TypeAlias = "tuple[str, JsonObject]"
"""What happened: the event's type, and data beyond the hold's own."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold.

    ``amount``: what was asked for, then what came in. ``released``: what providers and the platform got. ``returned``: what
    divisions of ours gave or let go to the payer; ``refunded``: what the gateway says went back, by whomever.
    ``gone``: what had gone back when the division that is under way, or the last one, began: its own refund may be told
    before it is done. ``disputes``: dispute -> [open or its outcome, amount]. ``taken_at``: when the money was
    collected; ``refund_days``: for so many days after that the gateway can give it back. ``frozen_by``: why it is frozen.
    ``beside``: another payment that came in for it -> [surplus, refunded, let_go, stuck or by_hand, how often it was to go
    back]. ``tales`` counts what was told.
    """

    id: str
    state: str
    mode: str
    currency: str
    amount: int
    released: int = 0
    returned: int = 0
    refunded: int = 0
    gone: int = 0
    lapses_at: datetime | None = None
    taken_at: datetime | None = None
    refund_days: int | None = None
    frozen_by: str = ""
    disputes: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    beside: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    tales: int = 0

    def to_json(self) -> JsonObject:
        """As the journal keeps it."""
        known = {one.name: getattr(self, one.name) for one in fields(self)}
        moments = {name: getattr(self, name) for name in _MOMENTS}
        written: JsonObject = {name: None if one is None else one.isoformat() for name, one in moments.items()}
        pairs: JsonObject = {
            name: {key: list(pair) for key, pair in getattr(self, name).items()} for name in ("disputes", "beside")
        }
        return {**known, **written, **pairs}

    @classmethod
    def from_json(cls, value: JsonObject) -> Hold:
        """A hold as :meth:`to_json` wrote it."""
        moments = {
            name: datetime.fromisoformat(said) if isinstance(said := value.get(name), str) else None
            for name in _MOMENTS
        }
        pairs = {name: _pairs(value.get(name)) for name in ("disputes", "beside")}
        return cls(**cast("dict[str, Any]", {**value, **moments, **pairs}))

    @property
    def back(self) -> int:
        """What went back to the payer: refunds, what was let go, disputes that were lost."""
        lost = sum(amount for state, amount in self.disputes.values() if state in LOST)
        return max(self.returned, self.refunded) + lost

    @property
    def left(self) -> int:
        """What is still here; nothing while no money came in."""
        return (
            0 if self.state in {"requested", "cancelled", "lapsed"} else max(self.amount - self.released - self.back, 0)
        )

    @property
    def rest(self) -> Money:
        """What is still here, as an amount."""
        return Money(self.left, self.currency)

    @property
    def refundable_until(self) -> datetime | None:
        """Until when the gateway gives the collected money back; None where nothing is known of an end."""
        if self.mode != COLLECTED or self.taken_at is None or self.refund_days is None:
            return None
        return self.taken_at + timedelta(days=self.refund_days)

    @property
    def is_disputed(self) -> bool:
        """Whether the payer disputes the payment at the bank, and nobody decided yet."""
        return any(state == "open" for state, _ in self.disputes.values())


def _pairs(value: Json) -> Mapping[str, tuple[str, int]]:
    known = cast("Mapping[str, list[Any]]", value or {})
    return {name: (str(pair[0]), int(pair[1])) for name, pair in known.items()}


@dataclass(frozen=True, slots=True)
class Arrived:
    """What is known of the payment: its state as gateways' actions name it, and its sums in minor units."""

    state: str
    amount: int | None = None
    paid: int | None = None
    refunded: int = 0
    lapses_at: datetime | None = None
    taken_at: datetime | None = None


# what the gateway tells


def follow(hold: Hold, news: Arrived) -> tuple[Hold, list[Tale]]:
    """The hold after news of its payment. Safe to repeat, and the same end in any order."""
    known = replace(hold, refunded=news.refunded, taken_at=news.taken_at or hold.taken_at)
    tales: list[Tale] = []
    if news.state == "authorized" and known.state in {"requested", "lapsed"}:
        known = replace(
            known, state="held", mode=AUTHORIZATION, lapses_at=news.lapses_at, amount=news.amount or known.amount
        )
        tales.append(("escrow.held", {}))
    elif news.state in _PAID and known.state in {"requested", "lapsed"}:
        known = replace(known, state="held", mode=COLLECTED, lapses_at=None, amount=_came_in(known, news))
        tales.append(("escrow.held", {}))
    elif news.state in {"authorized", *_PAID} and known.state == "cancelled":
        mode = AUTHORIZATION if news.state == "authorized" else COLLECTED
        known = replace(known, state="frozen", mode=mode, amount=_came_in(known, news), frozen_by=LATE)
        tales.append(("escrow.frozen", {"amount": known.rest.to_json(), "reason": LATE}))
    elif news.state in _PAID and known.state in OPEN and known.mode == COLLECTED:
        known = replace(known, amount=_came_in(known, news))
    elif news.state in _PAID and known.state in OPEN:
        known = replace(known, mode=COLLECTED, lapses_at=None, amount=_came_in(known, news))
    elif news.state in _LET_GO and known.state in OPEN and known.mode == AUTHORIZATION:
        amount = known.rest.to_json()
        known = replace(known, state="lapsed", frozen_by="")
        tales.append(("escrow.lapsed", {"amount": amount}))
    if news.state == "returned":
        known = replace(known, refunded=max(known.amount - known.released, known.refunded))
    if known.state in _SHARED_OUT and known.left > hold.left:
        return _back_again(known, "refund_failed")
    known, more = _at_rest(known, "payment_returned" if news.state == "returned" else "refunded")
    return _told(known, [*tales, *more])


def followed(hold: Hold, facts: Facts) -> tuple[Hold, list[Tale]]:
    """The hold as everything that is known of its payment makes it."""
    known, tales = hold, list[Tale]()
    for dispute, outcome in sorted(facts.disputes.items()):
        known, more = disputed(known, dispute, outcome, facts.disputed.get(dispute, 0))
        tales += more
    known, more = follow(known, _arrived(facts))
    return known, [*tales, *more]


def illegal(hold: Hold, facts: Facts) -> Mapping[str, bool]:
    """What its payment did and must not do as the hold stands, by the words of :mod:`hub.payments.legal_steps`.

    What has gone back since is no trouble any more.
    """
    paid, amount = facts.paid or 0, facts.value("amount")
    is_paid = facts.state in _PAID and paid > facts.gone
    is_let_go = hold.state == "refunded" and hold.mode == AUTHORIZATION
    place = "let go" if is_let_go else "shared out" if hold.state in _SHARED_OUT else hold.state
    is_more = place == "shared out" and paid > hold.amount and paid > hold.released + facts.gone
    return {
        CAPTURED: is_paid and CAPTURED not in legal_steps.HOLD[place],
        MORE: is_paid and is_more,
        CURRENCY: isinstance(amount, dict) and amount["currency"] != hold.currency,
    }


def _arrived(facts: Facts) -> Arrived:
    amount = facts.value("amount")
    whole = cast("int", amount["minor"]) if isinstance(amount, dict) else None
    lapses = facts.value("lapses_at")
    moment = datetime.fromisoformat(lapses) if isinstance(lapses, str) else None
    taken = facts.told.get("succeeded")
    taken_at = None if taken is None else datetime.fromisoformat(taken)
    return Arrived(facts.state, whole, facts.paid, facts.refunded, moment, taken_at)


def disputed(hold: Hold, dispute: str, state: str, amount: int) -> tuple[Hold, list[Tale]]:
    """How a dispute stands, ``open`` or its outcome: it freezes what is held, and what is lost is gone.

    One that is won on appeal brings its money back into the hold, and somebody must say what becomes of it.
    """
    known = replace(hold, disputes={**hold.disputes, dispute: (state, amount)})
    if known.state in _SHARED_OUT and known.left > hold.left:
        return _back_again(known, "dispute_won")
    return _told(*_at_rest(known, "dispute_lost"))


def refund_failed(hold: Hold, amount: int) -> tuple[Hold, list[Tale]]:
    """A refund of ours did not reach the payer: the money is here again, and somebody must say what becomes of it."""
    known = replace(hold, returned=max(hold.returned - amount, 0), gone=hold.gone - amount)
    if known.state in _SHARED_OUT:
        return _back_again(known, "refund_failed")
    return known, []


def _back_again(known: Hold, reason: str) -> tuple[Hold, list[Tale]]:
    """Money of a hold that was over is here again, frozen until somebody decides."""
    frozen = replace(known, state="frozen", frozen_by=reason)
    return _told(frozen, [("escrow.frozen", {"amount": frozen.rest.to_json(), "reason": reason})])


def _at_rest(known: Hold, reason: str) -> tuple[Hold, list[Tale]]:
    """Freeze and thaw with disputes; and a hold of which nothing is left is over."""
    if known.state not in OPEN:
        return known, []
    if not known.left:
        over = replace(known, state="settled" if known.released else "refunded", frozen_by="")
        gone = Money(known.amount - known.released, known.currency).to_json()
        parts: list[Json] = [{"customer": "payer", "amount": gone}]
        return over, [("escrow.settled", {"amount": gone, "parts": parts, "reason": reason})]
    if known.state == "held" and known.is_disputed:
        frozen = replace(known, state="frozen", frozen_by=_DISPUTE)
        return frozen, [("escrow.frozen", {"amount": known.rest.to_json(), "reason": _DISPUTE})]
    if known.state == "frozen" and known.frozen_by == _DISPUTE and not known.is_disputed:
        return replace(known, state="held", frozen_by=""), []
    return known, []


def _came_in(known: Hold, news: Arrived) -> int:
    return news.paid or news.amount or known.amount


# what people and recipes do


def freeze(hold: Hold, reason: str) -> tuple[Hold, list[Tale]]:
    """Nothing is released until it is settled, or thawed. Raises ``PermanentError`` (``wrong_state``)."""
    if hold.state == "frozen":
        return hold, []
    _only(hold, {"held"}, "frozen")
    known = replace(hold, state="frozen", frozen_by=reason or "by hand")
    return _told(known, [("escrow.frozen", {"amount": known.rest.to_json(), "reason": known.frozen_by})])


def unfreeze(hold: Hold) -> Hold:
    """It may be released again. Raises ``PermanentError`` (``wrong_state``), also while the payer's dispute is open."""
    if hold.state == "held":
        return hold
    _only(hold, {"frozen"}, "let go on")
    if hold.is_disputed:
        message = "The payer disputes this payment at the bank; until that is decided the money stays frozen."
        raise PermanentError(message, code="wrong_state", remedy="Answer the dispute, or settle the hold.")
    return replace(hold, state="held", frozen_by="")


_FROM: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    "release": (frozenset({"held"}), "released"),
    "settle": (OPEN, "settled"),
    "cancel": (OPEN | {"requested"}, "cancelled"),
    "collect": (frozenset({"held"}), "collected"),
}


def begin(hold: Hold, kind: str, kept: int, back: int) -> Hold:
    """Money is on the move: ``kept`` to providers and platform, ``back`` to the payer.

    ``kind``: ``release`` (at most what is left), ``settle`` and ``cancel`` (exactly what is left), ``collect`` (an
    authorisation is taken, nothing is divided). Raises ``PermanentError`` in words.
    """
    states, word = _FROM[kind]
    _only(hold, states, word)
    if kind == "collect" and hold.mode != AUTHORIZATION:
        message = f"The money of the hold {hold.id} was collected already."
        raise PermanentError(message, code="wrong_state", remedy="Nothing needs to be done.")
    _check_sum(hold, kind, kept, back)
    return replace(hold, state="releasing", gone=max(hold.returned, hold.refunded))


def _check_sum(hold: Hold, kind: str, kept: int, back: int) -> None:
    moved = Money(kept + back, hold.currency)
    if kept < 0 or back < 0 or moved.minor > hold.left:
        message = f"{moved} cannot be divided: {hold.rest} is left of the hold {hold.id}."
        raise PermanentError(message, code="amount_exceeds_rest", remedy="Divide at most what is left.")
    if kind == "release" and moved.minor <= 0:
        message = "Nothing would be released."
        raise PermanentError(message, code="amount_too_small", remedy="Release an amount above zero.")
    if kind == "settle" and moved.minor != hold.left:
        message = f"The parts add up to {moved}; {hold.rest} is held and must be divided wholly."
        raise PermanentError(message, code="bad_input", remedy="Change the parts so that they add up to the whole.")


def finish(hold: Hold, kind: str, kept: int, back: int, extra: JsonObject) -> tuple[Hold, list[Tale]]:
    """The money arrived where it was to go. ``extra`` is said with the event: parts and reason."""
    moved = Money(kept + back, hold.currency).to_json()
    if kind == "collect":
        return _told(*_at_rest(replace(hold, state="held", mode=COLLECTED, lapses_at=None), "refunded"))
    known = replace(hold, state="held", released=hold.released + kept)
    known = replace(known, returned=hold.gone + back if back else hold.returned)
    mode = COLLECTED if kept else hold.mode
    if not known.left:
        over = {"release": "released", "settle": "settled", "cancel": "refunded"}[kind]
        known = replace(known, state=over, mode=mode, lapses_at=None, frozen_by="")
    else:
        known = replace(known, mode=mode, lapses_at=None if mode == COLLECTED else hold.lapses_at)
    event = "escrow.released" if kind == "release" else "escrow.settled"
    known, more = _at_rest(known, "refunded")
    return _told(known, [(event, {**extra, "amount": moved}), *more])


def beside(hold: Hold, payment: str, state: str, tales: list[Tale]) -> tuple[Hold, list[Tale]]:
    """How another payment stands that came in for the hold: nothing of it is the hold's."""
    times = hold.beside.get(payment, ("", 0))[1] + (state == "surplus")
    return _told(replace(hold, beside={**hold.beside, payment: (state, times)}), tales)


def withdraw(hold: Hold) -> Hold:
    """Nobody paid, and nobody shall any more."""
    return replace(hold, state="cancelled")


def refuse(hold: Hold, before: str, facts: Facts | None = None) -> tuple[Hold, list[Tale]]:
    """A division was refused before anything went anywhere: the hold is as it was, but for what its payment's facts say.

    An authorisation may have been taken already when the payer's part could not be given back.
    """
    known, tales = _told(*_at_rest(replace(hold, state=before), "refunded"))
    if facts is None:
        return known, tales
    known, more = followed(known, facts)
    return known, [*tales, *more]


def _only(hold: Hold, states: frozenset[str] | set[str], word: str) -> None:
    if hold.state in states:
        return
    words = {
        "requested": "nobody paid it yet",
        "held": "it is held",
        "frozen": f"it is frozen ({hold.frozen_by})",
        "releasing": "its money is on the move at this moment",
        "released": "it was released already",
        "settled": "it was settled already",
        "refunded": "its money went back to the payer",
        "lapsed": "its authorisation lapsed",
        "cancelled": "it was cancelled",
    }
    remedy = {
        "requested": "Wait for the payment, or cancel the hold.",
        "frozen": "Settle it, or let it go on first.",
        "releasing": "Wait a moment and look at the hold.",
        "lapsed": "Ask the payer to pay again.",
    }.get(hold.state, "Look at the hold's history.")
    message = f"The hold {hold.id} cannot be {word}: {words[hold.state]}."
    raise PermanentError(message, code="wrong_state", remedy=remedy)


def _told(known: Hold, tales: list[Tale]) -> tuple[Hold, list[Tale]]:
    return replace(known, tales=known.tales + len(tales)), tales
