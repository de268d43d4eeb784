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

from hub.bank_accounts import BankAccount
from hub.errors import PermanentError
from hub.money import Money
from hub.payments.bank_files import (
    NAMESPACE,
    Line,
    account_of,
    csv_file,
    identifier,
    sepa_file,
    sepa_refusal,
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
    minor=st.integers(1, 99_999_999_996),
    bic=st.sampled_from(["", "BNPAFRPP", "COBADEFFXXX"]),
)
def test_any_file_is_valid_by_the_schema_of_the_message(schema, names, note, minor, bic):
    lines = [
        Line(f"pyt_{number:032}", account_of(name, GRACE.iban, bic), Money(minor + number, "EUR"), note)
        for number, name in enumerate(names)
    ]
    body = sepa_file(RUN, CREATED, date(2026, 11, 27), account_of(names[0], PLATFORM.iban, bic), lines)
    schema.validate(io.BytesIO(body))


WHOLE_FILE = """\
<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">
  <CstmrCdtTrfInitn>
    <GrpHdr>
      <MsgId>019aa0b1c2d3e4f5a6b7c8d9e0f1a2b3</MsgId>
      <CreDtTm>2026-11-26T09:30:00Z</CreDtTm>
      <NbOfTxs>1</NbOfTxs>
      <CtrlSum>199.20</CtrlSum>
      <InitgPty>
        <Nm>Muller + Sohne GmbH</Nm>
      </InitgPty>
    </GrpHdr>
    <PmtInf>
      <PmtInfId>019aa0b1c2d3e4f5a6b7c8d9e0f1a2b3</PmtInfId>
      <PmtMtd>TRF</PmtMtd>
      <NbOfTxs>1</NbOfTxs>
      <CtrlSum>199.20</CtrlSum>
      <PmtTpInf>
        <SvcLvl>
          <Cd>SEPA</Cd>
        </SvcLvl>
      </PmtTpInf>
      <ReqdExctnDt>
        <Dt>2026-11-27</Dt>
      </ReqdExctnDt>
      <Dbtr>
        <Nm>Muller + Sohne GmbH</Nm>
      </Dbtr>
      <DbtrAcct>
        <Id>
          <IBAN>DE89370400440532013000</IBAN>
        </Id>
      </DbtrAcct>
      <DbtrAgt>
        <FinInstnId>
          <BICFI>COBADEFFXXX</BICFI>
        </FinInstnId>
      </DbtrAgt>
      <ChrgBr>SLEV</ChrgBr>
      <CdtTrfTxInf>
        <PmtId>
          <InstrId>019aa0b1c2d3e4f5a6b7c8d9e0f1a2b5</InstrId>
          <EndToEndId>019aa0b1c2d3e4f5a6b7c8d9e0f1a2b5</EndToEndId>
        </PmtId>
        <Amt>
          <InstdAmt Ccy="EUR">199.20</InstdAmt>
        </Amt>
        <CdtrAgt>
          <FinInstnId>
            <BICFI>BNPAFRPP</BICFI>
          </FinInstnId>
        </CdtrAgt>
        <Cdtr>
          <Nm>Grace Hopper</Nm>
        </Cdtr>
        <CdtrAcct>
          <Id>
            <IBAN>FR1420041010050500013M02606</IBAN>
          </Id>
        </CdtrAcct>
      </CdtTrfTxInf>
    </PmtInf>
  </CstmrCdtTrfInitn>
</Document>
"""


def test_the_whole_file_to_the_letter():
    assert sepa_file(RUN, CREATED, date(2026, 11, 27), PLATFORM, LINES[1:]).decode() == WHOLE_FILE


def test_a_name_is_cut_at_70_characters_and_a_text_at_140():
    line = Line("pyt_1", BankAccount("n" * 71, ADA.iban), Money(1, "EUR"), "t" * 141)
    transfer = "CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf"
    root = parsed([line], BankAccount("d" * 71, PLATFORM.iban))
    assert text(root, f"{transfer}/Cdtr/Nm") == ["n" * 70]
    assert text(root, f"{transfer}/RmtInf/Ustrd") == ["t" * 140]
    assert text(root, "CstmrCdtTrfInitn/GrpHdr/InitgPty/Nm") == ["d" * 70]


def test_a_text_of_which_nothing_is_left_is_left_out():
    assert (
        text(parsed([Line("pyt_1", ADA, Money(1, "EUR"), " \u0301 ")]), "CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf/RmtInf")
        == []
    )


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
    assert taken("ß æ Æ ø Ø œ ł Ł đ Đ ð þ ’ – & é Ñ") == "ss ae AE o O oe l L d D d th ' - + e N"
    assert taken("\tTruck\n\u00a0 hire  12 ") == "Truck hire 12"
    assert taken("a" * 9 + " b", 10) == "a" * 9, "no space is left where it is cut"


