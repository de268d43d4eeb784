"""One connection, and what the engine does with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from hub.connect.api import Call, Connection, WebhookRequest

if TYPE_CHECKING:
    from hub.connect.connector import LoadedConnector
    from hub.connect.http import Outbound

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Desk:
    """One connection and what the engine does with it: ``run`` is one attempt, with the key of its step."""

    def __init__(self, connector: LoadedConnector, outbound: Outbound, connection: Connection) -> None:
        self.connector = connector
        self.outbound = outbound
        self.connection = connection

    def call(self, given: dict[str, Any] | None = None, key: str = "step-1", attempt: int = 1, **more: Any) -> Call:
        full_key = key.encode().hex().ljust(40, "0")[:40]
        http = self.outbound.client(self.connection, self.connector.manifest)
        return Call(self.connection, given or {}, full_key, f"hub-{full_key[:20]}", more.pop("now", NOW), http, attempt)

    def run(self, action: str, given: dict[str, Any], **options: Any) -> Any:
        return self.connector.run(action, self.call(given, **options))

    def again(self, action: str, given: dict[str, Any], **options: Any) -> Any:
        """A further attempt as the engine makes it: an action that looks up is asked first."""
        call = self.call(given, attempt=2, **options)
        if self.connector.manifest.actions[action].idempotent.value == "lookup":
            found = self.connector.find(action, call)
            if found is not None:
                return found
        return self.connector.run(action, call)

    def with_settings(self, **settings: Any) -> Desk:
        changed = replace(self.connection, settings={**self.connection.settings, **settings})
        return Desk(self.connector, self.outbound, changed)

    def receive(self, body: bytes, headers: dict[str, str], now: datetime = NOW, url: str = "") -> Any:
        request = WebhookRequest("POST", url or "https://hub.example.com/hooks/x", "", headers, body)
        return self.connector.receive(request, self.connection, now, pytest.fail)
