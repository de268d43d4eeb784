from __future__ import annotations

import pytest

from hub.connect.api import RawEvent
from hub.errors import ActionError, ConfigError, PermanentError
from tests.contract.razorpay_steps import ADA, INR, PART, RETURN, begun, desk_of, paid, plan, running, told, types
from tests.fakes.fake_razorpay import FakeRazorpay


@pytest.fixture
def razorpay():
    with FakeRazorpay().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(razorpay, registry, outbound):
    return desk_of(razorpay, registry, outbound)


# Links, plans, subscriptions.


def test_link_is_made_and_paid_and_its_return_is_proved(desk, razorpay):
    given = {"amount": INR, "description": "Piano lesson", "customer": ADA, "order": "o_2", **RETURN}
    output = desk.run("link.create", {**given, "expires_at": "2026-12-07T00:00:00Z"})
    link = razorpay.objects[output["link"]]
    assert output["url"].startswith("https://rzp.example/i/")
    assert (output["status"], output["expires_at"]) == ("active", "2026-12-07T00:00:00Z")
    assert (link["callback_method"], link["notify"]) == ("get", {"email": False, "sms": False})
    parameters = razorpay.pay(output["link"])
    done = desk.run("payment.complete", {"payment": output["link"], "parameters": parameters}, key="c")
    assert done["payment"] == parameters["razorpay_payment_id"]
    events = told(desk, razorpay)
    assert types(events) == ["payment.authorized", "payment.succeeded", "link.paid"]
    assert [event.data["order"] for event in events] == ["o_2"] * 3
    assert events[2].data["payment"] == done["payment"]
    with pytest.raises(PermanentError) as caught:
        desk.run("link.cancel", {"link": output["link"]}, key="x")
    assert caught.value.code == "wrong_state"


def test_link_is_closed_and_closing_it_twice_is_closing_it_once(desk, razorpay):
    output = desk.run("link.create", {"amount": INR})
    for key in ("x1", "x2"):
        assert desk.run("link.cancel", {"link": output["link"]}, key=key)["status"] == "cancelled"
    assert types(told(desk, razorpay)) == ["link.cancelled"]


def test_plan_is_replaced_and_running_subscriptions_move(desk, razorpay):
    first = running(desk, razorpay)
    upi = desk.run("subscription.create", {"plan": first["plan"]}, key="upi")
    razorpay.agree(upi["subscription"])
    razorpay.objects[upi["subscription"]]["payment_method"] = "upi"
    dearer = {"plan": first["plan"], "price": {"minor": 250000, "currency": "INR"}, "existing": "move"}
    replaced = desk.run("plan.update", dearer, key="u")
    assert replaced["replaced"] == first["plan"]
    assert replaced["price"]["minor"] == 250000
    assert replaced["interval"] == {"unit": "month", "count": 1}
    assert razorpay.objects[first["subscription"]]["plan_id"] == replaced["plan"]
    assert razorpay.objects[first["subscription"]]["schedule_change_at"] == "cycle_end"
    assert razorpay.objects[upi["subscription"]]["plan_id"] == first["plan"]


def test_subscription_takes_cycles_and_trial_from_the_plan(desk, razorpay):
    made = plan(desk, cycles=6, trial_days=7)
    output = desk.run("subscription.create", {"plan": made["plan"]}, key="s")
    subscription = razorpay.objects[output["subscription"]]
    assert (subscription["total_count"], subscription["start_at"]) == (6, razorpay.now + 7 * 86400)
    assert output["checkout_url"].startswith("https://rzp.example/s/")
    open_ended = desk.run(
        "plan.create", {"name": "Yearly", "price": INR, "interval": {"unit": "year", "count": 2}}, key="y"
    )
    other = desk.run("subscription.create", {"plan": open_ended["plan"], "start_at": "2026-12-01T00:00:00Z"}, key="s2")
    assert razorpay.objects[other["subscription"]]["total_count"] == 5
    assert razorpay.objects[other["subscription"]]["start_at"] == 1796083200


def test_embedded_subscription_gives_checkout_its_id_and_its_return_is_proved(desk, razorpay):
    output = desk.run("subscription.create", {"plan": plan(desk)["plan"], "presentation": "embedded"}, key="s")
    assert output["client"]["subscription_id"] == output["subscription"]
    parameters = razorpay.pay(output["subscription"])
    done = desk.run("payment.complete", {"payment": output["subscription"], "parameters": parameters}, key="c")
    assert done["status"] == "succeeded"


SINCE = "2026-11-23T08:00:00Z"


