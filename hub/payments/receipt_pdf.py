"""A receipt on paper, in the payer's language: who got how much from whom for what, and whether it still holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from babel.dates import format_date

from hub.connect.api import PaperFile
from hub.money import Money
from hub.payments.accounting import accounts
from hub.payments.receipts import number_of
from hub.phrases import phrase

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hub.jsontypes import JsonObject
    from hub.office import Office

_LABELS: Final = 52.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What stands on the paper.

    ``details``: see the table ``receipts``. ``back`` is what went back since, by refund, dispute or a returned debit.
    """

    number: str
    issued_at: datetime
    payment: str
    details: JsonObject
    amount: Money
    back: Money

    @property
    def holds_for(self) -> Money:
        """What the payer gave and did not get back."""
        return self.amount - self.back


def receipt_paper(office: Office, row: sa.Row[Any]) -> PaperFile:
    """A row of ``receipts`` as a file. A payment of which nothing more is told gives the same bytes."""
    with office.read() as connection:
        receipt = _read(connection, row)
    brand = cast("JsonObject", office.fact("brand") or {})
    return PaperFile(f"receipt-{receipt.number}.pdf", receipt_pdf(receipt, brand))


def _read(connection: sa.Connection, row: sa.Row[Any]) -> Receipt:
    details: JsonObject = row.details
    place = (str(details["connection"]), row.subject)
    amount = Money.from_json(details["amount"])
    account = accounts(connection, [place]).get(place)
    back = Money(min(account.returned, amount.minor) if account is not None else 0, amount.currency)
    return Receipt(number_of(row), row.created_at, row.subject, details, amount, back)


def receipt_pdf(receipt: Receipt, brand: JsonObject) -> bytes:
    """The receipt as PDF. ``brand``: the fact of that name. The same receipt gives the same bytes."""
    from hub.pdf import Paper  # noqa: PLC0415 (fonts and pictures are loaded where a paper is made)

    details, language = receipt.details, str(receipt.details["language"])
    said = _Words(language, str(details["kind"]))
    title = said.of_kind("title", number=receipt.number)
    paper = Paper(title, receipt.issued_at)
    paper.add_page()
    tax_id = brand.get("tax_id")
    paper.write_business(brand, phrase(language, "invoice.tax_id", number=tax_id) if tax_id else "")
    paper.write_line(title, size=18, bold=True)
    if not receipt.holds_for.minor:
        paper.write_line(said("void"), bold=True)
    paper.write_line(f"{said('issued')}: {said.day(receipt.issued_at)}", grey=True)
    paper.ln(5)
    for label, words in _facts(receipt, said):
        paper.write_row([(said.of_kind(label), _LABELS, "L"), (words, paper.inner_width - _LABELS, "L")], rule=True)
    return paper.finished()


@dataclass(frozen=True, slots=True)
class _Words:
    language: str
    kind: str

    def __call__(self, name: str, **values: object) -> str:
        return phrase(self.language, f"receipt.{name}", **values)

    def of_kind(self, name: str, **values: object) -> str:
        """A phrase that says it of this kind of receipt, where there is one of its own."""
        return self(f"{name}_{self.kind}" if name in {"title", "payer"} else name, **values)

    def amount(self, money: Money) -> str:
        return money.format(self.language)

    def day(self, moment: datetime) -> str:
        return format_date(moment.date(), "long", self.language)


def _facts(receipt: Receipt, said: _Words) -> list[tuple[str, str]]:
    """What is known, as label and words."""
    from hub.pdf import customer_lines  # noqa: PLC0415 (fonts and pictures are loaded where a paper is made)

    details = receipt.details
    found = [
        ("payer", "\n".join(customer_lines(cast("JsonObject", details.get("customer") or {})))),
        ("amount", said.amount(receipt.amount)),
    ]
    if receipt.back.minor:
        found += [("back", said.amount(receipt.back)), ("holds_for", said.amount(receipt.holds_for))]
    found += [
        ("purpose", str(details.get("purpose") or "")),
        ("paid_at", said.day(datetime.fromisoformat(str(details["paid_at"])))),
        ("frequency", _frequency(receipt, said)),
        ("payment", receipt.payment),
    ]
    return [(label, words) for label, words in found if words]


def _frequency(receipt: Receipt, said: _Words) -> str:
    if "subscription" not in receipt.details:
        return said("once")
    period = receipt.details.get("period")
    if not isinstance(period, dict):
        return said("recurring")
    start, end = (datetime.fromisoformat(str(period[name])).astimezone(UTC) for name in ("start", "end"))
    last = max(start, end - timedelta(days=1))  # it ends where the next one begins
    return said("period", first=said.day(start), last=said.day(last))
