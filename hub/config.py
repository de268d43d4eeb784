"""The settings of an installation: command-line options over ``HUB_*`` variables over ``<workspace>/hub.toml``.

Each setting is described once, here; ``docs/settings.md`` and the command line's help are made from it.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import tomllib
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, cast, get_type_hints
from urllib.parse import urlsplit

from hub.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Value = TypeVar("Value")

FILE: Final = "hub.toml"
KIBIBYTE: Final = 1024
MEBIBYTE: Final = 1024 * 1024
OTHER_VARIABLES: Final = frozenset({"HUB_SECRET_KEYS", "HUB_TEST_CHROMIUM", "HUB_FAULT_KILLS"})
"""Variables of the same beginning that are no settings."""


def _setting(  # noqa: PLR0913 (what is known of a setting)
    default: Value,
    meaning: str,
    unit: str = "",
    *,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
    shown: bool = True,
) -> Value:
    about = {"meaning": meaning, "unit": unit, "least": least, "most": most, "choices": choices}
    return field(default=default, metadata=about, repr=shown)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. The variable is ``HUB_`` and the field's name in capitals.

    Sizes are in bytes; times in the unit that the name ends with. Made by :func:`load_settings`, which checks; tests may
    make one directly.
    """

    workspace: Path = _setting(Path("hub-data"), "The folder of this installation: database, keys, own connectors.")
    database_url: str = _setting(
        "",
        "`sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`. Empty: `hub.db` in the workspace.",
        shown=False,
    )
    host: str = _setting("127.0.0.1", "The address to listen on; `0.0.0.0` for all of this machine's.")
    port: int = _setting(8080, "The port to listen on.", least=1, most=65_535)
    public_url: str = _setting("", "Where gateways and people reach the hub. Empty: `http://HOST:PORT`.")
    trusted_proxies: int = _setting(
        0, "How many proxies of yours stand before the hub and set X-Forwarded-For and -Proto.", least=0, most=8
    )
    sandbox: str = _setting(
        "auto",
        "The sandbox gateway: `on`, `off`, or `auto`, which is on while only this machine can reach the hub.",
        choices=("auto", "on", "off"),
    )
    allow_private_addresses: tuple[str, ...] = _setting(
        (),
        "Hosts, `host:port`, addresses or networks of your own network that connections may call. All others are refused.",
    )
    session_hours: int = _setting(12, "How long a log-in lasts.", "hours", least=1, most=24 * 30)
    log_level: str = _setting("info", "How much is logged.", choices=("debug", "info", "warning", "error"))
    log_format: str = _setting("text", "`text` for people, `json` for machines.", choices=("text", "json"))

    server_threads: int = _setting(64, "Threads that answer HTTP requests.", least=1, most=1_024)
    action_threads: int = _setting(32, "Threads that call outside systems.", least=1, most=1_024)
    connection_concurrency: int = _setting(8, "How many calls may be under way at once per connection.", least=1)
    action_timeout_seconds: float = _setting(
        30.0, "How long one call may take where the step says nothing.", "seconds", least=0.1, most=3_600
    )
    lease_seconds: float = _setting(
        15.0, "After this time another process takes over the runs of one that died.", "seconds", least=2, most=600
    )
    runs_in_memory: int = _setting(2_000, "How many runs one process advances at once.", least=1)

    webhook_body_bytes: int = _setting(MEBIBYTE, "The largest webhook that is taken.", "bytes", least=KIBIBYTE)
    webhook_header_bytes: int = _setting(32 * KIBIBYTE, "The most headers of a webhook.", "bytes", least=KIBIBYTE)
    step_output_bytes: int = _setting(MEBIBYTE, "The largest output of a step.", "bytes", least=KIBIBYTE)

    dunning: tuple[str, ...] = _setting(
        ("1d", "3d", "5d", "7d"),
        "How long after each failure a subscription's charge is tried again (`2h`, `3d`); after the last it is cancelled.",
    )

    raw_body_days: int = _setting(90, "How long webhooks are kept as they came.", "days", least=1)
    run_days: int = _setting(400, "How long ended runs are kept.", "days", least=1)
    event_days: int = _setting(
        400, "How long events are kept, and with them the memory of what was delivered already.", "days", least=30
    )

    @property
    def database(self) -> str:
        """The database's address."""
        return self.database_url or f"sqlite:///{self.workspace.resolve() / 'hub.db'}"

    @property
    def address(self) -> str:
        """The public address, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the hub."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def sandbox_on(self) -> bool:
        """Whether the sandbox gateway is served."""
        return self.sandbox == "on" or (self.sandbox == "auto" and self.on_loopback and not self.public_url)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of one field of :class:`Settings`."""

    name: str
    type: type
    default: object
    meaning: str
    unit: str
    least: float | None
    most: float | None
    choices: tuple[str, ...]

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return f"HUB_{self.name.upper()}"

    @property
    def wanted(self) -> str:
        """What a value must be, to follow "It must be"."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        kind = {int: "a whole number", float: "a number", tuple: "a list, or text with commas"}.get(self.type, "text")
        unit = f" of {self.unit}" if self.unit else ""
        bounds = (("at least", self.least), ("at most", self.most))
        return kind + unit + "".join(f", {words} {bound:,g}" for words, bound in bounds if bound is not None)


@cache
def described_settings() -> Mapping[str, Setting]:
    """Every setting by its name, in the order of the reference page."""
    types = get_type_hints(Settings)
    found = {}
    for one in fields(Settings):
        kind = types[one.name]
        found[one.name] = Setting(one.name, getattr(kind, "__origin__", kind), one.default, **one.metadata)
    return found


def load_settings(environment: Mapping[str, str] | None = None, **given: object) -> Settings:
    """The settings in force; ``given`` are command-line options, of which ``None`` means "not said".

    Raises :class:`ConfigError` that names the setting, its value and where that came from.
    """
    environment = os.environ if environment is None else environment
    options = {name: value for name, value in given.items() if value is not None}
    workspace = Path(str(options.get("workspace") or environment.get("HUB_WORKSPACE") or "hub-data")).expanduser()
    file = workspace / FILE
    chosen = {name: _checked(name, value, str(file)) for name, value in _read(file).items()}
    for setting in described_settings().values():
        if text := environment.get(setting.variable, ""):
            chosen[setting.name] = _checked(setting.name, text, setting.variable)
    _refuse_misspelt(environment)
    for name, value in options.items():
        chosen[name] = _checked(name, value, f"--{name.replace('_', '-')}")
    return Settings(**{**chosen, "workspace": workspace})  # type: ignore[arg-type]  # _checked gave each its field's type


def _read(file: Path) -> Mapping[str, object]:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}.", remedy="Write one setting a line: port = 8080") from error
    if "workspace" in found:
        raise ConfigError(
            f"{file}: the setting workspace cannot stand in the workspace's own file.",
            remedy="Take the line out; say --workspace or HUB_WORKSPACE.",
        )
    return found


def _refuse_misspelt(environment: Mapping[str, str]) -> None:
    """A variable that nearly has a setting's name was meant as one; others that begin with HUB_ are not ours."""
    known = [setting.variable for setting in described_settings().values()]
    for variable in environment:
        if variable.startswith("HUB_") and variable not in known and variable not in OTHER_VARIABLES:
            near = difflib.get_close_matches(variable, known, n=1, cutoff=0.85)
            if near:
                raise ConfigError(f"The variable {variable} is no setting.", remedy=f"Did you mean {near[0]}?")


