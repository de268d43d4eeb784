"""The servers that are measured, each in a process of its own: ``python -m hub.bench.servers WHICH PORT``."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from granian import Granian
from granian.constants import Interfaces

from hub.bench import yardsticks

if TYPE_CHECKING:
    from collections.abc import Callable

_SERVERS: dict[str, tuple[Interfaces, Callable[[], Any]]] = {
    "bare": (Interfaces.RSGI, yardsticks.BareServer),
    "signature": (Interfaces.RSGI, yardsticks.SignatureServer),
    "script": (Interfaces.WSGI, yardsticks.script_server),
    "sink": (Interfaces.WSGI, yardsticks.sink_server),
}


def main() -> None:
    """Serve one of them with the same server as the hub's; those in WSGI with as many threads."""
    which, port = sys.argv[1], int(sys.argv[2])
    interface, application = _SERVERS[which]
    logging.getLogger("granian").setLevel(logging.ERROR)
    server = Granian(
        which,
        address="127.0.0.1",
        port=port,
        interface=interface,
        workers=1,
        blocking_threads=64 if interface is Interfaces.WSGI else None,
        log_enabled=False,
    )
    server.serve(target_loader=lambda *_, **__: application(), wrap_loader=False)


if __name__ == "__main__":
    main()
