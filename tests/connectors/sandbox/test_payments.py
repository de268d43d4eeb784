import pytest


def test_a_payment_succeeds_with_its_fee_and_what_it_carried(served):
    payment = served.payment(
        customer={"email": "ada@example.com"}, metadata={"order": "o_1"}, references={"order": "o_1", "job": "j_1"}
    )
    paid = served.post(f"/test/payments/{payment['id']}/choose", customer={"name": "Ada Lovelace"})
    assert (paid["status"], paid["captured"], paid["fee"]) == ("succeeded", 10000, 320)
    assert paid["metadata"] == {"order": "o_1"}
    assert paid["references"] == {"order": "o_1", "job": "j_1"}
    assert paid["customer"]["name"] == "Ada Lovelace"
    assert paid["checkout_url"] is None
    assert served.events() == ["payment.created", "payment.succeeded"]
    assert served.books_balance()


def test_a_declined_payment_can_be_tried_again(served):
    payment = served.payment()
    path = f"/test/payments/{payment['id']}/choose"
    declined = served.post(path, choice="decline", reason="insufficient_funds")
    assert declined["failure"] == {
        "code": "insufficient_funds",
        "message": "The account does not hold enough money.",
    }
    assert declined["checkout_url"]
    assert served.post(path)["status"] == "succeeded"
    assert served.events() == ["payment.created", "payment.failed", "payment.succeeded"]


def test_a_paid_payment_is_not_paid_twice(served):
    paid = served.paid()
    assert served.refused(f"/test/payments/{paid['id']}/choose") == (409, "wrong_state")
    assert served.get("/balance")["accounts"]["payers"] == {"USD": -10000}


@pytest.mark.parametrize(("outcome", "status"), [("succeeds", "succeeded"), ("fails", "failed")])
def test_pay_later_ends_by_the_clock(served, outcome, status):
    payment = served.payment()
    pending = served.post(f"/test/payments/{payment['id']}/choose", choice="later", outcome=outcome)
    assert (pending["status"], pending["method"]["kind"]) == ("pending", "bank")
    served.forward("day", 2)
    assert served.get(f"/payments/{payment['id']}")["status"] == "pending"
    served.forward("day", 1)
    assert served.get(f"/payments/{payment['id']}")["status"] == status


def test_pay_later_ends_by_a_click(served):
    payment = served.paid(choice="later")
    assert served.post(f"/test/payments/{payment['id']}/settle", outcome="fails")["status"] == "failed"
    assert served.forward("week") == 0


def test_money_that_arrives_after_the_payment_expired_still_counts(served):
    payment = served.payment()
    served.post(f"/test/payments/{payment['id']}/choose", choice="later", outcome="late")
    served.forward("week")
    assert served.get(f"/payments/{payment['id']}")["status"] == "succeeded"
    assert served.events() == ["payment.created", "payment.pending", "payment.expired", "payment.succeeded"]


def test_a_bank_takes_a_payment_back_after_its_success(served):
    payment = served.paid(choice="return")
    assert payment["status"] == "succeeded"
    served.forward("week")
    assert served.get(f"/payments/{payment['id']}")["status"] == "returned"
    assert served.refused("/refunds", payment=payment["id"]) == (409, "wrong_state")
    assert served.get("/balance")["accounts"]["payers"] == {"USD": 0}
    assert served.books_balance()


def test_a_payment_that_nobody_pays_expires_in_time(served):
    payment = served.payment(expires_at="2026-11-24T09:00:00Z")
    served.clock.pass_(hours=23)
    assert served.get(f"/payments/{payment['id']}")["status"] == "created"
    served.clock.pass_(hours=1)
    assert served.refused(f"/test/payments/{payment['id']}/choose") == (409, "wrong_state")
    assert served.get(f"/payments/{payment['id']}")["status"] == "expired"


def test_an_authorisation_is_captured_in_parts_up_to_its_amount(served):
    payment = served.paid(capture="manual")
    path = f"/payments/{payment['id']}/capture"
    assert payment["status"] == "authorized"
    assert payment["lapses_at"] == "2026-11-30T09:00:00.000Z"
    assert served.post(path, amount=6000, final=False)["captured"] == 6000
    assert served.refused(path, amount=4001) == (422, "amount_exceeds_rest")
    assert served.post(path, amount=1000)["captured"] == 7000
    assert served.refused(path, amount=1) == (409, "wrong_state")
    assert served.events("payment.") == [
        "payment.created",
        "payment.authorized",
        "payment.succeeded",
        "payment.captured",
    ]
    assert served.refused("/refunds", payment=payment["id"], amount=7001) == (422, "amount_exceeds_rest")


def test_an_authorisation_is_let_go(served):
    payment = served.paid(capture="manual")
    assert served.post(f"/payments/{payment['id']}/void")["status"] == "voided"
    assert served.refused(f"/payments/{payment['id']}/void") == (409, "wrong_state")
    assert served.get("/balance")["accounts"] == {}


def test_an_authorisation_lapses_after_a_warning(served):
    payment = served.paid(capture="manual", authorization_days=5)
    served.forward("day", 4)
    assert served.events("hold.") == ["hold.created", "hold.lapsing"]
    served.forward("day", 1)
    assert served.get(f"/payments/{payment['id']}")["status"] == "expired"
    assert served.events("hold.", "payment.exp") == ["hold.created", "hold.lapsing", "hold.lapsed", "payment.expired"]


