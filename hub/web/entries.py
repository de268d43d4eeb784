"""What people typed at a page of the admin's: read alike everywhere, and what is wrong with it by field.

Nothing is cut off unseen: what is too long for its field is said there. Characters that nobody can see or type are left out
of every request before a page sees it (:class:`Parameters`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, cast

from flask import request
from werkzeug.datastructures import ImmutableMultiDict

from hub.commerce.form_fields import mail_address
from hub.connect.schemas import CompiledSchema, Problem
from hub.errors import ActionError, ConflictError, MoneyError
from hub.money import Money, exact_decimal
from hub.web.acting import act_once, manifest_of
from hub.web.formatting import reader_zone

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from hub.errors import HubError
    from hub.jsontypes import JsonObject, JsonSchema

NO_ADDRESS: Final = "This is no mail address. Write it like ada@example.com."
LONGEST_ADDRESS: Final = 254
"""Characters of a mail address (RFC 5321, 4.5.3.1.3, less the brackets)."""

LONGEST_PERSON: Final[Mapping[str, int]] = {"name": 200, "email": LONGEST_ADDRESS}

_UNSEEN: Final = dict.fromkeys({*range(32), *range(127, 160)} - {ord("\t"), ord("\n"), ord("\r")})
_LINE_END: Final = re.compile(r"[ \t]*[\r\n\t]+[ \t]*")


class Parameters(ImmutableMultiDict[str, object]):
    """The fields of a request, without control characters: no database keeps NUL, and nobody typed them."""

    def __init__(self, mapping: Iterable[tuple[str, object]] = ()) -> None:
        super().__init__(
            [(name, value.translate(_UNSEEN) if isinstance(value, str) else value) for name, value in mapping]
        )


def typed_in(names: Iterable[str], lines: Collection[str] = ()) -> dict[str, str]:
    """What was typed in these fields of the form that was sent, without the space around it.

    A field that is not among ``lines`` has one line; what was pasted into it in several is put on one.
    """
    found = {name: request.form.get(name, "").replace("\r\n", "\n").strip() for name in names}
    return {name: text if name in lines else one_line(text) for name, text in found.items()}


def one_line(text: str) -> str:
    """What was pasted in several lines, on one."""
    return _LINE_END.sub(" ", text)


def button_of(name: str, known: Collection[str]) -> str:
    """Which of its buttons sent the form: the value of ``name``.

    Raises ``ConflictError`` when it is none of the ``known``: where money hangs on it, nothing is taken for a decision.
    """
    pressed = request.form.get(name, "")
    if pressed not in known:
        raise ConflictError("No decision was given.", remedy="Load the page again and press one of its buttons.")
    return pressed


def too_long(typed: Mapping[str, str], longest: Mapping[str, int]) -> dict[str, str]:
    """What to say at each field that has more characters than it may."""
    return {
        name: f"At most {most:,} characters, please; these are {len(typed[name]):,}."
        for name, most in longest.items()
        if len(typed.get(name, "")) > most
    }


@dataclass(frozen=True, slots=True)
class Pressed:
    """A form of a page that has several, by the button that was pressed, when it comes back with what is wrong.

    ``error``: what is wrong with the whole of it, which no field can say.
    """

    do: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)
    error: HubError | None = None

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong so far."""
        return not self.wrong and self.error is None

    def of(self, do: str) -> Pressed:
        """What is to be shown in the form of a button: all of it in that which was pressed, nothing in the others."""
        return self if self.do == do else Pressed()


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
        for path, name in places.items():
            if f"{problem.path}.".startswith(f"{path}."):
                line = problem.path.removeprefix(path).strip(".").partition(".")[0]
                said = sentence(problem, _described(path, schema))
                wrong.setdefault(name, f"Line {int(line) + 1}: {said}" if line.isdigit() else said)
    return wrong


