"""A provider's statement on paper."""

from datetime import UTC, date, datetime

import pypdfium2
import pytest

from hub.money import Money
from hub.payments.statement_pdf import Reader, statement_pdf
from hub.payments.statements import Movement, Statement

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
