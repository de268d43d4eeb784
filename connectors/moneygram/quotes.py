"""Quotes and what a corridor asks for. A quote moves no money; each is a transaction of its own that may be committed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast

from connectors.moneygram.api import MoneyGram, money_of, plain, price, text_of, thing_of, things_of
from hub.connect.answers import failure

if TYPE_CHECKING:
    from connectors.moneygram.api import Thing, Value
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

DEFAULT_SERVICE: Final = "WILL_CALL"
"""Cash to be collected at any of MoneyGram's counters."""

_CHECKED: Final = {"receiver.": "beneficiary.consumer.", "targetAccount.": "targetAccount."}
"""The fields of a corridor that a payout is held against, and where they stand in a disbursement."""


def create(call: Call) -> Json:
    """What a payout would cost and bring, by service (``quote.create``)."""
    return {"quotes": [output(one) for one in ask(call, MoneyGram(call))]}


def ask(call: Call, moneygram: MoneyGram) -> list[Thing]:
    """Quotes for an input's ``amount`` and ``to``, those of its service only. Raises ``method_unavailable`` without any."""
    destination = destination_of(call)
    side = "sendAmount" if call.connection.settings.get("amounts") == "send" else "receiveAmount"
    service = text_of(destination.get("service"))
    body: Thing = {
        "destinationCountryCode": text_of(destination.get("country")),
        "serviceOptionCode": service,
        "serviceOptionRoutingCode": text_of(destination.get("routing")),
        "beneficiaryTypeCode": "Business" if "business" in thing_of(destination.get("beneficiary")) else "Consumer",
        "sendCurrencyCode": text_of(cast("Value", call.connection.settings.get("send_currency"))),
        "receiveCurrencyCode": text_of(destination.get("currency")),
        side: price(call.input["amount"]),
    }
    answer = moneygram.post("/disbursement/v1/transactions/quote", body, part="quote")
    offered = [one for one in things_of(answer.get("transactions")) if text_of(one.get("transactionId"))]
    fitting = [one for one in offered if service in {None, text_of(one.get("serviceOptionCode"))}]
    routing = text_of(destination.get("routing"))
    fitting = [one for one in fitting if routing in {None, text_of(one.get("serviceOptionRoutingCode")) or routing}]
    if not fitting:
        named = ", ".join(sorted({str(one.get("serviceOptionCode")) for one in offered})) or "nothing"
        raise failure("method_unavailable", f"MoneyGram offers {named} for this amount and country.")
    return fitting


def services(call: Call) -> Json:
    """The ways of paying out into a country (``corridor.services``)."""
    found = MoneyGram(call).get(
        "/reference-data/v1/service-options", {"destinationCountryCode": str(call.input["country"])}
    )
    listed = [one for country in things_of(found) for one in things_of(country.get("serviceOptions"))]
    return {
        "services": [
            {
                "service": text_of(one.get("serviceOptionCode")),
                "routing": text_of(one.get("serviceOptionRoutingCode")),
                "name": text_of(one.get("serviceOptionName")),
                "currency": text_of(one.get("destinationCurrencyCode")),
            }
            for one in listed
        ]
    }


def fields(call: Call) -> Json:
    """What MoneyGram wants to know for a payout (``corridor.fields``), as it describes it itself."""
    return {"fields": plain(cast("Value", field_info(call, MoneyGram(call))))}


def field_info(call: Call, moneygram: MoneyGram) -> list[Thing]:
    """The descriptions of a corridor's fields."""
    destination = destination_of(call)
    amount = price(call.input["amount"])
    query = {
        "destinationCountryCode": text_of(destination.get("country")),
        "serviceOptionCode": text_of(destination.get("service")) or DEFAULT_SERVICE,
        "serviceOptionRoutingCode": text_of(destination.get("routing")),
        "amount": text_of(amount["value"]),
        "sendCurrencyCode": text_of(cast("Value", call.connection.settings.get("send_currency"))) or "USD",
        "receiveCurrencyCode": text_of(destination.get("currency")) or text_of(amount["currencyCode"]),
    }
    return things_of(thing_of(moneygram.get("/reference-data/v1/transaction-fields-send", query)).get("fieldInfo"))


def check(described: list[Thing], body: Thing) -> None:
    """Hold a payout's recipient against the corridor's fields, before money is on its way.

    Nothing is shortened to fit: a name that differs from the recipient's papers fails at the counter. Raises
    ``invalid_recipient`` with the field and its rule.
    """
    for one in described:
        name = str(one.get("field"))
        prefix = next((prefix for prefix in _CHECKED if name.startswith(prefix)), None)
        if prefix is None or (prefix == "receiver." and "business" in thing_of(body.get("beneficiary"))):
            continue
        path = _CHECKED[prefix] + name.removeprefix(prefix)
        problem = _problem(one, _at(body, path))
        if problem:
            raise failure("invalid_recipient", f"{text_of(one.get('fieldLabel')) or name} ({path}) {problem}.")


def output(quote: Thing) -> JsonObject:
    """A quote in the hub's words."""
    send, receive = thing_of(quote.get("sendAmount")), thing_of(quote.get("receiveAmount"))
    found: JsonObject = {
        "transaction": text_of(quote.get("transactionId")),
        "service": text_of(quote.get("serviceOptionCode")),
        "routing": text_of(quote.get("serviceOptionRoutingCode")),
        "name": text_of(quote.get("serviceOptionName")),
        "delivery": text_of(quote.get("estimatedDelivery")),
        "send": money_of(send.get("amount")),
        "fee": money_of(send.get("fees")),
        "total": money_of(send.get("total")),
        "receive": money_of(receive.get("total")),
        "rate": text_of(receive.get("fxRate")),
    }
    return {name: value for name, value in found.items() if value is not None}


def destination_of(call: Call) -> Thing:
    """Where the payout goes (``to``). Raises ``bad_input`` without a country."""
    destination = thing_of(cast("Value", call.input.get("to") or {}))
    country = text_of(destination.get("country"))
    if country is None or not re.fullmatch(r"[A-Z]{3}", country):
        raise failure("bad_input", "Give to.country: three capital letters of ISO 3166, such as NGA.")
    return destination


def _problem(described: Thing, value: str | None) -> str:
    """What is wrong with a value, or an empty text."""
    if not value:
        return "is required" if described.get("required") is True else ""
    least, most = text_of(described.get("fieldMin")), text_of(described.get("fieldMax"))
    if most is not None and most.isdecimal() and len(value) > int(most):
        return f"takes at most {most} characters, not {len(value)}"
    if least is not None and least.isdecimal() and len(value) < int(least):
        return f"takes at least {least} characters"
    pattern = text_of(described.get("regEx"))
    if pattern is not None and not _matches(pattern, value):
        return text_of(described.get("helpTextLong")) or "has characters that MoneyGram does not take"
    return ""


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True  # MoneyGram judges it itself


def _at(body: Thing, path: str) -> str | None:
    """The text at a path of names; None where there is none."""
    found: Value = body
    for name in path.split("."):
        found = thing_of(found).get(name)
    return text_of(found)
