from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.visa.jose import JoseError, claims_of, decrypted, encrypted, read_json, signed
from connectors.visa.signing import Unsigned, digest, headers
from connectors.visa.webhooks import receive
from hub.connect.api import Connection, WebhookRequest
from hub.errors import DeliveryError, SignatureError
from tests.fakes.visa_wire import seal, unseal

# The vectors of the facts. The credentials are those of the provider's public samples; the signatures were made by the SDK
# 0.0.80 and matched by an independent implementation.
MERCHANT, KEY_ID = "testrest", "08c94330-f618-42a3-b09d-e1e43be5efda"
SECRET = "yBJxy6LjM2TmcPGu+GaJrHtkke25fPpUX+UY6/L/1tE="
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BASE = "https://apitest.cybersource.com"
ORDER = b'{"clientReferenceInformation":{"code":"HUB-0001"},"orderInformation":{"amountDetails":{"totalAmount":"10.00","currency":"USD"}}}'

# The webhook's vector: made up, by the formula.
HOOK_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
STAMP = "1795435200000"
BODY = (
    b'{"eventType":"payByLink.merchant.payment","webhookId":"00000000-0000-4000-8000-000000000001",'
    b'"eventDate":"2026-11-23T12:00:00","retryNumber":0,"payload":[{"data":{"id":"LNK1","amount":10.00}}]}'
)
GOOD = "CsdEg5CE7djBdf7MPYJ8kazudrALhtWMdtxzUkF42DA="
KEY_AS_TEXT = "AyyxkG/uW/t55E1+K+RvhMp1svRwD7dFqTdC1HktMRY="
INNER_MEMBER = "ZE4A4Kr2eEvaRrIeYhdApdkycyuCr0KFJhY+4UNMW5E="
HOOK_ID = "00000000-0000-4000-8000-0000000000ff"


def api(**settings_given):
    kept = {"merchant_id": MERCHANT, "key_id": KEY_ID, **settings_given}
    return Connection("visa-main", "visa", kept, {"shared_secret": (SECRET,)})


def request_of(method, path, body=b""):
    return Unsigned(method, f"{BASE}{path}", body, NOON, jti="00000000-0000-4000-8000-000000000001")


# Requests.


def test_digest_vector():
    assert digest(ORDER) == "LT07hmVO+Zz7LNvTLzQTUEVlQuVpZM06Fq7bffi2nY8="


@pytest.mark.parametrize(
    ("method", "path", "body", "signature"),
    [
        ("POST", "/pts/v2/payments/", ORDER, "noEzt/cHt3QrDlOU87LfnB4S4QwbmzIbb88qHre75uw="),
        ("GET", "/tss/v2/transactions/6663069906146706403954", b"", "X5f4NyLGXfvYaftbsa9Mnzw7tOiRR7jhtyuaPuC94ak="),
        ("DELETE", "/rbs/v1/plans/123", b"", "xiMVofuHUtYihfJGsFvGX0tawlqn2JoxohBkNSWsnd0="),
    ],
)
def test_http_signature_vectors(method, path, body, signature):
    sent = headers(request_of(method, path, body), api(sign_in="http_signature"))
    assert f'signature="{signature}"' in sent["Signature"]
    assert sent["Date"] == "Mon, 23 Nov 2026 12:00:00 GMT"
    assert ("Digest" in sent) is (method == "POST")
    names = "host date request-target digest v-c-merchant-id" if body else "host date request-target v-c-merchant-id"
    assert f'headers="{names}"' in sent["Signature"]


def test_token_vector():
    sent = headers(request_of("POST", "/pts/v2/payments", ORDER), api())
    token = sent["Authorization"].removeprefix("Bearer ")
    assert token.rpartition(".")[2] == "ELu2lqgFdo4l9u2zrRLxRcBn0ZSugbgkInBa1XXkmgM"
    claims = claims_of(token)
    assert (claims["iat"], claims["exp"]) == (1795435200, 1795435320)
    assert claims["digest"] == digest(ORDER)


