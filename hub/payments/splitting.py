"""How a payment is split between vendors and the platform: rules as data, figures to the last minor unit. Pure.

A rule says what commission the platform takes of what each vendor sold, who bears the gateway's fee, and what part of a
share is held back for some days; a vendor may have a rule of their own for each of the three.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from hub.errors import PermanentError
from hub.money import Money
from hub.payments.division import Division, Share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.jsontypes import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Reserve:
    """What is held back of a vendor's share, and until when (UTC)."""

    provider: str
    minor: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Split:
    """A split as its rule gives it."""

    division: Division
    reserves: tuple[Reserve, ...]


def split(amount: Money, lines: Sequence[JsonObject], rule: JsonObject, fee: Money, now: datetime) -> Split:
    """Divide ``amount`` by its order's lines (``{vendor, total}``; without a vendor the platform's own goods).

    What the lines leave of the amount is the platform's own (postage, a tip). ``fee`` is the gateway's, in the currency of
    the amount. Raises ``PermanentError`` (``bad_input``, ``amount_exceeds_rest``, ``currency_unsupported``).
    """
    sold = _sold(amount, lines)
    own = amount.minor - sum(sold.values())
    commissions = {one: commission(_rule_of(rule, one), Money(sold[one], amount.currency)).minor for one in sold}
    fees = _fees(rule, sold, own, fee)
    shares = []
    for vendor, whole in sold.items():
        borne = min(fees.get(vendor, 0), whole - commissions[vendor])
        shares.append(Share(vendor, whole - commissions[vendor] - borne, commissions[vendor], borne))
    kept = [_reserve(_rule_of(rule, share.provider), share, amount.currency, now) for share in shares]
    return Split(Division(tuple(shares), sales=own), tuple(one for one in kept if one is not None))


def vendors_bear_fees(rule: JsonObject) -> bool:
    """Whether the rule lays the gateway's fee on any vendor."""
    vendors = cast("Mapping[str, JsonObject]", rule.get("vendors") or {}).values()
    return any(one.get("fee_borne_by") == "vendors" for one in (rule, *vendors))


def commission(rule: JsonObject, sold: Money) -> Money:
    """The platform's part of what one vendor sold.

    ``rule["commission"]``: ``percent`` and ``fixed``, and ``tiers``, each ``from`` an amount on; below the lowest tier the
    plain rule counts. At least ``minimum``, and never more than all of it. Per cents are rounded, halves up.
    """
    given = cast("JsonObject", rule.get("commission") or {})
    tiers = cast("Sequence[JsonObject]", given.get("tiers") or [])
    steps = sorted(tiers, key=lambda tier: _start(tier, sold.currency))
    reached = [tier for tier in steps if _start(tier, sold.currency) <= sold.minor]
    due = _progressive(given, reached, sold) if given.get("progressive") else _plain([given, *reached][-1], sold)
    minimum = _amount(given.get("minimum"), sold.currency, "minimum")
    return min(max(due, minimum), sold)


def _plain(given: JsonObject, sold: Money) -> Money:
    return sold.percent(str(given.get("percent") or 0)) + _amount(given.get("fixed"), sold.currency, "fixed")


def _progressive(given: JsonObject, tiers: Sequence[JsonObject], sold: Money) -> Money:
    """Each tier's per cent of the part of the amount that lies in it; fixed parts of all that are reached add up."""
    starts = [_start(tier, sold.currency) for tier in tiers]
    if 0 not in starts:
        tiers, starts = [given, *tiers], [0, *starts]
    parts = [end - start for start, end in pairwise([*starts, sold.minor])]
    dues = (_plain(tier, Money(part, sold.currency)) for tier, part in zip(tiers, parts, strict=True))
    return Money.total(dues, sold.currency)


def _start(tier: JsonObject, currency: str) -> int:
    return _amount(tier.get("from"), currency, "from").minor


def _amount(given: Json, currency: str, name: str) -> Money:
    """An amount of a rule: one, or one for each currency. Raises ``PermanentError``."""
    if given is None:
        return Money.zero(currency)
    amounts = [Money.from_json(one) for one in (given if isinstance(given, list) else [given])]
    found = next((one for one in amounts if one.currency == currency), None)
    if found is None:
        known = ", ".join(one.currency for one in amounts)
        message = f"The rule gives {name} in {known}, but the payment is in {currency}."
        raise PermanentError(message, code="currency_unsupported", remedy=f"Give {name} in {currency} as well.")
    return found


def _rule_of(rule: JsonObject, vendor: str) -> JsonObject:
    """The rule, with what it says of this vendor alone in its place."""
    own = cast("JsonObject", rule.get("vendors") or {}).get(vendor)
    return {**rule, **own} if isinstance(own, dict) else rule


def _sold(amount: Money, lines: Sequence[JsonObject]) -> Mapping[str, int]:
    """What each vendor sold, in minor units, in the order in which they come first."""
    sold: dict[str, int] = {}
    total = 0
    for number, line in enumerate(lines, start=1):
        money = Money.from_json(line["total"])
        if money.currency != amount.currency or money.minor < 0:
            message = f"Line {number} has a total of {money}; the payment is {amount}."
            raise PermanentError(message, code="bad_input", remedy=f"Give totals in {amount.currency}, zero or more.")
        total += money.minor
        if line.get("vendor") and money.minor:
            vendor = str(line["vendor"])
            sold[vendor] = sold.get(vendor, 0) + money.minor
    if total > amount.minor:
        message = f"The lines are {Money(total, amount.currency)} in all, more than the payment of {amount}."
        raise PermanentError(message, code="amount_exceeds_rest", remedy="Split at most what was paid.")
    return sold


def _fees(rule: JsonObject, sold: Mapping[str, int], own: int, fee: Money) -> Mapping[str, int]:
    """What each vendor bears of the gateway's fee: nothing, or their part by what they sold, by largest remainder."""
    bearers = [vendor for vendor in sold if _rule_of(rule, vendor).get("fee_borne_by") == "vendors"]
    if not bearers:
        return {}
    weights = [*sold.values(), own]
    cuts = dict(zip([*sold, ""], fee.allocate(weights), strict=True))
    return {vendor: cuts[vendor].minor for vendor in bearers}


def _reserve(rule: JsonObject, share: Share, currency: str, now: datetime) -> Reserve | None:
    given = rule.get("reserve")
    if not isinstance(given, dict):
        return None
    minor = Money(share.amount, currency).percent(str(given["percent"])).minor
    return Reserve(share.provider, minor, now + timedelta(days=cast("int", given["days"]))) if minor else None
