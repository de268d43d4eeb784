"""Transactions of the ledger: balanced, written once, never changed; balances at any time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.payments import ledger
from hub.payments.ledger import LedgerError
from tests.payments.books import START


def test_a_transaction_changes_the_balances_of_its_accounts(books):
    assert books.post("t1", ("gateway:shop", 10000, "USD"), ("held:o_1", -10000, "USD"))
    assert (books.balance("gateway:shop"), books.balance("held:o_1")) == (10000, -10000)
    assert books.balance("gateway:shop", "EUR") == 0


def test_a_transaction_is_written_once_whoever_writes_it_again(books):
    assert books.post("t1", ("bank", 500, "JPY"), ("revenue:sales", -500, "JPY"))
    assert not books.post("t1", ("bank", 900, "JPY"), ("revenue:sales", -900, "JPY"))
    assert books.balance("bank", "JPY") == 500


def test_postings_that_do_not_sum_to_zero_are_refused_in_each_currency(books):
    with pytest.raises(LedgerError, match=r"0\.01 EUR too much") as caught:
        books.post("t1", ("bank", 500, "USD"), ("x", -500, "USD"), ("bank", 1, "EUR"))
    assert caught.value.code == "unbalanced"
    assert books.ask(ledger.balances) == ()


def test_one_account_named_twice_gets_the_sum(books):
    books.post("t1", ("bank", 700, "USD"), ("bank", -200, "USD"), ("x", -500, "USD"))
    assert books.balance("bank") == 500


def test_postings_that_change_nothing_are_not_written(books):
    assert not books.post("t1", ("bank", 700, "USD"), ("bank", -700, "USD"))
    assert books.ask(ledger.balances) == ()


def test_a_balance_is_known_at_every_past_moment(books):
    books.post("t1", ("bank", 700, "USD"), ("x", -700, "USD"))
    books.moment += timedelta(days=1)
    books.post("t2", ("bank", -300, "USD"), ("x", 300, "USD"))
    assert [books.balance("bank", at=START + timedelta(hours=hours)) for hours in (-1, 0, 23, 24)] == [0, 700, 700, 400]
    assert [one.minor for one in books.ask(ledger.balances, "bank", START)] == [700]


def test_balances_are_listed_by_the_beginning_of_the_accounts_name(books):
    books.post("t1", ("provider:a", -100, "KWD"), ("provider:b", -200, "KWD"), ("provider_x", 300, "KWD"))
    found = books.ask(ledger.balances, "provider:")
    assert [(one.account, str(one.money)) for one in found] == [
        ("provider:a", "-0.100 KWD"),
        ("provider:b", "-0.200 KWD"),
    ]


def test_what_was_posted_for_a_subject_is_found_again(books):
    books.post("t1", ("bank", 700, "USD"), ("x", -700, "USD"), subject="payment:shop/p")
    books.post("t2", ("bank", -200, "USD"), ("x", 200, "USD"), subject="payment:shop/p")
    books.post("t3", ("bank", 5, "USD"), ("x", -5, "USD"))
    found = books.ask(ledger.posted, ["payment:shop/p", "payment:shop/q"])
    assert found["payment:shop/p", ""] == {("bank", "USD"): 500, ("x", "USD"): -500}
    assert books.ask(ledger.sums) == {"USD": 0}


def test_a_pair_of_currencies_has_one_account_in_both_directions():
    assert ledger.exchange("USD", "EUR") == ledger.exchange("EUR", "USD") == "exchange:EUR/USD"
