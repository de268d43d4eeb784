from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.paypal.webhooks import UNPROVED, receive
from hub.connect.api import Connection, WebhookRequest
from hub.errors import DeliveryError, SignatureError
from tests.fakes.paypal_wire import CERTIFICATE_URL, Signing

# The vectors of PayPal's own SDKs: two deliveries of its sandbox, with the certificate that signed them (valid 2015 to 2017).
# A: Ruby SDK, spec/webhooks_examples_spec.rb. B: Java SDK, the sample ValidateCert. Both bodies are built here to the byte.
CERTIFICATE = (Path(__file__).parent / "certificate.pem").read_bytes()
OFFICIAL_URL = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"
API = "https://api.sandbox.paypal.com/v1"


def sale_body(event, time, sale, begun, ended, payment):
    def link(rel, path, method="GET"):
        return {"href": f"{API}{path}", "rel": rel, "method": method}

    resource = {
        "id": sale,
        "create_time": begun,
        "update_time": ended,
        "amount": {"total": "20.00", "currency": "USD"},
        "payment_mode": "INSTANT_TRANSFER",
        "state": "completed",
        "protection_eligibility": "ELIGIBLE",
        "protection_eligibility_type": "ITEM_NOT_RECEIVED_ELIGIBLE,UNAUTHORIZED_PAYMENT_ELIGIBLE",
        "parent_payment": payment,
        "transaction_fee": {"value": "0.88", "currency": "USD"},
        "links": [
            link("self", f"/payments/sale/{sale}"),
            link("refund", f"/payments/sale/{sale}/refund", "POST"),
            link("parent_payment", f"/payments/payment/{payment}"),
        ],
    }
    whole = {
        "id": event,
        "create_time": time,
        "resource_type": "sale",
        "event_type": "PAYMENT.SALE.COMPLETED",
        "summary": "Payment completed for $ 20.0 USD",
        "resource": resource,
        "links": [
            link("self", f"/notifications/webhooks-events/{event}"),
            link("resend", f"/notifications/webhooks-events/{event}/resend", "POST"),
        ],
    }
    return json.dumps(whole, separators=(",", ":")).encode()


VECTORS = {
    "A": (
        "dfb3be50-fd74-11e4-8bf3-77339302725b",
        "2015-05-18T15:45:13Z",
        "4JH86294D6297924G",
        "thy4/U002quzxFavHPwbfJGcc46E8rc5jzgyeafWm5mICTBdY/8rl7WJpn8JA0GKA+oDTPsSruqusw+XXg5RLAP7ip53Euh9Xu3UbUhQFX7UgwzE2FeYoY6lyRMiiiQLzy9BvHfIzNIVhPad4KnC339dr6y2l+mN8ALgI4GCdIh3/SoJO5wE64Bh/ueWtt8EVuvsvXfda2Le5a2TrOI9vLEzsm9GS79hAR/5oLexNz8UiZr045Mr5ObroH4w4oNfmkTaDk9Rj0G19uvISs5QzgmBpauKr7Nw++JI0pr/v5mFctQkoWJSGfBGzPRXawrvIIVHQ9Wer48GR2g9ZiApWg==",
        sale_body("WH-0G2756385H040842W-5Y612302CV158622M", "2015-05-18T15:45:13Z", "4EU7004268015634R", "2015-05-18T15:44:02Z", "2015-05-18T15:44:21Z", "PAY-86C81811X5228590KKVNARQQ"),
    ),
    "B": (
        "b2384410-f8d2-11e4-8bf3-77339302725b",
        "2015-05-12T18:14:14Z",
        "3RN13029J36659323",
        "vSOIQFIZQHv8G2vpbOpD/4fSC4/MYhdHyv+AmgJyeJQq6q5avWyHIe/zL6qO5hle192HSqKbYveLoFXGJun2od2zXN3Q45VBXwdX3woXYGaNq532flAtiYin+tQ/0pNwRDsVIufCxa3a8HskaXy+YEfXNnwCSL287esD3HgOHmuAs0mYKQdbR4e8Evk8XOOQaZzGeV7GNXXz19gzzvyHbsbHmDz5VoRl9so5OoHqvnc5RtgjZfG8KA9lXh2MTPSbtdTLQb9ikKYnOGM+FasFMxk5stJisgmxaefpO9Q1qm3rCjaJ29aAOyDNr3Q7WkeN3w4bSXtFMwyRBOF28pJg9g==",
        sale_body("WH-2W7266712B616591M-36507203HX6402335", "2015-05-12T18:14:14Z", "7DW85331GX749735N", "2015-05-12T18:13:18Z", "2015-05-12T18:13:36Z", "PAY-1A142943SV880364LKVJEFPQ"),
    ),
}  # fmt: skip

SIGNED_AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
WEBHOOK = "4JH86294D6297924G"
BODY = (
    b'{"id":"WH-1","event_type":"BILLING.PLAN.UPDATED","create_time":"2026-11-23T09:00:00.5Z","resource":{"id":"P-1"}}'
)
SIGNING = Signing()


