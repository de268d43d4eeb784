"""The servers that are measured, each in a process of its own: ``python -m hub.bench.servers WHICH PORT``."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from granian import Granian
from granian.constants import Interfaces

from hub.bench import yardsticks

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import WSGIApplication

_SERVERS: dict[str, Callable[[], WSGIApplication]] = {
    "bare": yardsticks.bare_server,
    "signature": yardsticks.signature_server,
    "script": yardsticks.script_server,
    "sink": yardsticks.sink_server,
}


def main() -> None:
    """Serve one of them with the same server and as many threads as the hub's."""
    which, port = sys.argv[1], int(sys.argv[2])
    logging.getLogger("granian").setLevel(logging.ERROR)
    server = Granian(
        which,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=64,
        log_enabled=False,
    )
    server.serve(target_loader=lambda *_, **__: _SERVERS[which](), wrap_loader=False)


if __name__ == "__main__":
    main()
