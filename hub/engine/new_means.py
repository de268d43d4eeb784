"""Another means of payment for a subscription: a visit that stores one and charges nothing.

The visit authorises the price of one period, so that the bank and the payer agree to it. The stored means is then put in the
place of the old one, in the hub's own subscription or in the gateway's by its ``subscription.update``, and the amount is let
go. A visit that was declined or left changes nothing.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import sqlalchemy as sa
import structlog

from hub.connect.manifest import Support
from hub.engine.gateway_calls import part_key
from hub.errors import PermanentError
from hub.ids import derived_id
from hub.journal.entries import Happening
from hub.journal.tables import checkouts, subscriptions
from hub.journal.tables_billing import told_plans, told_subscriptions, value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from hub.connect.manifest import Manifest
    from hub.engine.charging import Charging
    from hub.engine.hub import Hub
    from hub.engine.payment_desk import PaymentDesk, Standing
    from hub.jsontypes import Json, JsonObject

log = structlog.get_logger(__name__)

PURPOSE: Final = "method"
"""What a visit is for that stores another means of payment; its owner is :func:`owner_of` the subscription."""

FORM: Final = "card_form"
"""What a visit is for in which the gateway's own form, on our page, changes the card of a subscription that it keeps."""

CARD_FORM: Final = "subscription.card_form"
CARD_GIVEN: Final = "subscription.card_given"
"""The actions of a connector with such a form: what the page needs to show it, and the proof of what it gave."""

_NEEDED: Final = frozenset({"payment.create", "payment.get", "payment.void"})


class Change(NamedTuple):
    """What a payer asks for: a subscription as its events tell it, and ``description``, what is read while giving the card.

    ``key`` is the same when the same form comes twice. ``back`` is where the payer goes afterwards, whatever came of it.
    """

    told: sa.Row[Any]
    description: str
    key: str
    back: str


def can_change(manifest: Manifest) -> bool:
    """Whether a visit can store another means for subscriptions of this gateway.

    The hub replaces it in those that it keeps; a gateway that keeps its own and takes another one by ``subscription.update``
    says so by ``recurring_payment.limits.method_change: visit``.
    """
    cell = manifest.capabilities.get("recurring_payment")
    if cell is None or not manifest.actions.keys() >= _NEEDED:
        return False
    if cell.status is Support.HUB:
        return cell.limits.get("mode") != "link"
    return cell.status is Support.NATIVE and cell.limits.get("method_change") == "visit"


def has_form(manifest: Manifest) -> bool:
    """Whether the gateway has a form of its own in which the payer of a subscription gives another card.

    Its connector says so by ``recurring_payment.limits.method_change: form``.
    """
    cell = manifest.capabilities.get("recurring_payment")
    is_native = cell is not None and cell.status is Support.NATIVE and cell.limits.get("method_change") == "form"
    return is_native and manifest.actions.keys() >= {CARD_FORM, CARD_GIVEN}


def owner_of(connection: str, subscription: str) -> str:
    """The owner of the visits that change this subscription's means."""
    return derived_id("sub", PURPOSE, connection, subscription)


def _key_of(visit: str) -> str:
    return hashlib.sha256(visit.encode()).hexdigest()[:40]


