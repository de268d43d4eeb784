from __future__ import annotations

import json
from datetime import timedelta

import pytest

from hub.connect.api import Endpoint
from hub.errors import ConfigError, PermanentError
from tests.contract.desk import NOW
from tests.contract.paypal_steps import (
    ADA,
    EUR,
    HOOK,
    RETURN,
    desk_of,
    held,
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


# Payments.


def test_hosted_payment_gives_the_page_and_carries_references(desk, paypal):
    given = {
        "amount": EUR,
        "order": "o_1",
        "job": "job_1",
        "metadata": {"shop": "1"},
        "description": "Two lamps",
        "customer": ADA,
        **RETURN,
    }
    output = desk.run("payment.create", given)
    order = paypal.orders[output["payment"]]
    assert output["status"] == "created"
    assert output["checkout_url"].endswith(f"token={output['payment']}")
    assert output["amount"] == EUR
    assert order["purchase_units"][0]["amount"] == {"currency_code": "EUR", "value": "19.99"}
    assert json.loads(order["purchase_units"][0]["custom_id"]) == {"o": "o_1", "j": "job_1", "m": {"shop": "1"}}
    assert order["payment_source"]["paypal"]["email_address"] == "ada@example.com"


def test_approved_payment_is_completed_once_and_told_once(desk, paypal):
    payment = hosted(desk, order="o_1")
    parameters = paypal.pay(payment)
    assert desk.run("payment.get", {"payment": payment})["status"] == "pending"
    done = desk.run("payment.complete", {"payment": payment, "parameters": parameters}, key="c")
    again = desk.run("payment.complete", {"payment": payment, "parameters": parameters}, key="other")
    assert done["status"] == again["status"] == "succeeded"
    assert done["captured"] == EUR
    assert done["fee"] == part(98)
    assert done["customer"]["email"] == "ada@example.com"
    assert done["method"] == {"kind": "wallet", "brand": "paypal"}
    assert len(paypal.captures) == 1
    events = told(desk, paypal)
    assert types(events) == ["payment.pending", "payment.succeeded"]
    assert events[1].source_id == f"payment.succeeded:{payment}"
    assert events[1].data["order"] == "o_1"
    assert events[1].data["customer"]["email"] == "ada@example.com"


def test_approval_whose_browser_never_came_back_asks_the_hub_to_complete(desk, paypal):
    payment = hosted(desk, order="o_1")
    paypal.pay(payment)
    (event,) = told(desk, paypal)
    assert (event.type, event.data["payment"], event.data["next"]) == ("payment.pending", payment, {"kind": "complete"})
    assert event.source_id != f"payment.pending:{payment}"
    assert desk.run("payment.complete", {"payment": payment}, key="look")["status"] == "succeeded"


def test_return_without_an_approval_only_reads(desk, paypal):
    payment = hosted(desk)
    given = {"payment": payment, "parameters": {"token": payment}}
    assert desk.run("payment.complete", given, key="c")["status"] == "created"
    assert paypal.count("POST", "/capture") == 0


def test_return_from_another_order_is_no_proof(desk, paypal):
    payment, other = hosted(desk), hosted(desk, key="other")
    paypal.pay(payment)
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.complete", {"payment": payment, "parameters": {"token": other}}, key="c")
    assert caught.value.code == "bad_return"
    assert paypal.captures == {}


def test_declined_payer_approves_anew_and_is_captured(desk, paypal):
    payment = hosted(desk)
    paypal.pay(payment)
    paypal.outcomes[payment] = "INSTRUMENT_DECLINED"
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.complete", {"payment": payment}, key="c")
    assert (caught.value.code, caught.value.gateway_code) == ("card_declined", "INSTRUMENT_DECLINED")
    paypal.pay(payment)
    assert desk.run("payment.complete", {"payment": payment}, key="c2")["status"] == "succeeded"


def test_delayed_capture_is_pending_then_succeeds(desk, paypal):
    payment = hosted(desk)
    paypal.pay(payment)
    paypal.outcomes[payment] = "PENDING"
    done = desk.run("payment.complete", {"payment": payment}, key="c")
    assert (done["status"], done["gateway"]["code"]) == ("pending", "ECHECK")
    (capture,) = paypal.captures
    paypal.settle(capture)
    events = told(desk, paypal)
    assert types(events) == ["payment.pending", "payment.pending", "payment.succeeded"]
    assert events[1].data["reason"] == "echeck"
    assert len({event.source_id for event in events}) == 3
    assert desk.run("payment.get", {"payment": payment})["status"] == "succeeded"


def test_delayed_capture_that_fails_is_told_as_failed(desk, paypal):
    payment = hosted(desk)
    paypal.pay(payment)
    paypal.outcomes[payment] = "PENDING"
    desk.run("payment.complete", {"payment": payment}, key="c")
    paypal.settle(next(iter(paypal.captures)), "DECLINED")
    assert types(told(desk, paypal))[-1] == "payment.failed"
    assert desk.run("payment.get", {"payment": payment})["status"] == "failed"


def test_capture_declined_with_a_good_status_is_a_failed_payment(desk, paypal):
    payment = hosted(desk)
    paypal.decline(payment)
    done = desk.run("payment.complete", {"payment": payment}, key="c")
    assert (done["status"], done["reason"], done["gateway"]["code"]) == ("failed", "card_declined", "5100")
    (event,) = told(desk, paypal)
    assert (event.type, event.source_id) == ("payment.failed", f"payment.failed:{payment}")


def test_order_that_nobody_approved_expires_after_three_days(desk):
    payment = hosted(desk)
    assert desk.run("payment.get", {"payment": payment}, now=NOW + timedelta(days=3, hours=1))["status"] == "expired"


@pytest.mark.parametrize(
    ("amount", "value"),
    [
        (part(500, "JPY"), "500"),
        (part(199900, "HUF"), "1999"),
        (part(30000, "TWD"), "300"),
        (part(1050, "USD"), "10.50"),
    ],
)
def test_amounts_have_the_decimals_that_paypal_takes(desk, paypal, amount, value):
    payment = desk.run("payment.create", {"amount": amount, **RETURN})["payment"]
    assert paypal.orders[payment]["purchase_units"][0]["amount"]["value"] == value
    paypal.pay(payment)
    assert desk.run("payment.complete", {"payment": payment}, key="c")["captured"] == amount
    assert told(desk, paypal)[-1].data["amount"] == amount


@pytest.mark.parametrize(
    ("amount", "code"), [(part(199950, "HUF"), "bad_input"), (part(1000, "KWD"), "currency_unsupported")]
)
def test_amount_that_paypal_does_not_take_is_never_sent(desk, paypal, amount, code):
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {"amount": amount, **RETURN})
    assert caught.value.code == code
    assert paypal.orders == {}


