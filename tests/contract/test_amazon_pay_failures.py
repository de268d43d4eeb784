from __future__ import annotations

import json

import pytest

from hub.errors import ConfigError, PermanentError, TransientError, UncertainError
from tests.contract.amazon_pay_steps import EUR, PART, begun, desk_of, paid, receive, stored, told, types
from tests.fakes.amazon_pay_sns import delivery, published
from tests.fakes.fake_amazon_pay import FakeAmazonPay
from tests.fakes.server import DOWN, HANGING, LOST, MAINTENANCE, RESET


@pytest.fixture
def amazon():
    with FakeAmazonPay().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(amazon, registry, outbound):
    return desk_of(amazon, registry, outbound)


class When(list):
    """Moods for the first request of a kind only."""

    def __init__(self, fake, path_end, mood):
        super().__init__([mood])
        self.fake, self.path_end = fake, path_end

    def pop(self, index=0):
        return super().pop(index) if self.fake.received[-1].path.endswith(self.path_end) else None


MOODS = pytest.mark.parametrize("mood", [LOST, DOWN, RESET, MAINTENANCE], ids=["lost", "down", "reset", "maintenance"])


# Once, whatever happens to the answer.


@MOODS
def test_charge_whose_answer_was_lost_is_made_once(desk, amazon, mood):
    given = {"amount": EUR, "method": stored(desk, amazon), "order": "o_2"}
    amazon.moods = When(amazon, "/charges", mood)
    with pytest.raises(TransientError):
        desk.run("payment.create", given, key="cycle")
    output = desk.again("payment.create", given, key="cycle")
    assert output["status"] == "succeeded"
    assert len(amazon.charges) == 2


@MOODS
def test_completion_whose_answer_was_lost_is_made_once(desk, amazon, mood):
    begin = begun(desk)
    amazon.press(begin["client"])
    given = {"payment": begin["payment"], "parameters": amazon.pay(begin["payment"])}
    amazon.moods = When(amazon, "/complete", mood)
    with pytest.raises(TransientError):
        desk.run("payment.complete", given, key="return")
    assert desk.again("payment.complete", given, key="return")["status"] == "succeeded"
    assert len(amazon.charges) == 1


@MOODS
def test_capture_whose_answer_was_lost_is_made_once(desk, amazon, mood):
    given = {"payment": paid(desk, amazon, capture="manual")["payment"], "amount": PART}
    amazon.moods = When(amazon, "/capture", mood)
    with pytest.raises(TransientError):
        desk.run("payment.capture", given, key="c")
    assert desk.again("payment.capture", given, key="c")["captured"] == PART


@MOODS
def test_refund_whose_answer_was_lost_is_made_once(desk, amazon, mood):
    payment = paid(desk, amazon)["payment"]
    given = {"payment": payment, "amount": PART}
    amazon.moods = When(amazon, "/refunds", mood)
    with pytest.raises(TransientError):
        desk.run("payment.refund", given, key="r")
    assert desk.again("payment.refund", given, key="r")["total_refunded"] == PART
    assert len(amazon.refunds) == 1


def test_refund_of_the_rest_asks_for_the_same_amount_again(desk, amazon):
    payment = paid(desk, amazon)["payment"]
    amazon.moods = When(amazon, "/refunds", LOST)
    with pytest.raises(TransientError) as caught:
        desk.run("payment.refund", {"payment": payment}, key="r")
    call = desk.call({"payment": payment}, key="r", attempt=2)
    object.__setattr__(call, "previous", caught.value.details)
    assert desk.connector.run("payment.refund", call)["amount"] == EUR
    assert len(amazon.refunds) == 1
    with pytest.raises(UncertainError):
        desk.again("payment.refund", {"payment": payment}, key="r")


def test_slow_answer_is_a_timeout_and_the_retry_is_one_effect(desk, amazon, impatient):
    given = {"amount": EUR, "method": stored(desk, amazon)}
    desk.outbound = impatient
    amazon.treat(HANGING)
    with pytest.raises(TransientError) as caught:
        desk.run("payment.create", given, key="cycle")
    assert caught.value.code == "timeout"
    assert desk.run("payment.create", given, key="cycle")["status"] == "succeeded"
    assert len(amazon.charges) == 2


def test_cancellation_whose_answer_was_lost_finds_it_cancelled(desk, amazon):
    given = {"payment": paid(desk, amazon, capture="manual")["payment"]}
    amazon.moods = When(amazon, "/cancel", LOST)
    with pytest.raises(TransientError):
        desk.run("payment.void", given, key="v")
    assert desk.again("payment.void", given, key="v")["status"] == "voided"


# What its refusals mean.


