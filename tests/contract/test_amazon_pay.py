from __future__ import annotations

import json
from datetime import timedelta

import pytest

from hub.errors import PermanentError
from tests.contract.amazon_pay_steps import ADA, EUR, PART, RETURN, begun, completed, desk_of, paid, stored, told, types
from tests.contract.desk import NOW
from tests.fakes.fake_amazon_pay import FakeAmazonPay


@pytest.fixture
def amazon():
    with FakeAmazonPay().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(amazon, registry, outbound):
    return desk_of(amazon, registry, outbound)


# Payments.


def test_payment_is_a_signed_button_that_carries_references(desk, amazon):
    output = begun(desk, description="Two lamps", metadata={"shop": "1"}, cancel_url="https://shop.example.com/back")
    assert (output["status"], output["amount"]) == ("created", EUR)
    assert "checkout_url" not in output
    assert output["expires_at"] == "2026-11-24T09:00:00Z"
    assert output["client"]["script_url"] == "https://static-eu.payments-amazon.com/checkout.js"
    assert "https://static-eu.payments-amazon.com" in output["client"]["origins"]
    session = amazon.sessions[amazon.press(output["client"])]
    assert session["webCheckoutDetails"] == {
        "checkoutMode": "ProcessOrder",
        "checkoutResultReturnUrl": RETURN["return_url"],
        "checkoutCancelUrl": "https://shop.example.com/back",
    }
    assert session["paymentDetails"]["chargeAmount"] == {"amount": "19.99", "currencyCode": "EUR"}
    assert session["paymentDetails"]["paymentIntent"] == "AuthorizeWithCapture"
    assert session["merchantMetadata"]["merchantReferenceId"] == output["payment"]
    carried = json.loads(session["merchantMetadata"]["customInformation"])
    assert carried == {"hub": 1, "order": "o_77", "metadata": {"shop": "1"}, **ADA}
    assert amazon.received == []


def test_return_of_the_payer_completes_the_session_and_names_the_charge(desk, amazon):
    output = paid(desk, amazon, metadata={"shop": "1"})
    assert output["payment"].startswith("S02-")
    assert (output["status"], output["captured"]) == ("succeeded", EUR)
    assert output["customer"] == {"id": "amzn1.account.MADEUP", "email": "ada@example.com", "name": "Ada Lovelace"}
    assert output["metadata"] == {"shop": "1"}
    assert "stored_method" not in output
    assert amazon.count("POST", "/complete") == 1
    (event,) = told(desk, amazon)
    assert (event.type, event.source_id) == ("payment.succeeded", f"payment.succeeded:{output['payment']}")
    assert event.data["order"] == "o_77"
    assert event.data["amount"] == event.data["captured"] == EUR
    assert event.data["customer"]["email"] == "ada@example.com"


def test_return_that_is_repeated_reads_the_state(desk, amazon):
    begin = begun(desk)
    output = completed(desk, amazon, begin)
    for payment in (begin["payment"], output["payment"]):
        again = desk.run("payment.complete", {"payment": payment, "parameters": amazon.pay(begin["payment"])}, key="2")
        assert (again["payment"], again["status"]) == (output["payment"], "succeeded")
    assert amazon.count("POST", "/complete") == 1


def test_payer_who_pays_in_two_windows_is_charged_once(desk, amazon):
    begin = begun(desk)
    first = completed(desk, amazon, begin)
    amazon.press(begin["client"])
    given = {"payment": begin["payment"], "parameters": amazon.pay(begin["payment"])}
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.complete", given, key="return-2")
    assert caught.value.code == "wrong_state"
    assert list(amazon.charges) == [first["payment"]]


def test_session_of_another_payment_proves_nothing(desk, amazon):
    cheap = begun(desk, key="cheap", amount=PART)
    amazon.press(cheap["client"])
    given = {"payment": begun(desk)["payment"], "parameters": amazon.pay(cheap["payment"])}
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.complete", given, key="return")
    assert caught.value.code == "bad_return"
    made_up = {**given, "parameters": {"amazonCheckoutSessionId": "00000000-0000-4000-8000-000000000000"}}
    with pytest.raises(PermanentError, match="does not know"):
        desk.run("payment.complete", made_up, key="return")
    assert amazon.charges == {}


