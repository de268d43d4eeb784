"""Authorize.Net's transactions: how one stands, what it tells of a payment, and how one is found by its invoice number.

A sale, an authorisation with its capture, and what voids them are one transaction; a refund is one of its own that names it
(``refTransId``). Source: ``transactionDetailsType``, ``transactionSummaryType`` and ``transactionStatusEnum`` of the schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, cast

from connectors.authorize_net.api import listed, money_json, money_of, object_of, time_of, words
from connectors.authorize_net.carried import carried_by, kind_of
from connectors.authorize_net.errors import HELD, reason_code
from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from connectors.authorize_net.api import AuthorizeNet
    from hub.connect.api import Call, Connection
    from hub.jsontypes import Json, JsonObject
    from hub.money import Money

AUTHORIZATION_DAYS = 30
"""After which Authorize.Net lets an authorisation expire (its support page 000001346); the bank may let go earlier."""
PAGE_SIZE = 1000
PAGES = 20

_STATUS: Mapping[str, str] = {
    "authorizedPendingCapture": "authorized",
    "capturedPendingSettlement": "succeeded",
    "settledSuccessfully": "succeeded",
    "couldNotVoid": "succeeded",
    "chargebackReversal": "succeeded",
    "chargeback": "disputed",
    "returnedItem": "returned",
    "expired": "expired",
    "voided": "voided",
    "declined": "failed",
    "failedReview": "failed",
    "settlementError": "failed",
    "generalError": "failed",
    "communicationError": "failed",
    "refundSettledSuccessfully": "refunded",
    "refundPendingSettlement": "refunded",
}
"""``transactionStatus`` -> status of a payment; all others wait for a review or for the settlement: pending."""
_REFUSED = frozenset({"declined", "generalError", "communicationError"})
_FOLLOWING = frozenset({"returnedItem", "chargeback", "chargebackReversal"})
UNSETTLED = frozenset({"authorizedPendingCapture", "capturedPendingSettlement"})
_TAKING = frozenset({"authCaptureTransaction", "captureOnlyTransaction", "priorAuthCaptureTransaction"})
_REFUND = "refundTransaction"


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction as ``getTransactionDetails`` gives it."""

    data: JsonObject
    connection: Connection

    @property
    def id(self) -> str:
        """Authorize.Net's id."""
        return str(self.data.get("transId") or "")

    @property
    def invoice(self) -> str:
        """The invoice number: the hub's reference where the hub began it."""
        return str(object_of(self.data.get("order")).get("invoiceNumber") or "")

    @property
    def raw_status(self) -> str:
        """Authorize.Net's word for the state."""
        return str(self.data.get("transactionStatus") or "")

    @property
    def is_refund(self) -> bool:
        """Whether it gives money back."""
        return self.data.get("transactionType") == _REFUND or self.raw_status.startswith("refund")

    @property
    def takes(self) -> bool:
        """Whether it took money (and did not only authorise it), whatever became of it afterwards."""
        return self.data.get("transactionType") in _TAKING or self.raw_status == "settledSuccessfully"

    @property
    def original(self) -> str:
        """The transaction that a refund, a return or a chargeback belongs to; else itself."""
        follows = self.is_refund or self.raw_status in _FOLLOWING
        return str(self.data.get("refTransId") or self.id) if follows else self.id

    @property
    def is_bank(self) -> bool:
        """Whether a bank account was debited (eCheck), which takes days to succeed."""
        return "bankAccount" in object_of(self.data.get("payment"))

    @property
    def taken(self) -> Money | None:
        """What was taken, or would be given back; the whole amount where the report names no part."""
        settled = money_of(self.data.get("settleAmount"), self.connection)
        return settled if settled and settled.minor else money_of(self.data.get("authAmount"), self.connection)

    @property
    def status(self) -> str:
        """The payment's status in the hub's words."""
        if listed(self.data.get("returnedItems"), "returnedItem"):
            return "returned"
        status = _STATUS.get(self.raw_status, "pending")
        return "pending" if self.is_bank and self.raw_status == "capturedPendingSettlement" else status

    @property
    def reference(self) -> str:
        """How the payment is known: by its transaction; a refused attempt belongs to its page or form."""
        return self.invoice if self.raw_status in _REFUSED and kind_of(self.invoice) else self.original

    @property
    def reason(self) -> str:
        """Why it failed, as a code of the error table; empty when it did not."""
        code = str(self.data.get("responseCode") or "")
        if self.raw_status == "failedReview":
            return "fraud_review"
        return reason_code(code, str(self.data.get("responseReasonCode") or "")) if code in {"2", "3"} else ""

    @property
    def submitted(self) -> Json:
        """When it was sent, RFC 3339."""
        return time_of(self.data.get("submitTimeUTC"))

    @property
    def lapses_at(self) -> Json:
        """When an authorisation ends by itself."""
        if not isinstance(self.submitted, str):
            return None
        end = datetime.fromisoformat(self.submitted) + timedelta(days=AUTHORIZATION_DAYS)
        return end.astimezone(UTC).isoformat().replace("+00:00", "Z")

    @property
    def method(self) -> JsonObject:
        """The means of payment, its last four digits only."""
        payment = object_of(self.data.get("payment"))
        card, bank = object_of(payment.get("creditCard")), object_of(payment.get("bankAccount"))
        number = str(card.get("cardNumber") or bank.get("accountNumber") or "")
        brand = str(card.get("cardType") or bank.get("echeckType") or "").lower().replace(" ", "_")
        kind = "bank" if self.is_bank else "card" if card else ""
        found = {"kind": kind, "brand": brand, "last4": number[-4:] if number[-4:].isdigit() else ""}
        return {name: value for name, value in found.items() if value}

    @property
    def stored_method(self) -> str | None:
        """The stored means (``customer profile/payment profile``) that it was made with or kept as."""
        return stored_method(object_of(self.data.get("profile")))

    @property
    def customer(self) -> JsonObject:
        """Who paid."""
        customer, bill_to = object_of(self.data.get("customer")), object_of(self.data.get("billTo"))
        name = " ".join(str(bill_to[part]) for part in ("firstName", "lastName") if bill_to.get(part))
        address = {
            "line1": bill_to.get("address"),
            "city": bill_to.get("city"),
            "state": bill_to.get("state"),
            "postal_code": bill_to.get("zip"),
            "country": bill_to.get("country"),
        }
        known: dict[str, Json] = {
            "id": object_of(self.data.get("profile")).get("customerProfileId") or customer.get("id"),
            "email": customer.get("email") or bill_to.get("email"),
            "name": name,
            "phone": bill_to.get("phoneNumber"),
            "address": {part: value for part, value in address.items() if value} or None,
        }
        return {part: value for part, value in known.items() if value}

    def output(self) -> JsonObject:
        """The payment as actions give it."""
        amount = money_json(self.data.get("authAmount"), self.connection)
        taken = self.status in {"succeeded", "disputed", "returned"}
        code = str(self.data.get("responseReasonCode") or "")
        failed = self.status == "failed"
        return {
            "payment": self.reference,
            "status": self.status,
            "amount": amount,
            "captured": money_json(self.data.get("settleAmount"), self.connection) if taken else None,
            "method": self.method or None,
            "stored_method": self.stored_method,
            "customer": self.customer or None,
            "metadata": carried_by(self.data).get("metadata"),
            "reason": self.reason or ("fraud_review" if self.raw_status.startswith("FDS") else None),
            "lapses_at": self.lapses_at if self.status == "authorized" else None,
            "gateway": words(
                self.id,
                status=self.raw_status,
                code=code if failed else None,
                message=self.data.get("responseReasonDescription") if failed else None,
                checkout=self.invoice if kind_of(self.invoice) else None,
            ),
        }


