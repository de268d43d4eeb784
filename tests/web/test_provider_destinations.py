"""Where payouts go, filled in on a provider's page by connection."""

from __future__ import annotations

import re
from html import unescape

import pytest

from hub.commerce.providers import find_provider
from hub.journal.tables_work import providers
from tests.fakes.fake_mastercard import FakeMastercard
from tests.fakes.fake_moneygram import FakeMoneyGram
from tests.fakes.fake_razorpay import FakeRazorpay
from tests.fakes.fake_visa import FakeVisa

BASE = {"name": "Grace", "phone": "", "skills": "portrait", "region": "", "rating": "", "language": ""}
FAKES = {"cards": ("visa", FakeVisa), "rupees": ("razorpay", FakeRazorpay), "cash": ("moneygram", FakeMoneyGram)}
CARD = "4111 1111 1111 1111"


@pytest.fixture
def grace(hub):
    for name, (connector, fake) in FAKES.items():
        hub.accounts.create(name, connector, fields_of(fake), "test")
    given = {"name": "Grace", "email": "grace@example.com"}
    return hub.payments.act("providers", "register", "6a" * 20, given)["provider"]


def accounts(hub, provider):
    with hub.database.read() as connection:
        return find_provider(connection, provider).accounts


def shown(page, name):
    """The field as it stands in the page: what is typed in it, and what is said below it."""
    markup = re.search(rf'<input[^>]* name="{re.escape(name)}"[^>]*>', page)[0]
    said = re.search(rf'id="{re.escape(name)}-hint"><div class="text-red" role="alert">([^<]+)', page)
    return unescape(re.search(r' value="([^"]*)"', markup)[1]), unescape(said[1]) if said else ""


def test_a_page_has_the_fields_that_each_connection_asks_for(hub, admin, grace):
    page = admin.page(f"/providers/{grace}")
    for title in ("Payouts by cards", "Payouts by rupees", "Payouts by cash", "Stored card", "Fund account"):
        assert title in page
    assert shown(page, "account-rupees") == ("", ""), "Route passes shares on to it"
    assert 'name="account-cards"' not in page, "nothing is passed on to an account there"
    assert 'name="account-cash"' not in page


def test_what_is_filled_in_is_kept_shown_again_changed_and_forgotten(hub, admin, grace):
    typed = {
        **BASE, "to-cards-card": "TOKEN1", "to-cards-first_name": " Grace ", "account-rupees": "acc_Grace",
        "to-rupees-fund_account": "fa_Grace",
    }  # fmt: skip
    assert admin.post(f"/providers/{grace}", **typed).status_code == 303
    assert accounts(hub, grace) == {
        "cards": {"to": {"card": "TOKEN1", "first_name": "Grace"}},
        "rupees": {"account": "acc_Grace", "to": {"fund_account": "fa_Grace"}},
    }
    page = admin.page(f"/providers/{grace}")
    for name in ("to-cards-card", "to-cards-first_name", "account-rupees", "to-rupees-fund_account"):
        assert shown(page, name) == (typed[name].strip(), "")
    admin.post(f"/providers/{grace}", **{**BASE, "account-rupees": "acc_Other"})
    assert accounts(hub, grace) == {"rupees": "acc_Other"}


def test_all_that_is_wrong_is_said_at_its_field_and_nothing_is_lost_or_kept(hub, admin, grace):
    before = {**BASE, "to-cards-card": "TOKEN1"}
    admin.post(f"/providers/{grace}", **before)
    typed = {
        **BASE, "rating": "7", "to-cards-first_name": "Grace", "account-rupees": CARD, "to-rupees-fund_account": "acc_1",
        "to-cash-country": "NG", "to-cash-beneficiary.consumer.name.firstName": "G" * 61,
    }  # fmt: skip
    answer = admin.post(f"/providers/{grace}", **typed)
    assert answer.status_code == 422
    for name, text, said in (
        ("rating", "7", "Write a number from 0 to 5"),
        ("to-cards-card", "", "Without it no payout can be sent there."),
        ("to-cards-first_name", "Grace", ""),
        ("account-rupees", CARD, "This looks like a card's number"),
        ("to-rupees-fund_account", "acc_1", "This does not fit. Of RazorpayX, fa_…"),
        ("to-cash-country", "NG", "This does not fit. Three capital letters"),
        ("to-cash-beneficiary.consumer.name.firstName", "G" * 61, "At most 60 characters"),
        ("to-cash-beneficiary.consumer.name.lastName", "", "Without it"),
    ):
        found = shown(answer.text, name)
        assert (found[0], found[1].startswith(said), bool(found[1])) == (text, True, bool(said)), name
    assert accounts(hub, grace) == {"cards": {"to": {"card": "TOKEN1"}}}


@pytest.mark.parametrize(
    "name", ["to-cards-card", "to-cards-last_name", "account-rupees", "to-cash-account.accountNumber"]
)
def test_a_cards_number_is_refused_wherever_it_is_typed(hub, admin, grace, name):
    for number in (CARD, CARD.replace(" ", "-"), CARD.replace(" ", "")):
        answer = admin.post(f"/providers/{grace}", **{**BASE, name: number})
        assert answer.status_code == 422
        assert "This looks like a card's number" in shown(answer.text, name)[1]
    assert accounts(hub, grace) == {}


def test_an_account_is_not_longer_than_is_kept(hub, admin, grace):
    assert admin.post(f"/providers/{grace}", **{**BASE, "account-rupees": "a" * 255}).status_code == 303
    answer = admin.post(f"/providers/{grace}", **{**BASE, "account-rupees": "a" * 256})
    assert shown(answer.text, "account-rupees") == ("a" * 256, "At most 255 characters, please.")


def test_a_text_from_before_is_shown_where_it_counts_and_none_is_lost(hub, admin, grace):
    hub.accounts.create("send", "mastercard", fields_of(FakeMastercard), "test")
    keep(hub, grace, {"rupees": "fa_Old", "send": "acct-ref:old", "cash": "old", "gone": "acct_gone"})
    page = admin.page(f"/providers/{grace}")
    assert shown(page, "to-rupees-fund_account") == ("fa_Old", "")
    assert shown(page, "to-send-account") == ("acct-ref:old", "")
    admin.post(
        f"/providers/{grace}",
        **{**BASE, "account-rupees": "acc_New", "to-rupees-fund_account": "fa_Old", "to-send-account": "acct-ref:old"},
    )
    assert accounts(hub, grace) == {
        "rupees": {"account": "acc_New", "to": {"fund_account": "fa_Old"}},
        "send": {"to": {"account": "acct-ref:old"}}, "cash": "old", "gone": "acct_gone",
    }  # fmt: skip
    admin.post(f"/providers/{grace}", **BASE)
    assert accounts(hub, grace) == {"cash": "old", "gone": "acct_gone"}, "what was emptied is gone"


def test_a_text_from_before_that_is_emptied_is_gone(hub, admin, grace):
    keep(hub, grace, {"cards": "TOKENOLD"})
    assert shown(admin.page(f"/providers/{grace}"), "to-cards-card") == ("TOKENOLD", "")
    admin.post(f"/providers/{grace}", **BASE)
    assert accounts(hub, grace) == {}


def fields_of(fake):
    with fake().running() as running:
        fields = running.fields()
    fields.pop("webhook_url", None)
    return fields


def keep(hub, provider, known):
    hub.office("test").change(lambda book: book.change(providers, book.get(providers, provider), accounts=known))
