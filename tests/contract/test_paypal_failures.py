from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.errors import PermanentError, SignatureError, TransientError, UncertainError
from tests.contract.desk import NOW
from tests.contract.paypal_steps import EUR, HOOK, RETURN, desk_of, held, hosted, paid, part, plan, running, told, types
from tests.fakes.fake_paypal import FakePayPal
from tests.fakes.paypal_wire import error
from tests.fakes.server import DOWN, HANGING, LOST, MAINTENANCE, RESET


@pytest.fixture
def paypal():
    with FakePayPal().running() as fake:
        fake.tokens["wallet0001"] = {"id": "wallet0001", "kind": "paypal"}
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(paypal, registry, outbound):
    made = desk_of(paypal, registry, outbound)
    made.run(
        "payment.create", {"amount": EUR, **RETURN}, key="token"
    )  # the token is there: moods meet the calls themselves
    paypal.orders.clear()
    return made


class Only(list):
    """Moods that wait for the request whose path ends so."""

    def __init__(self, paypal, path_end, *moods):
        super().__init__(moods)
        self.paypal, self.path_end = paypal, path_end

    def pop(self, index=0):
        return super().pop(index) if self.paypal.received[-1].path.endswith(self.path_end) else None


def lose(paypal, path_end, mood=LOST):
    paypal.moods = Only(paypal, path_end, mood)


# Once, whatever happens to the answer.

EFFECTS = {
    "payment.create": {"amount": EUR, "method": "wallet0001"},
    "form.embed": {"amount": EUR},
    "plan.create": {"name": "Gold", "price": EUR, "interval": {"unit": "month"}},
    "payout.create": {"amount": EUR, "provider": "grace@example.com"},
}


def effects(paypal):
    return len(paypal.orders), len(paypal.captures), len(paypal.products), len(paypal.plans), len(paypal.batches)


@pytest.mark.parametrize("action", EFFECTS)
def test_repeat_with_the_same_key_is_one_effect(desk, paypal, action):
    first = desk.run(action, EFFECTS[action])
    made = effects(paypal)
    again = desk.again(action, EFFECTS[action])
    assert {name: again[name] for name in ("payment", "plan", "payout") if name in again} == {
        name: first[name] for name in ("payment", "plan", "payout") if name in first
    }
    assert effects(paypal) == made


@pytest.mark.parametrize("action", EFFECTS)
@pytest.mark.parametrize("mood", [LOST, DOWN, RESET, MAINTENANCE], ids=["lost", "down", "reset", "maintenance"])
def test_lost_or_wrong_answer_is_transient_and_the_retry_is_one_effect(desk, paypal, action, mood):
    desk.run(action, EFFECTS[action], key="other")
    expected = tuple(2 * one for one in effects(paypal))
    last = {"payment.create": "/orders", "form.embed": "/orders", "plan.create": "/plans", "payout.create": "/payouts"}
    lose(paypal, last[action], mood)
    with pytest.raises(TransientError):
        desk.run(action, EFFECTS[action])
    desk.again(action, EFFECTS[action])
    assert effects(paypal) == expected


def test_slow_answer_is_a_timeout_and_the_retry_is_one_effect(desk, paypal, impatient):
    desk.outbound = impatient
    lose(paypal, "/orders", HANGING)
    with pytest.raises(TransientError) as caught:
        desk.run("payment.create", EFFECTS["payment.create"])
    assert caught.value.code == "timeout"
    assert desk.again("payment.create", EFFECTS["payment.create"])["status"] == "succeeded"
    assert len(paypal.captures) == 1


def test_charge_is_not_repeated_after_paypal_forgot_its_key(desk, paypal):
    lose(paypal, "/orders")
    with pytest.raises(TransientError) as caught:
        desk.run("payment.create", EFFECTS["payment.create"])
    paypal.keys.clear()
    call = replace(
        desk.call(EFFECTS["payment.create"], now=NOW + timedelta(hours=6), attempt=9), previous=caught.value.details
    )
    with pytest.raises(UncertainError, match="hub-"):
        desk.connector.run("payment.create", call)
    assert len(paypal.captures) == 1


