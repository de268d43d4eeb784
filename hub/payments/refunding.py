"""What a refund may give back, and for whose parts it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from hub.errors import PermanentError
from hub.money import Money
from hub.payments.division import OWN, Share, shared_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.jsontypes import Json, JsonObject
    from hub.payments.postings import Account


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line of the payment's order, in minor units, and what earlier refunds gave back of it."""

    id: str
    position: int
    item: str
    title: str
    vendor: str
    quantity: int
    total: int
    refunded: int = 0
    tax: int = 0

    @property
    def left(self) -> int:
        """How many of its goods are not given back; one of which a part of the price went back is left still."""
        return self.quantity - self.refunded * self.quantity // self.total if self.total else 0


def with_refund(account: Account, refund: str, minor: int, parts: Mapping[str, int]) -> Account:
    """The account as if this refund had been told."""
    facts = replace(account.facts, refunds={**account.facts.refunds, refund: minor})
    return replace(account, facts=facts, named={**account.named, refund: parts})


def waits(in_all: int, currency: str, limits: Json) -> bool:
    """Whether a person agrees first: what goes back of a payment ``in_all``, as many small refunds are as one large.

    ``limits``: currency -> minor units.
    """
    limit = limits.get(currency) if isinstance(limits, dict) else None
    return isinstance(limit, int) and in_all > limit


def checked(account: Account, amount: Money | None, limits: Mapping[str, object], title: str, now: datetime) -> Money:
    """The amount that a refund gives back, all that is left when none is named.

    ``limits`` are what the gateway says of its refunds, ``title`` is its name. Raises ``PermanentError``.
    """
    rest = Money(account.rest, account.currency)
    if not rest.minor:
        message = f"Nothing is left of the payment {account.payment}: all of it went back, or is in dispute."
        raise PermanentError(message, code="already_refunded", remedy="Look at the payment's page for what happened.")
    asked = rest if amount is None else amount
    if asked.currency != rest.currency or not 0 < asked.minor <= rest.minor:
        message = f"{asked} cannot be given back: {rest} is left of the payment."
        raise PermanentError(message, code="amount_exceeds_rest", remedy=f"Give back at most {rest}.")
    paid_at = datetime.fromisoformat(account.facts.told["succeeded"])
    wanted = Wanted(asked, account.paid, paid_at, refunded=bool(account.facts.refunded))
    refuse_beyond_limits(wanted, limits, title, now)
    return asked


@dataclass(frozen=True, slots=True)
class Wanted:
    """A refund of a payment that brought in ``paid`` (minor units) at ``paid_at`` (UTC; None: it is only taken now).

    ``refunded``: whether something of it went back before.
    """

    amount: Money
    paid: int
    paid_at: datetime | None
    refunded: bool


def refuse_beyond_limits(
    wanted: Wanted, limits: Mapping[str, object], title: str, now: datetime, remedy: str = ""
) -> None:
    """Raises ``PermanentError`` for a refund that the gateway would refuse by what its manifest says of its refunds.

    ``remedy``: what can be done instead, where it is not the usual.
    """
    if limits.get("partial") is False and wanted.amount.minor != wanted.paid:
        message = f"{title} gives back whole payments only."
        raise PermanentError(message, code="amount_exceeds_rest", remedy=remedy or "Refund all of it.")
    if limits.get("repeatable") is False and wanted.refunded:
        message = f"{title} refunds a payment once, and that was done."
        raise PermanentError(message, code="already_refunded", remedy=remedy or "Give the rest back in another way.")
    days, paid_at = limits.get("refund_days"), wanted.paid_at
    if isinstance(days, int) and paid_at is not None and now - paid_at > timedelta(days=days):
        message = f"{title} gives payments back within {days} days; this one was paid on {paid_at:%Y-%m-%d}."
        raise PermanentError(message, code="window_closed", remedy=remedy or "Give the money back in another way.")


