from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.authorize_net.webhooks import receive
from hub.connect.api import Connection, WebhookRequest
from hub.errors import DeliveryError, SignatureError

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
# The public vector: stymiee/authnetjson, tests/Authnetjson/AuthnetWebhookTest.php (commit 17546b05). The key is used as the
# text it is; the same file has a scrambled signature that must fail.
KEY = "52CB4A002C634B84E397DC8A218E1A160BA7CAB7CBE4C05B35E9CBB05E14FE4A2385812E980CCF97D177F17863CE214D1BE6CE8E1E894487AACF3609C1A5FE17"
BODY = (
    b'{"notificationId":"182cbbff-cab2-4080-931d-80e5d818f23a","eventType":"net.authorize.payment.authcapture.created",'
    b'"eventDate":"2017-08-18T20:40:52.7722007Z","webhookId":"849eb87e-078a-4169-a34b-c0bded5019a8","payload":{"responseCode":0,'
    b'"authCode":"Z3PV5H","avsResponse":"Y","authAmount":0.0,"entityName":"transaction","id":"40005915599"}}'
)
GOOD = (
    "sha512=A1E0CC0F8A7B6274E0951CAC5EB63579F70FC6B7B15384B146DCE02B98DEE3954A5A8E331661B51DE953E141E88994DFA7D267FFB8428BE06"
    "60511B6EFB94960"
)
SCRAMBLED = (
    "sha512=A1E0CC0F8A7B6274E0951CAC5EB63146DCE02B98DEE3954579F70FC6B7B15384BA5A8E331661B51DE953E141E88994DFA7D267FFB8428BE06"
    "60511B6EFB94960"
)


def connection(*keys):
    return Connection("anet-main", "authorize_net", {}, {"signature_key": keys or (KEY,)})


def take(header=GOOD, body=BODY, now=NOW, keys=()):
    headers = {"x-anet-signature": header} if header is not None else {}
    request = WebhookRequest("POST", "https://hub.example.com/hooks/anet-main", "", headers, body)
    return receive(request, connection(*keys), now, pytest.fail)


def signed(body, key=KEY):
    return "sha512=" + hmac.new(key.encode(), body, hashlib.sha512).hexdigest().upper()


def refused(**options):
    with pytest.raises(SignatureError) as caught:
        take(**options)
    assert caught.value.remedy
    return caught.value.code


def test_public_vector_is_accepted():
    delivery = take()
    (event,) = delivery.events
    assert event.id == "182cbbff-cab2-4080-931d-80e5d818f23a"
    assert event.type == "net.authorize.payment.authcapture.created"
    assert event.time == datetime(2017, 8, 18, 20, 40, 52, 772200, tzinfo=UTC)
    assert event.payload["payload"]["authAmount"] == "0.0"
    assert (delivery.hint, delivery.answer.status) == (False, 200)


def test_scrambled_vector_is_refused():
    assert refused(header=SCRAMBLED) == "bad_signature"


def test_key_is_text_and_never_decoded_from_hex():
    digest = hmac.new(bytes.fromhex(KEY), BODY, hashlib.sha512).hexdigest()
    assert refused(header=f"sha512={digest}") == "bad_signature"


def test_transaction_hash_is_another_protocol():
    """transHashSha2 decodes the key from hex (AuthorizeNet/sample-code-python); its value is no signature of a webhook."""
    text = b"^5T9cRn9FK^60115446835^10.00^"
    digest = hmac.new(bytes.fromhex(KEY), text, hashlib.sha512).hexdigest()
    assert refused(header=f"sha512={digest}", body=text) == "bad_signature"


@pytest.mark.parametrize("header", [GOOD.lower(), GOOD.upper(), f" {GOOD} "])
def test_case_of_the_header_does_not_matter(header):
    assert take(header).events


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"header": None}, "no_signature"),
        ({"header": ""}, "no_signature"),
        ({"header": GOOD.removeprefix("sha512=")}, "no_signature"),
        ({"header": GOOD.replace("sha512", "sha256")}, "no_signature"),
        ({"header": f"{GOOD},{GOOD}"}, "no_signature"),
        ({"header": f"{GOOD}, {SCRAMBLED}"}, "no_signature"),
        ({"header": "sha512=é"}, "bad_signature"),
        ({"header": "sha512="}, "bad_signature"),
        ({"header": GOOD[:-1]}, "bad_signature"),
        ({"keys": ("5B" * 64,)}, "bad_signature"),
        ({"keys": (KEY.lower(),)}, "bad_signature"),
        ({"body": BODY + b"\n"}, "bad_signature"),
        ({"body": BODY.replace(b"0.0", b"9.0")}, "bad_signature"),
    ],
)
def test_refusal_names_its_reason(options, code):
    assert refused(**options) == code


def test_re_serialised_body_is_refused():
    body = BODY.replace(b'"authAmount":0.0', b'"authAmount":10.00')
    again = json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert again != body
    assert take(signed(body), body).events
    assert refused(header=signed(body), body=again) == "bad_signature"


@pytest.mark.parametrize("keys", [("5B" * 64, KEY), (KEY, "5B" * 64), (f" {KEY}\n",)])
def test_both_keys_pass_while_one_is_replaced(keys):
    assert take(keys=keys).events


def test_connection_without_a_key_says_so():
    request = WebhookRequest("POST", "https://hub.example.com/hooks/x", "", {"x-anet-signature": GOOD}, BODY)
    with pytest.raises(SignatureError) as caught:
        receive(request, Connection("anet-main", "authorize_net", {}, {}), NOW, pytest.fail)
    assert caught.value.code == "no_secret"


@pytest.mark.parametrize("days", [-3650, 0, 3650])
def test_scheme_has_no_time_so_no_delivery_is_stale(days):
    assert take(now=NOW + timedelta(days=days)).events


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"not json", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"", "not_json"),
        (b'{"payload": NaN}', "not_json"),
        (b"[]", "bad_shape"),
        (b'{"notificationId": "1"}', "bad_shape"),
        (b'{"eventType": "x"}', "bad_shape"),
        (b'{"notificationId": "", "eventType": "x"}', "bad_shape"),
        (b'{"notificationId": "1", "eventType": "x", "eventDate": "soon"}', "bad_shape"),
    ],
)
def test_signed_nonsense_is_told_apart(body, code):
    with pytest.raises(DeliveryError) as caught:
        take(signed(body), body)
    assert caught.value.code == code
    assert caught.value.remedy


@given(st.integers(0, 10**9), st.integers(0, 99))
def test_amounts_stay_exact(whole, cents):
    text = f"{whole}.{cents:02d}"
    body = BODY.replace(b'"authAmount":0.0', f'"authAmount":{text}'.encode())
    assert take(signed(body), body).events[0].payload["payload"]["authAmount"] == text


@given(st.binary(max_size=200), st.text(max_size=150))
def test_no_forgery_passes_and_no_error_holds_the_key(body, header):
    with pytest.raises((SignatureError, DeliveryError)) as caught:
        take(header, body)
    assert KEY not in str(caught.value)
