"""A subscription whose clock the hub keeps: what each moment and each charge makes of it. Pure.

The hub charges a stored means of payment through ``payment.create``, or, where a gateway stores none, mails a new link for
each period. Amounts are minor units, times UTC and passed in.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from hub.errors import PermanentError
from hub.ids import derived_id
from hub.payments.calendar import period, period_start, remaining_share
from hub.payments.discounts import off

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from hub.jsontypes import Json, JsonObject

RUNNING: Final = frozenset({"trialing", "active", "past_due", "cancelling"})
OVER: Final = frozenset({"cancelled", "ended"})
_UNPAID: Final = frozenset({"past_due", "pending"})
RETURNED: Final = "payment_returned"
"""Why a period is owed that was paid before."""

_HUBS_PLAN: Final = "pln"

Tale: TypeAlias = "tuple[str, str, JsonObject]"
"""What happened: the event's type, what tells it apart from others of its type, and data beyond the subscription's own."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription. ``price`` is for one unit; ``cycle`` counts the periods that were paid.

    ``base`` is the cycle at ``anchor``, from which periods are counted; ``due_at`` is when the clock must look at it next.
    ``balance`` is settled with the next charge: positive is owed by the payer, negative to be set off. ``started``: that it
    began was told before its first charge. ``owed``: the present period runs, and what had paid it was taken back.
    """

    id: str
    connection: str
    plan: str
    state: str
    price: int
    currency: str
    quantity: int
    interval: JsonObject
    anchor: datetime
    due_at: datetime | None
    cycles: int | None = None
    base: int = 0
    cycle: int = 0
    attempt: int = 0
    balance: int = 0
    method: str | None = None
    cancel_at: datetime | None = None
    next_price: int | None = None
    next_plan: str | None = None
    discount: JsonObject | None = None
    started: bool = False
    owed: bool = False

    def to_json(self) -> JsonObject:
        """As the journal keeps it."""
        return {
            one.name: value.isoformat() if isinstance(value := getattr(self, one.name), datetime) else value
            for one in fields(self)
        }

    @classmethod
    def from_json(cls, value: JsonObject) -> Subscription:
        """A subscription as :meth:`to_json` wrote it."""
        moments: dict[str, Json | datetime] = {
            name: datetime.fromisoformat(text) if isinstance(text := value.get(name), str) else None
            for name in ("anchor", "due_at", "cancel_at")
        }
        return cls(**cast("dict[str, Any]", {**value, **moments}))

    @property
    def plan_id(self) -> str:
        """The id of its plan's row."""
        return plan_id(self.connection, self.plan)

    @property
    def period(self) -> tuple[datetime, datetime]:
        """The period that is to be paid next, or was paid last once nothing more is to come."""
        return period(self.anchor, self.interval, self.cycle - self.base)

    @property
    def paid_until(self) -> datetime | None:
        """Until when it is paid; None before the first charge."""
        return period_start(self.anchor, self.interval, self.cycle - self.base) if self.cycle else None

    @property
    def charge(self) -> int:
        """What the next charge takes, in minor units; never below zero."""
        return max(self.full_charge, 0)

    @property
    def full_charge(self) -> int:
        """The same before a credit that is larger than the price is cut off."""
        return self.cost(self.cycle) + self.balance

    def cost(self, cycle: int) -> int:
        """What the period number ``cycle`` (from 0) costs at the present price, less its discount."""
        whole = self.price * self.quantity
        return whole - off(self.discount, whole, self.currency, cycle)

    @property
    def credit(self) -> JsonObject | None:
        """What was paid beyond what is owed, as Money; None when nothing was."""
        owed = self.full_charge if self.owed else self.balance
        return {"minor": -owed, "currency": self.currency} if owed < 0 else None

    @property
    def money(self) -> JsonObject:
        """The next charge as Money."""
        return {"minor": self.charge, "currency": self.currency}


def plan_id(connection: str, plan: str) -> str:
    """The id of a plan's row: its reference where the plan is the hub's, else made of the gateway's reference."""
    return plan if plan.startswith(f"{_HUBS_PLAN}_") else derived_id(_HUBS_PLAN, connection, plan)


def at_new_price(known: Subscription) -> Subscription:
    """The charge of the next period begins: a new price that its payer was told of holds from now on.

    It does not hold for the first period, nor for one whose charge is made again.
    """
    if not known.cycle or known.attempt or known.next_price is None:
        return known
    plan = known.plan if known.next_plan is None else known.next_plan
    return replace(known, price=known.next_price, plan=plan, next_price=None, next_plan=None)