class NewMeans:
    """Begins such visits and does what follows from them. Safe to repeat."""

    def __init__(self, hub: Hub, desk: PaymentDesk, charging: Charging) -> None:
        self._hub = hub
        self._desk = desk
        self._charging = charging

    def begin(self, change: Change) -> str:
        """The address where the payer gives another means. Raises like an action, and ``PermanentError`` (``bad_state``)
        when nothing tells what a period costs.
        """
        told, store = change.told, self._desk.store
        owner = owner_of(told.connection, told.subscription)
        visit = derived_id("chk", owner, change.key)
        customer = value(told.data, "customer")
        wanted: JsonObject = {
            "amount": self._price(told),
            "description": change.description,
            "metadata": {"hub_subscription": told.subscription},
            "save_method": True,
            "capture": "manual",
            "presentation": "hosted",
            "cancel_url": change.back,
            **({"customer": customer} if customer else {}),
        }
        row = {"id": visit, "connection": told.connection, "state": "open", "purpose": PURPOSE, "owner": owner}
        ours: JsonObject = {"subscription": told.subscription, "after": change.back, "after_cancel": change.back}
        store.add(checkouts, {**row, "input": {**wanted, **ours}}, self._hub.now())
        self._desk.begin(visit)
        return self._desk.address_of(store.get(checkouts, visit))

    def begin_form(self, change: Change) -> str:
        """The address of our page with the gateway's form for another card. Raises like an action."""
        told, store = change.told, self._desk.store
        owner = owner_of(told.connection, told.subscription)
        visit = derived_id("chk", owner, change.key)
        customer = value(told.data, "customer")
        ours: JsonObject = {"subscription": told.subscription, "description": change.description}
        wanted: JsonObject = {**ours, **({"customer": customer} if customer else {})}
        form = self._desk.act(told.connection, CARD_FORM, part_key(_key_of(visit), "form"), wanted)
        row = {"id": visit, "connection": told.connection, "state": "open", "purpose": FORM, "owner": owner}
        back: JsonObject = {"after": change.back, "after_cancel": change.back}
        store.add(checkouts, {**row, "input": {**ours, **back}, "output": form}, self._hub.now())
        return self._hub.pages.pay(visit)

    def answered(self, visit: sa.Row[Any], parameters: Mapping[str, str]) -> Standing:
        """The gateway's form is done. What it gave is kept, and proved by :meth:`prove` as soon as the clock comes to it."""
        if visit.state == "open" and parameters:
            now, output = self._hub.now(), {**visit.output, "proof": dict(parameters)}
            self._desk.store.change_checkout(visit.id, now, state="paid", due_at=now, output=output)
        return self._desk.standing(visit.id)

    def prove(self, visit: sa.Row[Any]) -> None:
        """Have the gateway prove that the card was changed, and tell it; a visit without proof is closed.

        Raises what a gateway that is down says.
        """
        subscription, now = str(visit.input["subscription"]), self._hub.now()
        since = visit.created_at.isoformat().replace("+00:00", "Z")
        given: JsonObject = {"subscription": subscription, "parameters": visit.output["proof"], "since": since}
        try:
            self._act(visit, CARD_GIVEN, "given", given)
        except PermanentError as error:
            log.warning("card_change_not_proved", subscription=subscription, visit=visit.id, reason=str(error))
            self._desk.store.change_checkout(visit.id, now, state="closed")
            return
        source_id = f"subscription.updated:{visit.id}"
        told: JsonObject = {"subscription": subscription, "plan": self._plan_of(visit)}
        self._hub.recorder.record(Happening("subscription.updated", visit.connection, source_id, told, now), now)

    def _plan_of(self, visit: sa.Row[Any]) -> str:
        table = told_subscriptions.c
        same = (table.connection == visit.connection, table.subscription == str(visit.input["subscription"]))
        with self._hub.database.read() as connection:
            return str(connection.scalar(sa.select(table.plan).where(*same)))

    def standing(self, connection: str, subscription: str) -> str:
        """How the newest visit stands: ``stored``, ``waiting``, or ``kept`` when the old means stays; empty for none."""
        owner = owner_of(connection, subscription)
        for visit in self._desk.store.list(checkouts, checkouts.c.owner == owner, limit=1):
            state = self._desk.standing(visit.id).state
            if state == "paid":
                return "waiting" if visit.due_at is not None or visit.state != "paid" else "stored"
            return "waiting" if state == "waiting" else "kept"
        return ""

    def given(self, visit: sa.Row[Any]) -> None:
        """The payer gave another means and it was authorised: it replaces the old one, and the amount is let go.

        Raises ``ConflictError`` while a charge of the old one is under way, and what a gateway that is down says.
        """
        output = self._act(visit, "payment.get", "given", {"payment": visit.payment})
        if output["status"] in {"failed", "expired"}:  # taken back after it was reported
            self._desk.store.change_checkout(visit.id, self._hub.now(), state="closed")
        if output["status"] != "authorized":
            return  # let go already: an attempt before this one did the rest
        is_taken = self._replace(visit, str(output.get("stored_method") or visit.payment))
        try:
            self._act(visit, "payment.void", "let go", {"payment": visit.payment})
        except PermanentError as error:  # it lapses by itself
            log.warning("authorisation_not_let_go", visit=visit.id, connection=visit.connection, reason=str(error))
        if not is_taken:
            self._desk.store.change_checkout(visit.id, self._hub.now(), state="closed")

    def _replace(self, visit: sa.Row[Any], method: str) -> bool:
        subscription = str(visit.input["subscription"])
        try:
            if self._desk.store.find(subscriptions, subscription) is not None:
                self._charging.replace_method(subscription, method, visit.id)
            else:
                self._act(visit, "subscription.update", "replace", {"subscription": subscription, "method": method})
        except PermanentError as error:
            log.warning("method_not_replaced", subscription=subscription, visit=visit.id, reason=str(error))
            return False
        return True

    def _act(self, visit: sa.Row[Any], action: str, part: str, given: JsonObject) -> JsonObject:
        key = part_key(_key_of(visit.id), part)
        return cast("JsonObject", self._desk.act(visit.connection, action, key, given))

    def _price(self, told: sa.Row[Any]) -> Json:
        """What a period costs, else what was charged last."""
        same = (told_plans.c.connection == told.connection, told_plans.c.plan == told.plan)
        with self._hub.database.read() as connection:
            plan = connection.execute(sa.select(told_plans).where(*same)).first()
        for price in (value(plan.data, "price") if plan is not None else None, value(told.data, "amount")):
            if isinstance(price, dict) and price.get("minor"):
                return price
        message = f"Nothing tells what a period of {told.subscription} costs."
        raise PermanentError(message, code="bad_state", remedy="Change the means of payment at the gateway.")
