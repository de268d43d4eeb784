"""What recipes do with forms: list who took an offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.commerce.submissions import Wanted, amount_json, listed
from hub.journal.tables_billing import told_subscriptions, value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office

_LEAVING: Final = frozenset({"cancelling", "cancelled", "ended"})


def find(office: Office, given: JsonObject) -> JsonObject:
    """``forms/submissions``: what came in by a form, newest first; ``next`` where there is more."""
    limit = cast("int", given.get("limit") or 200)
    with office.read() as connection:
        wanted = Wanted(str(given["form"]), state=str(given.get("state") or ""), after=str(given.get("after") or ""))
        rows = listed(connection, wanted, limit + 1)
        chosen = [row for row in rows[:limit] if given.get("offer") in (None, row.offer)]
        running = _subscriptions(office, connection, chosen)
    said = [{**_said(row), **running.get(row.id, {})} for row in chosen]
    more: JsonObject = {"next": rows[limit - 1].id} if len(rows) > limit else {}
    return {"submissions": cast("list[Json]", said), **more}


def _subscriptions(office: Office, connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> Mapping[str, JsonObject]:
    """By the submissions' ids, what was told of the subscriptions that they began."""
    places = {(office.doer(row.connection), row.subscription): row.id for row in rows if row.subscription}
    table = told_subscriptions.c
    chosen = sa.select(told_subscriptions).where(sa.tuple_(table.connection, table.subscription).in_(list(places)))
    return {places[one.connection, one.subscription]: _running(one) for one in connection.execute(chosen)}


def _running(row: sa.Row[Any]) -> JsonObject:
    price = value(row.data, "amount")
    return {"plan": row.plan, "leaving": row.state in _LEAVING, **({"price": price} if price is not None else {})}


def _said(row: sa.Row[Any]) -> JsonObject:
    said: JsonObject = {
        "submission": row.id,
        "form": row.form,
        "state": row.state,
        "values": row.answers,
        "customer": row.customer or None,
        "offer": row.offer,
        "amount": amount_json(row),
        "coupon": row.coupon,
        "connection": row.connection,
        "order": row.order,
        "payment": row.payment,
        "subscription": row.subscription,
        "language": row.language,
        "time": row.created_at.isoformat(),
    }
    return {name: value for name, value in said.items() if value is not None}


ACTIONS: Final[Mapping[str, Action]] = {"submissions": find}
