"""A payment as recipes look it up: what of it is kept after refunds, disputes and debits that came back."""

import pytest
import sqlalchemy as sa

from hub.errors import ActionError
from hub.journal.entries import Happening
from hub.journal.tables import events

ADA = {"email": "ada@example.com"}
BOUGHT = {"form": "course", "offer": "course"}


def eur(minor):
    return {"minor": minor, "currency": "EUR"}


def happen(corner, event_type, payment="pay_1", source="corner", **data):
    about = data.get("refund") or data.get("dispute") or payment
    told = Happening(event_type, source, f"{event_type}:{about}", {"payment": payment, **data}, corner.moment)
    corner.hub.recorder.record(told, corner.moment)


def standing(corner, payment="pay_1", **given):
    return corner.hub.payments.act("payments", "get", "a" * 40, {"payment": payment, **given})


@pytest.mark.parametrize(
    ("told", "status", "returned"),
    [
        ([], "succeeded", 0),
        ([("refund.issued", {"refund": "r_1", "amount": eur(500)})], "partially_refunded", 500),
        ([("refund.issued", {"refund": f"r_{n}", "amount": eur(2450)}) for n in (1, 2)], "refunded", 4900),
        ([("refund.issued", {"refund": "r_1", "amount": eur(4900)}), ("refund.failed", {"refund": "r_1", "amount": eur(4900)})], "succeeded", 0),
        ([("payment.returned", {"amount": eur(4900)})], "returned", 4900),
        ([("dispute.opened", {"dispute": "d_1", "amount": eur(4900)})], "disputed", 0),
        ([("dispute.closed", {"dispute": "d_1", "amount": eur(4900), "outcome": "won"})], "succeeded", 0),
        ([("dispute.closed", {"dispute": "d_1", "amount": eur(4900), "outcome": "lost"})], "succeeded", 4900),
        ([("dispute.closed", {"dispute": "d_1", "amount": eur(900), "outcome": "accepted"})], "succeeded", 900),
    ],
)  # fmt: skip
def test_what_is_kept_of_a_payment_follows_from_all_that_was_told(corner, told, status, returned):
    happen(corner, "payment.succeeded", amount=eur(4900))
    for event_type, data in told:
        happen(corner, event_type, **data)
    assert standing(corner) == {
        "payment": "pay_1", "connection": "corner", "status": status, "amount": eur(4900), "returned": eur(returned),
        "kept": eur(4900 - returned),
    }  # fmt: skip


def test_of_a_payment_whose_amount_was_never_told_no_sums_are_said(corner):
    happen(corner, "refund.issued", refund="r_1", amount=eur(500))
    assert standing(corner, connection="corner") == {"payment": "pay_1", "connection": "corner", "status": "created"}


def test_a_payment_that_nobody_told_of_is_not_found(corner):
    with pytest.raises(ActionError) as refused:
        standing(corner, "pay_404")
    assert refused.value.code == "not_found"


@pytest.mark.parametrize("subscription", [None, "sub_1"])
def test_a_debit_that_comes_back_says_whose_and_what_it_was_for(corner, subscription):
    belongs = {"subscription": subscription} if subscription else {}
    if subscription:
        happen(corner, "subscription.started", subscription=subscription, plan="pln_1", customer=ADA, metadata=BOUGHT)
    happen(corner, "payment.succeeded", amount=eur(4900), customer=ADA, metadata=BOUGHT, **belongs)
    happen(corner, "payment.returned", amount=eur(4900), **belongs)
    query = sa.select(events.c.data).where(events.c.type == "payment.returned")
    with corner.hub.database.read() as connection:
        data = connection.execute(query).scalar_one()
    assert (data["customer"], data["metadata"], data.get("subscription")) == (ADA, BOUGHT, subscription)
