"""A request of the API as it comes in: its values, its key, its answer, and what it must never hold."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import TYPE_CHECKING, Final

import orjson
from flask import Response, request

from hub.engine.api_answers import ApiAnswers
from hub.errors import PermanentError
from hub.jsontypes import canonical_json
from hub.web.api.bearer import caller
from hub.web.api.listings import bad_field
from hub.web.api.problems import problem_of
from hub.web.sessions import the_hub

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from hub.jsontypes import Json, JsonObject

LARGEST_BODY: Final = 256 * 1024
"""Bytes of one request."""

_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
_CARD: Final = re.compile(r"(?<![0-9A-Za-z_.])[2-6](?:[ -]?[0-9]){12,18}(?![0-9A-Za-z_])")
_DEEPEST: Final = 40


def body_of_request(spared: Collection[str] = ()) -> JsonObject:
    """The JSON object of the body; an empty body is an empty object.

    ``spared``: members that are looked at for card numbers elsewhere. Raises ``PermanentError`` when it is no JSON object,
    or holds what no request may hold (:func:`refuse_secrets`).
    """
    request.max_content_length = LARGEST_BODY
    raw = request.get_data()
    if not raw.strip():
        return {}
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        message = f"The body is not JSON: {error.msg}, line {error.lineno}, column {error.colno}."
        raise PermanentError(message, code="not_json", remedy="Send one JSON object.") from None
    if not isinstance(found, dict):
        raise PermanentError("The body is no JSON object.", code="not_json", remedy="Send one JSON object, {…}.")
    refuse_secrets(found, spared)
    return found


def refuse_secrets(value: JsonObject, spared: Collection[str] = ()) -> None:
    """Refuse card numbers, wherever they stand, so that none is stored; and texts that no database keeps.

    Raises ``PermanentError`` that names the field and never holds what stood there.
    """
    for path, text in _texts(value, "", 0):
        if "\x00" in text:
            raise bad_field(path, "A text cannot hold the character NUL.")
        if path not in spared and any(_is_card(found[0]) for found in _CARD.finditer(text)):
            details = {"errors": [{"field": path, "message": "This is a card number."}]}
            raise PermanentError(
                f"{path}: this is a card number. The hub takes none; nothing was stored.",
                code="card_number",
                remedy="Let the payer enter it on the gateway's page or form.",
                details=details,
            )


def answered_once(path: JsonObject, given: JsonObject, act: Callable[[str], Json]) -> Response:
    """Answer a change: ``act`` gets the key of the work. With an ``Idempotency-Key`` the answer is kept and given again.

    Answers to what may work later, or was not found, are not kept: a repetition does it anew, under the same key of work.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return _json(act(f"api {caller().id} {uuid.uuid4().hex}"))
    if not _KEY.fullmatch(key):
        raise bad_field("Idempotency-Key", "Write 1 to 200 visible ASCII characters, such as a UUID.")
    answers = ApiAnswers(the_hub(), caller().id, key)
    asked = canonical_json([request.method, request.path, dict(path), dict(given)])
    kept = answers.begin(hashlib.sha256(asked).hexdigest())
    if kept is not None:
        mimetype = "application/json" if kept.status < 400 else "application/problem+json"  # noqa: PLR2004 (HTTP's classes)
        return Response(kept.body, kept.status, {"Idempotency-Replayed": "true"}, mimetype=mimetype)
    try:
        answer = _json(act(f"api {caller().id} {key}"))
    except PermanentError as error:
        answer = problem_of(error)
    except Exception:
        answers.free()
        raise
    answers.keep(answer.status_code, answer.get_data())
    return answer


def _json(value: Json) -> Response:
    return Response(orjson.dumps(value), 200, mimetype="application/json")


def _texts(value: Json, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """Every text and number of a value, names of members among them, with its path."""
    if depth > _DEEPEST:
        raise bad_field(path, f"This is nested more than {_DEEPEST} levels deep.")
    if isinstance(value, dict):
        for name, member in value.items():
            yield f"a name in {path or 'the body'}", name
            yield from _texts(member, f"{path}.{name}".lstrip(".")[:200], depth + 1)
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _texts(member, f"{path}.{number}", depth + 1)
    elif isinstance(value, (str, int)) and not isinstance(value, bool):
        yield path, str(value)


def _is_card(text: str) -> bool:
    """Whether the digits are a number as cards have them (ISO/IEC 7812: 13 to 19 digits, checked after Luhn)."""
    digits = [int(one) for one in text if one.isdigit()][::-1]
    doubled = sum(sum(divmod(2 * one, 10)) for one in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0
