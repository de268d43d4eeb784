"""What gateways told of plans, subscriptions, transfers, payouts and holds and what cannot be: a person looks into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for

from hub.errors import HubError
from hub.journal.tables_escrow import payouts
from hub.payments.histories import look_into, unseen
from hub.web.access import Pages, Role
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from typing import Any

    from flask.typing import ResponseReturnValue

pages = Pages("odd", __name__)

_MOST: Final = 200


@pages.page("/odd", Role.VIEWER)
def show() -> ResponseReturnValue:
    """The things that nobody has looked into, the newest first."""
    with the_hub().database.read() as connection:
        rows = unseen(connection, _MOST)
        query = sa.select(payouts.c.id, payouts.c.run).where(payouts.c.id.in_([row.thing for row in rows]))
        runs = {row.id: row.run for row in connection.execute(query)}
    return render_template("odd.html", rows=[(row, _place(row, runs)) for row in rows], most=_MOST)


@pages.page("/odd", Role.EDITOR, method="POST")
def decide() -> ResponseReturnValue:
    """A person has looked into it, and it waits for nobody until something else is told."""
    identity = request.form.get("thing", "")
    try:
        the_hub().office("odd news").change(lambda book: look_into(book, identity))
    except HubError as error:
        flash(str(error), "danger")
        return redirect(url_for("odd.show"), 303)
    the_hub().store.note(actor(), "odd.looked_into", identity[:200], the_hub().now())
    flash("Noted. It stands here again if something else is told that does not fit.", "success")
    return redirect(url_for("odd.show"), 303)


def _place(row: sa.Row[Any], runs: dict[str, str | None]) -> str:
    """The page of a thing, or the list that it stands in."""
    if row.family == "hold":
        return url_for("escrow.show", hold=row.thing)
    if row.family == "subscription":
        return url_for("subscriptions.show", connection=row.connection, subscription=row.thing)
    if row.family == "plan":
        return url_for("plans.show", connection=row.connection, plan=row.thing)
    if run := runs.get(row.thing):
        return url_for("payouts.show", run=run)
    return url_for("payouts.every", text=row.thing) if row.thing in runs else url_for("events.index", text=row.thing)
