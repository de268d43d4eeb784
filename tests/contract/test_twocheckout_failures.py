from __future__ import annotations

import pytest

from hub.errors import ConfigError, PermanentError, TransientError, UncertainError
from tests.contract.twocheckout_steps import EUR, PART, begun, desk_of, paid, plan, running, told
from tests.fakes.fake_twocheckout import FakeTwoCheckout
from tests.fakes.server import DOWN, HANGING, LOST, MAINTENANCE, RESET, Answered


@pytest.fixture
def fake():
    with FakeTwoCheckout().running() as one:
        yield one
    assert one.complaints == []


@pytest.fixture
def desk(fake, registry, outbound):
    return desk_of(fake, registry, outbound)


class At(list):
    """Moods that wait for a request to this path."""

    def __init__(self, fake, path, mood):
        super().__init__([mood])
        self.fake, self.path = fake, path

    def pop(self, index=0):
        last = self.fake.received[-1]
        return super().pop(index) if (last.method, last.path) == self.path else None


ORDERS = ("POST", "/rest/6.0/orders/")
PRODUCTS = ("POST", "/rest/6.0/products/")


# Once, whatever happens to the answer.


@pytest.mark.parametrize("mood", [LOST, DOWN, RESET, MAINTENANCE], ids=["lost", "down", "reset", "maintenance"])
def test_page_whose_signature_did_not_come_is_the_same_page_again(desk, fake, mood):
    fake.treat(mood)
    with pytest.raises(TransientError):
        begun(desk)
    given = {"amount": EUR, "order": "o_77"}
    again = desk.again("payment.create", given, key="begin")
    assert again["payment"] == desk.run("payment.create", given, key="begin")["payment"]
    assert list(fake.pages) == [again["payment"]]


@pytest.mark.parametrize("mood", [LOST, DOWN, RESET, MAINTENANCE], ids=["lost", "down", "reset", "maintenance"])
def test_charge_whose_answer_was_lost_is_found_and_not_made_again(desk, fake, mood):
    stored = paid(desk, fake)["payment"]
    given = {"amount": PART, "method": stored, "order": "o_78"}
    fake.moods = At(fake, ORDERS, mood)
    with pytest.raises(TransientError):
        desk.run("payment.create", given, key="again")
    made = desk.again("payment.create", given, key="again")
    assert (made["status"], made["amount"]) == ("succeeded", PART)
    assert sum(one["ExternalReference"] == made["gateway"]["checkout"] for one in fake.orders.values()) == 1


def test_slow_charge_is_a_timeout_and_is_found(desk, fake, impatient):
    stored = paid(desk, fake)["payment"]
    given = {"amount": PART, "method": stored}
    desk.outbound = impatient
    fake.moods = At(fake, ORDERS, HANGING)
    with pytest.raises(TransientError) as caught:
        desk.run("payment.create", given, key="again")
    assert caught.value.code == "timeout"
    assert desk.again("payment.create", given, key="again")["status"] == "succeeded"
    assert len(fake.orders) == 2


@pytest.mark.parametrize("mood", [LOST, DOWN], ids=["lost", "down"])
def test_refund_whose_answer_was_lost_is_left_to_a_person(desk, fake, mood):
    number = paid(desk, fake)["payment"]
    fake.moods = At(fake, ("POST", f"/rest/6.0/orders/{number}/refund/"), mood)
    with pytest.raises(UncertainError):
        desk.run("payment.refund", {"payment": number, "amount": PART}, key="r")
    assert desk.connector.manifest.actions["payment.refund"].idempotent.value == "no"


def test_product_whose_answer_was_lost_is_made_once(desk, fake):
    given = {"name": "Gold", "price": EUR, "interval": {"unit": "month"}}
    fake.moods = At(fake, PRODUCTS, LOST)
    with pytest.raises(TransientError):
        desk.run("plan.create", given, key="plan")
    assert desk.again("plan.create", given, key="plan")["price"] == EUR
    assert len(fake.products) == 1


def test_subscription_whose_answer_was_lost_begins_once(desk, fake):
    stored = paid(desk, fake)["payment"]
    given = {"plan": plan(desk)["plan"], "method": stored}
    fake.moods = At(fake, ORDERS, LOST)
    with pytest.raises(TransientError):
        desk.run("subscription.create", given, key="sub")
    assert desk.again("subscription.create", given, key="sub")["status"] == "active"
    assert len(fake.subscriptions) == 1


