"""The API's description, OpenAPI 3.1, made from the actions' own schemas, and the examples that a test runs."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from hub import __version__
from hub.connect.answers import error_codes
from hub.connect.documents import read_yaml
from hub.connect.schemas import resolve_shapes
from hub.engine.tokens import RESOURCES, SCOPES
from hub.web.api.accounts import GIVEN, SHOWN
from hub.web.api.listings import LARGEST_PAGE, LISTINGS, Listing
from hub.web.api.operations import OPERATIONS, PREFIX, Operation, spec_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hub.connect.registry import Registry
    from hub.jsontypes import Json, JsonObject, JsonSchema

_JSON: Final = "application/json"
_TEXT: Final[JsonSchema] = {"type": "string", "minLength": 1, "maxLength": 255}
_COMPONENTS: Final = "#/components/schemas/"

EVENT: Final[JsonSchema] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["type", "data"],
    "properties": {
        "type": {
            "type": "string",
            "minLength": 3,
            "maxLength": 120,
            "description": "A name of your own with a dot, such as acme.shipped.",
        },
        "data": {"type": "object", "description": "What happened, as recipes read it: event.data."},
    },
}
"""An event of the caller's own."""

_TYPES: Final[JsonSchema] = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 120},
    "minItems": 1,
    "maxItems": 100,
    "description": "Types of events: order.paid, payment.* or *.",
}
_WEBHOOK: Final[JsonObject] = {
    "title": {"type": "string", "minLength": 1, "maxLength": 120},
    "url": {"type": "string", "format": "uri", "maxLength": 2048, "description": "Where the hub posts to."},
    "types": _TYPES,
}
_SECRET: Final[JsonSchema] = {"type": "string", "description": "whsec_…, shown in this answer only."}


@dataclass(frozen=True, slots=True)
class Own:
    """An endpoint that is no action of a connector. ``body`` is its input, ``output`` its answer."""

    method: str
    path: str
    scope: str
    title: str
    text: str
    output: JsonSchema
    body: JsonSchema = field(default_factory=lambda: {"type": "object", "additionalProperties": False})

    @property
    def rule(self) -> str:
        """The path as Flask writes it."""
        return PREFIX + self.path.replace("{", "<").replace("}", ">")


def _object(**properties: JsonSchema) -> JsonSchema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _body(properties: JsonObject, *required: str) -> JsonSchema:
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


def _webhook_row() -> JsonSchema:
    return next(one for one in LISTINGS if one.resource == "webhooks").schema


OWN: Final[Mapping[str, Own]] = {
    "events.send": Own(
        "POST", "/events", "events:write", "Send an event",
        "Records an event of your own and starts the recipes that begin with it.",
        _object(event=_TEXT, type=_TEXT), EVENT,
    ),
    "payouts.account": Own(
        "GET", "/providers/{provider}/account", "payouts:read", "Look up where a provider's money goes",
        "The bank account and what gateways know; of numbers the ends only.", SHOWN,
    ),
    "payouts.keep_account": Own(
        "POST", "/providers/{provider}/account", "payouts:write", "Say where a provider's money goes",
        "A bank account, which replaces the one that is known, or what the gateway of a connection wants to know. The "
        "provider is told of a change by mail.", SHOWN, GIVEN,
    ),
    "webhooks.create": Own(
        "POST", "/webhooks", "webhooks:write", "Have events sent",
        "The hub posts each event of these types to your address, signed (Standard Webhooks), until you answer 2xx.",
        {**_webhook_row(), "properties": {**cast("JsonObject", _webhook_row()["properties"]), "secret": _SECRET}},
        _body(_WEBHOOK, "url", "types"),
    ),
    "webhooks.update": Own(
        "POST", "/webhooks/{webhook}/update", "webhooks:write", "Change an outgoing webhook",
        "Another title, address or types; on or off. What happens while it is off waits, for 30 days, until it is on.",
        _webhook_row(), _body({**_WEBHOOK, "enabled": {"type": "boolean"}}),
    ),
    "webhooks.delete": Own(
        "POST", "/webhooks/{webhook}/delete", "webhooks:write", "Delete an outgoing webhook",
        "Nothing more is sent; its messages are deleted.", _object(webhook=_TEXT, deleted={"type": "boolean"}),
    ),
    "webhooks.renew_secret": Own(
        "POST", "/webhooks/{webhook}/renew-secret", "webhooks:write", "Renew a webhook's secret",
        "Messages carry the signature of the old secret too, for 24 hours.", _object(webhook=_TEXT, secret=_SECRET),
    ),
    "webhooks.send_again": Own(
        "POST", "/webhooks/{webhook}/messages/{message}/send-again", "webhooks:write", "Send a message again",
        "Under the same webhook-id, so that a receiver that has it already knows it.",
        _object(webhook=_TEXT, message=_TEXT, state=_TEXT),
    ),
    "webhooks.skip": Own(
        "POST", "/webhooks/{webhook}/messages/{message}/skip", "webhooks:write", "Skip a message",
        "Gives up one that waits because the receiver refuses it, so that those behind it are sent.",
        _object(webhook=_TEXT, message=_TEXT, state=_TEXT),
    ),
}  # fmt: skip
"""The endpoints that only the API has."""

