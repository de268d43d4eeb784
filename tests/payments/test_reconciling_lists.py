"""Each day's disputes, transfers and payouts are compared with the sandbox's lists, whose webhooks may have been lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.errors import PermanentError, TransientError
from hub.journal.entries import Happening
from hub.journal.tables_escrow import payouts
from hub.journal.tables_ledger import ledger_checks
from hub.payments import reconciliation, reconciling_lists
from hub.payments.comparing_lists import DONE_AFTER_ALL, TAKE, UNLISTED
from tests.payments.market import complete


def paid(market, currency="USD", amount=10000):
    payment = market.sandbox("POST", "/payments", {"amount": amount, "currency": currency})["id"]
    before = len(market.events("payment.succeeded"))
    market.pay(payment)
    market.heard("payment.succeeded", before + 1)
    return payment


def disputed(market, payment):
    return market.sandbox("POST", f"/test/payments/{payment}/dispute", {"reason": "fraudulent"})["id"]


def shared(market, payment, currency="USD", amount=5251):
    given = {"provider": "acct_a", "amount": amount, "currency": currency, "payment": payment}
    return market.sandbox("POST", "/transfers", given)["id"]


def checks(market, kind):
    return {row.subject: row for row in market.rows(ledger_checks) if row.kind == kind}


def differing(market, kind):
    """What differs: subject -> here, there, proposal."""
    rows = checks(market, kind).items()
    return {
        subject: tuple(row.found[0][name] for name in ("here", "there", "proposal"))
        for subject, row in rows if row.state == "differs"
    }  # fmt: skip


@pytest.mark.parametrize(("currency", "amount"), [("USD", 4000), ("JPY", 400), ("KWD", 4005)])
def test_what_was_told_agrees_with_the_lists(market, currency, amount):
    payment = paid(market, currency, amount)
    dispute, transfer = disputed(market, payment), shared(market, paid(market, currency, amount), currency, amount)
    market.heard("dispute.opened")
    market.heard("transfer.sent")
    market.forward(days=2)
    assert {name: row.state for name, row in checks(market, "dispute").items()} == {dispute: "same"}
    assert {name: row.state for name, row in checks(market, "transfer").items()} == {transfer: "same"}
    assert checks(market, "dispute")[dispute].payment == payment
    assert market.events("hub.ledger_difference") == []


def test_what_the_hub_never_heard_of_is_told_once_and_agrees_when_it_is_heard(market):
    first, second = paid(market, "KWD", 4005), paid(market, "KWD", 9000)
    market.silence()
    dispute, transfer = disputed(market, first), shared(market, second, "KWD", 5251)
    market.forward(days=2)
    assert differing(market, "dispute") == {dispute: ("nothing", "open", TAKE)}
    assert differing(market, "transfer") == {transfer: ("nothing", "sent", TAKE)}
    assert [checks(market, kind)[one].payment for kind, one in (("dispute", dispute), ("transfer", transfer))] == [
        first,
        second,
    ]
    told = {
        one.get("dispute") or one.get("transfer"): one["difference"] for one in market.events("hub.ledger_difference")
    }
    assert told == {dispute: {"minor": -4005, "currency": "KWD"}, transfer: {"minor": -5251, "currency": "KWD"}}
    office = market.hub.office("page")
    check = checks(market, "dispute")[dispute].id
    assert not reconciliation.compare_listed_again(office, check, "grace@example.com")
    market.speak()
    market.heard("dispute.opened")
    office = market.hub.office("page-2")
    assert reconciliation.compare_listed_again(office, check, "grace@example.com")
    assert checks(market, "dispute")[dispute].state == "settled"


def test_a_dispute_that_ended_weeks_later_unheard_is_found_and_shown_once(quick):
    dispute = disputed(quick, paid(quick))
    quick.heard("dispute.opened")
    quick.forward(days=2)
    assert differing(quick, "dispute") == {}
    quick.silence()
    quick.sandbox("POST", f"/test/disputes/{dispute}/close", {"outcome": "lost"})
    quick.forward(days=1)
    quick.forward(days=1)
    quick.forward(days=1)
    rows = [row for row in quick.rows(ledger_checks) if row.kind == "dispute" and row.state == "differs"]
    assert [(row.subject, row.found[0]["here"], row.found[0]["there"]) for row in rows] == [(dispute, "open", "lost")]
    assert rows[0].found[0]["proposal"] == TAKE
    reconciliation.settle(quick.hub.office("page"), rows[0].id, "their bank is slow", "grace@example.com")
    quick.forward(days=2)
    assert differing(quick, "dispute") == {}


def test_a_transfer_that_was_taken_back_in_part_unheard_differs_by_that_part(quick):
    transfer = shared(quick, paid(quick))
    quick.heard("transfer.sent")
    quick.silence()
    quick.sandbox("POST", f"/transfers/{transfer}/reversals", {"amount": 251, "currency": "USD"})
    quick.forward(days=2)
    assert differing(quick, "transfer") == {transfer: ("sent", "sent", TAKE)}
    assert checks(quick, "transfer")[transfer].found[0]["difference"] == {"minor": 251, "currency": "USD"}


def test_a_dispute_that_the_gateway_does_not_list_is_shown(quick):
    payment = paid(quick)
    dispute = disputed(quick, payment)
    quick.heard("dispute.opened")
    answering(quick, {"dispute.list": {"items": []}})
    quick.forward(days=2)
    assert differing(quick, "dispute") == {dispute: ("open", "nothing", UNLISTED)}
    assert checks(quick, "dispute")[dispute].payment == payment


def paid_out(market):
    """A payout that the hub sent out of what a provider is owed; the gateway's reference."""
    market.provider("prv_ada", account="acct_ada")
    market.owe("prv_ada", 19_920)
    paid(market, "EUR", 50_000)
    market.act("pay_due", {"connection": "sandbox"}, "pay")
    market.run_due()
    return market.payouts()[0].reference


