"""Each day's payments are compared with the sandbox gateway: once, all of them, whoever is down meanwhile."""

from datetime import UTC, datetime, time, timedelta

import pytest

from hub.errors import ConflictError, PermanentError, TransientError
from hub.journal.entries import Happening
from hub.journal.tables_ledger import ledger_checks
from hub.journal.tables_office import timers
from hub.money import Money
from hub.payments import reconciliation
from tests.payments.market import complete


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
    second_gateway(quick, "with-none")
    made = {begun(quick) for _ in range(reconciliation._AT_ONCE + 3)}
    quick.forward(days=2)
    assert {row.subject for row in quick.rows(ledger_checks) if row.kind == "payment" and row.subject} == made
    asked = [action for action, _ in quick.calls].count("payment.get")
    quick.forward(hours=3)
    again = [row for row in quick.rows(ledger_checks) if row.kind == "payment" and row.subject]
    assert len(again) == len(made) <= asked


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


def second_gateway(market, name="another"):
    settings = dict(market.hub.accounts.get("sandbox").settings) | {"api_key": "k"}
    market.hub.accounts.create(name, "sandbox", settings, "test")


def at_noon(market):
    market._offset += timedelta(days=1, hours=12) - (market.hub.now() - market.hub.now().replace(hour=0, minute=0))


def known_only_here(market, connection, payment):
    told = Happening(
        "payment.succeeded", connection, payment, {"payment": payment, "amount": _money(500)}, market.hub.now()
    )
    market.hub.recorder.record(told, market.hub.now())


def test_a_gateway_that_is_down_holds_up_nobody_elses_payments_and_lists(quick, monkeypatch):
    monkeypatch.setattr(reconciliation, "_AT_ONCE", 2)
    at_noon(quick)
    second_gateway(quick)
    for number in range(5):
        known_only_here(quick, "another", f"p_{number}")
    mine = {paid(quick) for _ in range(5)}
    day, act, listed, down = quick.hub.now().date().isoformat(), quick.hub.payments.act, [], [True]

    def half_down(name, action, key, given, **said):
        if name == "another" and down[0]:
            raise TransientError("The gateway is down.")
        listed.append(action) if action.endswith(".list") and name == "sandbox" else None
        return act(name, action, key, given, **said)

    quick.hub.payments.act = half_down
    quick.forward(days=1)
    quick.forward(hours=2)
    assert {row.subject for row in quick.rows(ledger_checks) if row.day == day} == mine
    assert sorted(listed) == ["dispute.list", "payment.list", "payout.list", "transfer.list"]
    quick.forward(hours=7)
    assert len(listed) == 4
    down[0] = False
    quick.forward(hours=2)
    compared = {
        row.subject for row in quick.rows(ledger_checks) if row.day == day and row.kind == "payment" and row.subject
    }
    assert compared == {*mine, *(f"p_{number}" for number in range(5))}


def test_of_a_gateway_that_was_taken_away_meanwhile_nothing_more_is_asked(quick):
    second_gateway(quick)
    known_only_here(quick, "another", "p_1")
    quick.hub.payments.act = _is_down
    quick.forward(days=1, hours=2)
    assert "another" in " ".join(row.subject for row in quick.rows(timers))
    row = quick.hub.store.connection("another")
    quick.hub.store.update_connection("another", row.version, quick.hub.now(), enabled=False)
    quick.forward(hours=7)
    assert "another" not in " ".join(row.subject for row in quick.rows(timers) if row.kind == "ledger.reconcile")


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


@pytest.mark.parametrize(("currency", "corrected"), [("JPY", 15100), ("KWD", 14999)])
def test_another_credit_is_taken_over_and_all_of_it_goes_back_with_the_payment(quick, currency, corrected):
    payment, act, told = paid(quick), quick.hub.payments.act, []
    said = {"settled": {"minor": 15043, "currency": currency}}

    def abroad(name, action, key, given, **more):
        answer = act(name, action, key, given, **more)
        return {**answer, **said} if action == "payment.get" else answer

    quick.hub.payments.act = abroad
    quick.forward(days=2)
    said["settled"] = {"minor": corrected, "currency": currency}
    quick.sandbox("POST", "/refunds", {"payment": payment, "amount": 2500, "currency": "USD"})
    quick.heard("refund.issued")
    quick.forward(days=2)
    check = next(row for row in quick.rows(ledger_checks) if row.state == "differs")
    assert [check.found[0][name]["minor"] for name in ("expected", "found")] == [15043, corrected]
    answer = abroad("sandbox", "payment.get", b"ask".hex().ljust(40, "0"), {"payment": payment})
    office = quick.hub.office("page")
    stale = {**answer, "settled": {"minor": 1, "currency": currency}}
    with pytest.raises(ConflictError, match="in another way"):
        reconciliation.take_payment_over(office, check.id, stale, lambda: told.append(1), "grace@example.com")
    assert reconciliation.take_payment_over(office, check.id, answer, lambda: told.append(1), "grace@example.com")
    row = next(row for row in quick.rows(ledger_checks) if row.id == check.id)
    assert (row.state, row.why, row.settled_by, told) == ("settled", reconciliation.TAKEN, "grace@example.com", [1])
    assert quick.events("payment.settled")[-1]["settled"] == said["settled"]
    left = Money(corrected, currency).allocate([7500, 2500])[0].minor
    assert quick.account("gateway:sandbox", currency) == left
    quick.sandbox("POST", "/refunds", {"payment": payment, "amount": 7500, "currency": "USD"})
    quick.heard("refund.issued", 2)
    assert quick.account("gateway:sandbox", currency) == quick.account(f"exchange:{currency}/USD", currency) == 0
    assert quick.books("USD") == quick.books(currency) == {}


