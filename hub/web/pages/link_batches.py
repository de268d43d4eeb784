"""Payment links for a table of recipients: read in, looked at, made; how far it is, and what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for

from hub.commerce import link_batches
from hub.commerce.link_csv import COLUMNS, MOST_LINES, read_recipients
from hub.errors import PermanentError
from hub.journal.tables_links import link_batches as table
from hub.money import Money
from hub.phrases import DEFAULT_LANGUAGE, LANGUAGES
from hub.web.access import Pages, Role
from hub.web.acting import form_key, offering
from hub.web.csv_files import csv_file, uploaded_text
from hub.web.entries import typed_in, wrong_currency
from hub.web.pages.links import SHARED, read_shared, unpayable
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask.typing import ResponseReturnValue

    from hub.commerce.link_csv import Recipients
    from hub.jsontypes import Json
    from hub.office import Office

pages = Pages("link_batches", __name__)

_LARGEST: Final = 2_000_000
_SHOWN: Final = 50
_NEWEST: Final = 50


@pages.page("/links/tables", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The newest tables, and the form to read one in."""
    return _form({**dict.fromkeys(SHARED, ""), "language": DEFAULT_LANGUAGE, "expires_days": "30", "send": "1"}, {})


@pages.page("/links/tables", Role.EDITOR, method="POST")
def read_in() -> ResponseReturnValue:
    """Read a table in, or say what is wrong; nothing is made before a person has looked at it."""
    typed = typed_in((*SHARED, "send"))
    given, wrong = read_shared(typed)
    wrong |= wrong_currency(typed["currency"])
    connections = request.form.getlist("connections")
    if connections:
        given["connections"] = cast("list[Json]", connections)
    if typed["send"]:
        given["send"] = True
    upload = request.files.get("table")
    text = uploaded_text(upload, _LARGEST, wrong)
    if wrong:
        return _form(typed, wrong), 422
    recipients = read_recipients(text, given, typed["currency"].upper())
    if recipients.lines:
        wrong = _nobody_takes(recipients, connections)
    elif not recipients.wrong:
        wrong = {"table": "There is no line below the first."}
    if wrong:
        return _form(typed, wrong), 422
    name = upload.filename if upload is not None and upload.filename else "table.csv"
    office = the_hub().office(f"{request.path} {request.form.get('key', '')}")
    identity = link_batches.check_in(office, name, recipients)
    return redirect(url_for("link_batches.show", identity=identity), 303)


@pages.page("/links/tables/<identity>", Role.VIEWER)
def show(identity: str) -> ResponseReturnValue:
    """One table: what will be made of it, or how far it is."""
    with the_hub().database.read() as connection:
        row = link_batches.find_batch(connection, identity)
        counts = link_batches.progress(connection, identity)
        again = link_batches.asked_already(connection, row.lines) if row.state == "checked" else []
    totals: dict[str, int] = {}
    for _, given in row.lines:
        amount = given["amount"]
        totals[amount["currency"]] = totals.get(amount["currency"], 0) + amount["minor"]
    return render_template(
        "link_batch.html",
        row=row,
        counts=counts,
        again=again,
        number=len(row.lines) or row.made,
        totals=[Money(minor, currency).to_json() for currency, minor in sorted(totals.items())],
        shown=_SHOWN,
    )


@pages.page("/links/tables/<identity>/start", Role.EDITOR, method="POST")
def start(identity: str) -> ResponseReturnValue:
    """Make its links."""
    return _done(
        identity, link_batches.start, "links.table.start", "The links are being made. You can leave this page."
    )


@pages.page("/links/tables/<identity>/discard", Role.EDITOR, method="POST")
def discard(identity: str) -> ResponseReturnValue:
    """Throw it away."""
    return _done(identity, link_batches.discard, "links.table.discard", "The table is thrown away. No link was made.")


@pages.page("/links/tables/<identity>/left-out.csv", Role.VIEWER)
def left_out(identity: str) -> ResponseReturnValue:
    """The lines that were left out, each with the reason."""
    with the_hub().database.read() as connection:
        row = link_batches.find_batch(connection, identity)
    return csv_file("left-out.csv", ("line", "reason"), row.wrong)


def _done(identity: str, act: Callable[[Office, str], None], noted: str, said: str) -> ResponseReturnValue:
    hub = the_hub()
    try:
        act(hub.office(request.path), identity)
    except PermanentError as error:
        flash(f"{error.message} {error.remedy}", "danger")
    else:
        hub.store.note(actor(), noted, identity, hub.now())
        flash(said, "success")
    return redirect(url_for("link_batches.show", identity=identity), 303)


def _nobody_takes(recipients: Recipients, connections: list[str]) -> dict[str, str]:
    """What to say when a currency of the table can be taken by none of the gateways; by its largest amount."""
    largest: dict[str, int] = {}
    for _, given in recipients.lines:
        amount = Money.from_json(given["amount"])
        largest[amount.currency] = max(largest.get(amount.currency, 0), amount.minor)
    for currency, minor in sorted(largest.items()):
        wrong = unpayable(Money(minor, currency), connections)
        if wrong:
            return {"table": f"{Money(minor, currency)}: {wrong['amount']}"}
    return {}


def _form(typed: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    query = sa.select(table).where(table.c.state != "discarded").order_by(table.c.created_at.desc()).limit(_NEWEST)
    with the_hub().database.read() as connection:
        rows = connection.execute(query).all()
    return render_template(
        "link_batches.html",
        rows=rows,
        typed=typed,
        wrong=wrong,
        key=form_key(),
        spoken=LANGUAGES,
        gateways=offering("payment.create"),
        chosen=request.form.getlist("connections"),
        columns=COLUMNS,
        most=MOST_LINES,
    )
