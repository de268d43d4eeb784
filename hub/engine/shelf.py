"""The journal's recipes as the library reads them, and what a recipe's waits need to be found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.engine.library import StoredRecipe
from hub.recipes.model import AskStep, BranchStep, LoopStep, Step, SwitchStep, WaitStep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hub.journal.store import Store
    from hub.recipes.model import Recipe


class Shelf:
    """Implements :class:`hub.engine.library.RecipeShelf` on the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def epoch(self) -> int:
        """The version of the set of enabled recipes."""
        return self._store.recipe_epoch()

    def enabled(self) -> tuple[int, Sequence[StoredRecipe], Mapping[str, Sequence[tuple[str, ...]]]]:
        """The epoch first: what changes after it was read makes the next event match again."""
        epoch = self._store.recipe_epoch()
        rows = [row for row in self._store.recipes() if row.enabled]
        stored = [StoredRecipe(row.name, row.n, row.text, row.inputs) for row in rows]
        return epoch, stored, self._store.wait_shapes()

    def version(self, name: str, n: int) -> StoredRecipe:
        """One version with the inputs of today. Raises ``NotFoundError``."""
        version = self._store.recipe_version(name, n)
        inputs = next((row.inputs for row in self._store.recipes() if row.name == name), {})
        return StoredRecipe(name, n, version.text, inputs)


def wait_shapes(recipe: Recipe) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(Event type or pattern, match paths) of every wait in a recipe, without repeats."""
    found: dict[tuple[str, tuple[str, ...]], None] = {}
    for step in walk((*recipe.steps, *recipe.on_failure)):
        if isinstance(step, WaitStep):
            found.update(dict.fromkeys((kind, tuple(sorted(step.match))) for kind in step.types))
        elif isinstance(step, AskStep):
            found["answer.given", ("data.question",)] = None
    return tuple(found)


def walk(steps: Iterable[Step]) -> Iterator[Step]:
    """Every step, those inside others too."""
    for step in steps:
        yield step
        inner: list[tuple[Step, ...]] = []
        if isinstance(step, BranchStep):
            inner = [step.then, step.otherwise]
        elif isinstance(step, SwitchStep):
            inner = [*(body for _, body in step.cases), step.default]
        elif isinstance(step, LoopStep):
            inner = [step.body]
        if isinstance(step, (WaitStep, AskStep)) and isinstance(step.on_timeout, tuple):
            inner.append(step.on_timeout)
        if isinstance(step.on_error, tuple):
            inner.append(step.on_error)
        for body in inner:
            yield from walk(body)
