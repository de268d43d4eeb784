"""Bank files of payout runs: SEPA credit transfers (ISO 20022, pain.001.001.09) and CSV. Pure.

The XML follows the message definition report of ISO 20022 for CustomerCreditTransferInitiationV09 and the customer-to-bank
guidelines of the European Payments Council for SEPA credit transfers (EPC132-08): its elements, their order and lengths,
and the characters that every bank takes.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from hub.bank_accounts import BankAccount
from hub.errors import PermanentError
from hub.iban import bic_of, iban_of
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
SEPA_CURRENCY: Final = "EUR"
LONGEST_NAME: Final = 70
LONGEST_TEXT: Final = 140
SEPA_COUNTRIES: Final = frozenset(
    {"AD", "AL", "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GI", "GR", "HR", "HU", "IE",
     "IS", "IT", "LI", "LT", "LU", "LV", "MC", "MD", "ME", "MK", "MT", "NL", "NO", "PL", "PT", "RO", "RS", "SE", "SI", "SK",
     "SM", "VA"}
)  # fmt: skip
"""The countries of IBANs that SEPA credit transfers reach: the list of the European Payments Council (EPC409-09)."""
_LONGEST_ID: Final = 35
_MOST: Final = 99_999_999_999
"""The highest amount of a transfer in cents, by the same guidelines."""

_NOT_TAKEN: Final = re.compile(r"[^A-Za-z0-9/?:().,'+ -]")
_LETTERS: Final = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "ł": "l", "Ł": "L",
                                 "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "’": "'", "–": "-", "&": "+"})  # fmt: skip
_OTHER_COLUMNS: Final = ("account_number", "routing_number", "account_type", "ifsc", "sort_code")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Line:
    """One credit transfer. ``id`` comes back on the statement; ``text`` is what the receiver reads."""

    id: str
    to: BankAccount
    money: Money
    text: str = ""


def account_of(name: str, iban: str, bic: str = "") -> BankAccount:
    """A bank account with an IBAN, checked. Raises ``PermanentError`` (``invalid_recipient``)."""
    if not taken(name):
        message = "The holder of the bank account is missing."
        raise PermanentError(message, code="invalid_recipient", remedy="Write the name as the bank knows it.")
    return BankAccount(name.strip(), iban_of(iban), bic_of(bic))


def sepa_refusal(line: Line) -> str:
    """Why a transfer cannot stand in a SEPA file; empty when it can."""
    if line.money.currency != SEPA_CURRENCY:
        return f"SEPA transfers are in euros; {line.money} is not."
    if not line.to.iban:
        return "The account has no IBAN."
    if line.to.iban[:2] not in SEPA_COUNTRIES:
        return f"Accounts of the country {line.to.iban[:2]} are not reached by SEPA."
    if not 0 < line.money.minor <= _MOST:
        return f"A SEPA transfer is of 0.01 to 999,999,999.99 euros; {line.money} to {line.to.name} is not."
    return ""


def taken(text: str, most: int = LONGEST_NAME) -> str:
    """A text in the letters, digits and signs that every bank of SEPA takes: accents fall, others become points."""
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return re.sub(r"\s+", " ", _NOT_TAKEN.sub(".", re.sub(r"\s", " ", plain))).strip()[:most].rstrip()


def identifier(identity: str) -> str:
    """An id of the hub's as bank files hold it: 35 characters at most, so the prefix of its kind falls."""
    return re.sub(r"[^A-Za-z0-9-]", "", identity.rpartition("_")[2])[:_LONGEST_ID]


