"""The admin's pages of payments: found, summed up, exported; what happened; capture, void and refund, once each."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime

import pypdfium2
import pytest

from hub.journal.entries import Happening
from hub.journal.tables_commerce import orders
from hub.web.app import create_app
from hub.web.csv_files import cell
from tests.payments.market import complete

from .conftest import PAID, Visitor


@pytest.fixture
def told(hub):
    for event_type, more in (("payment.created", {}), ("payment.succeeded", {"captured": PAID["amount"]})):
        time = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
        hub.recorder.record(Happening(event_type, "stripe-main", event_type, {**PAID, **more}, time), hub.now())


def test_a_hub_without_payments_says_where_they_come_from(admin):
    assert "No payments yet" in admin.page("/payments")


@pytest.mark.parametrize("page", ["/payments", "/subscriptions"])
def test_only_connections_through_which_payments_come_are_offered_to_look_for(hub, admin, page):
    hub.accounts.create("our-crm", "sandbox_crm", {"api_base": "http://127.0.0.1/crm", "token": "sbc_1"}, "test")
    hub.accounts.create("shop", "sandbox", {"api_base": "http://127.0.0.1:9", "api_key": "key"}, "test")
    shown = admin.page(page)
    assert "<option >shop</option>" in shown
    assert "<option >our-crm</option>" not in shown


def test_an_order_of_the_hub_is_led_to_and_one_of_the_gateways_is_said(hub, admin):
    row = complete(orders, {"id": "ord_ours", "state": "open", "currency": "EUR", "total": 4900})
    hub.office("orders").change(lambda book: book.insert(orders, row))
    for payment, order in (("pay_1", "ord_ours"), ("pay_2", "W-1001")):
        paid = {**PAID, "payment": payment, "order": order}
        hub.recorder.record(Happening("payment.created", "stripe-main", payment, paid, hub.now()), hub.now())
    assert '<a href="/orders/ord_ours">ord_ours</a>' in admin.page("/payments/stripe-main/pay_1")
    page = admin.page("/payments/stripe-main/pay_2")
    assert "W-1001" in page
    assert "/orders/W-1001" not in page


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("", True),
        ("state=succeeded", True),
        ("state=failed", False),
        ("payment=pay_1", True),
        ("payment=ada@example.com", True),
        ("payment=bob@example.com", False),
        ("connection=stripe-main", True),
    ],
)
def test_the_list_is_filtered_and_summed_up(told, admin, asked, shown):
    page = admin.page(f"/payments?{asked}")
    assert ("/payments/stripe-main/pay_1" in page) is shown
    assert ("1 paid" in page) is shown


def test_news_that_does_not_fit_is_kept_and_shown(told, hub, admin):
    for page in ("/payments", "/payments/stripe-main/pay_1"):
        assert "fit" not in admin.page(page)
    back = {"payment": "pay_1", "refund": "ref_1", "amount": {"minor": 5000, "currency": "EUR"}}
    hub.recorder.record(Happening("refund.issued", "stripe-main", "back", back, hub.now()), hub.now())
    assert "does not fit" in admin.page("/payments")
    page = admin.page("/payments/stripe-main/pay_1")
    assert "does not fit together" in page
    assert "More went back than came in." in page
    assert "-€50.00" in page, "what was told stands below, with what it moved"


def test_what_the_gateway_credits_in_another_currency_is_said_with_it(told, hub, admin):
    assert "Credited" not in admin.page("/payments/stripe-main/pay_1")
    fee, settled = {"minor": 525, "currency": "JPY"}, {"minor": 16123, "currency": "KWD"}
    data = {"payment": "pay_1", "amount": PAID["amount"], "fee": fee, "settled": settled}
    hub.recorder.record(Happening("payment.settled", "stripe-main", "settled", data, hub.now()), hub.now())
    page = admin.page("/payments/stripe-main/pay_1")
    assert "KWD16.123, before the fee: the account at the gateway is in KWD" in page
    assert "payment.settled" in page
    (row,) = csv.DictReader(io.StringIO(admin.get("/payments.csv").data.decode("utf-8-sig")))
    assert [row[name] for name in ("fee", "fee_currency", "credited", "credited_currency")] == [
        "525",
        "JPY",
        "16.123",
        "KWD",
    ]


def test_what_the_gateway_took_and_kept_for_each_refund_is_said_with_it(told, hub, admin):
    def tell(what, refund, **said):
        data = {"payment": "pay_1", "refund": refund, "amount": {"minor": 1000, "currency": "EUR"}, **said}
        hub.recorder.record(Happening(f"refund.{what}", "stripe-main", f"{what}:{refund}", data, hub.now()), hub.now())

    def exported():
        (row,) = csv.DictReader(io.StringIO(admin.get("/payments.csv").data.decode("utf-8-sig")))
        return row["taken_for_refunds"], row["taken_currency"]

    tell("issued", "ref_1")
    assert exported() == ("", "")
    assert "Taken for a refund" not in admin.page("/payments/stripe-main/pay_1")
    settled = {"payment": "pay_1", "amount": PAID["amount"], "settled": {"minor": 16123, "currency": "KWD"}}
    hub.recorder.record(Happening("payment.settled", "stripe-main", "settled", settled, hub.now()), hub.now())
    tell("settled", "ref_1", settled={"minor": 3310, "currency": "KWD"}, fee={"minor": 12, "currency": "KWD"})
    tell("issued", "ref_2", settled={"minor": 3200, "currency": "KWD"}, fee={"minor": -45, "currency": "KWD"})
    tell("issued", "ref_3", settled={"minor": 9999, "currency": "KWD"}, fee={"minor": 77, "currency": "KWD"})
    tell("failed", "ref_3")
    page = admin.page("/payments/stripe-main/pay_1")
    assert "KWD3.310 for <code>ref_1</code>, €10.00" in page
    assert "KWD3.200 for <code>ref_2</code>, €10.00" in page
    for words, shown in (
        ("Fee of a refund", "KWD0.012 for <code>ref_1"),
        ("Fee given back", "KWD0.045 for <code>ref_2"),
    ):
        assert words in page
        assert shown in page
    assert "KWD9.999 for" not in page
    assert "Lost or gained by exchange rates" in page
    assert exported() == ("6.510", "KWD")
    tell("issued", "ref_4", settled={"minor": 900, "currency": "GBP"})
    assert exported() == ("", "")


def test_the_file_has_each_payment_exactly(told, hub, admin):
    yen = {"payment": "=1+1", "amount": {"minor": 500, "currency": "JPY"}}
    hub.recorder.record(Happening("payment.created", "stripe-main", "yen", yen, hub.now()), hub.now())
    answer = admin.get("/payments.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="payments.csv"'
    rows = {row["payment"]: row for row in csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))}
    assert (rows["pay_1"]["amount"], rows["pay_1"]["currency"], rows["pay_1"]["payer"]) == (
        "49.00",
        "EUR",
        "ada@example.com",
    )
    assert rows["'=1+1"]["amount"] == "500", "no spreadsheet runs it as a formula"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        (12, "12"),
        ("-1.50", "-1.50"),
        ("-cmd", "'-cmd"),
        ("@x", "'@x"),
        ("+49 30", "'+49 30"),
        ("a,b", "a,b"),
    ],
)
def test_no_cell_is_run_as_a_formula(value, written):
    assert cell(value) == written


def test_one_payment_says_how_it_stands_and_what_was_told(told, admin):
    page = admin.page("/payments/stripe-main/pay_1")
    assert "€49.00" in page
    assert "ada@example.com" in page
    assert page.index("payment.succeeded") < page.index("payment.created")
    assert '<span title="revenue:sales">Sales</span>' in page, "what moved in the ledger stands at its event"
    assert '<span title="gateway:stripe-main">Money at stripe-main</span>' in page
    assert admin.get("/payments/stripe-main/pay_none").status_code == 404


def test_a_payment_whose_connection_is_gone_offers_nothing(told, admin):
    assert "Refund it" not in admin.page("/payments/stripe-main/pay_1")
    assert admin.post("/payments/stripe-main/pay_1", do="refund", key="k", follow=True).status_code == 200


def test_what_a_person_sends_by_hand_is_no_payment(hub, admin):
    hub.runs.record("payment.succeeded", PAID, "admin@example.com")
    assert "No payments yet" in admin.page("/payments")


def enter(market, role="editor"):
    found = Visitor(create_app(market.hub))
    assert found.log_in(f"{role}@example.com").status_code == 303
    return found


def begun(market, **more):
    """A payment of EUR 49.00 that the payer made on the sandbox's page."""
    given = {"amount": PAID["amount"], "customer": PAID["customer"], **more}
    payment = market.hub.office("begin").call("sandbox", "payment.create", given, "pay")["payment"]
    market.pay(payment)
    return f"/payments/sandbox/{payment}"