def test_a_payout_that_arrived_agrees_and_one_that_nobody_told_differs(quick):
    reference = paid_out(quick)
    quick.forward_gateway(seconds=11)
    quick.heard("payout.paid")
    quick.silence()
    given = {"provider": "platform", "amount": 10_000, "currency": "EUR", "to": {"bank": "ours"}}
    unheard = quick.sandbox("POST", "/payouts", given)["id"]
    quick.forward_gateway(seconds=11)
    quick.forward(days=2)
    assert checks(quick, "payout")[reference].state == "same"
    assert differing(quick, "payout") == {unheard: ("nothing", "paid", TAKE)}
    assert checks(quick, "payout")[unheard].found[0]["difference"] == {"minor": -10_000, "currency": "EUR"}


@pytest.mark.parametrize(("knows", "state"), [(True, "same"), (False, "differs")])
def test_a_payout_that_is_not_in_the_list_is_asked_about_by_itself(quick, knows, state):
    """As one out of a provider's own account at the gateway."""
    reference = paid_out(quick)
    quick.forward_gateway(seconds=11)
    quick.heard("payout.paid")
    act = quick.hub.payments.act

    def of_another_account(name, action, key, given, **said):
        if action == "payout.list":
            return {"items": []}
        if action == "payout.get" and not knows:
            raise PermanentError("There is no such payout.", code="not_found")
        return act(name, action, key, given, **said)

    quick.hub.payments.act = of_another_account
    quick.forward(days=2)
    assert checks(quick, "payout")[reference].state == state
    before = [action for action, _ in quick.calls].count("payout.get")
    quick.forward(days=1)
    quick.forward(days=1)
    assert [action for action, _ in quick.calls].count("payout.get") == before


def test_a_payout_that_may_not_be_asked_about_is_not_called_unlisted(quick):
    begin = begins(quick)
    sent(quick, "payout", "x_1", begin, "paid")
    answering(
        quick, {"payout.list": {"items": []}, "payout.get": PermanentError("Your key may not.", code="forbidden")}
    )
    compare(quick, "payout", begin)
    (row,) = quick.rows(ledger_checks)
    assert (row.subject, row.state, row.why) == ("", "differs", "Your key may not.")


