"""Pay by Link: Visa's own pages. A link stays open after a payment and has no end; the hub closes it.

Sources: the SDK's models of ``/ipl/v2/payment-links`` (0.0.80) and Visa's guide "Pay by Link", which forbids data of persons
in every field and says that the purchase number is the link's id.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from connectors.visa.api import Visa, amount_details, decimal, money_json, object_of, objects_of, segment, words
from connectors.visa.carried import (
    LINK,
    OPEN_LINK,
    PAGE,
    carried,
    check_impersonal,
    ends_at,
    from_line,
    kind_of,
    made_reference,
    to_line,
)
from connectors.visa.transactions import begins_payment, by_code
from hub.connect.answers import failure
from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

PATH = "/ipl/v2/payment-links"
PAGE_SIZE = 200
PAGES = 10
LONGEST_NAME = 255


def page(call: Call) -> Json:
    """A page of Visa's for one payment (``payment.create``)."""
    return _payment(_made(call, _number(call, PAGE)))


def find_page(call: Call) -> Json:
    """The page that this step made, or None."""
    found = Visa(call).found(f"{PATH}/{_number(call, PAGE)}")
    return None if found is None else _payment(found)


def page_output(visa: Visa, number: str) -> Json:
    """A page that nobody has paid yet, as a payment."""
    return _payment(visa.get(f"{PATH}/{segment(number)}"))


def create(call: Call) -> Json:
    """Make a payment link (``link.create``)."""
    return _link(_made(call, _number(call, _kind(call))))


def find_created(call: Call) -> Json:
    """The link that this step made, or None."""
    found = Visa(call).found(f"{PATH}/{_number(call, _kind(call))}")
    return None if found is None else _link(found)


def cancel(call: Call) -> Json:
    """Close a link (``link.cancel``). Idempotent by nature."""
    visa, number = Visa(call), str(call.input["link"])
    close(visa, number)
    paid = any(begins_payment(one) for one in by_code(visa, number))
    return {"link": number, "status": "paid" if paid else "cancelled", "gateway": {"name": "visa", "id": number}}


def close(visa: Visa, number: str) -> None:
    """Nobody can pay on it any more. Closing a closed one changes nothing."""
    link = visa.get(f"{PATH}/{segment(number)}")
    if link.get("status") == "INACTIVE":
        return
    visa.write("PATCH", f"{PATH}/{segment(number)}", {"status": "INACTIVE"}, repeatable=True)


def references(visa: Visa, number: str) -> JsonObject:
    """What a link carries: references and metadata."""
    link = visa.found(f"{PATH}/{segment(number)}") or {}
    lines = objects_of(object_of(link.get("orderInformation")).get("lineItems"))
    return from_line(lines[0].get("productSku")) if lines else {}


def overdue(visa: Visa, now: datetime) -> Iterator[JsonObject]:
    """The open links of the hub whose time is over."""
    for number in range(PAGES):
        query = {"offset": str(number * PAGE_SIZE), "limit": str(PAGE_SIZE), "status": "ACTIVE"}
        answer = visa.send("GET", PATH, query=query)
        if answer.status in {403, 404}:
            return
        listed = objects_of(visa.judged(answer).object().get("links"))
        for link in listed:
            end = ends_at(str(object_of(link.get("purchaseInformation")).get("purchaseNumber") or link.get("id")))
            if end is not None and end <= now.timestamp():
                yield link
        if len(listed) < PAGE_SIZE:
            return


def _made(call: Call, number: str) -> JsonObject:
    given = call.input
    name = str(given.get("description") or "Payment")
    check_impersonal("description", name)
    amount = amount_details(given["amount"])
    line: JsonObject = {
        "productSku": to_line(carried(given)),
        "productName": name[:LONGEST_NAME],
        "quantity": 1,
        "unitPrice": decimal(given["amount"]),
    }
    body: JsonObject = {
        "processingInformation": {"linkType": "PURCHASE"},
        "purchaseInformation": {"purchaseNumber": number},
        "orderInformation": {"amountDetails": amount, "lineItems": [line]},
    }
    visa = Visa(call)
    try:
        return visa.write("POST", PATH, body)
    except PermanentError as error:
        if error.gateway_code != "DUPLICATE_REQUEST":
            raise
        return visa.get(f"{PATH}/{number}")


def _number(call: Call, kind: str) -> str:
    end = call.input.get("expires_at")
    if not isinstance(end, str):
        return made_reference(kind, call)
    moment = datetime.fromisoformat(end)
    if moment <= call.now:
        raise failure("bad_input", f"The end {end} is past.")
    return made_reference(kind, call, moment)


def _kind(call: Call) -> str:
    return OPEN_LINK if call.input.get("reusable") is True else LINK


def _fields(link: JsonObject) -> tuple[str, str, Json, Json]:
    """Number, address, amount and end of a link."""
    purchase = object_of(link.get("purchaseInformation"))
    details = object_of(object_of(link.get("orderInformation")).get("amountDetails"))
    number = str(purchase.get("purchaseNumber") or link.get("id"))
    end = ends_at(number)
    ends = None if end is None else datetime.fromtimestamp(end, tz=UTC).isoformat().replace("+00:00", "Z")
    amount = money_json(details.get("totalAmount"), details.get("currency"))
    return number, str(purchase.get("paymentLink") or ""), amount, ends


def _payment(link: JsonObject) -> JsonObject:
    number, address, amount, ends = _fields(link)
    lines = objects_of(object_of(link.get("orderInformation")).get("lineItems"))
    values = from_line(lines[0].get("productSku")) if lines else {}
    is_open = link.get("status") == "ACTIVE"
    return {
        "payment": number,
        "status": "created" if is_open else "expired",
        "amount": amount,
        "checkout_url": address if is_open and address else None,
        "expires_at": ends,
        "metadata": values.get("metadata"),
        "gateway": words(link),
    }


def _link(link: JsonObject) -> JsonObject:
    number, address, amount, ends = _fields(link)
    return {
        "link": number,
        "url": cast("Json", address),
        "status": "active" if link.get("status") == "ACTIVE" else "cancelled",
        "amount": amount,
        "expires_at": ends,
        "gateway": words(link),
    }


def is_for_one(number: str) -> bool:
    """Whether a link is to be closed after its first payment."""
    return kind_of(number) in {PAGE, LINK}
