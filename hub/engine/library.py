"""The enabled recipes, compiled; which of them an event starts, and by what waits find it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol

import structlog

from hub.errors import ExpressionError
from hub.expressions import compile_expression, is_true
from hub.ids import run_id
from hub.journal.entries import NewRun
from hub.jsontypes import json_digest
from hub.recipes.compiler import compile_recipe
from hub.recipes.model import EventTrigger, ScheduleTrigger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.jsontypes import Json, JsonObject
    from hub.recipes.model import Recipe

log = structlog.get_logger(__name__)

SCHEDULE_TICK = "schedule.tick"
NO_RECIPE = ""
"""In place of a recipe's name: the event starts none."""

_COMPILED_KEPT = 2_000


@dataclass(frozen=True, slots=True)
class StoredRecipe:
    """One version of a recipe as the journal holds it, with the installation's values for its inputs."""

    name: str
    n: int
    text: str
    inputs: JsonObject


class RecipeShelf(Protocol):
    """Where recipes are stored."""

    def epoch(self) -> int:
        """The version of the set of enabled recipes; raised by every change."""

    def enabled(self) -> tuple[int, Sequence[StoredRecipe], Mapping[str, Sequence[tuple[str, ...]]]]:
        """The epoch, the recipes that new events start, and the wait shapes: event type or pattern → match paths."""

    def version(self, name: str, n: int) -> StoredRecipe:
        """One version. Raises ``NotFoundError``."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A compiled recipe with its number and its inputs' values (defaults filled in)."""

    recipe: Recipe
    n: int
    inputs: JsonObject


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The enabled recipes at one epoch, ready to match events. Immutable, so threads may share it."""

    epoch: int
    installed: tuple[Installed, ...]
    _exact: Mapping[str, tuple[Installed, ...]]
    _patterns: tuple[tuple[str, Installed], ...]
    _shapes: Mapping[str, tuple[tuple[str, ...], ...]]

    def runs_for(self, event: JsonObject, replay: str = "", only: str | None = None) -> tuple[NewRun, ...]:
        """The runs that ``event`` (the canonical object) starts; ``only`` names the one recipe to consider."""
        event_type = str(event["type"])
        candidates = list(self._exact.get(event_type, ()))
        candidates += [one for pattern, one in self._patterns if fnmatchcase(event_type, pattern)]
        runs: dict[str, NewRun] = {}
        for one in candidates:
            name = one.recipe.name
            if name not in runs and (only is None or only == name) and _triggers(one, event):
                runs[name] = birth(one, event, replay)
        return tuple(runs.values())

    def match_keys_for(self, event: JsonObject) -> tuple[tuple[str, str], ...]:
        """Under which (type or pattern, hash) waits can find this event."""
        event_type = str(event["type"])
        return tuple(
            (pattern, match_hash({path: compile_expression(path).evaluate(event) for path in paths}))
            for pattern in (event_type, f"{event_type.partition('.')[0]}.*")
            for paths in self._shapes.get(pattern, ())
        )

    def schedules(self) -> tuple[tuple[Installed, ScheduleTrigger], ...]:
        """The recipes that a clock starts."""
        return tuple(
            (one, one.recipe.trigger) for one in self.installed if isinstance(one.recipe.trigger, ScheduleTrigger)
        )


def birth(installed: Installed, event: JsonObject, replay: str = "") -> NewRun:
    """The run of one recipe for this event, with its concurrency key rendered."""
    recipe = installed.recipe
    identity = run_id(str(event["id"]), recipe.name, replay)
    if recipe.concurrency is None:
        return NewRun(identity, recipe.name, installed.n, replay=replay)
    try:
        value = recipe.concurrency.key.render({"event": event, "inputs": installed.inputs})
    except ExpressionError as wrong:
        log.warning("concurrency_key_failed", recipe=recipe.name, event_id=event["id"], reason=str(wrong))
        value = None
    return NewRun(identity, recipe.name, installed.n, json_digest(value), recipe.concurrency.limit, replay)


def match_hash(values: Mapping[str, Json]) -> str:
    """The digest by which a wait and an event find each other: paths with their values."""
    return json_digest(dict(values))


def _triggers(one: Installed, event: JsonObject) -> bool:
    trigger = one.recipe.trigger
    if isinstance(trigger, ScheduleTrigger):
        data = event["data"]
        if not isinstance(data, dict) or data.get("schedule") != one.recipe.name:
            return False
    elif trigger.connections and event["connection"] not in trigger.connections:
        return False
    if trigger.where is None:
        return True
    try:
        return is_true(trigger.where.evaluate({"event": event, "inputs": one.inputs}))
    except ExpressionError as wrong:
        log.warning("trigger_where_failed", recipe=one.recipe.name, event_id=event["id"], reason=str(wrong))
        return False


def snapshot_of(
    epoch: int, installed: Sequence[Installed], shapes: Mapping[str, Sequence[tuple[str, ...]]]
) -> Snapshot:
    """Index the enabled recipes by the events that start them."""
    exact: dict[str, list[Installed]] = {}
    patterns: list[tuple[str, Installed]] = []
    for one in installed:
        trigger = one.recipe.trigger
        if isinstance(trigger, EventTrigger):
            for pattern in trigger.patterns:
                if "*" in pattern:
                    patterns.append((pattern, one))
                else:
                    exact.setdefault(pattern, []).append(one)
        else:
            exact.setdefault(SCHEDULE_TICK, []).append(one)
    return Snapshot(
        epoch,
        tuple(installed),
        {name: tuple(ones) for name, ones in exact.items()},
        tuple(patterns),
        {name: tuple(paths) for name, paths in shapes.items()},
    )


class Library:
    """Compiled recipes: the enabled ones as a snapshot, any version by name and number."""

    def __init__(self, shelf: RecipeShelf) -> None:
        self._shelf = shelf
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._compiled: OrderedDict[tuple[str, int, str], Installed] = OrderedDict()

    def snapshot(self) -> Snapshot:
        """The enabled recipes as last read; read now if never."""
        return self._snapshot or self.reload()

    def reload(self) -> Snapshot:
        """Read the enabled recipes again if their epoch moved."""
        with self._lock:
            if self._snapshot is None or self._shelf.epoch() != self._snapshot.epoch:
                epoch, stored, shapes = self._shelf.enabled()
                self._snapshot = snapshot_of(epoch, [self._compile(one) for one in stored], shapes)
            return self._snapshot

    def get(self, name: str, n: int) -> Installed:
        """One version of a recipe, with the inputs' values of today. Raises ``NotFoundError``."""
        snapshot = self._snapshot
        for one in snapshot.installed if snapshot else ():
            if one.recipe.name == name and one.n == n:
                return one
        with self._lock:
            return self._compile(self._shelf.version(name, n))

    def _compile(self, stored: StoredRecipe) -> Installed:
        key = (stored.name, stored.n, json_digest(stored.inputs))
        known = self._compiled.get(key)
        if known is None:
            recipe = compile_recipe(stored.text, f"{stored.name}.yaml")
            defaults = {name: one.default for name, one in recipe.inputs.items()}
            known = self._compiled[key] = Installed(recipe, stored.n, {**defaults, **stored.inputs})
            if len(self._compiled) > _COMPILED_KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return known
