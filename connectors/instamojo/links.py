"""Payment links: at Instamojo a payment request is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.instamojo.api import Instamojo, money_of, time_of, words
from connectors.instamojo.carried import FLOW
from connectors.instamojo.payments import close, find_request, make_request
from connectors.instamojo.standing import has_expired

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

FLOW_LINK = "link"
"""Marks payment requests that were made as links: their payment is told as ``link.paid`` as well."""


def create(call: Call) -> Json:
    """Make an address that can be sent to somebody (``link.create``). Instamojo writes to nobody unless told to."""
    return _output(call, make_request(call, **{FLOW: FLOW_LINK}))


def find_created(call: Call) -> Json | None:
    """The link that an earlier attempt of this step made."""
    found = find_request(call)
    return None if found is None else _output(call, found)


def cancel(call: Call) -> Json:
    """Nobody can pay on it any more (``link.cancel``). Closing it twice is closing it once."""
    link = str(call.input["link"])
    request = close(Instamojo(call), link)
    return {"link": link, "status": "cancelled", "gateway": words(request, str(request.get("status") or ""))}


def _output(call: Call, request: JsonObject) -> JsonObject:
    is_paid = str(request.get("status")) == "Completed" and not request.get("allow_repeated_payments")
    is_over = has_expired(request, call.now)
    return {
        "link": request.get("id"),
        "url": request.get("longurl"),
        "status": "paid" if is_paid else "expired" if is_over else "active",
        "amount": money_of(request.get("amount")),
        "expires_at": time_of(request.get("expires_at")),
        "gateway": words(request, str(request.get("status") or "")),
    }
