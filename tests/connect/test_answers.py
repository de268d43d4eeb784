import json
from datetime import UTC, datetime

import pytest
from requests.structures import CaseInsensitiveDict

from hub.connect.answers import ErrorTable, error_codes, failure, raise_for_status, retry_after
from hub.connect.http import Answered
from hub.errors import PermanentError, TransientError, UncertainError

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TABLE = ErrorTable(
    code=("answer.error.decline_code", "answer.error.code"),
    message="answer.error.message",
    table={"card_declined": "card_declined", "lock_timeout": "conflict", "402": "card_declined"},
)


def answered(status, body=b"", **headers):
    return Answered(
        status, CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()}), body
    )


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, PermanentError, "invalid_request"),
        (401, PermanentError, "unauthorised"),
        (403, PermanentError, "forbidden"),
        (404, PermanentError, "not_found"),
        (408, TransientError, "timeout"),
        (409, PermanentError, "wrong_state"),
        (410, PermanentError, "not_found"),
        (422, PermanentError, "invalid_request"),
        (425, TransientError, "rate_limited"),
        (429, TransientError, "rate_limited"),
        (500, TransientError, "gateway_down"),
        (502, TransientError, "gateway_down"),
        (503, TransientError, "gateway_down"),
        (504, TransientError, "gateway_down"),
    ],
)
def test_what_a_status_means(status, kind, code):
    with pytest.raises(kind) as error:
        raise_for_status(answered(status), now=NOW)
    assert error.value.code == code


@pytest.mark.parametrize("status", [200, 201, 204, 304])
def test_success_raises_nothing(status):
    raise_for_status(answered(status), now=NOW)


@pytest.mark.parametrize("status", [502, 504])
def test_a_lost_answer_behind_a_proxy_is_uncertain_where_a_repeat_may_harm(status):
    with pytest.raises(UncertainError):
        raise_for_status(answered(status), now=NOW, repeatable=False)


def test_the_systems_own_code_decides_and_is_kept_with_its_words():
    body = b'{"error": {"code": "card_declined", "message": "Nope"}}'
    with pytest.raises(PermanentError) as error:
        raise_for_status(answered(402, body), TABLE, now=NOW)
    assert (error.value.code, error.value.gateway_code) == ("card_declined", "card_declined")
    assert error.value.message == "The payer's bank declined the payment. It answered 402 (card_declined): Nope."
    assert error.value.details == {"error": {"code": "card_declined", "message": "Nope"}}


@pytest.mark.parametrize("words", ["No such card.", "No such card. ", "Really?"])
def test_words_that_end_a_sentence_get_no_second_full_stop(words):
    body = json.dumps({"error": {"code": "card_declined", "message": words}}).encode()
    with pytest.raises(PermanentError) as error:
        raise_for_status(answered(402, body), TABLE, now=NOW)
    assert error.value.message.endswith(f"(card_declined): {words.strip()}")


def test_what_is_no_code_is_not_taken_for_one():
    body = b'{"error": {"decline_code": {"echo": "everything that was sent"}, "code": 7001}}'
    with pytest.raises(PermanentError) as error:
        raise_for_status(answered(402, body), TABLE, now=NOW)
    assert error.value.gateway_code == "7001"


def test_a_code_may_make_a_4xx_transient_and_the_first_place_that_has_one_counts():
    body = b'{"error": {"decline_code": "lock_timeout", "code": "card_declined"}}'
    with pytest.raises(TransientError) as error:
        raise_for_status(answered(400, body), TABLE, now=NOW)
    assert error.value.code == "conflict"


def test_a_status_may_stand_in_the_table():
    with pytest.raises(PermanentError) as error:
        raise_for_status(answered(402, b"<html>"), TABLE, now=NOW)
    assert (error.value.code, error.value.details) == ("card_declined", "<html>")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("Mon, 23 Nov 2026 09:02:00 GMT", 120),
        ("Mon, 23 Nov 2026 08:00:00 GMT", 0),
        ("9999999999", 86400),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("١٢", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, seconds):
    assert retry_after({"Retry-After": text}, NOW) == seconds


def test_the_pause_that_was_asked_for_goes_with_the_error():
    with pytest.raises(TransientError) as error:
        raise_for_status(answered(429, Retry_After="7"), now=NOW)
    assert error.value.retry_after == 7


def test_every_code_has_a_sentence_and_a_remedy_that_end_as_sentences():
    for row in error_codes().values():
        assert row.sentence.endswith(".")
        assert row.remedy.endswith(".")


def test_the_table_decides_the_kind_of_error():
    assert isinstance(failure("rate_limited"), TransientError)
    assert isinstance(failure("card_declined"), PermanentError)
    assert isinstance(failure("uncertain"), UncertainError)
