"""For machines: is the process alive, can it work, what does it count."""

from __future__ import annotations

import hmac
import ipaddress
from typing import TYPE_CHECKING

from flask import Response, request
from werkzeug.exceptions import Forbidden

from hub.observe import METRICS_TYPE
from hub.web.access import Pages, Role
from hub.web.sessions import the_hub

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

pages = Pages("probes", __name__)


@pages.page("/healthz", Role.PUBLIC)
def healthz() -> ResponseReturnValue:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@pages.page("/readyz", Role.PUBLIC)
def readyz() -> ResponseReturnValue:
    """The process can take work: its database answers."""
    if the_hub().database.healthy():
        return Response("ready\n", mimetype="text/plain")
    return Response("the database cannot be reached\n", status=503, mimetype="text/plain", headers={"Retry-After": "5"})


@pages.page("/metrics", Role.PUBLIC)
def metrics() -> ResponseReturnValue:
    """Prometheus metrics, for this machine or with the token of the settings page."""
    if not (_from_here() or _has_token()):
        raise Forbidden("Metrics are for this machine, or with the token that the page Settings shows.")
    return Response(the_hub().metrics.render(), content_type=METRICS_TYPE)


def metrics_token() -> str:
    """The bearer token by which another machine may read the metrics."""
    return the_hub().keyring.derived("metrics")[:40]


def _from_here() -> bool:
    behind_proxy = "X-Forwarded-For" in request.headers and not the_hub().settings.trusted_proxies
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback and not behind_proxy
    except ValueError:
        return False


def _has_token() -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(given.encode(), metrics_token().encode())
