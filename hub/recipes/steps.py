"""Reads steps: every form, and what all forms have in common. The document is built as the schema says."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypedDict, cast

from hub.errors import ExpressionError
from hub.expressions import ExpressionSyntaxError, compile_expression, compile_template
from hub.expressions.durations import parse_duration
from hub.recipes.findings import Finding, Span
from hub.recipes.model import (
    AskStep,
    BranchStep,
    CallStep,
    LoopStep,
    OnError,
    Retry,
    SetStep,
    SleepStep,
    Step,
    StopStep,
    SwitchStep,
    WaitStep,
)
from hub.recipes.places import Style
from hub.recipes.structure import FORMS
from hub.recipes.yaml_errors import quoted
from hub.recipes.yaml_reader import Mapping as MappingNode
from hub.recipes.yaml_reader import Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hub.expressions import Expression, Template
    from hub.jsontypes import Json, JsonObject
    from hub.recipes.document import Document, Path
    from hub.recipes.limits import Limits

_WRAPPED = re.compile(r"\s*\$\{\s*(?P<bare>.*?)\s*\}\s*", re.DOTALL)


class Reader:
    """Reads the parts of one document into the model, noting what is wrong and going on."""

    def __init__(self, document: Document, limits: Limits) -> None:
        self.document = document
        self.limits = limits
        self.findings: list[Finding] = []
        self.step_paths: dict[str, Path] = {}

    def value(self, path: Path) -> Json:
        """The plain value at ``path``; None when there is none."""
        value: Json = self.document.value
        for part in path:
            if isinstance(value, dict):
                value = value.get(str(part))
            else:
                value = value[part] if isinstance(value, list) and isinstance(part, int) else None
        return value

    def has(self, path: Path) -> bool:
        """Whether there is anything at ``path``."""
        return self.document.node(path) is not None

    def wrong(self, path: Path, code: str, message: str, remedy: str = "", *, at_key: bool = False) -> None:
        """Note an error about the part at ``path``."""
        self.findings.append(self.document.finding(path, code, message, remedy, at_key=at_key))

    def expression(self, path: Path) -> Expression:
        """The bare expression at ``path``; null when it does not parse."""
        value = self.value(path)
        text = value if isinstance(value, str) else f"`{'true' if value else 'false'}`"
        wrapped = _WRAPPED.fullmatch(text)
        if wrapped is not None and "${" not in wrapped["bare"]:
            text = wrapped["bare"]
            message = f"`{path[-1]}` takes a bare expression, without ${{ }}."
            finding = self.document.finding_within(
                path, 0, len(str(value)), "wrapped_expression", message, f"Write {text}", fix=text
            )
            self.findings.append(finding)
        try:
            return compile_expression(text)
        except ExpressionSyntaxError as error:
            if wrapped is None:
                self._unreadable(path, error)
            return compile_expression("`null`")

    def optional_expression(self, path: Path) -> Expression | None:
        """The same, or None when there is nothing at ``path``."""
        return self.expression(path) if self.has(path) else None

    def template(self, path: Path, default: Json = None) -> Template:
        """The value at ``path`` with its ``${ }`` compiled; null in the place of every text that does not parse."""
        value = self.value(path) if self.has(path) else default
        try:
            return compile_template(value)
        except ExpressionSyntaxError:
            return compile_template(self._without_errors(value, path))

    def part(self, value: str, path: Path) -> Template:
        """The template of a part of the text at ``path``, from its beginning on."""
        try:
            return compile_template(value)
        except ExpressionSyntaxError as error:
            self._unreadable(path, error)
            return compile_template(None)

    def duration(self, path: Path, default: timedelta | None) -> timedelta:
        """The duration at ``path``."""
        value = self.value(path)
        if value is None:
            return default or timedelta()
        try:
            return parse_duration(str(value))
        except ExpressionError as error:
            self.wrong(path, "duration", error.message, error.remedy)
            return default or timedelta()

    def _without_errors(self, value: Json, path: Path) -> Json:
        """The value with null for every text whose expressions do not parse, each of them noted."""
        if isinstance(value, dict):
            for name in value:
                if "${" in name:
                    message = "A name cannot hold an expression; only values can."
                    self.wrong((*path, name), "expression", message, "Write the name out.", at_key=True)
            return {name.replace("${", ""): self._without_errors(one, (*path, name)) for name, one in value.items()}
        if isinstance(value, list):
            return [self._without_errors(one, (*path, number)) for number, one in enumerate(value)]
        try:
            compile_template(value)
        except ExpressionSyntaxError as error:
            self._unreadable(path, error)
            return None
        return value

    def _unreadable(self, path: Path, error: ExpressionSyntaxError) -> None:
        cut = self._cut_by_comment(path)
        if cut is not None:
            self.findings.append(cut)
        elif error.position is None:
            self.wrong(path, "expression", error.message, error.remedy)
        else:
            finding = self.document.finding_within(
                path, error.position, error.length, "expression", error.message, error.remedy, fix=error.fix
            )
            self.findings.append(finding)

    def _cut_by_comment(self, path: Path) -> Finding | None:
        """The finding when YAML took the rest of the text for a comment."""
        node = self.document.node(path)
        if not isinstance(node, Scalar) or node.style is not Style.PLAIN:
            return None
        line = self.document.lines[node.span.end_line - 1]
        rest = line[node.span.end_column - 1 :]
        if not rest.lstrip().startswith("#") or rest.startswith("#"):
            return None
        whole = (node.source + rest).rstrip()
        start = node.span
        span = Span(start.line, start.column, start.end_line, len(line.rstrip()) + 1)
        message = "YAML takes everything from # on for a comment, which cuts the text off."
        fix = quoted(whole)
        return Finding.at(self.document.file, span, "cut_by_comment", message, f"Put it in quotes: {fix}.", fix=fix)


class Common(TypedDict):
    """What every form of step takes."""

    id: str
    title: str
    condition: Expression | None
    retry: Retry
    timeout: timedelta | None
    on_error: OnError | tuple[Step, ...]


def texts(value: Json) -> tuple[str, ...]:
    """One text or a list of them, as a tuple."""
    return tuple(str(one) for one in value) if isinstance(value, list) else (str(value),)


def read_steps(reader: Reader, path: Path, prefix: str, depth: int = 1) -> tuple[Step, ...]:
    """The steps of the list at ``path``; none when there is no list. ``prefix`` begins the ids made of positions."""
    steps = cast("list[JsonObject]", reader.value(path) or [])
    if steps and depth > reader.limits.nesting:
        message = f"Steps stand inside of steps more than {reader.limits.nesting} levels deep."
        reader.wrong(path, "too_deep", message, "Emit an event with hub/emit, and do the rest in a recipe of its own.")
        return ()
    return tuple(
        _step(reader, step, (*path, number), f"{prefix}{number + 1}", depth) for number, step in enumerate(steps)
    )


def _step(reader: Reader, value: JsonObject, path: Path, automatic: str, depth: int) -> Step:
    common = _common(reader, value, path, _identity(reader, value, path, automatic), depth)
    if "for_each" in value:
        return _loop(reader, value, path, common, depth)
    return _FORMS[_form(value)](reader, value, path, common, depth)


def _form(value: JsonObject) -> str:
    return next((form for form in FORMS if form in value), "if")


def _identity(reader: Reader, value: JsonObject, path: Path, automatic: str) -> str:
    identity = str(value.get("id", automatic))
    known = reader.step_paths.setdefault(identity, path)
    if known != path:
        line = reader.document.value_span(known).line
        message = f"Two steps have the id {identity!r}."
        reader.wrong((*path, "id"), "doubled_id", message, f"The step in line {line} has it too; give each its own.")
    return identity


def _common(reader: Reader, value: JsonObject, path: Path, identity: str, depth: int) -> Common:
    guarded = "if" in value and "then" not in value
    return Common(
        id=identity,
        title=str(value.get("title", "")),
        condition=reader.expression((*path, "if")) if guarded else None,
        retry=_retry(reader, (*path, "retry")),
        timeout=_limit(reader, (*path, "timeout")),
        on_error=_on_error(reader, path, identity, depth),
    )


def _retry(reader: Reader, path: Path) -> Retry:
    usual = Retry()
    entry = cast("JsonObject", reader.value(path) or {})
    return Retry(
        attempts=cast("int", entry.get("attempts", usual.attempts)),
        first=reader.duration((*path, "first"), usual.first),
        factor=float(cast("float", entry.get("factor", usual.factor))),
        longest=reader.duration((*path, "max"), usual.longest),
    )


def _limit(reader: Reader, path: Path) -> timedelta | None:
    return reader.duration(path, None) if reader.has(path) else None


def _on_error(reader: Reader, path: Path, identity: str, depth: int) -> OnError | tuple[Step, ...]:
    value = reader.value((*path, "on_error"))
    if isinstance(value, list):
        return read_steps(reader, (*path, "on_error"), f"{identity}.on_error", depth + 1)
    return OnError(str(value or OnError.STOP))


def _on_timeout(
    reader: Reader, path: Path, identity: str, depth: int
) -> Literal["fail", "continue"] | tuple[Step, ...]:
    value = reader.value((*path, "on_timeout"))
    if isinstance(value, list):
        return read_steps(reader, (*path, "on_timeout"), f"{identity}.on_timeout", depth + 1)
    return cast('Literal["fail", "continue"]', value or "fail")


# the forms


def _call(reader: Reader, value: JsonObject, path: Path, common: Common, _depth: int) -> Step:
    connection, _, action = str(value["call"]).rpartition("/")
    arguments = value.get("with", {})
    template = reader.template((*path, "with"), {})
    if isinstance(arguments, str) and (template.is_static or not _WRAPPED.fullmatch(arguments)):
        message = "`with` is keys with values, or one expression that gives them."
        reader.wrong((*path, "with"), "type", message, 'For example: with: {to: "${ event.data.customer.email }"}')
    return CallStep(**common, connection=reader.part(connection, (*path, "call")), action=action, arguments=template)


def _set(reader: Reader, _value: JsonObject, path: Path, common: Common, _depth: int) -> Step:
    return SetStep(**common, values=reader.template((*path, "set")))


def _wait(reader: Reader, value: JsonObject, path: Path, common: Common, depth: int) -> Step:
    wait, place = cast("JsonObject", value["wait"]), (*path, "wait")
    if "event" in wait:
        return _wait_for_event(reader, wait, path, common, depth)
    if "on_timeout" in value:
        message = "`on_timeout` stands at a wait that always ends."
        reader.wrong((*path, "on_timeout"), "lonely_key", message, "Only a wait for an event times out.", at_key=True)
    if "until" in wait:
        return SleepStep(**common, until=reader.expression((*place, "until")))
    if "${" not in str(wait["for"]):
        reader.duration((*place, "for"), None)
    return SleepStep(**common, duration=reader.template((*place, "for")))


def _wait_for_event(reader: Reader, wait: JsonObject, path: Path, common: Common, depth: int) -> Step:
    place = (*path, "wait")
    match = cast("JsonObject", wait.get("match", {}))
    return WaitStep(
        **common,
        types=texts(wait["event"]),
        match={field: reader.template((*place, "match", field)) for field in match},
        where=reader.optional_expression((*place, "where")),
        wait_timeout=_limit(reader, (*place, "timeout")),
        on_timeout=_on_timeout(reader, path, common["id"], depth),
    )


def _ask(reader: Reader, value: JsonObject, path: Path, common: Common, depth: int) -> Step:
    ask, place = cast("JsonObject", value["ask"]), (*path, "ask")
    return AskStep(
        **common,
        whom=reader.template((*place, "whom")),
        question=reader.template((*place, "question")),
        answers=texts(ask.get("answers", ["yes", "no"])),
        wait_timeout=_limit(reader, (*place, "timeout")),
        on_timeout=_on_timeout(reader, path, common["id"], depth),
    )


def _branch(reader: Reader, _value: JsonObject, path: Path, common: Common, depth: int) -> Step:
    identity = common["id"]
    return BranchStep(
        **common,
        test=reader.expression((*path, "if")),
        then=read_steps(reader, (*path, "then"), f"{identity}.then", depth + 1),
        otherwise=read_steps(reader, (*path, "else"), f"{identity}.else", depth + 1),
    )


def _switch(reader: Reader, _value: JsonObject, path: Path, common: Common, depth: int) -> Step:
    identity = common["id"]
    return SwitchStep(
        **common,
        value=reader.expression((*path, "switch")),
        cases=tuple(
            (case, read_steps(reader, (*path, "cases", name), f"{identity}.case{number}_", depth + 1))
            for number, (name, case) in enumerate(switch_cases(reader.document, path), start=1)
        ),
        default=read_steps(reader, (*path, "default"), f"{identity}.default", depth + 1),
    )


def switch_cases(document: Document, path: Path) -> Iterator[tuple[str, Json]]:
    """The keys of ``cases`` with the values they stand for: a plain number, true or false itself, in quotes a text."""
    cases = document.node((*path, "cases"))
    if isinstance(cases, MappingNode):
        for name, key in cases.keys.items():
            yield name, key.value


def _stop(reader: Reader, value: JsonObject, path: Path, common: Common, _depth: int) -> Step:
    status = cast("JsonObject", value["stop"]).get("status", "succeeded")
    return StopStep(
        **common,
        status=cast('Literal["succeeded", "failed", "cancelled"]', status),
        reason=reader.template((*path, "stop", "reason"), ""),
    )


def _loop(reader: Reader, value: JsonObject, path: Path, common: Common, depth: int) -> Step:
    """``for_each``: retry and time limit belong to the step inside, ``if`` and ``on_error`` to the loop."""
    single = "steps" not in value
    if single:
        inner = Common(**{**common, "condition": None, "on_error": OnError.STOP})
        body: tuple[Step, ...] = (_FORMS[_form(value)](reader, value, path, inner, depth),)
    else:
        body = read_steps(reader, (*path, "steps"), f"{common['id']}.steps", depth + 1)
    return LoopStep(
        **common,
        items=reader.expression((*path, "for_each")),
        body=body,
        single=single,
        parallel=cast("int", value.get("parallel", 1)),
        stop_when=reader.optional_expression((*path, "stop_when")),
    )


_FORMS: dict[str, Callable[[Reader, JsonObject, Path, Common, int], Step]] = {
    "call": _call,
    "set": _set,
    "wait": _wait,
    "ask": _ask,
    "if": _branch,
    "switch": _switch,
    "stop": _stop,
}