def test_charge_within_the_keys_life_remembers_its_first_try(desk, paypal):
    given = EFFECTS["payment.create"]
    paypal.treat(DOWN)
    with pytest.raises(TransientError):
        desk.run("payment.create", given)
    lose(paypal, "/orders", DOWN)
    with pytest.raises(TransientError) as first:
        desk.run("payment.create", given)
    lose(paypal, "/orders", DOWN)
    later = replace(desk.call(given, now=NOW + timedelta(hours=5), attempt=2), previous=first.value.details)
    with pytest.raises(TransientError) as second:
        desk.connector.run("payment.create", later)
    assert second.value.details["first_tried_at"] == NOW.isoformat()


@pytest.mark.parametrize("mood", [LOST, DOWN, MAINTENANCE, RESET])
def test_capture_whose_answer_was_lost_is_made_once(desk, paypal, mood):
    payment = hosted(desk)
    paypal.pay(payment)
    lose(paypal, "/capture", mood)
    with pytest.raises(TransientError):
        desk.run("payment.complete", {"payment": payment}, key="c")
    assert desk.run("payment.complete", {"payment": payment}, key="c")["status"] == "succeeded"
    assert len(paypal.captures) == 1


def test_order_that_somebody_else_captured_meanwhile_is_read_again(desk, paypal):
    payment = hosted(desk)
    paypal.pay(payment)
    whole = paypal.finish_order

    def quicker(order, what):
        paypal.take(order)
        return whole(order, what)

    paypal.finish_order = quicker
    assert desk.run("payment.complete", {"payment": payment}, key="c")["status"] == "succeeded"
    assert len(paypal.captures) == 1


def test_refund_whose_answer_was_lost_is_made_once(desk, paypal):
    given = {"payment": paid(desk, paypal), "amount": part(500)}
    lose(paypal, "/refund")
    with pytest.raises(TransientError):
        desk.run("payment.refund", given, key="r")
    assert desk.again("payment.refund", given, key="r")["total_refunded"] == part(500)
    assert len(paypal.refunds) == 1


@pytest.mark.parametrize(
    "more", [{"final": False}, {}, {"options": {"reauthorize": True}}], ids=["part", "last", "anew"]
)
def test_taking_whose_answer_was_lost_is_done_once(desk, paypal, more):
    given = {"payment": held(desk, paypal), "amount": part(500), **more}
    lose(paypal, "/capture")
    with pytest.raises(TransientError):
        desk.run("payment.capture", given, key="c")
    assert desk.again("payment.capture", given, key="c")["captured"] == part(500)
    assert len(paypal.captures) == 1
    assert len(paypal.authorizations) == (2 if "options" in more else 1)


def test_refund_of_one_of_several_parts_whose_answer_was_lost_is_made_once(desk, paypal):
    payment = held(desk, paypal)
    desk.run("payment.capture", {"payment": payment, "amount": part(500), "final": False}, key="c1")
    desk.run("payment.capture", {"payment": payment, "amount": part(500)}, key="c2")
    given = {"payment": payment, "amount": part(500)}
    lose(paypal, "/refund")
    with pytest.raises(TransientError):
        desk.run("payment.refund", given, key="r")
    assert desk.again("payment.refund", given, key="r")["status"] == "issued"
    assert len(paypal.refunds) == 1


@pytest.mark.parametrize(
    ("action", "path", "status"),
    [("subscription.cancel", "/cancel", "cancelling"), ("subscription.pause", "/suspend", "paused")],
)
def test_change_of_a_subscription_whose_answer_was_lost_finds_it_done(desk, paypal, action, path, status):
    given = {"subscription": running(desk, paypal)}
    lose(paypal, path)
    with pytest.raises(TransientError):
        desk.run(action, given, key="c")
    assert desk.again(action, given, key="c")["status"] == status


