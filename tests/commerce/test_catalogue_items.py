"""The catalogue's rows: in line with its files, counted by the hub, found by SKU and barcode, held for a while."""

from datetime import timedelta

import pytest

from hub.commerce import catalogue_items as catalogue
from hub.commerce.catalogue import Item
from hub.errors import ConfigError, ConflictError, NotFoundError
from hub.journal.tables_commerce import catalogue_items

TEXT = """\
catalogue: 1
items:
  # the bright one
  - {sku: LAMP, title: Desk lamp, barcode: 4006381333931, prices: {EUR: 60.01, USD: 65}, stock: 5, tax_rate: 19, vendor: prv_7}
  - {sku: COURSE, title: Course, kind: course, prices: {EUR: 39.99}}
"""


def keep(shop, text, name="shop"):
    shop.office().change(lambda book: catalogue.store_catalogue(book, name, text))


def rows(shop):
    with shop.hub.database.read() as connection:
        return {row.id: row for row in catalogue.search(connection)}


@pytest.fixture
def filled(shop):
    keep(shop, TEXT)
    return shop


def test_items_are_what_the_file_says(filled):
    assert [(one.id, one.prices, one.stock) for one in rows(filled).values()] == [
        ("LAMP", {"EUR": 6001, "USD": 6500}, 5),
        ("COURSE", {"EUR": 3999}, None),
    ]
    keep(
        filled,
        TEXT.replace("Desk lamp", "Lamp").replace(
            "  - {sku: COURSE, title: Course, kind: course, prices: {EUR: 39.99}}\n", ""
        ),
    )
    assert {one.id: one.title for one in rows(filled).values()} == {"LAMP": "Lamp"}
    keep(filled, None)
    assert rows(filled) == {}


def test_a_file_applied_again_changes_no_row_and_no_count(filled):
    before = rows(filled)["LAMP"]
    filled.do("orders", "create", {"lines": [{"item": "LAMP", "quantity": 2}], "currency": "EUR"})
    keep(filled, TEXT)
    keep(filled, TEXT.replace("stock: 5", "stock: 99"))
    assert rows(filled)["LAMP"].stock == 3
    assert rows(filled)["COURSE"].version == before.version
    keep(filled, TEXT.replace("stock: 5, ", ""))
    assert rows(filled)["LAMP"].stock is None
    keep(filled, TEXT)
    assert rows(filled)["LAMP"].stock == 5


def test_a_wrong_file_changes_nothing(filled):
    with pytest.raises(ConfigError, match=r"catalogue/shop\.yaml: Line 5: The price in EUR"):
        keep(filled, TEXT.replace("39.99", "39.999"))
    assert len(rows(filled)) == 2


@pytest.mark.parametrize(
    "item", ["{sku: LAMP, title: T, prices: {EUR: 1}}", "{sku: L2, title: T, barcode: 4006381333931, prices: {EUR: 1}}"]
)
def test_two_files_cannot_have_the_same_code(filled, item):
    with pytest.raises(ConfigError, match=r"LAMP, or its barcode, is in catalogue/shop\.yaml already"):
        keep(filled, f"catalogue: 1\nitems:\n  - {item}\n", "other")


def test_a_barcode_moves_from_one_item_to_another(filled):
    moved = TEXT.replace("barcode: 4006381333931, ", "").replace("sku: COURSE,", "sku: COURSE, barcode: 4006381333931,")
    keep(filled, moved)
    assert {one.id: one.barcode for one in rows(filled).values()} == {"LAMP": None, "COURSE": "4006381333931"}


def test_a_page_changes_the_items_lines_in_its_file_only(filled):
    office = filled.office()
    filled.hub.store.save_file(
        "catalogue", "shop", TEXT.replace("- {sku: COURSE", "- {sku: COURSE"), "test", filled.moment
    )
    lamp = Item("LAMP-2", "Lamp", {"EUR": 100}, stock=5)
    office.change(lambda book: catalogue.save_item(book, lamp, "ada@example.com", "LAMP"))
    text = filled.hub.store.file("catalogue", "shop")
    assert "# the bright one" in text
    assert "kind: course, prices: {EUR: 39.99}}" in text
    assert {one.id: one.title for one in rows(filled).values()} == {"LAMP-2": "Lamp", "COURSE": "Course"}


