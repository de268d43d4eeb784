"""The page of a payment link: the way to the order that it pays. No log-in: its address is signed.

A link for one payment leads on to its order, which says how it stands. One that many may pay shows what it is for; the
press of its button makes an order, so that a mail scanner that opens it makes none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect, render_template, request, url_for

from hub.commerce.link_reading import PAGE, asked_of
from hub.commerce.links import open_link, order_for
from hub.errors import NotFoundError, PermanentError
from hub.secrets import LinkError
from hub.web.access import Pages, Role
from hub.web.sessions import the_hub
from hub.web.speech import moment
from hub.web.visitors import form_key, leads_nowhere, new_key

if TYPE_CHECKING:
    from typing import Any

    import sqlalchemy as sa
    from flask.typing import ResponseReturnValue

pages = Pages("link", __name__)
pages.register_error_handler(LinkError, leads_nowhere)
pages.register_error_handler(NotFoundError, leads_nowhere)


@pages.page("/r/<token>", Role.PUBLIC, limit="120 per minute")
def show(token: str) -> ResponseReturnValue:
    """Lead on to the order, or show what can be paid here; dead ones say why."""
    link = open_link(the_hub().office("link"), _identity(token))
    return _page(token, link) if link.reusable else redirect(_order_page(link.order), 303)


@pages.page("/r/<token>", Role.PUBLIC, method="POST", limit="30 per minute", cross_site=True, again=show)
def pay(token: str) -> ResponseReturnValue:
    """Lead who wants to pay to an order of their own; a double click makes one."""
    identity = _identity(token)
    office = the_hub().office(f"link {identity} {form_key(request.form.get('key', ''))}")
    try:
        order = order_for(office, identity)
    except PermanentError:
        return _page(token, open_link(office, identity)), 409
    return redirect(_order_page(order), 303)


def _page(token: str, link: sa.Row[Any]) -> str:
    return render_template(
        "payment_link.html",
        link=link,
        asked=asked_of(link).to_json(),
        until=moment(link.due_at) if link.due_at is not None else None,
        key=new_key(),
        post_to=url_for("link.pay", token=token, lang=request.args.get("lang")),
        token=token,
    )


def _order_page(order: str) -> str:
    address = the_hub().office("link").address("o", order)
    asked = request.args.get("lang")
    return f"{address}?lang={asked}" if asked and asked.isalpha() else address


def _identity(token: str) -> str:
    return the_hub().pages.identity(PAGE, token)
