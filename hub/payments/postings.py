"""What a payment's accounts must hold, from everything that was told of it: the same for every order of arrival. Pure.

The projection (:mod:`hub.payments.accounting`) posts what is missing to it, so late and repeated news end the same.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from hub.payments import ledger
from hub.payments.division import Division, Taken, take_back, united
from hub.payments.exchanges import exchanged
from hub.payments.payment import LOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import JsonObject
    from hub.payments.payment import Facts

Holdings: TypeAlias = "Mapping[tuple[str, str], int]"
"""(account, currency) -> minor units."""

KINDS: Final = ("paid", "exchange", "fee", "split", "taken", "dispute")
"""The kinds of a payment's transactions; each sums to zero by itself."""


@dataclass(frozen=True, slots=True)
class Account:
    """Everything that decides what a payment's accounts hold.

    ``splits``: split -> how it divided the payment. ``named``: refund -> provider (or ``OWN``) -> how much of it is for
    their part. ``sales``: of its order's lines, those that no vendor sells, once the order is paid.
    """

    connection: str
    payment: str
    facts: Facts
    splits: Mapping[str, Division] = field(default_factory=dict)
    named: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    sales: int = 0

    @property
    def currency(self) -> str:
        """The currency of the payment."""
        return str(cast("JsonObject", self.facts.value("amount") or {})["currency"])

    @property
    def paid(self) -> int:
        """What came in, in minor units: nothing until it succeeded, only what was captured of an authorisation."""
        return (self.facts.paid or 0) if "succeeded" in self.facts.told else 0

    @property
    def returned(self) -> int:
        """What went back by refunds, lost disputes and a returned debit."""
        return self.facts.gone

    @property
    def rest(self) -> int:
        """What can still be given back or passed on: what came in less what went back or is disputed."""
        return max(self.paid - self.returned - self._disputed({"open"}), 0)

    @property
    def owner(self) -> str:
        """The account on which the payment waits to be divided; plain sales are the platform's at once."""
        belongs = self.facts.value("order") or self.facts.value("job")
        return ledger.held(str(belongs)) if belongs else ledger.SALES

    @property
    def division(self) -> Division:
        """All splits as one; without any, the goods of the platform's own that a paid order names."""
        if self.splits:
            return united(self.splits[name] for name in sorted(self.splits))
        return Division(sales=min(self.sales, self.paid))

    @property
    def taken(self) -> Taken:
        """What each party gives of all that went back."""
        named = [self.named[refund] for refund in sorted(self.named) if self.facts.refunds.get(refund)]
        return take_back(self.division, self.paid, self.returned, named, self.currency)

    def disputed(self) -> int:
        """What is in dispute, or was lost by one."""
        return self._disputed({"open", *LOST})

    def lost(self) -> int:
        """What disputes took for good."""
        return self._disputed(LOST)

    def _disputed(self, outcomes: frozenset[str] | set[str]) -> int:
        facts = self.facts
        return sum(facts.disputed.get(name, 0) for name, outcome in facts.disputes.items() if outcome in outcomes)


def holdings(account: Account) -> Mapping[str, Holdings]:
    """What the payment's accounts must hold: kind of transaction -> account and currency -> minor units."""
    if not account.paid:
        return {}
    return {
        "paid": _pair(account, ledger.gateway(account.connection), account.owner, account.paid),
        "exchange": exchanged(account),
        "fee": _fees(account),
        "split": _split(account),
        "taken": _taken(account),
        "dispute": _pair(account, ledger.DISPUTED, ledger.gateway(account.connection), account.disputed()),
    }


def provider_holdings(account: Account) -> Mapping[str, int]:
    """What the payment leaves on each provider's account, in minor units; below zero what we owe them."""
    found: dict[str, int] = defaultdict(int)
    for held in holdings(account).values():
        for (name, _), minor in held.items():
            if name.startswith("provider:"):
                found[name.removeprefix("provider:")] += minor
    return found


def missing(wanted: Holdings, have: Holdings) -> Holdings:
    """What must be posted to come from what the accounts have to what they must hold."""
    places = {*wanted, *have}
    found = {place: wanted.get(place, 0) - have.get(place, 0) for place in sorted(places)}
    return {place: minor for place, minor in found.items() if minor}


def _pair(account: Account, first: str, second: str, minor: int) -> Holdings:
    return {(first, account.currency): minor, (second, account.currency): -minor}


def _fees(account: Account) -> Holdings:
    """What the gateway keeps of the payment and of each refund. It takes it from what it holds for us in that currency."""
    facts, gateway = account.facts, ledger.gateway(account.connection)
    of_refunds = [facts.of_refund(refund, "fee") for refund, minor in facts.refunds.items() if minor]
    found: dict[tuple[str, str], int] = defaultdict(int)
    for fee in (facts.value("fee"), *of_refunds):
        if isinstance(fee, dict):
            minor, currency = cast("int", fee["minor"]), str(fee["currency"])
            found[ledger.FEES, currency] += minor
            found[gateway, currency] -= minor
    return found


def _split(account: Account) -> Holdings:
    division, currency = account.division, account.currency
    found: dict[tuple[str, str], int] = defaultdict(int)
    found[account.owner, currency] += division.total
    for share in division.shares:
        found[ledger.provider(share.provider), currency] -= share.amount
        found[ledger.COMMISSION, currency] -= share.commission
        found[ledger.FEES, currency] -= share.fee
    found[ledger.SALES, currency] -= division.sales
    found[ledger.COMMISSION, currency] -= division.commission
    return found


def _taken(account: Account) -> Holdings:
    taken, currency = account.taken, account.currency
    found: dict[tuple[str, str], int] = defaultdict(int)
    for share in taken.shares.values():
        found[ledger.provider(share.provider), currency] += share.amount
        found[ledger.COMMISSION, currency] += share.commission
        found[ledger.FEES, currency] += share.fee
    found[ledger.SALES, currency] += taken.sales
    found[ledger.COMMISSION, currency] += taken.commission
    found[account.owner, currency] += taken.held
    found[f"customer:{account.payment}"[:300], currency] += taken.beyond
    found[ledger.DISPUTED, currency] -= account.lost()
    found[ledger.gateway(account.connection), currency] -= account.returned - account.lost()
    return found
