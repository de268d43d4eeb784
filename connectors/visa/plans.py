"""Payment plans of Recurring Billing (``/rbs/v1/plans``). Visa keeps the clock.

Sources: the SDK's models and samples of plans, 0.0.80. Numbers travel as text. Plans have no trial and no metadata of their
own: the free days travel in the plan's code and become the start of each subscription.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.visa.api import Visa, decimal, money_json, object_of, objects_of, segment, words
from hub.connect.answers import failure
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

PATH = "/rbs/v1/plans"
_UNITS: Mapping[str, str] = {"day": "D", "week": "W", "month": "M", "year": "Y"}
_NAMES: Mapping[str, str] = {unit: name for name, unit in _UNITS.items()}


def create(call: Call) -> Json:
    """Make a plan (``plan.create``), active at once."""
    given, interval = call.input, cast("JsonObject", call.input["interval"])
    price = Money.from_json(given["price"])
    cycles = given.get("cycles")
    body: JsonObject = {
        "planInformation": {
            "code": _code(call),
            "name": given["name"],
            "description": given.get("description"),
            "status": "ACTIVE",
            "billingPeriod": {"length": str(interval.get("count", 1)), "unit": _UNITS[str(interval["unit"])]},
            "billingCycles": {"total": str(cycles)} if cycles else None,
        },
        "orderInformation": {"amountDetails": {"currency": price.currency, "billingAmount": decimal(given["price"])}},
    }
    made = Visa(call).write("POST", PATH, body)
    return {
        "plan": made.get("id"),
        "status": "active",
        "price": given["price"],
        "interval": {"unit": interval["unit"], "count": interval.get("count", 1)},
        "gateway": words(made, code=_code(call)),
    }


def find_created(call: Call) -> Json:
    """The plan that this step made, by its code; None when there is none."""
    code = _code(call)
    listed = objects_of(Visa(call).get(PATH, {"code": code, "limit": "1"}).get("plans"))
    found = [one for one in listed if object_of(one.get("planInformation")).get("code") == code]
    return output(found[0]) if found else None


def update(call: Call) -> Json:
    """Rename or reprice a plan (``plan.update``); a new price counts for all subscriptions or for new ones."""
    visa, given = Visa(call), call.input
    path = f"{PATH}/{segment(given['plan'])}"
    before = visa.get(path)
    details = object_of(object_of(before.get("orderInformation")).get("amountDetails"))
    body: dict[str, Json] = {}
    named = {name: given[name] for name in ("name", "description") if name in given}
    if named:
        body["planInformation"] = named
    if "price" in given:
        price = Money.from_json(given["price"])
        if price.currency != details.get("currency"):
            message = f"A plan of Visa keeps its currency, {details.get('currency')}. Make a new plan."
            raise failure("invalid_request", message)
        body["orderInformation"] = {"amountDetails": {"billingAmount": decimal(given["price"])}}
        applies_to = "ALL" if given.get("existing") == "move" else "NEW"
        body["processingInformation"] = {"subscriptionBillingOptions": {"applyTo": applies_to}}
    if body:
        visa.write("PATCH", path, body, repeatable=True)
    return output(visa.get(path))


def cancel(call: Call) -> Json:
    """Nobody can start on the plan any more (``plan.cancel``); running subscriptions go on."""
    visa = Visa(call)
    path = f"{PATH}/{segment(call.input['plan'])}"
    plan = visa.get(path)
    if object_of(plan.get("planInformation")).get("status") != "INACTIVE":
        visa.write("POST", f"{path}/deactivate", repeatable=True)
        plan = visa.get(path)
    return output(plan)


def output(plan: JsonObject) -> JsonObject:
    """A plan as actions give it."""
    information = object_of(plan.get("planInformation"))
    return {
        "plan": plan.get("id"),
        "status": "retired" if information.get("status") == "INACTIVE" else "active",
        "price": price_of(plan),
        "interval": _interval(object_of(information.get("billingPeriod"))),
        "gateway": words(plan, status=information.get("status"), code=information.get("code")),
    }


def price_of(plan: JsonObject) -> Json:
    """What one period costs."""
    details = object_of(object_of(plan.get("orderInformation")).get("amountDetails"))
    return money_json(details.get("billingAmount"), details.get("currency"))


def trial_of(plan: JsonObject) -> int:
    """The plan's free days, which its code carries."""
    code = str(object_of(plan.get("planInformation")).get("code") or "")
    days = code.rpartition("T")[2]
    return int(days) if "T" in code and days.isdigit() else 0


def _interval(period: JsonObject) -> Json:
    unit = _NAMES.get(str(period.get("unit")))
    length = str(period.get("length") or "1")
    return {"unit": unit, "count": int(length)} if unit and length.isdigit() else None


def _code(call: Call) -> str:
    days = call.input.get("trial_days")
    return f"{call.reference}{f'T{days}' if days else ''}"
