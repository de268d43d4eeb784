"""Receipts: each payment that came in may have one, with a number that has no gaps in its series."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.ids import derived_id
from hub.journal.book import found
from hub.journal.tables import events
from hub.journal.tables_forms import receipts
from hub.money import Money
from hub.payments.splits import account_of, connection_of
from hub.phrases import DEFAULT_LANGUAGE, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.journal.book import Book
    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office
    from hub.payments.payment import Facts

    Row = sa.Row[Any]

PAGE: Final = "receipt"
"""The kind of the address at which a receipt is read."""

KINDS: Final = ("payment", "donation")

_PAID_BY: Final = ("subscription.started", "subscription.renewed")
"""Events of a subscription that say which period a payment is for."""

_NUMBER: Final = re.compile(r"(.+)-([0-9]{1,18})")


def receipt(office: Office, given: JsonObject) -> JsonObject:
    """``payments/receipt``: number a payment's receipt; the same payment has the same one, whoever asks again.

    What the receipt says is kept as it is at this moment. Raises ``PermanentError`` (``wrong_state``) for a payment that
    brought nothing in.
    """
    connection, payment = connection_of(office, given), str(given["payment"])
    identity = receipt_id(connection, payment)

    def work(book: Book) -> Row:
        account = account_of(book, connection, payment)  # nobody else numbers this payment meanwhile
        known = book.find(receipts, identity)
        if known is not None:
            return known
        details = {"connection": connection, **_details(account.facts, Money(account.paid, account.currency), given)}
        if "subscription" in details and (period := _period(book.connection, connection, payment)) is not None:
            details["period"] = period
        series = str(given.get("series") or str(details["paid_at"])[:4])
        number = book.next_number(f"receipt {series}")
        row = {"id": identity, "series": series, "number": number, "subject": payment, "details": details}
        book.insert(receipts, row)
        return book.get(receipts, identity)

    row = office.change(work)
    language = row.details["language"]
    return {"receipt": row.id, "number": number_of(row), "language": language, "pdf": office.address(PAGE, row.id)}


def _details(facts: Facts, paid: Money, given: JsonObject) -> dict[str, Json]:
    """What stands on the receipt, whatever is told of the payment later."""
    metadata = facts.value("metadata")
    spoken = metadata.get("language") if isinstance(metadata, dict) else None
    language = str(given.get("language") or (spoken if spoken in LANGUAGES else DEFAULT_LANGUAGE))
    said: dict[str, Json] = {
        "kind": given.get("kind") or KINDS[0],
        "language": language,
        "amount": paid.to_json(),
        "paid_at": facts.told["succeeded"],
        "customer": given.get("customer") or facts.value("customer"),
        "purpose": _purpose(given.get("purpose"), language),
        "subscription": facts.value("subscription"),
    }
    return {name: value for name, value in said.items() if value is not None}


def _purpose(given: Json, language: str) -> Json:
    """The purpose in this language; what is said in some languages only is said in English, else in the first of them."""
    if not isinstance(given, dict):
        return given
    return cast("Json", given.get(language) or given.get(DEFAULT_LANGUAGE) or next(iter(given.values())))


def _period(connection: sa.Connection, source: str, payment: str) -> JsonObject | None:
    """The period that a payment of a subscription is for, where an event names both."""
    told = (events.c.subject == payment, events.c.source == source, events.c.type.in_(_PAID_BY))
    for data in connection.scalars(sa.select(events.c.data).where(*told).order_by(events.c.id)):
        period = data.get("period")
        if isinstance(period, dict) and period.get("start") and period.get("end"):
            return cast("JsonObject", period)
    return None


# reading


def receipt_id(connection: str, payment: str) -> str:
    """The id of a payment's receipt, whether or not it has one yet."""
    return derived_id("rcp", connection, payment)


def number_of(row: Row) -> str:
    """The number as people read it, such as ``2026-00042``."""
    return f"{row.series}-{row.number:05d}"


def find_receipt(connection: sa.Connection, reference: str) -> Row:
    """A receipt by its id or its number. Raises ``NotFoundError``."""
    by = receipts.c.id == reference
    if numbered := _NUMBER.fullmatch(reference):
        by = sa.or_(by, sa.and_(receipts.c.series == numbered[1], receipts.c.number == int(numbered[2])))
    return found(receipts, reference, connection.execute(sa.select(receipts).where(by)).first())


def receipts_of(connection: sa.Connection, payments: Iterable[tuple[str, str]]) -> Sequence[Row]:
    """The receipts of payments (connection, payment), the oldest first."""
    wanted = sorted({receipt_id(*one) for one in payments})
    query = sa.select(receipts).where(receipts.c.id.in_(wanted)).order_by(receipts.c.created_at, receipts.c.id)
    return connection.execute(query).all() if wanted else ()


ACTIONS: Final[Mapping[str, Action]] = {"receipt": receipt}
