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