# gateways that do not answer, and days in which nothing is heard


def test_a_day_in_which_no_payment_was_heard_is_compared_all_the_same(quick):
    payment = paid(quick)
    quick.forward(days=3)
    quick.silence()
    dispute = disputed(quick, payment)
    quick.forward(days=1)
    quick.forward(days=1)
    assert differing(quick, "dispute") == {dispute: ("nothing", "open", TAKE)}


@pytest.mark.parametrize("error", [PermanentError("You may not list them.", code="forbidden"), TransientError("Down.")])
def test_a_list_that_cannot_be_read_is_shown_once(quick, error):
    paid(quick)
    act = quick.hub.payments.act

    def refusing(name, action, key, given, **said):
        if action == "payout.list":
            raise error
        return act(name, action, key, given, **said)

    quick.hub.payments.act = refusing
    for _ in range(8):
        quick.forward(days=1)
    (row,) = checks(quick, "payout").values()
    assert (row.subject, row.state, row.why) == ("", "differs", error.message)
    with pytest.raises(type(error)):
        reconciliation.compare_listed_again(quick.hub.office("page"), row.id, "grace@example.com")
    quick.hub.payments.act = act
    assert reconciliation.compare_listed_again(quick.hub.office("page-2"), row.id, "grace@example.com")
    assert "payout.get" not in [action for action, _ in quick.calls]


def test_lists_of_many_pages_are_read_to_their_end(quick):
    payment = paid(quick, "JPY", 100_000)
    for number in range(105):
        shared(quick, payment, "JPY", number + 1)
    quick.heard("transfer.sent", 105)
    quick.forward(days=2)
    assert {row.state for row in checks(quick, "transfer").values()} == {"same"}
    assert len(checks(quick, "transfer")) == 105


def test_a_gateway_that_gives_the_same_page_for_ever_is_left(quick):
    paid(quick)
    page = {"items": [{"payout": "po_1", "status": "pending", "created_at": "2027-01-01T00:00:00Z"}], "next": "more"}
    act = quick.hub.payments.act

    def answer(name, action, key, given, **said):
        return page if action == "payout.list" else act(name, action, key, given, **said)

    quick.hub.payments.act = answer
    quick.forward(days=2)
    (row,) = checks(quick, "payout").values()
    assert (row.subject, row.why) == ("", "The gateway gives the same page of its payouts again and again.")


# what was shown ends by itself, and is not shown twice


def answering(market, answers):
    """The sandbox answers these actions so: with a document, with a list of items of its ids, or by raising."""
    act = market.hub.payments.act

    def answer(name, action, key, given, **said):
        known = answers.get(action) if name == "sandbox" else None
        if isinstance(known, Exception):
            raise known
        market.calls.append((action, given)) if known is not None else None
        return act(name, action, key, given, **said) if known is None else known

    market.hub.payments.act = answer
    return act


def test_what_is_heard_after_all_is_over_by_itself(market):
    payment = paid(market)
    market.silence()
    dispute = disputed(market, payment)
    market.forward(days=2)
    assert set(differing(market, "dispute")) == {dispute}
    market.speak()
    market.heard("dispute.opened")
    market.forward(days=1)
    row = checks(market, "dispute")[dispute]
    assert (row.state, row.why, row.found, row.settled_by) == ("settled", reconciliation.AGREES, [], "")


def test_what_goes_on_unheard_stands_once_as_it_is_now(quick):
    payment = paid(quick)
    quick.silence()
    dispute = disputed(quick, payment)
    quick.forward(days=2)
    quick.sandbox("POST", f"/test/disputes/{dispute}/close", {"outcome": "lost"})
    quick.forward(days=1)
    quick.forward(days=1)
    rows = [row for row in quick.rows(ledger_checks) if row.kind == "dispute"]
    assert [(row.state, row.why) for row in rows] == [("settled", "It differs in another way since."), ("differs", "")]
    assert rows[1].found[0]["there"] == "lost"


