"""What is shown on pages of news that cannot be: beside each thing of a list, and on the thing's own page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.payments.histories import Thing, oddities_of
from hub.payments.payouts import PAYOUT, TRANSFER
from hub.web.sessions import the_hub

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    import sqlalchemy as sa

    Row = sa.Row[Any]


def odd_among(rows: Sequence[Row], thing_of: Callable[[Row], Thing]) -> Callable[[Row], Sequence[str]]:
    """What of each row's thing cannot be, in words: read once for all of them."""
    with the_hub().database.read() as connection:
        found = oddities_of(connection, map(thing_of, rows))
    return lambda row: found.get(thing_of(row).id, ())


def odd_of(family: str, connection: str, name: str) -> Sequence[str]:
    """What of one thing cannot be, in words."""
    thing = Thing(family, connection, name)
    with the_hub().database.read() as reading:
        return oddities_of(reading, [thing]).get(thing.id, ())


def payout_of(row: Row) -> Thing:
    """A payout as news of it are kept: under the hub's own number."""
    return Thing(TRANSFER if row.way == TRANSFER else PAYOUT, row.connection or "", row.id)
