"""What becomes of the shares that the hub owes providers when payout runs pay them: due → queued → paid, or due again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from hub.journal.tables import transfers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.journal.book import Book, Row

COVERED: Final = "covered"
"""In a share's input: what of it a split made due already, in minor units. Every share that is in the ledger has it."""

_AFTER: Final[Mapping[str, str]] = {"paid": "paid", "failed": "due"}
"""How a payout ended -> how its shares stand then."""


def queue_shares(book: Book, payout: str, provider: str, currency: str) -> Sequence[str]:
    """All shares that are due to the provider in this currency are paid by this payout; gives their ids.

    Whoever calls it keeps the provider's account still.
    """
    table = transfers.c
    mine = (table.provider == provider, table.currency == currency, table.state == "due")
    found = book.rows(book.locking(sa.select(transfers).where(*mine).order_by(table.id)))
    rows = [row for row in found if COVERED in row.input]  # those that older versions kept are not in the ledger
    for row in rows:
        book.change(transfers, row, state="queued", input={**row.input, "payout": payout})
    return [row.id for row in rows]


def follow_payout(book: Book, payout: Row, state: str) -> None:
    """The payout was ``paid`` or ``failed``, and so were its shares, but for those that another payout took up since."""
    for row in book.find_all(transfers, payout.origin.get("transfers") or ()).values():
        if row.input.get("payout") == payout.id and row.state != "reversed":
            book.change(transfers, row, state=_AFTER[state])
