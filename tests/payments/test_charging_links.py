"""Periods that are paid by links: the newest can be paid, one that was paid too late or twice is not lost."""

import pytest

from hub.journal.queries import EventFilter
from hub.journal.tables import links
from tests.payments.conftest import ADA, Corner
from tests.payments.market import KilledError
from tests.payments.test_charging import die, terms
from tests.payments.test_subscriptions import act, plan


def links_of(corner):
    """The addresses of the links that were mailed, oldest first."""
    found = corner.hub.queries.events(EventFilter(type="link.created"), limit=200).items
    return [corner.hub.queries.event(one.id).data["url"] for one in found][::-1]


def pay_link(corner, url):
    clicked = corner.visit(url, "POST")
    corner.pay(clicked.headers["Refresh"].removeprefix("0; url="))
    corner.run_due()


def states_of_links(corner):
    rows = corner.hub.payments.store.list(links)
    return [row.state for row in rows][::-1]


@pytest.fixture
def by_link(tmp_path, gateway):
    made = Corner(tmp_path / "workspace", "sqlite:///", gateway, mode="link")
    given = {"plan": plan(made), "customer": ADA}
    made.joined = made.act("subscription.create", given, "join")["subscription"]
    made.run_due()
    yield made
    made.hub.close()


def test_a_link_that_is_paid_after_its_day_pays_the_period(by_link):
    by_link.forward(days=1, hours=1)
    assert by_link.told("subscription") == ["subscription.payment_failed"]
    pay_link(by_link, links_of(by_link)[0])
    assert by_link.told("subscription") == ["subscription.payment_failed", "subscription.started"]
    by_link.forward(days=20)
    assert (len(links_of(by_link)), terms(by_link, by_link.joined).state) == (1, "active")


def test_only_the_newest_link_of_a_period_can_be_paid(by_link):
    by_link.forward(days=2, hours=1)
    assert states_of_links(by_link) == ["cancelled", "active"]
    assert by_link.told("link.cancelled") == ["link.cancelled"]
    pay_link(by_link, links_of(by_link)[1])
    assert (states_of_links(by_link), terms(by_link, by_link.joined).cycle) == (["cancelled", "paid"], 1)


def test_a_payment_that_was_under_way_on_an_older_link_pays_the_period_and_closes_the_newer(by_link):
    by_link.forward(days=1, hours=1)
    clicked = by_link.visit(links_of(by_link)[0], "POST").headers["Refresh"].removeprefix("0; url=")
    by_link.forward(days=1)
    by_link.pay(clicked)
    by_link.run_due()
    assert (states_of_links(by_link), terms(by_link, by_link.joined).cycle) == (["paid", "cancelled"], 1)
    assert terms(by_link, by_link.joined).balance == 0


def test_a_link_that_was_paid_twice_pays_one_period_and_the_rest_is_set_off(by_link):
    pay_link(by_link, links_of(by_link)[0])
    (link,) = by_link.hub.payments.store.list(links)
    for _ in range(2):
        by_link.hub.charging.link_paid(link, "c_1")
        assert (terms(by_link, by_link.joined).cycle, terms(by_link, by_link.joined).balance) == (1, 0)
    for _ in range(2):
        by_link.hub.charging.link_paid(link, "c_77")
        assert (terms(by_link, by_link.joined).cycle, terms(by_link, by_link.joined).balance) == (1, -4900)


@pytest.mark.parametrize("how", ["ended", "unpaid"])
def test_by_the_link_of_a_subscription_that_is_over_nothing_can_be_paid(by_link, how):
    if how == "ended":
        act(by_link, "cancel", by_link.joined)
    else:
        by_link.forward(days=60)
    assert by_link.told("subscription")[-1] == "subscription.cancelled"
    assert set(states_of_links(by_link)) == {"cancelled"}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_link_that_is_paid_when_the_process_that_made_it_died_pays_its_period_alone(by_link, monkeypatch, moment):
    pay_link(by_link, links_of(by_link)[0])
    die(by_link, monkeypatch, "end_charge", moment)
    with pytest.raises(KilledError):
        by_link.forward(days=31)
    pay_link(by_link, links_of(by_link)[1])
    by_link.forward(minutes=3)
    by_link.forward(minutes=3)
    assert by_link.told("subscription") == ["subscription.started", "subscription.renewed"]
    assert (terms(by_link, by_link.joined).cycle, terms(by_link, by_link.joined).balance) == (2, 0)
    assert len(links_of(by_link)) == 2