def charged(known: Subscription, taken: int | None = None) -> tuple[Subscription, list[Tale]]:
    """The charge of the present period succeeded (or there was nothing to charge).

    ``taken`` is what it took, when it began before the subscription was changed; what that leaves is settled with the next.
    One that is over stays so, and one that is paused stays paused.
    """
    if known.state in OVER:
        return known, []
    taken = known.charge if taken is None else taken
    start, end = known.period
    paid = replace(known, cycle=known.cycle + 1, attempt=0, balance=known.full_charge - taken, owed=False)
    if known.state != "paused":
        paid = replace(paid, state="cancelling" if known.cancel_at else "active", due_at=end)
    what = "subscription.renewed" if known.cycle or known.started else "subscription.started"
    amount: JsonObject = {"minor": taken, "currency": known.currency}
    extra: JsonObject = {"period": {"start": _stamp(start), "end": _stamp(end)}, "amount": amount, **_ending(paid)}
    part = f"{known.cycle}.{known.attempt}" if known.owed else str(known.cycle)
    return paid, [(what, part, extra)]


def charge_failed(
    known: Subscription, reason: str, now: datetime, dunning: Sequence[timedelta]
) -> tuple[Subscription, list[Tale]]:
    """The charge failed: it is tried again on the dunning calendar; after the last time the subscription is cancelled.

    Of one that is over nothing is told; one that is paused is tried again when it is resumed.
    """
    if known.state in OVER:
        return known, []
    attempt = known.attempt + 1
    extra: JsonObject = {"amount": known.money, "attempt": attempt, "reason": reason}
    part = f"{known.cycle}.{attempt}"
    if attempt > len(dunning):
        over = replace(known, state="cancelled", attempt=attempt, due_at=None)
        failed: Tale = ("subscription.payment_failed", part, extra)
        return over, [failed, ("subscription.cancelled", "end", {"reason": "payment_failed", **_left(known)})]
    if known.state == "paused":
        return replace(known, attempt=attempt), [("subscription.payment_failed", part, extra)]
    again = now + dunning[attempt - 1]
    late = replace(known, state="past_due" if known.cycle or known.owed else "pending", attempt=attempt, due_at=again)
    return late, [("subscription.payment_failed", part, {**extra, "next_attempt_at": _stamp(again)})]


def paid_late(known: Subscription, cycle: int | None, taken: int, *, is_open: bool) -> tuple[Subscription, list[Tale]]:
    """A charge for the period ``cycle`` was paid after another one took its place, and took ``taken``.

    It pays the present period where that is the one. A period that was paid already, or whose charge ``is_open``, is not
    paid twice: what was taken is set off with the next charge. One that is over stays so.
    """
    if known.state in OVER:
        return known, []
    if cycle == known.cycle and not is_open:
        return charged(known, taken)
    return replace(known, balance=known.balance - taken), []


def taken_back(  # noqa: PLR0913 (what makes the period owed again)
    known: Subscription,
    cycle: int,
    taken: int,
    now: datetime,
    dunning: Sequence[timedelta],
    *,
    part: str,
    attempt: int,
    is_open: bool,
) -> tuple[Subscription, list[Tale]]:
    """The bank took back ``taken``, which had paid the period ``cycle``: it is owed again.

    The period that runs is charged anew on the dunning calendar, as the ``attempt`` after those that were made; after the
    last one the subscription is cancelled. What paid an earlier period, or comes back while it is paused, in dunning or a
    charge ``is_open``, is owed with the next charge. ``part`` tells this from others. Of one that is over or paused nothing
    is told.
    """
    if known.state in OVER:
        return known, []
    amount: JsonObject = {"minor": taken, "currency": known.currency}
    extra: JsonObject = {"amount": amount, "attempt": attempt, "reason": RETURNED}
    runs = cycle == known.cycle - 1 and cycle >= known.base and not (known.attempt or is_open)
    if known.state == "paused":
        return settled(known, -taken), []
    if not runs:
        late = replace(settled(known, -taken), state="past_due" if known.state == "active" else known.state)
        when = _ending(late) or ({"next_attempt_at": _stamp(known.due_at)} if known.due_at else {})
        return late, [("subscription.payment_failed", part, {**extra, "attempt": max(known.attempt, 1), **when})]
    left = known.balance + taken - known.cost(cycle)
    again = replace(known, cycle=cycle, attempt=attempt, balance=left, started=True, owed=True)
    if attempt > len(dunning):
        over: Tale = ("subscription.cancelled", "end", {"reason": "payment_failed", **_left(again)})
        failed: Tale = ("subscription.payment_failed", part, extra)
        return replace(again, state="cancelled", due_at=None), [failed, over]
    due_at = now + dunning[attempt - 1]
    told: JsonObject = {**extra, "next_attempt_at": _stamp(due_at)}
    if known.cancel_at is not None and known.cancel_at <= due_at:
        due_at, told = known.cancel_at, extra
    return replace(again, state="past_due", due_at=due_at), [("subscription.payment_failed", part, told)]


