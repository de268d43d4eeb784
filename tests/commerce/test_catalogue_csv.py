"""The catalogue as a table: what each line says, every bad line reported, what a file leaves out left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.commerce.catalogue import read_catalogue, with_items
from hub.commerce.catalogue_csv import MOST_LINES, read_table
from hub.web.csv_files import cell

HEADER = "sku,title,EUR,JPY,stock,vendor\n"


def items(text, known=None):
    table = read_table(text, known or {})
    assert table.wrong == ()
    return table.items


def wrong(text):
    return [(one.line, one.message) for one in read_table(text, {}).wrong]


def test_each_line_is_an_item_with_exact_prices():
    tea, cup = items(HEADER + "TEA,Green tea,12.50,1900,,\nCUP,Cup,8,,3,prv_1\n")
    assert (tea.sku, tea.title, tea.prices, tea.stock) == ("TEA", "Green tea", {"EUR": 1250, "JPY": 1900}, None)
    assert (cup.prices, cup.stock, cup.vendor) == ({"EUR": 800}, 3, "prv_1")


@pytest.mark.parametrize("text", ["\ufeffsku;title;EUR\nTEA;Tea;1\n", "sku\ttitle\tprice EUR\nTEA\tTea\t1\n"])
def test_semicolons_tabs_and_a_byte_order_mark_are_read(text):
    assert items(text)[0].prices == {"EUR": 100}


def test_columns_that_are_left_out_keep_what_the_item_has():
    (known,) = items(HEADER + "TEA,Green tea,12.50,1900,7,\n")
    (changed,) = items("sku,EUR\nTEA,13.00\n", {"TEA": known})
    assert (changed.title, changed.prices, changed.stock) == ("Green tea", {"EUR": 1300, "JPY": 1900}, 7)
    (cheaper,) = items("sku,JPY\nTEA,\n", {"TEA": known})
    assert cheaper.prices == {"EUR": 1250}, "an empty price is taken away"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title,EUR\nTea,1\n", "sku among them"),
        ("sku,colour\nTEA,red\n", "no column 'colour'"),
        ("sku,EUR,eur\nTEA,1,1\n", "there twice"),
        ("sku,title,EUR\nTEA,Tea\n", "has 2 cells, the first line 3"),
        ("sku,title,EUR\nTEA,Tea,1\nTEA,Tea,2\n", "at line 2 already"),
        ("sku,title,EUR\nTEA,Tea,1e9\n", "1e9"),
        ("sku,title,EUR\nTEA,Tea,-1\n", "below zero"),
        ("sku,title,JPY\nTEA,Tea,10.5\n", "JPY"),
        ('sku,title,EUR\nTEA,"Tea,1\n', "not CSV"),
        ("", "sku among them"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(text, said):
    found = wrong(text)
    assert any(said in message for _, message in found), found


def test_what_is_wrong_names_the_field_and_the_line_where_it_begins():
    table = read_table('sku,title,EUR,description\nTEA,"Tea\n",1,"two\nlines"\nCUP,,8,\n', {})
    assert [(one.line, one.field) for one in table.wrong] == [(5, "title")]
    assert wrong('sku,title,EUR\nTEA,Tea,1\nCUP,"Cup"s,2\n') == [(3, "This is not CSV: ',' expected after '\"'.")]
    lines = "sku,title,EUR\nTEA,Tea,1\nTEA,Tea,2\nTEA,Tea,3\n"
    assert [message for _, message in wrong(lines)] == ["The SKU TEA is at line 2 already."] * 2
    known = "sku, title, kind, barcode, tax_rate, vendor, stock, description, image"
    message = f"There is no column 'colour'; there are {known}, and currencies such as EUR."
    assert wrong("SKU,colour\n") == [(1, message)]
    assert len(wrong("title,colour\n")) == 1, "what is missing may be what is misspelt"


def test_names_of_columns_skus_and_prices_are_read_however_they_are_spaced_and_written():
    (known,) = items("Sku,TITLE,price_eur,Barcode,PRICE: jpy\n TEA ,Tea, 12.50 ,4006381333931, \n")
    assert (known.sku, known.barcode, known.prices) == ("TEA", "4006381333931", {"EUR": 1250})
    (again,) = items("sku,EUR\n TEA , \n", {"TEA": replace(known, prices={"EUR": 1, "JPY": 2})})
    assert (again.title, again.prices) == ("Tea", {"JPY": 2})


def test_an_item_that_is_sold_out_stays_so():
    (known,) = items(HEADER + "TEA,Green tea,12.50,1900,0,\n")
    (changed,) = items("sku,EUR\nTEA,13.00\n", {"TEA": known})
    assert changed.stock == 0
    assert read_table("sku,EUR\nTEA,13.00\n", {"TEA": known}).counts is False
    assert read_table("sku,EUR,stock\nTEA,13.00,4\n", {"TEA": known}).counts is True


@pytest.mark.parametrize(
    "text", ["- 100 % cotton", "=1+1", "@home", "'=1", "''-x", "'twas", "it's =", "x - y", "-5", "'5"]
)
def test_what_a_table_of_the_hub_keeps_from_being_run_is_read_as_it_was(text):
    (item,) = items(f'sku,title,EUR,description\nTEA,"{cell(text)}",1,"{cell(text)}"\n')
    assert (item.title, item.description) == (text, text)


def test_a_bad_line_keeps_no_other_out():
    table = read_table("sku,title,EUR\nTEA,Tea,1\nCUP,Cup,many\nPOT,Pot,3\n", {})
    assert [one.sku for one in table.items] == ["TEA", "POT"]
    assert [one.line for one in table.wrong] == [3]


def test_a_file_of_too_many_lines_says_so():
    lines = "".join(f"S{number},T,1\n" for number in range(MOST_LINES + 1))
    assert "at most 5000 lines" in wrong("sku,title,EUR\n" + lines)[0][1]
    table = read_table("sku,title,EUR\n" + lines + "MORE,T,1\n", {})
    assert (len(table.items), [one.line for one in table.wrong]) == (MOST_LINES, [MOST_LINES + 2]), "it is said once"


def test_what_a_table_says_goes_into_the_file_and_its_comments_stay():
    text = (
        "# our tea\ncatalogue: 1\nitems:\n  - sku: TEA  # green\n    title: Tea\n    kind: product\n"
        "    prices: {EUR: 1}\n  - sku: POT\n    title: Pot\n    kind: product\n    prices: {EUR: 9}\n"
    )
    known = {one.sku: one for one in read_catalogue(text).items}
    table = read_table("sku,title,EUR\nCUP,Cup,8\nPOT,Tea pot,9.5\n", known)
    after = with_items(text, [(one.sku, one) for one in table.items])
    assert after.startswith("# our tea\ncatalogue: 1\nitems:\n  - sku: TEA  # green\n    title: Tea\n")
    read = read_catalogue(after)
    assert read.wrong == ()
    assert [(one.sku, one.title, one.prices["EUR"]) for one in read.items] == [
        ("TEA", "Tea", 100),
        ("POT", "Tea pot", 950),
        ("CUP", "Cup", 800),
    ]
