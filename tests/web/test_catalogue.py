"""The pages of the catalogue: items by hand and from tables, pictures, labels; everything wrong said at its place."""

from __future__ import annotations

import io
from html import unescape

import pypdfium2
import pytest
import sqlalchemy as sa
import zxingcpp
from PIL import Image

from hub.commerce.catalogue_items import import_table
from hub.journal.tables_commerce import catalogue_items
from hub.journal.tables_work import providers
from hub.web.pages import catalogue
from tests.payments.market import complete

GOOD = {
    "title": "Green tea",
    "sku": "TEA-01",
    "prices": "EUR 12.50\nJPY 1900",
    "kind": "product",
    "tax_rate": "7",
    "stock": "5",
    "stock_was": "",
}


def rows(hub):
    with hub.database.read() as connection:
        return connection.execute(sa.select(catalogue_items).order_by(catalogue_items.c.position)).all()


def picture():
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 20, 20)).save(out, "PNG")
    return io.BytesIO(out.getvalue()), "tea.png"


def table(text):
    return {"table": (io.BytesIO(text.encode()), "catalogue.csv")}


def test_an_item_is_made_changed_and_deleted(hub, admin):
    assert "Nothing in the catalogue yet" in admin.page("/catalogue")
    made = admin.post("/catalogue/new", **GOOD)
    assert made.headers["Location"] == "/catalogue/item/TEA-01"
    (row,) = rows(hub)
    assert (row.prices, row.stock, row.tax_rate) == ({"EUR": 1250, "JPY": 1900}, 5, "7")
    assert "sku: TEA-01" in hub.store.file("catalogue", "catalogue"), "an export has it"
    page = admin.page("/catalogue?text=green")
    for shown in ("Green tea", "€12.50", "¥1,900", "5 left"):
        assert shown in page
    admin.post("/catalogue/item/TEA-01", **{**GOOD, "sku": "TEA-02", "stock_was": "5"})
    assert [one.id for one in rows(hub)] == ["TEA-02"]
    assert admin.post("/catalogue/item/TEA-02/delete").status_code == 303
    assert rows(hub) == []
    assert admin.get("/catalogue/item/TEA-02").status_code == 404


def test_what_was_sold_since_the_page_was_made_stays_sold_unless_somebody_counted(hub, admin):
    admin.post("/catalogue/new", **GOOD)
    hub.office("sale").change(lambda book: book.connection.execute(sa.update(catalogue_items).values(stock=3)))
    admin.post("/catalogue/item/TEA-01", **{**GOOD, "title": "Tea", "stock_was": "5"})
    assert (rows(hub)[0].title, rows(hub)[0].stock) == ("Tea", 3)
    admin.post("/catalogue/item/TEA-01", **{**GOOD, "stock": "8", "stock_was": "5"})
    assert rows(hub)[0].stock == 8


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("title", "", "1 to 200"),
        ("title", "x" * 10_000, "1 to 200"),
        ("sku", "no spaces", "SKU is 1 to 60"),
        ("prices", "EUR 1.005", "EUR"),
        ("prices", "12.50", "a line for each currency"),
        ("prices", "EUR 1\nEUR 2", "once"),
        ("prices", "EUR 1e9", "exponent"),
        ("tax_rate", "much", "ax"),
        ("stock", "-1", "tock"),
        ("stock", "१२", "tock"),
        ("kind", "thing", "none of"),
        ("vendor", "<script>", "vendor"),
    ],
)
def test_what_is_wrong_is_said_at_the_field_and_nothing_is_lost(hub, admin, field, typed, said):
    answer = admin.post("/catalogue/new", **{**GOOD, field: typed})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert said in answer.text
    assert "EUR 12.50" in answer.text or field == "prices"
    assert rows(hub) == []


def test_the_vendor_is_chosen_by_name_and_their_page_says_the_id_for_tables(hub, admin):
    vendor = "prv_lamps"
    row = {"id": vendor, "name": "Lamps & Co", "email": "lamps@example.com", "state": "approved"}
    hub.office("vendors").change(lambda book: book.insert(providers, complete(providers, row)))
    assert f'<option value="{vendor}" >Lamps &amp; Co (lamps@example.com)</option>' in admin.page("/catalogue/new")
    assert f"<code>{vendor}</code>" in admin.page(f"/providers/{vendor}")
    assert admin.post("/catalogue/new", **{**GOOD, "vendor": vendor}).status_code == 303
    assert f'<option value="{vendor}" selected>' in admin.page(f"/catalogue/item/{GOOD['sku']}")
    assert "Lamps &amp; Co" in admin.page("/catalogue")
    other = {**GOOD, "vendor": "prv_of_a_file"}
    assert admin.post(f"/catalogue/item/{GOOD['sku']}", **other).status_code == 422
    table = f"sku,title,vendor\n{GOOD['sku']},Lamp,prv_of_a_file\n"
    hub.office("file").change(lambda book: import_table(book, table, "test"))
    assert '<option value="prv_of_a_file" selected>' in admin.page(f"/catalogue/item/{GOOD['sku']}")
    assert admin.post(f"/catalogue/item/{GOOD['sku']}", **other).status_code == 303


