"""Holds: money set aside, by an authorisation or after it was collected. The parts that payments need."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from connectors.sandbox.server.present import context_of, describe
from connectors.sandbox.server.records import Hold, Payment
from hub.ids import new_id

if TYPE_CHECKING:
    from connectors.sandbox.server.store import Store

COLLECTED_FOR: Final = timedelta(days=90)
"""How long collected money may be held before it falls to the platform."""

ACTIVE: Final = ("held", "frozen")


def tell(store: Store, kind: str, hold: Hold, now: datetime, moved: int | None = None) -> None:
    """Queue a webhook with the hold as it is now; ``moved`` is what it is about, by default all that is held."""
    context = context_of(store.get(Payment, hold.payment))
    data = {**describe(hold, store.site), **context, "moved": hold.amount if moved is None else moved}
    store.announce(kind, hold.payment, data, now)


def open_hold(  # noqa: PLR0913 (the parts of a hold)
    store: Store, payment: Payment, mode: str, amount: int, lapses_at: datetime, now: datetime
) -> Hold:
    """Set the money of a payment aside."""
    hold = Hold(
        id=new_id("hld", now),
        created_at=now,
        payment=payment.id,
        amount=amount,
        currency=payment.currency,
        mode=mode,
        lapses_at=lapses_at,
    )
    store.add(hold)
    tell(store, "hold.created", hold, now)
    return hold


def active(store: Store, payment: str) -> Hold | None:
    """The hold that still keeps money of this payment, if any."""
    return next((hold for hold in store.children(Hold, payment) if hold.status in ACTIVE), None)


def captured(store: Store, payment: Payment, amount: int, now: datetime) -> None:
    """A part of the authorisation was captured: so much less is held."""
    hold = active(store, payment.id)
    if hold is None:
        return
    status = "released" if payment.capture_closed else hold.status
    hold = store.save(hold.but(amount=hold.amount - amount, status=status))
    tell(store, "hold.released", hold, now, amount)


def close(store: Store, payment: Payment, status: str, now: datetime) -> None:
    """Nothing is held any more: the payment was voided, refunded or returned."""
    hold = active(store, payment.id)
    if hold is not None:
        hold = store.save(hold.but(status=status))
        tell(store, f"hold.{status}", hold, now)


def reduce(store: Store, payment: str, amount: int, now: datetime) -> None:
    """A part of collected money went back to the payer."""
    hold = active(store, payment)
    if hold is not None and hold.mode == "collected":
        left = max(hold.amount - amount, 0)
        hold = store.save(hold.but(amount=left, status=hold.status if left else "refunded"))
        tell(store, "hold.reduced" if left else "hold.refunded", hold, now, amount)


def freeze(store: Store, hold: Hold, reason: str, now: datetime) -> Hold:
    """Nothing may be released until it is settled or thawed."""
    hold = store.save(hold.but(status="frozen", reason=reason))
    tell(store, "hold.frozen", hold, now)
    return hold


def thaw(store: Store, payment: str, now: datetime) -> None:
    """A dispute was won: the money may be released again."""
    hold = active(store, payment)
    if hold is not None and hold.status == "frozen":
        hold = store.save(hold.but(status="held", reason=""))
        tell(store, "hold.thawed", hold, now)
