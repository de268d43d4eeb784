"""The configured connections: read for calls and webhooks, changed by admins, their secrets encrypted at rest."""

from __future__ import annotations

import difflib
import re
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from hub.connect.api import Call, Connection
from hub.connect.schemas import CompiledSchema
from hub.errors import ConfigError, HubError, NotFoundError
from hub.ids import new_id
from hub.journal.rows import ConnectionRow
from hub.observe import hide_in_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hub.connect.api import Endpoint, Endpoints
    from hub.connect.connector import LoadedConnector
    from hub.connect.http import Outbound
    from hub.connect.manifest import Manifest
    from hub.connect.registry import Registry
    from hub.journal.store import Store
    from hub.jsontypes import Json, JsonObject
    from hub.secrets import Keyring

_FRESH = timedelta(seconds=1)
_OVERLAP = timedelta(hours=24)
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(slots=True)
class _Held:
    """A connection in memory, with its row as it was read ``at`` a moment. ``due``: somebody was sent to read it anew."""

    connection: Connection
    row: ConnectionRow | None
    at: datetime
    due: bool = False


@dataclass(frozen=True, slots=True)
class Tested:
    """The outcome of a connection's test."""

    ok: bool
    message: str
    at: datetime


class Accounts:
    """Connections by name. What another process changes is seen within a second, what this one changes at once.

    ``address``: the hub's public one, without a slash at its end.
    """

    def __init__(  # noqa: PLR0913 (its collaborators)
        self,
        store: Store,
        registry: Registry,
        keyring: Keyring,
        outbound: Outbound,
        now: Callable[[], datetime],
        *,
        address: str,
    ) -> None:
        self._store = store
        self._registry = registry
        self._keyring = keyring
        self._outbound = outbound
        self._now = now
        self._address = address
        self.lend: Callable[[str], Mapping[str, object]] = lambda _key: {}
        """What the hub lends to a call of this key, for the tests of connections that do their work by others."""
        self._known: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Connection:
        """A connection with its secrets readable. A built-in connector has one of its own name.

        Raises ``ConfigError`` that names the nearest one, or ``NotFoundError`` when it is switched off.
        """
        now = self._now()
        held = self._known.get(name)
        if held is not None and now - held.at < _FRESH and not held.due:
            return held.connection
        row = self._store.connection(name)
        if held is not None and row is not None and held.row is not None and _same(row, held.row) and not _expires(row):
            connection = held.connection  # its secrets are readable already
        else:
            connection = self._opened(row, now) if row is not None else self._built_in(name)
        self._known[name] = _Held(connection, row, now)
        return connection

    def known(self, name: str) -> Connection | None:
        """A connection as :meth:`get` would give it, if that needs no look into the database; None otherwise.

        Before what is known grows too old, one caller gets None and is to look, while all others go on.
        """
        held = self._known.get(name)
        age = self._now() - held.at if held is not None else _FRESH
        if held is None or age >= _FRESH:
            return None
        if age >= _FRESH / 2 and not held.due:
            held.due = True
            return None
        return held.connection

    def names(self) -> dict[str, str]:
        """Every connection's name with its connector's, the built-in ones among them."""
        found = {manifest.name: manifest.name for manifest in self._registry.manifests() if manifest.builtin}
        return found | {row.name: row.connector for row in self._store.connections()}

    def _opened(self, row: ConnectionRow, now: datetime) -> Connection:
        if not row.enabled:
            message = f"The connection {row.name!r} is switched off."
            raise NotFoundError(message, remedy="Switch it on again on its page.")
        secrets = {
            field: tuple(self._keyring.decrypt(str(one["token"])) for one in tokens if _valid(one, now))
            for field, tokens in row.secrets.items()
        }
        hide_in_logs(*(value for values in secrets.values() for value in values))
        return Connection(row.name, row.connector, {**self._own_addresses(row), **row.settings}, secrets)

    def _own_addresses(self, row: ConnectionRow) -> JsonObject:
        """The fields that were left empty because the address of the connection's own webhook belongs there."""
        if row.connector not in self._registry.names():
            return {}
        fields = self._registry.get(row.connector).manifest.fields
        return {field.name: f"{self._address}/hooks/{row.name}" for field in fields if field.own_address}

    def _built_in(self, name: str) -> Connection:
        if name in self._registry.names() and self._registry.get(name).manifest.builtin:
            manifest = self._registry.get(name).manifest
            return Connection(name, name, settings_of(manifest, {}), {})
        near = difflib.get_close_matches(name, sorted(self.names()), n=1, cutoff=0.5)
        message = f"There is no connection {name!r}."
        raise ConfigError(message, remedy=f"Did you mean {near[0]!r}?" if near else "Add it on the page Connections.")

    # changes

    def create(self, name: str, connector: str, fields: Mapping[str, Json], actor: str) -> None:
        """Add a connection; ``fields`` holds settings and secrets together.

        Raises ``ConfigError`` that names the wrong field, ``ConflictError`` when the name is taken.
        """
        if not is_name(name):
            message = f"{name!r} cannot be a connection's name."
            raise ConfigError(message, remedy="Use small letters, digits and hyphens, for example stripe-main.")
        manifest = self._registry.get(connector).manifest
        now = self._now()
        settings, secrets = split_fields(manifest, fields)
        tokens = {field: [self._token(value, now)] for field, value in secrets.items()}
        row = ConnectionRow(name, connector, settings, tokens, {}, None, True, 1, now, now)
        self._store.create_connection(row)
        self._store.note(actor, "connection.create", name, now, {"connector": connector})
        self._forget(name)

    def update(self, name: str, fields: Mapping[str, Json], version: int, actor: str) -> None:
        """Change settings and enter secrets anew; secrets left out or empty stay. Other values of a secret end in a day.

        Raises ``ConfigError``, ``NotFoundError``, or ``ConflictError`` when somebody else changed it since ``version``.
        """
        row = self._row(name)
        manifest = self._registry.get(row.connector).manifest
        now = self._now()
        entered = {key: value for key, value in fields.items() if key not in manifest.secret_names or value}
        settings, secrets = split_fields(manifest, entered)
        tokens = {field: list(held) for field, held in row.secrets.items()}
        for field, value in secrets.items():
            older = [
                {**one, "expires_at": one.get("expires_at") or _stamp(now + _OVERLAP)} for one in tokens.get(field, [])
            ]
            tokens[field] = [self._token(value, now), *(one for one in older if _valid(one, now))]
        self._store.update_connection(name, version, now, settings=settings, secrets=tokens)
        changed = sorted(key for key in {*settings, *row.settings} if settings.get(key) != row.settings.get(key))
        self._store.note(actor, "connection.update", name, now, {"settings": changed, "secrets": sorted(secrets)})
        self._forget(name)

    def enable(self, name: str, actor: str, *, enabled: bool) -> None:
        """Switch a connection on or off."""
        row, now = self._row(name), self._now()
        self._store.update_connection(name, row.version, now, enabled=enabled)
        self._store.note(actor, "connection.enable" if enabled else "connection.disable", name, now)
        self._forget(name)

    def delete(self, name: str, actor: str) -> None:
        """Take a connection away, its secrets with it."""
        self._row(name)
        self._store.delete_connection(name)
        self._store.note(actor, "connection.delete", name, self._now())
        self._forget(name)

    def test(self, name: str) -> Tested:
        """Make the connector's cheapest authenticated call."""
        now = self._now()
        try:
            connection = self.get(name)
            connector = self._registry.get(connection.connector)
            tested = Tested(True, connector.test(self.call(connection, connector)), now)
        except HubError as error:
            tested = Tested(False, str(error), now)
        if self._store.connection(name) is not None:
            self._store.note_health(
                name, {"tested_at": _stamp(now), "test_ok": tested.ok, "test_message": tested.message}
            )
        return tested

    def can_register_webhook(self, connector: str) -> bool:
        """Whether the gateway lets the hub register the webhook by itself."""
        return self._registry.get(connector).code.endpoints is not None

    def webhooks(self, name: str) -> tuple[Endpoint, ...]:
        """The webhooks that the gateway has for the connection's account. Raises like an action."""
        call, endpoints = self._endpoints(name)
        return endpoints.list(call)

    def register_webhook(self, name: str, url: str, actor: str) -> Endpoint:
        """Register ``url`` at the gateway, and keep the secret that it gives; give the webhook.

        One that is there already is switched on again; where its secret is not known here, it is made anew. Raises like
        an action.
        """
        call, endpoints = self._endpoints(name)
        row, now = self._row(name), self._now()
        secret_names = self._registry.get(row.connector).manifest.secret_names
        mine = [one for one in endpoints.list(call) if one.url == url]
        needed = cast("JsonObject", self._registry.get(row.connector).manifest.webhook or {}).get("secret")
        known = not isinstance(needed, str) or needed not in secret_names or bool(row.secrets.get(needed))
        if mine and known:
            endpoint = mine[0] if mine[0].enabled else endpoints.enable(call, mine[0].id)
        else:
            for one in mine:
                endpoints.delete(call, one.id)
            endpoint = endpoints.create(call, url)
        given: JsonObject = {**row.settings, **endpoint.settings, **endpoint.secrets}
        if endpoint.settings or endpoint.secrets:
            self.update(name, given, row.version, actor)
        self._store.note_health(name, {"webhook_id": endpoint.id, "webhook_registered_at": _stamp(now)})
        self._store.note(actor, "connection.register_webhook", name, now, {"webhook": endpoint.id})
        return endpoint

    def remove_webhook(self, name: str, endpoint: str, actor: str) -> None:
        """Take a webhook away at the gateway. Raises like an action."""
        call, endpoints = self._endpoints(name)
        endpoints.delete(call, endpoint)
        self._store.note(actor, "connection.remove_webhook", name, self._now(), {"webhook": endpoint})

    def _endpoints(self, name: str) -> tuple[Call, Endpoints]:
        connection = self.get(name)
        connector = self._registry.get(connection.connector)
        endpoints = connector.code.endpoints
        if endpoints is None:
            message = f"{connector.manifest.title} has no API to register webhooks."
            raise NotFoundError(message, remedy="Follow the set-up steps on the connection's page.")
        return self.call(connection, connector), endpoints

    def call(self, connection: Connection, connector: LoadedConnector) -> Call:
        """A call outside any run: for tests, polls and re-reading."""
        now = self._now()
        reference = new_id("call", now)
        http = self._outbound.client(connection, connector.manifest)
        return Call(connection, {}, reference, reference, now, http, services=self.lend(reference))

    def rotate_keys(self) -> int:
        """Encrypt every stored secret under the newest key; give how many there were."""
        count = 0
        for row in self._store.connections():
            tokens = {
                field: [{**one, "token": self._keyring.rotate(str(one["token"]))} for one in held]
                for field, held in row.secrets.items()
            }
            count += sum(len(held) for held in tokens.values())
            if tokens:
                self._store.update_connection(row.name, row.version, self._now(), secrets=tokens)
        return count

    def _row(self, name: str) -> ConnectionRow:
        row = self._store.connection(name)
        if row is None:
            message = f"There is no connection {name!r}."
            raise NotFoundError(message, remedy="The page Connections lists them.")
        return row

    def _token(self, value: str, now: datetime) -> JsonObject:
        return {"token": self._keyring.encrypt(value), "created_at": _stamp(now), "expires_at": None}

    def _forget(self, name: str) -> None:
        with self._lock:
            self._known.pop(name, None)
        self._outbound.forget(name)


