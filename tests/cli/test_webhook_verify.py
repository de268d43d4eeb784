"""`hub webhook verify`: why a webhook was refused, or what it tells, without a running hub."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from standardwebhooks import Webhook

from hub.cli import hub_command
from hub.connect.signatures import sign_standard_webhook

REPOSITORY = Path(__file__).parents[2]

SECRET = "whsec_made_up_secret_0123456789"
SIGNED_AT = 1700000000
ON_TIME = "2023-11-14T22:13:20Z"
BODY = (
    b'{"id":"evt_made_up_1","object":"event","api_version":"2026-06-24.dahlia","created":1700000000,'
    b'"type":"payment_intent.succeeded","data":{"object":{"id":"pi_made_up_1","object":"payment_intent","amount":1999,'
    b'"currency":"eur"}}}'
)
# Made with stripe-python, whose WebhookSignature.verify_header takes it.
VERSION_1 = "9b8216b77248f0df04158e393b9963439da2a29fce2fddf2b284e91740d03c1f"
STRIPE_FIELDS = f"secret_key: sk_test_made_up\nwebhook_secret: {SECRET}\n"

STANDARD_SECRET = "whsec_" + base64.b64encode(b"made-up standard secret!").decode()
STANDARD_BODY = (REPOSITORY / "connectors/sandbox/samples/payment.succeeded.json").read_bytes()
STANDARD_AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def request_bytes(body, headers, path="/hooks/stripe-main", line_end=b"\r\n"):
    lines = [f"POST {path} HTTP/1.1", "Host: hub.example.com", *(f"{name}: {text}" for name, text in headers.items())]
    return line_end.join(line.encode() for line in lines) + 2 * line_end + body


def stripe_request(signature, body=BODY, **more):
    return request_bytes(body, {"Content-Type": "application/json", "Stripe-Signature": signature}, **more)


class Desk:
    """Where the command is called with files of its own."""

    def __init__(self, folder):
        self.folder = folder

    def verify(self, raw, fields=STRIPE_FIELDS, connector="stripe", at=ON_TIME, more=()):
        request, config = self.folder / "request.http", self.folder / "fields.yaml"
        request.write_bytes(raw)
        config.write_text(fields)
        moment = ["--at", at] if at else []
        command = ["webhook", "verify", connector, str(request), "--config", str(config), *moment, *more]
        return CliRunner().invoke(hub_command, command)

    def verdict(self, *arguments, **options):
        """Exit code and what was said, as JSON."""
        result = self.verify(*arguments, **options)
        return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_a_delivery_that_stripe_signed_is_accepted_and_its_events_are_shown(desk):
    code, verdict = desk.verdict(stripe_request(f"t={SIGNED_AT},v1={VERSION_1}"))
    assert code == 0
    assert set(verdict) >= {"accepted", "reason", "events"}
    assert verdict["accepted"] is True
    assert "signature" in verdict["reason"]
    (event,) = verdict["events"]
    assert (event["type"], event["source_id"]) == ("payment.succeeded", "payment.succeeded:pi_made_up_1")
    assert event["time"] == ON_TIME
    assert event["data"]["amount"] == {"minor": 1999, "currency": "EUR"}


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_files_with_either_line_end_are_read(desk, line_end):
    code, verdict = desk.verdict(stripe_request(f"t={SIGNED_AT},v1={VERSION_1}", line_end=line_end))
    assert (code, verdict["accepted"]) == (0, True)


@pytest.mark.parametrize("blank", [b"\r\n\r\n", b"\n\n"])
def test_every_byte_of_a_body_with_empty_lines_counts(desk, blank):
    body = BODY.replace(b'"object":"event",', b'"object":"event",' + blank)
    mac = hmac.new(SECRET.encode(), f"{SIGNED_AT}.".encode() + body, hashlib.sha256).hexdigest()
    for line_end in (b"\r\n", b"\n"):
        code, _ = desk.verdict(stripe_request(f"t={SIGNED_AT},v1={mac}", body, line_end=line_end))
        assert code == 0


def test_one_of_two_signatures_is_enough_while_a_secret_rolls(desk):
    code, _ = desk.verdict(stripe_request(f"t={SIGNED_AT},v1=00,v1={VERSION_1},v0=11"))
    assert code == 0


def test_the_older_of_two_secrets_is_taken_while_it_rolls(desk):
    fields = f"secret_key: sk_test_made_up\nwebhook_secret: [whsec_the_new_one, {SECRET}]\n"
    code, _ = desk.verdict(stripe_request(f"t={SIGNED_AT},v1={VERSION_1}"), fields)
    assert code == 0


REFUSED = {
    "no header": (request_bytes(BODY, {}), ON_TIME, "no_signature"),
    "only the old scheme": (stripe_request(f"t={SIGNED_AT},v0={VERSION_1}"), ON_TIME, "no_signature"),
    "another signature": (stripe_request(f"t={SIGNED_AT},v1={'0' * 64}"), ON_TIME, "bad_signature"),
    "another time": (stripe_request(f"t={SIGNED_AT + 1},v1={VERSION_1}"), ON_TIME, "bad_signature"),
    "one byte changed": (
        stripe_request(f"t={SIGNED_AT},v1={VERSION_1}", BODY.replace(b"1999", b"9991")),
        ON_TIME,
        "bad_signature",
    ),
    "a line end more": (stripe_request(f"t={SIGNED_AT},v1={VERSION_1}", BODY + b"\n"), ON_TIME, "bad_signature"),
    "a second too old": (stripe_request(f"t={SIGNED_AT},v1={VERSION_1}"), "2023-11-14T22:18:21Z", "stale"),
    "a second too early": (stripe_request(f"t={SIGNED_AT},v1={VERSION_1}"), "2023-11-14T22:08:19Z", "future"),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_proves_nothing_is_refused_with_its_reason(desk, case):
    raw, at, expected = REFUSED[case]
    code, verdict = desk.verdict(raw, at=at)
    assert code == 1
    assert (verdict["accepted"], verdict["code"], verdict["events"]) == (False, expected, [])
    assert verdict["reason"]


@pytest.mark.parametrize("at", ["2023-11-14T22:18:20Z", "2023-11-14T22:08:20Z", "2023-11-14T23:13:20+01:00"])
def test_five_minutes_either_way_are_taken_and_times_may_have_a_zone(desk, at):
    code, _ = desk.verdict(stripe_request(f"t={SIGNED_AT},v1={VERSION_1}"), at=at)
    assert code == 0


def test_without_a_time_it_is_now_and_an_old_delivery_is_stale(desk):
    code, verdict = desk.verdict(stripe_request(f"t={SIGNED_AT},v1={VERSION_1}"), at=None)
    assert (code, verdict["code"]) == (1, "stale")


def test_another_secret_is_told_with_where_to_look(desk):
    fields = "secret_key: sk_test_made_up\nwebhook_secret: whsec_of_another_address\n"
    code, verdict = desk.verdict(stripe_request(f"t={SIGNED_AT},v1={VERSION_1}"), fields)
    assert code == 1
    assert "secret" in verdict["reason"]
    assert SECRET not in json.dumps(verdict)


def standard_request(headers, body=STANDARD_BODY):
    return request_bytes(body, headers, path="/hooks/sandbox")


def sandbox(desk, raw, at="2026-11-23T09:00:00Z", secret=STANDARD_SECRET):
    fields = f"api_base: http://127.0.0.1:8080/sandbox/v1\napi_key: sbx_test_made_up\nwebhook_secret: {secret}\n"
    return desk.verdict(raw, fields, connector="sandbox", at=at)


def test_the_sandboxs_own_signature_is_accepted(desk):
    headers = sign_standard_webhook(STANDARD_SECRET, "evt_1", STANDARD_AT, STANDARD_BODY)
    code, verdict = sandbox(desk, standard_request(headers))
    assert (code, [event["type"] for event in verdict["events"]]) == (0, ["payment.succeeded"])
    assert verdict["events"][0]["data"]["amount"] == {"minor": 10000, "currency": "USD"}


def test_what_the_standards_own_library_signs_is_accepted(desk):
    signature = Webhook(STANDARD_SECRET).sign("evt_1", STANDARD_AT, STANDARD_BODY.decode())
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(STANDARD_AT.timestamp())),
        "webhook-signature": signature,
    }
    assert headers == sign_standard_webhook(STANDARD_SECRET, "evt_1", STANDARD_AT, STANDARD_BODY)
    code, _ = sandbox(desk, standard_request(headers))
    assert code == 0


def test_the_sandboxs_forged_changed_and_old_deliveries_are_refused(desk):
    headers = sign_standard_webhook(STANDARD_SECRET, "evt_1", STANDARD_AT, STANDARD_BODY)
    other = "whsec_" + base64.b64encode(b"somebody else's secret!!").decode()
    told = [
        sandbox(desk, standard_request({**headers, "webhook-id": "evt_2"})),
        sandbox(desk, standard_request(headers, STANDARD_BODY.replace(b"10000", b"10001"))),
        sandbox(desk, standard_request(headers), secret=other),
        sandbox(desk, standard_request(headers), at="2026-11-23T09:05:01Z"),
        sandbox(desk, standard_request(headers), at="2026-11-23T08:54:59Z"),
    ]
    assert [code for code, _ in told] == [1] * len(told)
    assert [verdict["code"] for _, verdict in told] == ["bad_signature"] * 3 + ["stale", "future"]


def misuse(result, *words):
    assert result.exit_code == 2
    assert result.stdout == ""
    assert all(word in result.stderr for word in words), result.stderr


def test_a_field_that_the_connector_does_not_have_is_named(desk):
    fields = STRIPE_FIELDS + "webhook_secrt: x\n"
    misuse(desk.verify(stripe_request("t=1,v1=00"), fields), "webhook_secrt", "webhook_secret")


def test_a_field_with_a_wrong_value_is_named(desk):
    fields = STRIPE_FIELDS + "api_version: newest\n"
    misuse(desk.verify(stripe_request("t=1,v1=00"), fields), "api_version")


def test_a_field_that_yaml_takes_for_a_date_is_a_text(desk):
    fields = STRIPE_FIELDS + "api_version: 2026-06-24\n"
    code, _ = desk.verdict(stripe_request(f"t={SIGNED_AT},v1={VERSION_1}"), fields)
    assert code == 0


def test_a_secret_left_empty_is_none_at_all(desk):
    fields = "secret_key: sk_test_made_up\nwebhook_secret:\n"
    code, verdict = desk.verdict(stripe_request(f"t={SIGNED_AT},v1={VERSION_1}"), fields)
    assert (code, verdict["code"]) == (1, "no_secret")


def test_a_secret_that_cannot_be_one_is_misuse(desk):
    headers = sign_standard_webhook(STANDARD_SECRET, "evt_1", STANDARD_AT, STANDARD_BODY)
    misuse(desk.verify(standard_request(headers), "webhook_secret: whsec_!\n", connector="sandbox"), "webhook secret")


def test_a_fetched_file_that_is_not_there_is_misuse(desk):
    misuse(
        desk.verify(stripe_request("t=1,v1=00"), more=["--fetch", "https://example.com/cert=nowhere.pem"]),
        "nowhere.pem",
    )


@pytest.mark.parametrize("fields", ["- a\n- list\n", "secret: [unclosed\n"])
def test_a_configuration_that_holds_no_fields_is_misuse(desk, fields):
    misuse(desk.verify(stripe_request("t=1,v1=00"), fields), "fields.yaml")


def test_an_unknown_connector_is_misuse(desk):
    misuse(desk.verify(stripe_request("t=1,v1=00"), connector="stipe"), "stipe")


def test_a_time_that_is_none_is_misuse(desk):
    misuse(desk.verify(stripe_request("t=1,v1=00"), at="yesterday"), "yesterday")


def test_a_file_that_is_no_request_is_misuse(desk):
    misuse(desk.verify(BODY), "request line")


def test_for_people_it_is_said_in_sentences(desk):
    taken = desk.verify(stripe_request(f"t={SIGNED_AT},v1={VERSION_1}"), more=["--format", "table"])
    assert taken.stdout.startswith("Accepted.")
    assert "payment.succeeded:pi_made_up_1" in taken.stdout
    refused = desk.verify(stripe_request(f"t={SIGNED_AT},v1=00"), more=["--format", "table"])
    assert (refused.exit_code, refused.stdout.startswith("Refused (bad_signature)")) == (1, True)
