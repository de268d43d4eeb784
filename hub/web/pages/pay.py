"""The pages on which payers pay: a payment link, a visit to pay, the way back from the gateway. No log-in.

An address is signed and says what it is for; that is all the right it needs, so other sites (gateways, pages with a form
in a frame) may post to it. No amount is ever taken from a browser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import structlog
from flask import Response, jsonify, make_response, redirect, render_template, request, url_for

from hub.engine.new_means import FORM
from hub.engine.payment_desk import LASTS, LINK_PURPOSE, PAY_PURPOSE, Standing
from hub.errors import ActionError, HubError, NotFoundError
from hub.journal.tables import checkouts
from hub.secrets import LinkError
from hub.web.access import Pages, Role
from hub.web.headers import csp_nonce, policy
from hub.web.sessions import the_hub
from hub.web.visitors import lead_on, leads_nowhere

if TYPE_CHECKING:
    from typing import Any

    import sqlalchemy as sa
    from flask.typing import ResponseReturnValue

    from hub.jsontypes import JsonObject

log = structlog.get_logger(__name__)

pages = Pages("pay", __name__)

_PARAMETERS = 100
_LONGEST = 4_000
_FORM_POST = "form_post"
_OWN_PAGE = "hub.page"


pages.errorhandler(LinkError)(leads_nowhere)
pages.errorhandler(NotFoundError)(leads_nowhere)


# payment links


@pages.page("/l/<token>", Role.PUBLIC, limit="120 per minute")
def link(token: str) -> ResponseReturnValue:
    """What the link asks for, and whether it can still be paid. Mail scanners open links: this begins no payment."""
    row = the_hub().payments.open_link(_identity(LINK_PURPOSE, token))
    address = url_for("pay.click", token=token)
    return render_template("pay.html", state=f"link_{row.state}", given=row.input, post_to=address)


@pages.page("/l/<token>", Role.PUBLIC, method="POST", limit="30 per minute", cross_site=True, again=link)
def click(token: str) -> ResponseReturnValue:
    """Begin to pay: the payer goes on to the gateway, or to our page with the gateway's form."""
    identity = _identity(LINK_PURPOSE, token)
    try:
        return _go_on(the_hub().payments.click(identity))
    except ActionError as error:
        log.warning("payment_not_begun", link=identity, reason=str(error))
        row = the_hub().payments.open_link(identity)
        state = f"link_{row.state}" if row.state != "active" else "not_begun"
        address = url_for("pay.click", token=token)
        return render_template("pay.html", state=state, given=row.input, error=error, post_to=address), 502


# visits to pay


@pages.page("/pay/<token>", Role.PUBLIC, limit="120 per minute")
def show(token: str) -> ResponseReturnValue:
    """The visit as it stands: what is to be paid, the gateway's form where there is one, or what became of it."""
    return _page(token, the_hub().payments.standing(_identity(PAY_PURPOSE, token)))


@pages.page("/pay/<token>", Role.PUBLIC, method="POST", limit="30 per minute", cross_site=True, again=show)
def begin(token: str) -> ResponseReturnValue:
    """Begin the visit's payment at the gateway."""
    desk, identity = the_hub().payments, _identity(PAY_PURPOSE, token)
    try:
        desk.begin(identity)
    except ActionError as error:
        log.warning("payment_not_begun", checkout=identity, reason=str(error))
        return _page(token, desk.standing(identity), error), 502
    return _go_on(desk.address_of(desk.store.get(checkouts, identity)))


@pages.page("/pay/<token>/return", Role.PUBLIC, limit="60 per minute")
def came_back(token: str) -> ResponseReturnValue:
    """The payer's browser comes back from the gateway by a link."""
    return _returned(token)


@pages.page("/pay/<token>/return", Role.PUBLIC, method="POST", limit="60 per minute", cross_site=True)
def posted_back(token: str) -> ResponseReturnValue:
    """The payer's browser comes back from the gateway by a form."""
    return _returned(token)


@pages.page("/pay/<token>/complete", Role.PUBLIC, method="POST", limit="60 per minute", cross_site=True)
def complete(token: str) -> ResponseReturnValue:
    """The gateway's form in our page is done; what it gave is proved on the server. Answers with where to go on."""
    identity = _identity(PAY_PURPOSE, token)
    try:
        standing = _proved(identity)
    except ActionError as error:
        log.warning("return_not_proved", checkout=identity, reason=str(error))
        return jsonify(state="unknown", message=error.message, next=url_for("pay.show", token=token))
    return jsonify(state=standing.state, next=_onward(token, standing))