def _checked(name: str, value: object, source: str) -> object:
    """The value as its field's type. Raises :class:`ConfigError`."""
    setting = described_settings().get(name)
    if setting is None:
        near = difflib.get_close_matches(name, described_settings(), n=1)
        remedy = f"Did you mean {near[0]}?" if near else "docs/settings.md lists the settings."
        raise ConfigError(f"{source}: there is no setting {name}.", remedy=remedy)
    try:
        converted = _converted(value, setting)
    except (TypeError, ValueError) as error:
        raise _wrong(setting, value, source, f"It must be {setting.wanted}.") from error
    if problem := _problem(converted, setting):
        raise _wrong(setting, value, source, problem)
    return converted


def _wrong(setting: Setting, value: object, source: str, problem: str) -> ConfigError:
    remedy = f"{problem} {setting.meaning.replace('`', '')}"
    return ConfigError(f"{source}: the setting {setting.name} is {_shown(value)}.", remedy=remedy)


def _converted(value: object, setting: Setting) -> object:
    """Raises ``TypeError`` or ``ValueError`` for what is not of the setting's type; a number is never cut to fit."""
    if isinstance(value, bool):
        raise TypeError(value)
    if setting.type is tuple:
        parts = value if isinstance(value, (list, tuple)) else str(value).split(",")
        return tuple(str(part).strip() for part in parts if str(part).strip())
    if setting.type is int:
        return value if isinstance(value, int) else int(str(value).strip().replace("_", ""))
    if setting.type is float:
        return float(str(value))
    if not isinstance(value, (str, Path)):
        raise TypeError(value)
    return Path(value) if setting.type is Path else str(value).strip()


