import threading

import pytest
import requests

from hub.connect.conformance import check_connector
from hub.connect.registry import Registry
from hub.errors import PermanentError, TransientError

MANIFEST = Registry.load().get("sandbox_crm").manifest
ADA = {"email": "ada@example.com", "properties": {"firstname": "Ada", "lastname": "Lovelace", "member": True}}


def read(served, path):
    headers = {"Authorization": f"Bearer {served.sandbox.site.crm_token}"}
    return requests.get(f"{served.url}/crm/v1{path}", headers=headers, timeout=10).json()


def page(served, path):
    answer = requests.get(f"{served.url}{path}", timeout=10)
    assert answer.status_code == 200
    return answer.text


def test_it_keeps_the_rules_of_all_connectors():
    assert check_connector(MANIFEST.folder, "connectors.sandbox_crm") == []


def test_the_first_starts_settings_just_work(crm):
    assert crm.connector.test(crm.call()) == "Connected to the sandbox CRM. It holds 0 records."


def test_a_contact_is_made_once_and_then_updated(crm, served):
    made = crm.run("contact.upsert", ADA, "one")
    again = crm.run("contact.upsert", {"email": "ADA@Example.com", "properties": {"plan": "gold"}}, "two")
    assert (made["created"], again["created"]) == (True, False)
    assert made["id"] == again["id"]
    assert again["properties"] == {**ADA["properties"], "email": "ada@example.com", "plan": "gold"}
    assert len(read(served, "/records/contact")["data"]) == 1


def test_the_same_key_gives_the_same_answer(crm):
    assert crm.run("contact.upsert", ADA, "one") == crm.run("contact.upsert", ADA, "one")


def test_nulls_and_empty_texts_empty_a_property_and_the_rest_stays(crm):
    crm.run("contact.upsert", ADA, "one")
    after = crm.run("contact.upsert", {"email": ADA["email"], "properties": {"firstname": None, "lastname": ""}}, "two")
    assert after["properties"] == {"email": "ada@example.com", "member": True}


def test_a_contact_known_by_another_property(crm):
    given = {"email": "new@example.com", "properties": {"member_id": "m_1"}, "id_property": "member_id"}
    first = crm.run("contact.upsert", given, "one")
    second = crm.run("contact.upsert", {**given, "email": "changed@example.com"}, "two")
    assert (first["id"], second["created"], second["email"]) == (second["id"], False, "changed@example.com")


