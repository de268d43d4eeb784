"""Payouts: what is due is reserved, sent once, watched until it is decided, and due again when it fails."""

import pytest

from hub.errors import ConfigError, PermanentError, UncertainError
from hub.money import Money
from hub.payments import payout_runs
from tests.payments.market import KilledError

ADA_BANK = {"iban": "DE89370400440532013000", "bic": "COBADEFFXXX", "holder": "Ada Lovelace"}
GRACE_BANK = {"iban": "FR1420041010050500013M02606", "holder": "Grace Hopper"}
OWN_BANK = {"holder": "Photo & Film GmbH", "iban": "GB33BUKB20201555555555"}


def euros(minor):
    return {"minor": minor, "currency": "EUR"}


def funded(market, minor=1_000_000):
    """The platform has money at the gateway."""
    payment = market.sandbox("POST", "/payments", {"amount": minor, "currency": "EUR"})["id"]
    market.pay(payment)


def reasons(outcome):
    return {one["provider"]: one["reason"] for one in outcome["skipped"]}


# by a gateway


def test_what_is_due_is_paid_out_by_the_gateway_and_told_once(market):
    market.provider("prv_ada", account="acct_ada")
    market.owe("prv_ada", 19_920)
    funded(market)
    done = market.act("pay_due", {"connection": "sandbox"}, "pay")
    assert [(one["provider"], one["amount"], one["status"]) for one in done["payouts"]] == [
        ("prv_ada", euros(19_920), "queued")
    ]
    assert (done["runs"][0]["number"], done["runs"][0]["total"], done["skipped"]) == (1, euros(19_920), [])
    assert market.account("provider:prv_ada") == 0, "it is reserved at once"
    market.run_due()
    assert market.payouts()[0].state == "sent"
    market.forward_gateway(seconds=11)
    (paid,) = market.heard("payout.paid")
    assert (paid["amount"], paid["metadata"]["provider"]) == (euros(19_920), "prv_ada")
    assert market.payouts()[0].state == "paid"
    market.forward(hours=1)
    assert len(market.events("payout.paid")) == 1, "asking finds nothing new"
    assert (market.account("provider:prv_ada"), market.balance("bank")) == (0, 19_920)


def test_a_payout_without_a_webhook_is_found_by_asking(quick):
    quick.provider("prv_ada", account="acct_ada")
    quick.owe("prv_ada", 19_920)
    funded(quick)
    quick.act("pay_due", {"connection": "sandbox"}, "pay")
    quick.run_due()
    quick.silence()
    quick.forward(minutes=2)
    (paid,) = quick.events("payout.paid")
    assert (paid["provider"], paid["amount"]) == ("prv_ada", euros(19_920))
    quick.speak()
    quick.until(lambda: quick.duplicates("payout.paid"))
    assert len(quick.events("payout.paid")) == 1, "the webhook that comes late tells nothing new"


def test_a_payout_that_fails_is_due_again_and_holds_up_no_other(market):
    market.provider("prv_ada", account="acct_ada_closed")
    market.provider("prv_bob", account="acct_bob")
    market.owe("prv_ada", 5_000)
    market.owe("prv_bob", 7_000)
    funded(market)
    market.act("pay_due", {"connection": "sandbox"}, "pay")
    market.run_due()
    market.forward_gateway(seconds=11)
    (failed,) = market.heard("payout.failed")
    market.heard("payout.paid")
    assert failed["reason"] == "account_closed"
    assert {row.provider: row.state for row in market.payouts()} == {"prv_ada": "failed", "prv_bob": "paid"}
    assert (market.account("provider:prv_ada"), market.account("provider:prv_bob")) == (-5_000, 0)


def test_who_failed_three_times_in_a_row_waits_for_a_person(quick):
    quick.provider("prv_ada", account="acct_ada_closed")
    quick.owe("prv_ada", 5_000)
    funded(quick)
    for number in range(3):
        quick.act("pay_due", {"connection": "sandbox"}, f"pay{number}")
        quick.run_due()
        quick.forward_gateway(seconds=11)
        quick.heard("payout.failed", number + 1)
    outcome = quick.act("pay_due", {"connection": "sandbox"}, "again")
    assert "last 3 payouts failed" in reasons(outcome)["prv_ada"]
    alone = quick.act("pay_due", {"connection": "sandbox", "provider": "prv_ada"}, "alone")
    assert len(alone["payouts"]) == 1


