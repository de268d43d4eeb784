"""The admin's pages of payments and of the subscriptions that the hub charges."""

from datetime import UTC, datetime

import pytest

from hub.journal.entries import Happening

from .conftest import PAID


@pytest.fixture
def told(hub):
    for event_type, more in (("payment.created", {}), ("payment.succeeded", {"captured": PAID["amount"]})):
        time = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
        hub.recorder.record(Happening(event_type, "stripe-main", event_type, {**PAID, **more}, time), hub.now())


def test_a_hub_without_payments_says_where_they_come_from(admin):
    assert "No payments yet" in admin.page("/payments")
    assert "No subscriptions yet" in admin.page("/subscriptions")


@pytest.mark.parametrize(
    ("asked", "shown"), [("", True), ("state=succeeded", True), ("state=failed", False), ("payment=pay_1", True)]
)
def test_the_list_is_filtered(told, admin, asked, shown):
    assert ("/payments/stripe-main/pay_1" in admin.page(f"/payments?{asked}")) is shown


def test_one_payment_says_how_it_stands_and_what_was_told(told, admin):
    page = admin.page("/payments/stripe-main/pay_1")
    assert "€49.00" in page
    assert "ada@example.com" in page
    assert page.index("payment.succeeded") < page.index("payment.created")
    assert admin.get("/payments/stripe-main/pay_none").status_code == 404
    assert admin.get("/subscriptions/sub_none").status_code == 404


def test_what_a_person_sends_by_hand_is_no_payment(hub, admin):
    hub.runs.record("payment.succeeded", PAID, "admin@example.com")
    assert "No payments yet" in admin.page("/payments")
