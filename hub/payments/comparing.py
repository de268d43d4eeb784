"""Whether a gateway says of a payment what the ledger says of it, and what to do when it does not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from hub.money import Money
from hub.payments import ledger
from hub.payments.recall import belongings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hub.jsontypes import JsonObject
    from hub.payments.postings import Account

_TAKEN: Final = frozenset({"succeeded", "partially_refunded", "refunded", "returned", "disputed"})
_TELLS: Final = {
    "succeeded": "payment.succeeded",
    "partially_refunded": "payment.succeeded",
    "refunded": "payment.succeeded",
    "returned": "payment.returned",
}
"""What a gateway's answer tells of a payment that nothing was heard of (:mod:`hub.payments.telling`), by its status."""

_CREDITED: Final = ("fee", "settled")
SETTLED: Final = "payment.settled"

ASK: Final = "Take the gateway's word over: the hub then books the payment as the gateway has it."
RESEND: Final = "Look at the payment there, and have the gateway send its reports of refunds and returns again."
MORE: Final = (
    "More was taken there than the hub heard of. Look at it there, and have the gateway send its reports again."
)
WAIT: Final = "The gateway may still be at it: compare again tomorrow, and look at the payment there when it stays so."
CREDITED: Final = (
    "It named another sum before. Look at its statement of account, then take its word over: what differs is booked."
)


@dataclass(frozen=True, slots=True)
class Difference:
    """What the ledger expects on an account because of one thing, and what the gateway's words come to.

    ``here`` and ``there`` say in a word how the thing stands, where that is told apart. ``reports``: the types of the
    gateway's reports that are missing, where telling them settles it. ``refund``: which refund of the payment it is about,
    where it is one.
    """

    account: str
    expected: Money
    found: Money
    proposal: str
    here: str = ""
    there: str = ""
    reports: tuple[str, ...] = ()
    refund: str = ""

    def to_json(self) -> JsonObject:
        """As pages and events show it; ``difference`` is found less expected, where both are of one currency."""
        one_currency = self.expected.currency == self.found.currency
        words: JsonObject = {"here": self.here, "there": self.there} if self.here else {}
        return {
            "account": self.account,
            "expected": self.expected.to_json(),
            "found": self.found.to_json(),
            **({"difference": (self.found - self.expected).to_json()} if one_currency else {}),
            **words,
            "proposal": self.proposal,
            **({"reports": list(self.reports)} if self.reports else {}),
            **({"refund": self.refund} if self.refund else {}),
        }


def differences(account: Account, said: JsonObject) -> Sequence[Difference]:
    """Where a gateway's answer to ``payment.get`` differs from what is booked; what it leaves out is not compared.

    Disputes are not compared: gateways report them on their own, each in its own way.
    """
    return [*_money(account, said), *_credited(account, said)]


def credited(account: Account, said: JsonObject) -> JsonObject | None:
    """What the gateway keeps of a payment and credits for it, where no report said that: the data of ``payment.settled``."""
    facts = account.facts
    news = {name: said[name] for name in _CREDITED if said.get(name) and facts.value(name) is None}
    if not news or said["status"] not in _TAKEN or not account.paid:
        return None
    return {"payment": account.payment, "amount": facts.value("amount"), **belongings(facts), **news}


def _money(account: Account, said: JsonObject) -> Iterator[Difference]:
    taken, back = _taken(account, said), _back(account, said)
    if taken is None or back is None:
        return
    gave_back = account.facts.refunded + (account.paid if "returned" in account.facts.told else 0)
    expected, found = account.paid - gave_back, taken - back
    if expected == found and (account.paid == taken or "returned" in account.facts.told):
        return
    place, currency = ledger.gateway(account.connection), account.currency
    proposal, tells = _proposal(account, said, taken=taken, more_back=back > gave_back)
    yield Difference(place, Money(expected, currency), Money(found, currency), proposal, reports=tells)


def _proposal(account: Account, said: JsonObject, *, taken: int, more_back: bool) -> tuple[str, tuple[str, ...]]:
    """What to do about another sum, and what is told when the gateway's word is taken over."""
    if taken > account.paid:
        tells = _TELLS.get(str(said["status"])) if not account.paid else None
        return (ASK, (tells,)) if tells else (MORE, ())
    return RESEND if more_back else WAIT, ()


def _taken(account: Account, said: JsonObject) -> int | None:
    """What the gateway took, in minor units of the payment's currency; None when it does not say."""
    captured, amount = (_minor(account, said, name) for name in ("captured", "amount"))
    if captured:
        return captured
    if said["status"] not in _TAKEN:
        return 0
    return amount


def _back(account: Account, said: JsonObject) -> int | None:
    """What the gateway gave back, in minor units; None when it does not say."""
    taken, refunded = _taken(account, said), _minor(account, said, "refunded")
    if said["status"] in {"returned", "refunded"}:
        return taken
    if refunded is not None:
        return refunded
    return None if said["status"] == "partially_refunded" else 0


def corrected(account: Account, said: JsonObject) -> JsonObject | None:
    """What the gateway keeps and credits by now where a report said otherwise: the data of ``payment.settled``."""
    if not list(_credited(account, said)):
        return None
    news = {name: said[name] for name in _CREDITED if said.get(name)}
    return {"payment": account.payment, "amount": account.facts.value("amount"), **belongings(account.facts), **news}


def _credited(account: Account, said: JsonObject) -> Iterator[Difference]:
    """What no report told yet is no difference: it is told (:func:`credited`)."""
    for name in _CREDITED:
        booked, told = account.facts.value(name), said.get(name)
        if not isinstance(booked, dict) or not isinstance(told, dict) or said["status"] not in _TAKEN:
            continue
        expected, found = Money.from_json(booked), Money.from_json(told)
        if expected.currency == found.currency and expected != found:
            place = ledger.FEES if name == "fee" else ledger.exchange(account.currency, found.currency)
            yield Difference(place, expected, found, CREDITED, reports=(SETTLED,))


def _minor(account: Account, said: JsonObject, name: str) -> int | None:
    money = said.get(name)
    if not isinstance(money, dict) or money["currency"] != account.currency:
        return None
    return cast("int", money["minor"])
