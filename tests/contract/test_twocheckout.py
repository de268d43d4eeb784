from __future__ import annotations

import hashlib
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from hub.errors import PermanentError
from tests.contract.twocheckout_steps import (
    ADA,
    EUR,
    PART,
    RETURN,
    begun,
    desk_of,
    mapped,
    paid,
    plan,
    running,
    told,
    types,
)
from tests.fakes.fake_twocheckout import FakeTwoCheckout


@pytest.fixture
def fake():
    with FakeTwoCheckout().running() as one:
        yield one
    assert one.complaints == []


@pytest.fixture
def desk(fake, registry, outbound):
    return desk_of(fake, registry, outbound)


# Payments.


def test_hosted_payment_is_a_signed_link_that_carries_amount_and_references(desk, fake):
    made = begun(desk, description="Lamp; and shade", metadata={"shop": "1"}, link="lnk_15")
    assert fake.visit(made["checkout_url"]) == made["payment"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(made["checkout_url"]).query).items()}
    assert (asked["price"], asked["currency"], asked["prod"]) == ("19.99", "EUR", "Lamp, and shade")
    assert (asked["return-url"], asked["email"]) == (RETURN["return_url"], "ada@example.com")
    assert asked["item-ext-ref"] == "order=o_77&link=lnk_15&m.shop=1"
    assert (made["status"], made["amount"]) == ("created", EUR)
    assert "test" not in asked


def test_link_expires_when_the_step_says_so(desk, fake):
    made = begun(desk, expires_at="2026-11-24T09:00:00Z")
    assert "expiration=1795510800" in made["checkout_url"]
    assert made["expires_at"] == "2026-11-24T09:00:00Z"


def test_yen_are_sent_without_decimals(desk, fake):
    made = begun(desk, amount={"minor": 500, "currency": "JPY"})
    assert "price=500&" in made["checkout_url"]


def test_page_that_nobody_paid_on_is_a_payment_that_was_created(desk):
    payment = begun(desk)["payment"]
    assert desk.run("payment.get", {"payment": payment})["status"] == "created"
    assert desk.run("payment.complete", {"payment": payment})["status"] == "created"


def test_return_of_the_payer_is_proved_and_names_the_order(desk, fake):
    payment = begun(desk, metadata={"shop": "1"})["payment"]
    parameters = fake.pay(payment)
    done = desk.run("payment.complete", {"payment": payment, "parameters": parameters})
    assert (done["payment"], done["status"], done["amount"]) == (parameters["refno"], "succeeded", EUR)
    assert done["gateway"]["checkout"] == payment
    assert done["metadata"] == {"shop": "1"}
    assert done["method"] == {"kind": "card", "brand": "visa", "last4": "4242"}
    assert done["customer"]["email"] == "ada@example.com"
    again = desk.run("payment.complete", {"payment": payment, "parameters": parameters})
    assert again == done == desk.run("payment.get", {"payment": payment})


def test_return_with_a_false_signature_is_looked_up_by_our_own_reference(desk, fake):
    payment = begun(desk)["payment"]
    parameters = fake.pay(payment)
    done = desk.run("payment.complete", {"payment": payment, "parameters": {**parameters, "signature": "00"}})
    assert done["payment"] == parameters["refno"]


def test_return_that_names_somebody_elses_order_is_refused(desk, fake):
    other = fake.pay(begun(desk, key="other")["payment"])
    payment = begun(desk, key="mine")["payment"]
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.complete", {"payment": payment, "parameters": {"refno": other["refno"]}})
    assert caught.value.code == "bad_return"
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.complete", {"payment": payment, "parameters": other})
    assert caught.value.code == "bad_return"


