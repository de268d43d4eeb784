"""Bank files: SEPA credit transfers as ISO 20022 describes them, and CSV."""

import csv
import io
from datetime import UTC, date, datetime
from importlib.resources import files
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import PermanentError
from hub.money import Money
from hub.payments.bank_files import (
    NAMESPACE,
    BankAccount,
    Line,
    account_of,
    csv_file,
    identifier,
    sepa_file,
    taken,
)

PLATFORM = BankAccount("Müller & Söhne GmbH", "DE89370400440532013000", "COBADEFFXXX")
ADA = BankAccount("Ada Lovelace", "GB33BUKB20201555555555")
GRACE = BankAccount("Grace Hopper", "FR1420041010050500013M02606", "BNPAFRPP")
RUN = "prn_019aa0b1c2d3e4f5a6b7c8d9e0f1a2b3"
LINES = (
    Line("pyt_019aa0b1c2d3e4f5a6b7c8d9e0f1a2b4", ADA, Money(108_000, "EUR"), "Truck hire 12"),
    Line("pyt_019aa0b1c2d3e4f5a6b7c8d9e0f1a2b5", GRACE, Money(19_920, "EUR")),
)
TEXTS = st.text(max_size=40) | st.text("aß -", min_size=60, max_size=160)
CREATED = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)


def parsed(lines=LINES, debtor=PLATFORM):
    body = sepa_file(RUN, CREATED, date(2026, 11, 27), debtor, lines)
    return ET.fromstring(body)


def outline(element):
    """The names of an element and all within, without the namespace, in their order."""
    name = element.tag.removeprefix(f"{{{NAMESPACE}}}")
    return (name, [outline(child) for child in element]) if len(element) else name


def text(root, path):
    return [one.text for one in root.iterfind("/".join(f"{{{NAMESPACE}}}{name}" for name in path.split("/")))]


def test_the_file_has_the_elements_of_the_message_in_their_order():
    transfer = (
        "CdtTrfTxInf",
        [
            ("PmtId", ["InstrId", "EndToEndId"]),
            ("Amt", ["InstdAmt"]),
            ("Cdtr", ["Nm"]),
            ("CdtrAcct", [("Id", ["IBAN"])]),
            ("RmtInf", ["Ustrd"]),
        ],
    )
    batch = [
        "PmtInfId",
        "PmtMtd",
        "NbOfTxs",
        "CtrlSum",
        ("PmtTpInf", [("SvcLvl", ["Cd"])]),
        ("ReqdExctnDt", ["Dt"]),
        ("Dbtr", ["Nm"]),
        ("DbtrAcct", [("Id", ["IBAN"])]),
        ("DbtrAgt", [("FinInstnId", ["BICFI"])]),
        "ChrgBr",
        transfer,
    ]
    header = ("GrpHdr", ["MsgId", "CreDtTm", "NbOfTxs", "CtrlSum", ("InitgPty", ["Nm"])])
    assert outline(parsed(LINES[:1])) == ("Document", [("CstmrCdtTrfInitn", [header, ("PmtInf", batch)])])


@pytest.fixture(scope="module")
def schema():
    """The published schema of the message, as a library that banks' customers use ships it."""
    return xmlschema.XMLSchema(files("sepaxml") / "schemas" / "pain.001.001.09.xsd")


@given(
    names=st.lists(TEXTS.filter(taken), min_size=1, max_size=4),
    note=TEXTS,
    minor=st.integers(1, 99_999_999_999),
    bic=st.sampled_from(["", "BNPAFRPP", "COBADEFFXXX"]),
)
def test_any_file_is_valid_by_the_schema_of_the_message(schema, names, note, minor, bic):
    lines = [
        Line(f"pyt_{number:032}", account_of(name, GRACE.iban, bic), Money(minor + number, "EUR"), note)
        for number, name in enumerate(names)
    ]
    body = sepa_file(RUN, CREATED, date(2026, 11, 27), account_of(names[0], PLATFORM.iban, bic), lines)
    schema.validate(io.BytesIO(body))


def test_counts_and_sums_stand_in_the_header_and_in_the_batch():
    root = parsed()
    for part in ("CstmrCdtTrfInitn/GrpHdr", "CstmrCdtTrfInitn/PmtInf"):
        assert text(root, f"{part}/NbOfTxs") == ["2"]
        assert text(root, f"{part}/CtrlSum") == ["1279.20"]
    transfer = "CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf"
    assert text(root, f"{transfer}/Amt/InstdAmt") == ["1080.00", "199.20"]
    assert text(root, f"{transfer}/CdtrAcct/Id/IBAN") == [ADA.iban, GRACE.iban]
    assert text(root, f"{transfer}/CdtrAgt/FinInstnId/BICFI") == ["BNPAFRPP"]
    assert text(root, f"{transfer}/RmtInf/Ustrd") == ["Truck hire 12"]


def test_each_transfer_has_its_own_end_to_end_id_of_at_most_35_characters():
    ids = text(parsed(), "CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf/PmtId/EndToEndId")
    assert ids == [identifier(line.id) for line in LINES]
    assert len(set(ids)) == 2
    assert max(map(len, ids)) <= 35


def test_names_are_written_in_the_characters_that_every_bank_takes():
    root = parsed()
    assert text(root, "CstmrCdtTrfInitn/PmtInf/Dbtr/Nm") == ["Muller + Sohne GmbH"]
    assert taken("Łukasz Wałęsa <x>") == "Lukasz Walesa .x."
    assert taken("日本") == ".."


@given(st.text(max_size=200))
def test_any_text_becomes_one_that_banks_take(given_text):
    found = taken(given_text, 140)
    assert set(found) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")
    assert len(found) <= 140
    assert found == found.strip()


def test_a_debtor_without_a_bic_says_that_none_is_provided():
    root = parsed(debtor=BankAccount("Hub", PLATFORM.iban))
    assert text(root, "CstmrCdtTrfInitn/PmtInf/DbtrAgt/FinInstnId/Othr/Id") == ["NOTPROVIDED"]


def test_the_same_run_gives_the_same_file():
    assert ET.tostring(parsed()) == ET.tostring(parsed(tuple(LINES)))


@pytest.mark.parametrize(
    ("lines", "code"),
    [((), "empty"), ((Line("pyt_1", ADA, Money(100, "USD")),), "currency_unsupported")],
)
def test_a_file_that_no_bank_would_take_is_refused(lines, code):
    with pytest.raises(PermanentError) as caught:
        sepa_file(RUN, CREATED, date(2026, 11, 27), PLATFORM, lines)
    assert caught.value.code == code


def test_the_csv_file_has_one_line_for_each_transfer_in_any_currency():
    yen = Line("pyt_3", BankAccount("=cmd|calc", "GB33BUKB20201555555555"), Money(1200, "JPY"), "@home")
    rows = list(csv.reader(io.StringIO(csv_file([*LINES, yen]).decode())))
    assert rows[0] == ["reference", "name", "iban", "bic", "amount", "currency", "text"]
    assert rows[1][1:] == ["Ada Lovelace", ADA.iban, "", "1080.00", "EUR", "Truck hire 12"]
    assert rows[3] == ["3", "'=cmd|calc", "GB33BUKB20201555555555", "", "1200", "JPY", "'@home"]


def test_an_account_needs_its_holder():
    assert account_of(" Ada ", ADA.iban) == BankAccount("Ada", ADA.iban)
    with pytest.raises(PermanentError, match="holder"):
        account_of(" ", ADA.iban)