def _problem(value: object, setting: Setting) -> str:
    """What is wrong with a value of the right type, or nothing."""
    if setting.choices and value not in setting.choices:
        return f"It must be {setting.wanted}."
    if isinstance(value, (int, float)):
        low = setting.least is not None and not value >= setting.least
        high = setting.most is not None and not value <= setting.most
        return f"It must be {setting.wanted}." if low or high else ""
    if setting.name == "database_url" and value and not re.match(r"(sqlite:///|postgresql(\+psycopg)?://)", str(value)):
        return "It must begin with sqlite:/// or postgresql:// and go on with a file or a host."
    if setting.name == "public_url" and value:
        parts = urlsplit(str(value))
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            return "It must be an address such as https://hub.example.com, without anything after the path."
    if setting.name == "dunning" and not all(
        re.fullmatch(r"[1-9][0-9]{0,3}[mhdw]", one) for one in cast("tuple[str, ...]", value)
    ):
        return "It must be durations such as 2h, 3d or 1w."
    if setting.name == "host" and not value:
        return "It must be an address or a name of this machine."
    return ""


def _shown(value: object) -> str:
    """A value for a message, without the password that an address may hold."""
    return repr(re.sub(r"(://[^:@/\s]*:)[^@\s]*@", r"\1…@", str(value)))


def reference() -> str:
    """The page ``docs/settings.md``."""
    rows = [
        f"| `{one.name}` | `{one.variable}` | {_default(one)} | {_meaning(one)} |"
        for one in described_settings().values()
    ]
    return _PAGE + "\n".join(rows) + "\n"


def help_text() -> str:
    """The settings for the command line's help: a line each."""
    return "\n".join(f"{one.variable}: {_meaning(one).replace('`', '')}" for one in described_settings().values())


def _default(setting: Setting) -> str:
    default: object = ",".join(setting.default) if isinstance(setting.default, tuple) else setting.default
    if isinstance(default, int) and setting.unit == "bytes":
        return f"{default:,}"
    return f"`{default}`" if default != "" else "none"


def _meaning(setting: Setting) -> str:
    bounds: Sequence[str] = [
        f"{words} {bound:,g}"
        for words, bound in (("at least", setting.least), ("at most", setting.most))
        if bound is not None
    ]
    said = ", ".join([*([f"in {setting.unit}"] if setting.unit else []), *bounds])
    return f"{setting.meaning} {said[:1].upper()}{said[1:]}." if said else setting.meaning


_PAGE = f"""# Settings

Written by `make docs` from `hub/config.py`.

The hub runs without any of them. A setting is taken from the command line (`--port 9000`), else from its environment
variable (`HUB_PORT=9000`), else from the file `{FILE}` in the workspace (`port = 9000`), else it has its default. A list
is a list in the file, and text with commas in a variable. The keys that protect secrets are no setting: they stand in
`HUB_SECRET_KEYS` (the newest first, with commas), else in the file `secret.keys` in the workspace, which the hub makes at
its first start. Keep a copy of it: without it the stored secrets cannot be read.

| setting | variable | default | meaning |
| --- | --- | --- | --- |
"""
