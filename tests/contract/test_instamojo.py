from __future__ import annotations

from datetime import timedelta

import pytest

from hub.errors import PermanentError
from tests.contract.desk import NOW
from tests.contract.instamojo_steps import ADA, INR, PART, RETURN, begun, desk_of, events_of, paid, told, types
from tests.fakes.fake_instamojo import NOT_FOUND, FakeInstamojo


@pytest.fixture
def instamojo():
    with FakeInstamojo().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(instamojo, registry, outbound):
    return desk_of(instamojo, registry, outbound)


# Payments.


def test_hosted_payment_is_a_request_that_carries_the_references(desk, instamojo):
    output = begun(desk, description="Two lamps and a very long shade for them", metadata={"shop": "1 & 2"})
    request = instamojo.requests[output["payment"]]
    assert output["status"] == "created"
    assert output["amount"] == INR
    assert output["checkout_url"] == request["longurl"]
    assert (request["amount"], request["purpose"]) == ("2500.00", "Two lamps and a very long shad")
    assert (request["email"], request["buyer_name"], request["phone"]) == (ADA["email"], ADA["name"], ADA["phone"])
    assert request["redirect_url"] == RETURN["return_url"]
    assert not request["allow_repeated_payments"]
    assert not request["send_email"]
    assert request["webhook"].startswith(f"{instamojo.hook}?shop=1+%26+2&order=o_77&hub_step=hub-")
    assert output["metadata"]["shop"] == "1 & 2"


def test_return_of_the_payer_only_says_where_to_look(desk, instamojo):
    output = paid(desk, instamojo)
    assert output["payment"].startswith("MOJO")
    assert (output["status"], output["captured"]) == ("succeeded", INR)
    assert output["fee"] == {"minor": 5000, "currency": "INR"}
    assert output["method"] == {"kind": "upi"}
    assert output["metadata"]["order"] == "o_77"
    again = desk.run("payment.complete", {"payment": output["payment"], "parameters": {}}, key="again")
    assert again == output


def test_forged_return_counts_for_nothing(desk, instamojo):
    mine, other = begun(desk)["payment"], begun(desk, key="other")["payment"]
    theirs = instamojo.pay(other)
    for payment_id in (theirs["payment_id"], "MOJO0000000N00000000"):
        forged = {"payment_id": payment_id, "payment_status": "Credit", "payment_request_id": mine}
        with pytest.raises(PermanentError) as caught:
            desk.run("payment.complete", {"payment": mine, "parameters": forged}, key="c")
        assert caught.value.code == "bad_return"
    unpaid = desk.run("payment.complete", {"payment": mine, "parameters": {"payment_status": "Credit"}}, key="c2")
    assert unpaid["status"] == "created"
    mine_paid = instamojo.pay(mine)["payment_id"]
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.complete", {"payment": mine_paid, "parameters": theirs}, key="c3")
    assert caught.value.code == "bad_return"


def test_second_attempt_on_a_request_is_found_after_the_first_one_failed(desk, instamojo):
    request = begun(desk)["payment"]
    instamojo.decline(request)
    failed = desk.run("payment.complete", {"payment": request, "parameters": {}}, key="c1")
    assert failed["status"] == "failed"
    parameters = instamojo.pay(request)
    done = desk.run("payment.complete", {"payment": failed["payment"], "parameters": parameters}, key="c2")
    assert (done["status"], done["payment"]) == ("succeeded", parameters["payment_id"])


def test_failed_attempt_gives_its_reason_and_the_request_may_still_be_paid(desk, instamojo):
    payment = begun(desk)["payment"]
    instamojo.decline(payment)
    failed = desk.run("payment.get", {"payment": payment})
    assert (failed["status"], failed["reason"]) == ("failed", "insufficient_funds")
    assert failed["gateway"]["code"] == "INSUFFICIENT_FUNDS"
    instamojo.pay(payment)
    assert desk.run("payment.get", {"payment": payment})["status"] == "succeeded"
    assert types(told(desk, instamojo)) == ["payment.succeeded"]


