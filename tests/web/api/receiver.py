"""A program that takes in webhooks over HTTP, as a portal would, and answers what the test wants."""

from __future__ import annotations

import threading

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from hub.engine.outgoing import MessageFilter


class Receiver:
    """Keeps what came; ``answers`` are the next statuses, 204 when there are none."""

    def __init__(self):
        self.taken = []
        self.answers = []
        self._server = make_server("127.0.0.1", 0, self, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.port}/hooks"

    def __call__(self, environ, start_response):
        request = Request(environ)
        self.taken.append((dict(request.headers), request.get_data()))
        status = self.answers.pop(0) if self.answers else 204
        status = status() if callable(status) else status
        return Response("seen", status)(environ, start_response)

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def messages(outgoing, identity):
    """What a webhook was sent, newest first."""
    return outgoing.message_page(identity, MessageFilter(), None, 9).items
