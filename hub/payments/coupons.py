"""Coupons: codes that make the first charges of a subscription cheaper, taken as often as they may and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from hub.errors import PermanentError
from hub.journal.tables_billing import coupons, redemptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from hub.journal.book import Book
    from hub.jsontypes import JsonObject
    from hub.office import Action, Office


def code_of(text: str) -> str:
    """A code as it is kept, however somebody wrote it."""
    return text.strip().upper()


def get(office: Office, given: JsonObject) -> JsonObject:
    """What a code is worth. Raises ``PermanentError`` that says why it is worth nothing."""
    with office.read() as connection:
        row = connection.execute(sa.select(coupons).where(coupons.c.id == code_of(str(given["code"])))).one_or_none()
    return _output(_usable(row, given, office.now))


def redeem(office: Office, given: JsonObject) -> JsonObject:
    """Take a code once for this office's key, at most as often as it may be. Raises as :func:`get`."""
    identity = office.identity("rdm")
    row = office.change(lambda book: _redeem(book, identity, given))
    return _output(row)


def _redeem(book: Book, identity: str, given: JsonObject) -> sa.Row[Any]:
    earlier = book.find(redemptions, identity)
    if earlier is not None:
        return book.get(coupons, earlier.coupon)
    row = _usable(book.find(coupons, code_of(str(given["code"]))), given, book.now)
    book.insert(redemptions, {"id": identity, "coupon": row.id, "plan": given.get("plan")})
    return book.change(coupons, row, used=row.used + 1)


def _usable(row: sa.Row[Any] | None, given: JsonObject, now: datetime) -> sa.Row[Any]:
    code = code_of(str(given["code"]))[:60]
    if row is None:
        message = f"There is no coupon {code!r}."
        raise PermanentError(message, code="not_found", remedy="Check how it is written.")
    why = ""
    if row.state != "active":
        why = "is not valid any more"
    elif row.ends_at is not None and row.ends_at <= now:
        why = f"ended on {row.ends_at:%Y-%m-%d}"
    elif row.most is not None and row.used >= row.most:
        why = "has been used as often as it may be"
    elif row.plan is not None and row.plan != given.get("plan"):
        why = f"is only for the plan {row.plan}"
    if why:
        raise PermanentError(f"The coupon {row.id} {why}.", code="wrong_state", remedy="Go on without it.")
    return row


def _output(row: sa.Row[Any]) -> JsonObject:
    return {
        "coupon": row.id,
        "discount": row.discount,
        **({"plan": row.plan} if row.plan is not None else {}),
        **({"left": max(row.most - row.used, 0)} if row.most is not None else {}),
        **({"ends_at": row.ends_at.isoformat()} if row.ends_at is not None else {}),
    }


def stop(book: Book, code: str) -> None:
    """Nobody can take it any more; what was begun with it goes on. Raises ``NotFoundError``."""
    row = book.get(coupons, code)
    if row.state == "active":
        book.change(coupons, row, state="stopped")


def make(book: Book, code: str, values: Mapping[str, object]) -> bool:
    """Keep a new coupon; False when there is one of this code."""
    return book.insert(coupons, {"id": code_of(code), "state": "active", "used": 0, **values})


ACTIONS: Final[Mapping[str, Action]] = {"get": get, "redeem": redeem}
