"""Payment plans: a product of the catalogue with a plan on it. A plan's interval, currency and length never change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.paypal.api import PayPal, amount_of, list_of, money_of, object_of, segment, words
from hub.connect.answers import failure
from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

LONGEST_TEXT = 127
_LONGEST_INTERVAL: Mapping[str, int] = {"day": 365, "week": 52, "month": 12, "year": 1}
"""The longest interval of each unit (subscriptions v1, ``frequency``)."""


def create(call: Call) -> Json:
    """Make a product and a plan on it (``plan.create``)."""
    paypal, given = PayPal(call), call.input
    options = object_of(given.get("options"))
    cycles = _cycles(given)
    product_id = options.get("product")
    if not product_id:
        kind = str(options.get("product_type") or "service").upper()
        product = {"name": given["name"], "description": _short(given.get("description")), "type": kind}
        product_id = paypal.post("/v1/catalogs/products", product, part="product")["id"]
    fee = options.get("setup_fee")
    plan = {
        "product_id": product_id,
        "name": given["name"],
        "description": _short(given.get("description")),
        "status": "ACTIVE",
        "billing_cycles": cycles,
        "payment_preferences": {
            "auto_bill_outstanding": True,
            "setup_fee": amount_of(fee) if fee else None,
            "setup_fee_failure_action": "CANCEL" if fee else None,
            "payment_failure_threshold": options.get("failures_before_pause", 3),
        },
        "quantity_supported": True,
    }
    return output(paypal.post("/v1/billing/plans", plan))


def update(call: Call) -> Json:
    """Rename a plan, or change its price (``plan.update``).

    PayPal changes a plan's price for running subscriptions too. So that they can stay at the old one, a new plan on the same
    product stands in and the old one is closed; ``existing: move`` changes the plan itself.
    """
    paypal, given = PayPal(call), call.input
    path = f"/v1/billing/plans/{segment(given['plan'])}"
    plan = paypal.get(path)
    changes = {name: _short(given.get(name)) for name in ("name", "description") if given.get(name)}
    moved = given.get("existing") == "move"
    reprices = "price" in given and given["price"] != price_of(plan)
    if reprices and not moved:
        return _replaced(paypal, plan, {**changes, "price": given["price"]})
    if changes:
        paypal.patch(path, changes)
    if reprices:
        new: JsonObject = {
            "billing_cycle_sequence": regular_cycle(plan).get("sequence"),
            "pricing_scheme": {"fixed_price": amount_of(given["price"])},
        }
        paypal.post(f"{path}/update-pricing-schemes", {"pricing_schemes": [new]})
    return output(paypal.get(path))


def cancel(call: Call) -> Json:
    """Close a plan: nobody can start on it, running subscriptions go on (``plan.cancel``)."""
    paypal = PayPal(call)
    path = f"/v1/billing/plans/{segment(call.input['plan'])}"
    close(paypal, path)
    return output(paypal.get(path))


def close(paypal: PayPal, path: str) -> None:
    """Deactivate a plan; one that is inactive already is left so."""
    try:
        paypal.post(f"{path}/deactivate", None)
    except PermanentError as error:
        if error.code != "wrong_state" or paypal.get(path).get("status") != "INACTIVE":
            raise


def regular_cycle(plan: JsonObject) -> JsonObject:
    """A plan's cycle that is charged regularly, after the trials."""
    cycles = list_of(plan.get("billing_cycles"))
    return next((one for one in cycles if one.get("tenure_type") == "REGULAR"), {})


def price_of(plan: JsonObject) -> Json:
    """What a plan's regular cycle costs."""
    return money_of(object_of(regular_cycle(plan).get("pricing_scheme")).get("fixed_price"))


def output(plan: JsonObject, **more: Json) -> JsonObject:
    """A plan of PayPal's as a plan of ours."""
    frequency = object_of(regular_cycle(plan).get("frequency"))
    unit = str(frequency.get("interval_unit") or "").lower()
    return {
        "plan": plan.get("id"),
        "status": "retired" if plan.get("status") == "INACTIVE" else "active",
        "price": price_of(plan),
        "interval": {"unit": unit, "count": frequency.get("interval_count", 1)} if unit else None,
        "gateway": words(plan, product=plan.get("product_id")),
        **more,
    }


def _replaced(paypal: PayPal, old: JsonObject, changes: JsonObject) -> JsonObject:
    cycles = [
        {**one, "pricing_scheme": {"fixed_price": amount_of(changes["price"])}}
        if one.get("tenure_type") == "REGULAR"
        else one
        for one in list_of(old.get("billing_cycles"))
    ]
    kept = ("product_id", "name", "description", "payment_preferences", "taxes", "quantity_supported")
    plan: dict[str, Json] = {name: old.get(name) for name in kept}
    plan |= {name: value for name, value in changes.items() if name != "price"}
    plan |= {"status": "ACTIVE", "billing_cycles": [_plain(one) for one in cycles]}
    new = paypal.post("/v1/billing/plans", plan)
    close(paypal, f"/v1/billing/plans/{segment(old.get('id'))}")
    return output(new, replaced=old.get("id"))


def _plain(cycle: JsonObject) -> JsonObject:
    """A cycle without what PayPal adds to it."""
    price = object_of(cycle.get("pricing_scheme")).get("fixed_price")
    kept = ("frequency", "tenure_type", "sequence", "total_cycles")
    return {
        **{name: cycle[name] for name in kept if name in cycle},
        "pricing_scheme": {"fixed_price": price} if price else None,
    }


def _cycles(given: JsonObject) -> Json:
    interval = object_of(given["interval"])
    unit, count = str(interval["unit"]), interval.get("count", 1)
    if isinstance(count, int) and count > _LONGEST_INTERVAL[unit]:
        raise failure(
            "bad_input", f"PayPal charges at most every {_LONGEST_INTERVAL[unit]} {unit}s, not every {count}."
        )
    days = given.get("trial_days") or 0
    cycles: list[Json] = []
    if isinstance(days, int) and days > 0:
        if days > _LONGEST_INTERVAL["day"]:
            raise failure("bad_input", f"A trial at PayPal lasts 365 days at most, not {days}.")
        trial: JsonObject = {
            "frequency": {"interval_unit": "DAY", "interval_count": days},
            "tenure_type": "TRIAL",
            "sequence": 1,
            "total_cycles": 1,
        }
        cycles.append(trial)
    regular: JsonObject = {
        "frequency": {"interval_unit": unit.upper(), "interval_count": count},
        "tenure_type": "REGULAR",
        "sequence": len(cycles) + 1,
        "total_cycles": given.get("cycles", 0),
        "pricing_scheme": {"fixed_price": amount_of(given["price"])},
    }
    return [*cycles, regular]


def _short(text: Json) -> Json:
    return text[:LONGEST_TEXT] if isinstance(text, str) and text else None