def test_payment_without_a_payer_stays_open_and_ends(desk, amazon):
    payment = begun(desk)["payment"]
    assert desk.run("payment.complete", {"payment": payment, "parameters": {}})["status"] == "created"
    later = NOW + timedelta(hours=24, minutes=31)
    got = desk.run("payment.get", {"payment": payment}, now=later)
    assert (got["status"], got["expires_at"]) == ("expired", "2026-11-24T09:00:00Z")
    assert amazon.received == []


def test_payer_who_comes_back_too_late_is_not_charged(desk, amazon):
    begin = begun(desk, expires_at="2026-11-23T10:00:00Z")
    amazon.press(begin["client"])
    given = {"payment": begin["payment"], "parameters": amazon.pay(begin["payment"])}
    assert desk.run("payment.complete", given, now=NOW + timedelta(hours=2))["status"] == "expired"
    assert amazon.charges == {}
    with pytest.raises(PermanentError, match="has passed"):
        begun(desk, key="past", expires_at="2026-11-23T08:00:00Z")


@pytest.mark.parametrize(
    ("reason", "status"), [("BuyerCanceled", "voided"), ("Expired", "expired"), ("AmazonCanceled", "failed")]
)
def test_session_that_ended_unpaid_says_why(desk, amazon, reason, status):
    begin = begun(desk)
    session_id = amazon.press(begin["client"])
    amazon.sessions[session_id]["statusDetails"] |= {"state": "Canceled", "reasonCode": reason}
    given = {"payment": begin["payment"], "parameters": amazon.pay(begin["payment"])}
    output = desk.run("payment.complete", given)
    assert (output["status"], output["gateway"]["code"]) == (status, reason)
    assert desk.run("payment.get", {"payment": session_id})["status"] == status


def test_decline_at_the_completion_is_a_failed_payment(desk, amazon):
    begin = begun(desk)
    amazon.press(begin["client"])
    amazon.decline(begin["payment"])
    given = {"payment": begin["payment"], "parameters": amazon.pay(begin["payment"])}
    output = desk.run("payment.complete", given)
    assert (output["status"], output["reason"]) == ("failed", "card_declined")
    assert output["gateway"]["code"] == "Declined"


def test_authorisation_may_take_a_day_where_the_connection_says_so(desk, amazon):
    patient = desk.with_settings(pending_authorization=True)
    output = paid(patient, amazon)
    assert output["status"] == "pending"
    assert types(told(desk, amazon)) == ["payment.pending"]
    amazon.settle(output["payment"])
    assert types(told(desk, amazon)) == ["payment.succeeded"]
    assert desk.run("payment.get", {"payment": output["payment"]})["status"] == "succeeded"


def test_authorised_amount_is_captured_in_part(desk, amazon):
    output = paid(desk, amazon, capture="manual")
    assert (output["status"], output["lapses_at"]) == ("authorized", "2026-12-23T09:00:00Z")
    part = {"payment": output["payment"], "amount": PART}
    captured = desk.run("payment.capture", part, key="c")
    assert (captured["status"], captured["captured"]) == ("succeeded", PART)
    events = told(desk, amazon)
    assert types(events)[-1] == "payment.succeeded"
    assert events[-1].data["amount"] == PART
    with pytest.raises(PermanentError, match="captures a charge once"):
        desk.run("payment.capture", {**part, "final": False}, key="c2")


def test_whole_amount_is_captured_where_none_is_given(desk, amazon):
    payment = paid(desk, amazon, capture="manual")["payment"]
    assert desk.run("payment.capture", {"payment": payment}, key="c")["captured"] == EUR


