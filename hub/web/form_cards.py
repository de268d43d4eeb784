"""The fields of a form as the designer's cards, and what was entered in them. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, cast

from hub.commerce.forms import is_day
from hub.errors import ConfigError
from hub.recipes.document import parse_document
from hub.recipes.findings import FindingsError
from hub.web.form_entries import NAME, Change, shown
from hub.web.form_texts import LONGEST, languages_of, text_changes, text_label, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.jsontypes import Json, JsonObject
    from hub.web.form_entries import Entered, Path

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
_BOUNDS: Final = {"least": "min", "most": "max"}
_WHOLE: Final = re.compile(r"-?[0-9]{1,15}")
_LONGEST_NAME: Final = 40
_LONGEST_CHOICE: Final = 200
_LONGEST_VALUE: Final = 500


@dataclass(frozen=True, slots=True)
class Card:
    """One field as the designer shows it. ``title`` and ``hint``: words by language, ``""`` where they name none.

    ``languages``: those of the form. ``wrong``: what to say at an input. ``was``: another text for another card.
    """

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
    written: JsonObject
    languages: Sequence[str]
    was: str
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown_title(self) -> str:
        """What the card is headed with."""
        return self.title.get("en") or next((one for one in self.title.values() if one), "") or self.name

    def input(self, key: str, language: str = "") -> str:
        """The name of one of its inputs on the page."""
        return f"card-{self.number}-{key}-{language}".rstrip("-")

    def label(self, label: str, language: str) -> str:
        """The label of words, with their language where the form has any."""
        return text_label(label, language, self.languages)

    def typed(self, entered: Mapping[str, str], wrong: Mapping[str, str]) -> Card:
        """As it is shown with what was typed and could not be taken."""

        def said(key: str, language: str = "") -> str:
            return entered.get(self.input(key, language), "").replace("\r\n", "\n")

        return replace(
            self,
            name=said("name") or self.name,
            kind=said("type") or self.kind,
            title={language: said("title", language) for language in self.title},
            hint={language: said("hint", language) for language in self.hint},
            required=bool(said("required")),
            choices=said("choices").splitlines() if self.choices is not None else None,
            least=said("least"),
            most=said("most"),
            value=said("value"),
            wrong=wrong,
        )

    def changes(self, entered: Entered) -> list[Change]:
        """What was entered changes of the field; only keys that differ."""
        if not self._fits(entered):
            return []
        path: Path = ("fields", self.number)
        kind = entered.said(self.input("type")) or self.kind
        made = [
            Change((*path, key), value)
            for key, value in self._wished(kind, entered).items()
            if value != self.written.get(key)
        ]
        for key, known in (("title", self.title), ("hint", self.hint)):
            said = {language: entered.said(self.input(key, language)) for language in known}
            if kind == "hidden":
                said = dict.fromkeys(said, "")
            made += text_changes((*path, key), self.written.get(key), said, self.languages)
        return made

    def _fits(self, entered: Entered) -> bool:
        """Whether the text would take what was entered; where not, it is said at the inputs."""
        name, choices = entered.said(self.input("name")), self.input("choices")
        if name and not NAME.fullmatch(name):
            message = "Use small letters, digits and underscores, at most 40 in all, and begin with a letter."
            entered.refuse(self.input("name"), message)
        longest = max((len(line.strip()) for line in entered.said(choices).splitlines()), default=0)
        if longest > _LONGEST_CHOICE:
            entered.refuse(
                choices, f"A line has {longest:,} characters; at most {_LONGEST_CHOICE} fit. Make it shorter."
            )
        entered.fits(self.input("value"), _LONGEST_VALUE)
        for key, known in (("title", self.title), ("hint", self.hint)):
            for language in known:
                entered.fits(self.input(key, language), LONGEST)
        return not entered.wrong

    def _wished(self, kind: str, entered: Entered) -> JsonObject:
        """What each key beside the words shall be; None: not there."""

        def said(key: str) -> str:
            return entered.said(self.input(key))

        wished: dict[str, Json] = {
            "name": said("name") or self.name,
            "type": kind,
            "required": True if said("required") and kind != "hidden" else None,
            "choices": None,
            "min": self._bound(kind, "least", entered) if kind in BOUNDED else None,
            "max": self._bound(kind, "most", entered) if kind in BOUNDED else None,
            "value": said("value") if kind == "hidden" else None,
        }
        if kind == "choice" and self.choices is None:
            del wished["choices"]  # they have labels of their own, which only the text can say
        elif kind == "choice":
            lines = [line.strip() for line in said("choices").splitlines() if line.strip()]
            wished["choices"] = cast("list[Json]", lines or list(_FIRST_CHOICES))
        return wished

    def _bound(self, kind: str, key: str, entered: Entered) -> Json:
        typed = entered.said(self.input(key))
        if not typed:
            return None
        if kind == "date":
            if not is_day(typed):
                message = f"{typed[:40]!r} is no day. Write one like 2026-12-31, or today, or today+2d."
                entered.refuse(self.input(key), message)
                return self.written.get(_BOUNDS[key])
            return typed
        if not _WHOLE.fullmatch(typed):
            message = f"{typed[:40]!r} is not a whole number. Write digits only, such as 18."
            entered.refuse(self.input(key), message)
            return self.written.get(_BOUNDS[key])
        return int(typed)


def cards_of(text: str) -> tuple[Card, ...] | None:
    """The fields of a text as cards; None where it is written so that they cannot be told."""
    form = _form(text)
    fields = _fields(form)
    if fields is None:
        return None
    languages = languages_of(form or {})
    return tuple(_card(number, one, languages) for number, one in enumerate(fields))


def new_field(text: str, entered: Mapping[str, str]) -> JsonObject:
    """The field that was asked for below the cards. Raises ``ConfigError``."""
    kind = entered.get("new-type", "text")
    if kind not in KINDS:
        message = f"There is no type of field {kind[:40]!r}."
        raise ConfigError(message, remedy="Choose one of those listed.")
    title = entered.get("new-title", "").strip()
    taken = [str(one.get("name")) for one in _fields(_form(text)) or []]
    made: dict[str, Json] = {"name": free_name(title or kind, "field", taken), "type": kind}
    if title and kind != "hidden":
        made["title"] = title
    if kind == "choice":
        made["choices"] = list(_FIRST_CHOICES)
    if kind == "hidden":
        made["value"] = title or "value"
    return made


def free_name(title: str, prefix: str, taken: Sequence[str]) -> str:
    """A name made of a label, small letters and underscores, that is not taken; ``prefix`` where no letter begins it."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", ascii_only).strip("_")[: _LONGEST_NAME - 10].strip("_")
    name = name if name[:1].isalpha() else f"{prefix}_{name}".strip("_")
    numbered = (f"{name}_{number}" for number in range(2, 100))
    return name if name not in taken else next(one for one in numbered if one not in taken)


def _form(text: str) -> JsonObject | None:
    try:
        value = parse_document(text).value
    except FindingsError:
        return None
    return value if isinstance(value, dict) else None


def _fields(form: JsonObject | None) -> list[JsonObject] | None:
    fields = form.get("fields") or [] if form is not None else None
    if not isinstance(fields, list) or not all(isinstance(one, dict) for one in fields):
        return None
    return cast("list[JsonObject]", fields)


def _card(number: int, written: JsonObject, languages: Sequence[str]) -> Card:
    choices = written.get("choices")
    plain = not isinstance(choices, list) or all(isinstance(one, (str, int)) for one in choices)
    return Card(
        number=number,
        name=shown(written.get("name")),
        kind=shown(written.get("type")),
        title=words_of(written.get("title"), languages),
        hint=words_of(written.get("hint"), languages),
        required=written.get("required") is True,
        choices=[str(one) for one in cast("list[Json]", choices or [])] if plain else None,
        least=shown(written.get("min")),
        most=shown(written.get("max")),
        value=shown(written.get("value")),
        written=written,
        languages=languages,
        was=hashlib.sha256(repr((number, written, languages)).encode()).hexdigest()[:16],
    )
