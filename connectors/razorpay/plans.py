"""Payment plans. A plan at Razorpay never changes and cannot be deleted: a new one stands in, subscriptions are moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.razorpay.api import Razorpay, amount_of, money_of, object_of, segment, words
from connectors.razorpay.carried import carried
from hub.connect.answers import failure
from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

TRIAL = "hub_trial_days"
CYCLES = "hub_cycles"
"""Razorpay's plans know neither: they travel in the plan's notes and are applied to each subscription."""

PERIODS: Mapping[str, str] = {"day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}
_UNITS: Mapping[str, tuple[str, int]] = {
    "daily": ("day", 1),
    "weekly": ("week", 1),
    "monthly": ("month", 1),
    "quarterly": ("month", 3),
    "yearly": ("year", 1),
}
LEAST_DAYS = 7
"""A daily plan charges every seven days at the most often (Razorpay's page "Plans", parameter ``interval``)."""

_MOVABLE = frozenset({"authenticated", "active"})


def create(call: Call) -> Json:
    """Make a plan (``plan.create``)."""
    given = call.input
    extra: dict[str, Json] = {TRIAL: given.get("trial_days"), CYCLES: given.get("cycles")}
    return output(_make(call, object_of(given["interval"]), given, carried(call, **extra)))


def find_created(call: Call) -> Json | None:
    """The plan that an earlier attempt of this step made."""
    found = Razorpay(call).made_by_this_step("/v1/plans")
    return None if found is None else output(found)


def update(call: Call) -> Json:
    """Make a plan that stands in for another (``plan.update``); running subscriptions move at their next charge if told to.

    A repeat goes on with the plan that the attempt before made, and moves what it left.
    """
    razorpay, given = Razorpay(call), call.input
    old = razorpay.get(f"/v1/plans/{segment(given['plan'])}")
    item, notes = object_of(old.get("item")), object_of(old.get("notes"))
    new = razorpay.made_by_this_step("/v1/plans")
    if new is None:
        terms: JsonObject = {
            "name": given.get("name") or item.get("name"),
            "description": given.get("description") or item.get("description"),
            "price": given.get("price") or money_of(item.get("amount"), item.get("currency")),
        }
        new = _make(call, object_of(_interval(old)), terms, {**notes, **carried(call)})
    if given.get("existing") == "move":
        _move_subscriptions(razorpay, str(old["id"]), str(new["id"]))
    return output(new, replaced=old["id"])


def find_updated(call: Call) -> Json | None:
    """The plan that stands in already; with subscriptions to move, the step goes through them again instead."""
    if call.input.get("existing") == "move":
        return None
    found = Razorpay(call).made_by_this_step("/v1/plans")
    return None if found is None else output(found, replaced=call.input["plan"])


def output(plan: JsonObject, **more: Json) -> JsonObject:
    """A plan as an output."""
    item = object_of(plan.get("item"))
    return {
        "plan": plan.get("id"),
        "status": "active",
        "price": money_of(item.get("amount"), item.get("currency")),
        "interval": _interval(plan),
        "gateway": words(plan),
        **more,
    }


def _make(call: Call, interval: JsonObject, terms: JsonObject, notes: JsonObject) -> JsonObject:
    unit, count = str(interval["unit"]), interval.get("count", 1)
    if unit == "day" and isinstance(count, int) and count < LEAST_DAYS:
        raise failure("bad_input", f"Razorpay charges every {LEAST_DAYS} days at the most often.")
    item = {"name": terms["name"], **amount_of(terms["price"]), "description": terms.get("description")}
    body = {"period": PERIODS[unit], "interval": count, "item": item, "notes": notes}
    return Razorpay(call).post("/v1/plans", body)


def _interval(plan: JsonObject) -> Json:
    unit, times = _UNITS.get(str(plan.get("period")), ("month", 1))
    count = plan.get("interval")
    return {"unit": unit, "count": times * count if isinstance(count, int) else times}


def _move_subscriptions(razorpay: Razorpay, old: str, new: str) -> None:
    """Put every running subscription on the new plan from its next charge on. Those moved are not listed again.

    Razorpay refuses subscriptions that are paid by UPI or a domestic card; they stay as they are.
    """
    for subscription in list(razorpay.listed("/v1/subscriptions", {"plan_id": old})):
        if subscription.get("status") not in _MOVABLE:
            continue
        change: JsonObject = {"plan_id": new, "schedule_change_at": "cycle_end", "customer_notify": False}
        try:
            razorpay.patch(f"/v1/subscriptions/{segment(subscription['id'])}", change)
        except PermanentError as error:
            if error.code != "wrong_state":
                raise
