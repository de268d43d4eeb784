"""Payments that came in for nothing and that a gateway keeps: Home names them, one page settles them, each owner shows its own."""

from __future__ import annotations

from html import unescape

import pytest
import sqlalchemy as sa

from hub.engine.doctor import examine
from hub.engine.unreturned import settle, unreturned
from hub.errors import ConflictError, NotFoundError, PermanentError
from hub.journal.tables import subscriptions
from hub.journal.tables_work import job_payments
from tests.commerce.test_jobs import ADA, post
from tests.payments.conftest import EUR
from tests.payments.test_subscriptions import act, member
from tests.web.forms_on_pages import Page
from tests.web.test_second_payments import PLACE, enter
from tests.web.test_work_pages import text_of


def job(shop):
    """Paid twice; gives its id."""
    made = post(shop, price=EUR)
    for payment in ("c_8", "c_9"):
        shop.happen("payment.succeeded", payment=payment, job=made, amount=EUR)
    return made


def order(shop):
    made = shop.do("orders", "create", {"lines": [{"title": "Tea", "price": EUR}]}, "order")["order"]
    for payment in ("c_6", "c_7"):
        shop.happen("payment.succeeded", payment=payment, order=made, amount=EUR)
    return made


def subscription(shop):
    """A debit is paid after the end."""
    shop.gateway.slow = True
    joined = member(shop)
    act(shop, "cancel", joined)
    shop.gateway.settle("c_1")
    return joined


OWNERS = {"job": (job, "c_9", "/jobs/{}"), "order": (order, "c_7", "/orders/{}"),
          "subscription": (subscription, "c_1", "/subscriptions/corner/{}")}  # fmt: skip


@pytest.fixture(params=OWNERS)
def kept(shop, request):
    """One payment that is kept: its kind, owner and number, and the page of the owner."""
    make, payment, page = OWNERS[request.param]
    owner = make(shop)
    shop.forward(days=1)
    return {"kind": request.param, "subject": owner, "payment": payment}, page.format(owner)


def seen(page):
    return " ".join(text_of(unescape(page)).replace("\N{NO-BREAK SPACE}", " ").split())


def test_home_names_it_and_leads_to_where_it_is_settled(shop, kept):
    about, page = kept
    viewer, editor = enter(shop, "viewer"), enter(shop, "editor")
    assert "Payments that could not be given back €49.00" in seen(viewer.page("/"))
    for place in ("/stuck", page, f"/payments/corner/{about['payment']}"):
        text = viewer.page(place)
        assert "€49.00 could not be given back" in seen(text)
        assert f"/payments/corner/{about['payment']}" in text
        assert "I gave it back" not in text
        assert "I gave it back" in editor.page(place)
    assert page in viewer.page("/stuck")


def test_the_page_of_the_payment_that_was_taken_says_nothing_of_it(shop):
    order(shop)
    shop.forward(days=1)
    viewer = enter(shop, "viewer")
    assert "could not be given back" in viewer.page("/payments/corner/c_7")
    assert "could not be given back" not in viewer.page("/payments/corner/c_6")


def test_the_doctor_names_it(shop, kept):
    about, _ = kept
    (found,) = [one for one in examine(shop.hub) if one.title == "Payment not given back"]
    assert found.level == "warning"
    assert found.message.startswith(f"{about['payment']} of corner: ")


def test_a_person_says_that_they_gave_it_back(shop, kept):
    about, page = kept
    editor = enter(shop, "editor")
    assert "Noted: it is given back." in editor.post(PLACE, **about, do="given_back", follow=True).text
    assert unreturned(shop.hub) == []
    assert "could not be given back" not in editor.page(page)
    assert "Payments that could not be given back €49.00" not in seen(editor.page("/"))
    assert "could not be given back" not in editor.page(f"/payments/corner/{about['payment']}")
    row = shop.hub.store.audit_trail()[0]
    assert (row["action"], row["target"]) == (f"{about['kind']}.given_back", about["payment"])
    assert "does not wait for anybody" in editor.post(PLACE, **about, do="given_back", follow=True).text
    shop.forward(days=2)
    assert unreturned(shop.hub) == []


@pytest.mark.parametrize("do", ["given_back", "again"])
def test_it_leads_back_to_the_page_on_which_it_was_pressed(shop, kept, do):
    _, page = kept
    editor = enter(shop, "editor")
    forms = {place: Page(editor.page(place)).forms for place in (page, "/stuck")}
    for place, found in forms.items():
        (form,) = [one for one in found if one.action == PLACE]
        sent = {name: values for name, values in form.data().items() if name != "csrf_token"}
        assert editor.post(PLACE, **sent, do=do).location == place


