"""A payment whose gateway credits another currency than the payer paid: what of it is held in which currency. Pure.

Two transactions through ``exchange:<pair>``, one in each currency, at the gateway's rate. What goes back goes the same way
at the rate of the payment, so that the pair ends at nothing. Where the gateway tells what it took for a refund, it holds so
much less, and what the rates differ by is the platform's: a loss (+) or a gain (−) on ``expense:exchange_differences``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from hub.payments import ledger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hub.jsontypes import Json
    from hub.payments.payment import Facts
    from hub.payments.postings import Account, Holdings


@dataclass(frozen=True, slots=True)
class Debit:
    """What the gateway took in ``currency`` for a refund of ``refunded`` in the payment's; all in minor units."""

    refunded: int
    taken: int
    currency: str


def exchanged(account: Account) -> Holdings:
    """What the exchanges of a payment and of its refunds leave on the accounts."""
    settled = in_other_currency(account.facts.value("settled"), account.currency)
    debits = list(_debits(account.facts, account.currency))
    found: dict[tuple[str, str], int] = defaultdict(int)
    gone = account.returned - account.lost() + account.disputed()
    for one in debits:
        if settled is None or one.currency != settled[1]:  # it was not taken of what the payment had brought
            _exchange(found, account, -one.refunded, -one.taken, one.currency)
            gone -= one.refunded
    if settled is not None:
        whole, currency = settled
        left = account.paid - gone
        credited = _share(whole, left, account.paid)
        _exchange(found, account, left, credited, currency)
        same = [one for one in debits if one.currency == currency]
        expected = _share(whole - credited, sum(one.refunded for one in same), gone)
        _lose(found, account, sum(one.taken for one in same) - expected, currency)
    for minor, currency in _not_given_back(account.facts):
        _lose(found, account, minor, currency)
    return found


def in_other_currency(value: Json, currency: str) -> tuple[int, str] | None:
    """Minor units and currency of an amount that is not in ``currency``; None for no such amount."""
    if not isinstance(value, dict) or value["currency"] == currency:
        return None
    return cast("int", value["minor"]), str(value["currency"])


def debited(facts: Facts) -> Mapping[str, int]:
    """What the gateway took for refunds where that is in another currency: currency -> minor units."""
    amount = facts.value("amount")
    found: dict[str, int] = defaultdict(int)
    for one in _debits(facts, str(amount["currency"]) if isinstance(amount, dict) else ""):
        found[one.currency] += one.taken
    return found


def _debits(facts: Facts, currency: str) -> Iterator[Debit]:
    for refund, minor in sorted(facts.refunds.items()):
        taken = in_other_currency(facts.of_refund(refund, "settled"), currency)
        if minor and taken is not None:
            yield Debit(minor, *taken)


def _not_given_back(facts: Facts) -> Iterator[tuple[int, str]]:
    """What the gateway took for refunds that failed, less what it gave back then, where it tells both in one currency."""
    for refund in sorted(facts.exchanges):
        taken, back = (facts.of_refund(refund, name) for name in ("settled", "given_back"))
        if isinstance(taken, dict) and isinstance(back, dict) and taken["currency"] == back["currency"]:
            yield cast("int", taken["minor"]) - cast("int", back["minor"]), str(taken["currency"])


def _share(whole: int, part: int, of: int) -> int:
    """``part`` of ``of`` parts of a whole, rounded to the minor unit, halves up."""
    return (2 * whole * part + of) // (2 * of) if of else 0


def _exchange(found: dict[tuple[str, str], int], account: Account, minor: int, credited: int, currency: str) -> None:
    """The gateway has ``credited`` in ``currency`` instead of ``minor`` in the payment's."""
    gateway, pair = ledger.gateway(account.connection), ledger.exchange(account.currency, currency)
    for place, change in ((account.currency, -minor), (currency, credited)):
        found[gateway, place] += change
        found[pair, place] -= change


def _lose(found: dict[tuple[str, str], int], account: Account, minor: int, currency: str) -> None:
    found[ledger.EXCHANGE_DIFFERENCES, currency] += minor
    found[ledger.gateway(account.connection), currency] -= minor
