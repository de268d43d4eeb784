"""What comes in for a subscription that is over goes back: renewals, links and debits that were under way when it ended."""

import pytest

from hub.errors import PermanentError
from tests.payments.conftest import ADA, EUR
from tests.payments.market import KilledError
from tests.payments.test_charging import charges, die, look, meanwhile, terms, visits_of
from tests.payments.test_charging_links import links_of, pay_link, states_of_links
from tests.payments.test_leaving_early import BY_LINK, corner, refunds
from tests.payments.test_subscriptions import act, member, plan

__all__ = ["corner"]

LOOKED_UP = pytest.mark.parametrize("corner", [{"idempotent": "lookup"}], indirect=True)
BACK = [4900]


def end(corner, joined):
    assert act(corner, "cancel", joined, at="now")["status"] == "cancelled"


def cut_off(corner, monkeypatch, write, moment):
    """A member who is cancelled when the process has died that charged the renewal, before or after this write."""
    joined = member(corner)
    corner.moment = terms(corner, joined).due_at
    die(corner, monkeypatch, write, moment)
    with pytest.raises(KilledError):
        corner.run_due()
    end(corner, joined)
    return joined


def gone_back(corner):
    """What the gateway gave back; each was told, once."""
    assert corner.told("subscription.paid_again") == ["subscription.paid_again"] * len(corner.gateway.refunds)
    assert [state for state, _ in refunds(corner)] == ["issued"] * len(corner.gateway.refunds)
    return list(corner.gateway.refunds.values())


def by_link(corner, **more):
    """A subscription that is paid by links, and the address of its first."""
    given = {"plan": plan(corner, **more), "customer": ADA}
    joined = corner.act("subscription.create", given, "join")["subscription"]
    corner.run_due()
    return joined, links_of(corner)[0]


def clicked(corner, link):
    """Where a payer who clicked pays at the gateway."""
    return corner.visit(link, "POST").headers["Refresh"].removeprefix("0; url=")


# a renewal that is under way


def test_a_renewal_that_is_charged_while_it_is_cancelled_goes_back(corner, monkeypatch):
    joined = member(corner)
    meanwhile(corner, monkeypatch, lambda: end(corner, joined))
    corner.forward(days=40)
    assert gone_back(corner) == BACK
    told = corner.event("subscription.paid_again")
    assert (told["payment"], told["amount"], told["reason"], told["subscription"]) == ("c_2", EUR, "cancelled", joined)
    assert corner.told("subscription") == [
        "subscription.started", "subscription.cancelled", "subscription.paid_again"
    ]  # fmt: skip
    assert terms(corner, joined).due_at is None


@pytest.mark.parametrize(("write", "moment"), [("end_charge", "after"), ("keep_subscription", "before")])
def test_who_is_cancelled_after_the_process_died_that_charged_gets_it_back(corner, monkeypatch, write, moment):
    cut_off(corner, monkeypatch, write, moment)
    assert corner.gateway.refunds == {}
    corner.forward(minutes=3)
    corner.forward(days=40)
    assert (gone_back(corner), len(corner.gateway.charges)) == (BACK, 2)


def test_who_is_cancelled_just_as_the_charge_was_heard_of_gets_it_back(corner, monkeypatch):
    joined, store = member(corner), corner.hub.payments.store
    real = store.refuse_changed

    def changed(row):
        monkeypatch.undo()
        end(corner, joined)
        real(row)

    corner.moment = terms(corner, joined).due_at
    monkeypatch.setattr(store, "refuse_changed", changed)
    corner.run_due()
    corner.forward(minutes=3)
    assert gone_back(corner) == BACK
    assert corner.told("subscription.renewed") == []


def test_a_first_charge_whose_process_died_before_it_was_cancelled_goes_back(corner, monkeypatch):
    joined = corner.act("subscription.create", {"plan": plan(corner), "customer": ADA, "method": "m_ada"}, "join")
    die(corner, monkeypatch, "end_charge", "after")
    with pytest.raises(KilledError):
        corner.run_due()
    end(corner, joined["subscription"])
    corner.forward(minutes=3)
    assert gone_back(corner) == BACK


