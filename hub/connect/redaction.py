"""Takes secrets and card numbers out of everything that is recorded, logged or shown."""

from __future__ import annotations

import base64
import functools
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hub.connect.api import Connection
    from hub.jsontypes import Json, JsonObject

MASK = "[hidden]"
PERSON = "[person]"
_MAIL_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_NAMING = ("customer", "recipient", "to", "email", "phone")
"""Members of an action's input that name a person; what they hold stays in the step's input, where it belongs."""
SHORTEST_SECRET = 4
"""Characters; shorter values are not looked for in running text, they would hide half of it."""

_SHORTEST_LINE = 16

_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token"}
)
_SECRET_NAME = re.compile(
    r"(?i)(pass(word|wd|phrase)?$|secret|token$|^token|api[-_]?key|private[-_]?key|access[-_]?key|client[-_]?assertion"
    r"|credential|signature$|^sig$|authori[sz]ation$|^cvv$|^cvc$|^pin$|session[-_]?id)"
)
# Payment cards have 13 to 19 digits (ISO/IEC 7812-1), Maestro's at least 12, and begin with 2 to 6; groups are written with
# blanks or hyphens.
_CARD = re.compile(
    r"(?<![0-9A-Za-z._-])(?:[2-6](?:[ -]?[0-9]){12,18}"
    r"|(?:5018|5020|5038|5612|5893|6304|6390|6759|676[123])(?:[ -]?[0-9]){8})(?![0-9A-Za-z_])"
)


def passes_luhn(digits: str) -> bool:
    """Whether a string of digits has a right check digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004
    return total % 10 == 0


def has_card_number(text: str) -> bool:
    """Whether a text holds what looks like a payment card's number. Such requests are refused and not stored."""
    return any(passes_luhn(re.sub("[ -]", "", match[0])) for match in _CARD.finditer(text))


def mask_card_numbers(text: str) -> str:
    """The text with each card number cut to its last four digits."""

    def mask(match: re.Match[str]) -> str:
        digits = re.sub("[ -]", "", match[0])
        return f"[card …{digits[-4:]}]" if passes_luhn(digits) else match[0]

    return _CARD.sub(mask, text)


@functools.lru_cache(maxsize=256)
def _forms(secrets: tuple[str, ...]) -> re.Pattern[str]:
    """What finds the secrets in every form in which they travel."""
    forms: set[str] = set()
    for secret in secrets:
        forms |= {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
        forms.add(base64.b64encode(secret.encode()).decode())
        # A key in PEM form is several lines, and each may turn up alone.
        forms |= {line for line in secret.splitlines() if len(line) >= _SHORTEST_LINE and "-----" not in line}
    longest_first = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)))


def _hide(text: str, secrets: tuple[str, ...]) -> str:
    return _forms(secrets).sub(MASK, text) if secrets else text


def _telling_parts(secret: str) -> tuple[str, ...]:
    """The parts of an address that is secret (Slack's incoming webhooks) by which alone it could be used."""
    if not secret.startswith(("https://", "http://")):
        return ()
    return tuple(part for part in urlsplit(secret).path.split("/") if len(part) >= _SHORTEST_LINE)


def _persons(given: JsonObject) -> Iterator[str]:
    """What names a person in an action's input: the payer, or whoever is paid."""
    for name in _NAMING:
        yield from _texts(given.get(name))


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _texts(member)


class Redactor:
    """Knows a connection's secrets and hides them, as they are and as they travel (percent-encoded, in Basic, in JSON)."""

    def __init__(self, secrets: Iterable[str] = (), persons: Iterable[str] | None = None) -> None:
        named = None if persons is None else {one for one in persons if len(one) >= SHORTEST_SECRET}
        self._persons = None if named is None else sorted(named, key=len, reverse=True)
        given = tuple(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)
        self._secrets = given + tuple(part for secret in given for part in _telling_parts(secret))

    @classmethod
    def of(cls, connection: Connection, given: JsonObject | None = None) -> Redactor:
        """The redactor of a connection: it knows every version of every secret.

        With an action's input it hides who is named there too, and every mail address.
        """
        secrets = (value for values in connection.secrets.values() for value in values)
        return cls(secrets, None if given is None else _persons(given))

    def holds_secret(self, text: bytes) -> bool:
        """Whether one of the secrets stands in a text as it is; quick enough for every output."""
        return any(secret.encode() in text for secret in self._secrets)

    def secrets_only(self, value: Json) -> Json:
        """The value without the known secrets; members with telling names are kept (a payer's ``client_secret``)."""
        if isinstance(value, str):
            return _hide(value, self._secrets)
        if isinstance(value, dict):
            return {key: self.secrets_only(member) for key, member in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.secrets_only(member) for member in value]
        return value

    def text(self, text: str) -> str:
        """The text without secrets and card numbers."""
        hidden = mask_card_numbers(_hide(text, self._secrets))
        if self._persons is None:
            return hidden
        for person in self._persons:
            hidden = hidden.replace(person, PERSON)
        return _MAIL_ADDRESS.sub(PERSON, hidden)

    def json(self, value: Json) -> Json:
        """The value without secrets: known ones anywhere, and whatever stands under a name like ``password``."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {
                key: MASK if _SECRET_NAME.search(key) and isinstance(member, str) and member else self.json(member)
                for key, member in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.json(member) for member in value]
        return value

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers without credentials and cookies."""
        return {
            name: MASK if name.lower() in _SECRET_HEADERS or _SECRET_NAME.search(name) else self.text(value)
            for name, value in headers.items()
        }

    def url(self, url: str) -> str:
        """An address without user, password and secret query values."""
        parts = urlsplit(url)
        query = urlencode(
            [
                (name, MASK if _SECRET_NAME.search(name) else value)
                for name, value in parse_qsl(parts.query, keep_blank_values=True)
            ],
            safe="[]",
        )
        host = parts.netloc.rpartition("@")[2]
        return self.text(urlunsplit((parts.scheme, host, parts.path, query, "")))
