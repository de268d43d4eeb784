from __future__ import annotations

import pytest

from hub.errors import ConfigError, PermanentError
from tests.contract.stripe_steps import ADA, EUR, RETURN, canonical, paid, plan, subscription


@pytest.fixture
def desk(stripe_desk):
    return stripe_desk


# Every action, the good case.


def test_hosted_payment_gives_the_page_and_carries_references(desk, stripe):
    given = {
        "amount": EUR,
        "order": "o_1",
        "customer": ADA,
        "description": "Two lamps",
        "metadata": {"shop": "1"},
        **RETURN,
    }
    output = desk.run("payment.create", given)
    session = stripe.objects[output["payment"]]
    assert output["checkout_url"].startswith("https://checkout.stripe.example/")
    assert output["status"] == "created"
    assert output["amount"] == EUR
    assert session["client_reference_id"] == "o_1"
    assert session["customer_email"] == "ada@example.com"
    carried = {
        "shop": "1",
        "order": "o_1",
        "hub_email": "ada@example.com",
        "hub_name": "Ada Lovelace",
        "hub_flow": "checkout",
    }
    assert session["metadata"] == session["payment_intent_data"]["metadata"] == carried


def test_hosted_payment_is_told_once_and_names_the_payer(desk, stripe):
    output = desk.run("payment.create", {"amount": EUR, "order": "o_1", **RETURN})
    stripe.pay(output["payment"])
    told = [event for raw in stripe.events for event in canonical(desk, stripe, raw)]
    assert [event.type for event in told] == ["payment.succeeded"]
    assert told[0].data["customer"]["email"] == "ada@example.com"
    assert told[0].data["order"] == "o_1"
    assert told[0].data["amount"] == EUR
    assert told[0].data["payment"].startswith("pi_")
    assert told[0].data["gateway"]["checkout"] == output["payment"]


def test_hosted_payment_of_another_system_has_one_source_id(desk, stripe):
    output = desk.run("payment.create", {"amount": EUR, **RETURN})
    stripe.objects[output["payment"]] |= {"metadata": {}, "payment_intent_data": {}, "client_reference_id": "their-7"}
    stripe.pay(output["payment"])
    told = [event for raw in stripe.events for event in canonical(desk, stripe, raw)]
    assert [event.type for event in told] == ["payment.succeeded", "payment.succeeded"]
    assert len({event.source_id for event in told}) == 1
    assert told[1].data["order"] == "their-7"


def test_bank_debit_on_a_hosted_page_is_pending_then_succeeds(desk, stripe):
    output = desk.run("payment.create", {"amount": EUR, **RETURN})
    stripe.pay(output["payment"], delayed=True)
    stripe.settle(output["payment"])
    told = [event for raw in stripe.events for event in canonical(desk, stripe, raw)]
    by_source = {event.source_id: event.type for event in told}
    assert list(by_source.values()) == ["payment.pending", "payment.succeeded"]


def test_hosted_payment_with_capture_by_hand_is_authorized_then_captured(desk, stripe):
    output = desk.run("payment.create", {"amount": EUR, "capture": "manual", **RETURN})
    stripe.pay(output["payment"])
    got = desk.run("payment.get", {"payment": output["payment"]})
    assert got["status"] == "authorized"
    assert got["lapses_at"] == "2026-11-30T09:00:00Z"
    captured = desk.run(
        "payment.capture", {"payment": output["payment"], "amount": {"minor": 1500, "currency": "EUR"}}, key="c"
    )
    assert captured["status"] == "succeeded"
    assert captured["captured"]["minor"] == 1500
    told = [event for raw in stripe.events for event in canonical(desk, stripe, raw)]
    assert [event.type for event in told] == ["payment.authorized", "payment.succeeded"]
    assert told[1].data["amount"]["minor"] == 1500


def test_embedded_payment_gives_what_the_page_needs(desk, stripe):
    output = desk.run("payment.create", {"amount": EUR, "presentation": "embedded"})
    assert output["payment"].startswith("pi_")
    assert output["client"]["kind"] == "stripe.payment_element"
    assert output["client"]["publishable_key"] == "pk_test_made_up"
    assert output["client"]["client_secret"].startswith(output["payment"])


def test_embedded_payment_without_publishable_key_says_where_to_enter_it(desk):
    bare = desk.with_settings(publishable_key=None)
    with pytest.raises(ConfigError, match="publishable key"):
        bare.run("payment.create", {"amount": EUR, "presentation": "embedded"})


