from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hub.connect.api import Connection
from hub.connect.auth import TOKENS
from hub.errors import ConfigError, PermanentError, TransientError, UncertainError
from tests.contract.desk import NOW, Desk
from tests.fakes.fake_salesforce import FakeSalesforce
from tests.fakes.server import DOWN, HANGING, LOST, MAINTENANCE, RESET

ADA = {
    "object": "Contact",
    "external_id": "ada@example.com",
    "fields": {"LastName": "Lovelace", "Email": "ada@example.com"},
}


@pytest.fixture(scope="session")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def salesforce(key):
    with FakeSalesforce(key=key.public_key()).running() as fake:
        yield fake
    assert fake.complaints == []


def desk_of(salesforce, registry, outbound, secrets, **settings):
    given = {"my_domain": salesforce.url, "client_id": "consumer-key", "api_version": "67.0", **settings}
    return Desk(registry.get("salesforce"), outbound, Connection("sf", "salesforce", given, secrets))


@pytest.fixture
def desk(salesforce, registry, outbound):
    secrets = {"client_secret": ("consumer-secret",)}
    return desk_of(salesforce, registry, outbound, secrets, flow="client_credentials", external_id_field="Hub_Id__c")


@pytest.fixture
def jwt_desk(salesforce, registry, outbound, key):
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    user = {"flow": "jwt", "username": "hub@example.com", "login_url": salesforce.url}
    return desk_of(salesforce, registry, outbound, {"private_key": (pem,)}, **user)


@pytest.fixture
def ada(desk):
    return desk.run("record.upsert", ADA, key="ada")["id"]


# Signing in.


def test_session_is_fetched_once_and_kept(desk, salesforce):
    for number in range(3):
        desk.run("record.upsert", ADA, key=str(number))
    assert salesforce.logins == 1


def test_jwt_is_signed_with_the_key_and_names_the_user(jwt_desk, salesforce):
    assert jwt_desk.run("record.upsert", ADA)["created"] is True
    stranger = jwt_desk.with_settings(username="nobody@example.com")
    with pytest.raises(PermanentError, match="approved this consumer") as caught:
        stranger.run("record.upsert", ADA)
    assert caught.value.code == "unauthorised"


