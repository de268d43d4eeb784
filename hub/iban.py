"""IBAN (ISO 13616: check digits modulo 97) and BIC (ISO 9362) as people write them, in their plain forms. Pure."""

from __future__ import annotations

import re
from typing import Final

from hub.errors import PermanentError

_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BIC: Final = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")


def iban_of(text: str) -> str:
    """An IBAN in its plain form. Raises ``PermanentError`` (``invalid_recipient``) when its check digits are wrong."""
    plain = re.sub(r"[\s-]", "", text).upper()
    if not _IBAN.fullmatch(plain):
        message = f"{text[:40]!r} is not an IBAN."
        raise PermanentError(message, code="invalid_recipient", remedy="Write it like DE89 3704 0044 0532 0130 00.")
    moved = plain[4:] + plain[:4]
    if int("".join(str(int(sign, 36)) for sign in moved)) % 97 != 1:
        message = f"The IBAN {text[:40]!r} has a mistake: its check digits do not fit."
        raise PermanentError(message, code="invalid_recipient", remedy="Compare it with the bank's letter or card.")
    return plain


def bic_of(text: str) -> str:
    """A BIC in its plain form, or an empty text. Raises ``PermanentError`` (``invalid_recipient``)."""
    plain = re.sub(r"\s", "", text).upper()
    if plain and not _BIC.fullmatch(plain):
        message = f"{text[:40]!r} is not a BIC."
        raise PermanentError(
            message, code="invalid_recipient", remedy="Write 8 or 11 letters and digits, or leave it out."
        )
    return plain