def test_many_at_once_make_no_duplicate(crm, served):
    ids = []

    def upsert(number):
        ids.append(crm.run("contact.upsert", ADA, f"step-{number}")["id"])

    threads = [threading.Thread(target=upsert, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(ids), len(set(ids))) == (8, 1)


def test_a_wrong_address_is_permanent_in_the_crms_own_words(crm, served):
    with pytest.raises(PermanentError) as caught:
        crm.run("contact.upsert", {"email": "asha@"})
    assert (caught.value.code, caught.value.gateway_code) == ("invalid_request", "INVALID_EMAIL")
    assert "'[person]' is not an e-mail address" in str(caught.value)
    assert read(served, "/records/contact")["data"] == []


def test_deals_companies_notes_and_what_belongs_together(crm, served):
    contact = crm.run("contact.upsert", ADA, "contact")["id"]
    deal = {
        "reference": "o_77",
        "name": "Order 77",
        "amount": {"minor": 10050, "currency": "USD"},
        "contact_id": contact,
    }
    made = crm.run("deal.upsert", deal, "deal")
    again = crm.run("deal.upsert", {**deal, "stage": "won"}, "deal-2")
    assert (made["created"], again) == (True, {"id": made["id"], "created": False})
    company = crm.run("company.upsert", {"domain": "Example.com", "properties": {"name": "Example"}}, "company")
    ends = {"from": {"type": "contact", "id": contact}, "to": {"type": "company", "id": company["id"]}}
    assert crm.run("associate", ends, "a") == crm.run("associate", ends, "b") == {}
    note = {"body": "Paid in full", "contact_id": contact, "deal_id": made["id"]}
    assert crm.run("note.add", note, "note") == crm.run("note.add", note, "note")
    stored = read(served, "/records/deal")["data"][0]["properties"]
    assert stored == {"amount": "100.50", "currency": "USD", "reference": "o_77", "stage": "won"}
    others = read(served, f"/contacts/{contact}")["associations"]
    assert sorted(other["type"] for other in others) == ["company", "deal", "note"]


def test_an_amount_without_decimals_stays_without(crm, served):
    crm.run("deal.upsert", {"reference": "o_1", "name": "N", "amount": {"minor": 500, "currency": "JPY"}})
    assert read(served, "/records/deal")["data"][0]["properties"]["amount"] == "500"


def test_a_thing_that_is_not_there_is_said_to_be_missing(crm):
    with pytest.raises(PermanentError) as caught:
        crm.run("deal.upsert", {"reference": "o_1", "name": "N", "contact_id": "con_0"})
    assert caught.value.code == "not_found"
    with pytest.raises(PermanentError):
        crm.run("list.add", {"list": "members", "email": "nobody@example.com"}, "list")
    with pytest.raises(PermanentError):
        crm.run("list.contains", {"list": "members", "email": "nobody@example.com"})


def test_lists(crm, served):
    contact = crm.run("contact.upsert", ADA, "contact")["id"]
    by_mail, by_id = (
        {"list": "Members 2026", "email": "Ada@example.com"},
        {"list": "Members 2026", "contact_id": contact},
    )
    assert crm.run("list.contains", by_mail) == {"member": False}
    assert crm.run("list.add", by_mail, "a") == crm.run("list.add", by_id, "b") == {}
    assert crm.run("list.contains", by_mail) == crm.run("list.contains", by_id) == {"member": True}
    assert crm.run("list.contains", {**by_id, "list": "Members"}) == {"member": False}
    assert read(served, f"/contacts/{contact}")["lists"] == ["Members 2026"]
    assert crm.run("list.remove", by_id, "c") == crm.run("list.remove", by_mail, "d") == {}
    assert crm.run("list.remove", {"list": "Members 2026", "email": "nobody@example.com"}, "e") == {}
    assert read(served, f"/contacts/{contact}")["lists"] == []


def test_any_record_by_a_field_of_its_own(crm, served):
    given = {
        "object": "Membership__c",
        "external_id_field": "Order__c",
        "external_id": "O-77",
        "fields": {"Name": "Ada", "Months__c": 12},
    }
    made = crm.run("record.upsert", given, "one")
    again = crm.run("record.upsert", {**given, "external_id": "o-77"}, "two")
    assert (made["created"], again) == (True, {"id": made["id"], "created": False})
    assert read(served, "/records/Membership__c")["data"][0]["properties"]["Months__c"] == 12
    plain = {"object": "Contact", "external_id": 77, "fields": {"LastName": "Lovelace", "Phone": None}}
    assert crm.run("record.upsert", plain, "three")["created"] is True
    assert read(served, "/records/Contact")["data"][0]["properties"] == {"Hub_Id__c": "77", "LastName": "Lovelace"}


def test_any_call_of_the_api(crm):
    made = crm.run("request", {"method": "POST", "path": "/contacts/upsert", "body": ADA}, "k")
    assert made["status"] == 201
    found = crm.run("request", {"path": "/contacts/ada@example.com"}, "l")
    assert found["body"]["id"] == made["body"]["id"]


def test_down_for_hours_then_everything_arrives_once(crm, served):
    served.post("/test/misbehaviour", scope="crm", mode="down")
    for _ in range(3):
        with pytest.raises(TransientError) as caught:
            crm.run("contact.upsert", ADA)
        assert caught.value.code == "gateway_down"
    served.post("/test/misbehaviour", scope="crm", mode="off")
    assert crm.run("contact.upsert", ADA)["created"] is True
    log = page(served, "/crm/log")
    assert log.count(crm.call().key) == 4
    assert log.count(">503<") == 3


@pytest.mark.parametrize("mode", ["throttle", "reset", "lost", "html", "lying"])
def test_a_bad_day_is_transient_and_leaves_no_duplicate(crm, served, mode):
    served.post("/test/misbehaviour", scope="crm", mode=mode, requests=1)
    with pytest.raises(TransientError):
        crm.run("contact.upsert", ADA)
    assert crm.run("contact.upsert", ADA)["created"] is True
    assert len(read(served, "/records/contact")["data"]) == 1


def test_one_address_is_refused_until_it_is_mended(crm, served):
    served.post("/test/misbehaviour", scope="crm", mode="refuse", match="ada@example.com")
    with pytest.raises(PermanentError) as caught:
        crm.run("contact.upsert", ADA)
    assert caught.value.code == "invalid_request"
    assert crm.run("contact.upsert", {"email": "asha@example.com"}, "other")["created"] is True
    served.post("/test/misbehaviour", scope="crm", mode="off")
    assert crm.run("contact.upsert", ADA)["created"] is True


def test_the_pages_show_what_is_there_and_what_was_sent(crm, served):
    contact = crm.run("contact.upsert", {**ADA, "properties": {"note": "<script>alert(1)</script>"}}, "one")["id"]
    crm.run("list.add", {"list": "members", "contact_id": contact}, "two")
    assert "members" in page(served, "/crm/")
    shown = page(served, f"/crm/records/{contact}")
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert(1)" not in shown
    log = page(served, "/crm/log")
    first = log.rpartition("/crm/log/")[2].split('"')[0]
    request = page(served, f"/crm/log/{first}")
    assert crm.call(key="one").key in request
    assert "ada@example.com" in request
