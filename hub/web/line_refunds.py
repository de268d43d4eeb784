"""Refunds by the lines of an order, on the pages of the order and of its payment: read, foreseen, done once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from flask import request

from hub.errors import ActionError, PermanentError
from hub.journal.tables import payments
from hub.journal.tables_commerce import order_payments
from hub.journal.tables_work import providers
from hub.money import Money
from hub.payments.refund_lines import Foreseen, foreseen, lines_of_payment
from hub.payments.refunds import APPROVAL
from hub.web.acting import act_once, manifest_of, offered
from hub.web.entries import Pressed, too_long, typed_in
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from hub.jsontypes import Json, JsonObject
    from hub.payments.refunding import OrderLine

DO: Final = "refund_lines"
"""The button that gives the chosen lines back."""

LOOK: Final = "look_lines"
"""The button that says what they come to."""

REFUNDABLE: Final = ("succeeded", "partially_refunded")
LONGEST_REASON: Final = 500
_MOST_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class FormLine:
    """A line with its field. ``back``: what goes back of it by the quantity that was typed; None before that is known."""

    field: str
    line: OrderLine
    vendor: str
    currency: str
    back: Money | None = None

    @property
    def price(self) -> Money:
        """Of one, tax included."""
        return Money(self.line.total // self.line.quantity, self.currency)

    @property
    def total(self) -> Money:
        """Of all that were bought, tax included."""
        return Money(self.line.total, self.currency)

    @property
    def tax(self) -> Money:
        """What of the total is tax."""
        return Money(self.line.tax, self.currency)

    @property
    def refunded(self) -> Money:
        """What went back of it, or is underway."""
        return Money(self.line.refunded, self.currency)


@dataclass(frozen=True, slots=True)
class LineForm:
    """The form of a payment: its lines, and once something was chosen what that comes to and of whom it is taken back."""

    connection: str
    payment: str
    lines: Sequence[FormLine]
    names: Mapping[str, str]
    found: Foreseen | None = None

    @property
    def is_open(self) -> bool:
        """Whether anything is left to give back."""
        return any(one.line.left for one in self.lines)


def taken_for(reference: str) -> sa.Row[Any] | None:
    """The payment that was taken for an order, as the table ``payments`` has it; the first of several."""
    return _taken(order_payments.c.order == reference)


def form_of(connection: str, payment: str, pressed: Pressed) -> tuple[LineForm | None, Pressed]:
    """The form of a payment as it is shown, None when nothing can be given back by line; and what is wrong with it.

    What was typed is reckoned as far as it is right.
    """
    row = _taken(sa.and_(order_payments.c.connection == connection, order_payments.c.payment == payment))
    if row is None:
        return None, pressed
    if pressed.do != DO and (row.state not in REFUNDABLE or not offered(connection, ("payment.refund",))):
        return None, pressed
    form = _form(row)
    if not form.lines:
        return None, pressed
    if pressed.do != DO or any(one.field in pressed.wrong for one in form.lines):
        return form, pressed
    try:
        return _reckoned(form, _asked(form.lines, pressed.typed)), pressed
    except PermanentError as error:
        return form, pressed if not pressed.is_right else _refused(form, pressed, error)


def press_lines(connection: str, payment: str) -> tuple[Pressed, JsonObject | None]:
    """Give back what was chosen, once for the form's key, when its button was pressed; else only say what it comes to.

    Gives what is to be shown again and, when it was done, what ``payments/refund`` gave.
    """
    row = _taken(sa.and_(order_payments.c.connection == connection, order_payments.c.payment == payment))
    if row is None:
        message = f"The payment {payment} was not taken for an order of the hub's."
        error = PermanentError(message, code="wrong_state", remedy="Give it back by amount, on the payment's page.")
        return Pressed(DO, {}, error=error), None
    form = _form(row)
    typed = typed_in([*(one.field for one in form.lines), "reason"])
    wrong = {**too_long(typed, {"reason": LONGEST_REASON}), **_wrong(form.lines, typed)}
    if wrong or request.form.get("do") != DO:
        return Pressed(DO, typed, wrong), None
    asked = _asked(form.lines, typed)
    shown = request.form.get("reckoned", "")
    if shown and shown != _now_comes_to(form, asked):
        message = "It comes to another sum than the one that was shown."
        error = PermanentError(message, code="changed", remedy="Look at what it comes to now, and press again.")
        return Pressed(DO, typed, error=error), None
    given: dict[str, Json] = {"payment": payment, "connection": connection, "lines": list(asked), "actor": actor()}
    if typed["reason"]:
        given["reason"] = typed["reason"]
    try:
        return Pressed(), act_once("payments", "refund", given)
    except ActionError as error:
        return _refused(_form(row), Pressed(DO, typed), error), None


def refund_said(output: JsonObject) -> str:
    """What came of a refund, for the person who pressed the button."""
    if output.get("status") == "needs_approval":
        return "The refund waits until somebody else approves it."
    return "Refunded." if output.get("status") == "issued" else "The gateway takes the refund up."


def _taken(which: sa.ColumnElement[bool]) -> sa.Row[Any] | None:
    same = sa.and_(payments.c.connection == order_payments.c.connection, payments.c.payment == order_payments.c.payment)
    query = sa.select(payments).join(order_payments, same).where(which, order_payments.c.state == "taken")
    query = query.order_by(order_payments.c.created_at, order_payments.c.id).limit(1)
    with the_hub().database.read() as connection:
        return connection.execute(query).first()


def _form(row: sa.Row[Any]) -> LineForm:
    with the_hub().database.read() as connection:
        lines = lines_of_payment(connection, row.connection, row.payment)
        vendors = sorted({one.vendor for one in lines if one.vendor})
        query = sa.select(providers.c.id, providers.c.name).where(providers.c.id.in_(vendors))
        names = {one.id: one.name for one in connection.execute(query)} if vendors else {}
    shown = [FormLine(f"back-{one.position}", one, names.get(one.vendor, one.vendor), row.currency) for one in lines]
    return LineForm(row.connection, row.payment, shown, names)


def _reckoned(form: LineForm, asked: Sequence[JsonObject]) -> LineForm:
    hub, manifest = the_hub(), manifest_of(form.connection)
    if manifest is None:
        return form
    limits = hub.store.fact(APPROVAL)
    with hub.database.read() as connection:
        found = foreseen(connection, form.connection, form.payment, asked, manifest, limits, hub.now())
    lines = [replace(one, back=found.amounts.get(one.line.id)) for one in form.lines]
    return replace(form, lines=lines, found=found)


def _now_comes_to(form: LineForm, asked: Sequence[JsonObject]) -> str:
    """What the form's hidden field says once it was reckoned: as it stands now.

    As it was sent when nothing can be reckoned, such as after the same press before: the refund itself says why, or what
    it gave.
    """
    try:
        found = _reckoned(form, asked).found
    except PermanentError:
        return request.form.get("reckoned", "")
    return str(found.amount.minor) if found is not None else ""


def _asked(lines: Iterable[FormLine], typed: Mapping[str, str]) -> list[JsonObject]:
    """What ``payments/refund`` takes; the fields are right."""
    wanted = [(one, int(typed.get(one.field) or 0)) for one in lines]
    return [{"id": one.line.id, "quantity": quantity} for one, quantity in wanted if quantity]


def _wrong(lines: Sequence[FormLine], typed: Mapping[str, str]) -> dict[str, str]:
    """By field what no state of the payment makes right."""
    wrong = {one.field: _said(one) for one in lines if not _is_up_to(typed[one.field], one.line.quantity)}
    if not wrong and not any(int(typed[one.field] or 0) for one in lines):
        first = next((one for one in lines if one.line.left), lines[0] if lines else None)
        if first is not None:
            wrong[first.field] = "Write at a line how many of it go back."
    return wrong


def _refused(form: LineForm, pressed: Pressed, error: ActionError) -> Pressed:
    """Say at its field that more was asked for than is left of the line; all else of the whole form."""
    over = [one for one in form.lines if not _is_up_to(pressed.typed.get(one.field, ""), one.line.left)]
    if over and error.code in {"amount_exceeds_rest", "bad_input"}:
        return replace(pressed, wrong={one.field: _said(one) for one in over})
    return replace(pressed, error=error)


def _is_up_to(text: str, most: int) -> bool:
    return not text or (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text) <= most)


def _said(one: FormLine) -> str:
    if not one.line.left:
        return "Nothing of this line is left to give back."
    return f"Write a whole number from 0 to {one.line.left}: so many are left to give back."
