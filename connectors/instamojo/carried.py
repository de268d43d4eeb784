"""What travels through Instamojo and comes back: in the query of the webhook's address of each payment request. Pure.

Instamojo has no metadata. It keeps the address that the server gave with a payment request and gives it back to whoever
signs in, so what stands there is the server's own word. A delivery's own query proves nothing and is never read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

REFERENCES = ("order", "invoice", "link", "job")
STEP = "hub_step"
"""The call's reference, by which a repeat finds what the first attempt made."""
FLOW = "hub_flow"
LONGEST_ADDRESS = 1000
"""Instamojo publishes no limit for the address; a refusal of its own is passed on in its words."""


def carrying(call: Call, **own: str) -> str:
    """The webhook's address with what shall come back. Raises ``PermanentError`` (``bad_input``)."""
    given = call.input
    carried: dict[str, str] = {str(k): str(v) for k, v in cast("JsonObject", given.get("metadata") or {}).items()}
    carried |= {name: str(given[name]) for name in REFERENCES if given.get(name)}
    carried |= {STEP: call.reference, **own}
    base = str(call.connection.settings.get("webhook_url") or "")
    address = f"{base}{'&' if '?' in base else '?'}{urlencode(carried)}"
    if len(address) > LONGEST_ADDRESS:
        message = (
            f"The metadata are too much for Instamojo: with the webhook's address they take {len(address)} characters."
        )
        raise failure("bad_input", f"{message} {LONGEST_ADDRESS} is the most.")
    return address


def carried_by(request: JsonObject) -> dict[str, Json]:
    """What a payment request carries: texts by name."""
    return dict(parse_qsl(urlsplit(str(request.get("webhook") or "")).query, keep_blank_values=True))


def is_of_step(request: JsonObject, call: Call) -> bool:
    """Whether an earlier attempt of this step made the payment request."""
    return carried_by(request).get(STEP) == call.reference


def metadata_of(carried: Mapping[str, Json]) -> dict[str, Json]:
    """The carried texts as metadata."""
    return {name: value for name, value in carried.items() if value}
