"""The report of the Mastercard Gateway's transactions, read a day at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from hub.connect.api import Connection
from hub.errors import PermanentError, TransientError
from tests.contract.desk import NOW, Desk
from tests.contract.test_listings import listed
from tests.contract.test_mastercard import EUR, charged, held, told
from tests.fakes.fake_mastercard import FakeMastercard
from tests.fakes.server import DOWN, Answered

PART = {"minor": 500, "currency": "EUR"}


@pytest.fixture
def mastercard():
    with FakeMastercard().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(mastercard, registry, outbound):
    connector = registry.get("mastercard")
    fields, secret = mastercard.fields(), connector.manifest.secret_names
    secrets = {name: (value,) for name, value in fields.items() if name in secret}
    settings = {name: value for name, value in fields.items() if name not in secret}
    return Desk(connector, outbound, Connection("mastercard-main", "mastercard", settings, secrets))


def days(count, desk, **more):
    until = (NOW + timedelta(days=count)).isoformat()
    return listed(desk, "payment.list", since=NOW.isoformat(), until=until, **more)


def dated(mastercard, payment, time):
    for entry in mastercard.orders[payment]["transaction"]:
        entry["timeOfRecord"] = time


def test_payments_and_captures_go_by_their_order(desk, mastercard):
    payment = charged(desk)["payment"]
    kept = held(desk)["payment"]
    desk.run("payment.capture", {"payment": kept, "amount": PART}, key="take")
    desk.run("payment.refund", {"payment": payment, "amount": PART}, key="back")
    mastercard.settle(waiting := debited(mastercard))
    mastercard.charge_back(payment)
    reported = {one.data["payment"] for one in told(desk, mastercard) if one.type == "payment.succeeded"}
    items, pages = listed(desk, "payment.list")
    assert ([(one["payment"], one["status"]) for one in items], pages) == (
        [(payment, "succeeded"), (kept, "authorized"), (kept, "succeeded"), (waiting, "succeeded")], 1,
    )  # fmt: skip
    assert {one["payment"] for one in items if one["status"] == "succeeded"} == reported
    assert items[2]["amount"] == PART
    assert items[0] == {
        "payment": payment, "status": "succeeded", "amount": EUR, "created_at": "2026-11-23T09:00:00Z",
    }  # fmt: skip


def debited(mastercard, result="PENDING"):
    source = {"order": {"amount": "19.99", "currency": "EUR"}, "operation": "PAY"}
    mastercard.begin(f"debit-{result}", source, {"brand": "VISA", "last4": "1"}, result, "SUBMITTED", transaction="1")
    return f"debit-{result}"


def test_what_is_undecided_is_pending_and_what_was_refused_is_left_out(desk, mastercard):
    for result in ("PENDING", "FAILURE", "UNKNOWN"):
        debited(mastercard, result)
    items, _ = listed(desk, "payment.list")
    assert [(one["payment"], one["status"]) for one in items] == [
        ("debit-PENDING", "pending"), ("debit-UNKNOWN", "pending"),
    ]  # fmt: skip


def test_the_report_is_read_day_by_day(desk, mastercard):
    made = [charged(desk, key=f"day-{day}")["payment"] for day in range(4)]
    for day, payment in enumerate(made):
        dated(mastercard, payment, f"2026-11-{23 + day}T09:00:00Z")
    items, pages = days(3, desk)
    assert ([one["payment"] for one in items], pages) == (made[:3], 3)
    assert days(2.5, desk)[1] == 3
    parts = {"since": "2026-11-23T09:00:00.500000Z", "until": "2026-11-25T09:00:00.500000Z"}
    items, pages = listed(desk, "payment.list", **parts)
    assert ([one["payment"] for one in items], pages) == (made[:2], 2)


def test_the_report_is_read_as_far_as_it_is_made(desk, mastercard):
    payment = charged(desk)["payment"]
    mastercard.lag = "2026-11-24T12:00:00Z"
    items, pages = days(4, desk)
    assert ([one["payment"] for one in items], pages) == ([payment], 2)
    assert "timeOfRecord.end=2026-11-24T12%3A00%3A00Z" in mastercard.received[-1].query
    mastercard.lag = "2026-11-23T09:00:00Z"
    assert days(4, desk) == ([], 1)


def test_a_report_that_says_it_is_made_to_a_later_time_is_not_read_beyond_the_end(desk, mastercard):
    refused = Answered(400, "DATA_AVAILABLE_AFTER 2027-01-01T00:00:00Z", {"Content-Type": "text/plain"})
    mastercard.report = lambda _: refused
    with pytest.raises(PermanentError):
        days(1, desk)
    assert "timeOfRecord.end=2026-11-24T09%3A00%3A00Z" in mastercard.received[-1].query


def test_an_orders_name_is_never_taken_for_the_reports_word(desk, mastercard):
    source = {"order": {"amount": "19.99", "currency": "EUR"}, "operation": "PAY"}
    name = "DATA_AVAILABLE_AFTER 2020-01-01T00:00:00Z"
    mastercard.begin(name, source, {"brand": "VISA", "last4": "1"}, "SUCCESS", "APPROVED", transaction="1")
    assert [one["payment"] for one in listed(desk, "payment.list")[0]] == [name]


def test_amounts_of_other_currencies_keep_their_decimals(desk, mastercard):
    for currency, amount in (("JPY", "5000"), ("KWD", "12.345")):
        source = {"order": {"amount": amount, "currency": currency}, "operation": "PAY"}
        made = mastercard.begin(
            currency, source, {"brand": "VISA", "last4": "1"}, "SUCCESS", "APPROVED", transaction="1"
        )
        made["transaction"]["amount"] = Decimal(amount)
    items, _ = listed(desk, "payment.list")
    assert [one["amount"] for one in items] == [
        {"minor": 5000, "currency": "JPY"}, {"minor": 12345, "currency": "KWD"},
    ]  # fmt: skip


def test_without_the_reporting_password_nothing_is_asked(desk, mastercard):
    charged(desk)
    secrets = {name: one for name, one in desk.connection.secrets.items() if name != "reporting_password"}
    poor = Desk(desk.connector, desk.outbound, replace(desk.connection, secrets=secrets))
    mastercard.received.clear()
    assert listed(poor, "payment.list") == ([], 1)
    assert mastercard.received == []


def test_errors_are_told_apart(desk, mastercard):
    with pytest.raises(PermanentError, match="no page"):
        listed(desk, "payment.list", after="soon")
    mastercard.reporting = "another"
    with pytest.raises(PermanentError) as caught:
        listed(desk, "payment.list")
    assert caught.value.code == "unauthorised"
    for body in ("<html>", "", "order.id\nx\n"):
        mastercard.report = lambda _, body=body: Answered(200, body, {"Content-Type": "text/csv"})
        with pytest.raises(TransientError, match="columns"):
            listed(desk, "payment.list")
    columns = "timeOfRecord,order.id,transaction.id,transaction.type,result,transaction.amount,transaction.currency"
    row = "yesterday,o,1,PAYMENT,SUCCESS,1.00,EUR"
    mastercard.report = lambda _: Answered(200, f"\ufeff{columns}\r\n{row}\r\n", {"Content-Type": "text/csv"})
    with pytest.raises(TransientError, match="yesterday"):
        listed(desk, "payment.list")
    mastercard.treat(DOWN)
    with pytest.raises(TransientError):
        listed(desk, "payment.list")
