from __future__ import annotations

from datetime import timedelta

import pytest

from hub.connect.api import Endpoint
from hub.errors import ConfigError, PermanentError
from tests.contract.desk import NOW
from tests.contract.paypal_steps import (
    ADA,
    HOOK,
    RETURN,
    desk_of,
    hosted,
    paid,
    part,
    plan,
    running,
    told,
    types,
)
from tests.fakes.fake_paypal import FakePayPal


@pytest.fixture
def paypal():
    with FakePayPal().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(paypal, registry, outbound):
    return desk_of(paypal, registry, outbound)


# Plans and subscriptions.


def test_plan_is_made_renamed_repriced_and_closed(desk, paypal):
    made = plan(desk, trial_days=14, cycles=12, options={"setup_fee": part(500)})
    assert made["interval"] == {"unit": "month", "count": 1}
    stored = paypal.plans[made["plan"]]
    assert [one["tenure_type"] for one in stored["billing_cycles"]] == ["TRIAL", "REGULAR"]
    assert stored["payment_preferences"]["setup_fee"]["value"] == "5.00"
    renamed = desk.run("plan.update", {"plan": made["plan"], "name": "Gold plus"}, key="u1")
    assert (renamed["plan"], stored["name"]) == (made["plan"], "Gold plus")
    moved = desk.run("plan.update", {"plan": made["plan"], "price": part(2500), "existing": "move"}, key="u2")
    assert (moved["plan"], moved["price"]) == (made["plan"], part(2500))
    replaced = desk.run("plan.update", {"plan": made["plan"], "price": part(3000)}, key="u3")
    assert (replaced["replaced"], replaced["price"]) == (made["plan"], part(3000))
    assert paypal.plans[replaced["plan"]]["product_id"] == stored["product_id"]
    assert stored["status"] == "INACTIVE"
    assert desk.run("plan.cancel", {"plan": replaced["plan"]}, key="x")["status"] == "retired"
    assert desk.run("plan.cancel", {"plan": replaced["plan"]}, key="x")["status"] == "retired"
    kinds = ["plan.created", "plan.updated", "plan.updated", "plan.created", "plan.cancelled", "plan.cancelled"]
    assert types(told(desk, paypal)) == kinds


@pytest.mark.parametrize("wrong", [{"interval": {"unit": "year", "count": 2}}, {"trial_days": 400}])
def test_plan_that_paypal_cannot_keep_is_refused_before(desk, paypal, wrong):
    with pytest.raises(PermanentError) as caught:
        plan(desk, **wrong)
    assert caught.value.code == "bad_input"
    assert paypal.products == {}


def test_subscription_starts_when_the_payer_agrees_and_is_told_once(desk, paypal):
    given = {"plan": plan(desk)["plan"], "order": "member_9", "customer": ADA, "quantity": 2, **RETURN}
    made = desk.run("subscription.create", given, key="s")
    assert made["status"] == "pending"
    assert "ba_token" in made["checkout_url"]
    paypal.pay(made["subscription"])
    events = [event for event in told(desk, paypal) if not event.type.startswith("plan.")]
    assert types(events) == ["subscription.started", "payment.succeeded", "subscription.started"]
    assert events[0].source_id == events[2].source_id == f"subscription.started:{made['subscription']}"
    assert events[2].data["plan"] == given["plan"]
    assert events[1].data["subscription"] == made["subscription"]
    assert {event.data["order"] for event in events} == {"member_9"}
    assert {event.data["customer"]["email"] for event in events} == {"ada@example.com"}


def test_subscription_renews_with_its_payment(desk, paypal):
    subscription = running(desk, paypal, order="member_9")
    told(desk, paypal)
    sale = paypal.renew(subscription)
    events = told(desk, paypal)
    assert types(events) == ["payment.succeeded", "subscription.renewed"]
    assert events[1].source_id == f"subscription.renewed:{sale}"
    assert events[1].data["payment"] == events[0].data["payment"] == sale
    refunded = desk.run("payment.refund", {"payment": sale, "amount": part(999)}, key="r")
    assert (refunded["payment"], refunded["status"]) == (sale, "issued")
    assert told(desk, paypal)[0].data["payment"] == sale
    assert desk.run("payment.get", {"payment": sale})["status"] == "partially_refunded"


def test_subscription_begins_later_where_it_has_free_days(desk, paypal):
    made = desk.run("subscription.create", {"plan": plan(desk)["plan"], "trial_days": 30, **RETURN}, key="s")
    assert paypal.subscriptions[made["subscription"]]["start_time"] == "2026-12-23T09:00:00Z"


