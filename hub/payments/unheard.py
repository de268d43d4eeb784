"""Payments that a gateway lists as paid and that the hub never heard of: the reports of them were lost.

A list may show a payment as it once was, and by another id than its reports do. So what is not known is asked about by
itself before it is told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa

from hub.errors import PermanentError
from hub.journal.tables import connections, payments
from hub.money import Money
from hub.payments import ledger
from hub.payments.comparing import ASK, Difference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.jsontypes import JsonObject
    from hub.office import Office

PAYMENT: Final = "payment"
BACK: Final = timedelta(days=7)
"""How much further back than the day payments are listed: a bank debit is decided days after it began."""

_PAID: Final = frozenset({"succeeded", "partially_refunded", "disputed"})


def unheard(connection: str, item: JsonObject) -> Difference | None:
    """What a gateway says of a payment that is not known here, in its list or as it answers to ``payment.get``.

    None where nothing is held of it: it was not paid, or all of it went back. Pure.
    """
    if item["status"] not in _PAID:
        return None
    taken = Money.from_json(cast("JsonObject", item.get("captured") or item["amount"]))
    back = item.get("refunded")
    found = taken - Money.from_json(back) if isinstance(back, dict) else taken
    if not found.minor:
        return None
    nothing = Money.zero(found.currency)
    return Difference(
        ledger.gateway(connection), nothing, found, ASK, here="nothing", there="paid", reports=("payment.succeeded",)
    )


def lost(
    reading: sa.Connection, connection: str, page: Iterable[JsonObject], until: datetime
) -> Mapping[str, Difference]:
    """The payments of a page of a list that were made before ``until``, since the connection is there, and are not known."""
    since = reading.scalar(sa.select(connections.c.created_at).where(connections.c.name == connection))
    found: dict[str, Difference] = {}
    for item in page:
        made = datetime.fromisoformat(str(item["created_at"]))
        if since is not None and since <= made < until and (one := unheard(connection, item)) is not None:
            found[str(item["payment"])[:255]] = one
    return unknown(reading, connection, found)


def asked(office: Office, connection: str, listed: Mapping[str, Difference]) -> Mapping[str, Difference]:
    """The listed payments as the gateway answers for each now (``payment.get``), by the id under which it reports them.

    What holds no money by now is left out. What the gateway does not answer for stays as it was listed. Raises
    ``TransientError``.
    """
    found: dict[str, Difference] = {}
    for payment, difference in listed.items():
        try:
            said = office.call(connection, "payment.get", {"payment": payment}, f"{connection}/payment/{payment}")
        except PermanentError:
            found[payment] = difference
            continue
        if (now := unheard(connection, {"amount": difference.found.to_json(), **said})) is not None:
            found[str(said["payment"])[:255]] = now
    return found


def unknown(reading: sa.Connection, connection: str, found: Mapping[str, Difference]) -> Mapping[str, Difference]:
    """Those of which the hub knows no payment."""
    table = payments.c
    query = sa.select(table.payment).where(table.connection == connection, table.payment.in_(sorted(found)))
    known = set(reading.scalars(query))
    return {payment: one for payment, one in found.items() if payment not in known}
