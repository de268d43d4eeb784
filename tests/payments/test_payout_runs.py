"""Runs of payouts: who is paid, how much, in which way, and the files that a bank takes."""

import pytest

from hub.errors import ConfigError, PermanentError
from hub.journal.tables_escrow import payout_runs as payout_run_table
from hub.journal.tables_work import providers
from hub.money import Money
from hub.payments import payout_runs
from tests.payments.held import euros
from tests.payments.test_payouts import ADA_BANK, GRACE_BANK, OWN_BANK, funded, reasons

# who is paid


def test_each_provider_and_currency_gets_one_payout(market):
    for name in ("prv_ada", "prv_bob"):
        market.provider(name, account=f"acct_{name}")
        market.owe(name, 1_000)
        market.owe(name, 500)
        market.owe(name, 7_000, "JPY")
        market.owe(name, 1_500_005, "KWD")
    done = market.act("pay_due", {}, "pay")
    assert sorted((one["provider"], one["amount"]["currency"], one["amount"]["minor"]) for one in done["payouts"]) == [
        (name, currency, minor)
        for name in ("prv_ada", "prv_bob")
        for currency, minor in (("EUR", 1_500), ("JPY", 7_000), ("KWD", 1_500_005))
    ]
    assert [run["total"]["minor"] for run in done["runs"]] == [3_000, 14_000, 3_000_010]
    assert market.act("pay_due", {}, "pay") == done, "the same step again pays nothing more"
    assert market.act("pay_due", {}, "next")["payouts"] == []


def test_who_owes_us_is_never_paid_out(quick):
    quick.provider("prv_ada", account="acct_ada")
    quick.owe("prv_ada", -5_000)
    quick.owe("prv_ada", 4_000)
    assert quick.act("pay_due", {}, "pay") == {"runs": [], "payouts": [], "skipped": []}
    quick.owe("prv_ada", 1_500)
    assert quick.act("pay_due", {}, "next")["payouts"][0]["amount"] == euros(500), "what is owed is set off"


def test_a_reserve_is_not_paid_out_before_its_time(quick):
    quick.provider("prv_ada", account="acct_ada")
    quick.owe("prv_ada", 10_000)
    quick.reserve("prv_ada", 2_000, days=7)
    assert quick.act("pay_due", {}, "pay")["payouts"][0]["amount"] == euros(8_000)
    quick.forward(days=8)
    assert quick.act("pay_due", {}, "next")["payouts"][0]["amount"] == euros(2_000)


def test_a_reserve_of_another_currency_provider_or_time_holds_nothing_back(quick):
    for name in ("prv_ada", "prv_bob"):
        quick.provider(name, account=f"acct_{name}")
        quick.owe(name, 10_000)
    quick.reserve("prv_ada", 2_000, days=7, currency="JPY")
    quick.reserve("prv_bob", 2_000, days=0)
    quick.owe("prv_ada", 5_000, "JPY")
    done = quick.act("pay_due", {}, "pay")
    assert sorted(one["amount"]["minor"] for one in done["payouts"]) == [3_000, 10_000, 10_000]


def test_who_has_reserves_beyond_what_is_due_is_paid_nothing_and_not_named(quick):
    quick.provider("prv_ada", account="acct_ada")
    quick.owe("prv_ada", 1_000)
    quick.reserve("prv_ada", 2_000, days=7)
    assert quick.act("pay_due", {}, "pay") == {"runs": [], "payouts": [], "skipped": []}
    with quick.hub.database.read() as connection:
        (due,) = payout_runs.dues(connection, quick.hub.now())
    assert (due.money, due.reserved) == (Money(0, "EUR"), Money(1_000, "EUR"))


def test_the_minimum_is_for_its_own_currency_and_may_be_met_exactly(quick):
    for name, minor, currency in (("prv_a", 100, "EUR"), ("prv_b", 99, "EUR"), ("prv_c", 99, "JPY")):
        quick.provider(name, account=f"acct_{name}")
        quick.owe(name, minor, currency)
    done = quick.act("pay_due", {"minimum": euros(100)}, "pay")
    assert [one["provider"] for one in done["payouts"]] == ["prv_a", "prv_c"]
    assert list(reasons(done)) == ["prv_b"]


