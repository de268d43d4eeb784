from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.twocheckout.notifications import form_fields, proved, receive
from connectors.twocheckout.payments import returned_order
from connectors.twocheckout.signing import (
    ins_hash,
    keyed_hash,
    length_prefixed,
    merchant_token,
    passback_hash,
    receipt,
    request_date,
    request_hash,
    request_header,
    return_hash,
    signed_token,
)
from hub.connect.api import Connection, WebhookRequest
from hub.errors import DeliveryError, SignatureError

KEY = "AABBCCDDEEFF"
NOW = datetime(2026, 1, 2, 3, 5, tzinfo=UTC)
PYTHONS = {"sha3-256": hashlib.sha3_256, "sha256": hashlib.sha256, "md5": hashlib.md5}
NAMES = {"sha3-256": "SIGNATURE_SHA3_256", "sha256": "SIGNATURE_SHA2_256", "md5": "HASH"}

# A made-up notification; its hashes were computed by the rule of 2checkout-php-sdk, apart from this code.
IPN = [
    ("SALEDATE", "2026-01-02 03:04:05"), ("REFNO", "900000001"), ("REFNOEXT", "hub-42"), ("ORDERSTATUS", "COMPLETE"),
    ("FIRSTNAME", "Zoë"), ("COMPANY", ""), ("CUSTOMEREMAIL", "zoe@example.com"), ("CURRENCY", "EUR"), ("IPN_PID[]", "1"),
    ("IPN_PNAME[]", "Software program"), ("IPN_TOTALGENERAL", "19.99"), ("GIFT_ORDER", "0"), ("MESSAGE_ID", "1000000001"),
    ("MESSAGE_TYPE", "COMPLETE"), ("IPN_DATE", "20260102030406"),
]  # fmt: skip
IPN_TEXT = (
    "192026-01-02 03:04:0599000000016hub-428COMPLETE4Zoë015zoe@example.com3EUR1116Software program519.99101010000000018"
    "COMPLETE1420260102030406"
)
IPN_HASHES = {
    "sha3-256": "7a520cc3b73db6377ff9e3dbda7f2a4bacecc99b1124ab00aa17d570a1ea046e",
    "sha256": "4e08f8f85d41fe61de0216b44a438ac8d17a36f2190a8d9855d68b1881e08dc9",
    "md5": "4035f868c0ccb8eda408b407b16fb8e3",
}
IPN_RECEIPTS = {
    "sha3-256": "41d5509510b6a6d592bd9065b2da5ce7d1c2af2db846047d1bf6dc9201743226",
    "sha256": "6d12e67b0df0494c3524e8d86b3454f54aeb088eb5a630e505f070239cc2d92d",
}
TESTED = [*IPN, ("TEST_ORDER", "0")]
LCN = [("LICENSE_CODE", "3C343D0FAF"), ("EXPIRATION_DATE", "2005-03-03"), ("STATUS", "DISABLED"), ("DISABLED", "1")]
INS = {"sale_id": "4774380224", "vendor_id": "1817037", "invoice_id": "4774380233", "message_type": "ORDER_CREATED"}


def connection(*keys, **settings):
    secrets = {"secret_key": keys or (KEY,), "buy_link_secret_word": ("word",), "ins_secret_word": ("tango",)}
    return Connection("2co", "twocheckout", {"merchant_code": "1817037", **settings}, secrets)


def signed(pairs, key=KEY, algorithms=("sha3-256",), charset="utf-8"):
    """A delivery's body; an own computation, apart from the connector's."""
    text = b"".join(b"%d%s" % (len(value), value) for value in (value.encode(charset) for _, value in pairs))
    hashes = [(NAMES[one], hmac.new(key.encode(), text, PYTHONS[one]).hexdigest()) for one in algorithms]
    encoded = [f"{quote_plus(name)}={quote_plus(value, encoding=charset)}" for name, value in [*pairs, *hashes]]
    return "&".join(encoded).encode()


def take(body, *keys, headers=None, **settings):
    request = WebhookRequest("POST", "https://hub.example.com/hooks/2co", "", headers or {}, body)
    return receive(request, connection(*keys, **settings), NOW, pytest.fail)


def refused(body, *keys, kind=SignatureError, **settings):
    with pytest.raises(kind) as caught:
        take(body, *keys, **settings)
    assert caught.value.remedy
    return caught.value.code


