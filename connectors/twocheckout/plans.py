"""Payment plans: products of 2Checkout's catalogue that make a subscription. Their code is the plan's reference.

The shape of a product: 2Checkout's pages "Add product" and "Pricing configuration" (JSON-RPC and REST 6.0).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, cast

from connectors.twocheckout.api import Answer, TwoCheckout, amount_text, member, money_of, segment
from hub.connect.answers import failure
from hub.errors import PermanentError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

_CYCLES: Mapping[str, tuple[str, int]] = {"day": ("D", 1), "week": ("D", 7), "month": ("M", 1), "year": ("M", 12)}
"""2Checkout counts billing cycles in days or months."""
LONGEST_CYCLE: Mapping[str, int] = {"D": 1095, "M": 36}


def create(call: Call) -> Json:
    """Add a product that is charged at an interval (``plan.create``). Its code is the step's reference."""
    api, given = TwoCheckout(call), call.input
    if given.get("trial_days"):
        message = (
            "2Checkout's products have no free days at the start; they are set up as a trial in the Control Panel."
        )
        raise failure("bad_input", f"{message} Leave trial_days out.")
    if given.get("metadata"):
        raise failure("bad_input", "2Checkout's products carry no metadata; leave it out.")
    api.change("POST", "/products/", _product(call.reference, given))
    return output(api.get(f"/products/{segment(call.reference)}/"))


def find_created(call: Call) -> Json | None:
    """Whether this step's product is there: by its code."""
    try:
        return output(TwoCheckout(call).get(f"/products/{segment(call.reference)}/"))
    except PermanentError as error:
        if error.code == "not_found":
            return None
        raise


def update(call: Call) -> Json:
    """Rename a product or change its price (``plan.update``). Running subscriptions stay at theirs."""
    api, given = TwoCheckout(call), call.input
    if given.get("existing") == "move" or given.get("metadata"):
        message = "2Checkout leaves running subscriptions at their price and keeps no metadata with a product."
        raise failure("bad_input", f"{message} Leave existing and metadata out.")
    path = f"/products/{segment(given['plan'])}/"
    product = _plan(api.get(path))
    changed = {"ProductName": given.get("name"), "ShortDescription": given.get("description")}
    changed = {name: value for name, value in changed.items() if value is not None}
    if any(product.get(name) != value for name, value in changed.items()):
        api.change("PUT", path, {**product, **changed})
    if "price" in given and given["price"] != _price(product):
        configuration = _repriced(_configuration(product), Money.from_json(given["price"]))
        api.change("PUT", f"{path}pricingconfigurations/{segment(configuration['Code'])}/", configuration)
    return output(api.get(path))


def cancel(call: Call) -> Json:
    """Take a product off sale (``plan.cancel``). Running subscriptions go on."""
    api = TwoCheckout(call)
    path = f"/products/{segment(call.input['plan'])}/"
    product = _plan(api.get(path))
    if product.get("Enabled") is not False:
        api.change("PUT", path, {**product, "Enabled": False})
    return output({**product, "Enabled": False})


def output(product: Answer) -> JsonObject:
    """A product as a plan."""
    return {
        "plan": product.get("ProductCode"),
        "status": "retired" if product.get("Enabled") is False else "active",
        "price": _price(product),
        "interval": interval_of(product),
        "gateway": {"name": "twocheckout", "id": str(product.get("AvangateId") or product.get("ProductCode"))},
    }


def interval_of(product: Answer) -> Json:
    """The billing cycle in the hub's words; null where the product is sold once."""
    cycle, unit = (member(product, "SubscriptionInformation", name) for name in ("BillingCycle", "BillingCycleUnits"))
    if not str(cycle or "").isdigit() or int(cycle) < 1:
        return None
    count = int(cycle)
    if str(unit).upper().startswith("M"):
        return {"unit": "month", "count": count} if count % 12 else {"unit": "year", "count": count // 12}
    return {"unit": "day", "count": count} if count % 7 else {"unit": "week", "count": count // 7}


def cycle_of(interval: JsonObject) -> tuple[int, str]:
    """A billing cycle as 2Checkout counts it. Raises ``PermanentError`` (``bad_input``) for one that is too long."""
    unit, factor = _CYCLES[str(interval["unit"])]
    count = cast("int", interval.get("count", 1)) * factor
    if count > LONGEST_CYCLE[unit]:
        raise failure("bad_input", "2Checkout's billing cycles last three years at most.")
    return count, unit


def _product(code: str, given: JsonObject) -> Answer:
    count, unit = cycle_of(cast("JsonObject", given["interval"]))
    money = Money.from_json(given["price"])
    subscription: Answer = {"BillingCycle": str(count), "BillingCycleUnits": unit, "IsOneTimeFee": False}
    if given.get("cycles"):
        period = count * cast("int", given["cycles"])
        subscription["ContractPeriod"] = {"Period": period, "PeriodUnits": unit, "Action": "CANCEL"}
    return {
        "ProductCode": code,
        "ProductType": "REGULAR",
        "ProductName": given["name"],
        "ProductVersion": "1.0",
        "Enabled": True,
        "GeneratesSubscription": True,
        "ShortDescription": given.get("description") or "",
        "SubscriptionInformation": subscription,
        "PricingConfigurations": [
            {
                "Name": str(given["name"])[:100],
                "Default": True,
                "BillingCountries": [],
                "PricingSchema": "FLAT",
                "PriceType": "GROSS",
                "DefaultCurrency": money.currency,
                "Prices": {"Regular": [_regular(money)], "Renewal": []},
                "PriceOptions": [],
            }
        ],
    }


def _regular(money: Money) -> Answer:
    return {
        "Amount": Decimal(amount_text(money)),
        "Currency": money.currency,
        "MinQuantity": "1",
        "MaxQuantity": "99999",
        "OptionCodes": [],
    }


def _plan(product: Answer) -> Answer:
    if product.get("GeneratesSubscription") is False:
        raise failure("not_found", f"The product {product.get('ProductCode')} makes no subscription.")
    return product


def _configuration(product: Answer) -> Answer:
    known = [one for one in product.get("PricingConfigurations") or [] if isinstance(one, dict)]
    return next((one for one in known if one.get("Default")), known[0] if known else {})


def _price(product: Answer) -> Json:
    configuration = _configuration(product)
    prices = member(configuration, "Prices", "Regular") or []
    currency = configuration.get("DefaultCurrency")
    regular = next((one for one in prices if one.get("Currency") == currency), prices[0] if prices else {})
    return money_of(regular.get("Amount"), regular.get("Currency"))


def _repriced(configuration: Answer, money: Money) -> Answer:
    """A pricing with another price in its own currency; prices in other currencies stay."""
    if not configuration.get("Code"):
        raise failure("wrong_state", "The product has no price that could be changed.")
    if configuration.get("DefaultCurrency") != money.currency:
        message = (
            f"The product is sold in {configuration.get('DefaultCurrency')}; add other currencies in the Control Panel."
        )
        raise failure("bad_input", message)
    prices = member(configuration, "Prices") or {}
    others = [one for one in prices.get("Regular") or [] if one.get("Currency") != money.currency]
    return {**configuration, "Prices": {**prices, "Regular": [_regular(money), *others]}}
