"""A connector in use: its manifest and its code joined, every input and output judged by its schema."""

from __future__ import annotations

import fnmatch
import functools
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import orjson

from hub.connect.answers import failure
from hub.connect.api import Answer
from hub.connect.manifest import Idempotency
from hub.connect.mapping import EventMap
from hub.connect.redaction import Redactor
from hub.connect.rest import RestAction
from hub.connect.schemas import CompiledSchema
from hub.connect.webhooks import WebhookReceiver
from hub.errors import ActionError, ConfigError, HubError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from hub.connect.api import (
        ActionCode,
        Call,
        CanonicalEvent,
        Connection,
        ConnectorCode,
        Delivery,
        Fetch,
        Polled,
        RawEvent,
        Run,
        WebhookRequest,
    )
    from hub.connect.manifest import ActionSpec, Manifest
    from hub.jsontypes import Json, JsonObject

_MOST_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Reception:
    """A proved delivery in the hub's words.

    ``events`` are to be recorded; ``unmapped`` are raw events without a canonical meaning (shown as informational);
    ``pending`` are those of ``raw`` that must be re-read from the gateway first (:meth:`LoadedConnector.enrich`); nothing is
    mapped then (:meth:`LoadedConnector.map` does it for all of ``raw``). ``answer`` goes back once all of it is durable.
    """

    events: tuple[CanonicalEvent, ...]
    raw: tuple[RawEvent, ...]
    unmapped: tuple[RawEvent, ...] = ()
    pending: tuple[RawEvent, ...] = ()
    answer: Answer = field(default_factory=Answer)
    hint: bool = False