def test_a_gateway_that_refuses_at_once_leaves_the_amount_due(quick):
    quick.provider("prv_ada", account="acct_ada")
    quick.owe("prv_ada", 5_000)
    quick.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "refuse", "match": "acct_ada"})
    quick.act("pay_due", {"connection": "sandbox"}, "pay")
    quick.run_due()
    (failed,) = quick.events("payout.failed")
    assert (failed["provider"], failed["amount"]) == ("prv_ada", euros(5_000))
    assert (quick.payouts()[0].state, quick.account("provider:prv_ada")) == ("failed", -5_000)


def test_a_gateway_that_is_down_is_tried_again_under_the_same_key(quick):
    quick.provider("prv_ada", account="acct_ada")
    quick.owe("prv_ada", 5_000)
    funded(quick)
    quick.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "lost", "requests": 1})
    quick.act("pay_due", {"connection": "sandbox"}, "pay")
    quick.run_due()
    quick.forward(minutes=10)
    assert quick.payouts()[0].state in {"sent", "paid"}
    assert len(quick.sandbox("GET", "/payouts")["data"]) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_payout_that_dies_at_the_gateway_is_sent_once(market, moment):
    market.provider("prv_ada", account="acct_ada")
    market.owe("prv_ada", 5_000)
    funded(market)
    market.act("pay_due", {"connection": "sandbox"}, "pay")
    market.die_at(0, moment)
    with pytest.raises(KilledError):
        market.run_due()
    market.forward(minutes=3)
    assert len(market.sandbox("GET", "/payouts")["data"]) == 1
    assert market.account("provider:prv_ada") == 0


def test_a_payout_of_which_nobody_knows_waits_for_a_person(quick, monkeypatch):
    quick.provider("prv_ada", account="acct_ada")
    quick.owe("prv_ada", 5_000)
    funded(quick)
    answers = [UncertainError("Lost.", code="lost", remedy="Look.")]
    act = quick.hub.payments.act

    def lost(name, action, key, given, **said):
        if answers:
            raise answers.pop()
        return act(name, action, key, given, **said)

    monkeypatch.setattr(quick.hub.payments, "act", lost)
    monkeypatch.setattr("hub.engine.office.HubOffice._unknown", lambda self, key, error, repeatable: error)
    quick.act("pay_due", {"connection": "sandbox"}, "pay")
    quick.run_due()
    row = quick.payouts()[0]
    assert (row.state, row.reason) == ("uncertain", "Lost. Look.")
    quick.forward(days=3)
    assert quick.payouts()[0].state == "uncertain"
    quick.mark(row.id, "queued")
    quick.run_due()
    assert quick.payouts()[0].state == "sent"
    assert quick.mark(row.id, "paid").state == "paid"
    with pytest.raises(PermanentError, match="paid already"):
        quick.mark(row.id, "failed")


def test_a_failure_that_the_gateway_tells_is_final(quick):
    quick.provider("prv_ada", account="acct_ada")
    quick.owe("prv_ada", 5_000)
    funded(quick)
    quick.act("pay_due", {"connection": "sandbox"}, "pay")
    quick.run_due()
    row = quick.payouts()[0]
    quick.happen("payout.failed", row.reference, "prv_ada", 5_000)
    assert (quick.payouts()[0].state, quick.account("provider:prv_ada")) == ("failed", -5_000)
    quick.happen("payout.paid", row.reference, "prv_ada", 5_000)
    assert (quick.payouts()[0].state, quick.account("provider:prv_ada")) == ("failed", -5_000)


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
    assert "1200,JPY" in payout_runs.bank_file(quick.hub.office("page"), run, "csv").decode()


def test_what_is_due_is_listed_with_what_is_held_back(quick):
    quick.provider("prv_ada", account="acct_ada")
    quick.owe("prv_ada", 10_000)
    quick.reserve("prv_ada", 2_000, days=7)
    with quick.hub.database.read() as connection:
        (due,) = payout_runs.dues(connection, quick.hub.now())
    assert (due.name, due.money, due.reserved) == ("Ada", Money(8_000, "EUR"), Money(2_000, "EUR"))
