"""Money that leaves the platform: transfers to providers' accounts and payouts to banks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from connectors.sandbox.server import holds
from connectors.sandbox.server.payments import BANK, PLATFORM, provider_account
from connectors.sandbox.server.present import context_of, describe
from connectors.sandbox.server.records import Payment, Payout, Transfer
from connectors.sandbox.server.refusals import Refusal, exceeds, wrong_state
from hub.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.sandbox.server.store import Store
    from hub.jsontypes import JsonObject

TRAVEL_TIME: Final = timedelta(seconds=10)
"""How long a payout is on its way; a real bank takes days."""

RESTRICTED: Final = "_restricted"
"""A provider whose name ends so cannot receive transfers."""
CLOSED: Final = "_closed"
"""A provider whose name ends so has a closed bank account: payouts to it fail."""


def transfer(  # noqa: PLR0913 (the parts of a transfer)
    store: Store,
    provider: str,
    amount: int,
    currency: str,
    now: datetime,
    *,
    payment: Payment | None = None,
    description: str = "",
    metadata: Mapping[str, str] | None = None,
    from_hold: bool = False,
) -> Transfer:
    """Move a share to a provider's account. Raises ``Refusal``.

    With a payment the share comes out of what is left of it; without one out of the platform's balance. Money in a hold
    moves by its release only.
    """
    if provider.endswith(RESTRICTED):
        message = f"The account {provider!r} is restricted and cannot receive money."
        raise Refusal(422, "account_restricted", message)
    if payment is None:
        _check_balance(store, PLATFORM, amount, currency)
    else:
        _check_share(store, payment, amount, currency, from_hold=from_hold)
        store.save(payment.but(transferred=payment.transferred + amount))
    sent = Transfer(
        id=new_id("trf", now),
        created_at=now,
        payment=payment.id if payment else "",
        provider=provider,
        amount=amount,
        currency=currency,
        description=description,
        metadata=metadata or {},
    )
    store.add(sent)
    store.post(sent.id, currency, {PLATFORM: -amount, provider_account(provider): amount}, now)
    _tell(store, "transfer.sent", sent, now)
    return sent


def reverse(store: Store, sent: Transfer, amount: int | None, reason: str, now: datetime) -> Transfer:
    """Take all that is left (``amount`` None) or a part of a transfer back. Raises ``Refusal``."""
    left = sent.amount - sent.reversed
    if left == 0:
        raise wrong_state("The transfer is already reversed in full.")
    amount = left if amount is None else amount
    if amount > left:
        message = f"At most {left} can be taken back; {amount} was asked."
        raise exceeds(message)
    account = provider_account(sent.provider)
    _check_balance(store, account, amount, sent.currency)
    taken = sent.reversed + amount
    sent = store.save(sent.but(reversed=taken, status="reversed" if taken == sent.amount else sent.status))
    if sent.payment:
        payment = store.get(Payment, sent.payment)
        store.save(payment.but(transferred=payment.transferred - amount))
    store.post(f"{sent.id}:reversal:{taken}", sent.currency, {account: -amount, PLATFORM: amount}, now)
    _tell(store, "transfer.reversed", sent, now, moved=amount, reason=reason or None)
    return sent


def payout(  # noqa: PLR0913 (the parts of a payout)
    store: Store,
    provider: str,
    amount: int,
    currency: str,
    now: datetime,
    *,
    destination: JsonObject | None = None,
    description: str = "",
    metadata: Mapping[str, str] | None = None,
) -> Payout:
    """Send money to a bank account. Raises ``Refusal``.

    With a ``destination`` it comes out of the platform's balance, without out of what the provider's account holds.
    """
    source = PLATFORM if destination else provider_account(provider)
    _check_balance(store, source, amount, currency)
    sent = Payout(
        id=new_id("pout", now),
        created_at=now,
        provider=provider,
        amount=amount,
        currency=currency,
        arrives_at=now + TRAVEL_TIME,
        source=source,
        destination=destination or {},
        description=description,
        metadata=metadata or {},
    )
    store.add(sent)
    store.post(sent.id, currency, {source: -amount, BANK: amount}, now)
    _announce_payout(store, "payout.created", sent, now)
    return sent


def arrive(store: Store, sent: Payout, now: datetime, *, failed: bool = False) -> Payout:
    """The bank's answer: paid, or failed and the money is back where it came from."""
    if sent.status != "sent":
        message = f"The payout is {sent.status}."
        raise wrong_state(message)
    if failed or sent.provider.endswith(CLOSED):
        sent = store.save(sent.but(status="failed", reason="account_closed"))
        store.post(f"{sent.id}:failed", sent.currency, {sent.source: sent.amount, BANK: -sent.amount}, now)
        _announce_payout(store, "payout.failed", sent, now)
    else:
        sent = store.save(sent.but(status="paid"))
        _announce_payout(store, "payout.paid", sent, now)
    return sent


def _check_share(store: Store, payment: Payment, amount: int, currency: str, *, from_hold: bool) -> None:
    if payment.state != "succeeded":
        message = f"The payment is {payment.status}; only paid money can be passed on."
        raise wrong_state(message)
    if currency != payment.currency:
        message = f"The payment is in {payment.currency}, the transfer in {currency}."
        raise Refusal(422, "currency_unsupported", message)
    hold = holds.active(store, payment.id)
    if hold is not None and hold.mode == "collected" and not from_hold:
        message = f"The money is held ({hold.id}, {hold.status}); release or settle the hold instead."
        raise wrong_state(message)
    left = payment.rest - payment.transferred
    if amount > left:
        message = f"At most {max(left, 0)} of this payment can be passed on; {amount} was asked."
        raise exceeds(message)


def _check_balance(store: Store, account: str, amount: int, currency: str) -> None:
    balance = store.balance(account, currency)
    if amount > balance:
        whose = "platform" if account == PLATFORM else account.partition(":")[2]
        message = f"The balance of {whose!r} is {max(balance, 0)} {currency}; {amount} was asked."
        raise Refusal(422, "balance_too_low", message)


def _tell(  # noqa: PLR0913 (one line of an event)
    store: Store, kind: str, sent: Transfer, now: datetime, moved: int | None = None, reason: str | None = None
) -> None:
    context = context_of(store.get(Payment, sent.payment)) if sent.payment else {}
    about = {"moved": sent.amount if moved is None else moved, "reason": reason}
    data = {**describe(sent, store.site), **context, **about}
    store.announce(kind, sent.payment or sent.id, data, now)


def _announce_payout(store: Store, kind: str, sent: Payout, now: datetime) -> None:
    store.announce(kind, sent.id, describe(sent, store.site), now)
