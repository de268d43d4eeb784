"""What travels through the gateway and comes back: references and metadata, in the order's custom fields. Pure.

Names of custom fields are letters and digits only, so all else in a name is written as ``Z`` and two hex digits per byte
(``hub_cycle`` travels as ``hubZ5Fcycle``). The order's own ``reference`` and ``invoiceNumber`` carry order and invoice as
well, for people in Merchant Administration and as a second way back.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import Json, JsonObject

PROOF = "hubproof"
"""A custom field of the hub's own, never metadata: that nobody changed what travels with it."""
REFERENCES = ("order", "invoice", "link", "job")
MOST_FIELDS = 50
LONGEST_NAME = 100
LONGEST_VALUE = 250
_LONGEST_REFERENCE = 200
_LONGEST_INVOICE = 25
_LONGEST_DESCRIPTION = 127

_UNSAFE = re.compile(r"[^A-Ya-z0-9]")
_ESCAPED = re.compile(r"(?:Z[0-9A-F]{2})+")


def custom_name(name: str) -> str:
    """A name of metadata as a custom field's name."""
    return _UNSAFE.sub(lambda found: "".join(f"Z{byte:02X}" for byte in found[0].encode()), name)


def plain_name(custom: str) -> str:
    """The name of metadata that a custom field's name stands for; what no :func:`custom_name` gave stays as it is."""

    def decoded(found: re.Match[str]) -> str:
        try:
            return bytes.fromhex(found[0].replace("Z", "")).decode()
        except UnicodeDecodeError:
            return found[0]

    return _ESCAPED.sub(decoded, custom)


def custom_fields(given: JsonObject) -> JsonObject:
    """The custom fields of an input. Raises ``PermanentError`` (``bad_input``) for what the gateway would refuse or cut."""
    metadata: dict[str, Json] = dict(cast("Mapping[str, Json]", given.get("metadata") or {}))
    metadata |= {name: given[name] for name in REFERENCES if given.get(name)}
    fields: dict[str, Json] = {custom_name(name): value for name, value in metadata.items()}
    for name, value in fields.items():
        if len(name) > LONGEST_NAME or not 0 < len(str(value)) <= LONGEST_VALUE:
            rule = f"names of up to {LONGEST_NAME} characters, values of 1 to {LONGEST_VALUE}"
            raise failure(
                "bad_input", f"The Mastercard Gateway does not take the metadata {plain_name(name)!r}: {rule}."
            )
    if len(fields) > MOST_FIELDS:
        raise failure(
            "bad_input", f"The Mastercard Gateway takes {MOST_FIELDS} custom fields, these are {len(fields)}."
        )
    return fields


def order_words(given: JsonObject) -> dict[str, Json]:
    """What an order says beside its amount: description, references, custom fields, how certain the amount is."""
    options = cast("JsonObject", given.get("options") or {})
    reference, invoice = str(given.get("order") or ""), str(given.get("invoice") or "")
    return {
        "description": _shortened(str(given.get("description") or given.get("order") or "Payment")),
        "reference": reference if 0 < len(reference) <= _LONGEST_REFERENCE else None,
        "invoiceNumber": invoice if 0 < len(invoice) <= _LONGEST_INVOICE else None,
        "custom": custom_fields(given) or None,
        "certainty": options.get("certainty"),
    }


def metadata_of(order: JsonObject) -> dict[str, Json]:
    """The metadata that an order carries, under its own names again."""
    custom = cast("JsonObject", order.get("custom") or {})
    return {plain_name(name): str(value) for name, value in custom.items() if name != PROOF and value is not None}


def payer(given: JsonObject) -> dict[str, Json]:
    """``customer`` and ``billing`` of a request; empty parts are left out."""
    customer = cast("JsonObject", given.get("customer") or {})
    address = cast("JsonObject", customer.get("address") or {})
    first, _, last = str(customer.get("name") or "").rpartition(" ")
    country = str(address.get("country") or "")
    return {
        "customer": {
            "email": customer.get("email"),
            "firstName": (first or last)[:50] or None,
            "lastName": (last if first else "")[:50] or None,
            "phone": customer.get("phone"),
        },
        "billing": {
            "address": {
                "street": address.get("line1"),
                "street2": address.get("line2"),
                "city": address.get("city"),
                "stateProvince": address.get("state"),
                "postcodeZip": address.get("postal_code"),
                # Three letters (ISO 3166-1 alpha-3), or none: the gateway takes no other form.
                "country": country if len(country) == 3 else None,  # noqa: PLR2004
            }
        },
    }


def customer_of(order: JsonObject) -> JsonObject:
    """Who paid, as an order names them."""
    customer = cast("JsonObject", order.get("customer") or {})
    name = " ".join(str(customer[part]) for part in ("firstName", "lastName") if customer.get(part))
    known = {
        "email": customer.get("email"),
        "name": name,
        "phone": customer.get("phone") or customer.get("mobilePhone"),
    }
    return {part: value for part, value in known.items() if value}


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_DESCRIPTION else text[: _LONGEST_DESCRIPTION - 1] + "…"