def test_one_payment_is_told_once_by_notifications_and_by_the_return(desk, fake):
    done = paid(desk, fake, metadata={"shop": "1"})
    events = told(desk, fake)
    assert types(events) == ["payment.pending", "payment.authorized", "payment.succeeded"]
    assert {event.source_id for event in events} >= {f"payment.succeeded:{done['payment']}"}
    succeeded = events[-1].data
    assert (succeeded["payment"], succeeded["order"], succeeded["amount"]) == (done["payment"], "o_77", EUR)
    assert succeeded["metadata"] == {"shop": "1"}
    assert succeeded["gateway"]["checkout"] == done["gateway"]["checkout"]
    assert succeeded["customer"]["name"] == "Ada Lovelace"
    assert events[-1].time.isoformat() == "2026-11-23T07:00:00+00:00"


def test_second_payment_on_one_page_is_another_payment(desk, fake):
    payment = begun(desk)["payment"]
    numbers = {fake.pay(payment)["refno"], fake.pay(payment)["refno"]}
    succeeded = [event for event in told(desk, fake) if event.type == "payment.succeeded"]
    assert {event.data["payment"] for event in succeeded} == numbers


def test_refused_payment_fails_and_a_reversed_one_is_voided(desk, fake):
    payment = begun(desk)["payment"]
    fake.decline(payment)
    assert desk.run("payment.get", {"payment": payment})["status"] == "failed"
    assert types(told(desk, fake)) == ["payment.pending", "payment.failed"]
    number = fake.pay(payment, status="AUTHRECEIVED")["refno"]
    assert desk.run("payment.get", {"payment": payment})["status"] == "authorized"
    fake.advance(number, "REVERSED")
    assert desk.run("payment.get", {"payment": number})["status"] == "voided"
    assert types(told(desk, fake))[-1] == "payment.voided"


def test_order_that_the_fraud_review_denied_has_failed(desk, fake):
    payment = begun(desk)["payment"]
    number = fake.pay(payment, status="AUTHRECEIVED")["refno"]
    fake.orders[number]["ApproveStatus"] = "FRAUD"
    fake.notify(fake.orders[number])
    got = desk.run("payment.get", {"payment": number})
    assert (got["status"], got["reason"]) == ("failed", "fraud_review")
    assert told(desk, fake)[-1].data["reason"] == "fraud_review"


def test_embedded_payment_and_form_give_a_signed_cart(desk, fake):
    for key, action, more in (("a", "payment.create", {"presentation": "embedded"}), ("b", "form.embed", {})):
        made = desk.run(action, {"amount": EUR, "order": "o_77", "customer": ADA, **RETURN, **more}, key=key)
        client = made["client"]
        assert (client["kind"], client["merchant"]) == ("twocheckout.inline", fake.code)
        assert client["products"][0]["price"] == "19.99"
        assert client["signature"] == fake._signature(fake.pages[made["payment"]])
        assert client["reference"] == made["payment"]
        assert made["origins"] == [fake.url]
        assert made["script_url"] == f"{fake.url}/checkout/client/twoCoInlineCart.js"
        number = fake.pay(made["payment"])["refno"]
        done = desk.run("payment.complete", {"payment": made["payment"], "parameters": {"refno": number}})
        assert done["status"] == "succeeded"
        (succeeded,) = [event for event in told(desk, fake) if event.type == "payment.succeeded"]
        assert (succeeded.data["order"], succeeded.data["gateway"]["checkout"]) == ("o_77", made["payment"])


def test_earlier_order_is_a_stored_means(desk, fake):
    stored = paid(desk, fake)["stored_method"]
    given = {"amount": PART, "method": stored, "order": "o_78", "description": "Shade"}
    again = desk.run("payment.create", given, key="again")
    assert (again["status"], again["amount"]) == ("succeeded", PART)
    assert again["payment"] != stored
    item = fake.orders[again["payment"]]["Items"][0]
    assert (item["ProductDetails"]["Name"], item["ExternalReference"]) == ("Shade", "order=o_78")
    product = plan(desk)["plan"]
    sold = desk.run("payment.create", {**given, "options": {"product": product}}, key="catalogue")
    assert fake.orders[sold["payment"]]["Items"][0]["Code"] == product
    fake.decline(begun(desk, key="never")["payment"])
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {**given, "method": list(fake.orders)[-1]}, key="bad")
    assert caught.value.code == "method_unavailable"


