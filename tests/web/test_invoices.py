"""The admin's pages of invoices: made by hand once, found, exported, issued, mailed, made void."""

import csv
import io

import pytest

from hub.journal.entries import Happening

GOOD = {
    "lines": "2 Crate = 59.50\n1 Delivery = 4.90",
    "currency": "eur",
    "tax_rate": "19",
    "name": "Ada",
    "email": "ada@example.com",
    "due_in_days": "14",
    "language": "en",
    "series": "R-",
    "description": "Thank you",
    "key": "k1",
}


def made(admin, **more):
    answer = admin.post("/invoices/new", **{**GOOD, **more})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_an_invoice_is_made_once_and_its_page_says_where_to_pay(admin):
    assert "No invoices yet" in admin.page("/invoices")
    address = made(admin)
    assert made(admin) == address
    page = admin.page(address)
    for shown in (
        "Invoice R-0001",
        "Crate",
        "€123.90",
        "Tax 19 %",
        "€19.78",
        "Thank you",
        "/i/",
        "QR code of",
        "invoice.issued",
    ):
        assert shown in page, shown
    assert admin.get(f"{address}/invoice.pdf").content_type == "application/pdf"


def test_invoices_are_found_and_exported(admin):
    address = made(admin)
    for asked, shown in (
        ("text=ada", True), ("text=r-0001", True), ("text=bob", False), ("state=open", True), ("state=overdue", False)
    ):  # fmt: skip
        assert (address in admin.page(f"/invoices?{asked}")) is shown, asked
    (row,) = csv.DictReader(io.StringIO(admin.get("/invoices.csv").data.decode("utf-8-sig")))
    assert (row["number"], row["total"], row["customer"]) == ("R-0001", "123.90", "ada@example.com")


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("lines", "", "Write a line for each thing"),
        ("lines", "1 Tea = 1.005", "Line 1:"),
        ("due_in_days", "soon", "Write a whole number of days, 0 to 365."),
        ("due_in_days", "१२", "Write a whole number of days, 0 to 365."),
        ("tax_rate", "101", "A tax rate of 101 per cent cannot be."),
        ("series", "-", "series"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(admin, field, typed, words):
    answer = admin.post("/invoices/new", **{**GOOD, field: typed})
    assert answer.status_code == 422
    assert words in answer.text
    assert "ada@example.com" in answer.text
    assert "No invoices yet" in admin.page("/invoices")


def test_a_draft_is_issued_mailed_and_made_void(hub, admin):
    address = made(admin, draft="1")
    assert "Draft of an invoice" in admin.page(address)
    assert admin.post(f"{address}/issue", key="k2").status_code == 303
    for key in ("k3", "k3", "k4"):
        assert admin.post(f"{address}/send", key=key, to="grace@example.com").status_code == 303
    assert [mail["recipient"] for mail in hub.store.mails()] == ["grace@example.com"] * 2, "k3 is one act"
    assert admin.post(f"{address}/void", key="k5", reason="Wrong").status_code == 303
    page = admin.page(address)
    assert "Wrong" in page
    assert "Mail it" not in page
    assert admin.post(f"{address}/send", key="k6", to="grace@example.com").status_code == 422


def test_what_is_owed_is_said_by_currency_without_drafts_and_void_ones(hub, admin):
    first = made(admin)
    void = admin.post("/invoices/new", **{**GOOD, "key": "second"}).headers["Location"]
    admin.post("/invoices/new", **{**GOOD, "key": "third", "draft": "1"})
    assert "2 invoices" in admin.page("/invoices")
    admin.post(f"{void}/void", reason="a mistake", key="void")
    data = {"payment": "pay_1", "invoice": first.rpartition("/")[2], "amount": {"minor": 10_000, "currency": "EUR"}}
    hub.recorder.record(Happening("payment.succeeded", "shop", "pay_1", data, hub.now()), hub.now())
    page = admin.page("/invoices")
    assert "1 invoice<" in page
    assert "€123.90" in page
    assert "€100.00 paid" in page
