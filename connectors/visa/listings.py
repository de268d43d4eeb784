"""Visa's payments for whoever compares (``payment.list``): sales, debits, authorisations and captures of a search.

Source: ``POST /tss/v2/searches`` (SDK model ``CreateSearchRequest``), the earliest first.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from connectors.visa.api import Visa
from connectors.visa.carried import PAGE, kind_of
from connectors.visa.details import stamp, time_of
from connectors.visa.transactions import PAGE_SIZE, Life, begins_payment, page_of_search, payment_of, takes
from hub.connect.answers import failure, page_number

if TYPE_CHECKING:
    from connectors.visa.transactions import Transaction
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject


def payments(call: Call) -> Json:
    """One page (``payment.list``): each transaction that began a payment well or took money, as it stands by itself.

    What was captured, voided or given back by another transaction, ``payment.get`` says. Raises like an action.
    """
    given = call.input
    since, until = (datetime.fromisoformat(str(given[name])) for name in ("since", "until"))
    offset = page_number(given.get("after"), 0, "Visa")
    query = f"submitTimeUtc:[{stamp(since)} TO {stamp(until)}]"
    found = page_of_search(Visa(call), query, offset)
    paid = [one for one in found if begins_payment(one) or takes(one)]
    others = _other_payers(paid)
    # The end of a search's time belongs to it.
    items = [_payment(one, others) for one in paid if _made(one) < until]
    return {"items": items, "next": str(offset + PAGE_SIZE) if len(found) == PAGE_SIZE else None}


def _other_payers(listed: list[Transaction]) -> frozenset[str]:
    """Who else paid on a page before it was closed: their payments are of their own."""
    on_pages = [one for one in listed if kind_of(one.code) == PAGE and begins_payment(one)]
    first = {one.code: one.id for one in reversed(on_pages)}
    return frozenset(one.id for one in on_pages if first[one.code] != one.id)


def _made(transaction: Transaction) -> datetime:
    made = time_of(transaction.submitted)
    if made is None:
        raise failure("bad_answer", f"The listed transaction {transaction.id} does not say when it was sent.")
    return made


def _payment(transaction: Transaction, others: frozenset[str]) -> JsonObject:
    reference = transaction.id if transaction.id in others else payment_of(transaction.data)
    life = Life(reference, (transaction,))
    amount, captured = life.authorised, life.captured
    return {
        "payment": reference,
        "status": life.status,
        "amount": None if amount is None else amount.to_json(),
        "captured": None if captured is None else captured.to_json(),
        "created_at": stamp(_made(transaction)),
    }
