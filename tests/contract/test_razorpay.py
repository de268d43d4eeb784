from __future__ import annotations

import pytest

from hub.errors import PermanentError
from tests.contract.razorpay_steps import ADA, INR, PART, RETURN, begun, desk_of, paid, running, told, types
from tests.fakes.fake_razorpay import FakeRazorpay


@pytest.fixture
def razorpay():
    with FakeRazorpay().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(razorpay, registry, outbound):
    return desk_of(razorpay, registry, outbound)


# Payments.


def test_hosted_payment_is_a_form_that_names_the_order_and_no_amount(desk, razorpay):
    output = begun(desk, description="Two lamps", metadata={"shop": "1"}, cancel_url="https://shop.example.com/back")
    order = razorpay.objects[output["payment"]]
    assert (output["status"], output["amount"]) == ("created", INR)
    assert "checkout_url" not in output
    assert output["client"]["action"] == f"{razorpay.url}/v1/checkout/embedded"
    fields = output["client"]["fields"]
    assert fields["order_id"] == output["payment"]
    assert fields["key_id"] == "rzp_test_made_up"
    assert fields["callback_url"] == RETURN["return_url"]
    assert fields["cancel_url"] == "https://shop.example.com/back"
    assert fields["prefill[email]"] == "ada@example.com"
    assert not [name for name in fields if "amount" in name]
    assert (order["amount"], order["currency"], order["payment_capture"]) == (250000, "INR", "automatic")
    assert order["receipt"].startswith("hub-")
    assert order["notes"]["order"] == "o_77"
    assert order["notes"]["shop"] == "1"
    assert order["notes"]["hub_name"] == "Ada Lovelace"


def test_return_of_the_payer_is_proved_and_names_the_payment(desk, razorpay):
    output = paid(desk, razorpay)
    assert output["payment"].startswith("pay_")
    assert output["status"] == "succeeded"
    assert output["captured"] == INR
    assert output["fee"] == {"minor": 2360, "currency": "INR"}
    assert output["method"] == {"kind": "upi"}
    assert output["gateway"]["checkout"].startswith("order_")
    again = desk.run("payment.complete", {"payment": output["payment"], "parameters": {}}, key="again")
    assert again == output


def test_return_is_proved_again_whether_the_order_or_the_payment_is_known(desk, razorpay):
    order = begun(desk)["payment"]
    parameters = razorpay.pay(order)
    for payment in (order, parameters["razorpay_payment_id"]):
        given = {"payment": payment, "parameters": parameters}
        assert desk.run("payment.complete", given, key="c")["payment"] == parameters["razorpay_payment_id"]


@pytest.mark.parametrize("change", ["signature", "payment", "another"])
def test_return_that_proves_nothing_is_refused(desk, razorpay, change):
    order, other = begun(desk)["payment"], begun(desk, key="other")["payment"]
    parameters = razorpay.pay(order)
    if change == "signature":
        parameters["razorpay_signature"] = "0" * 64
    elif change == "payment":
        parameters["razorpay_payment_id"] = "pay_Other"
    else:
        order = other
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.complete", {"payment": order, "parameters": parameters}, key="c")
    assert caught.value.code == "bad_return"


def test_proof_of_a_mandate_does_not_pay_an_order_that_is_named_beside_it(desk, razorpay):
    subscription = running(desk, razorpay)
    proof = razorpay.pay(subscription["subscription"])
    mine = begun(desk)["payment"]
    for payment in (mine, razorpay.attempt(mine)["id"]):
        forged = {**proof, "razorpay_order_id": mine}
        with pytest.raises(PermanentError) as caught:
            desk.run("payment.complete", {"payment": payment, "parameters": forged}, key="c")
        assert caught.value.code == "bad_return"


def test_second_attempt_on_an_order_is_proved_after_the_first_one_failed(desk, razorpay):
    order = begun(desk)["payment"]
    razorpay.decline(order)
    failed = desk.run("payment.complete", {"payment": order, "parameters": {}}, key="c1")
    assert failed["status"] == "failed"
    parameters = razorpay.pay(order)
    done = desk.run("payment.complete", {"payment": failed["payment"], "parameters": parameters}, key="c2")
    assert (done["status"], done["payment"]) == ("succeeded", parameters["razorpay_payment_id"])


def test_payment_whose_order_is_not_found_is_told_without_references(desk, razorpay):
    order = begun(desk)["payment"]
    razorpay.pay(order)
    del razorpay.objects[order]
    captured = next(event for event in told(desk, razorpay) if event.type == "payment.succeeded")
    assert "order" not in captured.data
    assert "somebody_elses" not in str(captured.data)


