"""What Stripe takes for refunds of payments that it converted: at once, later, or given back when the refund fails."""

from __future__ import annotations

import pytest

from tests.contract.stripe_steps import EUR, canonical, paid


@pytest.fixture
def desk(stripe_desk):
    return stripe_desk


def money(minor, currency):
    return {"minor": minor, "currency": currency}


def refunded(desk, payment, **given):
    return desk.run("payment.refund", {"payment": payment, **given}, key=f"refund{len(given)}")


def told(desk, stripe, *types):
    return [one for raw in stripe.events for one in canonical(desk, stripe, raw) if one.type in types]


@pytest.mark.parametrize(
    ("amount", "balance", "taken", "fee", "settled"),
    [
        (EUR, ("usd", 2150, 92), (2101, 0), money(0, "USD"), money(2101, "USD")),
        (EUR, ("usd", 2150, 92), (2199, 31), money(31, "USD"), money(2199, "USD")),
        (money(15000, "JPY"), ("kwd", 30120, 1050), (30990, 0), money(0, "KWD"), money(30990, "KWD")),
        (money(30120, "KWD"), ("jpy", 15043, 541), (14800, -12), money(-12, "JPY"), money(14800, "JPY")),
        (EUR, ("isk", 290000, 9000), (290050, 0), None, None),  # there is no half a krona
        (EUR, ("eur", 1999, 83), (1999, 0), None, None),
        (EUR, ("eur", 1999, 83), (1999, -83), money(-83, "EUR"), None),
    ],
)
def test_what_stripe_took_for_a_refund_is_in_its_answer_its_event_and_the_payment(
    desk, stripe, amount, balance, taken, fee, settled
):
    stripe.balance, stripe.taken = balance, [taken]
    payment = paid(desk, amount=amount, order="o_77")["payment"]
    answer = refunded(desk, payment)
    (issued,) = told(desk, stripe, "refund.issued")
    known = [answer, issued.data]
    rates = told(desk, stripe, "refund.settled")
    seen = desk.run("payment.get", {"payment": payment})
    by_charge = desk.run("payment.get", {"payment": stripe.objects[answer["refund"]]["charge"]})
    if fee is None:
        assert rates == []
    else:
        (event,) = rates
        assert event.source_id == f"refund.settled:{answer['refund']}"
        assert (event.data["refund"], event.data["payment"], event.data["order"]) == (answer["refund"], payment, "o_77")
        assert event.data["amount"] == answer["amount"] == amount
        known += [event.data, *seen["refunds"], *by_charge["refunds"]]
        assert [one["status"] for one in seen["refunds"]] == ["issued"]
    assert [(one.get("fee"), one.get("settled")) for one in known] == [(fee, settled)] * len(known)
    assert len(seen["refunds"]) == len(by_charge["refunds"]) == len(rates)


def test_what_is_taken_later_is_told_by_the_refunds_own_news(desk, stripe):
    stripe.balance = ("usd", 2150, 92)
    payment = paid(desk)["payment"]
    answer = refunded(desk, payment)
    assert "settled" not in answer
    assert told(desk, stripe, "refund.settled") == []
    assert desk.run("payment.get", {"payment": payment})["refunds"] == []
    stripe.debit(answer["refund"], 2133, 5)
    (event,) = told(desk, stripe, "refund.settled")
    assert (event.data["settled"], event.data["fee"]) == (money(2133, "USD"), money(5, "USD"))
    assert len(told(desk, stripe, "refund.issued")) == 1
    assert desk.run("payment.get", {"payment": payment})["refunds"] == [
        {
            "refund": answer["refund"],
            "status": "issued",
            "amount": EUR,
            "fee": money(5, "USD"),
            "settled": money(2133, "USD"),
        }
    ]