def test_kept_means_makes_a_customer(desk, stripe):
    desk.run("payment.create", {"amount": EUR, "presentation": "embedded", "save_method": True, "customer": ADA})
    intent = next(one for one in stripe.objects.values() if one["object"] == "payment_intent")
    assert stripe.objects[intent["customer"]]["email"] == "ada@example.com"
    assert intent["setup_future_usage"] == "off_session"


def test_stored_means_is_charged_at_once(desk):
    output = paid(desk)
    assert output["status"] == "succeeded"
    got = desk.run("payment.get", {"payment": output["payment"]})
    assert got["captured"] == EUR
    assert got["fee"] == {"minor": 320, "currency": "EUR"}
    assert got["method"] == {"kind": "card", "brand": "visa", "last4": "4242", "country": "US"}


def test_yen_and_kronur_are_sent_in_stripes_units(desk, stripe):
    desk.run("payment.create", {"amount": {"minor": 500, "currency": "JPY"}, "method": "pm_1"}, key="jpy")
    desk.run("payment.create", {"amount": {"minor": 500, "currency": "ISK"}, "method": "pm_1"}, key="isk")
    intents = [one for one in stripe.objects.values() if one["object"] == "payment_intent"]
    assert [(one["amount"], one["currency"]) for one in intents] == [(500, "jpy"), (50000, "isk")]
    got = desk.run("payment.get", {"payment": intents[1]["id"]})
    assert got["amount"] == {"minor": 500, "currency": "ISK"}


def test_three_decimals_must_end_in_zero(desk, stripe):
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {"amount": {"minor": 1005, "currency": "KWD"}, "method": "pm_1"})
    assert caught.value.code == "bad_input"
    assert stripe.received == []


def test_void_lets_an_authorisation_go_and_closes_an_unpaid_page(desk, stripe):
    held = desk.run("payment.create", {"amount": EUR, "method": "pm_1", "capture": "manual"}, key="held")
    assert held["status"] == "authorized"
    assert desk.run("payment.void", {"payment": held["payment"]}, key="v1")["status"] == "voided"
    page = desk.run("payment.create", {"amount": EUR, **RETURN}, key="page")
    assert desk.run("payment.void", {"payment": page["payment"]}, key="v2")["status"] == "expired"


def test_refund_gives_part_then_rest_and_carries_the_order(desk, stripe):
    payment = paid(desk, order="o_1")["payment"]
    first = desk.run("payment.refund", {"payment": payment, "amount": {"minor": 500, "currency": "EUR"}}, key="r1")
    rest = desk.run("payment.refund", {"payment": payment, "reason": "It was broken"}, key="r2")
    assert (first["status"], first["amount"]["minor"], first["total_refunded"]["minor"]) == ("issued", 500, 500)
    assert (rest["amount"]["minor"], rest["total_refunded"]) == (1499, EUR)
    told = [event for raw in stripe.events for event in canonical(desk, stripe, raw) if event.type == "refund.issued"]
    assert [event.data["amount"]["minor"] for event in told] == [500, 1499]
    assert told[1].data["reason"] == "It was broken"
    assert told[1].data["order"] == "o_1"
    assert told[1].data["customer"]["email"] == "ada@example.com"
    assert desk.run("payment.get", {"payment": payment})["status"] == "refunded"


def test_link_is_made_paid_once_and_closed(desk, stripe):
    output = desk.run("link.create", {"amount": EUR, "description": "Piano lesson", "order": "o_2"})
    made = stripe.objects[output["link"]]
    assert output["url"].startswith("https://buy.stripe.example/")
    assert made["restrictions"] == {"completed_sessions": {"limit": "1"}}
    assert stripe.objects[made["line_items"][0]["price"]]["unit_amount"] == 1999
    assert desk.run("link.cancel", {"link": output["link"]}, key="c")["status"] == "cancelled"
    assert made["active"] is False


def test_link_that_expires_within_a_day_is_a_session(desk, stripe):
    given = {"amount": EUR, "expires_at": "2026-11-23T20:00:00Z", **RETURN}
    output = desk.run("link.create", given)
    assert output["link"].startswith("cs_")
    assert output["expires_at"] == "2026-11-23T20:00:00Z"
    assert desk.run("link.cancel", {"link": output["link"]}, key="c")["status"] == "cancelled"
    with pytest.raises(PermanentError, match="do not expire"):
        desk.run("link.create", {**given, "expires_at": "2026-12-23T20:00:00Z"}, key="far")


