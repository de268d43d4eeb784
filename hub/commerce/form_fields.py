"""What a visitor entered in a form, as values: each wrong input is told at its field, and nothing typed is lost. Pure."""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, cast

from babel import Locale

from hub.commerce.form_amounts import Asked, Said, asked_amount
from hub.connect.redaction import has_card_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hub.commerce.forms import Field, Form, Offer
    from hub.jsontypes import Json, JsonObject
    from hub.money import Money

ADDRESS_PARTS: Final = ("line1", "line2", "postal_code", "city", "state", "country")
"""The inputs of an address, in the order of the page."""

_NEEDED_PARTS: Final = ("line1", "city", "country")
_LONGEST_PARTS: Final = {"line1": 500, "line2": 500, "postal_code": 40, "city": 200, "state": 200, "country": 2}
_EMAIL_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN: Final = re.compile(r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]")
_LONGEST_LOCAL: Final = 64
_PHONE: Final = re.compile(r"\+?[0-9 ()./-]+")
_PHONE_DIGITS: Final = range(5, 20)
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_NO_COUNTRIES: Final = frozenset({"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"})
_KEPT_CONTROLS: Final = frozenset("\n\t\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")


@dataclass(frozen=True, slots=True)
class Answers:
    """What was entered. ``problems``: what is wrong, by the input's name; empty when it may be taken.

    ``amount`` is the one that the form offers or bounds. ``connection`` is empty where the form does not ask for it.
    """

    values: JsonObject
    customer: JsonObject
    offer: Offer | None
    amount: Money | None
    connection: str
    problems: Mapping[str, Said]


def field_input(field: Field, part: str = "") -> str:
    """The name of the input of a field, or of a part of an address."""
    return f"f-{field.name}-{part}" if part else f"f-{field.name}"


def read_answers(form: Form, entered: Mapping[str, str]) -> Answers:
    """The answers to a form, as far as they can be taken, with everything that is wrong about them."""
    values: dict[str, Json] = {}
    problems: dict[str, Said] = {}
    for field in form.fields:
        read = _READERS.get(field.type, _text)
        value, wrong = read(field, entered)
        problems |= wrong
        if value is not None and not wrong:
            values[field.name] = value
    asked = asked_amount(form.pay, entered) if form.pay is not None else Asked(None, None, {})
    connection = entered.get("by", "") if form.pay is not None and form.pay.asks_for_connection else ""
    if form.pay is not None and form.pay.asks_for_connection and connection not in form.pay.connections:
        problems["by"] = Said("choose")
    return Answers(
        values, _customer(form, values), asked.offer, asked.amount, connection, {**problems, **asked.problems}
    )


def _customer(form: Form, values: Mapping[str, Json]) -> JsonObject:
    """Who it is, of what was entered: the field ``name``, the first e-mail address, phone number and address."""
    found: dict[str, Json] = {}
    for field in form.fields:
        value = values.get(field.name)
        kind = field.type if field.type in {"email", "phone", "address"} else ""
        kind = "name" if field.name == "name" and field.type == "text" else kind
        if kind and value and kind not in found:
            found[kind] = value[:500] if isinstance(value, str) else value
    return found


def shown_values(form: Form, values: Mapping[str, Json]) -> Iterator[tuple[Field, str]]:
    """Each field with its answer as one text, for tables and files."""
    for field in form.fields:
        value = values.get(field.name)
        if isinstance(value, dict):
            yield field, ", ".join(str(value[part]) for part in ADDRESS_PARTS if value.get(part))
        elif isinstance(value, bool):
            yield field, "yes" if value else "no"
        else:
            yield field, "" if value is None else str(value)


@functools.cache
def countries(language: str) -> Mapping[str, str]:
    """Two letters of ISO 3166 -> the country's name in a language, by name."""
    named = cast("Mapping[str, str]", Locale.parse(language).territories)
    found = {code: name for code, name in named.items() if _COUNTRY.fullmatch(code) and code not in _NO_COUNTRIES}
    return dict(sorted(found.items(), key=lambda item: _without_marks(item[1])))


def _without_marks(name: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one)).casefold()


# one reader for each type: the value (None for nothing), and what is wrong by input


