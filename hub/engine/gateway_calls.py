"""Calls of gateways' actions: what the hub adds to them, and the actions that it does in a gateway's place.

Whatever a payment needs of the hub hangs on two moments. Before ``payment.create`` the payer's way back is led over a page
of the hub's, where the gateway wants to be told that the payer came back. After it the payment is known by an event: by its
outcome where the answer says that, else by ``payment.created``, so that it is watched until it is decided, webhook or not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, cast

from hub.connect.manifest import Idempotency, Kind, action_by_the_hub
from hub.connect.stored_means import needs_stored_method
from hub.engine.own_actions import ACTIONS as OWN_ACTIONS
from hub.errors import (
    ActionError,
    ConflictError,
    NotFoundError,
    PermanentError,
    TransientError,
    UnavailableError,
    UncertainError,
)
from hub.ids import derived_id, new_id
from hub.journal.entries import Happening
from hub.journal.tables import checkouts, subscriptions
from hub.payments.by_the_hub import ACTIONS
from hub.payments.desk import Desk, references
from hub.payments.discounts import refuse_where_unknown
from hub.payments.outcomes import follow, tells
from hub.payments.payout_watch import watch_payout
from hub.payments.plans import keep_native_plan
from hub.payments.refunds import APPROVAL
from hub.payments.telling import report

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hub.connect.api import Call
    from hub.connect.connector import LoadedConnector
    from hub.connect.manifest import ActionSpec, Manifest
    from hub.jsontypes import Json, JsonObject
    from hub.office import Office
    from hub.payments.desk import Addresses
    from hub.payments.store import PaymentStore

Offices: TypeAlias = "Callable[[str, datetime, tuple[str | None, str | None]], Office]"
"""Makes the office of one piece of work: its key, its moment, the run and step that cause it."""

_PART, _DONE = "part", "done"
"""Members of the ``details`` of an error of one of the calls that an action by the hub makes."""
_UNDECIDED = frozenset({"created", "pending", "authorized"})
_OF_PLANS = frozenset({"plan.create", "plan.update", "plan.cancel"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of one action of a gateway. ``repeated``: it was tried before; ``recovered``: and nobody heard the end.

    ``emitted`` collects the events that are recorded with the action's result.
    """

    call: Call
    connector: LoadedConnector
    emitted: list[Happening]
    repeated: bool = False
    recovered: bool = False
    cause: tuple[str | None, str | None] = (None, None)
    """The run and step that make the call."""

    def run(self, spec: ActionSpec, call: Call) -> Json:
        """Do it; where it may have happened already, look first or leave it to a person, as the gateway allows."""
        if self.repeated and spec.idempotent is Idempotency.LOOKUP:
            found = self.connector.find(spec.name, call)
            if found is not None:
                return found
        elif self.recovered and not self.connector.may_repeat(spec, call.connection):
            raise interrupted(spec)
        return self.connector.run(spec.name, call)

    def tell(self, event_type: str, source_id: str, data: JsonObject) -> None:
        """Add an event of the connection's."""
        now = self.call.now
        run, step = self.cause
        happening = Happening(event_type, self.call.connection.name, source_id, data, now, id=new_id("evt", now))
        self.emitted.append(replace(happening, caused_by_run=run, caused_by_step=step))


@dataclass(frozen=True, slots=True)
class _Gateway:
    """Implements :class:`hub.payments.desk.Gateway` on an attempt."""

    calls: GatewayCalls
    attempt: Attempt

    @property
    def manifest(self) -> Manifest:
        return self.attempt.connector.manifest

    def run(self, action: str, given: JsonObject, part: str) -> JsonObject:
        call = self.attempt.call
        key, done = part_key(call.key, part), _done_before(call.previous, part)
        inner = replace(call, input=given, key=key, reference=reference_of(key), previous=done)
        spec = self.attempt.connector.manifest.offered(action)
        try:
            if spec is None:
                return cast("JsonObject", self.attempt.connector.run(action, inner))
            output = cast("JsonObject", self.attempt.run(spec, inner))
        except ActionError as error:
            if error.details is not None:
                error.details = {_PART: part, _DONE: error.details}
            raise
        self.calls.after(replace(self.attempt, call=inner), spec, output)
        return output


def _done_before(previous: Json, part: str) -> Json:
    """What the attempt before had done of this part, when it was this part that failed."""
    return previous[_DONE] if isinstance(previous, dict) and previous.get(_PART) == part else None


