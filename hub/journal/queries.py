"""Lists and single things for pages, commands and the API: keyset-paged, on indexes, so that they stay fast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hub.errors import NotFoundError
from hub.ids import first_id
from hub.journal.claiming import step_value
from hub.journal.tables import events, questions, runs, steps, waits

if TYPE_CHECKING:
    from hub.journal.database import Database
    from hub.journal.entries import StepRow
    from hub.jsontypes import Json, JsonObject

PAGE = 50


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in a list."""

    id: str
    recipe: str
    n: int
    status: str
    event_id: str
    event_type: str
    source: str
    subject: str | None
    cursor: str | None
    error: JsonObject | None
    due_at: datetime | None
    blocked: bool
    replay: str
    started: datetime | None
    ended: datetime | None
    created_at: datetime
    arrival: str


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with all its steps' attempts, in order of birth, what it waits for, and the events that it caused."""

    summary: RunSummary
    key: str | None
    fence: int
    lease_owner: str | None
    steps: tuple[StepRow, ...]
    waits: tuple[JsonObject, ...]
    questions: tuple[JsonObject, ...]
    caused: tuple[EventSummary, ...]


@dataclass(frozen=True, slots=True)
class EventSummary:
    """An event in a list."""

    id: str
    type: str
    source: str
    subject: str | None
    time: datetime
    duplicates: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EventDetail:
    """An event whole, with the runs it started."""

    summary: EventSummary
    source_id: str
    data: JsonObject
    raw: bytes | None
    headers: JsonObject | None
    verification: JsonObject | None
    caused_by_run: str | None
    caused_by_step: str | None
    runs: tuple[RunSummary, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; ``next`` is the cursor of the following one, None on the last."""

    items: tuple[Any, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list. ``text`` searches ids, mail addresses and names of the events that started them."""

    recipe: str = ""
    status: str = ""
    event_id: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to list. ``type`` may end with ``.*``."""

    type: str = ""
    source: str = ""
    subject: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Figures for the home page, since a moment; ``waiting`` and ``attention`` are of now."""

    events: int
    runs: dict[str, int]
    waiting: int
    failed: int
    uncertain: int


_RUN_COLUMNS = (
    *(
        runs.c[name]
        for name in (
            "id",
            "recipe",
            "n",
            "status",
            "event_id",
            "cursor",
            "error",
            "due_at",
            "blocked",
            "replay",
            "started",
            "ended",
            "created_at",
            "arrival",
        )
    ),
    events.c.type.label("event_type"),
    events.c.source,
    events.c.subject,
)
_EVENT_COLUMNS = tuple(
    events.c[name] for name in ("id", "type", "source", "subject", "time", "duplicates", "created_at")
)


class Queries:
    """Reads for people. Raises ``UnavailableError`` when the database is gone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def runs(self, chosen: RunFilter, after: str | None = None, limit: int = PAGE) -> Page:
        """Runs, newest first."""
        query = sa.select(*_RUN_COLUMNS).join(events, events.c.id == runs.c.event_id, isouter=True)
        for column, value in (("recipe", chosen.recipe), ("status", chosen.status), ("event_id", chosen.event_id)):
            if value:
                query = query.where(runs.c[column] == value)
        if chosen.since is not None:
            query = query.where(runs.c.arrival >= first_id("arr", chosen.since))
        if chosen.until is not None:
            query = query.where(runs.c.arrival < first_id("arr", chosen.until))
        if chosen.text:
            query = query.where(contains(chosen.text, events.c.search, runs.c.id, runs.c.event_id))
        if after:
            query = query.where(runs.c.arrival < after)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(runs.c.arrival.desc()).limit(limit + 1)).all()
        items = tuple(_run(row) for row in rows[:limit])
        return Page(items, items[-1].arrival if len(rows) > limit else None)

    def run(self, identity: str) -> RunDetail:
        """One run, whole. Raises ``NotFoundError``."""
        columns = (*_RUN_COLUMNS, runs.c.key, runs.c.fence, runs.c.lease_owner)
        query = sa.select(*columns).join(events, events.c.id == runs.c.event_id, isouter=True)
        with self._database.read() as connection:
            row = connection.execute(query.where(runs.c.id == identity)).first()
            if row is None:
                message = f"There is no run {identity!r}."
                raise NotFoundError(
                    message, remedy="It may have been deleted by the retention; the page Runs lists them."
                )
            attempts = connection.execute(sa.select(steps).where(steps.c.run_id == identity).order_by(steps.c.seq))
            step_rows = tuple(step_value(attempt) for attempt in attempts)
            waiting = connection.execute(sa.select(waits).where(waits.c.run_id == identity))
            wait_rows = tuple(wait._asdict() for wait in waiting)
            asked = connection.execute(sa.select(questions).where(questions.c.run_id == identity))
            question_rows = tuple(one._asdict() for one in asked)
            caused = connection.execute(
                sa.select(*_EVENT_COLUMNS).where(events.c.caused_by_run == identity).limit(PAGE)
            )
            caused_rows = tuple(_event(one) for one in caused)
        return RunDetail(
            _run(row), row.key, row.fence, row.lease_owner, step_rows, wait_rows, question_rows, caused_rows
        )

    def events(self, chosen: EventFilter, after: str | None = None, limit: int = PAGE) -> Page:
        """Events, newest first."""
        query = sa.select(*_EVENT_COLUMNS)
        if chosen.type.endswith(".*"):
            query = query.where(events.c.type >= chosen.type[:-1], events.c.type < chosen.type[:-2] + "/")
        elif chosen.type:
            query = query.where(events.c.type == chosen.type)
        for column, value in (("source", chosen.source), ("subject", chosen.subject)):
            if value:
                query = query.where(events.c[column] == value)
        if chosen.since is not None:
            query = query.where(events.c.id >= first_id("evt", chosen.since))
        if chosen.until is not None:
            query = query.where(events.c.id < first_id("evt", chosen.until))
        if chosen.text:
            query = query.where(contains(chosen.text, events.c.search, events.c.id, events.c.source_id))
        if after:
            query = query.where(events.c.id < after)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(events.c.id.desc()).limit(limit + 1)).all()
        items = tuple(_event(row) for row in rows[:limit])
        return Page(items, items[-1].id if len(rows) > limit else None)

    def event(self, identity: str) -> EventDetail:
        """One event, whole. Raises ``NotFoundError``."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(events).where(events.c.id == identity)).first()
            if row is None:
                message = f"There is no event {identity!r}."
                raise NotFoundError(
                    message, remedy="It may have been deleted by the retention; the page Events lists them."
                )
            query = sa.select(*_RUN_COLUMNS).join(events, events.c.id == runs.c.event_id)
            started = tuple(_run(run) for run in connection.execute(query.where(runs.c.event_id == identity)))
        return EventDetail(
            _event(row),
            row.source_id,
            row.data,
            row.raw,
            row.headers,
            row.verification,
            row.caused_by_run,
            row.caused_by_step,
            started,
        )

    def counts(self, since: datetime) -> Counts:
        """What happened since, and what stands now."""
        recent = runs.c.arrival >= first_id("arr", since)
        standing = sa.select(runs.c.status, sa.func.count()).where(
            runs.c.status.in_(("waiting", "uncertain")),
        )
        with self._database.read() as connection:
            happened = connection.scalar(
                sa.select(sa.func.count()).select_from(events).where(events.c.id >= first_id("evt", since))
            )
            by_status = connection.execute(
                sa.select(runs.c.status, sa.func.count()).where(recent).group_by(runs.c.status)
            ).all()
            now = connection.execute(standing.group_by(runs.c.status)).all()
        standing_now: dict[str, int] = {status: count for status, count in now}  # noqa: C416 (rows, not pairs)
        found: dict[str, int] = {status: count for status, count in by_status}  # noqa: C416 (rows, not pairs)
        return Counts(
            happened or 0,
            found,
            standing_now.get("waiting", 0),
            found.get("failed", 0),
            standing_now.get("uncertain", 0),
        )

    def recipe_outcomes(self, since: datetime) -> dict[str, dict[str, int]]:
        """For each recipe, how many of its runs since then stand at which status."""
        query = (
            sa.select(runs.c.recipe, runs.c.status, sa.func.count())
            .where(runs.c.arrival >= first_id("arr", since))
            .group_by(runs.c.recipe, runs.c.status)
        )
        found: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            for recipe, status, count in connection.execute(query):
                found.setdefault(recipe, {})[status] = count
        return found

    def open_questions(self, limit: int = PAGE) -> list[JsonObject]:
        """Questions that nobody answered yet, newest first."""
        query = sa.select(questions).where(questions.c.answer.is_(None)).order_by(questions.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [row._asdict() for row in connection.execute(query)]

    def backlog(self, now: datetime) -> tuple[int, timedelta | None]:
        """How many runs are due and not taken up, and how long the oldest has waited."""
        due = sa.and_(runs.c.status.in_(("ready", "waiting")), runs.c.due_at <= now, ~runs.c.blocked)
        with self._database.read() as connection:
            count, oldest = connection.execute(sa.select(sa.func.count(), sa.func.min(runs.c.due_at)).where(due)).one()
        return count, now - oldest if oldest is not None else None


def contains(text: str, *columns: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether one of the columns, which are in small letters, has the text somewhere."""
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return sa.or_(*(column.like(f"%{escaped}%", escape="\\") for column in columns))


def _run(row: Any) -> RunSummary:  # noqa: ANN401 (a row of several queries)
    return RunSummary(
        **{
            name: getattr(row, name) for name in RunSummary.__dataclass_fields__ if name not in {"event_type", "source"}
        },
        event_type=row.event_type or "",
        source=row.source or "",
    )


def _event(row: Any) -> EventSummary:  # noqa: ANN401 (a row of several queries)
    return EventSummary(row.id, row.type, row.source, row.subject, row.time, row.duplicates, row.created_at)


def as_json(value: Any) -> Json:  # noqa: ANN401 (rows of many kinds)
    """Rows with times as JSON."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {key: as_json(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(one) for one in value]
    return value.decode(errors="replace") if isinstance(value, bytes) else value