def test_subscription_in_a_form_of_ours(desk):
    given = {"plan": plan(desk)["plan"], "presentation": "embedded", **RETURN}
    made = desk.run("subscription.create", given, key="s")
    assert made["client"]["subscription"] == made["subscription"]
    assert "intent=subscription" in made["client"]["script_url"]


def test_subscription_lives_through_its_states(desk, paypal):
    reference = {"subscription": running(desk, paypal)}
    assert desk.run("subscription.pause", {**reference, "reason": "Holiday"}, key="p")["status"] == "paused"
    assert desk.run("subscription.pause", reference, key="p")["status"] == "paused"
    assert desk.run("subscription.resume", reference, key="r")["status"] == "active"
    changed = desk.run("subscription.update", {**reference, "quantity": 3, "metadata": {"seat": "4"}}, key="u")
    assert "ba_token" in changed["checkout_url"]
    assert paypal.subscriptions[reference["subscription"]]["revised"]["quantity"] == "3"
    ended = desk.run("subscription.cancel", {**reference, "reason": "Moved away"}, key="c")
    assert (ended["status"], ended["cancel_at"]) == ("cancelling", "2026-12-23T10:00:00Z")
    assert desk.run("subscription.cancel", reference, key="c")["status"] == "cancelling"
    events = told(desk, paypal)
    assert types(events)[-3:] == ["subscription.paused", "subscription.resumed", "subscription.cancelled"]
    assert events[-1].data["cancel_at"] == "2026-12-23T10:00:00Z"


def test_subscription_cancelled_now_ends_now(desk, paypal):
    given = {"subscription": running(desk, paypal), "at": "now"}
    assert desk.run("subscription.cancel", given, key="c")["status"] == "cancelled"
    assert told(desk, paypal)[-1].data["cancel_at"] == "2026-11-23T09:00:00Z"


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("subscription.create", {"plan": "P-1", "method": "m1"}),
        ("subscription.update", {"subscription": "I-1", "method": "m1"}),
        ("subscription.update", {"subscription": "I-1", "quantity": 2, "prorate": "now"}),
        ("subscription.pause", {"subscription": "I-1", "until": "2026-12-01T00:00:00Z"}),
        ("dispute.answer", {"dispute": "PP-1", "submit": False}),
    ],
)
def test_what_paypal_cannot_do_is_said_before(desk, paypal, action, more):
    with pytest.raises(PermanentError):
        desk.run(action, more)
    assert paypal.received == []


# Payouts.


def test_payout_goes_out_and_is_told(desk, paypal):
    given = {
        "provider": "prv_2",
        "amount": part(19920),
        "to": {"email": "grace@example.com"},
        "metadata": {"job": "job_12"},
    }
    made = desk.run("payout.create", given)
    assert made["status"] == "queued"
    assert paypal.batches[made["payout"]]["item"]["receiver"] == "grace@example.com"
    paypal.end_payout(made["payout"], "SUCCESS")
    seen = desk.run("payout.get", {"payout": made["payout"]})
    assert (seen["status"], seen["provider"], seen["fee"]) == ("paid", "prv_2", part(35))
    assert desk.run("payout.get", {"payout": f"{made['payout']}I"})["payout"] == made["payout"]
    (event,) = told(desk, paypal)
    assert (event.type, event.source_id) == ("payout.paid", f"payout.paid:{made['payout']}")
    assert (event.data["provider"], event.data["job"]) == ("prv_2", "job_12")


def test_failed_payout_says_why(desk, paypal):
    made = desk.run("payout.create", {"provider": "grace@example.com", "amount": part(500)})
    paypal.end_payout(made["payout"], "FAILED")
    seen = desk.run("payout.get", {"payout": made["payout"]})
    assert (seen["status"], seen["gateway"]["code"]) == ("failed", "RECEIVER_UNREGISTERED")
    assert told(desk, paypal)[0].data["reason"] == "receiver_unregistered"


def test_payout_needs_somebody_whom_paypal_can_find(desk):
    for wrong in ({"provider": "prv_2"}, {"provider": "prv_2", "to": {"iban": "DE00"}}):
        with pytest.raises(PermanentError) as caught:
            desk.run("payout.create", {"amount": part(500), **wrong})
        assert caught.value.code == "invalid_recipient"
    assert desk.run("payout.create", {"provider": "+4915112345678", "amount": part(500)}, key="phone")["payout"]
    assert desk.run("payout.create", {"provider": "QYR5Z8XDVJNXQ", "amount": part(500)}, key="id")["payout"]


# Disputes.