def is_name(text: str) -> bool:
    """Whether a connection can be called so."""
    return _NAME.fullmatch(text) is not None


def split_fields(manifest: Manifest, fields: Mapping[str, Json]) -> tuple[JsonObject, dict[str, str]]:
    """Settings (defaults filled in, checked against the manifest's schema) and secrets. Raises ``ConfigError``."""
    known = {field.name for field in manifest.fields}
    unknown = sorted(set(fields) - known)
    if unknown:
        message = f"{manifest.title} has no field {unknown[0]!r}."
        raise ConfigError(message, remedy=f"Its fields are {', '.join(sorted(known)) or 'none'}.")
    secrets = {name: str(fields[name]).strip() for name in manifest.secret_names if fields.get(name)}
    settings = settings_of(manifest, fields)
    problems = CompiledSchema(manifest.settings).problems(settings)
    if problems:
        message = f"{manifest.title}: {'; '.join(str(problem) for problem in problems[:5])}."
        raise ConfigError(message, remedy="Correct the fields and save again.")
    return settings, secrets


def settings_of(manifest: Manifest, fields: Mapping[str, Json]) -> JsonObject:
    """The settings among the fields that were entered, with the defaults of those that are left empty."""
    defaults = {
        field.name: field.default for field in manifest.fields if field.default is not None and not field.secret
    }
    given = {
        name: value for name, value in fields.items() if name not in manifest.secret_names and value not in ("", None)
    }
    return {**defaults, **given}


def _valid(token: JsonObject, now: datetime) -> bool:
    expires = token.get("expires_at")
    return expires is None or datetime.fromisoformat(cast("str", expires)) > now


def _same(row: ConnectionRow, other: ConnectionRow) -> bool:
    """Whether both give the same connection; its health changes all the time."""
    return (row.connector, row.settings, row.secrets, row.enabled) == (
        other.connector,
        other.settings,
        other.secrets,
        other.enabled,
    )


def _expires(row: ConnectionRow) -> bool:
    return any(token.get("expires_at") is not None for tokens in row.secrets.values() for token in tokens)


def _stamp(moment: datetime) -> str:
    return moment.isoformat()


def newest_secret_time(tokens: Sequence[JsonObject]) -> str | None:
    """When a secret was entered last, for its form."""
    return cast("str", tokens[0]["created_at"]) if tokens else None
