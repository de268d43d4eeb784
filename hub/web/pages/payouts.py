"""What is due to providers and how it is paid out: runs by gateways and bank files, payouts that a person decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa
from flask import Response, flash, redirect, render_template, request, url_for

from hub.bank_accounts import ending
from hub.errors import HubError, NotFoundError
from hub.journal.tables_escrow import payout_runs
from hub.journal.tables_escrow import payouts as table
from hub.journal.tables_work import providers
from hub.money import Money
from hub.payments import payouts
from hub.payments.bank_files import SEPA_CURRENCY
from hub.payments.payout_runs import CSV, REST, XML, bank_file, dues, outside_sepa, payout_refusal, provider_names
from hub.web.access import Pages, Role
from hub.web.acting import act_once, form_key, manifest_of
from hub.web.csv_files import csv_file
from hub.web.entries import Pressed, read_amount, too_long, typed_in, wrong_currency
from hub.web.odd_news import odd_among, payout_of
from hub.web.sessions import actor, the_hub
from hub.web.sums import sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json, JsonObject

pages = Pages("payouts", __name__)

STATES: Final = ("queued", "sent", "paid", "failed", "uncertain")
_NEWEST: Final = 100
_LISTED: Final = 200
_EXPORTED: Final = 100_000
_HEADER: Final = ("payout", "run", "provider", "name", "by", "state", "currency", "amount", "reference", "reason",
                  "begun")  # fmt: skip
_TYPED: Final = ("way", "provider", "currency", "minimum")
_LONGEST: Final[Mapping[str, int]] = {"provider": 255}
_NAMED: Final = 10
"""So many who are not paid are named in one message."""
_FILES: Final[Mapping[str, tuple[str, str]]] = {
    XML: ("application/xml", "{number}.xml"),
    CSV: ("text/csv", "{number}.csv"),
    REST: ("text/csv", "{number}-others.csv"),
}
"""Kind of a run's file -> its type, and the end of its name."""


@pages.page("/payouts", Role.VIEWER)
def index() -> ResponseReturnValue:
    """What is due, the newest runs, and the payouts that wait for a person."""
    return _page(Pressed())


@pages.page("/payouts", Role.EDITOR, method="POST")
def pay() -> ResponseReturnValue:
    """Pay out what is due. The form's key makes a double click one run."""
    typed = typed_in(_TYPED)
    given, wrong = _given(typed)
    if wrong:
        return _page(Pressed("pay", typed, wrong)), 422
    try:
        output = act_once("payments", "pay_due", given)
    except HubError as error:
        return _page(Pressed("pay", typed, error=error)), 422
    runs = cast("list[JsonObject]", output["runs"])
    skipped = cast("list[JsonObject]", output["skipped"])
    if skipped:
        flash(_left(skipped), "warning")
    if not runs:
        flash("Nothing can be paid out now.", "warning")
        return redirect(url_for("payouts.index"), 303)
    count = sum(cast("int", run["count"]) for run in runs)
    flash("One payout is on its way." if count == 1 else f"{count:,} payouts are on their way.", "success")
    return redirect(url_for("payouts.show", run=str(runs[0]["run"])), 303)


def _left(skipped: Sequence[JsonObject]) -> str:
    """Who is not paid now, and why."""
    with the_hub().database.read() as connection:
        names = provider_names(connection, [str(one["provider"]) for one in skipped])
    said = [f"{names.get(str(one['provider']), one['provider'])}: {one['reason']}" for one in skipped[:_NAMED]]
    more = f" And {len(skipped) - _NAMED:,} more." if len(skipped) > _NAMED else ""
    return f"Not paid now. {' '.join(said)}{more} Their accounts are kept under Work, Providers."


@pages.page("/payouts/all", Role.VIEWER)
def every() -> ResponseReturnValue:
    """The newest payouts that fit, and what they come to in each currency."""
    asked, where = _wanted()
    paid = sa.case((table.c.state == "paid", table.c.amount), else_=0)
    with the_hub().database.read() as connection:
        in_all = sums(connection, table.c.currency, table.c.amount, paid, where)
    rows = _newest(where, _LISTED)
    return render_template(
        "payouts_all.html",
        rows=rows,
        in_all=in_all,
        odd=odd_among(rows, payout_of),
        asked=asked,
        states=STATES,
        most=_LISTED,
    )


@pages.page("/payouts.csv", Role.VIEWER)
def export() -> ResponseReturnValue:
    """The payouts that fit, as a file."""
    return csv_file("payouts.csv", _HEADER, _exported(_wanted()[1]))


@pages.page("/payouts/runs/<run>", Role.VIEWER)
def show(run: str) -> ResponseReturnValue:
    """One run with its payouts."""
    row = _run(run)
    with the_hub().database.read() as connection:
        rows = connection.execute(sa.select(table).where(table.c.run == run).order_by(table.c.provider)).all()
        names = provider_names(connection, {one.provider for one in rows})
    in_euros = not row.connection and row.currency == SEPA_CURRENCY
    outside = outside_sepa(rows) if in_euros else {}
    mixed = 0 < len(outside) < len(rows)
    return render_template(
        "payout_run.html", row=row, rows=rows, names=names, outside=outside, mixed=mixed, ending=ending,
        odd=odd_among(rows, payout_of),
    )  # fmt: skip


