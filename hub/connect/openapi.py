"""Starts a connector from an OpenAPI 3 description: a folder in YAML alone whose actions work (``hub connector new``). Pure.

Each operation becomes an action with its schemas, paging and repeats; what the description leaves open is left to the
author. Schemas are copied to a depth at which they help and stay readable, and are open below it.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, cast

import yaml

from hub.connect.skeleton import checked_name, readme
from hub.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hub.jsontypes import Json, JsonObject

METHODS: Final = ("get", "post", "put", "patch", "delete")
DEPTH: Final = 3
"""How deep schemas are copied."""

_KEPT: Final = ("type", "enum", "required", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
_VERBS: Final = {"post": "create", "put": "replace", "patch": "update", "delete": "delete"}
_CURSORS: Final = ("after", "cursor", "page_token", "pageToken", "starting_after", "next_token", "offset_token")
_IDEMPOTENCY: Final = re.compile(r"(?i)idempotency|request-id$")
_ITEMS: Final = ("results", "items", "data", "values", "records", "entries")
_SUMMARY: Final = 300
_PREFERRED: Final = ("oauth2", "bearer", "basic", "header")
_OF_MANY: Final = frozenset({"batch", "search", "create", "update", "read", "archive", "upsert", "merge"})
"""Last parts of a path that say what is done, not with what."""


def connector_from_openapi(name: str, document: JsonObject) -> Mapping[str, str]:
    """The files of a connector by their path in its folder.

    Raises :class:`ConfigError` for a name that cannot be one, or a document that is no OpenAPI 3 description.
    """
    checked_name(name)
    if not str(document.get("openapi", "")).startswith("3.") or not isinstance(document.get("paths"), dict):
        message = "The file is no OpenAPI 3 description."
        raise ConfigError(message, remedy="Give a JSON or YAML file that begins with openapi: 3… and has paths.")
    description = _Description(document)
    info = cast("JsonObject", document.get("info") or {})
    title = str(info.get("title") or name.replace("_", " ").title())[:60]
    manifest: dict[str, Json] = {
        "connector": 1,
        "name": name,
        "title": title,
        "kind": "http",
        "summary": _sentence(info.get("description"), f"{title}, as its OpenAPI description has it."),
        **description.connection(),
        "actions": cast("Json", description.actions()),
    }
    text = yaml.safe_dump(manifest, sort_keys=False, width=110, allow_unicode=True)
    return {"connector.yaml": text, "README.md": readme(title)}


class _Description:
    """An OpenAPI document, its references followed."""

    def __init__(self, document: JsonObject) -> None:
        self._document = document
        self._paths = cast("Mapping[str, JsonObject]", document["paths"])
        self._names: Counter[str] = Counter()

    # how calls are signed in

    def connection(self) -> dict[str, Json]:
        """The parts ``connection``, ``setup`` and ``api`` of the manifest."""
        servers = cast("list[JsonObject]", self._document.get("servers") or [{"url": "https://api.example.com"}])
        fields: dict[str, Json] = {
            "api_base": {"title": "API address", "type": "string", "format": "uri", "default": str(servers[0]["url"])}
        }
        auth, secrets = self._auth()
        fields |= secrets
        return {
            "connection": {"required": list(fields), "properties": fields},
            "setup": "1. Open your account there and make credentials for the API.\n2. Copy them into the fields above.\n",
            "api": {"base": "${ connection.api_base }", "auth": auth, "errors": self._errors()},
        }

    def _auth(self) -> tuple[dict[str, Json], dict[str, Json]]:
        components = cast("JsonObject", self._document.get("components") or {})
        schemes = cast("Mapping[str, JsonObject]", components.get("securitySchemes") or {})
        found = [signed for scheme in schemes.values() if (signed := _signed_in(scheme)) is not None]
        found.sort(key=lambda one: _PREFERRED.index(str(one[0]["type"])))
        return found[0] if found else ({"type": "bearer", "token": "token"}, {"token": _secret("Access token")})

    def _errors(self) -> dict[str, Json]:
        """Where an error answer holds its code and words, as far as the descriptions of errors say."""
        for operation in self._operations():
            for status, response in cast("Mapping[str, JsonObject]", operation[2].get("responses") or {}).items():
                if str(status)[:1] in {"4", "5", "d"}:
                    found = _error_paths(self._schema_of(self._resolved(response)))
                    if found:
                        return found
        return {"code": "answer.code", "message": "answer.message"}

    # actions

    def actions(self) -> dict[str, JsonObject]:
        """Each operation as an action."""
        return {self._name(path, method, operation): self._action(path, method, operation)
                for path, method, operation in self._operations()}  # fmt: skip

    def _operations(self) -> Iterator[tuple[str, str, JsonObject]]:
        for path, item in self._paths.items():
            for method in METHODS:
                operation = item.get(method)
                if isinstance(operation, dict):
                    shared = cast("list[Json]", item.get("parameters") or [])
                    own = cast("list[Json]", operation.get("parameters") or [])
                    yield path, method, {**operation, "parameters": [*shared, *own]}

    def _name(self, path: str, method: str, operation: JsonObject) -> str:
        given = re.sub(r"[^a-z0-9.]+", "_", _snake(str(operation.get("operationId") or ""))).strip("_.")
        name = given if re.fullmatch(r"[a-z][a-z0-9_]{0,40}\.[a-z][a-z0-9_]{0,40}", given) else _path_name(path, method)
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name}_{self._names[name]}"

    def _action(self, path: str, method: str, operation: JsonObject) -> JsonObject:
        parameters = [self._resolved(cast("JsonObject", one)) for one in cast("list[Json]", operation["parameters"])]
        key = next(
            (one for one in parameters if one.get("in") == "header" and _IDEMPOTENCY.search(str(one["name"]))), None
        )
        taken = [one for one in parameters if one is not key and one.get("in") in {"path", "query"}]
        fields: dict[str, Json] = {_field(one): self._parameter(one) for one in taken}
        required: list[Json] = [_field(one) for one in taken if one.get("required")]
        body = self._schema_of(self._resolved(cast("JsonObject", operation.get("requestBody") or {})))
        if body is not None:
            fields["body"] = {**self._copied(body, DEPTH), "title": "Body"}
            required.append("body")
        output = self._output(operation)
        paging = _paging(taken, output)
        repeats = "key" if key is not None else {"post": "no"}.get(method, "nature")
        title = str(operation.get("summary") or self._title(path, method))[:80]
        return {
            "title": title,
            "description": _sentence(operation.get("description"), title),
            "idempotent": repeats,
            "input": {"type": "object", "additionalProperties": False, "required": required, "properties": fields},
            "output": {"type": "object"} if paging else output,
            "rest": _rest(path, method, taken, key=key, has_body=body is not None, paging=paging),
        }

    def _title(self, path: str, method: str) -> str:
        return _path_name(path, method).replace(".", " ").replace("_", " ").capitalize()

    def _parameter(self, parameter: JsonObject) -> JsonObject:
        schema = self._copied(cast("JsonObject", parameter.get("schema") or {}), DEPTH)
        return {**schema, "title": str(parameter["name"])}

    def _output(self, operation: JsonObject) -> JsonObject:
        for status, response in cast("Mapping[str, JsonObject]", operation.get("responses") or {}).items():
            if str(status).startswith("2"):
                schema = self._schema_of(self._resolved(response))
                if schema is not None:
                    return _all_optional(self._copied(schema, DEPTH))
        return {"type": ["object", "array", "string", "null"]}

    # schemas

    def _schema_of(self, content: JsonObject) -> JsonObject | None:
        """The JSON schema of a request's or an answer's body."""
        kinds = cast("Mapping[str, JsonObject]", content.get("content") or {})
        for kind, media in kinds.items():
            if "json" in kind or kind == "*/*":
                return self._resolved(cast("JsonObject", media.get("schema") or {}))
        return None

    def _resolved(self, value: JsonObject) -> JsonObject:
        seen: set[str] = set()
        while isinstance(value.get("$ref"), str):
            reference = str(value["$ref"])
            if not reference.startswith("#/") or reference in seen:
                return {}
            seen.add(reference)
            found: Json = self._document
            for part in reference[2:].split("/"):
                found = cast("JsonObject", found).get(part.replace("~1", "/").replace("~0", "~"), {})
            value = cast("JsonObject", found)
        return value

    def _copied(self, schema: JsonObject, depth: int) -> dict[str, Json]:
        """A schema as JSON Schema 2020-12, closed nowhere, cut off at ``depth``."""
        schema = self._merged(self._resolved(schema))
        kept: dict[str, Json] = {name: schema[name] for name in _KEPT if name in schema and _plain(name, schema[name])}
        if isinstance(schema.get("description"), str):
            kept["description"] = _sentence(schema["description"], "")
        choices = schema.get("oneOf") or schema.get("anyOf")
        if isinstance(choices, list) and depth:
            kept["anyOf"] = [self._copied(cast("JsonObject", one), depth - 1) for one in choices]
        properties = cast("Mapping[str, JsonObject]", schema.get("properties") or {})
        if properties:
            kept["type"] = "object"
        if properties and depth:
            kept["properties"] = {name: self._copied(one, depth - 1) for name, one in properties.items()}
        else:
            kept.pop("required", None)
        if isinstance(schema.get("items"), dict) and depth:
            kept["items"] = self._copied(cast("JsonObject", schema["items"]), depth - 1)
        if schema.get("nullable") and isinstance(kept.get("type"), str):
            kept["type"] = [kept["type"], "null"]
        return kept

    def _merged(self, schema: JsonObject) -> JsonObject:
        """A schema with what its ``allOf`` adds."""
        merged: dict[str, Json] = {name: value for name, value in schema.items() if name != "allOf"}
        for part in cast("list[JsonObject]", schema.get("allOf") or []):
            whole = self._merged(self._resolved(part))
            properties = {
                **cast("JsonObject", merged.get("properties") or {}),
                **cast("JsonObject", whole.get("properties") or {}),
            }
            required = [
                *cast("list[Json]", merged.get("required") or []),
                *cast("list[Json]", whole.get("required") or []),
            ]
            merged = {**whole, **merged}
            merged |= {"properties": properties} if properties else {}
            merged |= {"required": list(dict.fromkeys(cast("list[str]", required)))} if required else {}
        return merged


def _signed_in(scheme: JsonObject) -> tuple[dict[str, Json], dict[str, Json]] | None:
    """``api.auth`` and the connection's fields for a security scheme; None for one that the hub does not speak."""
    kind = scheme.get("type")
    if kind == "http" and scheme.get("scheme") == "basic":
        user: JsonObject = {"title": "User", "type": "string"}
        return {"type": "basic", "user": "user", "password": "password"}, {
            "user": user,
            "password": _secret("Password"),
        }
    if kind == "http":
        return {"type": "bearer", "token": "token"}, {"token": _secret("Access token")}
    if kind == "apiKey" and scheme.get("in") == "header":
        header = str(scheme.get("name") or "Authorization")
        return {"type": "header", "header": header, "token": "api_key"}, {"api_key": _secret("API key")}
    flows = cast("JsonObject", scheme.get("flows") or {})
    flow = cast("JsonObject", flows.get("clientCredentials") or {})
    if kind == "oauth2" and not flow:
        return {"type": "bearer", "token": "token"}, {"token": _secret("Access token")}
    if kind == "oauth2" and isinstance(flow.get("tokenUrl"), str) and str(flow["tokenUrl"]).startswith("http"):
        auth: dict[str, Json] = {
            "type": "oauth2", "token_url": str(flow["tokenUrl"]), "client_id": "client_id", "client_secret": "client_secret",
        }  # fmt: skip
        return auth, {"client_id": {"title": "Client id", "type": "string"}, "client_secret": _secret("Client secret")}
    return None


