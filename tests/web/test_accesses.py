"""Access for the business: listed and searched, given and taken by hand, the customer's portal one press away."""

import re

import pytest

from hub.commerce import access


@pytest.fixture
def given(hub):
    """Gives access as a recipe does."""

    def give(key, email="ada@example.com", **more):
        wanted = {"customer": {"email": email}, "resource": "all-courses", "title": "All courses", **more}
        return access.grant(hub.office(key), wanted)["access"]

    return give


def active(hub, email="ada@example.com"):
    return access.get(hub.office("look"), {"customer": {"email": email}, "resource": "all-courses"})["active"]


def test_an_empty_list_says_where_access_comes_from(admin):
    assert "Nobody has access yet" in admin.page("/access")


def test_accesses_are_found_by_address_resource_and_state(admin, given):
    given("1", subscription="sub_1")
    given("2", "grace@example.com", resource="book")
    page = admin.page("/access?text=ADA")
    assert ("ada@example.com" in page, "grace@example.com" in page, "for sub_1" in page) == (True, False, True)
    assert "grace@example.com" in admin.page("/access?text=BOOK")
    assert "No access fits" in admin.page("/access?state=revoked")


def test_access_is_given_by_hand_until_the_end_of_a_day(hub, admin):
    answer = admin.post(
        "/access", email="ada@example.com", resource="all-courses", title="", day="2026-12-31", key="k1"
    )
    assert answer.status_code == 303
    (one,) = access.get(hub.office("look"), {"customer": {"email": "ada@example.com"}})["accesses"]
    assert (one["title"], one["until"]) == ("all-courses", "2026-12-31T23:59:59+00:00")
    assert "access.granted" in admin.page("/events")
    assert "grant" in admin.page("/settings/audit")


@pytest.mark.parametrize(("field", "value"), [("email", "nobody"), ("resource", ""), ("day", "tomorrow")])
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(hub, admin, field, value):
    entered = {"email": "ada@example.com", "resource": "all-courses", "title": "Mine", "day": "", field: value}
    answer = admin.post("/access", key="k1", **entered)
    assert answer.status_code == 422
    assert 'value="Mine"' in answer.text
    assert not active(hub)


def test_taking_one_away_leaves_what_else_the_customer_has(hub, admin, given):
    by_hand, bought = given("1"), given("2", payment="pay_1")
    assert admin.post(f"/access/{by_hand}/revoke", key="k1").status_code == 303
    assert active(hub)
    assert admin.post(f"/access/{bought}/revoke", key="k1").status_code == 303
    assert not active(hub)
    assert admin.post("/access/acc_nothing/revoke", key="k1").status_code == 404


def test_the_portal_is_one_press_away_for_editors_and_closed_to_viewers(people, given):
    identity = given("1")
    address = people["editor"].post(f"/access/{identity}/portal").headers["Location"]
    assert re.search(r"/m/[\w.~-]+$", address)
    for path in ("/access", f"/access/{identity}/portal", f"/access/{identity}/revoke"):
        assert people["viewer"].post(path, key="k").status_code == 403
    assert "ada@example.com" in people["viewer"].page("/access")