def _as_debt(known: Subscription) -> Subscription:
    """A period that runs unpaid, as what is owed with the next charge."""
    if not known.owed:
        return known
    return replace(known, cycle=known.cycle + 1, attempt=0, balance=known.full_charge, owed=False)


def never_began(known: Subscription) -> bool:
    """Whether it was over before anything of it was paid or tried, so that no payment is due for it."""
    return known.state in OVER and not known.cycle and not known.started


def settled(known: Subscription, minor: int) -> Subscription:
    """So much was paid beside the charges of its periods; below zero: what counted as paid was not."""
    return replace(known, balance=known.balance - minor)


def begin_now(known: Subscription, now: datetime) -> Subscription:
    """Its first period begins now."""
    return replace(known, anchor=now)


def begin_trial(known: Subscription, now: datetime) -> tuple[Subscription, list[Tale]]:
    """The payer agreed; the first charge comes at the end of the trial."""
    begun = replace(known, state="trialing", due_at=known.anchor, started=True)
    period: JsonObject = {"start": _stamp(now), "end": _stamp(known.anchor)}
    extra: JsonObject = {"trial_ends_at": _stamp(known.anchor), "period": period, "amount": begun.money}
    return begun, [("subscription.started", "0", extra)]


def replace_method(known: Subscription, method: str) -> Subscription:
    """It is charged by this stored means of payment from now on."""
    return replace(known, method=method)


def other_method(
    known: Subscription, method: str, part: str, retry_at: datetime | None
) -> tuple[Subscription, list[Tale]]:
    """Its payer gave another means of payment, which alone is charged from now on.

    ``part`` tells this change from others. ``retry_at`` is when a charge that failed is made again with it, None where none
    is open. Raises ``PermanentError`` (``wrong_state``) when the subscription is over.
    """
    _refuse(known, OVER)
    changed = replace_method(known, method)
    if retry_at is not None and known.attempt and known.state in _UNPAID:
        changed = due(changed, retry_at)
    return changed, _news(known, f"method.{part}", {"changes": {"method": "new"}})


def due(known: Subscription, moment: datetime | None) -> Subscription:
    """Its clock looks at it at ``moment``, and not before."""
    return replace(known, due_at=moment)


def at_due(known: Subscription, now: datetime) -> tuple[Subscription, list[Tale], bool]:
    """What the clock finds at ``due_at``; the last member says whether a charge is to be made now."""
    if known.state in OVER or known.due_at is None or known.due_at > now:
        return known, [], False
    if known.cancel_at is not None and known.cancel_at <= now:
        return replace(known, state="cancelled", due_at=None), [("subscription.cancelled", "end", _left(known))], False
    if known.state == "paused":
        resumed, tales = resume(known, now)
        return resumed, tales, False
    if known.cycles is not None and known.cycle >= known.cycles:
        return replace(known, state="ended", due_at=None), [("subscription.ended", "end", _left(known))], False
    return known, [], True


def owed_at_end(known: Subscription, attempt: int, now: datetime) -> Subscription:
    """What is still owed when its last period is over, charged now as the ``attempt`` of that period."""
    last = known.cycle - 1
    left = known.balance - known.cost(last)
    return replace(known, cycle=last, attempt=attempt, balance=left, owed=True, state="past_due", due_at=now)


def cancel(known: Subscription, at: str, now: datetime, reason: str = "") -> tuple[Subscription, list[Tale]]:
    """End it ``now`` or at ``period_end`` (of what is paid, or of its trial).

    Raises ``PermanentError`` (``wrong_state``) when it is over.
    """
    _refuse(known, OVER)
    words: JsonObject = {"reason": reason} if reason else {}
    in_trial = known.state in {"trialing", "paused"} and not known.cycle
    end = known.anchor if in_trial else known.paid_until
    if at == "now" or end is None or end <= now:
        over = replace(known, state="cancelled", due_at=None)
        return over, [("subscription.cancelled", "end", {**words, **_left(known)})]
    ending = replace(known, state="cancelling", cancel_at=end, due_at=end)
    return ending, [("subscription.updated", f"cancel.{_stamp(end)}", {**words, "cancel_at": _stamp(end)})]


