"""What people typed at a page of the admin's, held to the input of the action that it becomes: what is wrong, by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hub.commerce.form_fields import mail_address
from hub.connect.schemas import CompiledSchema, Problem
from hub.errors import MoneyError
from hub.money import Money
from hub.web.acting import manifest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import JsonObject, JsonSchema

NO_ADDRESS = "This is no mail address. Write it like ada@example.com."


def misfits(connection: str, action: str, given: JsonObject, places: Mapping[str, str]) -> dict[str, str]:
    """By field of a page, how ``given`` breaks the input of an action of one of the hub's own connectors.

    ``places`` says where a part of the input is typed: ``{"customer.email": "email"}``. What is typed nowhere is left to
    the action to refuse.
    """
    manifest = manifest_of(connection)
    if manifest is None:
        return {}
    schema = manifest.actions[action].input
    wrong: dict[str, str] = {}
    for problem in CompiledSchema(schema).problems(given):
        for path, field in places.items():
            if f"{problem.path}.".startswith(f"{path}."):
                wrong.setdefault(field, _said(problem, path, schema))
    return wrong


def _said(problem: Problem, path: str, schema: JsonSchema) -> str:
    """For people; an entry of a list is named by its line."""
    number = problem.path.removeprefix(path).strip(".").partition(".")[0]
    line = f"Line {int(number) + 1}: " if number.isdigit() else ""
    limit = f"{problem.limit:,}" if problem.limit is not None else ""
    known = {
        "maxLength": f"At most {limit} characters, please.",
        "maxItems": f"At most {limit}, please.",
        "minLength": "Something is missing.",
        "minimum": f"At least {limit}, please.",
        "maximum": f"At most {limit}, please.",
    }
    return line + (known.get(problem.rule) or f"This does not fit. {_described(path, schema)}".rstrip())


def _described(path: str, schema: JsonSchema) -> str:
    properties = cast("Mapping[str, JsonObject]", schema.get("properties") or {})
    return str(properties.get(path, {}).get("description") or "")


def wrong_address(typed: str) -> dict[str, str]:
    """What to say at the field ``email`` of what was typed there; nothing where it is empty or right."""
    return {"email": NO_ADDRESS} if typed and mail_address(typed) is None else {}


def wrong_currency(typed: str) -> dict[str, str]:
    """What to say at the field ``currency`` of what was typed there; nothing where it is empty or a currency."""
    try:
        Money(0, typed.upper() or "EUR")
    except MoneyError as error:
        return {"currency": str(error)}
    return {}