def test_dispute_is_answered_with_evidence(desk, paypal):
    payment = paid(desk, paypal, order="o_1")
    (capture,) = paypal.captures
    dispute = paypal.dispute(capture, {"currency_code": "EUR", "value": "9.99"})
    opened = told(desk, paypal)[-1]
    assert (opened.type, opened.data["payment"], opened.data["order"]) == ("dispute.opened", payment, "o_1")
    assert opened.data["due_at"] == "2026-12-07T23:59:59Z"
    evidence = {"carrier_name": "DHL", "tracking_number": "T1", "note": "It was delivered."}
    answered = desk.run("dispute.answer", {"dispute": dispute, "evidence": evidence}, key="a")
    assert answered["status"] == "answered"
    (_, what, sent) = paypal.answers[0]
    assert what == "provide-evidence"
    assert sent["evidences"][0]["evidence_info"]["tracking_info"] == [{"carrier_name": "DHL", "tracking_number": "T1"}]
    assert sent["evidences"][0]["notes"] == "It was delivered."
    paypal.resolve(dispute, "RESOLVED_BUYER_FAVOUR")
    closed = told(desk, paypal)[-1]
    assert (closed.source_id, closed.data["outcome"]) == (f"dispute.closed:{dispute}:lost", "lost")
    desk.run("dispute.answer", {"dispute": dispute, "evidence": {"refund_id": "R1"}}, key="b")
    assert paypal.answers[1][1] == "appeal"
    paypal.resolve(dispute, "RESOLVED_SELLER_FAVOUR")
    appealed = told(desk, paypal)[-1]
    assert (appealed.source_id, appealed.data["outcome"]) == (f"dispute.closed:{dispute}:won", "won")


def test_dispute_is_accepted(desk, paypal):
    paid(desk, paypal)
    dispute = paypal.dispute(next(iter(paypal.captures)), {"currency_code": "EUR", "value": "9.99"})
    assert desk.run("dispute.answer", {"dispute": dispute, "accept": True}, key="a")["status"] == "accepted"
    assert paypal.answers[0][1] == "accept-claim"
    with pytest.raises(PermanentError) as caught:
        desk.run("dispute.answer", {"dispute": dispute, "evidence": {"note": "x"}}, key="b")
    assert caught.value.code == "wrong_state"


@pytest.mark.parametrize("evidence", [{}, {"carrier_name": "DHL"}])
def test_answer_without_its_evidence_is_refused(desk, paypal, evidence):
    paid(desk, paypal)
    dispute = paypal.dispute(next(iter(paypal.captures)), {"currency_code": "EUR", "value": "9.99"})
    with pytest.raises(PermanentError) as caught:
        desk.run("dispute.answer", {"dispute": dispute, "evidence": evidence}, key="a")
    assert caught.value.code == "bad_input"


def test_reversal_is_the_disputes_news_or_the_banks(desk, paypal):
    payment = paid(desk, paypal)
    (capture,) = paypal.captures
    told(desk, paypal)
    paypal.tell("PAYMENT.CAPTURE.REVERSED", "capture", paypal.captures[capture])
    (returned,) = told(desk, paypal)
    assert (returned.type, returned.source_id) == ("payment.returned", f"payment.returned:{payment}")
    dispute = paypal.dispute(capture, {"currency_code": "EUR", "value": "19.99"})
    paypal.tell("PAYMENT.CAPTURE.REVERSED", "capture", paypal.captures[capture])
    opened = told(desk, paypal)
    assert types(opened) == ["dispute.opened", "dispute.opened"]
    paypal.resolve(dispute, "RESOLVED_BUYER_FAVOUR")
    paypal.tell("PAYMENT.CAPTURE.REVERSED", "capture", paypal.captures[capture])
    closed = told(desk, paypal)
    assert types(closed) == ["dispute.closed", "dispute.closed"]
    assert len({event.source_id for event in (*opened, *closed)}) == 2


# Webhooks, and what they did not bring.


def test_webhook_is_registered_for_what_paypal_offers(desk, paypal):
    endpoints = desk.connector.code.endpoints
    made = endpoints.create(desk.call(), HOOK)
    assert made.settings == {"webhook_id": made.id}
    assert {"PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.APPROVED"} <= set(made.events)
    assert endpoints.create(desk.call(key="again"), HOOK) == made
    assert endpoints.list(desk.call()) == (made,)
    paypal.hooks[made.id]["event_types"] = [{"name": "*"}]
    assert endpoints.list(desk.call())[0].events == ()
    assert endpoints.enable(desk.call(), made.id) == made
    endpoints.delete(desk.call(), made.id)
    endpoints.delete(desk.call(), made.id)
    assert paypal.hooks == {}
    assert isinstance(made, Endpoint)


