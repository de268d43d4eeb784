"""Each day's disputes, transfers and payouts are compared with the sandbox's lists, whose webhooks may have been lost."""

from __future__ import annotations

import pytest

from hub.engine.office import HubOffice
from hub.errors import ConflictError, PermanentError, TransientError
from hub.journal.tables_ledger import ledger_checks
from hub.payments import reconciliation
from hub.payments.comparing_lists import TAKE, UNLISTED
from tests.payments.market import KilledError


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
    act = quick.hub.payments.act

    def forgetful(name, action, key, given, **said):
        return {"items": []} if action == "dispute.list" else act(name, action, key, given, **said)

    quick.hub.payments.act = forgetful
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


def test_lists_of_many_pages_are_read_to_their_end(quick):
    payment = paid(quick, "JPY", 100_000)
    for number in range(105):
        shared(quick, payment, "JPY", number + 1)
    quick.heard("transfer.sent", 105)
    quick.forward(days=2)
    assert {row.state for row in checks(quick, "transfer").values()} == {"same"}
    assert len(checks(quick, "transfer")) == 105


# the gateway's word is taken over


def take_over(market, kind, subject):
    key = f"page-{len(market.told())}"
    return reconciliation.take_over(market.hub.office(key), checks(market, kind)[subject].id, "grace@example.com")


@pytest.mark.parametrize("outcome", ["open", "won", "lost"])
def test_a_dispute_that_was_never_heard_of_is_taken_over_once_and_its_late_report_is_no_news(market, outcome):
    payment = paid(market)
    market.silence()
    dispute = disputed(market, payment)
    market.forward(days=2)
    types = ["dispute.opened"]
    if outcome != "open":
        assert take_over(market, "dispute", dispute)
        types.append("dispute.closed")
        market.sandbox("POST", f"/test/disputes/{dispute}/close", {"outcome": outcome})
        market.forward(days=1)
    assert differing(market, "dispute")[dispute][2] == TAKE
    assert take_over(market, "dispute", dispute)
    row = checks(market, "dispute")[dispute]
    assert (row.state, row.why, row.settled_by) == ("settled", reconciliation.TAKEN, "grace@example.com")
    with pytest.raises(ConflictError, match="not open any more"):
        take_over(market, "dispute", dispute)
    assert market.told("dispute") == types
    sold = {"revenue:sales": -10_000}
    wanted = {"open": {"disputed": 10_000, **sold}, "won": {"gateway:sandbox": 10_000, **sold}, "lost": {}}
    assert market.books("USD") == wanted[outcome]
    market.speak()
    for event_type in types:
        market.until(lambda event_type=event_type: market.duplicates(event_type) == 1)
    assert market.told("dispute") == types


def test_a_dispute_that_was_heard_of_meanwhile_is_settled_and_nothing_told(quick):
    payment = paid(quick)
    quick.silence()
    dispute = disputed(quick, payment)
    quick.forward(days=2)
    quick.speak()
    quick.heard("dispute.opened")
    assert take_over(quick, "dispute", dispute)
    assert checks(quick, "dispute")[dispute].why == reconciliation.AGREES
    quick.run_due()
    assert quick.told("dispute") == ["dispute.opened"]
    assert quick.duplicates("dispute.opened") == 0


def test_what_differs_in_another_way_by_now_is_looked_at_again_first(quick):
    payment = paid(quick)
    quick.silence()
    dispute = disputed(quick, payment)
    quick.forward(days=2)
    quick.sandbox("POST", f"/test/disputes/{dispute}/close", {"outcome": "lost"})
    with pytest.raises(ConflictError, match="in another way"):
        take_over(quick, "dispute", dispute)
    assert quick.told("dispute") == []
    check = checks(quick, "dispute")[dispute]
    assert not reconciliation.compare_listed_again(quick.hub.office("again"), check.id, "grace@example.com")
    assert take_over(quick, "dispute", dispute)
    assert quick.told("dispute") == ["dispute.opened", "dispute.closed"]
    assert quick.events("dispute.closed")[0]["outcome"] == "lost"