def test_bank_that_waits_is_pending_then_succeeds(desk, instamojo):
    payment = begun(desk)["payment"]
    waiting = instamojo.wait(payment)
    assert desk.run("payment.get", {"payment": payment})["status"] == "pending"
    instamojo.decide(waiting)
    (event,) = told(desk, instamojo)
    assert event.source_id == f"payment.succeeded:{waiting}"


def test_delivery_is_read_again_and_names_order_and_payer(desk, instamojo):
    request = begun(desk)["payment"]
    payment = instamojo.pay(request)["payment_id"]
    (event,) = told(desk, instamojo)
    assert event.source_id == f"payment.succeeded:{payment}"
    assert event.data["order"] == "o_77"
    assert event.data["customer"]["email"] == "ada@example.com"
    assert event.data["amount"] == event.data["captured"] == INR
    assert event.data["fee"] == {"minor": 5000, "currency": "INR"}
    assert event.data["gateway"]["checkout"] == request


def test_signed_delivery_of_what_was_not_paid_gives_no_success(desk, instamojo):
    request = begun(desk)["payment"]
    waiting = instamojo.payments[instamojo.wait(request)]
    instamojo.deliver(waiting, "Credit")
    assert types(told(desk, instamojo)) == ["payment.pending"]
    waiting |= {"status": False, "failure": {"reason": "RISK", "message": "No."}}
    instamojo.deliver(waiting, "Credit")
    (event,) = told(desk, instamojo)
    assert (event.type, event.data["reason"]) == ("payment.failed", "fraud_review")


def test_failures_are_told_where_support_has_switched_them_on(desk, instamojo):
    instamojo.tells_failures = True
    instamojo.decline(begun(desk)["payment"])
    (event,) = told(desk, instamojo)
    assert (event.type, event.data["reason"]) == ("payment.failed", "insufficient_funds")


def test_amounts_are_exact_where_answers_hold_numbers(desk, instamojo):
    instamojo.numbers = True
    odd = {"minor": 199909, "currency": "INR"}
    output = paid(desk, instamojo, amount=odd)
    assert output["amount"] == output["captured"] == odd
    (event,) = told(desk, instamojo)
    assert event.data["amount"] == odd


def test_request_with_an_end_stays_open_for_ten_minutes_at_the_most(desk, instamojo):
    output = begun(desk, expires_at="2026-11-23T09:08:00Z")
    assert output["expires_at"] == "2026-11-23T09:08:00Z"
    late = desk.call({"payment": output["payment"]}, now=NOW + timedelta(minutes=9))
    assert desk.connector.run("payment.get", late)["status"] == "expired"
    for end in ("2026-11-23T09:20:00Z", "2026-11-23T08:00:00Z"):
        with pytest.raises(PermanentError, match="ten minutes"):
            begun(desk, key=end, expires_at=end)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ({"minor": 899, "currency": "INR"}, "amount_too_small"),
        ({"minor": 20000001, "currency": "INR"}, "limit_exceeded"),
        ({"minor": 1000, "currency": "USD"}, "currency_unsupported"),
    ],
)
def test_amounts_outside_of_the_limits_are_refused_before_anything_is_sent(desk, instamojo, amount, code):
    with pytest.raises(PermanentError) as caught:
        begun(desk, amount=amount)
    assert caught.value.code == code
    assert instamojo.received == []


def test_limits_themselves_are_taken(desk):
    for minor in (900, 20000000):
        assert begun(desk, key=str(minor), amount={"minor": minor, "currency": "INR"})["status"] == "created"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"method": "card_1"}, "method_unavailable"),
        ({"save_method": True}, "method_unavailable"),
        ({"capture": "manual"}, "bad_input"),
        ({"methods": ["card"]}, "bad_input"),
        ({"metadata": {"long": "x" * 1000}}, "bad_input"),
    ],
)
def test_what_instamojo_cannot_do_is_said_before_anything_is_sent(desk, instamojo, more, code):
    with pytest.raises(PermanentError) as caught:
        begun(desk, **more)
    assert caught.value.code == code
    assert instamojo.received == []


