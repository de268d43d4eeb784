"""What travels through PayPal and comes back: references of the hub and metadata, in 127 characters. Pure.

PayPal gives a payment one text of the merchant's own, ``custom_id`` of up to 127 characters (subscriptions: ASCII only),
and an order's purchase unit a ``reference_id`` of up to 256 that no event carries, but the order does. An order number alone
travels as it is, for people to read; more travels as short JSON, in the longer field where it must. A refund's
``custom_id`` takes letters, digits and ``-_.,`` only, so there the JSON is base64url after ``j.``.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, cast

from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import Json, JsonObject

LONGEST = 127
"""Characters of ``custom_id``."""
LONGEST_REFERENCE = 256
"""Characters of a purchase unit's ``reference_id``."""

_SHORT: Mapping[str, str] = {
    "order": "o",
    "invoice": "i",
    "link": "l",
    "job": "j",
    "provider": "p",
    "metadata": "m",
}
_ENCODED = "j."


def written(given: JsonObject, longest: int = LONGEST) -> str | None:
    """The text for ``custom_id``; None when nothing is to be carried. Raises ``PermanentError`` (``bad_input``)."""
    text = _text(given)
    if text is not None and len(text) > longest:
        raise _too_long(len(text), longest)
    return text


def written_for_order(given: JsonObject) -> dict[str, Json]:
    """``custom_id`` of a purchase unit, and ``reference_id`` where that is too short for all of it."""
    text = _text(given)
    if text is None or len(text) <= LONGEST:
        return {"custom_id": text}
    if len(text) > LONGEST_REFERENCE:
        raise _too_long(len(text), LONGEST_REFERENCE)
    order = str(given.get("order") or "")
    return {"custom_id": order if 0 < len(order) <= LONGEST else None, "reference_id": text}


def written_for_refund(given: JsonObject) -> str | None:
    """The text for a refund's ``custom_id``, in the characters that it takes."""
    text = _json(given)
    if text is None:
        return None
    encoded = _ENCODED + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    if len(encoded) > LONGEST:
        raise _too_long(len(text), (LONGEST - len(_ENCODED)) * 3 // 4)
    return encoded


def read(custom_id: Json, reference_id: Json = None) -> JsonObject:
    """``order``, ``invoice``, ``link``, ``job``, ``provider`` and ``metadata`` as far as they were carried.

    A text of another system's making is taken for the order's number.
    """
    for text in (reference_id, custom_id):
        carried = _decoded(text) if isinstance(text, str) else None
        if carried is not None:
            return {name: carried[short] for name, short in _SHORT.items() if carried.get(short)}
    return {"order": custom_id} if isinstance(custom_id, str) and custom_id else {}


def _text(given: JsonObject) -> str | None:
    """An order's number alone as it is, all else as JSON."""
    others = any(given.get(name) for name in _SHORT if name != "order")
    order = str(given.get("order") or "")
    if order and not others and order.isascii() and not order.startswith(("{", _ENCODED)):
        return order
    return _json(given)


def _json(given: JsonObject) -> str | None:
    carried = {short: given[name] for name, short in _SHORT.items() if given.get(name)}
    return json.dumps(carried, separators=(",", ":")) if carried else None


def _decoded(text: str) -> JsonObject | None:
    try:
        if text.startswith(_ENCODED):
            body = text.removeprefix(_ENCODED)
            text = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()
        value = json.loads(text) if text.startswith("{") else None
    except (ValueError, binascii.Error, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    texts = {name: one for name, one in value.items() if name != "m" and isinstance(one, str)}
    metadata = value.get("m")
    if not isinstance(metadata, dict):
        return cast("JsonObject", texts)
    return {**texts, "m": {str(name): one for name, one in metadata.items() if isinstance(one, str)}}


def _too_long(length: int, longest: int) -> Exception:
    return failure(
        "bad_input",
        f"PayPal carries {longest} characters of references and metadata; these are {length}. Leave some metadata out.",
    )