def test_refunds_repeat_until_nothing_is_left(served):
    paid = served.paid()
    first = served.post("/refunds", payment=paid["id"], amount=2500)
    second = served.post("/refunds", payment=paid["id"])
    assert (first["total_refunded"], second["amount"], second["total_refunded"]) == (2500, 7500, 10000)
    assert served.get(f"/payments/{paid['id']}")["status"] == "refunded"
    assert served.refused("/refunds", payment=paid["id"]) == (409, "already_refunded")


def test_a_refund_that_the_bank_refuses_comes_back(served):
    paid = served.paid()
    refund = served.post("/refunds", payment=paid["id"], amount=2500)
    failed = served.post(f"/test/refunds/{refund['id']}/fail")
    assert (failed["status"], failed["total_refunded"]) == ("failed", 0)
    assert served.get(f"/payments/{paid['id']}")["status"] == "succeeded"
    assert served.books_balance()


@pytest.mark.parametrize(("outcome", "platform"), [("won", 9680), ("lost", -320)])
def test_a_dispute_is_won_or_lost(served, outcome, platform):
    paid = served.paid()
    dispute = served.post(f"/test/payments/{paid['id']}/dispute")
    assert served.get(f"/payments/{paid['id']}")["status"] == "disputed"
    assert served.refused("/refunds", payment=paid["id"], amount=1) == (422, "amount_exceeds_rest")
    answered = served.post(f"/disputes/{dispute['id']}/answer", evidence={"shipping_tracking": "1Z"})
    assert answered["status"] == "answered"
    assert served.post(f"/test/disputes/{dispute['id']}/close", outcome=outcome)["status"] == outcome
    assert served.get("/balance")["accounts"]["platform"] == {"USD": platform}
    assert served.refused(f"/disputes/{dispute['id']}/answer") == (409, "window_closed")


def test_a_dispute_that_nobody_answers_is_lost_at_its_date(served):
    paid = served.paid()
    dispute = served.post(f"/test/payments/{paid['id']}/dispute")
    served.forward("day", 14)
    assert served.get(f"/disputes/{dispute['id']}")["status"] == "lost"


def test_a_stored_means_is_charged_without_the_payer(served):
    first = served.paid(save_method=True)
    again = served.payment(2000, method=first["stored_method"])
    assert again["status"] == "succeeded"
    served.post(f"/test/methods/{first['stored_method']}", behaviour="expired_card")
    refused = served.call("POST", "/payments", {"amount": 1, "currency": "USD", "method": first["stored_method"]})
    assert refused.status_code == 402
    assert refused.json()["error"]["code"] == "expired_card"
    assert refused.json()["payment"]["status"] == "failed"
    assert served.events()[-1] == "payment.failed"


def test_shares_of_a_payment_never_exceed_it(served):
    paid = served.paid()
    share = served.post("/transfers", provider="a", amount=6001, currency="USD", payment=paid["id"])
    served.post("/transfers", provider="b", amount=3999, currency="USD", payment=paid["id"])
    assert served.refused("/transfers", provider="c", amount=1, currency="USD", payment=paid["id"]) == (
        422,
        "amount_exceeds_rest",
    )
    taken = served.post(f"/transfers/{share['id']}/reversals", amount=1000)
    assert (taken["reversal_amount"], taken["reversed"], taken["status"]) == (1000, 1000, "sent")
    assert served.refused(f"/transfers/{share['id']}/reversals", amount=5002) == (422, "amount_exceeds_rest")
    assert served.post(f"/transfers/{share['id']}/reversals")["status"] == "reversed"
    assert served.get("/balance")["accounts"]["provider:a"] == {"USD": 0}


def test_a_restricted_account_gets_nothing(served):
    answer = served.refused("/transfers", provider="a_restricted", amount=1, currency="USD")
    assert answer == (422, "account_restricted")


def test_payouts_arrive_fail_and_stay_within_the_balance(served):
    paid = served.paid()
    for provider in ("a", "b_closed"):
        served.post("/transfers", provider=provider, amount=3000, currency="USD", payment=paid["id"])
    assert served.refused("/payouts", provider="a", amount=3001, currency="USD") == (422, "balance_too_low")
    good = served.post("/payouts", provider="a", amount=3000, currency="USD")
    closed = served.post("/payouts", provider="b_closed", amount=3000, currency="USD")
    own = served.post("/payouts", provider="c", amount=3000, currency="USD", to={"iban": "DE00"})
    served.clock.pass_(seconds=10)
    assert served.get(f"/payouts/{good['id']}")["status"] == "paid"
    assert served.get(f"/payouts/{own['id']}")["status"] == "paid"
    failed = served.get(f"/payouts/{closed['id']}")
    assert (failed["status"], failed["reason"]) == ("failed", "account_closed")
    accounts = served.get("/balance")["accounts"]
    assert accounts["provider:b_closed"] == {"USD": 3000}
    assert accounts["bank"] == {"USD": 6000}
    assert served.books_balance()


def test_a_form_gives_a_snippet_for_one_origin(served):
    form = served.post("/forms", amount=500, currency="EUR", frame_origin="https://shop.example")
    page = served.shop.get(form["frame_url"], timeout=10)
    assert "frame-ancestors https://shop.example" in page.headers["Content-Security-Policy"]
    assert form["payment"] in form["snippet"]
    assert served.shop.get(form["script_url"], timeout=10).status_code == 200
    plain = served.shop.get(served.payment()["checkout_url"], timeout=10)
    assert "frame-ancestors 'none'" in plain.headers["Content-Security-Policy"]
