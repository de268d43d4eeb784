"""Payment plans: a price at an interval, with versions of the price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.sandbox.server.present import describe
from connectors.sandbox.server.records import Plan, Subscription
from connectors.sandbox.server.refusals import wrong_state
from connectors.sandbox.server.subscriptions import RUNNING

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.sandbox.server.store import Store
    from hub.jsontypes import JsonObject


def create(store: Store, plan: Plan, now: datetime) -> Plan:
    """Keep a new plan."""
    _tell(store, "plan.created", store.add(plan), now, {})
    return plan


def change(  # noqa: PLR0913 (what may change)
    store: Store,
    plan: Plan,
    now: datetime,
    *,
    name: str | None,
    description: str | None,
    amount: int | None,
    move: bool,
) -> Plan:
    """Change name, description or price. Raises ``Refusal`` when it is retired.

    A new price holds for new subscriptions; with ``move`` running ones go to it at their next period.
    """
    if plan.status != "active":
        message = f"The plan is {plan.status}."
        raise wrong_state(message)
    wanted = {"name": name, "description": description, "amount": amount}
    changes = {key: value for key, value in wanted.items() if value is not None and value != getattr(plan, key)}
    before: JsonObject = {key: getattr(plan, key) for key in changes}
    if "amount" in changes:
        changes["version"] = plan.version + 1
    plan = store.save(plan.but(**changes))
    if move:
        for subscription in store.children(Subscription, plan.id):
            if subscription.status in (*RUNNING, "pending") and subscription.amount != plan.amount:
                store.save(subscription.but(next_amount=plan.amount))
    _tell(store, "plan.updated", plan, now, {key: {"from": before[key], "to": getattr(plan, key)} for key in before})
    return plan


def retire(store: Store, plan: Plan, now: datetime) -> Plan:
    """Nobody can start on it any more; running subscriptions go on. Retiring twice changes nothing."""
    if plan.status == "active":
        plan = store.save(plan.but(status="retired"))
        _tell(store, "plan.cancelled", plan, now, {})
    return plan


def _tell(store: Store, kind: str, plan: Plan, now: datetime, changes: JsonObject) -> None:
    store.announce(kind, plan.id, {**describe(plan, store.site), "changes": changes}, now)
