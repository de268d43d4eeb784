from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.razorpay.payments import complete, signed_text
from connectors.razorpay.webhooks import receive
from hub.connect.api import Call, Connection, WebhookRequest
from hub.connect.signatures import keyed_hash
from hub.errors import DeliveryError, PermanentError, SignatureError

SECRET = "made_up_webhook_secret"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
EVENT = {
    "entity": "event",
    "account_id": "acc_MadeUp00000001",
    "event": "payment.captured",
    "contains": ["payment"],
    "payload": {
        "payment": {"entity": {"id": "pay_1", "amount": 100, "currency": "INR", "status": "captured", "notes": []}}
    },
    "created_at": 1795424400,
}
BODY = json.dumps(EVENT, separators=(",", ":")).encode()

# Of razorpay-node, test/utils/razorpay-utils.spec.js.
OFFICIAL_BODY = b'{"a":1,"b":2,"c":{"d":3}}'
OFFICIAL_SIGNATURE = "2fe04e22977002e6c7cb553adab8b460cb9e2a4970d5953cb27a8472752e3bbc"


def signed(body, secret=SECRET):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def take(body=BODY, signature="", event_id="MadeEvent0000001", now=NOW, secrets=(SECRET,), payouts=(), **settings):
    headers = {"content-type": "application/json"}
    if signature is not None:
        headers["x-razorpay-signature"] = signature or signed(body)
    if event_id is not None:
        headers["x-razorpay-event-id"] = event_id
    kept = {"webhook_secret": secrets, "payout_webhook_secret": payouts, "key_secret": ("made_up_key_secret",)}
    connection = Connection("rzp", "razorpay", settings, kept)
    return receive(
        WebhookRequest("POST", "https://hub.example.com/hooks/rzp", "", headers, body), connection, now, pytest.fail
    )


def refused(**options):
    with pytest.raises(SignatureError) as caught:
        take(**options)
    assert caught.value.remedy
    return caught.value.code


def test_delivery_gives_its_event_under_the_id_of_the_header():
    (event,) = take().events
    assert (event.id, event.type, event.time) == ("MadeEvent0000001", "payment.captured", NOW)
    assert not take().hint


def test_official_webhook_vector_is_proved_before_it_is_read():
    with pytest.raises(DeliveryError) as caught:
        take(OFFICIAL_BODY, OFFICIAL_SIGNATURE, secrets=("123456",))
    assert caught.value.code == "bad_shape"
    assert refused(body=OFFICIAL_BODY, signature=OFFICIAL_SIGNATURE, secrets=("1234567",)) == "bad_signature"
    assert keyed_hash(b"123456", OFFICIAL_BODY, "sha256", "hex") == OFFICIAL_SIGNATURE


@pytest.mark.parametrize("secrets", [("new", SECRET), (SECRET, "old")])
def test_both_secrets_pass_while_one_is_changed(secrets):
    assert take(secrets=secrets).events


def test_razorpayx_may_sign_with_a_secret_of_its_own():
    assert take(secrets=("other",), payouts=(SECRET,)).events


@pytest.mark.parametrize("days", [-400, 0, 15])
def test_old_deliveries_pass_because_the_scheme_has_no_time(days):
    assert take(now=NOW + timedelta(days=days)).events


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"signature": None}, "no_signature"),
        ({"signature": "é"}, "bad_signature"),
        ({"signature": f"{signed(BODY)}, {signed(BODY)}"}, "bad_signature"),
        ({"signature": signed(BODY, "made_up_key_secret")}, "bad_signature"),
        ({"signature": signed(BODY), "body": BODY + b"\n"}, "bad_signature"),
        ({"signature": signed(BODY), "body": json.dumps(EVENT).encode()}, "bad_signature"),
        ({"signature": signed(BODY), "body": BODY.replace(b"100", b"101")}, "bad_signature"),
        ({"secrets": ("wrong",)}, "bad_signature"),
        ({"secrets": ()}, "no_secret"),
    ],
)
def test_refusal_names_its_reason(options, code):
    assert refused(**options) == code


@pytest.mark.parametrize("event_id", [None, "", "one, two"])
def test_delivery_without_one_event_id_is_refused(event_id):
    with pytest.raises(DeliveryError) as caught:
        take(event_id=event_id)
    assert caught.value.code == "bad_shape"