def test_plan_is_made_renamed_repriced_and_retired(desk, stripe):
    made = plan(desk, trial_days=7, options={"lookup_key": "gold"})
    assert made["interval"] == {"unit": "month", "count": 1}
    renamed = desk.run("plan.update", {"plan": made["plan"], "name": "Gold plus"}, key="u1")
    assert renamed["plan"] == made["plan"]
    dearer = {"plan": made["plan"], "price": {"minor": 2500, "currency": "EUR"}}
    replaced = desk.run("plan.update", dearer, key="u2")
    assert replaced["replaced"] == made["plan"]
    assert replaced["price"]["minor"] == 2500
    old, new = stripe.objects[made["plan"]], stripe.objects[replaced["plan"]]
    assert (old["active"], old["lookup_key"], new["lookup_key"]) == (False, None, "gold")
    assert old["product"] == new["product"]
    assert desk.run("plan.cancel", {"plan": replaced["plan"]}, key="x")["status"] == "retired"


def test_repricing_moves_running_subscriptions_when_told(desk, stripe):
    running = subscription(desk)
    dearer = {"plan": running["plan"], "price": {"minor": 2500, "currency": "EUR"}, "existing": "move"}
    replaced = desk.run("plan.update", dearer, key="move")
    assert stripe.objects[running["subscription"]]["items"]["data"][0]["price"]["id"] == replaced["plan"]
    assert stripe.objects[running["subscription"]]["proration_behavior"] == "none"


def test_default_price_of_a_product_can_be_replaced(desk, stripe):
    made = plan(desk)
    product = stripe.objects[stripe.objects[made["plan"]]["product"]]
    product["default_price"] = made["plan"]
    replaced = desk.run("plan.update", {"plan": made["plan"], "price": {"minor": 2500, "currency": "EUR"}}, key="u")
    assert product["default_price"] == replaced["plan"]


def test_plan_refuses_a_number_of_charges(desk):
    with pytest.raises(PermanentError, match="number of charges"):
        plan(desk, cycles=6)


def test_hosted_subscription_applies_the_plans_trial(desk, stripe):
    made = plan(desk, trial_days=7)
    output = desk.run("subscription.create", {"plan": made["plan"], "order": "o_9", "customer": ADA, **RETURN}, key="s")
    session = stripe.objects[output["subscription"]]
    assert output["checkout_url"]
    assert session["subscription_data"]["trial_period_days"] == "7"
    assert session["subscription_data"]["metadata"]["hub_plan"] == made["plan"]
    stripe.pay(output["subscription"])
    cancelled = desk.run("subscription.cancel", {"subscription": output["subscription"]}, key="c")
    assert cancelled["subscription"].startswith("sub_")


def test_subscription_lives_through_its_states(desk, stripe):
    running = subscription(desk)
    reference = {"subscription": running["subscription"]}
    assert running["status"] == "active"
    assert running["period"] == {"start": "2026-11-23T09:00:00Z", "end": "2026-12-23T09:00:00Z"}
    assert desk.run("subscription.pause", {**reference, "until": "2026-12-01T00:00:00Z"}, key="p")["status"] == "paused"
    assert stripe.objects[running["subscription"]]["pause_collection"]["resumes_at"] == "1796083200"
    assert desk.run("subscription.resume", reference, key="r")["status"] == "active"
    desk.run("subscription.update", {**reference, "quantity": 3, "prorate": "now"}, key="u")
    changed = stripe.objects[running["subscription"]]
    assert (changed["items"]["data"][0]["quantity"], changed["proration_behavior"]) == (3, "always_invoice")
    ending = desk.run("subscription.cancel", reference, key="c1")
    assert (ending["status"], ending["cancel_at"]) == ("cancelling", "2026-12-23T09:00:00Z")
    assert desk.run("subscription.cancel", {**reference, "at": "now"}, key="c2")["status"] == "cancelled"


@pytest.mark.parametrize(("method", "status"), [("pm_card_visa", "active"), ("pm_declined", "past_due")])
def test_another_card_is_charged_at_once_what_is_overdue(stripe_desk, stripe, method, status):
    running = stripe.objects[subscription(stripe_desk)["subscription"]]
    running["status"] = "past_due"
    invoice = stripe.objects[running["latest_invoice"]]
    invoice |= {"status": "open", "subscription": running["id"]}
    given = {"subscription": running["id"], "method": method}
    assert stripe_desk.run("subscription.update", given, key="card")["status"] == status
    assert stripe_desk.run("subscription.update", given, key="card")["status"] == status
    assert (running["default_payment_method"], invoice["status"]) == (method, {"active": "paid"}.get(status, "open"))


