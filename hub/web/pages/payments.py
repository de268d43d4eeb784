"""Payments as their events tell them: the list, one payment with all that happened to it, and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for

from hub.engine.unreturned import unreturned
from hub.errors import ActionError, NotFoundError
from hub.journal.queries import EventFilter
from hub.journal.tables import payments as table
from hub.journal.tables_commerce import orders
from hub.money import Money
from hub.payments.exchanges import debited
from hub.payments.payment import Facts
from hub.payments.receipts import KINDS, PAGE, number_of, receipts_of
from hub.payments.store import PAID
from hub.phrases import LANGUAGES
from hub.web.access import Pages, Role
from hub.web.acting import act_once, form_key, gateways, offered
from hub.web.csv_files import csv_file
from hub.web.entries import Pressed, read_amount, too_long, typed_in
from hub.web.line_refunds import DO, LOOK, REFUNDABLE, form_of, press_lines, refund_said
from hub.web.payment_line import line_of
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json, JsonObject

pages = Pages("payments", __name__)

STATES = (
    *("created", "pending", "authorized", "succeeded", "partially_refunded", "refunded"),
    *("failed", "expired", "voided", "disputed", "returned"),
)
_SPOKEN = {"": "As the payer was spoken to", **LANGUAGES}
_RECEIPT = ("kind", "language", "purpose")
_LONGEST = {"reason": 500, "purpose": 500}
_NEWEST = 200
_SEARCHED = 500
_EXPORTED = 100_000
_HEADER = ("connection", "payment", "state", "currency", "amount", "refunded", "fee", "fee_currency", "credited",
           "credited_currency", "taken_for_refunds", "taken_currency", "payer", "order", "invoice", "link", "subscription",
           "job", "begun", "changed")  # fmt: skip


@pages.page("/payments", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The newest payments that fit, and what they come to in each currency."""
    where, asked = _wanted()
    return render_template(
        "payments.html",
        rows=[(row, Facts.from_json(row.facts)) for row in the_hub().payments.store.list(table, *where, limit=_NEWEST)],
        totals=the_hub().payments.store.totals(*where),
        asked=asked,
        states=STATES,
        connections=gateways(),
        most=_NEWEST,
    )


@pages.page("/payments.csv", Role.VIEWER)
def export() -> ResponseReturnValue:
    """The payments that fit, as a file."""
    where, _ = _wanted()
    return csv_file("payments.csv", _HEADER, _exported(where))


@pages.page("/payments/<connection>/<path:payment>", Role.VIEWER)
def show(connection: str, payment: str) -> ResponseReturnValue:
    """One payment: how it stands, all that happened, and what can be done."""
    return _page(_row(connection, payment), Pressed())


@pages.page("/payments/<connection>/<path:payment>", Role.EDITOR, method="POST")
def act(connection: str, payment: str) -> ResponseReturnValue:
    """Capture, let go, refund or number a receipt. The form's key makes a double click one act."""
    row = _row(connection, payment)
    do = request.form.get("do", "")
    if do in {DO, LOOK}:
        return _by_lines(row)
    if do not in _offered(row):
        message = f"{do or 'This'} cannot be done with a payment that is {row.state.replace('_', ' ')}."
        flash(message, "danger")
        return redirect(url_for("payments.show", connection=connection, payment=payment), 303)
    typed = typed_in(("amount", "reason", *_RECEIPT))
    wrong = too_long(typed, _LONGEST)
    given: dict[str, Json] = {"payment": payment}
    if do == "receipt":
        given |= {name: typed[name] for name in _RECEIPT if typed[name]}
        wrong |= _not_offered(typed)
    if (
        do in {"capture", "refund"}
        and typed["amount"]
        and (amount := read_amount(typed["amount"], row.currency, wrong))
    ):
        given["amount"] = amount.to_json()
        if amount.minor <= 0:
            wrong["amount"] = "Leave it empty for all of it, or write an amount above zero."
    if do in {"void", "refund"} and typed["reason"]:
        given["reason"] = typed["reason"]
    if wrong:
        return _page(row, Pressed(do, typed, wrong)), 422
    try:
        said = _done(connection, do, given)
    except ActionError as error:
        return _page(row, Pressed(do, typed, error=error)), 422
    flash(said, "success")
    return redirect(url_for("payments.show", connection=connection, payment=payment), 303)


def _not_offered(typed: Mapping[str, str]) -> dict[str, str]:
    """What to say at each list of the receipt's form of which something else was chosen than it offers."""
    offers = {"kind": KINDS, "language": _SPOKEN}
    return {name: "Choose one of these." for name, known in offers.items() if typed[name] not in known}


def _by_lines(row: sa.Row[Any]) -> ResponseReturnValue:
    """Refund lines of the payment's order, or say what they come to."""
    pressed, output = press_lines(row.connection, row.payment)
    if output is None:
        return _page(row, pressed), 200 if pressed.is_right else 422
    flash(refund_said(output), "success")
    return redirect(url_for("payments.show", connection=row.connection, payment=row.payment), 303)


