"""The sandbox's Flask application: APIs, pages, and the headers that keep the pages to themselves."""

from __future__ import annotations

import multiprocessing.util
from typing import TYPE_CHECKING, Final

from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from connectors.sandbox.server import (
    api_account,
    api_crm,
    api_payments,
    api_plans,
    control,
    control_crm,
    control_webhooks,
    pages,
)
from connectors.sandbox.server.api import Api, refused
from connectors.sandbox.server.refusals import Refusal
from connectors.sandbox.server.sandbox import Sandbox, real_now
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hub.connect.api import ServerContext

LARGEST_BODY: Final = 1_000_000
API_PREFIXES: Final = ("/v1/", "/crm/v1/")
_SERVER_FAULT: Final = 500


def create_application(
    context: ServerContext, *, clock: Callable[[], datetime] = real_now, background: bool = True
) -> Flask:
    """The sandbox as a WSGI application below ``/sandbox``; ``extensions["sandbox"]`` holds the :class:`Sandbox`.

    ``background`` False sends no webhooks by itself: tests call ``deliver_due``. Call ``close()`` of the sandbox at the
    end; when the process ends it happens by itself.
    """
    sandbox = Sandbox(context, clock)
    application = Flask(__name__, static_folder="static", template_folder="templates")
    application.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    application.extensions["sandbox"] = sandbox
    _add_apis(application, sandbox)
    for blueprint in (pages, control, control_webhooks, control_crm):
        application.register_blueprint(blueprint.create_blueprint(sandbox))
    application.add_template_filter(lambda minor, currency: Money(minor, currency).format("en"), "money")
    application.add_template_filter(_shown_time, "moment")
    application.register_error_handler(Refusal, _refused)
    application.register_error_handler(HTTPException, _http_error)
    application.after_request(_headers)
    if background:
        sandbox.start()
        # Unlike atexit this also runs at the end of a server's worker process.
        multiprocessing.util.Finalize(None, sandbox.close, exitpriority=50)
    return application


def _add_apis(application: Flask, sandbox: Sandbox) -> None:
    gateway = Api(sandbox, "gateway", "/v1", sandbox.site.api_key)
    for module in (api_payments, api_plans, api_account):
        module.register(gateway)
    api_payments.register_payer(gateway)
    application.register_blueprint(gateway.blueprint)
    contacts = Api(sandbox, "crm", "/crm/v1", sandbox.site.crm_token)
    api_crm.register(contacts)
    application.register_blueprint(contacts.blueprint)


def _shown_time(moment: datetime | None) -> str:
    return moment.strftime("%-d %b %Y, %H:%M:%S UTC") if moment else "–"


def _refused(refusal: Refusal) -> Response | tuple[str, int]:
    if request.path.startswith(API_PREFIXES):
        return refused(refusal)
    return render_template("problem.html", title="That did not work", message=refusal.message), refusal.status


def _http_error(error: HTTPException) -> Response | tuple[str, int]:
    status = error.code or _SERVER_FAULT
    message = error.description or "Something went wrong."
    if request.path.startswith(API_PREFIXES):
        code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(status, "internal_error")
        return refused(Refusal(status, code, message))
    return render_template("problem.html", title=error.name, message=message), status


def _headers(response: Response) -> Response:
    """A strict policy without anything inline; only pages made for a frame may stand in one, of the origin given."""
    targets = " ".join(["'self'", *getattr(g, "form_targets", ())])
    frames = getattr(g, "frame_origin", "") or "'none'"
    response.headers.setdefault(
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; base-uri 'none'; "
        f"form-action {targets}; frame-ancestors {frames}",
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response