@pytest.mark.parametrize(
    ("discount", "coupon"),
    [
        ({"percent": "12.5"}, {"percent_off": "12.5", "duration": "forever"}),
        ({"percent": "20", "cycles": 1}, {"percent_off": "20", "duration": "once"}),
        (
            {"amount": {"minor": 500, "currency": "EUR"}, "cycles": 3},
            {"amount_off": 500, "currency": "eur", "duration": "repeating", "duration_in_months": "3"},
        ),
    ],
)
def test_a_discount_is_a_coupon_of_its_own(desk, stripe, discount, coupon):
    started = subscription(desk, discount=discount)
    (held,) = stripe.objects[started["subscription"]]["discounts"]
    assert coupon.items() <= stripe.objects[held["coupon"]].items()
    given = {"plan": started["plan"], "discount": discount, "customer": ADA, **RETURN}
    session = desk.run("subscription.create", given, key="hosted")
    assert stripe.objects[session["subscription"]]["discounts"][0]["coupon"] in stripe.objects


def test_a_discount_of_some_weeks_is_refused_as_stripe_counts_months(desk):
    weekly = desk.run("plan.create", {"name": "W", "price": EUR, "interval": {"unit": "week"}}, key="w")["plan"]
    given = {"plan": weekly, "method": "pm_card_visa", "discount": {"percent": "5", "cycles": 2}}
    with pytest.raises(PermanentError, match="counts the months"):
        desk.run("subscription.create", given, key="s")


def test_subscription_that_stripe_paused_is_resumed_at_its_own_address(desk, stripe):
    running = subscription(desk)
    stripe.objects[running["subscription"]]["status"] = "paused"
    assert desk.run("subscription.resume", {"subscription": running["subscription"]}, key="r")["status"] == "active"


def test_embedded_subscription_gives_the_first_invoices_secret(desk):
    given = {"plan": plan(desk)["plan"], "presentation": "embedded", "customer": ADA}
    output = desk.run("subscription.create", given, key="s")
    assert output["status"] == "pending"
    assert output["client"]["client_secret"].endswith("_secret_made")


def test_transfer_draws_on_the_payments_charge_and_is_reversed(desk, stripe):
    payment = paid(desk, order="o_1")["payment"]
    given = {"provider": "acct_1", "amount": {"minor": 1000, "currency": "EUR"}, "payment": payment}
    sent = desk.run("transfer.create", given, key="t")
    assert stripe.objects[sent["transfer"]]["source_transaction"].startswith("ch_")
    assert stripe.objects[sent["transfer"]]["metadata"]["payment"] == payment
    part = {"transfer": sent["transfer"], "amount": {"minor": 400, "currency": "EUR"}}
    assert desk.run("transfer.reverse", part, key="r1")["status"] == "sent"
    assert desk.run("transfer.reverse", {"transfer": sent["transfer"]}, key="r2")["status"] == "reversed"


def test_payout_is_made_on_the_connected_account(desk, stripe):
    given = {"provider": "acct_7", "amount": {"minor": 19920, "currency": "EUR"}, "metadata": {"job": "job_12"}}
    output = desk.run("payout.create", given)
    assert output["payout"].startswith("acct_7/po_")
    assert output["status"] == "queued"
    assert desk.run("payout.get", {"payout": output["payout"]})["provider"] == "acct_7"
    with pytest.raises(PermanentError) as caught:
        desk.run("payout.create", {**given, "provider": "vendor 7"}, key="bad")
    assert caught.value.code == "invalid_recipient"
    with pytest.raises(PermanentError, match="whole units"):
        desk.run("payout.create", {**given, "amount": {"minor": 150, "currency": "HUF"}}, key="huf")


def test_dispute_is_answered_or_accepted(desk, stripe):
    stripe.objects["du_1"] = {"id": "du_1", "object": "dispute", "status": "needs_response"}
    answered = desk.run("dispute.answer", {"dispute": "du_1", "evidence": {"shipping_tracking_number": "T1"}}, key="a")
    assert answered["status"] == "answered"
    assert stripe.objects["du_1"]["evidence"] == {"shipping_tracking_number": "T1"}
    assert desk.run("dispute.answer", {"dispute": "du_1", "accept": True}, key="b")["status"] == "accepted"


