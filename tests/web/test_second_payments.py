"""A second payment that the gateway keeps: the payer reads what happened, the admin what to do, and it ends once."""

from __future__ import annotations

from html import unescape

import pytest

from hub.engine.unreturned import settle
from hub.errors import PermanentError
from hub.journal.tables_commerce import order_payments
from hub.phrases import LANGUAGES
from hub.web.passwords import hash_password
from tests.web.conftest import PASSWORD, Visitor
from tests.web.test_work_pages import text_of

PLACE = "/stuck/payments"
DINARS = {"minor": 12_345, "currency": "KWD"}


@pytest.fixture
def shop(shop):
    shop.hub.store.put_fact("brand", {"name": "Tea & Co", "email": "tea@example.com"}, shop.moment)
    return shop


@pytest.fixture
def order(shop):
    """Paid twice, by gateways that give nothing back."""
    made = shop.do("orders", "create", {"lines": [{"title": "Tea", "price": DINARS}]})
    for payment in ("c_1", "c_2"):
        shop.happen("payment.succeeded", payment=payment, order=made["order"], amount=DINARS)
    return made


def enter(shop, role):
    person = Visitor(shop.client.application)
    email = f"{role}@example.com"
    shop.hub.store.create_user(email, role, role, hash_password(PASSWORD, email), shop.moment)
    assert person.log_in(email).status_code == 303
    return person


def about(order):
    return {"kind": "order", "subject": order["order"], "payment": "c_2"}


def kept(shop):
    """The row of the second payment."""
    with shop.hub.database.read() as connection:
        same = order_payments.c.payment == "c_2"
        return connection.execute(order_payments.select().where(same)).one()


def seen(shop, order, **query):
    return text_of(unescape(shop.visit(order["url"], query_string=query).text)).replace("\N{NO-BREAK SPACE}", " ")


WORDS = {"en": "by hand", "de": "von Hand", "es": "a mano", "fr": "à la main", "hi": "हाथ से"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_payer_reads_what_happened_and_what_to_do_in_their_language(shop, order, language):
    assert WORDS[language] not in seen(shop, order, lang=language)
    shop.run_due()
    page = shop.visit(order["url"], query_string={"lang": language}).text
    said = seen(shop, order, lang=language)
    assert WORDS[language] in said
    assert "12,345" in said or "12.345" in said
    assert 'href="mailto:tea@example.com"' in page


def test_before_it_is_tried_it_goes_back_by_itself_and_then_it_does_not(shop, order):
    assert "It goes back to you by itself." in seen(shop, order)
    shop.run_due()
    assert "It goes back to you by itself." not in seen(shop, order)
    assert "You need not pay anything more." in seen(shop, order)


def test_the_admin_reads_why_and_says_when_it_is_given_back(shop, order):
    shop.run_due()
    viewer, editor = enter(shop, "viewer"), enter(shop, "editor")
    address = f"/orders/{order['order']}"
    page = unescape(viewer.page(address))
    for shown in (
        "KWD12.345 could not be given back",
        "The corner gateway gives nothing back.",
        "/payments/corner/c_2",
    ):
        assert shown in page, shown
    assert "I gave it back" not in page
    said = about(order) | {"do": "given_back"}
    assert viewer.post(PLACE, **said).status_code == 403
    assert "Noted: it is given back." in editor.post(PLACE, **said, follow=True).text
    assert kept(shop).state == "refunded"
    assert "could not be given back" not in editor.page(address)
    assert "was given back to you" in seen(shop, order)
    row = shop.hub.store.audit_trail()[0]
    assert (row["action"], row["target"]) == ("order.given_back", "c_2")
    assert "does not wait for anybody" in editor.post(PLACE, **said, follow=True).text


def test_it_is_tried_again_and_is_stuck_again_once(shop, order):
    shop.run_due()
    editor = enter(shop, "editor")
    assert "The hub asks the gateway once more." in editor.post(PLACE, **about(order), do="again", follow=True).text
    assert kept(shop).state == "surplus"
    shop.run_due()
    assert (kept(shop).state, kept(shop).error["code"]) == ("stuck", "not_offered")
    assert shop.told("order").count("order.not_given_back") == 1


def test_what_was_given_back_at_the_gateway_is_seen_without_anybody_saying_so(shop, order):
    shop.run_due()
    shop.happen("refund.issued", refund="r_1", payment="c_2", amount=DINARS)
    assert "was given back to you" in seen(shop, order)
    assert "could not be given back" not in enter(shop, "viewer").page(f"/orders/{order['order']}")


def test_only_what_is_stuck_can_be_settled(shop, order):
    with pytest.raises(PermanentError, match="does not wait"):
        settle(shop.hub, "order", order["order"], "c_2", given_back=True)
    assert kept(shop).state == "surplus"
