import json
from datetime import UTC, datetime

import pytest
import responses

from hub.connect.api import Call, Connection
from hub.connect.http import Outbound
from hub.connect.registry import Registry
from hub.errors import PermanentError, TransientError, UncertainError

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
URL = "https://hooks.slack.com/services/made/up/secret-part"
SLACK = Registry.load().get("slack")


def call(given=None):
    connection = Connection("team", "slack", {}, {"webhook_url": (URL,)})
    return Call(connection, given or {"text": "hello"}, "4f" * 20, "run_1:s", NOW, Outbound().client(connection))


def post(given=None):
    return SLACK.run("message.post", call(given))


@responses.activate
def test_a_text_is_posted_escaped():
    responses.post(URL, body="ok")
    assert post({"text": "Tom & <!channel> > you"}) == {"posted": True}
    assert json.loads(responses.calls[0].request.body) == {"text": "Tom &amp; &lt;!channel&gt; &gt; you"}


@responses.activate
def test_markup_of_ones_own_and_blocks_go_as_they_are():
    responses.post(URL, body="ok")
    blocks = [{"type": "divider"}]
    post({"text": "<https://a.example|a>", "formatted": True, "blocks": blocks})
    assert json.loads(responses.calls[0].request.body) == {"text": "<https://a.example|a>", "blocks": blocks}


@responses.activate
def test_systems_that_answer_in_json_are_understood():
    responses.post(URL, json={"ok": True})
    assert post() == {"posted": True}


@pytest.mark.parametrize(
    ("status", "word", "kind", "code"),
    [
        (400, "invalid_payload", PermanentError, "invalid_request"),
        (400, "no_text", PermanentError, "invalid_request"),
        (400, "user_not_found", PermanentError, "not_found"),
        (403, "action_prohibited", PermanentError, "forbidden"),
        (403, "invalid_token", PermanentError, "unauthorised"),
        (404, "channel_not_found", PermanentError, "not_found"),
        (404, "no_service", PermanentError, "not_found"),
        (410, "channel_is_archived", PermanentError, "not_found"),
        (500, "rollup_error", TransientError, "gateway_down"),
        (503, "<html>upstream</html>", TransientError, "gateway_down"),
        (502, "Bad gateway", UncertainError, "uncertain"),
        (418, "teapot", PermanentError, "invalid_request"),
    ],
)
@responses.activate
def test_what_slacks_words_mean(status, word, kind, code):
    responses.post(URL, body=word, status=status)
    with pytest.raises(kind) as error:
        post()
    assert error.value.code == code
    assert "secret-part" not in str(error.value)


@responses.activate
def test_being_too_fast_waits_as_long_as_slack_says():
    responses.post(URL, status=429, headers={"Retry-After": "30"})
    with pytest.raises(TransientError) as error:
        post()
    assert (error.value.code, error.value.retry_after) == ("rate_limited", 30)


@pytest.mark.parametrize("body", ["<html>welcome to the hotel wifi</html>", "", '{"ok": false}'])
@responses.activate
def test_a_200_that_is_not_slacks_leaves_it_uncertain(body):
    responses.post(URL, body=body)
    with pytest.raises(UncertainError):
        post()


@responses.activate
def test_a_lost_answer_leaves_it_uncertain_as_slack_takes_no_key():
    responses.post(URL, body=ConnectionResetError("gone"))
    with pytest.raises(UncertainError):
        post()


@responses.activate
def test_the_pace_of_one_message_a_second_is_kept():
    responses.post(URL, body="ok")
    connection = Connection("team", "slack", {}, {"webhook_url": (URL,)})
    outbound = Outbound(monotonic=lambda: 0.0)

    def post_one():
        client = outbound.client(connection, SLACK.manifest)
        SLACK.run("message.post", Call(connection, {"text": "x"}, "k", "r", NOW, client))

    for _ in range(4):
        post_one()
    with pytest.raises(TransientError) as error:
        post_one()
    assert (error.value.code, error.value.retry_after) == ("throttled", 1.0)


@pytest.mark.parametrize(("status", "body"), [(400, "no_text"), (400, "invalid_payload"), (200, "ok")])
@responses.activate
def test_the_test_posts_nothing(status, body):
    responses.post(URL, body=body, status=status)
    assert SLACK.test(call())
    assert responses.calls[0].request.body == b"{}"


@responses.activate
def test_the_test_says_when_the_address_is_dead():
    responses.post(URL, body="no_service", status=404)
    with pytest.raises(PermanentError, match="no_service"):
        SLACK.test(call())