def test_what_is_due_is_listed_by_currency_most_first(quick):
    for name, minor, currency in (
        ("b", 5, "EUR"),
        ("a", 5, "EUR"),
        ("c", 9, "EUR"),
        ("a", 700, "JPY"),
        ("d", -3, "EUR"),
    ):
        quick.owe(f"prv_{name}", minor, currency)
    with quick.hub.database.read() as connection:
        everybody = payout_runs.dues(connection, quick.hub.now())
        alone = payout_runs.dues(connection, quick.hub.now(), "prv_a")
    assert [(one.provider, one.money.minor, one.name) for one in everybody] == [
        ("prv_c", 9, ""), ("prv_a", 5, ""), ("prv_b", 5, ""), ("prv_a", 700, ""),
    ]  # fmt: skip
    assert [one.money for one in alone] == [Money(5, "EUR"), Money(700, "JPY")]


@pytest.fixture
def cell(quick):
    """What the sandbox's manifest says of payouts, to be changed."""
    capability = quick.hub.registry.get("sandbox").manifest.capabilities["payout"]
    known = dict(capability.limits)
    yield capability.limits
    capability.limits.clear()
    capability.limits.update(known)


@pytest.mark.parametrize(
    ("limits", "account", "way", "recipient"),
    [
        ({"destination": "account"}, "acct_ada", "payout", {"provider": "acct_ada", "to": {"account": "acct_ada"}}),
        ({}, "acct_ada", "payout", {"provider": "acct_ada"}),
        ({}, {"account": "acct_ada", "to": {"phone": "+1"}}, "payout", {"provider": "acct_ada"}),
        ({"connect": True, "destination": "account"}, "acct_ada", "transfer", {"provider": "acct_ada"}),
        ({"currencies": ["JPY", "EUR"]}, "acct_ada", "payout", {"provider": "acct_ada"}),
    ],
)
def test_a_payout_goes_to_the_provider_as_the_gateway_needs_it(quick, cell, limits, account, way, recipient):
    cell.clear()
    cell.update(limits)
    quick.provider("prv_ada", account=account, bank=ADA_BANK)
    quick.owe("prv_ada", 5_000)
    quick.act("pay_due", {}, "pay")
    row = quick.payouts()[0]
    assert (row.way, row.connection, row.recipient) == (way, "sandbox", recipient)


def test_what_is_due_is_passed_on_where_payouts_leave_the_providers_own_balance(quick, cell):
    cell["connect"] = True
    quick.provider("prv_ada", account="acct_ada")
    quick.owe("prv_ada", 5_000)
    funded(quick)
    quick.act("pay_due", {"connection": "sandbox"}, "pay")
    quick.run_due()
    quick.heard("transfer.sent")
    assert (quick.payouts()[0].state, quick.balance("provider:acct_ada")) == ("paid", 5_000)
    assert len(quick.events("transfer.sent")) == 1, "the gateway's own report tells it"
    assert quick.account("provider:prv_ada") == 0


def test_a_currency_that_the_gateway_does_not_pay_out_goes_by_the_bank_or_is_named(quick, cell):
    cell["currencies"] = ["JPY", "USD"]
    quick.provider("prv_ada", account="acct_ada", bank=ADA_BANK)
    quick.provider("prv_bob", account="acct_bob")
    quick.provider("prv_cat", account="acct_cat", bank={"iban": "DE00"})
    for name in ("prv_ada", "prv_bob", "prv_cat"):
        quick.owe(name, 5_000)
    done = quick.act("pay_due", {}, "pay")
    assert (quick.payouts()[0].provider, quick.payouts()[0].way) == ("prv_ada", "bank")
    assert reasons(done) == dict.fromkeys(("prv_bob", "prv_cat"), "Sandbox gateway pays out in JPY, USD only.")


def test_by_the_bank_or_one_connection_no_other_way_is_taken(quick):
    quick.provider("prv_ada", account="acct_ada", bank=ADA_BANK)
    quick.provider("prv_bob", bank={"iban": "DE00 1234", "holder": "Bob"})
    for name in ("prv_ada", "prv_bob"):
        quick.owe(name, 5_000)
    outcome = quick.act("pay_due", {"connection": "sandbox"}, "gateway")
    assert reasons(outcome) == {"prv_bob": "The provider has no account at sandbox."}
    quick.owe("prv_ada", 700)
    outcome = quick.act("pay_due", {"bank": True}, "bank")
    assert "IBAN" in reasons(outcome)["prv_bob"]
    assert [(row.provider, row.way, row.amount) for row in quick.payouts()] == [
        ("prv_ada", "payout", 5_000),
        ("prv_ada", "bank", 700),
    ]
    assert quick.payouts()[1].recipient == {"name": "Ada Lovelace", "iban": ADA_BANK["iban"], "bic": "COBADEFFXXX"}