def test_void_whose_answer_was_lost_finds_it_done(desk, paypal):
    given = {"payment": held(desk, paypal)}
    lose(paypal, "/void")
    with pytest.raises(TransientError):
        desk.run("payment.void", given, key="v")
    assert desk.again("payment.void", given, key="v")["status"] == "voided"


def test_answer_to_a_dispute_is_looked_up_before_it_is_repeated(desk, paypal):
    paid(desk, paypal)
    dispute = paypal.dispute(next(iter(paypal.captures)), {"currency_code": "EUR", "value": "9.99"})
    given = {"dispute": dispute, "evidence": {"note": "It was delivered."}}
    lose(paypal, "/provide-evidence")
    with pytest.raises(TransientError):
        desk.run("dispute.answer", given, key="a")
    assert desk.again("dispute.answer", given, key="a")["status"] == "answered"
    assert len(paypal.answers) == 1
    other = {"dispute": paypal.dispute(next(iter(paypal.captures)), {"currency_code": "EUR", "value": "9.99"})}
    assert desk.again("dispute.answer", {**given, **other}, key="b")["status"] == "answered"
    assert len(paypal.answers) == 2


def test_acceptance_of_a_claim_is_looked_up_before_it_is_repeated(desk, paypal):
    paid(desk, paypal)
    dispute = paypal.dispute(next(iter(paypal.captures)), {"currency_code": "EUR", "value": "9.99"})
    lose(paypal, "/accept-claim")
    with pytest.raises(TransientError):
        desk.run("dispute.answer", {"dispute": dispute, "accept": True}, key="a")
    assert desk.again("dispute.answer", {"dispute": dispute, "accept": True}, key="a")["status"] == "accepted"
    assert len(paypal.answers) == 1


def test_replaced_plan_that_broke_off_goes_on_to_one_new_plan(desk, paypal):
    given = {"plan": plan(desk)["plan"], "price": part(2500)}
    lose(paypal, "/deactivate")
    with pytest.raises(TransientError):
        desk.run("plan.update", given, key="u")
    assert desk.again("plan.update", given, key="u")["replaced"] == given["plan"]
    assert len(paypal.plans) == 2


# Declines and refusals.


@pytest.mark.parametrize(
    ("token", "code", "own"),
    [
        ({"refuses": "PAYER_CANNOT_PAY"}, "card_declined", "PAYER_CANNOT_PAY"),
        ({"refuses": "TRANSACTION_LIMIT_EXCEEDED"}, "limit_exceeded", "TRANSACTION_LIMIT_EXCEEDED"),
        ({"outcome": "DECLINED", "response": "5120"}, "insufficient_funds", "5120"),
        ({"outcome": "DECLINED", "response": "5400"}, "expired_card", "5400"),
        ({"outcome": "DECLINED"}, "card_declined", "5100"),
        ({"outcome": "PAYER_ACTION_REQUIRED"}, "authentication_required", None),
    ],
)
def test_declined_charge_is_permanent_with_paypals_own_code(desk, paypal, token, code, own):
    paypal.tokens["card0001"] = {"id": "card0001", "kind": "card", **token}
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {"amount": EUR, "method": "card0001"})
    assert (caught.value.code, caught.value.gateway_code) == (code, own)


def test_taking_that_the_bank_declines_is_permanent(desk, paypal):
    payment = held(desk, paypal)
    paypal.outcomes[payment] = "DECLINED"
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.capture", {"payment": payment}, key="c")
    assert (caught.value.code, caught.value.gateway_code) == ("card_declined", "5100")


def test_unknown_means_is_not_found(desk):
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {"amount": EUR, "method": "nobody0001"})
    assert caught.value.code == "not_found"


