"""Bank accounts of every country: their plain form, what is wrong with them, and what is shown of them."""

import pytest

from hub.bank_accounts import BankAccount, ending_of, is_card, masked, read_parts
from hub.connect.redaction import passes_luhn

US = {"holder": "Grace", "routing": "021000021", "number": "0012345678", "type": "checking"}
INDIA = {"holder": "Asha", "ifsc": "HDFC0001234", "number": "50100012345678"}
UK = {"holder": "Ada", "sort_code": "200000", "number": "55779911"}
OTHER = {"holder": "Ken", "bic": "BOFAJPJXXXX", "number": "12-3456/7"}


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        ("us", {**US, "routing": "0210-0002 1", "number": "00 1234-5678"}, US),
        ("in", {**INDIA, "ifsc": " hdfc 0001234"}, INDIA),
        ("gb", {**UK, "sort_code": "20-00-00", "iban": "of another kind"}, UK),
        ("other", {**OTHER, "bic": "bofajpjxxxx", "number": " 12-3456/7 "}, OTHER),
    ],
)
def test_what_is_typed_is_kept_in_its_plain_form(kind, typed, kept):
    assert read_parts(kind, typed) == ({"kind": kind, **kept}, {})


@pytest.mark.parametrize(
    ("kind", "typed", "wrong"),
    [
        ("iban", {"holder": "Ada", "iban": "DE88370400440532013000", "bic": "1"}, {"iban": "iban", "bic": "bic"}),
        ("us", {**US, "routing": "021000022"}, {"routing": "routing"}),
        ("us", {**US, "routing": "012000021"}, {"routing": "routing"}),
        ("us", {**US, "routing": "000000000"}, {"routing": "routing"}),
        ("us", {**US, "routing": "21000021"}, {"routing": "routing"}),
        ("us", {**US, "routing": "500000005"}, {"routing": "routing"}),
        ("us", {**US, "number": "123"}, {"number": "number_us"}),
        ("us", {**US, "number": "1" * 18}, {"number": "number_us"}),
        ("us", {**US, "type": "current"}, {"type": "type"}),
        (
            "us",
            {"holder": " ", "routing": "", "number": "\n"},
            dict.fromkeys(["holder", "routing", "number", "type"], "missing"),
        ),
        ("in", {**INDIA, "ifsc": "HDFC1001234"}, {"ifsc": "ifsc"}),
        ("in", {**INDIA, "number": "12345678"}, {"number": "number_in"}),
        ("in", {**INDIA, "number": "1" * 19}, {"number": "number_in"}),
        ("gb", {**UK, "sort_code": "20000"}, {"sort_code": "sort_code"}),
        ("gb", {**UK, "number": "5577991"}, {"number": "number_gb"}),
        ("other", {**OTHER, "bic": ""}, {"bic": "missing"}),
        ("other", {**OTHER, "bic": "SHORT"}, {"bic": "bic_other"}),
        ("other", {**OTHER, "number": "1" * 35}, {"number": "number_other"}),
        ("other", {**OTHER, "number": "12;34"}, {"number": "number_other"}),
        ("in", {**INDIA, "holder": "A" * 71, "ifsc": "H" * 61}, {"holder": "too_long", "ifsc": "too_long"}),
    ],
)
def test_what_is_wrong_is_said_of_its_part(kind, typed, wrong):
    assert read_parts(kind, typed)[1] == wrong


@pytest.mark.parametrize(
    ("kind", "number"), [("us", 4), ("us", 17), ("in", 9), ("in", 18), ("other", 1), ("other", 34)]
)
def test_the_shortest_and_the_longest_number_are_taken(kind, number):
    whole = {"us": US, "in": INDIA, "other": OTHER}[kind]
    assert read_parts(kind, {**whole, "number": "1" * number})[1] == {}


@pytest.mark.parametrize("card", ["4111 1111 1111 1111", "378282246310005", "5555-5555-5555-4444", "30569309025904"])
def test_a_payment_card_is_no_account(card):
    assert is_card(card)
    assert read_parts("other", {**OTHER, "number": card})[1] == {"number": "card_number"}
    assert read_parts("other", {**OTHER, "holder": card})[1] == {"holder": "card_number"}


def test_a_number_of_an_account_that_fits_the_check_digit_of_cards_by_chance_is_taken():
    assert read_parts("in", {**INDIA, "number": "50100012345671"})[1] == {}, "a bank's numbers begin so"
    assert not is_card("4111111111111112")
    assert passes_luhn("50100012345671")


def test_of_a_number_the_end_alone_is_shown():
    assert masked({"kind": "us", **US}) == {"kind": "us", **US, "number": "…5678"}
    assert masked({"holder": "Ada", "iban": "DE89370400440532013000", "bic": ""}) == {
        "kind": "iban", "holder": "Ada", "iban": "…3000",
    }  # fmt: skip
    assert [ending_of(text) for text in ("12345678", "1234567", "1234", "123", "")] == ["5678", "67", "34", "", ""]


def test_a_payout_keeps_the_parts_of_the_kind_alone():
    assert BankAccount("Ada", "DE89370400440532013000").to_json() == {
        "name": "Ada", "iban": "DE89370400440532013000", "bic": "",
    }  # fmt: skip
    kept = BankAccount("Ada", kind="gb", sort_code="200000", number="55779911").to_json()
    assert kept == {"name": "Ada", "kind": "gb", "sort_code": "200000", "number": "55779911"}
    assert BankAccount(**kept).to_json() == kept