def test_several_refunds_have_each_its_own_rate(desk, stripe):
    stripe.balance, stripe.taken = ("usd", 2150, 92), [(540, 0), (1700, 0)]
    payment = paid(desk)["payment"]
    refunded(desk, payment, amount=money(500, "EUR"))
    refunded(desk, payment)
    seen = desk.run("payment.get", {"payment": payment})["refunds"]
    assert [(one["amount"]["minor"], one["settled"]["minor"]) for one in seen] == [(1499, 1700), (500, 540)]
    assert [one.data["settled"]["minor"] for one in told(desk, stripe, "refund.settled")] == [540, 1700]


@pytest.mark.parametrize(("back", "settled"), [(2101, money(2101, "USD")), (2098, money(2098, "USD")), (None, None)])
def test_a_refund_that_fails_tells_what_came_back_to_the_balance(desk, stripe, back, settled):
    stripe.balance, stripe.taken = ("usd", 2150, 92), [(2101, 0)]
    answer = refunded(desk, paid(desk)["payment"])
    stripe.fail_refund(answer["refund"], back)
    (failed,) = told(desk, stripe, "refund.failed")
    assert (failed.data.get("settled"), "fee" in failed.data) == (settled, False)
    assert len(told(desk, stripe, "refund.settled")) == 1
    assert "refunds" not in desk.run("payment.get", {"payment": failed.data["payment"]})


@pytest.mark.parametrize(
    ("kind", "status"), [("charge.refund.updated", "failed"), ("refund.updated", "failed"), ("refund.failed", None)]
)
def test_however_a_failed_refund_is_told_it_says_what_came_back_and_nothing_of_what_was_taken(
    desk, stripe, kind, status
):
    stripe.balance, stripe.taken = ("usd", 2150, 92), [(2101, 0)]
    refund = refunded(desk, paid(desk)["payment"])["refund"]
    stripe.fail_refund(refund, 2098)
    event = stripe.tell(kind, {**stripe.objects[refund], "status": status})
    (failed,) = canonical(desk, stripe, event)
    assert (failed.type, failed.data["settled"]) == ("refund.failed", money(2098, "USD"))


def test_refunds_of_a_charge_of_the_old_kind_are_found_by_it(desk, stripe):
    stripe.balance, stripe.taken = ("usd", 2150, 92), [(2101, 0)]
    paid(desk)
    charge = next(one for one in stripe.objects.values() if one["object"] == "charge")
    charge["payment_intent"] = None
    answer = refunded(desk, charge["id"])
    (seen,) = desk.run("payment.get", {"payment": charge["id"]})["refunds"]
    assert (seen["refund"], seen["settled"]) == (answer["refund"], money(2101, "USD"))


def test_a_refund_is_made_though_stripe_does_not_say_what_it_took(desk, stripe):
    stripe.balance, stripe.taken = ("usd", 2150, 92), [(2101, 0)]
    payment = paid(desk)["payment"]
    stripe.refusing["refunds"] = 503
    answer = refunded(desk, payment)
    assert (answer["status"], answer.get("settled"), answer.get("fee")) == ("issued", None, None)
    stripe.refusing.clear()
    (event,) = told(desk, stripe, "refund.settled")
    assert event.data["settled"] == money(2101, "USD")


def test_a_refund_that_this_key_may_not_see_holds_up_neither_its_event_nor_the_payment(desk, stripe):
    stripe.balance, stripe.taken = ("usd", 2150, 92), [(2101, 0)]
    payment = paid(desk)["payment"]
    answer = refunded(desk, payment)
    stripe.refusing["refunds"] = 403
    assert [one.type for one in told(desk, stripe, "refund.issued", "refund.settled")] == ["refund.issued"]
    seen = desk.run("payment.get", {"payment": payment})
    assert (seen["status"], seen["refunds"]) == ("refunded", [])
    assert answer["settled"] == money(2101, "USD")


def test_a_payment_of_which_nothing_went_back_is_looked_up_by_one_call(desk, stripe):
    payment = paid(desk)["payment"]
    asked = len(stripe.received)
    assert "refunds" not in desk.run("payment.get", {"payment": payment})
    assert len(stripe.received) == asked + 1
