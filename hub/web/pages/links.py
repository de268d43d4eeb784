"""Payment links: the list, a new one, one with what became of it, mailing, reminding and cancelling it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import segno
import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for

from hub.commerce import paying
from hub.commerce.form_amounts import typed_money
from hub.commerce.form_fields import mail_address
from hub.commerce.link_reading import PAGE, asked_of, find_link
from hub.errors import ActionError, MoneyError
from hub.journal.queries import EventFilter
from hub.journal.tables_commerce import orders
from hub.journal.tables_links import payment_links as table
from hub.money import Money
from hub.phrases import DEFAULT_LANGUAGE, LANGUAGES
from hub.web.access import Pages, Role
from hub.web.acting import act_once, form_key, offering
from hub.web.csv_files import csv_file
from hub.web.entries import NO_ADDRESS, Pressed, press, too_long, typed_in
from hub.web.sessions import the_hub
from hub.web.sums import sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json, JsonObject

pages = Pages("links", __name__)

STATES: Final = ("active", "paid", "expired", "cancelled")
SHARED: Final = ("currency", "purpose", "language", "note", "remind_days", "expires_days")
"""The fields that a table of recipients has as well."""

_FIELDS: Final = ("amount", "name", "email", "reusable", *SHARED)
_NEWEST: Final = 200
_EXPORTED: Final = 100_000
_LONGEST: Final[Mapping[str, int]] = {"purpose": 200, "name": 200, "note": 500}
_MOST_DAYS: Final = 365
_HEADER: Final = (
    "link", "state", "currency", "amount", "purpose", "name", "email", "mailed", "opened", "paid", "payments",
    "reference", "url",
)  # fmt: skip


@pages.page("/links", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The newest links that fit, and what they ask for in each currency."""
    asked, where = _wanted()
    query = sa.select(table).where(*where).order_by(table.c.created_at.desc(), table.c.id).limit(_NEWEST)
    with the_hub().database.read() as connection:
        rows = connection.execute(query).all()
        in_all = sums(connection, table.c.currency, table.c.minor, table.c.minor * table.c.payments, where)
    return render_template("links.html", rows=rows, in_all=in_all, asked=asked, states=STATES, most=_NEWEST)


@pages.page("/links.csv", Role.VIEWER)
def export() -> ResponseReturnValue:
    """The links that fit, as a file."""
    return csv_file("links.csv", _HEADER, _exported(_wanted()[1]))


@pages.page("/links/new", Role.EDITOR)
def new() -> ResponseReturnValue:
    """The form of a new link."""
    return _form({**dict.fromkeys(_FIELDS, ""), "language": DEFAULT_LANGUAGE, "expires_days": "30"}, {}, None)


@pages.page("/links/new", Role.EDITOR, method="POST")
def create() -> ResponseReturnValue:
    """Make it and have it mailed, or say at each field what is wrong; what was typed stays."""
    typed = typed_in(_FIELDS)
    send = "send" in request.form
    given, wrong = read_link(typed, send=send)
    connections = request.form.getlist("connections")
    if connections:
        given["connections"] = cast("list[Json]", connections)
    if not wrong:
        wrong |= unpayable(Money.from_json(given["amount"]), connections)
    if wrong:
        return _form(typed, wrong, None), 422
    try:
        made = act_once("links", "create", given)
    except ActionError as error:
        return _form(typed, {}, error), 422
    flash(
        "The link is made and on its way by mail." if send else "The link is made. Copy its address below.", "success"
    )
    return redirect(url_for("links.show", identity=str(made["link"])), 303)


@pages.page("/links/<identity>", Role.VIEWER)
def show(identity: str) -> ResponseReturnValue:
    """One link: its address, what became of it, what happened."""
    return _page(identity, Pressed())


@pages.page("/links/<identity>/send", Role.EDITOR, method="POST")
def send(identity: str) -> ResponseReturnValue:
    """Mail it to the recipient, or to another address."""
    return _done(identity, "send", "The link is mailed.", "to")


@pages.page("/links/<identity>/remind", Role.EDITOR, method="POST")
def remind(identity: str) -> ResponseReturnValue:
    """Mail a reminder."""
    return _done(identity, "remind", "The reminder is mailed.")


@pages.page("/links/<identity>/cancel", Role.EDITOR, method="POST")
def cancel(identity: str) -> ResponseReturnValue:
    """Nobody can pay on it any more."""
    return _done(identity, "cancel", "The link is cancelled. Its page says so.", "reason")


def read_link(typed: Mapping[str, str], *, send: bool) -> tuple[dict[str, Json], dict[str, str]]:
    """The input of ``links/create``, and by field what is wrong."""
    given, wrong = read_shared(typed)
    if not typed["purpose"]:
        wrong["purpose"] = "Write what it is for; the payer reads it."
    try:
        amount = typed_money(typed["amount"], typed["currency"].upper() or "EUR")
    except MoneyError as error:
        wrong["currency" if error.code == "currency_unknown" else "amount"] = str(error)
    else:
        given["amount"] = amount.to_json()
        if amount.minor <= 0:
            wrong["amount"] = "Write an amount above zero."
    if not typed["currency"]:
        wrong["currency"] = "Write its three letters, such as USD."
    recipient, wrong_there = _recipient(typed, is_mailed=send)
    given |= {name: True for name, is_so in (("send", send), ("reusable", bool(typed["reusable"]))) if is_so}
    return {**given, **({"recipient": recipient} if recipient else {})}, {**wrong, **wrong_there}