def _secret(title: str) -> JsonObject:
    return {"title": title, "type": "string", "secret": True}


def _error_paths(schema: JsonObject | None) -> dict[str, Json]:
    properties = cast("Mapping[str, JsonObject]", (schema or {}).get("properties") or {})
    code = next((name for name in ("code", "name", "error", "category", "type") if name in properties), None)
    words = next((name for name in ("message", "error_description", "detail", "title") if name in properties), None)
    return {"code": f"answer.{code}", "message": f"answer.{words}"} if code and words else {}


def _rest(  # noqa: PLR0913 (the parts of a request)
    path: str, method: str, taken: list[JsonObject], *, key: JsonObject | None, has_body: bool, paging: JsonObject
) -> JsonObject:
    names = {str(one["name"]): _field(one) for one in taken}
    template = re.sub(r"\{([^}]+)\}", lambda match: f"${{ input.{names.get(match[1], _snake(match[1]))} }}", path)
    rest: dict[str, Json] = {"method": method.upper(), "path": template}
    cursor = paging.get("parameter")
    query: dict[str, Json] = {
        str(one["name"]): f"${{ input.{_field(one)} }}"
        for one in taken
        if one["in"] == "query" and one["name"] != cursor
    }
    if query:
        rest["query"] = query
    if key is not None:
        rest["headers"] = {str(key["name"]): "${ key }"}
    if has_body:
        rest["json"] = "${ input.body }"
    if paging:
        rest |= {"paging": paging, "output": {"items": "${ items }"}}
    return rest


