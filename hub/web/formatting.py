"""How values look to the reader: times in the reader's zone, numbers and money by locale, JSON with its parts marked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime, format_time, format_timedelta
from babel.numbers import format_decimal
from flask import g, request
from markupsafe import Markup

from hub.errors import MoneyError
from hub.expressions.durations import parse_duration
from hub.money import Money
from hub.web.sessions import current_user, the_hub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask

    from hub.jsontypes import Json

ZONE_COOKIE = "hub_zone"
_INDENT = "  "
_SHOWN_CHARACTERS = 200_000


def reader_zone() -> ZoneInfo:
    """The reader's time zone: as set, else as the browser says, else UTC."""
    if "zone" not in g:
        g.zone = _zone(_preference("timezone")) or _zone(request.cookies.get(ZONE_COOKIE, "")) or ZoneInfo("UTC")
    return cast("ZoneInfo", g.zone)


def reader_locale() -> Locale:
    """The reader's locale for numbers and dates: as set, else as the browser says, else English."""
    if "locale" not in g:
        wanted = [_preference("language"), *(name for name, _ in request.accept_languages)]
        g.locale = next((found for name in wanted if (found := _locale(name))), Locale("en"))
    return cast("Locale", g.locale)


def _preference(name: str) -> str:
    user = current_user()
    value = user.preferences.get(name) if user is not None else None
    return value if isinstance(value, str) else ""


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _locale(name: str) -> Locale | None:
    try:
        return Locale.parse(name.replace("-", "_")) if name and name != "*" else None
    except (ValueError, UnknownLocaleError):
        return None