def test_long_references_travel_in_the_longer_field(desk, paypal):
    metadata = {"hub_subscription": "sub_" + "x" * 60, "hub_cycle": "12", "colour": "b" * 60}
    payment = paid(desk, paypal, order="o_77", metadata=metadata)
    assert paypal.orders[payment]["purchase_units"][0]["custom_id"] == "o_77"
    assert told(desk, paypal)[-1].data["metadata"] == metadata
    with pytest.raises(PermanentError, match="256 characters"):
        hosted(desk, key="long", metadata={"all": "x" * 300})


def test_return_address_comes_from_the_connection_where_the_step_names_none(desk):
    with pytest.raises(PermanentError, match="return_url"):
        desk.run("payment.create", {"amount": EUR}, key="none")
    known = desk.with_settings(return_url="https://shop.example.com/back")
    assert known.run("payment.create", {"amount": EUR}, key="known")["status"] == "created"


def test_local_means_names_its_payer(desk, paypal):
    given = {"amount": EUR, "methods": ["ideal"], "customer": {**ADA, "address": {"country": "NL"}}, **RETURN}
    payment = desk.run("payment.create", given)["payment"]
    assert paypal.orders[payment]["payment_source"] == {"ideal": {"name": "Ada Lovelace", "country_code": "NL"}}
    paypal.pay(payment)
    assert desk.run("payment.complete", {"payment": payment}, key="c")["method"]["brand"] == "ideal"
    with pytest.raises(PermanentError, match="name and country"):
        desk.run("payment.create", {**given, "customer": ADA}, key="bare")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {**given, "methods": ["sofort"]}, key="unknown")
    assert caught.value.code == "method_unavailable"


