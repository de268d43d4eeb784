"""Illegal news are recorded once with the events that tell them, and wait for a person until somebody looks into them."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from hub.errors import NotFoundError
from hub.journal.entries import Happening
from hub.journal.tables_escrow import payouts
from hub.journal.tables_histories import histories
from hub.payments.histories import Thing, look_into, note, oddities_of, unseen
from hub.payments.legal_steps import MARKED
from tests.payments.held import asked, euros, held
from tests.payments.test_escrow_of_payments import attempt
from tests.payments.test_payouts import queued, sent

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
STORY = (
    ("subscription.started", 0),
    ("subscription.renewed", 30),
    ("subscription.cancelled", 40),
    ("subscription.renewed", 60),
)
AFTER_ITS_END = ["The gateway said renewed after it had said cancelled."]


def tell(market, event_type, days, thing="sub_1", source="shop", **data):
    family = event_type.partition(".")[0]
    said = {**({"plan": "gold"} if family == "subscription" else {}), family: thing, **data}
    happening = Happening(event_type, source, f"{event_type}:{thing}:{days}", said, NOON + timedelta(days=days))
    market.hub.recorder.record(happening, market.hub.now())


def odd(market):
    """What is odd, by thing, that nobody has looked into."""
    with market.hub.database.read() as connection:
        return {row.thing: row.oddities for row in unseen(connection, 10)}


def look(market, identity):
    return market.hub.office("test").change(lambda book: look_into(book, identity))


def test_a_renewal_after_the_end_is_recorded_once_whatever_comes_first_and_how_often(quick):
    for number, order in enumerate(permutations(STORY)):
        for event_type, days in (*order, *order):
            tell(quick, event_type, days, f"sub_{number}")
    rows = quick.rows(histories)
    assert [row.oddities for row in rows] == [AFTER_ITS_END] * 24
    assert all(row.facts == rows[0].facts for row in rows)


def test_what_a_person_looked_into_waits_no_longer_until_something_else_is_odd(quick):
    for event_type, days in STORY:
        tell(quick, event_type, days)
    assert odd(quick) == {"sub_1": AFTER_ITS_END}
    look(quick, "subscription:shop/sub_1")
    tell(quick, "subscription.renewed", 90)
    assert odd(quick) == {}, "the same again is nothing else"
    tell(quick, "subscription.resumed", 91)
    assert odd(quick) == {"sub_1": [*AFTER_ITS_END, "The gateway said resumed after it had said cancelled."]}
    things = [Thing("subscription", "shop", name) for name in ("sub_1", "sub_2")]
    with quick.hub.database.read() as connection:
        assert list(oddities_of(connection, things)) == [things[0].id]
        assert oddities_of(connection, []) == {}


def test_nobody_looks_into_what_was_never_told(quick):
    with pytest.raises(NotFoundError):
        look(quick, "subscription:shop/sub_1")


def test_what_a_person_or_a_recipe_made_up_is_no_news_of_a_gateway(quick):
    for event_type, days in STORY:
        tell(quick, event_type, days, source="hub")
    assert quick.rows(histories) == []


def test_of_two_connections_each_has_its_own(quick):
    tell(quick, "subscription.cancelled", 0, source="shop")
    tell(quick, "subscription.renewed", 9, source="other")
    assert odd(quick) == {}


def test_a_transfer_that_is_taken_back_beyond_its_amount_is_odd(quick):
    about = {"provider": "acct_ada", "amount": euros(5000)}
    tell(quick, "transfer.sent", 0, "tr_1", **about)
    tell(quick, "transfer.reversed", 1, "tr_1", **about)
    assert odd(quick) == {}
    tell(quick, "transfer.reversed", 2, "tr_1", **{**about, "amount": euros(1)})
    assert odd(quick) == {"tr_1": ["More was taken back of it than was sent."]}


# payouts of the hub


def test_a_payout_that_was_held_for_failed_and_is_paid_all_the_same_is_odd(quick):
    payout = sent(quick)
    quick.mark(payout.id, "failed")
    assert odd(quick) == {}
    quick.happen("payout.paid", payout.reference, "prv_ada", 5_000)
    ((thing, (words,)),) = odd(quick).items()
    assert thing == payout.id
    assert "although a person had said it failed" in words


def test_a_payout_that_the_gateway_refused_and_paid_all_the_same_is_odd(quick):
    payout = queued(quick)
    refused = {"scope": "gateway", "mode": "refuse", "match": "acct_ada", "requests": 1}
    quick.sandbox("POST", "/test/misbehaviour", refused)
    quick.run_due()
    assert (quick.payouts()[0].state, odd(quick)) == ("failed", {})
    quick.happen("payout.paid", "po_7", "prv_ada", 5_000, metadata={"hub_payout": payout.id})
    ((thing, (words,)),) = odd(quick).items()
    assert thing == payout.id
    assert "although it had refused it" in words


def test_a_payout_that_is_paid_and_sent_back_by_the_bank_is_nothing_odd(quick):
    payout = sent(quick)
    quick.happen("payout.paid", payout.reference, "prv_ada", 5_000)
    quick.forward(days=1)
    quick.happen("payout.failed", payout.reference, "prv_ada", 5_000)
    assert (quick.payouts()[0].state, odd(quick)) == ("failed", {})
    quick.forward(days=1)
    quick.hub.recorder.record(
        Happening("payout.paid", "sandbox", "again", {"payout": payout.reference, "provider": "prv_ada", "amount": euros(5_000)}, quick.hub.now()),
        quick.hub.now(),
    )  # fmt: skip
    assert odd(quick) == {payout.id: ["The gateway said paid after it had said failed."]}


def test_what_was_told_before_the_number_was_known_is_told_of_the_same_payout(quick):
    payout = queued(quick)
    quick.happen("payout.failed", "po_early", "prv_ada", 5_000)
    quick.forward(days=1)
    quick.happen("payout.paid", "po_early", "prv_ada", 5_000, metadata={"hub_payout": payout.id})
    assert odd(quick) == {payout.id: ["The gateway said paid after it had said failed."]}
    assert [row.thing for row in quick.rows(histories) if row.family == "payout"] == [payout.id]


def test_a_payout_ends_the_same_for_every_order_of_its_news_though_the_answer_was_lost(quick):
    """The bank sent back what had been paid: it is due again, whichever report comes first and how often."""
    payout = queued(quick)
    for number, order in enumerate(permutations(("payout.paid", "payout.failed", "payout.paid"))):
        row = quick.payouts()[0]
        quick.hub.office("test").change(
            lambda book, row=row, number=number: book.insert(
                payouts, {**row._asdict(), "id": f"pyt_{number}", "state": "uncertain", "reference": None}
            )
        )
        for what in order:
            quick.happen(what, f"po_{number}", "prv_ada", 5_000, metadata={"hub_payout": f"pyt_{number}"})
    others = [row for row in quick.payouts() if row.id != payout.id]
    assert [(row.state, row.reference) for row in others] == [("failed", f"po_{number}") for number in range(6)]


def test_a_bank_file_has_no_gateway_that_could_say_something_else(quick):
    quick.provider("prv_ada", bank={"iban": "DE89370400440532013000", "holder": "Ada"})
    quick.owe("prv_ada", 5_000)
    quick.act("pay_due", {"bank": True}, "pay")
    quick.mark(quick.payouts()[0].id, "failed")
    assert quick.rows(histories) == []


# holds


def test_other_attempts_of_the_payers_are_not_odd_as_their_money_goes_back(quick):
    hold = held(quick)
    attempt(quick, hold, "failed", "pay_failed")
    attempt(quick, hold, "succeeded", "pay_second")
    assert odd(quick) == {}


def test_a_payment_that_is_taken_after_its_hold_let_it_go_is_odd(quick):
    hold = held(quick, needed=3)
    payment = quick.hold(hold).payment
    quick.act("cancel", {"hold": hold}, "cancel")
    assert (quick.hold(hold).state, quick.hold(hold).mode, odd(quick)) == ("refunded", "authorization", {})
    attempt(quick, hold, "succeeded", payment)
    ((thing, (words,)),) = odd(quick).items()
    assert thing == hold
    assert "taken after this hold had let it go" in words


def test_a_hold_of_which_nothing_is_odd_has_no_history(quick):
    hold = asked(quick)["hold"]
    attempt(quick, hold, "succeeded", "pay_1")
    assert [row for row in quick.rows(histories) if row.family == "hold"] == []


def test_what_is_noted_again_is_not_written_again(quick):
    thing = Thing("payout", "sandbox", "pyt_1")
    quick.hub.office("test").change(lambda book: note(book, thing, {MARKED: True}))
    (before,) = quick.rows(histories)
    quick.forward(days=1)
    quick.hub.office("test").change(lambda book: note(book, thing, {MARKED: True}))
    assert quick.rows(histories) == [before]