def given_back(quick, credited):
    """A payment that the gateway credited in yen and gave back; what it says of it from now on, to be changed."""
    payment, act, said = paid(quick), quick.hub.payments.act, {"settled": credited}

    def abroad(name, action, key, given, **more):
        answer = act(name, action, key, given, **more)
        return {**answer, **said} if action == "payment.get" else answer

    quick.hub.payments.act = abroad
    quick.sandbox("POST", "/refunds", {"payment": payment, "amount": 10000, "currency": "USD"})
    quick.heard("refund.issued")
    (told,) = quick.events("refund.issued")
    return payment, told["refund"], said, abroad


def test_what_the_gateway_took_for_a_refund_is_booked_at_night_where_no_report_told_it(quick):
    payment, refund, said, _ = given_back(quick, {"minor": 15043, "currency": "JPY"})
    taken = {"settled": {"minor": 15500, "currency": "JPY"}, "fee": {"minor": 7, "currency": "JPY"}}
    said["refunds"] = [
        {"refund": refund, "status": "issued", **taken},
        {"refund": "unheard", "status": "issued", **taken},
    ]
    quick.forward(days=2)
    assert checks(quick)[payment].state == "same"
    (told,) = quick.events("refund.settled")
    assert (told["payment"], told["refund"], told["amount"]) == (payment, refund, _money(10000))
    assert {name: told[name] for name in taken} == taken
    lost = {"expense:exchange_differences": 457, "gateway:sandbox": -457}
    assert (quick.books("JPY"), quick.account("expense:gateway_fees", "JPY")) == (lost, 7)
    quick.forward(days=2)
    assert len(quick.events("refund.settled")) == 1
    assert (quick.books("JPY"), quick.events("hub.ledger_difference")) == (lost, [])


def test_another_sum_than_was_told_of_a_refund_is_shown_and_taken_over(quick):
    payment, refund, said, abroad = given_back(quick, {"minor": 15043, "currency": "JPY"})
    taken = {"refund": refund, "status": "issued", "settled": {"minor": 15500, "currency": "JPY"}}
    said["refunds"] = [taken]
    quick.forward(days=2)
    assert quick.books("JPY")["gateway:sandbox"] == -457
    said["refunds"] = [{**taken, "settled": {"minor": 15043, "currency": "JPY"}}]
    data = {"payment": payment, "refund": refund, "amount": _money(10000), "settled": taken["settled"]}
    quick.hub.recorder.record(Happening("refund.settled", "sandbox", "again", data, quick.hub.now()), quick.hub.now())
    quick.forward(days=2)
    check = next(row for row in quick.rows(ledger_checks) if row.state == "differs")
    (shown,) = check.found
    assert (shown["account"], shown["refund"]) == ("expense:exchange_differences", refund)
    assert (shown["expected"]["minor"], shown["found"]["minor"], shown["difference"]["minor"]) == (15500, 15043, -457)
    (told,) = quick.events("hub.ledger_difference")
    assert (told["refund"], told["payment"]) == (refund, payment)
    answer = abroad("sandbox", "payment.get", b"ask".hex().ljust(40, "0"), {"payment": payment})
    office = quick.hub.office("page")
    assert reconciliation.take_payment_over(office, check.id, answer, lambda: None, "grace@example.com")
    assert quick.events("refund.settled")[-1]["settled"] == said["refunds"][0]["settled"]
    assert quick.books("JPY") == {}
    assert len(quick.events("payment.settled")) == 1


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


