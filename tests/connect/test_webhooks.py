import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from hub.connect.api import Answer, Connection, WebhookRequest
from hub.connect.webhooks import WebhookReceiver, form_body
from hub.errors import ConfigError, DeliveryError, SignatureError

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ENTRY = {
    "scheme": "hmac",
    "secret": "webhook_secret",
    "header": "X-Sig",
    "dedupe": "raw.id",
    "type": "raw.type",
    "time": "raw.at",
}
CONNECTION = Connection("acme", "acme", {}, {"webhook_secret": ("shh",)})


def deliver(body, /, **changes):
    entry = {key: value for key, value in {**ENTRY, **changes}.items() if value is not None}
    signature = hmac.new(b"shh", body, hashlib.sha256).hexdigest()
    headers = {"x-sig": signature, "x-id": "d_1", "content-type": "application/json"}
    return WebhookReceiver(entry).verify(WebhookRequest("POST", "https://h/", "", headers, body), CONNECTION, NOW)


def test_the_body_is_one_event():
    delivery = deliver(b'{"id": 7, "type": "paid", "at": 1700000000}')
    (event,) = delivery.events
    assert (event.id, event.type) == ("7", "paid")
    assert event.payload == {"id": 7, "type": "paid", "at": 1700000000}
    assert event.time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert (delivery.answer, delivery.hint) == (Answer(), False)


def test_a_delivery_may_hold_several_events():
    body = b'{"events": [{"id": "1", "type": "a"}, {"id": "2", "type": "b"}]}'
    assert [event.id for event in deliver(body, events="raw.events").events] == ["1", "2"]


def test_the_id_may_stand_in_a_header():
    assert deliver(b'{"type": "a"}', dedupe='headers."x-id"').events[0].id == "d_1"


def test_without_a_rule_for_the_id_the_body_tells_repeats():
    body = b'{"type": "a"}'
    assert deliver(body, dedupe=None).events[0].id == hashlib.sha256(body).hexdigest()


def test_a_form_is_read_as_fields_and_lists():
    (event,) = deliver(b"id=1&type=paid&line=a&line=b&empty=", body="form").events
    assert event.payload == {"id": "1", "type": "paid", "line": ["a", "b"], "empty": ""}


def test_the_answer_that_the_gateway_demands():
    delivery = deliver(
        b'{"id": 1, "type": "a"}', answer={"status": 202, "body": "OK", "content_type": "text/html"}, hint=True
    )
    assert delivery.answer == Answer(202, b"OK", "text/html")
    assert delivery.hint


@pytest.mark.parametrize(
    ("body", "changes", "code"),
    [
        (b"<html>", {}, "not_json"),
        (b"\xff\xfe", {}, "not_json"),
        (b"", {}, "not_json"),
        (b'{"id": 1}', {}, "bad_shape"),
        (b'{"id": 1, "type": 5}', {}, "bad_shape"),
        (b'{"type": "a"}', {}, "bad_shape"),
        (b'{"id": 1, "type": "a", "at": "soon"}', {}, "bad_shape"),
        (b'{"id": 1, "type": "a"}', {"events": "raw.events"}, "bad_shape"),
        (b"[1]", {}, "bad_shape"),
        (b'{"id": 1, "type": "a"}', {"dedupe": "join(',', raw.id)"}, "bad_shape"),
        (b"a=%ff", {"body": "form"}, "not_a_form"),
    ],
)
def test_an_authentic_body_that_cannot_be_read_is_refused_with_its_reason(body, changes, code):
    with pytest.raises(DeliveryError) as refusal:
        deliver(body, **changes)
    assert refusal.value.code == code


def test_the_sender_is_proved_before_the_body_is_read():
    request = WebhookRequest("POST", "https://h/", "", {"x-sig": "00"}, b"<html>")
    with pytest.raises(SignatureError):
        WebhookReceiver(ENTRY).verify(request, CONNECTION, NOW)


def test_a_form_with_too_many_fields_is_refused():
    with pytest.raises(DeliveryError):
        form_body(WebhookRequest("POST", "https://h/", "", {}, b"&".join([b"a=1"] * 1001)))


def test_a_scheme_without_its_header_is_a_fault_of_the_manifest():
    with pytest.raises(ConfigError, match="needs the header"):
        WebhookReceiver({"scheme": "hmac"})
