from __future__ import annotations

import pytest

from hub.errors import PermanentError, TransientError, UncertainError
from tests.contract.stripe_steps import EUR, RETURN, paid, plan, subscription
from tests.fakes.server import DOWN, HANGING, LOST, MAINTENANCE, RESET
from tests.fakes.stripe_forms import error


@pytest.fixture
def desk(stripe_desk):
    return stripe_desk


# Once, whatever happens to the answer.

EFFECTS = {
    "payment.create": {"amount": EUR, "method": "pm_card_visa"},
    "link.create": {"amount": EUR},
    "plan.create": {"name": "Gold", "price": EUR, "interval": {"unit": "month"}},
    "form.embed": {"amount": EUR},
}


@pytest.mark.parametrize("action", EFFECTS)
def test_repeat_with_the_same_key_is_one_effect(desk, stripe, action):
    first = desk.run(action, EFFECTS[action])
    made = set(stripe.objects)
    assert desk.again(action, EFFECTS[action]) == first
    assert set(stripe.objects) == made


@pytest.mark.parametrize("action", EFFECTS)
@pytest.mark.parametrize("mood", [LOST, DOWN, RESET, MAINTENANCE], ids=["lost", "down", "reset", "maintenance"])
def test_lost_or_wrong_answer_is_transient_and_the_retry_is_one_effect(desk, stripe, registry, action, mood):
    desk.run(action, EFFECTS[action], key="other")
    expected = len(stripe.objects)
    stripe.objects.clear()
    stripe.treat(mood)
    with pytest.raises(TransientError):
        desk.run(action, EFFECTS[action])
    desk.again(action, EFFECTS[action])
    assert len(stripe.objects) == expected


def test_slow_answer_is_a_timeout_and_the_retry_is_one_effect(desk, stripe, impatient):
    desk.outbound = impatient
    stripe.treat(HANGING)
    with pytest.raises(TransientError) as caught:
        paid(desk)
    assert caught.value.code == "timeout"
    assert paid(desk)["status"] == "succeeded"
    assert sum(1 for one in stripe.objects.values() if one["object"] == "charge") == 1


def test_refund_whose_answer_was_lost_is_made_once(desk, stripe):
    payment = paid(desk)["payment"]
    given = {"payment": payment, "amount": {"minor": 500, "currency": "EUR"}}
    desk.run("payment.get", {"payment": payment})
    stripe.received.clear()

    class LoseTheRefund(list):
        def pop(self, index=0):
            return super().pop(index) if stripe.received[-1].path == "/v1/refunds" else None

    stripe.moods = LoseTheRefund([LOST])
    with pytest.raises(TransientError):
        desk.run("payment.refund", given, key="r")
    assert desk.again("payment.refund", given, key="r")["total_refunded"]["minor"] == 500
    assert sum(1 for one in stripe.objects.values() if one["object"] == "refund") == 1


def test_cancellation_whose_answer_was_lost_finds_it_cancelled(desk, stripe):
    given = {"subscription": subscription(desk)["subscription"], "at": "now"}
    stripe.treat(LOST)
    with pytest.raises(TransientError):
        desk.run("subscription.cancel", given, key="c")
    assert desk.again("subscription.cancel", given, key="c")["status"] == "cancelled"


def test_repricing_that_broke_off_goes_on_to_one_new_price(desk, stripe):
    made = plan(desk, options={"lookup_key": "gold"})
    given = {"plan": made["plan"], "price": {"minor": 2500, "currency": "EUR"}}

    class LoseTheClosing(list):
        def pop(self, index=0):
            return super().pop(index) if b"active=false" in stripe.received[-1].body else None

    stripe.moods = LoseTheClosing([LOST])
    with pytest.raises(TransientError):
        desk.run("plan.update", given, key="u")
    replaced = desk.again("plan.update", given, key="u")
    assert stripe.objects[replaced["plan"]]["lookup_key"] == "gold"
    assert sum(1 for one in stripe.objects.values() if one["object"] == "price") == 2


# What its refusals mean.


@pytest.mark.parametrize(
    ("method", "code", "own"),
    [
        ("pm_declined", "card_declined", "generic_decline"),
        ("pm_no_funds", "insufficient_funds", "insufficient_funds"),
        ("pm_expired", "expired_card", "expired_card"),
        ("pm_challenge", "authentication_required", "authentication_required"),
    ],
)
def test_declined_card_is_permanent_with_stripes_own_code(desk, method, code, own):
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {"amount": EUR, "method": method})
    assert (caught.value.code, caught.value.gateway_code) == (code, own)