@pages.page("/payouts/runs/<run>/file.<kind>", Role.EDITOR, method="POST")
def download(run: str, kind: str) -> ResponseReturnValue:
    """The run as a file for the bank; from then on its payouts are sent."""
    row = _run(run)
    if kind not in _FILES:
        message = f"There is no file of the kind {kind!r}."
        raise NotFoundError(message, remedy="Take xml, csv or rest.")
    try:
        content = bank_file(the_hub().office(f"bank file {run}"), run, kind)
    except HubError as error:
        flash(str(error), "danger")
        return redirect(url_for("payouts.show", run=run), 303)
    the_hub().store.note(actor(), "payouts.file", run, the_hub().now(), {"kind": kind})
    mimetype, name = _FILES[kind]
    answer = Response(content, mimetype=mimetype)
    answer.headers["Content-Disposition"] = f'attachment; filename="payouts-{name.format(number=row.number)}"'
    return answer


@pages.page("/payouts/<payout>/mark", Role.EDITOR, method="POST")
def mark(payout: str) -> ResponseReturnValue:
    """A person says what became of a payout: it was paid, it failed, or, where nobody knew, it is to be sent again."""
    state = request.form.get("state", "")
    try:
        row = payouts.mark(the_hub().office("mark"), payout, state, request.form.get("reason", "").strip())
    except HubError as error:
        flash(str(error), "danger")
        return redirect(url_for("payouts.index"), 303)
    the_hub().store.note(actor(), "payout.mark", payout, the_hub().now(), {"state": state})
    flash({"paid": "Noted as paid.", "failed": "It is due again."}.get(state, "It is sent again."), "success")
    return redirect(url_for("payouts.show", run=row.run) if row.run else url_for("payouts.index"), 303)


def _wanted() -> tuple[dict[str, str], list[sa.ColumnElement[bool]]]:
    asked = {name: request.args.get(name, "").strip() for name in ("state", "text")}
    where = [table.c.state == asked["state"]] if asked["state"] else []
    if asked["text"]:
        named = sa.select(providers.c.id).where(
            sa.or_(
                *(
                    sa.func.lower(one).contains(asked["text"].lower(), autoescape=True)
                    for one in (providers.c.name, providers.c.email)
                )
            )
        )
        own = (table.c[name] == asked["text"] for name in ("id", "run", "provider", "connection", "reference"))
        where.append(sa.or_(*own, table.c.provider.in_(named)))
    return asked, where


def _newest(where: Sequence[sa.ColumnElement[bool]], most: int) -> Sequence[sa.Row[Any]]:
    """The newest payouts, each with its provider's ``name``, where it is a provider of ours."""
    whose = sa.select(table, providers.c.name).outerjoin(providers, providers.c.id == table.c.provider)
    query = whose.where(*where).order_by(table.c.created_at.desc(), table.c.id).limit(most)
    with the_hub().database.read() as connection:
        return connection.execute(query).all()


def _exported(where: Sequence[sa.ColumnElement[bool]]) -> Iterator[Sequence[object]]:
    for row in _newest(where, _EXPORTED):
        amount = Money(row.amount, row.currency).to_decimal_text()
        about = (row.id, row.run, row.provider, row.name, row.connection or "bank", row.state, row.currency, amount)
        yield *about, row.reference, row.reason, row.created_at.isoformat()


def _given(typed: Mapping[str, str]) -> tuple[JsonObject, dict[str, str]]:
    """The input of ``payments/pay_due``, and by field what is wrong with what was typed."""
    wrong = {**too_long(typed, _LONGEST), **wrong_currency(typed["currency"])}
    if typed["way"] and typed["way"] not in {"bank", *_ways()}:
        wrong["way"] = "Choose one of these."
    given: dict[str, Json] = {"actor": actor()}
    if typed["way"] == "bank":
        given["bank"] = True
    elif typed["way"]:
        given["connection"] = typed["way"]
    if typed["provider"]:
        given["provider"] = typed["provider"]
    if typed["currency"]:
        given["currency"] = typed["currency"].upper()
    if typed["minimum"] and not typed["currency"]:
        wrong["currency"] = "Write in which currency the amount is, such as EUR."
    minimum = (
        read_amount(typed["minimum"], typed["currency"].upper() or "EUR", wrong, "minimum")
        if typed["minimum"]
        else None
    )
    if minimum is not None:
        given["minimum"] = minimum.to_json()
    return given, wrong


def _page(pressed: Pressed) -> str:
    hub = the_hub()
    newest = sa.select(payout_runs).order_by(payout_runs.c.number.desc()).limit(_NEWEST)
    waiting = sa.select(table).where(table.c.state == "uncertain").order_by(table.c.created_at).limit(_NEWEST)
    trouble = sa.select(table).where(table.c.state == "failed").order_by(table.c.updated_at.desc()).limit(20)
    with hub.database.read() as connection:
        doubtful, failed_lately = connection.execute(waiting).all(), connection.execute(trouble).all()
        return render_template(
            "payouts.html",
            dues=dues(connection, hub.now()),
            runs=connection.execute(newest).all(),
            uncertain=doubtful,
            trouble=failed_lately,
            names=provider_names(connection, {one.provider for one in (*doubtful, *failed_lately)}),
            ways=_ways(),
            key=form_key(),
            pressed=pressed,
        )


def _ways() -> list[str]:
    """The connections whose gateway pays out."""
    found = []
    for row in the_hub().store.connections():
        manifest = manifest_of(row.name) if row.enabled else None
        if manifest is not None and not payout_refusal(manifest):
            found.append(row.name)
    return sorted(found)


def _run(run: str) -> sa.Row[Any]:
    with the_hub().database.read() as connection:
        row = connection.execute(sa.select(payout_runs).where(payout_runs.c.id == run)).one_or_none()
    if row is None:
        message = f"There is no payout run {run!r}."
        raise NotFoundError(message, remedy="The page Payouts lists them.")
    return row