# The vectors.


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        ("md5", "7bf97ed39681027d0c45aa45e3ea98f0"),
        ("sha256", "ea6f44c39b3d204b59500998fcb9221c92744d9721a94b45fc6d5cda99980176"),
        ("sha3-256", "85180497aaaa4844a278b52b1ce257d2820dbf5857470a5f678fef2266d0d4a8"),
    ],
)
def test_receipt_of_the_documentation(algorithm, digest):
    values = [b"1", b"Software program", b"20050303123434", b"20050303123434"]
    assert length_prefixed(values) == b"1116Software program14200503031234341420050303123434"
    assert keyed_hash(KEY, length_prefixed(values), algorithm) == digest
    made = receipt(KEY, algorithm, values[:3], datetime(2005, 3, 3, 12, 34, 34, tzinfo=UTC))
    assert made == (
        f"<EPAYMENT>20050303123434|{digest}</EPAYMENT>"
        if algorithm == "md5"
        else f'<sig algo="{algorithm}" date="20050303123434">{digest}</sig>'
    )


def test_receipt_of_a_licence_in_the_documentation():
    made = receipt(KEY, "md5", [b"3C343D0FAF", b"2005-03-03"], datetime(2008, 11, 17, 14, 59, 35, tzinfo=UTC))
    assert made == "<EPAYMENT>20081117145935|cb34fe2991668eb82364edf62f845a34</EPAYMENT>"


@pytest.mark.parametrize("algorithm", IPN_HASHES)
def test_vector_of_a_notification_is_proved(algorithm):
    fields = form_fields(urlencode([*IPN, (NAMES[algorithm], IPN_HASHES[algorithm])]).encode())
    assert keyed_hash(KEY, IPN_TEXT.encode(), algorithm) == IPN_HASHES[algorithm]
    proof = proved(fields, connection(accept_md5=True))
    assert (proof.key, proof.algorithm) == (KEY, algorithm)


@pytest.mark.parametrize("algorithm", IPN_RECEIPTS)
def test_vector_of_a_notification_is_answered_with_its_receipt(algorithm):
    body = urlencode([*IPN, (NAMES[algorithm], IPN_HASHES[algorithm])]).encode()
    delivery = take(body)
    (event,) = delivery.events
    assert (event.id, event.type, event.payload["FIRSTNAME"]) == ("ipn:1000000001", "order.COMPLETE", "Zoë")
    expected = f'<sig algo="{algorithm}" date="20260102030500">{IPN_RECEIPTS[algorithm]}</sig>'
    assert (delivery.answer.status, delivery.answer.body.decode()) == (200, expected)


def test_vector_of_a_request():
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    digest = "010669a01b1c69eb7fa8e9e5445855f45c5809458e7f5d61ed8d4e5767e252be"
    assert length_prefixed([b"250111206876", b"2026-01-02 03:04:05"]) == b"12250111206876192026-01-02 03:04:05"
    assert length_prefixed([b"YOURCODE123", b"2020-06-18 08:05:46"]) == b"11YOURCODE123192020-06-18 08:05:46"
    assert request_hash("250111206876", KEY, request_date(now)) == digest
    assert request_header("250111206876", KEY, now) == (
        f'code="250111206876" date="2026-01-02 03:04:05" hash="{digest}" algo="sha3-256"'
    )


def test_vector_of_a_merchant_token():
    # The fixture of 2checkout-php-sdk.
    token = signed_token({"sub": "1234567890", "iat": 1615216102}, "Nz#-Z*nb7U%qYJwc-tsb&f?JEyUP5")
    head, body, signature = token.split(".")
    assert (head, body) == (
        "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9",
        "eyJzdWIiOiIxMjM0NTY3ODkwIiwiaWF0IjoxNjE1MjE2MTAyfQ",
    )
    assert signature == "YiqQK7SZSJ7T-rFRRHniPt3Vtzy13dGpTnL4j2TsL5tVhpGTuRZJuPtUVVcEy-hbKgKIAkqNNnu3LyL4-llW-w"
    assert merchant_token("1", "word", NOW) != merchant_token("1", "word", datetime(2026, 1, 3, tzinfo=UTC))


def test_vectors_of_the_kinds_of_old():
    assert ins_hash("tango", "4774380224", "1817037", "4774380233") == "566C45D68B75357AD43F9010CFFE8CF5"
    assert passback_hash("tango", "1817037", "4774380224", "0.01") == "7AB926D469648F3305AE361D5BD2C3CB"


# IPN and LCN.


@pytest.mark.parametrize("algorithms", [("sha3-256",), ("sha256",), ("sha3-256", "sha256", "md5")])
def test_strongest_signature_decides_and_is_used_for_the_receipt(algorithms):
    delivery = take(signed(TESTED, algorithms=algorithms))
    assert f'algo="{algorithms[0]}"'.encode() in delivery.answer.body


def test_weaker_signature_beside_a_false_strong_one_counts_nothing():
    body = signed(TESTED, algorithms=("sha256", "md5")) + b"&SIGNATURE_SHA3_256=" + b"0" * 64
    assert refused(body) == "bad_signature"