def made_of(response: JsonObject, asked: JsonObject, call: Call) -> Transaction:
    """The transaction that an answer and its request tell of, as a report will have it."""
    held = str(response.get("responseCode")) == HELD
    authorises = asked.get("transactionType") == "authOnlyTransaction"
    status = "authorizedPendingCapture" if authorises else "capturedPendingSettlement"
    masked = {"cardNumber": response.get("accountNumber"), "cardType": response.get("accountType")}
    bank = {"accountNumber": response.get("accountNumber")}
    profile = object_of(asked.get("profile"))
    stored: JsonObject = {
        "customerProfileId": profile.get("customerProfileId"),
        "customerPaymentProfileId": object_of(profile.get("paymentProfile")).get("paymentProfileId"),
    }
    data: dict[str, Json] = {
        **{name: asked.get(name) for name in ("transactionType", "order", "lineItems", "customer", "billTo")},
        "transId": response.get("transId"),
        "submitTimeUTC": call.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "transactionStatus": "FDSAuthorizedPendingReview" if held else status,
        "responseCode": response.get("responseCode"),
        "authAmount": asked.get("amount"),
        "settleAmount": asked.get("amount"),
        "payment": {"bankAccount": bank} if response.get("accountType") == "eCheck" else {"creditCard": masked},
        "profile": stored,
    }
    return Transaction(data, call.connection)


def stored_method(profile: JsonObject) -> str | None:
    """``customer profile/payment profile`` of a profile that names both."""
    customer, payment = profile.get("customerProfileId"), profile.get("customerPaymentProfileId")
    return f"{customer}/{payment}" if customer and payment else None


