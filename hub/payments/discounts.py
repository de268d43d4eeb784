"""What the first charges of a subscription cost less. Pure; amounts are minor units."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, cast

from hub.errors import PermanentError
from hub.money import Money

if TYPE_CHECKING:
    from hub.connect.manifest import Manifest
    from hub.jsontypes import JsonObject


def off(discount: JsonObject | None, whole: int, currency: str, cycle: int) -> int:
    """How much less the charge number ``cycle`` (from 0) of ``whole`` is; never more than it."""
    if discount is None:
        return 0
    cycles = cast("int | None", discount.get("cycles"))
    if cycles is not None and cycle >= cycles:
        return 0
    if discount.get("percent") is not None:
        return Money(whole, currency).percent(str(discount["percent"])).minor
    return min(Money.from_json(discount["amount"]).minor, whole)


def check(discount: JsonObject | None, price: Money) -> None:
    """Raises ``PermanentError`` (``bad_input``) for one that takes nothing off, leaves nothing, or has another currency."""
    if discount is None:
        return
    amount = discount.get("amount")
    money = price.percent(str(discount["percent"])) if amount is None else Money.from_json(amount)
    if money.currency != price.currency:
        message = f"The discount is in {money.currency}, the plan in {price.currency}."
        raise PermanentError(message, code="bad_input", remedy="Give it in the plan's currency, or in per cent.")
    if not 0 < money.minor < price.minor:
        does = "takes nothing off" if money.minor <= 0 else "leaves nothing to pay"
        message = f"A discount of {money} on {price} {does}."
        raise PermanentError(
            message, code="bad_input", remedy="Give one between, or free days at the start (trial_days)."
        )


def exactly(discount: JsonObject, price: Money) -> JsonObject:
    """A discount that takes off ``price`` at every gateway what :func:`off` says: per cent that leave a fraction of a minor
    unit, which each gateway rounds its own way, are given as their amount.

    Raises as :func:`check`.
    """
    check(discount, price)
    if discount.get("percent") is None or Decimal(str(discount["percent"])) * price.minor % 100 == 0:
        return discount
    cycles = {"cycles": discount["cycles"]} if discount.get("cycles") is not None else {}
    return {"amount": price.percent(str(discount["percent"])).to_json(), **cycles}


def refuse_where_unknown(manifest: Manifest, given: JsonObject) -> None:
    """Raises ``PermanentError`` (``method_unavailable``) when the gateway keeps the calendar and knows no discounts."""
    if given.get("discount") is None or manifest.takes_discounts:
        return
    message = f"{manifest.title} keeps the calendar of its subscriptions itself and takes no discounts with them."
    raise PermanentError(message, code="method_unavailable", remedy="Make a plan at the lower price, and use that.")
