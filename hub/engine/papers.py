"""Papers of the hub's own as files: invoices, receipts, providers' statements. Made when asked for, never stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hub.commerce.invoice_pdf import invoice_paper
from hub.commerce.invoice_reading import find_invoice
from hub.commerce.providers import find_provider
from hub.connect.api import PaperFile
from hub.errors import PermanentError
from hub.payments.receipt_pdf import receipt_paper
from hub.payments.receipts import find_receipt
from hub.payments.statement_pdf import Reader, statement_pdf
from hub.payments.statements import last_of_month, period, statements
from hub.phrases import DEFAULT_LANGUAGE

if TYPE_CHECKING:
    from hub.jsontypes import JsonObject
    from hub.office import Office


@dataclass(frozen=True, slots=True)
class HubPapers:
    """Implements :class:`hub.connect.api.Papers` on an office."""

    office: Office

    def make(self, asked: JsonObject) -> PaperFile:
        """The paper that ``asked`` names."""
        if "invoice" in asked:
            return self._invoice(str(asked["invoice"]))
        return self._receipt(str(asked["receipt"])) if "receipt" in asked else self._statement(asked)

    def _invoice(self, reference: str) -> PaperFile:
        with self.office.read() as connection:
            invoice = find_invoice(connection, reference)
        if invoice.number is None:
            message = f"The invoice {reference} is a draft, which nobody outside sees."
            raise PermanentError(message, code="wrong_state", remedy="Issue it first, with invoices/issue.")
        return invoice_paper(self.office, invoice)

    def _receipt(self, reference: str) -> PaperFile:
        with self.office.read() as connection:
            receipt = find_receipt(connection, reference)
        return receipt_paper(self.office, receipt)

    def _statement(self, asked: JsonObject) -> PaperFile:
        month, zone = str(asked["month"]), _zone(str(asked.get("timezone") or "UTC"))
        first = date.fromisoformat(f"{month}-01")
        last = last_of_month(first)
        begin, end = period(first, last, zone)
        with self.office.read() as connection:
            provider = find_provider(connection, str(asked["statement"]))
            found = statements(connection, provider.id, begin, end)
        brand = self.office.fact("brand")
        business = str(brand.get("name") or "") if isinstance(brand, dict) else ""
        language = str(asked.get("language") or provider.language or DEFAULT_LANGUAGE)
        # Dated by the month's end and not by the clock: another attempt makes the same paper.
        content = statement_pdf(business, provider.name, (first, last), found, Reader(language, language, zone), end)
        return PaperFile(f"statement-{month}.pdf", content)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"There is no time zone {name!r}."
        raise PermanentError(message, code="bad_input", remedy="Name one like Europe/Berlin.") from error