def test_partner_splits_at_the_payment_and_releases_later(desk, paypal):
    options = {"payee": "seller@example.com", "platform_fee": part(199), "disbursement": "delayed"}
    payment = paid(desk, paypal, options=options)
    unit = paypal.orders[payment]["purchase_units"][0]
    assert unit["payee"]["email_address"] == "seller@example.com"
    assert unit["payment_instruction"]["disbursement_mode"] == "DELAYED"
    assert unit["payment_instruction"]["platform_fees"][0]["amount"]["value"] == "1.99"
    released = desk.run("disbursement.release", {"payment": payment}, key="r")
    assert (released["status"], released["payment"]) == ("sent", payment)


def test_platform_acts_for_a_seller(desk, paypal):
    paypal.seller = "7NZFKPDR3PYGE"
    seller = desk.with_settings(seller=paypal.seller, partner_id="Hub_Cart_REST")
    payment = hosted(seller)
    assert seller.run("payment.get", {"payment": payment})["status"] == "created"
    assert paypal.received[-1].headers["paypal-partner-attribution-id"] == "Hub_Cart_REST"


# Forms of ours.


def test_form_fixes_the_amount_before_the_page_is_shown(desk, paypal):
    output = desk.run("form.embed", {"amount": EUR, "order": "o_1"})
    assert paypal.orders[output["payment"]]["purchase_units"][0]["amount"]["value"] == "19.99"
    assert output["client"]["order"] == output["payment"]
    assert output["script_url"].startswith(
        "https://www.paypal.com/sdk/js?client-id=made-up-client-id&currency=EUR&intent=capture"
    )
    assert "https://*.paypal.com" in output["origins"]
    embedded = desk.run("payment.create", {"amount": EUR, "presentation": "embedded", "capture": "manual"}, key="e")
    assert "checkout_url" not in embedded
    assert "intent=authorize" in embedded["client"]["script_url"]
    paypal.pay(embedded["payment"])
    assert desk.run("payment.complete", {"payment": embedded["payment"]}, key="c")["status"] == "authorized"


# Stored means.


def test_means_is_kept_and_charged_later_without_the_payer(desk, paypal):
    payment = hosted(desk, save_method=True)
    paypal.pay(payment)
    method = desk.run("payment.complete", {"payment": payment}, key="c")["stored_method"]
    charged = desk.run("payment.create", {"amount": EUR, "method": method, "order": "o_2"}, key="later")
    assert charged["status"] == "succeeded"
    assert paypal.orders[charged["payment"]]["purchase_units"][0]["invoice_id"].startswith("hub-")


def test_kept_means_in_a_form_of_ours(desk, paypal):
    output = desk.run("payment.create", {"amount": EUR, "presentation": "embedded", "save_method": True, **RETURN})
    paypal.pay(output["payment"])
    assert desk.run("payment.complete", {"payment": output["payment"]}, key="c")["stored_method"] in paypal.tokens


def test_stored_card_is_charged_or_authorised_as_the_merchants_own_doing(desk, paypal):
    paypal.tokens["card0001"] = {"id": "card0001", "kind": "card"}
    output = desk.run("payment.create", {"amount": EUR, "method": "card0001", "capture": "manual"})
    assert (output["status"], output["method"]) == ("authorized", {"kind": "card", "brand": "visa", "last4": "1111"})
    sent = next(one.json() for one in paypal.received if one.method == "POST" and one.path.endswith("/orders"))
    assert sent["payment_source"]["card"]["stored_credential"]["payment_initiator"] == "MERCHANT"


# Authorised first.


def test_held_amount_is_taken_in_parts_and_each_is_told(desk, paypal):
    payment = held(desk, paypal)
    seen = desk.run("payment.get", {"payment": payment})
    assert (seen["status"], seen["lapses_at"]) == ("authorized", "2026-12-22T09:00:00Z")
    assert seen["gateway"]["guaranteed_until"] == "2026-11-26T09:00:00Z"
    first = desk.run("payment.capture", {"payment": payment, "amount": part(500), "final": False}, key="c1")
    assert (first["status"], first["captured"]) == ("authorized", part(500))
    last = desk.run("payment.capture", {"payment": payment, "amount": part(1000)}, key="c2")
    assert (last["status"], last["captured"]) == ("succeeded", part(1500))
    events = [event for event in told(desk, paypal) if event.type != "payment.pending"]
    assert types(events) == ["payment.authorized", "payment.succeeded", "payment.succeeded"]
    assert events[0].source_id == f"payment.authorized:{payment}"
    assert [event.data["amount"]["minor"] for event in events[1:]] == [500, 1000]
    assert len({event.source_id for event in events}) == 3
    assert events[2].source_id == f"payment.succeeded:{payment}"


