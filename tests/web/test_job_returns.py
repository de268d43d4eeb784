"""A job goes on though its payment was taken back: Home and the board say so, and the customer's page lets pay again."""

import pytest

from tests.commerce.test_job_returns import PRICE, begun, paid_order, taken_back
from tests.commerce.test_jobs import person, post
from tests.web.test_second_payments import enter
from tests.web.test_work_pages import send, text_of

HOME = "1 job goes on though its payment was taken back"


@pytest.fixture
def work(shop):
    person(shop, "Grace")
    shop.hub.store.put_fact("pay_options", {"corner": {"title": "Card"}, "second": {"hidden": True}}, shop.moment)
    return shop


def needs_you(page):
    """The titles in the first column of the board."""
    return text_of(page).partition("Needs you")[2].partition("In progress")[0]


def test_home_and_the_board_name_a_job_that_goes_on_unpaid_until_it_is_paid_again(work):
    admin = enter(work, "admin")
    job = begun(work, "start", pay="direct")
    post(work, "another", title="Never paid")
    assert HOME not in text_of(admin.page("/"))
    assert "Needs you" not in admin.page("/jobs")
    taken_back(work)
    assert HOME in text_of(admin.page("/"))
    assert "Portraits" in needs_you(admin.page("/jobs"))
    page = text_of(admin.page(f"/jobs/{job}"))
    assert (
        "The bank took the payment back, and the job is not paid. The customer pays again on the customer’s page."
        in page
    )
    assert "Decide with the provider whether the work goes on." in page
    work.happen("payment.succeeded", payment="c_2", job=job, amount=PRICE)
    assert HOME not in text_of(admin.page("/"))
    assert "Needs you" not in admin.page("/jobs")
    assert "The bank took the payment back" not in text_of(admin.page(f"/jobs/{job}"))


def test_a_job_that_waits_for_its_customer_to_pay_again_needs_nobody(work):
    admin = enter(work, "admin")
    begun(work, pay="direct")
    taken_back(work)
    assert HOME not in text_of(admin.page("/"))
    assert "Needs you" not in admin.page("/jobs")


def test_the_page_of_a_job_of_an_order_says_where_it_is_paid_again(work):
    admin = enter(work, "admin")
    order = paid_order(work)
    job = begun(work, "start", order=order, payment="c_1", connection="corner")
    taken_back(work)
    assert f"It is paid again on the page of its order, {order}." in text_of(admin.page(f"/jobs/{job}"))
    url = work.do("jobs", "get", {"job": job})["url"]
    assert 'value="pay"' not in work.visit(url).text, "the order is what is paid"
    assert send(work, url, do="pay", connection="corner")[0].status_code == 409


@pytest.mark.parametrize("steps", [("start",), ("start", "done")])
def test_the_customer_pays_again_while_the_work_goes_on(work, steps):
    job = begun(work, *steps, pay="direct")
    url = work.do("jobs", "get", {"job": job})["url"]
    assert send(work, url, do="pay", connection="corner")[0].status_code == 409, "it is paid"
    assert "Your bank took the payment back" not in text_of(work.visit(url).text)
    taken_back(work)
    assert "Your bank took the payment back, so the job is to be paid again." in text_of(work.visit(url).text)
    answer, _ = send(work, url, do="pay", connection="corner", key="k2")
    (begun_now,) = work.gateway.payments.values()
    assert (answer.headers["Refresh"], begun_now["amount"]) == (f"0; url={begun_now['url']}", PRICE["minor"])
    work.happen("payment.succeeded", payment="c_2", job=job, amount=PRICE)
    assert "Your bank took the payment back" not in text_of(work.visit(url).text)
    assert send(work, url, do="pay", connection="corner", key="k3")[0].status_code == 409


@pytest.mark.parametrize(("do", "then"), [("confirm", "confirmed"), ("cancel", "cancelled")])
def test_the_admin_ends_a_dispute_where_no_money_is_held(work, do, then):
    admin = enter(work, "admin")
    job = begun(work, "start")
    work.do("jobs", "dispute", {"job": job, "reason": "blurred"}, "dispute")
    page = admin.page(f"/jobs/{job}")
    assert "No money is held for it." in text_of(page)
    assert f'value="{do}"' in page
    admin.post(f"/jobs/{job}", do=do, **({"reason": "agreed"} if do == "cancel" else {}))
    assert work.do("jobs", "get", {"job": job})["state"] == then
