from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.connect.api import Connection
from hub.errors import PermanentError, TransientError, UncertainError
from tests.contract.desk import Desk
from tests.fakes.fake_hubspot import FakeHubSpot, error
from tests.fakes.openapi import described
from tests.fakes.server import DOWN, HANGING, LOST, MAINTENANCE, RESET, Answered, Mood

ADA = {"email": "Ada@Example.com ", "properties": {"firstname": "Ada", "lifecyclestage": None}}


@pytest.fixture
def hubspot():
    with FakeHubSpot().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(hubspot, registry, outbound):
    settings = {"api_base": hubspot.url, "api_version": "v3", "time_zone": "America/New_York", "send_currency": True}
    return Desk(
        registry.get("hubspot"), outbound, Connection("crm", "hubspot", settings, {"access_token": (hubspot.token,)})
    )


@pytest.fixture
def ada(desk):
    return desk.run("contact.upsert", ADA, key="ada")["id"]


def test_descriptions_are_at_hand_where_they_have_to_be():
    descriptions = described("hubspot")
    assert descriptions is None or {"contacts", "companies", "deals", "notes", "associations"} <= set(descriptions)


def test_contact_is_created_then_updated_by_its_lower_case_email(desk, hubspot):
    first = desk.run("contact.upsert", ADA)
    assert (first["created"], first["email"]) == (True, "ada@example.com")
    second = desk.run("contact.upsert", {"email": "ada@example.com", "properties": {"lastname": "Lovelace"}}, key="two")
    assert (second["created"], second["id"]) == (False, first["id"])
    assert second["properties"]["firstname"] == "Ada"
    assert first["properties"]["lifecyclestage"] == ""


def test_values_are_sent_as_texts(desk, hubspot):
    properties = {"firstname": True, "lastname": 12, "lifecyclestage": 1.5}
    output = desk.run("contact.upsert", {"email": "a@example.com", "properties": properties})
    assert output["properties"] == {
        "email": "a@example.com",
        "firstname": "true",
        "lastname": "12",
        "lifecyclestage": "1.5",
    }


def test_contact_by_another_unique_property(desk, hubspot):
    hubspot.unique["contacts"].add("membership_number")
    given = {"email": "a@example.com", "id_property": "membership_number", "properties": {"membership_number": "M7"}}
    first = desk.run("contact.upsert", given)
    second = desk.run("contact.upsert", {**given, "email": "new@example.com"}, key="two")
    assert second["id"] == first["id"]
    assert second["properties"]["email"] == "new@example.com"
    with pytest.raises(PermanentError) as caught:
        desk.run("contact.upsert", {"email": "a@example.com", "id_property": "membership_number"}, key="three")
    assert caught.value.code == "bad_input"


def test_email_that_is_a_further_address_updates_that_contact(desk, hubspot, ada):
    hubspot.secondary["a.l@example.com"] = ada
    output = desk.run("contact.upsert", {"email": "a.l@example.com", "properties": {"lastname": "King"}})
    assert (output["id"], output["created"]) == (ada, False)
    assert hubspot.records["contacts"][ada]["properties"] == {
        "email": "ada@example.com", "firstname": "Ada", "lifecyclestage": "", "lastname": "King",
    }  # fmt: skip


def test_company_is_created_once_by_its_domain(desk, hubspot):
    first = desk.run("company.upsert", {"domain": "WWW.Example.com", "properties": {"name": "Example"}})
    second = desk.run("company.upsert", {"domain": "example.com", "properties": {"name": "Example Ltd"}}, key="two")
    assert (first["created"], second) == (True, {"id": first["id"], "created": False})
    assert hubspot.records["companies"][first["id"]]["properties"]["name"] == "Example Ltd"


def test_company_that_somebody_else_made_is_taken_over(desk, hubspot):
    theirs = hubspot._new("companies", {"domain": "example.com", "name": "Example"})
    output = desk.run("company.upsert", {"domain": "example.com"})
    assert output == {"id": theirs["id"], "created": False}


def test_company_is_found_although_the_search_lags(desk, hubspot):
    hubspot.searchable = False
    first = desk.run("company.upsert", {"domain": "example.com"})
    assert desk.run("company.upsert", {"domain": "example.com"}, key="two")["id"] == first["id"]


