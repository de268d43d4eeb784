"""How the sandbox's API shows its things: JSON with flat amounts (minor units) beside their currency."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from connectors.sandbox.server.records import (
    Dispute,
    Endpoint,
    Hold,
    Link,
    Method,
    Order,
    Payment,
    Payout,
    Plan,
    Record,
    Refund,
    Subscription,
    Transfer,
)
from connectors.sandbox.server.store import stamp
from hub.jsontypes import JsonObject

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.sandbox.server.store import Site
    from hub.jsontypes import Json, JsonObject


# Where `site` is not used: all kinds have one signature.
@singledispatch
def describe(record: Record, site: Site) -> JsonObject:
    """The JSON of a record; addresses are below ``site``."""
    message = f"{type(record).__name__} has no place in the API ({site.base_url})"
    raise TypeError(message)


def _time(moment: datetime | None) -> str | None:
    return stamp(moment) if moment else None


def _head(record: Record) -> dict[str, Json]:
    return {"id": record.id, "object": record.kind, "created": stamp(record.created_at)}


def _order(record: Order) -> dict[str, Json]:
    return {
        "description": record.description,
        "customer": dict(record.customer) or None,
        "references": dict(record.references),
        "metadata": dict(record.metadata),
        "return_url": record.return_url or None,
        "cancel_url": record.cancel_url or None,
    }


def context_of(payment: Payment) -> dict[str, Json]:
    """What an event about a part of a payment says of the payment, so that a receiver need not ask for it."""
    return {
        "payment_metadata": dict(payment.metadata),
        "references": dict(payment.references),
        "customer": dict(payment.customer) or None,
        "link": payment.link or None,
        "subscription": payment.subscription or None,
    }


@describe.register(Payment)
def _payment(record: Payment, site: Site) -> JsonObject:
    payable = record.state in ("created", "failed")
    return {
        **_head(record),
        "status": record.status,
        "amount": record.amount,
        "currency": record.currency,
        "capture": record.capture,
        "captured": record.captured,
        "refunded": record.refunded,
        "disputed": record.disputed,
        "transferred": record.transferred,
        "fee": record.fee,
        "escrow": record.escrow,
        **_order(record),
        "method": dict(record.method) or None,
        "stored_method": record.stored_method or None,
        "failure": {"code": record.failure, "message": record.failure_message} if record.failure else None,
        "link": record.link or None,
        "subscription": record.subscription or None,
        "checkout_url": f"{site.base_url}/pay/{record.id}" if payable else None,
        "next": record.next_step or None,
        "expires_at": _time(record.expires_at),
        "lapses_at": _time(record.lapses_at),
    }


@describe.register(Refund)
def _refund(record: Refund, site: Site) -> JsonObject:  # noqa: ARG001 (all kinds have one signature)
    return {
        **_head(record),
        "status": record.status,
        "payment": record.payment,
        "amount": record.amount,
        "currency": record.currency,
        "total_refunded": record.total_refunded,
        "reason": record.reason or None,
        "failure": record.failure or None,
        "metadata": dict(record.metadata),
    }


@describe.register(Dispute)
def _dispute(record: Dispute, site: Site) -> JsonObject:  # noqa: ARG001
    return {
        **_head(record),
        "status": record.status,
        "payment": record.payment,
        "amount": record.amount,
        "currency": record.currency,
        "reason": record.reason or None,
        "due_at": stamp(record.answer_by),
        "evidence": dict(record.evidence),
    }


@describe.register(Hold)
def _hold(record: Hold, site: Site) -> JsonObject:  # noqa: ARG001
    return {
        **_head(record),
        "status": record.status,
        "payment": record.payment,
        "mode": record.mode,
        "amount": record.amount,
        "currency": record.currency,
        "lapses_at": stamp(record.lapses_at),
        "parts": [dict(part) for part in record.parts],
        "reason": record.reason or None,
    }


@describe.register(Link)
def _link(record: Link, site: Site) -> JsonObject:
    return {
        **_head(record),
        "status": record.status,
        "url": f"{site.base_url}/l/{record.id}",
        "amount": record.amount,
        "currency": record.currency,
        "reusable": record.reusable,
        "payments": record.payments,
        **_order(record),
        "expires_at": _time(record.expires_at),
    }


@describe.register(Plan)
def _plan(record: Plan, site: Site) -> JsonObject:  # noqa: ARG001
    return {
        **_head(record),
        "status": record.status,
        "name": record.name,
        "amount": record.amount,
        "currency": record.currency,
        "interval": record.unit,
        "interval_count": record.count,
        "cycles": record.cycles or None,
        "trial_days": record.trial_days,
        "description": record.description,
        "version": record.version,
        "metadata": dict(record.metadata),
    }


@describe.register(Subscription)
def _subscription(record: Subscription, site: Site) -> JsonObject:
    started = record.period_start and record.period_end
    return {
        **_head(record),
        "status": record.status,
        "plan": record.plan,
        "amount": record.amount * record.quantity,
        "currency": record.currency,
        "quantity": record.quantity,
        "cycle": record.cycle,
        **_order(record),
        "stored_method": record.stored_method or None,
        "period": {"start": _time(record.period_start), "end": _time(record.period_end)} if started else None,
        "next_charge_at": _time(record.charge_at),
        "attempt": record.attempt or None,
        "cancel_at": _time(record.cancel_at),
        "resume_at": _time(record.resume_at),
        "reason": record.reason or None,
        "checkout_url": f"{site.base_url}/pay/{record.id}" if record.status == "pending" else None,
    }


@describe.register(Transfer)
def _transfer(record: Transfer, site: Site) -> JsonObject:  # noqa: ARG001
    return {
        **_head(record),
        "status": record.status,
        "provider": record.provider,
        "payment": record.payment or None,
        "amount": record.amount,
        "reversed": record.reversed,
        "currency": record.currency,
        "description": record.description,
        "metadata": dict(record.metadata),
    }


@describe.register(Payout)
def _payout(record: Payout, site: Site) -> JsonObject:  # noqa: ARG001
    return {
        **_head(record),
        "status": record.status,
        "provider": record.provider,
        "amount": record.amount,
        "currency": record.currency,
        "arrives_at": stamp(record.arrives_at),
        "reason": record.reason or None,
        "description": record.description,
        "metadata": dict(record.metadata),
    }


@describe.register(Method)
def _method(record: Method, site: Site) -> JsonObject:  # noqa: ARG001
    return {**_head(record), "customer": record.customer or None, "behaviour": record.behaviour, **record.card}


@describe.register(Endpoint)
def _endpoint(record: Endpoint, site: Site) -> JsonObject:  # noqa: ARG001
    return {**_head(record), "url": record.url, "events": list(record.events), "enabled": record.enabled}