class GatewayCalls:
    """What the hub does around gateways' actions and in their place. Thread-safe."""

    def __init__(self, store: PaymentStore, addresses: Addresses, offices: Offices) -> None:
        self._store = store
        self._addresses = addresses
        self._offices = offices

    def run(self, spec: ActionSpec, attempt: Attempt) -> Json:
        """Do one action. Raises like an action."""
        try:
            return self._run(spec, attempt)
        except (ConflictError, UnavailableError) as error:
            raise TransientError(error.message, code=error.code, remedy=error.remedy) from error
        except NotFoundError as error:
            raise PermanentError(error.message, code="not_found", remedy=error.remedy) from error

    def refuse_unapproved(self, spec: ActionSpec, attempt: Attempt) -> None:
        """A step's own refund at a gateway asks nobody: where a limit is set, it goes through ``payments/refund``.

        Raises ``PermanentError`` (``forbidden``). One that had begun when its process died is brought to its end.
        """
        if spec.name != "payment.refund" or attempt.recovered:
            return
        if self._offices(attempt.call.key, attempt.call.now, attempt.cause).fact(APPROVAL):
            message = "Large refunds need approval here, which this action does not ask for."
            remedy = "Call payments/refund, which asks for it: a limit is set under Settings, Business."
            raise PermanentError(message, code="forbidden", remedy=remedy)

    def _run(self, spec: ActionSpec, attempt: Attempt) -> Json:
        call, connector = attempt.call, attempt.connector
        if connector.manifest.by_hub:
            return self._own(spec, attempt)
        if spec.by_hub:
            return self._in_its_place(spec, attempt)
        if connector.manifest.kind is not Kind.GATEWAY or connector.manifest.is_routed:
            return attempt.run(spec, call)
        if spec.name == "subscription.create":
            refuse_where_unknown(connector.manifest, call.input)
        if self._keeps_clock(spec, attempt):
            return self._in_its_place(action_by_the_hub(spec.name), attempt)
        if spec.name not in {"payment.create", "form.embed"}:
            output = attempt.run(spec, call)
            self._follow(attempt, spec, output)
            if needs_stored_method(connector.manifest) and spec.name in _OF_PLANS:
                keep_native_plan(self.desk(attempt, call), spec.name, call.input, cast("JsonObject", output))
            return output
        if spec.name == "form.embed":
            return self._embedded(spec, attempt)
        visit = self._visit(attempt)
        if visit is not None:
            ours = {**call.input, "return_url": f"{self._addresses.pay(visit)}/return"}
            attempt = replace(attempt, call=call.with_input(ours))
        begun = cast("JsonObject", attempt.run(spec, attempt.call))
        self.after(replace(attempt, call=call), spec, begun)
        return self._visited(visit, call, begun)

    def _in_its_place(self, spec: ActionSpec, attempt: Attempt) -> Json:
        """One of the shared actions, done by the hub."""
        action = ACTIONS[spec.name]
        run = attempt.connector.run_judged
        return run(spec, attempt.call, lambda judged: action(self.desk(attempt, judged), judged.input))

    def _keeps_clock(self, spec: ActionSpec, attempt: Attempt) -> bool:
        """Whether it is about a subscription whose clock the hub keeps, at a gateway that keeps others itself.

        Those are begun without a stored means: with no ``method``, and no customer of the gateway's.
        """
        if not needs_stored_method(attempt.connector.manifest) or not spec.name.startswith("subscription."):
            return False
        given = attempt.call.input
        if spec.name == "subscription.create":
            customer = cast("JsonObject", given.get("customer") or {})
            return given.get("method") is None and customer.get("id") is None
        row = self._store.find(subscriptions, str(given.get("subscription")))
        return row is not None and row.connection == attempt.call.connection.name

    def _own(self, spec: ActionSpec, attempt: Attempt) -> Json:
        """An action of a connector whose work is the hub's own."""
        action = OWN_ACTIONS[attempt.connector.manifest.name][spec.name]
        office = self._offices(attempt.call.key, attempt.call.now, attempt.cause)
        return attempt.connector.run_judged(spec, attempt.call, lambda judged: action(office, judged.input))

    def after(self, attempt: Attempt, spec: ActionSpec, output: JsonObject) -> None:
        """A payment that was begun is told: decided as its outcome, else so that it is watched until it is."""
        if "payment" not in output or spec.name not in {"payment.create", "form.embed"}:
            return
        if output.get("status", "created") not in _UNDECIDED:
            self._tell_outcome(attempt, output)
            return
        reference, given = str(output["payment"]), attempt.call.input
        data: JsonObject = {
            **references(given),
            "payment": reference,
            "amount": output.get("amount") or given["amount"],
        }
        kept = ("customer", "lapses_at", "expires_at", "gateway", "method")
        data = {**data, **{name: output[name] for name in kept if output.get(name)}}
        attempt.tell("payment.created", f"payment.created:{reference}", data)

    def _tell_outcome(self, attempt: Attempt, output: JsonObject) -> None:
        """A payment by a stored means was decided at once; the gateway's own report of it has the same id.

        Failures have ids of their own at some gateways, so they are left to a gateway that tells them.
        """
        told = report(output, attempt.call.input, {})
        if told is None:
            return
        if told.type == "payment.succeeded" or not tells(attempt.connector.manifest, told.type):
            attempt.tell(*told)

    def _follow(self, attempt: Attempt, spec: ActionSpec, output: Json) -> None:
        """What the gateway itself will not tell of this action is told here, or watched until it is decided."""
        call, manifest = attempt.call, attempt.connector.manifest
        if not spec.shared or not isinstance(output, dict):
            return
        tales = follow(spec.name, call.input, output, call.key)
        for tale in tales:
            if not tells(manifest, tale.type):
                source_id = ":".join(part for part in (tale.type, tale.thing, tale.part) if part)
                attempt.tell(tale.type, source_id, tale.data)
        if not tales and spec.name == "payout.create" and not tells(manifest, "payout.paid"):
            office = self._offices(call.key, call.now, attempt.cause)
            office.change(lambda book: watch_payout(book, call.connection.name, str(output["payout"])))

    def desk(self, attempt: Attempt, call: Call) -> Desk:
        """What one of the hub's own actions works with."""
        attempt = replace(attempt, call=call)
        gateway = _Gateway(self, attempt)
        office = self._offices(call.key, call.now, attempt.cause)
        return Desk(
            call.connection.name, call.key, call.now, gateway, self._store, self._addresses, office, attempt.tell
        )

    def _visit(self, attempt: Attempt) -> str | None:
        """The visit to pay for this payment: where the payer's browser comes back, or where the gateway has no address."""
        given = attempt.call.input
        completes = "payment.complete" in attempt.connector.manifest.actions
        if given.get("method") or not completes or self._addresses.are_ours(str(given.get("return_url") or "")):
            return None
        return self._opened(attempt, "payment")

    def _opened(self, attempt: Attempt, purpose: str) -> str:
        given, identity = attempt.call.input, derived_id("chk", attempt.call.key)
        row = {
            "id": identity,
            "connection": attempt.call.connection.name,
            "state": "open",
            "purpose": purpose,
            "input": {**given, "after": given.get("return_url"), "after_cancel": given.get("cancel_url")},
        }
        self._store.add(checkouts, row, attempt.call.now)
        return identity

    def _embedded(self, spec: ActionSpec, attempt: Attempt) -> Json:
        """The gateway's own form; the hub's page shows it too, and proves what comes of it."""
        visit = self._opened(attempt, "form")
        page = self._addresses.pay(visit)
        ours = {"origin": "/".join(page.split("/")[:3]), **attempt.call.input, "return_url": f"{page}/return"}
        output = cast("JsonObject", attempt.run(spec, attempt.call.with_input(ours)))
        self.after(attempt, spec, output)
        self._store.change_checkout(visit, attempt.call.now, payment=output.get("payment"), output=output)
        return {**output, "page_url": page}

    def _visited(self, visit: str | None, call: Call, output: JsonObject) -> JsonObject:
        if visit is None:
            return output
        self._store.change_checkout(visit, call.now, payment=output["payment"], output=output)
        hosted = call.input.get("presentation", "hosted") == "hosted"
        if hosted and output["status"] == "created" and "checkout_url" not in output and "client" in output:
            return {**output, "checkout_url": self._addresses.pay(visit)}
        return output


def part_key(key: str, part: str) -> str:
    """The idempotency key of one of the calls that an action makes; the action's own when it makes only one."""
    return hashlib.sha256(f"{key}\x00{part}".encode()).hexdigest()[:40] if part else key


def reference_of(key: str) -> str:
    """The short reference of a call, for gateways where the hub looks before it repeats."""
    return f"hub-{key[:20]}"


def interrupted(spec: ActionSpec) -> UncertainError:
    """Nobody heard how a call ended that must not be made twice."""
    return UncertainError(
        f"The hub was interrupted while it called {spec.title!r}, and cannot know whether it happened.",
        code="interrupted",
        remedy="Look at the outside system, then say on the run's page: it happened, it did not, or try again.",
    )