class LoadedConnector:
    """One connector. Code is imported and schemas are compiled when first needed; safe between threads."""

    def __init__(self, manifest: Manifest, load_code: Callable[[], ConnectorCode]) -> None:
        self.manifest = manifest
        self._load_code = load_code
        self._lock = threading.Lock()
        self._code: ConnectorCode | None = None
        self._schemas: dict[tuple[str, str], CompiledSchema] = {}
        self._actions: dict[str, ActionCode | RestAction] = {}

    @property
    def code(self) -> ConnectorCode:
        """What ``connector.py`` offers; empty for a connector in YAML alone."""
        code = self._code
        if code is None:
            with self._lock:
                code = self._code or self._load_code()
                self._code = code
        return code

    def run(self, action: str, call: Call) -> Json:
        """Do an action and give its output.

        Raises what the action raises (``TransientError``, ``PermanentError``, ``UncertainError``), ``PermanentError``
        ``bad_input`` (nothing was called) or ``bad_output`` (it was), naming the places. Neither output nor error holds
        the connection's secrets.
        """
        spec = self._spec(action)
        return self.run_judged(spec, call, self._implementation(spec).run)

    def run_judged(self, spec: ActionSpec, call: Call, run: Run) -> Json:
        """Do an action by ``run``, its input and output judged by the schemas of ``spec``; see :meth:`run`."""
        with _redacted_errors(call.connection):
            call = self._with_valid_input(spec, call)
            with _redacted_errors(call.connection, call.input):
                return self._valid_output(spec, call, run(call))

    def find(self, action: str, call: Call) -> Json | None:
        """Whether this very step already happened: its output, or None. Only for actions ``idempotent: lookup``."""
        spec = self._spec(action)
        implementation = self._implementation(spec)
        if implementation.find is None:
            message = f"{self.manifest.title}: the action {action!r} has no look-up."
            raise ConfigError(message, code="no_lookup", remedy="Ask a person whether it happened.")
        with _redacted_errors(call.connection):
            found = implementation.find(self._with_valid_input(spec, call))
            return None if found is None else self._valid_output(spec, call, found)

    def may_repeat(self, spec: ActionSpec, connection: Connection) -> bool:
        """Whether an action of which nobody heard the end may be done again, as this connection is set up."""
        if spec.idempotent is not Idempotency.NO:
            return True
        coded = self.code.actions.get(spec.name)
        return coded is not None and coded.repeatable is not None and coded.repeatable(connection)

    def receive(self, request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Reception:
        """Prove a delivery's sender and put it in the hub's words.

        Raises ``SignatureError`` or ``DeliveryError``; nothing may be recorded then but the reason.
        """
        delivery = self._verified(request, connection, now, fetch)
        pending = tuple(raw for raw in delivery.events if self._is_read_again(raw.type))
        if pending:
            return Reception((), delivery.events, (), pending, delivery.answer, delivery.hint)
        events: list[CanonicalEvent] = []
        unmapped: list[RawEvent] = []
        for raw in delivery.events:
            mapped = self.map(raw, connection)
            events += mapped
            if not mapped:
                unmapped.append(raw)
        return Reception(tuple(events), delivery.events, tuple(unmapped), (), delivery.answer, delivery.hint)

    def map(self, raw: RawEvent, connection: Connection) -> tuple[CanonicalEvent, ...]:
        """The canonical events of a raw event; none when it is informational. Raises ``DeliveryError`` (``mapping``)."""
        return self._event_map.map(raw, connection)

    def knows(self, raw_type: str) -> bool:
        """Whether the manifest speaks of this raw type; unknown ones are worth a look after a provider's release."""
        return self._event_map.knows(raw_type)

    def enrich(self, raw: RawEvent, call: Call) -> RawEvent:
        """Re-read what a raw event leaves out or cannot prove; others are given back. Raises like an action."""
        if self.code.enrich is None or not self._is_read_again(raw.type):
            return raw
        with _redacted_errors(call.connection):
            return self.code.enrich(raw, call)

    def poll(self, call: Call, cursor: Json) -> Polled:
        """Ask the gateway for news since ``cursor``. Raises like an action."""
        if self.code.poll is None:
            message = f"{self.manifest.title} is not polled."
            raise ConfigError(message, code="no_polling", remedy="Its events come by webhook.")
        with _redacted_errors(call.connection):
            return self.code.poll(call, cursor)

    def test(self, call: Call) -> str:
        """Make the cheapest authenticated call and give a sentence for the admin. Raises like an action."""
        if self.code.test is None:
            return "This connector has nothing to test."
        with _redacted_errors(call.connection):
            return self.code.test(call)

    def _is_read_again(self, raw_type: str) -> bool:
        return self.code.enrich is not None and any(one.match(raw_type) for one in self._read_again)

    @functools.cached_property
    def _read_again(self) -> list[re.Pattern[str]]:
        return [re.compile(fnmatch.translate(pattern)) for pattern in self.manifest.enrich]

    @functools.cached_property
    def _event_map(self) -> EventMap:
        return EventMap.of(self.manifest)

    @functools.cached_property
    def _receiver(self) -> WebhookReceiver | None:
        return WebhookReceiver(self.manifest.webhook) if self.manifest.webhook else None

    def _verified(self, request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Delivery:
        if self.code.verify is not None:
            return self.code.verify(request, connection, now, fetch)
        if self._receiver is None or cast("JsonObject", self.manifest.webhook)["scheme"] == "code":
            message = f"{self.manifest.title} sends no webhooks to the hub."
            raise NotFoundError(message, code="no_webhook", remedy="Remove this address at the provider.")
        return self._receiver.verify(request, connection, now)

    def _spec(self, action: str) -> ActionSpec:
        spec = self.manifest.actions.get(action)
        if spec is None:
            message = f"{self.manifest.title} has no action {action!r}."
            remedy = f"There are: {', '.join(sorted(self.manifest.actions)) or 'none'}."
            raise NotFoundError(message, code="unknown_action", remedy=remedy)
        return spec

    def _implementation(self, spec: ActionSpec) -> ActionCode | RestAction:
        implementation = self._actions.get(spec.name)
        if implementation is None:
            coded = self.code.actions.get(spec.name)
            if coded is None and spec.rest is None:
                message = f"{self.manifest.title}: the manifest names the action {spec.name!r}, but nothing does it."
                raise ConfigError(message, code="manifest", remedy="Run `hub connector check` on the connector.")
            implementation = coded or RestAction(spec, self.manifest)
            self._actions[spec.name] = implementation
        return implementation

    def _schema(self, spec: ActionSpec, side: str) -> CompiledSchema:
        schema = self._schemas.get((spec.name, side))
        if schema is None:
            schema = CompiledSchema(spec.input if side == "input" else spec.output)
            self._schemas[spec.name, side] = schema
        return schema

    def _with_valid_input(self, spec: ActionSpec, call: Call) -> Call:
        schema = self._schema(spec, "input")
        if schema.accepts(call.input):
            return call
        value = schema.without_nulls(call.input)
        problems = schema.problems(value)
        if problems:
            listed = "; ".join(str(problem) for problem in problems[:_MOST_PROBLEMS])
            raise failure("bad_input", f"{self.manifest.title}, {spec.name}: {listed}.")
        return call.with_input(cast("JsonObject", value))

    def _valid_output(self, spec: ActionSpec, call: Call, output: Json) -> Json:
        schema = self._schema(spec, "output")
        if not schema.accepts(output):
            output = schema.without_nulls(output)
            problems = schema.problems(output)
            if problems:
                listed = "; ".join(str(problem) for problem in problems[:_MOST_PROBLEMS])
                raise failure("bad_output", f"{self.manifest.title}, {spec.name}: {listed}.", details=output)
        redactor = Redactor.of(call.connection)
        return redactor.secrets_only(output) if redactor.holds_secret(orjson.dumps(output)) else output


@contextmanager
def _redacted_errors(connection: Connection, given: JsonObject | None = None) -> Iterator[None]:
    """Errors that pass through lose the connection's secrets, in their words and in what the outside system said.

    ``given``: an action's input; who is named in it (the payer, whoever is paid) stands in no error either.
    """
    try:
        yield
    except HubError as error:
        redactor = Redactor.of(connection, given)
        error.message = redactor.text(error.message)
        error.args = (error.message,)
        if isinstance(error, ActionError):
            error.gateway_code = redactor.text(error.gateway_code) if error.gateway_code else error.gateway_code
            if error.details is not None:
                error.details = redactor.json(cast("Json", error.details))
        raise
