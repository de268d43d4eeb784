"""What people do to recipes: check, save, switch, roll back, try, install; and files in and out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from hub.connect.schemas import CompiledSchema
from hub.engine.catalogue_desk import keep_catalogue
from hub.engine.context import Installation, check_context
from hub.engine.library import NO_RECIPE, birth
from hub.engine.recorder import event_entry, event_object
from hub.engine.shelf import wait_shapes
from hub.errors import NotFoundError, RecipeError
from hub.ids import new_id
from hub.journal.entries import Happening
from hub.journal.operations import start_runs
from hub.journal.recording import record_now
from hub.journal.rows import RecipeSave
from hub.recipes.checker import check_recipe
from hub.recipes.compiler import compile_recipe
from hub.recipes.files import FileKind
from hub.recipes.findings import Finding, FindingsError, Severity
from hub.recipes.schema import recipe_schema
from hub.recipes.testing import Play, TestOutcome, play, run_tests

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.engine.hub import Hub
    from hub.journal.writer import Transaction
    from hub.jsontypes import Json, JsonObject, JsonSchema
    from hub.recipes.context import CheckContext
    from hub.recipes.model import Recipe

GALLERY = Path(__file__).resolve().parents[2] / "recipes"

_FROM_GALLERY: Final = "From the gallery: "
"""How the message of a version begins that was installed."""

_BESIDE_RECIPES = ((FileKind.TEMPLATE, "*.md"), (FileKind.FORM, "*.yaml"))
"""The files of a story that a recipe uses, and how they are named."""


class RecipeDesk:
    """Acts on recipes for a person; every change is in the audit trail."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def context(self, name: str = "", *, run_tests: bool = True) -> CheckContext:
        """What the checker knows of this installation; ``name`` is the recipe under check, whose stored text is left out."""
        hub = self._hub
        others = {one.recipe.name: one.recipe for one in hub.library.reload().installed if one.recipe.name != name}
        templates = frozenset(hub.store.files("template"))
        return check_context(Installation(hub.registry, hub.accounts.names(), templates, others), run_tests=run_tests)

    def check(self, text: str, name: str = "") -> Sequence[Finding]:
        """Everything that is wrong or doubtful, in the order of the lines; the recipe's tests are run too."""
        return check_recipe(text, f"{name or 'recipe'}.yaml", self.context(name))

    def schema(self) -> JsonSchema:
        """The JSON Schema of the language."""
        return recipe_schema()

    def save(self, name: str, text: str, actor: str, message: str = "", *, enabled: bool | None = None) -> int:
        """Store a new version, which becomes the current one; give its number.

        ``enabled`` None: as it stood, or as the text says for a new one. Raises ``FindingsError`` when it has errors,
        ``RecipeError`` when the text names another recipe than ``name``.
        """
        self._refuse_errors(self.check(text, name))
        recipe = compile_recipe(text, f"{name}.yaml")
        if recipe.name != name:
            message = f"The text names the recipe {recipe.name!r}, but this is {name!r}."
            raise RecipeError(message, remedy=f"Write recipe: {name}, or save it as a new recipe.")
        hub = self._hub
        now = hub.now()
        if enabled is None:
            enabled = self._stands(recipe)
        number = hub.store.save_recipe(recipe_save(recipe, actor, message, now, enabled=enabled))
        hub.store.note(actor, "recipe.save", recipe.name, now, {"version": number, "message": message})
        hub.library.reload()
        return number

    @staticmethod
    def _refuse_errors(findings: Sequence[Finding]) -> None:
        if any(finding.severity is Severity.ERROR for finding in findings):
            raise FindingsError(findings)

    def _stands(self, recipe: Recipe) -> bool:
        try:
            return self._hub.store.recipe(recipe.name).enabled
        except NotFoundError:
            return recipe.enabled

    def enable(self, name: str, actor: str, *, enabled: bool) -> None:
        """Switch a recipe on or off for new events; runs under way go on.

        Raises ``FindingsError`` when its current text has errors and it shall be switched on.
        """
        hub = self._hub
        if enabled:
            self._refuse_errors(self.check(hub.store.recipe(name).text, name))
        now = hub.now()
        hub.store.enable_recipe(name, now, enabled=enabled)
        hub.store.note(actor, "recipe.enable" if enabled else "recipe.disable", name, now)
        hub.library.reload()

    def delete(self, name: str, actor: str) -> None:
        """Take a recipe away; its versions and runs stay readable."""
        now = self._hub.now()
        self._hub.store.delete_recipe(name, now)
        self._hub.store.note(actor, "recipe.delete", name, now)
        self._hub.library.reload()

    def set_inputs(self, name: str, inputs: JsonObject, actor: str) -> None:
        """The installation's values for a recipe's inputs. Raises ``RecipeError`` that names the input."""
        hub = self._hub
        stored = hub.store.recipe(name)
        recipe = compile_recipe(stored.text, f"{name}.yaml")
        for key, value in inputs.items():
            entry = recipe.inputs.get(key)
            if entry is None:
                message = f"The recipe {name!r} has no input {key!r}."
                raise RecipeError(message, remedy=f"Its inputs are {', '.join(recipe.inputs) or 'none'}.")
            problems = CompiledSchema(entry.schema).problems(value)
            if problems:
                message = f"The input {key!r}: {problems[0]}."
                raise RecipeError(message, remedy=str(entry.schema.get("description") or "Give another value."))
        now = hub.now()
        hub.store.set_recipe_inputs(name, inputs, now)
        hub.store.note(actor, "recipe.inputs", name, now, {"inputs": sorted(inputs)})
        hub.library.reload()

    def trial(self, text: str, name: str, event: JsonObject, given: Mapping[str, Json]) -> Play:
        """Play the recipe on an event without side effects. Raises ``FindingsError`` when it cannot be compiled."""
        recipe = compile_recipe(text, f"{name or 'recipe'}.yaml")
        return play(recipe, event, given, now=self._hub.now())

    def test(self, text: str, name: str) -> Sequence[TestOutcome]:
        """Run the recipe's ``tests``. Raises ``FindingsError`` when it cannot be compiled."""
        return run_tests(compile_recipe(text, f"{name or 'recipe'}.yaml"))

    def start(self, name: str, event: JsonObject, actor: str) -> str:
        """Record an event (``{type, data}``) as started by hand, for this recipe alone; give the run's id."""
        hub = self._hub
        now = hub.now()
        stored = hub.store.recipe(name)
        kind, data = str(event.get("type") or "hub.started_by_hand"), cast("JsonObject", event.get("data") or {})
        identity = new_id("evt", now)
        happening = Happening(kind, "hub", f"hand:{identity}", data, now, id=identity)
        entry = event_entry(happening, hub.library.reload(), now, only=NO_RECIPE)
        run = birth(hub.library.get(name, stored.n), event_object(identity, kind, now, "hub", data))

        def begin(tx: Transaction) -> None:
            record_now(tx, entry)
            start_runs(tx, [(run, entry.id, now)])

        hub.store.change(begin)
        hub.store.note(actor, "recipe.start", name, now, {"run": run.id})
        hub.wake([run.id])
        return run.id

    # the gallery

    def gallery(self) -> list[tuple[str, str]]:
        """The stories that can be installed: name and title."""
        found = []
        for folder in sorted(GALLERY.glob("*/recipes")):
            readme = folder.parent / "README.md"
            first = readme.read_text(encoding="utf-8").splitlines()[0] if readme.is_file() else folder.parent.name
            found.append((folder.parent.name, first.lstrip("# ").strip()))
        return found

    def readme(self, story: str) -> str:
        """What the story is and how to try it, as Markdown. Raises :class:`NotFoundError`."""
        return (self._story(story) / "README.md").read_text(encoding="utf-8")

    def installed_stories(self) -> set[str]:
        """The names of the stories whose recipes are all here."""
        here = {row.name for row in self._hub.store.recipes()}
        stories = [name for name, _ in self.gallery()]
        return {name for name in stories if here >= {file.stem for file in (GALLERY / name / "recipes").glob("*.yaml")}}

    def changed_here(self, story: str) -> list[str]:
        """The recipes of a story that somebody changed since they were installed. Raises :class:`NotFoundError`."""
        files = sorted((self._story(story) / "recipes").glob("*.yaml"))
        return [file.stem for file in files if self._is_changed(file.stem, file.read_text(encoding="utf-8"))]

    def _is_changed(self, name: str, gallery: str) -> bool:
        try:
            current = self._hub.store.recipe(name).text
        except NotFoundError:
            return False
        installed = [one.text for one in self._hub.store.recipe_versions(name) if one.message.startswith(_FROM_GALLERY)]
        return current not in (gallery, *installed)

    def install(self, story: str, actor: str, *, overwrite: bool = False) -> list[str]:
        """Install a story of the gallery: its templates, forms, catalogue and recipes; give the names of the recipes.

        Again does no harm: recipes come up to date, but those that somebody changed (:meth:`changed_here`) only with
        ``overwrite``; texts and forms that are there stay as they are.
        """
        kept = set() if overwrite else set(self.changed_here(story))
        folder = self._story(story)
        hub = self._hub
        now = hub.now()
        for kind, pattern in _BESIDE_RECIPES:
            for file in sorted((folder / kind.folder).glob(pattern)):
                if hub.store.file(kind.value, file.stem) is None:
                    hub.store.save_file(kind.value, file.stem, file.read_text(encoding="utf-8"), actor, now)
        for file in sorted((folder / FileKind.CATALOGUE.folder).glob("*.yaml")):
            if hub.store.file(FileKind.CATALOGUE.value, file.stem) is None:
                text = file.read_text(encoding="utf-8")
                hub.store.change(partial(keep_catalogue, name=file.stem, text=text, author=actor, now=now))
        texts = [file.read_text(encoding="utf-8") for file in sorted((folder / "recipes").glob("*.yaml"))]
        names = []
        for text in texts:
            name = compile_recipe(text).name
            if name in kept:
                continue
            self.save(name, text, actor, f"{_FROM_GALLERY}{story}")
            names.append(name)
        return names

    def _story(self, name: str) -> Path:
        known = [found for found, _ in self.gallery()]
        if name not in known:
            message = f"The gallery has no story {name!r}."
            raise NotFoundError(message, remedy=f"It has: {', '.join(known)}.")
        return GALLERY / name


def recipe_save(recipe: Recipe, author: str, message: str, now: datetime, *, enabled: bool) -> RecipeSave:
    """What the journal stores of a compiled recipe."""
    return RecipeSave(recipe.name, recipe.text, recipe.digest, enabled, author, message, now, wait_shapes(recipe))