@pytest.mark.parametrize("more", [{"capture": "manual"}, {"methods": ["card"]}, {"metadata": {"note": "x" * 260}}])
def test_what_2checkout_cannot_do_is_refused_before_anything_is_sent(desk, fake, more):
    with pytest.raises(PermanentError) as caught:
        begun(desk, **more)
    assert caught.value.code == "bad_input"
    assert fake.received == []


def test_form_refuses_more_references_than_2checkout_signs(desk, fake):
    with pytest.raises(PermanentError, match="carries 75 characters"):
        desk.run("form.embed", {"amount": EUR, "order": "o" * 80, **RETURN})
    bare = desk.with_settings(return_url=None)
    with pytest.raises(PermanentError, match="needs return_url"):
        bare.run("form.embed", {"amount": EUR})


def test_bank_that_asks_the_payer_is_an_address_to_go_to(desk, fake):
    number = fake.pay(begun(desk)["payment"], status="AUTHRECEIVED")["refno"]
    asked = {"Href": "https://secure.2checkout.com/3ds", "Params": {"avng8apitoken": "a b", "x": "1"}}
    fake.orders[number]["PaymentDetails"]["PaymentMethod"]["Authorize3DS"] = asked
    fake.orders[number]["Status"] = "PENDING"
    got = desk.run("payment.get", {"payment": number})
    assert (got["status"], got["checkout_url"]) == (
        "pending",
        "https://secure.2checkout.com/3ds?avng8apitoken=a%20b&x=1",
    )
    asked["Href"] = "javascript:alert(1)"
    assert "checkout_url" not in desk.run("payment.get", {"payment": number})


# Refunds and disputes.


def test_refund_gives_part_back_and_then_all_is_told(desk, fake):
    done = paid(desk, fake)
    told(desk, fake)
    part = desk.run("payment.refund", {"payment": done["payment"], "amount": PART, "reason": "broken"}, key="r1")
    assert (part["status"], part["amount"], part["payment"]) == ("pending", PART, done["payment"])
    (event,) = told(desk, fake)
    assert (event.type, event.data["amount"], event.data["order"]) == ("refund.issued", PART, "o_77")


def test_whole_refund_has_the_same_reference_in_output_and_event(desk, fake):
    done = paid(desk, fake)
    told(desk, fake)
    whole = desk.run("payment.refund", {"payment": done["gateway"]["checkout"], "reason": "duplicate"}, key="r")
    (event,) = told(desk, fake)
    assert event.data["refund"] == whole["refund"] == f"{done['payment']}:total"
    assert event.data["amount"] == EUR
    got = desk.run("payment.get", {"payment": done["payment"]})
    assert (got["status"], got["refunded"]) == ("refunded", EUR)


def test_dispute_is_opened_and_closed_and_is_no_second_payment(desk, fake):
    number = paid(desk, fake)["payment"]
    for resolution in ("OPEN", "LOST"):
        fake.orders[number] |= {"ChargebackResolution": resolution, "ChargebackReasonCode": "NOT_AS_DESCRIBED"}
        fake.notify(fake.orders[number])
    events = told(desk, fake)
    assert types(events)[-2:] == ["dispute.opened", "dispute.closed"]
    assert events[-1].data["outcome"] == "lost"
    assert types(events).count("payment.succeeded") == 1
    assert desk.run("payment.get", {"payment": number})["status"] == "disputed"


# Plans and subscriptions.


