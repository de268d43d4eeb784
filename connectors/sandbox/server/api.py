"""The frame of the JSON APIs: signing in, misbehaviour, idempotency keys, one transaction per request, errors."""

from __future__ import annotations

import functools
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

import orjson
from flask import Blueprint, Response, request
from sqlalchemy import delete, insert, select

from connectors.sandbox.server import misbehaviour
from connectors.sandbox.server.database import idempotency, milliseconds
from connectors.sandbox.server.present import describe
from connectors.sandbox.server.refusals import Refusal
from connectors.sandbox.server.validation import Fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.sandbox.server.records import Record
    from connectors.sandbox.server.sandbox import Sandbox
    from connectors.sandbox.server.store import Store
    from hub.jsontypes import Json, JsonObject

KEYS_KEPT_MS: Final = 30 * 24 * 3600 * 1000
MOST_PER_PAGE: Final = 100
LONGEST_KEY: Final = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request gets."""

    body: JsonObject
    status: int = 200


if TYPE_CHECKING:
    Handler = Callable[..., Answer]
    """``(store, fields, now, **path parts) -> Answer``; raises ``Refusal``."""


def json_response(body: Json, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(body), status=status, content_type="application/json")


def refused(refusal: Refusal) -> Response:
    """A ``Refusal`` as JSON."""
    response = json_response(refusal.to_json(), refusal.status)
    if refusal.status == 401:  # noqa: PLR2004
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def shown(store: Store, record: Record, status: int = 200) -> Answer:
    """A record as the answer."""
    return Answer(describe(record, store.site), status)


def listed(store: Store, kind: type[Record], parent: str | None = None) -> Answer:
    """A page of a list, newest first, by the query's ``limit``, ``after``, ``created_from`` and ``created_until``."""
    between = _moment("created_from"), _moment("created_until")
    records, following = store.page(kind, page_limit(), request.args.get("after"), parent, between)
    data: list[Json] = [describe(record, store.site) for record in records]
    return Answer({"data": data, "has_more": following is not None, "next": following})


def _moment(name: str) -> datetime | None:
    text = request.args.get(name)
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        found = None
    if text and (found is None or found.tzinfo is None):
        message = f"{name} must be a time like 2026-11-23T09:00:00Z."
        raise Refusal(400, "invalid_request", message)
    return found


def page_limit() -> int:
    """The query's ``limit``. Raises ``Refusal``."""
    text = request.args.get("limit", "20")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_PER_PAGE:
        message = f"limit must be a whole number from 1 to {MOST_PER_PAGE}."
        raise Refusal(400, "invalid_request", message)
    return int(text)


class Api:
    """One JSON API: ``scope`` names it for misbehaviour and idempotency keys, ``token`` is its bearer token."""

    def __init__(self, sandbox: Sandbox, scope: str, prefix: str, token: str) -> None:
        self.sandbox = sandbox
        self.scope = scope
        self.blueprint = Blueprint(f"api_{scope}", __name__, url_prefix=prefix)
        self._token = token
        self.blueprint.before_request(self._sign_in)
        self.blueprint.register_error_handler(Refusal, refused)

    def reads(self, path: str) -> Callable[[Handler], Handler]:
        """Register a handler ``(store, now, **parts)`` for GET."""

        def register(handler: Handler) -> Handler:
            @functools.wraps(handler)
            def view(**parts: str) -> Response:
                bad = self._misbehave()
                if isinstance(bad, Response):
                    return bad
                with self.sandbox.read() as (store, now):
                    answer = handler(store, now, **parts)
                return misbehaviour.cut() if bad else json_response(answer.body, answer.status)

            self.blueprint.add_url_rule(path, f"GET {path}", view, methods=["GET"])
            return handler

        return register

    def writes(self, path: str, method: str = "POST") -> Callable[[Handler], Handler]:
        """Register a handler ``(store, fields, now, **parts)`` that changes something."""

        def register(handler: Handler) -> Handler:
            @functools.wraps(handler)
            def view(**parts: str) -> Response:
                bad = self._misbehave()
                if isinstance(bad, Response):
                    return bad
                response = self.write(handler, parts)
                return misbehaviour.cut() if bad else response

            self.blueprint.add_url_rule(path, f"{method} {path}", view, methods=[method])
            return handler

        return register

    def write(self, handler: Handler, parts: dict[str, str]) -> Response:
        """Run one changing request in one transaction; its answer is kept with its idempotency key."""
        body = json_body()
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > LONGEST_KEY:
            message = f"The Idempotency-Key is longer than {LONGEST_KEY} characters."
            raise Refusal(400, "invalid_request", message)
        with self.sandbox.write() as (store, now):
            if not key:
                answer = handler(store, Fields(body), now, **parts)
                return json_response(answer.body, answer.status)
            name, digest = f"{self.scope}:{key}", _digest(body)
            earlier = _earlier(store, name, digest)
            if earlier is not None:
                return earlier
            answer = handler(store, Fields(body), now, **parts)
            _keep(store, name, digest, answer, self.sandbox.clock())
            return json_response(answer.body, answer.status)

    def _sign_in(self) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token.encode()):
            raise Refusal(401, "unauthorised", "The API key is missing or not valid: Authorization: Bearer <key>.")

    def _misbehave(self) -> Response | bool:
        """The bad answer; else whether the right one is to be lost on the way."""
        if "/test/" in request.path:
            return False
        bad = misbehaviour.from_header()
        if bad is None:
            with self.sandbox.database.read() as connection:
                waiting = misbehaviour.switched_on(self.sandbox.store(connection), self.scope)
            if waiting is None:
                return False
            with self.sandbox.write() as (store, _):
                bad = misbehaviour.take_one(store, self.scope)
        if bad is None:
            return False
        return misbehaviour.answer_for(bad) or bad.mode == "lost"


def json_body() -> Json:
    """The request's JSON, an empty object when there is no body. Raises ``Refusal`` 400."""
    raw = request.get_data()
    if not raw:
        return {}
    try:
        return cast("Json", orjson.loads(raw))
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "not_json", f"The body is not JSON: {error}.") from error


def _digest(body: Json) -> str:
    whole = [request.method, request.path, body]
    return hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _earlier(store: Store, name: str, digest: str) -> Response | None:
    row = store.connection.execute(select(idempotency).where(idempotency.c.key == name)).first()
    if row is None:
        return None
    if row.digest != digest:
        message = "The Idempotency-Key was used before for another request."
        raise Refusal(409, "key_reused", message)
    response = Response(row.body, status=row.status, content_type="application/json")
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _keep(store: Store, name: str, digest: str, answer: Answer, now: datetime) -> None:
    at = milliseconds(now)
    store.connection.execute(delete(idempotency).where(idempotency.c.at_ms < at - KEYS_KEPT_MS))
    body = orjson.dumps(answer.body).decode()
    store.connection.execute(
        insert(idempotency).values(key=name, digest=digest, status=answer.status, body=body, at_ms=at)
    )
