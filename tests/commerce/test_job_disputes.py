"""A disputed job: ended by its held money, or, where none is held, by who looks after the platform."""

import pytest

from hub.journal.tables_escrow import holds
from tests.commerce.test_job_returns import PRICE, paid_order
from tests.commerce.test_jobs import post, state, step, work

__all__ = ["work"]


def disputed(work, *steps, **more):
    job = post(work, price=PRICE, **more)
    for action in ("assign", "accept", *steps):
        step(work, action, job)
    step(work, "dispute", job, reason="blurred")
    return job


def held(work):
    """A disputed job for which money is held; gives it and the hold."""
    job = disputed(work, "start", order=paid_order(work), payment="c_1", connection="corner")
    hold = work.do("payments", "hold", {"payment": "c_1", "job": job}, "hold")["hold"]
    work.do("payments", "freeze", {"hold": hold, "reason": "blurred"}, "freeze")
    return job, hold


@pytest.mark.parametrize("steps", [(), ("start",), ("start", "done")])
@pytest.mark.parametrize(("action", "then"), [("confirm", "confirmed"), ("cancel", "cancelled")])
def test_a_dispute_without_held_money_is_ended_by_confirming_or_cancelling(work, steps, action, then):
    job = disputed(work, *steps, payment="c_1", connection="corner")
    for _ in range(2):
        assert work.do("jobs", action, {"job": job, "reason": "agreed"}, action)["state"] == then
    told = work.said(f"job.{then}")
    assert [(one["reason"], one["payment"]) for one in told] == [("agreed", "c_1")], "by which recipes move the money"


def test_a_customer_does_not_cancel_what_they_dispute(work):
    """Else who complains after the work would take the money back by themselves."""
    job = disputed(work, "start")
    error = work.refused_to("jobs", "cancel", {"job": job, "by_customer": True})
    assert error.message == "The job 1 cannot be cancelled: it is disputed."
    assert state(work, job)["state"] == "disputed"


def test_while_money_is_held_it_alone_ends_a_dispute(work):
    job, _ = held(work)
    for action, word in (("confirm", "confirmed"), ("cancel", "cancelled")):
        error = work.refused_to("jobs", action, {"job": job}, action)
        assert (error.code, error.message) == ("wrong_state", f"The job 1 cannot be {word}: it is disputed.")
    assert state(work, job)["state"] == "disputed"


def test_while_held_money_is_being_divided_the_dispute_is_not_ended_beside_it(work):
    """A gateway that is down, or an answer that was lost, leaves a division undecided for hours."""
    job, hold = held(work)
    work.office("divide").change(lambda book: book.change(holds, book.get(holds, hold), state="releasing"))
    for action in ("confirm", "cancel"):
        assert work.refused_to("jobs", action, {"job": job}, action).code == "wrong_state"


def test_when_the_held_money_is_gone_the_dispute_can_be_ended(work):
    job, _ = held(work)
    work.happen("payment.returned", payment="c_1", amount=PRICE)
    assert state(work, job)["state"] == "disputed"
    assert work.do("jobs", "cancel", {"job": job}, "cancel")["state"] == "cancelled"


def test_an_offer_is_not_chosen_at_a_price_that_was_raised_meanwhile(work):
    job = post(work, currency="EUR")
    found = work.do("providers", "find", {"skills": ["portrait"]})["providers"][0]["provider"]
    offer = step(work, "offer", job, provider=found, price=PRICE)["offers"][0]["offer"]
    raised = {**PRICE, "minor": PRICE["minor"] + 1}
    work.do("jobs", "offer", {"job": job, "provider": found, "price": raised}, "raised")
    error = work.refused_to("jobs", "choose", {"job": job, "offer": offer, "price": PRICE})
    assert (error.code, error.message) == ("wrong_state", "The offer for the job 1 was changed.")
    assert (state(work, job)["state"], work.told("job.chosen")) == ("offered", [])
    for _ in range(2):
        chosen = work.do("jobs", "choose", {"job": job, "offer": offer, "price": raised}, "choose")
    assert (chosen["state"], chosen["price"]) == ("accepted", raised)