def test_md5_alone_passes_only_where_it_is_allowed():
    body = signed(TESTED, algorithms=("md5",))
    assert refused(body) == "weak_signature"
    assert take(body, accept_md5=True).answer.body.startswith(b"<EPAYMENT>20260102030500|")


@pytest.mark.parametrize("keys", [("new", KEY), (KEY, "old")])
def test_either_key_passes_while_one_is_replaced_and_the_receipt_is_of_the_one_that_signed(keys):
    assert take(signed(TESTED), *keys).answer == take(signed(TESTED)).answer


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b"19.99", b"19.98"),
        lambda body: body.replace(b"REFNO=900000001", b"REFNO=900000002"),
        lambda body: body.replace(b"COMPANY=", b"COMPANY=x"),
        lambda body: b"NEW=1&" + body,
        lambda body: b"&".join(reversed(body.split(b"&"))),
        lambda body: body.replace(b"Zo%C3%AB", b"Zo%EB"),
    ],
)
def test_changed_body_is_refused(change):
    assert refused(change(signed(TESTED))) == "bad_signature"


def test_empty_values_and_new_fields_are_signed_as_they_come():
    assert take(signed([*TESTED, ("NEW_ONE", ""), ("ANOTHER", "0")])).events[0].payload["NEW_ONE"] == ""


def test_wrong_key_missing_key_and_missing_signature_are_told_apart():
    assert refused(signed(TESTED), "another") == "bad_signature"
    request = WebhookRequest("POST", "", "", {}, signed(TESTED))
    with pytest.raises(SignatureError) as caught:
        receive(request, Connection("2co", "twocheckout", {}, {}), NOW, pytest.fail)
    assert caught.value.code == "no_secret"
    assert refused(urlencode(TESTED).encode()) == "no_signature"
    assert refused(signed(TESTED, algorithms=()) + b"&SIGNATURE_SHA3_256=") == "no_signature"
    assert refused(signed(TESTED, algorithms=()) + b"&SIGNATURE_SHA3_256=%C3%A9") == "bad_signature"


def test_refusals_show_neither_key_nor_word():
    for body in (signed(TESTED, key="x"), urlencode({**INS, "md5_hash": "00"}).encode(), urlencode(TESTED).encode()):
        with pytest.raises(SignatureError) as caught:
            take(body)
        assert KEY not in f"{caught.value!r} {caught.value.remedy}"
        assert "tango" not in f"{caught.value!r} {caught.value.remedy}"


def test_doubled_names_are_refused():
    body = signed(TESTED)
    assert refused(body + b"&REFNO=900000002", kind=DeliveryError) == "doubled"
    assert refused(body + b"&SIGNATURE_SHA3_256=" + b"0" * 64, kind=DeliveryError) == "doubled"


def test_arrays_are_signed_where_their_first_element_stands():
    spread = [("IPN_PID[]", "1"), ("REFNO", "9"), ("IPN_PID[]", "2"), ("IPN_PNAME[0]", "A"), ("IPN_DATE", "x")]
    together = [("IPN_PID[]", "1"), ("IPN_PID[]", "2"), ("REFNO", "9"), ("IPN_PNAME[0]", "A"), ("IPN_DATE", "x")]
    signature = dict(pair.split(b"=") for pair in signed(together).split(b"&"))[b"SIGNATURE_SHA3_256"]
    body = signed(spread, algorithms=()) + b"&SIGNATURE_SHA3_256=" + signature
    assert take(body).events[0].payload["IPN_PID"] == ["1", "2"]


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=ISO-8859-1"]
)
def test_texts_that_are_no_utf8_are_proved_by_their_bytes_and_read(kind):
    body = signed(TESTED, charset="latin-1")
    assert b"Zo%EB" in body
    delivery = take(body, headers={"content-type": kind})
    assert delivery.events[0].payload["FIRSTNAME"] == "Zoë"
    assert take(body, headers={"content-type": "x; charset=no-such-thing"}).events[0].payload["REFNO"] == "900000001"


def test_value_with_a_backslash_is_proved_both_ways():
    plain = [*TESTED, ("ADDRESS1", "C:\\lamps")]
    assert take(signed(plain)).events
    stripped = signed([*TESTED, ("ADDRESS1", "C:lamps")]).replace(b"C%3Alamps", b"C%3A%5Clamps")
    assert take(stripped).events[0].payload["ADDRESS1"] == "C:\\lamps"


def test_delivery_of_another_account_is_refused():
    body = signed([*TESTED, ("VENDOR_CODE", "111")])
    assert refused(body, merchant_code="222") == "wrong_account"
    assert take(body, merchant_code="111").events


