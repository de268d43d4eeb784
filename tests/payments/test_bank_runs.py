"""Runs by the bank whose accounts are of several kinds, and gateways that pay to bank accounts."""

import pytest

from hub.errors import PermanentError
from hub.payments import payout_runs
from tests.payments.test_payouts import ADA_BANK, OWN_BANK, reasons

US = {"kind": "us", "holder": "Bob", "routing": "021000021", "number": "0012345678", "type": "checking"}
INDIA = {"kind": "in", "holder": "Asha", "ifsc": "HDFC0001234", "number": "50100012345678"}


def states(market):
    return {row.provider: row.state for row in market.payouts()}


@pytest.fixture
def mixed(quick):
    """A run in euros to an IBAN and to an account in the USA; its id."""
    quick.hub.store.put_fact("bank", OWN_BANK, quick.hub.now())
    for name, bank in (("prv_ada", ADA_BANK), ("prv_bob", US)):
        quick.provider(name, bank=bank)
        quick.owe(name, 10_800)
    return quick.act("pay_due", {"bank": True}, "pay")["runs"][0]["run"]


def test_the_sepa_file_holds_who_can_be_in_it_and_sends_nobody_else(quick, mixed):
    office = quick.hub.office("page")
    file = payout_runs.bank_file(office, mixed, "xml").decode()
    assert "<CtrlSum>108.00</CtrlSum>" in file
    assert ADA_BANK["iban"] in file
    assert "0012345678" not in file
    assert states(quick) == {"prv_ada": "sent", "prv_bob": "queued"}
    rest = payout_runs.bank_file(office, mixed, "rest").decode()
    assert ("0012345678,021000021,checking" in rest, ADA_BANK["iban"] in rest) == (True, False)
    assert states(quick) == {"prv_ada": "sent", "prv_bob": "sent"}
    assert payout_runs.bank_file(office, mixed, "xml").decode() == file
    whole = payout_runs.bank_file(office, mixed, "csv").decode()
    assert whole.count("108.00,EUR") == 2


def test_one_that_failed_is_in_no_file_and_the_others_are(quick, mixed):
    office = quick.hub.office("page")
    payout_runs.bank_file(office, mixed, "csv")
    bob = next(row for row in quick.payouts() if row.provider == "prv_bob")
    quick.mark(bob.id, "failed")
    assert "0012345678" not in payout_runs.bank_file(office, mixed, "rest").decode()
    assert "<CtrlSum>108.00</CtrlSum>" in payout_runs.bank_file(office, mixed, "xml").decode()
    assert states(quick)["prv_bob"] == "failed"


def test_a_run_that_no_sepa_file_can_hold_says_why_and_takes_nothing(quick):
    quick.hub.store.put_fact("bank", OWN_BANK, quick.hub.now())
    quick.provider("prv_bob", bank=US)
    quick.owe("prv_bob", 10_800)
    run = quick.act("pay_due", {"bank": True}, "pay")["runs"][0]["run"]
    with pytest.raises(PermanentError, match="no IBAN"):
        payout_runs.bank_file(quick.hub.office("page"), run, "xml")
    assert states(quick) == {"prv_bob": "queued"}


def test_where_the_sepa_file_holds_all_there_are_no_others(quick):
    quick.provider("prv_ada", bank=ADA_BANK)
    quick.owe("prv_ada", 10_800)
    run = quick.act("pay_due", {"bank": True}, "pay")["runs"][0]["run"]
    with pytest.raises(PermanentError, match="holds all"):
        payout_runs.bank_file(quick.hub.office("page"), run, "rest")
    assert states(quick) == {"prv_ada": "queued"}


def test_an_account_that_is_not_right_is_named_without_its_number(quick):
    quick.provider("prv_bob", bank={**US, "routing": "021000022"})
    quick.owe("prv_bob", 500)
    said = reasons(quick.act("pay_due", {"bank": True}, "pay"))["prv_bob"]
    assert said == "The provider's bank account is not right: routing."


@pytest.fixture
def rupees(quick):
    """The sandbox, as a gateway that wants a destination and pays to accounts in India."""
    limits = quick.hub.registry.get("sandbox").manifest.capabilities["payout"].limits
    known = dict(limits)
    limits.clear()
    field = {"title": "Fund account", "type": "string", "pattern": "^fa_"}
    limits["to"] = {"required": ["fund_account"], "properties": {"fund_account": field}}
    limits["bank"] = {"in": {"name": "name", "account_number": "number", "ifsc": "ifsc"}}
    yield quick
    limits.clear()
    limits.update(known)


def test_a_gateway_that_pays_to_bank_accounts_gets_the_providers(rupees):
    rupees.provider("prv_asha", bank=INDIA)
    rupees.provider("prv_bob", bank=US)
    rupees.provider("prv_cat", account={"to": {"fund_account": "fa_1"}}, bank=INDIA)
    for name in ("prv_asha", "prv_bob", "prv_cat"):
        rupees.owe(name, 500)
    done = rupees.act("pay_due", {"connection": "sandbox"}, "pay")
    assert reasons(done) == {"prv_bob": "The provider has no destination for payouts at sandbox."}
    assert {row.provider: row.recipient["to"] for row in rupees.payouts()} == {
        "prv_asha": {"name": "Asha", "account_number": "50100012345678", "ifsc": "HDFC0001234"},
        "prv_cat": {"fund_account": "fa_1"},
    }


def test_a_run_that_names_no_gateway_pays_a_bank_account_by_the_bank(rupees):
    rupees.provider("prv_asha", account="acc_route", bank=INDIA)
    rupees.owe("prv_asha", 500)
    rupees.act("pay_due", {}, "pay")
    assert [(row.way, row.recipient["number"]) for row in rupees.payouts()] == [("bank", "50100012345678")]
