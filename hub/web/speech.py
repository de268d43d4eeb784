"""What the public pages say, in the visitor's language: ``say("order.title", number=7)``.

The words stand in ``hub/web/phrases/<part>.yaml``: each phrase in every language of :data:`LANGUAGES`, with ``{names}`` for
what is filled in. Admin pages are in English.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import yaml
from babel.dates import format_datetime
from flask import g, request

from hub.errors import MoneyError
from hub.money import Money
from hub.web.formatting import reader_locale, reader_zone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.jsontypes import Json

LANGUAGES: Final[Mapping[str, str]] = {
    "en": "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "hi": "हिन्दी",
}
"""The languages of the public pages and what their speakers call them; the first is spoken to everybody else."""

_DEFAULT: Final = "en"
_PHRASES: Final = Path(__file__).parent / "phrases"


@functools.cache
def phrases() -> Mapping[str, Mapping[str, str]]:
    """Every phrase by its name, ``<part>.<phrase>``: language -> words."""
    found: dict[str, Mapping[str, str]] = {}
    for file in sorted(_PHRASES.glob("*.yaml")):
        written = cast("Mapping[str, Mapping[str, str]]", yaml.safe_load(file.read_text(encoding="utf-8")))
        found |= {f"{file.stem}.{name}": words for name, words in written.items()}
    return found


def phrase(language: str, name: str, **values: object) -> str:
    """A phrase in a language of :data:`LANGUAGES`. Raises ``KeyError`` for a phrase or value that is not there."""
    return phrases()[name][language].format_map(values)


def visitor_language() -> str:
    """The language in which this visitor is spoken to: as the address asks (``?lang=de``), else as the browser says."""
    if "language" not in g:
        asked = request.args.get("lang", "")
        g.language = asked if asked in LANGUAGES else request.accept_languages.best_match(LANGUAGES, _DEFAULT)
    return cast("str", g.language)


def say(name: str, **values: object) -> str:
    """A phrase in the visitor's language; templates escape it like any text."""
    return phrase(visitor_language(), name, **values)


def amount(value: Json) -> str:
    """``{minor, currency}`` as it is written in the visitor's language and country; empty for anything else."""
    language, locale = visitor_language(), reader_locale()
    try:
        return Money.from_json(value).format(str(locale) if locale.language == language else language)
    except MoneyError:
        return ""


def moment(value: datetime) -> str:
    """A time as day and hour in the visitor's language, in the reader's zone."""
    return format_datetime(value, "medium", reader_zone(), visitor_language())
