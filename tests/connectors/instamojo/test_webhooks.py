from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.instamojo.webhooks import check_mac, mac_of, receive
from hub.connect.api import Connection, WebhookRequest
from hub.errors import DeliveryError, SignatureError

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SALT = "made_up_salt"
FIELDS = {
    "amount": "2500.00", "buyer": "foo@example.com", "buyer_name": "Foo Bar", "buyer_phone": "+919999999999", "currency": "INR",
    "fees": "125.00", "longurl": "https://www.instamojo.com/@foo/d66cb29dd059482e8072999f995c4eef", "payment_id": "MOJO5a06005J21512197",
    "payment_request_id": "d66cb29dd059482e8072999f995c4eef", "purpose": "FIFA 16", "shorturl": "", "status": "Credit",
}  # fmt: skip
MAC = "4494e634fc2fbe1776d6ad39212855ad8f60304b"


def connection(*salts):
    return Connection("imojo", "instamojo", {}, {"salt": salts or (SALT,)})


def take(fields=None, mac=MAC, body=None, salts=(), now=NOW):
    pairs = list((FIELDS if fields is None else fields).items()) + ([("mac", mac)] if mac is not None else [])
    raw = body if body is not None else urlencode(pairs).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    request = WebhookRequest("POST", "https://hub.example.com/hooks/imojo?order=forged", "order=forged", headers, raw)
    return receive(request, connection(*salts), now, pytest.fail)


def refused(**options):
    with pytest.raises(SignatureError) as caught:
        take(**options)
    assert caught.value.remedy
    return caught.value.code


def signed(fields, salt=SALT):
    text = "|".join(fields[name] for name in sorted(fields, key=str.lower))
    return hmac.new(salt.encode(), text.encode(), hashlib.sha1).hexdigest()


def test_vector_of_the_java_library_is_accepted():
    fields, salt = {"foo": "1", "bar": "2", "baz": "3"}, "21b528ef398c4ce8851d5ee29375d3a7"
    assert mac_of(fields, salt) == "32b1d38a4a70bdce36a52dad3f3ac6eb3662096b"
    check_mac({**fields, "mac": "32b1d38a4a70bdce36a52dad3f3ac6eb3662096b"}, (salt,))


def test_whole_delivery_is_accepted_and_is_only_a_hint():
    delivery = take()
    (event,) = delivery.events
    assert (event.id, event.type) == ("MOJO5a06005J21512197|Credit", "Credit")
    assert event.payload == {"delivery": FIELDS}
    assert delivery.hint


def test_repeat_has_the_same_id_and_another_status_another():
    failed = {**FIELDS, "status": "Failed"}
    assert take().events[0].id == take(now=NOW.replace(year=2030)).events[0].id
    assert take(failed, signed(failed)).events[0].id == "MOJO5a06005J21512197|Failed"


def test_fields_in_another_order_or_encoding_are_the_same_values():
    shuffled = dict(reversed(FIELDS.items()))
    assert take(shuffled).events
    body = "&".join(f"{name}={quote(value, safe='')}" for name, value in {**FIELDS, "mac": MAC}.items()).encode()
    assert take(body=body).events


def test_new_fields_are_signed_over_too():
    more = {**FIELDS, "A_new_field": "x", "zeta": ""}
    assert take(more, signed(more)).events
    assert refused(fields=more) == "bad_signature"


@pytest.mark.parametrize("salts", [("new", SALT), (SALT, "old")])
def test_both_salts_pass_while_one_is_changed(salts):
    assert take(salts=salts).events


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"mac": None}, "no_signature"),
        ({"mac": ""}, "no_signature"),
        ({"mac": "é"}, "bad_signature"),
        ({"mac": MAC.upper()}, "bad_signature"),
        ({"fields": {**FIELDS, "amount": "2500.0"}}, "bad_signature"),
        ({"fields": {**FIELDS, "purpose": "FIFA 16 "}}, "bad_signature"),
        ({"fields": {name: value for name, value in FIELDS.items() if name != "shorturl"}}, "bad_signature"),
        ({"salts": ("another",)}, "bad_signature"),
        ({"salts": ("",)}, "no_secret"),
    ],
)
def test_refusal_names_its_reason(options, code):
    assert refused(**options) == code


def test_empty_salt_is_no_key_even_where_it_would_match():
    with pytest.raises(SignatureError) as caught:
        check_mac({**FIELDS, "mac": signed(FIELDS, "")}, ("",))
    assert caught.value.code == "no_secret"


@pytest.mark.parametrize("name", ["mac", "status", "amount"])
def test_field_that_comes_twice_is_refused(name):
    value = {**FIELDS, "mac": MAC}[name]
    body = urlencode([*FIELDS.items(), ("mac", MAC), (name, value)]).encode()
    with pytest.raises(DeliveryError) as caught:
        take(body=body)
    assert caught.value.code == "bad_shape"


@pytest.mark.parametrize(
    ("changes", "code"), [({"payment_id": "../users"}, "bad_shape"), ({"status": ""}, "bad_shape")]
)
def test_signed_nonsense_is_told_apart(changes, code):
    odd = {**FIELDS, **changes}
    with pytest.raises(DeliveryError) as caught:
        take(odd, signed(odd))
    assert caught.value.code == code


@pytest.mark.parametrize("body", [b"\xff\xfe=1", b"a=%ff"])
def test_what_is_no_form_is_refused(body):
    with pytest.raises(DeliveryError) as caught:
        take(body=body)
    assert caught.value.code == "not_a_form"


NAMES = st.text("abcdefXYZ_", min_size=1, max_size=8).filter(lambda name: name != "mac")


@given(fields=st.dictionaries(NAMES, st.text(max_size=20), min_size=1, max_size=8), salt=st.text("ab12", min_size=1))
def test_any_change_of_a_value_breaks_the_mac(fields, salt):
    mac = mac_of(fields, salt)
    check_mac({**fields, "mac": mac}, (salt,))
    name = min(fields)
    with pytest.raises(SignatureError):
        check_mac({**fields, name: fields[name] + "x", "mac": mac}, (salt,))