def moment(value: datetime | str | None) -> datetime | None:
    """A stored moment, which documents hold as text."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def when(value: datetime | str | None, empty: str = "never") -> Markup:
    """A ``<time>``: how long ago (or until) within a day, else day and time; the whole of it on hovering."""
    at = moment(value)
    if at is None:
        return Markup('<span class="text-secondary">{}</span>').format(empty)
    locale, zone = reader_locale(), reader_zone()
    distance = at - the_hub().now()
    if abs(distance) < timedelta(seconds=10):
        said = "now"
    elif abs(distance) < timedelta(hours=20):
        said = format_timedelta(distance, add_direction=True, locale=locale)
    else:
        said = format_datetime(at, "medium", tzinfo=zone, locale=locale)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), full_time(at), said)


def full_time(value: datetime | str | None) -> str:
    """Day, time with seconds and zone."""
    at = moment(value)
    return format_datetime(at, "long", tzinfo=reader_zone(), locale=reader_locale()) if at is not None else ""


def clock(value: datetime | str | None) -> str:
    """The time of day with seconds, for a time line."""
    at = moment(value)
    return format_time(at, "medium", tzinfo=reader_zone(), locale=reader_locale()) if at is not None else ""


def duration(start: datetime | None, end: datetime | None) -> str:
    """How long something took; empty while it goes on."""
    if start is None or end is None:
        return ""
    seconds = (end - start).total_seconds()
    if seconds < 1:
        return f"{number(round(seconds * 1000))} ms"
    if seconds < 60:  # noqa: PLR2004 (a minute)
        return f"{number(round(seconds, 1))} s"
    return format_timedelta(end - start, threshold=1, locale=reader_locale())


def span(text: str) -> str:
    """How long ``2h`` or ``7d`` is, in words."""
    return format_timedelta(parse_duration(text), threshold=2, locale=reader_locale())


def number(value: float) -> str:
    """A number as the reader writes it."""
    return format_decimal(value, locale=reader_locale())


def money(value: Json) -> str:
    """``{minor, currency}`` as the reader writes it; empty for anything else."""
    try:
        return Money.from_json(value).format(str(reader_locale()))
    except MoneyError:
        return ""


def start_of_today() -> datetime:
    """Midnight in the reader's zone, in UTC."""
    now = the_hub().now().astimezone(reader_zone())
    return now.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def pretty(value: Json) -> str:
    """JSON as text with indentation, for copying and editing."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def raw_text(body: bytes | None) -> str:
    """A body that is no JSON, as text."""
    return (body or b"").decode("utf-8", errors="replace")


def json_markup(value: Json) -> Markup:
    """JSON for reading, its names, texts and numbers marked for colours."""
    text = _marked(value, "")
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    return Markup('{}\n<span class="text-secondary">… {} more characters</span>').format(
        pretty(value)[:_SHOWN_CHARACTERS], number(len(text) - _SHOWN_CHARACTERS)
    )


def _marked(value: Json, indent: str) -> Markup:
    deeper = indent + _INDENT
    if isinstance(value, dict) and value:
        lines = [
            Markup('{}<span class="j-name">"{}"</span>: {}').format(deeper, name, _marked(one, deeper))
            for name, one in value.items()
        ]
        return Markup("{{\n{}\n{}}}").format(Markup(",\n").join(lines), indent)
    if isinstance(value, (list, tuple)) and value:
        parts = [Markup("{}{}").format(deeper, _marked(one, deeper)) for one in value]
        return Markup("[\n{}\n{}]").format(Markup(",\n").join(parts), indent)
    kind = "j-text" if isinstance(value, str) else "j-value"
    return Markup('<span class="{}">{}</span>').format(kind, json.dumps(value, ensure_ascii=False, default=str))


_STATUS_LOOKS: Mapping[str, tuple[str, str, str]] = {
    "ready": ("blue", "clock", "about to start"),
    "running": ("blue", "player-play", "running"),
    "waiting": ("azure", "hourglass", "waiting"),
    "succeeded": ("green", "check", "succeeded"),
    "failed": ("red", "x", "failed"),
    "cancelled": ("secondary", "ban", "cancelled"),
    "uncertain": ("orange", "help-circle", "needs you"),
    "started": ("blue", "player-play", "running"),
    "timed_out": ("yellow", "hourglass-off", "timed out"),
    "failed_transient": ("yellow", "refresh", "failed, tried again"),
    "failed_permanent": ("red", "x", "failed"),
    "skipped": ("secondary", "player-skip-forward", "skipped"),
    "created": ("blue", "clock", "begun"),
    "pending": ("azure", "hourglass", "under way"),
    "authorized": ("azure", "lock", "authorised"),
    "partially_refunded": ("yellow", "check", "partly refunded"),
    "refunded": ("yellow", "check", "refunded"),
    "expired": ("secondary", "hourglass-off", "expired"),
    "voided": ("secondary", "ban", "let go"),
    "disputed": ("orange", "alert-triangle", "disputed"),
    "returned": ("red", "x", "returned by the bank"),
    "trialing": ("azure", "hourglass", "on trial"),
    "active": ("green", "check", "active"),
    "past_due": ("orange", "alert-triangle", "past due"),
    "paused": ("secondary", "player-pause", "paused"),
    "cancelling": ("yellow", "hourglass", "ends soon"),
    "ended": ("secondary", "ban", "ended"),
    "stopped": ("secondary", "ban", "stopped"),
    "open": ("blue", "clock", "open"),
    "draft": ("secondary", "pencil", "draft"),
    "overdue": ("red", "alert-triangle", "overdue"),
    "partly_paid": ("yellow", "coin", "partly paid"),
    "overpaid": ("orange", "alert-triangle", "overpaid"),
    "void": ("secondary", "ban", "void"),
    "revoked": ("secondary", "ban", "taken away"),
    "paid": ("green", "check", "paid"),
    "requested": ("blue", "clock", "not paid yet"),
    "held": ("azure", "lock", "held"),
    "frozen": ("orange", "snowflake", "frozen"),
    "releasing": ("azure", "hourglass", "under way"),
    "released": ("green", "check", "released"),
    "settled": ("green", "scale", "settled"),
    "lapsed": ("red", "x", "lapsed"),
    "queued": ("blue", "clock", "queued"),
    "sent": ("azure", "hourglass", "sent"),
    "retired": ("secondary", "ban", "retired"),
    "registered": ("orange", "hourglass", "to be approved"),
    "approved": ("green", "check", "approved"),
    "suspended": ("secondary", "ban", "suspended"),
    "posted": ("blue", "clock", "posted"),
    "offered": ("azure", "tag", "offers came in"),
    "assigned": ("azure", "hourglass", "given to somebody"),
    "accepted": ("blue", "user-check", "accepted"),
    "in_progress": ("blue", "player-play", "in progress"),
    "done_reported": ("azure", "hourglass", "to be confirmed"),
    "confirmed": ("green", "check", "confirmed"),
    "unfilled": ("orange", "alert-triangle", "nobody left"),
    "chosen": ("green", "check", "chosen"),
    "declined": ("secondary", "x", "declined"),
    "passed": ("secondary", "ban", "went to another"),
    "mailed": ("azure", "mail", "mailed"),
    "opened": ("blue", "eye", "opened"),
    "undelivered": ("red", "x", "not delivered"),
    "checked": ("orange", "hourglass", "to be looked at"),
    "done": ("green", "check", "done"),
    "discarded": ("secondary", "trash", "thrown away"),
}


def status_look(status: str) -> tuple[str, str, str]:
    """Colour, icon and word of a run's status or a step's state."""
    return _STATUS_LOOKS.get(status, ("secondary", "point", status.replace("_", " ")))


def status_word(status: str) -> str:
    """The word of a status, as its badge says it."""
    return status_look(status)[2]


def add_filters(app: Flask) -> None:
    """Give the templates what stands here."""
    for filter_ in (
        when,
        full_time,
        clock,
        duration,
        span,
        number,
        money,
        raw_text,
        json_markup,
        status_look,
        status_word,
    ):
        app.jinja_env.filters[filter_.__name__] = filter_
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