def by_lines(asked: Sequence[JsonObject], known: Sequence[OrderLine], currency: str) -> Sequence[JsonObject]:
    """The lines that are given back, each with vendor and total. Raises ``PermanentError`` when one cannot be."""
    return [_line(number, line, known, currency) for number, line in enumerate(asked, start=1)]


def _line(number: int, line: JsonObject, known: Sequence[OrderLine], currency: str) -> JsonObject:
    named = any(line.get(name) for name in ("id", "item", "title"))
    fitting = [one for one in known if named and _is_meant(line, one)]
    order_line = fitting[0] if len(fitting) == 1 else None
    if order_line is None and (known or not line.get("total")):
        message = f"Line {number} is no line of the order, or stands for several of them."
        raise PermanentError(
            message, code="bad_input", remedy="Name it by its place in the order (`id`), or by its `item`."
        )
    total = Money.from_json(line["total"]) if line.get("total") else _of_quantity(line, order_line, currency)
    left = total.minor if order_line is None else order_line.total - order_line.refunded
    if total.currency != currency or not 0 < total.minor <= left:
        message = f"Line {number}: {total} cannot be given back; {Money(left, currency)} of it is left."
        raise PermanentError(message, code="amount_exceeds_rest", remedy="Give back at most what is left of the line.")
    vendor = line.get("vendor") if order_line is None else order_line.vendor
    known_id = {} if order_line is None else {"id": order_line.id}
    return {**line, **known_id, **({"vendor": vendor} if vendor else {}), "total": total.to_json()}


def _is_meant(line: JsonObject, known: OrderLine) -> bool:
    """Whether a line is meant: by its id or its place in the order (from 1), its item and its title, as far as given."""
    return (
        line.get("id") in {None, known.id, str(known.position)}
        and line.get("item") in {None, known.item}
        and line.get("title") in {None, known.title}
    )


def _of_quantity(line: JsonObject, known: OrderLine | None, currency: str) -> Money:
    """So many of a line's goods; all that is left of the line when no quantity is named, or all that are left."""
    if known is None:
        return Money.zero(currency)
    quantity = line.get("quantity")
    if quantity is None:
        return Money(known.total - known.refunded, currency)
    wanted = cast("int", quantity)
    if wanted != int(wanted) or not 0 < wanted <= known.quantity:
        message = f"{quantity} of {known.quantity} cannot be given back."
        raise PermanentError(message, code="bad_input", remedy="Give a whole number, at most what was bought.")
    if wanted == known.left:
        return Money(known.total - known.refunded, currency)
    return Money(known.total, currency).allocate([int(wanted), known.quantity - int(wanted)])[0]


def parts_of(account: Account, amount: Money, lines: Sequence[JsonObject]) -> Mapping[str, int]:
    """For whose parts a refund is: by its lines, else in proportion of what each got of what is divided by now.

    Raises ``PermanentError`` (``amount_exceeds_rest``) when lines take more than is left of a vendor's part.
    """
    if not lines:
        return shared_out(account.division, account.paid, account.taken, amount.minor, account.currency)
    parts: dict[str, int] = {}
    for line in lines:
        party = str(line.get("vendor") or OWN)
        parts[party] = parts.get(party, 0) + cast("int", cast("JsonObject", line["total"])["minor"])
    left = {share.provider: share.whole for share in account.division.shares}
    for name, share in account.taken.shares.items():
        left[name] -= share.whole
    for name, part in parts.items():
        if name in left and part > left[name]:
            has, wanted = Money(left[name], account.currency), Money(part, account.currency)
            message = f"{wanted} cannot be taken back of {name}: {has} is left of their part."
            raise PermanentError(message, code="amount_exceeds_rest", remedy="Give back less, or name no lines.")
    return parts


def given_up(before: Account, after: Account) -> Sequence[Share]:
    """What each provider gives up by what is told in ``after`` and not yet in ``before``: amount, commission, fee."""
    found = []
    for name, share in after.taken.shares.items():
        known = before.taken.shares.get(name, Share(name, 0))
        parts = [new - old for new, old in zip(share.parts(), known.parts(), strict=True)]
        if any(parts):
            found.append(Share(name, *parts))
    return found