def test_authorisation_is_let_go_once_or_lapses(desk, amazon):
    payment = paid(desk, amazon, capture="manual")["payment"]
    voided = desk.run("payment.void", {"payment": payment, "reason": "Out of stock"}, key="v")
    assert voided["status"] == "voided"
    assert desk.run("payment.void", {"payment": payment}, key="v2")["status"] == "voided"
    other = paid(desk, amazon, key="other", capture="manual")["payment"]
    told(desk, amazon)
    amazon.settle(other, "Canceled", "ExpiredUnused")
    (event,) = told(desk, amazon)
    assert (event.type, event.source_id) == ("payment.expired", f"payment.expired:{other}")


def test_payment_that_was_taken_cannot_be_let_go(desk, amazon):
    payment = paid(desk, amazon)["payment"]
    for action in ("payment.void", "payment.capture"):
        with pytest.raises(PermanentError) as caught:
            desk.run(action, {"payment": payment}, key=action)
        assert (caught.value.code, caught.value.gateway_code) == ("wrong_state", "InvalidChargeStatus")


def test_nothing_can_be_done_with_a_payment_nobody_came_back_from(desk, amazon):
    payment = begun(desk)["payment"]
    for action in ("payment.capture", "payment.void", "payment.refund"):
        with pytest.raises(PermanentError) as caught:
            desk.run(action, {"payment": payment}, key=action)
        assert caught.value.code == "wrong_state"
    assert amazon.received == []


# Refunds.


def test_refund_gives_part_then_rest_and_is_decided_later(desk, amazon):
    payment = paid(desk, amazon)["payment"]
    first = desk.run("payment.refund", {"payment": payment, "amount": PART}, key="r1")
    assert (first["status"], first["amount"], first["total_refunded"]) == ("pending", PART, PART)
    rest = desk.run("payment.refund", {"payment": payment}, key="r2")
    assert (rest["amount"]["minor"], rest["total_refunded"]) == (1499, EUR)
    assert types(told(desk, amazon)) == ["payment.succeeded"]
    amazon.finish_refund(first["refund"])
    amazon.finish_refund(rest["refund"], "Declined")
    events = told(desk, amazon)
    assert types(events) == ["refund.issued", "refund.failed"]
    assert events[0].data["payment"] == payment
    assert (events[0].data["order"], events[0].data["amount"]) == ("o_77", PART)
    assert desk.run("payment.get", {"payment": payment})["status"] == "partially_refunded"


def test_refund_above_what_amazon_allows_is_refused(desk, amazon):
    payment = paid(desk, amazon)["payment"]
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": payment, "amount": {"minor": 5000, "currency": "EUR"}}, key="r")
    assert caught.value.code == "amount_exceeds_rest"
    desk.run("payment.refund", {"payment": payment}, key="r2")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": payment}, key="r3")
    assert caught.value.code == "already_refunded"


# Later charges.


def test_stored_permission_is_charged_without_the_payer(desk, amazon):
    method = stored(desk, amazon, metadata={"hub_subscription": "sub_8"})
    assert amazon.permissions[method]["chargePermissionType"] == "Recurring"
    assert amazon.permissions[method]["recurringMetadata"] == {"frequency": {"unit": "Variable", "value": "0"}}
    told(desk, amazon)
    given = {"amount": EUR, "method": method, "order": "o_78", "metadata": {"hub_subscription": "sub_8"}}
    output = desk.run("payment.create", given, key="cycle-2")
    assert (output["status"], output["stored_method"]) == ("succeeded", method)
    (event,) = told(desk, amazon)
    assert (event.type, event.data["order"]) == ("payment.succeeded", "o_78")
    assert event.data["metadata"]["hub_subscription"] == "sub_8"


def test_stored_permission_can_be_authorised_only(desk, amazon):
    method = stored(desk, amazon)
    held = desk.run("payment.create", {"amount": EUR, "method": method, "capture": "manual"}, key="held")
    assert held["status"] == "authorized"