def test_registered_webhook_is_proved_by_its_id(desk, paypal):
    made = desk.connector.code.endpoints.create(desk.call(), HOOK)
    ours = desk.with_settings(**made.settings)
    paid(ours, paypal)
    assert types(told(ours, paypal)) == ["payment.pending", "payment.succeeded"]


def test_paypal_itself_proves_deliveries_where_the_connection_says_so(desk, paypal):
    asking = desk.with_settings(webhook_verification="api")
    paid(asking, paypal, order="ö_1")
    assert types(told(asking, paypal)) == ["payment.pending", "payment.succeeded"]
    assert paypal.count("POST", "/verify-webhook-signature") == 2


def test_polling_gives_what_webhooks_lost_and_once(desk, paypal):
    first = desk.connector.poll(desk.call(), None)
    assert first.events == ()
    for number in range(25):
        paypal.tell("BILLING.PLAN.UPDATED", "plan", {"id": f"P-{number}", "name": "Gold"})
    polled = desk.connector.poll(desk.call(now=NOW + timedelta(minutes=15)), first.cursor)
    assert [raw.id for raw in polled.events] == [event["id"] for event in paypal.events]
    assert polled.cursor == {"events": "2026-11-23T09:15:00Z", "payments": "2026-11-23T09:00:00Z"}


def test_polling_of_a_flood_goes_on_where_it_stopped(desk, paypal, monkeypatch):
    monkeypatch.setattr("connectors.paypal.polling.PAGES_A_POLL", 2)
    cursor = desk.connector.poll(desk.call(), None).cursor
    for number in range(35):
        paypal.tell("BILLING.PLAN.UPDATED", "plan", {"id": f"P-{number}", "name": "Gold"})
    seen = set()
    for _ in range(2):
        polled = desk.connector.poll(desk.call(now=NOW + timedelta(minutes=15)), cursor)
        seen |= {raw.id for raw in polled.events}
        cursor = polled.cursor
    assert len(seen) == 35
    assert "page" not in cursor


def test_renewal_that_paypal_told_nobody_is_found_among_the_activities(desk, paypal):
    subscription = running(desk, paypal)
    told(desk, paypal)
    events = list(paypal.events)
    sale = paypal.renew(subscription, told=False)
    assert paypal.events == events
    later = NOW + timedelta(days=30)
    cursor = {"events": later.isoformat(), "payments": (later - timedelta(hours=13)).isoformat()}
    polled = desk.connector.poll(desk.call(now=later), cursor)
    found = [raw for raw in polled.events if raw.id == f"transaction-{sale}"]
    mapped = desk.connector.map(desk.connector.enrich(found[0], desk.call()), desk.connection)
    assert [event.source_id for event in mapped] == [f"payment.succeeded:{sale}", f"subscription.renewed:{sale}"]
    assert mapped[1].data["subscription"] == subscription
    assert polled.cursor["payments"] == "2026-12-23T09:00:00Z"


def test_app_that_may_not_search_polls_events_alone(desk, paypal):
    paypal.searches = False
    cursor = {"events": NOW.isoformat(), "payments": (NOW - timedelta(hours=13)).isoformat()}
    assert desk.connector.poll(desk.call(), cursor).events == ()


# The rest.


def test_token_is_fetched_once_for_many_calls(desk, paypal):
    for number in range(3):
        hosted(desk, key=f"k{number}")
    assert paypal.count("POST", "/v1/oauth2/token") <= 1


def test_test_button_says_mode_and_webhook(desk, paypal):
    assert "knows no webhook" in desk.connector.test(desk.call())
    made = desk.connector.code.endpoints.create(desk.call(), HOOK)
    ours = desk.with_settings(**made.settings)
    assert (
        ours.connector.test(ours.call())
        == "PayPal accepts the credentials (sandbox: no real money). The webhook is registered."
    )
    bare = desk.with_settings(webhook_id=None)
    assert "No webhook is registered" in bare.connector.test(bare.call())


def test_request_calls_anything_signed_in(desk, paypal):
    body = {"name": "Lamp", "type": "PHYSICAL"}
    output = desk.run("request", {"method": "POST", "path": "/v1/catalogs/products", "body": body})
    assert output["status"] == 201
    assert paypal.products[output["body"]["id"]]["name"] == "Lamp"
    with pytest.raises(PermanentError) as caught:
        desk.run("request", {"path": "/v1/../../elsewhere"})
    assert caught.value.code == "bad_input"


def test_connection_without_its_secret_says_where_to_enter_it(desk):
    desk.connection = type(desk.connection)("paypal-main", "paypal", desk.connection.settings, {})
    with pytest.raises(ConfigError, match="client_secret"):
        desk.run("payment.get", {"payment": "x"})
