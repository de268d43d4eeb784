"""Visa's transactions (TSS) and what they make of a payment: authorised, taken, given back, let go.

One request is one transaction with the services that ran in it (``applicationInformation.applications``: ``ics_auth``,
``ics_bill``, ``ics_credit`` …). A sale is one transaction with two services; captures, refunds, reversals and voids are
transactions of their own, found by the merchant reference that the hub gives them: the payment's. Pure but for the reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from connectors.visa.api import money_of, object_of, objects_of, segment, words
from connectors.visa.carried import (
    LINK,
    OPEN_LINK,
    REFERENCES,
    from_fields,
    is_transaction,
    kind_of,
    passed_on,
    stands_for_payment,
)
from connectors.visa.details import customer_of, method_of, stored_method
from connectors.visa.errors import decline_code, reason_of
from hub.connect.answers import error_codes, failure
from hub.errors import TransientError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.visa.api import Visa
    from hub.connect.api import Connection
    from hub.jsontypes import Json, JsonObject

PAGE_SIZE = 100
PAGES = 10
RELATED = 20
SEARCH_DAYS = 180
"""How far back a reference is looked for (transaction search keeps about six months)."""

_AUTHORISE = frozenset({"ics_auth"})
_TAKE = frozenset({"ics_bill", "ics_ecp_debit", "ics_ap_sale", "ics_ap_capture"})
_GIVE_BACK = frozenset({"ics_credit", "ics_ecp_credit", "ics_ap_refund"})
_LET_GO = frozenset({"ics_auth_reversal"})
_UNDO = frozenset({"ics_void"})
_DELAYED = frozenset({"ics_ecp_debit", "ics_ap_sale", "ics_ap_capture"})
_PAYMENT = _AUTHORISE | _TAKE
_BEGIN = frozenset({"ics_auth", "ics_ecp_debit", "ics_ap_sale"})
_ARRIVED = frozenset({"COMPLETED", "SETTLED", "FUNDED", "CLEARED", "PAYMENT"})
_BROKEN = frozenset({"FAILED", "DECLINED", "RETURNED", "CANCELLED", "VOIDED", "REJECTED", "ABANDONED"})
_HELD = frozenset({"110", "480"})
_UNDONE = frozenset({"VOIDED", "CANCELLED"})


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction as TSS has it, in a search's short form or whole."""

    data: JsonObject

    @property
    def id(self) -> str:
        """Visa's id."""
        return str(self.data.get("id") or "")

    @property
    def code(self) -> str:
        """The merchant reference."""
        return str(object_of(self.data.get("clientReferenceInformation")).get("code") or "")

    @property
    def submitted(self) -> str:
        """When it was sent, as Visa writes it (UTC)."""
        return str(self.data.get("submitTimeUtc") or self.data.get("submitTimeUTC") or "")

    @property
    def services(self) -> frozenset[str]:
        """What it did: the services whose word is good (reason 100, ``SOK``)."""
        return frozenset(
            str(one.get("name"))
            for one in self._applications
            if str(one.get("reasonCode")) == "100" or one.get("rFlag") == "SOK"
        )

    @property
    def wanted(self) -> frozenset[str]:
        """What it was to do, done or not."""
        return frozenset(str(one.get("name")) for one in self._applications)

    @property
    def amount(self) -> Money | None:
        """What it was about."""
        details = object_of(object_of(self.data.get("orderInformation")).get("amountDetails"))
        return money_of(details.get("totalAmount"), details.get("currency"))

    @property
    def authorised(self) -> Money | None:
        """What was authorised: less than asked for where the bank allowed a part only."""
        details = object_of(object_of(self.data.get("orderInformation")).get("amountDetails"))
        return money_of(details.get("authorizedAmount"), details.get("currency")) or self.amount

    @property
    def reason(self) -> str:
        """Visa's own reason for a refusal; an empty text when it was not refused."""
        return reason_of({"errorInformation": object_of(self.data.get("errorInformation"))})

    @property
    def is_held(self) -> bool:
        """Whether a person has to decide first: it is under review, or only a part was approved."""
        return any(str(one.get("reasonCode")) in _HELD or one.get("rFlag") == "DREVIEW" for one in self._applications)

    @property
    def delayed(self) -> str:
        """For debits and other means that take days: ``pending``, ``succeeded`` or ``failed``; empty for cards."""
        if not self.services & _DELAYED:
            return ""
        status = str(object_of(self.data.get("processorInformation")).get("eventStatus") or self.status).upper()
        return "succeeded" if status in _ARRIVED else "failed" if status in _BROKEN else "pending"

    @property
    def status(self) -> str:
        """Visa's word for the transaction's state."""
        return str(object_of(self.data.get("applicationInformation")).get("status") or self.data.get("status") or "")

    @property
    def _applications(self) -> list[JsonObject]:
        return objects_of(object_of(self.data.get("applicationInformation")).get("applications"))

    def values(self, connection: Connection) -> JsonObject:
        """The references and metadata that it carries."""
        return from_fields(self.data.get("merchantDefinedInformation"), connection)

    def does(self, services: Iterable[str]) -> bool:
        """Whether one of these services ran and went well."""
        return bool(self.services & frozenset(services))