def test_a_list_that_can_be_read_again_is_over_by_itself_and_its_next_failure_is_news(quick):
    paid(quick)
    refused = {"payout.list": PermanentError("You may not list them.", code="forbidden")}
    act = answering(quick, refused)
    quick.forward(days=2)
    quick.hub.payments.act = act
    quick.forward(days=1)
    assert [(row.state, row.why) for row in quick.rows(ledger_checks) if row.kind == "payout"] == [
        ("settled", reconciling_lists.READ)
    ]
    answering(quick, refused)
    quick.forward(days=1)
    assert [row.state for row in quick.rows(ledger_checks) if row.kind == "payout"] == ["settled", "differs"]
    open_one = next(row for row in quick.rows(ledger_checks) if row.kind == "payout" and row.state == "differs")
    reconciliation.settle(quick.hub.office("page"), open_one.id, "we know", "grace@example.com")
    quick.forward(days=1)
    quick.forward(days=1)
    assert [row.state for row in quick.rows(ledger_checks) if row.kind == "payout"] == ["settled", "settled"]
    quick.hub.payments.act = act
    quick.forward(days=1)
    answering(quick, refused)
    quick.forward(days=1)
    assert [(row.state, row.why) for row in quick.rows(ledger_checks) if row.kind == "payout"] == [
        ("settled", reconciling_lists.READ), ("same", "we know"), ("differs", "You may not list them."),
    ]  # fmt: skip


# how far lists are read, and what belongs to a day


def begins(market, days=0):
    """When the day that begins so many days from today's begins."""
    today = market.hub.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=days)


def compare(market, kind, begin, key="night"):
    reconciling_lists.compare_list(market.hub.office(key), f"{begin.date().isoformat()} {kind} sandbox")


@pytest.mark.parametrize(("kind", "back"), [("dispute", 120), ("transfer", 1), ("payout", 1)])
def test_a_list_is_read_from_before_the_day_until_now_or_a_day_after_it(quick, kind, back):
    answering(quick, {f"{kind}.list": {"items": []}})
    begin = begins(quick)
    quick._offset += begin + timedelta(days=1, hours=1) - quick.hub.now()
    compare(quick, kind, begin, "soon")
    quick._offset += timedelta(days=2)
    compare(quick, kind, begin, "late")
    soon, late = [given for action, given in quick.calls if action == f"{kind}.list" and isinstance(given, dict)]
    assert {given["since"] for given in (soon, late)} == {(begin - timedelta(days=back)).isoformat()}
    until = datetime.fromisoformat(soon["until"])
    assert timedelta() <= until - (begin + timedelta(days=1, hours=1)) < timedelta(minutes=1)
    assert late["until"] == (begin + timedelta(days=2)).isoformat()


@pytest.mark.parametrize(
    ("microseconds", "of_the_day", "due_known", "due_unknown"),
    [
        (-1, False, True, False), (0, True, True, True),
        (86_400_000_000 - 1, True, True, True), (86_400_000_000, False, False, False),
    ],
)  # fmt: skip
def test_what_began_before_a_day_is_compared_when_it_is_known_and_what_began_after_it_later(
    microseconds, of_the_day, due_known, due_unknown
):
    begin = datetime(2026, 11, 23, tzinfo=UTC)
    item = {"created_at": (begin + timedelta(microseconds=microseconds)).isoformat()}
    assert reconciling_lists._is_of("2026-11-23", item) == of_the_day
    assert reconciling_lists._is_due("2026-11-23", item, is_known=True) == due_known
    assert reconciling_lists._is_due("2026-11-23", item, is_known=False) == due_unknown


def told_of_transfer(market, source, transfer, moment):
    data = {"transfer": transfer, "provider": "acct_a", "amount": {"minor": 700, "currency": "USD"}, "payment": "p_1"}
    market.hub.recorder.record(Happening("transfer.sent", source, f"transfer.sent:{transfer}", data, moment), moment)


def test_what_happened_just_before_midnight_and_was_told_just_after_it_agrees(quick):
    begin = begins(quick, 1)
    told_of_transfer(quick, "sandbox", "t_1", begin + timedelta(seconds=1))
    item = {"transfer": "t_1", "provider": "acct_a", "amount": {"minor": 700, "currency": "USD"}, "status": "sent"}
    item["created_at"] = (begin - timedelta(seconds=1)).isoformat()
    answering(quick, {"transfer.list": {"items": [item]}})
    quick._offset += timedelta(days=2)
    compare(quick, "transfer", begin)
    assert checks(quick, "transfer") == {}


