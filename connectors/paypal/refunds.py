"""What PayPal takes for a refund, in the account's currency where it converts, and gives back of its fee. Pure.

A refund tells it in its ``seller_payable_breakdown`` (Payments API v2): ``paypal_fee`` and ``net_amount`` in its own
currency, and what was debited, net of that fee, in ``net_amount_breakdown`` where the account is in another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.paypal.api import list_of, money_of, object_of
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.jsontypes import Json, JsonObject

STATUS: Mapping[str, str] = {"COMPLETED": "issued", "PENDING": "pending"}


def taken_for(refund: JsonObject) -> JsonObject:
    """``fee`` (below zero: PayPal gives it back) and ``settled``, as the hub means them; null for what is not told.

    So that both are of one currency the fee is converted as the net amount was, where PayPal does not say it
    (``paypal_fee_in_receivable_currency``); what is taken is the net amount and that fee.
    """
    breakdown = object_of(refund.get("seller_payable_breakdown"))
    fee = _money(breakdown.get("paypal_fee"))
    payable = _payable(breakdown, str(object_of(refund.get("amount")).get("currency_code")))
    if payable is None:
        return {"fee": _json(-fee) if fee is not None and fee.minor else None, "settled": None}
    given_back = _converted(breakdown, fee, payable) if fee is not None else None
    if given_back is None:
        return {"fee": None, "settled": _json(payable)}
    return {"fee": _json(-given_back), "settled": _json(payable + given_back)}


def with_known_rate(refunds: Sequence[JsonObject]) -> Json:
    """Of refunds, as PayPal has them, those that tell what was taken or given back for them."""
    known = [(one, taken_for(one)) for one in refunds]
    return [
        {
            "refund": one.get("id"),
            "status": STATUS.get(str(one.get("status")), "failed"),
            "amount": money_of(one.get("amount")),
            **taken,
        }
        for one, taken in known
        if any(taken.values())
    ]


def _payable(breakdown: JsonObject, currency: str) -> Money | None:
    """What was debited, net of the fee, in another currency than the refund's; None where it was none, or several.

    PayPal may take a refund from several balances, each an item of its own.
    """
    items = list_of(breakdown.get("net_amount_breakdown"))
    if not items:
        told = [_money(breakdown.get("net_amount_in_receivable_currency"))]
    else:
        told = [_debited(item, currency) for item in items]
    found = [abs(one) for one in told if one is not None and one.currency != currency]
    if not found or len(found) < len(told) or len({one.currency for one in found}) > 1:
        return None
    return Money.total(found, found[0].currency)


def _debited(item: JsonObject, currency: str) -> Money | None:
    """Of the two amounts of an item the one that is not in the refund's currency."""
    amounts = [_money(item.get(name)) for name in ("payable_amount", "converted_amount")]
    return next((one for one in amounts if one is not None and one.currency != currency), None)


def _converted(breakdown: JsonObject, fee: Money, payable: Money) -> Money | None:
    """The fee in the currency of what was debited, rounded half up; None where the net amount is not told."""
    told = _money(breakdown.get("paypal_fee_in_receivable_currency"))
    if told is not None and told.currency == payable.currency:
        return told
    net = _money(breakdown.get("net_amount"))
    if not fee.minor:
        return Money.zero(payable.currency)
    if net is None or net.minor <= 0 or net.currency != fee.currency:
        return None
    return Money((2 * payable.minor * fee.minor + net.minor) // (2 * net.minor), payable.currency)


def _money(amount: Json) -> Money | None:
    told = money_of(amount)
    return None if told is None else Money.from_json(told)


def _json(money: Money) -> Json:
    return cast("Json", money.to_json())