def clean(text: str, *, lines: bool = False) -> str:
    """The text without what cannot be seen or typed, its line ends as one; direction marks of scripts stay."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text if lines else text.replace("\n", " ")
    kept = (one for one in text if one in _KEPT_CONTROLS or unicodedata.category(one) not in {"Cc", "Cs", "Cn"})
    return "".join(kept).strip()


def _one(field: Field, entered: Mapping[str, str], check: Callable[[str], Json | Said]) -> tuple[Json, dict[str, Said]]:
    """A field of one input: nothing, or what ``check`` makes of the text."""
    name = field_input(field)
    text = clean(entered.get(name, ""), lines=field.type == "lines")
    if not text:
        return None, {name: Said("missing")} if field.required else {}
    if len(text) > field.longest:
        return None, {name: Said("too_long", {"most": field.longest, "written": len(text)})}
    if has_card_number(text):
        return None, {name: Said("card_number")}
    value = check(text)
    return (None, {name: value}) if isinstance(value, Said) else (value, {})


def _text(field: Field, entered: Mapping[str, str]) -> tuple[Json, dict[str, Said]]:
    return _one(field, entered, lambda text: text)


def _email(field: Field, entered: Mapping[str, str]) -> tuple[Json, dict[str, Said]]:
    return _one(field, entered, lambda text: mail_address(text) or Said("email"))


def mail_address(text: str) -> str | None:
    """The mail address that was typed, its domain in ASCII; None when it is none."""
    local, _, domain = text.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    if len(local) > _LONGEST_LOCAL or not _EMAIL_LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return None
    return f"{local}@{domain}"


def _phone(field: Field, entered: Mapping[str, str]) -> tuple[Json, dict[str, Said]]:
    def check(text: str) -> Json | Said:
        digits = sum(one.isdigit() for one in text)
        return text if _PHONE.fullmatch(text) and digits in _PHONE_DIGITS else Said("phone")

    return _one(field, entered, check)


def _number(field: Field, entered: Mapping[str, str]) -> tuple[Json, dict[str, Said]]:
    def check(text: str) -> Json | Said:
        if not _NUMBER.fullmatch(text):
            return Said("number")
        value = float(text) if "." in text else int(text)
        if field.least is not None and value < cast("int", field.least):
            return Said("least", {"least": field.least})
        if field.most is not None and value > cast("int", field.most):
            return Said("most", {"most": field.most})
        return value

    return _one(field, entered, check)


def _date(field: Field, entered: Mapping[str, str]) -> tuple[Json, dict[str, Said]]:
    def check(text: str) -> Json | Said:
        try:
            day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
        except ValueError:
            day = None
        if day is None:
            return Said("date")
        if field.least is not None and text < str(field.least):
            return Said("first_day", {"day": date.fromisoformat(str(field.least))})
        if field.most is not None and text > str(field.most):
            return Said("last_day", {"day": date.fromisoformat(str(field.most))})
        return text

    return _one(field, entered, check)


def _choice(field: Field, entered: Mapping[str, str]) -> tuple[Json, dict[str, Said]]:
    name = field_input(field)
    text = entered.get(name, "")
    if not text:
        return None, {name: Said("choose")} if field.required else {}
    known = any(text == one.value for one in field.choices)
    return (text, {}) if known else (None, {name: Said("choose")})


def _checkbox(field: Field, entered: Mapping[str, str]) -> tuple[Json, dict[str, Said]]:
    ticked = bool(entered.get(field_input(field)))
    return ticked, {field_input(field): Said("tick")} if field.required and not ticked else {}


def _country(field: Field, entered: Mapping[str, str]) -> tuple[Json, dict[str, Said]]:
    return _one(field, entered, lambda text: text if text in countries("en") else Said("choose"))


def _address(field: Field, entered: Mapping[str, str]) -> tuple[Json, dict[str, Said]]:
    problems: dict[str, Said] = {}
    found: dict[str, Json] = {}
    for part in ADDRESS_PARTS:
        text = clean(entered.get(field_input(field, part), ""))
        longest = _LONGEST_PARTS[part]
        if len(text) > longest:
            problems[field_input(field, part)] = Said("too_long", {"most": longest, "written": len(text)})
        elif has_card_number(text):
            problems[field_input(field, part)] = Said("card_number")
        elif text and part == "country" and text not in countries("en"):
            problems[field_input(field, part)] = Said("choose")
        elif text:
            found[part] = text
    if found or field.required:
        missing = [part for part in _NEEDED_PARTS if part not in found and field_input(field, part) not in problems]
        problems |= {field_input(field, part): Said("missing") for part in missing}
    return found or None, problems


def _hidden(field: Field, entered: Mapping[str, str]) -> tuple[Json, dict[str, Said]]:
    del entered  # what the page holds does not count
    return field.value, {}


_READERS: Final = {
    "email": _email,
    "phone": _phone,
    "number": _number,
    "date": _date,
    "choice": _choice,
    "checkbox": _checkbox,
    "country": _country,
    "address": _address,
    "hidden": _hidden,
}