def test_permission_has_the_frequency_that_the_step_says(desk, amazon):
    options = {"frequency": {"unit": "Month", "value": 3}}
    method = stored(desk, amazon, options=options)
    assert amazon.permissions[method]["recurringMetadata"] == {"frequency": {"unit": "Month", "value": "3"}}
    on_file = begun(desk, key="file", save_method=True, options={"permission": "on_file"})
    session = amazon.sessions[amazon.press(on_file["client"])]
    assert session["paymentMethodOnFileMetadata"] == {"setupOnly": False}


@pytest.mark.parametrize("reason", ["HardDeclined", "SoftDeclined"])
def test_declined_charge_is_an_error_in_either_form(desk, amazon, reason):
    method = stored(desk, amazon)
    amazon.decline(method, reason)
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {"amount": EUR, "method": method}, key="cycle-2")
    assert (caught.value.code, caught.value.gateway_code) == ("card_declined", reason)
    assert desk.run("payment.create", {"amount": EUR, "method": method}, key="cycle-2-again")["status"] == "succeeded"


def test_permission_that_the_buyer_withdrew_ends_the_subscription(desk, amazon):
    method = stored(desk, amazon, metadata={"hub_subscription": "sub_8"})
    told(desk, amazon)
    amazon.note("CHARGE_PERMISSION", method, method, "ATTRIBUTE_CHANGE")
    amazon.close_permission(method)
    # Both notifications are read when the permission is closed already, and are one event.
    (closed,) = told(desk, amazon)
    assert (closed.type, closed.data["subscription"]) == ("subscription.cancelled", "sub_8")
    assert closed.data["reason"] == "BuyerCanceled"
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {"amount": EUR, "method": method}, key="late")
    assert caught.value.code == "wrong_state"


def test_permission_that_another_system_asked_for_is_told_as_a_subscription(desk, amazon):
    method = stored(desk, amazon)
    amazon.permissions[method]["merchantMetadata"] = {"merchantReferenceId": "their-7"}
    events = told(desk, amazon)
    assert sorted(types(events)) == ["payment.succeeded", "subscription.started"]
    assert events[0].data.get("order") is None
    amazon.note("CHARGE_PERMISSION", method, method, "ATTRIBUTE_CHANGE")
    assert types(told(desk, amazon)) == ["subscription.updated"]


# The form, the rest.


def test_form_fixes_the_amount_in_what_is_signed(desk, amazon):
    output = desk.run("form.embed", {"amount": EUR, "origin": "https://shop.example.com", **RETURN})
    assert output["client"]["kind"] == "amazon_pay.button"
    assert output["script_url"] == "https://static-eu.payments-amazon.com/checkout.js"
    session = amazon.sessions[amazon.press(output["client"])]
    assert session["paymentDetails"]["chargeAmount"]["amount"] == "19.99"


def test_dispute_is_told_and_answered(desk, amazon):
    payment = paid(desk, amazon)["payment"]
    told(desk, amazon)
    dispute = amazon.dispute(payment)
    (event,) = told(desk, amazon)
    assert (event.type, event.data["payment"], event.data["order"]) == ("dispute.opened", payment, "o_77")
    assert event.data["due_at"] == "2026-12-04T09:00:00Z"
    given = {"dispute": dispute, "evidence": {"tracking_number": "T1"}, "options": {"files": {"receipt": "file_1"}}}
    answered = desk.run("dispute.answer", given, key="a")
    assert answered["status"] == "answered"
    assert amazon.disputes[dispute]["merchantEvidences"] == [
        {"evidenceType": "Receipt", "fileId": "file_1"},
        {"evidenceType": "TrackingNumber", "evidenceText": "T1"},
    ]
    for unsupported in ({"accept": True}, {"submit": False, "evidence": {"x": "y"}}, {}):
        with pytest.raises(PermanentError) as caught:
            desk.run("dispute.answer", {"dispute": dispute, **unsupported}, key="b")
        assert caught.value.code == "bad_input"