def test_another_card_is_given_in_checkout_and_proved_by_its_signature(desk, razorpay):
    subscription = running(desk, razorpay)["subscription"]
    given = {"subscription": subscription, "description": "Gold: another card"}
    client = desk.run("subscription.card_form", given, key="c")["client"]
    assert (client["subscription_id"], client["subscription_card_change"]) == (subscription, 1)
    assert (client["description"], client["key"]) == ("Gold: another card", razorpay.fields()["key_id"])
    assert "order_id" not in client
    parameters = razorpay.change_card(subscription)
    for key in ("g1", "g2"):
        output = desk.run(
            "subscription.card_given", {"subscription": subscription, "parameters": parameters, "since": SINCE}, key=key
        )
        assert output == {"subscription": subscription, "payment": parameters["razorpay_payment_id"]}


def test_what_proves_no_other_card_is_refused(desk, razorpay):
    subscription = running(desk, razorpay)["subscription"]
    other = razorpay.new("subscription", status="active")["id"]
    right = razorpay.change_card(subscription)
    failed = razorpay.change_card(subscription)
    razorpay.objects[failed["razorpay_payment_id"]]["status"] = "failed"
    for number, parameters in enumerate(
        (
            {},
            {**right, "razorpay_signature": "0" * 64},
            {name: value for name, value in right.items() if name != "razorpay_signature"},
            razorpay.change_card(other),
            {**right, "razorpay_payment_id": "pay_other"},
            failed,
        )
    ):
        given = {"subscription": subscription, "parameters": parameters, "since": SINCE}
        with pytest.raises(ActionError) as caught:
            desk.run("subscription.card_given", given, key=f"wrong{number}")
        assert caught.value.code == "bad_return", parameters


def test_an_older_proof_says_nothing_of_another_card(desk, razorpay):
    subscription = running(desk, razorpay)["subscription"]
    given = {"subscription": subscription, "parameters": razorpay.change_card(subscription)}
    with pytest.raises(ActionError, match="earlier payment"):
        desk.run("subscription.card_given", {**given, "since": "2099-01-01T00:00:00Z"}, key="late")


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"status": "cancelled"}, "wrong_state"),
        ({"payment_method": "upi"}, "method_unavailable"),
    ],
)
def test_form_for_another_card_is_refused_where_there_is_none(desk, razorpay, state, code):
    subscription = running(desk, razorpay)["subscription"]
    razorpay.objects[subscription] |= state
    with pytest.raises(ActionError) as caught:
        desk.run("subscription.card_form", {"subscription": subscription}, key="c")
    assert caught.value.code == code


def test_subscription_lives_through_its_states(desk, razorpay):
    reference = {"subscription": running(desk, razorpay)["subscription"]}
    razorpay.charge(reference["subscription"])
    for key in ("p1", "p2"):
        assert desk.run("subscription.pause", reference, key=key)["status"] == "paused"
    for key in ("r1", "r2"):
        assert desk.run("subscription.resume", reference, key=key)["status"] == "active"
    desk.run("subscription.update", {**reference, "quantity": 3, "prorate": "now"}, key="u")
    changed = razorpay.objects[reference["subscription"]]
    assert (changed["quantity"], changed["schedule_change_at"]) == (3, "now")
    ending = desk.run("subscription.cancel", reference, key="c1")
    assert (ending["status"], ending["cancel_at"]) == ("cancelling", "2027-01-22T09:00:00Z")
    for key in ("c2", "c3"):
        assert desk.run("subscription.cancel", {**reference, "at": "now"}, key=key)["status"] == "cancelled"
    events = told(desk, razorpay)
    about = [event for event in events if event.type.startswith("subscription.")]
    kinds = ["started", "renewed", "paused", "resumed", "updated", "cancelled"]
    assert types(about) == [f"subscription.{kind}" for kind in kinds]
    assert about[1].data["amount"] == {"minor": 190000, "currency": "INR"}
    assert {event.data["order"] for event in about} == {"o_9"}
    assert types(events).count("payment.succeeded") == 2


# Where the money goes.


def test_share_is_passed_on_held_and_released(desk, razorpay):
    payment = paid(desk, razorpay)["payment"]
    given = {"provider": "acc_Vendor", "amount": PART, "payment": payment, "options": {"on_hold": True}}
    sent = desk.run("transfer.create", given, key="t")
    assert (sent["status"], sent["payment"], sent["provider"]) == ("sent", payment, "acc_Vendor")
    events = told(desk, razorpay)
    assert types(events)[-2:] == ["transfer.sent", "escrow.held"]
    assert events[-1].data["hold"] == sent["transfer"]
    assert events[-1].data["order"] == "o_77"
    longer = desk.run("hold.extend", {"hold": sent["transfer"], "until": "2026-12-01T00:00:00Z"}, key="h")
    assert (longer["status"], longer["until"]) == ("held", "2026-12-01T00:00:00Z")
    assert desk.run("hold.release", {"hold": sent["transfer"]}, key="rel")["status"] == "released"
    assert razorpay.objects[sent["transfer"]]["settlement_status"] == "pending"


