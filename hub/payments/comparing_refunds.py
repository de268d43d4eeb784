"""Whether a gateway says of a payment's refunds what is booked of what it took and kept for them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from hub.money import Money
from hub.payments import ledger
from hub.payments.comparing import CREDITED, Difference
from hub.payments.recall import belongings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hub.jsontypes import JsonObject
    from hub.payments.postings import Account

REFUND_SETTLED: Final = "refund.settled"
_PLACES: Final = {"fee": ledger.FEES, "settled": ledger.EXCHANGE_DIFFERENCES}
"""What is compared of a refund -> the account on which the difference shows."""


def refund_differences(account: Account, said: JsonObject) -> Sequence[Difference]:
    """Where an answer to ``payment.get`` says otherwise than was told; what no report told yet is told, not shown."""
    return [one for refund in _refunds(account, said) for one in _of_refund(account, refund)]


def refunds_credited(account: Account, said: JsonObject) -> Sequence[JsonObject]:
    """What the gateway took and kept for refunds, where no report said that: the data of ``refund.settled``, one each."""
    news = []
    for refund in _refunds(account, said):
        told = {name: refund[name] for name in _PLACES if _is_new(account, refund, name)}
        if told:
            news.append(_event(account, refund, told))
    return news


def refunds_corrected(account: Account, said: JsonObject) -> Sequence[JsonObject]:
    """What the gateway took and kept by now for refunds of which a report said otherwise, as :func:`refunds_credited`."""
    return [
        _event(account, refund, {name: refund[name] for name in _PLACES if refund.get(name)})
        for refund in _refunds(account, said)
        if list(_of_refund(account, refund))
    ]


def _refunds(account: Account, said: JsonObject) -> Iterator[JsonObject]:
    """Those that are known here and failed neither here nor there."""
    for one in cast("Sequence[JsonObject]", said.get("refunds") or []):
        if one["status"] != "failed" and account.facts.refunds.get(str(one["refund"])):
            yield one


def _is_new(account: Account, refund: JsonObject, name: str) -> bool:
    return bool(refund.get(name)) and account.facts.of_refund(str(refund["refund"]), name) is None


def _of_refund(account: Account, refund: JsonObject) -> Iterator[Difference]:
    for name, place in _PLACES.items():
        booked, found = account.facts.of_refund(str(refund["refund"]), name), refund.get(name)
        if not isinstance(booked, dict) or not isinstance(found, dict) or booked["currency"] != found["currency"]:
            continue
        expected, there = Money.from_json(booked), Money.from_json(found)
        if expected != there:
            reports = (REFUND_SETTLED,)
            yield Difference(place, expected, there, CREDITED, reports=reports, refund=str(refund["refund"]))


def _event(account: Account, refund: JsonObject, told: JsonObject) -> JsonObject:
    identity = str(refund["refund"])
    amount = Money(account.facts.refunds[identity], account.currency).to_json()
    about: JsonObject = {"refund": identity, "payment": account.payment, "amount": amount}
    return {**belongings(account.facts), **about, **told}