def connection(**settings):
    return Connection("paypal-main", "paypal", {"mode": "test", "webhook_id": WEBHOOK, **settings}, {})


def take(body=BODY, headers=None, now=SIGNED_AT, certificate=None, fetch=None, **options):
    given_headers = SIGNING.headers(body, "t-1", WEBHOOK) if headers is None else headers
    request = WebhookRequest("POST", "https://hub.example.com/hooks/paypal-main", "", given_headers, body)
    answer = SIGNING.certificate if certificate is None else certificate
    return receive(request, connection(**options), now, fetch or (lambda url: answer))


def refused(**options):
    with pytest.raises(SignatureError) as caught:
        take(**options)
    assert caught.value.remedy
    return caught.value.code


def official(name, **changes):
    transmission, time, webhook_id, signature, body = VECTORS[name]
    headers = {
        "paypal-transmission-id": transmission,
        "paypal-transmission-time": time,
        "paypal-transmission-sig": signature,
        "paypal-cert-url": OFFICIAL_URL,
        "paypal-auth-algo": "SHA256withRSA",
    }
    now = datetime.fromisoformat(time) + timedelta(seconds=3)
    return {
        "body": body,
        "headers": headers,
        "now": now,
        "webhook_id": webhook_id,
        "certificate": CERTIFICATE,
        **changes,
    }


@pytest.mark.parametrize("name", VECTORS)
def test_official_vector_is_accepted(name):
    delivery = take(**official(name))
    assert delivery.events[0].type == "PAYMENT.SALE.COMPLETED"
    assert delivery.events[0].payload["resource"]["amount"]["total"] == "20.00"
    assert not delivery.hint


@pytest.mark.parametrize("name", VECTORS)
def test_official_vector_holds_for_its_very_bytes_id_and_time_only(name):
    body = VECTORS[name][4]
    assert refused(**official(name, body=body + b" ")) == "bad_signature"
    assert refused(**official(name, body=json.dumps(json.loads(body)).encode())) == "bad_signature"
    assert refused(**official(name, webhook_id="OTHER")) == "bad_signature"
    other = VECTORS["B" if name == "A" else "A"]
    swapped = {**official(name)["headers"], "paypal-transmission-sig": other[3]}
    assert refused(**official(name, headers=swapped)) == "bad_signature"
    assert refused(**official(name, certificate=SIGNING.certificate, now=SIGNED_AT)) == "stale"


def test_official_certificate_is_refused_after_its_time():
    late = datetime(2018, 1, 1, tzinfo=UTC)
    headers = {**official("A")["headers"], "paypal-transmission-time": "2018-01-01T00:00:00Z"}
    assert refused(**official("A", now=late, headers=headers)) == "bad_certificate"


def test_delivery_is_accepted():
    (event,) = take().events
    assert (event.id, event.type) == ("WH-1", "BILLING.PLAN.UPDATED")
    assert event.time == SIGNED_AT + timedelta(milliseconds=500)


@pytest.mark.parametrize("ids", [f"NEW1 {WEBHOOK}", f"{WEBHOOK}, OLD1"])
def test_both_webhooks_pass_while_one_replaces_the_other(ids):
    assert take(webhook_id=ids).events


@pytest.mark.parametrize("age", [timedelta(days=-5), timedelta(), timedelta(days=4, hours=23), timedelta(minutes=-4)])
def test_retries_of_days_are_fresh(age):
    signed_at = SIGNED_AT - age
    headers = SIGNING.headers(BODY, "t-1", WEBHOOK, signed_at.isoformat().replace("+00:00", "Z"))
    if age < timedelta(minutes=-5):
        assert refused(headers=headers) == "future"
    else:
        assert take(headers=headers).events


def test_older_is_refused():
    headers = SIGNING.headers(BODY, "t-1", WEBHOOK, "2026-11-18T08:59:59Z")
    assert refused(headers=headers) == "stale"


@pytest.mark.parametrize("time", ["", "yesterday", "1700000000", "2026-99-99T00:00:00Z"])
def test_delivery_without_a_time_is_refused(time):
    headers = {**SIGNING.headers(BODY, "t-1", WEBHOOK), "paypal-transmission-time": time}
    assert refused(headers=headers) in {"no_timestamp", "no_signature"}


@pytest.mark.parametrize("name", ["transmission-id", "transmission-time", "transmission-sig", "cert-url", "auth-algo"])
def test_missing_or_doubled_header_is_refused(name):
    whole = SIGNING.headers(BODY, "t-1", WEBHOOK)
    missing = {key: value for key, value in whole.items() if key != f"paypal-{name}"}
    doubled = {**whole, f"paypal-{name}": f"{whole[f'paypal-{name}']},{whole[f'paypal-{name}']}"}
    assert refused(headers=missing) == "no_signature"
    assert refused(headers=doubled) == "no_signature"


