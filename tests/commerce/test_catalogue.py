"""The catalogue as files: exact prices, everything wrong at its line, edits that leave the rest as it was."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce.catalogue import (
    Item,
    empty_catalogue,
    item_yaml,
    read_catalogue,
    read_item,
    with_item,
    without_item,
)

TEXT = """\
# What we sell.
catalogue: 1
items:
  # the bright one
  - sku: LAMP-01
    title: Desk lamp   # since 2019
    barcode: 4006381333931
    prices: {EUR: 60.01, JPY: 9000, KWD: 12.345}
    tax_rate: 19
    vendor: prv_7
    stock: 12

  - sku: COURSE
    title: "Courses: light"
    kind: course
    prices:
      EUR: 39.99
    description: |
      Two days.

      With lunch.
  # the end
"""
LAMP = Item(
    "LAMP-01", "Desk lamp", {"EUR": 6001, "JPY": 9000, "KWD": 12345}, "product", "4006381333931", "19", "prv_7", 12
)
COURSE = Item("COURSE", "Courses: light", {"EUR": 3999}, "course", description="Two days.\n\nWith lunch.")


def wrong(items, head="catalogue: 1\nitems:\n"):
    return [str(one) for one in read_catalogue(head + items).wrong]


def test_a_file_is_read_with_exact_numbers():
    found = read_catalogue(TEXT)
    assert found.wrong == ()
    assert found.items == (LAMP, COURSE)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ("  - {sku: A, title: T, prices: {EUR: 1.005}}", "Line 3: The price in EUR: EUR has 2 decimals; '1.005' has 3. Write it like 10.00."),
        ("  - {sku: A, title: T, prices: {JPY: 10.5}}", "Line 3: The price in JPY: JPY has no decimals; '10.5' has 1. Write it like 10."),
        ("  - {sku: A, title: T, prices: {EUR: 1e9}}", "Line 3: The price in EUR: '1e9' is not an amount. Write the number out, without an exponent."),
        ("  - {sku: A, title: T, prices: {EUR: -1}}", "Line 3: The price in EUR: An amount below zero is not possible here: '-1'. Leave the minus out."),
        ("  - {sku: A, title: T, prices: {euro: 1}}", "Line 3: The price in euro: 'euro' is not a currency. Give the three capital letters of ISO 4217, such as USD."),
        ("  - {sku: A, title: T}", "Line 3: An item needs a price, such as prices: {EUR: 10.50}."),
        ("  - {sku: A B, title: T, prices: {EUR: 1}}", "Line 3: A SKU is 1 to 60 letters, digits, dots, hyphens and underscores, such as LAMP-01."),
        ("  - {title: T, prices: {EUR: 1}}", "Line 3: A SKU is 1 to 60 letters, digits, dots, hyphens and underscores, such as LAMP-01."),
        ("  - {sku: A, prices: {EUR: 1}}", "Line 3: A title has 1 to 200 characters."),
        ("  - sku: A\n    title: T\n    prices: {EUR: 1}\n    stock: many", "Line 6: A stock is a whole number from 0; leave it out for without end."),
        ("  - sku: A\n    title: T\n    prices: {EUR: 1}\n    stock: -1", "Line 6: A stock is a whole number from 0; leave it out for without end."),
        ("  - sku: A\n    title: T\n    prices: {EUR: 1}\n    tax_rate: 101", "Line 6: A tax rate is per cent from 0 to 100, such as 19 or 5.5."),
        ("  - sku: A\n    title: T\n    prices: {EUR: 1}\n    kind: rent", "Line 6: 'rent' is none of product, course, service or package."),
        ("  - sku: A\n    title: T\n    prices: {EUR: 1}\n    image: ../x", "Line 6: An image is the id of an uploaded picture, such as img_…; upload it on the item's page."),
        ("  - sku: A\n    title: T\n    prices: {EUR: 1}\n    colour: red", "Line 6: There is no 'colour' here; there are barcode, description, image, kind, prices, sku, stock, tax_rate, title, vendor."),
        ("  - sku: A\n    title: T\n    title: U\n    prices: {EUR: 1}", "Line 5: 'title' stands here twice."),
        ("  - sku: A\n    title: [T]\n    prices: {EUR: 1}", "Line 4: title must be a text."),
        ("  - A", "Line 3: This must be keys with values."),
        ("  - {sku: A, title: T, prices: {EUR: 1}}\n  - {sku: A, title: T, prices: {EUR: 1}}", "Line 4: The SKU A is at line 3 already."),
        ("  - {sku: A, title: T, barcode: 1, prices: {EUR: 1}}\n  - {sku: B, title: T, barcode: 1, prices: {EUR: 1}}", "Line 4: The barcode 1 is at line 3 already."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_line(items, said):
    assert said in wrong(items)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("items: []", "Line 1: A catalogue file begins with catalogue: 1."),
        ("catalogue: 2\nitems: []", "Line 1: A catalogue file begins with catalogue: 1."),
        ("catalogue: 1", "Line 1: There are no items."),
        ("catalogue: 1\nitems: {}", "Line 2: items must be a list: a hyphen before each item."),
        ("catalogue: 1\nitems: [\n", "Line 3: This is not YAML: did not find expected node content."),
        ("", "Line 1: This must be keys with values."),
        ("- 1", "Line 1: This must be keys with values."),
        (
            "catalogue: 1\nitems: []\n# " + "x" * 1024 * 1024,
            "Line 1: A catalogue file has at most 1 MiB; divide it into several.",
        ),
    ],
)
def test_a_file_that_is_none_says_why(text, said):
    assert said in [str(one) for one in read_catalogue(text).wrong]


def test_an_edit_leaves_every_other_line_as_it_was():
    edited = with_item(TEXT, Item("LAMP-02", "Lamp", {"EUR": 100}), "LAMP-01")
    assert edited == TEXT.replace(
        TEXT[TEXT.index("sku: LAMP-01") : TEXT.index("\n\n  - sku: COURSE")],
        "sku: LAMP-02\n    title: Lamp\n    kind: product\n    prices:\n      EUR: 1.00",
    )


def test_an_edit_after_a_text_of_several_lines_stands_right():
    edited = with_item(TEXT, Item("COURSE", "Light", {"EUR": 100}, "course"))
    assert edited.endswith(
        "  - sku: COURSE\n    title: Light\n    kind: course\n    prices:\n      EUR: 1.00\n  # the end\n"
    )
    assert edited.startswith(TEXT[: TEXT.index("  - sku: COURSE")])


def test_a_new_item_comes_last():
    added = with_item(TEXT, Item("NEW", "New", {"EUR": 1}))
    assert [one.sku for one in read_catalogue(added).items] == ["LAMP-01", "COURSE", "NEW"]
    assert added.startswith(TEXT[: TEXT.index("  # the end")].rstrip())
    assert "# the end" in added


def test_an_item_is_taken_out_with_its_lines_only():
    assert without_item(TEXT, "LAMP-01") == TEXT.replace(
        TEXT[TEXT.index("  - sku: LAMP") : TEXT.index("\n  - sku: COURSE")], ""
    )
    assert without_item(TEXT, "COURSE") == TEXT[: TEXT.index("  - sku: COURSE")] + "  # the end\n"
    assert without_item(TEXT, "GONE") == TEXT


@pytest.mark.parametrize(
    "text", ["catalogue: 1\nitems: []\n", "items: [{sku: A, title: T, prices: {EUR: 1}}]\ncatalogue: 1\n"]
)
def test_lists_in_brackets_are_edited_too(text):
    before = list(read_catalogue(text).items)
    new = Item("B", "B", {"EUR": 1})
    added = with_item(text, new)
    assert list(read_catalogue(added).items) == [*before, new]
    assert list(read_catalogue(without_item(added, "B")).items) == before
    assert read_catalogue(added).wrong == ()


texts = (
    st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1, max_size=40)
    .map(str.strip)
    .filter(bool)
)
items = st.builds(
    Item,
    sku=st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,10}[A-Za-z0-9])?", fullmatch=True),
    title=texts,
    prices=st.dictionaries(st.sampled_from(["EUR", "JPY", "KWD"]), st.integers(0, 10**12), min_size=1),
    kind=st.sampled_from(["product", "course", "service", "package"]),
    tax_rate=st.sampled_from(["0", "7", "19.5", "100"]),
    stock=st.none() | st.integers(0, 10**6),
    description=st.just("") | texts | st.lists(texts, min_size=2, max_size=3).map("\n".join),
)


@given(st.lists(items, max_size=5, unique_by=lambda one: one.sku), st.data())
def test_whatever_is_written_is_read_back(wanted, data):
    text = empty_catalogue()
    for item in wanted:
        text = with_item(text, item)
    assert read_catalogue(text).wrong == ()
    assert list(read_catalogue(text).items) == wanted
    if wanted:
        place = data.draw(st.integers(0, len(wanted) - 1))
        changed = data.draw(items.filter(lambda one: all(one.sku != other.sku for other in wanted)))
        edited = with_item(text, changed, wanted[place].sku)
        assert list(read_catalogue(edited).items) == [*wanted[:place], changed, *wanted[place + 1 :]]
        assert list(read_catalogue(without_item(text, wanted[place].sku)).items) == wanted[:place] + wanted[place + 1 :]


def test_an_item_may_have_its_sku_for_a_barcode_and_no_other_may():
    item = Item("4006381333931", "Tea", {"EUR": 100}, barcode="4006381333931")
    read = read_catalogue(with_item(empty_catalogue(), item))
    assert (read.items, read.wrong) == ((item,), ())
    other = with_item(with_item(empty_catalogue(), item), replace(item, sku="TEA"))
    assert [one.message for one in read_catalogue(other).wrong] == ["The barcode 4006381333931 is at line 3 already."]


def test_an_item_is_written_with_what_it_says_only():
    assert (
        item_yaml(Item("A", "true", {"EUR": 1050})) == "sku: A\ntitle: 'true'\nkind: product\nprices:\n  EUR: 10.50\n"
    )


def test_a_form_names_the_fields_that_are_wrong():
    _, found = read_item(
        {"sku": "", "title": "x" * 201, "stock": "१२", "tax_rate": "x", "vendor": "a b"}, {"EUR": "abc"}
    )
    assert {one.field for one in found} == {"sku", "title", "stock", "tax_rate", "vendor", "prices"}