def details(api: AuthorizeNet, transaction: str) -> Transaction:
    """A transaction by its id. Raises ``not_found`` and like an action."""
    if not (transaction.isascii() and transaction.isdigit()):
        raise failure("not_found", f"{transaction!r} is no transaction of Authorize.Net's.")
    answer = api.ask("getTransactionDetailsRequest", {"transId": transaction})
    return Transaction(object_of(answer.get("transaction")), api.connection)


def unsettled(api: AuthorizeNet, since: datetime) -> Iterator[JsonObject]:
    """Summaries of transactions that are in no settled batch yet, the newest first, back to ``since``."""
    for summary in _paged(partial(page_of_unsettled, api)):
        if submitted_at(summary) < since:
            return
        yield summary


def batches(api: AuthorizeNet, first: datetime, last: datetime) -> list[JsonObject]:
    """The batches that were settled between two times, with statistics by means; at most 31 days (E00003 beyond)."""
    members: JsonObject = {
        "includeStatistics": True,
        "firstSettlementDate": _stamp(first),
        "lastSettlementDate": _stamp(last),
    }
    return listed(api.ask("getSettledBatchListRequest", members).get("batchList"), "batch")


def in_batch(api: AuthorizeNet, batch: JsonObject) -> Iterator[JsonObject]:
    """Summaries of a settled batch's transactions."""
    return _paged(partial(page_of_batch, api, str(batch.get("batchId"))))


def by_invoice(api: AuthorizeNet, invoice: str, since: datetime, until: datetime) -> list[JsonObject]:
    """Summaries with this invoice number that were sent since then: in no batch yet, or in one settled before ``until``.

    It is read on until there is an attempt that was not refused: there is no search by invoice number.
    """
    found = [one for one in unsettled(api, since) if one.get("invoiceNumber") == invoice]
    if all(_is_refused(one) for one in found):
        for batch in batches(api, since, until):
            found += [one for one in in_batch(api, batch) if one.get("invoiceNumber") == invoice]
            if not all(_is_refused(one) for one in found):
                break
    return found


def standing(summaries: list[JsonObject]) -> JsonObject | None:
    """Of several attempts the one that counts: the first that was not refused, else the newest."""
    kept = [one for one in summaries if not _is_refused(one)]
    ordered = sorted(kept or summaries, key=submitted_at)
    if not ordered:
        return None
    return ordered[0] if kept else ordered[-1]


def _is_refused(summary: JsonObject) -> bool:
    return _STATUS.get(str(summary.get("transactionStatus"))) == "failed"


def submitted_at(summary: JsonObject) -> datetime:
    """When a transaction was sent (UTC)."""
    return moment(summary.get("submitTimeUTC"))


def moment(value: Json) -> datetime:
    """A time of Authorize.Net's in UTC; the beginning of time where it is missing."""
    text = time_of(value)
    return datetime.fromisoformat(text) if isinstance(text, str) else datetime.fromtimestamp(0, tz=UTC)


def page_of_unsettled(api: AuthorizeNet, page: int) -> list[JsonObject]:
    """A page of summaries of transactions that are in no settled batch yet, the newest first."""
    return _page(api, "getUnsettledTransactionListRequest", {}, page)


def page_of_batch(api: AuthorizeNet, batch: str, page: int) -> list[JsonObject]:
    """A page of summaries of a settled batch's transactions, the newest first."""
    return _page(api, "getTransactionListRequest", {"batchId": batch}, page)


def status_of(summary: JsonObject) -> str:
    """The status in the hub's words of a payment that is listed."""
    if summary.get("hasReturnedItems") is True:
        return "returned"
    raw = str(summary.get("transactionStatus"))
    is_under_way = summary.get("accountType") == "eCheck" and raw == "capturedPendingSettlement"
    return "pending" if is_under_way else _STATUS.get(raw, "pending")


def _paged(pages: Callable[[int], list[JsonObject]]) -> Iterator[JsonObject]:
    for page in range(1, PAGES + 1):
        found = pages(page)
        yield from found
        if len(found) < PAGE_SIZE:
            return


def _page(api: AuthorizeNet, root: str, members: JsonObject, page: int) -> list[JsonObject]:
    asked: JsonObject = {
        **members,
        "sorting": {"orderBy": "submitTimeUTC", "orderDescending": True},
        "paging": {"limit": PAGE_SIZE, "offset": page},
    }
    return listed(api.ask(root, asked).get("transactions"), "transaction")


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def order_of(invoice: str, given: JsonObject) -> JsonObject:
    """The order of a request: our invoice number, and what the payer reads."""
    return cast(
        "JsonObject", {"invoiceNumber": invoice, "description": str(given.get("description") or "")[:255] or None}
    )
