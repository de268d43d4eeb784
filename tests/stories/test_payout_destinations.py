"""A payout run through each gateway that must be told with each payout where the money goes."""

from __future__ import annotations

import pytest

from hub.journal.tables_escrow import payouts
from hub.journal.tables_work import providers
from hub.payments import ledger
from tests.payments.market import complete
from tests.stories.payers import MARKETS

MONEYGRAM = {
    "country": "NGA",
    "service": "WILL_CALL",
    "beneficiary.consumer.name.firstName": "Ada",
    "beneficiary.consumer.name.lastName": "Lovelace",
}
KEPT = {
    "visa": (
        {"to": {"card": "TOKENADA", "first_name": "Ada", "address.country": "GB"}},
        {"to": {"card": "TOKENBOB/INSTRUMENTBOB"}},
    ),
    "mastercard": (
        {"to": {"account": "acct-ref:ada", "name": "Ada Lovelace", "address.country": "GBR"}},
        "acct-ref:bob",
    ),
    "moneygram": (
        {"to": MONEYGRAM},
        {"to": {**MONEYGRAM, "beneficiary.consumer.name.firstName": "Bob"}},
    ),
    "razorpay": ({"account": "acc_Ada", "to": {"fund_account": "fa_Ada"}}, "fa_Bob"),
}
"""By gateway, how the two who can be paid are known there."""
WITHOUT = {"razorpay": "acc_Cat", "moneygram": "NGA"}
"""What is known of who has no destination: an account that shares are passed on to, a text that says too little."""


def asked(market):
    """Of each payout that the gateway was asked for, whatever says where it goes."""
    bodies = [one.json() for one in market.fake.received if one.method in {"POST", "PUT"} and one.body]
    match market.name:
        case "visa":
            sent = [one for one in bodies if "senderInformation" in one]
            found = [(one["paymentInformation"], one.get("recipientInformation")) for one in sent]
        case "mastercard":
            sent = [one["payment_disbursement"] for one in bodies if "payment_disbursement" in one]
            found = [(one["recipient_account_uri"], one.get("recipient")) for one in sent]
        case "moneygram":
            found = [
                (one["beneficiary"]["consumer"]["name"]["firstName"], None) for one in bodies if "beneficiary" in one
            ]
        case "razorpay":
            found = [(one["fund_account_id"], None) for one in bodies if "fund_account_id" in one]
    return sorted(found, key=str)


ASKED = {
    "visa": [
        ({"customer": {"id": "TOKENADA"}}, {"firstName": "Ada", "country": "GB"}),
        ({"customer": {"id": "TOKENBOB"}, "paymentInstrument": {"id": "INSTRUMENTBOB"}}, None),
    ],
    "mastercard": [
        ("acct-ref:ada", {"first_name": "Ada", "last_name": "Lovelace", "address": {"country": "GBR"}}),
        ("acct-ref:bob", None),
    ],
    "moneygram": [("Ada", None), ("Bob", None)],
    "razorpay": [("fa_Ada", None), ("fa_Bob", None)],
}


def register(market, identity, kept):
    """A provider who is owed 50.00, as a gateway knows them."""
    row = {"id": identity, "name": identity, "email": f"{identity}@example.com", "state": "approved", "bank": {}}
    row |= {"accounts": {"shop": kept} if kept else {}}
    money = ledger.Money(5_000, market.currency)
    postings = [ledger.Posting(ledger.provider(identity), -money), ledger.Posting(ledger.gateway("shop"), money)]

    def work(book):
        book.insert(providers, complete(providers, row))
        ledger.post(book, f"owed:{identity}", postings, "evt_test")

    market.live.hub.office(identity).change(work)


@pytest.mark.parametrize("connection", ["shop", None])
@pytest.mark.parametrize("name", KEPT)
def test_a_run_pays_who_has_a_destination_and_names_who_has_none(name, connection, tmp_path):
    with MARKETS[name].opened(tmp_path) as market:
        for identity, kept in zip(("prv_ada", "prv_bob"), KEPT[name], strict=True):
            register(market, identity, kept)
        register(market, "prv_cat", WITHOUT.get(name, {"account": "", "to": {}}))
        given = {"connection": connection} if connection else {}
        done = market.live.hub.payments.act("payments", "pay_due", "6a" * 20, given)
        assert [one["provider"] for one in done["payouts"]] == ["prv_ada", "prv_bob"]
        none = "The provider has no destination for payouts at shop."
        assert [(one["provider"], one["reason"]) for one in done["skipped"]] == [("prv_cat", none)]

        def on_their_way():
            rows = market.live.hub.payments.store.list(payouts)
            return rows if all(one.state in {"sent", "paid"} and one.reference for one in rows) else None

        rows = market.live.until(on_their_way)
        assert {(one.way, one.connection, one.provider, one.amount) for one in rows} == {
            ("payout", "shop", "prv_ada", 5_000),
            ("payout", "shop", "prv_bob", 5_000),
        }
        assert asked(market) == ASKED[name]
        with market.live.hub.database.read() as reading:
            due = [
                ledger.balance(reading, ledger.provider(one), market.currency)
                for one in ("prv_ada", "prv_bob", "prv_cat")
            ]
        assert due == [0, 0, -5_000]