def test_what_is_authorised_is_taken_in_part_once_however_often_the_button_is_pressed(market):
    address = begun(market, capture="manual")
    market.heard("payment.authorized")
    editor = enter(market)
    wrong = editor.post(address, do="capture", amount="30.005", key="k")
    assert wrong.status_code == 422
    assert 'value="30.005"' in wrong.text
    for _ in range(2):
        assert editor.post(address, do="capture", amount="30.00", key="k", follow=True).status_code == 200
    market.heard("payment.succeeded")
    page = editor.page(address)
    assert "€30.00" in page
    assert market.hub.store.audit_trail()[0]["action"] == "payment.capture"


def test_what_is_authorised_is_let_go(market):
    address = begun(market, capture="manual")
    market.heard("payment.authorized")
    editor = enter(market)
    assert "Let go" in editor.post(address, do="void", key="k", follow=True).text
    market.heard("payment.voided")
    assert "cannot be done" in editor.post(address, do="capture", key="k2", follow=True).text


def test_a_part_goes_back_and_the_rest_is_said(market):
    address = begun(market)
    market.heard("payment.succeeded")
    editor = enter(market)
    too_much = editor.post(address, do="refund", amount="50.00", key="k0")
    assert too_much.status_code == 422
    assert "Refunded." in editor.post(address, do="refund", amount="20.00", key="k", reason="late", follow=True).text
    market.heard("refund.issued")
    assert "€29.00" in editor.page(address)
    viewer = enter(market, "viewer")
    assert "Refund it" not in viewer.page(address)
    assert viewer.post(address, do="refund", key="k1").status_code == 403


