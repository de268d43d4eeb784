"""Payments of jobs that the bank takes back: told, paid again on the job's page or with its order, before the work and after."""

import pytest

from hub.journal.tables_work import job_payments
from tests.commerce.test_jobs import ADA, eur, pay, post, state, step, work

__all__ = ["work"]

PRICE = eur(24_900)


def begun(work, *steps, **more):
    """A job of Grace's, with these steps done."""
    job = post(work, price=PRICE, **more)
    for action in ("assign", "accept", *steps):
        step(work, action, job)
        if action == "accept" and more.get("pay"):
            pay(work, job)
    return job


def taken_back(work, payment="c_1"):
    work.happen("payment.returned", payment=payment, amount=PRICE, reason="insufficient_funds")


def rows(work):
    with work.hub.database.read() as connection:
        found = connection.execute(job_payments.select().order_by(job_payments.c.payment)).all()
    return [(row.payment, row.state, row.minor) for row in found]


def paid_order(work, payment="c_1"):
    lines = [{"title": "Portraits", "price": PRICE}]
    order = work.do("orders", "create", {"lines": lines, "customer": ADA}, "order")["order"]
    work.happen("payment.succeeded", payment=payment, order=order, amount=PRICE)
    return order


@pytest.mark.parametrize(
    ("steps", "then"),
    [(("start",), "in_progress"), (("done",), "done_reported"), (("start", "done", "confirm"), "confirmed")],
)
def test_work_goes_on_when_its_payment_is_taken_back_and_somebody_is_told(work, steps, then):
    job = begun(work, *steps, pay="direct")
    for _ in range(2):
        taken_back(work)
    now = state(work, job)
    assert (now["state"], now["paid"]) == (then, False)
    (told,) = work.said("job.payment_returned")
    assert {
        name: told[name] for name in ("job", "payment", "connection", "amount", "provider", "customer", "reason")
    } == {
        "job": job,
        "payment": "c_1",
        "connection": "corner",
        "amount": PRICE,
        "provider": now["provider"],
        "customer": ADA,
        "reason": "returned",
    }
    pay(work, job, "c_2")
    now = state(work, job)
    assert (now["state"], now["paid"], now["payment"]) == (then, True, "c_2")
    assert rows(work) == [("c_1", "returned", 24_900), ("c_2", "taken", 24_900)]
    taken_back(work, "c_2")
    assert [one["payment"] for one in work.said("job.payment_returned")] == ["c_1", "c_2"]


def test_a_job_that_is_confirmed_unpaid_is_confirmed_once_more_when_its_money_comes(work):
    """Else nobody would pay the provider: what was told first had no payment."""
    order = paid_order(work)
    with_order = begun(work, "start", order=order, payment="c_1", connection="corner")
    alone = post(work, "alone", price=PRICE, pay="direct")
    for action in ("assign", "accept"):
        step(work, action, alone)
    pay(work, alone, "c_8")
    step(work, "start", alone)
    for payment in ("c_1", "c_8"):
        taken_back(work, payment)
    for job in (with_order, alone):
        step(work, "done", job)
        step(work, "confirm", job)
    assert [one.get("payment") for one in work.said("job.confirmed")] == [None, None]
    work.happen("payment.succeeded", payment="c_2", order=order, amount=PRICE)
    for _ in range(2):
        pay(work, alone, "c_9")
    again = [(one["job"], one["payment"], one["reason"]) for one in work.said("job.confirmed")[2:]]
    assert again == [(with_order, "c_2", "payment_returned"), (alone, "c_9", "payment_returned")]


def test_who_had_the_payment_taken_back_does_not_cancel_from_the_days_of_the_job_on(work):
    job = begun(work, pay="direct")
    taken_back(work)
    given = {"job": job, "by_customer": True}
    work.moment = work.moment.replace(month=2, day=11)
    assert work.refused_to("jobs", "cancel", given).code == "wrong_state"
    assert step(work, "cancel", job)["state"] == "cancelled", "the platform may"


