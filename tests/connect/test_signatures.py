import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from hub.connect.api import WebhookRequest
from hub.connect.signatures import (
    STANDARD_WEBHOOKS,
    Pairs,
    Scheme,
    sign_standard_webhook,
    verify,
)
from hub.errors import ConfigError, SignatureError

NOW = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)  # unix 1700000000
SECRET = "whsec_" + base64.b64encode(b"a made-up secret of 32 bytes....").decode()
PLAIN = Scheme(header="X-Signature", prefix="sha256=")
PAIRED = Scheme(header="Stripe-Signature", signed="{timestamp}.{body}", pairs=Pairs("v1", "t"), tolerance=300)


def request(body=b"{}", url="https://hub.example/hooks/acme?a=1", method="POST", query="a=1", **headers):
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return WebhookRequest(method, url, query, named, body)


def sha256(secret, message):
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def test_a_plain_signature_over_the_raw_body():
    body = b'{"a": "\xc3\xa4"}\n'
    signed = request(body, X_Signature="sha256=" + sha256(b"shh", body))
    assert verify(PLAIN, signed, ["shh"], NOW) is None


def test_hex_in_capitals_is_the_same_signature():
    signed = request(X_Signature="sha256=" + sha256(b"shh", b"{}").upper())
    verify(PLAIN, signed, ["shh"], NOW)


@pytest.mark.parametrize("body", [b"{} ", b"", b"{ }"])
def test_a_changed_body_is_refused_and_says_where_to_look(body):
    signed = request(body, X_Signature="sha256=" + sha256(b"shh", b"{}"))
    with pytest.raises(SignatureError) as refusal:
        verify(PLAIN, signed, ["shh"], NOW)
    assert refusal.value.code == "bad_signature"
    assert "another secret" in refusal.value.remedy


def test_any_secret_that_is_valid_now_may_match():
    signed = request(X_Signature="sha256=" + sha256(b"old", b"{}"))
    verify(PLAIN, signed, ["new", "old"], NOW)
    with pytest.raises(SignatureError):
        verify(PLAIN, signed, ["new"], NOW)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "no_signature"),
        ({"X_Signature": ""}, "no_signature"),
        ({"X_Signature": "md5=00"}, "no_signature"),
        ({"X_Signature": "sha256="}, "bad_signature"),
        ({"X_Signature": "sha256=é"}, "bad_signature"),
    ],
)
def test_a_missing_or_unreadable_signature_is_told_apart(headers, code):
    with pytest.raises(SignatureError) as refusal:
        verify(PLAIN, request(**headers), ["shh"], NOW)
    assert refusal.value.code == code


def test_a_connection_without_a_secret_accepts_nothing():
    signed = request(X_Signature="sha256=" + sha256(b"", b"{}"))
    with pytest.raises(SignatureError) as refusal:
        verify(PLAIN, signed, [], NOW)
    assert refusal.value.code == "no_secret"


# A vector made with stripe-python 16.1.0 as oracle (WebhookSignature.verify_header).
STRIPE_BODY = (
    b'{"id":"evt_made_up_1","object":"event","api_version":"2026-06-24.dahlia","created":1700000000,'
    b'"type":"payment_intent.succeeded","data":{"object":{"id":"pi_made_up_1","object":"payment_intent",'
    b'"amount":1999,"currency":"eur"}}}'
)
STRIPE_V1 = "9b8216b77248f0df04158e393b9963439da2a29fce2fddf2b284e91740d03c1f"
STRIPE_SECRET = "whsec_made_up_secret_0123456789"


@pytest.mark.parametrize("header", [f"t=1700000000,v1={STRIPE_V1}", f"t=1700000000,v1=00,v1={STRIPE_V1},v0=11"])
def test_a_signature_in_pairs_with_a_timestamp(header):
    signed = request(STRIPE_BODY, Stripe_Signature=header)
    assert verify(PAIRED, signed, [STRIPE_SECRET], NOW + timedelta(seconds=300)) == NOW


