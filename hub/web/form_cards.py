"""The designer of a form: its fields as cards, and what a press of one of its buttons makes of the form's text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from hub.engine.form_edits import add_field, move_field, remove_field, set_key
from hub.errors import ConfigError
from hub.recipes.document import parse_document
from hub.recipes.findings import FindingsError
from hub.web.form_panels import applied

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.jsontypes import Json, JsonObject

KINDS: Final[Mapping[str, str]] = {
    "text": "One line of text",
    "lines": "Several lines of text",
    "email": "E-mail address",
    "phone": "Phone number",
    "number": "Number",
    "choice": "A choice",
    "checkbox": "A box to tick",
    "date": "Day",
    "address": "Postal address",
    "country": "Country",
    "hidden": "Hidden value",
}
"""The types of fields and what the designer calls them."""

BOUNDED: Final = frozenset({"number", "date"})
_FIRST_CHOICES: Final = ("First", "Second")
_WHOLE: Final = re.compile(r"-?[0-9]{1,15}")
_PRESSED: Final = re.compile(r"(apply|up|down|remove) ([0-9]{1,3})")
_LONGEST_NAME: Final = 40


@dataclass(frozen=True, slots=True)
class Card:
    """One field as the designer shows it. ``title`` and ``hint``: words by language, ``""`` where they name none."""

    number: int
    name: str
    kind: str
    title: Mapping[str, str]
    hint: Mapping[str, str]
    required: bool
    choices: Sequence[str] | None
    least: str
    most: str
    value: str

    @property
    def shown_title(self) -> str:
        """What the card is headed with."""
        return self.title.get("en") or next((one for one in self.title.values() if one), "") or self.name

    def input(self, key: str, language: str = "") -> str:
        """The name of one of its inputs on the page."""
        return f"card-{self.number}-{key}-{language}".rstrip("-")


def cards_of(text: str) -> tuple[Card, ...] | None:
    """The fields of a text as cards; None where it is written so that they cannot be told."""
    fields = _fields(text)
    return None if fields is None else tuple(_card(number, one) for number, one in enumerate(fields))


def pressed(text: str, do: str, entered: Mapping[str, str]) -> str:
    """The text after a button of the designer: ``add``, ``panel`` with its name, ``apply``, ``up`` … with a card's number.

    Raises ``ConfigError`` when the text cannot be changed so, or for a button that the designer does not have.
    """
    if do == "add":
        return add_field(text, _new_field(text, entered))
    if do.startswith("panel "):
        return applied(text, do.removeprefix("panel "), entered)
    found, cards = _PRESSED.fullmatch(do), cards_of(text)
    if found is None or cards is None or int(found[2]) >= len(cards):
        message = "The field is not there any more."
        raise ConfigError(message, remedy="Look at the text; nothing was changed.")
    number = int(found[2])
    if found[1] == "remove":
        return remove_field(text, number)
    if found[1] == "apply":
        return _applied(text, cards[number], entered)
    to = min(max(number + (1 if found[1] == "down" else -1), 0), len(cards) - 1)
    return text if to == number else move_field(text, number, to)


# cards


def _fields(text: str) -> list[JsonObject] | None:
    try:
        value = parse_document(text).value
    except FindingsError:
        return None
    fields = value.get("fields") or [] if isinstance(value, dict) else None
    if not isinstance(fields, list) or not all(isinstance(one, dict) for one in fields):
        return None
    return cast("list[JsonObject]", fields)


def _card(number: int, field: JsonObject) -> Card:
    choices = field.get("choices")
    plain = not isinstance(choices, list) or all(isinstance(one, (str, int)) for one in choices)
    return Card(
        number=number,
        name=_shown(field.get("name")),
        kind=_shown(field.get("type")),
        title=_words(field.get("title")),
        hint=_words(field.get("hint")),
        required=field.get("required") is True,
        choices=[str(one) for one in cast("list[Json]", choices or [])] if plain else None,
        least=_shown(field.get("min")),
        most=_shown(field.get("max")),
        value=_shown(field.get("value")),
    )


def _words(value: Json) -> dict[str, str]:
    if isinstance(value, dict) and value:
        return {language: _shown(said) for language, said in value.items()}
    return {"": _shown(value)}


def _shown(value: Json) -> str:
    return "" if value is None else str(value)


# changes


def _applied(text: str, card: Card, entered: Mapping[str, str]) -> str:
    """The text with what was entered in a card's inputs; only keys that differ are touched."""
    field = (_fields(text) or [])[card.number]
    for key, value in _wished(card, entered).items():
        if value != field.get(key):
            text = set_key(text, card.number, key, value)
    return text


def _wished(card: Card, entered: Mapping[str, str]) -> JsonObject:
    """What each key shall be; None: not there."""

    def said(key: str) -> str:
        return entered.get(card.input(key), "").strip()

    kind = said("type") or card.kind
    wished: dict[str, Json] = {
        "name": said("name") or card.name,
        "type": kind,
        "title": _text(card, "title", card.title, entered),
        "hint": _text(card, "hint", card.hint, entered),
        "required": True if said("required") else None,
        "choices": None,
        "min": _bound(kind, said("least"), "Least") if kind in BOUNDED else None,
        "max": _bound(kind, said("most"), "Most") if kind in BOUNDED else None,
        "value": said("value") if kind == "hidden" else None,
    }
    if kind == "choice" and card.choices is None:
        del wished["choices"]  # they have labels of their own, which only the text can say
    elif kind == "choice":
        lines = [line.strip() for line in said("choices").splitlines() if line.strip()]
        wished["choices"] = cast("list[Json]", lines or list(_FIRST_CHOICES))
    if kind == "hidden":
        wished |= {"title": None, "hint": None, "required": None}
    return wished


def _text(card: Card, key: str, known: Mapping[str, str], entered: Mapping[str, str]) -> Json:
    found: dict[str, Json] = {
        language: said for language in known if (said := entered.get(card.input(key, language), "").strip())
    }
    if not found:
        return None
    return found[""] if "" in known else found


def _bound(kind: str, typed: str, label: str) -> Json:
    if not typed:
        return None
    if kind == "date":
        return typed
    if not _WHOLE.fullmatch(typed):
        message = f"{label}: {typed[:40]!r} is not a whole number."
        raise ConfigError(message, remedy="Write digits only, such as 18.")
    return int(typed)


def _new_field(text: str, entered: Mapping[str, str]) -> JsonObject:
    kind = entered.get("new-type", "text")
    if kind not in KINDS:
        message = f"There is no type of field {kind[:40]!r}."
        raise ConfigError(message, remedy="Choose one of those listed.")
    title = entered.get("new-title", "").strip()
    field: dict[str, Json] = {"name": _free_name(title or kind, _fields(text) or []), "type": kind}
    if title and kind != "hidden":
        field["title"] = title
    if kind == "choice":
        field["choices"] = list(_FIRST_CHOICES)
    if kind == "hidden":
        field["value"] = title or "value"
    return field


def _free_name(title: str, fields: Sequence[JsonObject]) -> str:
    """A name made of a label, small letters and underscores, that no other field has."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", ascii_only).strip("_")[: _LONGEST_NAME - 3]
    name = name if name[:1].isalpha() else f"field_{name}".strip("_")
    taken = {str(one.get("name")) for one in fields}
    numbered = (f"{name}_{number}" for number in range(2, 100))
    return name if name not in taken else next(one for one in numbered if one not in taken)
