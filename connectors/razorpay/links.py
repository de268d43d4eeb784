"""Payment links: Razorpay's own. Each takes one payment; ``reference_id`` finds it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.razorpay.api import Razorpay, amount_of, list_of, money_of, object_of, segment, time_of, unix, words
from connectors.razorpay.carried import carried
from hub.connect.answers import failure
from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

_STATUS: Mapping[str, str] = {
    "created": "active",
    "partially_paid": "active",
    "paid": "paid",
    "expired": "expired",
    "cancelled": "cancelled",
}


def create(call: Call) -> Json:
    """Make an address that can be sent to somebody (``link.create``). Razorpay writes to nobody unless told to."""
    given = call.input
    if given.get("reusable"):
        message = (
            "A payment link at Razorpay takes one payment. Make a link for each, or a payment page in its dashboard."
        )
        raise failure("bad_input", message)
    options, customer = object_of(given.get("options")), object_of(given.get("customer"))
    return_url = given.get("return_url") or call.connection.settings.get("return_url")
    recipient = {"name": customer.get("name"), "email": customer.get("email"), "contact": customer.get("phone")}
    body: dict[str, Json] = {
        **amount_of(given["amount"]),
        "description": given.get("description"),
        "reference_id": call.reference,
        "customer": {name: value for name, value in recipient.items() if value} or None,
        "notify": {"email": options.get("email") is True, "sms": options.get("sms") is True},
        "reminder_enable": options.get("reminders") is True,
        "accept_partial": options.get("accept_partial") is True,
        "expire_by": unix(given.get("expires_at")),
        "callback_url": return_url,
        "callback_method": "get" if return_url else None,
        "notes": carried(call),
    }
    return _output(Razorpay(call).post("/v1/payment_links", body))


def find_created(call: Call) -> Json | None:
    """The link that an earlier attempt of this step made."""
    listing = Razorpay(call).get("/v1/payment_links", {"reference_id": call.reference})
    links = list_of(listing.get("payment_links") or listing.get("items"))
    found = next((one for one in links if one.get("reference_id") == call.reference), None)
    return None if found is None else _output(found)


def cancel(call: Call) -> Json:
    """Nobody can pay on it any more (``link.cancel``). One that is closed already stays as it is."""
    razorpay, path = Razorpay(call), f"/v1/payment_links/{segment(call.input['link'])}"
    try:
        made = razorpay.post(f"{path}/cancel", {})
    except PermanentError as error:
        made = razorpay.get(path) if error.code == "wrong_state" else {}
        if _STATUS.get(str(made.get("status"))) not in {"cancelled", "expired"}:
            raise
    return {"link": made.get("id"), "status": _STATUS.get(str(made.get("status")), "active"), "gateway": words(made)}


def _output(link: JsonObject) -> JsonObject:
    return {
        "link": link.get("id"),
        "url": link.get("short_url"),
        "status": _STATUS.get(str(link.get("status")), "active"),
        "amount": money_of(link.get("amount"), link.get("currency")),
        "expires_at": time_of(link.get("expire_by")),
        "gateway": words(link),
    }
