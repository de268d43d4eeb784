from __future__ import annotations

import pytest

from hub.errors import PermanentError, TransientError, UncertainError
from tests.contract.razorpay_steps import ADA, INR, PART, RETURN, begun, desk_of, paid, plan, running
from tests.fakes.fake_razorpay import FakeRazorpay
from tests.fakes.razorpay_wire import error
from tests.fakes.server import DOWN, HANGING, LOST, MAINTENANCE, RESET


@pytest.fixture
def razorpay():
    with FakeRazorpay().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(razorpay, registry, outbound):
    return desk_of(razorpay, registry, outbound)


class At(list):
    """Moods for the calls whose method and path end so; all others are answered as ever."""

    def __init__(self, fake, method, path_end, *moods):
        super().__init__(moods)
        self.fake, self.method, self.path_end = fake, method, path_end

    def pop(self, index=0):
        last = self.fake.received[-1]
        return super().pop(index) if (last.method, last.path.endswith(self.path_end)) == (self.method, True) else None


TO = {"name": "Grace Hopper", "account_number": "000111222333", "ifsc": "HDFC0000001"}
STARTS = {
    "payment.create": ("/v1/orders", "order", {"amount": INR, **RETURN}),
    "form.embed": ("/v1/orders", "order", {"amount": INR}),
    "link.create": ("/v1/payment_links", "payment_link", {"amount": INR}),
    "plan.create": ("/v1/plans", "plan", {"name": "Gold", "price": INR, "interval": {"unit": "month"}}),
    "payout.create": ("/v1/payouts", "payout", {"provider": "prv_2", "amount": PART, "to": TO}),
    "transfer.create": ("/v1/transfers", "transfer", {"provider": "acc_Vendor", "amount": PART}),
}


@pytest.mark.parametrize("action", STARTS)
@pytest.mark.parametrize("mood", [LOST, DOWN, RESET, MAINTENANCE], ids=["lost", "down", "reset", "maintenance"])
def test_lost_or_wrong_answer_is_transient_and_the_retry_is_one_effect(desk, razorpay, action, mood):
    path, kind, given = STARTS[action]
    razorpay.moods = At(razorpay, "POST", path, mood)
    with pytest.raises(TransientError):
        desk.run(action, given)
    first = desk.again(action, given)
    assert desk.again(action, given) == first
    assert len(razorpay.of_kind(kind)) == 1


def test_slow_answer_is_a_timeout_and_the_retry_is_one_effect(desk, razorpay, impatient):
    desk.outbound = impatient
    razorpay.treat(HANGING)
    with pytest.raises(TransientError) as caught:
        begun(desk)
    assert caught.value.code == "timeout"
    given = {"amount": INR, "order": "o_77", "customer": ADA, **RETURN}
    assert desk.again("payment.create", given, key="begin")["status"] == "created"
    assert len(razorpay.of_kind("order")) == 1


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/payments/create/recurring"])
def test_stored_means_is_charged_once_whichever_answer_is_lost(desk, razorpay, path):
    given = {"amount": INR, "method": "cust_1/token_1", "customer": ADA}
    razorpay.moods = At(razorpay, "POST", path, LOST)
    with pytest.raises(TransientError):
        desk.run("payment.create", given, key="m")
    assert desk.again("payment.create", given, key="m")["status"] == "succeeded"
    assert desk.again("payment.create", given, key="m")["status"] == "succeeded"
    assert len(razorpay.of_kind("payment")) == 1
    assert len(razorpay.of_kind("order")) == 1


def test_charge_that_never_arrived_goes_on_with_the_order_that_is_there(desk, razorpay):
    given = {"amount": INR, "method": "cust_1/token_1", "customer": ADA}
    razorpay.moods = At(razorpay, "POST", "/recurring", RESET)
    with pytest.raises(TransientError):
        desk.run("payment.create", given, key="m")
    assert desk.again("payment.create", given, key="m")["status"] == "succeeded"
    assert len(razorpay.of_kind("order")) == 1


def test_declined_stored_means_is_permanent_with_razorpays_reason(desk, razorpay):
    given = {"amount": INR, "method": "cust_1/token_broken", "customer": ADA}
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", given, key="m")
    assert (caught.value.code, caught.value.gateway_code) == ("insufficient_funds", "insufficient_funds")
    with pytest.raises(PermanentError) as found:
        desk.again("payment.create", given, key="m")
    assert (found.value.code, found.value.gateway_code) == ("insufficient_funds", "insufficient_funds")
    assert len(razorpay.of_kind("payment")) == 1