def test_deal_makes_its_unique_property_and_is_created_once(desk, hubspot, ada):
    given = {
        "reference": "o_77", "name": "Order 77", "amount": {"minor": 10000, "currency": "USD"}, "stage": "closedwon",
        "pipeline": "default", "contact_id": ada,
    }  # fmt: skip
    first = desk.run("deal.upsert", given)
    assert first["created"] is True
    assert "hub_reference" in hubspot.unique["deals"]
    deal = hubspot.records["deals"][first["id"]]
    assert deal["properties"] == {
        "hub_reference": "o_77", "dealname": "Order 77", "amount": "100.00", "deal_currency_code": "USD",
        "dealstage": "closedwon", "pipeline": "default",
    }  # fmt: skip
    assert ("deals", first["id"], "contacts", ada) in hubspot.links
    assert desk.run("deal.upsert", {**given, "stage": "refunded"}, key="two") == {"id": first["id"], "created": False}
    bare = desk.with_settings(send_currency=False)
    other = bare.run(
        "deal.upsert", {"reference": "o_78", "name": "x", "amount": {"minor": 500, "currency": "JPY"}}, key="3"
    )
    assert hubspot.records["deals"][other["id"]]["properties"]["amount"] == "500"
    assert "deal_currency_code" not in hubspot.records["deals"][other["id"]]["properties"]


def test_missing_scope_for_the_property_is_explained(desk, hubspot):
    hubspot.scopes.clear()
    with pytest.raises(PermanentError) as caught:
        desk.run("deal.upsert", {"reference": "o_77", "name": "Order 77"})
    assert caught.value.code == "forbidden"
    assert "crm.schemas.deals.write" in caught.value.message
    assert "hub_reference" in caught.value.message


def test_association_takes_singular_names(desk, hubspot, ada):
    company = desk.run("company.upsert", {"domain": "example.com"}, key="company")["id"]
    given = {"from": {"type": "contact", "id": ada}, "to": {"type": "company", "id": company}}
    assert desk.run("associate", given) == {}
    assert desk.run("associate", given) == {}
    assert ("contacts", ada, "companies", company) in hubspot.links


def test_note_stands_on_contact_and_deal_with_its_reference(desk, hubspot, ada):
    deal = desk.run("deal.upsert", {"reference": "o_77", "name": "Order 77"}, key="deal")["id"]
    note = desk.run("note.add", {"body": "Paid", "contact_id": ada, "deal_id": deal, "reference": "o_77 paid"})["id"]
    assert hubspot.records["notes"][note]["properties"]["hs_note_body"] == "Paid\n[Ref: o_77 paid]"
    assert {("notes", note, "contacts", ada), ("notes", note, "deals", deal)} <= hubspot.links
    again = desk.run("note.add", {"body": "Paid", "contact_id": ada, "reference": "o_77 paid"}, key="another-run")
    assert again["id"] == note


def test_list_is_named_or_numbered_and_changes_are_idempotent(desk, hubspot, ada):
    for given in ({"list": "Members", "email": "ADA@example.com"}, {"list": "31", "contact_id": ada}):
        assert desk.run("list.add", given) == {}
    assert hubspot.lists["31"]["members"] == {ada}
    for _ in range(2):
        assert desk.run("list.remove", {"list": "Members", "contact_id": ada}) == {}
    assert hubspot.lists["31"]["members"] == set()


