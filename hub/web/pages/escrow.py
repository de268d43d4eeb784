"""Money that is held: the list, one hold with all that was done with it, and releasing, freezing, settling it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for

from hub.commerce.numbers import as_number
from hub.engine.unreturned import unreturned
from hub.errors import ActionError, HubError, MoneyError, NotFoundError
from hub.journal.queries import EventFilter
from hub.journal.tables_commerce import orders
from hub.journal.tables_escrow import divisions
from hub.journal.tables_escrow import holds as table
from hub.journal.tables_work import jobs, providers
from hub.money import Money
from hub.payments import dividing
from hub.payments.histories import HOLD, Thing
from hub.payments.holds import OPEN, RETURN_WARNING, STATES, WARNING, Hold
from hub.payments.payout_runs import provider_names
from hub.web.access import Pages, Role
from hub.web.acting import act_once, form_key
from hub.web.csv_files import csv_file
from hub.web.entries import Pressed, button_of, read_amount, read_percent, read_whole, too_long, typed_in
from hub.web.odd_news import odd_among, odd_of
from hub.web.owners import owners_of
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json, JsonObject

pages = Pages("escrow", __name__)

_NEWEST: Final = 200
_EXPORTED: Final = 100_000
_HEADER: Final = ("hold", "connection", "payment", "owner", "state", "mode", "currency", "amount", "left", "lapses",
                  "begun")  # fmt: skip
_SAID: Final[Mapping[str, str]] = {
    "release": "Released.",
    "plan": "It is released by itself when nobody objects by then.",
    "freeze": "Frozen: nothing is released until it is settled or let go on.",
    "unfreeze": "It may be released again.",
    "settle": "Settled.",
    "cancel": "All of it goes back to the payer.",
    "collect": "The money is taken, and stays held.",
}
_TYPED: Final = ("amount", "percent", "days", "reason", "provider", "parts")
_ABOUT: Final[Mapping[tuple[str, str], str]] = {
    **{(do, code): "amount" for do in ("release", "plan") for code in ("amount_exceeds_rest", "amount_too_small")},
    **{("settle", code): "parts" for code in ("amount_exceeds_rest", "amount_too_small", "bad_input")},
}
"""The field at which a refusal is said, by button and code."""

_LONGEST: Final[Mapping[str, int]] = {"reason": 500, "provider": 255, "parts": 10_000}
_MOST_DAYS: Final = 365
_POSSIBLE: Final[Mapping[str, frozenset[str]]] = {
    "requested": frozenset({"cancel"}),
    "held": frozenset({"release", "plan", "freeze", "settle", "cancel", "collect"}),
    "frozen": frozenset({"unfreeze", "settle", "cancel"}),
}
"""What can be done in a state; nothing in the others."""


@pages.page("/escrow", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The newest holds that fit, and what is held in each currency."""
    asked, where = _wanted()
    rows = _newest(where, _NEWEST)
    with the_hub().database.read() as connection:
        owners = owners_of(connection, [row.owner for row in rows])
        resting = connection.execute(sa.select(table.c.terms).where(table.c.state.in_(sorted(OPEN)))).scalars().all()
    held: dict[str, int] = {}
    for known in map(Hold.from_json, resting):
        held[known.currency] = held.get(known.currency, 0) + known.left
    return render_template(
        "escrow.html",
        rows=[(row, Hold.from_json(row.terms), owners.get(row.owner)) for row in rows],
        held=[Money(minor, currency).to_json() for currency, minor in sorted(held.items())],
        odd=odd_among(rows, lambda row: Thing(HOLD, row.connection, row.id)),
        asked=asked,
        states=STATES,
        most=_NEWEST,
    )


@pages.page("/escrow.csv", Role.VIEWER)
def export() -> ResponseReturnValue:
    """The holds that fit, as a file."""
    return csv_file("escrow.csv", _HEADER, _exported(_wanted()[1]))


def _wanted() -> tuple[dict[str, str], list[sa.ColumnElement[bool]]]:
    asked = {name: request.args.get(name, "").strip() for name in ("state", "text")}
    where = [table.c.state == asked["state"]] if asked["state"] else []
    if asked["text"]:
        where.append(
            sa.or_(*(table.c[name] == asked["text"] for name in ("id", "payment", "owner")), _called(asked["text"]))
        )
    return asked, where