@LOOKED_UP
@pytest.mark.parametrize(("write", "moment", "back"), [("begin_charge", "after", []), ("end_charge", "before", BACK)])
def test_a_charge_that_nobody_heard_the_end_of_is_looked_up_and_never_made_for_who_left(
    corner, monkeypatch, write, moment, back
):
    joined = cut_off(corner, monkeypatch, write, moment)
    corner.forward(minutes=3)
    corner.forward(days=40)
    assert (gone_back(corner), len(corner.gateway.charges)) == (back, 1 + len(back))
    assert charges(corner, joined)[1:] == [("succeeded" if back else "failed", 4900)]


def in_doubt(corner, monkeypatch):
    """Who was cancelled after the process died that charged them, where the gateway cannot be asked for it."""
    joined = cut_off(corner, monkeypatch, "end_charge", "before")
    corner.forward(minutes=3)
    assert charges(corner, joined)[1:] == [("uncertain", 4900)]
    assert corner.hub.payments.store.charges_of(joined)[0].error["code"] == "interrupted"
    return joined


def test_where_nothing_tells_how_far_it_came_a_person_says_that_it_happened_and_it_goes_back(corner, monkeypatch):
    joined = in_doubt(corner, monkeypatch)
    with pytest.raises(PermanentError, match="goes back, for which its number is needed"):
        corner.hub.charging.decide(joined, happened=True)
    corner.hub.charging.decide(joined, happened=True, payment="c_2")
    assert (gone_back(corner), charges(corner, joined)[1:]) == (BACK, [("succeeded", 4900)])
    assert len(corner.gateway.charges) == 2


def test_what_a_person_says_did_not_happen_is_not_made_again_for_who_left(corner, monkeypatch):
    joined = in_doubt(corner, monkeypatch)
    corner.hub.charging.decide(joined, happened=False)
    corner.forward(days=40)
    assert (corner.gateway.refunds, len(corner.gateway.charges)) == ({}, 2)
    assert corner.told("subscription") == ["subscription.started", "subscription.cancelled"]
    assert charges(corner, joined)[1:] == [("failed", 4900)]


# debits that the bank decides later


def test_a_debit_of_a_later_period_that_is_paid_after_the_end_goes_back(corner):
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=28)
    assert charges(corner, joined)[1:] == [("waiting", 4900)]
    end(corner, joined)
    corner.gateway.settle("c_2")
    look(corner, "c_2")
    for _ in range(2):
        (visit,) = visits_of(corner, "c_2")
        corner.hub.charging.decided(visit)
    assert (gone_back(corner), charges(corner, joined)[1:]) == (BACK, [("succeeded", 4900)])
    assert terms(corner, joined).due_at is None


def test_a_debit_that_is_refused_after_the_end_changes_nothing(corner):
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=28)
    end(corner, joined)
    corner.gateway.settle("c_2", "failed", "insufficient_funds")
    look(corner, "c_2")
    assert (corner.gateway.refunds, charges(corner, joined)[1:]) == ({}, [("failed", 4900)])
    assert corner.told("subscription") == ["subscription.started", "subscription.cancelled"]


def test_a_debit_that_is_paid_when_it_ended_for_lack_of_money_goes_back(corner):
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=42, hours=1)
    corner.gateway.slow, corner.gateway.declines = False, True
    corner.forward(days=30)
    assert terms(corner, joined).state == "cancelled"
    corner.gateway.settle("c_2")
    look(corner, "c_2")
    assert gone_back(corner) == BACK


@pytest.mark.parametrize("write", ["end_charge", "keep_subscription"])
def test_what_was_counted_before_the_end_does_not_go_back_though_it_is_told_again(corner, monkeypatch, write):
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=43, hours=7)
    corner.gateway.settle("c_3")
    look(corner, "c_3")
    corner.gateway.settle("c_2")
    die(corner, monkeypatch, write, "after")
    with pytest.raises(KilledError):
        look(corner, "c_2")
    end(corner, joined)
    for payment in ("c_2", "c_3"):
        corner.hub.charging.decided(visits_of(corner, payment)[0])
    corner.forward(days=1)
    assert (corner.gateway.refunds, terms(corner, joined).balance) == ({}, -4900)
    assert corner.event("subscription.cancelled")["credit"] == EUR


# links