def _paging(taken: list[JsonObject], output: JsonObject) -> JsonObject:
    """How further pages are asked for, where parameters and answer show it; empty where they do not."""
    properties = cast("Mapping[str, JsonObject]", output.get("properties") or {})
    items = next((name for name in _ITEMS if properties.get(name, {}).get("type") == "array"), None)
    names = {str(one["name"]) for one in taken if one["in"] == "query"}
    parameter = next((name for name in _CURSORS if name in names), None)
    cursor = _path_to(properties, parameter) if parameter else None
    if items and cursor:
        return {"style": "cursor", "items": f"answer.{items}", "cursor": f"answer.{cursor}", "parameter": parameter}
    if items and "page" in names:
        return {"style": "page", "items": f"answer.{items}", "parameter": "page"}
    return {}


def _path_to(properties: Mapping[str, JsonObject], name: str | None) -> str | None:
    """The path to the member of an answer that holds the next cursor."""
    for member, schema in properties.items():
        if member in {name, "next_cursor", "next_page_token", "nextPageToken"} and "properties" not in schema:
            return member
        inner = _path_to(cast("Mapping[str, JsonObject]", schema.get("properties") or {}), name)
        if inner:
            return f"{member}.{inner}"
    return None


def _path_name(path: str, method: str) -> str:
    """``contact.list`` for GET /crm/v3/objects/contacts, ``contact.get`` for GET …/contacts/{id}."""
    parts = [part for part in path.strip("/").split("/") if part]
    words = [_word(part) for part in parts if not part.startswith("{") and not re.fullmatch(r"v\d+", part)] or ["root"]
    done = [words.pop()] if words[-1] in _OF_MANY and len(words) > 1 else []
    if words[-1] == "batch" and len(words) > 1:
        done.insert(0, words.pop())
    verb = _VERBS.get(method) or ("get" if parts and parts[-1].startswith("{") else "list")
    return f"{words[-1]}.{'_'.join(done) or verb}"


