from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mastercard.webhooks import receive
from hub.connect.api import Connection, WebhookRequest
from hub.connect.registry import Registry
from hub.errors import DeliveryError, SignatureError

SECRET = "0123456789ABCDEF0123456789ABCDEF"
NOW = datetime(2026, 11, 23, 9, 0, 41, tzinfo=UTC)

# The answer to an authorisation as Mastercard's Java sample keeps it (src/test/resources/json/Response_AUTHORIZE.json):
# names and shapes are its own, values are made up.
BODY = json.dumps(
    {
        "authorizationResponse": {"autoExpiry": "2019-05-18T18:00:00Z", "posData": "1605S0100130"},
        "gatewayEntryPoint": "WEB_SERVICES_API",
        "merchant": "TESTMADEUP",
        "order": {
            "amount": 100, "chargeback": {"amount": 0, "currency": "AUD"}, "creationTime": "2019-04-18T18:16:58.790Z",
            "currency": "AUD", "id": "7655c56a-made-up", "reference": "7655c56a-made-up", "status": "AUTHORIZED",
            "totalAuthorizedAmount": 100, "totalCapturedAmount": 0, "totalRefundedAmount": 0,
        },
        "response": {"acquirerCode": "00", "gatewayCode": "APPROVED"},
        "result": "SUCCESS",
        "sourceOfFunds": {"provided": {"card": {"brand": "MASTERCARD", "number": "512345xxxxxx0008"}}, "type": "CARD"},
        "timeOfRecord": "2019-04-18T18:16:58.790Z",
        "transaction": {"amount": 100, "currency": "AUD", "id": "1", "source": "INTERNET", "type": "AUTHORIZATION"},
        "version": "51",
    },
    indent=2,
).encode()  # fmt: skip


def take(body=BODY, headers=None, secrets=(SECRET,), now=NOW, **settings):
    sent = {"x-notification-secret": SECRET, "x-notification-id": "note-1", "x-notification-attempt": "1"}
    kept = {"webhook_secret": secrets, "api_password": ("made-up-api-password",)}
    connection = Connection("mastercard-main", "mastercard", {"merchant_id": "TESTMADEUP", **settings}, kept)
    request = WebhookRequest("POST", "https://hub.example.com/hooks/m", "", sent if headers is None else headers, body)
    return receive(request, connection, now, pytest.fail)


def refused(**options):
    with pytest.raises(SignatureError) as caught:
        take(**options)
    assert caught.value.remedy
    assert SECRET not in str(caught.value)
    return caught.value.code


def changed(**members):
    return json.dumps({**json.loads(BODY), **members}).encode()


def test_notification_is_taken_as_a_hint():
    delivery = take()
    (event,) = delivery.events
    assert delivery.hint
    assert (event.id, event.type) == ("note-1", "AUTHORIZATION.SUCCESS")
    assert event.time == datetime(2019, 4, 18, 18, 16, 58, 790000, tzinfo=UTC)
    assert (delivery.answer.status, delivery.answer.body) == (200, b"")


def test_notification_without_an_id_is_known_by_what_it_tells():
    (event,) = take(headers={"x-notification-secret": SECRET}).events
    assert event.id == "7655c56a-made-up/1:AUTHORIZATION.SUCCESS"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "no_signature"),
        ({"x-notification-secret": ""}, "no_signature"),
        ({"x-notification-secret": f"{SECRET}, {SECRET}"}, "no_signature"),
        ({"x-notification-secret": SECRET.lower()}, "bad_signature"),
        ({"x-notification-secret": SECRET[:-1]}, "bad_signature"),
        ({"x-notification-secret": f"{SECRET}0"}, "bad_signature"),
        ({"x-notification-secret": "é" * 32}, "bad_signature"),
    ],
)
def test_missing_doubled_or_wrong_secret_is_refused(headers, code):
    assert refused(headers=headers) == code


def test_connection_without_a_secret_takes_nothing():
    assert refused(secrets=()) == "no_secret"


@pytest.mark.parametrize("secrets", [("F" * 32, SECRET), (SECRET, "F" * 32)])
def test_both_secrets_pass_while_one_is_replaced(secrets):
    assert take(secrets=secrets).events


@pytest.mark.parametrize("days", [-365, 0, 365])
def test_scheme_has_no_time_so_age_counts_nothing(days):
    assert take(now=NOW + timedelta(days=days)).events


def test_notification_of_another_merchant_is_refused():
    assert refused(body=changed(merchant="SOMEBODY")) == "wrong_account"
    assert take(body=changed(merchant=None)).events


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"order.id=1&result=SUCCESS", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[]", "bad_shape"),
        (b"{}", "bad_shape"),
        (changed(order={}), "bad_shape"),
        (changed(transaction={"id": "1"}), "bad_shape"),
        (changed(result=None), "bad_shape"),
    ],
)
def test_what_is_no_notification_is_told_apart(body, code):
    with pytest.raises(DeliveryError) as caught:
        take(body=body)
    assert caught.value.code == code
    assert caught.value.remedy


def test_body_may_be_written_differently_for_nothing_signs_it():
    (event,) = take(body=json.dumps(json.loads(BODY)).encode()).events
    assert event.payload == take().events[0].payload


def test_tampered_body_names_ids_only_and_is_re_read_before_it_counts():
    """The scheme cannot tell; tests/contract shows that nothing but the order's own word is told."""
    connector = Registry.load().get("mastercard")
    request = WebhookRequest(
        "POST", "https://hub.example.com/hooks/m", "", {"x-notification-secret": SECRET}, changed(result="FAILURE")
    )
    connection = Connection("m", "mastercard", {"merchant_id": "TESTMADEUP"}, {"webhook_secret": (SECRET,)})
    reception = connector.receive(request, connection, NOW, pytest.fail)
    assert reception.events == ()
    assert [raw.type for raw in reception.pending] == ["AUTHORIZATION.FAILURE"]


def test_decimals_never_become_floats():
    body = BODY.replace(b'"amount": 100', b'"amount": 19.99')
    payload = take(body=body).events[0].payload
    assert payload["order"]["amount"] == payload["transaction"]["amount"] == "19.99"


@given(secret=st.text(min_size=1, max_size=40), given_secret=st.text(max_size=40))
def test_only_the_very_secret_passes(secret, given_secret):
    headers = {"x-notification-secret": given_secret}
    fits = given_secret.strip() == secret and "," not in secret
    try:
        take(headers=headers, secrets=(secret,))
        passed = True
    except SignatureError:
        passed = False
    assert passed == fits