def test_only_what_was_told_of_this_gateway_on_this_day_must_be_in_its_list(quick):
    begin = begins(quick, 1)
    end = begin + timedelta(days=1)
    quick.hub.accounts.create(
        "second", "sandbox", dict(quick.hub.accounts.get("sandbox").settings) | {"api_key": "k"}, "t"
    )
    for name, source, moment in (
        ("before", "sandbox", begin - timedelta(microseconds=1)), ("first", "sandbox", begin),
        ("last", "sandbox", end - timedelta(microseconds=1)), ("after", "sandbox", end), ("theirs", "second", begin),
    ):  # fmt: skip
        told_of_transfer(quick, source, name, moment)
    answering(quick, {"transfer.list": {"items": []}})
    quick._offset += timedelta(days=3)
    compare(quick, "transfer", begin)
    assert set(checks(quick, "transfer")) == set(differing(quick, "transfer")) == {"first", "last"}


def sent(market, way, reference, moment, state="sent", connection="sandbox", minor=700):
    row = {"id": f"out_{way}_{reference}", "way": way, "provider": "prv_ada", "connection": connection, "state": state}
    row |= {
        "currency": "USD",
        "amount": minor,
        "origin": {"payment": "p_9"},
        "reference": reference,
        "created_at": moment,
    }
    market.hub.office("test").change(lambda book: book.insert(payouts, complete(payouts, row)))


def test_of_what_the_hub_sent_only_what_was_sent_that_way_there_and_then_is_looked_for(quick):
    begin = begins(quick, 1)
    end = begin + timedelta(days=1)
    for number, (reference, moment) in enumerate(
        (("before", begin - timedelta(microseconds=1)), ("first", begin), ("last", end - timedelta(microseconds=1)),
         ("after", end), (None, begin))
    ):  # fmt: skip
        sent(quick, "transfer", reference, moment, minor=700 + number)
    sent(quick, "payout", "a_payout", begin)
    sent(quick, "transfer", "elsewhere", begin, connection="second")
    answering(quick, {"transfer.list": {"items": []}})
    quick._offset += timedelta(days=3)
    compare(quick, "transfer", begin)
    assert differing(quick, "transfer") == dict.fromkeys(("first", "last"), ("sent", "nothing", UNLISTED))
    assert {row.payment for row in checks(quick, "transfer").values()} == {"p_9"}


@pytest.mark.parametrize(
    ("way", "state", "status", "agrees"),
    [
        ("transfer", "queued", "queued", True), ("transfer", "uncertain", "queued", True),
        ("transfer", "sent", "sent", True), ("transfer", "paid", "sent", True), ("transfer", "failed", "failed", True),
        ("transfer", "uncertain", "sent", False), ("transfer", "failed", "sent", False),
        ("payout", "queued", "queued", True), ("payout", "sent", "sent", True), ("payout", "uncertain", "queued", True),
        ("payout", "paid", "paid", True), ("payout", "failed", "failed", True), ("payout", "failed", "reversed", True),
        ("payout", "sent", "paid", False), ("payout", "uncertain", "paid", False), ("payout", "failed", "paid", False),
    ],
)  # fmt: skip
def test_how_the_hub_sent_it_stands_beside_how_the_gateway_has_it(quick, way, state, status, agrees):
    begin = begins(quick)
    sent(quick, way, "x_1", begin, state)
    item = {way: "x_1", "provider": "prv_ada", "amount": {"minor": 700, "currency": "USD"}, "status": status}
    answering(quick, {f"{way}.list": {"items": [{**item, "created_at": begin.isoformat()}]}})
    compare(quick, way, begin)
    assert checks(quick, way)["x_1"].state == ("same" if agrees else "differs")


