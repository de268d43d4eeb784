"""What travels through Authorize.Net and comes back, and the references that are made before anybody pays. Pure.

Authorize.Net has no metadata. What a transaction report gives back are invoice number (20 characters), description and line
items (``transactionDetailsType`` of the schema), so references and metadata travel as line items without a price, and the
hub's own reference as the invoice number. Subscriptions have no line items: theirs stand in brackets in the description.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, urlencode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connectors.authorize_net.api import listed
from hub.connect.answers import failure

if TYPE_CHECKING:
    from hub.connect.api import Call, Connection
    from hub.jsontypes import Json, JsonObject

REFERENCES = ("order", "invoice", "link", "job")
PAGE, FORM, STORED, REFUND, SUBSCRIPTION = "H", "F", "S", "R", "A"
"""Kinds of invoice numbers: of a page of Authorize.Net's, a form, a stored means' charge, a refund, a subscription."""
TAKEN_BACK = "V"
"""Begins the reference of a void that gives back what was taken; of an authorisation's void it is the step's."""

MOST_ITEMS = 30
LONGEST_NAME = 31
LONGEST_VALUE = 255
LONGEST_SEAL = 3900
"""What the hub's page sends on of one value that a browser brought."""
NONCE = 12
"""Bytes, as AES-GCM takes them."""
_REFERENCE, _METADATA = "Reference", "Metadata"
_TIMED = re.compile(r"[HF][0-9A-Z]{6}[0-9A-F]{13}")
_IN_BRACKETS = re.compile(r"\s*\[hub ([^\[\]]*)\]$")
_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def timed_reference(kind: str, call: Call, end: datetime) -> str:
    """A reference of 20 characters for what a payer may pay: its kind, until when (minutes since 1970), the step's key."""
    return f"{kind}{_base36(int(end.timestamp()) // 60):0>6}{call.key[:13].upper():0<13}"


def step_reference(kind: str, call: Call) -> str:
    """The invoice number of what a step does by itself, the same for all its attempts."""
    return f"{kind}{call.key[:19].upper()}"


def kind_of(reference: str) -> str:
    """Whether a reference stands for a page or a form; an empty text when it is none of the hub's."""
    return reference[0] if _TIMED.fullmatch(reference) else ""


def end_of(reference: str) -> datetime:
    """Until when the page or form of a timed reference can be used."""
    return datetime.fromtimestamp(int(reference[1:7], 36) * 60, tz=UTC)


# Line items.


def line_items(given: JsonObject) -> Json:
    """References and metadata as line items; null for none. Raises ``bad_input`` for what would be refused or cut."""
    metadata = cast("JsonObject", given.get("metadata") or {})
    pairs = [(_REFERENCE, name, str(given[name])) for name in REFERENCES if given.get(name)]
    pairs += [(_METADATA, name, str(value)) for name, value in metadata.items() if value != ""]
    for _, name, value in pairs:
        if not 0 < len(name) <= LONGEST_NAME or len(value) > LONGEST_VALUE:
            rule = f"names of up to {LONGEST_NAME} characters, values of up to {LONGEST_VALUE}"
            raise failure("bad_input", f"Authorize.Net does not carry {name!r}: {rule}.")
    if len(pairs) > MOST_ITEMS:
        raise failure("bad_input", f"Authorize.Net carries {MOST_ITEMS} references and metadata, not {len(pairs)}.")
    items: list[Json] = [
        {"itemId": name, "name": sort, "description": value, "quantity": "1", "unitPrice": "0.00"}
        for sort, name, value in pairs
    ]
    return {"lineItem": items} if items else None


def carried_by(details: JsonObject) -> JsonObject:
    """References and metadata that a transaction carries: in line items, or as a subscription's in its description."""
    items = listed(details.get("lineItems"), "lineItem")
    found: dict[str, Json] = {}
    metadata: dict[str, Json] = {}
    for item in items:
        name, value = str(item.get("itemId") or ""), str(item.get("description") or "")
        if item.get("name") == _REFERENCE and name in REFERENCES:
            found[name] = value
        elif item.get("name") == _METADATA:
            metadata[name] = value
    if not found and not metadata:
        return described_by(cast("JsonObject", details.get("order") or {}))[0]
    return {**found, **({"metadata": metadata} if metadata else {})}


# Descriptions.


def description_of(given: JsonObject, **more: str) -> str:
    """A subscription's description: words for people, then what it carries in brackets. Raises ``bad_input``."""
    metadata = cast("JsonObject", given.get("metadata") or {})
    pairs = {name: str(given[name]) for name in REFERENCES if given.get(name)}
    pairs |= {f"m.{name}": str(value) for name, value in metadata.items()}
    query = urlencode({**more, **pairs})
    marks = f"[hub {query}]" if query else ""
    if len(marks) > LONGEST_VALUE:
        raise failure(
            "bad_input", f"A subscription carries {LONGEST_VALUE} characters of references, not {len(marks)}."
        )
    text = re.sub(r"[\[\]]", " ", str(given.get("description") or ""))[: max(LONGEST_VALUE - 1 - len(marks), 0)]
    return f"{text} {marks}".strip()


def described_by(order: JsonObject) -> tuple[JsonObject, dict[str, str]]:
    """What :func:`description_of` wrote: references and metadata, and the hub's own marks."""
    match = _IN_BRACKETS.search(str(order.get("description") or ""))
    pairs = dict(parse_qsl(match[1], keep_blank_values=True)) if match else {}
    metadata = {name[2:]: value for name, value in pairs.items() if name.startswith("m.")}
    found: dict[str, Json] = {name: pairs[name] for name in REFERENCES if name in pairs}
    own = {name: value for name, value in pairs.items() if name not in found and not name.startswith("m.")}
    return {**found, **({"metadata": cast("Json", metadata)} if metadata else {})}, own


# What a form in a page of ours is to charge: fixed on the server, carried by the browser, opened when it comes back.


def sealed(terms: JsonObject, connection: Connection) -> str:
    """Terms as text that nobody can read or change. Raises ``bad_input`` when it gets too long for a browser's return."""
    body = json.dumps(terms, ensure_ascii=False, separators=(",", ":")).encode()
    key = _own_key(connection.secret("transaction_key"))
    # A nonce made of key and content: it differs for other terms, and the same terms tell nothing new.
    nonce = hmac.digest(key, body, "sha256")[:NONCE]
    text = urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, body, None)).decode()
    if len(text) > LONGEST_SEAL:
        raise failure("bad_input", "This form carries too much: shorten description, customer or metadata.")
    return text


def unsealed(text: str, connection: Connection) -> JsonObject:
    """The terms of :func:`sealed`. Raises ``PermanentError`` (``bad_return``) for any other text."""
    for key in connection.secret_versions("transaction_key"):
        try:
            whole = urlsafe_b64decode(text.encode())
            body = AESGCM(_own_key(key)).decrypt(whole[:NONCE], whole[NONCE:], None)
        except (InvalidTag, ValueError):
            continue
        return cast("JsonObject", json.loads(body))
    raise failure("bad_return", "The form's terms were changed, or are of another connection.")


def _own_key(key: str) -> bytes:
    return hashlib.sha256(b"connector hub, terms of a form:" + key.encode()).digest()


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _BASE36[rest] + digits
    return digits