def found(visa: Visa, reference: str) -> Transaction | None:
    """A transaction by its id; None while Visa does not list it."""
    data = visa.found(f"/tss/v2/transactions/{segment(reference)}")
    return None if data is None else Transaction(data)


def search(
    visa: Visa, query: str, *, sort: str = "submitTimeUtc:asc", most: int = PAGE_SIZE * PAGES
) -> list[Transaction]:
    """What a transaction search finds, page by page. Harmless to repeat."""
    summaries: list[Transaction] = []
    for offset in range(0, most, PAGE_SIZE):
        page = page_of_search(visa, query, offset, sort=sort)
        summaries += page
        if len(page) < PAGE_SIZE:
            break
    return summaries


def page_of_search(visa: Visa, query: str, offset: int, *, sort: str = "submitTimeUtc:asc") -> list[Transaction]:
    """Up to 100 of what a transaction search finds, from an offset on. Harmless to repeat; answers with HTTP 201."""
    paging: JsonObject = {"offset": offset, "limit": PAGE_SIZE, "sort": sort}
    body: JsonObject = {"save": False, "name": "hub", "timezone": "UTC", "query": query, **paging}
    answer = visa.write("POST", "/tss/v2/searches", body, repeatable=True)
    return [Transaction(one) for one in objects_of(object_of(answer.get("_embedded")).get("transactionSummaries"))]


def by_code(visa: Visa, code: str, days: int = SEARCH_DAYS) -> list[Transaction]:
    """All transactions of a merchant reference, the earliest first."""
    escaped = "".join(letter for letter in code if letter.isalnum() or letter in "-_")
    return search(
        visa, f"clientReferenceInformation.code:{escaped} AND submitTimeUtc:[NOW/DAY-{days}DAYS TO NOW/DAY+1DAY]"
    )


def of_payment(visa: Visa, payment: str) -> list[Transaction]:
    """All transactions of a payment, the earliest first; empty while Visa lists none.

    A payment is Visa's id of its first transaction, or the reference of a form or page. What the hub did to it later has the
    payment as its merchant reference; what was done in Visa's Business Center is named by the transaction itself.
    """
    known = {one.id: one for one in by_code(visa, payment)}
    if is_transaction(payment):
        first = found(visa, payment)
        if first is None:
            return []
        known[first.id] = first
        links = objects_of(object_of(first.data.get("_links")).get("relatedTransactions"))[:RELATED]
        for link in links:
            related = str(link.get("href") or "").rstrip("/").rpartition("/")[2]
            other = None if related in known or not is_transaction(related) else found(visa, related)
            if other is not None:
                known[other.id] = other
    ordered = sorted(known.values(), key=lambda one: (one.submitted, one.id))
    return [whole(visa, one) for one in _of_one_payer(ordered)]


