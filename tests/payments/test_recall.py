"""A refund or dispute says whose payment it is about and what for, whether or not its gateway repeats it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.journal.entries import Happening
from tests.payments.test_splits import paid, sold

ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
EUR = {"minor": 4900, "currency": "EUR"}
PAID = {"payment": "p_1", "amount": EUR, "order": "o_1", "customer": ADA, "metadata": {"form": "donate"}}


def happen(corner, event_type, source="corner", **data):
    happening = Happening(
        event_type, source, f"{event_type}:{data.get('refund', data['payment'])}", data, corner.moment
    )
    corner.hub.recorder.record(happening, corner.moment)


@pytest.mark.parametrize("what", ["refund.issued", "refund.failed", "dispute.opened"])
def test_what_a_gateway_leaves_out_is_known_from_the_payment(corner, what):
    happen(corner, "payment.succeeded", **PAID)
    happen(corner, what, refund="r_1", dispute="d_1", payment="p_1", amount=EUR, metadata={})
    told = corner.event(what)
    assert (told["order"], told["customer"], told["metadata"]) == ("o_1", ADA, {"form": "donate"})


def test_what_a_gateway_says_itself_stays(corner):
    happen(corner, "payment.succeeded", **PAID)
    happen(corner, "refund.issued", refund="r_1", payment="p_1", amount=EUR, metadata={"reason": "late"})
    told = corner.event("refund.issued")
    assert (told["metadata"], told["customer"]) == ({"reason": "late"}, ADA)


def test_a_refund_of_the_hubs_own_says_it_too(market):
    order, payment = paid(market, sold())
    market.act("refund", {"payment": payment}, "refund")
    (told,) = market.events("refund.issued")
    assert (told["payment"], told["order"]) == (payment, order["order"])
    assert told["customer"]["email"] == market.events("payment.succeeded")[0]["customer"]["email"]


def test_of_an_unknown_payment_and_of_what_is_told_by_hand_nothing_is_added(corner):
    happen(corner, "payment.succeeded", **PAID)
    happen(corner, "refund.issued", refund="r_1", payment="p_9", amount=EUR)
    assert "customer" not in corner.event("refund.issued")
    happen(corner, "refund.issued", "hub", refund="r_2", payment="p_1", amount=EUR)
    assert "customer" not in corner.event("refund.issued")


def test_what_comes_in_one_call_with_its_payment_is_known_from_it(corner):
    payment = Happening("payment.succeeded", "corner", "payment.succeeded:p_1", PAID, corner.moment)
    refund = Happening(
        "refund.issued",
        "corner",
        "refund.issued:r_1",
        {"refund": "r_1", "payment": "p_1", "amount": EUR},
        corner.moment,
    )
    corner.hub.recorder.record_all([payment, refund], corner.moment)
    told = corner.event("refund.issued")
    assert (told["order"], told["customer"], told["metadata"]) == ("o_1", ADA, {"form": "donate"})


def test_what_names_its_payer_gets_the_rest_too(corner):
    happen(corner, "payment.succeeded", **PAID)
    grace = {"email": "grace@example.com"}
    happen(corner, "refund.issued", refund="r_1", payment="p_1", amount=EUR, customer=grace)
    told = corner.event("refund.issued")
    assert (told["customer"], told["order"], told["metadata"]) == (grace, "o_1", {"form": "donate"})


def test_what_comes_beside_counts_more_than_what_came_before_and_the_rest_is_kept(corner):
    happen(corner, "payment.succeeded", **PAID)
    again = {"payment": "p_1", "amount": EUR, "order": "o_2"}
    payment = Happening("payment.returned", "corner", "payment.returned:p_1", again, corner.moment)
    dispute = {"dispute": "d_1", "payment": "p_1", "amount": EUR}
    opened = Happening("dispute.opened", "corner", "dispute.opened:d_1", dispute, corner.moment)
    corner.hub.recorder.record_all([payment, opened], corner.moment)
    told = corner.event("dispute.opened")
    assert (told["order"], told["customer"]) == ("o_2", ADA)


def test_what_a_refund_says_of_itself_is_not_its_payments(corner):
    happen(corner, "payment.succeeded", **PAID)
    late = {"refund": "r_1", "payment": "p_1", "amount": EUR, "metadata": {"reason": "late"}}
    refund = Happening("refund.issued", "corner", "refund.issued:r_1", late, corner.moment)
    dispute = {"dispute": "d_1", "payment": "p_1", "amount": EUR}
    opened = Happening("dispute.opened", "corner", "dispute.opened:d_1", dispute, corner.moment)
    corner.hub.recorder.record_all([refund, opened], corner.moment)
    assert corner.event("dispute.opened")["metadata"] == {"form": "donate"}


def test_metadata_of_a_subscription_is_known_from_what_comes_beside_unless_that_is_empty(corner):
    data = {"subscription": "sub_1", "plan": "gold", "payment": "p_2", "metadata": {"club": "lions"}}
    begun = Happening("subscription.started", "corner", "s", data, corner.moment)
    paid_now = {"payment": "p_2", "amount": EUR, "subscription": "sub_1", "metadata": {}}
    succeeded = Happening("payment.succeeded", "corner", "p", paid_now, corner.moment)
    corner.hub.recorder.record_all([begun, succeeded], corner.moment)
    assert corner.event("payment.succeeded")["metadata"] == {"club": "lions"}


def test_metadata_that_was_known_before_is_no_newer_word_than_what_the_gateway_says_late(corner):
    told = {"subscription": "sub_1", "plan": "gold"}
    begun = Happening("subscription.started", "corner", "s", {**told, "metadata": {"club": "lions"}}, corner.moment)
    renewed = Happening("subscription.renewed", "corner", "r", told, corner.moment + timedelta(days=30))
    changed = {**told, "metadata": {"club": "tigers"}}
    late = Happening("subscription.updated", "corner", "u", changed, corner.moment + timedelta(days=20))
    again = Happening("subscription.renewed", "corner", "r2", told, corner.moment + timedelta(days=60))
    for one in (begun, renewed):
        corner.hub.recorder.record(one, corner.moment)
    assert corner.event("subscription.renewed")["metadata"] == {"club": "lions"}
    for one in (late, again):
        corner.hub.recorder.record(one, corner.moment)
    assert corner.event("subscription.renewed")["metadata"] == {"club": "tigers"}


def test_of_a_subscription_without_metadata_none_is_made_up(corner):
    told = {"subscription": "sub_1", "plan": "gold"}
    for name, more in (("started", {"metadata": {}}), ("renewed", {})):
        corner.hub.recorder.record(
            Happening(f"subscription.{name}", "corner", name, told | more, corner.moment), corner.moment
        )
    assert "metadata" not in corner.event("subscription.renewed")