def _done(connection: str, do: str, given: JsonObject) -> str:
    """Do it and say what came of it. Raises like an action."""
    if do == "refund":
        return refund_said(act_once("payments", "refund", {**given, "connection": connection, "actor": actor()}))
    if do == "receipt":
        output = act_once("payments", "receipt", {**given, "connection": connection})
        return f"The receipt has the number {output['number']}."
    the_hub().payments.tell(connection, act_once(connection, f"payment.{do}", given), {})
    return "Taken." if do == "capture" else "Let go: the payer's bank frees the amount."


def _offered(row: sa.Row[Any]) -> frozenset[str]:
    """What can be done with a payment in its state: by its gateway, as far as that offers it, and by the hub."""
    wanted = {"capture": row.state == "authorized", "void": row.state in {"authorized", "created", "pending"},
              "refund": row.state in REFUNDABLE}  # fmt: skip
    there = offered(row.connection, [f"payment.{name}" for name, fits in wanted.items() if fits])
    own = ("receipt",) if row.state in PAID else ()
    return frozenset((*own, *(name.removeprefix("payment.") for name in there)))


def _page(row: sa.Row[Any], pressed: Pressed) -> str:
    facts = Facts.from_json(row.facts)
    paid = facts.paid if row.currency else None
    line_form, pressed = form_of(row.connection, row.payment, pressed)
    with the_hub().database.read() as connection:
        made = receipts_of(connection, [(row.connection, row.payment)])
        order_here = connection.scalar(sa.select(orders.c.id).where(orders.c.id == facts.value("order")))
    return render_template(
        "payment.html",
        row=row,
        facts=facts,
        order_here=order_here,
        line=line_of(the_hub(), row.payment),
        offered=_offered(row),
        unreturned=unreturned(the_hub(), payment=(row.connection, row.payment)),
        rest=Money(paid - row.refunded, row.currency) if paid is not None else None,
        receipts=[(one.id, number_of(one), the_hub().pages.page(PAGE, one.id)) for one in made],
        kinds=[(one, one.capitalize()) for one in KINDS],
        languages=list(_SPOKEN.items()),
        key=form_key(),
        line_form=line_form,
        pressed=pressed,
    )


def _row(connection: str, payment: str) -> sa.Row[Any]:
    row = the_hub().payments.store.payment(connection, payment)
    if row is None:
        message = f"Nothing was told of a payment {payment!r} of {connection}."
        raise NotFoundError(message, remedy="The page Payments lists those that are known.")
    return row


def _wanted() -> tuple[list[sa.ColumnElement[bool]], dict[str, str]]:
    """What the reader asks for. ``payment`` is searched in numbers, mail addresses and names."""
    asked = {name: request.args.get(name, "").strip() for name in ("state", "connection", "payment")}
    where: list[sa.ColumnElement[bool]] = [
        table.c[name] == asked[name] for name in ("state", "connection") if asked[name]
    ]
    if asked["payment"]:
        found = the_hub().queries.events(EventFilter(type="payment.*", text=asked["payment"]), limit=_SEARCHED).items
        named = {event.subject for event in found if event.subject} | {asked["payment"]}
        where.append(table.c.payment.in_(sorted(named)))
    return where, asked


def _exported_money(value: Json) -> tuple[str | None, str | None]:
    """An amount and its currency: what the gateway keeps and credits may be in another one than the payment."""
    if value is None:
        return None, None
    money = Money.from_json(value)
    return money.to_decimal_text(), money.currency


def _exported_debit(facts: Facts) -> tuple[str | None, str | None]:
    """What the gateway took for refunds in another currency; in more than one there is no sum of it."""
    taken = [Money(minor, currency).to_json() for currency, minor in debited(facts).items()]
    return _exported_money(taken[0] if len(taken) == 1 else None)


def _exported(where: Sequence[sa.ColumnElement[bool]]) -> Iterator[Sequence[object]]:
    query = sa.select(table).where(*where).order_by(table.c.created_at.desc()).limit(_EXPORTED)
    with the_hub().database.read() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        facts = Facts.from_json(row.facts)
        customer = facts.value("customer")
        payer = customer.get("email") or customer.get("name") if isinstance(customer, dict) else None
        amounts = [Money(minor, row.currency).to_decimal_text() if row.currency and minor is not None else None
                   for minor in (row.amount, row.refunded)]  # fmt: skip
        yield (
            row.connection, row.payment, row.state, row.currency, *amounts,
            *_exported_money(facts.value("fee")), *_exported_money(facts.value("settled")), *_exported_debit(facts), payer,
            *(facts.value(name) for name in ("order", "invoice", "link", "subscription", "job")),
            row.begun.isoformat(), row.updated_at.isoformat(),
        )  # fmt: skip
