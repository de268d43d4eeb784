"""The page of coupons: made once, stopped, and everything wrong said at its field."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from hub.journal.tables_billing import coupons

GOOD = {"code": "summer20", "percent": "20", "cycles": "3", "most": "100", "ends_on": "2026-12-31"}


def rows(hub):
    with hub.database.read() as connection:
        return connection.execute(sa.select(coupons)).all()


def test_a_coupon_is_made_shown_and_stopped(hub, admin):
    assert "No coupons yet" in admin.page("/coupons")
    assert admin.post("/coupons", **GOOD).status_code == 303
    (row,) = rows(hub)
    assert (row.id, row.discount, row.most) == ("SUMMER20", {"percent": "20", "cycles": 3}, 100)
    assert row.ends_at == datetime(2027, 1, 1, tzinfo=UTC)
    page = admin.page("/coupons")
    assert "20 % off the first 3 charges" in page
    assert "redeemed 0 of 100" in page
    assert admin.post("/coupons/SUMMER20/stop").status_code == 303
    assert rows(hub)[0].state == "stopped"
    assert "Stop SUMMER20" not in admin.page("/coupons")
    assert admin.post("/coupons/NONE/stop").status_code == 404


def test_an_amount_off_is_kept_in_minor_units(hub, admin):
    admin.post("/coupons", code="YEN", amount="500", currency="jpy")
    assert rows(hub)[0].discount == {"amount": {"minor": 500, "currency": "JPY"}}


def test_a_code_is_never_used_again(hub, admin):
    admin.post("/coupons", **GOOD)
    again = admin.post("/coupons", **{**GOOD, "percent": "50"})
    assert again.status_code == 422
    assert "There is a coupon SUMMER20 already" in again.text
    assert 'value="50"' in again.text
    assert rows(hub)[0].discount["percent"] == "20"


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("code", "", "3 to 60"),
        ("code", "a b", "3 to 60"),
        ("code", "x" * 10_000, "3 to 60"),
        ("percent", "", "a percentage or an amount"),
        ("percent", "100", "below 100"),
        ("percent", "0", "above 0"),
        ("percent", "१२", "above 0"),
        ("amount", "5", "a percentage or an amount"),
        ("cycles", "0", "from 1 to 1200"),
        ("most", "-1", "from 1 to 1000000"),
        ("ends_on", "31.12.2026", "2026-12-31"),
        ("ends_on", "2020-01-01", "is over"),
    ],
)
def test_what_is_wrong_is_said_at_the_field_and_nothing_is_made(hub, admin, field, typed, said):
    answer = admin.post("/coupons", **{**GOOD, field: typed})
    assert answer.status_code == 422
    assert said in answer.text
    assert rows(hub) == []


@pytest.mark.parametrize(("amount", "said"), [("0", "above zero"), ("1.005", "2 decimals"), ("1e9", "exponent")])
def test_an_amount_that_is_none_is_refused(hub, admin, amount, said):
    answer = admin.post("/coupons", code="ABC", amount=amount, currency="EUR")
    assert answer.status_code == 422
    assert said in answer.text


def test_viewers_see_and_editors_make(people):
    assert "New coupon" not in people["viewer"].page("/coupons")
    assert people["viewer"].post("/coupons", **GOOD).status_code == 403
    assert people["editor"].post("/coupons", **GOOD).status_code == 303