@pages.page("/pay/form/<connector>.js", Role.PUBLIC)
def form_script(connector: str) -> ResponseReturnValue:
    """The script by which a connector shows its gateway's form in our page."""
    hub = the_hub()
    file = hub.registry.get(connector).manifest.folder / "form.js" if connector in hub.registry.names() else None
    if file is None or not file.is_file():
        message = f"There is no form of {connector!r}."
        raise NotFoundError(message, remedy="Only gateways with a form of their own have one.")
    return Response(file.read_text(encoding="utf-8"), content_type="text/javascript; charset=utf-8")


def _go_on(address: str) -> ResponseReturnValue:
    return redirect(address, 303) if the_hub().pages.are_ours(address) else lead_on(address)


def _returned(token: str) -> ResponseReturnValue:
    desk, identity = the_hub().payments, _identity(PAY_PURPOSE, token)
    try:
        standing = _proved(identity)
    except ActionError as error:
        # The payment is watched: what is not known now is found out, whether or not anybody waits for it.
        log.warning("return_not_proved", checkout=identity, reason=str(error))
        return _page(token, Standing(desk.store.get(checkouts, identity), "unknown"), error)
    return redirect(_onward(token, standing), 303)


def _proved(identity: str) -> Standing:
    """How the visit stands after what the browser brought. Raises like an action."""
    hub = the_hub()
    visit = hub.payments.store.get(checkouts, identity)
    if visit.purpose == FORM:
        return hub.new_means.answered(visit, _parameters())
    return hub.payments.returned(identity, _parameters())


def _onward(token: str, standing: Standing) -> str:
    """Where the payer goes after the gateway: to the shop's own page, or to ours that says how it stands."""
    given = standing.visit.input
    if standing.state in {"paid", "waiting"} and given.get("after"):
        return str(given["after"])
    if standing.state in {"failed", "open"} and given.get("after_cancel"):
        return str(given["after_cancel"])
    return url_for("pay.show", token=token)


def _page(token: str, standing: Standing, error: HubError | None = None) -> Response:
    visit, hub = standing.visit, the_hub()
    output = cast("JsonObject", visit.output or {})
    client = cast("JsonObject", output.get("client") or {})
    is_open = standing.state == "open" and not hub.payments.has_lapsed(visit)
    shown = {"state": standing.state, "given": visit.input, "purpose": visit.purpose, "error": error, "token": token}
    connector = hub.registry.get(hub.accounts.get(visit.connection).connector).manifest.name
    body = render_template(
        "pay.html",
        **shown,
        post_to=url_for("pay.begin", token=token),
        checkout_url=_other_page(visit) if is_open else "",
        client=client if is_open else {},
        script_url=output.get("script_url") or client.get("script_url") or "",
        origins=output.get("origins") or client.get("origins") or [],
        connector=connector,
        back=visit.input.get("after") or visit.input.get("after_cancel"),
    )
    response = make_response(body)
    _permit(response, visit, output, client if is_open else {})
    return response


def _other_page(visit: sa.Row[Any]) -> str:
    """The gateway's own page, where that is where the payer pays."""
    address = str((visit.output or {}).get("checkout_url") or "")
    return "" if the_hub().pages.are_ours(address) else address


def _permit(response: Response, visit: sa.Row[Any], output: JsonObject, client: JsonObject) -> None:
    """What this page may load beyond ours: the gateway's form, and who may show it in a frame."""
    kind = client.get("kind")
    origins = output.get("origins") or client.get("origins") or []
    theirs = tuple(str(one) for one in cast("list[str]", origins)) if kind not in {None, _FORM_POST, _OWN_PAGE} else ()
    posts_to = _origin(str(client["action"])) if kind == _FORM_POST else ""
    frame = str(visit.input["origin"]) if visit.purpose == "form" and visit.input.get("origin") else ""
    if not (theirs or posts_to or frame):
        return
    response.headers["Content-Security-Policy"] = policy(
        csp_nonce(),
        scripts_of=theirs,
        posts_to=posts_to,
        framed_by=_origin(frame) if frame else "'none'",
        any_bank=bool(theirs) and client.get("any_bank") is True,
    )
    if theirs:
        response.headers["Permissions-Policy"] = (
            f"camera=(), geolocation=(), microphone=(), payment=(self {_quoted(theirs)})"
        )
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
    if frame:
        response.headers["X-Frame-Options"] = "ALLOWALL"


def _quoted(origins: tuple[str, ...]) -> str:
    return " ".join(f'"{one}"' for one in origins if "*" not in one)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _parameters() -> dict[str, str]:
    """What came back with the browser, by query, form or JSON; each a text."""
    values = dict(request.values.items())
    sent = request.get_json(silent=True) if request.is_json else None
    if isinstance(sent, dict):
        values |= {str(name): str(value) for name, value in sent.items() if isinstance(value, (str, int))}
    return {name[:200]: value[:_LONGEST] for name, value in list(values.items())[:_PARAMETERS]}


def _identity(purpose: str, token: str) -> str:
    return str(the_hub().keyring.unsign(purpose, token, LASTS, now=the_hub().now()))
