"""What the accounts of the ledger are called where people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.payments import ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS: Final = {
    ledger.COMMISSION: "Commission",
    ledger.SALES: "Sales",
    ledger.FEES: "Gateway fees",
    ledger.DISPUTED: "Disputed",
    ledger.BANK: "Your bank account",
}


def account_words(account: str, names: Mapping[str, str]) -> str:
    """An account in words; ``names`` has what the providers of these ids are called. One without words is itself."""
    family, _, of = account.partition(":")
    if family == "provider":
        return names.get(of, of)
    if family == "gateway":
        return f"Money at {of}"
    if family == "held":
        return "Held until it is divided"
    if family == "exchange":
        return f"Exchanged, {of.replace('/', ' and ')}"
    return _WORDS.get(account, account)