def test_plan_is_made_renamed_repriced_and_retired(desk, fake):
    made = plan(desk, cycles=12, description="All doors")
    assert (made["price"], made["interval"], made["status"]) == (
        {"minor": 1900, "currency": "EUR"}, {"unit": "month", "count": 1}, "active",
    )  # fmt: skip
    kept = fake.products[made["plan"]]
    assert kept["SubscriptionInformation"]["ContractPeriod"] == {"Period": 12, "PeriodUnits": "M", "Action": "CANCEL"}
    dearer = {"plan": made["plan"], "name": "Gold plus", "price": {"minor": 2500, "currency": "EUR"}}
    changed = desk.run("plan.update", dearer, key="u")
    assert (changed["plan"], changed["price"]["minor"], kept["ProductName"]) == (made["plan"], 2500, "Gold plus")
    with pytest.raises(PermanentError, match="sold in EUR"):
        desk.run("plan.update", {"plan": made["plan"], "price": {"minor": 2500, "currency": "USD"}}, key="usd")
    assert desk.run("plan.cancel", {"plan": made["plan"]}, key="c")["status"] == "retired"
    assert kept["Enabled"] is False


@pytest.mark.parametrize(
    ("interval", "kept", "told_as"),
    [
        ({"unit": "week", "count": 2}, ("14", "D"), {"unit": "week", "count": 2}),
        ({"unit": "year"}, ("12", "M"), {"unit": "year", "count": 1}),
        ({"unit": "day", "count": 10}, ("10", "D"), {"unit": "day", "count": 10}),
    ],
)
def test_intervals_are_days_or_months_at_2checkout(desk, fake, interval, kept, told_as):
    made = plan(desk, interval=interval)
    cycle = fake.products[made["plan"]]["SubscriptionInformation"]
    assert (cycle["BillingCycle"], cycle["BillingCycleUnits"]) == kept
    assert made["interval"] == told_as


def test_plan_refuses_what_2checkout_has_not(desk):
    for more in ({"trial_days": 7}, {"metadata": {"a": "b"}}, {"interval": {"unit": "year", "count": 4}}):
        with pytest.raises(PermanentError) as caught:
            plan(desk, **more)
        assert caught.value.code == "bad_input"
    made = plan(desk)
    with pytest.raises(PermanentError, match="leaves running subscriptions"):
        desk.run("plan.update", {"plan": made["plan"], "name": "X", "existing": "move"}, key="m")


def test_subscription_begins_on_2checkouts_page(desk, fake):
    made = desk.run("subscription.create", {"plan": plan(desk)["plan"], "order": "o_9", **RETURN}, key="sub")
    assert fake.visit(made["checkout_url"]) == made["subscription"]
    assert "lock=1" in made["checkout_url"]
    assert made["status"] == "pending"
    fake.pay(made["subscription"])
    events = told(desk, fake)
    assert types(events)[-2:] == ["payment.succeeded", "subscription.started"]
    started = events[-1].data
    assert (started["plan"], started["order"]) == (made["plan"], "o_9")
    assert started["period"] == {"start": "2026-11-23T09:00:00Z", "end": "2026-12-23T09:00:00Z"}
    assert started["subscription"] in fake.subscriptions


def test_subscription_lives_through_its_states(desk, fake):
    running(desk, fake)
    (number,) = fake.subscriptions
    reference = {"subscription": number}
    paused = desk.run(
        "subscription.pause", {**reference, "until": "2026-12-05T00:00:00Z", "reason": "holiday"}, key="p"
    )
    assert (paused["subscription"], paused["status"], fake.pauses) == (number, "paused", {number: "2026-12-05"})
    assert desk.run("subscription.resume", reference, key="r")["status"] == "active"
    assert fake.pauses == {}
    changed = desk.run("subscription.update", {**reference, "quantity": 3}, key="u")
    assert (changed["status"], fake.subscriptions[number]["Product"]["ProductQuantity"]) == ("active", 3)
    ending = desk.run("subscription.cancel", reference, key="c1")
    assert (ending["status"], ending["cancel_at"]) == ("cancelling", "2026-12-23T09:00:00Z")
    assert desk.run("subscription.resume", reference, key="r2")["status"] == "active"
    assert desk.run("subscription.cancel", {**reference, "at": "now"}, key="c2")["status"] == "cancelled"
    assert desk.run("subscription.resume", reference, key="r3")["status"] == "active"