def test_a_transfer_of_the_hubs_own_of_which_a_part_was_taken_back_agrees(quick):
    begin, usd = begins(quick), {"minor": 700, "currency": "USD"}
    sent(quick, "transfer", "x_1", begin)
    told_of_transfer(quick, "sandbox", "x_1", begin)
    back = {"transfer": "x_1", "provider": "acct_a", "amount": {"minor": 51, "currency": "USD"}, "payment": "p_1"}
    quick.hub.recorder.record(Happening("transfer.reversed", "sandbox", "r", back, begin), begin)
    item = {"transfer": "x_1", "provider": "acct_a", "amount": usd, "status": "sent", "created_at": begin.isoformat()}
    answering(quick, {"transfer.list": {"items": [{**item, "reversed": back["amount"]}]}})
    compare(quick, "transfer", begin)
    assert checks(quick, "transfer")["x_1"].state == "same"


@pytest.mark.parametrize(("status", "found"), [("failed", None), ("sent", ("failed", "sent", DONE_AFTER_ALL))])
def test_a_transfer_that_failed_is_failed_there_too(quick, status, found):
    begin = begins(quick)
    told_of_transfer(quick, "sandbox", "t_1", begin)
    data = {"transfer": "t_1", "provider": "acct_a", "amount": {"minor": 700, "currency": "USD"}, "payment": "p_1"}
    quick.hub.recorder.record(Happening("transfer.failed", "sandbox", "f", data, begin), begin)
    item = {**data, "status": status, "created_at": begin.isoformat()}
    answering(quick, {"transfer.list": {"items": [item]}})
    compare(quick, "transfer", begin)
    assert differing(quick, "transfer").get("t_1") == found
    assert set(checks(quick, "transfer")) == {"t_1"}


def test_a_day_that_is_compared_once_more_ends_nothing_of_its_own_or_of_later_days(quick):
    payment = paid(quick)
    begin, answers = begins(quick), {}
    item = {"dispute": "d_1", "payment": payment, "amount": {"minor": 10_000, "currency": "USD"}, "status": "opened"}
    answers["dispute.list"] = {"items": [{**item, "created_at": begin.isoformat()}]}
    answering(quick, answers)
    compare(quick, "dispute", begin, "first")
    answers["dispute.list"] = {"items": [{**item, "status": "lost", "created_at": begin.isoformat()}]}
    compare(quick, "dispute", begin, "again")
    assert [row.state for row in quick.rows(ledger_checks)] == ["differs"]
    compare(quick, "dispute", begin - timedelta(days=1), "late")
    assert [row.state for row in quick.rows(ledger_checks)] == ["differs"]


def test_more_payouts_than_one_turn_takes_are_each_asked_about_once(quick, monkeypatch):
    monkeypatch.setattr(reconciling_lists, "_AT_ONCE", 2)
    paid(quick)
    begin = begins(quick)
    for number in range(5):
        sent(quick, "payout", f"x_{number}", begin, "paid")
    usd = {"minor": 700, "currency": "USD"}
    answering(quick, {"payout.list": {"items": []}, "payout.get": {"payout": "x", "status": "paid", "amount": usd}})
    quick.forward(days=2)
    assert {name: row.state for name, row in checks(quick, "payout").items()} == {f"x_{n}": "same" for n in range(5)}
    assert len([given for action, given in quick.calls if action == "payout.get" and isinstance(given, dict)]) == 5


def test_a_dispute_that_was_accepted_is_lost_here_and_there(quick):
    payment = paid(quick)
    begin, usd = begins(quick), {"minor": 10_000, "currency": "USD"}
    data = {"dispute": "d_1", "payment": payment, "amount": usd}
    for event_type, more in (("dispute.opened", {}), ("dispute.closed", {"outcome": "accepted"})):
        told = Happening(event_type, "sandbox", event_type, {**data, **more}, quick.hub.now())
        quick.hub.recorder.record(told, quick.hub.now())
    item = {**data, "status": "accepted", "created_at": begin.isoformat()}
    answering(quick, {"dispute.list": {"items": [item]}})
    compare(quick, "dispute", begin)
    assert checks(quick, "dispute")["d_1"].state == "same"
