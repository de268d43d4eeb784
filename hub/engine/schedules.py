"""Recipes that a clock starts: every tick is an event whose id is made of the recipe and the time.

So it fires once, however many processes run. What was missed while no process ran is made up for as the recipe says.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger

from hub.engine.library import SCHEDULE_TICK
from hub.errors import RecipeError
from hub.journal.entries import Happening

if TYPE_CHECKING:
    from hub.engine.library import Library
    from hub.engine.recorder import Recorder
    from hub.recipes.model import ScheduleTrigger

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOST_MADE_UP_FOR = 1_000


def cron_trigger(cron: str, timezone: str) -> CronTrigger:
    """A five-field cron expression (Sunday is 0 or 7) in an IANA time zone. Raises ``RecipeError`` when it is none."""
    fields = cron.split()
    if len(fields) != 5:  # noqa: PLR2004 (minute hour day month weekday)
        message = f"The schedule {cron!r} has {len(fields)} fields."
        raise RecipeError(message, remedy="A cron schedule has five: minute hour day month weekday, like 0 9 * * MON.")
    minute, hour, day, month, weekday = fields
    try:
        return CronTrigger(
            minute=minute,
            hour=hour,
            day=day,
            month=month.lower(),
            day_of_week=_named_days(weekday),
            timezone=ZoneInfo(timezone),
        )
    except ZoneInfoNotFoundError as wrong:
        message = f"There is no time zone {timezone!r}."
        raise RecipeError(message, remedy="Give one like Europe/Berlin or UTC.") from wrong
    except ValueError as wrong:
        message = f"The schedule {cron!r} cannot be read: {wrong}."
        raise RecipeError(message, remedy="Five fields: minute hour day month weekday, like 0 9 * * MON.") from wrong


def _named_days(field: str) -> str:
    """Numbers of weekdays as names: cron counts from Sunday, the scheduler from Monday."""
    values, slash, step = field.lower().partition("/")
    named = ",".join(
        "-".join(_DAYS[int(day)] if day.isdigit() else day for day in part.split("-")) for part in values.split(",")
    )
    if named.startswith("sun-"):  # the scheduler's week begins on Monday, so a range may not begin on Sunday
        named = f"sun,mon-{named.removeprefix('sun-')}" if named != "sun-sun" else "*"
    return f"{named}{slash}{step}"


def ticks_between(trigger: CronTrigger, after: datetime, until: datetime) -> list[datetime]:
    """The moments (UTC) at which the schedule fires in ``(after, until]``; the latest thousand at most."""
    ticks: list[datetime] = []
    at = trigger.get_next_fire_time(None, after + timedelta(microseconds=1))
    while at is not None and at <= until:
        ticks.append(at.astimezone(UTC))
        at = trigger.get_next_fire_time(at, at + timedelta(microseconds=1))
    return ticks[-_MOST_MADE_UP_FOR:]


class Positions(Protocol):
    """Where the time up to which each schedule has fired is kept."""

    def get(self, schedule: str) -> datetime | None:
        """The time up to which this schedule fired; None for a new one."""

    def put(self, schedule: str, moment: datetime) -> None:
        """It has fired up to ``moment``."""


class Schedules:
    """Fires the ticks that are due. Called about every second; a call costs next to nothing when none is."""

    def __init__(self, library: Library, recorder: Recorder, positions: Positions) -> None:
        self._library = library
        self._recorder = recorder
        self._positions = positions
        self._fired_until: dict[str, datetime] = {}
        self._triggers: dict[tuple[str, str], CronTrigger] = {}

    def fire_due(self, now: datetime) -> int:
        """Record the ticks that are due at ``now``; give how many there were."""
        count = 0
        for installed, schedule in self._library.reload().schedules():
            name = installed.recipe.name
            after = self._fired_until.get(name) or self._begin(name, now)
            ticks = ticks_between(self._trigger(schedule), after, now)
            self._fired_until[name] = now
            if not ticks:
                continue
            for tick in self._kept(schedule, ticks, now):
                self._fire(name, tick, now)
                count += 1
            self._positions.put(name, now)
        return count

    def _begin(self, name: str, now: datetime) -> datetime:
        known = self._positions.get(name)
        if known is None:
            self._positions.put(name, now)
        return known or now

    def _trigger(self, schedule: ScheduleTrigger) -> CronTrigger:
        key = (schedule.cron, schedule.timezone)
        if key not in self._triggers:
            self._triggers[key] = cron_trigger(*key)
        return self._triggers[key]

    @staticmethod
    def _kept(schedule: ScheduleTrigger, ticks: list[datetime], now: datetime) -> list[datetime]:
        """A tick older than a minute was missed; which missed ones fire is the recipe's choice."""
        missed = [tick for tick in ticks if now - tick > timedelta(minutes=1)]
        in_time = ticks[len(missed) :]
        if schedule.misfire == "all":
            return ticks
        if schedule.misfire == "none" or in_time:
            return in_time
        return missed[-1:]

    def _fire(self, name: str, tick: datetime, now: datetime) -> None:
        stamp = tick.strftime("%Y-%m-%dT%H:%M:%SZ")
        data = {"schedule": name, "due_at": stamp}
        self._recorder.record(Happening(SCHEDULE_TICK, "hub", f"schedule:{name}:{stamp}", data, tick), now, only=name)