@pytest.mark.parametrize(("resolution", "outcome"), [("BuyerWon", "lost"), ("MerchantWon", "won"), ("NoFault", "won")])
def test_dispute_gives_its_outcome(desk, amazon, resolution, outcome):
    dispute = amazon.dispute(paid(desk, amazon)["payment"])
    amazon.disputes[dispute]["statusDetails"] |= {"state": "Resolved", "resolution": resolution}
    assert told(desk, amazon)[-1].data["outcome"] == outcome


def test_request_calls_anything_signed_in(desk, amazon):
    method = stored(desk, amazon)
    body = {"closureReason": "The member left", "cancelPendingCharges": False}
    closing = {"method": "DELETE", "path": f"/v2/chargePermissions/{method}/close", "body": body}
    assert desk.run("request", closing)["body"]["statusDetails"]["state"] == "Closed"
    query = {"reportTypes": "A B", "pageSize": "10"}
    listed = desk.run("request", {"path": "/v2/reports", "query": query})
    assert listed["body"]["asked"] == query
    for path in ("/v2/../elsewhere", "/live/v2/reports", "/v2/reports?x=1"):
        with pytest.raises(PermanentError) as caught:
            desk.run("request", {"path": path})
        assert caught.value.code == "bad_input"


def test_test_button_says_the_mode(desk):
    assert "sandbox: no real money" in desk.connector.test(desk.call())


# Regions, currencies, kinds of keys.


@pytest.mark.parametrize("algorithm", ["AMZN-PAY-RSASSA-PSS", "AMZN-PAY-RSASSA-PSS-V2"])
def test_both_algorithms_sign_requests_and_buttons(desk, amazon, algorithm):
    assert paid(desk.with_settings(algorithm=algorithm), amazon)["status"] == "succeeded"


def test_old_keys_name_the_environment_in_the_path(registry, outbound):
    with FakeAmazonPay(key_id="AFMADEUP00000000000000000").running() as fake:
        desk = desk_of(fake, registry, outbound)
        output = begun(desk)
        assert output["client"]["sandbox"] is True
        assert output["client"]["createCheckoutSessionConfig"]["publicKeyId"] == fake.key_id
        assert completed(desk, fake, output)["status"] == "succeeded"
        assert all(one.path.startswith("/sandbox/v2/") for one in fake.received)
        assert fake.complaints == []


def test_yen_have_no_decimals(registry, outbound):
    with FakeAmazonPay("jp").running() as fake:
        desk = desk_of(fake, registry, outbound)
        output = paid(desk, fake, amount={"minor": 1999, "currency": "JPY"})
        assert output["captured"] == {"minor": 1999, "currency": "JPY"}
        assert fake.charges[output["payment"]]["chargeAmount"]["amount"] == "1999"
        with pytest.raises(PermanentError) as caught:
            begun(desk)
        assert caught.value.code == "currency_unsupported"
        assert fake.complaints == []


def test_other_currency_than_the_accounts_is_presented(desk, amazon):
    output = begun(desk, amount={"minor": 1999, "currency": "GBP"})
    session = amazon.sessions[amazon.press(output["client"])]
    assert session["paymentDetails"]["presentmentCurrency"] == "GBP"
    own = begun(desk.with_settings(ledger_currency="GBP"), key="gbp", amount={"minor": 1999, "currency": "GBP"})
    assert "presentmentCurrency" not in amazon.sessions[amazon.press(own["client"])]["paymentDetails"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"amount": {"minor": 15_000_001, "currency": "EUR"}}, "limit_exceeded"),
        ({"amount": {"minor": 100, "currency": "INR"}}, "currency_unsupported"),
        ({"metadata": {"long": "x" * 4097}}, "bad_input"),
        ({"return_url": None}, "bad_input"),
    ],
)
def test_what_amazon_would_refuse_is_refused_before(desk, amazon, more, code):
    with pytest.raises(PermanentError) as caught:
        begun(desk, **more)
    assert caught.value.code == code
    assert amazon.received == []