def test_held_amount_is_authorised_anew_before_it_is_taken(desk, paypal):
    payment = held(desk, paypal)
    taken = desk.run(
        "payment.capture", {"payment": payment, "options": {"reauthorize": True, "note": "At last"}}, key="c"
    )
    assert taken["status"] == "succeeded"
    assert len(paypal.authorizations) == 2


def test_held_amount_is_let_go_and_a_repeat_does_no_harm(desk, paypal):
    payment = held(desk, paypal)
    assert desk.run("payment.void", {"payment": payment}, key="v")["status"] == "voided"
    assert desk.run("payment.void", {"payment": payment}, key="v")["status"] == "voided"
    assert types(told(desk, paypal))[-1] == "payment.voided"


def test_authorisation_that_lapsed_is_expired(desk, paypal):
    payment = held(desk, paypal)
    paypal.lapse(next(iter(paypal.authorizations)))
    event = told(desk, paypal)[-1]
    assert (event.type, event.source_id) == ("payment.expired", f"payment.expired:{payment}")
    assert desk.run("payment.get", {"payment": payment})["status"] == "expired"


def test_unpaid_order_cannot_be_ended(desk):
    with pytest.raises(PermanentError, match="by itself"):
        desk.run("payment.void", {"payment": hosted(desk)}, key="v")


def test_payment_goes_by_its_order_whatever_id_is_given(desk, paypal):
    payment = paid(desk, paypal)
    (capture,) = paypal.captures
    assert desk.run("payment.get", {"payment": capture})["payment"] == payment
    authorized = held(desk, paypal, key="held")
    (authorization,) = paypal.authorizations
    assert desk.run("payment.get", {"payment": authorization})["payment"] == authorized


# Refunds.


def test_refund_gives_part_then_rest_and_names_the_order(desk, paypal):
    payment = paid(desk, paypal, order="o_1")
    first = desk.run(
        "payment.refund", {"payment": payment, "amount": part(500), "metadata": {"why": "broken"}}, key="r1"
    )
    rest = desk.run("payment.refund", {"payment": payment, "reason": "All of it"}, key="r2")
    assert (first["status"], first["payment"], first["total_refunded"]) == ("issued", payment, part(500))
    assert (rest["amount"], rest["total_refunded"]) == (part(1499), EUR)
    events = [event for event in told(desk, paypal) if event.type == "refund.issued"]
    assert [event.source_id for event in events] == [f"refund.issued:{one['refund']}" for one in (first, rest)]
    assert all(event.data["payment"] == payment and event.data["order"] == "o_1" for event in events)
    assert events[0].data["metadata"] == {"why": "broken"}
    assert events[1].data["reason"] == "All of it"
    assert events[1].data["customer"]["email"] == "ada@example.com"
    seen = desk.run("payment.get", {"payment": payment})
    assert (seen["status"], seen["refunded"]) == ("refunded", EUR)


def test_payment_taken_in_parts_is_refunded_part_by_part(desk, paypal):
    payment = held(desk, paypal)
    desk.run("payment.capture", {"payment": payment, "amount": part(500), "final": False}, key="c1")
    desk.run("payment.capture", {"payment": payment, "amount": part(1499)}, key="c2")
    first, second = paypal.captures
    assert (
        desk.run("payment.refund", {"payment": payment, "amount": part(700)}, key="r1")["gateway"]["transaction"]
        == second
    )
    with pytest.raises(PermanentError, match=first):
        desk.run("payment.refund", {"payment": payment}, key="r2")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": payment, "amount": part(900)}, key="r3")
    assert caught.value.code == "amount_exceeds_rest"
    assert first in caught.value.message
    assert desk.run("payment.refund", {"payment": second}, key="r4")["amount"] == part(799)
    assert desk.run("payment.refund", {"payment": first}, key="r5")["payment"] == payment
    assert desk.run("payment.get", {"payment": payment})["refunded"] == part(1999)


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
    assert (closed.source_id, closed.data["outcome"]) == (f"dispute.closed:{dispute}", "lost")
    desk.run("dispute.answer", {"dispute": dispute, "evidence": {"refund_id": "R1"}}, key="b")
    assert paypal.answers[1][1] == "appeal"


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
