"""Subscriptions: trial, renewals by the clock, failed charges and their repetition, changes, pauses and the end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from connectors.sandbox.server import payments
from connectors.sandbox.server.calendar import step
from connectors.sandbox.server.present import describe
from connectors.sandbox.server.records import Method, Payment, Plan, Subscription
from connectors.sandbox.server.refusals import Refusal, wrong_state
from connectors.sandbox.server.store import stamp
from hub.ids import new_id

if TYPE_CHECKING:
    from connectors.sandbox.server.store import Store

REPEAT_AFTER: Final = (timedelta(days=3), timedelta(days=5), timedelta(days=7))
"""When a charge that failed is tried again; after the last one the subscription is cancelled."""

RUNNING: Final = ("trialing", "active", "past_due", "paused", "cancelling")


def tell(store: Store, kind: str, subscription: Subscription, now: datetime, payment: Payment | None = None) -> None:
    """Queue a webhook with the subscription as it is now, and the payment it is about."""
    data = {**describe(subscription, store.site), "payment": payment.id if payment else None}
    if payment is not None:
        data["amount"] = payment.amount
        data["reason"] = payment.failure or None
    if kind == "subscription.payment_failed":
        data["next_attempt_at"] = stamp(subscription.charge_at) if subscription.charge_at else None
    store.announce(kind, subscription.id, data, now)


def create(store: Store, subscription: Subscription, now: datetime) -> Subscription:
    """Keep a new subscription that waits for the payer's agreement."""
    customer = payments.recognised(store, subscription.customer, now)
    subscription = store.add(subscription.but(customer=customer))
    tell(store, "subscription.created", subscription, now)
    return subscription


def begin(
    store: Store, subscription: Subscription, method: Method, now: datetime
) -> tuple[Subscription, Payment | None]:
    """The payer agreed: start the trial, or charge the first period. A first charge that fails leaves it pending."""
    subscription = subscription.but(stored_method=method.id)
    first_charge = subscription.start_at or now + timedelta(days=subscription.trial_days)
    if first_charge > now:
        subscription = subscription.but(
            status="trialing", anchor=first_charge, period_start=now, period_end=first_charge, charge_at=first_charge
        )
        tell(store, "subscription.started", store.save(subscription), now)
        return subscription, None
    payment = _charge(store, subscription, method, subscription.charge, now)
    if payment is not None and payment.state == "failed":
        return subscription, payment
    subscription = store.save(_next_period(subscription.but(anchor=now)))
    tell(store, "subscription.started", subscription, now, payment)
    return subscription, payment


def due(store: Store, subscription: Subscription, now: datetime) -> None:
    """Its time has come: resume, end, or charge the next period."""
    if subscription.status == "paused":
        resume(store, subscription, now)
    elif subscription.status == "cancelling":
        _end(store, subscription.but(status="cancelled"), now)
    elif subscription.cycles and subscription.cycle >= subscription.cycles:
        _end(store, subscription.but(status="ended"), now)
    else:
        _renew(store, subscription, now)


def pause(store: Store, subscription: Subscription, until: datetime | None, now: datetime) -> Subscription:
    """Nothing is charged until it is resumed. Raises ``Refusal``."""
    if subscription.status == "paused":
        return store.save(subscription.but(resume_at=until))
    if subscription.status not in ("trialing", "active", "past_due"):
        raise _not_while(subscription, "paused")
    subscription = store.save(subscription.but(status="paused", paused_at=now, resume_at=until))
    tell(store, "subscription.paused", subscription, now)
    return subscription


def resume(store: Store, subscription: Subscription, now: datetime) -> Subscription:
    """Charges go on, at once when the paid period is over. Also takes a cancellation at the period's end back."""
    if subscription.status not in ("paused", "cancelling"):
        raise _not_while(subscription, "resumed")
    subscription = store.save(
        subscription.but(status="active", paused_at=None, resume_at=None, cancel_at=None, reason="", attempt=0)
    )
    tell(store, "subscription.resumed", subscription, now)
    if subscription.charge_at is not None and subscription.charge_at <= now:
        left = max(subscription.cycles - subscription.cycle, 1) if subscription.cycles else 0
        subscription = store.save(subscription.but(anchor=now, cycle=0, cycles=left, charge_at=now))
        _renew(store, subscription, now)
    return store.get(Subscription, subscription.id)


def cancel(
    store: Store, subscription: Subscription, now: datetime, *, at_period_end: bool, reason: str = ""
) -> Subscription:
    """End it now, or at the end of the period that is paid. Raises ``Refusal``."""
    if subscription.status not in (*RUNNING, "pending"):
        raise _not_while(subscription, "cancelled")
    end = subscription.period_end
    subscription = subscription.but(reason=reason, resume_at=None)
    if at_period_end and subscription.status in ("trialing", "active", "cancelling") and end is not None and end > now:
        subscription = store.save(subscription.but(status="cancelling", cancel_at=end))
        tell(store, "subscription.cancelled", subscription, now)
        return subscription
    subscription = subscription.but(status="cancelled", cancel_at=now)
    tell(store, "subscription.cancelled", subscription, now)
    return _end(store, subscription, now)