def test_list_is_looked_up_page_by_page_and_not_changed(desk, hubspot, ada):
    for number, members in (("29", {ada}), ("30", {ada}), ("31", set())):
        hubspot.lists[number] = {"name": f"List {number}", "members": members, "static": True}
    assert desk.run("list.contains", {"list": "30", "email": "ADA@example.com"}) == {"member": True}
    assert desk.run("list.contains", {"list": "List 31", "contact_id": ada}) == {"member": False}
    assert hubspot.lists["31"]["members"] == set()
    for given in ({"list": "Nobody", "contact_id": ada}, {"list": "30", "email": "nobody@example.com"}):
        with pytest.raises(PermanentError) as caught:
            desk.run("list.contains", given)
        assert caught.value.code == "not_found"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"list": "Nobody", "contact_id": "101"}, "not_found"),
        ({"list": "99", "contact_id": "101"}, "not_found"),
        ({"list": "31", "contact_id": "999"}, "not_found"),
        ({"list": "31", "email": "nobody@example.com"}, "not_found"),
        ({"list": "Active", "contact_id": "101"}, "invalid_request"),
    ],
)
def test_list_that_cannot_be_changed_says_why(desk, hubspot, ada, given, code):
    hubspot.lists["32"] = {"name": "Active", "members": set(), "static": False}
    with pytest.raises(PermanentError) as caught:
        desk.run("list.add", given)
    assert caught.value.code == code


def test_request_calls_anything_with_the_token(desk, hubspot, ada):
    output = desk.run("request", {"path": "/crm/v3/objects/contacts/ada@example.com", "query": {"idProperty": "email"}})
    assert output["body"]["id"] == ada
    with pytest.raises(PermanentError) as caught:
        desk.run("request", {"path": "/crm/%2e%2e/x"})
    assert caught.value.code == "bad_input"


def test_dated_version_has_its_own_paths(desk, hubspot):
    dated = desk.with_settings(api_version="2026-03")
    dated.run("contact.upsert", ADA)
    assert hubspot.received[-1].path == "/crm/objects/2026-03/contacts/batch/upsert"


def test_test_button_reads_a_contact(desk):
    assert "accepts the token" in desk.connector.test(desk.call())


# Once, whatever happens to the answer.

EFFECTS = {
    "contact.upsert": {"email": "b@example.com", "properties": {"firstname": "B"}},
    "company.upsert": {"domain": "example.org"},
    "deal.upsert": {"reference": "o_1", "name": "Order 1"},
    "note.add": {"body": "Paid", "contact_id": "101"},
    "list.add": {"list": "Members", "contact_id": "101"},
}
KINDS = {"contact.upsert": "contacts", "company.upsert": "companies", "deal.upsert": "deals", "note.add": "notes"}


@pytest.mark.parametrize("action", EFFECTS)
def test_repeat_is_one_effect(desk, hubspot, ada, action):
    first = desk.run(action, EFFECTS[action])
    assert desk.again(action, EFFECTS[action]).get("id") == first.get("id")
    if action in KINDS:
        others = 1 if action == "contact.upsert" else 0
        assert len(hubspot.records[KINDS[action]]) == 1 + others


@pytest.mark.parametrize("action", KINDS)
def test_lost_answer_then_retry_is_one_effect(desk, hubspot, ada, action):
    class LoseWhatMakes(list):
        def pop(self, index=0):
            last = hubspot.received[-1]
            makes = last.path.endswith(("/batch/upsert", "/objects/notes"))
            return super().pop(index) if makes else None

    hubspot.moods = LoseWhatMakes([LOST])
    before = len(hubspot.records[KINDS[action]])
    with pytest.raises((TransientError, UncertainError)):
        desk.run(action, EFFECTS[action])
    desk.again(action, EFFECTS[action])
    # A deal's first attempt broke off for want of its property; either way there is one record.
    assert len(hubspot.records[KINDS[action]]) == before + 1


def test_lost_answer_to_a_note_is_uncertain_until_it_is_looked_for(desk, hubspot, ada):
    hubspot.treat(LOST)
    with pytest.raises(UncertainError):
        desk.run("note.add", EFFECTS["note.add"])
    found = desk.connector.find("note.add", desk.call(EFFECTS["note.add"], attempt=2))
    assert found == {"id": next(iter(hubspot.records["notes"]))}


def test_note_of_another_step_is_not_taken_for_ours(desk, hubspot, ada):
    desk.run("note.add", EFFECTS["note.add"], key="other")
    assert desk.connector.find("note.add", desk.call(EFFECTS["note.add"])) is None


@pytest.mark.parametrize("mood", [DOWN, RESET, MAINTENANCE, LOST], ids=["down", "reset", "maintenance", "lost"])
def test_trouble_on_the_way_is_transient(desk, hubspot, mood):
    hubspot.treat(mood)
    with pytest.raises(TransientError):
        desk.run("contact.upsert", ADA)
    assert desk.again("contact.upsert", ADA)["email"] == "ada@example.com"
    assert len(hubspot.records["contacts"]) == 1