@pytest.mark.parametrize(
    ("header", "seconds", "code"),
    [
        (f"t=1700000000,v1={STRIPE_V1}", 301, "stale"),
        (f"t=1700000000,v1={STRIPE_V1}", -301, "future"),
        (f"t=1700000001,v1={STRIPE_V1}", 0, "bad_signature"),
        (f"v1={STRIPE_V1}", 0, "no_timestamp"),
        (f"t=soon,v1={STRIPE_V1}", 0, "no_timestamp"),
        (f"t=1,t=1700000000,v1={STRIPE_V1}", 0, "no_timestamp"),
        (f"t=99999999999999,v1={STRIPE_V1}", 0, "no_timestamp"),
        (f"t=1700000000,v0={STRIPE_V1}", 0, "no_signature"),
    ],
)
def test_what_is_stale_early_or_not_dated_is_refused_with_its_reason(header, seconds, code):
    signed = request(STRIPE_BODY, Stripe_Signature=header)
    with pytest.raises(SignatureError) as refusal:
        verify(PAIRED, signed, [STRIPE_SECRET], NOW + timedelta(seconds=seconds))
    assert refusal.value.code == code


def test_a_scheme_may_sign_method_address_and_timestamp_in_milliseconds_as_base64():
    scheme = Scheme(
        header="X-Sig",
        encoding="base64",
        signed="{method}{url}{body}{timestamp}|{host}|{path}|{query}",
        timestamp_header="X-Time",
        timestamp_unit="ms",
        tolerance=300,
    )
    message = b"POSThttps://hub.example/hooks/acme?a=1{}1700000000000|hub.example|/hooks/acme|a=1"
    signature = base64.b64encode(hmac.digest(b"shh", message, "sha256")).decode()
    assert verify(scheme, request(X_Sig=signature, X_Time="1700000000000"), ["shh"], NOW) == NOW


def test_a_key_may_be_hex_or_base64_and_must_be_what_it_says():
    body = b"{}"
    for form, secret in (("hex", "00ff10"), ("base64", base64.b64encode(bytes.fromhex("00ff10")).decode())):
        scheme = Scheme(header="X-Sig", key=form)
        verify(scheme, request(body, X_Sig=sha256(bytes.fromhex("00ff10"), body)), [secret], NOW)
        with pytest.raises(ConfigError, match=f"not {form} text"):
            verify(scheme, request(body, X_Sig="00"), ["not that!"], NOW)


@given(body=st.binary(), secret=st.text(min_size=1), other=st.text(min_size=1))
def test_only_the_right_secret_verifies(body, secret, other):
    signed = request(body, X_Signature="sha256=" + sha256(secret.encode(), body))
    verify(PLAIN, signed, [secret], NOW)
    if (
        hashlib.sha256(other.encode()).digest() != hashlib.sha256(secret.encode()).digest()
        and len({secret.encode().rstrip(b"\0"), other.encode().rstrip(b"\0")}) > 1
    ):
        with pytest.raises(SignatureError):
            verify(PLAIN, signed, [other], NOW)


@given(header=st.text(), stamp=st.text())
def test_no_header_breaks_verification(header, stamp):
    for scheme in (PLAIN, PAIRED, STANDARD_WEBHOOKS):
        forged = WebhookRequest(
            "POST", "https://h/", "", {scheme.header.lower(): header, "webhook-timestamp": stamp}, b""
        )
        with pytest.raises(SignatureError):
            verify(scheme, forged, [SECRET], NOW)


def test_what_we_sign_the_standard_webhooks_library_accepts():
    now = datetime.now(UTC)
    body = json.dumps({"type": "course.finished"}).encode()
    headers = sign_standard_webhook(SECRET, "msg_1", now, body)
    assert Webhook(SECRET).verify(body, headers) == {"type": "course.finished"}


def test_the_specifications_own_vector_is_signed_and_verified():
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    moment = datetime.fromtimestamp(1614265330, UTC)
    headers = sign_standard_webhook(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", moment, body)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    verify(
        STANDARD_WEBHOOKS,
        request(body, **{name.replace("-", "_"): one for name, one in headers.items()}),
        [secret],
        moment,
    )


def test_what_the_standard_webhooks_library_signs_we_accept():
    body = '{"type":"course.finished"}'
    signature = Webhook(SECRET).sign("msg_1", NOW, body)
    headers = {"webhook_id": "msg_1", "webhook_timestamp": "1700000000"}
    for value in (signature, f"v1,AAAA {signature}", f"v1a,xyz {signature}"):
        verify(STANDARD_WEBHOOKS, request(body.encode(), **headers, webhook_signature=value), [SECRET], NOW)
    with pytest.raises(SignatureError):
        verify(
            STANDARD_WEBHOOKS,
            request(body.encode(), **{**headers, "webhook_id": "msg_2"}, webhook_signature=signature),
            [SECRET],
            NOW,
        )
