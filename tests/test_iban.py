"""IBAN and BIC as people write them."""

import pytest

from hub.errors import PermanentError
from hub.iban import bic_of, iban_of


@pytest.mark.parametrize("written", ["DE89 3704 0044 0532 0130 00", "de89-3704-0044-0532-0130-00"])
def test_an_iban_is_read_as_people_write_it(written):
    assert iban_of(written) == "DE89370400440532013000"


@pytest.mark.parametrize(
    "written", ["DE88370400440532013000", "DE8937040044053201300", "", "89370400440532013000DE", "x"]
)
def test_an_iban_with_a_mistake_is_refused(written):
    with pytest.raises(PermanentError) as caught:
        iban_of(written)
    assert caught.value.code == "invalid_recipient"


def test_a_bic_may_be_left_out_and_a_wrong_one_is_refused():
    assert bic_of("") == ""
    assert bic_of("coba de ff") == "COBADEFF"
    with pytest.raises(PermanentError, match="not a BIC"):
        bic_of("COBA")