def test_trailing_slash_and_query_are_signed_and_reads_have_no_digest():
    for path in ("/rbs/v1/plans?code=1&limit=1", "/rbs/v1/plans/"):
        claims = claims_of(headers(request_of("GET", path), api())["Authorization"].removeprefix("Bearer "))
        assert claims["request-resource-path"] == path
        assert "digest" not in claims


def test_every_request_has_a_token_of_its_own():
    one, other = (Unsigned("GET", f"{BASE}/x", b"", NOON) for _ in range(2))
    assert headers(one, api()) != headers(other, api())


# Encryption.


@pytest.fixture(scope="module")
def private():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def test_what_one_encrypts_the_other_opens(private):
    token = encrypted({"kid": "1", "iat": 1795435200}, b"made up", private.public_key())
    assert unseal(token, private) == b"made up"
    assert decrypted(seal(b"made up", private.public_key()), (private,)) == b"made up"


def test_changed_or_foreign_ciphertext_is_refused(private):
    token = seal(b"made up", private.public_key())
    head, key, nonce, text, tag = token.split(".")
    flipped = ("A" if text[0] != "A" else "B") + text[1:]
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    weak = base64.urlsafe_b64encode(b'{"alg":"RSA1_5","enc":"A128CBC-HS256"}').decode().rstrip("=")
    for bad, keys in (
        (f"{head}.{key}.{nonce}.{flipped}.{tag}", (private,)),
        (token, (other,)),
        (token, ()),
        (f"{weak}.{key}.{nonce}.{text}.{tag}", (private,)),
        ("one.two", (private,)),
        ("!.!.!.!.!", (private,)),
    ):
        with pytest.raises(JoseError):
            decrypted(bad, keys)


def test_old_key_opens_while_a_new_one_takes_over(private):
    new = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert decrypted(seal(b"made up", private.public_key()), (new, private)) == b"made up"


@settings(max_examples=30)
@given(st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=5))
def test_claims_come_back_as_they_were_signed(claims):
    assert claims_of(signed({"alg": "HS256"}, claims, b"key")) == claims


def test_fractions_stay_exact_and_what_is_no_number_is_refused():
    assert read_json(b'{"a":10.00,"b":7,"c":0.1}') == {"a": "10.00", "b": 7, "c": "0.1"}
    with pytest.raises(ValueError, match="no number"):
        read_json(b'{"a":NaN}')


# Webhooks.


def hook(*keys, **settings_given):
    return Connection("visa-main", "visa", settings_given, {"webhook_key": keys or (f"{HOOK_ID}:{HOOK_KEY}",)})


def header(signature=GOOD, stamp=STAMP, key_id=HOOK_ID):
    return f"t={stamp};keyId={key_id};sig={signature}"


def sign(body, stamp=STAMP, key=HOOK_KEY):
    mac = hmac.new(base64.b64decode(key), stamp.encode() + b"." + body, hashlib.sha256).digest()
    return base64.b64encode(mac).decode()


def take(body=BODY, signature=None, now=NOON, connection=None, **more):
    value = header() if signature is None else signature
    sent = {"v-c-signature": value} if value else {}
    request = WebhookRequest("POST", "https://hub.example.com/hooks/visa-main", "", {**sent, **more}, body)
    return receive(request, connection or hook(), now, pytest.fail)


def refused(**options):
    with pytest.raises(SignatureError) as caught:
        take(**options)
    assert caught.value.remedy
    return caught.value.code


def test_vector_is_accepted_and_keeps_its_amount():
    (event,) = take().events
    assert (event.type, event.time) == ("payByLink.merchant.payment", NOON)
    assert event.payload["payload"] == {"data": {"id": "LNK1", "amount": "10.00"}}
    assert not take().hint


@pytest.mark.parametrize("signature", [KEY_AS_TEXT, INNER_MEMBER])
def test_variants_of_the_formula_must_fail(signature):
    assert refused(signature=header(signature)) == "bad_signature"