def test_payer_who_gave_up_leaves_the_order_open(desk):
    order = begun(desk)["payment"]
    given = {"payment": order, "parameters": {"error[code]": "BAD_REQUEST_ERROR", "error[reason]": "payment_cancelled"}}
    assert desk.run("payment.complete", given, key="c")["status"] == "created"


def test_failed_attempt_gives_its_reason_and_the_order_may_still_be_paid(desk, razorpay):
    order = begun(desk)["payment"]
    razorpay.decline(order)
    failed = desk.run("payment.get", {"payment": order})
    assert (failed["status"], failed["reason"]) == ("failed", "insufficient_funds")
    assert failed["gateway"]["code"] == "insufficient_funds"
    razorpay.pay(order)
    assert desk.run("payment.get", {"payment": order})["status"] == "succeeded"
    assert types(told(desk, razorpay)) == ["payment.failed", "payment.authorized", "payment.succeeded"]


def test_one_payment_is_told_once_with_the_servers_references_only(desk, razorpay):
    order = begun(desk)["payment"]
    razorpay.pay(order)
    authorized, succeeded = told(desk, razorpay)
    assert succeeded.source_id == f"payment.succeeded:{succeeded.data['payment']}"
    assert succeeded.data["order"] == "o_77"  # the browser's notes say somebody_elses
    assert "somebody_elses" not in str(succeeded.data)
    assert succeeded.data["customer"]["email"] == "ada@example.com"
    assert succeeded.data["amount"] == succeeded.data["captured"] == INR
    assert succeeded.data["gateway"]["checkout"] == order
    assert authorized.data["lapses_at"] == "2026-11-26T09:00:00Z"


def test_late_authorisation_follows_a_failure_of_the_same_payment(desk, razorpay):
    order = begun(desk)["payment"]
    razorpay.decline(order)
    payment = razorpay.payments_of(order)[0]["id"]
    razorpay.authorize(payment)
    razorpay.capture(payment)
    events = told(desk, razorpay)
    assert types(events) == ["payment.failed", "payment.authorized", "payment.succeeded"]
    assert {event.data["payment"] for event in events} == {payment}


def test_manual_capture_takes_the_whole_authorised_amount(desk, razorpay):
    payment = paid(desk, razorpay, capture="manual")
    assert (payment["status"], payment["lapses_at"]) == ("authorized", "2026-11-26T09:00:00Z")
    reference = {"payment": payment["payment"]}
    for amount, code in ((PART, "bad_input"), ({"minor": 300000, "currency": "INR"}, "amount_exceeds_rest")):
        with pytest.raises(PermanentError) as caught:
            desk.run("payment.capture", {**reference, "amount": amount}, key="part")
        assert caught.value.code == code
    taken = desk.run("payment.capture", {**reference, "amount": INR}, key="c")
    assert (taken["status"], taken["captured"]) == ("succeeded", INR)


def test_authorisation_that_nobody_captured_is_voided(desk, razorpay):
    payment = paid(desk, razorpay, capture="manual")["payment"]
    razorpay.lapse(payment)
    events = told(desk, razorpay)
    assert types(events) == ["payment.authorized", "payment.voided"]
    assert events[1].data["order"] == "o_77"
    assert desk.run("payment.get", {"payment": payment})["status"] == "voided"


def test_embedded_payment_and_form_give_what_checkout_needs(desk, razorpay):
    output = begun(desk, presentation="embedded")
    assert output["client"]["kind"] == "razorpay.checkout"
    assert output["client"]["order_id"] == output["payment"]
    given = {"amount": INR, "customer": ADA, "origin": "https://shop.example"}
    form = desk.run("form.embed", given, key="form")
    assert razorpay.objects[form["payment"]]["amount"] == 250000
    assert form["client"]["key"] == "rzp_test_made_up"
    assert form["client"]["prefill"]["contact"] == "+919000090000"
    assert form["script_url"] == "https://checkout.razorpay.com/v1/checkout.js"
    assert "https://checkout.razorpay.com" in form["origins"]
    assert "amount" not in form["client"]


