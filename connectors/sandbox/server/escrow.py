"""Releasing, freezing, settling and lapsing of holds: the parts that move money on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.sandbox.server import holds, moves, payments, returns
from connectors.sandbox.server.records import Hold, Payment
from connectors.sandbox.server.refusals import exceeds, wrong_state

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from connectors.sandbox.server.store import Store
    from hub.jsontypes import Json


@dataclass(frozen=True, slots=True)
class Part:
    """What one provider gets, in minor units of the hold's currency."""

    provider: str
    amount: int


def release(store: Store, hold: Hold, parts: Sequence[Part], now: datetime) -> Hold:
    """Give held money to providers; what no part names stays with the platform. Raises ``Refusal``.

    An authorisation is captured whole first.
    """
    if hold.status != "held":
        message = f"The hold is {hold.status}; only a held one can be released."
        raise wrong_state(message)
    _check_sum(hold, sum(part.amount for part in parts))
    return _hand_out(store, hold, parts, "released", hold.amount, now)


def freeze(store: Store, hold: Hold, reason: str, now: datetime) -> Hold:
    """Nothing may be released until it is settled. Raises ``Refusal``."""
    if hold.status != "held":
        message = f"The hold is {hold.status}; only a held one can be frozen."
        raise wrong_state(message)
    return holds.freeze(store, hold, reason, now)


def settle(store: Store, hold: Hold, parts: Sequence[Part], refund: int, now: datetime) -> Hold:
    """Divide held or frozen money between providers and payer; the rest stays with the platform. Raises ``Refusal``."""
    if hold.status not in holds.ACTIVE:
        message = f"The hold is {hold.status}; there is nothing to settle."
        raise wrong_state(message)
    _check_sum(hold, refund + sum(part.amount for part in parts))
    if hold.mode == "authorization" and refund == hold.amount:
        payments.void(store, store.get(Payment, hold.payment), now)
        return store.get(Hold, hold.id)
    kept = hold.amount - refund
    if hold.mode == "collected" and refund:
        hold = store.save(hold.but(status="settled"))
        returns.refund(store, store.get(Payment, hold.payment), refund, now, reason="settlement")
    return _hand_out(store, hold, parts, "settled", kept, now)


def lapse(store: Store, hold: Hold, now: datetime) -> None:
    """Warn a day before, then let go: an authorisation ends, collected money falls to the platform."""
    if not hold.warned:
        hold = store.save(hold.but(warned=True))
        holds.tell(store, "hold.lapsing", hold, now)
        return
    hold = store.save(hold.but(status="lapsed"))
    holds.tell(store, "hold.lapsed", hold, now)
    payment = store.get(Payment, hold.payment)
    if payment.state == "authorized":
        payments.expire(store, payment, now)
    elif hold.mode == "authorization":
        store.save(payment.but(capture_closed=True, lapses_at=None))


def _check_sum(hold: Hold, total: int) -> None:
    if total > hold.amount:
        message = f"The hold has {hold.amount}; the parts add up to {total}."
        raise exceeds(message)


def _hand_out(  # noqa: PLR0913 (what, to whom, how it ends)
    store: Store, hold: Hold, parts: Sequence[Part], status: str, kept: int, now: datetime
) -> Hold:
    """Close the hold with ``status``, take ``kept`` of an authorisation, and send each part."""
    named: tuple[dict[str, Json], ...] = tuple(
        {"provider": part.provider, "amount": {"minor": part.amount, "currency": hold.currency}} for part in parts
    )
    hold = store.save(hold.but(status=status, parts=named))
    payment = store.get(Payment, hold.payment)
    if hold.mode == "authorization":
        payments.capture(store, payment, kept, final=True, now=now)
    holds.tell(store, f"hold.{status}", hold, now, kept)
    for part in parts:
        moves.transfer(
            store,
            part.provider,
            part.amount,
            hold.currency,
            now,
            payment=store.get(Payment, hold.payment),
            from_hold=True,
        )
    return hold