def test_a_large_refund_waits_for_a_second_person(market):
    market.hub.store.put_fact("refund_approval", {"EUR": 1000}, market.hub.now())
    address = begun(market)
    market.heard("payment.succeeded")
    assert "waits until somebody else approves" in enter(market).post(address, do="refund", key="k", follow=True).text
    assert market.told("refund") == ["refund.requested"]


def test_a_receipt_is_made_once_and_read_by_admin_and_payer(told, admin, visitor):
    assert "Make a receipt" in admin.page("/payments/stripe-main/pay_1")
    fields = {"do": "receipt", "key": "k1", "kind": "donation", "language": "fr", "purpose": "Les animaux"}
    shown = admin.post("/payments/stripe-main/pay_1", follow=True, **fields).text
    assert "The receipt has the number 2026-00001." in shown
    assert "Make a receipt" not in shown
    paper = admin.get(re.search(r'href="(/receipts/[^"]+\.pdf)"', shown)[1])
    assert (paper.status_code, paper.content_type) == (200, "application/pdf")
    text = pypdfium2.PdfDocument(paper.data)[0].get_textpage().get_text_bounded()
    assert "Reçu de don 2026-00001" in text
    assert "Les animaux" in text
    address = re.search(r'href="([^"]+/receipt/[^"]+)"', shown)[1]
    assert visitor.get(address).data == paper.data


def test_what_is_wrong_with_a_receipt_is_said_and_what_was_typed_stays(told, admin):
    purpose = "x" * 501
    answer = admin.post("/payments/stripe-main/pay_1", do="receipt", key="k1", language="de", purpose=purpose)
    assert answer.status_code == 422
    assert purpose in answer.text
    assert re.search(r'<option value="de" selected', answer.text)


def test_a_payment_that_is_not_paid_gets_no_receipt(hub, admin):
    hub.recorder.record(Happening("payment.created", "stripe-main", "created", PAID), hub.now())
    assert "Make a receipt" not in admin.page("/payments/stripe-main/pay_1")
    shown = admin.post("/payments/stripe-main/pay_1", do="receipt", key="k1", follow=True).text
    assert "cannot be done with a payment that is created" in shown