def test_other_algorithm_is_refused():
    headers = {**SIGNING.headers(BODY, "t-1", WEBHOOK), "paypal-auth-algo": "SHA1withRSA"}
    assert refused(headers=headers) == "no_signature"


def test_separator_in_the_transmission_id_is_refused():
    # Else a part of the signed text could be moved from one header into another.
    assert refused(headers=SIGNING.headers(BODY, "t-1|2026", WEBHOOK)) == "no_signature"


@pytest.mark.parametrize("signature", ["not base64!", "bWFkZSB1cA=="])
def test_nonsense_for_a_signature_is_refused(signature):
    headers = {**SIGNING.headers(BODY, "t-1", WEBHOOK), "paypal-transmission-sig": signature}
    assert refused(headers=headers) == "bad_signature"


@pytest.mark.parametrize(
    "address",
    [
        "http://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.sandbox.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://evil.example/v1/notifications/certs/CERT-1",
        "https://api.sandbox.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        "https://evil.example#api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        "https://user@api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.sandbox.paypal.com:8443/v1/notifications/certs/CERT-1",
        "https://API.sandbox.paypal.com./v1/notifications/certs/CERT-1",
        "https://api.sandbox.paypal.com/v1/notifications/certs/../../evil/CERT-1",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1?next=https://evil.example",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1#x",
        "https://api.sandbox.paypal.com/elsewhere",
        "https://api.paypal.com/v1/notifications/certs/CERT-1",
        "file:///etc/passwd",
    ],
)
def test_certificate_is_fetched_from_no_other_place(address):
    headers = {**SIGNING.headers(BODY, "t-1", WEBHOOK), "paypal-cert-url": address}
    assert refused(headers=headers, fetch=pytest.fail) == "bad_certificate"


def test_live_connection_takes_no_certificate_of_the_sandbox():
    assert refused(mode="live", fetch=pytest.fail) == "bad_certificate"
    headers = {**SIGNING.headers(BODY, "t-1", WEBHOOK), "paypal-cert-url": CERTIFICATE_URL.replace("sandbox.", "")}
    assert take(headers=headers, mode="live").events


def elliptic():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "messageverificationcerts.paypal.com")])
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    )
    builder = builder.not_valid_before(SIGNED_AT - timedelta(days=1)).not_valid_after(SIGNED_AT + timedelta(days=1))
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    "certificate",
    [
        Signing("messageverificationcerts.paypal.com.evil.example").certificate,
        Signing("evilpaypal.com").certificate,
        Signing("paypal.com").certificate,
        b"<html>Not found</html>",
        b"",
        elliptic(),
    ],
    ids=["suffix", "no_dot", "bare", "page", "empty", "elliptic"],
)
def test_certificate_of_somebody_else_is_refused(certificate):
    assert refused(certificate=certificate) == "bad_certificate"


def test_simulator_is_refused_unless_a_test_connection_takes_it():
    headers = SIGNING.headers(BODY, "t-1", "WEBHOOK_ID")
    live = {**headers, "paypal-cert-url": CERTIFICATE_URL.replace("sandbox.", "")}
    assert refused(headers=headers) == "bad_signature"
    assert refused(headers=headers, webhook_id="WEBHOOK_ID") == "no_secret"
    assert refused(headers=live, accept_simulator=True, mode="live") == "bad_signature"
    assert take(headers=live, accept_simulator=True).events
    assert take(headers=live, accept_simulator=True, webhook_id="").events


def test_connection_without_a_webhook_id_proves_nothing():
    assert refused(webhook_id="", fetch=pytest.fail) == "no_secret"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"not json", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[]", "bad_shape"),
        (b'{"id": "WH-1"}', "bad_shape"),
        (b'{"id": "WH-1", "event_type": 7, "resource": {}}', "bad_shape"),
        (b'{"id": "WH-1", "event_type": "X"}', "bad_shape"),
        (b'{"id": "WH-1", "event_type": "X", "resource": {}, "create_time": "soon"}', "bad_shape"),
    ],
)
def test_signed_nonsense_is_told_apart(body, code):
    for how in ("certificate", "api"):
        with pytest.raises(DeliveryError) as caught:
            take(body, webhook_verification=how)
        assert caught.value.code == code


def test_delivery_that_paypal_will_be_asked_about_is_only_noted():
    delivery = take(webhook_verification="api", fetch=pytest.fail)
    assert delivery.hint
    (noted,) = delivery.events
    assert (noted.id, noted.type, noted.payload["body"]) == ("WH-1", UNPROVED, BODY.decode())
    assert refused(webhook_verification="api", webhook_id="") == "no_secret"
    assert refused(webhook_verification="api", headers={}) == "no_signature"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(BODY) - 1), change=st.integers(1, 255))
def test_any_changed_byte_is_refused(place, change):
    body = BODY[:place] + bytes([BODY[place] ^ change]) + BODY[place + 1 :]
    assert refused(body=body, headers=SIGNING.headers(BODY, "t-1", WEBHOOK)) == "bad_signature"