def change(  # noqa: PLR0913 (what may change)
    store: Store,
    subscription: Subscription,
    now: datetime,
    *,
    plan: Plan | None,
    quantity: int | None,
    method: Method | None,
    prorate: str,
) -> Subscription:
    """Move it to another plan, quantity or means of payment. Raises ``Refusal``.

    The difference for the rest of the paid period is charged ``now``, with the next charge (``next_period``) or never
    (``none``). A plan with another interval begins with the next period. Another means is charged at once
    what is overdue.
    """
    if subscription.status not in (*RUNNING, "pending"):
        raise _not_while(subscription, "changed")
    before = subscription
    if method is not None:
        subscription = subscription.but(stored_method=method.id)
    if quantity is not None:
        subscription = subscription.but(quantity=quantity)
    if plan is not None and plan.id != subscription.plan:
        subscription = _move(subscription, plan)
    difference = _share_of_rest(before, subscription, now) if prorate != "none" else 0
    if difference > 0 and prorate == "now":
        _charge_difference(store, subscription, difference, now)
    elif difference:
        subscription = subscription.but(credit=subscription.credit - difference)
    subscription = store.save(subscription)
    tell(store, "subscription.updated", subscription, now)
    if method is not None and subscription.status == "past_due":
        _renew(store, subscription, now)
        return store.get(Subscription, subscription.id)
    return subscription


def _move(subscription: Subscription, plan: Plan) -> Subscription:
    if plan.status != "active" or plan.currency != subscription.currency:
        message = (
            f"The plan {plan.id} is {plan.status}, in {plan.currency}; an active one in the same currency is needed."
        )
        raise wrong_state(message)
    if subscription.status == "pending" or (plan.unit, plan.count) == (subscription.unit, subscription.count):
        return subscription.but(plan=plan.id, amount=plan.amount, unit=plan.unit, count=plan.count, next_amount=-1)
    return subscription.but(next_plan=plan.id)


def _share_of_rest(before: Subscription, after: Subscription, now: datetime) -> int:
    """The difference in price for what is left of the paid period, in minor units, rounded half up."""
    more = after.amount * after.quantity - before.amount * before.quantity
    if before.status != "active" or before.period_start is None or before.period_end is None:
        return 0
    left = max(before.period_end - now, timedelta(0)) // timedelta(seconds=1)
    whole = max((before.period_end - before.period_start) // timedelta(seconds=1), 1)
    return (2 * more * left + whole) // (2 * whole)


def _charge_difference(store: Store, subscription: Subscription, difference: int, now: datetime) -> None:
    method = store.get(Method, subscription.stored_method)
    payment = _charge(store, subscription, method, difference, now)
    if payment is not None and payment.state == "failed":
        raise Refusal(402, payment.failure, payment.failure_message)


def _renew(store: Store, subscription: Subscription, now: datetime) -> None:
    subscription = _with_changes(store, subscription, now)
    price = subscription.charge
    credit = min(subscription.credit, price)
    method = store.get(Method, subscription.stored_method)
    payment = _charge(store, subscription, method, price - credit, now)
    if payment is None or payment.state != "failed":
        subscription = subscription.but(credit=subscription.credit - credit)
        subscription = store.save(_next_period(subscription))
        tell(store, "subscription.renewed", subscription, now, payment)
        return
    attempt = subscription.attempt + 1
    if attempt <= len(REPEAT_AFTER):
        repeat_at = now + REPEAT_AFTER[attempt - 1]
        subscription = store.save(subscription.but(status="past_due", attempt=attempt, charge_at=repeat_at))
        tell(store, "subscription.payment_failed", subscription, now, payment)
        return
    subscription = store.save(subscription.but(status="past_due", attempt=attempt, charge_at=None))
    tell(store, "subscription.payment_failed", subscription, now, payment)
    cancel(store, subscription, now, at_period_end=False, reason="payment_failed")


def _with_changes(store: Store, subscription: Subscription, now: datetime) -> Subscription:
    """What was put off until the next period comes true."""
    if subscription.next_plan:
        plan = store.get(Plan, subscription.next_plan)
        subscription = subscription.but(
            plan=plan.id, amount=plan.amount, unit=plan.unit, count=plan.count, anchor=now, cycle=0, next_plan=""
        )
    if subscription.next_amount >= 0:
        subscription = subscription.but(amount=subscription.next_amount, next_amount=-1)
    return subscription


def _next_period(subscription: Subscription) -> Subscription:
    """The subscription with one more period paid, measured from its anchor."""
    if subscription.anchor is None:
        message = f"subscription {subscription.id} has no anchor"
        raise ValueError(message)
    cycle = subscription.cycle + 1
    start = step(subscription.anchor, subscription.unit, subscription.count * (cycle - 1))
    end = step(subscription.anchor, subscription.unit, subscription.count * cycle)
    paid = subscription.but(off_left=max(subscription.off_left - 1, min(subscription.off_left, 0)))
    return paid.but(status="active", cycle=cycle, period_start=start, period_end=end, charge_at=end, attempt=0)


def _charge(store: Store, subscription: Subscription, method: Method, amount: int, now: datetime) -> Payment | None:
    """Charge the stored means; None when there is nothing to charge."""
    if amount <= 0:
        return None
    payment = Payment(
        id=new_id("pay", now),
        created_at=now,
        amount=amount,
        currency=subscription.currency,
        description=subscription.description,
        customer=subscription.customer,
        references=subscription.references,
        metadata=subscription.metadata,
        subscription=subscription.id,
    )
    return payments.charge(store, payment, method, now)


def _end(store: Store, subscription: Subscription, now: datetime) -> Subscription:
    subscription = store.save(subscription.but(charge_at=None))
    tell(store, "subscription.ended", subscription, now)
    return subscription


def _not_while(subscription: Subscription, verb: str) -> Refusal:
    return wrong_state(f"The subscription is {subscription.status}; it cannot be {verb} now.")