def test_what_was_put_away_is_known_as_long_as_a_list_may_bring_it_again(quick):
    payment = paid(quick)
    refunded_unheard(quick, payment)
    quick.forward(days=2)
    reconciliation.settle(quick.hub.office("page"), checks(quick)[payment].id, "known", "grace@example.com")
    for kept, days in ((True, 126), (False, 4)):
        quick._offset += timedelta(days=days)
        reconciliation.compare_day(quick.hub.office("night"), quick.hub.now().date().isoformat())
        assert (payment in checks(quick)) == kept


def test_news_of_another_day_have_a_payment_compared_again(quick):
    payment = paid(quick)
    quick.forward(days=2)
    quick.sandbox("POST", "/refunds", {"payment": payment, "amount": 1000, "currency": "USD"})
    quick.heard("refund.issued")
    refunded_unheard(quick, payment)
    quick.forward(days=2)
    assert [row.state for row in quick.rows(ledger_checks)] == ["same", "differs"]


def issued(market, payment, minor, refund):
    data = {"payment": payment, "refund": refund, "amount": _money(minor)}
    told = Happening("refund.issued", "sandbox", f"refund.issued:{refund}", data, market.hub.now())
    market.hub.recorder.record(told, market.hub.now())


def open_ones(market):
    return [
        (row.found[0]["difference"]["minor"], row.why) for row in market.rows(ledger_checks) if row.state == "differs"
    ]


def test_a_difference_that_agrees_on_a_later_day_is_over_by_itself(quick):
    payment = paid(quick)
    refunded_unheard(quick, payment)
    quick.forward(days=2)
    assert open_ones(quick) == [(-2500, "")]
    issued(quick, payment, 2500, "late")
    quick.forward(days=2)
    first, second = quick.rows(ledger_checks)
    assert (first.state, first.why, first.found, first.settled_by) == ("settled", reconciliation.AGREES, [], "")
    assert second.state == "same"


def test_a_difference_that_is_another_one_on_a_later_day_stands_once_as_it_is_now(market):
    payment = paid(market)
    refunded_unheard(market, payment)
    market.forward(days=2)
    issued(market, payment, 1000, "a_part")
    market.forward(days=2)
    assert open_ones(market) == [(-1500, "")]
    assert [row.why for row in market.rows(ledger_checks)] == ["It differs in another way since.", ""]
    assert len(market.events("hub.ledger_difference")) == 2


@pytest.mark.parametrize("put_away", [True, False])
def test_the_same_difference_is_not_shown_again_when_something_else_is_heard_of_the_payment(quick, put_away):
    payment = paid(quick)
    refunded_unheard(quick, payment)
    quick.forward(days=2)
    if put_away:
        reconciliation.settle(quick.hub.office("page"), checks(quick)[payment].id, "known", "grace@example.com")
    again = {"payment": payment, "amount": _money(10000)}
    told = Happening("payment.pending", "sandbox", "again", again, quick.hub.now())
    quick.hub.recorder.record(told, quick.hub.now())
    quick.forward(days=2)
    assert [row.state for row in quick.rows(ledger_checks)] == ["settled" if put_away else "differs", "same"]
    assert len(quick.events("hub.ledger_difference")) == 1


def test_a_payment_that_the_gateway_did_not_know_and_that_agrees_later_is_over_by_itself(quick):
    payment, act = paid(quick), quick.hub.payments.act

    def forgetful(name, action, key, given, **said):
        if action == "payment.get":
            raise PermanentError("There is no such payment.", code="not_found")
        return act(name, action, key, given, **said)

    quick.hub.payments.act = forgetful
    quick.forward(days=2)
    row = checks(quick)[payment]
    assert (row.state, row.why, row.found) == ("differs", "There is no such payment.", [])
    quick.hub.payments.act = act
    quick.sandbox("POST", "/refunds", {"payment": payment, "amount": 1000, "currency": "USD"})
    quick.heard("refund.issued")
    quick.forward(days=2)
    assert [row.state for row in quick.rows(ledger_checks)] == ["settled", "same"]


def test_each_connection_is_asked_about_its_own_payments(quick):
    payment = paid(quick)
    quick.hub.accounts.create(
        "second", "sandbox", dict(quick.hub.accounts.get("sandbox").settings) | {"api_key": "k"}, "test"
    )
    data = {"payment": "pay_theirs", "amount": _money(500)}
    told = Happening("payment.succeeded", "second", "theirs", data, quick.hub.now())
    quick.hub.recorder.record(told, quick.hub.now())
    quick.forward(days=2)
    found = {
        (row.connection, row.subject) for row in quick.rows(ledger_checks) if row.kind == "payment" and row.subject
    }
    assert found == {("sandbox", payment), ("second", "pay_theirs")}


# the edges of a day, of a connection and of a kind