def test_cancellation_whose_answer_was_lost_is_not_sent_again(desk, fake):
    running(desk, fake)
    (number,) = fake.subscriptions
    given = {"subscription": number, "at": "now"}
    fake.moods = At(fake, ("DELETE", f"/rest/6.0/subscriptions/{number}/"), LOST)
    with pytest.raises(TransientError):
        desk.run("subscription.cancel", given, key="c")
    assert desk.again("subscription.cancel", given, key="c")["status"] == "cancelled"
    assert fake.count("DELETE", f"/subscriptions/{number}/") == 1


def test_lost_free_request_is_left_to_a_person(desk, fake):
    fake.treat(LOST)
    with pytest.raises(UncertainError):
        desk.run("request", {"method": "POST", "path": "/subscriptions/A8C5671BFE/"})


# What refusals mean.


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ({"AUTHORIZATION_FAILED": "The bank declined the transaction."}, "card_declined"),
        ({"GATEWAY": "Insufficient funds"}, "insufficient_funds"),
        ({"GATEWAY": "The card has expired"}, "expired_card"),
        ({"INVALID_CARD_NUMBER": "Check it"}, "invalid_card"),
        ({"GATEWAY": "3D Secure authentication failed"}, "authentication_required"),
        ({"GATEWAY": "Denied for risk reasons"}, "fraud_review"),
        ({"GATEWAY": "Over the limit of the card"}, "limit_exceeded"),
    ],
)
def test_decline_that_comes_with_a_good_status_is_permanent(desk, fake, errors, code):
    stored = paid(desk, fake)["payment"]
    fake.refusal = errors
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {"amount": PART, "method": stored}, key="again")
    assert (caught.value.code, caught.value.gateway_code) == (code, next(iter(errors)))
    found = desk.again("payment.create", {"amount": PART, "method": stored}, key="again")
    assert (found["status"], found["reason"]) == ("failed", code)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, {"error_code": "INVALID_EES_TOKEN", "message": "x"}, PermanentError, "invalid_card"),
        (400, {"error_code": "ORDER_CURRENCY_INVALID", "message": "x"}, PermanentError, "currency_unsupported"),
        (400, {"error_code": "ORDER_NOT_FOUND", "message": "x"}, PermanentError, "not_found"),
        (400, {"error_code": "PRODUCT_CODE_NOT_UNIQUE", "message": "x"}, PermanentError, "duplicate"),
        (400, {"error_code": "X", "message": "The order is older than 3 months."}, PermanentError, "window_closed"),
        (400, {"error_code": "ORDER_ALREADY_REFUNDED", "message": "x"}, PermanentError, "already_refunded"),
        (400, {"error_code": "SOMETHING_NEW", "message": "x"}, PermanentError, "invalid_request"),
        (401, {"error_code": "AUTHENTICATION_ERROR", "message": "x"}, PermanentError, "unauthorised"),
        (403, {"error_code": "FORBIDDEN", "message": "x"}, PermanentError, "forbidden"),
        (404, "<html>Not Found</html>", PermanentError, "not_found"),
        (409, {"message": "x"}, PermanentError, "wrong_state"),
        (500, {"message": "x"}, TransientError, "gateway_down"),
        (200, "<html>We will be back.</html>", TransientError, "bad_answer"),
        (200, "[]", TransientError, "bad_answer"),
        (302, "", TransientError, "bad_answer"),
    ],
)
def test_refusal_is_told_by_code_words_or_status(desk, fake, status, body, kind, code):
    fake.refuse(status, body)
    with pytest.raises(kind) as caught:
        desk.run("payment.get", {"payment": "211153389"})
    assert caught.value.code == code
    if isinstance(body, dict) and "error_code" in body:
        assert caught.value.gateway_code == body["error_code"]


def test_rate_limit_honours_the_pause(desk, fake):
    fake.refuse(429, {"message": "slow down"}, Retry_After="7")
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "211153389"})
    assert (caught.value.code, caught.value.retry_after) == ("rate_limited", 7)