@pytest.mark.parametrize(
    ("status", "issue", "kind", "code"),
    [
        (400, "INVALID_PARAMETER_SYNTAX", PermanentError, "invalid_request"),
        (403, "PERMISSION_DENIED", PermanentError, "forbidden"),
        (403, "PAYEE_ACCOUNT_RESTRICTED", PermanentError, "account_restricted"),
        (404, "INVALID_RESOURCE_ID", PermanentError, "not_found"),
        (422, "DUPLICATE_INVOICE_ID", PermanentError, "duplicate"),
        (422, "COMPLIANCE_VIOLATION", PermanentError, "fraud_review"),
        (422, "NOT_ENABLED_TO_VAULT_PAYMENT_SOURCE", PermanentError, "not_enabled"),
        (422, "ORDER_COMPLETION_IN_PROGRESS", TransientError, "conflict"),
    ],
)
def test_refusal_is_told_by_its_issue(desk, paypal, status, issue, kind, code):
    answer = error(status, issue)
    paypal.refuse(answer.status, answer.body)
    with pytest.raises(kind) as caught:
        desk.run("payment.create", {"amount": EUR, **RETURN})
    assert (caught.value.code, caught.value.gateway_code) == (code, issue)
    assert "made0000000001" in str(caught.value.details)


def test_rate_limit_is_waited_for(desk, paypal):
    paypal.refuse(
        429, {"name": "RATE_LIMIT_REACHED", "message": "Too many requests.", "debug_id": "made1"}, Retry_After="7"
    )
    with pytest.raises(TransientError) as caught:
        desk.run("payment.create", {"amount": EUR, **RETURN})
    assert (caught.value.code, caught.value.retry_after) == ("rate_limited", 7)


def test_failing_paypal_is_transient(desk, paypal):
    paypal.refuse(
        500, {"name": "INTERNAL_SERVER_ERROR", "message": "An internal server error has occurred.", "debug_id": "made1"}
    )
    with pytest.raises(TransientError) as caught:
        desk.run("payment.create", {"amount": EUR, **RETURN})
    assert caught.value.code == "gateway_down"


def test_more_than_the_rest_is_refused_as_that(desk, paypal):
    payment = paid(desk, paypal)
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": payment, "amount": part(5000)}, key="r")
    assert caught.value.code == "amount_exceeds_rest"
    desk.run("payment.refund", {"payment": payment}, key="r2")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": payment}, key="r3")
    assert caught.value.code == "already_refunded"


def test_state_that_does_not_fit_is_refused(desk, paypal):
    payment = paid(desk, paypal)
    for action in ("payment.capture", "payment.void"):
        with pytest.raises(PermanentError) as caught:
            desk.run(action, {"payment": payment}, key=action)
        assert caught.value.code == "wrong_state"
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": hosted(desk, key="new")}, key="r")
    assert caught.value.code == "wrong_state"
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.get", {"payment": "../elsewhere"})
    assert caught.value.code == "not_found"


# Signing in.


def test_token_that_ended_early_is_renewed_once(desk, paypal):
    paypal.token = "made-up-token-2"
    assert desk.run("payment.create", {"amount": EUR, **RETURN})["status"] == "created"


def test_wrong_secret_is_unauthorised_and_never_shows(paypal, registry, outbound):
    stranger = desk_of(paypal, registry, outbound, client_secret="not-the-secret-at-all")
    with pytest.raises(PermanentError) as caught:
        stranger.run("payment.get", {"payment": "1MADEUP"})
    assert caught.value.code == "unauthorised"
    assert "not-the-secret-at-all" not in f"{caught.value} {caught.value.details}"


def test_planted_secret_never_shows_in_an_output(desk, paypal):
    payment = paid(desk, paypal)
    paypal.orders[payment]["purchase_units"][0]["custom_id"] = f'{{"m":{{"note":"{paypal.client_secret}"}}}}'
    assert paypal.client_secret not in str(desk.run("payment.get", {"payment": payment}))


