"""Reads a request's JSON and says everything that is wrong with it at once, field by field."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

from connectors.sandbox.server.refusals import FieldError, Refusal
from hub.errors import MoneyError
from hub.money import exponent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.jsontypes import Json

MOST: Final = 10**12
"""The largest amount, in minor units, that the sandbox takes."""

LONGEST_TEXT: Final = 500

EMAIL: Final = re.compile(r"[^@\s,;<>]+@[^@\s,;<>.]+(\.[^@\s,;<>.]+)+")
"""Good enough to refuse what cannot be an address."""


class Fields:
    """One JSON object of a request. Read every field, then call :meth:`done`, which raises for all mistakes together."""

    def __init__(self, body: Json, prefix: str = "", mistakes: list[FieldError] | None = None) -> None:
        self._mistakes: list[FieldError] = [] if mistakes is None else mistakes
        self._prefix = prefix
        self._read: set[str] = set()
        self._values: Mapping[str, Json] = body if isinstance(body, dict) else {}
        if not isinstance(body, dict):
            self._mistakes.append(FieldError(prefix.rstrip("."), "must be an object"))

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._values.get(name) is not None

    def wrong(self, name: str, message: str) -> None:
        """Note a mistake."""
        self._mistakes.append(FieldError(self._prefix + name, message))

    def text(self, name: str, *, required: bool = False, most: int = LONGEST_TEXT) -> str:
        """A text, empty when it is left out."""
        value = self._take(name, required=required)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > most or "\x00" in value:
            self.wrong(name, f"must be a text of at most {most} characters")
            return ""
        if required and not value.strip():
            self.wrong(name, "must not be empty")
        return value

    def integer(self, name: str, *, least: int, most: int, required: bool = False) -> int | None:
        """A whole number within limits, None when it is left out."""
        value = self._take(name, required=required)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.wrong(name, f"must be a whole number from {least} to {most}")
            return None
        return value

    def amount(self, name: str = "amount", *, required: bool = True, least: int = 1) -> int | None:
        """Minor units above zero."""
        return self.integer(name, least=least, most=MOST, required=required)

    def currency(self, name: str = "currency", *, required: bool = True) -> str:
        """An ISO 4217 code in capitals."""
        value = self.text(name, required=required, most=3)
        if value:
            try:
                exponent(value)
            except MoneyError:
                self.wrong(name, "must be an ISO 4217 currency in capitals, such as USD")
        return value

    def choice(self, name: str, options: Sequence[str], default: str) -> str:
        """One of some words."""
        value = self._take(name)
        if value is None:
            return default
        if value not in options:
            self.wrong(name, f"must be one of {', '.join(options)}")
            return default
        return cast("str", value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True or false."""
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.wrong(name, "must be true or false")
            return default
        return value

    def time(self, name: str) -> datetime | None:
        """An RFC 3339 time with its offset, in UTC; None when it is left out."""
        value = self._take(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(cast("str", value))
        except (TypeError, ValueError):
            moment = None
        if moment is None or moment.tzinfo is None:
            self.wrong(name, "must be a time such as 2026-11-23T09:00:00Z")
            return None
        return moment.astimezone(UTC)

    def url(self, name: str, *, required: bool = False) -> str:
        """An http or https address, empty when it is left out."""
        value = self.text(name, most=2048, required=required)
        if value and not is_web_address(value):
            self.wrong(name, "must be an http or https address")
            return ""
        return value

    def email(self, name: str) -> str:
        """An e-mail address, empty when it is left out."""
        value = self.text(name, most=254)
        if value and not EMAIL.fullmatch(value):
            self.wrong(name, "must be an e-mail address")
        return value

    def texts(self, name: str, *, most: int = 50) -> dict[str, str]:
        """An object whose values are texts."""
        value = self._take(name)
        if value is None:
            return {}
        entries = list(value.values()) if isinstance(value, dict) else [None]
        if len(entries) > most or not all(isinstance(entry, str) and len(entry) <= LONGEST_TEXT for entry in entries):
            self.wrong(name, f"must be an object of at most {most} texts of at most {LONGEST_TEXT} characters")
            return {}
        return cast("dict[str, str]", value)

    def free(self, name: str) -> dict[str, Json]:
        """An object with any members."""
        value = self._take(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.wrong(name, "must be an object")
            return {}
        return dict(value)

    def object(self, name: str) -> Fields | None:
        """An object to be read by its own fields; None when it is left out. Its mistakes are noted with these."""
        value = self._take(name)
        return None if value is None else Fields(value, f"{self._prefix}{name}.", self._mistakes)

    def objects(self, name: str, *, most: int = 100) -> list[Fields]:
        """A list of objects."""
        value = self._take(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > most:
            self.wrong(name, f"must be a list of at most {most}")
            return []
        return [Fields(entry, f"{self._prefix}{name}.{place}.", self._mistakes) for place, entry in enumerate(value)]

    def list_of_texts(self, name: str, *, most: int = 50) -> tuple[str, ...]:
        """A list of texts."""
        value = self._take(name)
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) > most or not all(isinstance(entry, str) for entry in value):
            self.wrong(name, f"must be a list of at most {most} texts")
            return ()
        return tuple(cast("list[str]", value))

    def only(self) -> None:
        """Note every field that nothing has read."""
        for name in self._values.keys() - self._read:
            self.wrong(name, "is not a field of this request")

    def done(self) -> None:
        """Raise ``Refusal`` 400 with all mistakes, unknown fields included."""
        self.only()
        if self._mistakes:
            mistakes = tuple(sorted(self._mistakes, key=lambda mistake: mistake.field))
            listed = "; ".join(f"{mistake.field} {mistake.message}".strip() for mistake in mistakes)
            raise Refusal(400, "invalid_request", f"The request is not right: {listed}.", mistakes)

    def _take(self, name: str, *, required: bool = False) -> Json:
        self._read.add(name)
        value = self._values.get(name)
        if value is None and required:
            self.wrong(name, "is missing")
        return value


def is_web_address(value: str) -> bool:
    """Whether it is an absolute http or https address without control characters."""
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and value.isprintable() and " " not in value
    except ValueError:
        return False