def test_a_payment_that_is_taken_back_before_the_work_begins_is_told_too_and_paid_first(work):
    job = begun(work, pay="direct")
    taken_back(work)
    now = state(work, job)
    assert (now["state"], now["awaiting"]) == ("assigned", "payment")
    assert work.event("job.payment_returned")["payment"] == "c_1"


@pytest.mark.parametrize("how", ["voided", "expired"])
def test_an_authorisation_that_is_gone_while_the_work_goes_on_is_told_as_what_it_is(work, how):
    job = post(work, price=PRICE, pay="direct")
    for action in ("assign", "accept"):
        step(work, action, job)
    pay(work, job, kind="authorized")
    step(work, "start", job)
    work.happen(f"payment.{how}", payment="c_1", amount=PRICE)
    assert (state(work, job)["state"], state(work, job)["paid"]) == ("in_progress", False)
    assert work.event("job.payment_returned")["reason"] == how


def test_a_job_that_is_paid_on_its_own_page_does_not_take_the_payment_of_its_order(work):
    lines = [{"title": "Portraits", "price": PRICE}]
    order = work.do("orders", "create", {"lines": lines, "customer": ADA}, "order")["order"]
    job = begun(work, "start", pay="direct", order=order)
    taken_back(work)
    work.happen("payment.succeeded", payment="c_2", order=order, amount=PRICE)
    assert not state(work, job)["paid"]
    assert rows(work) == [("c_1", "returned", 24_900)]


def test_a_job_that_is_over_has_nothing_to_do_with_it(work):
    job = begun(work, pay="direct")
    step(work, "cancel", job)
    taken_back(work)
    assert work.told("job.payment_returned") == []
    assert rows(work) == [("c_1", "returned", 24_900)]


def test_a_job_that_came_with_the_payment_of_its_order_hears_that_it_was_taken_back_and_paid_again(work):
    order = paid_order(work)
    job = begun(work, "start", order=order, payment="c_1", connection="corner")
    assert rows(work) == [("c_1", "taken", 24_900)]
    other = post(work, "another", price=PRICE, order=order, payment="c_9", connection="corner")
    taken_back(work)
    now = state(work, job)
    assert (now["state"], now["paid"]) == ("in_progress", False)
    assert [one["job"] for one in work.said("job.payment_returned")] == [job]
    work.happen("payment.succeeded", payment="c_2", order=order, amount=PRICE)
    now = state(work, job)
    assert (now["paid"], now["payment"], now["connection"]) == (True, "c_2", "corner")
    assert rows(work)[:2] == [("c_1", "returned", 24_900), ("c_2", "taken", 24_900)]
    assert state(work, other)["payment"] == "c_9", "it lost nothing"
    taken_back(work, "c_2")
    assert [one["payment"] for one in work.said("job.payment_returned")] == ["c_1", "c_2"]


def test_a_job_that_is_still_being_given_is_paid_again_with_its_order_too(work):
    order = paid_order(work)
    job = post(work, price=PRICE, order=order, payment="c_1", connection="corner")
    step(work, "assign", job)
    taken_back(work)
    now = state(work, job)
    assert (now["state"], now["awaiting"], now["paid"]) == ("assigned", "acceptance", False)
    work.happen("payment.succeeded", payment="c_2", order=order, amount=PRICE)
    assert state(work, job)["payment"] == "c_2"


def test_a_job_that_comes_with_a_payment_that_was_taken_back_meanwhile_is_not_paid(work):
    order = paid_order(work)
    taken_back(work)
    job = post(work, price=PRICE, order=order, payment="c_1", connection="corner")
    assert not state(work, job)["paid"]
    assert work.told("job") == ["job.posted", "job.payment_returned"]
    post(work, price=PRICE, order=order, payment="c_1", connection="corner")
    assert work.told("job") == ["job.posted", "job.payment_returned"], "posted once"


def test_a_payment_that_came_with_the_job_can_be_one_of_which_the_hub_knows_nothing(work):
    job = post(work, price=PRICE, payment="x_1", connection="elsewhere")
    bare = post(work, "bare", price=PRICE, payment="x_2")
    assert [state(work, one)["paid"] for one in (job, bare)] == [True, True]
    assert rows(work) == [("x_1", "taken", None)]
