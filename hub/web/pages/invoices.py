"""Invoices: the list, one invoice with its paper, a new one made by hand, issuing, mailing and making void."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for

from hub.commerce.invoice_reading import due_of, find_invoice, payments_of, surplus_of
from hub.errors import ActionError, MoneyError
from hub.journal.queries import EventFilter
from hub.journal.tables_invoices import invoices as table
from hub.money import Money, exact_decimal
from hub.phrases import DEFAULT_LANGUAGE, LANGUAGES
from hub.web.access import Pages, Role
from hub.web.acting import act_once, form_key
from hub.web.codes import code_picture
from hub.web.csv_files import csv_file
from hub.web.entries import Pressed, misfits, press, typed_in
from hub.web.pages.invoice_page import pdf_answer
from hub.web.pages.orders import read_order, refused_at
from hub.web.sessions import the_hub
from hub.web.sums import sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json, JsonObject

pages = Pages("invoices", __name__)

STATES: Final = ("draft", "open", "partly_paid", "paid", "overpaid", "void")
_FIELDS: Final = ("lines", "currency", "tax_rate", "name", "email", "due_in_days", "language", "series", "description")
_PLACES: Final = {
    "lines": "lines",
    "currency": "currency",
    "customer.name": "name",
    "customer.email": "email",
    "series": "series",
    "note": "description",
}
_NEWEST: Final = 200
_EXPORTED: Final = 100_000
_LONGEST_DUE: Final = 365
_HEADER: Final = ("number", "invoice", "state", "currency", "total", "paid", "refunded", "customer", "issued", "due")


@pages.page("/invoices", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The newest invoices that fit, and what those that are owed come to in each currency."""
    asked, where = _wanted()
    query = sa.select(table).where(*where).order_by(table.c.created_at.desc(), table.c.id).limit(_NEWEST)
    with the_hub().database.read() as connection:
        rows = connection.execute(query).all()
        owed = [*where, table.c.number.is_not(None), table.c.state != "void"]
        in_all = sums(connection, table.c.currency, table.c.total, table.c.paid - table.c.refunded, owed)
    return render_template("invoices.html", rows=rows, in_all=in_all, asked=asked, states=STATES, most=_NEWEST)


@pages.page("/invoices.csv", Role.VIEWER)
def export() -> ResponseReturnValue:
    """The invoices that fit, as a file."""
    return csv_file("invoices.csv", _HEADER, _exported(_wanted()[1]))


@pages.page("/invoices/new", Role.EDITOR)
def new() -> ResponseReturnValue:
    """The form of an invoice that is made by hand."""
    return _form({**dict.fromkeys(_FIELDS, ""), "due_in_days": "14", "language": DEFAULT_LANGUAGE}, {}, None)


@pages.page("/invoices/new", Role.EDITOR, method="POST")
def create() -> ResponseReturnValue:
    """Make it, or say at each field what is wrong; what was typed stays."""
    typed = typed_in(_FIELDS, ("lines",))
    given, wrong = read_invoice(typed)
    if request.form.get("draft"):
        given = {**given, "draft": True}
    wrong = {**misfits("invoices", "create", given, _PLACES), **wrong}
    if wrong:
        return _form(typed, wrong, None), 422
    try:
        made = act_once("invoices", "create", given)
    except ActionError as error:
        wrong = refused_at(error)
        return _form(typed, wrong, None if wrong else error), 422
    flash("The invoice is made." if made.get("number") else "The draft is kept. It has no number yet.", "success")
    return redirect(url_for("invoices.show", identity=str(made["invoice"])), 303)


@pages.page("/invoices/<identity>", Role.VIEWER)
def show(identity: str) -> ResponseReturnValue:
    """One invoice: lines, tax, payments, what happened."""
    return _page(identity, Pressed())


@pages.page("/invoices/<identity>/invoice.pdf", Role.VIEWER)
def paper(identity: str) -> ResponseReturnValue:
    """The invoice as PDF, a draft too."""
    return pdf_answer(_found(identity))


@pages.page("/invoices/<identity>/issue", Role.EDITOR, method="POST")
def issue(identity: str) -> ResponseReturnValue:
    """Give a draft its number."""
    return _done(identity, "issue", "The invoice is issued and can be paid.")


@pages.page("/invoices/<identity>/send", Role.EDITOR, method="POST")
def send(identity: str) -> ResponseReturnValue:
    """Mail it to the customer, or to another address."""
    return _done(identity, "send", "The invoice is mailed.", "to")


