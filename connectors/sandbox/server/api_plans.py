"""API: plans, subscriptions and stored means of payment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connectors.sandbox.server import checkout, plans, subscriptions
from connectors.sandbox.server.api import Answer, Api, listed, shown
from connectors.sandbox.server.api_payments import read_order
from connectors.sandbox.server.calendar import UNITS
from connectors.sandbox.server.payments import DECLINES
from connectors.sandbox.server.present import describe
from connectors.sandbox.server.records import Method, Plan, Subscription
from connectors.sandbox.server.refusals import wrong_state
from hub.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.sandbox.server.store import Store
    from connectors.sandbox.server.validation import Fields

LONGEST_TRIAL = 730
_LARGEST_DISCOUNT = 10**12
_PERCENT = re.compile(r"[0-9]{1,2}(\.[0-9]{1,2})?")


def register(api: Api) -> None:
    """Add the routes."""
    _plans(api)
    _subscriptions(api)
    _subscription_moves(api)
    _test(api)


def _plans(api: Api) -> None:
    @api.writes("/plans")
    def create(store: Store, fields: Fields, now: datetime) -> Answer:
        name, amount, currency = fields.text("name", required=True, most=120), fields.amount(), fields.currency()
        unit = fields.choice("interval", UNITS, "month")
        count = fields.integer("interval_count", least=1, most=365) or 1
        cycles = fields.integer("cycles", least=1, most=10_000) or 0
        trial_days = fields.integer("trial_days", least=0, most=LONGEST_TRIAL) or 0
        description, metadata = fields.text("description", most=1000), fields.texts("metadata")
        fields.done()
        plan = Plan(
            id=new_id("pln", now),
            created_at=now,
            name=name,
            amount=amount or 0,
            currency=currency,
            unit=unit,
            count=count,
            cycles=cycles,
            trial_days=trial_days,
            description=description,
            metadata=metadata,
        )
        return shown(store, plans.create(store, plan, now), 201)

    @api.reads("/plans")
    def all_plans(store: Store, now: datetime) -> Answer:  # noqa: ARG001 (all handlers get the time)
        return listed(store, Plan)

    @api.reads("/plans/<plan>")
    def one(store: Store, now: datetime, plan: str) -> Answer:  # noqa: ARG001
        return shown(store, store.get(Plan, plan))

    @api.writes("/plans/<plan>")
    def change(store: Store, fields: Fields, now: datetime, plan: str) -> Answer:
        name = fields.text("name", most=120) or None
        description = fields.text("description", most=1000) if fields.has("description") else None
        amount, currency = fields.amount(required=False), fields.currency(required=False)
        existing = fields.choice("existing", ("keep", "move"), "keep")
        found = store.get(Plan, plan)
        if currency and currency != found.currency:
            fields.wrong("currency", f"cannot change: the plan is in {found.currency}")
        metadata = fields.texts("metadata")
        fields.done()
        if metadata:
            found = found.but(metadata={**found.metadata, **metadata})
        move = existing == "move"
        changed = plans.change(store, found, now, name=name, description=description, amount=amount, move=move)
        return shown(store, changed)

    @api.writes("/plans/<plan>/cancel")
    def cancel(store: Store, fields: Fields, now: datetime, plan: str) -> Answer:
        fields.done()
        return shown(store, plans.retire(store, store.get(Plan, plan), now))


def _read_subscription(store: Store, fields: Fields, now: datetime) -> tuple[Subscription, str]:
    values = read_order(fields)
    plan_id, method = fields.text("plan", required=True), fields.text("method")
    quantity = fields.integer("quantity", least=1, most=10_000) or 1
    trial_days = fields.integer("trial_days", least=0, most=LONGEST_TRIAL)
    start_at = fields.time("start_at")
    discount = _read_discount(fields)
    fields.done()
    plan = store.get(Plan, plan_id)
    if plan.status != "active":
        message = f"The plan is {plan.status}; nobody can start on it."
        raise wrong_state(message)
    subscription = Subscription(
        id=new_id("sub", now),
        created_at=now,
        plan=plan.id,
        amount=plan.amount,
        currency=plan.currency,
        unit=plan.unit,
        count=plan.count,
        cycles=plan.cycles,
        trial_days=plan.trial_days if trial_days is None else trial_days,
        start_at=start_at,
        quantity=quantity,
        **discount,  # type: ignore[arg-type]
        **{**values, "description": values["description"] or plan.name},  # type: ignore[arg-type]
    )
    return subscription, method


def _read_discount(fields: Fields) -> dict[str, str | int]:
    """``{percent: "20"}`` or ``{amount: 500}`` in minor units, each with ``cycles`` where it ends."""
    given = fields.object("discount")
    if given is None:
        return {}
    percent, amount = given.text("percent", most=5), given.integer("amount", least=1, most=_LARGEST_DISCOUNT)
    cycles = given.integer("cycles", least=1, most=1_200)
    if bool(percent) == (amount is not None) or not (not percent or _PERCENT.fullmatch(percent)):
        given.wrong("percent", 'Give percent, such as "12.5", or amount.')
    return {"off_percent": percent, "off_amount": amount or 0, "off_left": cycles or -1}


def _subscriptions(api: Api) -> None:
    @api.writes("/subscriptions")
    def create(store: Store, fields: Fields, now: datetime) -> Answer:
        subscription, method = _read_subscription(store, fields, now)
        subscription = subscriptions.create(store, subscription, now)
        if not method:
            return shown(store, subscription, 201)
        subscription, payment = subscriptions.begin(store, subscription, store.get(Method, method), now)
        if payment is None or payment.state != "failed":
            return shown(store, subscription, 201)
        error = {"code": payment.failure, "message": payment.failure_message}
        return Answer({"error": error, "subscription": describe(subscription, store.site)}, 402)

    @api.reads("/subscriptions")
    def all_subscriptions(store: Store, now: datetime) -> Answer:  # noqa: ARG001
        return listed(store, Subscription)

    @api.reads("/subscriptions/<subscription>")
    def one(store: Store, now: datetime, subscription: str) -> Answer:  # noqa: ARG001
        return shown(store, store.get(Subscription, subscription))

    @api.writes("/subscriptions/<subscription>")
    def change(store: Store, fields: Fields, now: datetime, subscription: str) -> Answer:
        plan, method = fields.text("plan"), fields.text("method")
        quantity = fields.integer("quantity", least=1, most=10_000)
        prorate = fields.choice("prorate", ("none", "now", "next_period"), "next_period")
        metadata = fields.texts("metadata")
        fields.done()
        found = store.get(Subscription, subscription)
        changed = subscriptions.change(
            store,
            found.but(metadata={**found.metadata, **metadata}),
            now,
            plan=store.get(Plan, plan) if plan else None,
            quantity=quantity,
            method=store.get(Method, method) if method else None,
            prorate=prorate,
        )
        return shown(store, changed)


def _subscription_moves(api: Api) -> None:
    @api.writes("/subscriptions/<subscription>/pause")
    def pause(store: Store, fields: Fields, now: datetime, subscription: str) -> Answer:
        until = fields.time("until")
        fields.text("reason")
        if until is not None and until <= now:
            fields.wrong("until", "lies in the past")
        fields.done()
        return shown(store, subscriptions.pause(store, store.get(Subscription, subscription), until, now))

    @api.writes("/subscriptions/<subscription>/resume")
    def resume(store: Store, fields: Fields, now: datetime, subscription: str) -> Answer:
        fields.done()
        return shown(store, subscriptions.resume(store, store.get(Subscription, subscription), now))

    @api.writes("/subscriptions/<subscription>/cancel")
    def cancel(store: Store, fields: Fields, now: datetime, subscription: str) -> Answer:
        at_period_end = fields.choice("at", ("now", "period_end"), "period_end") == "period_end"
        reason = fields.text("reason", most=1000)
        fields.done()
        found = store.get(Subscription, subscription)
        return shown(store, subscriptions.cancel(store, found, now, at_period_end=at_period_end, reason=reason))


def _test(api: Api) -> None:
    @api.writes("/test/subscriptions/<subscription>/choose")
    def choose(store: Store, fields: Fields, now: datetime, subscription: str) -> Answer:
        choice = fields.choice("choice", ("pay", "pay_once", "decline"), "pay")
        reason = fields.choice("reason", tuple(DECLINES), "card_declined")
        fields.done()
        found = store.get(Subscription, subscription)
        started, _ = checkout.agree(store, found, choice, now, reason=reason)
        return shown(store, started)

    @api.writes("/test/methods/<method>")
    def behave(store: Store, fields: Fields, now: datetime, method: str) -> Answer:  # noqa: ARG001
        behaviour = fields.choice("behaviour", ("succeeds", *DECLINES), "succeeds")
        fields.done()
        return shown(store, store.save(store.get(Method, method).but(behaviour=behaviour)))

    @api.reads("/methods/<method>")
    def one(store: Store, now: datetime, method: str) -> Answer:  # noqa: ARG001
        return shown(store, store.get(Method, method))
