"""What a gateway's list says of a dispute, a transfer or a payout is taken over by a person's click, once."""

from __future__ import annotations

import pytest

from hub.engine.office import HubOffice
from hub.errors import ConflictError, PermanentError, TransientError
from hub.payments import reconciliation
from hub.payments.comparing_lists import TAKE
from tests.payments.market import KilledError
from tests.payments.test_reconciling_lists import answering, checks, differing, disputed, paid, paid_out, shared


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
    answering(quick, {"dispute.list": {"items": []}})
    quick.forward(days=2)
    with pytest.raises(PermanentError, match="No report"):
        take_over(quick, "dispute", dispute)
    assert "payout.get" not in [action for action, _ in quick.calls]
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
