from __future__ import annotations

from datetime import timedelta

import pytest

from hub.errors import ConfigError, PermanentError
from tests.contract.visa_steps import PART, STORED, USD, desk_of, paid, plan, polled, running, told, types
from tests.fakes.fake_visa import FakeVisa
from tests.fakes.visa_books import card_in_vault


@pytest.fixture
def visa():
    with FakeVisa().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(visa, registry, outbound):
    return desk_of(visa, registry, outbound)


# Plans and subscriptions.


def test_plan_is_made_changed_and_retired(desk, visa):
    made = plan(desk, cycles=12, trial_days=7)
    booked = visa.plans[made["plan"]]
    assert booked["planInformation"]["billingPeriod"] == {"length": "1", "unit": "M"}
    assert booked["planInformation"]["billingCycles"] == {"total": "12"}
    assert booked["orderInformation"]["amountDetails"] == {"currency": "EUR", "billingAmount": "19.00"}
    dearer = {
        "plan": made["plan"],
        "name": "Gold plus",
        "price": {"minor": 2500, "currency": "EUR"},
        "existing": "move",
    }
    changed = desk.run("plan.update", dearer, key="u")
    assert (changed["plan"], changed["price"]["minor"]) == (made["plan"], 2500)
    assert booked["processingInformation"]["subscriptionBillingOptions"] == {"applyTo": "ALL"}
    with pytest.raises(PermanentError, match="currency"):
        desk.run("plan.update", {"plan": made["plan"], "price": USD}, key="bad")
    assert desk.run("plan.cancel", {"plan": made["plan"]}, key="x")["status"] == "retired"
    assert desk.run("plan.cancel", {"plan": made["plan"]}, key="y")["status"] == "retired"


def test_subscription_begins_after_the_plans_free_days(desk, visa):
    made = plan(desk, trial_days=7)
    output = desk.run(
        "subscription.create", {"plan": made["plan"], "method": "TOKENMADEUP0001", "quantity": 2}, key="s"
    )
    booked = visa.subscriptions[output["subscription"]]
    assert booked["subscriptionInformation"]["startDate"] == "2026-11-30"
    assert booked["paymentInformation"]["customer"] == {"id": "TOKENMADEUP0001"}
    assert booked["orderInformation"]["amountDetails"]["billingAmount"] == "38.00"
    with pytest.raises(PermanentError) as caught:
        desk.run("subscription.create", {"plan": made["plan"]}, key="bare")
    assert caught.value.code == "method_unavailable"


def test_subscription_lives_through_its_states(desk, visa):
    reference = {"subscription": running(desk)["subscription"]}
    for _ in range(2):
        assert desk.run("subscription.pause", reference, key="p")["status"] == "paused"
    assert visa.count("POST", "/suspend") == 1
    assert desk.run("subscription.resume", reference, key="r")["status"] == "active"
    assert any(one.query == "processMissedPayments=false" for one in visa.received)
    desk.run("subscription.update", {**reference, "quantity": 3}, key="u")
    booked = visa.subscriptions[reference["subscription"]]
    assert booked["orderInformation"]["amountDetails"]["billingAmount"] == "57.00"
    assert desk.run("subscription.cancel", reference, key="c1")["status"] == "cancelling"
    assert booked["planInformation"]["billingCycles"]["total"] == "1"
    assert desk.run("subscription.cancel", {**reference, "at": "now"}, key="c2")["status"] == "cancelled"
    assert desk.run("subscription.cancel", {**reference, "at": "now"}, key="c3")["status"] == "cancelled"


def cards_of(visa):
    return [(one["instrumentIdentifier"]["id"], one["default"]) for one in visa.cards["TOKENMADEUP0001"]]


def test_another_card_is_put_into_the_customer_token_once_and_charged_from_then_on(desk, visa):
    reference = {"subscription": running(desk)["subscription"]}
    visa.saved = 1
    other = visa.save_card()
    for key in ("u1", "u2"):
        desk.run("subscription.update", {**reference, "method": f"{other}/7950000000000000000001"}, key=key)
    assert cards_of(visa) == [("IDENTIFIER0001", False), ("IDENTIFIER0002", True)]
    assert visa.cards["TOKENMADEUP0001"][1]["card"]["expirationYear"] == "2032"


def test_a_card_that_the_token_has_already_becomes_its_default_again(desk, visa):
    reference = {"subscription": running(desk)["subscription"]}
    visa.saved = 1
    desk.run("subscription.update", {**reference, "method": visa.save_card()}, key="u1")
    visa.cards["TOKENMADEUP0009"] = [card_in_vault(1)]
    desk.run("subscription.update", {**reference, "method": "TOKENMADEUP0009"}, key="u2")
    assert cards_of(visa) == [("IDENTIFIER0001", True), ("IDENTIFIER0002", False)]


def test_its_own_token_and_an_empty_one_change_nothing(desk, visa):
    reference = {"subscription": running(desk)["subscription"]}
    desk.run("subscription.update", {**reference, "method": "TOKENMADEUP0001"}, key="same")
    assert cards_of(visa) == [("IDENTIFIER0001", True)]
    visa.cards["TOKENMADEUP0008"] = []
    with pytest.raises(PermanentError) as caught:
        desk.run("subscription.update", {**reference, "method": "TOKENMADEUP0008"}, key="empty")
    assert caught.value.code == "method_unavailable"
    assert cards_of(visa) == [("IDENTIFIER0001", True)]


