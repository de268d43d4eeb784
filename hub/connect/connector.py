"""A connector in use: its manifest and its code joined."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.connect.api import ConnectorCode
    from hub.connect.manifest import Manifest


class LoadedConnector:
    """One connector. Its code is imported once, when first needed; safe between threads."""

    def __init__(self, manifest: Manifest, load_code: Callable[[], ConnectorCode]) -> None:
        self.manifest = manifest
        self._load_code = load_code
        self._code: ConnectorCode | None = None
        self._lock = threading.Lock()

    @property
    def code(self) -> ConnectorCode:
        """What ``connector.py`` offers; empty for a connector in YAML alone."""
        if self._code is None:
            with self._lock:
                self._code = self._code or self._load_code()
        return self._code
