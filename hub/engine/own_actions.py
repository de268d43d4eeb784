"""What the hub does itself: the actions of its built-in connectors, its timers, and what follows from events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.commerce import (
    access,
    catalogue_items,
    form_actions,
    invoice_payments,
    invoices,
    job_giving,
    job_payments,
    jobs,
    link_batches,
    link_payments,
    links,
    order_payments,
    orders,
    providers,
    submissions,
)
from hub.engine import api_answers, debits, outgoing
from hub.payments import (
    accounting,
    billing,
    coupons,
    escrow,
    histories,
    payout_runs,
    payout_watch,
    payouts,
    receipts,
    reconciliation,
    refunds,
    splits,
    standing,
    statements,
    taking_back,
)
from hub.payments import projection as payments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.office import Action, Projection, Timer

ACTIONS: Final[Mapping[str, Mapping[str, Action]]] = {
    "access": access.ACTIONS,
    "catalogue": catalogue_items.ACTIONS,
    "coupons": coupons.ACTIONS,
    "forms": form_actions.ACTIONS,
    "invoices": invoices.ACTIONS,
    "links": links.ACTIONS,
    "jobs": {**jobs.ACTIONS, **job_giving.ACTIONS},
    "orders": orders.ACTIONS,
    "payments": {
        **splits.ACTIONS,
        **refunds.ACTIONS,
        **escrow.ACTIONS,
        **payout_runs.ACTIONS,
        **statements.ACTIONS,
        **receipts.ACTIONS,
        **standing.ACTIONS,
    },
    "providers": providers.ACTIONS,
}
"""Connector -> action -> what does it. Their manifests say ``by_hub: true``; a test holds both together."""

TIMERS: Final[Mapping[str, Timer]] = {
    **access.TIMERS,
    **api_answers.TIMERS,
    **catalogue_items.TIMERS,
    **debits.TIMERS,
    **escrow.TIMERS,
    **invoices.TIMERS,
    **job_giving.TIMERS,
    **job_payments.TIMERS,
    **jobs.TIMERS,
    **link_batches.TIMERS,
    **links.TIMERS,
    **orders.TIMERS,
    **outgoing.TIMERS,
    **order_payments.TIMERS,
    **payout_watch.TIMERS,
    **payouts.TIMERS,
    **providers.TIMERS,
    **reconciliation.TIMERS,
    **refunds.TIMERS,
    **splits.TIMERS,
    **taking_back.TIMERS,
}
"""Kind of timer (``orders.expire``) -> what is done for its subject when it is due."""

PROJECTIONS: Final[Sequence[Projection]] = (
    payments.project,
    billing.project,
    histories.project,
    order_payments.project,
    invoice_payments.project,
    link_payments.project,
    submissions.project,
    accounting.project,
    escrow.project,
    payouts.project,
    refunds.project,
    taking_back.project,
    job_payments.project,
    outgoing.project,
)
"""In this order, for each batch of new events."""