def test_void_closes_what_nobody_paid_and_nothing_else(desk, instamojo):
    payment = begun(desk)["payment"]
    for key in ("v1", "v2"):
        assert desk.run("payment.void", {"payment": payment}, key=key)["status"] == "voided"
    assert instamojo.requests[payment]["enabled"] is False
    done = begun(desk, key="paid")["payment"]
    for reference in (done, instamojo.pay(done)["payment_id"]):
        with pytest.raises(PermanentError) as caught:
            desk.run("payment.void", {"payment": reference}, key=reference)
        assert caught.value.code == "wrong_state"


def test_refund_is_asked_for_and_waits_for_review(desk, instamojo):
    payment = paid(desk, instamojo)["payment"]
    asked = desk.run("payment.refund", {"payment": payment, "amount": PART, "reason": "It was broken"}, key="r")
    refund = instamojo.refunds[asked["refund"]]
    assert (asked["status"], asked["amount"]) == ("pending", PART)
    assert "total_refunded" not in asked
    assert (refund["type"], refund["refund_amount"]) == ("PTH", "500.00")
    assert refund["body"].startswith("It was broken (hub-")
    assert desk.run("payment.get", {"payment": payment})["status"] == "succeeded"
    instamojo.review(asked["refund"], "Refunded")
    got = desk.run("payment.get", {"payment": payment})
    assert (got["status"], got["refunded"]) == ("partially_refunded", PART)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"reason": "duplicate"}, "RFD"),
        ({"reason": "requested_by_customer"}, "QFL"),
        ({"options": {"type": "TAN"}}, "TAN"),
        ({}, "PTH"),
    ],
)
def test_refund_names_one_of_instamojos_types(desk, instamojo, given, kind):
    asked = desk.run("payment.refund", {"payment": paid(desk, instamojo)["payment"], **given}, key="r")
    assert instamojo.refunds[asked["refund"]]["type"] == kind
    assert asked["amount"] == INR


def test_link_is_made_paid_and_told_as_a_link(desk, instamojo):
    given = {"amount": INR, "description": "Piano lesson", "customer": ADA, "order": "o_2", "options": {"email": True}}
    output = desk.run("link.create", given)
    assert output["url"] == instamojo.requests[output["link"]]["longurl"]
    assert instamojo.requests[output["link"]]["send_email"]
    instamojo.pay(output["link"])
    events = told(desk, instamojo)
    assert types(events) == ["payment.succeeded", "link.paid"]
    assert events[1].data["link"] == output["link"]
    assert events[1].data["order"] == "o_2"
    with pytest.raises(PermanentError) as caught:
        desk.run("link.cancel", {"link": output["link"]}, key="x")
    assert caught.value.code == "wrong_state"


def test_reusable_link_is_paid_twice_and_then_closed(desk, instamojo):
    output = desk.run("link.create", {"amount": INR, "reusable": True})
    for _ in range(2):
        instamojo.pay(output["link"])
    assert types(told(desk, instamojo)) == ["payment.succeeded", "link.paid"] * 2
    for key in ("x1", "x2"):
        assert desk.run("link.cancel", {"link": output["link"]}, key=key)["status"] == "cancelled"
    assert instamojo.requests[output["link"]]["enabled"] is False


def test_embedded_payment_and_form_name_the_request_and_no_amount(desk, instamojo):
    output = begun(desk, presentation="embedded")
    assert "checkout_url" not in output
    assert output["client"]["url"] == instamojo.requests[output["payment"]]["longurl"]
    form = desk.run("form.embed", {"amount": INR, "customer": ADA}, key="f")
    assert form["client"]["kind"] == "instamojo.checkout"
    assert form["script_url"] == "https://js.instamojo.com/v1/checkout.js"
    assert "https://js.instamojo.com" in form["origins"]
    assert "amount" not in form["client"]


