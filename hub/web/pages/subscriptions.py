"""Subscriptions, whoever keeps them: how each stands, what it was charged, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for

from hub.engine.unreturned import unreturned
from hub.errors import ActionError, HubError, NotFoundError
from hub.journal.queries import EventFilter
from hub.journal.tables import charges as charges_table
from hub.journal.tables import subscriptions as kept_table
from hub.journal.tables_billing import told_plans, value
from hub.journal.tables_billing import told_subscriptions as table
from hub.money import Money
from hub.payments.billing import SUBSCRIPTION_STATES
from hub.payments.histories import Thing
from hub.payments.subscription import RETURNED
from hub.web.access import Pages, Role
from hub.web.acting import act_once, form_key, gateways, offered
from hub.web.csv_files import csv_file
from hub.web.entries import Pressed, button_of, too_long, typed_in
from hub.web.odd_news import odd_among, odd_of
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import JsonObject

pages = Pages("subscriptions", __name__)

STATES: Final = sorted({state for state in SUBSCRIPTION_STATES.values() if state} | {"cancelling"})
_NEWEST = 200
_EXPORTED = 100_000
_HEADER: Final = ("connection", "subscription", "plan", "state", "currency", "amount", "email", "name", "paid_until",
                  "ends_at", "begun")  # fmt: skip
_OVER = frozenset({"cancelled", "ended"})
_ACTIONS: Final[Mapping[str, tuple[str, JsonObject, str]]] = {
    "cancel": ("subscription.cancel", {"at": "period_end"}, "It ends with the period that is paid."),
    "end": ("subscription.cancel", {"at": "now"}, "It is over."),
    "pause": ("subscription.pause", {}, "Nothing is charged until it is resumed."),
    "resume": ("subscription.resume", {}, "It goes on."),
}
"""What a button does: the action, its input, and what is said afterwards."""


@pages.page("/subscriptions", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The newest subscriptions that fit, and those whose last charge nobody knows of."""
    asked, where = _wanted()
    rows = _newest(where, _NEWEST)
    return render_template(
        "subscriptions.html",
        rows=rows,
        plans=_plan_names({row.plan for row in rows}),
        uncertain=_uncertain(),
        odd=odd_among(rows, lambda row: Thing("subscription", row.connection, row.subscription)),
        asked=asked,
        states=STATES,
        connections=gateways(),
        value=value,
        most=_NEWEST,
    )


@pages.page("/subscriptions.csv", Role.VIEWER)
def export() -> ResponseReturnValue:
    """The subscriptions that fit, as a file."""
    return csv_file("subscriptions.csv", _HEADER, _exported(_wanted()[1]))


@pages.page("/subscriptions/<connection>/<path:subscription>", Role.VIEWER)
def show(connection: str, subscription: str) -> ResponseReturnValue:
    """One subscription with what happened; a charge of which nobody knows whether it happened is decided here."""
    return _page(connection, subscription, Pressed())


@pages.page("/subscriptions/<connection>/<path:subscription>", Role.EDITOR, method="POST")
def act(connection: str, subscription: str) -> ResponseReturnValue:
    """Cancel, pause or resume it, or say whether the charge in doubt happened."""
    do, typed = request.form.get("do", ""), typed_in(("payment",))
    if wrong := too_long(typed, {"payment": 255}):
        return _page(connection, subscription, Pressed(do, typed, wrong)), 422
    try:
        said = _decide(subscription, typed["payment"]) if do == "decide" else _do(connection, subscription, do)
    except HubError as error:
        return _page(connection, subscription, Pressed(do, typed, error=error)), 422
    flash(said, "success")
    return redirect(url_for("subscriptions.show", connection=connection, subscription=subscription), 303)


def _do(connection: str, subscription: str, do: str) -> str:
    row, _ = _rows(connection, subscription)
    if do not in _possible(connection, row.state if row is not None else ""):
        message = "This cannot be done with the subscription as it stands."
        raise ActionError(message, code="wrong_state", remedy="Look at its state and choose among its buttons.")
    action, given, said = _ACTIONS[do]
    act_once(connection, action, {"subscription": subscription, **given})
    return said


def _decide(subscription: str, payment: str) -> str:
    hub, happened = the_hub(), button_of("happened", ("yes", "no")) == "yes"
    hub.charging.decide(subscription, happened=happened, payment=payment)
    hub.store.note(actor(), "subscription.decide", subscription, hub.now(), {"happened": happened})
    return "Noted. The subscription goes on from there."


