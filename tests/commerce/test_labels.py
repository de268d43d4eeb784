"""Label sheets: every label can be scanned, three columns of eight, and used sheets can be used up."""

from datetime import UTC, datetime

import pypdfium2
import pytest
import zxingcpp

from hub.commerce.labels import Label, label_sheets

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
POINTS = 72 / 25.4
"""Points in a millimetre."""


def scanned(content):
    """The codes of each page, from the top left."""
    found = []
    for page in pypdfium2.PdfDocument(content):
        codes = zxingcpp.read_barcodes(page.render(scale=4).to_pil())
        found.append(
            [
                one.text
                for one in sorted(codes, key=lambda one: (one.position.top_left.y // 40, one.position.top_left.x))
            ]
        )
    return found


def test_each_label_can_be_scanned_in_its_place():
    labels = [Label(f"SKU-{number:03}", f"Tea no. {number}", "€12.50") for number in range(30)]
    sheets = scanned(label_sheets(labels, NOON))
    assert [len(one) for one in sheets] == [24, 6]
    assert sheets[0][:4] == ["SKU-000", "SKU-001", "SKU-002", "SKU-003"]
    assert sheets[1][-1] == "SKU-029"


@pytest.mark.parametrize(("skip", "counts"), [(0, [2]), (22, [2]), (23, [1, 1])])
def test_labels_that_are_used_up_are_left_out(skip, counts):
    labels = [Label("A", "A"), Label("B", "B")]
    assert [len(one) for one in scanned(label_sheets(labels, NOON, skip=skip))] == counts


def test_long_and_strange_titles_break_nothing():
    labels = [Label("4006381333931", "ख" * 300, "¥1,900"), Label("X" * 60, "متجر الشاي " * 20)]
    assert scanned(label_sheets(labels, NOON)) == [["4006381333931", "X" * 60]]


def places(content, page=0, scale=4):
    """Where each code stands on its page, in millimetres from the left and the top, by its text."""
    drawn = pypdfium2.PdfDocument(content)[page].render(scale=scale).to_pil()
    dot = 25.4 / 72 / scale
    return {
        one.text: (one.position.top_left.x * dot, one.position.top_left.y * dot)
        for one in zxingcpp.read_barcodes(drawn)
    }


def words(content, page=0):
    return pypdfium2.PdfDocument(content)[page].get_textpage()


def test_each_code_stands_on_its_own_sticker_of_70_by_37_millimetres():
    found = places(label_sheets([Label(f"SKU-{number:02}", "Tea", "€1") for number in range(24)], NOON))
    for number in range(24):
        left, top = found[f"SKU-{number:02}"]
        column, row = number % 3, number // 3
        assert column * 70 + 4 <= left <= column * 70 + 10, number
        assert row * 37.125 + 5 <= top <= row * 37.125 + 11, number


def test_a_sheet_that_is_begun_goes_on_at_its_next_sticker():
    first, second = (places(label_sheets([Label("A", "A"), Label("B", "B")], NOON, skip=23), page) for page in (0, 1))
    assert (first["A"][0] > 144, first["A"][1] > 260) == (True, True), "the last one of the first sheet"
    assert (second["B"][0] < 10, second["B"][1] < 11) == (True, True), "the first one of a fresh sheet"


def test_what_people_read_stands_beside_the_code_and_on_its_own_sticker():
    labels = [Label(f"4006381333{number:03}", f"Green tea {number}", f"€1{number}.50") for number in range(3)]
    page = words(label_sheets(labels, NOON))
    for number in range(3):
        room = {"left": (number * 70 + 31) * POINTS, "right": (number + 1) * 70 * POINTS, "top": 297 * POINTS}
        said = page.get_text_bounded(**room, bottom=(297 - 37.125) * POINTS)
        for shown in (f"Green tea {number}", f"€1{number}.50", f"4006381333{number:03}"):
            assert shown in said, said


def test_a_title_is_cut_where_it_would_run_into_the_price():
    fits, long = (words(label_sheets([Label("A", "x" * number)], NOON)).get_text_bounded() for number in (54, 55))
    assert "".join(fits.split()) == "x" * 54 + "A"
    assert "".join(long.split()) == "x" * 53 + "…A"


@pytest.mark.parametrize(
    ("title", "price", "code"),
    [
        ("W" * 54, "IDR 123,456,789,012.00", "W" * 60),
        ("漢" * 54, "¥1,900", "4006381333931"),
        ("Green tea", "€12.50", "TEA-01"),
        ("Tea " * 13, "", "x_" * 29 + "x"),
    ],
)
def test_title_price_and_the_whole_code_stand_below_each_other(title, price, code):
    page = words(label_sheets([Label(code, title, price)], NOON))
    said = []
    for top, bottom in ((4, 21.7), (21.8, 28.2), (28.4, 37.1)):
        room = {"left": 31 * POINTS, "right": 70 * POINTS}
        said.append(page.get_text_bounded(**room, top=(297 - top) * POINTS, bottom=(297 - bottom) * POINTS))
    assert ["".join(one.split()) for one in said] == ["".join(one.split()) for one in (title, price, code)]
