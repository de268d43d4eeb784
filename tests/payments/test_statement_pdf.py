"""A provider's statement on paper."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pypdfium2
import pytest

from hub.money import Money
from hub.payments.statement_pdf import Reader, statement_pdf
from hub.payments.statements import Movement, Statement
from hub.phrases import phrase

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
READER = Reader("en", "en", UTC)


def statement(currency, movements):
    paid = [Movement(NOON, "split", f"pay_{at}", Money(1, currency), Money(at, currency)) for at in range(movements)]
    return Statement(currency, Money(0, currency), paid)


@pytest.mark.parametrize("movements", range(12, 24))
def test_the_name_of_a_currency_stands_with_the_lines_below_it(movements):
    found = [statement("JPY", movements), statement("KWD", 1)]
    content = statement_pdf("Shop", "Ada", (date(2026, 11, 1), date(2026, 11, 30)), found, READER, NOON)
    texts = [page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(content)]
    [titled] = [text for text in texts if "\nKWD\r" in text or text.startswith("KWD\r")]
    assert "KWD0.001" in titled


def test_the_paper_has_every_figure_of_the_statement_in_its_place():
    late = datetime(2026, 11, 26, 23, tzinfo=UTC)
    moves = (("split", "pay_1", 100_000, 150_050), ("payout", "pyt_1", -150_000, 50), ("by_hand", "adj_1", 25, 75))
    lines = [Movement(late, kind, about, Money(moved, "EUR"), Money(left, "EUR")) for kind, about, moved, left in moves]
    found = [Statement("EUR", Money(50_050, "EUR"), lines)]
    reader = Reader("en", "de-DE", ZoneInfo("Asia/Tokyo"))
    content = statement_pdf("Shop Ltd", "Ada", (date(2026, 11, 1), date(2026, 11, 30)), found, reader, NOON)
    (page,) = pypdfium2.PdfDocument(content)
    text = page.get_textpage().get_text_bounded().replace("\N{NO-BREAK SPACE}", " ")
    assert text.split("\r\n") == [
        "Shop Ltd",
        "Statement",
        "Ada",
        "November 1, 2026 – November 30, 2026",
        "EUR",
        "Due to you before 500,50 €",
        *("Nov 27, 2026 Share of a payment", "pay_1", "1.000,00 € 1.500,50 €"),
        *("Nov 27, 2026 Paid out", "pyt_1", "-1.500,00 € 0,50 €"),
        *("Nov 27, 2026 Another booking", "adj_1", "0,25 € 0,75 €"),
        "Due to you at the end 0,75 €",
    ]


def test_a_statement_of_nothing_says_so_and_where_no_business_is_named_none_stands_on_it():
    content = statement_pdf("", "Ada", (date(2026, 11, 1), date(2026, 11, 30)), [], READER, NOON)
    (page,) = pypdfium2.PdfDocument(content)
    text = page.get_textpage().get_text_bounded().split("\r\n")
    assert text == [
        "Statement",
        "Ada",
        "November 1, 2026 – November 30, 2026",
        phrase("en", "provider.statement_nothing"),
    ]
