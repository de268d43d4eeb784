"""Form fields from JSON Schemas: what a browser sends, as the value that the schema wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import orjson

from hub.connect.schemas import CompiledSchema
from hub.errors import ConfigError, MoneyError
from hub.money import exact_decimal
from hub.web.entries import one_line, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from hub.connect.manifest import Field, Manifest
    from hub.jsontypes import Json, JsonObject, JsonSchema


_MOST_EXACT: Final = 2**53 - 1


def kind_of(schema: JsonSchema) -> str:
    """How a field is entered: ``choice yes_no integer number lines json text`` (``lines``: a list of texts)."""
    if "enum" in schema:
        return "choice"
    wanted = schema.get("type", "string")
    if wanted == "array":
        items = cast("JsonObject", schema.get("items") or {})
        return "lines" if items.get("type", "string") == "string" else "json"
    return {"boolean": "yes_no", "integer": "integer", "number": "number", "object": "json"}.get(str(wanted), "text")


def read_field(schema: JsonSchema, text: str, name: str, wrong: dict[str, str]) -> Json:
    """The value that was entered at the field ``name``; None where nothing was.

    None too, and in ``wrong`` what to say at it, when it is none that the schema takes.
    """
    try:
        value = _value(schema, text.strip())
    except ConfigError as error:
        wrong[name] = str(error)
        return None
    problems = CompiledSchema(schema).problems(value) if value is not None else []
    if problems:
        wrong[name] = sentence(problems[0], str(schema.get("description") or ""))
    return None if problems else value


def _value(schema: JsonSchema, text: str) -> Json:
    """The value of what was entered; None where nothing was. Raises ``ConfigError``."""
    kind = kind_of(schema)
    if kind == "yes_no":
        return {"": None, "true": True, "false": False}.get(text, text == "on")
    if not text:
        return None
    try:
        if kind in {"integer", "number"}:
            number = exact_decimal(text)
            is_whole = kind == "integer" or number == number.to_integral_value()
            return _whole(number) if is_whole else float(number)
        if kind == "json":
            return cast("Json", orjson.loads(text))
    except (ValueError, MoneyError) as error:
        wanted = {"integer": "a whole number", "number": "a number like 12.5", "json": "JSON"}[kind]
        message = f"{text[:40]!r} is not {wanted}."
        raise ConfigError(message, remedy="Correct it and save again.") from error
    if kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if kind == "choice":
        return next((one for one in cast("list[Json]", schema["enum"]) if str(one) == text), text)
    return one_line(text)


def _whole(number: Decimal) -> int:
    """Raises ``ValueError`` for one with decimals, or beyond what JSON carries exactly (RFC 8259, 6)."""
    if number != number.to_integral_value() or abs(number) > _MOST_EXACT:
        raise ValueError
    return int(number)


def form_values(manifest: Manifest, form: Mapping[str, str]) -> tuple[dict[str, Json], dict[str, str]]:
    """All fields of a connection's form, and what is wrong by field. A yes-or-no that is not ticked is false."""
    values: dict[str, Json] = {}
    wrong: dict[str, str] = {}
    for field in manifest.fields:
        value = read_field(field.schema, form.get(field.name, ""), field.name, wrong)
        if kind_of(field.schema) == "yes_no" and value is None:
            value = False
        if value is not None:
            values[field.name] = value
    return values, wrong


def shown_value(field: Field, settings: JsonObject) -> str:
    """What stands in a field of a form: the stored value, else the default, as text."""
    value = settings.get(field.name, field.default)
    return "" if value is None or field.secret else shown_text(field.schema, value)


def shown_text(schema: JsonSchema, value: Json) -> str:
    """A value as it is typed into its field, so that :func:`read_field` reads the same value."""
    kind = kind_of(schema)
    if kind == "lines" and isinstance(value, (list, tuple)):
        return "\n".join(str(one) for one in value)
    if kind == "json":
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return str(value).lower() if isinstance(value, bool) else str(value)
