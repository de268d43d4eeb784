"""A table of recipients: a CSV file read line by line into what ``links/create`` is given, every bad line reported. Pure."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.commerce.csv_reading import Sheet
from hub.commerce.form_amounts import typed_money
from hub.commerce.form_fields import mail_address
from hub.errors import MoneyError
from hub.phrases import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.jsontypes import Json, JsonObject

MOST_LINES: Final = 5_000
COLUMNS: Final = ("name", "email", "amount", "currency", "purpose", "note", "language", "reference")
_LONGEST: Final[Mapping[str, int]] = {"name": 200, "email": 320, "purpose": 200, "note": 500, "reference": 200}


@dataclass(frozen=True, slots=True)
class Recipients:
    """What a file asks for, with the lines of the file. ``wrong``: what is wrong, by line; 1 is the file's first."""

    lines: tuple[tuple[int, JsonObject], ...]
    wrong: tuple[tuple[int, str], ...]


def read_recipients(text: str, common: JsonObject, currency: str = "") -> Recipients:
    """The links that a file asks for. Its first line names the columns, of :data:`COLUMNS`; ``amount`` must be there.

    ``common``: what all links share; a line's own purpose and language stand before it. ``currency``: that of lines without.
    A line that asks the same of the same person as an earlier one is wrong, as it is one too many.
    """
    sheet = Sheet(text)
    try:
        header = [name.lower() for name in sheet.header()]
        problem = _header_problem(header)
        return Recipients((), ((sheet.line, problem),)) if problem else _read(sheet, header, common, currency)
    except csv.Error as error:
        return Recipients((), ((sheet.line, f"This is not CSV: {error}."),))


def _header_problem(header: Sequence[str]) -> str:
    known = ", ".join(COLUMNS)
    unknown = [name for name in header if name not in COLUMNS]
    if unknown:
        return f"There is no column {unknown[0][:40]!r}; there are {known}."
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        return f"The column {twice[0]} is there twice."
    return "" if "amount" in header else f"The first line must name the columns, amount among them; there are {known}."


def _read(sheet: Sheet, header: Sequence[str], common: JsonObject, currency: str) -> Recipients:
    good: list[tuple[int, JsonObject]] = []
    wrong: list[tuple[int, str]] = []
    seen: dict[tuple[str, ...], int] = {}
    for cells in sheet.lines():
        line = sheet.line
        if len(good) + len(wrong) >= MOST_LINES:
            wrong.append((line, f"A file has at most {MOST_LINES} lines; divide it into several."))
            break
        if len(cells) != len(header):
            wrong.append((line, f"This line has {len(cells)} cells, the first line {len(header)}."))
            continue
        said = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
        asked = tuple(
            said.get(name, "").lower() for name in ("email", "name", "amount", "currency", "purpose", "reference")
        )
        given, problem = _link(said, common, currency)
        if not problem and asked in seen:
            problem = (
                f"Line {seen[asked]} asks the same of the same person. Leave one out, or write a reference into each."
            )
        if problem:
            wrong.append((line, problem))
        else:
            seen[asked] = line
            good.append((line, given))
    return Recipients(tuple(good), tuple(wrong))


def _link(said: Mapping[str, str], common: JsonObject, currency: str) -> tuple[JsonObject, str]:
    """What ``links/create`` is given for a line; with what is wrong with it, if anything is."""
    problem = _problem(said, common)
    unit = said.get("currency", currency).upper()
    if problem or not unit:
        return {}, problem or "currency: in which one?"
    try:
        amount = typed_money(said.get("amount", ""), unit)
    except MoneyError as error:
        return {}, f"amount: {error}"
    if amount.minor <= 0:
        return {}, "amount: it must be above zero."
    own: dict[str, Json] = {name: said[name] for name in ("purpose", "note", "language") if name in said}
    recipient: dict[str, Json] = {name: said[name] for name in ("name",) if name in said}
    if "email" in said:
        recipient["email"] = mail_address(said["email"])
    if recipient:
        own["recipient"] = recipient
    if "reference" in said:
        own["metadata"] = {"reference": said["reference"]}
    return {**common, **own, "amount": amount.to_json()}, ""


def _problem(said: Mapping[str, str], common: JsonObject) -> str:
    """What is wrong with a line, its amount left aside; empty when nothing is."""
    too_long = next((name for name, most in _LONGEST.items() if len(said.get(name, "")) > most), None)
    if too_long is not None:
        return f"{too_long}: at most {_LONGEST[too_long]} characters."
    if said.get("email") and mail_address(said["email"]) is None:
        return f"email: {said['email'][:60]!r} is no mail address."
    if common.get("send") and not said.get("email"):
        return "email: without a mail address it cannot be mailed."
    if said.get("language", "en") not in LANGUAGES:
        return f"language: one of {', '.join(LANGUAGES)}."
    return "" if said.get("purpose") or common.get("purpose") else "purpose: what is it for?"
