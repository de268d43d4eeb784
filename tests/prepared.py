"""Workspaces as the first start leaves them, to copy: checking and installing its story takes most of a hub's beginning."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from hub.config import load_settings
from hub.engine.first_start import prepare
from hub.engine.hub import Hub, Role


@cache
def _example() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="hub-prepared-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    hub = Hub.open(load_settings({}, workspace=folder), Role.TOOL)
    prepare(hub)
    hub.close()
    return folder


def begin(workspace: Path) -> None:
    """Have a workspace with SQLite begin as it stands after a first start; one that is there already stays as it is."""
    if not (workspace / "hub.db").exists():
        shutil.copytree(_example(), workspace, dirs_exist_ok=True)