def test_licence_is_answered_with_its_own_receipt():
    delivery = take(signed(LCN))
    assert delivery.events[0].type == "license.LICENCE_CHANGE"
    text = b"103C343D0FAF102005-03-031420260102030500"
    digest = hmac.new(KEY.encode(), text, hashlib.sha3_256).hexdigest()
    assert delivery.answer.body.decode() == f'<sig algo="sha3-256" date="20260102030500">{digest}</sig>'


@pytest.mark.parametrize(
    ("body", "code"), [(b"", "not_a_form"), (b"{}", "not_a_form"), (b"a=1&" * 6000, "not_a_form"), (signed([("A", "1")]), "bad_shape")]
)  # fmt: skip
def test_nonsense_is_told_apart(body, code):
    assert refused(body, kind=DeliveryError) == code


def test_test_order_on_a_live_connection_and_the_other_way_round_is_of_another_type():
    tested = signed([*IPN, ("TEST_ORDER", "1")])
    assert take(tested).events[0].type == "other_mode.order.COMPLETE"
    assert take(tested, mode="test").events[0].type == "order.COMPLETE"
    assert take(signed(TESTED), mode="test").events[0].type == "other_mode.order.COMPLETE"
    assert take(signed([*LCN, ("TEST", "1")])).events[0].type == "other_mode.license.LICENCE_CHANGE"
    assert take(tested).answer.body.startswith(b"<sig ")


@given(
    st.lists(st.tuples(st.from_regex(r"[A-Z][A-Z_]{2,8}(\[\])?", fullmatch=True), st.text(max_size=30)), max_size=12)
)
def test_any_form_that_is_signed_as_documented_is_proved(pairs):
    whole = dict(pairs)
    plain = {name.removesuffix("[]") for name in whole}
    if len(plain) < len(whole) or plain & {"HASH"}:
        return
    body = signed([("X", "1"), *whole.items()] if "X" not in plain else list(whole.items()))
    assert proved(form_fields(body), connection()).algorithm == "sha3-256"
    assert proved(form_fields(body), connection("new", KEY)).key == KEY


# INS.


def test_ins_message_is_a_hint():
    delivery = take(urlencode({**INS, "md5_hash": "566C45D68B75357AD43F9010CFFE8CF5"}).encode())
    assert delivery.hint
    assert (delivery.events[0].type, delivery.events[0].payload["sale_id"]) == ("ins.ORDER_CREATED", "4774380224")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sale_id": "4774380225"}, "bad_signature"),
        ({"md5_hash": "00"}, "bad_signature"),
        ({"message_type": ""}, "bad_shape"),
    ],
)
def test_ins_message_that_does_not_fit_is_refused(change, code):
    body = urlencode({**INS, "md5_hash": "566C45D68B75357AD43F9010CFFE8CF5", **change}).encode()
    kind = DeliveryError if code == "bad_shape" else SignatureError
    assert refused(body, kind=kind) == code


def test_ins_message_needs_its_own_secret_and_account():
    body = urlencode({**INS, "md5_hash": "566C45D68B75357AD43F9010CFFE8CF5"}).encode()
    assert refused(body, merchant_code="222") == "wrong_account"
    bare = Connection("2co", "twocheckout", {"merchant_code": "1817037"}, {"secret_key": ("tango",)})
    with pytest.raises(SignatureError) as caught:
        receive(WebhookRequest("POST", "", "", {}, body), bare, NOW, pytest.fail)
    assert caught.value.code == "no_secret"


# The payer's return.


def test_return_is_proved_by_its_signature():
    parameters = {"refno": "900000001", "order-ext-ref": "hub-42", "merchant": "1", "b": "", "a": "é"}
    text = "".join(f"{len(parameters[name].encode())}{parameters[name]}" for name in sorted(parameters))
    digest = hmac.new(b"word", text.encode(), hashlib.sha256).hexdigest()
    assert return_hash("word", parameters) == digest
    assert returned_order({**parameters, "signature": digest}, connection()) == "900000001"
    assert returned_order({**parameters, "signature": digest.upper()}, connection()) == "900000001"
    assert returned_order({**parameters, "signature": "00"}, connection()) is None
    assert returned_order({**parameters, "refno": "900000002", "signature": digest}, connection()) is None


def test_return_of_old_is_proved_by_its_key():
    old = {"sid": "1817037", "order_number": "4774380224", "total": "0.01", "key": "7AB926D469648F3305AE361D5BD2C3CB"}
    tango = Connection("2co", "twocheckout", {}, {"buy_link_secret_word": ("new", "tango")})
    assert returned_order(old, tango) == "4774380224"
    assert returned_order({**old, "total": "0.02"}, tango) is None


def test_return_without_a_signature_names_an_order_that_is_still_to_be_proved():
    assert returned_order({"REFNO": "900000001"}, connection()) == "900000001"
    assert returned_order({"refno": "../x"}, connection()) is None
    assert returned_order({}, connection()) is None
