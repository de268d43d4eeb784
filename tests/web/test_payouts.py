"""The pages of payouts: what is due, paid out once by gateway or bank file, marked by a person, failures shown."""

from __future__ import annotations

import csv
import io

import pytest

from hub.web.app import create_app

from .conftest import Visitor

ADA = {"iban": "DE89370400440532013000", "bic": "COBADEFFXXX", "holder": "Ada Lovelace"}
OWN = {"holder": "Photo & Film GmbH", "iban": "GB33BUKB20201555555555"}


@pytest.fixture
def market(market):
    market.hub.store.put_fact("bank", OWN, market.hub.now())
    return market


def enter(market, role="editor"):
    found = Visitor(create_app(market.hub))
    assert found.log_in(f"{role}@example.com").status_code == 303
    return found


def test_nothing_due_says_so(market):
    page = enter(market).page("/payouts")
    assert "Nothing is due" in page
    assert "Pay out what is due" not in page


def test_a_bank_run_is_made_once_downloaded_and_marked(market):
    market.provider("prv_ada", bank=ADA)
    market.owe("prv_ada", 19_920)
    editor = enter(market)
    assert "€199.20" in editor.page("/payouts")
    first, second = (editor.post("/payouts", way="bank", key="k1") for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    run = first.headers["Location"]
    assert market.account("provider:prv_ada") == 0
    file = editor.post(f"{run}/file.xml")
    assert file.headers["Content-Disposition"] == 'attachment; filename="payouts-1.xml"'
    assert b"pain.001.001.09" in file.data
    assert b"199.20" in file.data
    assert b"199.20" in editor.post(f"{run}/file.csv").data
    (payout,) = market.payouts()
    assert editor.post(f"/payouts/{payout.id}/mark", state="paid").status_code == 303
    assert market.payouts()[0].state == "paid"
    assert "already" in editor.post(f"/payouts/{payout.id}/mark", state="failed", follow=True).text
    assert editor.post(f"{run}/file.exe").status_code == 404


def test_who_cannot_be_in_the_sepa_file_is_named_on_the_page_and_has_a_file(market):
    market.provider("prv_ada", bank=ADA)
    bob = {"kind": "us", "holder": "Bob", "routing": "021000021", "number": "0012345678", "type": "savings"}
    market.provider("prv_bob", bank=bob)
    for who in ("prv_ada", "prv_bob"):
        market.owe(who, 5_000)
    editor = enter(market)
    run = editor.post("/payouts", way="bank", key="k1").headers["Location"]
    page = editor.page(run)
    assert page.count("Not in the SEPA file: The account has no IBAN.") == 1
    assert "1 of 2 cannot stand in the SEPA file" in page
    assert "account ending in 5678" in page
    assert "account ending in 3000" in page
    assert "0012345678" not in page
    assert ADA["iban"] not in page
    rest = editor.post(f"{run}/file.rest")
    assert rest.headers["Content-Disposition"] == 'attachment; filename="payouts-1-others.csv"'
    assert b"0012345678,021000021,savings" in rest.data
    assert ADA["iban"].encode() not in rest.data
    assert {row.provider: row.state for row in market.payouts()} == {"prv_ada": "queued", "prv_bob": "sent"}
    assert editor.post(f"{run}/file.xml").status_code == 200
    assert {row.state for row in market.payouts()} == {"sent"}


def test_a_run_without_an_iban_offers_no_sepa_file(market):
    market.provider("prv_bob", bank={"kind": "gb", "holder": "Bob", "sort_code": "200000", "number": "55779911"})
    market.owe("prv_bob", 5_000)
    editor = enter(market)
    page = editor.page(editor.post("/payouts", way="bank", key="k1").headers["Location"])
    assert ("file.csv" in page, "file.xml" in page, "file.rest" in page) == (True, False, False)


def test_one_that_failed_is_due_again_and_shown(market):
    market.provider("prv_ada", bank=ADA)
    market.owe("prv_ada", 5_000)
    editor = enter(market)
    run = editor.post("/payouts", way="bank", key="k1").headers["Location"]
    editor.post(f"{run}/file.csv")
    (payout,) = market.payouts()
    editor.post(f"/payouts/{payout.id}/mark", state="failed", reason="account closed")
    page = editor.page("/payouts")
    assert "Failed lately" in page
    assert "account closed" in page
    assert "€50.00" in page
    assert market.account("provider:prv_ada") == -5_000


def test_a_gateway_pays_who_has_an_account_there(market):
    payment = market.sandbox("POST", "/payments", {"amount": 100_000, "currency": "EUR"})["id"]
    market.pay(payment)
    market.provider("prv_ada", account="acct_ada")
    market.owe("prv_ada", 5_000)
    editor = enter(market)
    assert '<option value="sandbox" >sandbox</option>' in editor.page("/payouts")
    assert editor.post("/payouts", way="sandbox", key="k").status_code == 303
    market.run_due()
    market.heard("payout.paid")
    assert market.payouts()[0].state == "paid"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"minimum": "10"}, "in which currency the amount is"),
        ({"minimum": "1e3", "currency": "EUR"}, "exponent"),
        ({"currency": "EURO"}, "currency"),
        ({"way": "nowhere"}, "Choose one of these."),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_paid(market, typed, said):
    market.provider("prv_ada", bank=ADA)
    market.owe("prv_ada", 5_000)
    answer = enter(market).post("/payouts", key="k", **typed)
    assert answer.status_code == 422
    assert said in answer.text
    assert market.payouts() == []