def test_it_leads_nowhere_outside(shop, kept):
    about, _ = kept
    editor = enter(shop, "editor")
    for wanted, led in (("https://evil.example", "/"), ("//evil.example/jobs", "/"), ("", "/stuck")):
        assert editor.post(PLACE, **about, next=wanted, do="again").location == led


def test_the_gateway_is_asked_once_more_and_keeps_it_again(shop, kept):
    about, _ = kept
    editor = enter(shop, "editor")
    assert "The hub asks the gateway once more." in editor.post(PLACE, **about, do="again", follow=True).text
    shop.forward(hours=1)
    assert [(one.kind, one.payment) for one in unreturned(shop.hub)] == [(about["kind"], about["payment"])]
    assert len(shop.said(f"{about['kind']}.not_given_back")) == 1


def test_what_is_given_back_at_the_gateway_needs_nobody_any_more(shop, kept):
    about, _ = kept
    half = {"minor": 2400, "currency": "EUR"}
    shop.happen("refund.issued", refund="r_1", payment=about["payment"], amount=half)
    assert len(unreturned(shop.hub)) == 1
    shop.happen("refund.issued", refund="r_2", payment=about["payment"], amount={"minor": 2500, "currency": "EUR"})
    assert unreturned(shop.hub) == []


def test_only_what_waits_can_be_settled(shop, kept):
    about, _ = kept
    for wrong in ({"kind": "invoice"}, {"subject": "another"}, {"payment": "c_5"}):
        with pytest.raises(PermanentError, match="does not wait"):
            settle(shop.hub, **{**about, **wrong}, given_back=True)
    assert len(unreturned(shop.hub)) == 1


def test_a_job_tells_that_a_payment_was_kept(shop):
    made = job(shop)
    shop.forward(hours=1)
    (told,) = shop.said("job.not_given_back")
    assert (told["job"], told["payment"], told["amount"], told["customer"]) == (made, "c_9", EUR, ADA)
    assert told["error"]["code"] == "not_offered"


def test_the_oldest_stands_first_and_one_owner_has_its_own(shop):
    first = job(shop)
    shop.forward(days=1)
    second = order(shop)
    shop.forward(days=1)
    assert [one.subject for one in unreturned(shop.hub)] == [first, second]
    assert [one.payment for one in unreturned(shop.hub, second)] == ["c_7"]


def test_however_many_payments_of_subscriptions_are_kept_the_journal_is_asked_as_often(shop):
    shop.gateway.slow = True
    asked = []
    with shop.hub.database.read() as connection:
        engine = connection.engine

    def count():
        asked.clear()
        found = unreturned(shop.hub)
        return [one.payment for one in found], len(asked)

    def keep(number):
        left = member(shop, key=f"join {number}")
        act(shop, "cancel", left, f"end {number}")
        shop.gateway.settle(f"c_{number}")
        shop.forward(hours=6)
        return left

    first = keep(1)
    sa.event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    _, often = count()
    keep(2)
    keep(3)
    assert count() == (["c_1", "c_2", "c_3"], often)
    settle(shop.hub, "subscription", first, "c_1", given_back=True)
    shop.happen("refund.issued", refund="r_1", payment="c_2", amount=EUR)
    assert count() == (["c_3"], often)


@pytest.mark.parametrize("kind", ["job", "subscription"])
def test_of_two_who_settle_it_at_once_one_is_told(shop, monkeypatch, kind):
    make, payment, _ = OWNERS[kind]
    owner = make(shop)
    shop.forward(days=1)
    (one,) = unreturned(shop.hub)
    if kind == "job":
        change = job_payments.update().where(job_payments.c.payment == payment).values(state="refunded")
    else:
        change = subscriptions.update().values(version=77)
    real = shop.hub.recorder.change if kind == "job" else shop.hub.payments.store.keep_subscription

    def late(*given):
        monkeypatch.undo()
        shop.hub.store.change(lambda tx: tx.connection.execute(change))
        return real(*given)

    place = (shop.hub.recorder, "change") if kind == "job" else (shop.hub.payments.store, "keep_subscription")
    monkeypatch.setattr(*place, late)
    with pytest.raises((ConflictError, NotFoundError), match="at this very moment"):
        settle(shop.hub, one.kind, owner, payment, given_back=True)
