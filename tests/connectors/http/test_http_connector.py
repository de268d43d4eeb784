import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
import responses
from responses import matchers
from standardwebhooks import Webhook

from hub.connect.api import Call, Connection, WebhookRequest
from hub.connect.http import Outbound
from hub.connect.registry import Registry
from hub.errors import DeliveryError, PermanentError, SignatureError, TransientError, UncertainError

NOW = datetime.now(UTC)
API = "https://api.example/v1"
HTTP = Registry.load().get("http")
SECRET = "whsec_" + base64.b64encode(b"a made-up secret of 32 bytes....").decode()


def connect(settings=None, **secrets):
    return Connection("api", "http", settings or {}, {name: (value,) for name, value in secrets.items()})


def request(given, connection=None):
    connection = connection or connect()
    return HTTP.run(
        "request", Call(connection, given, "4f" * 20, "run_1:s", datetime.now(UTC), Outbound().client(connection))
    )


@responses.activate
def test_a_get_gives_status_headers_and_json():
    responses.get(
        API,
        json={"a": 1},
        headers={"X-B": "2", "Set-Cookie": "session=1"},
        match=[matchers.query_param_matcher({"q": "ä b"})],
    )
    output = request({"url": API, "query": {"q": "ä b"}})
    assert (output["status"], output["body"], output["headers"]["x-b"]) == (200, {"a": 1}, "2")
    assert "set-cookie" not in output["headers"]
    assert "Idempotency-Key" not in responses.calls[0].request.headers


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@responses.activate
def test_post_and_patch_carry_the_steps_key(method):
    responses.add(method, API, json={})
    request({"method": method, "url": API, "json": {"a": 1}})
    sent = responses.calls[0].request
    assert (sent.headers["Idempotency-Key"], sent.headers["Content-Type"], sent.body) == (
        "4f" * 20,
        "application/json",
        b'{"a":1}',
    )


@responses.activate
def test_a_key_of_ones_own_stays_and_it_can_be_left_out():
    responses.post(API, json={})
    request({"method": "POST", "url": API, "headers": {"Idempotency-Key": "mine"}})
    request({"method": "POST", "url": API, "idempotency_key": False})
    assert responses.calls[0].request.headers["Idempotency-Key"] == "mine"
    assert "Idempotency-Key" not in responses.calls[1].request.headers


@pytest.mark.parametrize(("keyed", "kind"), [(True, TransientError), (False, UncertainError)])
@responses.activate
def test_a_lost_answer_is_tried_again_only_with_a_key(keyed, kind):
    responses.post(API, body=ConnectionResetError("gone"))
    with pytest.raises(kind):
        request({"method": "POST", "url": API, "idempotency_key": keyed})


@responses.activate
def test_forms_and_texts():
    responses.post(API, json={})
    request({"method": "POST", "url": API, "form": {"a": {"b": 1}, "c": [True]}})
    request({"method": "POST", "url": API, "body": "grüße", "content_type": "text/csv"})
    assert parse_qsl(responses.calls[0].request.body.decode()) == [("a[b]", "1"), ("c[0]", "true")]
    assert responses.calls[1].request.body == "grüße".encode()
    assert responses.calls[1].request.headers["Content-Type"] == "text/csv"


@responses.activate
def test_a_text_answer_is_kept_up_to_its_limit():
    responses.get(API, body="ä" * 40_000, content_type="text/plain")
    output = request({"url": API})
    assert len(output["body"].encode()) <= 65_540
    assert output["truncated"] is True


@responses.activate
def test_json_null_and_broken_json():
    responses.get(API, body="null", content_type="application/json")
    responses.get(API, body="{", content_type="application/json")
    assert request({"url": API})["body"] is None
    assert request({"url": API})["body"] == "{"


@responses.activate
def test_a_redirect_that_is_not_followed_is_an_error():
    responses.post(API, status=301, headers={"Location": "https://api.example/v2"})
    with pytest.raises(PermanentError, match=r"redirects to https://api\.example/v2"):
        request({"method": "POST", "url": API})