def test_who_cannot_be_paid_is_named_with_the_reason(market):
    market.provider("prv_ada")
    market.owe("prv_ada", 5_000)
    said = enter(market).post("/payouts", way="bank", key="k", follow=True).text
    assert "Nothing can be paid out now" in said
    assert "Ada: The provider gave no bank account." in said


def test_beside_who_is_paid_stands_who_is_not_and_why(market):
    market.provider("prv_ada")
    market.provider("prv_bob", bank=ADA)
    market.owe("prv_ada", 5_000)
    market.owe("prv_bob", 7_050)
    said = enter(market).post("/payouts", way="bank", key="k", follow=True).text
    assert "One payout is on its way." in said
    assert "Ada: The provider gave no bank account." in said


def test_only_editors_pay(market):
    market.provider("prv_ada", bank=ADA)
    market.owe("prv_ada", 5_000)
    viewer = enter(market, "viewer")
    assert "€50.00" in viewer.page("/payouts")
    assert viewer.post("/payouts", way="bank", key="k").status_code == 403
    assert viewer.get("/payouts/runs/prn_none").status_code == 404


def test_every_payout_is_found_summed_up_and_exported(market):
    for who, minor in (("prv_ada", 5_000), ("prv_bob", 7_050)):
        market.provider(who, bank=ADA)
        market.owe(who, minor)
    editor = enter(market)
    assert "No payouts yet" in editor.page("/payouts/all")
    editor.post("/payouts", way="bank", key="k1")
    ada, bob = sorted(market.payouts(), key=lambda one: one.provider)
    editor.post(f"/payouts/runs/{ada.run}/file.csv")
    editor.post(f"/payouts/{bob.id}/mark", state="paid")
    page = editor.page("/payouts/all")
    assert "2 payouts" in page
    assert "€120.50" in page
    assert "€70.50 paid" in page
    for asked, shown in (
        ("state=paid", {"prv_bob"}), ("state=sent", {"prv_ada"}), ("text=prv_ada", {"prv_ada"}), (f"text={bob.id}", {"prv_bob"}),
        ("text=nobody", set()),
    ):  # fmt: skip
        page = editor.page(f"/payouts/all?{asked}")
        assert {one for one in ("prv_ada", "prv_bob") if f"{one}<" in page or f"{one} " in page} == shown, asked
    (row,) = csv.DictReader(io.StringIO(editor.get("/payouts.csv?state=paid").data.decode("utf-8-sig")))
    assert (row["provider"], row["amount"], row["currency"], row["by"]) == ("prv_bob", "70.50", "EUR", "bank")
