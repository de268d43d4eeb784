"""Access: granted on a ground, made longer, revoked with its ground alone, expired on time; told once each."""

from datetime import timedelta

import pytest

from hub.commerce.portal import member_of
from hub.journal.tables_office import timers

ADA = {"email": "Ada@Example.com", "name": "Ada Lovelace"}
COURSE, ALL = "course-watercolour", "all-courses"


def at(shop, **length):
    return (shop.moment + timedelta(**length)).isoformat()


def grant(shop, key="g-1", resource=ALL, action="grant", **more):
    return shop.do("access", action, {"customer": ADA, "resource": resource, **more}, key)


def look(shop, resource=ALL, key="look"):
    return shop.do("access", "get", {"customer": {"email": "ada@example.com"}, "resource": resource}, key)


def revoke(shop, key="r-1", resource=ALL, **more):
    return shop.do("access", "revoke", {"customer": ADA, "resource": resource, **more}, key)


def test_an_access_without_end_is_granted_told_and_found(shop):
    about = {"payment": "pay_1", "plan": "pln_1", "order": "ord_1", "metadata": {"form": "course"}}
    given = grant(shop, resource=COURSE, title="Paint with watercolours", **about)
    assert (given["state"], given["title"], given["payment"]) == ("active", "Paint with watercolours", "pay_1")
    assert given["customer"] == {"email": "ada@example.com", "name": "Ada Lovelace"}
    assert "until" not in given
    told = shop.event("access.granted")
    assert {name: told[name] for name in ("access", "customer", "resource", *about)} == {
        "access": given["access"],
        "customer": {"email": "ada@example.com", "name": "Ada Lovelace"},
        "resource": COURSE,
        **about,
    }
    assert look(shop, COURSE)["active"] is True
    assert look(shop, ALL)["active"] is False


def test_the_same_step_and_the_same_news_grant_once(shop):
    first = grant(shop, subscription="sub_1", until=at(shop, days=30))
    assert grant(shop, subscription="sub_1", until=at(shop, days=30)) == first
    assert grant(shop, "g-2", subscription="sub_1", until=at(shop, days=30)) == first
    assert shop.told("access") == ["access.granted"]


def test_an_end_moves_further_and_never_back(shop):
    grant(shop, subscription="sub_1", until=at(shop, days=30))
    longer = grant(shop, "e-1", action="extend", subscription="sub_1", until=at(shop, days=60))
    assert longer["until"] == at(shop, days=60)
    assert grant(shop, "e-2", action="extend", subscription="sub_1", until=at(shop, days=45))["until"] == at(
        shop, days=60
    )
    assert grant(shop, "g-2", subscription="sub_1", until=at(shop, days=45))["until"] == at(shop, days=60)
    assert shop.told("access") == ["access.granted", "access.extended"]
    assert "until" not in grant(shop, "e-3", action="extend", subscription="sub_1")
    grant(shop, "e-4", action="extend", subscription="sub_1", until=at(shop, days=90))
    assert "until" not in look(shop)
    shop.forward(days=100)
    assert look(shop)["active"] is True


def test_what_is_not_made_longer_expires_on_its_day_and_is_told(shop):
    grant(shop, subscription="sub_1", until=at(shop, days=30))
    grant(shop, "e-1", action="extend", subscription="sub_1", until=at(shop, days=33))
    shop.forward(days=31)
    assert look(shop)["active"] is True
    shop.forward(days=3)
    assert look(shop)["active"] is False
    assert shop.told("access") == ["access.granted", "access.extended", "access.expired"]
    with shop.hub.database.read() as connection:
        assert connection.execute(timers.select()).all() == []
    shop.moment += timedelta(hours=1)
    grant(shop, "e-2", action="extend", subscription="sub_1", until=at(shop, days=30))
    assert look(shop)["active"] is True
    assert shop.told("access")[-1] == "access.granted"


def test_the_end_counts_before_its_timer_comes(shop):
    grant(shop, until=at(shop, hours=1))
    shop.moment += timedelta(minutes=59)
    assert look(shop)["active"] is True
    shop.moment += timedelta(minutes=1)
    assert look(shop)["active"] is False


def test_of_several_accesses_the_latest_end_counts(shop):
    for number, days in enumerate((3, 9, 5)):
        grant(shop, f"g-{number}", subscription=f"sub_{number}", until=at(shop, days=days))
    assert look(shop)["until"] == at(shop, days=9)
    assert shop.do("access", "get", {"customer": ADA}, "anything")["until"] == at(shop, days=9)
    grant(shop, "bought", payment="pay_1")
    assert (look(shop)["active"], "until" in look(shop)) == (True, False)


