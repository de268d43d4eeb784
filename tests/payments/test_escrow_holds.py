"""The state machine of escrow, without anything around it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.connect.holding import choose_mode, holding_mode
from hub.connect.manifest import load_manifest
from hub.errors import PermanentError
from hub.payments import holds
from hub.payments.holds import Arrived, Hold

CONNECTORS = Path(__file__).parents[2] / "connectors"
NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
WHOLE = 120_000
ASKED = Hold("hold_1", "requested", "collected", "EUR", WHOLE)
PAID = Arrived("succeeded", WHOLE, WHOLE)
HELD = replace(ASKED, state="held")
LAPSES = NOW + timedelta(days=7)
AUTHORISED = replace(HELD, mode="authorization", lapses_at=LAPSES)


def types(tales):
    return [event for event, _ in tales]


# how the money is held


@pytest.mark.parametrize(
    ("limits", "days", "mode"),
    [
        ({"authorization_days": 7}, 6, "authorization"),
        ({"authorization_days": 7}, 6.01, "collected"),
        ({"authorization_days": 29, "guaranteed_days": 3}, 2, "authorization"),
        ({"authorization_days": 29, "guaranteed_days": 3}, 3, "collected"),
        ({"authorization_days": 30, "default_authorization_days": 7}, 10, "collected"),
        ({"modes": ["collected"], "authorization_days": 7}, 1, "collected"),
        ({"modes": ["authorization"], "authorization_days": 30}, 29, "authorization"),
        ({}, 1, "collected"),
    ],
)
def test_money_is_only_authorised_while_that_surely_lasts_and_a_day_longer(limits, days, mode):
    assert choose_mode("Stripe", limits, NOW + timedelta(days=days), NOW).mode == mode


def test_why_a_mode_was_chosen_is_said_in_a_sentence():
    limits = {"authorization_days": 7}
    short = choose_mode("Stripe", limits, NOW + timedelta(days=2), NOW).why
    assert short.startswith("An authorisation at Stripe surely lasts 7 days, and the money is needed until 2026-11-28.")
    long = choose_mode("Stripe", limits, NOW + timedelta(days=9), NOW).why
    assert "surely lasts 7 days only" in long
    assert "2026-12-05" in long


REFUNDS = "gives a payment back for 90 days, until 2027-02-24 if it is paid today"
KEEPS = "itself keeps the money for a seller, it does so for 90 days, until 2027-02-24 if it is paid today"


@pytest.mark.parametrize(
    ("limits", "days", "said"),
    [
        ({"refund_days": 90}, 90, []),
        ({"refund_days": 90}, 90.01, [REFUNDS]),
        ({"collected_days": 90}, 90, []),
        ({"collected_days": 90}, 90.01, [KEEPS]),
        ({"collected_days": 90, "refund_days": 180}, 100, [KEEPS]),
        ({"collected_days": 90, "refund_days": 90}, 91, [REFUNDS, KEEPS]),
        ({"collected_days": 90, "refund_days": 90, "authorization_days": 365}, 91, []),
    ],
)
def test_what_a_gateway_stops_doing_before_the_money_is_needed_is_said(limits, days, said):
    choice = choose_mode("Stripe", limits, NOW + timedelta(days=days), NOW)
    assert [words for words in (REFUNDS, KEEPS) if words in choice.why] == said
    assert ("release it or give it back before" in choice.why) == (KEEPS in said)
    assert ("what goes back to the payer later goes in another way" in choice.why) == (REFUNDS in said)


@pytest.mark.parametrize(
    ("connector", "days", "kept", "refunded"),
    [
        ("paypal", 28, 0, 0),
        ("paypal", 29, 28, 0),
        ("paypal", 181, 28, 180),
        ("stripe", 91, 90, 0),
        ("twocheckout", 91, 0, 90),
    ],
)
def test_the_days_of_the_gateways_own_manifests_are_said(connector, days, kept, refunded):
    manifest = load_manifest(CONNECTORS / connector)
    why = holding_mode(manifest, NOW + timedelta(days=days), NOW).why
    assert (f"keeps the money for a seller, it does so for {kept} days" in why) == bool(kept)
    assert (f"gives a payment back for {refunded} days" in why) == bool(refunded)
    assert ("for a seller" in why, "payment back" in why) == (bool(kept), bool(refunded))


def test_the_shorter_time_to_give_a_payment_back_counts():
    manifest = load_manifest(CONNECTORS / "twocheckout")
    refund = manifest.capabilities["refund"]
    shorter = replace(refund, limits={**refund.limits, "refund_days": 60})
    manifest = replace(manifest, capabilities={**manifest.capabilities, "refund": shorter})
    assert "gives a payment back for 60 days" in holding_mode(manifest, NOW + timedelta(days=61), NOW).why


def test_a_gateway_that_can_hold_in_neither_way_is_refused():
    limits = {"modes": ["authorization"], "authorization_days": 30}
    with pytest.raises(PermanentError, match="30 days at most") as caught:
        choose_mode("Amazon Pay", limits, NOW + timedelta(days=40), NOW)
    assert caught.value.code == "window_closed"


# what the gateway tells


def test_a_paid_hold_is_held_and_told_once():
    held, tales = holds.follow(ASKED, PAID)
    assert (held.state, held.mode, held.left) == ("held", "collected", WHOLE)
    assert types(tales) == ["escrow.held"]
    again, tales = holds.follow(held, PAID)
    assert (again, tales) == (held, [])


def test_an_authorised_hold_knows_when_it_lapses():
    held, tales = holds.follow(ASKED, Arrived("authorized", WHOLE, lapses_at=LAPSES))
    assert (held.state, held.mode, held.lapses_at) == ("held", "authorization", LAPSES)
    assert types(tales) == ["escrow.held"]


@pytest.mark.parametrize("state", holds.STATES)
@pytest.mark.parametrize("news", ["created", "pending", "failed", "authorized", "succeeded", "expired", "voided"])
def test_what_is_told_of_the_payment_changes_only_what_it_can(state, news):
    known = replace(AUTHORISED, state=state, frozen_by="by hand" if state == "frozen" else "")
    after, tales = holds.follow(known, Arrived(news, WHOLE, WHOLE, lapses_at=LAPSES))
    came_in = {"requested": "held", "lapsed": "held", "cancelled": "frozen"}
    ends = {"held": "lapsed", "frozen": "lapsed"}
    moves = {"authorized": came_in, "succeeded": came_in, "expired": ends, "voided": ends}.get(news, {})
    assert after.state == moves.get(state, state)
    told = {"held": "escrow.held", "frozen": "escrow.frozen", "lapsed": "escrow.lapsed"}
    assert types(tales) == ([told[after.state]] if after.state != state else [])
    assert after.tales == len(tales)
    assert holds.follow(after, Arrived(news, WHOLE, WHOLE, lapses_at=LAPSES)) == (after, [])
    if after.state == state and (news, state) not in {("succeeded", "held"), ("succeeded", "frozen")}:
        assert after == known
    assert (after.frozen_by == "by hand") == (state == after.state == "frozen")


@pytest.mark.parametrize("state", ["requested", "lapsed", "cancelled"])
def test_the_hold_is_as_the_payment_came_in(state):
    known = replace(AUTHORISED, state=state)
    taken, _ = holds.follow(known, Arrived("succeeded", WHOLE, 90_000, lapses_at=LAPSES))
    assert (taken.mode, taken.amount) == ("collected", 90_000)
    assert state == "cancelled" or taken.lapses_at is None
    later = replace(ASKED, state=state)
    less, tales = holds.follow(later, Arrived("authorized", 100_000, lapses_at=LAPSES))
    assert (less.mode, less.amount) == ("authorization", 100_000)
    assert state == "cancelled" or (less.lapses_at, tales) == (LAPSES, [("escrow.held", {})])
    assert holds.follow(later, Arrived("authorized"))[0].amount == WHOLE, "nothing was said of the amount"
    assert holds.follow(later, Arrived("succeeded", 100_000))[0].amount == 100_000


def test_a_frozen_authorisation_that_is_captured_by_hand_stays_frozen():
    frozen = replace(AUTHORISED, state="frozen", frozen_by="by hand")
    taken, tales = holds.follow(frozen, Arrived("succeeded", WHOLE, WHOLE))
    assert (taken.state, taken.mode, taken.lapses_at, taken.frozen_by, tales) == (
        "frozen",
        "collected",
        None,
        "by hand",
        [],
    )


def test_of_a_collected_hold_nothing_lapses():
    assert holds.follow(HELD, Arrived("expired", WHOLE)) == (HELD, [])


def test_a_debit_that_comes_back_takes_what_was_not_released_yet():
    part = replace(HELD, released=50_000)
    gone, tales = holds.follow(part, Arrived("returned", WHOLE, WHOLE))
    assert (gone.state, gone.left, gone.refunded, gone.released) == ("settled", 0, 70_000, 50_000)
    amount = {"minor": 70_000, "currency": "EUR"}
    said = {"amount": amount, "parts": [{"customer": "payer", "amount": amount}], "reason": "payment_returned"}
    assert tales == [("escrow.settled", said)]


@pytest.mark.parametrize("state", ["expired", "voided"])
def test_an_authorisation_that_ends_is_a_lapsed_hold(state):
    lapsed, tales = holds.follow(AUTHORISED, Arrived(state, WHOLE))
    assert (lapsed.state, lapsed.left) == ("lapsed", 0)
    assert tales == [("escrow.lapsed", {"amount": {"minor": WHOLE, "currency": "EUR"}})]


def test_a_page_that_expires_before_anybody_paid_leaves_the_hold_as_it_is():
    assert holds.follow(ASKED, Arrived("expired", WHOLE)) == (ASKED, [])
    held, _ = holds.follow(ASKED, PAID)
    assert held.state == "held", "a late success counts"


def test_an_authorisation_captured_by_hand_is_collected_with_what_was_taken():
    held, tales = holds.follow(AUTHORISED, Arrived("succeeded", WHOLE, 90_000))
    assert (held.state, held.mode, held.left, held.lapses_at) == ("held", "collected", 90_000, None)
    assert tales == []


def test_money_refunded_elsewhere_is_not_there_to_be_released():
    part, tales = holds.follow(HELD, Arrived("partially_refunded", WHOLE, WHOLE, 20_000))
    assert (part.state, part.left, tales) == ("held", 100_000, [])
    whole, tales = holds.follow(HELD, Arrived("refunded", WHOLE, WHOLE, WHOLE))
    assert (whole.state, whole.left, types(tales)) == ("refunded", 0, ["escrow.settled"])


def test_a_bank_debit_that_comes_back_leaves_nothing():
    gone, tales = holds.follow(HELD, Arrived("returned", WHOLE, WHOLE))
    assert (gone.state, gone.left) == ("refunded", 0)
    assert tales[0][1]["reason"] == "payment_returned"


def test_a_dispute_freezes_and_a_dispute_that_is_won_thaws():
    frozen, tales = holds.disputed(HELD, "dis_1", "open", WHOLE)
    assert (frozen.state, frozen.frozen_by, types(tales)) == ("frozen", "dispute", ["escrow.frozen"])
    with pytest.raises(PermanentError, match="disputes this payment at the bank"):
        holds.unfreeze(frozen)
    thawed, tales = holds.disputed(frozen, "dis_1", "won", WHOLE)
    assert (thawed.state, tales) == ("held", [])


def test_only_the_last_dispute_that_is_won_thaws_and_never_what_a_person_froze():
    both = holds.disputed(holds.disputed(HELD, "dis_1", "open", 10)[0], "dis_2", "open", 20)[0]
    one = holds.disputed(both, "dis_1", "won", 10)[0]
    assert (one.state, one.is_disputed) == ("frozen", True)
    assert holds.disputed(one, "dis_2", "won", 20)[0].state == "held"
    by_hand = replace(HELD, state="frozen", frozen_by="by hand")
    disputed, tales = holds.disputed(by_hand, "dis_1", "open", 10)
    assert (disputed.frozen_by, tales) == ("by hand", [])
    assert holds.disputed(disputed, "dis_1", "won", 10)[0].state == "frozen"


def test_a_hold_is_frozen_and_let_go_on_once_and_says_why():
    frozen, tales = holds.freeze(HELD, "")
    assert (frozen.frozen_by, tales[0][1]["reason"], tales[0][1]["amount"]["minor"]) == ("by hand", "by hand", WHOLE)
    assert holds.freeze(frozen, "again") == (frozen, [])
    assert holds.unfreeze(frozen) == replace(HELD, tales=1)
    assert holds.unfreeze(HELD) == HELD
    for state in set(holds.STATES) - {"held", "frozen"}:
        for step in (lambda hold: holds.freeze(hold, ""), holds.unfreeze):
            with pytest.raises(PermanentError) as caught:
                step(replace(HELD, state=state))
            assert caught.value.code == "wrong_state"


def test_a_dispute_that_is_lost_takes_what_was_disputed():
    frozen, _ = holds.disputed(HELD, "dis_1", "open", 30_000)
    part, _ = holds.disputed(frozen, "dis_1", "lost", 30_000)
    assert (part.state, part.left) == ("held", 90_000)
    whole, tales = holds.disputed(HELD, "dis_2", "accepted", WHOLE)
    assert (whole.state, whole.left, types(tales)) == ("refunded", 0, ["escrow.settled"])


def test_a_dispute_that_is_won_on_appeal_brings_the_money_back_for_somebody_to_decide():
    lost, _ = holds.disputed(HELD, "dis_1", "lost", WHOLE)
    assert lost.state == "refunded"
    won, tales = holds.disputed(lost, "dis_1", "won", WHOLE)
    assert (won.state, won.frozen_by, won.left, types(tales)) == ("frozen", "dispute_won", WHOLE, ["escrow.frozen"])


def test_a_dispute_told_before_its_payment_ends_the_same():
    early, tales = holds.disputed(ASKED, "dis_1", "open", WHOLE)
    assert tales == []
    frozen, tales = holds.follow(early, replace(PAID, state="disputed"))
    assert frozen.state == "frozen"
    assert types(tales) == ["escrow.held", "escrow.frozen"]
    assert holds.disputed(early, "dis_1", "open", WHOLE)[0] == early


def test_a_payment_after_cancelling_is_frozen_until_it_went_back():
    cancelled = holds.withdraw(holds.begin(ASKED, "cancel", 0, 0))
    late, tales = holds.follow(cancelled, PAID)
    assert (late.state, late.frozen_by, late.left) == ("frozen", holds.LATE, WHOLE)
    assert types(tales) == ["escrow.frozen"]


# what people and recipes do


def test_a_hold_is_released_in_parts_and_then_over():
    moving = holds.begin(HELD, "release", 50_000, 0)
    assert moving.state == "releasing"
    part, tales = holds.finish(moving, "release", 50_000, 0, {})
    assert (part.state, part.left) == ("held", 70_000)
    assert tales == [("escrow.released", {"amount": {"minor": 50_000, "currency": "EUR"}})]
    rest, _ = holds.finish(holds.begin(part, "release", 70_000, 0), "release", 70_000, 0, {})
    assert (rest.state, rest.left, rest.released) == ("released", 0, WHOLE)


def test_an_authorisation_that_is_released_in_part_is_collected_from_then_on():
    part, _ = holds.finish(holds.begin(AUTHORISED, "release", 1, 0), "release", 1, 0, {})
    assert (part.mode, part.lapses_at) == ("collected", None)


def test_an_authorisation_is_collected_whole_and_once():
    taken, tales = holds.finish(holds.begin(AUTHORISED, "collect", 0, 0), "collect", 0, 0, {})
    assert (taken, tales) == (HELD, [])
    with pytest.raises(PermanentError, match="collected already"):
        holds.begin(taken, "collect", 0, 0)


def test_a_hold_that_goes_back_whole_is_refunded_and_frozen_no_more():
    frozen = replace(AUTHORISED, state="frozen", frozen_by="by hand")
    done, tales = holds.finish(holds.begin(frozen, "cancel", 0, WHOLE), "cancel", 0, WHOLE, {"reason": "r"})
    assert (done.state, done.mode, done.lapses_at, done.frozen_by) == ("refunded", "authorization", None, "")
    assert (done.back, done.left) == (WHOLE, 0)
    assert tales == [("escrow.settled", {"reason": "r", "amount": {"minor": WHOLE, "currency": "EUR"}})]


@pytest.mark.parametrize(("kept", "back"), [(-1, 1), (1, -1), (WHOLE, 1), (0, WHOLE + 1)])
def test_no_part_is_below_zero_and_all_parts_are_at_most_the_whole(kept, back):
    for kind in ("settle", "cancel", "release"):
        with pytest.raises(PermanentError) as caught:
            holds.begin(HELD, kind, kept, back)
        assert caught.value.code == "amount_exceeds_rest"


def test_what_went_back_before_is_counted_beside_what_a_settlement_gives_back():
    part, _ = holds.follow(HELD, Arrived("partially_refunded", WHOLE, WHOLE, 20_000))
    done, _ = holds.finish(holds.begin(part, "settle", 60_000, 40_000), "settle", 60_000, 40_000, {})
    assert (done.state, done.returned, done.back, done.left) == ("settled", 60_000, 60_000, 0)


def test_a_settlement_divides_the_whole():
    frozen, _ = holds.freeze(HELD, "not as agreed")
    for kept, back in ((72_000, 47_999), (72_000, 48_001)):
        with pytest.raises(PermanentError):
            holds.begin(frozen, "settle", kept, back)
    done, tales = holds.finish(holds.begin(frozen, "settle", 72_000, 48_000), "settle", 72_000, 48_000, {})
    assert (done.state, done.released, done.back, done.left) == ("settled", 72_000, 48_000, 0)
    assert types(tales) == ["escrow.settled"]


def test_the_refund_of_a_settlement_is_counted_once_whenever_it_is_told():
    moving = holds.begin(HELD, "settle", 72_000, 48_000)
    told = Arrived("partially_refunded", WHOLE, WHOLE, 48_000)
    early = holds.finish(holds.follow(moving, told)[0], "settle", 72_000, 48_000, {})[0]
    late = holds.follow(holds.finish(moving, "settle", 72_000, 48_000, {})[0], told)[0]
    assert early.returned == late.returned == early.back == late.back == 48_000
    assert early.left == late.left == 0
    for done in (early, late):
        again, _ = holds.refund_failed(done, 48_000)
        again, _ = holds.follow(again, Arrived("succeeded", WHOLE, WHOLE, 0))
        assert (again.state, again.left, again.back) == ("frozen", 48_000, 0)


def test_a_refund_that_fails_before_its_settlement_is_done_stays_in_the_hold():
    moving, _ = holds.refund_failed(holds.begin(HELD, "settle", 72_000, 48_000), 48_000)
    part, _ = holds.finish(moving, "settle", 72_000, 48_000, {})
    assert (part.state, part.released, part.left) == ("held", 72_000, 48_000)


def test_a_refund_that_fails_later_brings_the_money_back_into_the_hold():
    done, _ = holds.finish(holds.begin(HELD, "settle", 72_000, 48_000), "settle", 72_000, 48_000, {})
    again, tales = holds.refund_failed(done, 48_000)
    assert (again.state, again.left, again.frozen_by) == ("frozen", 48_000, "refund_failed")
    assert types(tales) == ["escrow.frozen"]


def test_a_refused_division_leaves_the_hold_as_it_was():
    frozen, _ = holds.freeze(HELD, "not as agreed")
    back, tales = holds.refuse(holds.begin(frozen, "settle", WHOLE, 0), frozen.state)
    assert (back, tales) == (frozen, [])


def test_a_dispute_that_comes_while_money_moves_freezes_the_rest():
    moving, tales = holds.disputed(holds.begin(HELD, "release", 50_000, 0), "dis_1", "open", WHOLE)
    assert (moving.state, tales) == ("releasing", [])
    part, tales = holds.finish(moving, "release", 50_000, 0, {})
    assert (part.state, types(tales)) == ("frozen", ["escrow.released", "escrow.frozen"])


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        ("requested", "release", "nobody paid it yet"),
        ("frozen", "release", "it is frozen"),
        ("releasing", "settle", "on the move"),
        ("released", "release", "released already"),
        ("settled", "cancel", "settled already"),
        ("refunded", "release", "went back to the payer"),
        ("lapsed", "release", "authorisation lapsed"),
        ("cancelled", "settle", "was cancelled"),
        ("held", "collect", "collected already"),
    ],
)
def test_a_step_that_is_not_possible_is_refused_in_words(state, kind, words):
    with pytest.raises(PermanentError, match=words) as caught:
        holds.begin(replace(HELD, state=state, frozen_by="not as agreed"), kind, 0, 0)
    assert caught.value.code == "wrong_state"
    assert caught.value.remedy


def test_no_more_is_released_than_is_left():
    for amount in (WHOLE + 1, -1):
        with pytest.raises(PermanentError) as caught:
            holds.begin(HELD, "release", amount, 0)
        assert caught.value.code == "amount_exceeds_rest"
    with pytest.raises(PermanentError, match="Nothing would be released"):
        holds.begin(HELD, "release", 0, 0)


def test_a_hold_is_kept_and_read_back_as_it_is():
    known = replace(AUTHORISED, disputes={"dis_1": ("open", 5)}, frozen_by="dispute", tales=3)
    assert Hold.from_json(known.to_json()) == known
