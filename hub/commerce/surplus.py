"""What becomes of a payment that its order or job does not need: it went back, or its gateway keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from hub.journal.book import Book, Row
    from hub.jsontypes import JsonObject


def not_needed(begun: Sequence[Row]) -> list[Row]:
    """Those of the payments of an order or job that it did not need: they go back by themselves, or could not."""
    return [row for row in begun if row.state in {"surplus", "refunded", "stuck"}]


def given_back(book: Book, table: sa.Table, identity: str) -> None:
    """It went back. What was decided meanwhile stays so."""
    row = book.get(table, identity)
    if row.state == "surplus":
        book.change(table, row, state="refunded")


def kept(book: Book, table: sa.Table, identity: str, error: JsonObject) -> tuple[Row, JsonObject] | None:
    """Its gateway keeps it, so that it waits for a person: the row, and what is told; None where that is decided already."""
    row = book.get(table, identity)
    if row.state != "surplus":
        return None
    book.change(table, row, state="stuck", error=error)
    amount = Money(row.minor, row.currency).to_json()
    return row, {"payment": row.payment, "connection": row.connection, "amount": amount, "error": error}
