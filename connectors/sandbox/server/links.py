"""Payment links: an address that can be sent to somebody, who pays there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.sandbox.server import payments
from connectors.sandbox.server.present import describe
from connectors.sandbox.server.records import Link, Payment
from connectors.sandbox.server.refusals import wrong_state
from hub.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.sandbox.server.store import Store


def create(store: Store, link: Link, now: datetime) -> Link:
    """Keep a new link, its recipient recognised by the e-mail address."""
    link = store.add(link.but(customer=payments.recognised(store, link.customer, now)))
    _tell(store, "link.created", link, now)
    return link


def start(store: Store, link: Link, now: datetime) -> Payment:
    """The visitor goes on to pay: the payment to pay, the one already open where the link takes only one.

    Raises ``Refusal`` when the link is closed.
    """
    if link.status != "active":
        message = f"The link is {link.status}."
        raise wrong_state(message)
    if not link.opened:
        link = store.save(link.but(opened=True))
        _tell(store, "link.opened", link, now)
    if not link.reusable:
        for earlier in store.children(Payment, link.id):
            if earlier.state in ("created", "failed", "pending"):
                return earlier
    payment = Payment(
        id=new_id("pay", now),
        created_at=now,
        amount=link.amount,
        currency=link.currency,
        description=link.description,
        customer=link.customer,
        references=link.references,
        metadata=link.metadata,
        return_url=link.return_url,
        cancel_url=link.cancel_url,
        link=link.id,
    )
    return payments.create(store, payment, now)


def paid(store: Store, payment: Payment, now: datetime) -> None:
    """A payment of a link succeeded: one-time links are done."""
    link = store.get(Link, payment.link)
    status = "paid" if not link.reusable and link.status in ("active", "expired") else link.status
    link = store.save(link.but(status=status, payments=link.payments + 1))
    _tell(store, "link.paid", link, now, payment=payment.id)


def cancel(store: Store, link: Link, now: datetime) -> Link:
    """Nobody can pay on it any more. Cancelling twice changes nothing. Raises ``Refusal`` when it is paid or expired."""
    if link.status == "cancelled":
        return link
    return _close(store, link, "cancelled", now)


def expire(store: Store, link: Link, now: datetime) -> Link:
    """Its time is over."""
    return _close(store, link, "expired", now)


def _close(store: Store, link: Link, status: str, now: datetime) -> Link:
    if link.status != "active":
        message = f"The link is {link.status}."
        raise wrong_state(message)
    link = store.save(link.but(status=status))
    _tell(store, f"link.{status}", link, now)
    for payment in store.children(Payment, link.id):
        if payment.state in ("created", "failed"):
            payments.expire(store, payment, now)
    return link


def _tell(store: Store, kind: str, link: Link, now: datetime, payment: str | None = None) -> None:
    store.announce(kind, payment or link.id, {**describe(link, store.site), "payment": payment}, now)