def test_an_id_of_a_bank_file_has_no_prefix_and_35_letters_digits_and_dashes_at_most():
    assert identifier("prn_" + "a" * 34 + "-b") == "a" * 34 + "-"
    assert identifier("a.b/c d") == "abcd"


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
    [((), "empty"), ((*LINES, Line("pyt_1", ADA, Money(100, "USD"))), "currency_unsupported")],
)
def test_a_file_that_no_bank_would_take_is_refused(lines, code):
    with pytest.raises(PermanentError) as caught:
        sepa_file(RUN, CREATED, date(2026, 11, 27), PLATFORM, lines)
    assert caught.value.code == code
    assert code == "empty" or "1.00 USD is not" in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("minor", [0, -1, 100_000_000_000])
def test_an_amount_that_no_bank_transfers_is_refused_by_name(minor):
    line = Line("pyt_1", ADA, Money(minor, "EUR"))
    with pytest.raises(PermanentError, match="to Ada Lovelace is not") as caught:
        sepa_file(RUN, CREATED, date(2026, 11, 27), PLATFORM, [*LINES, line])
    assert caught.value.code == "bad_input"


def test_the_csv_file_has_one_line_for_each_transfer_in_any_currency():
    yen = Line("pyt_3", BankAccount("=cmd|calc", "GB33BUKB20201555555555"), Money(1200, "JPY"), "@home")
    rows = list(csv.reader(io.StringIO(csv_file([*LINES, yen]).decode())))
    others = ["account_number", "routing_number", "account_type", "ifsc", "sort_code"]
    assert rows[0] == ["reference", "name", "iban", "bic", "amount", "currency", "text", *others]
    assert rows[1][1:] == ["Ada Lovelace", ADA.iban, "", "1080.00", "EUR", "Truck hire 12", *[""] * 5]
    assert rows[3] == ["3", "'=cmd|calc", "GB33BUKB20201555555555", "", "1200", "JPY", "'@home", *[""] * 5]


@pytest.mark.parametrize(
    ("account", "cells"),
    [
        (
            {"kind": "us", "number": "0012345", "routing": "021000021", "type": "savings"},
            ["0012345", "021000021", "savings", "", ""],
        ),
        (
            {"kind": "in", "number": "50100012345678", "ifsc": "HDFC0001234"},
            ["50100012345678", "", "", "HDFC0001234", ""],
        ),
        ({"kind": "gb", "number": "55779911", "sort_code": "200000"}, ["55779911", "", "", "", "200000"]),
    ],
)
def test_the_parts_of_an_account_without_an_iban_stand_in_columns_of_their_own(account, cells):
    line = Line("pyt_7", BankAccount("Grace", **account), Money(500, "EUR"), "Run")
    (_, row) = csv.reader(io.StringIO(csv_file([line]).decode()))
    assert row == ["7", "Grace", "", "", "5.00", "EUR", "Run", *cells]
    assert sepa_refusal(line) == "The account has no IBAN."
    with pytest.raises(PermanentError, match="no IBAN"):
        sepa_file(RUN, CREATED, date(2026, 11, 27), PLATFORM, [*LINES, line])


def test_an_iban_of_a_country_that_sepa_does_not_reach_stands_in_no_sepa_file():
    line = Line("pyt_7", BankAccount("Ayşe", "TR330006100519786457841326"), Money(500, "EUR"), "Run")
    assert sepa_refusal(line) == "Accounts of the country TR are not reached by SEPA."
    assert [sepa_refusal(one) for one in LINES] == ["", ""]


def test_the_csv_file_to_the_letter():
    line = Line("pyt_7", BankAccount('Hopper, "Grace"', GRACE.iban, GRACE.bic), Money(12_345, "KWD"), "Run é 1")
    assert csv_file([line]).decode() == (
        "reference,name,iban,bic,amount,currency,text,account_number,routing_number,account_type,ifsc,sort_code\r\n"
        '7,"Hopper, ""Grace""",FR1420041010050500013M02606,BNPAFRPP,12.345,KWD,Run é 1,,,,,\r\n'
    )


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_csv_file_is_a_formula(sign):
    (_, row) = csv.reader(io.StringIO(csv_file([Line("pyt_7", ADA, Money(1, "EUR"), f"{sign}1")]).decode(), newline=""))
    assert row[6] == f"'{sign}1"


def test_an_account_needs_its_holder_and_is_written_plainly():
    assert account_of(" Ada ", ADA.iban) == BankAccount("Ada", ADA.iban)
    assert account_of("Grace", "fr14 2004 1010 0505 0001 3M02 606", " bnpafrpp") == BankAccount(
        "Grace", GRACE.iban, GRACE.bic
    )
    for name in (" ", "\u0301"):
        with pytest.raises(PermanentError, match="holder") as caught:
            account_of(name, ADA.iban)
        assert caught.value.code == "invalid_recipient"
