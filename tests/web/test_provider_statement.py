"""A provider's own statement, month by month: page, table and paper, in their language, and nobody else's figures."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pypdfium2
import pytest

from hub.commerce.job_reading import provider_address
from hub.journal.tables_ledger import ledger_entries
from hub.money import Money
from hub.payments import ledger
from hub.payments.statements import statements
from hub.phrases import LANGUAGES, phrases
from tests.web.test_work_pages import pages_of, provider, text_of, transport


def book(shop, who, minor, currency, kind, reference, moment):
    """``minor`` onto (+) or off (−) what a provider is owed, at a moment."""
    money = Money(minor, currency)
    postings = [ledger.Posting(ledger.provider(who), -money), ledger.Posting("gateway:corner", money)]

    def work(book):
        name = f"{kind}:{reference}:{currency}"
        ledger.post_all(book, [ledger.Transaction(name, postings, "evt", f"payment:corner/{reference}", kind)])
        same = ledger_entries.c.transaction == name
        book.connection.execute(ledger_entries.update().where(same).values(created_at=moment))

    shop.office(f"{kind}{reference}{currency}").change(work)


@pytest.fixture
def grace(shop):
    """Earned in December and January, in three currencies; paid out in January. Now it is the end of January 2027."""
    who = provider(shop)
    december, january = datetime(2026, 12, 30, 12, tzinfo=UTC), datetime(2027, 1, 15, 12, tzinfo=UTC)
    book(shop, who, 500, "JPY", "split", "pay_1", december)
    book(shop, who, 1_000, "JPY", "split", "pay_2", january)
    book(shop, who, -250, "JPY", "taken", "pay_2", january)
    book(shop, who, -1_250, "JPY", "payout", "pyt_1", january)
    book(shop, who, 1_234_567, "KWD", "split", "pay_3", january)
    return who


def statement(shop, who, ending="", **query):
    answer = shop.visit(f"{pages_of(shop, who)}/statement{ending}", query_string=query)
    assert answer.status_code == 200
    return answer


def table(shop, who, **query):
    return list(csv.reader(io.StringIO(statement(shop, who, ".csv", **query).data.decode("utf-8-sig"))))


def test_the_month_is_summed_up_and_every_movement_stands_below(shop, grace):
    said = text_of(statement(shop, grace).text)
    for shown in (
        "January 2027",
        "Due to you before ¥500 Earned ¥1,000 Taken back for refunds -¥250 Paid out to you -¥1,250 Due to you at the end ¥0",
        "Due to you before KWD0.000 Earned KWD1,234.567 Due to you at the end KWD1,234.567",
        "Share of a payment Jan 15, 2027 · pay_2 ¥1,000",
        "Taken back for a refund Jan 15, 2027 · pay_2 -¥250",
    ):
        assert shown in said.replace("\N{NO-BREAK SPACE}", " "), shown


def test_each_month_has_its_page_and_leads_to_the_others(shop, grace):
    page = statement(shop, grace).text
    assert "month=2026-12" in page
    before = text_of(statement(shop, grace, month="2026-12").text)
    assert "December 2026" in before
    assert "Due to you at the end ¥500" in before
    assert "KWD" not in before
    for nonsense in ("2027-02", "2026-13", "soon", "2026-12-01", ""):
        assert "January 2027" in text_of(statement(shop, grace, month=nonsense).text)


def test_the_months_add_up(shop, grace):
    december = table(shop, grace, month="2026-12")[1:]
    january = [row for row in table(shop, grace)[1:] if row[3] == "JPY"]
    assert december[-1][5] == "500"
    assert int(december[-1][5]) + sum(int(row[4]) for row in january) == int(january[-1][5]) == 0


def test_the_table_has_exact_amounts_and_words_of_the_reader(shop, grace):
    header, *rows = table(shop, grace, lang="de")
    assert header == ["Tag", "Was", "Zeichen", "Währung", "Betrag", "Stand"]
    assert rows[0] == ["2027-01-15", "Anteil an einer Zahlung", "pay_2", "JPY", "1000", "1500"]
    assert rows[-1] == ["2027-01-15", "Anteil an einer Zahlung", "pay_3", "KWD", "1234.567", "1234.567"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Statement", "January 1, 2027 – January 31, 2027", "Due to you at the end", "KWD1,234.567")),
        ("de", ("Abrechnung", "1. Januar 2027 – 31. Januar 2027", "Am Ende Ihnen zustehend", "1.234,567 KWD")),
        ("es", ("Extracto", "1 de enero de 2027", "Se le debe al final")),
        ("fr", ("Relevé", "1 janvier 2027", "Dû à la fin")),
        ("hi", ("2027", "1,234.567")),
    ],
)
def test_the_paper_speaks_the_readers_language(shop, grace, language, words):
    answer = statement(shop, grace, ".pdf", lang=language)
    assert answer.content_type == "application/pdf"
    assert 'filename="statement-2027-01.pdf"' in answer.headers["Content-Disposition"]
    text = pypdfium2.PdfDocument(answer.data)[0].get_textpage().get_text_bounded().replace("\N{NO-BREAK SPACE}", " ")
    for shown in words:
        assert shown in text, shown
    assert (text.count("KWD"), text.count("567")) == (5, 3), "every amount is legible, whatever script stands beside it"
    page = text_of(statement(shop, grace, lang=language).text)
    assert phrases()["provider.closing"][language] in page


def test_an_empty_statement_says_so_in_every_language(shop):
    who = provider(shop)
    for language in LANGUAGES:
        assert phrases()["provider.statement_nothing"][language] in statement(shop, who, lang=language).text
    assert statement(shop, who, ".pdf").data.startswith(b"%PDF")
    assert len(table(shop, who)) == 1


@pytest.mark.parametrize("ending", ["", ".csv", ".pdf"])
def test_another_provider_sees_nothing_of_it(shop, grace, ending):
    other = provider(shop, "Bob Bell")
    own, others = statement(shop, grace, ending).data, statement(shop, other, ending).data
    if ending == ".pdf":
        own, others = (
            pypdfium2.PdfDocument(one)[0].get_textpage().get_text_bounded().encode() for one in (own, others)
        )
    for secret in (b"pay_2", b"1,000" if ending != ".csv" else b"1000"):
        assert secret in own
        assert secret not in others
    asked = shop.visit(
        f"{pages_of(shop, other)}/statement{ending}", query_string={"provider": grace, "month": "2027-01"}
    )
    assert b"pay_2" not in asked.data


def test_only_the_address_of_a_providers_pages_opens_it(shop, grace):
    job = transport(shop)
    token = pages_of(shop, grace).rpartition("/")[2]
    for wrong in ("x", token[:-2], provider_address(shop.office(), job["job"], grace).rpartition("/")[2]):
        for ending in ("", ".csv", ".pdf"):
            assert shop.visit(f"/p/{wrong}/statement{ending}").status_code == 404


def test_the_page_shows_the_newest_of_very_many_lines_and_the_table_all(shop):
    who = provider(shop)
    for number in range(203):
        book(shop, who, 100, "KWD", "split", f"pay_{number:03}", datetime(2027, 1, 2, 3, number % 60, tzinfo=UTC))
    page = statement(shop, who).text
    assert page.count("Share of a payment") == 200
    assert "The newest 200 of 203 lines" in page
    assert len(table(shop, who)) == 204


def test_its_own_pages_lead_to_it(shop, grace):
    assert "/statement" in shop.visit(pages_of(shop, grace)).text


def test_the_sums_are_those_of_the_ledger(shop, grace):
    begin, end = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)
    with shop.hub.database.read() as connection:
        for one in statements(connection, grace, begin, end):
            assert one.opening + one.earned + one.taken_back + one.paid_out == one.closing
            assert one.closing.minor == -ledger.balance(connection, ledger.provider(grace), one.currency)
