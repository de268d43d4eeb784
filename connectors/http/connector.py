"""Any HTTP API out, signed webhooks in."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

from hub.connect.answers import EXCERPT, failure, json_or_none, raise_for_status
from hub.connect.api import ActionCode, ConnectorCode, Delivery, RawEvent
from hub.connect.auth import NoAuth, auth_of, send
from hub.connect.encoding import encode_body
from hub.connect.mapping import check_event, moment
from hub.connect.rest import form_pairs, query_pairs
from hub.connect.signatures import STANDARD_TOLERANCE, STANDARD_WEBHOOKS, Scheme, sign_standard_webhook, verify
from hub.connect.webhooks import json_body
from hub.errors import DeliveryError, ExpressionError, HubError, SignatureError
from hub.expressions import compile_expression, is_true

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.connect.api import Call, Connection, Fetch, HttpResponse, WebhookRequest
    from hub.connect.auth import Auth
    from hub.jsontypes import Json, JsonObject

LARGEST_TEXT = 64 * 1024
"""Bytes of an answer that is not JSON which a step keeps."""

_UNSAFE_METHODS = frozenset({"POST", "PATCH"})
# What an auth entry of a manifest calls its parts, and the connection's fields that fill them here.
_AUTH_FIELDS: Mapping[str, Mapping[str, str]] = {
    "basic": {"user": "user", "password": "password"},
    "bearer": {"token": "token"},
    "header": {"token": "token"},
    "hmac": {"secret": "hmac_secret"},
    "oauth2": {"client_id": "client_id", "client_secret": "client_secret"},
}
_AUTH_SETTINGS = [
    "header",
    "prefix",
    "signed",
    "algorithm",
    "encoding",
    "timestamp_header",
    "token_url",
    "scope",
    "audience",
    "client_auth",
]


def send_request(call: Call) -> Json:
    """Send one request and give the answer. POST and PATCH carry an ``Idempotency-Key``, stable over attempts."""
    given = call.input
    method = cast("str", given.get("method", "GET"))
    url = _address(call.connection, cast("str", given["url"]))
    headers = dict(cast("Mapping[str, str]", given.get("headers") or {}))
    content, content_type = _body(given)
    if content_type:
        headers.setdefault("Content-Type", content_type)
    keyed = method in _UNSAFE_METHODS and given.get("idempotency_key", True) is True
    if keyed:
        headers.setdefault("Idempotency-Key", call.key)
    if call.connection.secret_versions("signing_secret"):
        secret = call.connection.secret("signing_secret")
        headers |= sign_standard_webhook(secret, f"msg_{call.key}", call.now, content or b"")
    repeatable = keyed or method not in _UNSAFE_METHODS
    response = send(
        call.http,
        _auth(call),
        method,
        url,
        now=call.now,
        params=query_pairs(given.get("query")),
        headers=headers,
        body=content,
        repeatable=repeatable,
        follow_redirects=given.get("follow_redirects", False) is True,
    )
    return _judged(call, response, repeatable=repeatable)


def test(call: Call) -> str:
    """GET the connection's test path, signed in."""
    base = call.connection.settings.get("base_url")
    if not isinstance(base, str):
        return "There is no base address to try; each step gives its own address."
    url = _address(call.connection, cast("str", call.connection.settings.get("test_path") or "/"))
    response = send(call.http, _auth(call), "GET", url, now=call.now, follow_redirects=True)
    if response.status in {401, 403}:
        raise_for_status(response, now=call.now)
    return f"{base} answered {response.status}."


