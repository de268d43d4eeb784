"""Coupons: codes that make the first charges of a subscription cheaper, taken as often as they may and no more."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
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


_CODE: Final = re.compile(r"[A-Z0-9][A-Z0-9_-]{1,58}[A-Z0-9]")


class WhyNot(StrEnum):
    """Why a code is worth nothing to somebody."""

    UNKNOWN = "unknown"
    OVER = "over"
    USED = "used"
    OTHER_PLAN = "other_plan"


def code_of(text: str) -> str:
    """A code as it is kept, however somebody wrote it: without the invisible marks that come with copied text."""
    return "".join(one for one in text if unicodedata.category(one) != "Cf").strip().upper()


def is_code(code: str) -> bool:
    """Whether a coupon can have this code."""
    return _CODE.fullmatch(code) is not None


def find(connection: sa.Connection, text: str) -> sa.Row[Any] | None:
    """The coupon of a code as somebody wrote it; None when there is none."""
    code = code_of(text)
    query = sa.select(coupons).where(coupons.c.id == code)
    return connection.execute(query).one_or_none() if is_code(code) else None


def why_not(row: sa.Row[Any] | None, plan: str | None, now: datetime) -> WhyNot | None:
    """Why a coupon cannot be taken for a plan (None: for what is on none); None when it can."""
    if row is None:
        return WhyNot.UNKNOWN
    if row.state != "active" or (row.ends_at is not None and row.ends_at <= now):
        return WhyNot.OVER
    if row.most is not None and row.used >= row.most:
        return WhyNot.USED
    return WhyNot.OTHER_PLAN if row.plan not in {None, plan} else None


def get(office: Office, given: JsonObject) -> JsonObject:
    """What a code is worth. Raises ``PermanentError`` that says why it is worth nothing."""
    with office.read() as connection:
        row = find(connection, str(given["code"]))
    return _output(_usable(row, given, office.now))


def redeem(office: Office, given: JsonObject) -> JsonObject:
    """Take a code once for this office's key, at most as often as it may be. Raises as :func:`get`."""
    identity = office.identity("rdm")
    row = office.change(lambda book: take(book, identity, given))
    return _output(row)


def take(book: Book, identity: str, given: JsonObject) -> sa.Row[Any]:
    """Redeem a code once for ``identity`` inside a change of somebody else's, and give its coupon. Raises as :func:`get`."""
    earlier = book.find(redemptions, identity)
    if earlier is not None:
        return book.get(coupons, earlier.coupon)
    code = code_of(str(given["code"]))
    row = _usable(book.find(coupons, code) if is_code(code) else None, given, book.now)
    book.insert(redemptions, {"id": identity, "coupon": row.id, "plan": given.get("plan")})
    return book.change(coupons, row, used=row.used + 1)


def _usable(row: sa.Row[Any] | None, given: JsonObject, now: datetime) -> sa.Row[Any]:
    if row is None:
        message = f"There is no coupon {code_of(str(given['code']))[:60]!r}."
        raise PermanentError(message, code="not_found", remedy="Check how it is written.")
    why = why_not(row, str(given["plan"]) if given.get("plan") is not None else None, now)
    if why is None:
        return row
    ended = row.state == "active" and row.ends_at is not None
    words = {
        WhyNot.OVER: f"ended on {row.ends_at:%Y-%m-%d}" if ended else "is not valid any more",
        WhyNot.USED: "has been used as often as it may be",
        WhyNot.OTHER_PLAN: f"is only for the plan {row.plan}",
    }
    raise PermanentError(f"The coupon {row.id} {words[why]}.", code="wrong_state", remedy="Go on without it.")


def _output(row: sa.Row[Any]) -> JsonObject:
    return {
        "coupon": row.id,
        "discount": row.discount,
        **({"plan": row.plan} if row.plan is not None else {}),
        **({"left": row.most - row.used} if row.most is not None else {}),
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
