"""Receives a delivery by what the manifest's ``webhook`` entry says; connectors with own code need none of it. Pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl

import orjson

from hub.connect.api import Answer, Delivery, RawEvent
from hub.connect.mapping import moment
from hub.connect.signatures import Scheme, verify
from hub.errors import DeliveryError, ExpressionError
from hub.expressions import compile_expression

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.connect.api import Connection, WebhookRequest
    from hub.expressions import Expression
    from hub.jsontypes import Json, JsonObject


def json_body(request: WebhookRequest) -> Json:
    """The body as JSON. Raises :class:`DeliveryError` (``not_json``)."""
    try:
        return cast("Json", orjson.loads(request.body))
    except orjson.JSONDecodeError as error:
        kind = request.headers.get("content-type", "none")
        message = f"The body is not JSON (content type: {kind})."
        remedy = "Set the webhook's format to JSON at the provider."
        raise DeliveryError(message, code="not_json", remedy=remedy) from error


def form_body(request: WebhookRequest) -> dict[str, Json]:
    """The body as form fields; a field that comes twice is a list. Raises :class:`DeliveryError` (``not_a_form``)."""
    try:
        pairs = parse_qsl(request.body.decode("utf-8"), keep_blank_values=True, max_num_fields=1000, errors="strict")
    except ValueError as error:
        message = "The body is not a form."
        raise DeliveryError(message, code="not_a_form", remedy="Set the webhook's format at the provider.") from error
    fields: dict[str, Json] = {}
    for name, value in pairs:
        earlier = fields.get(name)
        fields[name] = value if earlier is None else [*(earlier if isinstance(earlier, list) else [earlier]), value]
    return fields


class WebhookReceiver:
    """A manifest's ``webhook`` entry, compiled."""

    def __init__(self, entry: JsonObject) -> None:
        self._scheme = Scheme.from_manifest(entry) if entry["scheme"] != "code" else None
        self._secret = cast("str", entry.get("secret") or "webhook_secret")
        self._form = entry.get("body") == "form"
        self._events = _expression(entry, "events")
        self._id = _expression(entry, "dedupe")
        self._type = _expression(entry, "type")
        self._time = _expression(entry, "time")
        self._hint = bool(entry.get("hint"))
        self.answer = answer_of(entry)

    def verify(self, request: WebhookRequest, connection: Connection, now: datetime) -> Delivery:
        """Prove the sender, then parse. Raises ``SignatureError`` or ``DeliveryError``."""
        if self._scheme is not None:
            verify(self._scheme, request, connection.secret_versions(self._secret), now)
        return Delivery(self.parse(request), self.answer, self._hint)

    def parse(self, request: WebhookRequest) -> tuple[RawEvent, ...]:
        """The raw events of a delivery whose sender is proved. Raises ``DeliveryError``."""
        body = form_body(request) if self._form else json_body(request)
        headers: JsonObject = dict(request.headers)
        items: Sequence[Json] = [body]
        if self._events is not None:
            found = self._at(self._events, body, headers, "events")
            if not isinstance(found, list):
                message = "The delivery holds no list of events where it should."
                raise DeliveryError(message, code="bad_shape", remedy="Report this with the provider's description.")
            items = found
        return tuple(self._event(item, request, headers) for item in items)

    def _event(self, item: Json, request: WebhookRequest, headers: JsonObject) -> RawEvent:
        event_id = self._at(self._id, item, headers, "dedupe")
        event_type = self._at(self._type, item, headers, "type")
        if not isinstance(event_type, str) or not event_type:
            message = "The delivery does not say what happened: its type is missing."
            raise DeliveryError(message, code="bad_shape", remedy="Compare it with the provider's description.")
        if event_id is None and self._id is not None:
            message = f"The delivery of type {event_type!r} has no id to tell repeats by."
            raise DeliveryError(message, code="bad_shape", remedy="Compare it with the provider's description.")
        try:
            time = moment(self._at(self._time, item, headers, "time"))
        except (ValueError, OverflowError, OSError) as error:
            message = f"The delivery's time cannot be read: {error}."
            raise DeliveryError(message, code="bad_shape", remedy="Report this.") from error
        own_id = str(event_id) if event_id is not None else hashlib.sha256(request.body).hexdigest()
        return RawEvent(own_id, event_type, item, time)

    def _at(self, expression: Expression | None, item: Json, headers: JsonObject, what: str) -> Json:
        if expression is None:
            return None
        try:
            return expression.evaluate({"raw": item, "headers": headers})
        except ExpressionError as error:
            message = f"The delivery's {what} cannot be read: {error.message}"
            raise DeliveryError(message, code="bad_shape", remedy="Report this.") from error


def answer_of(entry: JsonObject) -> Answer:
    """What the gateway demands to hear after the events are durable."""
    given = cast("JsonObject", entry.get("answer") or {})
    answer = Answer()
    return Answer(
        status=cast("int", given.get("status", answer.status)),
        body=cast("str", given.get("body", "")).encode(),
        content_type=cast("str", given.get("content_type", answer.content_type)),
    )


def _expression(entry: JsonObject, key: str) -> Expression | None:
    text = entry.get(key)
    return compile_expression(cast("str", text)) if text and (key == "events" or entry["scheme"] != "code") else None
