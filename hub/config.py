"""The settings of an installation: environment variables ``HUB_*`` over ``<workspace>/hub.toml`` over defaults."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from hub.errors import ConfigError

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def _setting(default: Any, meaning: str, least: float | None = None) -> Any:  # noqa: ANN401 (a dataclass field)
    return field(default=default, metadata={"meaning": meaning, "least": least})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. The name in the environment is ``HUB_`` and the field's name in capitals."""

    workspace: Path = _setting(Path("hub-data"), "The folder of the installation: database, keys, own connectors.")
    database_url: str = _setting("", "`sqlite:///FILE` or `postgresql://…`; empty: hub.db in the workspace.")
    host: str = _setting("127.0.0.1", "The address to listen on.")
    port: int = _setting(8080, "The port to listen on.", 1)
    public_url: str = _setting("", "The address at which gateways and people reach the hub; empty: http://HOST:PORT.")
    sandbox: str = _setting("auto", "The sandbox gateway: `on`, `off`, or `auto` (on while the hub listens on loopback).")
    allow_private_addresses: tuple[str, ...] = _setting((), "Inner hosts or networks that calls may go to, with commas.")
    trusted_proxies: int = _setting(0, "How many proxies before the hub set X-Forwarded-For.", 0)
    server_threads: int = _setting(64, "Threads that answer HTTP requests.", 1)
    action_threads: int = _setting(32, "Threads that call outside systems.", 1)
    connection_concurrency: int = _setting(8, "Calls at once per connection.", 1)
    action_timeout_seconds: float = _setting(30.0, "Time for one call where the step says nothing.", 0.1)
    lease_seconds: float = _setting(15.0, "After this time the runs of a dead worker are taken over.", 2.0)
    runs_in_memory: int = _setting(2_000, "Runs that one process advances at once.", 1)
    webhook_body_bytes: int = _setting(1_048_576, "The largest webhook that is taken, in bytes.", 1024)
    webhook_header_bytes: int = _setting(32_768, "The most header bytes of a webhook.", 1024)
    step_output_bytes: int = _setting(1_048_576, "The largest output of a step, in bytes.", 1024)
    raw_body_days: int = _setting(90, "How long raw webhook bodies are kept, in days.", 1)
    run_days: int = _setting(400, "How long ended runs are kept, in days.", 1)
    event_days: int = _setting(400, "How long events and their dedupe ids are kept, in days.", 30)
    session_hours: int = _setting(12, "How long a log-in lasts, in hours.", 1)
    log_level: str = _setting("info", "`debug`, `info`, `warning` or `error`.")
    log_format: str = _setting("text", "`text` for people, `json` for machines.")

    @property
    def database(self) -> str:
        """The database's address."""
        return self.database_url or f"sqlite:///{self.workspace.resolve() / 'hub.db'}"

    @property
    def address(self) -> str:
        """The public address, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

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


def load_settings(environment: Mapping[str, str] | None = None, **given: Any) -> Settings:  # noqa: ANN401 (fields)
    """The settings in force. ``given`` (command-line options) goes before everything.

    Raises :class:`ConfigError` that names the setting, its value and where that came from.
    """
    environment = os.environ if environment is None else environment
    chosen: dict[str, Any] = {}
    workspace = Path(given.get("workspace") or environment.get("HUB_WORKSPACE") or "hub-data")
    for name, value in _from_file(workspace / "hub.toml").items():
        chosen[name] = _parsed(name, value, str(workspace / "hub.toml"))
    for one in fields(Settings):
        variable = f"HUB_{one.name.upper()}"
        if variable in environment:
            chosen[one.name] = _parsed(one.name, environment[variable], variable)
    for name, value in given.items():
        if value is not None:
            chosen[name] = _parsed(name, value, f"--{name.replace('_', '-')}")
    chosen["workspace"] = workspace
    settings = Settings(**chosen)
    _check_words(settings)
    return settings


def _check_words(settings: Settings) -> None:
    words = {
        "sandbox": ("auto", "on", "off"),
        "log_level": ("debug", "info", "warning", "error"),
        "log_format": ("text", "json"),
    }
    for name, allowed in words.items():
        value = getattr(settings, name)
        if value not in allowed:
            message = f"The setting {name} is {value!r}."
            raise ConfigError(message, remedy=f"It must be one of {', '.join(allowed)}.")


def _from_file(file: Path) -> Mapping[str, Any]:
    if not file.is_file():
        return {}
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{file} is not valid TOML: {error}."
        raise ConfigError(message, remedy="Write one `name = value` a line.") from error
    known = {one.name for one in fields(Settings)}
    for name in found:
        if name not in known:
            message = f"{file} has a setting {name!r} that does not exist."
            raise ConfigError(message, remedy="docs/settings.md lists the settings.")
    return found


def _parsed(name: str, value: Any, source: str) -> Any:  # noqa: ANN401 (a setting's value)
    one = next((one for one in fields(Settings) if one.name == name), None)
    if one is None:
        message = f"{source}: there is no setting {name!r}."
        raise ConfigError(message, remedy="docs/settings.md lists the settings.")
    try:
        parsed = _convert(value, one.default)
    except ValueError as error:
        message = f"{source}: the setting {name} is {value!r}."
        raise ConfigError(message, remedy=f"It must be {_wanted(one.default)}. {one.metadata['meaning']}") from error
    least = one.metadata["least"]
    if least is not None and parsed < least:
        message = f"{source}: the setting {name} is {parsed}."
        raise ConfigError(message, remedy=f"It must be at least {least:g}. {one.metadata['meaning']}")
    return parsed


def _convert(value: Any, default: Any) -> Any:  # noqa: ANN401 (a setting's value)
    if isinstance(default, Path):
        return Path(value)
    if isinstance(default, tuple):
        parts = value if isinstance(value, (list, tuple)) else str(value).split(",")
        return tuple(str(part).strip() for part in parts if str(part).strip())
    if isinstance(default, bool):
        word = str(value).lower()
        if word not in _TRUE | _FALSE:
            raise ValueError(word)
        return word in _TRUE
    return type(default)(value)


def _wanted(default: object) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false"}.get(type(default), "text")