def test_new_items_go_into_a_file_of_their_own_and_out_again(filled):
    office = filled.office()
    new = Item("NEW", "New", {"EUR": 100})
    office.change(lambda book: catalogue.save_item(book, new, "ada@example.com"))
    assert filled.hub.store.file("catalogue", "catalogue").endswith("prices:\n      EUR: 1.00\n")
    with pytest.raises(ConflictError, match="has an item NEW already"):
        office.change(lambda book: catalogue.save_item(book, new, "ada@example.com"))
    office.change(lambda book: catalogue.remove_item(book, "NEW", "ada@example.com"))
    assert filled.hub.store.file("catalogue", "catalogue") == "catalogue: 1\nitems: []\n"
    with pytest.raises(NotFoundError):
        office.change(lambda book: catalogue.remove_item(book, "NEW", "ada@example.com"))


def test_a_renamed_item_keeps_what_is_held_of_it(filled):
    filled.hub.store.save_file("catalogue", "shop", TEXT, "test", filled.moment)
    placed = filled.do("orders", "create", {"lines": [{"item": "LAMP", "quantity": 2}], "currency": "EUR"})
    lamp = Item("LAMP-2", "Lamp", {"EUR": 100}, stock=3)
    filled.office().change(lambda book: catalogue.save_item(book, lamp, "ada@example.com", "LAMP"))
    filled.do("orders", "cancel", {"order": placed["order"]}, "step-2")
    assert rows(filled)["LAMP-2"].stock == 5


def test_the_count_is_set_after_counting(filled):
    filled.office().change(lambda book: catalogue.set_stock(book, "LAMP", 40))
    filled.office().change(lambda book: catalogue.set_stock(book, "COURSE", 40))
    assert {one.id: one.stock for one in rows(filled).values()} == {"LAMP": 40, "COURSE": None}


def test_an_item_is_looked_up_by_sku_and_barcode(filled):
    lamp = filled.do("catalogue", "get", {"item": "4006381333931"})
    assert lamp == filled.do("catalogue", "get", {"item": "lamp"})
    assert lamp == {
        "item": "LAMP",
        "title": "Desk lamp",
        "kind": "product",
        "prices": [{"minor": 6001, "currency": "EUR"}, {"minor": 6500, "currency": "USD"}],
        "tax_rate": "19",
        "barcode": "4006381333931",
        "vendor": "prv_7",
        "stock": 5,
    }
    assert filled.refused_to("catalogue", "get", {"item": "SHADE"}).code == "not_found"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, ["LAMP", "COURSE"]),
        ({"text": "LAMP desk"}, ["LAMP"]),
        ({"text": "63813"}, ["LAMP"]),
        ({"text": "%"}, []),
        ({"kind": "course"}, ["COURSE"]),
        ({"vendor": "prv_7"}, ["LAMP"]),
        ({"limit": 1}, ["LAMP"]),
    ],
)
def test_items_are_found(filled, given, found):
    assert [one["item"] for one in filled.do("catalogue", "find", given)["items"]] == found


def test_stock_is_held_for_a_while_once(filled):
    for _ in range(2):
        held = filled.do("catalogue", "reserve", {"lines": [{"item": "LAMP", "quantity": 2}, {"item": "COURSE"}]})
    assert held["lines"] == [{"item": "COURSE", "quantity": 1}, {"item": "LAMP", "quantity": 2}]
    assert rows(filled)["LAMP"].stock == 3
    assert (
        filled.refused_to("catalogue", "reserve", {"lines": [{"item": "COURSE"}, {"item": "LAMP", "quantity": 4}]}).code
        == "out_of_stock"
    )
    filled.moment += timedelta(hours=1)
    filled.run_due()
    assert rows(filled)["LAMP"].stock == 5


def test_files_carry_the_catalogue_with_its_faults_said(filled, tmp_path):
    files, folder = filled.hub.files, tmp_path / "files"
    (folder / "catalogue").mkdir(parents=True)
    (folder / "catalogue" / "more.yaml").write_text(
        "catalogue: 1\nitems:\n  - {sku: TEA, title: Tea, prices: {EUR: 3.5}}\n"
    )
    files.apply(files.plan(folder), "test")
    assert rows(filled)["TEA"].prices == {"EUR": 350}
    (folder / "catalogue" / "more.yaml").write_text(
        "catalogue: 1\nitems:\n  - {sku: TEA, title: Tea, prices: {EUR: 3.555}}\n"
    )
    plan = files.plan(folder)
    assert plan.is_refused
    assert [(one.file, one.line) for one in plan.findings] == [("catalogue/more.yaml", 3)]
    (folder / "catalogue" / "more.yaml").unlink()
    files.apply(files.plan(folder), "test")
    with filled.hub.database.read() as connection:
        left = connection.execute(catalogue_items.select().where(catalogue_items.c.id == "TEA")).first()
    assert left is None
