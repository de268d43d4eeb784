"""The installation as files: what an export holds, what a folder would change, and doing it in one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub.engine.accounts import split_fields
from hub.engine.catalogue_desk import check_catalogue, keep_catalogue
from hub.engine.form_desk import FormDesk, check_form
from hub.engine.recipe_desk import recipe_save
from hub.errors import ConfigError, ConflictError, HubError, NotFoundError
from hub.journal.auditing import write_note
from hub.journal.rows import ConnectionRow
from hub.journal.tables import connections
from hub.journal.writes import change_recipe, write_connection, write_file, write_recipe
from hub.recipes.compiler import compile_recipe
from hub.recipes.connection_files import ConnectionFile, connection_text, read_connection
from hub.recipes.files import FileKey, FileKind, exported, key_of, plan_files
from hub.recipes.findings import FindingsError, in_order

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from pathlib import Path

    from hub.connect.registry import Registry
    from hub.engine.hub import Hub
    from hub.journal.rows import RecipeSave
    from hub.journal.writer import Transaction
    from hub.jsontypes import JsonObject, JsonSchema
    from hub.recipes.context import CheckContext
    from hub.recipes.files import Change, Plan, Texts
    from hub.recipes.findings import Finding

_KEPT_AS_FILES = (FileKind.TEMPLATE, FileKind.FORM, FileKind.CATALOGUE)


class FileDesk:
    """Exports and applies files for a person; an apply is one entry of the audit trail."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._forms = ConnectorForms(hub.registry)

    def stored(self) -> dict[str, str]:
        """The files of an export, path to text, as their authors wrote them; of connections never a secret."""
        return exported(self._texts())

    def export(self, directory: Path) -> list[str]:
        """Write the export into ``directory``, which then holds no other files of ours; give the paths written."""
        wanted = self.stored()
        for path in _files_of(directory).keys() - wanted.keys():
            if key_of(path) is not None:
                (directory / path).unlink()
        for path, text in wanted.items():
            file = directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        return list(wanted)

    def plan(self, directory: Path) -> Plan:
        """What applying ``directory`` would do; kinds whose folder is not there stay as they are.

        Raises ``ConfigError`` when a file is not UTF-8 or the folder holds none of ours.
        """
        kinds = {kind for kind in FileKind if (directory / kind.folder).is_dir()}
        if not kinds:
            message = f"{directory} has none of the folders {', '.join(kind.folder for kind in FileKind)}."
            raise ConfigError(message, remedy="Give the folder that `hub export` wrote.")
        return self._reviewed(plan_files(*self._all(_files_of(directory)), kinds))

    def plan_more(self, files: Mapping[str, str]) -> Plan:
        """What putting these files (path to text) beside all that is there would do."""
        return self._reviewed(plan_files(*self._all({**exported(self._texts()), **files})))

    def _all(self, files: Mapping[str, str]) -> tuple[Texts, Mapping[str, str], CheckContext, ConnectorForms]:
        return self._texts(), files, self._hub.recipes.context(), self._forms

    def _reviewed(self, plan: Plan) -> Plan:
        """The plan with what is wrong about its forms and catalogues, too."""
        more = [*self._of_forms(plan.changes), *self._of_catalogues(plan.changes)]
        return replace(plan, findings=tuple(in_order([*plan.findings, *more])))

    @staticmethod
    def _of_catalogues(changes: Collection[Change]) -> list[Finding]:
        """What is wrong with the catalogue files among the changes."""
        found: list[Finding] = []
        for change in changes:
            if change.key.kind is FileKind.CATALOGUE and change.after is not None:
                found += check_catalogue(change.after, change.key.path)
        return found

    def _of_forms(self, changes: Collection[Change]) -> list[Finding]:
        """What is wrong with the forms among the changes, on the connections that there would be afterwards."""
        gateways = FormDesk(self._hub).gateways()
        for change in changes:
            if change.key.kind is FileKind.CONNECTION:
                file = read_connection(change.after, change.key.path, self._forms)[0] if change.after else None
                gateways.pop(change.key.name, None)
                if file is not None and file.connector in self._hub.registry.names():
                    gateways[change.key.name] = self._hub.registry.get(file.connector).manifest
        return [
            finding
            for change in changes
            if change.key.kind is FileKind.FORM and change.after is not None
            for finding in check_form(change.after, change.key.path, gateways, change.key.name)
        ]

    def apply(self, plan: Plan, actor: str) -> None:
        """Do a plan, whole or not at all.

        Raises ``FindingsError`` when something in it is wrong, ``ConflictError`` when the installation changed since.
        """
        if plan.is_refused:
            raise FindingsError(plan.findings)
        stored, now = self._texts(), self._hub.now()
        for change in plan.changes:
            if stored.get(change.key) != change.before:
                message = f"{change.key.path} was changed here meanwhile."
                raise ConflictError(message, remedy="Look at the plan again, then apply.")
        saves = self._saves(plan.changes, actor, now)
        rows = self._rows(plan.changes, now)
        detail: JsonObject = {
            "added": [one.key.path for one in plan.add],
            "changed": [one.key.path for one in plan.change],
            "removed": [one.key.path for one in plan.remove],
        }

        def write(tx: Transaction) -> None:
            for change in plan.changes:
                if change.key.kind is FileKind.RECIPE:
                    _write_recipe(tx, change.key.name, saves.get(change.key), now)
                elif change.key.kind is FileKind.CATALOGUE:
                    keep_catalogue(tx, change.key.name, change.after, actor, now)
                else:
                    write_file(tx, change.key.kind.value, change.key.name, change.after, actor, now)
                if change.key.kind is FileKind.CONNECTION:
                    _write_connection(tx, change.key.name, rows.get(change.key), now)
            write_note(tx, actor, "files.apply", "files", now, detail)

        if plan.changes:
            self._hub.store.change(write)
            self._hub.library.reload()

    def _texts(self) -> dict[FileKey, str]:
        store = self._hub.store
        found = {FileKey(FileKind.RECIPE, row.name): row.text for row in store.recipes()}
        for kind in _KEPT_AS_FILES:
            found |= {FileKey(kind, name): text for name, text in store.files(kind.value).items()}
        written = store.files(FileKind.CONNECTION.value)
        for row in store.connections():
            found[FileKey(FileKind.CONNECTION, row.name)] = self._connection_text(row, written.get(row.name))
        return found

    def _connection_text(self, row: ConnectionRow, written: str | None) -> str:
        """The text as it was applied, for as long as it says what is stored."""
        if written is not None:
            file, _ = read_connection(written, f"connections/{row.name}.yaml", self._forms)
            if file is not None and (file.name, file.connector) == (row.name, row.connector):
                try:
                    says = split_fields(self._hub.registry.get(row.connector).manifest, file.settings)[0]
                except HubError:
                    says = file.settings
                if says == row.settings:
                    return written
        return connection_text(ConnectionFile(row.name, row.connector, row.settings))

    def _saves(self, changes: Collection[Change], actor: str, now: datetime) -> dict[FileKey, RecipeSave]:
        """The recipes to store; one that is there stays on or off as it stands."""
        standing = {row.name: row.enabled for row in self._hub.store.recipes()}
        found = {}
        for change in changes:
            if change.key.kind is FileKind.RECIPE and change.after is not None:
                recipe = compile_recipe(change.after, change.key.path)
                enabled = standing.get(recipe.name, recipe.enabled)
                found[change.key] = recipe_save(recipe, actor, "Applied from files", now, enabled=enabled)
        return found

    def _rows(self, changes: Collection[Change], now: datetime) -> dict[FileKey, ConnectionRow]:
        """The connections to store, without secrets: those are entered by hand."""
        found = {}
        for change in changes:
            if change.key.kind is FileKind.CONNECTION and change.after is not None:
                file, findings = read_connection(change.after, change.key.path, self._forms)
                if file is None:
                    raise FindingsError(findings)
                settings, _ = split_fields(self._hub.registry.get(file.connector).manifest, file.settings)
                found[change.key] = ConnectionRow(file.name, file.connector, settings, {}, {}, None, True, 1, now, now)
        return found


