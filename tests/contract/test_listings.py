"""The lists of payments, transfers, payouts and disputes in each gateway's own wire format: who is asked for what, page by page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.errors import PermanentError, TransientError
from tests.contract.desk import NOW
from tests.contract.paypal_steps import desk_of as paypal_desk
from tests.contract.paypal_steps import hosted, paid, running, told
from tests.contract.razorpay_steps import desk_of as razorpay_desk
from tests.fakes.fake_paypal import FakePayPal
from tests.fakes.fake_razorpay import FakeRazorpay
from tests.fakes.server import DOWN

SINCE, UNTIL = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
SECOND = int(NOW.timestamp())


def listed(desk, action, **more):
    """All items between two moments, and how many pages they took."""
    given = {"since": SINCE.isoformat(), "until": UNTIL.isoformat(), **more}
    items, pages = [], 0
    while True:
        page = desk.run(action, given)
        items, pages = items + page["items"], pages + 1
        if "next" not in page:
            return items, pages
        given["after"] = page["next"]


@pytest.fixture
def razorpay():
    with FakeRazorpay().running() as fake:
        yield fake


@pytest.fixture
def paypal():
    with FakePayPal().running() as fake:
        yield fake


# Stripe: created[gte], created[lt], starting_after.


def stripe_transfer(stripe, **more):
    return stripe._new(
        "transfers", {"amount": 400, "currency": "eur", "destination": "acct_7", "reversed": False, "amount_reversed": 0, **more}
    )  # fmt: skip


def test_stripes_transfers_come_page_by_page_within_their_time(stripe_desk, stripe):
    made = [stripe_transfer(stripe)["id"] for _ in range(205)]
    stripe_transfer(stripe, created=SECOND + 7200)
    stripe_transfer(stripe, created=SECOND - 7200)
    items, pages = listed(stripe_desk, "transfer.list")
    assert ([one["transfer"] for one in items], pages) == (made[::-1], 3)
    assert stripe.complaints == []


def test_what_stripe_says_of_a_transfer_a_payout_and_a_dispute(stripe_desk, stripe):
    stripe_transfer(
        stripe,
        currency="jpy",
        amount=5000,
        amount_reversed=2000,
        source_transaction="ch_1",
        metadata={"payment": "pi_1"},
    )
    stripe._new("payouts", {"amount": 12340, "currency": "kwd", "status": "paid", "account": None})
    stripe._new("payouts", {"amount": 1, "currency": "usd", "status": "paid", "account": "acct_7"})
    blank = {"amount": 3999, "currency": "usd", "payment_intent": "pi_1", "charge": "ch_1"}
    stripe._new("disputes", {**blank, "status": "lost", "reason": "fraudulent"})
    stripe._new("disputes", {**blank, "status": "lost", "reason": "insufficient_funds"})
    moment = "2026-11-23T09:00:00Z"
    yen = {"amount": {"minor": 5000, "currency": "JPY"}, "reversed": {"minor": 2000, "currency": "JPY"}}
    (transfer,), _ = listed(stripe_desk, "transfer.list")
    assert transfer.pop("transfer").startswith("tr_")
    said = {"metadata": {"payment": "pi_1"}, "created_at": moment}
    assert transfer == {"status": "sent", **yen, "provider": "acct_7", "payment": "pi_1", **said}
    (payout,), _ = listed(stripe_desk, "payout.list")
    assert payout.pop("payout").startswith("po_")
    ours = {"provider": "platform", "metadata": {}}
    assert payout == {"status": "paid", "amount": {"minor": 12340, "currency": "KWD"}, **ours, "created_at": moment}
    (dispute,), _ = listed(stripe_desk, "dispute.list")
    assert (dispute["status"], dispute["payment"], dispute["amount"]["minor"]) == ("lost", "pi_1", 3999)


def stripe_charge(stripe, **more):
    blank = {"amount": 4900, "currency": "eur", "status": "succeeded", "captured": True, "amount_captured": 4900}
    return stripe._new("charges", {**blank, "amount_refunded": 0, "refunded": False, "payment_intent": "pi_1", **more})


def test_stripes_payments_are_its_charges_as_they_stand(stripe_desk, stripe):
    euros = {"minor": 4900, "currency": "EUR"}
    alone = stripe_charge(stripe, payment_intent=None)["id"]
    stripe_charge(stripe, payment_intent="pi_held", captured=False, amount_captured=0)
    stripe_charge(stripe, payment_intent="pi_debit", status="pending", captured=True)
    stripe_charge(stripe, payment_intent="pi_declined", status="failed", captured=False)
    stripe_charge(stripe, payment_intent="pi_part", amount_refunded=900)
    stripe_charge(stripe, payment_intent="pi_back", amount_refunded=4900, refunded=True)
    stripe_charge(stripe, payment_intent="pi_yen", currency="jpy", amount=5000, amount_captured=3000)
    stripe_charge(stripe, payment_intent="pi_later", created=SECOND + 7200)
    items, _ = listed(stripe_desk, "payment.list")
    assert [(one["payment"], one["status"]) for one in items[::-1]] == [
        (alone, "succeeded"), ("pi_held", "authorized"), ("pi_debit", "pending"), ("pi_part", "partially_refunded"),
        ("pi_back", "refunded"), ("pi_yen", "succeeded"),
    ]  # fmt: skip
    assert items[-1] == {
        "payment": alone, "status": "succeeded", "amount": euros, "captured": euros,
        "refunded": {"minor": 0, "currency": "EUR"}, "created_at": "2026-11-23T09:00:00Z",
    }  # fmt: skip
    assert items[0]["captured"] == {"minor": 3000, "currency": "JPY"}
    assert items[2]["refunded"]["minor"] == 900
    assert stripe.complaints == []


def test_stripes_payments_come_page_by_page(stripe_desk, stripe):
    made = [stripe_charge(stripe, payment_intent=f"pi_{number}") for number in range(101)]
    items, pages = listed(stripe_desk, "payment.list")
    assert ([one["payment"] for one in items], pages) == ([one["payment_intent"] for one in made[::-1]], 2)


def test_stripes_errors_are_told_apart(stripe_desk, stripe):
    stripe.treat(DOWN)
    with pytest.raises(TransientError):
        listed(stripe_desk, "dispute.list")
    with pytest.raises(PermanentError, match="No such object"):
        listed(stripe_desk, "dispute.list", after="du_gone")


# Razorpay: from, to, count, skip; payouts at RazorpayX, of one account.


def test_razorpays_disputes_come_page_by_page_within_their_time(razorpay, registry, outbound):
    desk = razorpay_desk(razorpay, registry, outbound)
    blank = {"payment_id": "pay_1", "amount": 5000, "currency": "INR", "status": "under_review"}
    made = [razorpay.new("dispute", **blank)["id"] for _ in range(200)]
    razorpay.new("dispute", **blank)["created_at"] = int(UNTIL.timestamp())
    items, pages = listed(desk, "dispute.list")
    assert ([one["dispute"] for one in items], pages) == (made[::-1], 3)
    assert items[0] == {
        "dispute": made[-1], "status": "answered", "amount": {"minor": 5000, "currency": "INR"},
        "payment": "pay_1", "created_at": "2026-11-23T09:00:00Z",
    }  # fmt: skip
    assert razorpay.complaints == []


def test_how_razorpays_disputes_end(razorpay, registry, outbound):
    desk = razorpay_desk(razorpay, registry, outbound)
    for status in ("open", "under_review", "won", "lost", "closed"):
        razorpay.new("dispute", payment_id="pay_1", amount=5000, currency="INR", status=status)
    items, _ = listed(desk, "dispute.list")
    assert [one["status"] for one in items[::-1]] == ["opened", "answered", "won", "lost", "won"]


def test_razorpays_payments_come_page_by_page_as_they_stand(razorpay, registry, outbound):
    desk = razorpay_desk(razorpay, registry, outbound)
    blank = {"amount": 50000, "currency": "INR", "status": "captured", "captured": True, "amount_refunded": 0}
    made = [razorpay.new("payment", **blank)["id"] for _ in range(100)]
    razorpay.new("payment", **blank)["created_at"] = int(UNTIL.timestamp())
    states = [("failed", 0, False), ("authorized", 0, False), ("captured", 20000, True), ("refunded", 50000, True)]
    for status, back, captured in states:
        razorpay.new("payment", **{**blank, "status": status, "amount_refunded": back, "captured": captured})
    items, pages = listed(desk, "payment.list")
    assert [one["status"] for one in items[3::-1]] == ["failed", "authorized", "partially_refunded", "refunded"]
    assert ([one["payment"] for one in items[4:]], pages) == (made[::-1], 2)
    rupees = {"minor": 50000, "currency": "INR"}
    assert items[-1] == {
        "payment": made[0], "status": "succeeded", "amount": rupees, "captured": rupees, "created_at": "2026-11-23T09:00:00Z",
    }  # fmt: skip
    assert items[1]["refunded"] == {"minor": 20000, "currency": "INR"}
    assert razorpay.complaints == []


def test_razorpays_transfers_and_payouts(razorpay, registry, outbound):
    desk = razorpay_desk(razorpay, registry, outbound)
    rupees = {"minor": 50000, "currency": "INR"}
    sent = desk.run("transfer.create", {"provider": "acc_Vendor", "amount": rupees}, key="t")["transfer"]
    part = {"transfer": sent, "amount": {"minor": 20000, "currency": "INR"}}
    desk.run("transfer.reverse", part, key="r")
    to = {"fund_account": "fa_Known"}
    paid_out = desk.run("payout.create", {"provider": "prv_2", "amount": rupees, "to": to}, key="p")["payout"]
    razorpay.send(paid_out, "reversed")
    (transfer,), _ = listed(desk, "transfer.list")
    assert (transfer["transfer"], transfer["status"], transfer["reversed"]["minor"]) == (sent, "sent", 20000)
    (payout,), _ = listed(desk, "payout.list")
    assert (payout["payout"], payout["status"], payout["amount"]) == (paid_out, "reversed", rupees)
    assert listed(desk.with_settings(payout_account=None), "payout.list") == ([], 1)
    with pytest.raises(PermanentError, match="Account number"):
        listed(desk.with_settings(payout_account="999"), "payout.list")
    with pytest.raises(PermanentError, match="no page"):
        listed(desk, "transfer.list", after="soon")


# PayPal: disputes by start_time and next_page_token; how a resolved one ended stands in the dispute itself.


def test_paypals_disputes_come_page_by_page_with_their_ends(paypal, registry, outbound):
    desk = paypal_desk(paypal, registry, outbound)
    paid(desk, paypal)
    euros = {"currency_code": "EUR", "value": "9.99"}
    made = [paypal.dispute(next(iter(paypal.captures)), euros) for _ in range(53)]
    paypal.disputes[made[0]]["create_time"] = "2026-11-20T09:00:00Z"
    paypal.resolve(made[1], "RESOLVED_BUYER_FAVOUR")
    paypal.disputes[made[2]]["status"] = "UNDER_REVIEW"
    items, pages = listed(desk, "dispute.list")
    assert ([one["dispute"] for one in items], pages) == (made[:0:-1], 2)
    assert {one["status"] for one in items[:-2]} == {"opened"}
    assert [one["status"] for one in items[-2:]] == ["answered", "lost"]
    assert items[0]["amount"] == {"minor": 999, "currency": "EUR"}
    assert paypal.complaints == []


def test_paypal_lists_the_disputes_of_half_a_year_only(paypal, registry, outbound):
    desk = paypal_desk(paypal, registry, outbound)
    listed(desk, "dispute.list", since="2020-01-01T00:00:00Z")
    assert "start_time=2026-05-28" in paypal.received[-1].query
    paypal.refuse(403, {"name": "NOT_AUTHORIZED", "message": "Authorization failed.", "debug_id": "made"})
    with pytest.raises(PermanentError) as caught:
        listed(desk, "dispute.list")
    assert caught.value.code == "forbidden"


# PayPal: payments are the events that PayPal told the app, of the last 30 days; a link to the next page keeps no event_type.


def test_paypals_payments_go_by_the_ids_of_their_reports_page_by_page(paypal, registry, outbound):
    desk = paypal_desk(paypal, registry, outbound)
    orders = [paid(desk, paypal, key=f"pay-{number}") for number in range(3)]
    old = paid(desk, paypal, key="old")
    for event in paypal.events:
        if event["resource"].get("supplementary_data", {}).get("related_ids") == {"order_id": old}:
            del event["resource"]["supplementary_data"]
    paypal.decline(hosted(desk, key="declined"))
    paypal.outcomes[waiting := hosted(desk, key="waits")] = "PENDING"
    paypal.take(paypal.orders[waiting])
    paypal.renew(running(desk, paypal))
    reported = [one.data["payment"] for one in told(desk, paypal) if one.type == "payment.succeeded"]
    paypal.page = 2
    items, pages = listed(desk, "payment.list")
    assert [one["payment"] for one in items] == reported
    assert (reported[:4], pages) == ([*orders, old], 3)
    euros = {"minor": 1999, "currency": "EUR"}
    assert items[0] == {
        "payment": orders[0], "status": "succeeded", "amount": euros, "created_at": "2026-11-23T09:00:00Z",
    }  # fmt: skip
    assert paypal.complaints == []


def test_what_paypal_shows_of_a_payment_that_went_back(paypal, registry, outbound):
    desk = paypal_desk(paypal, registry, outbound)
    for number in range(2):
        paid(desk, paypal, key=f"pay-{number}")
    taken = [one["resource"] for one in paypal.events if one["event_type"] == "PAYMENT.CAPTURE.COMPLETED"]
    taken[0]["status"], taken[1]["status"] = "REFUNDED", "PARTIALLY_REFUNDED"
    items, _ = listed(desk, "payment.list")
    assert [one["status"] for one in items] == ["refunded", "partially_refunded"]


def test_whatever_else_paypals_list_of_events_has_is_no_payment(paypal, registry, outbound):
    desk = paypal_desk(paypal, registry, outbound)
    payment = paid(desk, paypal)
    desk.run("payment.refund", {"payment": payment}, key="back")
    paypal.tell("PAYMENT.CAPTURE.COMPLETED", "capture", {})
    taken = next(one for one in paypal.events if one["event_type"] == "PAYMENT.CAPTURE.COMPLETED")
    del taken["resource"]["create_time"]
    unfiltered = paypal.listed_events
    paypal.listed_events = lambda query: unfiltered({name: query[name] for name in query if name != "event_type"})
    items, _ = listed(desk, "payment.list")
    assert [(one["payment"], one["created_at"]) for one in items] == [(payment, "2026-11-23T09:00:00.123000Z")]


def test_paypal_lists_the_payments_of_a_month_only(paypal, registry, outbound):
    desk = paypal_desk(paypal, registry, outbound)
    assert listed(desk, "payment.list", since="2020-01-01T00:00:00Z") == ([], 2)
    assert "start_time=2026-10-25T09%3A00%3A00Z&end_time=2026-11-23T10%3A00%3A00Z" in paypal.received[-1].query
    for after in ("soon", "event_type=CUSTOMER.DISPUTE.CREATED&page_size=1"):
        with pytest.raises(PermanentError, match="no page"):
            listed(desk, "payment.list", after=after)
    paypal.treat(DOWN)
    with pytest.raises(TransientError):
        listed(desk, "payment.list")
