"""Where providers' money goes, given and read by the API, and the runs that pay it out."""

import pytest

from hub.commerce.providers import find_provider
from tests.fakes.fake_razorpay import FakeRazorpay

BANK = {"kind": "us", "holder": "Grace", "routing": "021000021", "number": "0012345678", "type": "checking"}
IBAN = {"holder": "Grace", "iban": "de89 3704 0044 0532 0130 00"}


@pytest.fixture
def grace(portal):
    return portal.done("/providers", {"name": "Grace", "email": "grace@example.com"})["provider"]


def kept(hub, provider):
    with hub.database.read() as connection:
        row = find_provider(connection, provider)
    return row.bank, row.accounts


def wrong(answer):
    assert answer.status_code == 422, answer.text
    return {one["field"]: one["message"] for one in answer.json["errors"]}


def test_a_bank_account_is_given_replaced_and_read_without_its_number(hub, portal, grace):
    path = f"/providers/{grace}/account"
    assert portal.get(path).json == {"provider": grace, "gateways": []}
    said = portal.done(path, {"bank": BANK}, key="one")
    assert said == {"provider": grace, "bank": {**BANK, "number": "…5678"}, "gateways": []}
    assert kept(hub, grace) == (BANK, {})
    assert portal.done(path, {"bank": IBAN}) == portal.get(path).json
    assert kept(hub, grace)[0] == {"holder": "Grace", "iban": "DE89370400440532013000"}
    assert portal.get(path).json["bank"] == {"kind": "iban", "holder": "Grace", "iban": "…3000"}
    assert portal.done(path, {"bank": BANK}, key="one") == said, "a repetition is not done again"
    assert kept(hub, grace)[0]["iban"]


def mails(hub):
    while hub.payment_clock.run_due():
        pass
    return [(mail["recipient"], mail["subject"]) for mail in hub.store.mails()]


def test_each_change_is_told_by_mail_and_noted_without_the_account(hub, portal, grace):
    for _ in range(2):
        portal.done(f"/providers/{grace}/account", {"bank": BANK})
    assert mails(hub) == [("grace@example.com", "Your payout account was changed")]
    (note,) = [one for one in hub.store.audit_trail() if one["action"] == "providers.account"]
    assert (note["actor"], note["target"], note["detail"]) == ("token Portal", grace, {"kind": "us"})


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"bank"}),
        ({"bank": BANK, "connection": "sandbox"}, {"bank"}),
        ({"bank": {**BANK, "routing": "021000022", "number": "1"}}, {"bank.routing", "bank.number"}),
        ({"bank": {**BANK, "ifsc": "HDFC0001234"}}, {"bank.ifsc"}),
        ({"bank": {**BANK, "kind": "fr"}}, {"bank.kind"}),
        ({"bank": {"kind": "us", "holder": "Grace"}}, {"bank.routing", "bank.number", "bank.type"}),
        ({"bank": {**BANK, "holder": "4111 1111 1111 1111"}}, {"bank.holder"}),
        ({"bank": {**BANK, "kind": "other", "number": "4111111111111111", "bic": "BOFAJPJX"}}, {"bank.number", "bank.routing", "bank.type"}),
        ({"connection": "nowhere", "account": "a"}, {"connection"}),
        ({"connection": "rupees"}, {"account"}),
        ({"connection": "rupees", "to": {"fund_account": "acc_1"}}, {"to.fund_account"}),
        ({"connection": "rupees", "to": {"iban": "x"}}, {"to.iban", "to.fund_account"}),
        ({"connection": "rupees", "account": "4111111111111111"}, {"account"}),
        ({"bank": BANK, "more": 1}, {"more"}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_is_kept(hub, portal, grace, body, fields):
    with FakeRazorpay().running() as running:
        given = running.fields()
    given.pop("webhook_url", None)
    hub.accounts.create("rupees", "razorpay", given, "test")
    answer = portal.post(f"/providers/{grace}/account", body)
    assert set(wrong(answer)) == fields
    assert (answer.json["code"] == "card_number") is ("4111" in str(body))
    assert "4111" not in answer.text
    assert kept(hub, grace) == ({}, {})
    assert mails(hub) == []


def test_what_a_gateway_knows_is_changed_member_by_member_and_forgotten(hub, portal, grace):
    with FakeRazorpay().running() as running:
        given = running.fields()
    given.pop("webhook_url", None)
    hub.accounts.create("rupees", "razorpay", given, "test")
    path = f"/providers/{grace}/account"
    portal.done(path, {"connection": "rupees", "account": "acc_GraceHopper"})
    assert len(mails(hub)) == 1
    said = portal.done(path, {"connection": "rupees", "to": {"fund_account": "fa_1234567890"}})
    assert said["gateways"] == [{"connection": "rupees", "account": "…pper", "to": {"fund_account": "…7890"}}]
    assert kept(hub, grace)[1] == {"rupees": {"account": "acc_GraceHopper", "to": {"fund_account": "fa_1234567890"}}}
    assert portal.done(path, {"connection": "rupees", "account": "", "to": {}})["gateways"] == []
    assert kept(hub, grace)[1] == {}
    assert len(mails(hub)) == 3


def test_nobody_is_given_an_account_who_is_not_there(portal):
    assert portal.post("/providers/prv_none/account", {"bank": BANK}).status_code == 404
    assert portal.get("/providers/prv_none/account").status_code == 404


def test_who_may_write_providers_may_not_say_where_their_money_goes(program, grace):
    registering = program("providers:read", "providers:write")
    assert registering.post(f"/providers/{grace}/account", {"bank": BANK}).json["code"] == "forbidden"
    assert registering.get(f"/providers/{grace}/account").json["code"] == "forbidden"
    assert registering.post("/payouts").json["code"] == "forbidden"


def test_a_run_names_the_token_that_began_it_and_nobody_else(portal):
    assert wrong(portal.post("/payouts", {"actor": "admin@example.com"})) == {
        "actor": "The hub says this itself; leave it out."
    }
    assert portal.done("/payouts", {}) == {"runs": [], "payouts": [], "skipped": []}