def _recipient(typed: Mapping[str, str], *, is_mailed: bool) -> tuple[JsonObject, dict[str, str]]:
    """Who shall pay, and by field what is wrong."""
    wrong: dict[str, str] = {}
    address = mail_address(typed["email"]) if typed["email"] else ""
    if address is None:
        wrong["email"] = NO_ADDRESS
    elif is_mailed and not address:
        wrong["email"] = "Write the address to which it is mailed, or only make the link."
    wrong |= too_long({"name": typed["name"]}, _LONGEST)
    return {name: one for name, one in (("name", typed["name"]), ("email", address)) if one}, wrong


def read_shared(typed: Mapping[str, str]) -> tuple[dict[str, Json], dict[str, str]]:
    """What one link and a whole table of them have in common, and by field what is wrong."""
    given: dict[str, Json] = {name: typed[name] for name in ("purpose", "note") if typed[name]}
    wrong = too_long({name: typed[name] for name in ("purpose", "note")}, _LONGEST)
    given["language"] = typed["language"] if typed["language"] in LANGUAGES else DEFAULT_LANGUAGE
    for name, field in (("remind_days", "remind_in"), ("expires_days", "expires_in")):
        days = typed[name]
        if days and not (days.isascii() and days.isdigit() and 1 <= int(days[:9]) <= _MOST_DAYS):
            wrong[name] = f"Write a whole number of days, 1 to {_MOST_DAYS}."
        elif days:
            given[field] = f"{int(days)}d"
    if not typed["expires_days"]:
        wrong["expires_days"] = f"Write a whole number of days, 1 to {_MOST_DAYS}."
    return given, wrong


def unpayable(amount: Money, connections: Sequence[str]) -> dict[str, str]:
    """What to say at the amount when none of the gateways can take it; nothing when one can."""
    judged = paying.judged(the_hub().office("read"), amount, connections or None)
    if any(not option.refusal for option in judged):
        return {}
    why = " ".join(option.refusal for option in judged) or "No gateway is connected and switched on."
    return {"amount": f"Nobody could pay this: {why}"}


def _done(identity: str, action: str, said: str, *names: str) -> ResponseReturnValue:
    """Do an action with what was typed in the fields of these names, and say so; or say what is wrong with it."""
    pressed = press(action, "links", action, {"link": identity}, names)
    if not pressed.is_right:
        return _page(identity, pressed), 422
    flash(said, "success")
    return redirect(url_for("links.show", identity=identity), 303)


def _form(typed: Mapping[str, str], wrong: Mapping[str, str], error: ActionError | None) -> str:
    return render_template(
        "link_new.html",
        typed=typed,
        wrong=wrong,
        error=error,
        key=form_key(),
        spoken=LANGUAGES,
        gateways=offering("payment.create"),
        chosen=request.form.getlist("connections"),
    )


def _page(identity: str, pressed: Pressed) -> str:
    hub = the_hub()
    with hub.database.read() as connection:
        row = find_link(connection, identity)
        paid = connection.execute(
            sa.select(orders).where(orders.c.link == row.id).order_by(orders.c.number).limit(_NEWEST)
        ).all()
    address = hub.office("link").address(PAGE, row.id)
    return render_template(
        "link_admin.html",
        row=row,
        orders=paid,
        asked=asked_of(row).to_json(),
        address=address,
        code=segno.make(address, error="m", micro=False).svg_inline(scale=3, light="#fff", title="QR code of the link"),
        told=hub.queries.events(EventFilter(text=row.id), limit=100).items,
        pressed=pressed,
        key=form_key(),
    )


def _wanted() -> tuple[dict[str, str], list[sa.ColumnElement[bool]]]:
    asked = {name: request.args.get(name, "").strip() for name in ("text", "state", "batch")}
    where = [table.c.search.contains(word, autoescape=True) for word in asked["text"].lower().split()]
    if asked["state"] == "unpaid":
        where += [table.c.state == "active", table.c.mail == "sent", table.c.payments == 0]
    elif asked["state"] == "undelivered":
        where.append(table.c.mail == "failed")
    elif asked["state"]:
        where.append(table.c.state == asked["state"])
    if asked["batch"]:
        where.append(table.c.batch == asked["batch"])
    return asked, where


def _exported(where: Sequence[sa.ColumnElement[bool]]) -> Iterator[Sequence[object]]:
    query = sa.select(table).where(*where).order_by(table.c.created_at.desc(), table.c.id).limit(_EXPORTED)
    office = the_hub().office("link")
    with the_hub().database.read() as connection:
        rows: Sequence[sa.Row[Any]] = connection.execute(query).all()
    for row in rows:
        moments = [one.isoformat() if one else None for one in (row.sent_at, row.opened_at, row.paid_at)]
        who = [row.recipient.get(name) for name in ("name", "email")]
        reference = (row.metadata or {}).get("reference")
        amount = asked_of(row).to_decimal_text()
        address = office.address(PAGE, row.id)
        yield row.id, row.state, row.currency, amount, row.purpose, *who, *moments, row.payments, reference, address
