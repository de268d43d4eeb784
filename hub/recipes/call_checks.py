"""Judges a ``call``: that its connection and action exist and are offered, and that its input fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import NotFoundError
from hub.recipes.findings import Severity, did_you_mean, nearest, suggested
from hub.recipes.input_checks import input_findings
from hub.recipes.model import EventTrigger
from hub.recipes.scopes import ANYTHING, any_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import Json, JsonObject, JsonSchema
    from hub.recipes.context import Action, CheckContext
    from hub.recipes.document import Document, Path
    from hub.recipes.findings import Finding
    from hub.recipes.model import CallStep, Recipe

_INPUTS = "inputs."
_REFUND = "payment.refund"
_WRITING = frozenset({"mail", "providers"})
"""The connectors whose actions take a template of a mail."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A connector that the call may reach; ``connection`` is empty when only the connector is known."""

    connection: str
    connector: str


class CallChecks:
    """Checks the calls of one recipe; what is wrong is added to ``findings``."""

    def __init__(self, document: Document, recipe: Recipe, context: CheckContext, findings: list[Finding]) -> None:
        self._document = document
        self._recipe = recipe
        self._context = context
        self._findings = findings

    def call(self, step: CallStep, path: Path, rendered: Mapping[Path, JsonSchema]) -> JsonSchema:
        """Judge a call at ``path``; ``rendered`` has the schemas of its input's expressions. Give its output's schema."""
        candidates = self._candidates(step, path)
        if candidates is None:
            return ANYTHING
        offered: dict[_Candidate, Action] = {}
        refusals: list[tuple[_Candidate, NotFoundError]] = []
        for candidate in candidates:
            try:
                offered[candidate] = self._context.actions.action(candidate.connector, step.action)
            except NotFoundError as error:
                refusals.append((candidate, error))
        self._refused(step, path, refusals, certain=candidates[0].connection != "" or not offered)
        if offered:
            self._input(step, path, rendered, offered)
            self._specials(step, path, next(iter(offered)))
            if step.action == _REFUND:
                message = "This refund asks for nobody's approval, and is refused once a limit for refunds is set."
                remedy = "Call payments/refund, which asks above the limit and takes back what vendors got."
                self._say((*path, "call"), "own_refund", message, remedy, severity=Severity.WARNING)
        return any_of(action.output for action in offered.values())

    # which connectors

    def _candidates(self, step: CallStep, path: Path) -> list[_Candidate] | None:
        """What the call may reach; None when something has been said about it already."""
        connections = self._context.connections
        name = self._connection_name(step)
        if name is not None and name in connections:
            return [_Candidate(name, connections[name])]
        if name is not None and step.connection.is_static:
            self._unknown_connection(name, path)
            return None
        if name:
            self._missing_by_default(step, name)
        elif name is None and _is(step, "event.connection") and self._event_connections():
            return self._event_connections()
        everywhere = self._anywhere(step.action)
        if not everywhere:
            message = f"No connector has an action {step.action!r}."
            self._say_action(step, path, "unknown_action", message, "The reference of connectors lists their actions.")
        return everywhere or None

    def _missing_by_default(self, step: CallStep, name: str) -> None:
        key = step.connection.expressions[0][2].text.removeprefix(_INPUTS)
        message = f"The input {key!r} names the connection {name!r}, and there is none of that name yet."
        remedy = "Make it under Connections, or set the input to one that there is."
        self._say(("inputs", key, "default"), "unknown_connection", message, remedy, severity=Severity.WARNING)

    def _connection_name(self, step: CallStep) -> str | None:
        """The connection's name, where it is written out or an input gives it."""
        if step.connection.is_static:
            return str(step.connection.value)
        expressions = step.connection.expressions
        if len(expressions) == 1 and expressions[0][2].text.startswith(_INPUTS) and _is(step, expressions[0][2].text):
            name = expressions[0][2].text.removeprefix(_INPUTS)
            declared = self._recipe.inputs.get(name)
            value = self._context.inputs.get(name, declared.default if declared is not None else None)
            return value if isinstance(value, str) else None
        return None

    def _event_connections(self) -> list[_Candidate]:
        trigger = self._recipe.trigger
        names = trigger.connections if isinstance(trigger, EventTrigger) else ()
        connections = self._context.connections
        return [_Candidate(name, connections[name]) for name in names if name in connections]

    def _anywhere(self, action: str) -> list[_Candidate]:
        """The connectors that have the action: those of the connections, else any."""
        everywhere = [name for name in self._context.actions.names() if self._has(name, action)]
        connected = set(self._context.connections.values())
        return [_Candidate("", name) for name in everywhere if name in connected] or [
            _Candidate("", name) for name in everywhere
        ]

    def _has(self, connector: str, action: str) -> bool:
        try:
            self._context.actions.action(connector, action)
        except NotFoundError:
            return False
        return True

    def _unknown_connection(self, name: str, path: Path) -> None:
        connections = self._context.connections
        near = nearest(name, connections)
        message = f"There is no connection {name!r}."
        remedy = did_you_mean(name, connections, "Make it under Connections.")
        finding = self._document.finding_within(
            (*path, "call"), 0, len(name), "unknown_connection", message, remedy, fix=near
        )
        self._findings.append(finding)

    # what they offer

    def _refused(
        self, step: CallStep, path: Path, refusals: list[tuple[_Candidate, NotFoundError]], *, certain: bool
    ) -> None:
        if not certain:
            return
        for candidate, error in refusals:
            message = error.message
            if candidate.connection not in {"", candidate.connector}:
                message = f"The connection {candidate.connection!r}: {message}"
            self._say_action(step, path, error.code, message, error.remedy)

    def _input(
        self, step: CallStep, path: Path, rendered: Mapping[Path, JsonSchema], offered: Mapping[_Candidate, Action]
    ) -> None:
        """The input must fit what the action wants; of several possible connectors, at least one."""
        value = step.arguments.value
        if isinstance(value, str):
            return
        place = (*path, "with") if self._document.node((*path, "with")) is not None else (*path, "call")
        fewest: list[Finding] | None = None
        for schema in {id(action.input): action.input for action in offered.values()}.values():
            found = input_findings(self._document, place, value or {}, rendered, schema, step.action)
            if fewest is None or len(found) < len(fewest):
                fewest = found
        self._findings.extend(fewest or [])

    def _specials(self, step: CallStep, path: Path, candidate: _Candidate) -> None:
        value = step.arguments.value
        if not isinstance(value, dict):
            return
        if candidate.connector in _WRITING:
            self._mail_template(value, path)
        elif candidate.connector == "hub" and step.action == "emit":
            self._emitted(value, path)

    def _mail_template(self, value: JsonObject, path: Path) -> None:
        name = value.get("template")
        if isinstance(name, str) and "${" not in name and name not in self._context.templates:
            near = nearest(name, self._context.templates)
            message = f"There is no template {name!r}."
            remedy = did_you_mean(name, self._context.templates, "Make it under Templates, or as templates/NAME.md.")
            self._say((*path, "with", "template"), "unknown_template", message, remedy, fix=near)

    def _emitted(self, value: JsonObject, path: Path) -> None:
        kind, place = value.get("type"), (*path, "with", "type")
        if not isinstance(kind, str) or "${" in kind:
            return
        vocabulary = self._context.vocabulary
        try:
            schema = vocabulary.data_schema(kind)
        except NotFoundError as error:
            self._say(place, "unknown_event", error.message, error.remedy, fix=vocabulary.nearest(kind))
            return
        data = value.get("data", {})
        if isinstance(data, dict):
            at = (*path, "with", "data") if "data" in value else (*path, "with")
            static = _without_expressions(data)
            found = input_findings(self._document, at, data, static, schema, f"The data of {kind}")
            self._findings.extend(found)

    def _say(  # noqa: PLR0913 (the parts of a finding)
        self,
        path: Path,
        code: str,
        message: str,
        remedy: str,
        *,
        severity: Severity = Severity.ERROR,
        fix: str | None = None,
    ) -> None:
        self._findings.append(self._document.finding(path, code, message, remedy, severity=severity, fix=fix))

    def _say_action(self, step: CallStep, path: Path, code: str, message: str, remedy: str) -> None:
        place = self._document.place((*path, "call"))
        offset = len(place.text) - len(step.action) if place is not None else 0
        finding = self._document.finding_within(
            (*path, "call"), offset, len(step.action), code, message, remedy, fix=suggested(remedy)
        )
        self._findings.append(finding)


def _is(step: CallStep, text: str) -> bool:
    """Whether the connection is this one expression and nothing else."""
    whole = str(step.connection.value).strip()
    return whole.startswith("${") and whole.endswith("}") and whole[2:-1].strip() == text


def _without_expressions(value: Json, path: Path = ()) -> dict[Path, JsonSchema]:
    """The places of texts with expressions, of which nothing is known."""
    if isinstance(value, str):
        return {path: ANYTHING} if "${" in value else {}
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: dict[Path, JsonSchema] = {}
    for name, one in members:
        found |= _without_expressions(one, (*path, name))
    return found
