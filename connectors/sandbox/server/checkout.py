"""What the payer does on the pay page, and what follows from a payment's result."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from connectors.sandbox.server import links, payments, subscriptions
from connectors.sandbox.server.records import Link, Method, Payment, Subscription
from connectors.sandbox.server.refusals import FieldError, Refusal, wrong_state
from hub.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.sandbox.server.store import Store
    from hub.jsontypes import Json, JsonObject

CHOICES: Final = ("pay", "pay_once", "decline", "later", "return")
"""pay · pay now, but let later charges of the same means fail · decline · pay later · pay, then the bank takes it back."""

OUTCOMES: Final = ("succeeds", "fails", "late")
"""How a payment that comes later ends; ``late``: it succeeds after the payment expired."""

LATER: Final = timedelta(days=3)
TOO_LATE: Final = timedelta(days=2)
REPEATED_DECLINE: Final = "insufficient_funds"


def choose(  # noqa: PLR0913 (the page's fields)
    store: Store,
    payment: Payment,
    choice: str,
    now: datetime,
    *,
    reason: str = "card_declined",
    outcome: str = "succeeds",
    customer: JsonObject | None = None,
) -> Payment:
    """The payer chose on the pay page. Raises ``Refusal`` when the payment is not waiting for a payer."""
    if payment.state not in ("created", "failed"):
        message = f"The payment is {payment.status}; it does not wait for a payer."
        raise wrong_state(message)
    _check_link(store, payment)
    payment = payment.but(customer=_merged(store, payment.customer, customer, now), method=payments.CARD)
    match choice:
        case "decline":
            return payments.fail(store, payment, _known(reason, payments.DECLINES, "reason"), now)
        case "later":
            return _later(store, payment, _known(outcome, OUTCOMES, "outcome"), now)
        case "pay" | "pay_once" | "return":
            behaviour = REPEATED_DECLINE if choice == "pay_once" else "succeeds"
            if payment.save_method:
                method = payments.keep_method(store, payment, behaviour, now)
                payment = payment.but(stored_method=method.id)
            payment = finish(store, payments.succeed(store, payment, now), now)
            return payments.schedule_return(store, payment, now) if choice == "return" else payment
        case _:
            raise Refusal(400, "invalid_request", "Unknown choice.", (FieldError("choice", f"One of {CHOICES}."),))


def agree(  # noqa: PLR0913 (the page's fields)
    store: Store,
    subscription: Subscription,
    choice: str,
    now: datetime,
    *,
    reason: str = "card_declined",
    customer: JsonObject | None = None,
) -> tuple[Subscription, Payment | None]:
    """The payer chose on a subscription's page; the payment of the first period, if one was made."""
    if subscription.status != "pending":
        message = f"The subscription is {subscription.status}; it does not wait for a payer."
        raise wrong_state(message)
    if choice not in ("pay", "pay_once", "decline"):
        raise Refusal(400, "invalid_request", "Unknown choice.", (FieldError("choice", "pay, pay_once or decline."),))
    merged = _merged(store, subscription.customer, customer, now)
    subscription = store.save(subscription.but(customer=merged))
    behaviour = "succeeds"
    if choice == "decline":
        behaviour = _known(reason, payments.DECLINES, "reason")
    method = store.add(
        Method(
            id=new_id("mth", now),
            created_at=now,
            customer=str(merged.get("id") or ""),
            behaviour=behaviour,
            card=payments.CARD,
        )
    )
    started, payment = subscriptions.begin(store, subscription, method, now)
    if choice == "pay_once":
        store.save(method.but(behaviour=REPEATED_DECLINE))
    return started, payment


def finish(store: Store, payment: Payment, now: datetime) -> Payment:
    """What follows from success: the link is paid."""
    if payment.link and payment.state in ("succeeded", "authorized"):
        links.paid(store, payment, now)
    return payment


def settle(store: Store, payment: Payment, now: datetime, outcome: str | None = None) -> Payment:
    """A pending result arrives (``outcome`` None: the one that was planned). Raises ``Refusal`` when none is awaited."""
    if payment.state not in ("pending", "expired") or not payment.next_step:
        message = f"The payment is {payment.status}; no result is on its way."
        raise wrong_state(message)
    step = outcome or payment.next_step
    if step in ("succeeds", "late"):
        return finish(store, payments.succeed(store, payment, now), now)
    return payments.fail(store, payment, "bank_transfer_missing", now)


def _later(store: Store, payment: Payment, outcome: str, now: datetime) -> Payment:
    expires_at = now + TOO_LATE if outcome == "late" else None
    return payments.pend(store, payment.but(expires_at=expires_at), outcome, now + LATER, now)


def _check_link(store: Store, payment: Payment) -> None:
    """A one-time link that somebody else paid meanwhile, or that was closed, takes no money any more."""
    if payment.link:
        link = store.get(Link, payment.link)
        if link.status != "active":
            message = f"The link is {link.status}."
            raise wrong_state(message)


def _merged(store: Store, known: JsonObject, given: JsonObject | None, now: datetime) -> dict[str, Json]:
    """The customer with what the payer typed; another e-mail address is another customer."""
    typed = {key: value for key, value in (given or {}).items() if value}
    merged = {**known, **typed}
    if typed.get("email") and typed["email"] != known.get("email"):
        merged.pop("id", None)
    return payments.recognised(store, merged, now)


def _known(value: str, options: Mapping[str, str] | tuple[str, ...], field: str) -> str:
    if value not in options:
        raise Refusal(
            400, "invalid_request", f"Unknown {field}.", (FieldError(field, f"One of {', '.join(options)}."),)
        )
    return value
