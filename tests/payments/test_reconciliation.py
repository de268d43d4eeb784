"""Each day's payments are compared with the sandbox gateway: once, all of them, whoever is down meanwhile."""

from datetime import timedelta

import pytest

from hub.errors import ConflictError, PermanentError, TransientError
from hub.journal.entries import Happening
from hub.journal.tables_ledger import ledger_checks
from hub.payments import reconciliation


def begun(market, amount=10000):
    payment = market.sandbox("POST", "/payments", {"amount": amount, "currency": "USD"})["id"]
    market.until(lambda: market.hub.payments.store.payment("sandbox", payment))
    return payment


def paid(market):
    payment = begun(market)
    before = len(market.events("payment.succeeded"))
    market.pay(payment)
    market.heard("payment.succeeded", before + 1)
    return payment


def refunded_unheard(market, payment, amount=2500):
    """The gateway gives money back, and its webhook is lost."""
    market.silence()
    market.sandbox("POST", "/refunds", {"payment": payment, "amount": amount, "currency": "USD"})


def checks(market):
    return {row.subject: row for row in market.rows(ledger_checks)}


def test_payments_that_agree_are_compared_and_nothing_is_told(market):
    done, failed = paid(market), begun(market)
    market.pay(failed, "decline")
    market.forward(days=2)
    assert {name: row.state for name, row in checks(market).items()} == {done: "same", failed: "same"}
    assert market.events("hub.ledger_difference") == []


def test_a_refund_that_the_hub_never_heard_of_is_told_with_both_amounts(market):
    payment = paid(market)
    refunded_unheard(market, payment)
    market.forward(days=2)
    (told,) = market.events("hub.ledger_difference")
    assert (told["payment"], told["account"]) == (payment, "gateway:sandbox")
    assert [told[name]["minor"] for name in ("expected", "found", "difference")] == [10000, 7500, -2500]
    assert checks(market)[payment].state == "differs"


def test_it_agrees_when_the_report_came_after_all(market):
    payment = paid(market)
    refunded_unheard(market, payment)
    market.forward(days=2)
    market.speak()
    market.heard("refund.issued")
    said = market.sandbox("GET", f"/payments/{payment}")
    answer = {"status": said["status"], "amount": _money(said["amount"]), "refunded": _money(said["refunded"])}
    office = market.hub.office("page")
    assert reconciliation.compare_again(office, checks(market)[payment].id, answer, "grace@example.com")
    assert (checks(market)[payment].state, checks(market)[payment].settled_by) == ("settled", "grace@example.com")
    with pytest.raises(ConflictError):
        reconciliation.settle(office, checks(market)[payment].id, "late", "grace@example.com")


def _money(minor):
    return {"minor": minor, "currency": "USD"}


def test_a_person_puts_a_difference_away_with_a_reason_only(quick):
    payment = paid(quick)
    refunded_unheard(quick, payment)
    quick.forward(days=2)
    check, office = checks(quick)[payment].id, quick.hub.office("page")
    with pytest.raises(PermanentError, match="put away"):
        reconciliation.settle(office, check, "  ", "grace@example.com")
    reconciliation.settle(office, check, "given back at the desk", "grace@example.com")
    assert (checks(quick)[payment].state, checks(quick)[payment].why) == ("settled", "given back at the desk")


def test_more_payments_than_one_turn_takes_are_all_compared_once(quick):
    made = {begun(quick) for _ in range(reconciliation._AT_ONCE + 3)}
    quick.forward(days=2)
    assert set(checks(quick)) == made
    asked = [action for action, _ in quick.calls].count("payment.get")
    assert len(quick.rows(ledger_checks)) == len(made)
    quick.forward(hours=3)
    assert len(quick.rows(ledger_checks)) == len(made) <= asked


def test_a_gateway_that_is_down_is_asked_again_until_it_answers_or_three_days_are_over(quick):
    payment = paid(quick)
    day = quick.hub.now().date().isoformat()
    down, quick.hub.payments.act = quick.hub.payments.act, _is_down
    quick.forward(days=1, hours=2)
    assert checks(quick) == {}
    quick.hub.payments.act = down
    quick.forward(hours=7)
    assert (checks(quick)[payment].state, checks(quick)[payment].day) == ("same", day)


