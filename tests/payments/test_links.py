"""Payment links by the hub: its page mints a checkout at the click."""

from datetime import timedelta

import pytest

from hub.errors import UnavailableError
from hub.journal.tables import links
from tests.fakes.server import DOWN
from tests.payments.conftest import ADA, EUR

LESSON = {"amount": EUR, "description": "Piano lesson", "customer": ADA, "order": "o_7"}


def die(*_, **__):
    raise UnavailableError("The process died.")


def click(corner, link):
    """Press Pay; gives where the browser is led, or the page that says why not."""
    answer = corner.visit(link["url"], "POST")
    return answer.headers["Refresh"].removeprefix("0; url=") if "Refresh" in answer.headers else answer


def test_a_link_is_opened_paid_once_and_says_so_afterwards(corner):
    link = corner.act("link.create", LESSON)
    page = corner.visit(link["url"])
    assert "Piano lesson" in page.text
    assert "€49.00" in page.text
    assert corner.gateway.payments == {}, "opening it begins nothing"
    paid = corner.pay(click(corner, link))
    corner.run_due()
    assert corner.told("link") == ["link.created", "link.opened", "link.paid"]
    told = corner.event("link.paid")
    assert (told["link"], told["order"], told["payment"]) == (link["link"], "o_7", "c_1")
    assert corner.event("payment.succeeded")["link"] == link["link"]
    assert "Paid. Thank you." in corner.visit(paid.headers["Location"]).text
    assert "This is paid already" in corner.visit(link["url"]).text
    assert "This is paid already" in click(corner, link).text
    assert len(corner.gateway.payments) == 1


def test_two_clicks_lead_to_one_checkout_and_a_late_one_to_another(corner):
    link = corner.act("link.create", LESSON)
    first = click(corner, link)
    assert click(corner, link) == first
    corner.moment += timedelta(hours=1)
    assert click(corner, link) != first


def test_a_checkout_that_lapsed_gives_way_to_another_unless_it_was_paid_after_all(corner):
    corner.gateway.ends = "2027-01-31T09:15:00Z"
    link = corner.act("link.create", LESSON)
    first = click(corner, link)
    corner.moment += timedelta(minutes=16)
    corner.gateway.ends = "2027-01-31T09:30:00Z"
    assert click(corner, link) == first.replace("/page/1", "/page/2")
    corner.moment += timedelta(minutes=16)
    corner.gateway.settle("c_2")
    assert "Paid. Thank you." in corner.visit(click(corner, link).headers["Location"]).text


def test_a_link_for_many_payments_stays_open(corner):
    link = corner.act("link.create", {**LESSON, "reusable": True})
    for _ in range(2):
        corner.pay(click(corner, link))
        corner.run_due()
    assert corner.told("link.paid") == ["link.paid", "link.paid"]
    assert "Pay €49.00" in corner.visit(link["url"]).text


def test_an_expired_link_takes_nothing_and_is_told(corner):
    link = corner.act("link.create", {**LESSON, "expires_at": "2027-02-01T09:00:00Z"})
    corner.forward(days=2)
    assert corner.told("link") == ["link.created", "link.expired"]
    assert "time to pay by this link is over" in corner.visit(link["url"]).text
    assert click(corner, link).status_code == 502
    assert corner.gateway.payments == {}


def test_an_expiry_whose_process_died_is_told_as_soon_as_it_is_taken_up_again(corner, monkeypatch):
    corner.act("link.create", {**LESSON, "expires_at": (corner.moment + timedelta(days=1)).isoformat()})
    corner.moment += timedelta(days=1)
    with monkeypatch.context() as patch:
        patch.setattr(corner.hub.recorder, "record", die)
        corner.run_due()
    assert corner.told("link.expired") == []
    corner.forward(minutes=3)
    assert corner.told("link.expired") == ["link.expired"]
    assert corner.hub.payment_clock.due() == []


def test_a_link_that_is_paid_just_as_it_expires_stays_paid(corner):
    link = corner.act("link.create", {**LESSON, "expires_at": (corner.moment + timedelta(days=1)).isoformat()})
    page = click(corner, link)
    corner.moment += timedelta(days=1)
    expiry = corner.hub.payment_clock.due()
    corner.pay(page)
    corner.run_due()
    for work in expiry:
        work()
    assert corner.hub.payments.store.get(links, link["link"]).state == "paid"
    assert corner.told("link") == ["link.created", "link.paid"]
    corner.forward(minutes=3)
    assert corner.told("link") == ["link.created", "link.paid"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_payment_is_counted_once_though_the_process_died(corner, monkeypatch, moment):
    link, store = corner.act("link.create", LESSON), corner.hub.payments.store
    corner.pay(click(corner, link))
    settle = store.settle_link

    def die_there(*given, **more):
        if moment == "after":
            settle(*given, **more)
        die()

    with monkeypatch.context() as patch:
        patch.setattr(store, "settle_link", die_there)
        corner.run_due()
    corner.forward(minutes=3)
    row = store.get(links, link["link"])
    assert (row.state, row.payments) == ("paid", 1)
    assert corner.told("link.paid") == ["link.paid"]


def test_a_cancelled_link_explains_itself(corner):
    link = corner.act("link.create", LESSON)
    assert corner.act("link.cancel", {"link": link["link"]}, "cancel")["status"] == "cancelled"
    assert corner.act("link.cancel", {"link": link["link"]}, "again")["status"] == "cancelled"
    assert corner.told("link.cancelled") == ["link.cancelled"]
    assert "cancelled" in corner.visit(link["url"]).text


def test_a_paid_link_cannot_be_cancelled_nor_a_strange_one_be_found(corner):
    link = corner.act("link.create", LESSON)
    corner.pay(click(corner, link))
    corner.run_due()
    assert corner.refused("link.cancel", {"link": link["link"]}) == "wrong_state"
    assert corner.refused("link.cancel", {"link": "lnk_none"}) == "not_found"


def test_a_link_that_expires_before_it_is_made_is_refused(corner):
    assert corner.refused("link.create", {**LESSON, "expires_at": "2020-01-01T00:00:00Z"}) == "bad_input"


def test_a_gateway_that_is_down_charges_nothing_and_the_payer_may_try_again(corner):
    link = corner.act("link.create", LESSON)
    corner.gateway.treat(DOWN)
    answer = click(corner, link)
    assert answer.status_code == 502
    assert "Nothing was charged" in answer.text
    assert click(corner, link).startswith(corner.gateway.url)


def test_the_same_step_makes_one_link(corner):
    assert corner.act("link.create", LESSON) == corner.act("link.create", LESSON)
    assert corner.told("link") == ["link.created"]


def test_a_form_is_the_hubs_page_in_a_frame_of_the_site_that_was_named(corner):
    form = corner.act("form.embed", {"amount": EUR, "origin": "https://shop.example.com"})
    page = corner.visit(form["client"]["url"])
    assert "frame-ancestors https://shop.example.com" in page.headers["Content-Security-Policy"]
    begun = corner.visit(form["client"]["url"], "POST")
    corner.pay(begun.headers["Refresh"].removeprefix("0; url="))
    assert corner.told("payment") == ["payment.created", "payment.succeeded"]
    assert "Paid. Thank you." in corner.visit(form["client"]["url"]).text


def test_a_link_has_the_same_address_whenever_it_is_asked_for(corner):
    link = corner.act("link.create", LESSON)
    corner.moment += timedelta(days=400)
    assert corner.hub.pages.link(link["link"]) == link["url"]
    assert corner.visit(link["url"]).status_code == 200
