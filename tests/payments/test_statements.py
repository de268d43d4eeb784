"""Statements: what was owed before, each movement, what is owed now, in each currency, as the ledger has it."""

from datetime import timedelta

import pytest

from hub.errors import PermanentError
from hub.payments import ledger
from hub.payments.statements import statements
from tests.payments.books import START, money

ADA = "provider:prv_ada"


def earn(books, number, minor, currency="USD"):
    books.post(f"t{number}", (ADA, -minor, currency), ("held:o", minor, currency), subject=f"payment:shop/pay_{number}")


def test_a_statement_begins_and_ends_with_what_is_owed(books):
    earn(books, 1, 5_000)
    books.forward(days=40)
    begin = books.moment
    earn(books, 2, 2_500)
    books.forward(days=1)
    books.post("payout:pyt_1", (ADA, 7_000, "USD"), ("bank", -7_000, "USD"))
    books.forward(days=1)
    earn(books, 3, 900)
    (one,) = books.ask(statements, "prv_ada", begin, begin + timedelta(days=2))
    assert (one.currency, one.opening.minor, one.closing.minor) == ("USD", 5_000, 500)
    assert [(line.what, line.about, line.money.minor, line.balance.minor) for line in one.movements] == [
        ("T2", "pay_2", 2_500, 7_500),
        ("Paid out", "pyt_1", -7_000, 500),
    ]
    assert one.closing.minor == -books.balance(ADA, at=begin + timedelta(days=1, hours=1))


def test_each_currency_stands_by_itself_and_strangers_have_nothing(books):
    earn(books, 1, 5_000)
    earn(books, 2, 1_234, "KWD")
    earn(books, 3, 77, "JPY")
    found = books.ask(statements, "prv_ada", START, START + timedelta(days=1))
    assert [(one.currency, one.closing.minor) for one in found] == [("JPY", 77), ("KWD", 1_234), ("USD", 5_000)]
    assert books.ask(statements, "prv_bob", START, START + timedelta(days=1)) == []


def test_a_month_without_movements_still_says_what_is_owed(books):
    earn(books, 1, 5_000)
    (one,) = books.ask(statements, "prv_ada", START + timedelta(days=40), START + timedelta(days=70))
    assert (one.opening.minor, one.closing.minor, one.movements) == (5_000, 5_000, [])


def test_the_action_gives_the_same(books):
    earn(books, 1, 5_000)
    given = {"provider": "prv_ada", "from": START.isoformat(), "to": (START + timedelta(days=1)).isoformat()}
    output = books.hub.payments.act("payments", "statement", "6a" * 20, given)
    (one,) = output["statements"]
    assert (one["closing"], one["lines"][0]["amount"]) == (money(5_000), money(5_000))
    with pytest.raises(PermanentError, match="ends before it begins"):
        books.hub.payments.act("payments", "statement", "6b" * 20, {**given, "to": given["from"]})


def test_the_books_and_all_statements_agree(books):
    for number in range(20):
        earn(books, number, number + 1)
        books.forward(days=3)
    week = timedelta(days=7)
    closing = 0
    for number in range(10):
        (one,) = books.ask(statements, "prv_ada", START + number * week, START + (number + 1) * week)
        assert one.opening.minor == closing
        closing = one.closing.minor
    assert closing == -books.ask(ledger.balance, ADA, "USD") == sum(range(1, 21))