def test_subscription_on_a_stored_means_begins_at_once(desk, fake):
    stored = paid(desk, fake)["stored_method"]
    given = {"plan": plan(desk)["plan"], "method": stored, "order": "o_9"}
    made = desk.run("subscription.create", given, key="sub")
    assert made["status"] == "active"
    assert made["subscription"] in fake.subscriptions
    assert desk.again("subscription.create", given, key="sub") == made


def test_subscription_in_a_form_is_locked_to_its_product(desk, fake):
    given = {"plan": plan(desk)["plan"], "presentation": "embedded", **RETURN}
    made = desk.run("subscription.create", given, key="sub")
    assert (made["client"]["mode"], made["client"]["locked"]) == ("DEFAULT", True)
    assert made["client"]["products"] == [{"code": made["plan"], "quantity": 1}]
    fake.pay(made["subscription"])
    assert desk.run("subscription.cancel", {"subscription": made["subscription"]}, key="c")["status"] == "cancelling"


def test_subscription_that_nobody_paid_yet_cannot_be_changed(desk):
    made = desk.run("subscription.create", {"plan": plan(desk)["plan"]}, key="sub")
    with pytest.raises(PermanentError) as caught:
        desk.run("subscription.cancel", {"subscription": made["subscription"]}, key="c")
    assert caught.value.code == "wrong_state"


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("subscription.create", {"trial_days": 7}),
        ("subscription.create", {"start_at": "2027-01-01T00:00:00Z"}),
        ("subscription.update", {"prorate": "now"}),
        ("subscription.update", {"method": "1"}),
        ("subscription.pause", {}),
    ],
)
def test_subscription_refuses_what_2checkout_has_not(desk, action, more):
    given = {"plan": "gold"} if action == "subscription.create" else {"subscription": "A8C5671BFE"}
    with pytest.raises(PermanentError) as caught:
        desk.run(action, {**given, **more}, key="x")
    assert caught.value.code == "bad_input"


def test_licence_changes_become_the_subscriptions_events(desk, fake):
    running(desk, fake)
    (number,) = fake.subscriptions
    told(desk, fake)
    fake.license(number, "LICENCE_CHANGE")
    fake.license(number, "LICENCE_PASTDUE", STATUS="PASTDUE")
    fake.license(number, "LICENCE_EXPIRATION", STATUS="EXPIRED")
    events = told(desk, fake)
    assert types(events) == ["subscription.updated", "subscription.payment_failed", "subscription.ended"]
    assert {event.data["plan"] for event in events} == {fake.subscriptions[number]["Product"]["ProductCode"]}
    fake.subscriptions[number] |= {"RecurringEnabled": False}
    fake.license(number, "LICENCE_CHANGE")
    (event,) = told(desk, fake)
    assert (event.data["reason"], event.data["cancel_at"]) == ("not_renewed", "2026-12-23T09:00:00Z")
    fake.subscriptions[number] |= {"SubscriptionEnabled": False}
    fake.license(number, "LICENCE_CHANGE")
    assert types(told(desk, fake)) == ["subscription.cancelled"]


def test_licence_of_a_subscription_that_is_gone_is_told_all_the_same(desk, fake):
    running(desk, fake)
    (number,) = fake.subscriptions
    told(desk, fake)
    fake.license(number, "LICENCE_EXPIRATION", STATUS="EXPIRED")
    fake.subscriptions.clear()
    (event,) = told(desk, fake)
    assert (event.type, event.data["plan"]) == ("subscription.ended", "unknown")


def test_renewal_is_a_payment_and_a_period(desk, fake):
    running(desk, fake)
    told(desk, fake)
    first = next(iter(fake.orders.values()))
    fake.notify({**first, "RefNo": "211990001", "ExternalReference": None}, IPN_LICENSE_TYPE=["RENEWAL"],
                ORIGINAL_REFNOEXT=[first["ExternalReference"]])  # fmt: skip
    events = told(desk, fake)
    assert types(events) == ["payment.succeeded", "subscription.renewed"]
    assert events[1].source_id == "subscription.renewed:211990001"
    assert "checkout" not in events[0].data["gateway"]


# Test orders.


