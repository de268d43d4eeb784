"""The list of Instamojo's payments: the account's own, the newest first, with no filter by time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.errors import PermanentError, TransientError
from tests.contract.desk import NOW
from tests.contract.instamojo_steps import INR, PART, begun, desk_of
from tests.contract.test_listings import listed
from tests.fakes.fake_instamojo import FakeInstamojo
from tests.fakes.server import DOWN, Answered


@pytest.fixture
def instamojo():
    with FakeInstamojo().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(instamojo, registry, outbound):
    return desk_of(instamojo, registry, outbound)


@pytest.fixture
def request_of_ada(desk):
    return begun(desk)["payment"]


def test_payments_come_page_by_page_as_they_stand(desk, instamojo, request_of_ada):
    states = [True, False, None] * 34
    made = [instamojo.attempt(request_of_ada, status=status)["id"] for status in states]
    items, pages = listed(desk, "payment.list")
    assert ([one["payment"] for one in items[::-1]], pages) == (made, 3)
    words = {True: "succeeded", False: "failed", None: "pending"}
    assert [one["status"] for one in items[::-1]] == [words[one] for one in states]
    assert items[-1] == {
        "payment": made[0], "status": "succeeded", "amount": INR, "created_at": "2026-11-23T09:00:00Z",
    }  # fmt: skip
    instamojo.numbers = True
    assert listed(desk, "payment.list") == (items, 3)


def test_only_the_time_is_listed_and_what_is_older_is_not_read(desk, instamojo, request_of_ada):
    made = []
    for _ in range(150):
        made.append(instamojo.attempt(request_of_ada, status=True)["id"])
        instamojo.now += timedelta(minutes=1)
    times = {"since": (NOW + timedelta(minutes=60)).isoformat(), "until": (NOW + timedelta(minutes=62)).isoformat()}
    items, pages = listed(desk, "payment.list", **times)
    assert ([one["payment"] for one in items], pages) == ([made[61], made[60]], 2)


def test_where_a_list_does_not_say_whether_there_is_more_a_full_page_does(desk, instamojo, request_of_ada):
    for _ in range(51):
        instamojo.attempt(request_of_ada, status=True)
    told = instamojo._listed

    def silent(kind, query):
        answer = told(kind, query)
        return Answered(answer.status, {name: one for name, one in answer.body.items() if name != "next"})

    instamojo._listed = silent
    items, pages = listed(desk, "payment.list")
    assert (len(items), pages) == (51, 2)


def test_an_empty_page_is_the_last_whatever_it_says_of_a_next_one(desk, instamojo):
    told = instamojo._listed
    instamojo._listed = lambda kind, query: Answered(
        200, {**told(kind, query).body, "next": "https://x.example/?page=2"}
    )
    assert listed(desk, "payment.list") == ([], 1)


def test_a_refunded_payment_is_found_out_by_asking_for_it(desk, instamojo, request_of_ada):
    payment = instamojo.pay(request_of_ada)["payment_id"]
    refund = desk.run("payment.refund", {"payment": payment, "amount": PART}, key="r")["refund"]
    instamojo.review(refund, "Refunded")
    (one,), _ = listed(desk, "payment.list")
    assert (one["payment"], one["status"]) == (payment, "succeeded")
    now = desk.run("payment.get", {"payment": payment})
    assert (now["status"], now["refunded"]) == ("partially_refunded", PART)


def test_a_list_in_another_order_or_without_times_is_refused(desk, instamojo, request_of_ada):
    instamojo.attempt(request_of_ada, status=True)
    instamojo.now -= timedelta(minutes=1)
    newest = instamojo.attempt(request_of_ada, status=True)
    with pytest.raises(TransientError, match="begin with the newest"):
        listed(desk, "payment.list")
    newest["created_at"] = None
    with pytest.raises(TransientError, match=newest["id"]):
        listed(desk, "payment.list")


def test_errors_are_told_apart(desk, instamojo):
    assert listed(desk, "payment.list") == ([], 1)
    for after in ("soon", "-1", "²"):
        with pytest.raises(PermanentError, match="no page"):
            listed(desk, "payment.list", after=after)
    instamojo.treat(DOWN)
    with pytest.raises(TransientError):
        listed(desk, "payment.list")
