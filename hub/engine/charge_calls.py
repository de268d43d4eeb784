"""What charging subscriptions says to gateways, and tells of it. Safe to repeat: all of it has keys of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hub.engine.gateway_calls import Attempt, part_key
from hub.ids import derived_id
from hub.payments.desk import references
from hub.payments.plans import close_links, pays_by_link, tell
from hub.payments.refunds import give_back

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import sqlalchemy as sa

    from hub.connect.api import Call
    from hub.connect.connector import LoadedConnector
    from hub.engine.hub import Hub
    from hub.engine.payment_desk import PaymentDesk
    from hub.journal.entries import Happening
    from hub.jsontypes import JsonObject
    from hub.payments.subscription import Tale

_NO_KEY = "0" * 40


class ChargeCalls:
    """The calls of subscriptions whose clock the hub keeps. They raise like actions."""

    def __init__(self, hub: Hub, desk: PaymentDesk) -> None:
        self._hub = hub
        self._desk = desk

    def charge(self, row: sa.Row[Any], charge: sa.Row[Any]) -> tuple[LoadedConnector, Call]:
        """The call of one charge: of the amount that was written down, whatever changed since then, under its own key."""
        metadata = {**(row.input.get("metadata") or {}), "hub_subscription": row.id, "hub_cycle": str(charge.cycle)}
        method = row.terms.get("method")
        given: JsonObject = {
            **references(row.input),
            "amount": {"minor": charge.amount, "currency": charge.currency},
            "metadata": metadata,
            **({"method": method} if method is not None else {}),
        }
        key = part_key(derived_id("chg", row.id)[4:].ljust(40, "0"), f"{charge.cycle}.{charge.attempt}")
        _, connector, call = self._desk.call(row.connection, key, given)
        return connector, call

    def ask(self, connection: str, action: str, part: str, given: JsonObject) -> JsonObject:
        """Another action of the gateway; ``part`` makes its key."""
        _, connector, call = self._desk.call(connection, part_key(_NO_KEY, part), given)
        return cast("JsonObject", connector.run(action, call))

    def give_back(self, row: sa.Row[Any], payment: str, minor: int, again: str = "") -> None:
        """A payment came in for a subscription that was over already: it goes back, and that is told.

        ``again`` tells a person's later wish from the hub's own attempt, which is made once.
        """
        about: JsonObject = {"amount": {"minor": minor, "currency": row.terms["currency"]}, "reason": row.state}
        self.tell(row, [("subscription.paid_again", payment, about)], payment)
        office = self._hub.office(f"subscription.give_back {row.connection}/{payment}{again}")
        error = give_back(office, office.doer(row.connection), payment, "subscription cancelled")
        if error is not None:
            self.tell(row, [("subscription.not_given_back", payment, {**about, "error": error})], payment)

    def close_links(self, row: sa.Row[Any], cycle: int) -> None:
        """Nobody can pay a period any more by the links that were sent for it."""
        attempt = self._attempt(row)
        if pays_by_link(attempt.connector.manifest):
            close_links(self._hub.gateway_calls.desk(attempt, attempt.call), row.id, cycle)
            self.record(attempt.emitted)

    def tell(self, row: sa.Row[Any], tales: Sequence[Tale], payment: str | None = None) -> None:
        """Record what became of a subscription, with the payment that brought it about."""
        attempt = self._attempt(row)
        tell(self._hub.gateway_calls.desk(attempt, attempt.call), row, tales, payment)
        self.record(attempt.emitted)

    def record(self, happenings: Sequence[Happening]) -> None:
        """Record events, if there are any."""
        if happenings:
            self._hub.recorder.record_all(happenings, self._hub.now())

    def _attempt(self, row: sa.Row[Any]) -> Attempt:
        _, connector, call = self._desk.call(row.connection, part_key(_NO_KEY, row.id), {})
        return Attempt(call, connector, [])
