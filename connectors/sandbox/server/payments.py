"""What can become of a payment. Each function changes it, moves the money and tells it to the webhooks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from connectors.sandbox.server import holds
from connectors.sandbox.server.present import describe
from connectors.sandbox.server.records import Customer, Method, Payment
from connectors.sandbox.server.refusals import exceeds, wrong_state
from hub.ids import new_id
from hub.money import exponent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.sandbox.server.store import Store
    from hub.jsontypes import Json, JsonObject

PAYER: Final = "payers"
PLATFORM: Final = "platform"
FEES: Final = "fees"
DISPUTED: Final = "disputed"
BANK: Final = "bank"

CARD: Final = {"kind": "card", "brand": "testcard", "last4": "0000", "country": "US"}
BANK_DEBIT: Final = {"kind": "bank", "brand": "testbank", "last4": "0000", "country": "DE"}

DECLINES: Final[Mapping[str, str]] = {
    "card_declined": "The bank declined the payment.",
    "insufficient_funds": "The account does not hold enough money.",
    "expired_card": "The card has expired.",
    "authentication_required": "The bank wants the payer to confirm this payment in person.",
    "fraud_review": "The payment was held back as a possible fraud.",
    "bank_transfer_missing": "The bank transfer did not arrive in time.",
}
"""Why a payment fails, and how the gateway words it."""

RETURN_DELAY: Final = timedelta(days=5)


def fee_for(amount: int, currency: str) -> int:
    """The sandbox's own fee in minor units: 2.9 % rounded half up, plus 30 of the smallest cent-like unit."""
    if amount <= 0:
        return 0
    fixed = 30 * int(10 ** max(exponent(currency) - 2, 0))
    return min(amount, (amount * 29 + 500) // 1000 + fixed)


def provider_account(provider: str) -> str:
    """The name of a provider's account in the postings."""
    return f"provider:{provider}"


def tell(store: Store, kind: str, payment: Payment, now: datetime) -> None:
    """Queue a webhook with the payment as it is now."""
    store.announce(kind, payment.lane, describe(payment, store.site), now)


def create(store: Store, payment: Payment, now: datetime) -> Payment:
    """Keep a new payment, its payer recognised by the e-mail address."""
    payment = store.add(payment.but(customer=recognised(store, payment.customer, now)))
    tell(store, "payment.created", payment, now)
    return payment


def recognised(store: Store, customer: JsonObject, now: datetime) -> dict[str, Json]:
    """The customer with an id: the one given, or the one that this e-mail address always has."""
    known = dict(customer)
    email = str(known.get("email") or "").strip().lower()
    if email and not known.get("id"):
        found = store.by_key(Customer, email)
        found = found or store.add(Customer(id=new_id("cus", now), created_at=now, email=email))
        known["id"] = found.id
    return known


def keep_method(store: Store, payment: Payment, behaviour: str, now: datetime) -> Method:
    """Store the means of payment, so that later payments may charge it."""
    customer = str(payment.customer.get("id") or "")
    return store.add(
        Method(
            id=new_id("mth", now), created_at=now, customer=customer, behaviour=behaviour, card=payment.method or CARD
        )
    )


def succeed(store: Store, payment: Payment, now: datetime) -> Payment:
    """The payer's money is there: take it, or only authorise it when the shop captures by hand."""
    payment = payment.but(failure="", failure_message="", next_step="", next_at=None)
    if payment.capture == "manual":
        lapses_at = now + timedelta(days=payment.authorization_days)
        payment = store.save(payment.but(state="authorized", lapses_at=lapses_at))
        tell(store, "payment.authorized", payment, now)
        holds.open_hold(store, payment, "authorization", payment.amount, lapses_at, now)
        return payment
    payment = _take(store, payment, payment.amount, final=True, now=now)
    tell(store, "payment.succeeded", payment, now)
    if payment.escrow:
        holds.open_hold(store, payment, "collected", payment.amount, now + holds.COLLECTED_FOR, now)
    return payment


def pend(store: Store, payment: Payment, outcome: str, at: datetime, now: datetime) -> Payment:
    """The result comes later: ``outcome`` is succeed or the code of a failure, due ``at``."""
    payment = store.save(
        payment.but(state="pending", method=BANK_DEBIT, next_step=outcome, next_at=at, failure="", failure_message="")
    )
    tell(store, "payment.pending", payment, now)
    return payment


def fail(store: Store, payment: Payment, reason: str, now: datetime) -> Payment:
    """It did not work; the payer may try again until it expires."""
    message = DECLINES.get(reason, "The payment failed.")
    payment = store.save(
        payment.but(state="failed", failure=reason, failure_message=message, next_step="", next_at=None)
    )
    tell(store, "payment.failed", payment, now)
    return payment


def expire(store: Store, payment: Payment, now: datetime) -> Payment:
    """Nobody paid in time. What is still on its way may arrive all the same."""
    payment = store.save(payment.but(state="expired", lapses_at=None))
    tell(store, "payment.expired", payment, now)
    return payment


def capture(store: Store, payment: Payment, amount: int | None, *, final: bool, now: datetime) -> Payment:
    """Take all (``amount`` None) or a part of what was authorised. Raises ``Refusal``."""
    open_for_capture = payment.state == "authorized" or (payment.state == "succeeded" and not payment.capture_closed)
    if not open_for_capture:
        message = f"The payment is {payment.status}; only an authorised payment can be captured."
        raise wrong_state(message)
    left = payment.amount - payment.captured
    amount = left if amount is None else amount
    if amount > left:
        message = f"At most {left} can be captured; {amount} was asked."
        raise exceeds(message)
    first = payment.state == "authorized"
    payment = _take(store, payment, amount, final=final or amount == left, now=now)
    tell(store, "payment.succeeded" if first else "payment.captured", payment, now)
    holds.captured(store, payment, amount, now)
    return payment


def void(store: Store, payment: Payment, now: datetime) -> Payment:
    """Let an authorisation go, or end a payment that nobody paid. Raises ``Refusal``."""
    if payment.state in ("created", "failed", "authorized"):
        payment = store.save(payment.but(state="voided", lapses_at=None))
        tell(store, "payment.voided", payment, now)
    elif payment.state == "succeeded" and not payment.capture_closed:
        payment = store.save(payment.but(capture_closed=True, lapses_at=None))
    else:
        message = f"The payment is {payment.status}; it can only be voided before the money was taken."
        raise wrong_state(message)
    holds.close(store, payment, "voided", now)
    return payment


def schedule_return(store: Store, payment: Payment, now: datetime) -> Payment:
    """Let the payer's bank take the money back in some days."""
    return store.save(payment.but(next_step="return", next_at=now + RETURN_DELAY))


def bring_back(store: Store, payment: Payment, now: datetime) -> Payment:
    """The payer's bank takes the money back after success. Raises ``Refusal`` when there is none."""
    if payment.state != "succeeded" or payment.rest <= 0:
        message = f"The payment is {payment.status}; the bank has nothing to take back."
        raise wrong_state(message)
    store.post(f"{payment.id}:return", payment.currency, {PLATFORM: -payment.rest, PAYER: payment.rest}, now)
    payment = store.save(
        payment.but(
            state="returned",
            failure="insufficient_funds",
            failure_message="The payer's bank took the money back.",
            next_step="",
            next_at=None,
            capture_closed=True,
        )
    )
    holds.close(store, payment, "refunded", now)
    tell(store, "payment.returned", payment, now)
    return payment


def _take(store: Store, payment: Payment, amount: int, *, final: bool, now: datetime) -> Payment:
    captured = payment.captured + amount
    fee = fee_for(captured, payment.currency)
    more_fee = fee - payment.fee
    store.post(
        f"{payment.id}:capture:{captured}",
        payment.currency,
        {PAYER: -amount, PLATFORM: amount - more_fee, FEES: more_fee},
        now,
    )
    return store.save(
        payment.but(
            state="succeeded",
            captured=captured,
            fee=fee,
            capture_closed=final,
            lapses_at=None if final else payment.lapses_at,
        )
    )


def charge(store: Store, payment: Payment, method: Method, now: datetime) -> Payment:
    """Create a payment and charge a stored means without the payer; it ends succeeded, authorized or failed."""
    payment = create(store, payment.but(method=method.card, stored_method=method.id), now)
    if method.behaviour == "succeeds":
        return succeed(store, payment, now)
    return fail(store, payment, method.behaviour, now)