def sentence(problem: Problem, description: str) -> str:
    """What is wrong with a value, for people; ``description`` is what its field is for."""
    limit = f"{problem.limit:,}" if problem.limit is not None else ""
    known = {
        "maxLength": f"At most {limit} characters, please.",
        "maxItems": f"At most {limit}, please.",
        "minLength": "Something is missing.",
        "minimum": f"At least {limit}, please.",
        "maximum": f"At most {limit}, please.",
    }
    return known.get(problem.rule) or f"This does not fit. {description}".rstrip()


def _described(path: str, schema: JsonSchema) -> str:
    properties = cast("Mapping[str, JsonObject]", schema.get("properties") or {})
    return str(properties.get(path, {}).get("description") or "")


def press(do: str, connection: str, action: str, about: JsonObject, names: Iterable[str] = ()) -> Pressed:
    """Do an action of one of the hub's own connectors, by the button ``do`` and with what was typed beside it.

    ``names`` are the fields of the button's form, called as in the action's input. Gives what to show of them again when
    something is wrong; nothing is wrong once the action is done.
    """
    typed = typed_in(names)
    given: JsonObject = {**about, **{name: text for name, text in typed.items() if text}}
    wrong = misfits(connection, action, given, {name: name for name in typed})
    wrong |= wrong_address(typed.get("to", ""), "to")
    if wrong:
        return Pressed(do, typed, wrong)
    try:
        act_once(connection, action, given)
    except ActionError as error:
        return Pressed(do, typed, error=error)
    return Pressed()


def wrong_address(typed: str, name: str = "email") -> dict[str, str]:
    """What to say at the field ``name`` of a mail address that was typed there; nothing where it is empty or right."""
    return {name: NO_ADDRESS} if typed and mail_address(typed) is None else {}


def wrong_person(typed: Mapping[str, str]) -> dict[str, str]:
    """By field what is wrong with the ``name`` and ``email`` of somebody who shall be able to log in."""
    wrong = {**too_long(typed, LONGEST_PERSON), **wrong_address(typed["email"])}
    return wrong if typed["email"] else {**wrong, "email": "Write the mail address to log in with."}


def read_amount(text: str, currency: str, wrong: dict[str, str], name: str = "amount") -> Money | None:
    """The amount that was typed at the field ``name``; None, and in ``wrong`` what to say there, when it is none."""
    try:
        return Money.parse(text, currency)
    except MoneyError as error:
        wrong[name] = str(error)
        return None


def read_whole(text: str, least: int, most: int, wrong: dict[str, str], name: str) -> int | None:
    """The whole number from ``least`` to ``most`` that was typed at the field ``name``; as :func:`read_amount`."""
    if text.isascii() and text.isdigit() and least <= int(text[:12]) <= most:
        return int(text)
    wrong[name] = f"Write a whole number from {least} to {most}."
    return None


def read_percent(text: str, wrong: dict[str, str], name: str = "percent") -> str | None:
    """The percentage from 0 to 100 that was typed at the field ``name``, as it stands there; as :func:`read_amount`."""
    try:
        if 0 <= exact_decimal(text) <= 100:  # noqa: PLR2004 (per cent)
            return text
    except MoneyError:
        pass
    wrong[name] = "Write a number from 0 to 100, such as 12.5."
    return None


def end_of_day(text: str, wrong: dict[str, str], name: str) -> datetime | None:
    """The end of the day that was typed at the field ``name``, where the reader is; None when nothing was typed.

    None too, and in ``wrong`` what to say there, when it is no day.
    """
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), reader_zone()).astimezone(UTC)
    except (ValueError, OverflowError):
        wrong[name] = f"{text[:40]!r} is not a day of the calendar. Write a day like 2026-12-31."
        return None


def wrong_currency(typed: str) -> dict[str, str]:
    """What to say at the field ``currency`` of what was typed there; nothing where it is empty or a currency."""
    try:
        Money(0, typed.upper() or "EUR")
    except MoneyError as error:
        return {"currency": str(error)}
    return {}