_API_CODES: Final[Mapping[str, str]] = {
    "no_token": "The request has no token.",
    "unknown_token": "The hub does not know the token.",
    "expired_token": "The token has expired.",
    "revoked_token": "The token was revoked.",
    "forbidden": "The token lacks the scope that the address needs.",
    "rate_limited": "Too many requests in this time; Retry-After says when to go on.",
    "not_json": "The body is not one JSON object.",
    "card_number": "A field holds a card number. Nothing was stored.",
    "key_reused": "The Idempotency-Key was used for another request.",
    "in_progress": "The same request is being answered at this moment; send it again in a few seconds.",
    "unknown_connection": "There is no such connection.",
    "not_offered": "This gateway has no such action.",
    "wrong_method": "The address is not called by this method.",
}

CODES: Final[Mapping[str, str]] = {
    **{code: row.sentence for code, row in error_codes().items()},
    **_API_CODES,
}
"""What a problem's ``code`` may be, with its sentence."""


@cache
def examples() -> Sequence[JsonObject]:
    """Requests in the order in which a test runs them: ``operation``, ``path``, ``body``, ``keep``."""
    document = cast("JsonObject", read_yaml(Path(__file__).parent / "examples.yaml"))
    return cast("Sequence[JsonObject]", document["examples"])


def description(registry: Registry, address: str) -> JsonObject:
    """The whole description, for a hub at ``address``."""
    schemas: dict[str, Json] = {"Problem": _PROBLEM}
    paths: dict[str, dict[str, Json]] = {}
    for method, path, entry in _entries(registry, schemas):
        paths.setdefault(path, {})[method.lower()] = entry
    _hoisted(resolve_shapes({"$ref": "Money"}), schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Connector Hub", "version": __version__, "description": _ABOUT},
        "servers": [{"url": address + PREFIX}],
        "tags": [{"name": name, "description": text} for name, text in RESOURCES.items()],
        "security": [{"token": []}],
        "paths": cast("JsonObject", paths),
        "components": {
            "schemas": schemas,
            "parameters": {_KEY: _KEY_HEADER},
            "responses": cast("JsonObject", {status: _problem(words, status) for status, words in STATUSES.items()}),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"A token of Settings, API tokens. Its scopes: {', '.join(SCOPES)}.",
                }
            },
        },
    }


def chapters(said: JsonObject) -> Mapping[str, list[tuple[str, str, JsonObject]]]:
    """The description by resource: method, path, operation."""
    found: dict[str, list[tuple[str, str, JsonObject]]] = {name: [] for name in RESOURCES}
    for path, methods in cast("Mapping[str, Mapping[str, JsonObject]]", said["paths"]).items():
        for method, entry in methods.items():
            found[cast("list[str]", entry["tags"])[0]].append((method.upper(), path, entry))
    return {name: entries for name, entries in found.items() if entries}