def pause(known: Subscription, until: datetime | None, now: datetime) -> tuple[Subscription, list[Tale]]:
    """Charge nothing until it is resumed, by itself at ``until`` where that is given. One that was to end does end then."""
    _refuse(known, OVER | {"paused", "pending"})
    moments = [moment for moment in (until, known.cancel_at) if moment is not None]
    paused = replace(_as_debt(known), state="paused", due_at=min(moments, default=None))
    return paused, [("subscription.paused", f"{known.cycle}.{now.isoformat()}", {})]


def resume(known: Subscription, now: datetime) -> tuple[Subscription, list[Tale]]:
    """Charges go on: at the end of what is paid, or now with a new first day where that has passed."""
    if known.state != "paused":
        raise _wrong_state(known)
    start, _ = known.period
    if start > now:
        state = "active" if known.cycle else "trialing"
        going = replace(known, state="cancelling" if known.cancel_at else state, due_at=start)
    else:
        going = replace(known, state="active", anchor=now, base=known.cycle, due_at=now)
    return going, [("subscription.resumed", f"{known.cycle}.{now.isoformat()}", {})]


def change(  # noqa: PLR0913 (what may change)
    known: Subscription,
    now: datetime,
    *,
    plan: str | None = None,
    price: int | None = None,
    quantity: int | None = None,
    method: str | None = None,
    prorate: str = "next_period",
) -> tuple[Subscription, list[Tale]]:
    """Another plan (with its price), quantity or means of payment, at once.

    ``prorate``: the difference for the rest of the period that is paid is charged at ``next_period``, ``now`` (a charge of
    its own, due at once; a credit waits for the next one) or not at all (``none``).
    """
    _refuse(known, OVER)
    new = replace(
        known,
        plan=plan or known.plan,
        price=known.price if price is None else price,
        quantity=quantity or known.quantity,
        method=method or known.method,
        next_price=None if price is not None else known.next_price,
        next_plan=None if plan is not None else known.next_plan,
    )
    difference = new.cost(known.cycle - 1) - known.cost(known.cycle - 1)
    if known.cycle and prorate != "none":
        start, end = period(known.anchor, known.interval, known.cycle - 1 - known.base)
        new = replace(new, balance=known.balance + remaining_share(difference, start, end, now))
    wanted = (("plan", plan), ("quantity", quantity), ("price", _money(known, price)), ("method", method and "new"))
    changes: JsonObject = {name: value for name, value in wanted if value is not None}
    return new, _news(known, now.isoformat(), {"changes": changes})


def price_changed(known: Subscription, plan: str, price: int, part: str) -> tuple[Subscription, list[Tale]]:
    """The plan got a new price that running subscriptions move to from their next period; the member is told.

    ``part`` tells this change of the price from others.
    """
    moved = replace(known, next_price=price, next_plan=plan)
    start, end = known.period
    when = start if known.cycle and not known.attempt else end
    return moved, [_dearer(known, price, when, f"price.{plan}.{part}")]


def price_to_come(known: Subscription, tales: Sequence[Tale]) -> list[Tale]:
    """What ``tales`` lack when it begins and its plan got another price before: its first period costs the old one."""
    begun = next((more for event_type, _, more in tales if event_type == "subscription.started"), None)
    if known.next_price is None or begun is None:
        return []
    first = datetime.fromisoformat(str(cast("JsonObject", begun["period"])["end"]))
    when = period_start(first, known.interval, 1) if "trial_ends_at" in begun else first
    return [_dearer(known, known.next_price, when, "price.begun")]


def _dearer(known: Subscription, price: int, when: datetime, part: str) -> Tale:
    return "subscription.updated", part, {"changes": {"price": _money(known, price), "from": _stamp(when)}}


def _news(known: Subscription, part: str, data: JsonObject) -> list[Tale]:
    """A change is told of what has begun; else the start tells how it is by then."""
    return [] if known.state == "pending" else [("subscription.updated", part, data)]


def _left(known: Subscription) -> JsonObject:
    """What was paid beyond what is owed, when no charge comes any more that it is set off with."""
    return {"credit": known.credit} if known.credit else {}


def _ending(known: Subscription) -> JsonObject:
    """When one that is to end does so."""
    ends = known.cancel_at if known.state == "cancelling" else None
    return {"cancel_at": _stamp(ends)} if ends is not None else {}


def _refuse(known: Subscription, states: frozenset[str]) -> None:
    if known.state in states:
        raise _wrong_state(known)


def _wrong_state(known: Subscription) -> PermanentError:
    message = f"The subscription {known.id} is {known.state}, which does not allow this."
    return PermanentError(message, code="wrong_state", remedy="Look at its present state and do what that allows.")


def _money(known: Subscription, minor: int | None) -> JsonObject | None:
    return None if minor is None else {"minor": minor, "currency": known.currency}


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