def test_refund_whose_answer_was_lost_is_made_once(desk, razorpay):
    given = {"payment": paid(desk, razorpay)["payment"], "amount": PART}
    razorpay.moods = At(razorpay, "POST", "/refund", LOST)
    with pytest.raises(TransientError):
        desk.run("payment.refund", given, key="r")
    assert desk.again("payment.refund", given, key="r")["total_refunded"] == PART
    assert len(razorpay.of_kind("refund")) == 1


def test_capture_whose_answer_was_lost_is_found_taken(desk, razorpay):
    given = {"payment": paid(desk, razorpay, capture="manual")["payment"]}
    razorpay.moods = At(razorpay, "POST", "/capture", LOST)
    with pytest.raises(TransientError):
        desk.run("payment.capture", given, key="c")
    assert desk.again("payment.capture", given, key="c")["status"] == "succeeded"
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.capture", given, key="another step")
    assert caught.value.code == "wrong_state"


def test_share_of_a_payment_and_its_reversal_are_made_once(desk, razorpay):
    given = {"provider": "acc_Vendor", "amount": PART, "payment": paid(desk, razorpay)["payment"]}
    razorpay.moods = At(razorpay, "POST", "/transfers", LOST)
    with pytest.raises(TransientError):
        desk.run("transfer.create", given, key="t")
    sent = desk.again("transfer.create", given, key="t")
    assert len(razorpay.of_kind("transfer")) == 1
    back = {"transfer": sent["transfer"], "amount": {"minor": 10000, "currency": "INR"}}
    razorpay.moods = At(razorpay, "POST", "/reversals", LOST)
    with pytest.raises(TransientError):
        desk.run("transfer.reverse", back, key="r")
    assert desk.again("transfer.reverse", back, key="r")["status"] == "sent"
    assert razorpay.objects[sent["transfer"]]["amount_reversed"] == 10000


def test_subscription_whose_answer_was_lost_is_begun_once(desk, razorpay):
    given = {"plan": plan(desk)["plan"]}
    razorpay.moods = At(razorpay, "POST", "/subscriptions", LOST)
    with pytest.raises(TransientError):
        desk.run("subscription.create", given, key="s")
    assert desk.again("subscription.create", given, key="s")["checkout_url"]
    assert len(razorpay.of_kind("subscription")) == 1


def test_cancellation_whose_answer_was_lost_finds_it_cancelled(desk, razorpay):
    given = {"subscription": running(desk, razorpay)["subscription"], "at": "now"}
    razorpay.treat(LOST)
    with pytest.raises(TransientError):
        desk.run("subscription.cancel", given, key="c")
    assert desk.again("subscription.cancel", given, key="c")["status"] == "cancelled"


def test_repricing_that_broke_off_goes_on_to_one_new_plan(desk, razorpay):
    first = running(desk, razorpay)
    given = {"plan": first["plan"], "price": {"minor": 250000, "currency": "INR"}, "existing": "move"}
    razorpay.moods = At(razorpay, "PATCH", first["subscription"], LOST)
    with pytest.raises(TransientError):
        desk.run("plan.update", given, key="u")
    replaced = desk.again("plan.update", given, key="u")
    assert razorpay.objects[first["subscription"]]["plan_id"] == replaced["plan"]
    assert len(razorpay.of_kind("plan")) == 2
    kept = {name: value for name, value in given.items() if name != "existing"}
    assert desk.again("plan.update", kept, key="u")["plan"] == replaced["plan"]


@pytest.mark.parametrize("mood", [LOST, DOWN], ids=["lost", "down"])
def test_free_call_is_left_to_a_person_when_nobody_heard_its_end(desk, razorpay, mood):
    razorpay.treat(mood)
    with pytest.raises(UncertainError):
        desk.run("request", {"method": "POST", "path": "/v1/customers", "body": {"email": "g@example.com"}})


# What its refusals mean.