def _word(part: str) -> str:
    word = re.sub(r"[^a-z0-9]+", "_", _snake(part)).strip("_") or "root"
    return word if word[0].isalpha() else f"n{word}"


def _field(parameter: JsonObject) -> str:
    return re.sub(r"[^a-z0-9]+", "_", _snake(str(parameter["name"]))).strip("_") or "parameter"


def _snake(text: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()


def _sentence(value: Json, otherwise: str) -> str:
    """The first sentence of a description, as plain text."""
    text = re.sub(r"<[^>]+>|[`*]", "", value if isinstance(value, str) else "")
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", " ".join(text.split()))
    first = re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0][:_SUMMARY].replace("${", "$ {")
    return first if len(first) >= len("0123456789") else otherwise


def _all_optional(schema: dict[str, Json]) -> dict[str, Json]:
    """An answer's schema without demands: a provider that leaves a field out has not failed."""
    kept = {name: value for name, value in schema.items() if name in {"type", "description", "title"}}
    if isinstance(schema.get("properties"), dict):
        members = cast("Mapping[str, dict[str, Json]]", schema["properties"])
        kept["properties"] = {name: _all_optional(one) for name, one in members.items()}
    if isinstance(schema.get("items"), dict):
        kept["items"] = _all_optional(cast("dict[str, Json]", schema["items"]))
    return kept


def _plain(name: str, value: Json) -> bool:
    """Whether a keyword means the same in OpenAPI 3.0 and in JSON Schema."""
    return not (name in {"minimum", "maximum"} and isinstance(value, bool))
