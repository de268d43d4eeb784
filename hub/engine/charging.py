"""Charges subscriptions whose clock the hub keeps: the intent is written first, and nothing is charged twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

import structlog

from hub.connect.manifest import Idempotency
from hub.engine.charge_calls import ChargeCalls
from hub.engine.gateway_calls import Attempt, interrupted
from hub.errors import ConflictError, NotFoundError, PermanentError, TransientError, UncertainError
from hub.expressions.durations import parse_duration
from hub.ids import derived_id
from hub.journal.tables import checkouts, subscriptions
from hub.payments import subscription as rules
from hub.payments.links import create_link
from hub.payments.payment import UNPAID
from hub.payments.plans import pays_by_link
from hub.payments.store import PAID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    import sqlalchemy as sa

    from hub.engine.hub import Hub
    from hub.engine.payment_desk import PaymentDesk
    from hub.jsontypes import JsonObject
    from hub.payments.store import Begun
    from hub.payments.subscription import Subscription, Tale

log = structlog.get_logger(__name__)

_UNHEARD = timedelta(days=14)
"""A charge of which nothing is heard for so long counts as failed: bank debits are decided by then."""
_AGAIN = timedelta(minutes=10)
# The member is not to blame for these; the charge is tried again until an admin has mended the connection.
_OURS = frozenset(
    {"unauthorised", "forbidden", "account_restricted", "not_enabled", "wrong_mode", "bad_input", "bad_output"}
)


class Charging:
    """The clock's hands of subscriptions. Safe to repeat: charges have keys of their own, events ids of their own."""

    def __init__(self, hub: Hub, desk: PaymentDesk) -> None:
        self._hub = hub
        self._desk = desk
        self._store = desk.store
        self._calls = ChargeCalls(hub, desk)
        self.dunning = tuple(parse_duration(text) for text in hub.settings.dunning)

    def advance(self, row: sa.Row[Any]) -> None:
        """A subscription is due: it ends, resumes, or is charged."""
        now = self._hub.now()
        known = self._store.subscription(row)
        if known.state in rules.OVER:
            self._left_over(row, known)
            return
        charge = self._charge_in(known, "waiting")
        if charge is not None and known.state != "paused":
            self._unheard(row, known, charge)
            return
        changed, tales, is_charged = rules.at_due(known, now)
        if is_charged:
            self._charge(row, known)
        elif changed.state == "ended" and known.balance > 0:
            self._keep(row, rules.owed_at_end(known, self._attempts(known.id, known.cycle - 1), now), [])
        else:
            self._keep(row, changed, tales)

    def _attempts(self, identity: str, cycle: int) -> int:
        """How many charges of a period were begun."""
        return max((one.attempt + 1 for one in self._store.charges_of(identity) if one.cycle == cycle), default=0)

    def agreed(self, visit: sa.Row[Any]) -> None:
        """The payer agreed and paid the first period, or authorised it where a trial comes first."""
        row = self._store.get(subscriptions, visit.owner)
        known = self._store.subscription(row)
        if rules.never_began(known):
            self._agreed_late(row, visit)
        if known.state != "pending" or known.cycle:
            return
        output = self._calls.ask(visit.connection, "payment.get", f"agreed:{visit.id}", {"payment": visit.payment})
        if output["payment"] != visit.payment:  # the gateway's page became a payment, by which later news is told
            self._store.change_checkout(visit.id, self._hub.now(), payment=output["payment"])
        method = output.get("stored_method") or visit.payment
        known, now = rules.replace_method(known, str(method)), self._hub.now()
        if visit.input.get("capture") == "manual":
            self._calls.ask(visit.connection, "payment.void", f"void:{visit.id}", {"payment": visit.payment})
            if known.anchor > now:
                self._keep(row, *rules.begin_trial(known, now))
            else:  # the payer came when the trial would have been over
                self._keep(row, rules.due(rules.begin_now(known, now), now), [])
            return
        charged, tales = rules.charged(rules.begin_now(known, now), visit.input["amount"]["minor"])
        self._keep(row, charged, tales, visit.payment)

    def _agreed_late(self, row: sa.Row[Any], visit: sa.Row[Any]) -> None:
        """The payer was on the gateway's page already when the subscription was cancelled: nothing is kept of it."""
        output = self._calls.ask(visit.connection, "payment.get", f"agreed:{visit.id}", {"payment": visit.payment})
        if output["status"] == "authorized":
            try:
                self._calls.ask(visit.connection, "payment.void", f"void:{visit.id}", {"payment": visit.payment})
            except PermanentError as error:  # it lapses by itself
                log.warning("authorisation_not_let_go", visit=visit.id, connection=visit.connection, reason=str(error))
        elif output["status"] in PAID:
            self._calls.give_back(row, str(output["payment"]), visit.input["amount"]["minor"])

    def tell(self, row: sa.Row[Any], tales: Sequence[Tale], payment: str) -> None:
        """Record what became of a subscription by news of a payment; each tale is recorded once."""
        self._calls.tell(row, tales, payment)

    def give_back_again(self, row: sa.Row[Any], payment: str, minor: int) -> None:
        """The gateway is asked once more to give back what came in for a subscription that is over."""
        self._calls.give_back(row, payment, minor, f" {self._hub.now().isoformat()}")

    def replace_method(self, identity: str, method: str, step: str) -> None:
        """A payer gave another means of payment, and what is overdue goes to it at once. A repeat of ``step`` does nothing.

        Raises ``ConflictError`` while nobody knows the end of a charge of the old one, ``PermanentError`` (``wrong_state``)
        when the subscription is over.
        """
        row = self._store.get(subscriptions, identity)
        told = dict(row.steps).get(step)
        if told is not None:  # an attempt before this one did it; what it told is told again, and recorded once
            self._calls.tell(row, told)
            return
        known = self._store.subscription(row)
        now = self._hub.now()
        is_open = self._charge_at(known) is not None
        changed, tales = rules.other_method(known, method, step, None if is_open else now)
        kept = self._store.keep_between_charges(row, changed, now, step, tales)
        self._calls.tell(kept, tales)

    def decided(self, visit: sa.Row[Any]) -> None:
        """A charge that waited for a bank was decided."""
        row = self._store.get(subscriptions, visit.owner)
        charge = self._charge_of(row.id, visit.payment)
        if charge is None:  # a process that died before it wrote that; the charge is made again, and found so
            return
        if self._is_returned(visit):
            if charge.state == "waiting":
                self._refused(row, charge, rules.RETURNED)
        elif visit.state == "paid":
            self._paid(row, charge, visit.payment)
        elif charge.state == "waiting":
            self._refused(row, charge, self._desk.standing(visit.id).reason or "failed")

    def difference_decided(self, visit: sa.Row[Any]) -> None:
        """A difference that counted as paid was refused or taken back by the bank: it is owed with the next charge.

        One that was refused may come after all.

        Where the change was not written yet, whoever makes it finds that the payment failed.
        """
        row = self._store.get(subscriptions, visit.owner)
        known, steps = self._store.subscription(row), dict(row.steps)
        refused, paid, back = (f"{what}:{visit.payment}" for what in ("refused", "paid", "returned"))
        minor = visit.input["amount"]["minor"]
        if known.state in rules.OVER or visit.input["step"] not in steps:
            return
        if self._is_returned(visit):
            if back not in steps and (refused not in steps or paid in steps):
                self._store.keep_subscription(row, rules.settled(known, -minor), self._hub.now(), back)
        elif visit.state == "failed" and refused not in steps:
            self._store.keep_subscription(row, rules.settled(known, -minor), self._hub.now(), refused)
        elif visit.state == "paid" and refused in steps and paid not in steps:
            self._store.keep_subscription(row, rules.settled(known, minor), self._hub.now(), paid)

    def link_paid(self, link: sa.Row[Any], payment: str) -> None:
        """A period's link was paid. Raises ``ConflictError`` while the charge that made it does not know it yet."""
        identity = link.input.get("subscription")
        if identity is None:
            return
        row = self._store.get(subscriptions, identity)
        charge = self._charge_of(identity, link.id, payment)
        if charge is not None:
            self._paid(row, charge, payment)
        elif self._is_asked_for_now(self._store.subscription(row), link):
            message = f"The link {link.id} was paid before it was written that it asks for the period."
            raise ConflictError(message, remedy="It is looked at again within seconds.")
        else:
            self._paid_late(row, None, link.input["amount"]["minor"], payment)

    def decide(self, identity: str, *, happened: bool, payment: str = "") -> None:
        """A person looked at the gateway: the uncertain charge happened, or it did not and is made again.

        Raises ``NotFoundError`` when no charge of the subscription is uncertain.
        """
        row = self._store.get(subscriptions, identity)
        known = self._store.subscription(row)
        charge = self._charge_in(known, "uncertain")
        if charge is None:
            message = f"No charge of {identity} is uncertain."
            raise NotFoundError(message, remedy="Nothing needs to be decided.")
        if happened and known.state in rules.OVER and not payment:
            message = "The subscription is over, so this payment goes back, for which its number is needed."
            raise PermanentError(message, code="bad_input", remedy="Copy it from the gateway's list of payments.")
        told = self._store.payment(row.connection, payment) if payment else None
        if happened and told is not None and told.state == "returned":
            self._fail(row, known, charge, rules.RETURNED)
        elif happened:
            self._succeed(row, known, charge, payment or charge.payment)
        else:
            self._fail(row, known, charge, "did_not_happen")

    # one charge

    def _charge(self, row: sa.Row[Any], known: Subscription) -> None:
        now = self._hub.now()
        is_new = self._charge_at(known) is None
        priced = rules.at_new_price(known)
        if priced != known and is_new:
            row, known = self._store.keep_new_price(row, priced, now), priced
        if known.charge == 0 and is_new:
            self._keep(row, *rules.charged(known))
            return
        begun = self._store.begin_charge(row, known, now)
        charge = begun.charge
        if charge.state == "succeeded":
            self._succeed(row, known, charge, charge.payment)
        elif charge.state in {"failed", "returned"}:
            self._fail(row, known, charge, str((charge.error or {}).get("code") or charge.state))
        elif charge.state == "started":
            self._make(row, known, begun)
        else:  # it waits for a person's word
            self._keep(row, rules.due(known, None), [])

    def _make(self, row: sa.Row[Any], known: Subscription, begun: Begun) -> None:
        charge = begun.charge
        connector, call = self._calls.charge(row, charge)
        attempt = Attempt(call, connector, [], repeated=begun.is_repeated, recovered=begun.is_recovered)
        desk = self._hub.gateway_calls.desk(attempt, call)
        if pays_by_link(connector.manifest):
            output = create_link(desk, {**call.input, "subscription": known.id})
            self._calls.record(attempt.emitted)
            self._calls.close_links(row, charge.cycle)
            self._wait(row, known, charge, str(output["link"]), self._hub.now() + self._patience(row))
            return
        spec = self._hub.registry.action(connector.manifest.name, "payment.create")
        try:
            output = cast("JsonObject", self._hub.gateway_calls.run(spec, attempt))
        except TransientError as error:
            self._again(row, known, charge, error.retry_after, str(error))
            return
        except UncertainError as error:
            self._uncertain(row, known, charge, error)
            return
        except PermanentError as error:
            if error.code in _OURS:
                self._again(row, known, charge, None, str(error))
            else:
                self._fail(row, known, charge, error.code)
            return
        self._calls.record(attempt.emitted)
        self._outcome(row, known, charge, output)

    def _outcome(self, row: sa.Row[Any], known: Subscription, charge: sa.Row[Any], output: JsonObject) -> None:
        status, payment = str(output["status"]), str(output["payment"])
        asked = self._calls.charge(row, charge)[1].input
        self._desk.tell(row.connection, output, asked)
        if status in {"succeeded", "partially_refunded", "refunded"}:
            self._succeed(row, known, charge, payment)
        elif status == "returned":
            self._fail(row, known, charge, rules.RETURNED)
        elif status in UNPAID:
            self._fail(row, known, charge, str(output.get("reason") or status))
        else:
            visit = derived_id("chk", known.id, str(charge.cycle), str(charge.attempt))
            wanted = {"connection": row.connection, "payment": payment, "state": "open", "purpose": "charge"}
            self._store.add(checkouts, {"id": visit, "owner": known.id, "input": asked, **wanted}, self._hub.now())
            self._wait(row, known, charge, payment, self._hub.now() + self._patience(row))

    def _left_over(self, row: sa.Row[Any], known: Subscription) -> None:
        """It was cancelled while it was charged, and who charged it may have died: what came in of that goes back."""
        charge = self._charge_at(known)
        if charge is not None and charge.state == "started":
            self._look_up(row, known, charge)
        elif charge is not None and charge.state == "waiting":
            self._calls.close_links(row, charge.cycle)
        elif charge is not None and charge.state == "succeeded" and charge.payment:
            self._calls.give_back(row, charge.payment, charge.amount)
        self._store.keep_subscription(row, rules.due(known, None), self._hub.now())

    def _look_up(self, row: sa.Row[Any], known: Subscription, charge: sa.Row[Any]) -> None:
        """Nobody heard the end of a charge that is not to be made any more: the gateway is asked, or a person."""
        now = self._hub.now()
        connector, call = self._calls.charge(row, charge)
        spec = self._hub.registry.action(connector.manifest.name, "payment.create")
        if pays_by_link(connector.manifest):
            desk = self._hub.gateway_calls.desk(Attempt(call, connector, []), call)
            self._store.end_charge(charge, now, "failed", payment=desk.identity("lnk"), error={"code": "cancelled"})
            self._calls.close_links(row, charge.cycle)
        elif spec.idempotent is not Idempotency.LOOKUP:
            error = interrupted(spec)
            self._store.end_charge(charge, now, "uncertain", error=_words(error))
        elif (found := connector.find(spec.name, call)) is None:
            self._store.end_charge(charge, now, "failed", error={"code": "cancelled"})
        else:
            self._outcome(row, known, charge, cast("JsonObject", found))

    def _succeed(self, row: sa.Row[Any], known: Subscription, charge: sa.Row[Any], payment: str | None) -> None:
        self._store.end_charge(charge, self._hub.now(), "succeeded", payment=payment)
        newest = self._store.get(subscriptions, row.id)
        if newest.state in rules.OVER:  # cancelled while the gateway charged
            if payment:
                self._calls.give_back(newest, payment, charge.amount)
            return
        self._keep(row, *rules.charged(known, charge.amount), payment)

    def _fail(self, row: sa.Row[Any], known: Subscription, charge: sa.Row[Any], reason: str) -> None:
        now = self._hub.now()
        self._store.end_charge(charge, now, "failed", error={"code": reason})
        changed, tales = rules.charge_failed(known, reason, now, self.dunning)
        if changed.state in rules.OVER:
            self._calls.close_links(row, charge.cycle)
        self._keep(row, changed, tales)

    def _paid(self, row: sa.Row[Any], charge: sa.Row[Any], payment: str) -> None:
        known = self._store.subscription(row)
        if _place(charge) == _present(known):
            self._succeed(row, known, charge, payment)
        elif charge.state not in {"succeeded", "returned"}:
            self._paid_late(row, charge.cycle, charge.amount, payment)
            self._store.end_charge(charge, self._hub.now(), "succeeded", payment=payment)
            self._calls.close_links(row, charge.cycle)

    def _paid_late(self, row: sa.Row[Any], cycle: int | None, taken: int, payment: str) -> None:
        """It was paid after another charge took its place; ``cycle`` is None for a link that was paid twice.

        What comes in when the subscription is over goes back.
        """
        step, known = f"paid:{payment}", self._store.subscription(row)
        told = dict(row.steps).get(step)
        if told is None and known.state in rules.OVER:
            self._calls.give_back(row, payment, taken)
            return
        if told is None:
            changed, told = rules.paid_late(known, cycle, taken, is_open=self._is_open(known))
            row = self._store.keep_subscription(row, changed, self._hub.now(), step, told)
        self._calls.tell(row, told, payment)

    def _refused(self, row: sa.Row[Any], charge: sa.Row[Any], reason: str) -> None:
        known = self._store.subscription(row)
        if _place(charge) == _present(known):
            self._fail(row, known, charge, reason)
        else:
            self._store.end_charge(charge, self._hub.now(), "failed", error={"code": reason})

    def _is_returned(self, visit: sa.Row[Any]) -> bool:
        """Whether the bank took the visit's payment back."""
        payment = self._store.payment(visit.connection, visit.payment)
        return payment is not None and payment.state == "returned"

    def _is_open(self, known: Subscription) -> bool:
        """Whether the present charge is under way, and nothing tells of it but its own end."""
        charge = self._charge_at(known)
        return charge is not None and charge.state != "waiting"

    def _is_asked_for_now(self, known: Subscription, link: sa.Row[Any]) -> bool:
        """Whether the present charge made the link, and did not come to write that yet: its process is about to, or died."""
        charge = self._charge_at(known)
        cycle = (link.input.get("metadata") or {}).get("hub_cycle")
        return charge is not None and charge.state in {"started", "ready"} and cycle == str(known.cycle)

    def _unheard(self, row: sa.Row[Any], known: Subscription, charge: sa.Row[Any]) -> None:
        """It counts as failed when nothing was heard of it in all the time that it was given."""
        until = charge.updated_at + self._patience(row)
        if until > self._hub.now():
            self._keep(row, rules.due(known, until), [])
        else:
            self._fail(row, known, charge, "no_payment")

    def _patience(self, row: sa.Row[Any]) -> timedelta:
        """How long a charge may be on its way: one by link until the first day of the dunning calendar."""
        manifest = self._hub.registry.get(self._hub.accounts.get(row.connection).connector).manifest
        return self.dunning[0] if self.dunning and pays_by_link(manifest) else _UNHEARD

    def _wait(self, row: sa.Row[Any], known: Subscription, charge: sa.Row[Any], payment: str, until: datetime) -> None:
        self._store.end_charge(charge, self._hub.now(), "waiting", payment=payment)
        self._keep(row, rules.due(known, until), [])

    def _again(
        self, row: sa.Row[Any], known: Subscription, charge: sa.Row[Any], seconds: float | None, reason: str
    ) -> None:
        """It did not work for a reason that is none of the member's; the same charge is made later, under its key."""
        now = self._hub.now()
        log.warning("charge_postponed", subscription=known.id, connection=row.connection, reason=reason)
        self._store.end_charge(charge, now, "ready")
        self._keep(row, rules.due(known, now + max(timedelta(seconds=seconds or 0), _AGAIN)), [])

    def _uncertain(self, row: sa.Row[Any], known: Subscription, charge: sa.Row[Any], error: UncertainError) -> None:
        """Nobody can say whether the member was charged: a person decides, nothing is charged until then."""
        self._store.end_charge(charge, self._hub.now(), "uncertain", error=_words(error))
        self._keep(row, rules.due(known, None), [])

    # what it works with

    def _charge_in(self, known: Subscription, state: str) -> sa.Row[Any] | None:
        charge = self._charge_at(known)
        return charge if charge is not None and charge.state == state else None

    def _charge_at(self, known: Subscription) -> sa.Row[Any] | None:
        """The present charge; None when none was begun."""
        for charge in self._store.charges_of(known.id):
            if _place(charge) == _present(known):
                return charge
        return None

    def _charge_of(self, identity: str, *payments: str) -> sa.Row[Any] | None:
        """The charge of a subscription that became one of these payments, or is asked for by one of these links."""
        return next((charge for charge in self._store.charges_of(identity) if charge.payment in payments), None)

    def _keep(self, row: sa.Row[Any], known: Subscription, tales: Sequence[Tale], payment: str | None = None) -> None:
        """Tell what became of it, then write it: should the hub die in between, the same is told again, and known.

        Raises ``ConflictError``, and tells nothing, when somebody else changed it meanwhile.
        """
        self._store.refuse_changed(row)
        self._calls.tell(row, tales, payment)
        self._store.keep_subscription(row, known, self._hub.now())


def _words(error: UncertainError) -> JsonObject:
    return {"code": error.code, "message": error.message, "remedy": error.remedy}


def _place(charge: sa.Row[Any]) -> tuple[int, int]:
    return charge.cycle, charge.attempt


def _present(known: Subscription) -> tuple[int, int]:
    return known.cycle, known.attempt
