"""What recipes do with forms: list who took an offer, all at once or page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.commerce.submissions import Wanted, amount_json, listed, pages_of
from hub.journal.tables_billing import told_subscriptions, value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office

_LEAVING: Final = frozenset({"cancelling", "cancelled", "ended"})


def find(office: Office, given: JsonObject) -> JsonObject:
    """``forms/submissions``: what came in by a form, newest first; ``next`` where there is more. Of a ``page``, all."""
    limit = cast("int", given.get("limit") or 200) if "page" not in given else None
    with office.read() as connection:
        rows = listed(connection, _wanted(given), limit + 1 if limit is not None else None)
        running = _subscriptions(office, connection, rows[:limit])
    said = [{**_said(row), **running.get(row.id, {})} for row in rows[:limit]]
    more: JsonObject = {"next": rows[limit - 1].id} if limit is not None and len(rows) > limit else {}
    return {"submissions": cast("list[Json]", said), **more}


def cut(office: Office, given: JsonObject) -> JsonObject:
    """``forms/pages``: what came in until now, cut into pages; what comes in later is in none of them."""
    with office.read() as connection:
        pages = pages_of(connection, _wanted(given), cast("int", given.get("size") or 200))
    return {"pages": [{"newest": newest, "oldest": oldest} for newest, oldest in pages]}


def _wanted(given: JsonObject) -> Wanted:
    texts = {name: str(given.get(name) or "") for name in ("state", "offer", "after")}
    page = cast("Mapping[str, str] | None", given.get("page"))
    return Wanted(str(given["form"]), **texts, page=(page["newest"], page["oldest"]) if page is not None else None)


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


ACTIONS: Final[Mapping[str, Action]] = {"submissions": find, "pages": cut}