@pytest.mark.parametrize("pem", ["not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_key_that_is_none_is_told(salesforce, registry, outbound, pem):
    broken = desk_of(salesforce, registry, outbound, {"private_key": (pem,)}, flow="jwt", username="hub@example.com")
    with pytest.raises(ConfigError, match="cannot be read"):
        broken.run("record.upsert", ADA)


def test_ended_session_is_renewed_once(desk, salesforce, ada):
    salesforce.end_sessions()
    assert desk.run("record.upsert", ADA, key="two")["id"] == ada
    assert salesforce.logins == 2


def test_session_that_is_always_refused_ends_in_an_error_not_in_endless_logins(desk, salesforce):
    salesforce.accepts_sessions = False
    with pytest.raises(PermanentError) as caught:
        desk.run("record.upsert", ADA)
    assert (caught.value.code, caught.value.gateway_code) == ("unauthorised", "INVALID_SESSION_ID")
    assert salesforce.logins == 2
    assert len(salesforce.received) == 4


def test_other_401_fetches_no_session(desk, salesforce, ada):
    salesforce.refuse(401, [{"errorCode": "INVALID_AUTH_HEADER", "message": "Invalid"}])
    with pytest.raises(PermanentError):
        desk.run("record.upsert", ADA, key="two")
    assert salesforce.logins == 1


def test_session_is_renewed_after_its_hour(desk, salesforce):
    desk.run("record.upsert", ADA)
    desk.run("record.upsert", ADA, key="two", now=NOW + timedelta(minutes=61))
    assert salesforce.logins == 2


def test_wrong_secret_is_told_and_nothing_is_kept(desk, salesforce):
    salesforce.client = ("consumer-key", "another")
    with pytest.raises(PermanentError) as caught:
        desk.run("record.upsert", ADA)
    assert caught.value.code == "unauthorised"
    assert "consumer-secret" not in f"{caught.value} {caught.value.details}"
    salesforce.client = ("consumer-key", "consumer-secret")
    assert desk.run("record.upsert", ADA)["created"] is True


def test_token_goes_to_salesforce_only(desk, salesforce):
    salesforce.refuse(200, {"access_token": "t", "instance_url": "https://salesforce.example.org"})
    with pytest.raises(PermanentError) as caught:
        desk.run("record.upsert", ADA)
    assert caught.value.code == "blocked_address"


# Every action, the good case.


def test_record_is_created_then_updated(desk, salesforce):
    first = desk.run("record.upsert", ADA)
    assert first["created"] is True
    second = desk.run("record.upsert", {**ADA, "fields": {"Hub_Membership__c": "active"}}, key="two")
    assert second == {"id": first["id"], "created": False}
    assert salesforce.records["Contact"][first["id"]]["Hub_Membership__c"] == "active"


def test_update_without_a_body_still_gives_the_id(desk, salesforce, ada):
    salesforce.update_status = 204
    assert desk.run("record.upsert", ADA, key="two") == {"id": ada, "created": False}


@pytest.mark.parametrize("value", ["a/b?c#d", "ä ö", "../Contact/x", "100%", "o'x@y.z"])
def test_external_id_stays_in_its_place(desk, salesforce, value):
    output = desk.run("record.upsert", {**ADA, "external_id": value})
    assert salesforce.records["Contact"][output["id"]]["Hub_Id__c"] == value


def test_fields_may_repeat_the_external_id_but_not_contradict_it(desk, salesforce):
    same = {**ADA["fields"], "Hub_Id__c": "ada@example.com"}
    assert desk.run("record.upsert", {**ADA, "fields": same})["created"] is True
    for fields in ({"Hub_Id__c": "other"}, {"Id": "003000000000001AAA"}):
        with pytest.raises(PermanentError) as caught:
            desk.run("record.upsert", {**ADA, "fields": fields}, key="two")
        assert caught.value.code == "bad_input"


def test_more_than_one_record_is_refused_and_nothing_written(desk, salesforce):
    for _ in range(2):
        salesforce._new("Contact", {"LastName": "L", "Hub_Id__c": "ada@example.com"})
    with pytest.raises(PermanentError, match="nothing was written") as caught:
        desk.run("record.upsert", ADA)
    assert caught.value.code == "duplicate"


def test_update_only_and_duplicate_rules_are_passed_on(desk, salesforce):
    with pytest.raises(PermanentError) as caught:
        desk.run("record.upsert", {**ADA, "update_only": True})
    assert caught.value.code == "not_found"
    twin = {**ADA, "fields": {"LastName": "Twin"}}
    with pytest.raises(PermanentError) as caught:
        desk.run("record.upsert", twin, key="two")
    assert (caught.value.code, caught.value.gateway_code) == ("duplicate", "DUPLICATES_DETECTED")
    assert desk.run("record.upsert", {**twin, "allow_duplicates": True}, key="three")["created"] is True


def test_record_is_read_by_either_id(desk, ada):
    by_id = desk.run("record.get", {"object": "Contact", "id": ada, "fields": ["Email"]})
    assert by_id == {"id": ada, "fields": {"Id": ada, "Email": "ada@example.com"}}
    by_external = desk.run("record.get", {"object": "Contact", "external_id": "ada@example.com"})
    assert by_external["fields"]["LastName"] == "Lovelace"


def test_query_quotes_its_parameters_and_reads_all_pages(desk, salesforce):
    salesforce.page = 2
    for number in range(5):
        salesforce._new("Contact", {"LastName": "O'Hara", "Email": f"{number}@example.com"})
    salesforce._new("Contact", {"LastName": "x' OR LastName != 'x"})
    asked = {"soql": "SELECT Id, Email FROM Contact WHERE LastName = :name", "parameters": {"name": "O'Hara"}}
    output = desk.run("query", asked)
    assert output["total"] == 5
    assert [record["Email"] for record in output["records"]] == [f"{number}@example.com" for number in range(5)]
    assert desk.run("query", {**asked, "limit": 3})["records"] == output["records"][:3]
    injected = {**asked, "parameters": {"name": "x' OR LastName != 'x"}}
    assert desk.run("query", injected)["total"] == 1


def test_campaign_keeps_one_membership_per_person(desk, salesforce, ada):
    campaign = salesforce._new("Campaign", {"Name": "Spring"})["Id"]
    given = {"campaign_id": campaign, "contact_id": ada}
    first = desk.run("campaign.add", given)
    second = desk.run("campaign.add", {**given, "status": "Responded"}, key="two")
    assert (first["created"], second) == (True, {"id": first["id"], "created": False})
    assert salesforce.records["CampaignMember"][first["id"]]["Status"] == "Responded"


def test_note_is_linked_and_escaped(desk, salesforce, ada):
    given = {"record_id": ada, "title": "Paid", "body": "5 < 6\nThanks", "reference": "o_77"}
    output = desk.run("note.add", given)
    note = salesforce.records["ContentNote"][output["id"]]
    assert note["Title"] == "Paid [o_77]"
    assert note["Content"] == "NSAmbHQ7IDY8YnI+VGhhbmtz"
    assert desk.run("note.add", given, key="another-run") == output


def test_note_on_nothing_is_refused_whole(desk, salesforce):
    given = {"record_id": "003000000000099AAA", "title": "Paid", "body": "x"}
    with pytest.raises(PermanentError) as caught:
        desk.run("note.add", given)
    assert caught.value.gateway_code == "INVALID_CROSS_REFERENCE_KEY"
    assert salesforce.records["ContentNote"] == {}


def test_request_calls_anything_in_the_session(desk, ada):
    output = desk.run("request", {"path": f"/services/data/v67.0/sobjects/Contact/{ada}"})
    assert output["body"]["LastName"] == "Lovelace"
    with pytest.raises(PermanentError) as caught:
        desk.run("request", {"path": "/services/../x"})
    assert caught.value.code == "bad_input"


def test_test_button_says_how_many_calls_are_left(desk):
    assert "14998 of 15000" in desk.connector.test(desk.call())


# Once, whatever happens to the answer.


def effects(salesforce, ada):
    campaign = salesforce._new("Campaign", {"Name": "Spring"})["Id"]
    return {
        "record.upsert": {**ADA, "external_id": "b", "fields": {"LastName": "B"}},
        "campaign.add": {"campaign_id": campaign, "contact_id": ada},
        "note.add": {"record_id": ada, "title": "Paid", "body": "x"},
    }


KINDS = {"record.upsert": "Contact", "campaign.add": "CampaignMember", "note.add": "ContentNote"}


@pytest.mark.parametrize("action", KINDS)
def test_repeat_is_one_effect(desk, salesforce, ada, action):
    given = effects(salesforce, ada)[action]
    before = len(salesforce.records[KINDS[action]])
    first = desk.run(action, given)
    assert desk.again(action, given)["id"] == first["id"]
    assert len(salesforce.records[KINDS[action]]) == before + 1


@pytest.mark.parametrize("action", KINDS)
def test_lost_answer_then_retry_is_one_effect(desk, salesforce, ada, action):
    given = effects(salesforce, ada)[action]
    before = len(salesforce.records[KINDS[action]])
    salesforce.treat(LOST)
    with pytest.raises((TransientError, UncertainError)):
        desk.run(action, given)
    desk.again(action, given)
    assert len(salesforce.records[KINDS[action]]) == before + 1


@pytest.mark.parametrize("mood", [DOWN, RESET, MAINTENANCE], ids=["down", "reset", "maintenance"])
def test_trouble_on_the_way_is_transient(desk, salesforce, ada, mood):
    salesforce.treat(mood)
    with pytest.raises(TransientError):
        desk.run("record.upsert", ADA, key="two")
    assert desk.again("record.upsert", ADA, key="two")["id"] == ada


def test_slow_answer_is_a_timeout(desk, salesforce, impatient, ada):
    desk.outbound = impatient
    salesforce.treat(HANGING)
    with pytest.raises(TransientError) as caught:
        desk.run("record.upsert", ADA, key="two")
    assert caught.value.code == "timeout"


# What its refusals mean: by errorCode, never by the status.


@pytest.mark.parametrize(
    ("status", "own", "kind", "code"),
    [
        (400, "UNABLE_TO_LOCK_ROW", TransientError, "conflict"),
        (403, "REQUEST_LIMIT_EXCEEDED", TransientError, "rate_limited"),
        (400, "QUERY_TIMEOUT", TransientError, "timeout"),
        (400, "REQUEST_RUNNING_TOO_LONG", TransientError, "timeout"),
        (503, "SERVER_UNAVAILABLE", TransientError, "gateway_down"),
        (500, "UNKNOWN_EXCEPTION", TransientError, "gateway_down"),
        (400, "REQUIRED_FIELD_MISSING", PermanentError, "invalid_request"),
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", PermanentError, "invalid_request"),
        (500, "DUPLICATES_DETECTED", PermanentError, "duplicate"),
        (400, "INSUFFICIENT_ACCESS_OR_READONLY", PermanentError, "forbidden"),
        (403, "API_DISABLED_FOR_ORG", PermanentError, "not_enabled"),
        (404, "NOT_FOUND", PermanentError, "not_found"),
        (400, "SOMETHING_NEW", PermanentError, "invalid_request"),
    ],
)
def test_refusal_is_told_by_its_code(desk, salesforce, ada, status, own, kind, code):
    salesforce.refuse(status, [{"errorCode": own, "message": "In Salesforce's own words.", "fields": []}])
    with pytest.raises(kind) as caught:
        desk.run("record.upsert", ADA, key="two")
    assert (caught.value.code, caught.value.gateway_code) == (code, own)
    assert "In Salesforce's own words." in caught.value.message


def test_used_up_calls_park_for_long(desk, salesforce, ada):
    salesforce.refuse(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}])
    with pytest.raises(TransientError) as caught:
        desk.run("record.upsert", ADA, key="two")
    assert caught.value.retry_after == 3600


def test_bad_data_is_told_in_salesforces_own_words(desk):
    with pytest.raises(PermanentError, match="Required fields are missing"):
        desk.run("record.upsert", {**ADA, "fields": {"Email": "x@example.com"}})
    with pytest.raises(PermanentError, match="No such column 'Shoe_Size__c'"):
        desk.run("record.upsert", {**ADA, "fields": {"LastName": "L", "Shoe_Size__c": 44}}, key="two")


@pytest.fixture(autouse=True)
def _fresh_sessions():
    yield
    TOKENS._tokens.clear()