def test_a_sku_that_is_taken_is_said(hub, admin):
    admin.post("/catalogue/new", **GOOD)
    again = admin.post("/catalogue/new", **{**GOOD, "title": "Other"})
    assert again.status_code == 422
    assert "already" in again.text
    assert rows(hub)[0].title == "Green tea"


def test_a_picture_is_written_anew_shown_and_taken_away(hub, admin, visitor):
    admin.post("/catalogue/new", **GOOD, upload=picture())
    identity = rows(hub)[0].image
    answer = visitor.get(f"/picture/{identity}.webp")
    assert answer.content_type == "image/webp"
    assert Image.open(io.BytesIO(answer.data)).size == (40, 30)
    assert visitor.get("/picture/img_none.webp").status_code == 404
    wrong = admin.post("/catalogue/item/TEA-01", **GOOD, image=identity, upload=(io.BytesIO(b"<svg/>"), "x.svg"))
    assert wrong.status_code == 422
    assert "no picture" in wrong.text
    admin.post("/catalogue/item/TEA-01", **GOOD, image=identity, without_picture="1")
    assert rows(hub)[0].image is None


def test_a_table_is_read_in_and_its_bad_lines_are_reported(hub, admin):
    admin.post("/catalogue/new", **GOOD)
    text = "sku,title,EUR,stock\nTEA-01,Tea,13.00,9\nCUP,Cup,many,\nPOT,Pot,30,\n"
    answer = admin.post("/catalogue/import", **table(text))
    assert answer.status_code == 422
    assert "2 items taken from the table; 1 line left out" in answer.text
    assert "Line 3" in answer.text
    assert [(one.id, one.prices["EUR"], one.stock) for one in rows(hub)] == [("TEA-01", 1300, 9), ("POT", 3000, None)]
    assert admin.post("/catalogue/import", **table("sku,title,EUR\nCUP,Cup,8\n")).status_code == 200


def test_what_is_exported_is_read_in_again_unchanged(hub, admin):
    admin.post("/catalogue/new", **GOOD)
    before = hub.store.file("catalogue", "catalogue")
    exported = admin.get("/catalogue.csv").data.decode("utf-8-sig")
    assert "TEA-01,Green tea,product" in exported
    assert admin.post("/catalogue/import", **table(exported)).status_code == 200
    assert hub.store.file("catalogue", "catalogue") == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Choose a CSV file of at most"),
        (b"\xff\xfe\x00", "This is no text."),
        ("sku,title,EUR\nTEA,Tea,1\n".encode("utf-16-le"), "This is no text."),
        (b"hello", "There is no column 'hello'"),
        (b"x" * 1_001, "This file is too large"),
        (b"title;EUR\nTea;1\n", "sku among them"),
        (b'sku,title,EUR\nTEA,"Tea,1\n', "not CSV"),
    ],
)
def test_a_file_that_is_no_table_changes_nothing_and_is_said(hub, admin, monkeypatch, content, said):
    monkeypatch.setattr(catalogue, "_LARGEST_TABLE", 1_000)
    answer = admin.post("/catalogue/import", table=(io.BytesIO(content), "x.csv"))
    assert answer.status_code == 422
    assert said in unescape(answer.text)
    assert rows(hub) == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_table_is_read_as_spreadsheets_write_it(hub, admin, encoding):
    content = 'sku;title;EUR;description\r\nTEA;Thé;1;"two\r\nlines"\r\n'.encode(encoding)
    assert admin.post("/catalogue/import", table=(io.BytesIO(content), "x.csv")).status_code == 200
    assert [(one.id, one.title) for one in rows(hub)] == [("TEA", "Thé")]


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [("copies", "many", "whole number"), ("copies", "99999", "whole number"), ("skip", "-1", "whole number"),
     ("currency", "XXQ", "not a currency"), ("item", "NOTHING", "Tick the items first")],
)  # fmt: skip
def test_what_is_wrong_with_labels_is_said_and_the_ticks_stay(admin, field, typed, said):
    admin.post("/catalogue/new", **GOOD)
    answer = admin.post("/catalogue/labels", **{"item": "TEA-01", "copies": "3", "skip": "2", field: typed})
    assert answer.status_code == 422
    assert said in unescape(answer.text)
    assert ('value="TEA-01" checked' in answer.text) is (field != "item")


def test_labels_can_be_scanned(admin):
    admin.post("/catalogue/new", **GOOD)
    answer = admin.post("/catalogue/labels", item="TEA-01", copies="3", skip="2", currency="JPY")
    assert answer.content_type == "application/pdf"
    page = pypdfium2.PdfDocument(answer.data)[0]
    assert [one.text for one in zxingcpp.read_barcodes(page.render(scale=4).to_pil())] == ["TEA-01"] * 3
    assert "¥1,900" in page.get_textpage().get_text_bounded()
    assert admin.post("/catalogue/labels", copies="1").status_code == 422


def test_viewers_look_and_editors_change(people):
    people["editor"].post("/catalogue/new", **GOOD)
    assert "Green tea" in people["viewer"].page("/catalogue")
    for address in ("/catalogue/new", "/catalogue/item/TEA-01", "/catalogue/item/TEA-01/delete", "/catalogue/import"):
        assert people["viewer"].post(address, **GOOD).status_code == 403