def test_what_has_no_title_is_called_as_the_resource_is(shop):
    assert grant(shop)["title"] == ALL


def test_one_access_is_revoked_by_its_id_and_the_others_stay(shop):
    one, other = grant(shop, "g-1", payment="pay_1"), grant(shop, "g-2", payment="pay_2")
    left = revoke(shop, access=one["access"])["accesses"]
    assert {each["access"]: each["state"] for each in left} == {one["access"]: "revoked", other["access"]: "active"}


def test_a_timer_that_comes_early_looks_again_at_the_end(shop):
    given = grant(shop, until=at(shop, days=2))
    shop.office().change(lambda book: book.wake_at("access.expire", given["access"], shop.moment))
    shop.run_due()
    assert look(shop)["active"] is True
    shop.forward(days=2, hours=1)
    assert shop.told("access") == ["access.granted", "access.expired"]


def test_the_end_of_a_membership_leaves_what_was_bought(shop):
    grant(shop, "g-1", payment="pay_1")
    grant(shop, "g-2", subscription="sub_1", payment="pay_2", until=at(shop, days=30))
    left = revoke(shop, subscription="sub_1", reason="payment_failed")
    assert left["active"] is True
    assert {one.get("subscription"): one["state"] for one in left["accesses"]} == {"sub_1": "revoked", None: "active"}
    told = shop.event("access.revoked")
    assert (told["subscription"], told["reason"]) == ("sub_1", "payment_failed")


def test_what_rests_on_one_ground_is_looked_up_alone(shop):
    grant(shop, "g-1", payment="pay_1")
    grant(shop, "g-2", subscription="sub_1")
    revoke(shop, subscription="sub_1")
    given = {"customer": ADA, "resource": ALL, "subscription": "sub_1"}
    found = shop.do("access", "get", given, "look-1")
    assert (found["active"], [one["state"] for one in found["accesses"]]) == (False, ["revoked"])
    assert shop.do("access", "get", {**given, "subscription": "sub_2"}, "look-2")["accesses"] == []


def test_a_second_payment_that_goes_back_takes_nothing_of_the_first(shop):
    grant(shop, "g-1", resource=COURSE, payment="pay_1")
    grant(shop, "g-2", resource=COURSE, payment="pay_2")
    assert revoke(shop, resource=COURSE, payment="pay_2")["active"] is True
    assert revoke(shop, "r-2", resource=COURSE, payment="pay_1")["active"] is False


def test_without_a_ground_all_of_the_resource_is_revoked_and_again_changes_nothing(shop):
    grant(shop, "g-1", payment="pay_1")
    grant(shop, "g-2")
    grant(shop, "g-3", resource=COURSE)
    assert revoke(shop)["active"] is False
    assert revoke(shop, "r-2")["active"] is False
    assert look(shop, COURSE)["active"] is True
    assert shop.told("access.revoked") == ["access.revoked", "access.revoked"]
    shop.forward(days=1)
    assert shop.told("access.expired") == []


def test_what_was_revoked_is_not_made_longer_but_can_be_granted_anew(shop):
    given = {"customer": ADA, "resource": ALL, "subscription": "sub_1", "until": at(shop, days=30)}
    grant(shop, subscription="sub_1", until=at(shop, days=3))
    revoke(shop, subscription="sub_1", reason="payment_failed")
    with shop.hub.database.read() as connection:
        assert connection.execute(timers.select()).all() == [], "there is no end to wait for"
    error = shop.refused_to("access", "extend", given)
    assert error.code == "wrong_state"
    assert "access/grant" in error.remedy
    again = grant(shop, "g-2", subscription="sub_1", until=at(shop, days=30), title="All of them")
    assert (again["state"], again["until"], again["title"]) == ("active", at(shop, days=30), "All of them")
    assert "reason" not in shop.event("access.granted")


@pytest.mark.parametrize("customer", [{}, {"name": "Ada"}, {"email": "nobody"}])
def test_a_customer_without_an_address_is_refused(shop, customer):
    error = shop.refused_to("access", "grant", {"customer": customer, "resource": ALL})
    assert error.code == "bad_input"
    assert shop.told("access") == []


def test_the_address_opens_the_portal_for_thirty_days(shop):
    token = grant(shop)["url"].rpartition("/m/")[2]
    identity = shop.hub.pages.identity("m", token)
    member = member_of(identity, shop.moment)
    assert (member.email, member.is_fresh) == ("ada@example.com", True)
    assert member_of(identity, shop.moment + timedelta(days=30)).is_fresh
    assert not member_of(identity, shop.moment + timedelta(days=31)).is_fresh
