"""Which cards are Maestro's, by the digits they begin with. Pure; a hint only, as the gateway's own word for a card counts.

Mastercard says that Maestro's numbers begin with 50 and 56 to 69; public tables name the prefixes below. Other brands have
taken parts of that range, so those are decided first: Discover 6011, 644 to 649 and 65, UnionPay 62, RuPay 60, Laser's
former 6706, 6709 and 6771, and the Danish Dankort 5019, which may carry both brands.
"""

from __future__ import annotations

from typing import Final, NamedTuple

_MAESTRO: Final = ("5018", "5020", "5038", "5612", "5893", "6304", "6390", "6759", "6761", "6762", "6763")
_OTHERS: Final = {
    "6011": "Discover",
    **{str(prefix): "Discover" for prefix in range(644, 650)},
    "65": "Discover or RuPay",
    "62": "UnionPay",
    "60": "RuPay",
    "6706": "Laser",
    "6709": "Laser",
    "6771": "Laser",
    "5019": "Dankort, perhaps with Maestro",
}
_RANGE: Final = ("50", "56", "57", "58", "59", "6")


class Recognised(NamedTuple):
    """``maestro``: yes, maybe or no; ``brand``: whose digits these are as far as tables tell."""

    maestro: str
    brand: str


def recognise(digits: str) -> Recognised:
    """Judge the first six to eight digits of a card's number (its issuer's, ISO/IEC 7812-1)."""
    if digits.startswith(_MAESTRO):
        return Recognised("yes", "Maestro")
    for prefix in sorted(_OTHERS, key=len, reverse=True):
        if digits.startswith(prefix):
            return Recognised("maybe" if "Maestro" in _OTHERS[prefix] else "no", _OTHERS[prefix])
    if digits.startswith(_RANGE):
        return Recognised("maybe", "unknown")
    return Recognised("no", "another")
