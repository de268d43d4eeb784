"""What a refund or a dispute belongs to, from what was told of its payment: most gateways do not repeat it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from hub.journal.tables import payments
from hub.payments.payment import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.journal.entries import Happening
    from hub.jsontypes import JsonObject

    Place = tuple[str, str]

_FIELDS: Final = ("order", "invoice", "link", "subscription", "job", "customer", "metadata")
_FAMILIES: Final = ("refund.", "dispute.")
_BY_HAND: Final = "hub"


def belongings(facts: Facts) -> JsonObject:
    """What a payment belongs to: whose it is and what it is for, as far as its events told."""
    return {name: value for name in _FIELDS if (value := facts.value(name)) is not None}


def payment_to_recall(happening: Happening) -> Place | None:
    """The payment of a gateway's refund or dispute that does not say all it belongs to; None for everything else."""
    payment, data = happening.data.get("payment"), happening.data
    is_theirs = happening.source != _BY_HAND and happening.type.startswith(_FAMILIES)
    if not is_theirs or not isinstance(payment, str) or (data.get("customer") and data.get("metadata")):
        return None
    return happening.source, payment[:255]


def belongings_of(connection: sa.Connection, places: Iterable[Place]) -> Mapping[Place, JsonObject]:
    """What these payments belong to; those of which nothing was told are left out."""
    table = payments.c
    chosen = sa.tuple_(table.connection, table.payment).in_(sorted(set(places)))
    rows = connection.execute(sa.select(table.connection, table.payment, table.facts).where(chosen))
    return {(row.connection, row.payment): belongings(Facts.from_json(row.facts)) for row in rows}


def filled(data: JsonObject, known: JsonObject) -> JsonObject:
    """The data of a refund or dispute with what its payment is known to belong to; what it says itself stays."""
    return {**data, **{name: value for name, value in known.items() if not data.get(name)}}
