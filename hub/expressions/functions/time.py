"""Functions on time: RFC 3339 text in, RFC 3339 text in UTC out (``2026-11-23T09:00:00Z``). Nothing reads a clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_datetime

from hub.errors import ExpressionError, MoneyError
from hub.expressions.durations import parse_duration
from hub.expressions.signatures import ArgumentError, Example, Function, function
from hub.money import locale_named

if TYPE_CHECKING:
    from hub.jsontypes import Json

# RFC 3339, section 5.6, with the date alone and the missing offset that people and gateways write as well.
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(\.[0-9]{1,9})?)?"
    r"([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
_LONGEST_PATTERN: Final = 100
_NAMED_PATTERNS: Final = frozenset({"short", "medium", "long", "full"})
_REMEDY: Final = "Write it like 2026-11-23T09:00:00Z; parse_time(…) reads other forms."


def time_text(moment: datetime) -> str:
    """A moment as the language writes it: RFC 3339, UTC, fractions of a second only when there are any."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return f"{text.rstrip('0') if '.' in text else text}Z"


def moment_of(text: str) -> datetime:
    """The moment of RFC 3339 text with an offset. Raises ``ExpressionError`` (code ``time``)."""
    match = _TIME.fullmatch(text)
    if match is None or not match[2] or not match[4]:
        message = f"{text[:40]!r} is not a time."
        raise ExpressionError(message, code="time", remedy=_REMEDY)
    return _moment(match, text, ZoneInfo("UTC"))


def parse_time(value: Json, timezone: str = "UTC") -> str:
    """The moment that a text, a date or Unix seconds say."""
    zone = _zone(timezone, 1)
    try:
        if isinstance(value, str):
            match = _TIME.fullmatch(value.strip())
            if match is None:
                raise ArgumentError(0, f"must be a time, not {value[:40]!r}", _REMEDY)
            return time_text(_moment(match, value, zone))
        return time_text(datetime.fromtimestamp(int(str(value)), tz=UTC))
    except (ExpressionError, OverflowError, OSError, ValueError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(0, f"must be a time that exists, not {str(value)[:40]}", _REMEDY) from None


def format_time(time: str, pattern: str, timezone: str = "UTC", locale: str = "en") -> str:
    """The moment as a reader in the zone writes it."""
    if not pattern or len(pattern) > _LONGEST_PATTERN:
        raise ArgumentError(1, f"must be short, medium, long, full or a pattern of up to {_LONGEST_PATTERN} characters")
    moment = _argument(time, 0).astimezone(_zone(timezone, 2))
    try:
        return str(format_datetime(moment, pattern, locale=locale_named(locale)))
    except MoneyError as error:
        raise ArgumentError(3, f"must be a locale, not {locale[:40]!r}", error.remedy) from None
    except (KeyError, ValueError, TypeError, AttributeError, IndexError):
        remedy = "Take short, medium, long, full, or letters such as yyyy-MM-dd HH:mm."
        raise ArgumentError(1, f"must be a date pattern (CLDR), not {pattern[:40]!r}", remedy) from None


def add_time(time: str, duration: str) -> str:
    """The moment so much later, or earlier when the duration begins with a minus."""
    try:
        span = parse_duration(duration.removeprefix("-"))
    except ExpressionError as error:
        raise ArgumentError(1, f"must be a duration, not {duration[:40]!r}", error.remedy) from None
    try:
        return time_text(_argument(time, 0) + (-span if duration.startswith("-") else span))
    except OverflowError:
        raise ArgumentError(None, "the result is beyond the years 1 to 9999") from None


def before(first: str, second: str) -> bool:
    """Whether the first moment is earlier."""
    return _argument(first, 0) < _argument(second, 1)


def _argument(text: str, index: int) -> datetime:
    try:
        return moment_of(text)
    except ExpressionError as error:
        raise ArgumentError(index, f"must be a time, not {text[:40]!r}", error.remedy) from None


def _zone(name: str, index: int) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        remedy = "Write one such as Europe/Berlin or UTC."
        raise ArgumentError(index, f"must be a time zone, not {name[:40]!r}", remedy) from None


def _moment(match: re.Match[str], text: str, zone: ZoneInfo) -> datetime:
    day, clock, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}")
        microseconds = int((fraction or ".0")[1:7].ljust(6, "0"))
        moment += timedelta(microseconds=microseconds)
        if not offset:
            return moment.replace(tzinfo=zone).astimezone(UTC)
        if offset in "Zz":
            return moment.replace(tzinfo=UTC)
        return datetime.fromisoformat(f"{moment.isoformat()}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        message = f"{text[:40]!r} is not a time that exists."
        raise ExpressionError(message, code="time", remedy=_REMEDY) from None


TIME: Final[tuple[Function, ...]] = (
    function(
        "parse_time(value: text | integer, timezone?: text) -> text",
        "The moment that a date, a time or Unix seconds say; without an offset it is read in the time zone (UTC).",
        Example("parse_time('2026-11-23 10:00', 'Europe/Berlin')", "2026-11-23T09:00:00Z"),
        parse_time,
        group="time",
    ),
    function(
        "format_time(time: text, pattern: text, timezone?: text, locale?: text) -> text",
        "The moment for a reader: short, medium, long, full or a CLDR pattern, in a time zone (UTC) and locale (en).",
        Example(
            "format_time(now, 'd. MMMM yyyy, HH:mm', 'Europe/Berlin', 'de')",
            "23. November 2026, 10:00",
            {"now": "2026-11-23T09:00:00Z"},
        ),
        format_time,
        group="time",
    ),
    function(
        "add_time(time: text, duration: text) -> text",
        "The moment a duration later (10s 5m 2h 3d 1w), or earlier with a minus.",
        Example("add_time(now, '3d')", "2026-11-26T09:00:00Z", {"now": "2026-11-23T09:00:00Z"}),
        add_time,
        group="time",
    ),
    function(
        "before(first: text, second: text) -> boolean",
        "Whether the first moment is earlier than the second, whatever their offsets.",
        Example("before('2026-11-23T09:30:00+01:00', '2026-11-23T09:00:00Z')", result=True),
        before,
        group="time",
    ),
)
"""The functions of the group."""
