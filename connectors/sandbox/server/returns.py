"""Money that goes back to the payer: refunds and disputes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from connectors.sandbox.server import holds
from connectors.sandbox.server.payments import DISPUTED, PAYER, PLATFORM
from connectors.sandbox.server.present import context_of, describe
from connectors.sandbox.server.records import Dispute, Payment, Refund
from connectors.sandbox.server.refusals import Refusal, exceeds, wrong_state
from hub.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.sandbox.server.store import Store

ANSWER_WITHIN: Final = timedelta(days=14)
OPEN: Final = ("opened", "answered")


def refund(  # noqa: PLR0913 (the parts of a refund)
    store: Store,
    payment: Payment,
    amount: int | None,
    now: datetime,
    *,
    reason: str = "",
    metadata: Mapping[str, str] | None = None,
) -> Refund:
    """Give all that is left (``amount`` None) or a part back. Raises ``Refusal``."""
    if payment.state != "succeeded":
        message = f"The payment is {payment.status}; only a paid one can be refunded."
        raise wrong_state(message)
    if payment.captured == payment.refunded:
        raise Refusal(409, "already_refunded", "The payment is already refunded in full.")
    amount = payment.rest if amount is None else amount
    if amount > payment.rest or amount == 0:
        message = f"At most {payment.rest} can be refunded; {amount} was asked."
        raise exceeds(message)
    payment = store.save(payment.but(refunded=payment.refunded + amount))
    done = Refund(
        id=new_id("ref", now),
        created_at=now,
        payment=payment.id,
        amount=amount,
        currency=payment.currency,
        total_refunded=payment.refunded,
        reason=reason,
        metadata=metadata or {},
    )
    store.add(done)
    store.post(done.id, payment.currency, {PLATFORM: -amount, PAYER: amount}, now)
    _tell_refund(store, "refund.issued", done, payment, now)
    holds.reduce(store, payment.id, amount, now)
    return done


def fail_refund(store: Store, done: Refund, now: datetime) -> Refund:
    """The payer's bank refuses the refund: the money is back with the platform. Raises ``Refusal``."""
    if done.status != "issued":
        message = f"The refund is {done.status}."
        raise wrong_state(message)
    payment = store.get(Payment, done.payment)
    payment = store.save(payment.but(refunded=payment.refunded - done.amount))
    done = store.save(done.but(status="failed", failure="account_closed", total_refunded=payment.refunded))
    store.post(f"{done.id}:failed", done.currency, {PLATFORM: done.amount, PAYER: -done.amount}, now)
    _tell_refund(store, "refund.failed", done, payment, now)
    return done


def open_dispute(store: Store, payment: Payment, reason: str, now: datetime) -> Dispute:
    """The payer asks the bank for what is left of the payment. Raises ``Refusal``."""
    if payment.state != "succeeded" or payment.rest <= 0:
        message = f"The payment is {payment.status}; there is nothing to dispute."
        raise wrong_state(message)
    dispute = Dispute(
        id=new_id("dis", now),
        created_at=now,
        payment=payment.id,
        amount=payment.rest,
        currency=payment.currency,
        answer_by=now + ANSWER_WITHIN,
        reason=reason,
    )
    store.add(dispute)
    payment = store.save(payment.but(disputed=payment.disputed + dispute.amount))
    store.post(dispute.id, dispute.currency, {PLATFORM: -dispute.amount, DISPUTED: dispute.amount}, now)
    _tell_dispute(store, "dispute.opened", dispute, payment, now)
    hold = holds.active(store, payment.id)
    if hold is not None and hold.status == "held":
        holds.freeze(store, hold, "dispute", now)
    return dispute


def answer(  # noqa: PLR0913 (an answer's parts)
    store: Store, dispute: Dispute, evidence: Mapping[str, str], now: datetime, *, accept: bool, submit: bool
) -> Dispute:
    """Send evidence, save it as a draft, or accept the loss. Raises ``Refusal``."""
    if dispute.status == "answered":
        raise wrong_state("The dispute is already answered.")
    if dispute.status != "opened":
        raise Refusal(409, "window_closed", f"The dispute is closed: {dispute.status}.")
    if accept:
        return close_dispute(store, dispute, "accepted", now)
    dispute = dispute.but(evidence={**dispute.evidence, **evidence})
    return store.save(dispute.but(status="answered") if submit else dispute)


def close_dispute(store: Store, dispute: Dispute, outcome: str, now: datetime) -> Dispute:
    """Decide it: ``outcome`` is won (the money comes back), lost or accepted (it goes to the payer)."""
    if dispute.status not in OPEN:
        message = f"The dispute is closed: {dispute.status}."
        raise wrong_state(message)
    payment = store.get(Payment, dispute.payment)
    dispute = store.save(dispute.but(status=outcome))
    won = outcome == "won"
    if won:
        payment = store.save(payment.but(disputed=payment.disputed - dispute.amount))
    receiver = PLATFORM if won else PAYER
    store.post(f"{dispute.id}:closed", dispute.currency, {DISPUTED: -dispute.amount, receiver: dispute.amount}, now)
    _tell_dispute(store, "dispute.closed", dispute, payment, now)
    if won:
        holds.thaw(store, payment.id, now)
    else:
        holds.reduce(store, payment.id, dispute.amount, now)
    return dispute


def _tell_refund(store: Store, kind: str, done: Refund, payment: Payment, now: datetime) -> None:
    store.announce(kind, payment.lane, {**describe(done, store.site), **context_of(payment)}, now)


def _tell_dispute(store: Store, kind: str, dispute: Dispute, payment: Payment, now: datetime) -> None:
    store.announce(kind, payment.lane, {**describe(dispute, store.site), **context_of(payment)}, now)
