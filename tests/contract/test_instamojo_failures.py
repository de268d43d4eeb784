from __future__ import annotations

import pytest

from hub.errors import ConfigError, PermanentError, TransientError, UncertainError
from tests.contract.instamojo_steps import ADA, INR, PART, RETURN, begun, desk_of, paid
from tests.fakes.fake_instamojo import FakeInstamojo
from tests.fakes.server import DOWN, HANGING, LOST, MAINTENANCE, RESET


@pytest.fixture
def instamojo():
    with FakeInstamojo().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(instamojo, registry, outbound):
    made = desk_of(instamojo, registry, outbound)
    made.connector.test(made.call())  # there is a token from here on
    return made


class At(list):
    """Moods for the calls whose method and path end so; all others are answered as ever."""

    def __init__(self, fake, method, path_end, *moods):
        super().__init__(moods)
        self.fake, self.method, self.path_end = fake, method, path_end

    def pop(self, index=0):
        last = self.fake.received[-1]
        return super().pop(index) if (last.method, last.path.endswith(self.path_end)) == (self.method, True) else None


STARTS = {
    "payment.create": {"amount": INR, "order": "o_1", **RETURN},
    "link.create": {"amount": INR, "reusable": True},
    "form.embed": {"amount": INR},
}


@pytest.mark.parametrize("action", STARTS)
@pytest.mark.parametrize("mood", [LOST, DOWN, RESET, MAINTENANCE], ids=["lost", "down", "reset", "maintenance"])
def test_lost_or_wrong_answer_is_transient_and_the_retry_is_one_effect(desk, instamojo, action, mood):
    instamojo.moods = At(instamojo, "POST", "/payment_requests/", mood)
    with pytest.raises(TransientError):
        desk.run(action, STARTS[action])
    first = desk.again(action, STARTS[action])
    assert desk.again(action, STARTS[action]) == first
    assert len(instamojo.requests) == 1


def test_another_step_of_the_same_values_is_another_payment(desk, instamojo):
    first = desk.again("payment.create", STARTS["payment.create"], key="one")
    assert desk.again("payment.create", STARTS["payment.create"], key="two")["payment"] != first["payment"]
    assert len(instamojo.requests) == 2


def test_slow_answer_is_a_timeout_and_the_retry_is_one_effect(desk, instamojo, impatient):
    desk.outbound = impatient
    instamojo.treat(HANGING)
    with pytest.raises(TransientError) as caught:
        begun(desk)
    assert caught.value.code == "timeout"
    given = {"amount": INR, "order": "o_77", "customer": ADA, **RETURN}
    assert desk.again("payment.create", given, key="begin")["status"] == "created"
    assert len(instamojo.requests) == 1


@pytest.mark.parametrize("mood", [LOST, RESET, DOWN], ids=["lost", "reset", "down"])
def test_refund_whose_answer_was_lost_is_asked_for_once(desk, instamojo, mood):
    given = {"payment": paid(desk, instamojo)["payment"], "amount": PART, "reason": "It was broken"}
    instamojo.moods = At(instamojo, "POST", "/refund/", mood)
    with pytest.raises(TransientError):
        desk.run("payment.refund", given, key="r")
    asked = desk.again("payment.refund", given, key="r")
    assert (asked["status"], asked["amount"]) == ("pending", PART)
    assert len(instamojo.refunds) == 1


def test_second_refund_of_a_payment_is_refused_as_that(desk, instamojo):
    payment = paid(desk, instamojo)["payment"]
    desk.run("payment.refund", {"payment": payment, "amount": PART}, key="r1")
    with pytest.raises(PermanentError) as caught:
        desk.again("payment.refund", {"payment": payment, "amount": PART}, key="r2")
    assert caught.value.code == "already_refunded"


def test_more_than_the_payment_is_refused_as_that(desk, instamojo):
    given = {"payment": paid(desk, instamojo)["payment"], "amount": {"minor": 250001, "currency": "INR"}}
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", given, key="r")
    assert caught.value.code == "amount_exceeds_rest"


def test_what_nobody_paid_cannot_be_refunded_or_released(desk, instamojo):
    unpaid = begun(desk)["payment"]
    instamojo.decline(unpaid)
    for action, given in (("payment.refund", {"payment": unpaid}), ("hold.release", {"hold": unpaid})):
        with pytest.raises(PermanentError, match="Nobody has paid"):
            desk.run(action, given, key=action)


