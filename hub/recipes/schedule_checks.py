"""Whether a cron expression and a time zone can be followed, said field by field."""

from __future__ import annotations

import re
from typing import Final
from zoneinfo import available_timezones

from hub.recipes.findings import did_you_mean

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_PART: Final = re.compile(r"(?P<first>\*|[0-9]+|[a-z]{3})(?:-(?P<last>[0-9]+|[a-z]{3}))?(?:/(?P<step>[0-9]+))?")
_SHORTCUTS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * SUN",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_LAST_DAYS: Final = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


def cron_problem(cron: str) -> tuple[str, str] | None:
    """What is wrong with a five-field cron expression, and what would be right; None when nothing is."""
    shortcut = _SHORTCUTS.get(cron.strip().lower())
    if shortcut is not None:
        return f"{cron} is a shortcut that the hub does not know.", f"Write {shortcut!r}."
    fields = cron.split()
    if len(fields) != len(_FIELDS):
        remedy = "Five are meant: minute, hour, day of the month, month, day of the week; like 0 9 * * MON."
        return f"The schedule {cron!r} has {len(fields)} field{'' if len(fields) == 1 else 's'}.", remedy
    for text, (name, least, most, names) in zip(fields, _FIELDS, strict=True):
        problem = _field_problem(text, name, least, most, names)
        if problem is not None:
            return problem
    return _never(fields[2], fields[3])


def zone_problem(name: str) -> tuple[str, str] | None:
    """What is wrong with the name of a time zone, and what would be right; None when nothing is."""
    if name in available_timezones():
        return None
    remedy = did_you_mean(name, available_timezones()) if len(name) > 1 else ""
    return f"There is no time zone {name!r}.", remedy if remedy.startswith(
        "Did"
    ) else "Give one like Europe/Berlin or UTC."


def _field_problem(text: str, name: str, least: int, most: int, names: tuple[str, ...]) -> tuple[str, str] | None:
    said = f"It takes {least} to {most}" + (f" or {names[0].upper()} to {names[-1].upper()}" if names else "")
    remedy = f"{said}; also *, ranges (1-5), lists (1,15) and steps (*/10)."
    for part in text.lower().split(","):
        found = _PART.fullmatch(part)
        if found is None:
            return f"The {name} {text!r} of the schedule cannot be read.", remedy
        numbers = [
            _number(found[group], names, least) for group in ("first", "last") if found[group] not in {None, "*"}
        ]
        if any(number is None or not least <= number <= most for number in numbers):
            return f"The {name} {text!r} of the schedule is out of range.", remedy
        if names is _DAYS and found["last"] == "sun":
            numbers[-1] = 7
        if found["last"] is not None and (found["first"] == "*" or (numbers[0] or 0) > (numbers[1] or 0)):
            return f"The {name} {text!r} of the schedule begins after its end.", remedy
        if found["step"] is not None and not 0 < int(found["step"]) <= most:
            return f"The step of the {name} {text!r} is out of range.", remedy
    return None


def _number(text: str, names: tuple[str, ...], least: int) -> int | None:
    if text.isdigit():
        return int(text)
    return names.index(text) + (least if names is _MONTHS else 0) if text in names else None


def _never(days: str, months: str) -> tuple[str, str] | None:
    """A day that none of the months has, such as 31 February."""
    if not days.isdigit() or not all(part.isdigit() or part.lower() in _MONTHS for part in months.split(",")):
        return None
    numbers = [_number(part.lower(), _MONTHS, 1) or 0 for part in months.split(",")]
    if all(int(days) > _LAST_DAYS.get(number, 31) for number in numbers):
        return f"The schedule never comes: no month of {months!r} has a day {days}.", "Take an earlier day."
    return None
