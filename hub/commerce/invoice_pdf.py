"""An invoice on paper: who bills whom, lines, tax by rate, total, and codes that a phone reads to pay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from babel.dates import format_date

from hub.commerce.invoice_reading import PAYABLE, due_of
from hub.connect.api import PaperFile
from hub.money import Money
from hub.phrases import phrase

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

    from hub.jsontypes import JsonObject
    from hub.office import Office
    from hub.pdf import Align, Paper

_CODE: Final = 34.0
_BLOCK: Final = 58.0
_LEAST, _MOST = 1, 99_999_999_999
_HOLDER, _REMITTANCE = 70, 140


@dataclass(frozen=True, slots=True)
class Billed:
    """What paper says besides the invoice: the facts ``brand`` and ``bank``, and the address where it is paid."""

    brand: JsonObject
    bank: JsonObject
    url: str


def invoice_paper(office: Office, invoice: sa.Row[Any]) -> PaperFile:
    """The invoice as a file, under a name that says its number. An invoice that stays as it is gives the same bytes."""
    brand, bank = (cast("JsonObject", office.fact(name) or {}) for name in ("brand", "bank"))
    billed = Billed(brand, bank, office.address("i", invoice.id))
    number = "".join(one if one.isalnum() else "-" for one in invoice.number or "draft")
    return PaperFile(f"invoice-{number}.pdf", invoice_pdf(invoice, billed, office.now))


def invoice_pdf(invoice: sa.Row[Any], billed: Billed, now: datetime) -> bytes:
    """The invoice as PDF, in its own language. The same invoice at the same ``now`` gives the same bytes."""
    from hub.pdf import Paper  # noqa: PLC0415 (fonts and pictures are loaded where a paper is made)

    said = _Words(invoice.language)
    number = invoice.number or said("draft")
    paper = Paper(said("title", number=number), invoice.issued_at or now)
    paper.add_page()
    tax_id = billed.brand.get("tax_id")
    paper.write_business(billed.brand, said("tax_id", number=tax_id) if tax_id else "")
    _about(paper, said, invoice)
    paper.ln(5)
    _lines(paper, said, invoice)
    _sums(paper, said, invoice)
    if invoice.note:
        paper.ln(5)
        paper.write_line(invoice.note)
    if invoice.state in PAYABLE:
        _ways(paper, said, invoice, billed)
    return paper.finished()


def girocode(bank: JsonObject, amount: Money, remittance: str) -> str | None:
    """The content of a code that banking apps read as a SEPA transfer (EPC069-12, version 002); None where none can be."""
    holder, iban = bank.get("holder"), bank.get("iban")
    if not holder or not iban or amount.currency != "EUR" or not _LEAST <= amount.minor <= _MOST:
        return None
    euros = f"EUR{amount.to_decimal_text()}"
    parts = ("BCD", "002", "1", "SCT", str(bank.get("bic") or ""), str(holder)[:_HOLDER], str(iban), euros, "", "")
    return "\n".join((*parts, remittance[:_REMITTANCE]))


@dataclass(frozen=True, slots=True)
class _Words:
    language: str

    def __call__(self, name: str, **values: object) -> str:
        return phrase(self.language, f"invoice.{name}", **values)

    def amount(self, money: Money) -> str:
        return money.format(self.language)

    def day(self, moment: datetime) -> str:
        return format_date(moment.date(), "long", self.language)


def _about(paper: Paper, said: _Words, invoice: sa.Row[Any]) -> None:
    from hub.pdf import customer_lines  # noqa: PLC0415 (fonts and pictures are loaded where a paper is made)

    paper.write_line(said("title", number=invoice.number or said("draft")), size=18, bold=True)
    if invoice.state == "void":
        paper.write_line(said("void"), bold=True)
    for name, moment in (("issued", invoice.issued_at), ("due_by", invoice.due_at)):
        if moment is not None:
            paper.write_line(f"{said(name)}: {said.day(moment)}")
    who = customer_lines(invoice.customer or {})
    if who:
        paper.ln(3)
        paper.write_line(said("customer"), grey=True)
        for line in who:
            paper.write_line(line)


def _lines(paper: Paper, said: _Words, invoice: sa.Row[Any]) -> None:
    widths = (paper.inner_width - 18 - 34 - 36, 18.0, 34.0, 36.0)
    aligned: tuple[Align, ...] = ("L", "R", "R", "R")

    def cells(*texts: str) -> list[tuple[str, float, Align]]:
        return list(zip(texts, widths, aligned, strict=True))

    paper.begin_table(cells(said("what"), said("quantity"), said("price"), said("amount")))
    for line in invoice.lines:
        price, total = (said.amount(Money.from_json(line[name])) for name in ("price", "total"))
        paper.write_row(cells(line["title"], str(line["quantity"]), price, total), rule=True)
    paper.end_table()


def _sums(paper: Paper, said: _Words, invoice: sa.Row[Any]) -> None:
    widths = (paper.inner_width - 36, 36.0)
    rows: list[tuple[str, int, bool]] = []

    def row(words: str, minor: int, *, bold: bool = False) -> None:
        rows.append((words, minor, bold))

    if any(one["tax"] for one in invoice.taxes):
        row(said("net"), sum(one["net"] for one in invoice.taxes))
        for one in invoice.taxes:
            row(said("tax", rate=one["rate"]), one["tax"])
    row(said("total"), invoice.total, bold=True)
    if invoice.paid:
        row(said("paid_so_far"), invoice.paid)
        row(said("due"), due_of(invoice).minor, bold=True)
    paper.keep_together(len(rows))
    for words, minor, bold in rows:
        amount = said.amount(Money(minor, invoice.currency))
        paper.write_row([(words, widths[0], "R"), (amount, widths[1], "R")], bold=bold)


def _ways(paper: Paper, said: _Words, invoice: sa.Row[Any], billed: Billed) -> None:
    """The codes side by side, each with what it is for."""
    if paper.will_page_break(_BLOCK):
        paper.add_page()
    paper.ln(8)
    codes = [(said("scan_to_pay"), billed.url)]
    transfer = girocode(billed.bank, due_of(invoice), str(invoice.number))
    if transfer is not None:
        codes.append((said("scan_to_transfer"), transfer))
    top = paper.get_y()
    half = paper.inner_width / 2
    for place, (words, content) in enumerate(codes):
        left = paper.l_margin + place * half
        paper.draw_code(content, left, top, _CODE)
        paper.set_xy(left, top + _CODE + 1)
        paper.write_line(words, size=9, width=half)
    if transfer is not None:
        iban = str(billed.bank["iban"])
        grouped = " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
        paper.write_line(said("by_transfer", holder=billed.bank["holder"], iban=grouped), size=9, grey=True)