def test_a_connection_that_is_switched_off_pays_nobody(quick):
    quick.provider("prv_ada", bank={"iban": ADA_BANK["iban"]})
    quick.hub.office("test").change(
        lambda book: book.change(providers, book.get(providers, "prv_ada"), accounts={"nowhere": "acct_ada"})
    )
    quick.owe("prv_ada", 5_000)
    quick.act("pay_due", {}, "pay")
    assert (quick.payouts()[0].way, quick.payouts()[0].recipient["name"]) == ("bank", "Ada"), "its name is the holder"


def test_who_cannot_be_paid_is_named_with_the_reason(quick):
    quick.provider("prv_new", account="acct_new", state="registered")
    quick.provider("prv_none")
    quick.provider("prv_small", account="acct_small")
    for name, minor in (("prv_new", 5_000), ("prv_none", 5_000), ("prv_small", 99), ("prv_gone", 5_000)):
        quick.owe(name, minor)
    outcome = quick.act("pay_due", {"minimum": euros(100)}, "pay")
    assert reasons(outcome) == {
        "prv_gone": "The hub knows no provider of this number.",
        "prv_new": "The provider is registered, not approved.",
        "prv_none": "The provider gave no bank account.",
        "prv_small": "Less than the minimum of 1.00 EUR is due.",
    }
    assert outcome["payouts"] == []


def test_a_run_may_be_for_one_provider_and_one_currency(quick):
    for name in ("prv_ada", "prv_bob"):
        quick.provider(name, account=f"acct_{name}")
        quick.owe(name, 1_000)
        quick.owe(name, 7_000, "JPY")
    done = quick.act("pay_due", {"provider": "prv_ada", "currency": "JPY"}, "pay")
    assert [(one["provider"], one["amount"]["currency"]) for one in done["payouts"]] == [("prv_ada", "JPY")]


def test_a_connection_that_pays_nobody_out_is_refused(quick):
    assert quick.refused("pay_due", {"connection": "crm"}) == "not_enabled"
    assert quick.refused("pay_due", {"connection": "sandbox", "bank": True}) == "bad_input"
    with pytest.raises(ConfigError):
        quick.act("pay_due", {"connection": "nowhere"})


def test_two_runs_at_the_same_moment_never_pay_the_same_amount(market):
    market.provider("prv_ada", account="acct_ada")
    market.owe("prv_ada", 5_000)
    outcomes = market.at_once(lambda number: market.act("pay_due", {}, f"run{number}"), 6)
    assert sum(len(one["payouts"]) for one in outcomes) == 1
    assert market.account("provider:prv_ada") == 0


# by the bank


def test_a_bank_run_is_a_file_and_is_marked_line_by_line(market):
    market.hub.store.put_fact("bank", OWN_BANK, market.hub.now())
    for name, bank in (("prv_ada", ADA_BANK), ("prv_grace", GRACE_BANK)):
        market.provider(name, bank=bank)
        market.owe(name, 10_800)
    done = market.act("pay_due", {"bank": True}, "pay")
    run, office = done["runs"][0]["run"], market.hub.office("page")
    assert done["runs"][0]["way"] == "bank"
    file = payout_runs.bank_file(office, run, "xml").decode()
    assert "<CtrlSum>216.00</CtrlSum>" in file
    assert ADA_BANK["iban"] in file
    assert "<Nm>Photo + Film GmbH</Nm>" in file
    assert file.count("<Ustrd>Payout 1</Ustrd>") == 2
    assert file.count("<BICFI>COBADEFFXXX</BICFI>") == 1
    market.forward(days=1)
    assert payout_runs.bank_file(office, run, "xml").decode() == file, "the same bytes whenever it is taken"
    assert payout_runs.bank_file(office, run, "csv").decode().count("108.00,EUR") == 2
    assert {row.state for row in market.payouts()} == {"sent"}
    ada, grace = sorted(market.payouts(), key=lambda row: row.provider)
    market.mark(ada.id, "paid")
    market.mark(grace.id, "failed", "account closed")
    (paid,), (failed,) = market.events("payout.paid"), market.events("payout.failed")
    assert (paid["payout"], paid["provider"], paid["amount"]) == (ada.id, "prv_ada", euros(10_800))
    assert (failed["provider"], failed["reason"]) == ("prv_grace", "account closed")
    assert (market.account("provider:prv_ada"), market.account("provider:prv_grace")) == (0, -10_800)
    assert market.account("bank") == -10_800
    assert GRACE_BANK["iban"] not in payout_runs.bank_file(office, run, "csv").decode()


