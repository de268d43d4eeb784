"""Who may use what: the list for the business, access given and taken by hand, the way to a customer's portal."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for

from hub.commerce.access import STATES
from hub.commerce.portal import portal_address
from hub.errors import HubError
from hub.journal.book import found
from hub.journal.tables_access import accesses as table
from hub.web.access import Pages, Role
from hub.web.acting import act_once, form_key
from hub.web.entries import end_of_day, misfits, typed_in, wrong_address
from hub.web.sessions import the_hub

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json, JsonObject

pages = Pages("accesses", __name__)

_PLACES: Final = {"customer.email": "email", "resource": "resource", "title": "title", "until": "day"}
_NEWEST: Final = 200


@pages.page("/access", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The newest accesses that fit."""
    return _page()


@pages.page("/access", Role.EDITOR, method="POST")
def grant() -> ResponseReturnValue:
    """Give access by hand; it rests on the word of whoever gives it."""
    entered = typed_in(("email", "resource", "title", "day"))
    given, wrong = _read(entered)
    if wrong:
        return _page(entered, wrong=wrong), 422
    try:
        output = act_once("access", "grant", given)
    except HubError as error:
        return _page(entered, error), 422
    flash(f"{entered['email']} may use {output['resource']}.", "success")
    return redirect(url_for("accesses.index", text=entered["email"]), 303)


def _read(entered: Mapping[str, str]) -> tuple[JsonObject, dict[str, str]]:
    """The input of ``access/grant``, and by field what is wrong."""
    wrong = wrong_address(entered["email"])
    if not entered["email"]:
        wrong["email"] = "Write whom you give access."
    if not entered["resource"]:
        wrong["resource"] = "Write to what you give access."
    given: dict[str, Json] = {"customer": {"email": entered["email"]}, "resource": entered["resource"]}
    if entered["title"]:
        given["title"] = entered["title"]
    end = end_of_day(entered["day"], wrong, "day")
    if end is not None:
        given["until"] = (end - timedelta(seconds=1)).isoformat()
    return given, {**misfits("access", "grant", given, _PLACES), **wrong}


@pages.page("/access/<identity>/revoke", Role.EDITOR, method="POST")
def revoke(identity: str) -> ResponseReturnValue:
    """Take one access away; what else the customer has of the resource stays."""
    row = _row(identity)
    customer: JsonObject = {"email": row.email}
    given: JsonObject = {"customer": customer, "resource": row.resource, "access": row.id, "reason": "by hand"}
    try:
        act_once("access", "revoke", given)
    except HubError as error:
        return _page(None, error), 422
    flash(f"{row.email} may not use {row.title} any more, unless something else gives it.", "success")
    return redirect(url_for("accesses.index", text=row.email), 303)


@pages.page("/access/<identity>/portal", Role.EDITOR, method="POST")
def portal(identity: str) -> ResponseReturnValue:
    """Show the customer's portal as the customer sees it."""
    hub = the_hub()
    return redirect(portal_address(hub.office("portal"), _row(identity).email), 303)


def _row(identity: str) -> sa.Row[Any]:
    with the_hub().database.read() as connection:
        return found(table, identity, connection.execute(sa.select(table).where(table.c.id == identity)).first())


def _page(
    entered: Mapping[str, str] | None = None,
    problem: HubError | None = None,
    wrong: Mapping[str, str] | None = None,
) -> str:
    asked = {name: request.args.get(name, "").strip() for name in ("state", "text")}
    query = sa.select(table)
    if asked["state"]:
        query = query.where(table.c.state == asked["state"])
    if asked["text"]:
        text = asked["text"].lower()
        within = sa.func.lower(table.c.resource).contains(text, autoescape=True)
        query = query.where(table.c.email.contains(text, autoescape=True) | within)
    with the_hub().database.read() as connection:
        rows = connection.execute(query.order_by(table.c.created_at.desc(), table.c.id).limit(_NEWEST)).all()
    return render_template(
        "accesses.html",
        rows=rows,
        asked=asked,
        states=STATES,
        most=_NEWEST,
        entered=entered or {},
        problem_found=problem,
        wrong=wrong or {},
        key=form_key(),
    )