def test_refund_of_more_or_of_what_is_not_complete_is_refused(desk, fake):
    number = paid(desk, fake)["payment"]
    more = {"payment": number, "amount": {"minor": 5000, "currency": "EUR"}}
    for given, code in (
        (more, "amount_exceeds_rest"),
        ({"payment": number, "amount": {"minor": 100, "currency": "USD"}}, "bad_input"),
        ({"payment": begun(desk, key="open")["payment"]}, "wrong_state"),
    ):
        with pytest.raises(PermanentError) as caught:
            desk.run("payment.refund", given, key=code)
        assert caught.value.code == code
    desk.run("payment.refund", {"payment": number, "amount": PART}, key="part")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": number, "amount": {"minor": 1800, "currency": "EUR"}}, key="rest")
    assert caught.value.code == "amount_exceeds_rest"


def test_refund_twice_is_refused_the_second_time(desk, fake):
    number = paid(desk, fake)["payment"]
    desk.run("payment.refund", {"payment": number}, key="r1")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": number}, key="r2")
    assert caught.value.code == "already_refunded"


def test_unregistered_refund_is_no_success(desk, fake):
    number = paid(desk, fake)["payment"]
    fake._post_order_refund = lambda *given: Answered(200, False)
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": number}, key="r")
    assert caught.value.code == "invalid_request"


def test_unknown_references_are_not_found(desk):
    for action, given in (
        ("payment.get", {"payment": "999"}),
        ("payment.complete", {"payment": "999"}),
        ("plan.update", {"plan": "nothing", "name": "X"}),
        ("plan.cancel", {"plan": "nothing"}),
        ("subscription.cancel", {"subscription": "AAAA"}),
        ("subscription.pause", {"subscription": "AAAA", "until": "2026-12-05T00:00:00Z"}),
    ):
        with pytest.raises(PermanentError) as caught:
            desk.run(action, given, key=action)
        assert caught.value.code == "not_found"


def test_reference_leads_nowhere_else(desk, fake):
    with pytest.raises(PermanentError):
        desk.run("payment.get", {"payment": "../products/x"})
    assert fake.received[-1].path == "/rest/6.0/orders/..%2Fproducts%2Fx/"


def test_amount_with_the_noise_of_floats_is_read_and_nonsense_is_not(desk, fake):
    number = paid(desk, fake)["payment"]
    told(desk, fake)
    order = {"RefNo": number, "Status": "COMPLETE", "TestOrder": False, "Currency": "eur"}
    fake.refuse(200, {**order, "GrossDiscountedPrice": 19.990000000000002})
    assert desk.run("payment.get", {"payment": number})["amount"] == EUR
    fake.refuse(200, {**order, "GrossDiscountedPrice": 19.995})
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": number})
    assert caught.value.code == "bad_answer"


def test_pause_with_a_wrong_key_is_unauthorised(desk, fake):
    running(desk, fake)
    (number,) = fake.subscriptions
    fake.refuse(200, fake.subscriptions[number])
    fake.key = "another"
    with pytest.raises(PermanentError) as caught:
        desk.run("subscription.pause", {"subscription": number, "until": "2026-12-05T00:00:00Z"}, key="p")
    assert caught.value.code == "unauthorised"


# Secrets and settings.


def test_secrets_never_show_in_outputs_and_errors(desk, fake):
    made = begun(desk)
    shown = repr(made) + repr(desk.run("form.embed", {"amount": EUR}, key="form"))
    fake.key = fake.word = "another"
    for action, given in (("payment.get", {"payment": "1"}), ("payment.create", {"amount": EUR})):
        with pytest.raises(PermanentError) as caught:
            desk.run(action, given, key=action)
        assert caught.value.code == "unauthorised"
        shown += f"{caught.value} {caught.value.details}"
    for secret in ("made_up_secret_key", "made_up_buy_link_word", "made_up_ins_word"):
        assert secret not in shown


def test_missing_word_and_wrong_time_zone_say_where_to_mend_them(fake, registry, outbound):
    bare = desk_of(fake, registry, outbound, buy_link_secret_word=None)
    with pytest.raises(ConfigError, match="buy_link_secret_word"):
        begun(bare)
    lost = desk_of(fake, registry, outbound, timezone="Mars/Olympus")
    fake.subscriptions["A1"] = {"SubscriptionReference": "A1", "ExpirationDate": "2026-12-23"}
    with pytest.raises(ConfigError, match="no time zone"):
        lost.run("subscription.cancel", {"subscription": "A1"})