def test_share_is_taken_back_in_parts(desk, razorpay):
    given = {"provider": "acc_Vendor", "amount": PART, "payment": paid(desk, razorpay)["payment"]}
    sent = desk.run("transfer.create", given, key="t")
    part = {"transfer": sent["transfer"], "amount": {"minor": 20000, "currency": "INR"}}
    assert desk.run("transfer.reverse", part, key="r1")["status"] == "sent"
    assert desk.run("transfer.reverse", {"transfer": sent["transfer"]}, key="r2")["status"] == "reversed"
    with pytest.raises(PermanentError) as caught:
        desk.run("transfer.reverse", part, key="r3")
    assert caught.value.code == "amount_exceeds_rest"


def test_share_without_a_payment_draws_on_the_balance(desk, razorpay):
    sent = desk.run("transfer.create", {"provider": "acc_Vendor", "amount": PART}, key="t")
    assert sent["status"] == "sent"
    assert "payment" not in sent
    with pytest.raises(PermanentError) as caught:
        desk.run("transfer.create", {"provider": "acc_Vendor", "amount": {"minor": 5, "currency": "EUR"}}, key="e")
    assert caught.value.code == "currency_unsupported"


@pytest.mark.parametrize(
    ("to", "mode"),
    [
        ({"fund_account": "fa_Known"}, "IMPS"),
        ({"name": "Grace Hopper", "account_number": "000111222333", "ifsc": "HDFC0000001"}, "IMPS"),
        ({"name": "Grace Hopper", "vpa": "grace@examplebank"}, "UPI"),
    ],
)
def test_payout_goes_where_the_step_says(desk, razorpay, to, mode):
    given = {
        "provider": "prv_2",
        "amount": PART,
        "to": to,
        "description": "Job 12 – photo & film",
        "metadata": {"job": "j"},
    }
    output = desk.run("payout.create", given)
    payout = razorpay.objects[output["payout"]]
    assert (output["status"], output["provider"], payout["mode"]) == ("sent", "prv_2", mode)
    assert payout["narration"] == "Job 12 photo film"
    razorpay.send(output["payout"])
    assert desk.run("payout.get", {"payout": output["payout"]})["status"] == "paid"
    (event,) = told(desk, razorpay)
    assert (event.type, event.data["provider"]) == ("payout.paid", "prv_2")


def test_payout_needs_a_destination_and_an_account(desk):
    given = {"provider": "prv_2", "amount": PART}
    for to, code in (
        ({}, "invalid_recipient"),
        ({"name": "G", "account_number": "1", "ifsc": "no"}, "invalid_recipient"),
    ):
        with pytest.raises(PermanentError) as caught:
            desk.run("payout.create", {**given, "to": to}, key=str(len(to)))
        assert caught.value.code == code
    with pytest.raises(ConfigError, match="RazorpayX"):
        desk.with_settings(payout_account=None).run("payout.create", {**given, "to": {"fund_account": "fa_1"}})


def test_dispute_is_contested_drafted_or_accepted(desk, razorpay):
    dispute = {"payment_id": "pay_1", "status": "open", "respond_by": razorpay.now + 86400}
    reference = {"dispute": razorpay.new("dispute", **dispute)["id"]}
    draft = {**reference, "evidence": {"summary": "It was sent."}, "submit": False}
    assert desk.run("dispute.answer", draft, key="d")["status"] == "opened"
    evidence = {"summary": "It was sent.", "shipping_proof": "doc_1, doc_2"}
    answered = desk.run("dispute.answer", {**reference, "evidence": evidence}, key="a")
    assert (answered["status"], answered["due_at"]) == ("answered", "2026-11-24T09:00:00Z")
    assert razorpay.objects[reference["dispute"]]["evidence"]["shipping_proof"] == ["doc_1", "doc_2"]
    with pytest.raises(PermanentError, match="doc_"):
        desk.run("dispute.answer", {**reference, "evidence": {"billing_proof": "words"}}, key="w")
    other = {"dispute": razorpay.new("dispute", **dispute)["id"], "accept": True}
    for key in ("x1", "x2"):
        assert desk.run("dispute.answer", other, key=key)["status"] == "accepted"


