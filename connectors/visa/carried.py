"""What travels through Visa and comes back: references and metadata in merchant-defined fields, and the forms of references.

Merchant-defined fields hold 255 characters each and must hold nothing that names a person (the SDK's model
``Ptsv2paymentsMerchantDefinedInformation``), so what looks like an e-mail address is refused here. Pure.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

from connectors.visa.jose import read_json
from hub.connect.answers import failure

if TYPE_CHECKING:
    from datetime import datetime

    from hub.connect.api import Call, Connection
    from hub.jsontypes import Json, JsonObject

REFERENCES = ("order", "invoice", "link", "job", "subscription")
FIRST_FIELD = 90
"""The first of the merchant-defined fields that the hub uses, where the connection says nothing else; of 100 in all."""
FIELDS = 10
LONGEST = 255

FORM, PAGE, LINK, OPEN_LINK = "F", "P", "L", "R"
"""Kinds of references that are made before anybody pays: our form, a page for one payment, a link for one, for many."""

_MADE = re.compile(r"[FPLR][0-9A-Z]{6}[0-9A-F]{13}")
_TRANSACTION = re.compile(r"[0-9]{16,26}")
_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def made_reference(kind: str, call: Call, expires_at: datetime | None = None) -> str:
    """A reference of 20 characters, the same for every attempt of a step: its kind, when it ends, and the step's key.

    Visa keeps no expiry for its links, so the end (minutes since 1970, base 36) travels in the number itself.
    """
    minutes = 0 if expires_at is None else int(expires_at.timestamp()) // 60
    return f"{kind}{_base36(minutes):0>6}{_step(call)[:13].upper():0<13}"


def kind_of(reference: str) -> str:
    """Which kind of made reference it is; an empty text when it is none of ours."""
    return reference[0] if _MADE.fullmatch(reference) else ""


def ends_at(reference: str) -> int | None:
    """When a made reference ends, in unix seconds; None when it does not."""
    minutes = int(reference[1:7], 36) if kind_of(reference) else 0
    return minutes * 60 or None


def is_transaction(reference: str) -> bool:
    """Whether a reference has the form of Visa's own transaction ids."""
    return _TRANSACTION.fullmatch(reference) is not None


def stands_for_payment(code: str) -> bool:
    """Whether a merchant reference is itself how a payment is known: our form's or page's, or what follow-ons carry."""
    return kind_of(code) in {FORM, PAGE} or is_transaction(code)


def carried(given: JsonObject) -> dict[str, Json]:
    """References and metadata of an input. Raises ``PermanentError`` (``bad_input``) for what Visa forbids."""
    found: dict[str, Json] = {name: given[name] for name in REFERENCES if given.get(name)}
    metadata = cast("JsonObject", given.get("metadata") or {})
    for name, value in {**found, **metadata}.items():
        check_impersonal(name, value)
    return {**found, **({"metadata": metadata} if metadata else {})}


def check_impersonal(name: str, value: Json) -> None:
    """Raise ``bad_input`` for a text that looks like an e-mail address: Visa suspends accounts that send such data."""
    if isinstance(value, str) and "@" in value:
        raise failure("bad_input", f"Visa forbids data of persons in {name!r}, and {name!r} holds an e-mail address.")


def to_fields(values: JsonObject, connection: Connection, *, step: str | None = None) -> Json:
    """The merchant-defined fields that carry this. ``step`` marks which step sent it, for looking before a repeat."""
    whole = {**values, **({"step": step} if step else {})}
    if not whole:
        return None
    text = json.dumps(whole, separators=(",", ":"), sort_keys=True)
    if len(text) > LONGEST * FIELDS:
        raise failure(
            "bad_input", f"Visa carries up to {LONGEST * FIELDS} characters of metadata, these are {len(text)}."
        )
    parts = [text[start : start + LONGEST] for start in range(0, len(text), LONGEST)]
    return [{"key": str(_first(connection) + number), "value": part} for number, part in enumerate(parts)]


def from_fields(fields: Json, connection: Connection) -> JsonObject:
    """What :func:`to_fields` wrote; empty when somebody else wrote there."""
    first = _first(connection)
    numbered = {
        int(str(field.get("key"))): str(field.get("value") or "")
        for field in (fields if isinstance(fields, list) else [])
        if isinstance(field, dict) and str(field.get("key")).isdigit()
    }
    text = "".join(numbered.get(number, "") for number in range(first, first + FIELDS))
    try:
        value = read_json(text) if text.startswith("{") else None
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def passed_on(values: JsonObject) -> dict[str, Json]:
    """What of a payment's references a capture or refund of it takes along."""
    return {name: values[name] for name in (*REFERENCES, "metadata") if values.get(name)}


def to_line(values: JsonObject) -> str:
    """References as the one short text that a payment link's line has room for (its SKU)."""
    text = json.dumps(values, separators=(",", ":"), sort_keys=True) if values else "hub"
    if len(text) > LONGEST:
        raise failure(
            "bad_input", f"A payment link of Visa carries {LONGEST} characters of references, not {len(text)}."
        )
    return text


def from_line(text: Json) -> JsonObject:
    """What :func:`to_line` wrote; empty for any other text."""
    try:
        value = read_json(text) if isinstance(text, str) and text.startswith("{") else None
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _step(call: Call) -> str:
    return "".join(letter for letter in call.key if letter in "0123456789abcdef")


def _first(connection: Connection) -> int:
    return int(str(connection.settings.get("metadata_field") or FIRST_FIELD))


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _BASE36[rest] + digits
    return digits
