"""What the designer's panels are made of: inputs as they are shown, what was entered, and what that changes. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, cast

from hub.engine.form_edits import set_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hub.jsontypes import Json, JsonObject

Path: TypeAlias = "tuple[str | int, ...]"

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What a field or an offer may be called in the text."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One input. ``kind``: text, lines, tick or choice; ``shown`` of a tick is ``on`` or empty.

    ``longest``: how many characters it takes; ``language``: that of the words in it; ``wrong``: what to say at it.
    """

    input: str
    label: str
    shown: str = ""
    kind: str = "text"
    hint: str = ""
    options: Sequence[tuple[str, str]] = ()
    longest: int = 2_000
    language: str = ""
    suggestions: str = ""
    wrong: str = ""

    @property
    def rows(self) -> int:
        """How high an input of several lines is."""
        return min(max(self.shown.count("\n") + 1, len(self.shown) // 60 + 1, 2), 8)


@dataclass(frozen=True, slots=True)
class Button:
    """What can be pressed beside the inputs; ``about`` says to screen readers what it is about."""

    do: str
    label: str
    icon: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Inputs that stand together. ``adds``: they are taken by the group's button only, not when one is left."""

    entries: Sequence[Entry] = ()
    legend: str = ""
    note: str = ""
    button: Button | None = None
    adds: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """Another value at a place of the form; None takes it away."""

    path: Path
    value: Json


@dataclass(slots=True)
class Entered:
    """What was entered, and what is ``wrong`` with it, by the input's name."""

    values: Mapping[str, str]
    wrong: dict[str, str] = field(default_factory=dict)

    def said(self, name: str) -> str:
        """What stands in an input, without the space around it."""
        return self.values.get(name, "").replace("\r\n", "\n").strip()

    def refuse(self, name: str, message: str) -> None:
        """Note what is to be said at an input."""
        self.wrong.setdefault(name, message)

    def fits(self, name: str, most: int) -> bool:
        """Whether an input has no more characters than it may; what is to be said is noted."""
        found = len(self.said(name))
        if found > most:
            self.refuse(name, f"This has {found:,} characters; at most {most:,} fit. Make it shorter.")
        return found <= most


class Part(Protocol):
    """A part of a panel: groups of inputs, and what they change when something else is entered."""

    def groups(self, typed: Mapping[str, str]) -> Sequence[Group]:
        """The inputs as the text has them; ``typed`` only says which of several there are."""
        ...

    def changes(self, entered: Entered) -> Iterator[Change]:
        """What differs from the text; nothing for what is wrong."""
        ...


def input_name(path: Path, *more: str) -> str:
    """The name of the input for a place of the form."""
    return "-".join(["panel", *(str(part) for part in path), *more])


def with_changes(text: str, changes: Iterable[Change]) -> str:
    """The text with the changes, each in its own lines only. Raises ``ConfigError``."""
    for change in changes:
        *holder, key = change.path
        text = set_value(text, holder, str(key), change.value)
    return text


def part_at(form: JsonObject, *path: str) -> JsonObject:
    """The keys at a place of a form; none where there are no keys."""
    found: Json = form
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def parts_at(form: JsonObject, *path: str) -> Sequence[JsonObject]:
    """The items at a place of a form, when all of them have keys."""
    found = part_at(form, *path[:-1]).get(path[-1])
    listed = isinstance(found, list) and all(isinstance(one, dict) for one in found)
    return cast("Sequence[JsonObject]", found) if listed else ()


def shown(value: Json) -> str:
    """A value as an input shows it."""
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Tick:
    """A key that is true or not there."""

    path: Path
    label: str
    hint: str
    value: Json

    def groups(self, _typed: Mapping[str, str]) -> Sequence[Group]:
        """One box."""
        ticked = "on" if self.value is True else ""
        return [Group([Entry(input_name(self.path), self.label, ticked, "tick", self.hint)])]

    def changes(self, entered: Entered) -> Iterator[Change]:
        """True, or gone."""
        said = bool(entered.said(input_name(self.path)))
        if said != (self.value is True):
            yield Change(self.path, True if said else None)