@pytest.mark.parametrize(("currency", "amount"), [("USD", 5251), ("JPY", 400), ("KWD", 4005)])
def test_a_transfer_and_what_is_taken_back_of_it_are_taken_over_to_the_last_unit(market, currency, amount):
    payment = paid(market, currency, 10_000)
    market.silence()
    transfer = shared(market, payment, currency, amount)
    market.sandbox("POST", f"/transfers/{transfer}/reversals", {"amount": 51, "currency": currency})
    market.forward(days=2)
    assert take_over(market, "transfer", transfer)
    types = ["transfer.sent", "transfer.reversed"]
    assert market.told("transfer") == types
    assert market.account("provider:acct_a", currency) == amount - 51
    market.speak()
    for event_type in types:
        market.until(lambda event_type=event_type: market.duplicates(event_type) == 1)
    assert market.told("transfer") == types
    assert market.account("provider:acct_a", currency) == amount - 51
    market.sandbox("POST", f"/transfers/{transfer}/reversals", {"amount": 100, "currency": currency})
    market.heard("transfer.reversed", 2)
    assert market.account("provider:acct_a", currency) == amount - 151


def test_a_payout_of_the_hubs_own_whose_end_nobody_told_is_taken_over_and_not_booked_twice(quick):
    reference = paid_out(quick)
    quick.silence()
    quick.forward_gateway(seconds=11)
    act = quick.hub.payments.act

    def says_nothing(name, action, key, given, **said):
        if action == "payout.get":
            raise TransientError("Down.", code="unavailable")
        return act(name, action, key, given, **said)

    quick.hub.payments.act = says_nothing
    quick.forward(days=2)
    quick.hub.payments.act = act
    assert differing(quick, "payout") == {reference: ("on its way", "paid", TAKE)}
    assert take_over(quick, "payout", reference)
    assert quick.payouts()[0].state == "paid"
    assert quick.told("payout") == ["payout.paid"]
    assert quick.account("provider:prv_ada") == 0


def test_a_payout_to_the_platform_itself_is_taken_over_into_its_bank(quick):
    paid(quick, "EUR", 50_000)
    quick.silence()
    given = {"provider": "platform", "amount": 10_000, "currency": "EUR", "to": {"bank": "ours"}}
    unheard = quick.sandbox("POST", "/payouts", given)["id"]
    quick.forward_gateway(seconds=11)
    quick.forward(days=2)
    assert take_over(quick, "payout", unheard)
    assert quick.account("bank") == 10_000
    quick.speak()
    quick.until(lambda: quick.duplicates("payout.paid") == 1)
    assert quick.account("bank") == 10_000


def test_what_the_gateway_does_not_list_cannot_be_taken_over(quick):
    dispute = disputed(quick, paid(quick))
    quick.heard("dispute.opened")
    act = quick.hub.payments.act

    def forgetful(name, action, key, given, **said):
        return {"items": []} if action == "dispute.list" else act(name, action, key, given, **said)

    quick.hub.payments.act = forgetful
    quick.forward(days=2)
    with pytest.raises(PermanentError, match="No report"):
        take_over(quick, "dispute", dispute)
    assert checks(quick, "dispute")[dispute].state == "differs"


def test_who_takes_a_difference_over_that_dies_in_between_takes_it_over_again(quick, monkeypatch):
    payment = paid(quick)
    quick.silence()
    dispute = disputed(quick, payment)
    quick.forward(days=2)
    change = HubOffice.change

    def dies_when_it_is_told(office, work):
        outcome = change(office, work)
        if outcome == reconciliation.TAKEN:
            raise KilledError
        return outcome

    with monkeypatch.context() as dying:
        dying.setattr(HubOffice, "change", dies_when_it_is_told)
        with pytest.raises(KilledError):
            take_over(quick, "dispute", dispute)
    assert quick.told("dispute") == ["dispute.opened"]
    assert checks(quick, "dispute")[dispute].state == "differs"
    assert take_over(quick, "dispute", dispute)
    assert quick.told("dispute") == ["dispute.opened"]