def receive(request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Delivery:
    """Prove a webhook by the connection's scheme; its JSON body becomes one event."""
    del fetch
    way = connection.settings.get("incoming", "refused")
    if way == "refused":
        message = f"The connection {connection.name!r} takes no webhooks."
        remedy = "Choose the sender's way of signing under Incoming webhooks in the connection."
        raise SignatureError(message, code="not_accepted", remedy=remedy)
    scheme = STANDARD_WEBHOOKS if way == "standard-webhooks" else _scheme(connection.settings)
    verify(scheme, request, connection.secret_versions("webhook_secret"), now)
    return Delivery((_event(request, connection.settings, scheme),))


def _address(connection: Connection, url: str) -> str:
    base = connection.settings.get("base_url")
    if url.startswith(("http://", "https://")):
        inside = isinstance(base, str) and _is_below(url, base)
        if isinstance(base, str) and not inside and connection.settings.get("auth", "none") != "none":
            message = f"This connection signs in to {base} only, not to {url}."
            raise failure("bad_input", f"{message} Give a path, or use a connection for that address.")
        return url
    if not isinstance(base, str):
        raise failure("bad_input", f"{url!r} is only a path, and the connection has no base address.")
    address = base.rstrip("/") + "/" + url.lstrip("/")
    if not _is_below(address, base):
        raise failure("bad_input", f"{url!r} leads outside of {base}.")
    return address


def _is_below(url: str, base: str) -> bool:
    """Whether an address lies on the host of the base address, and below its path."""
    there, here = urlsplit(url), urlsplit(base)
    same_host = (there.scheme, there.netloc.lower()) == (here.scheme, here.netloc.lower())
    climbs = ".." in unquote(there.path).split("/")
    return same_host and not climbs and f"{there.path}/".startswith(f"{here.path.rstrip('/')}/")


def _body(given: JsonObject) -> tuple[bytes | None, str | None]:
    if "json" in given:
        content, kind = encode_body(json=given["json"])
        return (b"null", "application/json") if content is None else (content, kind)
    if "form" in given:
        return encode_body(form=form_pairs(given["form"]))
    if "body" in given:
        content_type = cast("str", given.get("content_type", "text/plain; charset=utf-8"))
        return cast("str", given["body"]).encode(), content_type
    return None, None


def _auth(call: Call) -> Auth:
    settings = call.connection.settings
    way = cast("str", settings.get("auth", "none"))
    if way == "none":
        return NoAuth()
    options = {name: settings[name] for name in _AUTH_SETTINGS if settings.get(name)}
    return auth_of({"type": way, "header": "X-Api-Key", **options, **_AUTH_FIELDS[way]}, call.connection, call.http)


def _judged(call: Call, response: HttpResponse, *, repeatable: bool) -> Json:
    """The answer as the step's output, or the error that it means."""
    raise_for_status(response, now=call.now, repeatable=repeatable)
    if response.status >= 300:  # noqa: PLR2004
        where = response.headers.get("Location", "nowhere")
        raise failure("invalid_request", f"It answered {response.status} and redirects to {where}.")
    output = _output(response)
    condition = call.input.get("success")
    if isinstance(condition, str):
        try:
            succeeded = is_true(compile_expression(condition).evaluate(output))
        except ExpressionError as error:
            raise failure("bad_answer", f"The success condition could not be judged: {error.message}") from error
        if not succeeded:
            message = f"The success condition {condition!r} is not true of it."
            raise failure("invalid_request", message, details=response.text[:EXCERPT])
    return output


def _output(response: HttpResponse) -> JsonObject:
    is_json = "json" in response.headers.get("Content-Type", "").lower()
    answer = json_or_none(response) if is_json else None
    headers = {name.lower(): value for name, value in response.headers.items() if name.lower() != "set-cookie"}
    if answer is None and not (is_json and response.body.strip() == b"null"):
        text = response.body[:LARGEST_TEXT].decode("utf-8", "replace")
        cut = len(response.body) > LARGEST_TEXT
        return {"status": response.status, "headers": headers, "body": text, **({"truncated": True} if cut else {})}
    return {"status": response.status, "headers": headers, "body": answer}


def _scheme(settings: JsonObject) -> Scheme:
    timestamp = settings.get("webhook_timestamp_header")
    return Scheme.from_manifest(
        {
            "scheme": "hmac",
            "header": settings.get("webhook_header", "X-Signature"),
            "prefix": settings.get("webhook_prefix", ""),
            "signed": settings.get("webhook_signed", "{body}"),
            "algorithm": settings.get("webhook_algorithm", "sha256"),
            "encoding": settings.get("webhook_encoding", "hex"),
            **({"timestamp": {"header": timestamp}, "tolerance": STANDARD_TOLERANCE} if timestamp else {}),
        }
    )


def _event(request: WebhookRequest, settings: JsonObject, scheme: Scheme) -> RawEvent:
    body = json_body(request)
    if not isinstance(body, dict):
        message = "The body is JSON, but not an object."
        raise DeliveryError(message, code="bad_shape", remedy="Let the sender post a JSON object.")
    fixed = settings.get("event_type")
    event_type = fixed if isinstance(fixed, str) else body.get("type")
    if not isinstance(event_type, str):
        message = "The body has no type, and the connection names none."
        raise DeliveryError(message, code="bad_shape", remedy="Name the type of the events in the connection.")
    data = body.get("data") if not fixed and isinstance(body.get("data"), dict) else body
    problem = check_event(event_type, cast("JsonObject", data))
    if problem:
        raise DeliveryError(problem, code="bad_shape", remedy="Compare the sender's body with the event's schema.")
    try:
        time = moment(body.get("timestamp"))
    except (HubError, ValueError, OverflowError, OSError):
        time = None
    return RawEvent(_event_id(request, settings, scheme, body), event_type, data, time)


def _event_id(request: WebhookRequest, settings: JsonObject, scheme: Scheme, body: JsonObject) -> str:
    """What tells repeats: the scheme's own id, else the named field, else ``id``, else the body itself."""
    if scheme.id_header:
        given: Json = request.headers.get(scheme.id_header)
    else:
        path = settings.get("webhook_id")
        given = compile_expression(cast("str", path)).evaluate(body) if path else body.get("id")
        if path and given is None:
            message = f"The body has no id at {path!r}."
            raise DeliveryError(message, code="bad_shape", remedy="Correct where the id is, in the connection.")
    if isinstance(given, (str, int)) and not isinstance(given, bool) and given != "":
        return str(given)
    return hashlib.sha256(request.body).hexdigest()


connector = ConnectorCode(actions={"request": ActionCode(send_request)}, verify=receive, test=test)
