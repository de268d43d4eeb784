"""A payment as it stands, for recipes: what came in, what went back, and what of it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa

from hub.journal.tables import payments
from hub.money import Money
from hub.payments.payment import Facts
from hub.payments.splits import connection_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import JsonObject
    from hub.office import Action, Office


def get(office: Office, given: JsonObject) -> JsonObject:
    """``payments/get``: a payment as everything that was told of it says. Raises ``PermanentError`` (``not_found``)."""
    connection, payment = connection_of(office, given), str(given["payment"])
    query = sa.select(payments.c.facts).where(payments.c.connection == connection, payments.c.payment == payment)
    with office.read() as read:
        facts = Facts.from_json(read.execute(query).scalar_one())
    return {"payment": payment, "connection": connection, "status": facts.state, **_sums(facts)}


def _sums(facts: Facts) -> JsonObject:
    """Nothing where only a refund or a dispute was told, and not of what."""
    amount, paid = cast("JsonObject | None", facts.value("amount")), facts.paid
    if amount is None or paid is None:
        return {}
    currency = str(amount["currency"])
    kept = max(paid - facts.gone, 0)
    return {
        "amount": amount,
        "returned": Money(facts.gone, currency).to_json(),
        "kept": Money(kept, currency).to_json(),
    }


ACTIONS: Final[Mapping[str, Action]] = {"get": get}
