"""What the accounts of the ledger are called where people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.payments import ledger
from hub.payments.payout_runs import provider_names
from hub.web.owners import owners_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import sqlalchemy as sa

_WORDS: Final = {
    ledger.COMMISSION: "Commission",
    ledger.SALES: "Sales",
    ledger.FEES: "Gateway fees",
    ledger.EXCHANGE_DIFFERENCES: "Lost or gained by exchange rates",
    ledger.DISPUTED: "Disputed",
    ledger.BANK: "Your bank account",
}


def account_words(connection: sa.Connection, accounts: Iterable[str]) -> Mapping[str, str]:
    """Each account with what it is called; one without words is itself."""
    known = {account: account.partition(":")[::2] for account in accounts}
    providers = provider_names(connection, [of for family, of in known.values() if family == "provider"])
    owners = owners_of(connection, [of for family, of in known.values() if family == "held"])
    names = {**providers, **{owner: f"Held for {one.words}" for owner, one in owners.items()}}
    return {account: _words(account, family, of, names) for account, (family, of) in known.items()}


def _words(account: str, family: str, of: str, names: Mapping[str, str]) -> str:
    if family == "provider":
        return names.get(of, of)
    if family == "held":
        return names.get(of, "Held until it is divided")
    if family == "gateway":
        return f"Money at {of}"
    if family == "exchange":
        return f"Exchanged, {of.replace('/', ' and ')}"
    return _WORDS.get(account, account)
