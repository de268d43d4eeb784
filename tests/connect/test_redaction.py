import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.connect.api import Connection
from hub.connect.redaction import MASK, Redactor, has_card_number, mask_card_numbers, passes_luhn

SECRET = "s3cr&t/va=lue"


@pytest.mark.parametrize(
    "text",
    [
        f"Bearer {SECRET}",
        "key=s3cr%26t%2Fva%3Dlue",
        base64.b64encode(SECRET.encode()).decode(),
        f'{{"a":"{SECRET}"}}',
    ],
)
def test_a_known_secret_is_hidden_in_every_form_in_which_it_travels(text):
    hidden = Redactor([SECRET]).text(text)
    assert MASK in hidden
    assert SECRET not in hidden


@given(
    st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=4), st.text(), st.text()
)
def test_no_text_keeps_a_known_secret(secret, before, after):
    hidden = Redactor([secret]).text(f"{before}{secret}{after}")
    assert secret not in hidden.replace(MASK, "\x00") or secret in MASK


def test_a_two_letter_secret_does_not_hide_half_of_the_text():
    assert Redactor(["ab"]).text("about") == "about"


def test_members_with_telling_names_are_hidden_and_others_kept():
    value = {"user": "ada", "password": "x1", "nested": [{"client_secret": "y"}], "token_count": 3, "author": "b"}
    assert Redactor().json(value) == {
        "user": "ada",
        "password": MASK,
        "nested": [{"client_secret": MASK}],
        "token_count": 3,
        "author": "b",
    }


def test_credentials_and_cookies_in_headers_are_hidden():
    headers = Redactor().headers({"Authorization": "Basic abc", "Set-Cookie": "a=b", "X-Api-Key": "k", "Accept": "a/b"})
    assert headers == {"Authorization": MASK, "Set-Cookie": MASK, "X-Api-Key": MASK, "Accept": "a/b"}


def test_an_address_loses_user_password_and_secret_parameters():
    url = Redactor(["hush-hush"]).url("https://u:p@api.example/x/hush-hush?api_key=1&page=2#f")
    assert url == f"https://api.example/x/{MASK}?api_key={MASK}&page=2"


@pytest.mark.parametrize(
    "number", ["4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004", "340000000000009"]
)
def test_card_numbers_are_found_and_cut(number):
    assert has_card_number(f"card: {number}.")
    assert mask_card_numbers(f"card: {number}.") == f"card: [card …{number[-4:]}]."


@pytest.mark.parametrize(
    "text",
    ["1700000000000", "4111111111111112", "order 41111111111111110000000", "pi_4111111111111111", "+49 160 1234567"],
)
def test_times_ids_and_phone_numbers_are_no_card_numbers(text):
    assert not has_card_number(text)


def test_the_check_digit_of_the_standards_example():
    assert passes_luhn("79927398713")
    assert not passes_luhn("79927398710")


def test_an_address_that_is_secret_is_hidden_by_its_telling_part_too():
    address = "https://hooks.example.com/services/T0/planted-token-0123456789"
    redactor = Redactor([address])
    assert redactor.text(f"POST {address}") == "POST [hidden]"
    assert redactor.text("no route /services/T0/planted-token-0123456789") == "no route /services/T0/[hidden]"
    assert redactor.text("https://hooks.example.com/services") == "https://hooks.example.com/services"


def test_who_is_named_in_an_input_stands_in_no_error():
    given = {
        "customer": {"email": "ada@example.com", "name": "Ada Lovelace", "id": "7"},
        "to": {"iban": "DE8937"},
        "note": "lamp",
    }
    redactor = Redactor.of(Connection("shop", "sandbox", {}, {}), given)
    assert (
        redactor.text("no Ada Lovelace <ada@example.com> (DE8937) with a lamp, 7")
        == "no [person] <[person]> ([person]) with a lamp, 7"
    )
    assert redactor.json({"echo": ["Ada Lovelace"]}) == {"echo": ["[person]"]}
