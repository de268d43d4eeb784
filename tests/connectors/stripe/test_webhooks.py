from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
import stripe as sdk
from hypothesis import given
from hypothesis import strategies as st

from connectors.stripe.webhooks import mode_of, receive
from hub.connect.api import Connection, WebhookRequest
from hub.errors import DeliveryError, SignatureError

# A made-up vector; the signature was recomputed with stripe-python 16.1.0.
SECRET = "whsec_made_up_secret_0123456789"
SIGNED_AT = datetime.fromtimestamp(1700000000, tz=UTC)
BODY = (
    b'{"id":"evt_made_up_1","object":"event","api_version":"2026-06-24.dahlia","created":1700000000,'
    b'"type":"payment_intent.succeeded","data":{"object":{"id":"pi_made_up_1","object":"payment_intent",'
    b'"amount":1999,"currency":"eur"}}}'
)
V1 = "9b8216b77248f0df04158e393b9963439da2a29fce2fddf2b284e91740d03c1f"
HEADER = f"t=1700000000,v1={V1}"


# The vector of Stripe's .NET library (its test event_test_signature): the event, written with two blanks and a last newline.
OFFICIAL_HEADER = (
    "t=1533204620,v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7,"
    "v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef"
)
OFFICIAL_CUSTOMER = {
    "id": "cus_123", "object": "customer", "created": 123456789, "email": "test@stripe.com", "livemode": False, "metadata": {},
}  # fmt: skip
OFFICIAL_EVENT = {
    "id": "evt_123", "object": "event", "account": "acct_123", "api_version": "2017-05-25", "created": 1533204620,
    "data": {"object": OFFICIAL_CUSTOMER}, "livemode": False, "pending_webhooks": 1,
    "request": {"id": "req_123", "idempotency_key": "idempotency-key-123"}, "type": "customer.created",
}  # fmt: skip
OFFICIAL_BODY = json.dumps(OFFICIAL_EVENT, indent=2).encode() + b"\n"


def connection(*, key=None, secrets=(SECRET,), **settings):
    kept = {"webhook_secret": secrets, **({"secret_key": (key,)} if key else {})}
    return Connection("stripe-main", "stripe", settings, kept)


def take(header=HEADER, body=BODY, now=SIGNED_AT, **options):
    headers = {"stripe-signature": header} if header is not None else {}
    request = WebhookRequest("POST", "https://hub.example.com/hooks/stripe-main", "", headers, body)
    return receive(request, connection(**options), now, pytest.fail)


def signed(body, at=1700000000, secret=SECRET):
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def take_event(event, **options):
    whole = {"id": "evt_1", "object": "event", "type": "payout.paid", "data": {"object": {}}, **event}
    body = json.dumps(whole).encode()
    return take(signed(body), body, **options)


def refused(**options):
    with pytest.raises(SignatureError) as caught:
        take(**options)
    assert caught.value.remedy
    return caught.value.code


def test_vector_is_accepted():
    delivery = take()
    (event,) = delivery.events
    assert (event.id, event.type, event.time) == ("evt_made_up_1", "payment_intent.succeeded", SIGNED_AT)
    assert not delivery.hint


def test_official_vector_is_accepted_until_it_is_stale():
    official = {"header": OFFICIAL_HEADER, "body": OFFICIAL_BODY, "secrets": ("webhook_secret",)}
    signed_at = datetime.fromtimestamp(1533204620, tz=UTC)
    assert take(**official, now=signed_at + timedelta(seconds=300)).events[0].type == "customer.created"
    assert refused(**official, now=signed_at + timedelta(seconds=400)) == "stale"
    assert refused(**{**official, "body": OFFICIAL_BODY + b"x"}, now=signed_at) == "bad_signature"


def test_one_of_several_signatures_suffices_and_v0_counts_nothing():
    assert take(f"t=1700000000,v1=00,v1={V1},v0=11").events
    assert refused(header=f"t=1700000000,v0={V1}") == "no_signature"


@pytest.mark.parametrize("secrets", [("whsec_new", SECRET), (SECRET, "whsec_old")])
def test_both_secrets_pass_while_one_rolls(secrets):
    assert take(secrets=secrets).events


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_either_way_are_fresh(seconds):
    assert take(now=SIGNED_AT + timedelta(seconds=seconds)).events


@pytest.mark.parametrize(("seconds", "code"), [(301, "stale"), (400, "stale"), (-301, "future")])
def test_older_or_earlier_is_refused(seconds, code):
    assert refused(now=SIGNED_AT + timedelta(seconds=seconds)) == code


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"header": None}, "no_signature"),
        ({"header": "nonsense"}, "no_signature"),
        ({"header": f"v1={V1}"}, "no_timestamp"),
        ({"header": f"t=1700000000,t=1700000001,v1={V1}"}, "no_timestamp"),
        ({"header": f"t=17000000ö0,v1={V1}"}, "no_timestamp"),
        ({"header": "t=1700000000,v1=é"}, "bad_signature"),
        ({"body": BODY + b"\n"}, "bad_signature"),
        ({"secrets": ("made_up_secret_0123456789",)}, "bad_signature"),
        ({"secrets": ()}, "no_secret"),
    ],
)
def test_refusal_names_its_reason(options, code):
    assert refused(**options) == code


def test_event_of_the_other_mode_is_refused():
    for key, livemode in [("sk_test_x", True), ("rk_live_x", False)]:
        with pytest.raises(SignatureError) as caught:
            take_event({"livemode": livemode}, key=key)
        assert caught.value.code == "wrong_mode"
    assert take_event({"livemode": False}, key="sk_test_x").events
    assert take_event({"livemode": True}).events


def test_event_of_another_account_is_refused():
    for event in ({"account": "acct_2"}, {}):
        with pytest.raises(SignatureError) as caught:
            take_event(event, account="acct_1")
        assert caught.value.code == "wrong_account"
    assert take_event({"account": "acct_1"}, account="acct_1").events
    assert take_event({"account": "acct_1"}).events


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"not json", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[]", "bad_shape"),
        (b'{"object": "event", "type": "x"}', "bad_shape"),
        (b'{"id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found"}', "thin_event"),
    ],
)
def test_signed_nonsense_is_told_apart(body, code):
    with pytest.raises(DeliveryError) as caught:
        take(signed(body), body)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("key", "mode"),
    [("sk_test_1", "test"), ("rk_live_1", "live"), ("sk_live_a_b", "live"), ("odd", None), (None, None)],
)
def test_mode_is_read_from_the_key(key, mode):
    assert mode_of(connection(key=key)) == mode


@given(body=st.binary(max_size=200), secret=st.text("abcdefgh0123_", min_size=1, max_size=40), flip=st.booleans())
def test_official_library_agrees(body, secret, flip):
    text = body.decode("utf-8", "replace")
    header = signed(text.encode(), secret=secret)
    if flip:
        header = header[:-1] + ("0" if header[-1] != "0" else "1")
    try:
        theirs = sdk.WebhookSignature.verify_header(text, header, secret, tolerance=None)
    except sdk.SignatureVerificationError:
        theirs = False
    try:
        take(header, text.encode(), secrets=(secret,))
        ours = True
    except SignatureError:
        ours = False
    except DeliveryError:
        ours = True
    assert ours == theirs