def test_event_of_another_account_is_refused():
    assert refused(account="acc_Other") == "wrong_account"
    assert take(account="acc_MadeUp00000001").events


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"not json", "not_json"), (b"\xff\xfe", "not_json"), (b"[]", "bad_shape"), (b'{"event":"x"}', "bad_shape")],
)
def test_signed_nonsense_is_told_apart(body, code):
    with pytest.raises(DeliveryError) as caught:
        take(body)
    assert caught.value.code == code


@given(body=st.binary(max_size=200), secret=st.text("abc123_", min_size=1, max_size=30), flip=st.integers(0, 255))
def test_only_the_very_bytes_under_the_very_secret_pass(body, secret, flip):
    right = signed(body, secret)
    wrong = f"{int(right[:2], 16) ^ flip:02x}{right[2:]}"
    try:
        take(body, wrong, secrets=(secret,))
        passed = True
    except SignatureError:
        passed = False
    except DeliveryError:
        passed = True
    assert passed == (flip == 0)


# What the browser brings back. The vectors are of razorpay-python, tests/test_client_utility.py.

LINK = {
    "razorpay_payment_link_id": "plink_IH3cNucfVEgV68",
    "razorpay_payment_link_reference_id": "TSsd1989",
    "razorpay_payment_link_status": "paid",
    "razorpay_payment_id": "pay_IH3d0ara9bSsjQ",
    "razorpay_signature": "07ae18789e35093e51d0a491eb9922646f3f82773547e5b0f67ee3f2d3bf7d5b",
}
SUBSCRIPTION = {
    "razorpay_payment_id": "pay_IDZNwZZFtnjyym",
    "razorpay_subscription_id": "sub_ID6MOhgkcoHj9I",
    "razorpay_signature": "601f383334975c714c91a7d97dd723eb56520318355863dcf3821c0d07a17693",
}
ORDER = {
    "razorpay_order_id": "fake_order_id",
    "razorpay_payment_id": "fake_payment_id",
    "razorpay_signature": "b2335e3b0801106b84a7faff035df56ecffde06918c9ddd1f0fafbb37a51cc89",
}
RETURNS = [
    (ORDER, "key_secret", "fake_order_id"),
    (SUBSCRIPTION, "EnLs21M47BllR3X8PSFtjtbd", "sub_ID6MOhgkcoHj9I"),
    (LINK, "EnLs21M47BllR3X8PSFtjtbd", "plink_IH3cNucfVEgV68"),
]


class Answers:
    """The API as far as a return asks it: one payment."""

    status, headers, body = 200, {}, b"{}"

    def __init__(self):
        self.asked = []

    def request(self, method, url, **options):
        self.asked.append((method, url))
        return self

    def json(self):
        return {"id": self.asked[-1][1].rsplit("/", 1)[1], "status": "captured", "amount": 100, "currency": "INR"}


def returned(parameters, secrets, payment):
    http = Answers()
    connection = Connection("rzp", "razorpay", {"key_id": "rzp_test_x"}, {"key_secret": secrets})
    call = Call(connection, {"payment": payment, "parameters": parameters}, "0" * 40, "hub-0", NOW, http)
    return complete(call), http


@pytest.mark.parametrize(("parameters", "secret", "payment"), RETURNS, ids=["order", "subscription", "link"])
def test_official_return_vector_is_proved(parameters, secret, payment):
    text = signed_text(parameters).encode()
    assert hmac.new(secret.encode(), text, hashlib.sha256).hexdigest() == parameters["razorpay_signature"]
    for secrets in ((secret,), ("new", secret), (secret, "old")):
        output, _ = returned(parameters, secrets, payment)
        assert output["payment"] == parameters["razorpay_payment_id"]


@pytest.mark.parametrize(("parameters", "secret", "payment"), RETURNS, ids=["order", "subscription", "link"])
def test_changed_return_is_refused_and_nothing_is_asked(parameters, secret, payment):
    for name in parameters:
        changed = {**parameters, name: parameters[name][:-1] + ("0" if parameters[name][-1] != "0" else "1")}
        with pytest.raises(PermanentError) as caught:
            returned(changed, (secret,), payment)
        assert caught.value.code == "bad_return"
    with pytest.raises(PermanentError):
        returned(parameters, ("another",), payment)


def test_true_proof_of_another_payment_is_refused():
    for more in ({}, {"razorpay_order_id": "order_Mine"}):
        parameters, secret = (SUBSCRIPTION, "EnLs21M47BllR3X8PSFtjtbd") if more else (ORDER, "key_secret")
        with pytest.raises(PermanentError, match="another payment"):
            returned({**parameters, **more}, (secret,), "order_Mine")
