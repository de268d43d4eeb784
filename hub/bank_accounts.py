"""Bank accounts as the countries write them: what each kind is made of, its plain form, and what is wrong with it. Pure.

An IBAN (ISO 13616) names bank and account. Elsewhere the bank is named beside the account's number: in the USA by the
routing number of the American Bankers Association (nine digits, the last a check digit), where ACH credits tell checking
from savings; in India by the IFSC of the Reserve Bank; in the United Kingdom by the sort code; anywhere by its BIC
(ISO 9362).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.connect.redaction import passes_luhn
from hub.errors import PermanentError
from hub.iban import bic_of, iban_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

IBAN: Final = "iban"
HOLDER: Final = "holder"
LONGEST_HOLDER: Final = 70
LONGEST_PART: Final = 60
"""Characters of a part as it is typed, with blanks and hyphens."""

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    IBAN: ("iban", "bic"),
    "us": ("routing", "number", "type"),
    "in": ("ifsc", "number"),
    "gb": ("sort_code", "number"),
    "other": ("bic", "number"),
}
"""Kind of account -> its parts, beside its holder."""

TYPES: Final = ("checking", "savings")
OPTIONAL: Final = frozenset({(IBAN, "bic")})
"""Parts that may stay empty."""

_TELLING: Final = 8
"""Signs from which on four of them give nothing away."""
_ROUTING: Final = re.compile(r"(?:0[0-9]|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)[0-9]{7}")
_WEIGHTS: Final = (3, 7, 1, 3, 7, 1, 3, 7, 1)
_NUMBERS: Final[Mapping[str, re.Pattern[str]]] = {
    "us": re.compile(r"[0-9]{4,17}"),
    "in": re.compile(r"[0-9]{9,18}"),
    "gb": re.compile(r"[0-9]{8}"),
    "other": re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z./-]{0,33})"),
}
_CARD: Final = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|(?:5[1-5]|2[2-7]|35|6[0-9])[0-9]{14}|3[47][0-9]{13}|3[0689][0-9]{12}"
)
"""The numbers that the large card schemes give out. Numbers of accounts are not judged by the check digit alone: of those
that begin like cards, one in ten would be refused."""


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Somebody's bank account in its plain form. What its kind does not have is empty; SEPA needs no BIC."""

    name: str
    iban: str = ""
    bic: str = ""
    kind: str = IBAN
    number: str = ""
    routing: str = ""
    ifsc: str = ""
    sort_code: str = ""
    type: str = ""

    def to_json(self) -> dict[str, str]:
        """As a payout keeps it: ``name`` with the parts; those of an IBAN without its kind."""
        if self.kind == IBAN:
            return {"name": self.name, "iban": self.iban, "bic": self.bic}
        return {"name": self.name, "kind": self.kind, **{one: getattr(self, one) for one in PARTS[self.kind]}}


def kind_of(account: Mapping[str, object]) -> str:
    """The kind of an account that is kept; one without a kind has an IBAN."""
    return str(account.get("kind") or IBAN)


def read_parts(kind: str, typed: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The account as it is kept, and what is wrong by part.

    ``kind`` is one of :data:`PARTS`; what it does not have is left out. Wrong is ``missing``, ``too_long``, ``card_number``,
    the part's name, ``number_us`` and the like, or ``bic_other``.
    """
    values = {} if kind == IBAN else {"kind": kind}
    wrong: dict[str, str] = {}
    for part in (HOLDER, *PARTS[kind]):
        text = typed.get(part, "").strip()
        if not text:
            if (kind, part) not in OPTIONAL:
                wrong[part] = "missing"
            continue
        if len(text) > (LONGEST_HOLDER if part == HOLDER else LONGEST_PART):
            wrong[part] = "too_long"
            continue
        values[part], problem = _plain(kind, part, text)
        if problem:
            wrong[part] = problem
    return values, wrong


def _plain(kind: str, part: str, text: str) -> tuple[str, str]:
    """A part in its plain form, and what is wrong with it."""
    if is_card(text):
        return text, "card_number"
    if part == HOLDER:
        return text, ""
    if part == "number":
        plain = re.sub(r"\s" if kind == "other" else r"[\s-]", "", text)
        return plain, "" if _NUMBERS[kind].fullmatch(plain) else f"number_{kind}"
    if part == "type":
        return text, "" if text in TYPES else "type"
    try:
        return _CHECKS[part](text), ""
    except PermanentError:
        return text, "bic_other" if (kind, part) == ("other", "bic") else part


def is_card(text: str) -> bool:
    """Whether a text is a payment card's number, which the hub never keeps."""
    digits = re.sub(r"[\s-]", "", text)
    return digits.isascii() and _CARD.fullmatch(digits) is not None and passes_luhn(digits)


def ending(account: Mapping[str, object]) -> str:
    """The end of the account's number, as pages show it."""
    return ending_of(str(account.get("iban") or account.get("number") or ""))


def ending_of(text: str) -> str:
    """The last four signs of a text that is not shown in full; of a short one the last two, or none."""
    return text[-4:] if len(text) >= _TELLING else text[-2:] if len(text) >= _TELLING // 2 else ""


def masked(account: Mapping[str, object]) -> dict[str, str]:
    """An account to be shown: its kind, holder and bank, and of its number the end alone."""
    shown = {name: str(value) for name, value in account.items() if value}
    for part in ("iban", "number"):
        if part in shown:
            shown[part] = f"…{ending(account)}"
    return {"kind": kind_of(account), **shown}


def _routing(text: str) -> str:
    plain = re.sub(r"[\s-]", "", text)
    if not _ROUTING.fullmatch(plain) or _weighed(plain) or not int(plain):
        raise PermanentError("This is no ABA routing number.", code="invalid_recipient")
    return plain


def _weighed(digits: str) -> int:
    """The weighted sum of a routing number's digits modulo 10: 0 where its check digit fits."""
    return sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True)) % 10


def _ifsc(text: str) -> str:
    plain = re.sub(r"[\s-]", "", text).upper()
    if not re.fullmatch(r"[A-Z]{4}0[A-Z0-9]{6}", plain):
        raise PermanentError("This is no IFSC.", code="invalid_recipient")
    return plain


def _sort_code(text: str) -> str:
    plain = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"[0-9]{6}", plain):
        raise PermanentError("This is no sort code.", code="invalid_recipient")
    return plain


_CHECKS: Final[Mapping[str, Callable[[str], str]]] = {
    "iban": iban_of,
    "bic": bic_of,
    "routing": _routing,
    "ifsc": _ifsc,
    "sort_code": _sort_code,
}