def test_slow_answer_is_a_timeout(desk, hubspot, impatient):
    desk.outbound = impatient
    hubspot.treat(HANGING)
    with pytest.raises(TransientError) as caught:
        desk.run("contact.upsert", ADA)
    assert caught.value.code == "timeout"


# What its refusals mean.


def test_unknown_property_is_permanent_in_hubspots_own_words(desk):
    with pytest.raises(PermanentError) as caught:
        desk.run("contact.upsert", {"email": "a@example.com", "properties": {"shoe_size": "44"}})
    assert (caught.value.code, caught.value.gateway_code) == ("invalid_request", "VALIDATION_ERROR")
    assert 'Property "shoe_size" does not exist' in caught.value.message


def test_record_refused_within_a_good_batch_is_permanent(desk):
    with pytest.raises(PermanentError) as caught:
        desk.run("contact.upsert", {"email": "not an address"})
    assert caught.value.code == "invalid_request"
    assert "email '[person]' is invalid" in caught.value.message


@pytest.mark.parametrize(
    ("status", "category", "kind", "code", "pause"),
    [
        (401, "INVALID_AUTHENTICATION", PermanentError, "unauthorised", None),
        (403, "MISSING_SCOPES", PermanentError, "forbidden", None),
        (404, "OBJECT_NOT_FOUND", PermanentError, "not_found", None),
        (409, "CONFLICT", TransientError, "conflict", None),
        (423, "LOCKED", TransientError, "conflict", 2),
        (477, "MIGRATION", TransientError, "gateway_down", 60),
        (500, "ERROR", TransientError, "gateway_down", None),
        (502, "VALIDATION_ERROR", TransientError, "gateway_down", None),
    ],
)
def test_refusal_is_told_by_category_and_status(desk, hubspot, status, category, kind, code, pause):
    answer = error(status, category, "In HubSpot's own words.")
    hubspot.refuse(answer.status, answer.body)
    with pytest.raises(kind) as caught:
        desk.run("contact.upsert", ADA)
    assert caught.value.code == code
    assert "In HubSpot's own words." in caught.value.message
    if pause:
        assert caught.value.retry_after == pause


LIMIT = {"status": "error", "errorType": "RATE_LIMIT", "message": "You have reached your limit."}


@pytest.mark.parametrize(
    ("policy", "headers", "pause"),
    [
        ("TEN_SECONDLY_ROLLING", {}, 10),
        ("TEN_SECONDLY_ROLLING", {"Retry-After": "3"}, 3),
        # 09:00 UTC is 04:00 in New York: twenty hours to midnight, and a minute.
        ("DAILY", {}, 20 * 3600 + 60),
        (None, {"X-HubSpot-RateLimit-Daily-Remaining": "0"}, 20 * 3600 + 60),
    ],
)
def test_limit_parks_until_it_is_over(desk, hubspot, policy, headers, pause):
    hubspot.treat(Mood(Answered(429, {**LIMIT, **({"policyName": policy} if policy else {})}, headers)))
    with pytest.raises(TransientError) as caught:
        desk.run("contact.upsert", ADA)
    assert (caught.value.code, caught.value.retry_after) == ("rate_limited", pause)


def test_midnight_minds_the_change_of_clocks(desk, hubspot):
    hubspot.refuse(429, {**LIMIT, "policyName": "DAILY"})
    # New York sets its clocks back on 1 November 2026; that day has 25 hours.
    now = datetime(2026, 11, 1, 5, 0, tzinfo=UTC)
    with pytest.raises(TransientError) as caught:
        desk.run("contact.upsert", ADA, now=now)
    assert caught.value.retry_after == 24 * 3600 + 60


def test_token_never_shows_in_an_error(desk, hubspot):
    hubspot.token = "pat-another"
    with pytest.raises(PermanentError) as caught:
        desk.run("contact.upsert", ADA)
    assert "pat-made-up" not in f"{caught.value} {caught.value.details}"
