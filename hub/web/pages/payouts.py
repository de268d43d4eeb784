"""What is due to providers and how it is paid out: runs by gateways and bank files, payouts that a person decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa
from flask import Response, flash, redirect, render_template, request, url_for

from hub.errors import HubError, NotFoundError
from hub.journal.tables_escrow import payout_runs
from hub.journal.tables_escrow import payouts as table
from hub.payments import payouts
from hub.payments.payout_runs import bank_file, dues, payout_refusal
from hub.web.access import Pages, Role
from hub.web.acting import act_once, form_key, manifest_of
from hub.web.entries import Pressed, read_amount, too_long, typed_in, wrong_currency
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json, JsonObject

pages = Pages("payouts", __name__)

_NEWEST: Final = 100
_TYPED: Final = ("way", "provider", "currency", "minimum")
_LONGEST: Final[Mapping[str, int]] = {"provider": 255}
_FILES: Final[Mapping[str, str]] = {"xml": "application/xml", "csv": "text/csv"}


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
    if not runs:
        why = f" {skipped[0]['reason']}" if skipped else ""
        flash(f"Nothing can be paid out now.{why}", "warning")
        return redirect(url_for("payouts.index"), 303)
    left = f" {len(skipped)} cannot be paid now; the list below says why." if skipped else ""
    flash(f"{sum(cast('int', run['count']) for run in runs)} payouts are on their way.{left}", "success")
    return redirect(url_for("payouts.show", run=str(runs[0]["run"])), 303)


@pages.page("/payouts/runs/<run>", Role.VIEWER)
def show(run: str) -> ResponseReturnValue:
    """One run with its payouts."""
    row = _run(run)
    with the_hub().database.read() as connection:
        rows = connection.execute(sa.select(table).where(table.c.run == run).order_by(table.c.provider)).all()
    return render_template("payout_run.html", row=row, rows=rows)


@pages.page("/payouts/runs/<run>/file.<kind>", Role.EDITOR, method="POST")
def download(run: str, kind: str) -> ResponseReturnValue:
    """The run as a file for the bank; from then on its payouts are sent."""
    row = _run(run)
    if kind not in _FILES:
        message = f"There is no file of the kind {kind!r}."
        raise NotFoundError(message, remedy="Take xml or csv.")
    try:
        content = bank_file(the_hub().office(f"bank file {run}"), run, kind)
    except HubError as error:
        flash(str(error), "danger")
        return redirect(url_for("payouts.show", run=run), 303)
    the_hub().store.note(actor(), "payouts.file", run, the_hub().now(), {"kind": kind})
    answer = Response(content, mimetype=_FILES[kind])
    answer.headers["Content-Disposition"] = f'attachment; filename="payouts-{row.number}.{kind}"'
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
        return render_template(
            "payouts.html",
            dues=dues(connection, hub.now()),
            runs=connection.execute(newest).all(),
            uncertain=connection.execute(waiting).all(),
            trouble=connection.execute(trouble).all(),
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
