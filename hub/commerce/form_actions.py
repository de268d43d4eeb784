"""What recipes do with forms: list who took an offer, and number receipts without gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from hub.commerce.submissions import Wanted, amount_json, listed
from hub.ids import derived_id
from hub.journal.tables_forms import receipts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from hub.journal.book import Book
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


def receipt(office: Office, given: JsonObject) -> JsonObject:
    """``forms/receipt``: the number of a payment's receipt; the same payment has the same number, whoever asks again."""
    series, subject = str(given.get("series") or office.now.year), str(given["payment"])
    identity = derived_id("rcp", series, subject)
    details: JsonObject = {name: given[name] for name in ("amount", "customer") if given.get(name) is not None}

    def work(book: Book) -> int:
        known = book.find(receipts, identity)
        if known is not None:
            return int(known.number)
        number = book.next_number(f"receipt {series}")
        row = {"id": identity, "series": series, "number": number, "subject": subject, "details": details}
        book.insert(receipts, row)
        return number

    number = office.change(work)
    return {"receipt": identity, "number": f"{series}-{number:05d}"}


ACTIONS: Final[Mapping[str, Action]] = {"submissions": find, "receipt": receipt}
