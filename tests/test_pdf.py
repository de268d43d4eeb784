"""Paper: every script comes out readable, codes can be scanned, and the same paper has the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime

import pypdfium2
import pytest
import zxingcpp

from hub.pdf import Paper

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def pages(content):
    return list(pypdfium2.PdfDocument(content))


def text_of(content):
    return "\n".join(page.get_textpage().get_text_bounded() for page in pages(content))


def paper(*lines):
    made = Paper("Test", NOON)
    made.add_page()
    for line in lines:
        made.write_line(line)
    return made


def ink(made):
    """How wide what is drawn is, in pixels."""
    image = pages(made.finished())[0].render(scale=4).to_pil().convert("L").point(lambda value: 255 * (value < 128))
    left, _, right, _ = image.getbbox()
    return right - left


@pytest.mark.parametrize(
    "text",
    [
        "Straße & Söhne €1.234,50", "Ελλάδα", "Привет", "Łódź", "नमस्ते", "王小明", "繁體龍", "東京カメラ", "김민수", "🎉 🚚",
        "Ada 王小明 김민수 🎉",
    ],
)  # fmt: skip
def test_each_script_can_be_read_back(text):
    assert text in text_of(paper(text).finished())


def test_no_two_letters_are_the_same_box():
    drawn = [pages(paper(letter).finished())[0].render(scale=2).to_pil().tobytes() for letter in "नम王明日カ김수🎉🚚"]
    assert len(set(drawn)) == len(drawn)


def test_letters_of_right_to_left_scripts_are_joined_and_ordered():
    joined, apart = (ink(paper(text)) for text in ("متجر", "م\u200cت\u200cج\u200cر"))
    assert 0 < joined < apart, "joined letters take less room"


@pytest.mark.parametrize("text", ["日本語", "🎉", "x" * 10_000, "\u202eevil", "a\tb", ""])
def test_nothing_that_people_write_breaks_it(text):
    assert paper(text, "after").finished().startswith(b"%PDF")


def test_the_same_paper_has_the_same_bytes():
    assert paper("One").finished() == paper("One").finished()


def test_rows_keep_their_cells_side_by_side_and_break_pages():
    made = Paper("Rows", NOON)
    made.add_page()
    for number in range(120):
        made.write_row([(f"Row {number} " + "long " * 12, 60, "L"), ("12.50", 30, "R")], rule=True)
    content = made.finished()
    assert len(pages(content)) > 2
    assert "Row 119" in text_of(content)


def test_a_table_of_many_pages_has_its_head_on_each_and_pages_say_which_they_are():
    made = Paper("Rows", NOON)
    made.add_page()
    made.begin_table([("What", 60, "L"), ("Amount", 30, "R")])
    for number in range(120):
        made.write_row([(f"Row {number}", 60, "L"), ("12.50", 30, "R")], rule=True)
    made.end_table()
    texts = [page.get_textpage().get_text_bounded() for page in pages(made.finished())]
    assert len(texts) > 1
    for number, text in enumerate(texts, 1):
        assert text.count("What") == text.count("Amount") == 1
        assert f"{number} / {len(texts)}" in text
    for number in range(120):
        assert sum(f"Row {number} " in text.replace("\r\n", " ") for text in texts) == 1


def test_a_single_page_and_sheets_of_labels_have_no_numbers():
    assert "/" not in text_of(paper("Alone").finished())
    made = Paper("Labels", NOON, numbered=False)
    for _ in range(2):
        made.add_page()
    assert text_of(made.finished()).strip() == ""


def test_a_code_can_be_scanned_from_the_page():
    made = paper("Pay here")
    made.draw_code("https://hub.example.com/i/abc", 20, 40, 40)
    image = pages(made.finished())[0].render(scale=4).to_pil()
    assert zxingcpp.read_barcodes(image)[0].text == "https://hub.example.com/i/abc"


def test_a_name_written_from_the_right_leaves_the_lines_below_it_as_they_are():
    made = Paper("Rows", NOON)
    made.add_page()
    made.write_row([("Donor", 40, "L"), ("\u05de\u05e8\u05d9\u05dd\n12 High Street\nLondon", 80, "L")])
    assert "12 High Street" in text_of(made.finished())


def test_a_long_amount_is_written_smaller_and_never_cut_in_two():
    made = Paper("Rows", NOON)
    made.add_page()
    made.write_row([("Total", 40, "R"), ("123.456.789.012,345 KWD", 30, "R")], bold=True)
    assert "123.456.789.012,345 KWD" in text_of(made.finished())