def test_a_sepa_file_needs_the_own_account_and_says_where_to_set_it(quick):
    quick.provider("prv_ada", bank=ADA_BANK)
    quick.owe("prv_ada", 10_800)
    run = quick.act("pay_due", {}, "pay")["runs"][0]["run"]
    with pytest.raises(PermanentError, match="own bank account") as caught:
        payout_runs.bank_file(quick.hub.office("page"), run, "xml")
    assert "Settings, Business" in caught.value.remedy
    assert quick.payouts()[0].state == "queued", "nothing was taken yet"


def test_a_bank_run_in_another_currency_has_a_csv_file_only(quick):
    quick.hub.store.put_fact("bank", OWN_BANK, quick.hub.now())
    quick.provider("prv_ada", bank=ADA_BANK)
    quick.owe("prv_ada", 1_200, "JPY")
    run = quick.act("pay_due", {"bank": True}, "pay")["runs"][0]["run"]
    with pytest.raises(PermanentError, match="in euros"):
        payout_runs.bank_file(quick.hub.office("page"), run, "xml")
    assert quick.payouts()[0].state == "queued", "nothing was taken yet"
    assert "1200,JPY" in payout_runs.bank_file(quick.hub.office("page"), run, "csv").decode()


def test_a_file_is_as_it_was_first_taken_whatever_changes_later(quick):
    office = quick.hub.office("page")
    quick.hub.store.put_fact("brand", {"name": "Lamp Market"}, quick.hub.now())
    names = {"prv_ada": ADA_BANK, "prv_bob": GRACE_BANK, "prv_cat": ADA_BANK}
    for name, bank in names.items():
        quick.provider(name, bank=bank)
        quick.owe(name, 10_800)
    run = quick.act("pay_due", {"bank": True}, "pay")["runs"][0]["run"]
    rows = {row.provider: row for row in quick.payouts()}
    quick.mark(rows["prv_ada"].id, "paid")
    quick.mark(rows["prv_cat"].id, "failed")
    listed = payout_runs.bank_file(office, run, "csv").decode()
    assert listed.count(",Lamp Market 1,") == 2
    assert {row.provider: row.state for row in quick.payouts()} == {
        "prv_ada": "paid",
        "prv_bob": "sent",
        "prv_cat": "failed",
    }
    versions = {row.provider: row.version - rows[row.provider].version for row in quick.payouts()}
    assert versions == {"prv_ada": 1, "prv_bob": 1, "prv_cat": 1}
    taken_at = quick.hub.now().date().isoformat()
    quick.forward(days=3)
    quick.hub.store.put_fact("bank", OWN_BANK, quick.hub.now())
    file = payout_runs.bank_file(office, run, "xml").decode()
    assert f"<Dt>{taken_at}</Dt>" in file
    quick.hub.store.put_fact("bank", {**OWN_BANK, "iban": ADA_BANK["iban"], "holder": "Other"}, quick.hub.now())
    assert payout_runs.bank_file(office, run, "xml").decode() == file


def test_the_own_account_of_a_file_is_checked(quick):
    quick.hub.store.put_fact("bank", {"iban": OWN_BANK["iban"]}, quick.hub.now())
    quick.provider("prv_ada", bank=ADA_BANK)
    quick.owe("prv_ada", 10_800)
    run = quick.act("pay_due", {"bank": True}, "pay")["runs"][0]["run"]
    with pytest.raises(PermanentError, match="holder"):
        payout_runs.bank_file(quick.hub.office("page"), run, "xml")


def test_a_run_that_a_gateway_pays_has_no_file(quick):
    quick.provider("prv_ada", account="acct_ada")
    quick.owe("prv_ada", 10_800)
    done = quick.act("pay_due", {"actor": "grace@example.com"}, "pay")["runs"][0]
    assert (done["way"], done["connection"], done["count"]) == ("connection", "sandbox", 1)
    assert [row.actor for row in quick.rows(payout_run_table)] == ["grace@example.com"]
    for kind in ("xml", "csv"):
        with pytest.raises(PermanentError, match="run 1 is paid out by sandbox") as caught:
            payout_runs.bank_file(quick.hub.office("page"), done["run"], kind)
        assert caught.value.code == "wrong_state"


def test_what_is_due_is_listed_with_what_is_held_back(quick):
    quick.provider("prv_ada", account="acct_ada")
    quick.owe("prv_ada", 10_000)
    quick.reserve("prv_ada", 2_000, days=7)
    with quick.hub.database.read() as connection:
        (due,) = payout_runs.dues(connection, quick.hub.now())
    assert (due.name, due.money, due.reserved) == ("Ada", Money(8_000, "EUR"), Money(2_000, "EUR"))
