"""What a gateway's missing reports would have told, said from its list: the ids and data that its own reports have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.money import Money
from hub.payments.comparing_lists import DISPUTE, PAYOUT, TRANSFER, Standing
from hub.payments.taking_over import reports

USD = {"minor": 5000, "currency": "USD"}
ITEMS = {
    DISPUTE: {"dispute": "dis_1", "amount": USD, "payment": "pay_1"},
    TRANSFER: {"transfer": "trf_1", "amount": USD, "provider": "acct_a", "payment": "pay_1", "metadata": {"a": "b"}},
    PAYOUT: {"payout": "po_1", "amount": USD, "provider": "acct_a", "metadata": {"a": "b"}},
}


def usd(minor):
    return {"minor": minor, "currency": "USD"}


def told(kind, here, status, *, known_payment=None, sums=True, without=(), **more):
    item = {name: value for name, value in {**ITEMS[kind], "status": status, **more}.items() if name not in without}
    standing = Standing(Money(here[0], here[2] if len(here) > 2 else "USD"), here[1]) if here else None
    return reports(kind, standing, item, known_payment, sums=sums)


@pytest.mark.parametrize(
    ("kind", "here", "status", "ids"),
    [
        (DISPUTE, None, "opened", ["dispute.opened:dis_1"]),
        (DISPUTE, None, "answered", ["dispute.opened:dis_1"]),
        (DISPUTE, None, "lost", ["dispute.opened:dis_1", "dispute.closed:dis_1:lost"]),
        (DISPUTE, None, "accepted", ["dispute.opened:dis_1", "dispute.closed:dis_1:accepted"]),
        (DISPUTE, (5000, "open"), "won", ["dispute.closed:dis_1:won"]),
        (DISPUTE, (5000, "open"), "accepted", ["dispute.closed:dis_1:accepted"]),
        (DISPUTE, (5000, "lost"), "won", ["dispute.closed:dis_1:won"]),
        (DISPUTE, (5000, "lost"), "opened", []),
        (DISPUTE, (4000, "open"), "opened", []),
        (DISPUTE, (4000, "lost"), "lost", []),
        (TRANSFER, None, "sent", ["transfer.sent:trf_1"]),
        (TRANSFER, None, "queued", []),
        (TRANSFER, None, "failed", []),
        (TRANSFER, (5000, "on its way"), "queued", []),
        (TRANSFER, (5000, "on its way"), "sent", ["transfer.sent:trf_1"]),
        (TRANSFER, (5000, "on its way"), "failed", ["transfer.failed:trf_1"]),
        (TRANSFER, (5000, "sent"), "failed", ["transfer.failed:trf_1"]),
        (TRANSFER, (5000, "sent"), "reversed", ["transfer.reversed:trf_1:5000"]),
        (TRANSFER, (5000, "failed"), "sent", []),
        (TRANSFER, (5000, "failed"), "reversed", []),
        (PAYOUT, None, "paid", ["payout.paid:po_1"]),
        (PAYOUT, None, "sent", []),
        (PAYOUT, None, "failed", []),
        (PAYOUT, (5000, "on its way"), "queued", []),
        (PAYOUT, (5000, "on its way"), "paid", ["payout.paid:po_1"]),
        (PAYOUT, (5000, "on its way"), "reversed", ["payout.failed:po_1"]),
        (PAYOUT, (5000, "paid"), "failed", ["payout.failed:po_1"]),
        (PAYOUT, (4000, "paid"), "paid", []),
        (PAYOUT, (5000, "failed"), "paid", []),
    ],
)
def test_what_the_reports_that_did_not_come_would_have_told(kind, here, status, ids):
    found = told(kind, here, status)
    assert [one.source_id for one in found] == ids
    assert all(one.source_id.startswith(f"{one.type}:") for one in found)


def test_a_dispute_is_told_with_its_payment_and_its_outcome():
    opened, closed = told(DISPUTE, None, "lost")
    assert opened.data == {"dispute": "dis_1", "payment": "pay_1", "amount": USD}
    assert closed.data == {"dispute": "dis_1", "payment": "pay_1", "amount": USD, "outcome": "lost"}


def test_the_payment_that_is_known_here_counts_and_without_any_nothing_is_told():
    (closed,) = told(DISPUTE, (5000, "open"), "lost", known_payment="order_1", payment="capture_9")
    assert closed.data["payment"] == "order_1"
    (closed,) = told(DISPUTE, (5000, "open"), "lost", known_payment="order_1", without=("payment",))
    assert closed.data["payment"] == "order_1"
    assert told(DISPUTE, None, "lost", without=("payment",)) == ()
    (sent,) = told(TRANSFER, None, "sent", known_payment="order_1")
    assert sent.data["payment"] == "order_1"
    (sent,) = told(TRANSFER, None, "sent", without=("payment",))
    assert "payment" not in sent.data


@pytest.mark.parametrize("kind", [TRANSFER, PAYOUT])
def test_whom_it_goes_to_must_be_said(kind):
    assert told(kind, None, "sent" if kind == TRANSFER else "paid", without=("provider",)) == ()


def test_a_transfer_of_which_a_part_was_taken_back_is_told_whole_and_then_the_part():
    sent, taken = told(TRANSFER, None, "sent", reversed=usd(251))
    assert sent.data == {
        "transfer": "trf_1", "provider": "acct_a", "payment": "pay_1", "amount": USD, "metadata": {"a": "b"},
    }  # fmt: skip
    assert taken.source_id == "transfer.reversed:trf_1:251"
    assert (taken.data["amount"], taken.data["reversed"]) == (usd(251), usd(251))


def test_of_what_is_taken_back_only_the_part_that_is_missing_is_told():
    (taken,) = told(TRANSFER, (4749, "sent"), "sent", reversed=usd(300))
    assert taken.source_id == "transfer.reversed:trf_1:300"
    assert (taken.data["amount"], taken.data["reversed"]) == (usd(49), usd(300))
    (taken,) = told(TRANSFER, (4749, "sent"), "sent", reversed=usd(300), sums=False)
    assert taken.data["amount"] == usd(49)
    assert "reversed" not in taken.data
    assert told(TRANSFER, (4700, "sent"), "sent", reversed=usd(251)) == ()


def test_what_is_told_of_a_payout_says_whose_it_is():
    (paid,) = told(PAYOUT, None, "paid")
    assert paid.data == {"payout": "po_1", "provider": "acct_a", "amount": USD, "metadata": {"a": "b"}}
    (paid,) = told(PAYOUT, None, "paid", without=("metadata",))
    assert "metadata" not in paid.data


def test_a_long_number_makes_an_id_that_can_be_kept():
    (paid,) = told(PAYOUT, None, "paid", payout="p" * 255)
    assert paid.source_id == "payout.paid:" + "p" * 188


@given(
    st.sampled_from([(DISPUTE, "lost"), (TRANSFER, "sent"), (PAYOUT, "paid")]),
    st.sampled_from(["open", "lost", "won", "sent", "paid", "on its way", "failed"]),
)
def test_nothing_is_told_of_what_is_not_listed_or_of_another_currency(listed, state):
    kind, status = listed
    assert told(kind, (5000, state, "EUR"), status) == ()
    assert reports(kind, Standing(Money(5000, "USD"), state), None, "pay_1", sums=True) == ()
