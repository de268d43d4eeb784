"""Finds the connectors: those of the hub, those of installed packages, those in the workspace."""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.util
import re
import sys
import threading
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from hub.connect.api import ConnectorCode
from hub.connect.connector import LoadedConnector
from hub.connect.manifest import Kind, Support, gateway_actions, load_manifest
from hub.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.connect.manifest import ActionSpec, Manifest

ENTRY_POINTS = "connector_hub.connectors"
"""The group under which an installed package names its connectors: ``acme = "acme_hub.acme"``, a package that is a
connector's folder."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connector was found. ``module`` is the importable package, None for a folder of the workspace."""

    folder: Path
    module: str | None


class Registry:
    """All connectors by name. Manifests are read when first asked for, code is imported when first run."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = dict(sorted(places.items()))
        self._loaded: dict[str, LoadedConnector] = {}
        self._lock = threading.RLock()

    @classmethod
    def load(cls, extra_dirs: Iterable[Path] = ()) -> Registry:
        """Look in the ``connectors`` package, in installed packages, then in ``extra_dirs`` (folders of connectors).

        Raises :class:`ConfigError` when two places bring a connector of the same name.
        """
        found = [*_packaged(), *_installed(), *_folders(extra_dirs)]
        places: dict[str, Place] = {}
        for place in found:
            name = place.folder.name
            if name in places and places[name].folder != place.folder:
                message = f"Two connectors are named {name!r}: {places[name].folder} and {place.folder}."
                raise ConfigError(message, remedy="Rename or remove one of the folders.")
            places[name] = place
        return cls(places)

    def names(self) -> tuple[str, ...]:
        """The names of all connectors, sorted."""
        return tuple(self._places)

    def get(self, name: str) -> LoadedConnector:
        """The connector of that name. Raises :class:`NotFoundError` (with the nearest name) or :class:`ConfigError`."""
        loaded = self._loaded.get(name)
        if loaded is None:
            with self._lock:
                loaded = self._loaded.get(name) or self._read(name)
                self._loaded[name] = loaded
        return loaded

    def named(self, text: str) -> LoadedConnector:
        """The connector that a person means: by its name, its name with hyphens, or an alias. Raises as :meth:`get`."""
        name = re.sub(r"[^a-z0-9]+", "_", text.strip().lower())
        if name in self._places:
            return self.get(name)
        for manifest in self.manifests():
            if text.strip().lower() in {alias.lower() for alias in manifest.aliases}:
                return self.get(manifest.name)
        return self.get(text)

    def manifests(self) -> tuple[Manifest, ...]:
        """Every manifest, in the order of the names. Raises :class:`ConfigError` for a broken one."""
        return tuple(self.get(name).manifest for name in self._places)

    def action(self, connector: str, action: str) -> ActionSpec:
        """What the manifest says of an action, or what the hub offers in the gateway's place.

        Raises :class:`NotFoundError`: ``unknown_connector``, ``unknown_action`` (with the nearest name) or
        ``not_offered`` (with the manifest's reason why this gateway has no such action).
        """
        manifest = self.get(connector).manifest
        spec = manifest.offered(action)
        if spec is None:
            raise _no_action(manifest, action)
        return spec

    def _read(self, name: str) -> LoadedConnector:
        place = self._places.get(name)
        if place is None:
            message = f"There is no connector {name!r}."
            remedy = _did_you_mean(name, self._places)
            raise NotFoundError(message, code="unknown_connector", remedy=remedy)
        read = load_manifest if place.module is None else _manifest_of_package
        return LoadedConnector(read(place.folder), lambda: load_code(place))


@functools.cache
def _manifest_of_package(folder: Path) -> Manifest:
    """The manifest of a package: as its code, it is read once and stays as it is while the process runs."""
    return load_manifest(folder)


def _no_action(manifest: Manifest, action: str) -> NotFoundError:
    shared = gateway_actions().get(action) if manifest.kind is Kind.GATEWAY else None
    cell = manifest.capabilities.get(str(shared.get("capability"))) if shared else None
    if cell is not None and cell.status is not Support.NATIVE:
        message = f"{manifest.title} has no {action!r}: {cell.reason}"
        remedy = "Use a gateway that offers it (hub gateways lists them)."
        return NotFoundError(message, code="not_offered", remedy=remedy)
    message = f"{manifest.title} has no action {action!r}."
    return NotFoundError(message, code="unknown_action", remedy=_did_you_mean(action, manifest.all_offered()))


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(names) or 'none'}."


def _connector_folders(parent: Path) -> Iterable[Path]:
    if parent.is_dir():
        yield from (path.parent for path in sorted(parent.glob("*/connector.yaml")))


def _packaged() -> Iterable[Place]:
    spec = importlib.util.find_spec("connectors")
    for parent in (spec.submodule_search_locations or ()) if spec else ():
        for folder in _connector_folders(Path(parent)):
            yield Place(folder, f"connectors.{folder.name}")


def _installed() -> Iterable[Place]:
    for entry in entry_points(group=ENTRY_POINTS):
        spec = importlib.util.find_spec(entry.value)
        folders = list(spec.submodule_search_locations or ()) if spec else []
        if not folders or not (Path(folders[0]) / "connector.yaml").is_file():
            message = f"The installed connector {entry.name!r} ({entry.value}) has no connector.yaml in its package."
            raise ConfigError(message, remedy="Update or remove the package that brings it.")
        yield Place(Path(folders[0]), entry.value)


def _folders(parents: Iterable[Path]) -> Iterable[Place]:
    for parent in parents:
        for folder in _connector_folders(parent):
            yield Place(folder.resolve(), None)


def load_code(place: Place) -> ConnectorCode:
    """Import ``connector.py``; a folder without one is written in YAML alone. Raises :class:`ConfigError`."""
    if not (place.folder / "connector.py").is_file():
        return ConnectorCode()
    if place.module is not None:
        module = importlib.import_module(f"{place.module}.connector")
    else:
        name = f"connector_hub_workspace_{place.folder.name}"
        spec = importlib.util.spec_from_file_location(name, place.folder / "connector.py")
        if spec is None or spec.loader is None:
            message = f"{place.folder / 'connector.py'} cannot be imported."
            raise ConfigError(message, remedy="Check that it is a readable Python file.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    code = getattr(module, "connector", None)
    if not isinstance(code, ConnectorCode):
        message = f"{place.folder / 'connector.py'} has no `connector = ConnectorCode(...)`."
        raise ConfigError(message, remedy="See docs/connectors.md, the part about code.")
    return code