@BY_LINK
def test_a_link_of_a_later_period_that_is_paid_after_the_end_goes_back(corner):
    joined, first = by_link(corner)
    pay_link(corner, first)
    corner.forward(days=28, hours=1)
    page = clicked(corner, links_of(corner)[1])
    end(corner, joined)
    corner.pay(page)
    corner.forward(days=1)
    assert (gone_back(corner), terms(corner, joined).cycle) == (BACK, 1)
    assert corner.told("subscription.renewed") == []


@BY_LINK
def test_two_payments_on_the_first_link_of_a_cancelled_subscription_both_go_back(corner):
    joined, first = by_link(corner)
    pages = [clicked(corner, first)]
    corner.forward(hours=1)
    pages.append(clicked(corner, first))
    assert len(set(pages)) == 2
    end(corner, joined)
    for page in pages:
        corner.pay(page)
        corner.forward(hours=1)
    assert gone_back(corner) == BACK * 2
    assert {one.payment for one in corner.hub.payments.store.charges_of(joined)} <= set(corner.gateway.payments)


@BY_LINK
def test_a_second_payment_on_the_last_link_of_one_that_is_ended_goes_back(corner):
    joined, first = by_link(corner, cycles=1)
    pages = [clicked(corner, first)]
    corner.forward(hours=1)
    pages.append(clicked(corner, first))
    corner.pay(pages[0])
    corner.forward(days=40)
    assert terms(corner, joined).state == "ended"
    corner.pay(pages[1])
    corner.forward(hours=1)
    assert gone_back(corner) == BACK


@BY_LINK
@pytest.mark.parametrize(("write", "moment"), [("begin_charge", "after"), ("end_charge", "before")])
def test_by_a_link_whose_process_died_before_it_was_cancelled_nothing_can_be_paid(corner, monkeypatch, write, moment):
    joined, first = by_link(corner)
    pay_link(corner, first)
    corner.moment = terms(corner, joined).due_at
    die(corner, monkeypatch, write, moment)
    with pytest.raises(KilledError):
        corner.run_due()
    end(corner, joined)
    corner.forward(minutes=3)
    assert states_of_links(corner) == ["paid", *(["cancelled"] if write == "end_charge" else [])]
    corner.forward(days=40)
    assert len(links_of(corner)) == len(states_of_links(corner))
    assert terms(corner, joined).due_at is None


@BY_LINK
def test_a_link_that_is_made_while_it_is_cancelled_is_closed(corner, monkeypatch):
    joined, first = by_link(corner)
    pay_link(corner, first)
    store = corner.hub.payments.store
    real = store.end_charge

    def cancelled(*given, **more):
        monkeypatch.undo()
        end(corner, joined)
        real(*given, **more)

    corner.moment = terms(corner, joined).due_at
    monkeypatch.setattr(store, "end_charge", cancelled)
    corner.run_due()
    assert states_of_links(corner) == ["paid", "active"]
    corner.forward(minutes=3)
    assert states_of_links(corner) == ["paid", "cancelled"]


# what is left when it ends


def credited(corner, **more):
    """A member to whom the next charge owes 49.00: two debits paid one period."""
    joined = member(corner, plan(corner, **more))
    corner.gateway.slow = True
    corner.forward(days=43, hours=7)
    for payment in ("c_2", "c_3"):
        corner.gateway.settle(payment)
        look(corner, payment)
    corner.gateway.slow = False
    assert terms(corner, joined).credit == EUR
    return joined


@pytest.mark.parametrize("at", ["now", "period_end"])
def test_what_was_paid_beyond_is_told_when_it_is_cancelled(corner, at):
    act(corner, "cancel", credited(corner), at=at)
    corner.forward(days=31)
    assert corner.event("subscription.cancelled")["credit"] == EUR
    assert corner.gateway.refunds == {}


def test_what_was_paid_beyond_is_told_when_its_last_period_ends(corner):
    credited(corner, cycles=2)
    corner.forward(days=31)
    assert corner.event("subscription.ended")["credit"] == EUR


def test_who_owes_nothing_and_is_owed_nothing_is_told_no_credit(corner):
    end(corner, member(corner))
    assert "credit" not in corner.event("subscription.cancelled")