@pages.page("/invoices/<identity>/void", Role.EDITOR, method="POST")
def void(identity: str) -> ResponseReturnValue:
    """It is not owed any more."""
    return _done(identity, "void", "The invoice is void.", "reason")


def read_invoice(typed: Mapping[str, str]) -> tuple[JsonObject, dict[str, str]]:
    """The input of ``invoices/create``, and by field what is wrong. The tax rate is that of lines with a price."""
    order, wrong = read_order(typed)
    given: dict[str, Json] = {**order, "language": typed["language"] or DEFAULT_LANGUAGE}
    if typed["description"]:
        given["note"] = given.pop("description")
    if typed["series"]:
        given["series"] = typed["series"]
    if typed["tax_rate"] and (said := _wrong_rate(typed["tax_rate"])):
        wrong["tax_rate"] = said
    elif typed["tax_rate"]:
        lines = given["lines"]
        assert isinstance(lines, list)
        rate: JsonObject = {"tax_rate": typed["tax_rate"]}
        given["lines"] = [{**one, **rate} if isinstance(one, dict) and "price" in one else one for one in lines]
    days = typed["due_in_days"]
    if days.isascii() and days.isdigit() and len(days) < 4 and int(days) <= _LONGEST_DUE:  # noqa: PLR2004 (digits)
        given["due_in_days"] = int(days)
    else:
        wrong["due_in_days"] = f"Write a whole number of days, 0 to {_LONGEST_DUE}."
    return given, wrong


def _wrong_rate(text: str) -> str:
    """What is wrong with a tax rate; empty when it is one."""
    try:
        rate = exact_decimal(text)
    except MoneyError as error:
        return str(error)
    return "" if 0 <= rate <= 100 else f"A tax rate of {text} per cent cannot be. Write 0 to 100."  # noqa: PLR2004


def _done(identity: str, action: str, said: str, *names: str) -> ResponseReturnValue:
    """Do an action with what was typed in the fields of these names, and say so; or say what is wrong with it."""
    pressed = press(action, "invoices", action, {"invoice": identity}, names)
    if not pressed.is_right:
        return _page(identity, pressed), 422
    flash(said, "success")
    return redirect(url_for("invoices.show", identity=identity), 303)


def _found(identity: str) -> sa.Row[Any]:
    with the_hub().database.read() as connection:
        return find_invoice(connection, identity)


def _form(typed: Mapping[str, str], wrong: Mapping[str, str], error: ActionError | None) -> str:
    return render_template("invoice_new.html", typed=typed, wrong=wrong, error=error, key=form_key(), spoken=LANGUAGES)


def _page(identity: str, pressed: Pressed) -> str:
    hub = the_hub()
    row = _found(identity)
    address = hub.office("invoice").address("i", row.id)
    with hub.database.read() as connection:
        begun = payments_of(connection, row.id)
    return render_template(
        "invoice_admin.html",
        row=row,
        payments=begun,
        due=due_of(row),
        surplus=surplus_of(row),
        address=address,
        code=code_picture(address, "QR code of the customer’s page"),
        told=hub.queries.events(EventFilter(text=row.id), limit=100).items,
        pressed=pressed,
        key=form_key(),
    )


def _wanted() -> tuple[dict[str, str], list[sa.ColumnElement[bool]]]:
    asked = {name: request.args.get(name, "").strip() for name in ("text", "state")}
    where: list[sa.ColumnElement[bool]] = []
    for word in asked["text"].lower().split():
        of_number = sa.func.lower(table.c.number).contains(word, autoescape=True)
        where.append(sa.or_(table.c.search.contains(word, autoescape=True), of_number))
    if asked["state"] == "overdue":
        where += [table.c.overdue_at.is_not(None), table.c.state.in_(["open", "partly_paid"])]
    elif asked["state"]:
        where.append(table.c.state == asked["state"])
    return asked, where


def _exported(where: Sequence[sa.ColumnElement[bool]]) -> Iterator[Sequence[object]]:
    query = sa.select(table).where(*where).order_by(table.c.created_at.desc()).limit(_EXPORTED)
    with the_hub().database.read() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        customer = row.customer or {}
        amounts = [Money(minor, row.currency).to_decimal_text() for minor in (row.total, row.paid, row.refunded)]
        who = customer.get("email") or customer.get("name")
        days = [moment.date().isoformat() if moment else None for moment in (row.issued_at, row.due_at)]
        yield row.number, row.id, row.state, row.currency, *amounts, who, *days
