"""The Flask application of the pages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Flask, Request
from flask_wtf.csrf import CSRFProtect, generate_csrf  # type: ignore[import-untyped]
from werkzeug.middleware.proxy_fix import ProxyFix

from hub import __version__
from hub.phrases import LANGUAGES
from hub.web.access import ROLE_MEANINGS, ROLE_NAMES, Role, Rule, access_rules, may, require_role
from hub.web.api import views
from hub.web.assets import Assets
from hub.web.entries import Parameters
from hub.web.formatting import add_filters
from hub.web.headers import csp_nonce, protect
from hub.web.limits import limit_requests, seconds_to_wait
from hub.web.pages import PAGES
from hub.web.problems import answer_problems
from hub.web.sessions import current_user
from hub.web.speech import amount, say, visitor_language
from hub.web.visitors import brand, look_around, page_around

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from hub.engine.hub import Hub

MOST_BYTES = 2 * 1024 * 1024
"""What a form may hold: a recipe of 256 KiB and a test event of 1 MiB, with room for how forms are written."""


class PageRequest(Request):
    """A request whose fields hold nothing that nobody can see. What programs send to the API is refused instead."""

    def __init__(self, environ: WSGIEnvironment, *args: bool, **options: bool) -> None:
        super().__init__(environ, *args, **options)
        if not self.path.startswith("/api/"):
            self.parameter_storage_class = Parameters


def create_app(hub: Hub) -> Flask:
    """The application for this hub. Raises ``ConfigError`` when the pages' scripts were never built."""
    app = Flask(__package__ or "hub.web")
    app.request_class = PageRequest
    keys = hub.keyring.derived_keys("session")
    https = hub.settings.address.startswith("https:")
    app.config.update(
        SECRET_KEY=keys[0],
        SECRET_KEY_FALLBACKS=list(keys[1:]),
        MAX_CONTENT_LENGTH=MOST_BYTES,
        MAX_FORM_MEMORY_SIZE=MOST_BYTES,
        SESSION_COOKIE_NAME="__Host-hub" if https else "hub_session",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=hub.settings.session_hours),
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        WTF_CSRF_SSL_STRICT=True,
        RATELIMIT_STORAGE_URI="memory://",
        RATELIMIT_HEADERS_ENABLED=False,
    )
    app.extensions["hub"] = hub
    proxies = hub.settings.trusted_proxies
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0)  # type: ignore[method-assign]
    _add_pages(app)
    protect(app, https=https)
    answer_problems(app)
    _add_words(app, hub, Assets.load())
    return app


def _add_pages(app: Flask) -> None:
    app.before_request(require_role)
    forgery = CSRFProtect(app)
    for pages in (*PAGES, views.pages):
        app.register_blueprint(pages)
    rules = access_rules(app)
    rules["static"] = Rule(Role.PUBLIC)
    for endpoint, rule in rules.items():
        if rule.cross_site or rule.scope:
            forgery.exempt(app.view_functions[endpoint])
    limit_requests(app)


def _add_words(app: Flask, hub: Hub, assets: Assets) -> None:
    """What every template may use."""
    add_filters(app)
    app.jinja_env.filters["amount"] = amount
    app.jinja_env.globals.update(
        say=say,
        brand=brand,
        page_around=page_around,
        look_around=look_around,
        language=visitor_language,
        languages=LANGUAGES,
        version=__version__,
        settings=hub.settings,
        role_names=ROLE_NAMES,
        role_meanings=ROLE_MEANINGS,
        may=may,
        user=current_user,
        csrf=generate_csrf,
        csp_nonce=csp_nonce,
        script=assets.script,
        styles=assets.styles,
        seconds_to_wait=seconds_to_wait,
    )
