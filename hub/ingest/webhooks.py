"""The webhook endpoint: ``/hooks/<connection>``, a small Flask application of its own, without sessions or templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from hub.connect.api import WebhookRequest

if TYPE_CHECKING:
    from hub.connect.api import Answer
    from hub.ingest.reception import Desk

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def create_webhook_app(desk: Desk, public_url: str, max_body: int, max_headers: int) -> Flask:
    """The application that takes webhooks in. ``public_url``: the address as gateways call it, which some of them sign.

    ``max_body`` and ``max_headers`` in bytes.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = max_body
    base = public_url.rstrip("/")

    def take(connection: str) -> Response:
        if request.method != "POST":
            return _response(desk.refuse(connection, 405, "wrong_method", "Webhooks are sent with POST."))
        if sum(len(name) + len(value) for name, value in request.headers.items()) > max_headers:
            return _response(
                desk.refuse(connection, 431, "headers_too_large", f"At most {max_headers} bytes of headers.")
            )
        try:
            body = request.get_data(cache=False)
        except RequestEntityTooLarge:
            return _response(desk.refuse(connection, 413, "too_large", f"At most {max_body} bytes are taken."))
        query = request.query_string.decode("latin-1")
        delivery = WebhookRequest(
            method=request.method,
            url=f"{base}{request.path}{'?' if query else ''}{query}",
            query=query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
        )
        return _response(desk.receive(connection, delivery))

    app.add_url_rule("/hooks/<connection>", view_func=take, methods=_METHODS, endpoint="hooks")
    app.register_error_handler(HTTPException, _plain)
    return app


def _plain(error: HTTPException) -> Response:
    return Response(f"{error.description}\n", status=error.code, mimetype="text/plain")


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers), content_type=answer.content_type)
