"""The pages of the books: balances at any day, entries, statements on page, file and paper, refunds decided, a calculator."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from html import unescape
from urllib.parse import urlencode

import pypdfium2
import pytest
import sqlalchemy as sa
import yaml

from hub.connect.schemas import CompiledSchema
from hub.journal.entries import Happening
from hub.journal.tables import payments
from hub.journal.tables_ledger import ledger_checks, refund_requests
from hub.web.app import create_app
from tests.payments.market import complete

from .conftest import HASH, PAID, Visitor


@pytest.fixture
def booked(hub, clock):
    """A payment of EUR 49.00 of an order, split: 39.20 for a vendor."""
    data = {**PAID, "order": "ord_1"}
    hub.recorder.record(Happening("payment.succeeded", "shop", "paid", data, hub.now()), hub.now())
    lines = [{"vendor": "prv_ada", "total": PAID["amount"]}]
    given = {"payment": "pay_1", "lines": lines, "rule": {"commission": {"percent": "20"}}}
    hub.accounts.create(
        "shop",
        "sandbox",
        {"api_base": "http://127.0.0.1/sandbox/v1", "api_key": "sbx_test_1", "webhook_secret": "whsec_1"},
        "test",
    )
    hub.payments.act("payments", "split", "6a" * 20, given)


def test_an_empty_ledger_says_what_is_booked(admin):
    assert "Nothing is booked" in admin.page("/ledger")


def test_balances_stand_by_what_they_are_now_and_at_a_day(booked, admin, clock):
    page = admin.page("/ledger")
    for shown in (
        "provider:prv_ada",
        "-€39.20",
        "revenue:commission",
        "-€9.80",
        "gateway:shop",
        "€49.00",
        "Commission",
        "Money at shop",
    ):
        assert shown in page, shown
    assert "Nothing is booked" in admin.page("/ledger?day=2026-11-22")
    assert "provider:prv_ada" in admin.page("/ledger?day=2026-11-23")
    assert "2026-12-31" in admin.page("/ledger?day=yesterday")


def test_an_account_has_its_entries_and_a_file_has_all(booked, admin):
    page = admin.page("/ledger/accounts/provider:prv_ada")
    assert "-€39.20" in page
    assert "/statements/prv_ada" in page
    assert "<h1>Money at shop</h1>" in admin.page("/ledger/accounts/gateway:shop")
    rows = list(csv.DictReader(io.StringIO(admin.get("/ledger.csv").data.decode("utf-8-sig"))))
    assert sum(Decimal(row["amount"]) for row in rows) == 0
    assert {row["account"] for row in rows} >= {"provider:prv_ada", "gateway:shop"}


def test_a_statement_is_a_page_a_file_and_paper(booked, admin):
    page = admin.page("/statements/prv_ada")
    assert "Share of a payment" in page
    assert "€39.20" in page
    (row,) = csv.DictReader(io.StringIO(admin.get("/statements/prv_ada.csv").data.decode("utf-8-sig")))
    assert (row["amount"], row["balance"], row["about"]) == ("39.20", "39.20", "pay_1")
    answer = admin.get("/statements/prv_ada.pdf")
    assert answer.content_type == "application/pdf"
    text = pypdfium2.PdfDocument(answer.data)[0].get_textpage().get_text_bounded()
    for shown in ("Statement", "prv_ada", "Share of a payment", "€39.20", "Due to you at the end"):
        assert shown in text, shown
    assert "Nothing was ever earned" in admin.page("/statements/prv_bob")


CALCULATED = {"currency": "USD", "lines": "a 60.01\nb 29.99\nc 10.00", "percent": "12.5", "fee": "3.20"}


def test_the_calculator_gives_the_figures_of_the_first_story(admin):
    page = admin.page("/split-calculator")
    for shown in ("$52.51", "$26.24", "$8.75", "$9.30"):
        assert shown in page, shown
    own = admin.page("/split-calculator?" + urlencode({**CALCULATED, "lines": "a 60.01\nown 40"}))
    assert "own goods ($40.00)" in own


def calculated(admin, **typed):
    return admin.page("/split-calculator?" + urlencode({**CALCULATED, **typed}))


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("lines", "a 1\nb much", "Line 2: 'much' is not an amount"),
        ("lines", "a -1", "Line 1: An amount below zero is not possible here"),
        ("lines", "", "Write a line for each thing that was sold"),
        ("currency", "XXQ", "XXQ"),
        ("currency", "", "Write its three letters"),
        ("percent", "ten", "Write a number from 0 to 100"),
        ("fee", "1e9", "is not an amount"),
        ("fixed", "0.001", "USD has 2 decimals"),
        ("minimum", "1,5,0", "is not an amount"),
        ("tiers", "0 10\n50", "Line 2: write from which amount and"),
        ("tiers", "0 10 + x", "Line 1: 'x' is not an amount"),
        ("held_days", "0", "Write a whole number from 1 to 730."),
        ("held_percent", "101", "Write a number from 0 to 100"),
    ],
)
def test_what_cannot_be_calculated_is_said_at_its_field(admin, field, typed, said):
    page = calculated(admin, **{"held_percent": "10", "held_days": "7", field: typed})
    (hint,) = re.findall(rf'id="{field}-hint">(.*?)</div>', page)
    assert said in unescape(hint)
    assert "You keep" not in page


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ({"tiers": "0 10\n50 5"}, ["commission $3.00", "commission $3.00", "commission $1.00"]),
        ({"tiers": "0 10\n50 5 + 1", "progressive": "1"}, ["commission $6.50", "commission $3.00", "commission $1.00"]),
        ({"percent": "1", "minimum": "2"}, ["commission $2.00", "commission $2.00", "commission $2.00"]),
        ({"held_percent": "10", "held_days": "7"}, ["$5.25 of it after 7 days", "$2.62 of it", "$0.88 of it"]),
        ({"fee_borne_by": "vendors"}, ["fee $1.92", "fee $0.96", "fee $0.32"]),
    ],
)
def test_the_calculator_takes_all_that_a_rule_can_say(admin, typed, shown):
    page = unescape(calculated(admin, **typed))
    rows = re.findall(r"less commission (.*?)</div>", page, re.DOTALL)
    assert len(rows) == len(shown)
    for row, said in zip(rows, shown, strict=True):
        assert said in f"commission {row}"


def test_the_rule_of_the_calculator_is_one_for_recipes(admin, hub):
    page = unescape(calculated(admin, tiers="0 10\n50 5 + 0.30", progressive="1", held_percent="10", held_days="7"))
    rule = yaml.safe_load(re.search(r"<code>(rule:.*?)</code>", page, re.DOTALL)[1])["rule"]
    schema = hub.registry.action("payments", "split").input
    given = {"payment": "pay_1", "rule": rule}
    assert CompiledSchema(schema).problems(given) == []
    assert rule["commission"]["tiers"][1]["fixed"] == {"minor": 30, "currency": "USD"}


@pytest.fixture
def market(market):
    market.hub.store.put_fact("refund_approval", {"EUR": 1000}, market.hub.now())
    return market


def asked(market):
    """A refund above the limit."""
    payment = market.sandbox("POST", "/payments", {"amount": 4900, "currency": "EUR"})["id"]
    market.pay(payment)
    market.heard("payment.succeeded")
    return market.act("refund", {"payment": payment}, "refund")["request"]


def state(market):
    return market.rows(refund_requests)[0].state


def enter(market, role="editor"):
    found = Visitor(create_app(market.hub))
    assert found.log_in(f"{role}@example.com").status_code == 303
    return found


def test_a_refund_that_waits_is_approved_and_goes_back(market):
    request = asked(market)
    assert state(market) == "asked"
    editor = enter(market)
    assert "€49.00" in editor.page("/refunds")
    assert enter(market, "viewer").post(f"/refunds/{request}", do="approve").status_code == 403
    assert editor.post(f"/refunds/{request}", do="approve", why="came back").status_code == 303
    market.run_due()
    market.heard("refund.issued")
    again = editor.post(f"/refunds/{request}", do="refuse", follow=True).text
    assert "does not wait any more" in again
    assert "decided by editor@example.com" in again


def test_who_asked_for_a_refund_cannot_approve_it_as_well(market):
    market.hub.store.create_user("second@example.com", "Second", "editor", HASH, market.hub.now())
    payment = market.sandbox("POST", "/payments", {"amount": 4900, "currency": "EUR"})["id"]
    market.pay(payment)
    market.heard("payment.succeeded")
    editor = enter(market)
    said = editor.post(f"/payments/sandbox/{payment}", do="refund", key="one", follow=True).text
    assert "waits until somebody else approves it" in said
    request = market.rows(refund_requests)[0].id
    assert "asked by editor@example.com" in editor.page("/refunds")
    own = editor.post(f"/refunds/{request}", do="approve", follow=True).text
    assert "Whoever asked for a refund above the limit cannot approve it." in unescape(own)
    assert state(market) == "asked"
    enter(market, "second").post(f"/refunds/{request}", do="approve")
    market.run_due()
    assert state(market) == "issued"


def test_a_refund_that_is_refused_moves_nothing(market):
    request = asked(market)
    assert enter(market).post(f"/refunds/{request}", do="refuse", why="too late").status_code == 303
    market.run_due()
    assert (state(market), market.told("refund")) == ("refused", ["refund.requested", "refund.refused"])


def test_a_refund_in_doubt_is_decided_by_a_person(market):
    request = asked(market)
    update = sa.update(refund_requests).values(state="uncertain", error={"message": "Lost."})
    market.hub.office("doubt").change(lambda book: book.connection.execute(update).rowcount)
    editor = enter(market)
    assert "The answer was lost" in editor.page("/refunds")
    editor.post(f"/refunds/{request}", do="happened", reference="ref_9")
    market.run_due()
    assert (state(market), market.rows(refund_requests)[0].refund) == ("issued", "ref_9")


# gateways beside the ledger


@pytest.fixture
def differing(market):
    """A payment that the sandbox took without a word to the hub; gives its comparison."""
    market.silence()
    payment = market.sandbox("POST", "/payments", {"amount": 10000, "currency": "EUR"})["id"]
    data = {"payment": payment, "amount": {"minor": 10000, "currency": "EUR"}}
    market.hub.recorder.record(
        Happening("payment.created", "sandbox", "begun", data, market.hub.now()), market.hub.now()
    )
    market.sandbox("POST", f"/test/payments/{payment}/choose", {"choice": "pay"})
    market.hub.office("compare").change(lambda book: book.connection.execute(sa.update(payments).values(look_at=None)))
    market.forward(days=2)
    return market.rows(ledger_checks)[0]


def test_without_differences_the_page_says_so(admin):
    assert "No differences" in admin.page("/reconciliation")


def test_a_difference_is_shown_with_both_amounts_and_a_proposal(differing, market):
    page = unescape(enter(market, "viewer").page("/reconciliation"))
    for shown in ("the ledger says €0.00, the gateway €100.00", "Take the gateway's word over", "1 compared, 1 open"):
        assert shown in page, shown
    assert 'value="settle"' not in page
    assert enter(market, "viewer").post(f"/reconciliation/{differing.id}", do="ask").status_code == 403


def test_the_gateways_word_is_taken_over_and_the_difference_is_gone(differing, market):
    editor = enter(market)
    assert "It tells <code>payment.succeeded</code>." in editor.page("/reconciliation")
    assert "It still differs." in editor.post(f"/reconciliation/{differing.id}", do="ask", follow=True).text
    assert market.books() == {}
    assert "Settled." in editor.post(f"/reconciliation/{differing.id}", do="take", follow=True).text
    assert market.books()["gateway:sandbox"] == 10000
    assert "The gateway&#39;s word was taken over." in editor.page("/reconciliation")
    again = editor.post(f"/reconciliation/{differing.id}", do="settle", why="late", follow=True).text
    assert "is not open any more" in again


def test_a_difference_is_put_away_with_a_reason_only(differing, market):
    editor = enter(market)
    address = f"/reconciliation/{differing.id}"
    assert "Write the reason in a few words" in editor.post(address, do="settle", why=" ", follow=True).text
    assert "Settled." in editor.post(address, do="settle", why="a test of theirs", follow=True).text
    assert "a test of theirs" in editor.page("/reconciliation")


def test_a_dispute_that_the_hub_never_heard_of_is_shown_with_how_it_stands(market):
    payment = market.sandbox("POST", "/payments", {"amount": 5000, "currency": "JPY"})["id"]
    market.pay(payment)
    market.heard("payment.succeeded")
    market.silence()
    market.sandbox("POST", f"/test/payments/{payment}/dispute", {})
    market.hub.office("compare").change(lambda book: book.connection.execute(sa.update(payments).values(look_at=None)))
    market.forward(days=2)
    (row,) = [one for one in market.rows(ledger_checks) if one.kind == "dispute"]
    page = unescape(enter(market, "viewer").page("/reconciliation"))
    for shown in (
        row.subject,
        "Here <strong>nothing</strong>, at the gateway <strong>open</strong>",
        "-¥5,000",
        "Dispute · sandbox",
    ):
        assert shown in page, shown
    editor = enter(market)
    assert "It still differs." in editor.post(f"/reconciliation/{row.id}", do="ask", follow=True).text
    market.speak()
    market.heard("dispute.opened")
    assert "Settled." in editor.post(f"/reconciliation/{row.id}", do="ask", follow=True).text


def test_a_payment_that_no_webhook_reported_is_taken_over_from_the_page(market):
    market.hub.compare_days()
    market.silence()
    payment = market.sandbox("POST", "/payments", {"amount": 12345, "currency": "KWD"})["id"]
    market.sandbox("POST", f"/test/payments/{payment}/choose", {"choice": "pay"})
    market.forward(days=2)
    (row,) = market.rows(ledger_checks)
    editor = enter(market)
    page = unescape(editor.page("/reconciliation"))
    for shown in (
        "Here <strong>nothing</strong>, at the gateway <strong>paid</strong>",
        "KWD12.345",
        payment,
        'value="take"',
    ):
        assert shown in page.replace("\N{NO-BREAK SPACE}", ""), shown
    assert f"/payments/sandbox/{payment}" not in page, "there is no such page yet"
    assert "It still differs." in editor.post(f"/reconciliation/{row.id}", do="ask", follow=True).text
    assert "Settled." in editor.post(f"/reconciliation/{row.id}", do="take", follow=True).text
    assert market.told("payment") == ["payment.succeeded"]
    assert payment in editor.page(f"/payments/sandbox/{payment}")


def test_a_list_of_payments_that_could_not_be_read_is_read_again_from_the_page(market):
    about = {"connection": "sandbox", "kind": "payment", "subject": "", "day": "2026-11-26", "state": "differs"}
    row = complete(ledger_checks, {"id": "chk_list", "found": [], "why": "Forbidden.", **about})
    market.hub.office("test").change(lambda book: book.insert(ledger_checks, row))
    editor = enter(market)
    assert "The whole list" in editor.page("/reconciliation")
    assert "Settled." in editor.post("/reconciliation/chk_list", do="ask", follow=True).text


def test_a_dispute_is_taken_over_by_editors_once_and_stands_in_the_audit_trail(market):
    payment = market.sandbox("POST", "/payments", {"amount": 5000, "currency": "JPY"})["id"]
    market.pay(payment)
    market.heard("payment.succeeded")
    market.silence()
    market.sandbox("POST", f"/test/payments/{payment}/dispute", {})
    market.hub.office("compare").change(lambda book: book.connection.execute(sa.update(payments).values(look_at=None)))
    market.forward(days=2)
    (row,) = [one for one in market.rows(ledger_checks) if one.kind == "dispute"]
    address = f"/reconciliation/{row.id}"
    viewer, editor = enter(market, "viewer"), enter(market)
    assert 'value="take"' not in viewer.page("/reconciliation")
    assert viewer.post(address, do="take").status_code == 403
    assert market.told("dispute") == []
    page = unescape(editor.page("/reconciliation"))
    assert 'value="take"' in page
    assert "It tells <code>dispute.opened</code>." in page
    assert "Settled." in editor.post(address, do="take", follow=True).text
    assert market.account("disputed", "JPY") == 5000
    assert "is not open any more" in editor.post(address, do="take", follow=True).text
    assert market.told("dispute") == ["dispute.opened"]
    trail = [one for one in market.hub.store.audit_trail() if one["target"] == row.id]
    assert [one["action"] for one in trail] == ["reconciliation.take"]


def test_what_no_report_would_settle_has_no_button_to_take_it_over(market):
    payment = market.sandbox("POST", "/payments", {"amount": 5000, "currency": "JPY"})["id"]
    market.pay(payment)
    market.heard("payment.succeeded")
    market.silence()
    market.sandbox("POST", "/refunds", {"payment": payment, "amount": 1000, "currency": "JPY"})
    market.forward(days=2)
    (row,) = market.rows(ledger_checks)
    editor = enter(market)
    page = editor.page("/reconciliation")
    assert 'value="take"' not in page
    assert "Compare again" in page
    refused = unescape(editor.post(f"/reconciliation/{row.id}", do="take", follow=True).text)
    assert "No report of the gateway's would settle the payment" in refused
    assert market.told("refund") == []


@pytest.mark.parametrize(("currency", "amount"), [("USD", 10_000), ("JPY", 5_000), ("KWD", 40_005)])
def test_another_fee_is_taken_over_as_the_page_showed_it_and_booked(market, currency, amount):
    payment = market.sandbox("POST", "/payments", {"amount": amount, "currency": currency})["id"]
    market.pay(payment)
    market.heard("payment.succeeded")
    fee, act, said = market.account("expense:gateway_fees", currency), market.hub.payments.act, {}
    said["fee"] = {"minor": fee + 31, "currency": currency}

    def dearer(name, action, key, given, **more):
        answer = act(name, action, key, given, **more)
        return {**answer, **said} if action == "payment.get" else answer

    market.hub.payments.act = dearer
    market.forward(days=2)
    (row,) = market.rows(ledger_checks)
    address, editor = f"/reconciliation/{row.id}", enter(market)
    assert "It tells <code>payment.settled</code>." in editor.page("/reconciliation")
    assert "It still differs." in editor.post(address, do="ask", follow=True).text
    said["fee"] = {"minor": fee + 32, "currency": currency}
    assert "differs in another way by now" in editor.post(address, do="take", follow=True).text
    assert market.account("expense:gateway_fees", currency) == fee
    assert "It still differs." in editor.post(address, do="ask", follow=True).text
    assert "Settled." in editor.post(address, do="take", follow=True).text
    assert market.account("expense:gateway_fees", currency) == fee + 32
    assert market.account("gateway:sandbox", currency) == amount - fee - 32
    assert market.books(currency)["revenue:sales"] == -amount
    (told,) = market.events("payment.settled")
    assert (told["payment"], told["fee"]) == (payment, said["fee"])
    assert "is not open any more" in editor.post(address, do="take", follow=True).text
    said["fee"] = {"minor": fee, "currency": currency}
    market.forward(days=2)
    row = next(one for one in market.rows(ledger_checks) if one.state == "differs")
    assert "Settled." in enter(market).post(f"/reconciliation/{row.id}", do="take", follow=True).text
    assert market.account("expense:gateway_fees", currency) == fee


def test_what_agrees_by_now_is_settled_and_nothing_told_when_it_is_taken_over(differing, market):
    market.speak()
    market.heard("payment.succeeded")
    editor = enter(market)
    assert "Settled." in editor.post(f"/reconciliation/{differing.id}", do="take", follow=True).text
    assert "It agrees now." in editor.page("/reconciliation")
    assert market.duplicates("payment.succeeded") == 0