@pytest.mark.parametrize("mood", [LOST, DOWN], ids=["lost", "down"])
def test_free_call_is_left_to_a_person_when_nobody_heard_its_end(desk, instamojo, mood):
    instamojo.treat(mood)
    given = {"method": "POST", "path": "/v2/payment_requests/", "body": {"amount": "10.00", "purpose": "By hand"}}
    with pytest.raises(UncertainError):
        desk.run("request", given)


# What its refusals mean.


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "own"),
    [
        (400, {"amount": ["Ensure this value is greater than or equal to 9."]}, PermanentError, "amount_too_small", "amount"),
        (400, {"amount": ["Ensure this value is less than or equal to 200000."]}, PermanentError, "limit_exceeded", "amount"),
        (400, {"success": False, "message": {"webhook": ["Enter a valid URL."]}}, PermanentError, "invalid_request", "webhook"),
        (400, {"transaction_id": ["A refund with this transaction_id already exists."]}, PermanentError, "duplicate", "transaction_id"),
        (400, {"success": False, "message": "This payment has already been refunded."}, PermanentError, "already_refunded", None),
        (200, {"success": False, "message": "Something was wrong."}, PermanentError, "invalid_request", None),
        (401, {"detail": "Authentication credentials were not provided."}, PermanentError, "unauthorised", None),
        (403, {"detail": "You do not have permission to perform this action."}, PermanentError, "forbidden", None),
        (404, {"success": False, "message": "Not found."}, PermanentError, "not_found", None),
        (429, {"detail": "Request was throttled."}, TransientError, "rate_limited", None),
        (500, "<h1>Server Error (500)</h1>", TransientError, "gateway_down", None),
        (503, {"detail": "down"}, TransientError, "gateway_down", None),
    ],
)  # fmt: skip
def test_refusal_is_told_by_words_and_status(desk, instamojo, status, body, kind, code, own):
    for _ in range(2 if status == 401 else 1):
        instamojo.moods = At(instamojo, "GET", "/MOJO1/", *instamojo.moods)
        instamojo.refuse(status, body)
    with pytest.raises(kind) as caught:
        desk.run("payment.get", {"payment": "MOJO1"})
    assert (caught.value.code, caught.value.gateway_code) == (code, own)


def test_instamojos_own_words_are_kept(desk):
    with pytest.raises(PermanentError) as caught:
        begun(desk, customer={"email": "nobody"})
    assert caught.value.code == "invalid_request"
    assert "email: Enter a valid email address." in caught.value.message


def test_rate_limit_honours_the_pause(desk, instamojo):
    instamojo.refuse(429, {"detail": "Request was throttled."}, Retry_After="7")
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "MOJO1"})
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("body", ["not json", "[]"])
def test_odd_answers_are_no_result(desk, instamojo, body):
    instamojo.refuse(200, body)
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "MOJO1"})
    assert caught.value.code == "bad_answer"


def test_redirect_is_not_followed_with_the_token(desk, instamojo):
    instamojo.refuse(302, "", Location="https://elsewhere.example/")
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "MOJO1"})
    assert caught.value.code == "bad_answer"


def test_webhook_is_repeated_when_the_payment_cannot_be_read(desk, instamojo):
    instamojo.pay(begun(desk)["payment"])
    (webhook,) = instamojo.webhooks(instamojo.hook)
    (raw,) = desk.receive(webhook.body, webhook.headers).pending
    instamojo.treat(DOWN)
    with pytest.raises(TransientError):
        desk.connector.enrich(raw, desk.call())
    assert desk.connector.enrich(raw, desk.call()).payload["payment"]["status"] is True


def test_wrong_credentials_and_secrets_never_show(instamojo, registry, outbound):
    wrong = desk_of(instamojo, registry, outbound, client_secret="another_secret")
    with pytest.raises(PermanentError) as caught:
        begun(wrong)
    assert caught.value.code == "unauthorised"
    right = desk_of(instamojo, registry, outbound)
    instamojo.moods = At(instamojo, "GET", "/MOJO1/")
    instamojo.refuse(400, {"detail": "You sent made_up_client_secret and made_up_salt_0123456789."})
    with pytest.raises(PermanentError) as second:
        right.run("payment.get", {"payment": "MOJO1"})
    for seen in (caught.value, second.value):
        shown = f"{seen} {seen.details}"
        assert "another_secret" not in shown
        assert "made_up_client_secret" not in shown
        assert "made_up_salt" not in shown


def test_missing_secret_says_where_to_enter_it(instamojo, registry, outbound):
    desk = desk_of(instamojo, registry, outbound)
    bare = type(desk.connection)("imojo", "instamojo", desk.connection.settings, {})
    desk.connection = bare
    with pytest.raises(ConfigError, match="client_secret"):
        begun(desk)