def _entries(registry: Registry, schemas: dict[str, Json]) -> Iterator[tuple[str, str, JsonObject]]:
    for operation in OPERATIONS:
        yield operation.method, operation.path, _of_action(operation, registry, schemas)
    for listing in LISTINGS:
        yield "GET", listing.path, _of_listing(listing)
        if listing.one:
            yield "GET", listing.one_path, _of_row(listing)
    for name, own in OWN.items():
        entry = _entry(name, own.scope, own.title, own.text, own.path, own.output)
        yield own.method, own.path, entry if own.method == "GET" else _taking(name, own.body, entry)


def _of_action(operation: Operation, registry: Registry, schemas: dict[str, Json]) -> JsonObject:
    spec = spec_of(operation, registry)
    given = cast("dict[str, Json]", _hoisted(spec.input, schemas))
    places = operation.places
    own = {name: one for name, one in cast("JsonObject", given["properties"]).items() if name not in places}
    if operation.by_caller:
        own.pop("actor")
    if not operation.connector:
        own["options"] = {"type": "object", "description": "Extras of the gateway; its page lists them."}
    required = [name for name in cast("list[str]", given.get("required") or []) if name not in places]
    schema = {**given, "properties": own, "required": required}
    output = _hoisted(spec.output, schemas)
    entry = _entry(operation.id, operation.scope, spec.title, spec.description, operation.path, output)
    return entry if operation.method == "GET" else _taking(operation.id, schema, entry)


def _of_listing(listing: Listing) -> JsonObject:
    title = listing.title or f"List {RESOURCES[listing.resource]}"
    entry = _entry(listing.id, listing.scope, title, listing.text, listing.path, _page_of(listing))
    limit: JsonSchema = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": 50}
    of_query: list[tuple[str, JsonSchema, str]] = [
        ("cursor", {"type": "string", "maxLength": 1000}, "`next` of the page before."),
        ("limit", limit, "How many at once."),
        *((one, cast("JsonSchema", cast("JsonObject", listing.schema["properties"])[one]), "Only these.")
          for one in listing.filters),
    ]  # fmt: skip
    queries: list[Json] = [
        {"name": one, "in": "query", "schema": schema, "description": text} for one, schema, text in of_query
    ]
    return {**entry, "parameters": [*cast("list[Json]", entry["parameters"]), *queries]}


def _of_row(listing: Listing) -> JsonObject:
    title = f"Look one up: {listing.one[-1]}"
    return _entry(listing.one_id, listing.scope, title, "As the list shows it.", listing.one_path, listing.schema)


def _page_of(listing: Listing) -> JsonSchema:
    following: JsonSchema = {"type": ["string", "null"], "description": "The cursor of the following page."}
    return _object(data={"type": "array", "items": listing.schema}, next=following)


def _entry(  # noqa: PLR0913 (what is said of an endpoint)
    name: str, scope: str, title: str, text: str, path: str, output: JsonSchema
) -> JsonObject:
    places = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    refusals = _EVERYWHERE | ({"404"} if places else set())
    return {
        "operationId": name,
        "tags": [scope.partition(":")[0]],
        "summary": title,
        "description": f"{text}\n\nScope: `{scope}`.",
        "parameters": [{"name": one, "in": "path", "required": True, "schema": _TEXT} for one in places],
        "responses": {
            "200": {"description": "Done.", "content": {_JSON: {"schema": output}}},
            **_refusing(refusals),
        },
    }