def begins_payment(transaction: Transaction) -> bool:
    """Whether it began a payment, and well: a sale, an authorisation, a debit; not a capture of one."""
    return transaction.does(_BEGIN)


def takes(transaction: Transaction) -> bool:
    """Whether it took money: a sale, a debit, a capture."""
    return transaction.does(_TAKE)


def whole(visa: Visa, transaction: Transaction) -> Transaction:
    """A void or reversal in its long form, which alone says what it undid; any other as it is."""
    is_whole = (
        "comments" in object_of(transaction.data.get("clientReferenceInformation")) or "rootId" in transaction.data
    )
    return (
        transaction if is_whole or not transaction.does(_UNDO | _LET_GO) else found(visa, transaction.id) or transaction
    )


def is_try(transaction: Transaction) -> bool:
    """Whether it was to begin a payment, be it declined."""
    return bool(transaction.wanted & _BEGIN)


def undoes(transaction: Transaction) -> bool:
    """Whether it is a void or a reversal, and went well."""
    return transaction.does(_UNDO | _LET_GO)


def gives_back(transaction: Transaction) -> bool:
    """Whether it is a refund or credit, and went well."""
    return transaction.does(_GIVE_BACK)


def not_listed(payment: str) -> TransientError:
    """The error for a payment that Visa does not list: unpaid, unknown, or so new that its search lags behind."""
    row = error_codes()["not_found"]
    message = f"{row.sentence} Visa lists no transaction of {payment}: nobody has paid, or it was a moment ago."
    return TransientError(message, code="not_found", remedy=row.remedy)


@dataclass(frozen=True, slots=True)
class Life:
    """What the transactions of one payment add up to."""

    payment: str
    transactions: tuple[Transaction, ...]

    @property
    def first(self) -> Transaction | None:
        """The transaction that began it: the first that went well, else the latest try."""
        tries = [one for one in self.transactions if one.wanted & _PAYMENT]
        good = [one for one in tries if one.does(_PAYMENT)]
        chosen = good or tries[-1:]
        return chosen[0] if chosen else None

    @property
    def captures(self) -> list[Transaction]:
        """The sale or the captures that were not undone, the earliest first."""
        return [
            one for one in self.transactions if one.does(_TAKE) and not self.is_undone(one) and one.delayed != "failed"
        ]

    @property
    def credits(self) -> list[Transaction]:
        """The refunds that were not undone."""
        return [one for one in self.transactions if one.does(_GIVE_BACK) and not self.is_undone(one)]

    @property
    def captured(self) -> Money | None:
        """What was taken."""
        return _sum(self.captures, self._zero)

    @property
    def refunded(self) -> Money | None:
        """What was given back."""
        return _sum(self.credits, self._zero)

    @property
    def authorised(self) -> Money | None:
        """What was authorised at first."""
        return self.first.authorised if self.first else None

    @property
    def status(self) -> str:
        """The payment's state, a word of the hub's."""
        first = self.first
        if first is None:
            return "created"
        if first.is_held:
            return "pending"
        if not first.does(_PAYMENT):
            return "pending" if not first.reason and first.status == "PENDING" else "failed"
        captured, refunded = self.captured, self.refunded
        if captured and captured.minor:
            if any(one.delayed == "pending" for one in self.captures):
                return "pending"
            if refunded and refunded.minor:
                return "refunded" if refunded.minor >= captured.minor else "partially_refunded"
            return "succeeded"
        if first.delayed == "failed":
            return "failed"
        undone = any(one.does(_LET_GO) for one in self.transactions) or any(
            self.is_undone(one) for one in self.transactions if one.does(_TAKE)
        )
        return "voided" if undone else "authorized"

    @property
    def _zero(self) -> Money | None:
        amount = self.first.amount if self.first else None
        return None if amount is None else Money.zero(amount.currency)

    def undone_by(self, undoing: Transaction) -> Transaction | None:
        """What a void or reversal undid: what the hub noted, else the latest that it can undo and Visa relates to it.

        A reversal undoes an authorisation, a void a sale, capture or refund.
        """
        noted = str(object_of(undoing.data.get("clientReferenceInformation")).get("comments") or "")
        links = objects_of(object_of(undoing.data.get("_links")).get("relatedTransactions"))
        known = {noted} if is_transaction(noted) else {str(link.get("href") or "").rpartition("/")[2] for link in links}
        services = _AUTHORISE if undoing.does(_LET_GO) else _TAKE | _GIVE_BACK
        fitting = [one for one in self.transactions if one.id in known and one.does(services)]
        return fitting[-1] if fitting else None

    def is_undone(self, transaction: Transaction) -> bool:
        """Whether it was voided or reversed since."""
        if transaction.status.upper() in _UNDONE:
            return True
        undoing = [one for one in self.transactions if undoes(one)]
        return any(transaction is self.undone_by(one) for one in undoing)

    def output(self, connection: Connection, **more: Json) -> JsonObject:
        """The payment as actions give it."""
        first = self.first
        if first is None:
            return {
                "payment": self.payment,
                "status": "created",
                "gateway": {"name": "visa", "id": self.payment},
                **more,
            }
        status = self.status
        values = first.values(connection)
        authorised = self.authorised
        return {
            "payment": self.payment,
            "status": status,
            "amount": None if authorised is None else authorised.to_json(),
            "captured": _json(self.captured),
            "refunded": _json(self.refunded),
            "method": method_of(first.data),
            "stored_method": stored_method(first.data),
            "customer": customer_of(first.data),
            "metadata": values.get("metadata"),
            "reason": decline_code(first.reason) if status == "failed" else None,
            "gateway": words(first.data, status=first.status or None, code=first.reason or None),
            **more,
        }