def test_kept_means_is_charged_later_without_the_payer(desk, razorpay):
    options = {"mandate": {"max_amount": {"minor": 500000, "currency": "INR"}, "frequency": "monthly"}}
    first = paid(desk, razorpay, save_method=True, options=options)
    customer, _, token = first["stored_method"].partition("/")
    assert razorpay.objects[token]["customer_id"] == customer
    given = {"amount": PART, "method": first["stored_method"], "order": "o_78"}
    later = desk.run("payment.create", given, key="later")
    assert (later["status"], later["captured"], later["metadata"]["order"]) == ("succeeded", PART, "o_78")
    with pytest.raises(PermanentError, match="cust_"):
        desk.run("payment.create", {**given, "method": "token_1"}, key="bad")


def test_kept_means_needs_email_and_phone(desk):
    with pytest.raises(PermanentError, match="email and phone"):
        begun(desk, save_method=True, customer={"email": "ada@example.com"})


def test_means_are_one_or_all(desk, razorpay):
    output = begun(desk, methods=["bank"])
    assert razorpay.objects[output["payment"]]["method"] == "netbanking"
    with pytest.raises(PermanentError, match="one means"):
        begun(desk, key="two", methods=["card", "upi"])


def test_amounts_are_sent_in_razorpays_units(desk, razorpay):
    for minor, currency in ((500, "JPY"), (1230, "KWD")):
        output = begun(desk, key=currency, amount={"minor": minor, "currency": currency})
        assert razorpay.objects[output["payment"]]["amount"] == minor
        assert output["amount"] == {"minor": minor, "currency": currency}
    with pytest.raises(PermanentError) as caught:
        begun(desk, key="odd", amount={"minor": 1235, "currency": "KWD"})
    assert caught.value.code == "bad_input"


def test_what_razorpay_cannot_do_is_said_before_anything_is_sent(desk, razorpay):
    bare = desk.with_settings(return_url=None)
    refused = [
        (
            "payment.create",
            {"amount": INR, "expires_at": "2026-11-24T09:00:00Z", **RETURN},
            "only payment links expire",
        ),
        ("payment.create", {"amount": INR, "metadata": {str(n): "x" for n in range(20)}, **RETURN}, "15 notes"),
        ("payment.create", {"amount": INR, "metadata": {"long": "x" * 300}, **RETURN}, "256 characters"),
        ("link.create", {"amount": INR, "reusable": True}, "takes one payment"),
        ("plan.create", {"name": "Daily", "price": INR, "interval": {"unit": "day"}}, "every 7 days"),
        ("subscription.create", {"plan": "plan_1", "method": "cust_1/token_1"}, "consent"),
        ("subscription.pause", {"subscription": "sub_1", "until": "2026-12-01T00:00:00Z"}, "subscription.resume"),
        ("subscription.update", {"subscription": "sub_1", "method": "x"}, "on its page"),
        ("transfer.create", {"provider": "vendor 7", "amount": INR}, "linked accounts"),
        ("request", {"path": "/v1/../../elsewhere"}, "plain path"),
    ]
    for action, given, words in refused:
        with pytest.raises(PermanentError, match=words):
            bare.run(action, given)
    assert razorpay.received == []


def test_refund_gives_part_then_rest_and_carries_the_order(desk, razorpay):
    payment = paid(desk, razorpay)["payment"]
    first = desk.run("payment.refund", {"payment": payment, "amount": PART, "reason": "It was broken"}, key="r1")
    assert (first["status"], first["amount"], first["total_refunded"]) == ("issued", PART, PART)
    assert desk.run("payment.get", {"payment": payment})["status"] == "partially_refunded"
    rest = desk.run("payment.refund", {"payment": payment, "options": {"speed": "optimum"}}, key="r2")
    assert (rest["amount"]["minor"], rest["total_refunded"]) == (200000, INR)
    assert desk.run("payment.get", {"payment": payment})["status"] == "refunded"
    refunds = [event for event in told(desk, razorpay) if event.type == "refund.issued"]
    assert [event.data["amount"]["minor"] for event in refunds] == [50000, 200000]
    assert refunds[0].data["reason"] == "It was broken"
    assert refunds[0].data["order"] == "o_77"
    assert refunds[0].data["customer"]["email"] == "ada@example.com"


def test_refund_made_in_the_dashboard_finds_its_order(desk, razorpay):
    payment = paid(desk, razorpay)["payment"]
    told(desk, razorpay)
    by_hand = razorpay.new("refund", payment_id=payment, amount=50000, currency="INR", notes=[], status="processed")
    razorpay.tell("refund.processed", refund=by_hand, payment={"id": payment})
    (event,) = told(desk, razorpay)
    assert (event.data["order"], event.data["customer"]["email"]) == ("o_77", "ada@example.com")