def test_a_gateway_that_stays_down_is_said(quick):
    payment = paid(quick)
    quick.hub.payments.act = _is_down
    quick.forward(days=3)
    assert checks(quick) == {}
    quick.forward(days=2)
    assert (checks(quick)[payment].state, checks(quick)[payment].why) == ("differs", "The gateway is down.")


def _is_down(*_given, **_more):
    message = "The gateway is down."
    raise TransientError(message)


# what no report told of the fee, and of another currency


def test_what_the_gateway_credits_in_another_currency_is_booked_at_night_where_no_report_told_it(market):
    payment, act = paid(market), market.hub.payments.act
    credited = {"minor": 15043, "currency": "JPY"}

    def abroad(name, action, key, given, **said):
        answer = act(name, action, key, given, **said)
        return {**answer, "settled": credited} if action == "payment.get" else answer

    market.hub.payments.act = abroad
    market.forward(days=2)
    assert checks(market)[payment].state == "same"
    (told,) = market.events("payment.settled")
    assert (told["payment"], told["settled"], "fee" in told) == (payment, credited, False)
    assert market.account("gateway:sandbox", "JPY") == 15043
    assert market.account("exchange:JPY/USD", "USD") == 10000
    market.sandbox("POST", "/refunds", {"payment": payment, "amount": 10000, "currency": "USD"})
    market.heard("refund.issued")
    market.forward(days=1)
    market.forward(days=1)
    assert len(market.events("payment.settled")) == 1
    assert market.account("gateway:sandbox", "JPY") == market.account("exchange:JPY/USD", "USD") == 0
    assert market.events("hub.ledger_difference") == []


# which payments, and how long what was found is kept


def test_each_payment_is_compared_for_the_day_on_which_something_was_heard_of_it(quick):
    first = paid(quick)
    day = quick.hub.now().date()
    quick._offset += timedelta(days=1)
    second = paid(quick)
    quick.run_due()
    assert [(row.subject, row.day) for row in quick.rows(ledger_checks)] == [(first, day.isoformat())]
    quick.forward(days=1)
    quick.forward(days=1)
    found = {row.subject: row.day for row in quick.rows(ledger_checks)}
    assert found == {first: day.isoformat(), second: (day + timedelta(days=1)).isoformat()}
    assert len(quick.rows(ledger_checks)) == 2


def test_what_agreed_is_forgotten_after_sixty_days_and_what_differs_stays(quick):
    agreed, differs = paid(quick), paid(quick)
    refunded_unheard(quick, differs)
    quick.forward(days=2)
    quick.forward(days=58)
    assert set(checks(quick)) == {agreed, differs}
    quick.forward(days=3)
    assert set(checks(quick)) == {differs}


def test_news_of_another_day_have_a_payment_compared_again(quick):
    payment = paid(quick)
    quick.forward(days=2)
    quick.sandbox("POST", "/refunds", {"payment": payment, "amount": 1000, "currency": "USD"})
    quick.heard("refund.issued")
    refunded_unheard(quick, payment)
    quick.forward(days=2)
    assert [row.state for row in quick.rows(ledger_checks)] == ["same", "differs"]


def test_each_connection_is_asked_about_its_own_payments(quick):
    payment = paid(quick)
    quick.hub.accounts.create(
        "second", "sandbox", dict(quick.hub.accounts.get("sandbox").settings) | {"api_key": "k"}, "test"
    )
    data = {"payment": "pay_theirs", "amount": _money(500)}
    told = Happening("payment.succeeded", "second", "theirs", data, quick.hub.now())
    quick.hub.recorder.record(told, quick.hub.now())
    quick.forward(days=2)
    assert {(row.connection, row.subject) for row in quick.rows(ledger_checks) if row.kind == "payment"} == {
        ("sandbox", payment),
        ("second", "pay_theirs"),
    }
