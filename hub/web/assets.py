"""The scripts and styles that Vite built: which hashed files a page links."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flask import url_for

from hub.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import JsonObject

DIST = Path(__file__).parent / "static" / "dist"


@dataclass(frozen=True, slots=True)
class Assets:
    """Vite's ``manifest.json``: from a source's name to what was built from it."""

    entries: Mapping[str, JsonObject]

    @classmethod
    def load(cls, dist: Path = DIST) -> Assets:
        """Read the manifest. Raises ``ConfigError`` when the pages were never built."""
        file = dist / "manifest.json"
        if not file.is_file():
            message = f"The pages' scripts and styles are not there ({file})."
            raise ConfigError(message, remedy="Run `make run`, which builds them, or install the hub from its wheel.")
        return cls(json.loads(file.read_text(encoding="utf-8")))

    def script(self, source: str) -> str:
        """The address of what was built from ``src/…``."""
        return _address(cast("str", self.entries[source]["file"]))

    def styles(self, source: str) -> list[str]:
        """The addresses of the style sheets that belong to ``src/…``."""
        entry = self.entries[source]
        file = cast("str", entry["file"])
        own = [file] if file.endswith(".css") else []
        return [_address(name) for name in [*own, *cast("list[str]", entry.get("css") or [])]]


def _address(file: str) -> str:
    return url_for("static", filename=f"dist/{file}")
