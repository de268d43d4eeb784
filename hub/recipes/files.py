"""The workspace as files: what an export holds, and the plan of what applying a folder would change. Pure.

Texts are kept as their authors wrote them, so an export is byte for byte what was saved or applied: comments, order and line
ends survive. Whoever reads and writes the files must not translate line ends. A plan is applied whole or not at all.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, TypeAlias

from hub.recipes.checker import check_recipe
from hub.recipes.compiler import compile_recipe
from hub.recipes.connection_files import Connectors, read_connection
from hub.recipes.document import parse_document
from hub.recipes.findings import START, Finding, FindingsError, in_order
from hub.recipes.secret_checks import secret_findings, secrets_in_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from hub.recipes.context import CheckContext
    from hub.recipes.model import Recipe

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,78}[a-z0-9])?")


class FileKind(StrEnum):
    """What a file holds."""

    RECIPE = "recipe"
    FORM = "form"
    CONNECTION = "connection"
    CATALOGUE = "catalogue"
    TEMPLATE = "template"

    @property
    def folder(self) -> str:
        """The folder for files of this kind."""
        return self.value if self is FileKind.CATALOGUE else f"{self.value}s"

    @property
    def suffix(self) -> str:
        """How their names end."""
        return ".md" if self is FileKind.TEMPLATE else ".yaml"


_BY_FOLDER: Final = {kind.folder: kind for kind in FileKind}


@dataclass(frozen=True, slots=True, order=True)
class FileKey:
    """A thing that is kept as a file: its kind and name."""

    kind: FileKind
    name: str

    @property
    def path(self) -> str:
        """Where it stands in an export, such as ``recipes/shop-split.yaml``."""
        return f"{self.kind.folder}/{self.name}{self.kind.suffix}"


Texts: TypeAlias = "Mapping[FileKey, str]"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is added (``before`` None), changed, or removed (``after`` None)."""

    key: FileKey
    before: str | None
    after: str | None

    @property
    def diff(self) -> str:
        """The change as a unified diff; names ``/dev/null`` for what is not there."""
        old = "/dev/null" if self.before is None else f"a/{self.key.path}"
        new = "/dev/null" if self.after is None else f"b/{self.key.path}"
        before, after = ((text or "").splitlines(keepends=True) for text in (self.before, self.after))
        lines = difflib.unified_diff(before, after, old, new)
        marked = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
        return "".join(marked)


@dataclass(frozen=True, slots=True)
class Plan:
    """What applying a folder would do. With an error among its findings nothing of it may be done."""

    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]

    @property
    def add(self) -> tuple[Change, ...]:
        """What is new."""
        return tuple(change for change in self.changes if change.before is None)

    @property
    def change(self) -> tuple[Change, ...]:
        """What is there already and becomes another text."""
        return tuple(change for change in self.changes if change.before is not None and change.after is not None)

    @property
    def remove(self) -> tuple[Change, ...]:
        """What the folder no longer has."""
        return tuple(change for change in self.changes if change.after is None)

    @property
    def is_refused(self) -> bool:
        """Whether something is wrong, so that nothing may be applied."""
        return any(finding.is_error for finding in self.findings)


def exported(stored: Texts) -> dict[str, str]:
    """The files of an export: path to text, in the order of the paths, texts as they are."""
    return {key.path: stored[key] for key in sorted(stored, key=lambda key: key.path)}


def key_of(path: str) -> FileKey | None:
    """What the file at this path (with ``/``, from the export's folder on) holds; None when it is none of ours."""
    parts = PurePosixPath(path).parts
    kind = _BY_FOLDER.get(parts[0]) if len(parts) == 2 else None  # noqa: PLR2004 (folder and name)
    if kind is None or not parts[1].endswith(kind.suffix):
        return None
    name = parts[1].removesuffix(kind.suffix)
    return FileKey(kind, name) if _NAME.fullmatch(name) else None


def plan_files(
    stored: Texts,
    files: Mapping[str, str],
    context: CheckContext,
    connectors: Connectors,
    kinds: Collection[FileKind] | None = None,
) -> Plan:
    """What applying ``files`` (path to text) to what is ``stored`` would do, with everything that is wrong about it.

    Only things of ``kinds`` are added, changed or removed: those whose folder is there. Left out, the kinds of which there
    is at least one file. Files that are none of ours are let be. ``context`` is the installation as it is now; recipes are
    checked against what it would be afterwards, and recipes that stay must not break by it.
    """
    findings: list[Finding] = []
    wanted: dict[FileKey, str] = {}
    for path, text in sorted(files.items()):
        key = key_of(path)
        if key is not None:
            wanted[key] = text
        else:
            findings += _misnamed(path)
    taken = set(kinds) if kinds is not None else {key.kind for key in wanted}
    after = {key: text for key, text in stored.items() if key.kind not in taken}
    after |= {key: text for key, text in wanted.items() if key.kind in taken}
    changes = tuple(
        Change(key, stored.get(key), after.get(key))
        for key in sorted({*stored, *after})
        if stored.get(key) != after.get(key)
    )
    findings += _Review(stored, after, changes, context, connectors).findings()
    return Plan(changes, tuple(in_order(findings)))


