"""Payments as their events tell them, and the subscriptions whose clock the hub keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import flash, redirect, render_template, request, url_for

from hub.errors import HubError, NotFoundError
from hub.journal.queries import EventFilter
from hub.journal.tables import payments as payments_table
from hub.journal.tables import subscriptions as subscriptions_table
from hub.payments.payment import Facts
from hub.web.access import Pages, Role
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from typing import Any

    import sqlalchemy as sa
    from flask.typing import ResponseReturnValue

pages = Pages("payments", __name__)

STATES = (
    *("created", "pending", "authorized", "succeeded", "partially_refunded", "refunded"),
    *("failed", "expired", "voided", "disputed", "returned"),
)
_NEWEST = 200


@pages.page("/payments", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The newest payments, by state and connection."""
    asked = {name: request.args.get(name, "").strip() for name in ("state", "connection", "payment")}
    where: list[sa.ColumnElement[bool]] = [payments_table.c[name] == value for name, value in asked.items() if value]
    rows = the_hub().payments.store.list(payments_table, *where, limit=_NEWEST)
    return render_template(
        "payments.html",
        rows=[(row, Facts.from_json(row.facts)) for row in rows],
        asked=asked,
        states=STATES,
        connections=[row.name for row in the_hub().store.connections()],
        most=_NEWEST,
    )


@pages.page("/payments/<connection>/<path:payment>", Role.VIEWER)
def show(connection: str, payment: str) -> ResponseReturnValue:
    """One payment: how it stands, and everything that was told of it."""
    hub = the_hub()
    row = hub.payments.store.payment(connection, payment)
    if row is None:
        message = f"Nothing was told of a payment {payment!r} of {connection}."
        raise NotFoundError(message, remedy="The page Payments lists those that are known.")
    told = hub.queries.events(EventFilter(subject=payment, source=connection), limit=100).items
    return render_template("payment.html", row=row, facts=Facts.from_json(row.facts), told=told)


@pages.page("/subscriptions", Role.VIEWER)
def subscriptions() -> ResponseReturnValue:
    """The subscriptions that the hub charges."""
    rows = the_hub().payments.store.list(subscriptions_table, limit=_NEWEST)
    return render_template("subscriptions.html", rows=[(row, _known(row)) for row in rows], most=_NEWEST)


@pages.page("/subscriptions/<identity>", Role.VIEWER)
def subscription(identity: str) -> ResponseReturnValue:
    """One subscription with its charges; one of which nobody knows whether it happened is decided here."""
    store = the_hub().payments.store
    row = store.get(subscriptions_table, identity)
    charges = store.charges_of(identity)
    return render_template("subscription.html", row=row, known=_known(row), charges=charges)


@pages.page("/subscriptions/<identity>", Role.EDITOR, method="POST")
def decide(identity: str) -> ResponseReturnValue:
    """A person looked at the gateway and says whether the charge happened."""
    hub, happened = the_hub(), request.form.get("happened") == "yes"
    try:
        hub.charging.decide(identity, happened=happened, payment=request.form.get("payment", "").strip())
    except HubError as error:
        flash(str(error), "danger")
    else:
        hub.store.note(actor(), "subscription.decide", identity, hub.now(), {"happened": happened})
        flash("Noted. The subscription goes on from there.", "success")
    return redirect(url_for("payments.subscription", identity=identity), 303)


def _known(row: sa.Row[Any]) -> dict[str, object]:
    """What a page shows of a subscription's terms."""
    known = the_hub().payments.store.subscription(row)
    customer = cast("dict[str, str]", row.input.get("customer") or {})
    return {"next": known, "who": customer.get("email") or customer.get("name") or "", "paid_until": known.paid_until}
