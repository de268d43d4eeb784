"""Label sheets: every label can be scanned, three columns of eight, and used sheets can be used up."""

from datetime import UTC, datetime

import pypdfium2
import pytest
import zxingcpp

from hub.commerce.labels import Label, label_sheets

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


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


@pytest.mark.parametrize("title", ["茶" * 60, "W" * 60, "Tea"])
@pytest.mark.parametrize(
    "code", ["SKU-" + "9" * 56, "A LONG SKU OF MANY WORDS THAT BREAK WHERE THEY LIKE TO BREAK", "A"]
)
def test_title_price_and_code_stand_one_below_the_other_and_the_code_is_whole(title, code):
    [page] = pypdfium2.PdfDocument(label_sheets([Label(code, title, "KWD1,234,567,890.123")], NOON))
    words = page.get_textpage()
    boxes = [words.get_rect(at) for at in range(words.count_rects())]
    said = [(words.get_text_bounded(*box).strip(), box) for box in boxes]
    [(_, (_, low, _, high))] = [one for one in said if one[0] == "KWD1,234,567,890.123"]
    above = [box for text, box in said if box[1] >= high]
    below = [(text, box) for text, box in said if box[3] <= low]
    assert len(above) + len(below) == len(said) - 1, "nothing stands across the price"
    assert "".join(text for text, _ in below).replace(" ", "") == code.replace(" ", "")
    assert all(box[1] > page.get_height() - 37.125 / 25.4 * 72 for box in boxes), "all of it is on the label"