# Deliveries.


def test_delivery_is_asked_for_again_when_paypal_cannot_be_asked(desk, paypal):
    paid(desk, paypal)
    webhook = paypal.webhooks(HOOK)[-1]
    paypal.treat(DOWN)
    with pytest.raises(TransientError):
        told(desk, paypal, webhook)
    assert types(told(desk, paypal, webhook)) == ["payment.succeeded"]


def test_event_of_an_order_that_paypal_forgot_is_told_by_what_it_says(desk, paypal):
    payment = paid(desk, paypal, order="o_1")
    paypal.orders.clear()
    event = told(desk, paypal)[-1]
    assert (event.type, event.data["payment"], event.data["order"]) == ("payment.succeeded", payment, "o_1")


def test_approval_that_went_back_is_a_failed_payment_while_its_order_is_known(desk, paypal):
    payment = hosted(desk, order="o_1")
    reversal = {"order_id": payment, "purchase_units": [{"reference_id": "default"}], "payment_source": {"ideal": {}}}
    paypal.tell("CHECKOUT.PAYMENT-APPROVAL.REVERSED", "checkout-order", reversal)
    (event,) = told(desk, paypal)
    assert (event.type, event.source_id, event.data["order"]) == ("payment.failed", f"payment.failed:{payment}", "o_1")
    paypal.orders.clear()
    paypal.tell("CHECKOUT.PAYMENT-APPROVAL.REVERSED", "checkout-order", reversal)
    assert told(desk, paypal) == []


def test_denied_batch_names_its_receiver(desk, paypal):
    made = desk.run("payout.create", {"provider": "prv_2", "to": {"email": "grace@example.com"}, "amount": EUR})
    header = {
        "payout_batch_id": made["payout"],
        "batch_status": "DENIED",
        "amount": {"currency": "EUR", "value": "19.99"},
    }
    paypal.tell("PAYMENT.PAYOUTSBATCH.DENIED", "payouts", {"batch_header": header}, version="1.0")
    (event,) = told(desk, paypal)
    assert (event.type, event.data["provider"]) == ("payout.failed", "prv_2")


@pytest.mark.parametrize("change", ["body", "webhook_id", "signature"])
def test_paypal_itself_refuses_what_is_not_its_own(desk, paypal, change):
    asking = desk.with_settings(webhook_verification="api")
    paid(asking, paypal)
    webhook = paypal.webhooks(HOOK)[-1]
    if change == "body":
        webhook = replace(webhook, body=webhook.body.replace(b"19.99", b"91.99"))
    if change == "signature":
        webhook = replace(webhook, headers={**webhook.headers, "paypal-transmission-sig": "bWFkZSB1cA=="})
    if change == "webhook_id":
        asking = asking.with_settings(webhook_id="OTHER1")
    with pytest.raises(SignatureError) as caught:
        told(asking, paypal, webhook)
    assert caught.value.code == "bad_signature"


def test_delivery_that_is_still_to_be_proved_maps_to_nothing(desk, paypal):
    asking = desk.with_settings(webhook_verification="api")
    paid(asking, paypal)
    webhook = paypal.webhooks(HOOK)[-1]
    reception = asking.receive(webhook.body, dict(webhook.headers))
    assert reception.events == ()
    assert [asking.connector.map(raw, asking.connection) for raw in reception.pending] == [()]


def test_app_that_may_not_see_disputes_takes_a_reversal_for_the_banks(desk, paypal):
    paid(desk, paypal)
    (capture,) = paypal.captures
    told(desk, paypal)
    paypal.tell("PAYMENT.CAPTURE.REVERSED", "capture", paypal.captures[capture])
    answer = error(403, "PERMISSION_DENIED")
    paypal.moods = Only(paypal, "/disputes")
    paypal.refuse(answer.status, answer.body)
    assert types(told(desk, paypal)) == ["payment.returned"]
