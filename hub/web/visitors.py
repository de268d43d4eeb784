"""What all public pages share: the look of the business, the way on to a gateway, an address that leads nowhere."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from flask import make_response, redirect, render_template, request

from hub.errors import HubError
from hub.web.headers import csp_nonce, policy
from hub.web.sessions import the_hub
from hub.web.speech import asked_language, say

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    import sqlalchemy as sa
    from flask import Response
    from flask.typing import ResponseReturnValue

log = structlog.get_logger(__name__)

_DARK, _LIGHT = "#1d273b", "#ffffff"
_LONGEST_KEY = 80
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_MAY_CHANGE = frozenset({"created", "pending", "authorized", "failed"})


@dataclass(frozen=True, slots=True)
class Brand:
    """What visitors see of the business. ``colour`` is that of buttons, ``ink`` what can be read on it; empty: ours."""

    name: str = ""
    email: str = ""
    colour: str = ""
    ink: str = ""


def brand() -> Brand:
    """The business as Settings, Business says."""
    fact = the_hub().store.fact("brand")
    said = fact if isinstance(fact, dict) else {}
    colour = str(said.get("colour") or "")
    return Brand(str(said.get("name") or ""), str(said.get("email") or ""), colour, ink_on(colour) if colour else "")


def ink_on(colour: str) -> str:
    """Dark or light, whichever reads better on a colour like ``#0b6e4f`` (relative luminance, WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]  # noqa: PLR2004
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return _LIGHT if 1.05 / (luminance + 0.05) >= 4.5 else _DARK  # noqa: PLR2004 (what text needs)


def lead_on(address: str) -> ResponseReturnValue:
    """Lead a visitor's form post on. To another site by a page of ours: browsers let no form's answer redirect there."""
    if address.startswith(f"{the_hub().settings.address}/pay/"):
        return redirect(address, 303)
    return render_template("leading.html", address=address), 200, {"Refresh": f"0; url={address}"}


def back_to(address: str) -> str:
    """Where a gateway sends payers back to: the page that they left, in the language that they chose there."""
    asked = asked_language()
    return f"{address}?back=1&lang={asked}" if asked else f"{address}?back=1"


def ask_gateways(begun: Iterable[sa.Row[Any]]) -> None:
    """Ask how payments went whose payer is back before the webhook: rows with ``connection`` and ``payment``.

    Of those that failed too: at many gateways a payer tries again on the same page, and then it succeeds.
    """
    desk = the_hub().payments
    for row in begun:
        known = desk.store.payment(row.connection, row.payment)
        try:
            if known is not None and known.state in _MAY_CHANGE:
                desk.look(known)
        except HubError as error:
            log.info("payment_not_looked_up", connection=row.connection, payment=row.payment, reason=str(error))


def leads_nowhere(_error: HubError) -> ResponseReturnValue:
    """The page for an address that the hub never made, or of a thing that is gone."""
    return dead_page(404, say("paying.dead"), say("paying.dead_why"))


def dead_page(status: int, title: str, why: str, number: str = "") -> Response:
    """A page that only says why nothing can be done here; in another site's frame too, where a form was expected."""
    return in_any_frame(make_response(render_template("dead.html", title=title, why=why, number=number), status))


def page_around() -> str:
    """The origin of the page that says that it shows ours in a frame; empty when none does."""
    asked = request.args.get("embed", "").lower()
    return asked if _ORIGIN.fullmatch(asked) else ""


def look_around() -> str:
    """Whether the page around ours is light or dark; empty when none says so."""
    asked = request.args.get("look", "")
    return asked if asked in {"light", "dark"} and page_around() else ""


def in_any_frame(response: Response) -> Response:
    """Let the page around show an answer on which there is nothing to do, so that it can say so."""
    if page_around():
        response.headers["Content-Security-Policy"] = policy(csp_nonce(), framed_by="*")
        response.headers["X-Frame-Options"] = "ALLOWALL"
    return response


def found_filled_in(page: str) -> Response:
    """A form for strangers that the browser keeps: who comes back to it by the browser's button finds what they typed.

    Pages behind a signed address stay ``no-store``: what they say of money must be how it stands, and for its owner only.
    """
    response = make_response(page)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def new_key() -> str:
    """A key for a form of a page: whoever sends it twice does one thing."""
    return uuid.uuid4().hex


def form_key(given: str) -> str:
    """The key that a form brought; a new one when it brought none that could be ours."""
    return given if given.isalnum() and len(given) <= _LONGEST_KEY else new_key()
