"""What travels through 2Checkout and comes back with its orders: references of the hub. Pure.

An order at 2Checkout has no metadata. The hub's reference goes into the order's external reference (``order-ext-ref``,
``REFNOEXT``, 100 characters), which the hub can search by; the rest into the item's external reference (``item-ext-ref``,
``IPN_EXTERNAL_REFERENCE``). Both are among the signed parameters of a buy link, so a payer cannot change them. An InLine
cart signs only the former: there the rest stands behind a colon.

Written as a query: ``order=o_77&m.shop=1``, where ``m.`` marks entries of the metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, urlencode

from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import Json, JsonObject

REFERENCES = ("order", "invoice", "link", "job")
OURS = "hub-"
"""How references begin that the hub made."""

LONGEST_REFERENCE = 100
"""Characters of an order's external reference (2Checkout's page "IPN parameters", REFNOEXT)."""
LONGEST_CARRIED = 250
"""Characters that the connector puts into an item's external reference."""

_METADATA = "m."


def packed(given: JsonObject) -> str:
    """The references and metadata of an input as one text. Raises ``PermanentError`` (``bad_input``) when it is too long."""
    metadata = cast("Mapping[str, Json]", given.get("metadata") or {})
    pairs = [(name, str(given[name])) for name in REFERENCES if given.get(name)]
    pairs += [(f"{_METADATA}{name}", str(value)) for name, value in metadata.items()]
    text = urlencode(pairs)
    if len(text) > LONGEST_CARRIED:
        message = f"2Checkout carries {LONGEST_CARRIED} characters of references and metadata, these are {len(text)}."
        raise failure("bad_input", message)
    return text


def with_reference(reference: str, text: str) -> str:
    """An external reference that holds both. Raises ``PermanentError`` (``bad_input``) when it is too long."""
    whole = f"{reference}:{text}" if text else reference
    if len(whole) > LONGEST_REFERENCE:
        room = LONGEST_REFERENCE - len(reference) - 1
        message = f"A form of 2Checkout carries {room} characters of references and metadata, these are {len(text)}."
        raise failure("bad_input", message)
    return whole


def unpacked(external: Json, item: Json) -> dict[str, Json]:
    """What an order brought back, from its own and its item's external reference.

    Nothing but ``order`` for an order that the hub did not make: its own number there.
    """
    reference = external if isinstance(external, str) else ""
    if not reference.startswith(OURS):
        return {"order": reference} if reference else {}
    pairs = parse_qsl(reference.partition(":")[2]) + parse_qsl(item if isinstance(item, str) else "")
    found: dict[str, Json] = {name: value for name, value in pairs if name in REFERENCES}
    metadata = {name.removeprefix(_METADATA): value for name, value in pairs if name.startswith(_METADATA)}
    return {**found, "metadata": metadata} if metadata else found


def page_of(external: Json) -> str | None:
    """The reference that ``payment.create`` gave, where the hub made the order."""
    return external if isinstance(external, str) and external.startswith(OURS) else None