def test_money_is_held_for_a_marketplace_and_let_go(desk, instamojo):
    payment = paid(desk, instamojo, options={"hold": True})["payment"]
    events = told(desk, instamojo)
    assert types(events) == ["payment.succeeded", "escrow.held"]
    assert events[1].data["hold"] == payment
    for key in ("h1", "h2"):
        output = desk.run("hold.release", {"hold": payment}, key=key)
        assert (output["status"], output["amount"]) == ("released", INR)
    assert instamojo.payments[payment]["fulfilled"]


def test_request_calls_anything_signed_in(desk, instamojo):
    payment = begun(desk)["payment"]
    output = desk.run("request", {"path": f"/v2/payment_requests/{payment}"})
    assert (output["status"], output["body"]["id"]) == (200, payment)
    form = {"amount": "10.00", "purpose": "By hand"}
    made = desk.run("request", {"method": "POST", "path": "/v2/payment_requests/", "body": form}, key="p")
    assert instamojo.requests[made["body"]["id"]]["purpose"] == "By hand"
    for given in ({"path": "/v2/../x"}, {"method": "POST", "path": "/v2/x", "body": ["a"]}):
        with pytest.raises(PermanentError) as caught:
            desk.run("request", given, key="bad")
        assert caught.value.code == "bad_input"


def test_test_button_says_the_mode(desk):
    assert "no real money" in desk.connector.test(desk.call())


# Tokens.


def test_token_is_shared_and_renewed_when_it_is_refused(desk, instamojo):
    begun(desk)
    desk.run("payment.get", {"payment": begun(desk, key="two")["payment"]})
    assert instamojo.count("POST", "/oauth2/token/") == 1
    instamojo.tokens.clear()
    instamojo.tokens["made_up_old_token"] = NOW
    assert begun(desk, key="three")["status"] == "created"
    assert instamojo.count("POST", "/oauth2/token/") == 2


def test_marketplace_acts_for_a_merchant(instamojo, registry, outbound):
    desk = desk_of(instamojo, registry, outbound, username="ada", password="made_up_password")
    assert begun(desk)["status"] == "created"
    assert all("password" in token for token in instamojo.tokens)
    wrong = desk_of(instamojo, registry, outbound, username="ada", password="another")
    with pytest.raises(PermanentError) as caught:
        begun(wrong)
    assert caught.value.code == "unauthorised"
    assert "another" not in f"{caught.value} {caught.value.details}"


# Polling.


def test_polling_finds_what_webhooks_never_tell_once(desk, instamojo):
    first = desk.connector.poll(desk.call(), None)
    assert first.events == ()
    link = desk.run("link.create", {"amount": INR, "order": "o_9", "expires_at": "2026-11-23T09:05:00Z"}, key="l")
    payment = paid(desk, instamojo)["payment"]
    failed = begun(desk, key="failed")["payment"]
    instamojo.decline(failed)
    waiting = instamojo.wait(begun(desk, key="waiting")["payment"])
    refund = desk.run("payment.refund", {"payment": payment, "amount": PART}, key="r")["refund"]
    instamojo.pay_out("2441.00")
    later = desk.call(now=NOW + timedelta(minutes=10))
    second = desk.connector.poll(later, first.cursor)
    found = events_of(desk, second.events)
    assert sorted(types(found)) == [
        "link.expired",
        "payment.expired",
        "payment.failed",
        "payment.pending",
        "payment.succeeded",
        "payout.paid",
    ]
    by_type = {event.type: event for event in found}
    assert by_type["payment.expired"].data["payment"] == link["link"]
    assert by_type["link.expired"].data["order"] == "o_9"
    assert by_type["payment.failed"].data["gateway"]["checkout"] == failed
    assert by_type["payout.paid"].data["amount"] == {"minor": 244100, "currency": "INR"}
    assert {event.source_id for event in told(desk, instamojo)} <= {event.source_id for event in found}
    instamojo.review(refund, "Rejected")
    instamojo.decide(waiting)
    third = desk.connector.poll(later, second.cursor)
    assert sorted(types(events_of(desk, third.events))) == ["payment.succeeded", "refund.failed"]
    assert desk.connector.poll(later, third.cursor).events == ()