def test_a_day_begins_and_ends_at_midnight_utc_to_the_microsecond(quick):
    day = quick.hub.now().date() + timedelta(days=3)
    begin = datetime.combine(day, time(), UTC)
    moments = {"before": -1, "first": 0, "last": 86_400_000_000 - 1, "after": 86_400_000_000}
    for name, microseconds in moments.items():
        moment = begin + timedelta(microseconds=microseconds)
        told = Happening("payment.succeeded", "sandbox", name, {"payment": name, "amount": _money(500)}, moment)
        quick.hub.recorder.record(told, moment)
    quick._offset += timedelta(days=5)
    reconciliation.compare_day(quick.hub.office("night"), day.isoformat())
    assert set(checks(quick)) == {"first", "last"}
    assert {row.day for row in quick.rows(ledger_checks)} == {day.isoformat()}


def test_the_same_number_at_another_gateway_or_of_another_kind_is_another_thing(quick):
    second_gateway(quick)
    day = quick.hub.now().date()
    known_only_here(quick, "sandbox", "n_1")
    known_only_here(quick, "another", "n_1")
    about = {"kind": "dispute", "connection": "another", "subject": "n_1", "payment": "n_1", "found": [], "why": ""}
    row = complete(ledger_checks, {"id": "c", "day": day.isoformat(), "state": "differs", **about})
    quick.hub.office("test").change(lambda book: book.insert(ledger_checks, row))
    reconciliation.compare_day(quick.hub.office("night"), day.isoformat())
    rows = quick.rows(ledger_checks)
    assert sorted((row.connection, row.kind) for row in rows) == [
        ("another", "dispute"), ("another", "payment"), ("sandbox", "payment"),
    ]  # fmt: skip
    answer = {"payment": "n_1", "status": "succeeded", "amount": _money(500)}
    act = quick.hub.payments.act

    def agrees(name, action, key, given, **said):
        return answer if action == "payment.get" and name == "another" else act(name, action, key, given, **said)

    quick.hub.payments.act = agrees
    told = Happening("payment.pending", "another", "again", {"payment": "n_1", "amount": _money(500)}, quick.hub.now())
    quick._offset += timedelta(days=1)
    quick.hub.recorder.record(told, quick.hub.now())
    next_day = (day + timedelta(days=1)).isoformat()
    reconciliation.compare_day(quick.hub.office("next"), next_day)
    states = {(row.connection, row.kind): row.state for row in quick.rows(ledger_checks) if row.day == day.isoformat()}
    assert states == {
        ("another", "payment"): "settled",
        ("another", "dispute"): "differs",
        ("sandbox", "payment"): "differs",
    }


def test_what_was_unknown_and_differs_now_says_how_and_no_more_why(quick):
    payment = paid(quick)
    quick.hub.payments.act = _is_down
    quick.forward(days=5)
    check, office = checks(quick)[payment], quick.hub.office("page")
    assert (check.found, check.why) == ([], "The gateway is down.")
    said = {"payment": payment, "status": "succeeded", "amount": _money(10000), "refunded": _money(1)}
    assert not reconciliation.compare_again(office, check.id, said, "grace@example.com")
    row = checks(quick)[payment]
    assert (row.state, row.why, row.settled_by, len(row.found)) == ("differs", "", "", 1)


def test_a_payment_of_which_no_amount_is_known_is_nothing_to_compare(quick):
    told = Happening(
        "refund.issued", "sandbox", "r", {"payment": "p_1", "refund": "r", "amount": _money(5)}, quick.hub.now()
    )
    quick.hub.recorder.record(told, quick.hub.now())
    answer = {"payment": "p_1", "status": "succeeded", "amount": _money(10000)}
    quick.hub.payments.act = lambda *_given, **_more: answer
    reconciliation.compare_day(quick.hub.office("night"), quick.hub.now().date().isoformat())
    assert checks(quick)["p_1"].state == "same"


def test_the_page_has_what_differs_first_then_the_newest_and_the_last_days(quick):
    states = ("same", "settled", "differs", "settled", "differs")
    for number in range(16):
        row = {"id": f"c{number:02}", "day": f"2026-10-{number + 1:02}", "connection": "sandbox", "kind": "payment"}
        row |= {"subject": f"p{number}", "state": states[number % 5], "found": [], "why": ""}
        row["created_at"] = quick.hub.now() + timedelta(hours=number)
        quick.hub.office("test").change(lambda book, row=row: book.insert(ledger_checks, complete(ledger_checks, row)))
    with quick.hub.database.read() as reading:
        rows, days = reconciliation.checked(reading, 8)
    assert [row.id for row in rows] == ["c14", "c12", "c09", "c07", "c04", "c02", "c13", "c11"]
    assert [(one.day[-2:], one.compared, one.differ) for one in days][:3] == [("16", 1, 0), ("15", 1, 1), ("14", 1, 0)]
    assert len(days) == 14