def test_request_calls_anything_signed_in(desk, razorpay):
    order = begun(desk)["payment"]
    output = desk.run("request", {"path": f"/v1/orders/{order}"})
    assert (output["status"], output["body"]["id"]) == (200, order)
    made = desk.run("request", {"method": "POST", "path": "/v1/customers", "body": {"email": "g@example.com"}})
    assert razorpay.objects[made["body"]["id"]]["email"] == "g@example.com"


def test_test_button_says_the_mode(desk):
    assert "test mode" in desk.connector.test(desk.call())


@pytest.mark.parametrize("account", [None, "acc_MadeUp00000002"])
def test_webhook_is_registered_enabled_and_taken_away(razorpay, registry, outbound, account):
    desk = desk_of(razorpay, registry, outbound, **({"account": account} if account else {}))
    endpoints, url = desk.connector.code.endpoints, "https://hub.example.com/hooks/rzp"
    made = endpoints.create(desk.call(), url)
    assert made.enabled
    assert "payment.captured" in made.events
    assert razorpay.objects[made.id]["secret"] == made.secrets["webhook_secret"]
    again = endpoints.create(desk.call(), url)
    assert (again.id, again.secrets == made.secrets) == (made.id, False)
    razorpay.objects[made.id] |= {"active": False, "disabled_at": razorpay.now}
    assert [one.enabled for one in endpoints.list(desk.call())] == [False]
    assert endpoints.enable(desk.call(), made.id).enabled
    for _ in range(2):
        endpoints.delete(desk.call(), made.id)
    assert [one for one in endpoints.list(desk.call()) if one.enabled] == []


# Polling.


def test_polling_gives_what_webhooks_lost_under_the_same_ids(desk, razorpay):
    first = desk.connector.poll(desk.call(), None)
    assert first.events == ()
    payment = paid(desk, razorpay)["payment"]
    desk.run("payment.refund", {"payment": payment, "amount": PART}, key="r")
    razorpay.decline(begun(desk, key="second")["payment"])
    polled = desk.connector.poll(desk.call(), first.cursor)
    found = set()
    for raw in polled.events:
        assert isinstance(raw, RawEvent)
        mapped = desk.connector.map(desk.connector.enrich(raw, desk.call()), desk.connection)
        found |= {event.source_id for event in mapped}
    lost = {event.source_id for event in told(desk, razorpay) if event.type != "payment.authorized"}
    assert found == lost


def test_polling_sweeps_the_days_of_late_banks_once_a_day(desk, razorpay):
    razorpay.now -= 4 * 86400
    late = razorpay.new_order(amount=100, currency="INR", receipt=None)
    payment = razorpay.attempt(late["id"])["id"]
    razorpay.now += 4 * 86400
    razorpay.authorize(payment)
    cursor = {"since": razorpay.now - 900, "swept": razorpay.now - 900}
    assert desk.connector.poll(desk.call(), cursor).events == ()
    cursor["swept"] -= 86400
    polled = desk.connector.poll(desk.call(), cursor)
    assert [event.payload["payload"]["payment"]["entity"]["id"] for event in polled.events] == [payment]
    assert polled.cursor == {"since": razorpay.now, "swept": razorpay.now}


def test_polling_of_a_flood_goes_on_where_it_stopped(desk, razorpay, monkeypatch):
    monkeypatch.setattr("connectors.razorpay.webhooks.PAGES_A_POLL", 1)
    first = desk.connector.poll(desk.call(), None)
    order = razorpay.new_order(amount=100, currency="INR", receipt=None)
    for _ in range(250):
        razorpay.now += 1
        razorpay.attempt(order["id"])["status"] = "failed"
    seen, cursor = set(), first.cursor
    later = desk.call().now.replace(minute=30)
    for _ in range(3):
        polled = desk.connector.poll(desk.call(now=later), cursor)
        seen |= {event.id for event in polled.events}
        cursor = polled.cursor
    assert len(seen) == 250
    assert set(cursor) == {"since", "swept"}


def test_what_a_refund_was_taken_as_is_in_its_answer_and_told_once(desk, razorpay):
    razorpay.converted = {"base_amount": 712901, "base_currency": "INR"}
    razorpay.taken = {"base_amount": 702277, "base_currency": "INR"}
    payment = paid(desk, razorpay, amount={"minor": 10000, "currency": "USD"})["payment"]
    told(desk, razorpay)
    answer = desk.run("payment.refund", {"payment": payment}, key="r")
    assert (answer["status"], answer["settled"]) == ("issued", {"minor": 702277, "currency": "INR"})
    issued, settled = told(desk, razorpay)
    assert types([issued, settled]) == ["refund.issued", "refund.settled"]
    for event in (issued, settled):
        assert (event.data["refund"], event.data["payment"], event.data["order"]) == (answer["refund"], payment, "o_77")
        assert event.data["settled"] == answer["settled"]