def test_polling_asks_about_decided_payments_only_once(desk, instamojo):
    paid(desk, instamojo)
    cursor = desk.connector.poll(desk.call(), {"begun": NOW.isoformat(), "seen": []}).cursor
    instamojo.received.clear()
    assert desk.connector.poll(desk.call(), cursor).events == ()
    listings = ["payment_requests", "payments", "refunds", "payouts"]
    assert [one.path for one in instamojo.received] == [f"/v2/{one}/" for one in listings]


def test_a_request_that_was_paid_in_time_is_not_told_as_expired(desk, instamojo):
    link = desk.run("link.create", {"amount": INR, "order": "o_9", "expires_at": "2026-11-23T09:05:00Z"}, key="l")
    instamojo.pay(link["link"])
    later = desk.call(now=NOW + timedelta(minutes=10))
    polled = desk.connector.poll(later, {"begun": NOW.isoformat(), "seen": []})
    assert types(events_of(desk, polled.events)) == ["payment.succeeded", "link.paid"]
    instamojo.received.clear()
    assert desk.connector.poll(later, polled.cursor).events == ()
    assert len(instamojo.received) == 4, "what is over is read once"


def test_a_request_that_is_listed_only_is_told_as_it_is_listed(desk, instamojo):
    link = desk.run("link.create", {"amount": INR, "order": "o_9", "expires_at": "2026-11-23T09:05:00Z"}, key="l")
    shown = instamojo._route
    instamojo._route = lambda request, kind, rest: (
        NOT_FOUND if (kind, rest) == ("payment_requests", [link["link"]]) else shown(request, kind, rest)
    )
    later = desk.call(now=NOW + timedelta(minutes=10))
    polled = desk.connector.poll(later, {"begun": NOW.isoformat(), "seen": []})
    (expired, _) = events_of(desk, polled.events)
    assert (expired.type, expired.data["payment"], expired.data["order"]) == ("payment.expired", link["link"], "o_9")


def test_payments_are_found_by_the_links_of_their_requests_where_they_are_not_listed(desk, instamojo):
    instamojo.lists_links = True
    hidden = instamojo._listed
    instamojo._listed = lambda kind, query: NOT_FOUND if kind == "payments" else hidden(kind, query)
    paid(desk, instamojo)
    polled = desk.connector.poll(desk.call(), {"begun": NOW.isoformat(), "seen": []})
    assert types(events_of(desk, polled.events)) == ["payment.succeeded"]


def test_polling_goes_through_the_pages_and_leaves_out_what_is_old(desk, instamojo):
    for number in range(120):
        request = begun(desk, key=f"b{number}")["payment"]
        if number % 40 == 0:
            instamojo.decline(request)
    polled = desk.connector.poll(desk.call(), {"begun": NOW.isoformat(), "seen": []})
    assert types(events_of(desk, polled.events)) == ["payment.failed"] * 3
    later = desk.call(now=NOW + timedelta(days=8))
    assert desk.connector.poll(later, {"begun": NOW.isoformat(), "seen": []}).events == ()


def test_account_without_payouts_is_polled_all_the_same(desk, instamojo):
    instamojo.decline(begun(desk)["payment"])
    hidden = instamojo._listed
    instamojo._listed = lambda kind, query: NOT_FOUND if kind == "payouts" else hidden(kind, query)
    polled = desk.connector.poll(desk.call(), {"begun": NOW.isoformat(), "seen": []})
    assert types(events_of(desk, polled.events)) == ["payment.failed"]
