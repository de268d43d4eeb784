"""The list of Authorize.Net's payments: what no batch holds yet, then one settled batch after another."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.errors import PermanentError, TransientError
from tests.contract.authorize_net_steps import PART, STORED, desk_of
from tests.contract.desk import NOW
from tests.contract.test_listings import listed
from tests.fakes.authorize_net_books import BANK
from tests.fakes.fake_authorize_net import FakeAuthorizeNet
from tests.fakes.server import DOWN

WEEK = {"since": (NOW - timedelta(days=1)).isoformat(), "until": (NOW + timedelta(days=7)).isoformat()}


@pytest.fixture
def anet():
    with FakeAuthorizeNet().running() as fake:
        yield fake


@pytest.fixture
def desk(anet, registry, outbound):
    return desk_of(anet, registry, outbound)


def charged(desk, anet, key, **more):
    """A sale on a stored means, a minute after the one before."""
    anet.now += timedelta(minutes=1)
    return desk.run("payment.create", {**STORED, **more}, key=key, now=anet.now)["payment"]


def week(desk, anet, **more):
    return listed(Now(desk, anet), "payment.list", **{**WEEK, **more})


class Now:
    """The desk at the fake's time."""

    def __init__(self, desk, anet):
        self.desk, self.anet = desk, anet

    def run(self, action, given):
        return self.desk.run(action, given, now=self.anet.now)


def test_what_is_unsettled_comes_first_and_then_each_batch_by_its_settlement(desk, anet):
    first = charged(desk, anet, "first")
    anet.settle()
    second = charged(desk, anet, "second", amount=PART)
    anet.now += timedelta(days=1)
    anet.settle()
    third = charged(desk, anet, "third")
    items, pages = week(desk, anet)
    assert ([one["payment"] for one in items], pages) == ([third, first, second], 3)
    assert items[2] == {"payment": second, "status": "succeeded", "amount": PART, "created_at": "2026-11-23T09:02:00Z"}
    assert anet.complaints == []


def test_only_what_was_sent_within_the_time_is_listed(desk, anet):
    made = [charged(desk, anet, f"pay-{number}") for number in range(4)]
    times = {"since": (NOW + timedelta(minutes=2)).isoformat(), "until": (NOW + timedelta(minutes=4)).isoformat()}
    assert [one["payment"] for one in week(desk, anet, **times)[0]] == made[2:0:-1]
    anet.now += timedelta(days=8)
    anet.settle()
    assert [one["payment"] for one in week(desk, anet, **times)[0]] == made[2:0:-1]


def test_what_took_no_money_is_left_out_and_what_came_back_is_told(desk, anet):
    anet.refusals.append(("2", "2", "This transaction has been declined."))
    with pytest.raises(PermanentError):
        charged(desk, anet, "declined")
    voided = charged(desk, anet, "voided")
    desk.run("payment.refund", {"payment": voided}, key="void", now=anet.now)
    kept, returned, disputed = (charged(desk, anet, key) for key in ("kept", "returned", "disputed"))
    anet.transactions[returned]["payment"] = BANK
    items, _ = week(desk, anet)
    assert {one["payment"]: one["status"] for one in items} == {
        kept: "succeeded", returned: "pending", disputed: "succeeded",
    }  # fmt: skip
    anet.settle()
    desk.run("payment.refund", {"payment": kept, "amount": PART}, key="part", now=anet.now)
    anet.come_back(returned)
    chargeback = anet.charge_back(disputed)
    items, _ = week(desk, anet)
    assert {one["payment"]: one["status"] for one in items} == {
        kept: "succeeded", returned: "returned", disputed: "succeeded", chargeback: "disputed",
    }  # fmt: skip
    assert desk.run("payment.get", {"payment": chargeback})["payment"] == disputed


def test_a_thousand_transactions_are_a_page(desk, anet):
    request = {"transactionType": "authCaptureTransaction", "amount": "5.00"}
    made = [anet.post(request, BANK, "")["transId"] for _ in range(1001)]
    items, pages = week(desk, anet)
    assert ([one["payment"] for one in items], pages) == (made[::-1], 2)
    later = {"since": (NOW + timedelta(seconds=1)).isoformat()}
    assert week(desk, anet, **later) == ([], 1), "pages of what is older are not read"
    anet.settle()
    items, pages = week(desk, anet)
    assert ([one["payment"] for one in items], pages) == (made[::-1], 3)


def test_times_of_more_than_a_month_are_asked_for_month_by_month(desk, anet):
    old = charged(desk, anet, "old")
    anet.settle()
    anet.now += timedelta(days=70)
    new = charged(desk, anet, "new")
    anet.settle()
    items, _ = week(desk, anet, until=(NOW + timedelta(days=80)).isoformat())
    assert [one["payment"] for one in items] == [old, new]
    assert [one["payment"] for one in listed(Now(desk, anet), "payment.list")[0]] == [old]
    asked = [next(iter(one.json())) for one in anet.received]
    assert asked.count("getTransactionListRequest") == 3, "what was settled months later is not read"
    assert anet.complaints == []


def test_a_batch_at_the_border_of_two_months_is_read_once(desk, anet):
    payment = charged(desk, anet, "border")
    anet.now = NOW + timedelta(days=29)
    anet.settle()
    later = charged(desk, anet, "later")
    anet.now += timedelta(days=1)
    anet.settle()
    items, pages = week(desk, anet, until=(NOW + timedelta(days=40)).isoformat())
    assert ([one["payment"] for one in items], pages) == ([payment, later], 3)


def test_what_is_no_page_is_refused_and_errors_are_told_apart(desk, anet):
    for after in ("soon", "unsettled/0", "12/1/1", "1/", "x/1"):
        with pytest.raises(PermanentError, match="no page"):
            week(desk, anet, after=after)
    with pytest.raises(PermanentError, match="was not settled in this time"):
        week(desk, anet, after="12/1")
    anet.details_enabled = False
    with pytest.raises(PermanentError) as caught:
        week(desk, anet)
    assert caught.value.code == "forbidden"
    anet.treat(DOWN)
    with pytest.raises(TransientError):
        week(desk, anet)