def _taking(name: str, schema: JsonSchema, entry: JsonObject) -> JsonObject:
    """An endpoint that changes something: its body with examples, the header that makes it safe to repeat, its refusals."""
    shown = {
        str(one.get("title") or "example"): {"value": one.get("body") or {}}
        for one in examples()
        if one["operation"] == name
    }
    content: JsonObject = {"schema": schema, **({"examples": shown} if shown else {})}
    parameters, responses = cast("list[Json]", entry["parameters"]), cast("JsonObject", entry["responses"])
    done = {**cast("JsonObject", responses["200"]), "headers": {"Idempotency-Replayed": _REPLAYED}}
    return {
        **entry,
        "parameters": [*parameters, {"$ref": f"#/components/parameters/{_KEY}"}],
        "requestBody": {"required": bool(schema.get("required")), "content": {_JSON: content}},
        "responses": {**responses, "200": done, **_refusing({"404", "409", "413"})},
    }


def _refusing(statuses: Iterable[str]) -> JsonObject:
    return {one: {"$ref": f"#/components/responses/{one}"} for one in sorted(statuses)}


def _problem(words: str, status: str) -> JsonObject:
    headers = {"headers": {"Retry-After": _RETRY_AFTER}} if status in _LATER else {}
    content: JsonObject = {"application/problem+json": {"schema": {"$ref": f"{_COMPONENTS}Problem"}}}
    return {"description": words, **headers, "content": content}


def _hoisted(schema: JsonSchema, schemas: dict[str, Json]) -> JsonSchema:
    """The schema with its definitions moved to the description's components."""
    found = cast("dict[str, Json]", _pointing(copy.deepcopy(cast("Json", schema))))
    for name, one in cast("JsonObject", found.pop("$defs", {})).items():
        schemas.setdefault(name, one)
    return found


def _pointing(value: Json) -> Json:
    if isinstance(value, dict):
        return {
            name: one.replace("#/$defs/", _COMPONENTS) if name == "$ref" and isinstance(one, str) else _pointing(one)
            for name, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_pointing(one) for one in value]
    return value


STATUSES: Final[Mapping[str, str]] = {
    "401": "No token, or one that is unknown, expired or revoked.",
    "403": "The token lacks the scope.",
    "404": "There is no such thing.",
    "409": "It does not fit the present state, or its twin is under way.",
    "413": "The body is larger than the API takes.",
    "422": "A field is wrong, or the gateway refused.",
    "429": "Too often; Retry-After says when to go on.",
    "500": "A fault of the hub's own; its log says more.",
    "503": "Not now; Retry-After says when.",
}
"""What is answered instead of 200, each with a problem."""

_EVERYWHERE: Final = frozenset({"401", "403", "422", "429", "500", "503"})
_LATER: Final = frozenset({"409", "429", "503"})
_RETRY_AFTER: Final[JsonObject] = {"schema": {"type": "integer"}, "description": "In seconds."}
_REPLAYED: Final[JsonObject] = {
    "schema": {"const": "true"},
    "description": "Only where the answer is that of an earlier request under the same key.",
}
_KEY: Final = "IdempotencyKey"
_KEY_HEADER: Final[JsonObject] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[\\x21-\\x7e]+$"},
    "description": "Of your own, a UUID: under one key a request is done once, and its answer given again for 48 hours.",
}

_PROBLEM: Final[JsonSchema] = {
    "type": "object",
    "title": "Problem",
    "description": "Problem details, RFC 9457.",
    "required": ["type", "title", "status", "code", "detail", "remedy"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "description": "For programs; it never changes its meaning."},
        "detail": {"type": "string", "description": "What happened, for people."},
        "remedy": {"type": "string", "description": "What to do about it."},
        "gateway_code": {"type": "string", "description": "The gateway's own code."},
        "errors": {
            "type": "array",
            "description": "Each field that is wrong.",
            "items": _object(field={"type": "string"}, message={"type": "string"}),
        },
    },
}

_ABOUT: Final = """\
What recipes and pages of the hub do, for programs. Amounts are whole minor units with their currency; times are UTC.

Send `Authorization: Bearer hub_…`. Give each change an `Idempotency-Key` of your own (a UUID): the same request under the \
same key is done once, and its answer is given again for 48 hours, marked `Idempotency-Replayed: true`. Lists are read page \
by page with `cursor`. Every error is a problem (RFC 9457) with a `code`, words, and the fields that are wrong."""