def life_of(visa: Visa, payment: str) -> Life:
    """The payment as Visa lists it now."""
    return Life(payment, tuple(of_payment(visa, payment)))


def payment_of(transaction: JsonObject) -> str:
    """How the hub knows the payment that a transaction belongs to.

    The reference of a form or page; what a follow-on carries as its merchant reference; else the first transaction's id.
    """
    code = str(object_of(transaction.get("clientReferenceInformation")).get("code") or "")
    return code if stands_for_payment(code) else str(transaction.get("rootId") or transaction.get("id") or code)


def told_of(transaction: JsonObject, connection: Connection) -> dict[str, Json]:
    """What an event about a transaction says of its payment: references, metadata, amount, payer, means."""
    read = Transaction(transaction)
    values = passed_on(read.values(connection))
    details = object_of(object_of(transaction.get("orderInformation")).get("amountDetails"))
    link = read.code if kind_of(read.code) in {LINK, OPEN_LINK} else None
    return {
        "payment": payment_of(transaction),
        "total": details.get("totalAmount"),
        "currency": details.get("currency"),
        "method": method_of(transaction),
        "customer": customer_of(transaction),
        "reason": decline_code(read.reason) if read.reason else None,
        "code": read.reason or None,
        **({"link": link} if link else {}),
        **{name: values[name] for name in (*REFERENCES, "metadata") if name in values},
    }


def wrong_state(payment: str, life: Life, wanted: str) -> Exception:
    """The error for what a payment's state does not allow."""
    return failure("wrong_state", f"The payment {payment} is {life.status}; {wanted}")


def _of_one_payer(transactions: list[Transaction]) -> list[Transaction]:
    """Without a second payer's: Visa's pages stay open, and what another payer pays there is a payment of its own."""
    begun = [one.id for one in transactions if begins_payment(one)]
    return [one for one in transactions if one.id not in begun[1:]]


def _sum(transactions: list[Transaction], zero: Money | None) -> Money | None:
    amounts = [one.amount for one in transactions if one.amount is not None]
    return sum(amounts, zero) if zero is not None else None


def _json(money: Money | None) -> Json:
    return None if money is None or not money.minor else cast("Json", money.to_json())