def test_form_fixes_the_amount_before_the_page_is_shown(desk, stripe):
    output = desk.run("form.embed", {"amount": EUR})
    assert stripe.objects[output["payment"]]["amount"] == 1999
    assert output["script_url"] == "https://js.stripe.com/v3/"
    assert "https://js.stripe.com" in output["origins"]
    whole = desk.run("form.embed", {"amount": EUR, "options": {"ui": "checkout"}, **RETURN}, key="w")
    assert whole["client"]["kind"] == "stripe.embedded_checkout"


def test_request_calls_anything_signed_in(desk, stripe):
    output = desk.run("request", {"method": "POST", "path": "/v1/customers", "body": {"email": "a@example.com"}})
    assert output["status"] == 200
    assert stripe.objects[output["body"]["id"]]["email"] == "a@example.com"
    with pytest.raises(PermanentError) as caught:
        desk.run("request", {"path": "/v1/../../elsewhere"})
    assert caught.value.code == "bad_input"


def test_test_button_says_the_mode(desk):
    assert "test mode" in desk.connector.test(desk.call())


def test_webhook_is_registered_once_with_all_events_and_its_secret(desk, stripe):
    endpoints, url = desk.connector.code.endpoints, "https://hub.example.com/hooks/stripe-main"
    made = endpoints.create(desk.call(), url)
    assert made.secrets == {"webhook_secret": f"whsec_of_{made.id}"}
    mapped = {raw for rule in desk.connector.manifest.events for raw in rule.raw}
    repeats = {"invoice.payment_succeeded", "plan.created", "plan.updated", "plan.deleted"}
    assert mapped - repeats <= set(made.events)
    (listed,) = endpoints.list(desk.call())
    assert (listed.id, listed.url, listed.enabled, listed.secrets) == (made.id, url, True, {})
    stripe.objects[made.id]["status"] = "disabled"
    assert endpoints.list(desk.call())[0].enabled is False
    assert endpoints.enable(desk.call(key="on"), made.id).enabled
    endpoints.delete(desk.call(), made.id)
    endpoints.delete(desk.call(), made.id)
    assert endpoints.list(desk.call()) == ()


# What Stripe keeps, and credits in the currency of its balance.


def updated(desk, stripe):
    """What the last event, of a charge whose balance transaction is there now, becomes."""
    body, headers = stripe.signed(stripe.events[-1])
    (raw,) = desk.receive(body, headers).pending
    return desk.connector.map(desk.connector.enrich(raw, desk.call()), desk.connection)


@pytest.mark.parametrize(
    ("amount", "balance", "fee", "settled"),
    [
        ({"minor": 15000, "currency": "JPY"}, ("kwd", 30120, 1050), {"minor": 1050, "currency": "KWD"}, {"minor": 30120, "currency": "KWD"}),
        ({"minor": 30120, "currency": "KWD"}, ("jpy", 15043, 541), {"minor": 541, "currency": "JPY"}, {"minor": 15043, "currency": "JPY"}),
        (EUR, ("usd", 2150, 0), {"minor": 0, "currency": "USD"}, {"minor": 2150, "currency": "USD"}),
        (EUR, ("eur", 1999, 83), {"minor": 83, "currency": "EUR"}, None),
    ],
)  # fmt: skip
def test_what_stripe_keeps_and_credits_is_told_when_it_is_known(desk, stripe, amount, balance, fee, settled):
    stripe.balance = balance
    payment = paid(desk, amount=amount, order="o_77")["payment"]
    (event,) = updated(desk, stripe)
    assert (event.type, event.source_id) == ("payment.settled", f"payment.settled:{payment}")
    assert (event.data["amount"], event.data["order"]) == (amount, "o_77")
    seen = desk.run("payment.get", {"payment": payment})
    by_charge = desk.run("payment.get", {"payment": stripe.events[-1]["data"]["object"]["id"]})
    for told in (event.data, seen, by_charge):
        assert (told["fee"], told.get("settled")) == (fee, settled)


def test_a_charge_that_changed_otherwise_tells_nothing_and_is_not_asked_about(desk, stripe):
    paid(desk)
    stripe.tell("charge.updated", {"id": "ch_1", "object": "charge", "amount": 1999, "currency": "eur"})
    asked = len(stripe.received)
    assert updated(desk, stripe) == ()
    assert len(stripe.received) == asked


def test_a_charge_that_this_key_may_not_see_holds_up_no_delivery(desk, stripe):
    stripe.tell("charge.updated", {"id": "ch_gone", "object": "charge", "balance_transaction": "txn_1"})
    stripe.events[-1]["hub"] = {"fee": {"minor": 1, "currency": "EUR"}}
    assert updated(desk, stripe) == ()