@pytest.mark.parametrize(
    ("status", "description", "more", "kind", "code"),
    [
        (400, "The api key provided is invalid", {}, PermanentError, "invalid_request"),
        (400, "The id provided does not exist", {}, PermanentError, "not_found"),
        (400, "Different request with the same idempotency key has already been processed.", {}, PermanentError, "key_reused"),
        (400, "The payment has been fully refunded already", {}, PermanentError, "already_refunded"),
        (400, "The total refund amount is greater than the refund payment amount", {}, PermanentError, "amount_exceeds_rest"),
        (400, "Your account does not have enough balance to carry out the refund operation.", {}, TransientError, "balance_too_low"),
        (400, "Order amount less than minimum amount allowed", {}, PermanentError, "amount_too_small"),
        (400, "Amount exceeds maximum amount allowed.", {}, PermanentError, "limit_exceeded"),
        (400, "Currency is not supported", {}, PermanentError, "currency_unsupported"),
        (400, "Subscriptions cannot be updated when payment mode is UPI.", {}, PermanentError, "wrong_state"),
        (400, "Notes value cannot be greater than 256.", {}, PermanentError, "invalid_request"),
        (400, "Route feature not enabled for the merchant.", {}, PermanentError, "not_enabled"),
        (400, "Your payment has been declined.", {"reason": "card_expired"}, PermanentError, "expired_card"),
        (400, "Payment failed", {"code": "GATEWAY_ERROR"}, PermanentError, "card_declined"),
        (400, "Some new words", {"reason": "some_new_reason"}, PermanentError, "invalid_request"),
        (401, "Authentication failed", {}, PermanentError, "unauthorised"),
        (403, "Access denied", {}, PermanentError, "forbidden"),
        (404, "The requested URL was not found on the server.", {}, PermanentError, "not_found"),
        (409, "The request is being processed", {}, TransientError, "conflict"),
        (429, "Too many requests", {}, TransientError, "rate_limited"),
        (500, "We are facing some trouble", {"code": "SERVER_ERROR"}, TransientError, "gateway_down"),
        (502, "Payment processing failed", {"code": "GATEWAY_ERROR"}, TransientError, "gateway_down"),
    ],
)  # fmt: skip
def test_refusal_is_told_by_reason_words_and_status(desk, razorpay, status, description, more, kind, code):
    answer = error(status, description, **more)
    razorpay.refuse(answer.status, answer.body)
    with pytest.raises(kind) as caught:
        desk.run("payment.get", {"payment": "pay_1"})
    assert caught.value.code == code
    assert description in caught.value.message


def test_rate_limit_honours_the_pause(desk, razorpay):
    razorpay.refuse(429, {"error": {"code": "BAD_REQUEST_ERROR", "description": "Too many requests"}}, Retry_After="7")
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "pay_1"})
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("body", ["not json", "[]", '{"error": "words"}'])
def test_odd_answers_are_no_result(desk, razorpay, body):
    razorpay.refuse(200 if body != '{"error": "words"}' else 503, body)
    with pytest.raises(TransientError):
        desk.run("payment.get", {"payment": "pay_1"})


def test_redirect_is_not_followed_with_the_key(desk, razorpay):
    razorpay.refuse(302, "", Location="https://elsewhere.example/")
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "pay_1"})
    assert caught.value.code == "bad_answer"


def test_smallest_amount_is_said_by_razorpay(desk):
    with pytest.raises(PermanentError) as caught:
        begun(desk, amount={"minor": 50, "currency": "INR"})
    assert caught.value.code == "amount_too_small"


def test_link_that_expires_too_soon_is_refused(desk):
    with pytest.raises(PermanentError) as caught:
        desk.run("link.create", {"amount": INR, "expires_at": "2026-11-23T09:05:00Z"})
    assert caught.value.code == "invalid_request"
    assert "15 minutes" in caught.value.message


def test_more_than_the_rest_and_a_refund_too_many_are_refused_as_that(desk, razorpay):
    payment = paid(desk, razorpay)["payment"]
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": payment, "amount": {"minor": 900000, "currency": "INR"}}, key="r")
    assert caught.value.code == "amount_exceeds_rest"
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": payment, "amount": {"minor": 900, "currency": "EUR"}}, key="eur")
    assert caught.value.code == "bad_input"
    desk.run("payment.refund", {"payment": payment}, key="r2")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": payment}, key="r3")
    assert caught.value.code == "already_refunded"


def test_what_nobody_paid_cannot_be_captured_or_refunded(desk):
    payment = begun(desk)["payment"]
    for action in ("payment.capture", "payment.refund"):
        with pytest.raises(PermanentError, match="Nobody has paid"):
            desk.run(action, {"payment": payment}, key=action)


def test_empty_balance_is_waited_for(desk, razorpay):
    razorpay.balance = 0
    given = {"provider": "prv_2", "amount": PART, "to": TO}
    with pytest.raises(TransientError) as caught:
        desk.run("payout.create", given)
    assert caught.value.code == "balance_too_low"
    queued = desk.run("payout.create", {**given, "options": {"queue_if_low_balance": True}}, key="q")
    assert queued["status"] == "queued"


def test_secrets_never_show_in_an_error(desk, razorpay):
    razorpay.key_secret = "another"
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.get", {"payment": "pay_1"})
    assert caught.value.code == "unauthorised"
    answer = error(400, "You sent made_up_key_secret and made_up_webhook_secret")
    razorpay.refuse(answer.status, answer.body)
    with pytest.raises(PermanentError) as second:
        desk.run("payment.get", {"payment": "pay_1"})
    for seen in (caught.value, second.value):
        assert "made_up_key_secret" not in f"{seen} {seen.details}"
        assert "made_up_webhook_secret" not in f"{seen} {seen.details}"
