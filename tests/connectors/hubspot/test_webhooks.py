from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.hubspot.webhooks import receive
from hub.connect.api import Connection, WebhookRequest
from hub.connect.conformance import check_connector
from hub.connect.registry import Registry
from hub.errors import DeliveryError, SignatureError

# Vector A stands in the tests of HubSpot's own library; C was made up and computed with that library.
SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
A_BODY = b"{'example_field':'example_value'}"
A_URL = "https://www.example.com/webhook_uri"
A_STAMP = "1693657560000"
A_SIGNATURE = "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="
C_BODY = (
    b'[{"eventId":1,"subscriptionId":2,"portalId":3,"occurredAt":1795435200000,"subscriptionType":"contact.creation",'
    b'"attemptNumber":0,"objectId":4}]'
)
C_STAMP = "1795435200000"
C_URL = "https://hub.example.com/hooks/hs?tag=a%20b"
C_AS_IT_IS = "xsebigTA/mju84soNRiC65D5W/VYguqlSTg6a5cdpHI="
C_DECODED = "Vp2OJ6eEsCnqQI5VZZFdGKgS2F04MLdLKluyl3n5WnY="


def at(stamp):
    return datetime.fromtimestamp(int(stamp) / 1000, tz=UTC)


def take(
    body=C_BODY,
    url=C_URL,
    stamp=C_STAMP,
    signature=C_AS_IT_IS,
    *,
    now=None,
    secrets=(SECRET,),
    method="POST",
    **settings,
):
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": stamp}
    request = WebhookRequest(
        method, url, url.partition("?")[2], {k: v for k, v in headers.items() if v is not None}, body
    )
    return receive(
        request, Connection("crm", "hubspot", settings, {"client_secret": secrets}), now or at(stamp), pytest.fail
    )


def signed(body, url=A_URL, stamp=C_STAMP):
    text = b"POST" + url.encode() + body + stamp.encode()
    return base64.b64encode(hmac.digest(SECRET.encode(), text, hashlib.sha256)).decode()


def refused(**options):
    with pytest.raises(SignatureError) as caught:
        take(**options)
    return caught.value.code


def test_official_vector_proves_the_sender_of_a_body_that_is_no_json():
    with pytest.raises(DeliveryError) as caught:
        take(A_BODY, A_URL, A_STAMP, A_SIGNATURE)
    assert caught.value.code == "not_json"
    assert refused(body=A_BODY + b" ", url=A_URL, stamp=A_STAMP, signature=A_SIGNATURE) == "bad_signature"


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (A_BODY, "69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750"),
        (b"POST" + A_URL.encode() + A_BODY, "4fe4e3a7d3cf09db53be39d0a58130e2aaba074ec123a9e355b876a689a1c383"),
        (b"GET" + A_URL.encode(), "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"),
    ],
    ids=["v1", "v2", "v2 of a GET"],
)
def test_the_schemes_of_old_prove_nothing(text, digest):
    assert hashlib.sha256(SECRET.encode() + text).hexdigest() == digest, "the official vector"
    headers = {"x-hubspot-signature": digest, "x-hubspot-request-timestamp": A_STAMP}
    connection = Connection("crm", "hubspot", {}, {"client_secret": (SECRET,)})
    for more in ({}, {"x-hubspot-signature-v3": digest}):
        request = WebhookRequest("POST", A_URL, "", {**headers, **more}, A_BODY)
        with pytest.raises(SignatureError):
            receive(request, connection, at(A_STAMP), pytest.fail)


@pytest.mark.parametrize("signature", [C_AS_IT_IS, C_DECODED], ids=["as it is", "decoded"])
def test_address_is_taken_as_it_is_or_decoded(signature):
    (event,) = take(signature=signature).events
    assert (event.id, event.type, event.time) == ("2|4||1795435200000|1", "contact.creation", at(C_STAMP))


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"signature": None}, "no_signature"),
        ({"stamp": None, "now": at(C_STAMP)}, "no_timestamp"),
        ({"signature": "ünicode"}, "bad_signature"),
        ({"method": "PUT"}, "bad_signature"),
        ({"url": "https://hub.example.com/hooks/other?tag=a%20b"}, "bad_signature"),
        ({"secrets": ("another",)}, "bad_signature"),
        ({"secrets": ()}, "no_secret"),
        ({"now": at(C_STAMP) + timedelta(seconds=301)}, "stale"),
        ({"now": at(C_STAMP) - timedelta(seconds=301)}, "future"),
        ({"portal_id": "99"}, "wrong_account"),
    ],
)
def test_refusal_names_its_reason(options, code):
    assert refused(**options) == code


@pytest.mark.parametrize("seconds", [-300, 300])
def test_five_minutes_either_way_are_fresh(seconds):
    assert take(now=at(C_STAMP) + timedelta(seconds=seconds), secrets=("new", SECRET), portal_id="3").events


@pytest.mark.parametrize("body", [b'["text"]', b"7", b'[{"eventId": 1}]'])
def test_signed_nonsense_is_told_apart(body):
    with pytest.raises(DeliveryError) as caught:
        take(body, A_URL, C_STAMP, signed(body))
    assert caught.value.code == "bad_shape"


def test_each_event_of_a_list_has_an_id_of_its_own():
    base = {"eventId": 1, "subscriptionId": 2, "occurredAt": 1795435200000, "objectId": 4}
    entries = [
        {**base, "subscriptionType": "contact.propertyChange", "propertyName": name, "propertyValue": "x"}
        for name in ("email", "phone")
    ]
    body = json.dumps(entries).encode()
    events = take(body, A_URL, C_STAMP, signed(body)).events
    assert [event.id for event in events] == ["2|4|email|1795435200000|1", "2|4|phone|1795435200000|1"]


def test_change_is_told_in_the_hubs_words():
    hubspot = Registry.load().get("hubspot")
    base = {"eventId": 1, "subscriptionId": 2, "portalId": 3, "occurredAt": 1795435200000, "objectId": 4}
    entry = {
        **base,
        "subscriptionType": "deal.propertyChange",
        "propertyName": "dealstage",
        "propertyValue": "closedwon",
    }
    body = json.dumps(entry).encode()
    (raw,) = take(body, A_URL, C_STAMP, signed(body)).events
    (event,) = hubspot.map(raw, Connection("crm", "hubspot", {}, {}))
    assert event.type == "hubspot.deal.changed"
    assert event.data == {"id": "4", "object": "deal", "portal": "3", "property": "dealstage", "value": "closedwon"}


def test_folder_conforms():
    assert check_connector(Path(__file__).parents[3] / "connectors" / "hubspot", "connectors.hubspot") == []