def _called(text: str) -> sa.ColumnElement[bool]:
    """Whether the job that money is held for has this title, or the job or order this number."""
    number = as_number(text)
    found = [sa.select(jobs.c.id).where(sa.or_(jobs.c.title == text, jobs.c.number == number))]
    if number is not None:
        found.append(sa.select(orders.c.id).where(orders.c.number == number))
    return table.c.owner.in_(sa.union_all(*found))


def _newest(where: Sequence[sa.ColumnElement[bool]], most: int) -> Sequence[sa.Row[Any]]:
    query = sa.select(table).where(*where).order_by(table.c.created_at.desc(), table.c.id).limit(most)
    with the_hub().database.read() as connection:
        return connection.execute(query).all()


def _exported(where: Sequence[sa.ColumnElement[bool]]) -> Iterator[Sequence[object]]:
    for row in _newest(where, _EXPORTED):
        known = Hold.from_json(row.terms)
        amounts = [one.to_decimal_text() for one in (Money(row.amount, row.currency), known.rest)]
        lapses_at = known.lapses_at.isoformat() if known.lapses_at else None
        about = (row.id, row.connection, row.payment, row.owner, row.state, row.mode, row.currency)
        yield *about, *amounts, lapses_at, row.created_at.isoformat()


@pages.page("/escrow/<hold>", Role.VIEWER)
def show(hold: str) -> ResponseReturnValue:
    """One hold: how it stands, who got what, what can be done."""
    return _page(hold, Pressed())


@pages.page("/escrow/<hold>", Role.EDITOR, method="POST")
def act(hold: str) -> ResponseReturnValue:
    """Release, freeze, settle it, or give it back. The form's key makes a double click one act."""
    do = request.form.get("do", "")
    if do == "decide":
        happened = button_of("happened", ("yes", "no")) == "yes"
        try:
            dividing.decide(the_hub().office("decide"), request.form.get("division", ""), happened=happened)
        except HubError as error:
            return _page(hold, Pressed(do, error=error)), 422
        the_hub().store.note(actor(), "hold.decide", hold, the_hub().now(), {"happened": happened})
        flash("Noted; it goes on within seconds.", "success")
        return redirect(url_for("escrow.show", hold=hold), 303)
    if do not in _SAID:
        message = "This button is not known."
        return _page(hold, Pressed(do, error=ActionError(message, remedy="Load the page again."))), 422
    typed = typed_in(_TYPED, ("parts",))
    given, wrong = _given(_row(hold), do, typed)
    if wrong:
        return _page(hold, Pressed(do, typed, wrong)), 422
    try:
        act_once("payments", "release" if do == "plan" else do, given)
    except ActionError as error:
        return _page(hold, _refused(do, typed, error)), 422
    flash(_SAID[do], "success")
    return redirect(url_for("escrow.show", hold=hold), 303)


def _refused(do: str, typed: Mapping[str, str], error: ActionError) -> Pressed:
    """The refusal at the amounts that were typed where it is about them, else above the page's forms."""
    field = _ABOUT.get((do, error.code))
    return Pressed(do, typed, {field: str(error)}) if field else Pressed(do, typed, error=error)


def _given(row: sa.Row[Any], do: str, typed: Mapping[str, str]) -> tuple[JsonObject, dict[str, str]]:
    """The input of a button's action, and by field what is wrong with what was typed."""
    wrong = too_long(typed, _LONGEST)
    given: dict[str, Json] = {"hold": row.id}
    if typed["reason"]:
        given["reason"] = typed["reason"]
    if do in {"release", "plan"}:
        if typed["provider"]:
            given["provider"] = typed["provider"]
        else:
            wrong["provider"] = "Say who gets it."
        if typed["percent"] and read_percent(typed["percent"], wrong):
            given["commission"] = {"percent": typed["percent"]}
        if typed["amount"] and (amount := read_amount(typed["amount"], row.currency, wrong)):
            given["amount"] = amount.to_json()
            if amount.minor <= 0:
                wrong["amount"] = "Leave it empty for all that is held, or write an amount above zero."
    if do == "plan":
        given["after_days"] = read_whole(typed["days"], 1, _MOST_DAYS, wrong, "days")
    if do == "settle":
        try:
            given["parts"] = read_parts(typed["parts"], row.currency)
        except MoneyError as error:
            wrong["parts"] = str(error)
    return given, wrong


