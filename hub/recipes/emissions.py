"""Which recipes start which by ``hub/emit``, and whether one feeds itself that way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.recipes.model import CallStep, EventTrigger
from hub.recipes.step_checks import inner_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hub.recipes.model import Recipe, Step


@dataclass(frozen=True, slots=True)
class Emission:
    """A step that emits an event of this type. ``certain``: it is reached in every run that goes well."""

    step: str
    type: str
    certain: bool


def emissions(recipe: Recipe) -> list[Emission]:
    """The recipe's ``hub/emit`` steps whose type is written out."""
    return [*_emissions(recipe.steps, certain=True), *_emissions(recipe.on_failure, certain=False)]


def feeding_circle(recipe: Recipe, first: Emission, others: Mapping[str, Recipe]) -> tuple[list[str], bool] | None:
    """The recipes through which what ``first`` emits comes back to ``recipe``, and whether nothing on the way can stop it.

    None when it does not come back. The shortest way is given; one that surely never ends is preferred.
    """
    return min(_ways_back(recipe, first, others), key=lambda way: (not way[1], len(way[0])), default=None)


def _ways_back(recipe: Recipe, first: Emission, others: Mapping[str, Recipe]) -> Iterator[tuple[list[str], bool]]:
    """Breadth first; a recipe is passed at most twice: once surely, once perhaps."""
    waiting: list[tuple[str, list[str], bool]] = [(first.type, [recipe.name], first.certain)]
    passed: set[tuple[str, bool]] = set()
    while waiting:
        kind, way, certain = waiting.pop(0)
        if _starts(recipe, kind):
            yield [*way, recipe.name], certain and _takes_all(recipe)
            continue
        for name, other in others.items():
            surely = certain and _takes_all(other)
            if name == recipe.name or (name, surely) in passed or not _starts(other, kind):
                continue
            passed.add((name, surely))
            waiting.extend((one.type, [*way, name], surely and one.certain) for one in emissions(other))


def _starts(recipe: Recipe, kind: str) -> bool:
    trigger = recipe.trigger
    if not isinstance(trigger, EventTrigger) or (trigger.connections and "hub" not in trigger.connections):
        return False
    return any(_fits(pattern, kind) for pattern in trigger.patterns)


def _fits(pattern: str, kind: str) -> bool:
    return pattern in {kind, "*"} or (pattern.endswith(".*") and kind.startswith(pattern[:-1]))


def _takes_all(recipe: Recipe) -> bool:
    return recipe.trigger.where is None


def _emissions(steps: Iterable[Step], *, certain: bool) -> Iterator[Emission]:
    for step in steps:
        here = certain and step.condition is None
        if isinstance(step, CallStep) and step.action == "emit" and step.connection.value == "hub":
            value = step.arguments.value
            kind = value.get("type") if isinstance(value, dict) else None
            if isinstance(kind, str) and "${" not in kind:
                yield Emission(step.id, kind, here)
        for inner in inner_steps(step):
            yield from _emissions(inner, certain=False)
