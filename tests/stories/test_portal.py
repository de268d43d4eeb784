"""Truck hire by a portal that has nothing but the API: offers, escrow, release, dispute, cancellation, silence."""

import json
import time
from datetime import datetime, timedelta

import pytest
from standardwebhooks import Webhook

from hub.engine.tokens import SCOPES, Tokens
from tests.web.api.receiver import Receiver

from .conftest import LiveHub
from .portal import Portal

FAR = "2099-01-31T12:00:00Z"


@pytest.fixture
def live(tmp_path):
    found = LiveHub(tmp_path / "data", allow_private_addresses=["127.0.0.1"])
    yield found
    found.close()


@pytest.fixture(params=["EUR", "JPY", "KWD"])
def portal(live, request):
    _, secret = Tokens(live.hub).create("Trucks", SCOPES, None, "admin@example.com")
    return Portal(live.address, secret, request.param)


def money(portal, minor):
    return {"minor": minor, "currency": portal.currency}


def payment(portal, state):
    """The one payment, once the gateway has told that it stands so."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        (found,) = portal.get("/payments", connection="sandbox")["data"]
        if found["state"] == state:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{found} is not {state}")


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def owners(portal):
    return [portal.register("Blue Trucks", "blue@example.com"), portal.register("Red Trucks", "red@example.com")]


@pytest.fixture
def held(live, portal, owners):
    """The business chose the cheaper of two offers and paid: job, hold, owner."""
    return paid(live, portal, owners, FAR)


def paid(live, portal, owners, needed_until):
    job = portal.post_job("Forty pallets to Hamburg", "shipper@example.com")
    dear, cheap = portal.offer(job, owners[0], 95_000), portal.offer(job, owners[1], 90_001)
    assert dear != cheap
    hold = portal.choose(job, cheap, "sandbox", needed_until)
    assert hold["amount"] == money(portal, 90_001)
    assert hold["why"]
    live.sandbox("POST", f"/test/payments/{hold['payment']}/choose", {"choice": "pay"})
    portal.wait_until_held(hold["hold"])
    return job, hold["hold"], owners[1]


def due(portal, owner):
    found = portal.post(f"/providers/{owner}/statement", **{"from": "2020-01-01T00:00:00Z", "to": FAR})
    return [one["closing"] for one in found["statements"]]


def test_the_chosen_owner_is_paid_after_the_work_less_commission(portal, live, held, receiver):
    hook = portal.post("/webhooks", url=receiver.url, types=["escrow.*", "job.*", "hold.*"])
    job, hold, owner = held
    released = portal.finish(job, hold, owner)
    assert released["left"] == money(portal, 0)
    assert portal.get(f"/jobs/{job}")["provider"] == owner
    assert due(portal, owner) == [money(portal, 81_001)]
    live.until(lambda: len(receiver.taken) >= 3)
    for headers, body in receiver.taken:
        Webhook(hook["secret"]).verify(body, {name.lower(): value for name, value in headers.items()})
    assert "job.confirmed" in [json.loads(body)["type"] for _, body in receiver.taken]


def test_the_owners_money_goes_out_to_the_account_that_the_portal_gave(portal, live, held):
    job, hold, owner = held
    portal.finish(job, hold, owner)
    assert portal.post("/payouts", provider=owner)["skipped"][0]["reason"] == "The provider gave no bank account."
    assert portal.give_account(owner, "sandbox", "acct_red_trucks")["gateways"] == [
        {"connection": "sandbox", "account": "…ucks"}
    ]
    paid_out = portal.pay_out(owner)
    assert (paid_out["provider"], paid_out["amount"]) == (owner, money(portal, 81_001))
    (run,) = portal.get("/payout-runs")["data"]
    assert (run["run"], run["count"], run["actor"]) == (paid_out["run"], 1, "token Trucks")
    assert portal.post("/payouts", provider=owner)["payouts"] == [], "nothing is paid twice"
    assert due(portal, owner) == [money(portal, 0)]


def test_a_dispute_freezes_the_money_and_is_settled_to_the_unit(portal, held):
    job, hold, owner = held
    portal.post(f"/jobs/{job}/start")
    portal.post(f"/jobs/{job}/dispute", reason="Half of it was broken")
    portal.post(f"/holds/{hold}/freeze", reason="Half of it was broken")
    with pytest.raises(RuntimeError, match="wrong_state"):
        portal.post(f"/holds/{hold}/release", provider=owner)
    parts = [
        {"provider": owner, "amount": money(portal, 45_001)},
        {"customer": "shipper@example.com", "amount": money(portal, 45_000)},
    ]
    settled = portal.post(f"/holds/{hold}/settle", parts=parts)
    assert settled["left"]["minor"] == 0
    assert due(portal, owner) == [money(portal, 45_001)]
    assert payment(portal, "partially_refunded")["refunded"] == money(portal, 45_000)


@pytest.mark.parametrize(
    ("days", "mode", "state", "refunded"), [(2, "authorization", "voided", 0), (100, "collected", "refunded", 90_001)]
)
def test_who_cancels_before_the_start_gets_all_of_it_back(portal, live, owners, days, mode, state, refunded):
    job, hold, owner = paid(live, portal, owners, (live.clock() + timedelta(days=days)).isoformat())
    assert portal.get(f"/holds/{hold}")["mode"] == mode
    assert portal.cancel(job, hold)["left"]["minor"] == 0
    assert portal.get(f"/jobs/{job}")["state"] == "cancelled"
    assert payment(portal, state)["refunded"] == money(portal, refunded)
    assert due(portal, owner) == []
    with pytest.raises(RuntimeError, match="wrong_state"):
        portal.post(f"/jobs/{job}/start")


def test_who_cancels_after_the_start_is_refused_and_the_money_stays_held(portal, held):
    job, hold, _ = held
    portal.post(f"/jobs/{job}/start")
    with pytest.raises(RuntimeError, match="wrong_state"):
        portal.cancel(job, hold)
    assert (portal.get(f"/jobs/{job}")["state"], portal.get(f"/holds/{hold}")["state"]) == ("in_progress", "held")


def test_a_business_that_says_nothing_is_taken_to_agree_after_three_days(portal, live, held):
    job, hold, owner = held
    before = live.clock()
    done = portal.report_done(job)
    waits = datetime.fromisoformat(done["until"]) - before
    assert done["state"] == "done_reported"
    assert timedelta(days=3) <= waits < timedelta(days=3, minutes=1)
    live.clock.forward(days=3, minutes=1)
    assert portal.release_in_time(job, hold, owner)["left"]["minor"] == 0
    assert due(portal, owner) == [money(portal, 81_001)]
