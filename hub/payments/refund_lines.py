"""The lines of a payment's order as refunds see them: what is left of each, and what giving some of them back comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from hub.errors import PermanentError
from hub.journal.tables_commerce import order_lines, order_payments
from hub.journal.tables_ledger import refund_requests
from hub.money import Money
from hub.payments.accounting import accounts
from hub.payments.refund_reading import UNDERWAY, of_payment, with_underway
from hub.payments.refunding import OrderLine, by_lines, checked, given_up, parts_of, waits, with_refund

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from hub.connect.manifest import Manifest
    from hub.jsontypes import Json, JsonObject
    from hub.payments.division import Share
    from hub.payments.postings import Account

    Row = sa.Row[Any]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a refund by lines would give back, and of whom it would be taken back.

    ``amounts``: a line's id -> what goes back of it. ``tax``: what of the sum is tax. ``own``: what of it is for the
    platform's own goods, or was divided among nobody yet. ``waits``: whether somebody else has to approve it.
    """

    amounts: Mapping[str, Money]
    amount: Money
    tax: Money
    shares: Sequence[Share]
    own: Money
    waits: bool


def lines_of_account(connection: sa.Connection, account: Account, earlier: Iterable[Row]) -> Sequence[OrderLine]:
    """The lines of the payment's order, with what the payment's refunds ``earlier`` gave back of each.

    Of an order that was paid by several payments, what went back of the others counts too.
    """
    order = account.facts.value("order")
    if not order:
        return []
    gone: dict[str, int] = {}
    rows = [*earlier, *_of_others(connection, account, str(order))]
    for line in (line for row in rows for line in cast("Sequence[JsonObject]", row.lines)):
        total = cast("JsonObject", line["total"])
        gone[str(line.get("id"))] = gone.get(str(line.get("id")), 0) + cast("int", total["minor"])
    query = sa.select(order_lines).where(order_lines.c.order == str(order)).order_by(order_lines.c.position)
    return [
        OrderLine(
            row.id,
            row.position,
            row.item or "",
            row.title,
            row.vendor or "",
            row.quantity,
            row.total,
            gone.get(row.id, 0),
            row.tax,
        )
        for row in connection.execute(query)
    ]


def lines_of_payment(connection: sa.Connection, gateway: str, payment: str) -> Sequence[OrderLine]:
    """The same of a payment at a gateway; none when it brought nothing in or belongs to no order with lines."""
    found = _known(connection, gateway, payment)
    return [] if found is None else found[1]


def foreseen(  # noqa: PLR0913 (the payment, what is asked, and what the refund is held to)
    connection: sa.Connection,
    gateway: str,
    payment: str,
    asked: Sequence[JsonObject],
    manifest: Manifest,
    limits: Json,
    now: datetime,
) -> Foreseen:
    """What ``payments/refund`` would do with these lines; nothing is changed.

    ``limits`` is the setting of the amounts above which a person agrees. Raises ``PermanentError`` as the refund would.
    """
    known = _known(connection, gateway, payment)
    if known is None:
        message = f"The payment {payment} at {gateway} has not brought any money in."
        raise PermanentError(message, code="wrong_state", remedy="Do this when payment.succeeded was told.")
    account, of_order = known
    lines = by_lines(asked, of_order, account.currency)
    amounts = {str(line["id"]): Money.from_json(line["total"]) for line in lines}
    total = Money.total(amounts.values(), account.currency)
    amount = checked(account, total, manifest.capabilities["refund"].limits, manifest.title, now)
    parts = parts_of(account, amount, lines)
    shares = given_up(account, with_refund(account, "foreseen", amount.minor, parts))
    taxes = [_tax(line, amounts[line.id]) for line in of_order if line.id in amounts]
    return Foreseen(
        amounts,
        amount,
        Money.total(taxes, account.currency),
        shares,
        amount - Money(sum(share.whole for share in shares), account.currency),
        waits(amount.minor + sum(account.facts.refunds.values()), account.currency, limits),
    )


def _known(connection: sa.Connection, gateway: str, payment: str) -> tuple[Account, Sequence[OrderLine]] | None:
    account = accounts(connection, [(gateway, payment)]).get((gateway, payment))
    if account is None or not account.paid:
        return None
    earlier = [row for row in of_payment(connection, gateway, payment) if row.state in UNDERWAY]
    account = with_underway(account, earlier)
    return account, lines_of_account(connection, account, earlier)


def _of_others(connection: sa.Connection, account: Account, order: str) -> Sequence[Row]:
    """The refunds of the other payments that were taken for the order."""
    asked, paid_by = refund_requests.c, order_payments.c
    same = sa.and_(paid_by.connection == asked.connection, paid_by.payment == asked.payment)
    another = sa.or_(asked.connection != account.connection, asked.payment != account.payment)
    query = sa.select(refund_requests).join(order_payments, same)
    query = query.where(paid_by.order == order, paid_by.state == "taken", asked.state.in_(UNDERWAY), another)
    return connection.execute(query).all()


def _tax(line: OrderLine, amount: Money) -> Money:
    """The tax in what goes back of a line: of a whole line what the line says."""
    rest = line.total - amount.minor
    return Money(line.tax, amount.currency).allocate([amount.minor, rest])[0]
