"""Senders' certificates and keys that a scheme names by address: fetched when first needed, kept for a day."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from hub.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hub.connect.api import Connection, Fetch, HttpClient

KEPT = timedelta(days=1)
MOST = 64
"""So many addresses are kept. Connectors pin the host, so no more than a few are ever asked for in earnest."""

_PEM = b"-----BEGIN "
"""Only what can be a certificate or key is kept: a page in its place (a fault of the moment) is asked for again."""


class Certificates:
    """What was fetched, by address. Thread-safe; one for a process. ``client`` makes the HTTP client of a connection."""

    def __init__(self, client: Callable[[Connection], HttpClient], now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now
        self._kept: dict[str, tuple[datetime, bytes]] = {}
        self._lock = threading.Lock()

    def fetch_for(self, connection: Connection) -> Fetch:
        """How a connector's ``verify`` gets a certificate.

        The call raises ``UnavailableError`` (``not_fetched``) when the address does not give it, so that the sender sends
        the delivery again; it has done nothing wrong.
        """

        def fetch(url: str) -> bytes:
            found = self.known(url)
            return found if found is not None else self._fetched(url, connection)

        return fetch

    def known(self, url: str) -> bytes | None:
        """What the address gave within the last day; None when it has to be asked."""
        entry = self._kept.get(url)
        return entry[1] if entry is not None and self._now() - entry[0] < KEPT else None

    def keep(self, url: str, content: bytes) -> None:
        """Keep what an address gave. When there are too many, the one that was fetched first makes room."""
        if _PEM not in content:
            return
        with self._lock:
            self._kept.pop(url, None)
            while len(self._kept) >= MOST:
                del self._kept[next(iter(self._kept))]
            self._kept[url] = (self._now(), content)

    def _fetched(self, url: str, connection: Connection) -> bytes:
        response = self._client(connection).request("GET", url)
        if response.status != 200:  # noqa: PLR2004 (OK)
            message = f"{url} answered {response.status} when the sender's certificate was fetched."
            raise UnavailableError(message, code="not_fetched", remedy="It is tried again with the next delivery.")
        self.keep(url, response.body)
        return response.body