def test_test_connection_makes_and_believes_test_orders_only(desk, fake, registry, outbound):
    tests = desk_of(fake, registry, outbound, mode="test")
    made = begun(tests)
    assert "test=1" in made["checkout_url"]
    fake.pay(made["payment"])
    waiting = list(fake.outbox)
    assert types(told(tests, fake)) == ["payment.pending", "payment.authorized", "payment.succeeded"]
    assert tests.run("payment.get", {"payment": made["payment"]})["status"] == "succeeded"
    fake.outbox = waiting
    assert told(desk, fake) == []
    (number,) = fake.orders
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.get", {"payment": number})
    assert caught.value.code == "wrong_mode"
    assert desk.run("payment.get", {"payment": made["payment"]})["status"] == "created"


def test_account_that_does_not_send_the_test_flag_has_it_read_from_the_order(desk, fake, registry, outbound):
    tests = desk_of(fake, registry, outbound, mode="test")
    fake.pay(begun(tests)["payment"])
    fake.outbox = [({k: v for k, v in fields.items() if k != "TEST_ORDER"}, receipt) for fields, receipt in fake.outbox]
    waiting = list(fake.outbox)
    assert told(desk, fake) == []
    fake.outbox = waiting
    assert types(told(tests, fake))[-1] == "payment.succeeded"


# Polling, INS, everything else.


def test_polling_finds_what_notifications_lost_under_the_same_ids(desk, fake):
    assert desk.connector.poll(desk.call(), None).events == ()
    first = desk.connector.poll(desk.call(), {"seen": {}})
    assert first.events == ()
    done = paid(desk, fake)
    begun(desk, key="second")
    fake.pay(begun(desk, key="third", amount=PART)["payment"])
    polled = desk.connector.poll(desk.call(), first.cursor)
    events = [event for raw in polled.events for event in desk.connector.map(raw, desk.connection)]
    assert types(events) == ["payment.succeeded", "payment.succeeded"]
    by_payment = {event.data["payment"]: event for event in events}
    assert by_payment[done["payment"]].source_id == f"payment.succeeded:{done['payment']}"
    assert [event.data["amount"]["minor"] for event in sorted(events, key=lambda one: one.data["payment"])] == [
        1999,
        500,
    ]
    assert by_payment[done["payment"]].data["order"] == "o_77"
    assert desk.connector.poll(desk.call(), polled.cursor).events == ()


def test_polling_goes_through_all_pages(desk, fake, monkeypatch):
    monkeypatch.setattr("connectors.twocheckout.events.PAGE", 2)
    payment = begun(desk)["payment"]
    for _ in range(5):
        fake.pay(payment)
    assert len(desk.connector.poll(desk.call(), {"seen": {}}).events) == 5


def test_ins_message_is_a_hint_and_the_order_is_read(desk, fake):
    number = paid(desk, fake)["payment"]
    told(desk, fake)
    text = f"{number}{fake.code}990{fake.ins_word}"
    fields = {"message_type": "ORDER_CREATED", "message_id": "1", "sale_id": number, "vendor_id": fake.code,
              "invoice_id": "990", "md5_hash": hashlib.md5(text.encode()).hexdigest().upper()}  # fmt: skip
    reception = desk.receive(urlencode(fields).encode(), {})
    assert reception.hint
    (event,) = mapped(desk, reception)
    assert event.source_id == f"payment.succeeded:{number}"


def test_request_calls_anything_signed(desk, fake):
    number = paid(desk, fake)["payment"]
    output = desk.run("request", {"path": f"/orders/{number}/"})
    assert (output["status"], output["body"]["RefNo"]) == (200, number)
    for path in ("/../rpc/6.0/", "/orders/?Limit=1"):
        with pytest.raises(PermanentError) as caught:
            desk.run("request", {"path": path})
        assert caught.value.code == "bad_input"


def test_test_button_says_which_orders(desk, fake, registry, outbound):
    assert "live orders" in desk.connector.test(desk.call())
    tests = desk_of(fake, registry, outbound, mode="test")
    assert "test orders" in tests.connector.test(tests.call())
