"""Money that waits for a person's word, counted: to be approved, of which nobody knows whether it moved, or of which
gateways tell what cannot be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from hub.journal.tables import charges
from hub.journal.tables_escrow import divisions, payouts
from hub.journal.tables_histories import histories
from hub.journal.tables_ledger import ledger_checks, refund_requests

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Waiting:
    """So many of a kind; ``one`` is the id of one of them, or of the hold or subscription that has it."""

    count: int
    one: str


_KINDS: Final[Mapping[str, tuple[sa.ColumnElement[str], sa.ColumnElement[bool]]]] = {
    "refunds_to_approve": (refund_requests.c.id, refund_requests.c.state == "asked"),
    "refunds": (refund_requests.c.id, refund_requests.c.state == "uncertain"),
    "charges": (charges.c.subscription, charges.c.state == "uncertain"),
    "payouts": (payouts.c.id, payouts.c.state == "uncertain"),
    "divisions": (divisions.c.hold, divisions.c.state == "uncertain"),
    "odd": (histories.c.id, histories.c.open),
    "differences": (ledger_checks.c.id, ledger_checks.c.state == "differs"),
}


def undecided(connection: sa.Connection) -> dict[str, Waiting]:
    """What waits, by kind; kinds of which nothing does are left out."""
    found = {}
    for kind, (identity, waits) in _KINDS.items():
        count, one = connection.execute(sa.select(sa.func.count(), sa.func.min(identity)).where(waits)).one()
        if count:
            found[kind] = Waiting(count, str(one))
    return found