def test_vectors_are_what_their_formulas_say():
    assert sign(BODY) == GOOD
    text = hmac.new(HOOK_KEY.encode(), STAMP.encode() + b"." + BODY, hashlib.sha256).digest()
    assert base64.b64encode(text).decode() == KEY_AS_TEXT


def test_changed_and_rewritten_bodies_are_refused():
    rewritten = json.dumps(json.loads(BODY), separators=(",", ":")).encode()
    assert rewritten != BODY
    for body in (rewritten, BODY + b" ", BODY.replace(b"LNK1", b"LNK2")):
        assert refused(body=body) == "bad_signature"


@pytest.mark.parametrize("seconds", [-3600, 0, 3600])
def test_an_hour_either_way_is_fresh(seconds):
    assert take(now=NOON + timedelta(seconds=seconds)).events


@pytest.mark.parametrize(("seconds", "code"), [(3601, "stale"), (-3601, "future")])
def test_older_or_earlier_is_refused(seconds, code):
    assert refused(now=NOON + timedelta(seconds=seconds)) == code


def test_window_is_a_setting():
    narrow = hook(webhook_tolerance=300)
    assert take(now=NOON + timedelta(seconds=300), connection=narrow).events
    assert refused(now=NOON + timedelta(seconds=301), connection=narrow) == "stale"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "no_signature"),
        ("nonsense", "no_signature"),
        (f"t={STAMP};sig={GOOD}", "no_signature"),
        (f"t={STAMP};keyId={HOOK_ID}", "no_signature"),
        (f"keyId={HOOK_ID};sig={GOOD}", "no_signature"),
        (f"{header()};sig={GOOD}", "no_signature"),
        (f"{header()};t={STAMP}", "no_signature"),
        (f"{header()},{header()}", "no_signature"),
        (f"{header()};more=1", "no_signature"),
        (header(stamp="soon"), "no_timestamp"),
        (header(signature="é"), "bad_signature"),
        (header(key_id="00000000-0000-4000-8000-0000000000ee"), "unknown_key"),
    ],
)
def test_missing_doubled_and_odd_headers_are_refused(value, code):
    assert refused(signature=value) == code


def test_signature_is_split_at_the_first_equals_sign_only():
    assert GOOD.endswith("=")
    assert take(signature=f" {header()} ").events


def test_missing_secret_says_so():
    bare = Connection("visa-main", "visa", {}, {})
    assert refused(connection=bare) == "no_secret"


@pytest.mark.parametrize(
    "keys",
    [
        (HOOK_KEY,),
        (f"{HOOK_ID}:{HOOK_KEY}",),
        ("00000000-0000-4000-8000-0000000000ee:bmV3", f"{HOOK_ID}:{HOOK_KEY}"),
        (base64.b64encode(b"another key").decode(), HOOK_KEY),
    ],
)
def test_keys_rotate_and_may_stand_with_or_without_their_id(keys):
    assert take(connection=hook(*keys)).events


def test_key_under_another_id_is_never_tried():
    wrong = hook(f"00000000-0000-4000-8000-0000000000ee:{HOOK_KEY}")
    assert refused(connection=wrong) == "unknown_key"


def test_health_check_without_a_body_is_answered_and_tells_nothing():
    delivery = take(body=b"", signature="")
    assert (delivery.events, delivery.answer.status) == ((), 200)
    assert refused(body=BODY, signature="") == "no_signature"


def signed_delivery(body, **options):
    return take(body=body, signature=header(sign(body)), **options)


def test_repeat_has_the_same_id_though_its_trace_changes():
    body = json.loads(BODY)
    first = json.dumps({**body, "transactionTraceId": "one", "retryNumber": 0}).encode()
    again = json.dumps({**body, "transactionTraceId": "two", "retryNumber": 1}).encode()
    other = json.dumps({**body, "eventDate": "2026-11-23T12:00:01"}).encode()
    ids = [signed_delivery(one).events[0].id for one in (first, again, other)]
    assert ids[0] == ids[1] != ids[2]


