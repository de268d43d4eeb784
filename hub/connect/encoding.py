"""How a request's query and body become bytes; signatures are made over exactly these bytes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlencode

import orjson

if TYPE_CHECKING:
    from hub.jsontypes import Json

Pairs: TypeAlias = Mapping[str, str] | Sequence[tuple[str, str]]


def encode_body(
    *, json: Json = None, form: Pairs | None = None, body: bytes | None = None
) -> tuple[bytes | None, str | None]:
    """The bytes of a request's body and their content type; signatures are made over exactly these bytes."""
    if json is not None:
        return orjson.dumps(json), "application/json"
    if form is not None:
        pairs = list(form.items()) if isinstance(form, Mapping) else list(form)
        return urlencode(pairs).encode(), "application/x-www-form-urlencoded"
    return body, None


def with_query(url: str, params: Pairs | None) -> str:
    """The URL with percent-encoded query parameters added to those it has."""
    if not params:
        return url
    pairs = list(params.items()) if isinstance(params, Mapping) else list(params)
    bare, hash_mark, fragment = url.partition("#")
    return f"{bare}{'&' if '?' in bare else '?'}{urlencode(pairs)}{hash_mark}{fragment}"
