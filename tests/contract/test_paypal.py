from __future__ import annotations

import json
from datetime import timedelta

import pytest

from hub.errors import PermanentError
from tests.contract.desk import NOW
from tests.contract.paypal_steps import (
    ADA,
    EUR,
    RETURN,
    desk_of,
    held,
    hosted,
    paid,
    part,
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


# What PayPal keeps, and credits in an account of another currency.


@pytest.mark.parametrize(
    ("amount", "account", "fee", "settled"),
    [
        (EUR, ("JPY", "162.4"), part(159, "JPY"), part(3087 + 159, "JPY")),
        (part(3000, "JPY"), ("USD", "0.0064125"), part(1, "USD"), part(1923 + 1, "USD")),
        (EUR, ("HUF", "398.25"), part(39000, "HUF"), part(757100 + 39000, "HUF")),
        (EUR, ("EUR", "1"), part(98), None),
        (EUR, None, part(98), None),
    ],
)
def test_what_paypal_keeps_and_credits_in_another_currency_is_told(desk, paypal, amount, account, fee, settled):
    paypal.account = account
    payment = paid(desk, paypal, amount=amount)
    (event,) = [one for one in told(desk, paypal) if one.type == "payment.succeeded"]
    for one in (event.data, desk.run("payment.get", {"payment": payment})):
        assert (one["captured"], one["fee"], one.get("settled")) == (amount, fee, settled)


def test_parts_of_a_held_amount_come_to_what_is_taken_kept_and_credited_in_all(desk, paypal):
    paypal.account = ("JPY", "162.4")
    payment = held(desk, paypal)
    desk.run("payment.capture", {"payment": payment, "amount": part(500), "final": False}, key="c1")
    told(desk, paypal)
    desk.run("payment.capture", {"payment": payment, "amount": part(1000)}, key="c2")
    (event,) = told(desk, paypal)
    assert (event.data["captured"], event.data["amount"]) == (part(1500), part(1000))
    assert (event.data["fee"], event.data["settled"]) == (part(318, "JPY"), part(653 + 1465 + 318, "JPY"))