def read_parts(text: str, currency: str) -> list[Json]:
    """Lines like ``prv_ada 64.80 + 7.20`` (their share, our commission) and ``payer 48.00``. Raises ``MoneyError``."""
    parts: list[Json] = []
    for number, line in enumerate((one.strip() for one in text.splitlines()), start=1):
        if not line:
            continue
        who, _, rest = line.partition(" ")
        share, _, commission = rest.partition("+")
        if not rest.strip():
            message = f"Line {number}: {line[:60]!r} says no amount."
            raise MoneyError(message, remedy="Write who and how much, such as: payer 48.00")
        part: dict[str, Json] = {"amount": _in_line(number, share.strip(), currency)}
        part["customer" if who == "payer" else "provider"] = who
        if commission.strip():
            part["commission"] = _in_line(number, commission.strip(), currency)
        parts.append(part)
    if not parts:
        message = "Nobody is named who gets anything."
        raise MoneyError(message, remedy="Write a line for each, such as: payer 48.00")
    return parts


def _in_line(number: int, text: str, currency: str) -> JsonObject:
    """The amount in a line (from 1), as JSON. Raises ``MoneyError`` that names the line."""
    try:
        return Money.parse(text, currency).to_json()
    except MoneyError as error:
        raise MoneyError(f"Line {number}: {error.message}", code=error.code, remedy=error.remedy) from error


def _page(hold: str, pressed: Pressed) -> str:
    row, hub = _row(hold), the_hub()
    known = Hold.from_json(row.terms)
    done = sa.select(divisions).where(divisions.c.hold == hold).order_by(divisions.c.created_at.desc())
    active = (
        sa.select(providers.c.id, providers.c.name).where(providers.c.state == "approved").order_by(providers.c.name)
    )
    with hub.database.read() as connection:
        made: Sequence[sa.Row[Any]] = connection.execute(done).all()
        known_providers = connection.execute(active.limit(500)).all()
        names = provider_names(connection, _named(row, made))
        owner = owners_of(connection, [row.owner]).get(row.owner)
    return render_template(
        "hold.html",
        row=row,
        known=known,
        oddities=odd_of(HOLD, row.connection, row.id),
        divisions=made,
        providers=known_providers,
        names=names,
        owner=owner,
        lapses_soon=known.state in OPEN and known.lapses_at is not None and known.lapses_at - hub.now() < WARNING,
        refund_closes=_refund_closes(known),
        possible=_POSSIBLE.get(row.state, frozenset()),
        told=hub.queries.events(EventFilter(type="escrow.*", text=hold), limit=100).items,
        unreturned=unreturned(hub, hold),
        key=form_key(),
        pressed=pressed,
    )


def _refund_closes(known: Hold) -> str:
    """How near the end is of the days in which the gateway gives the money back: ``soon``, ``past``, or empty."""
    until, now = known.refundable_until, the_hub().now()
    if known.state not in OPEN or until is None or until - now > RETURN_WARNING:
        return ""
    return "soon" if until > now else "past"


def _named(row: sa.Row[Any], made: Sequence[sa.Row[Any]]) -> set[str]:
    """The providers that a hold's page names."""
    planned = (row.plan or {}).get("provider")
    return {part["provider"] for one in made for part in one.parts if "provider" in part} | (
        {planned} if planned else set()
    )


def _row(hold: str) -> sa.Row[Any]:
    with the_hub().database.read() as connection:
        row = connection.execute(sa.select(table).where(table.c.id == hold)).one_or_none()
    if row is None:
        message = f"There is no hold {hold!r}."
        raise NotFoundError(message, remedy="The page Escrow lists them.")
    return row