def test_payload_may_be_a_list_or_an_object_or_bare():
    entry = {"id": "1", "amount": 5}
    for payload in ([{"data": entry}], {"data": entry}, [entry], entry):
        (event,) = signed_delivery(json.dumps({**json.loads(BODY), "payload": payload}).encode()).events
        assert event.payload["payload"] == {"data": entry}
    two = signed_delivery(
        json.dumps({**json.loads(BODY), "payload": [{"data": entry}, {"data": {"id": "2"}}]}).encode()
    )
    assert len({event.id for event in two.events}) == 2


def test_test_message_of_the_api_is_no_event():
    body = json.dumps({"eventType": "", "payloads": {"testPayload": {"message": "made up"}}}).encode()
    assert signed_delivery(body).events == ()


def test_event_of_another_organisation_is_refused():
    body = json.dumps({**json.loads(BODY), "organizationId": "theirs"}).encode()
    with pytest.raises(SignatureError) as caught:
        signed_delivery(body, connection=hook(organization_id="ours", merchant_id="ours"))
    assert caught.value.code == "wrong_account"
    assert signed_delivery(body, connection=hook(organization_id="theirs")).events


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"no json", "not_json"),
        (b"[]", "bad_shape"),
        (b'{"payload":{"data":{}}}', "bad_shape"),
        (b'{"eventType":"x","eventDate":"soon","payload":{}}', "bad_shape"),
        (b'{"eventType":"x","payload":{"a":NaN}}', "not_json"),
    ],
)
def test_signed_nonsense_is_told_apart(body, code):
    with pytest.raises(DeliveryError) as caught:
        signed_delivery(body)
    assert caught.value.code == code


# Encrypted deliveries: the whole body, a member, or the payload.


def opening(private):
    text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    secrets = {"webhook_key": (HOOK_KEY,), "encryption_key": (text,)}
    return Connection("visa-main", "visa", {}, secrets)


@pytest.mark.parametrize("form", ["whole", "quoted", "member", "encData", "payload", "in payload"])
def test_encrypted_delivery_is_proved_then_opened(private, form):
    whole = json.loads(BODY)
    sealed = seal(BODY, private.public_key())
    inner = seal(json.dumps(whole["payload"]).encode(), private.public_key())
    body = {
        "whole": sealed.encode(),
        "quoted": json.dumps(sealed).encode(),
        "member": json.dumps({"encryptedRequest": sealed}).encode(),
        "encData": json.dumps({**whole, "payload": None, "encData": inner}).encode(),
        "payload": json.dumps({**whole, "payload": inner}).encode(),
        "in payload": json.dumps({**whole, "payload": {"encryptedResponse": inner}}).encode(),
    }[form]
    (event,) = signed_delivery(body, connection=opening(private)).events
    assert event.type == "payByLink.merchant.payment"
    assert event.payload["payload"]["data"]["id"] == "LNK1"
    assert refused(body=body + b" ", connection=opening(private)) == "bad_signature"


def test_delivery_for_another_key_is_refused_and_shows_nothing(private):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    body = seal(BODY, other.public_key()).encode()
    with pytest.raises(DeliveryError) as caught:
        signed_delivery(body, connection=opening(private))
    assert caught.value.code == "cannot_decrypt"
    assert "LNK1" not in str(caught.value)


@settings(max_examples=60)
@given(
    body=st.binary(max_size=120),
    stamp=st.integers(1795435200000 - 3_600_000, 1795435200000 + 3_600_000),
    flip=st.booleans(),
)
def test_only_what_the_formula_gives_is_accepted(body, stamp, flip):
    body = b"{" + body.hex().encode() + b"}"
    signature = sign(body, str(stamp))
    if flip:
        signature = ("A" if signature[0] != "A" else "B") + signature[1:]
    try:
        take(body=body, signature=header(signature, str(stamp)))
        proved = True
    except DeliveryError:
        proved = True
    except SignatureError:
        proved = False
    assert proved is not flip
