"""Form fields from JSON Schemas: what a browser sends, as the value that the schema wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import orjson

from hub.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.manifest import Field, Manifest
    from hub.jsontypes import Json, JsonObject, JsonSchema


def kind_of(schema: JsonSchema) -> str:
    """How a field is entered: ``choice yes_no integer number lines json text`` (``lines``: a list of texts)."""
    if "enum" in schema:
        return "choice"
    wanted = schema.get("type", "string")
    if wanted == "array":
        items = cast("JsonObject", schema.get("items") or {})
        return "lines" if items.get("type", "string") == "string" else "json"
    return {"boolean": "yes_no", "integer": "integer", "number": "number", "object": "json"}.get(str(wanted), "text")


def field_value(schema: JsonSchema, text: str, title: str) -> Json:
    """The value of what was entered; None where nothing was. Raises ``ConfigError`` that names the field."""
    text = text.strip()
    kind = kind_of(schema)
    if kind == "yes_no":
        return {"": None, "true": True, "false": False}.get(text, text == "on")
    if not text:
        return None
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return int(text) if text.lstrip("-").isdigit() else float(text)
        if kind == "json":
            return cast("Json", orjson.loads(text))
    except ValueError as error:
        wanted = {"integer": "a whole number", "number": "a number like 12.5", "json": "JSON"}[kind]
        message = f"{title}: {text[:40]!r} is not {wanted}."
        raise ConfigError(message, remedy="Correct it and save again.") from error
    if kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if kind == "choice":
        return next((one for one in cast("list[Json]", schema["enum"]) if str(one) == text), text)
    return text


def form_values(manifest: Manifest, form: Mapping[str, str]) -> dict[str, Json]:
    """All fields of a connection's form. A yes-or-no that is not ticked is false. Raises ``ConfigError``."""
    values: dict[str, Json] = {}
    for field in manifest.fields:
        value = field_value(field.schema, form.get(field.name, ""), field.title)
        if kind_of(field.schema) == "yes_no" and value is None:
            value = False
        if value is not None:
            values[field.name] = value
    return values


def shown_value(field: Field, settings: JsonObject) -> str:
    """What stands in a field of a form: the stored value, else the default, as text."""
    value = settings.get(field.name, field.default)
    if value is None or field.secret:
        return ""
    kind = kind_of(field.schema)
    if kind == "lines" and isinstance(value, (list, tuple)):
        return "\n".join(str(one) for one in value)
    if kind == "json":
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return str(value).lower() if isinstance(value, bool) else str(value)
