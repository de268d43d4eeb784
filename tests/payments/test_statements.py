"""Statements: what was owed before, each movement, what is owed now, in each currency, as the ledger has it."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.errors import PermanentError
from hub.payments import ledger
from hub.payments.statements import first_moment, last_of_month, period, statements
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
    books.forward(days=1)
    earn(books, 2, 300)
    books.forward(hours=1)
    earn(books, 3, 20)
    given = {"provider": "prv_ada", "from": (START + timedelta(days=1)).isoformat(), "to": "2027-02-02T00:00:00Z"}
    output = books.hub.payments.act("payments", "statement", "6a" * 20, given)
    lines = [
        {"time": "2027-02-01T09:00:00Z", "what": "T2", "about": "pay_2", "amount": money(300), "balance": money(5_300)},
        {"time": "2027-02-01T10:00:00Z", "what": "T3", "about": "pay_3", "amount": money(20), "balance": money(5_320)},
    ]
    one = {"currency": "USD", "opening": money(5_000), "closing": money(5_320), "lines": lines}
    assert output == {"provider": "prv_ada", "statements": [one]}
    with pytest.raises(PermanentError, match="ends before it begins"):
        books.hub.payments.act("payments", "statement", "6b" * 20, {**given, "to": given["from"]})


def test_what_events_make_of_a_payment_stands_in_words_and_ends_with_what_the_ledger_owes(books):
    sale = {"payment": "pay_1", "amount": money(10_000), "order": "o_1"}
    parts = [{"provider": "prv_ada", "amount": money(9_000), "commission": money(1_000)}]
    books.tell("payment.succeeded", **sale)
    books.tell("payment.split", payment="pay_1", amount=money(10_000), parts=parts)
    books.tell("refund.issued", payment="pay_1", refund="r_1", amount=money(1_000))
    for what, more in (("opened", {}), ("closed", {"outcome": "lost"})):
        books.tell(f"dispute.{what}", payment="pay_1", dispute="d_1", amount=money(500), **more)
    books.tell("refund.failed", payment="pay_1", refund="r_1", amount=money(1_000))
    (one,) = books.ask(statements, "prv_ada", START, START + timedelta(days=1))
    assert [(line.kind, line.about, line.money.minor) for line in one.movements] == [
        ("split", "pay_1", 9_000), ("taken", "pay_1", -900), ("taken", "pay_1", -450), ("taken", "pay_1", 900),
    ]  # fmt: skip
    assert (one.earned.minor, one.taken_back.minor, one.paid_out.minor) == (9_000, -450, 0)
    assert one.closing.minor == -books.balance(ADA) == 8_550


def test_every_kind_of_movement_has_its_words_and_its_sum(books):
    moves = (
        ("split:s1", 5_000, "payment:shop/pay_1"),
        ("adjustment_by_hand:a1", 40, None),
        ("taken:r1", -700, "payment:shop/pay_1"),
        ("dispute:d1", -300, "payment:shop/pay_1"),
        ("transfer:t1", -1_000, "transfer:shop/tr_1"),
        ("payout:pyt_1", -2_000, "pyt_1"),
        ("payout:pyt_1:failed:3", 2_000, "pyt_1"),
        ("payout:pyt_2", -500, "pyt_2"),
    )
    for name, minor, subject in moves:
        books.post(name, (ADA, -minor, "USD"), ("gateway:shop", minor, "USD"), subject=subject)
    (one,) = books.ask(statements, "prv_ada", START, START + timedelta(days=1))
    assert [(line.what, line.kind, line.about) for line in one.movements] == [
        ("Share of a payment", "split", "pay_1"),
        ("Adjustment by hand", "adjustment_by_hand", "a1"),
        ("Taken back for a refund", "taken", "pay_1"),
        ("Dispute", "dispute", "pay_1"),
        ("Passed on at the gateway", "transfer", "tr_1"),
        ("Paid out", "payout", "pyt_1"),
        ("A payout came back", "payout_back", "pyt_1"),
        ("Paid out", "payout", "pyt_2"),
    ]
    assert (one.earned.minor, one.taken_back.minor, one.paid_out.minor) == (5_040, -1_000, -1_500)
    assert one.closing.minor == 5_040 - 1_000 - 1_500


def test_lines_stand_in_the_order_of_time(books):
    earn(books, 2, 200)
    books.forward(days=-1)
    earn(books, 1, 100)
    (one,) = books.ask(statements, "prv_ada", START - timedelta(days=2), START + timedelta(days=1))
    assert [(line.money.minor, line.balance.minor) for line in one.movements] == [(100, 100), (200, 300)]


def test_a_period_of_too_many_lines_is_refused_and_never_cut(books, monkeypatch):
    monkeypatch.setattr("hub.payments.statements.MOST_LINES", 2)
    for number in range(3):
        earn(books, number, 100)
        books.forward(days=1)
    (one,) = books.ask(statements, "prv_ada", START, START + timedelta(days=2))
    assert one.closing.minor == 200
    with pytest.raises(PermanentError, match="2 lines at most"):
        books.ask(statements, "prv_ada", START, START + timedelta(days=3))


@pytest.mark.parametrize(
    ("day", "last"),
    [
        ("2027-01-31", "2027-01-31"),
        ("2027-02-01", "2027-02-28"),
        ("2028-02-29", "2028-02-29"),
        ("2026-12-05", "2026-12-31"),
    ],
)
def test_a_month_ends_with_its_last_day(day, last):
    assert last_of_month(date.fromisoformat(day)) == date.fromisoformat(last)


def test_a_period_begins_and_ends_with_the_days_of_the_reader():
    begin, end = period(date(2027, 3, 1), date(2027, 3, 31), ZoneInfo("Europe/Berlin"))
    assert (begin.isoformat(), end.isoformat()) == ("2027-02-28T23:00:00+00:00", "2027-03-31T22:00:00+00:00")


def test_the_first_moment_is_that_of_the_provider_alone(books):
    books.post("split:b", ("provider:prv_bob", -1, "USD"), ("gateway:shop", 1, "USD"))
    books.forward(days=1)
    for number in range(2):
        earn(books, number, 100)
        books.forward(days=1)
    assert books.ask(first_moment, "prv_ada") == START + timedelta(days=1)
    assert books.ask(first_moment, "prv_nobody") is None


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