def sepa_file(run: str, created: datetime, execute_on: date, debtor: BankAccount, lines: Sequence[Line]) -> bytes:
    """The lines as one batch of SEPA credit transfers, UTF-8 XML; the same input gives the same bytes.

    ``created`` is UTC. Raises ``PermanentError`` when there is no line, or one is not in euros or no amount that banks take.
    """
    _check(lines)
    total = Money.total((line.money for line in lines), SEPA_CURRENCY).to_decimal_text()
    document = Element("Document", xmlns=NAMESPACE)
    initiation = SubElement(document, "CstmrCdtTrfInitn")
    header = SubElement(initiation, "GrpHdr")
    _text(header, "MsgId", identifier(run))
    _text(header, "CreDtTm", f"{created:%Y-%m-%dT%H:%M:%S}Z")
    _text(header, "NbOfTxs", str(len(lines)))
    _text(header, "CtrlSum", total)
    _text(SubElement(header, "InitgPty"), "Nm", taken(debtor.name))
    batch = SubElement(initiation, "PmtInf")
    _text(batch, "PmtInfId", identifier(run))
    _text(batch, "PmtMtd", "TRF")
    _text(batch, "NbOfTxs", str(len(lines)))
    _text(batch, "CtrlSum", total)
    _text(SubElement(SubElement(batch, "PmtTpInf"), "SvcLvl"), "Cd", "SEPA")
    _text(SubElement(batch, "ReqdExctnDt"), "Dt", execute_on.isoformat())
    _text(SubElement(batch, "Dbtr"), "Nm", taken(debtor.name))
    _account(batch, "DbtrAcct", debtor)
    _bank(batch, "DbtrAgt", debtor)
    _text(batch, "ChrgBr", "SLEV")
    for line in lines:
        _transfer(batch, line)
    indent(document)
    body: bytes = tostring(document, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"


def csv_file(lines: Iterable[Line]) -> bytes:
    """The lines as CSV for banks and programs that take no XML: UTF-8, commas, a header, one line for each transfer.

    An account without an IBAN stands in the last columns. A text that a spreadsheet would take for a formula is led by an
    apostrophe.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(["reference", "name", "iban", "bic", "amount", "currency", "text", *_OTHER_COLUMNS])
    for line in lines:
        amount, account = line.money.to_decimal_text(), line.to
        cells = [identifier(line.id), account.name, account.iban, account.bic, amount, line.money.currency, line.text]
        cells += [account.number, account.routing, account.type, account.ifsc, account.sort_code]
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return written.getvalue().encode()


def _check(lines: Sequence[Line]) -> None:
    if not lines:
        message = "There is nothing to pay in this run."
        raise PermanentError(message, code="empty", remedy="Begin a new run when something is due.")
    for line in lines:
        if line.money.currency != SEPA_CURRENCY:
            raise PermanentError(sepa_refusal(line), code="currency_unsupported", remedy="Take the CSV file instead.")
        if refusal := sepa_refusal(line):
            raise PermanentError(refusal, code="bad_input", remedy="Pay it in another way, or take the CSV file.")


def _transfer(batch: Element, line: Line) -> None:
    transfer = SubElement(batch, "CdtTrfTxInf")
    identity = SubElement(transfer, "PmtId")
    _text(identity, "InstrId", identifier(line.id))
    _text(identity, "EndToEndId", identifier(line.id))
    amount = SubElement(SubElement(transfer, "Amt"), "InstdAmt", Ccy=line.money.currency)
    amount.text = line.money.to_decimal_text()
    if line.to.bic:
        _bank(transfer, "CdtrAgt", line.to)
    _text(SubElement(transfer, "Cdtr"), "Nm", taken(line.to.name))
    _account(transfer, "CdtrAcct", line.to)
    if taken(line.text, LONGEST_TEXT):
        _text(SubElement(transfer, "RmtInf"), "Ustrd", taken(line.text, LONGEST_TEXT))


def _account(parent: Element, name: str, account: BankAccount) -> None:
    _text(SubElement(SubElement(parent, name), "Id"), "IBAN", account.iban)


def _bank(parent: Element, name: str, account: BankAccount) -> None:
    institution = SubElement(SubElement(parent, name), "FinInstnId")
    if account.bic:
        _text(institution, "BICFI", account.bic)
    else:
        _text(SubElement(institution, "Othr"), "Id", "NOTPROVIDED")


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text
