"""A debit that the bank takes back after it counted as paid: a subscription whose clock the hub keeps owes it again.

The payment's own news sets a timer; a gateway that keeps the subscription tells by itself what follows. Safe to repeat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from hub.errors import ConflictError
from hub.journal.tables import checkouts, links, subscriptions
from hub.payments import subscription as rules
from hub.payments.plans import DIFFERENCE, FIRST_VISIT
from hub.payments.projection import RETURNED_TIMER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import sqlalchemy as sa

    from hub.engine.hub import Hub
    from hub.engine.office import HubOffice
    from hub.office import Office, Timer

_LINK: Final = "link"


def taken_back(office: Office, event: str) -> None:
    """The timer: what the payment of this event had paid is owed again. Of a subscription that is over nothing is told.

    Raises ``ConflictError`` while its subscription has not heard yet that it was paid, or is being changed.
    """
    hub = cast("HubOffice", office).hub
    told = hub.queries.event(event)
    _Debit(hub, told.summary.source, str(told.data["payment"])).taken_back()


class _Debit:
    """One payment that was taken back, by the connection that tells of it."""

    def __init__(self, hub: Hub, connection: str, payment: str) -> None:
        self._hub = hub
        self._store = hub.payments.store
        self._connection = connection
        self._payment = payment
        self._step = f"returned:{payment}"

    def taken_back(self) -> None:
        charge = self._charge()
        if charge is not None:
            self._of_charge(charge)
            return
        mine = (checkouts.c.connection == self._connection, checkouts.c.payment == self._payment)
        for visit in self._store.list(checkouts, *mine, checkouts.c.purpose.in_((FIRST_VISIT, DIFFERENCE, _LINK))):
            if visit.due_at is not None:
                raise self._too_early()
            if visit.purpose == DIFFERENCE:
                self._hub.charging.difference_decided(visit)
            elif visit.purpose == FIRST_VISIT and visit.input.get("capture") != "manual":
                self._owed_again(str(visit.owner), 0, visit.input["amount"]["minor"])
            elif visit.purpose == _LINK:
                self._of_link(visit)
        self._refuse_unheard_visit()

    def _charge(self) -> sa.Row[Any] | None:
        for charge in self._store.charges_paid_by(self._payment):
            connection = self._store.get(subscriptions, charge.subscription).connection
            if self._connection in {connection, self._hub.payments.doer_of(connection)}:
                return charge
        return None

    def _of_charge(self, charge: sa.Row[Any]) -> None:
        if charge.state == "waiting":
            mine = (checkouts.c.owner == charge.subscription, checkouts.c.payment == self._payment)
            for visit in self._store.list(checkouts, *mine, checkouts.c.purpose == "charge"):
                self._hub.charging.decided(visit)
        elif charge.state == "succeeded":
            known = self._store.subscription(self._store.get(subscriptions, charge.subscription))
            if (charge.cycle, charge.attempt) == (known.cycle, known.attempt) and known.state not in rules.OVER:
                raise self._too_early()
            others = [one for one in self._store.charges_of(charge.subscription) if one.cycle == charge.cycle]
            if any(one.state == "succeeded" and one.attempt != charge.attempt for one in others):
                self._set_off_no_more(charge.subscription, charge.amount)
            else:
                self._owed_again(charge.subscription, charge.cycle, charge.amount)
            self._store.end_charge(charge, self._hub.now(), "returned")

    def _of_link(self, visit: sa.Row[Any]) -> None:
        """A link that was paid twice, or when another charge had taken its place: that was set off."""
        identity = self._store.get(links, visit.owner).input.get("subscription")
        row = self._store.find(subscriptions, str(identity)) if identity is not None else None
        if row is not None and f"paid:{self._payment}" in dict(row.steps):
            self._set_off_no_more(row.id, visit.input["amount"]["minor"])

    def _owed_again(self, identity: str, cycle: int, taken: int) -> None:
        row = self._store.get(subscriptions, identity)
        tales = dict(row.steps).get(self._step)
        if tales is None:
            known, now = self._store.subscription(row), self._hub.now()
            if known.state in rules.OVER:
                return
            if known.state == "pending":
                raise self._too_early()
            begun = self._store.charges_of(identity)
            changed, tales = rules.taken_back(
                known,
                cycle,
                taken,
                now,
                self._hub.charging.dunning,
                part=f"returned.{self._payment}",
                attempt=max((one.attempt for one in begun if one.cycle == cycle), default=0) + 1,
                is_open=any(one.cycle == known.cycle for one in begun),
            )
            keep = self._store.keep_reopened if changed.cycle != known.cycle else self._store.keep_subscription
            row = keep(row, changed, now, self._step, tales)
        self._hub.charging.tell(row, tales, self._payment)

    def _set_off_no_more(self, identity: str, taken: int) -> None:
        """It had paid no period, and was to be set off with the next charge."""
        row = self._store.get(subscriptions, identity)
        known = self._store.subscription(row)
        if self._step not in dict(row.steps) and known.state not in rules.OVER:
            self._store.keep_subscription(row, rules.settled(known, -taken), self._hub.now(), self._step)

    def _refuse_unheard_visit(self) -> None:
        """The first visit may know its payment by the gateway's page only, until its subscription has heard of it."""
        payment = self._store.payment(self._connection, self._payment)
        fields = payment.facts.get("fields") or {} if payment is not None else {}
        named = (fields.get("metadata") or [None, None])[1] or {}
        owner = str(named.get("hub_subscription") or "")
        waiting = (checkouts.c.owner == owner, checkouts.c.purpose == FIRST_VISIT, checkouts.c.due_at.is_not(None))
        if owner and self._store.list(checkouts, *waiting, limit=1):
            raise self._too_early()

    def _too_early(self) -> ConflictError:
        message = f"What the payment {self._payment} paid has not heard of it yet."
        return ConflictError(message, remedy="It is looked at again within seconds.")


TIMERS: Final[Mapping[str, Timer]] = {RETURNED_TIMER: taken_back}