@pytest.mark.parametrize(("success", "passes"), [("body.ok", True), ("status == `200`", True), ("body.missing", False)])
@responses.activate
def test_a_success_condition_must_be_true(success, passes):
    responses.get(API, json={"ok": True})
    if passes:
        assert request({"url": API, "success": success})["status"] == 200
    else:
        with pytest.raises(PermanentError, match=r"'body\.missing' is not true"):
            request({"url": API, "success": success})


@responses.activate
def test_a_success_condition_that_cannot_be_judged_is_told():
    responses.get(API, json={"ok": True})
    with pytest.raises(TransientError, match="could not be judged"):
        request({"url": API, "success": "length(body.ok)"})


@pytest.mark.parametrize(
    ("settings", "secrets", "header", "value"),
    [
        ({"auth": "basic", "user": "u"}, {"password": "p"}, "Authorization", "Basic dTpw"),
        ({"auth": "bearer"}, {"token": "t"}, "Authorization", "Bearer t"),
        ({"auth": "header"}, {"token": "k"}, "X-Api-Key", "k"),
        ({"auth": "header", "header": "X-K", "prefix": "Key "}, {"token": "k"}, "X-K", "Key k"),
        (
            {"auth": "hmac", "header": "X-Sig", "signed": "{method}.{body}"},
            {"hmac_secret": "s"},
            "X-Sig",
            hmac.new(b"s", b'POST.{"a":1}', hashlib.sha256).hexdigest(),
        ),
    ],
)
@responses.activate
def test_signing_in_by_the_connection(settings, secrets, header, value):
    responses.post(f"{API}/x", json={})
    connection = connect({"base_url": API, **settings}, **secrets)
    request({"method": "POST", "url": "/x", "json": {"a": 1}}, connection)
    assert responses.calls[0].request.headers[header] == value


@responses.activate
def test_signing_in_by_client_credentials():
    responses.post("https://login.example/t", json={"access_token": "tok", "expires_in": 60})
    responses.get(f"{API}/x", json={}, match=[matchers.header_matcher({"Authorization": "Bearer tok"})])
    settings = {"base_url": API, "auth": "oauth2", "token_url": "https://login.example/t", "client_id": "i"}
    assert request({"url": "x"}, connect(settings, client_secret="s"))["status"] == 200


@responses.activate
def test_what_we_send_can_be_signed_as_a_standard_webhook():
    responses.post(API, json={})
    request({"method": "POST", "url": API, "json": {"a": 1}}, connect({}, signing_secret=SECRET))
    sent = responses.calls[0].request
    assert Webhook(SECRET).verify(sent.body, dict(sent.headers)) == {"a": 1}
    assert sent.headers["webhook-id"] == f"msg_{'4f' * 20}"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/x",
        "http://api.example/v1/x",
        "https://api.example/v2",
        "https://api.example/v1/../admin",
        "https://api.example/v1/%2e%2e/admin",
        "https://api.example.evil.example/v1",
        "https://api.example@evil.example/v1",
        "../admin",
        "/a/../../admin",
    ],
)
def test_credentials_never_leave_the_base_address(url):
    connection = connect({"base_url": API, "auth": "bearer"}, token="t")
    with pytest.raises(PermanentError) as error:
        request({"url": url}, connection)
    assert error.value.code == "bad_input"


@pytest.mark.parametrize("url", ["/x", "x", f"{API}/x", "https://API.example/v1/x"])
@responses.activate
def test_addresses_below_the_base_address_are_fine(url):
    responses.get("https://api.example/v1/x", json={})
    assert request({"url": url}, connect({"base_url": API, "auth": "bearer"}, token="t"))["status"] == 200


def test_a_path_without_a_base_address_is_refused():
    with pytest.raises(PermanentError, match="only a path"):
        request({"url": "/x"})


@pytest.mark.parametrize("given", [{"json": {}, "body": ""}, {"headers": {"A\r\nB": "c"}}, {"method": "TRACE"}, {}])
def test_input_that_cannot_be_is_refused(given):
    with pytest.raises(PermanentError) as error:
        request({**given, **({"url": API} if given else {})})
    assert error.value.code == "bad_input"