def test_changed_parameters_under_one_key_are_refused(desk):
    desk.run("payment.create", {"amount": EUR, "method": "pm_1"})
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {"amount": {"minor": 5, "currency": "EUR"}, "method": "pm_1"})
    assert caught.value.code == "key_reused"


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "code"),
    [
        (400, {"code": "amount_too_large"}, {}, PermanentError, "limit_exceeded"),
        (401, {"code": "api_key_expired"}, {}, PermanentError, "unauthorised"),
        (403, {}, {}, PermanentError, "forbidden"),
        (404, {"code": "resource_missing"}, {}, PermanentError, "not_found"),
        (409, {"code": "idempotency_key_in_use"}, {}, TransientError, "conflict"),
        (409, {}, {"Stripe_Should_Retry": "false"}, PermanentError, "conflict"),
        (429, {"code": "rate_limit"}, {}, TransientError, "rate_limited"),
        (429, {"code": "lock_timeout"}, {}, TransientError, "conflict"),
        (500, {"type": "api_error"}, {}, TransientError, "gateway_down"),
        (500, {"type": "api_error"}, {"Idempotent_Replayed": "true"}, UncertainError, "uncertain"),
        (500, {"type": "api_error"}, {"Stripe_Should_Retry": "false"}, UncertainError, "uncertain"),
        (400, {"code": "parameter_missing"}, {"Stripe_Should_Retry": "true"}, TransientError, "invalid_request"),
    ],
)
def test_refusal_is_told_by_code_and_advice(desk, stripe, status, body, headers, kind, code):
    stripe.refuse(
        status, {"error": {"type": "invalid_request_error", "message": "In Stripe's own words.", **body}}, **headers
    )
    with pytest.raises(kind) as caught:
        desk.run("payment.create", {"amount": EUR, "method": "pm_1"})
    assert caught.value.code == code
    assert "In Stripe's own words." in caught.value.message


def test_test_key_that_meets_a_live_object_is_told_apart(desk, stripe):
    words = "No such payment_intent: 'pi_9'; a similar object exists in live mode, but a test mode key was used."
    answer = error(404, words, code="resource_missing")
    stripe.refuse(answer.status, answer.body)
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.get", {"payment": "pi_9"})
    assert caught.value.code == "wrong_mode"


def test_rate_limit_honours_the_pause(desk, stripe):
    stripe.refuse(429, {"error": {"code": "rate_limit"}}, Retry_After="7")
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "pi_1"})
    assert caught.value.retry_after == 7


def test_more_than_the_rest_is_refused_as_that(desk):
    payment = paid(desk)["payment"]
    more = {"payment": payment, "amount": {"minor": 5000, "currency": "EUR"}}
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", more, key="r")
    assert caught.value.code == "amount_exceeds_rest"
    desk.run("payment.refund", {"payment": payment}, key="r2")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": payment}, key="r3")
    assert caught.value.code == "already_refunded"


def test_state_that_does_not_fit_is_refused(desk):
    payment = paid(desk)["payment"]
    for action in ("payment.capture", "payment.void"):
        with pytest.raises(PermanentError) as caught:
            desk.run(action, {"payment": payment}, key=action)
        assert caught.value.code == "wrong_state"
    page = desk.run("payment.create", {"amount": EUR, **RETURN}, key="page")
    with pytest.raises(PermanentError, match="Nobody has paid"):
        desk.run("payment.capture", {"payment": page["payment"]}, key="c")


def test_empty_platform_balance_is_waited_for(desk):
    with pytest.raises(TransientError) as caught:
        desk.run("transfer.create", {"provider": "acct_1", "amount": EUR})
    assert caught.value.code == "balance_too_low"


def test_secret_key_never_shows_in_an_error(desk, stripe):
    stripe.key = "sk_test_another"
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.get", {"payment": "pi_1"})
    assert caught.value.code == "unauthorised"
    assert "sk_test_made_up" not in f"{caught.value} {caught.value.details}"


# Events by polling.


def test_polling_gives_what_webhooks_lost_in_order_and_once(desk, stripe):
    first = desk.connector.poll(desk.call(), None)
    assert first.events == ()
    for number in range(250):
        stripe.tell("customer.updated", {"id": f"cus_{number}", "object": "customer"})
    polled = desk.connector.poll(desk.call(), first.cursor)
    assert [event.payload["data"]["object"]["id"] for event in polled.events] == [
        f"cus_{number}" for number in range(250)
    ]
    assert [event.id for event in polled.events] == [event["id"] for event in stripe.events]


def test_polling_of_a_flood_goes_on_where_it_stopped(desk, stripe, monkeypatch):
    monkeypatch.setattr("connectors.stripe.webhooks.PAGES_A_POLL", 2)
    first = desk.connector.poll(desk.call(), None)
    for number in range(350):
        stripe.tell("customer.updated", {"id": f"cus_{number}", "object": "customer"})
    seen, cursor = set(), first.cursor
    for _ in range(2):
        polled = desk.connector.poll(desk.call(), cursor)
        seen |= {event.id for event in polled.events}
        cursor = polled.cursor
    assert len(seen) == 350
    assert "after" not in cursor