@pytest.mark.parametrize(
    ("status", "own", "kind", "code"),
    [
        (400, "InvalidParameterValue", PermanentError, "invalid_request"),
        (400, "AmountMismatch", PermanentError, "invalid_request"),
        (400, "CurrencyMismatch", PermanentError, "currency_unsupported"),
        (400, "TransactionAmountExceeded", PermanentError, "amount_exceeds_rest"),
        (400, "TransactionCountExceeded", PermanentError, "limit_exceeded"),
        (400, "PeriodicAmountExceeded", PermanentError, "limit_exceeded"),
        (403, "InvalidAuthentication", PermanentError, "unauthorised"),
        (403, "InvalidAccountStatus", PermanentError, "account_restricted"),
        (403, "UnauthorizedAccess", PermanentError, "forbidden"),
        (404, "ResourceNotFound", PermanentError, "not_found"),
        (422, "AmazonRejected", PermanentError, "fraud_review"),
        (422, "MFANotCompleted", PermanentError, "authentication_required"),
        (422, "PaymentMethodNotAllowed", PermanentError, "method_unavailable"),
        (422, "TransactionTimedOut", PermanentError, "card_declined"),
        (422, "ProcessingFailure", PermanentError, "card_declined"),
        (422, "SomethingNew", PermanentError, "invalid_request"),
        (429, "TooManyRequests", TransientError, "rate_limited"),
        (500, "InternalServerError", TransientError, "gateway_down"),
        (503, "ServiceUnavailable", TransientError, "gateway_down"),
    ],
)
def test_refusal_is_told_by_its_code(desk, amazon, status, own, kind, code):
    amazon.refuse(status, {"reasonCode": own, "message": "In Amazon's own words."})
    with pytest.raises(kind) as caught:
        desk.run("payment.create", {"amount": EUR, "method": "S02-0000000-0000001"})
    assert (caught.value.code, caught.value.gateway_code) == (code, own)
    assert "In Amazon's own words." in caught.value.message


def test_throttling_honours_the_pause(desk, amazon):
    amazon.refuse(429, {"reasonCode": "TooManyRequests"}, Retry_After="7")
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "S02-0000000-0000001-C000001"})
    assert caught.value.retry_after == 7


def test_changed_values_under_one_key_are_refused(desk, amazon):
    given = {"amount": EUR, "method": stored(desk, amazon)}
    desk.run("payment.create", given, key="cycle")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {**given, "amount": PART}, key="cycle")
    assert caught.value.code == "key_reused"


def test_unknown_payment_is_not_found(desk):
    for payment in ("S02-0000000-0000009-C000009", "00000000-0000-4000-8000-000000000000", "hub-nonsense"):
        with pytest.raises(PermanentError) as caught:
            desk.run("payment.get", {"payment": payment})
        assert caught.value.code == "not_found"


def test_redirect_is_no_answer(desk, amazon):
    amazon.refuse(302, "", Location="https://example.com/")
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "S02-0000000-0000001-C000001"})
    assert caught.value.code == "bad_answer"


def test_key_that_amazon_does_not_know_is_told_by_the_test_button(desk, amazon):
    stranger = desk.with_settings(public_key_id="SANDBOX-ANOTHER")
    with pytest.raises(PermanentError) as caught:
        stranger.connector.test(stranger.call())
    assert caught.value.code == "unauthorised"
    amazon.complaints.clear()


@pytest.mark.parametrize("pem", ["not a key", "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----"])
def test_private_key_that_cannot_be_read_says_what_to_do(amazon, registry, outbound, pem):
    desk = desk_of(amazon, registry, outbound, private_key=pem)
    with pytest.raises(ConfigError) as caught:
        begun(desk)
    assert "BEGIN" in caught.value.remedy
    assert pem not in str(caught.value)


def test_private_key_shows_nowhere(desk, amazon):
    key = desk.connection.secret("private_key")
    shown = [json.dumps(begun(desk)), json.dumps(paid(desk, amazon, key="p"))]
    amazon.refuse(400, {"reasonCode": "InvalidParameterValue", "message": f"What is {key}?"})
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.get", {"payment": "S02-0000000-0000001-C000001"})
    shown.append(f"{caught.value} {caught.value.details}")
    secret_line = key.splitlines()[3]
    assert not [text for text in shown if secret_line in text]
    assert secret_line not in repr(desk.connection)


# Notifications.


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_signature_versions_are_taken(desk, amazon, version):
    amazon.signature_version = version
    paid(desk, amazon)
    assert types(told(desk, amazon)) == ["payment.succeeded"]


def test_notification_of_an_unknown_thing_gives_no_event(desk, amazon):
    amazon.note("CHARGE", "S02-9999999-9999999-C000000", "S02-9999999-9999999")
    (webhook,) = amazon.webhooks("")
    (raw,) = receive(desk, webhook)
    assert raw.type == "CHARGE.NotFound"
    assert desk.connector.map(raw, desk.connection) == ()
    assert desk.connector.knows(raw.type)


def test_notification_that_cannot_be_read_again_now_is_asked_for_again(desk, amazon):
    paid(desk, amazon)
    webhook = amazon.webhooks("")[-1]
    amazon.treat(DOWN)
    with pytest.raises(TransientError):
        receive(desk, webhook)


def test_older_spelling_of_a_notification_is_taken(desk, amazon):
    payment = paid(desk, amazon)["payment"]
    told(desk, amazon)
    old = {"merchantId": "A1MADEUP000000", "objectType": "CHARGE", "objectId": payment}
    (raw,) = receive(desk, delivery(published(json.dumps(old))))
    assert types(desk.connector.map(raw, desk.connection)) == ["payment.succeeded"]