def _page(connection: str, subscription: str, pressed: Pressed) -> str:
    row, kept = _rows(connection, subscription)
    hub = the_hub()
    state = row.state if row is not None else kept.state if kept is not None else ""
    plan = row.plan if row is not None else kept.plan if kept is not None else ""
    return render_template(
        "subscription.html",
        connection=connection,
        subscription=subscription,
        oddities=odd_of("subscription", connection, subscription),
        row=row,
        state=state,
        plan=plan,
        plan_name=_plan_names({plan}).get((connection, plan), plan),
        value=value,
        is_returned=row is not None and value(row.data, "reason") == RETURNED,
        kept=hub.payments.store.subscription(kept) if kept is not None else None,
        customer=_customer(row, kept),
        charges=hub.payments.store.charges_of(subscription) if kept is not None else [],
        told=hub.queries.events(EventFilter(type="subscription.*", text=subscription), limit=100).items,
        possible=_possible(connection, state),
        unreturned=unreturned(hub, subscription),
        key=form_key(),
        pressed=pressed,
    )


def _plan_names(plans: Iterable[str]) -> Mapping[tuple[str, str], str]:
    """What plans are called, by connection and plan; without those of which nobody told a name."""
    query = sa.select(told_plans).where(told_plans.c.plan.in_(sorted(plans)))
    with the_hub().database.read() as connection:
        rows = connection.execute(query).all()
    return {(row.connection, row.plan): str(name) for row in rows if (name := value(row.data, "name"))}


def _rows(connection: str, subscription: str) -> tuple[sa.Row[Any] | None, sa.Row[Any] | None]:
    """It as events tell it, and as the hub keeps it. Raises ``NotFoundError`` when neither knows it."""
    query = sa.select(table).where(table.c.connection == connection, table.c.subscription == subscription)
    with the_hub().database.read() as reading:
        row = reading.execute(query).one_or_none()
    kept = the_hub().payments.store.find(kept_table, subscription)
    if kept is not None and kept.connection != connection:
        kept = None
    if row is None and kept is None:
        message = f"Nothing was told of a subscription {subscription!r} of {connection}."
        raise NotFoundError(message, remedy="The page Subscriptions lists those that are known.")
    return row, kept


def _possible(connection: str, state: str) -> frozenset[str]:
    """The buttons that make sense in a state, as far as the gateway offers what they do."""
    if state in _OVER:
        return frozenset()
    wanted = {"end"} | ({"cancel"} if state != "cancelling" else set())
    wanted |= {"resume"} if state == "paused" else {"pause"}
    there = offered(connection, {_ACTIONS[name][0] for name in wanted})
    return frozenset(name for name in wanted if _ACTIONS[name][0] in there)


def _customer(row: sa.Row[Any] | None, kept: sa.Row[Any] | None) -> JsonObject:
    found = value(row.data, "customer") if row is not None else None
    return cast("JsonObject", found or (kept.input.get("customer") if kept is not None else None) or {})


def _wanted() -> tuple[dict[str, str], list[sa.ColumnElement[bool]]]:
    asked = {name: request.args.get(name, "").strip() for name in ("state", "connection", "text")}
    where = [table.c[name] == asked[name] for name in ("state", "connection") if asked[name]]
    if asked["text"]:
        text = asked["text"].lower()
        where.append(table.c.customer.contains(text, autoescape=True) | (table.c.subscription == asked["text"]))
    return asked, where


def _newest(where: Sequence[sa.ColumnElement[bool]], most: int) -> list[sa.Row[Any]]:
    query = sa.select(table).where(*where).order_by(table.c.created_at.desc(), table.c.subscription).limit(most)
    with the_hub().database.read() as connection:
        return list(connection.execute(query))


def _exported(where: Sequence[sa.ColumnElement[bool]]) -> Iterator[Sequence[object]]:
    for row in _newest(where, _EXPORTED):
        amount = Money.from_json(told) if (told := value(row.data, "amount")) else None
        customer, period = (cast("JsonObject", value(row.data, name) or {}) for name in ("customer", "period"))
        price = (amount.currency, amount.to_decimal_text()) if amount is not None else (None, None)
        who, until = (customer.get("email"), customer.get("name")), (period.get("end"), value(row.data, "cancel_at"))
        yield row.connection, row.subscription, row.plan, row.state, *price, *who, *until, row.created_at.isoformat()


def _uncertain() -> list[sa.Row[Any]]:
    """The subscriptions that wait for a person's word on a charge."""
    waiting = sa.select(charges_table.c.subscription).where(charges_table.c.state == "uncertain")
    query = sa.select(kept_table).where(kept_table.c.id.in_(waiting)).order_by(kept_table.c.created_at).limit(_NEWEST)
    with the_hub().database.read() as connection:
        return list(connection.execute(query))