class ConnectorForms:
    """Implements :class:`hub.recipes.connection_files.Connectors` on the registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def form(self, connector: str) -> tuple[JsonSchema, Collection[str]]:
        """The schema of a connector's settings, and which of its fields are secret."""
        manifest = self._registry.get(connector).manifest
        return manifest.settings, manifest.secret_names


def _write_recipe(tx: Transaction, name: str, save: RecipeSave | None, now: datetime) -> None:
    if save is None:
        change_recipe(tx, name, now, enabled=False, deleted=True)
    else:
        write_recipe(tx, save)


def _write_connection(tx: Transaction, name: str, row: ConnectionRow | None, now: datetime) -> None:
    """Secrets stay with a connection, unless it becomes another connector's."""
    chosen = connections.c.name == name
    known = tx.connection.scalar(sa.select(connections.c.connector).where(chosen))
    if row is None or (known is not None and known != row.connector):
        tx.connection.execute(sa.delete(connections).where(chosen))
        known = None
    if row is None:
        return
    if known is None:
        write_connection(tx, row)
        return
    values = {"settings": row.settings, "version": connections.c.version + 1, "updated_at": now}
    if tx.connection.execute(sa.update(connections).where(chosen).values(**values)).rowcount != 1:
        message = f"There is no connection {name!r}."
        raise NotFoundError(message, remedy="Look at the plan again, then apply.")


def _files_of(directory: Path) -> dict[str, str]:
    """The texts in our folders by their path; line ends are kept. Raises ``ConfigError`` for one that is not UTF-8."""
    found = {}
    for kind in FileKind:
        for file in sorted((directory / kind.folder).glob("*")):
            if file.is_file() and file.suffix in {".yaml", ".yml", ".md"}:
                try:
                    found[f"{kind.folder}/{file.name}"] = file.read_bytes().decode()
                except UnicodeDecodeError as error:
                    raise ConfigError(f"{file} is not UTF-8.", remedy="Save it as UTF-8 in your editor.") from error
    return found