@pytest.mark.parametrize(
    ("action", "given"),
    [
        ("subscription.update", {"quantity": 2, "prorate": "now"}),
        ("subscription.pause", {"until": "2026-12-01T00:00:00Z"}),
    ],
)
def test_what_visa_cannot_do_to_a_subscription_is_refused(desk, action, given):
    reference = running(desk)["subscription"]
    with pytest.raises(PermanentError) as caught:
        desk.run(action, {"subscription": reference, **given}, key="u")
    assert caught.value.code == "invalid_request"


def test_charge_of_a_subscription_is_told_with_its_plan_and_price(desk, visa):
    made = running(desk, order="o_9")
    data = {"id": made["subscription"], "transactionId": "7950000000000000009999"}
    visa.tell("rbs.subscriptions.charge.created", data)
    visa.tell("rbs.subscriptions.charge.failed", {**data, "errorInformation": {"reason": "INSUFFICIENT_FUND"}})
    renewed, failed = told(desk, visa)
    assert (renewed.type, renewed.data["plan"], renewed.data["order"]) == ("subscription.renewed", made["plan"], "o_9")
    assert renewed.data["amount"] == {"minor": 1900, "currency": "EUR"}
    assert (failed.type, failed.data["reason"]) == ("subscription.payment_failed", "INSUFFICIENT_FUND")


# Payouts, polling, the rest.


def test_payout_goes_to_a_stored_card_and_is_found_by_the_poll(desk, visa):
    given = {
        "amount": USD,
        "provider": "prv_2",
        "to": {"card": "TOKENMADEUP0002", "first_name": "Ben", "last_name": "Hall"},
    }
    output = desk.run("payout.create", given)
    assert (output["status"], output["amount"]) == ("paid", USD)
    sent = next(one for one in visa.received if one.path == "/pts/v2/payouts").json()
    assert sent["senderInformation"]["account"] == {"fundsSource": "05"}
    assert sent["recipientInformation"] == {"firstName": "Ben", "lastName": "Hall"}
    assert desk.run("payout.get", {"payout": output["payout"]})["provider"] == "prv_2"
    events, _ = polled(desk, {"since": "2026-11-23T09:00:00Z"}, now=_later(visa))
    assert [(event.type, event.data["provider"]) for event in events] == [("payout.paid", "prv_2")]


def test_payout_without_a_card_or_a_sender_is_refused(desk, visa, registry, outbound):
    with pytest.raises(PermanentError) as caught:
        desk.run("payout.create", {"amount": USD, "provider": "prv_2"})
    assert caught.value.code == "invalid_recipient"
    bare = desk_of(visa, registry, outbound, business_name=None)
    with pytest.raises(ConfigError, match="business_name"):
        bare.run("payout.create", {"amount": USD, "provider": "prv_2", "to": {"card": "TOKENMADEUP0002"}})


def test_poll_and_webhooks_tell_the_same_facts(desk, visa):
    payment = paid(desk, visa, capture="manual")["payment"]
    desk.run("payment.capture", {"payment": payment}, key="c")
    desk.run("payment.refund", {"payment": payment, "amount": PART}, key="r")
    stored = desk.run("payment.create", {**STORED, "capture": "manual"}, key="held")["payment"]
    desk.run("payment.void", {"payment": stored}, key="v")
    with pytest.raises(PermanentError):
        desk.run("payment.create", {**STORED, "method": "TOKENNOFUNDS"}, key="no")
    by_webhook = {event.source_id: event for event in told(desk, visa)}
    events, cursor = polled(desk, {"since": "2026-11-23T09:00:00Z"}, now=_later(visa))
    by_poll = {event.source_id: event for event in events}
    assert by_poll.keys() == by_webhook.keys()
    for source, event in by_webhook.items():
        for name in ("payment", "amount", "order", "reason"):
            assert by_poll[source].data.get(name) == event.data.get(name), (source, name)
    assert cursor == {"since": "2026-11-23T10:00:00Z"}
    assert desk.connector.poll(desk.call(), None).events == ()


def test_poll_finds_debits_and_chargebacks(desk, visa):
    order = {"amountDetails": {"totalAmount": "10.00", "currency": "USD"}}
    made = visa.book("ics_ecp_debit", {"clientReferenceInformation": {"code": "their-1"}, "orderInformation": order})
    row = {"requestId": made["id"], "merchantReferenceNumber": "their-1", "amount": "10.00", "currencyCode": "USD"}
    more = {
        "sign": "-",
        "action": "Chargeback",
        "trackingNumber": "CB1",
        "time": "2026-11-23T09:10:00Z",
        "reasonCode": "13.1",
    }
    visa.chargebacks.append({**row, **more})
    events, _ = polled(desk, {"since": "2026-11-23T09:00:00Z"}, now=_later(visa))
    assert types(events) == ["payment.pending", "dispute.opened"]
    assert events[1].data["payment"] == made["id"]
    made["processorInformation"] = {"eventStatus": "SETTLED"}
    assert types(polled(desk, {"since": "2026-11-23T09:00:00Z"}, now=_later(visa))[0])[0] == "payment.succeeded"
    assert desk.run("payment.get", {"payment": made["id"]})["status"] == "succeeded"
    made["processorInformation"] = {"eventStatus": "FAILED"}
    assert desk.run("payment.get", {"payment": made["id"]})["status"] == "failed"


def _later(visa, hours=1):
    return visa.now + timedelta(hours=hours)