@responses.activate
def test_the_test_button_tries_the_test_path():
    responses.get(f"{API}/me", json={})
    connection = connect({"base_url": API, "test_path": "/me", "auth": "bearer"}, token="t")
    call = Call(connection, {}, "k", "r", NOW, Outbound().client(connection))
    assert HTTP.test(call) == f"{API} answered 200."
    responses.replace(responses.GET, f"{API}/me", status=401)
    with pytest.raises(PermanentError) as error:
        HTTP.test(call)
    assert error.value.code == "unauthorised"
    assert "no base address" in HTTP.test(replace(call, connection=connect()))


def receive(body, settings, headers=None, secret="shh"):
    connection = connect(settings, webhook_secret=secret)
    delivery = WebhookRequest("POST", "https://hub.example/hooks/api", "", headers or {}, body)
    return HTTP.receive(delivery, connection, NOW, lambda url: b"")


def signed(body, secret=b"shh"):
    return {"x-signature": hmac.new(secret, body, hashlib.sha256).hexdigest()}


def test_a_webhook_of_a_named_type_has_its_body_as_data():
    body = json.dumps({"id": 7, "course": "c"}).encode()
    reception = receive(body, {"incoming": "hmac", "event_type": "course.finished"}, signed(body))
    (event,) = reception.events
    assert (event.type, event.source_id, event.data) == ("course.finished", "7", {"id": 7, "course": "c"})


def test_a_standard_webhook_says_type_time_and_data():
    body = json.dumps({"type": "course.finished", "timestamp": "2026-11-23T09:00:00Z", "data": {"course": "c"}})
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", NOW, body),
    }
    (event,) = receive(body.encode(), {"incoming": "standard-webhooks"}, headers, SECRET).events
    assert (event.type, event.source_id, event.data) == ("course.finished", "msg_1", {"course": "c"})
    assert event.time == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings", "body", "source_id"),
    [
        ({"webhook_id": "meta.uid"}, b'{"meta": {"uid": "u1"}}', "u1"),
        ({}, b'{"id": "i1"}', "i1"),
        ({}, b'{"a": 1}', hashlib.sha256(b'{"a": 1}').hexdigest()),
    ],
)
def test_what_tells_repeats(settings, body, source_id):
    (event,) = receive(body, {"incoming": "hmac", "event_type": "a.b", **settings}, signed(body)).events
    assert event.source_id == source_id


def test_webhooks_are_refused_until_a_scheme_is_chosen():
    with pytest.raises(SignatureError) as refusal:
        receive(b"{}", {}, signed(b"{}"))
    assert refusal.value.code == "not_accepted"


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, "no_signature"), (signed(b"{}", b"other"), "bad_signature"), (signed(b"{ }"), "bad_signature")],
)
def test_what_is_not_signed_rightly_is_refused(headers, code):
    with pytest.raises(SignatureError) as refusal:
        receive(b"{}", {"incoming": "hmac", "event_type": "a.b"}, headers)
    assert refusal.value.code == code


def test_a_signed_time_must_be_fresh():
    body = b"{}"
    settings = {
        "incoming": "hmac",
        "event_type": "a.b",
        "webhook_signed": "{timestamp}.{body}",
        "webhook_timestamp_header": "X-Time",
    }
    old = str(int(NOW.timestamp()) - 301)
    signature = hmac.new(b"shh", f"{old}.{{}}".encode(), hashlib.sha256).hexdigest()
    with pytest.raises(SignatureError) as refusal:
        receive(body, settings, {"x-signature": signature, "x-time": old})
    assert refusal.value.code == "stale"


@pytest.mark.parametrize(
    ("body", "settings", "says"),
    [
        (b"<a>", {"event_type": "a.b"}, "not JSON"),
        (b"[1]", {"event_type": "a.b"}, "not an object"),
        (b"{}", {}, "no type"),
        (b'{"type": "Nope"}', {}, "not an event's type"),
        (b'{"type": "hub.run_failed"}', {}, "from the hub alone"),
        (b'{"type": "payment.succeeded", "data": {"payment": "p"}}', {}, "amount"),
        (b'{"a": 1}', {"event_type": "a.b", "webhook_id": "uid"}, "no id at 'uid'"),
    ],
)
def test_an_authentic_body_that_makes_no_event_is_refused(body, settings, says):
    with pytest.raises(DeliveryError, match=says):
        receive(body, {"incoming": "hmac", **settings}, signed(body))
