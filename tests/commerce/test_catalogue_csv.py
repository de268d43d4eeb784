"""The catalogue as a table: what each line says, every bad line reported, what a file leaves out left alone."""

from __future__ import annotations

import pytest

from hub.commerce.catalogue import read_catalogue, with_items
from hub.commerce.catalogue_csv import MOST_LINES, read_table

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


def test_a_bad_line_keeps_no_other_out():
    table = read_table("sku,title,EUR\nTEA,Tea,1\nCUP,Cup,many\nPOT,Pot,3\n", {})
    assert [one.sku for one in table.items] == ["TEA", "POT"]
    assert [one.line for one in table.wrong] == [3]


def test_a_file_of_too_many_lines_says_so():
    lines = "".join(f"S{number},T,1\n" for number in range(MOST_LINES + 1))
    assert "at most 5000 lines" in wrong("sku,title,EUR\n" + lines)[0][1]


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
