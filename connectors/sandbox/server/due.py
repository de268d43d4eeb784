"""Everything that happens by itself when its time comes, in the order of the times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.sandbox.server import checkout, escrow, links, moves, payments, returns, subscriptions
from connectors.sandbox.server.records import Dispute, Hold, Link, Payment, Payout, Subscription

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.sandbox.server.store import Store


def run_due(store: Store, until: datetime) -> int:
    """Do what is due up to ``until``, each at its own time, oldest first; gives how many things were done."""
    done = 0
    while (first := store.next_due()) is not None and first[0] <= until:
        at, kind, identifier = first
        _do(store, kind, identifier, at)
        done += 1
    return done


def _do(store: Store, kind: str, identifier: str, now: datetime) -> None:
    match kind:
        case Payment.kind:
            _payment(store, store.get(Payment, identifier), now)
        case Hold.kind:
            escrow.lapse(store, store.get(Hold, identifier), now)
        case Link.kind:
            links.expire(store, store.get(Link, identifier), now)
        case Subscription.kind:
            subscriptions.due(store, store.get(Subscription, identifier), now)
        case Payout.kind:
            moves.arrive(store, store.get(Payout, identifier), now)
        case Dispute.kind:
            returns.close_dispute(store, store.get(Dispute, identifier), "lost", now)
        case _:
            message = f"nothing is ever due for a {kind}"
            raise ValueError(message)


def _payment(store: Store, payment: Payment, now: datetime) -> None:
    if payment.next_at is not None and payment.next_at <= payment.due_at:  # type: ignore[operator]
        if payment.next_step != "return":
            checkout.settle(store, payment, now)
        elif payment.state == "succeeded" and payment.rest > 0:
            payments.bring_back(store, payment, now)
        else:
            store.save(payment.but(next_step="", next_at=None))
    else:
        payments.expire(store, payment, now)
