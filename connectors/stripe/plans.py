"""Payment plans: a product with a recurring price. A price's amount and interval never change; a new price stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.stripe.api import Stripe, amount_form, id_of, money_of, object_of, segment, words
from connectors.stripe.carried import carried
from hub.connect.answers import failure

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

TRIAL = "hub_trial_days"
"""Prices have no trial of their own: the plan's trial travels in its metadata and is applied to each subscription."""


def create(call: Call) -> Json:
    """Make a product and its recurring price (``plan.create``)."""
    stripe, given = Stripe(call), call.input
    if "cycles" in given:
        message = "Stripe's plans go on until they are cancelled; they take no number of charges."
        raise failure("bad_input", f"{message} Leave cycles out and cancel the subscription after the last renewal.")
    options = cast("JsonObject", given.get("options") or {})
    product_form = {"name": given["name"], "description": given.get("description")}
    product = stripe.post("/v1/products", product_form, part="product")
    metadata = carried(given)
    if given.get("trial_days"):
        metadata[TRIAL] = str(given["trial_days"])
    form = {
        **_price_form(given["price"], cast("JsonObject", given["interval"])),
        "product": product["id"],
        "nickname": given["name"],
        "lookup_key": options.get("lookup_key"),
        "metadata": metadata,
    }
    return output(stripe.post("/v1/prices", form))


def update(call: Call) -> Json:
    """Rename a plan, or replace its price (``plan.update``): the old price is closed, subscriptions move if told to."""
    stripe, given = Stripe(call), call.input
    old = stripe.get(f"/v1/prices/{segment(given['plan'])}", {"expand": ["product"]})
    product = object_of(old.get("product"))
    if "name" in given or "description" in given:
        form = {"name": given.get("name"), "description": given.get("description")}
        stripe.post(f"/v1/products/{segment(product.get('id'))}", form, part="product")
    if "price" not in given or given["price"] == _price(old):
        form = {"nickname": given.get("name"), "metadata": given.get("metadata")}
        return output(stripe.post(f"/v1/prices/{segment(old['id'])}", form))
    return _replaced(call, stripe, old, product)


def cancel(call: Call) -> Json:
    """Close the price: nobody can start on it, running subscriptions go on (``plan.cancel``)."""
    stripe = Stripe(call)
    return output(stripe.post(f"/v1/prices/{segment(call.input['plan'])}", {"active": False}))


def output(price: JsonObject, **more: Json) -> JsonObject:
    """A price as a plan."""
    return {
        "plan": price.get("id"),
        "status": "active" if price.get("active", True) else "retired",
        "price": _price(price),
        "interval": _interval(price),
        "gateway": words(price),
        **more,
    }


def _replaced(call: Call, stripe: Stripe, old: JsonObject, product: JsonObject) -> JsonObject:
    given = call.input
    form = {
        **_price_form(given["price"], cast("JsonObject", _interval(old))),
        "product": product.get("id"),
        "nickname": given.get("name") or old.get("nickname"),
        "metadata": {**object_of(old.get("metadata")), **object_of(given.get("metadata"))},
    }
    new = stripe.post("/v1/prices", form)
    if old.get("lookup_key"):
        # Apart from the making: a repeat finds the old price without its key, and must send the same as before.
        moved = {"lookup_key": old["lookup_key"], "transfer_lookup_key": True}
        stripe.post(f"/v1/prices/{segment(new['id'])}", moved, part="lookup")
    if id_of(product.get("default_price")) == old["id"]:
        # Stripe refuses to close a product's default price.
        default = {"default_price": new["id"]}
        stripe.post(f"/v1/products/{segment(product.get('id'))}", default, part="default")
    if given.get("existing") == "move":
        _move_subscriptions(stripe, str(old["id"]), str(new["id"]))
    stripe.post(f"/v1/prices/{segment(old['id'])}", {"active": False}, part="close")
    return output(new, replaced=old["id"])


def _move_subscriptions(stripe: Stripe, old: str, new: str) -> None:
    """Put every running subscription on the new price from its next period on. Those moved already are not listed again."""
    for subscription in list(stripe.listed("/v1/subscriptions", {"price": old})):
        items = cast("list[JsonObject]", object_of(subscription.get("items")).get("data") or [])
        moved = [{"id": item["id"], "price": new} for item in items if id_of(item.get("price")) == old]
        form: JsonObject = {"items": moved, "proration_behavior": "none"}
        reference = str(subscription["id"])
        stripe.post(f"/v1/subscriptions/{segment(reference)}", form, part=f"move-{reference}")


def _price_form(price: Json, interval: JsonObject) -> dict[str, Json]:
    amount = amount_form(price)
    return {
        "currency": amount["currency"],
        "unit_amount": amount["amount"],
        "recurring": {"interval": interval["unit"], "interval_count": interval.get("count", 1)},
    }


def _price(price: JsonObject) -> Json:
    return money_of(price.get("unit_amount"), price.get("currency"))


def _interval(price: JsonObject) -> Json:
    recurring = object_of(price.get("recurring"))
    if not recurring:
        return None
    return {"unit": recurring.get("interval"), "count": recurring.get("interval_count", 1)}
