"""What the public pages say, in the visitor's language: ``say("order.title", number=7)``. The words: :mod:`hub.phrases`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from babel.dates import format_date, format_time, get_datetime_format
from flask import g, request

from hub.errors import MoneyError
from hub.money import Money
from hub.phrases import DEFAULT_LANGUAGE, LANGUAGES, phrase
from hub.web.formatting import reader_locale, reader_zone

if TYPE_CHECKING:
    from datetime import datetime

    from hub.jsontypes import Json


def visitor_language() -> str:
    """The language in which this visitor is spoken to: as the address asks (``?lang=de``), else as the browser says."""
    if "language" not in g:
        g.language = asked_language() or request.accept_languages.best_match(LANGUAGES, DEFAULT_LANGUAGE)
    return cast("str", g.language)


def speak(known: object) -> None:
    """Go on in the language that is ``known`` of the visitor, such as from a form, unless the address asks for another."""
    if known in LANGUAGES and asked_language() is None:
        g.language = known


def asked_language() -> str | None:
    """The language that the address asks for."""
    asked = request.args.get("lang", "")
    return asked if asked in LANGUAGES else None


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
    language, zone = visitor_language(), reader_zone()
    day, hour = format_date(value.astimezone(zone), "medium", language), format_time(value, "short", zone, language)
    return str(get_datetime_format("medium", locale=language)).replace("'", "").format(hour, day)
