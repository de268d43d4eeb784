"""What travels through Amazon Pay and comes back: references of the hub, in the merchant's own fields. Pure.

``merchantMetadata.merchantReferenceId`` holds the hub's reference of the payment, ``customInformation`` (4,096 characters)
a JSON object with order, invoice, link, job, metadata and the payer as the recipe knew them. Its member ``hub`` marks what
the hub made.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, cast

from connectors.amazon_pay.api import compact, object_of
from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import Json, JsonObject

REFERENCES: Final = ("order", "invoice", "link", "job")
LONGEST: Final = 4096
LONGEST_NOTE: Final = 255


def merchant_metadata(given: JsonObject, reference: str, store: Json) -> JsonObject:
    """``merchantMetadata`` of an input. Raises ``PermanentError`` (``bad_input``) for more than Amazon takes."""
    customer = object_of(given.get("customer"))
    kept: dict[str, Json] = {"hub": 1, **{name: given[name] for name in REFERENCES if given.get(name)}}
    kept |= {name: customer[name] for name in ("email", "name") if customer.get(name)}
    metadata = cast("Mapping[str, Json]", given.get("metadata") or {})
    if metadata:
        kept["metadata"] = dict(metadata)
    text = compact(kept)
    if len(text) > LONGEST:
        raise failure(
            "bad_input", f"Amazon Pay takes {LONGEST} characters of references and metadata, not {len(text)}."
        )
    note = cast("str | None", given.get("description"))
    return {
        "merchantReferenceId": reference,
        "merchantStoreName": store,
        "noteToBuyer": note[:LONGEST_NOTE] if note else None,
        "customInformation": text,
    }


def read(merchant: Json) -> JsonObject:
    """What was carried: references, ``metadata``, ``email``, ``name`` and ``hub`` where the hub wrote it; else empty."""
    text = object_of(merchant).get("customInformation")
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("hub") == 1 else {}
