"""All tables of the hub: each ``tables*.py`` of this package defines some of them on one metadata."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import hub.journal
from hub.journal.tables import metadata

for _module in pkgutil.iter_modules(hub.journal.__path__):
    if _module.name.startswith("tables_"):
        import_module(f"hub.journal.{_module.name}")

__all__ = ["metadata"]