def _misnamed(path: str) -> Iterable[Finding]:
    """A file in one of our folders that is not named as it has to be."""
    folder, *rest = PurePosixPath(path).parts
    kind = _BY_FOLDER.get(folder)
    if kind is None or not rest or rest[-1].startswith("."):
        return
    example = FileKey(kind, "shop-split").path
    message = f"{path} is not named like a {kind.value}."
    remedy = f"Files stand right in {kind.folder}/ and are named like {example}: small letters, digits and hyphens."
    if rest[-1].endswith((".yml", ".yaml", ".md")):
        yield Finding.at(path, START, "file_name", message, remedy)


class _Review:
    """Looks at the result of a plan before it is done."""

    def __init__(
        self, before: Texts, after: Texts, changes: Collection[Change], context: CheckContext, connectors: Connectors
    ) -> None:
        self._before = before
        self._after = after
        self._changed = {change.key for change in changes if change.after is not None}
        self._ground_moved = any(change.after is None or change.before is not None for change in changes)
        self._context = context
        self._connectors = connectors
        self._connections = dict(context.connections)

    def findings(self) -> list[Finding]:
        found = [one for key in sorted(self._changed) for one in self._alone(key, self._after[key])]
        for key in self._before.keys() - self._after.keys():
            if key.kind is FileKind.CONNECTION:
                self._connections.pop(key.name, None)
        recipes = {key: text for key, text in self._after.items() if key.kind is FileKind.RECIPE}
        compiled = {key.name: recipe for key, text in recipes.items() if (recipe := self._compiled(text)) is not None}
        new = replace(
            self._context,
            connections=self._connections,
            templates=self._templates(),
            recipes={**self._kept_recipes(), **compiled},
        )
        for key, text in sorted(recipes.items()):
            if key in self._changed:
                found += self._recipe(key, text, new)
            elif self._ground_moved:
                found += self._broken(key, text, new)
        return found

    def _alone(self, key: FileKey, text: str) -> list[Finding]:
        """What can be said of a file by itself."""
        if key.kind is FileKind.TEMPLATE:
            return list(secrets_in_text(text, key.path))
        if key.kind is FileKind.CONNECTION:
            connection, findings = read_connection(text, key.path, self._connectors)
            if connection is not None:
                findings += _other_name(key, connection.name, "name", text)
                self._connections[key.name] = connection.connector
            return findings
        if key.kind is FileKind.RECIPE:
            return []
        try:
            document = parse_document(text, key.path, self._context.limits)
        except FindingsError as error:
            return list(error.findings)
        found = [*document.findings, *secret_findings(document)]
        if not isinstance(document.value, dict):
            found.append(document.finding((), "type", f"A {key.kind.value} must be keys with values."))
        return found

    def _recipe(self, key: FileKey, text: str, context: CheckContext) -> list[Finding]:
        found = check_recipe(text, key.path, _without(context, key.name))
        recipe = self._compiled(text)
        return found if recipe is None else [*found, *_other_name(key, recipe.name, "recipe", text)]

    def _broken(self, key: FileKey, text: str, context: CheckContext) -> list[Finding]:
        """Errors that a recipe which is not changed has afterwards and did not have before."""
        now = [one for one in check_recipe(text, key.path, _without(context, key.name)) if one.is_error]
        if not now:
            return []
        earlier = set(check_recipe(text, key.path, _without(self._context, key.name)))
        return [one for one in now if one not in earlier]

    def _compiled(self, text: str) -> Recipe | None:
        try:
            return compile_recipe(text, limits=self._context.limits)
        except FindingsError:
            return None

    def _templates(self) -> frozenset[str]:
        def names(texts: Texts) -> set[str]:
            return {key.name for key in texts if key.kind is FileKind.TEMPLATE}

        return (self._context.templates - (names(self._before) - names(self._after))) | names(self._after)

    def _kept_recipes(self) -> dict[str, Recipe]:
        """The installation's recipes that are not among the stored texts."""
        stored = {key.name for key in self._before if key.kind is FileKind.RECIPE}
        return {name: recipe for name, recipe in self._context.recipes.items() if name not in stored}


def _without(context: CheckContext, name: str) -> CheckContext:
    return replace(context, recipes={other: one for other, one in context.recipes.items() if other != name})


def _other_name(key: FileKey, name: str, word: str, text: str) -> list[Finding]:
    """The finding when what a file calls itself is not the file's name."""
    if name == key.name:
        return []
    message = f"The file is {key.path}, but it calls itself {name!r}."
    remedy = f"Write {word}: {key.name}, or name the file {FileKey(key.kind, name).path}."
    return [parse_document(text, key.path).finding((word,), "other_name", message, remedy, fix=key.name)]
