"""A provider's bank account of any country: given on their own page, entered and changed by an admin."""

from __future__ import annotations

import pytest

from hub.commerce.providers import PORTAL, find_provider
from hub.phrases import LANGUAGES

US = {
    "f-kind": "us",
    "f-holder": "Grace Hopper",
    "f-routing": "021000021",
    "f-number": "0012345678",
    "f-type": "checking",
}
KEPT = {"kind": "us", "holder": "Grace Hopper", "routing": "021000021", "number": "0012345678", "type": "checking"}
INDIA = {"f-kind": "in", "f-holder": "Grace", "f-ifsc": "HDFC0001234", "f-number": "50100012345671"}


@pytest.fixture
def grace(hub):
    given = {"name": "Grace", "email": "grace@example.com", "language": "de"}
    return hub.payments.act("providers", "register", "6a" * 20, given)["provider"]


def bank(hub, provider):
    with hub.database.read() as connection:
        return find_provider(connection, provider).bank


def mails(hub):
    while hub.payment_clock.run_due():
        pass
    return [(mail["recipient"], mail["subject"]) for mail in hub.store.mails()]


def notes(hub):
    return [(one["actor"], one["action"], one["target"], one["detail"]) for one in hub.store.audit_trail()
            if one["action"].startswith("providers.")]  # fmt: skip


def test_an_admin_enters_a_bank_account_which_is_audited_without_it_and_told_by_mail(hub, admin, grace):
    assert "Enter a bank account" in admin.page(f"/providers/{grace}")
    for key in ("one", "two"):
        assert admin.post(f"/providers/{grace}", do="account", key=key, **US).status_code == 303
    assert bank(hub, grace) == KEPT
    assert hub.store.mails() == [], "it goes out by itself, however often that fails"
    assert [address for address, _ in mails(hub)] == ["grace@example.com"], "the same again changes nothing"
    assert mails(hub)[0][1] == "Ihr Auszahlungskonto wurde geändert"
    assert [one[1:] for one in notes(hub)] == [("providers.account", grace, {"kind": "us"})]
    page = admin.page(f"/providers/{grace}")
    assert "Grace Hopper, United States, ends in 5678" in page
    assert "Change the bank account" in page
    assert "0012345678" not in page


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_kept_or_lost(hub, admin, grace):
    answer = admin.post(
        f"/providers/{grace}", do="account", key="one", **{**US, "f-routing": "021000022", "f-type": ""}
    )
    assert answer.status_code == 422
    assert "This routing number has a mistake." in answer.text
    assert "Please fill this in." in answer.text
    assert 'value="021000022"' in answer.text
    assert (bank(hub, grace), mails(hub)) == ({}, [])
    assert admin.post(f"/providers/{grace}", do="account", key="two", **{**US, "f-kind": "xx"}).status_code == 422
    assert bank(hub, grace) == {}


def test_the_number_of_an_indian_bank_may_look_like_a_card_and_a_card_may_not_stand_there(hub, admin, grace):
    assert admin.post(f"/providers/{grace}", do="account", key="one", **INDIA).status_code == 303
    assert bank(hub, grace)["number"] == "50100012345671"
    answer = admin.post(f"/providers/{grace}", do="account", key="two", **{**INDIA, "f-number": "4111111111111111"})
    assert "This looks like a card number." in answer.text
    assert bank(hub, grace)["number"] == "50100012345671"


def test_a_viewer_sees_no_form_and_changes_nothing(hub, people, grace):
    viewer = people["viewer"]
    assert "Enter a bank account" not in viewer.page(f"/providers/{grace}")
    assert viewer.post(f"/providers/{grace}", do="account", key="one", **US).status_code == 403
    assert bank(hub, grace) == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_provider_gives_an_account_on_their_own_page_in_their_language(hub, app, grace, language):
    visit = app.test_client()
    address = hub.office("test").address(PORTAL, grace)
    path = address.removeprefix(hub.settings.address) + f"?lang={language}"
    assert visit.post(path, data={**US, "f-ifsc": "of another kind", "do": "account", "key": "k"}).status_code == 200
    assert bank(hub, grace) == KEPT
    page = visit.get(path).text
    assert '<option value="us" selected>' in page
    assert '<option value="checking" selected>' in page
    wrong = visit.post(
        path, data={"f-kind": "other", "f-holder": "G", "f-swift": "X", "f-number": "1", "do": "account"}
    )
    assert wrong.status_code == 422
    assert 'id="f-swift-wrong"' in wrong.text
    assert bank(hub, grace) == KEPT
