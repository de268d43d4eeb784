"""What recipes do with forms: list who took an offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from hub.commerce.submissions import Wanted, amount_json, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office


def find(office: Office, given: JsonObject) -> JsonObject:
    """``forms/submissions``: what came in by a form, newest first; ``next`` where there is more."""
    limit = cast("int", given.get("limit") or 200)
    with office.read() as connection:
        wanted = Wanted(str(given["form"]), state=str(given.get("state") or ""), after=str(given.get("after") or ""))
        rows = listed(connection, wanted, limit + 1)
    said = [_said(row) for row in rows[:limit] if given.get("offer") in (None, row.offer)]
    more: JsonObject = {"next": rows[limit - 1].id} if len(rows) > limit else {}
    return {"submissions": cast("list[Json]", said), **more}


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
