"""Judges one expression or template at its place: slips, steps out of sight, paths that lead nowhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hub.expressions import slips
from hub.expressions.inference import infer
from hub.expressions.syntax import nodes
from hub.recipes.findings import MOST_FINDINGS, Severity, did_you_mean
from hub.recipes.scopes import ANYTHING, TEXT, closed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hub.expressions import Expression, Template
    from hub.expressions.inference import Finding as InferenceFinding
    from hub.expressions.syntax import Node
    from hub.jsontypes import Json, JsonSchema
    from hub.recipes.document import Document, Path
    from hub.recipes.findings import Finding
    from hub.recipes.scopes import Surroundings

_BARE_PATH = re.compile(
    r"(?:event\.(?:data|raw|connection|type|id|time)|steps\.\w+\.(?:output|status|error)|inputs\.\w+|run\.id)(?:[.\[][\w.\[\]'*]*)?"
)
_BEGIN, _END = re.compile(r"\$\{\s*"), re.compile(r"\s*\}\Z")
_OTHER_BRACES = re.compile(r"\$?\{\{\s*(?P<inner>[^{}]*?)\s*\}\}")


class ExpressionChecks:
    """Checks the expressions of one document; what is wrong is added to ``findings``."""

    def __init__(self, document: Document, findings: list[Finding]) -> None:
        self._document = document
        self._findings = findings

    def expression(self, expression: Expression, path: Path, surroundings: Surroundings, offset: int = 0) -> JsonSchema:
        """Judge an expression that begins at ``offset`` of the text at ``path``; give the schema of its value."""
        if len(self._findings) >= MOST_FINDINGS:
            return ANYTHING
        said: list[tuple[int, int]] = []
        for slip in slips(expression.text):
            said.append((slip.offset, slip.offset + slip.length))
            remedy = f"Write {slip.fix}." if slip.fix else ""
            finding = self._document.finding_within(
                path, offset + slip.offset, slip.length, "slip", slip.message, remedy, fix=slip.fix
            )
            self._findings.append(finding)
        unknown = self._out_of_sight(expression, path, surroundings, offset, said)
        inference = infer(expression, surroundings.schema(unknown))
        for found in inference.findings:
            if not any(start < found.offset + found.length and found.offset < end for start, end in said):
                self._findings.append(self._inferred(found, path, offset))
        return inference.schema

    def template(self, template: Template, path: Path, surroundings: Surroundings) -> JsonSchema:
        """Judge every expression of a template; give the schema of what it renders to."""
        found: dict[Path, JsonSchema] = {}
        for inner, offset, expression in template.expressions:
            place = (*path, *inner)
            schema = self.expression(expression, place, surroundings, offset)
            text = self._document.place(place)
            found[inner] = schema if text is None or _is_whole(text.text, offset, expression.text) else TEXT
        for inner, text_value in _texts(template.value, ()):
            if inner not in found:
                self._plain_text(text_value, (*path, *inner))
        return rendered_schema(template.value, found)

    def _inferred(self, found: InferenceFinding, path: Path, offset: int) -> Finding:
        severity = Severity.ERROR if found.severity == "error" else Severity.WARNING
        return self._document.finding_within(
            path,
            offset + found.offset,
            found.length,
            found.code,
            found.message,
            severity=severity,
            fix=found.suggestion,
        )

    def _out_of_sight(
        self, expression: Expression, path: Path, surroundings: Surroundings, offset: int, said: list[tuple[int, int]]
    ) -> list[str]:
        """Name the steps and variables that the expression cannot see here; give the steps' ids."""
        unknown = []
        for name, node in _step_references(expression.ast):
            if surroundings.reads_steps and name not in surroundings.steps:
                unknown.append(name)
                message, remedy, fix = _missing_step(name, surroundings)
                self._say_at(node, path, offset, "unknown_step", message, remedy, fix, said)
        if not surroundings.failed:
            for node in _run_errors(expression.ast):
                message = "There is no `run.error` here; it is known only in on_failure."
                remedy = "The error of one step is steps.ID.error, with on_error: continue at that step."
                self._say_at(node, path, offset, "unknown_variable", message, remedy, None, said)
        for node in _roots(expression.ast):
            problem = _variable_problem(str(node["value"]), surroundings)
            if problem is not None:
                self._say_at(node, path, offset, "unknown_variable", *problem, None, said)
        return unknown

    def _say_at(  # noqa: PLR0913 (the parts of a finding)
        self,
        node: Node,
        path: Path,
        offset: int,
        code: str,
        message: str,
        remedy: str,
        fix: str | None,
        said: list[tuple[int, int]],
    ) -> None:
        start, length = node["start"], node["length"]
        said.append((start, start + length))
        finding = self._document.finding_within(path, offset + start, length, code, message, remedy, fix=fix)
        self._findings.append(finding)

    def _plain_text(self, text: str, path: Path) -> None:
        """Text that was probably meant as an expression."""
        if _BARE_PATH.fullmatch(text.strip()):
            fix = f"${{ {text.strip()} }}"
            message = f"This is the plain text {text.strip()!r}, not what it leads to."
        elif (braces := _OTHER_BRACES.search(text)) is not None:
            fix = text.replace(braces[0], f"${{ {braces['inner']} }}")
            message = f"{braces[0]} stays plain text here; expressions are written ${{ … }}."
        else:
            return
        finding = self._document.finding_within(
            path, 0, len(text), "plain_text", message, f"Write {fix}", severity=Severity.WARNING, fix=fix
        )
        self._findings.append(finding)


def rendered_schema(value: Json, found: Mapping[Path, JsonSchema], path: Path = ()) -> JsonSchema:
    """The schema of what a template renders to; ``found`` has the schemas of its texts with expressions."""
    if path in found:
        return found[path]
    if isinstance(value, dict):
        members: dict[str, Json] = {name: rendered_schema(one, found, (*path, name)) for name, one in value.items()}
        return {**closed(members), "required": list(members)}
    if isinstance(value, list):
        items: list[Json] = [rendered_schema(one, found, (*path, number)) for number, one in enumerate(value[:50])]
        listed: dict[str, Json] = (
            {"prefixItems": items, "items": False} if len(items) == len(value) else {"items": True}
        )
        return {"type": "array", "minItems": len(value), **listed}
    return {"const": value}


def _is_whole(text: str, offset: int, expression: str) -> bool:
    """Whether the text is one ``${ }`` and nothing else, so that the value keeps its type."""
    begin = _BEGIN.match(text)
    return begin is not None and begin.end() == offset and _END.match(text, offset + len(expression)) is not None


def _texts(value: Json, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _texts(one, (*path, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _texts(one, (*path, number))


def _step_references(tree: Node) -> Iterator[tuple[str, Node]]:
    """Each ``steps.ID`` in the expression: the id, and the node where it stands."""
    for node in nodes(tree):
        if node["type"] == "subexpression":
            first, *rest = node["children"]
            is_steps = first["type"] == "field" and first["value"] == "steps"
            if is_steps and rest and rest[0]["type"] == "field":
                yield str(rest[0]["value"]), rest[0]


def _run_errors(tree: Node) -> Iterator[Node]:
    """Each ``run.error`` in the expression, at the node of ``error``."""
    for node in nodes(tree):
        if node["type"] != "subexpression":
            continue
        names = [child["value"] if child["type"] == "field" else None for child in node["children"][:2]]
        if names == ["run", "error"]:
            yield node["children"][1]


def _roots(tree: Node) -> Iterator[Node]:
    """The fields by which the expression begins in the scope: not those of a list's items."""
    kind, children = tree["type"], tree["children"]
    if kind == "field":
        yield tree
    elif kind in {"subexpression", "index_expression", "pipe", "projection", "filter_projection", "value_projection"}:
        yield from _roots(children[0])
    elif kind not in {"expref", "slice", "literal"}:
        for child in children:
            yield from _roots(child)


def _missing_step(name: str, surroundings: Surroundings) -> tuple[str, str, str | None]:
    reason = surroundings.hidden.get(name)
    if reason is not None:
        return f"The step {name!r} cannot be read here: {reason}.", _REMEDIES.get(reason, ""), None
    remedy = did_you_mean(name, surroundings.steps, "No step before this one has an output.")
    near = re.search(r"'(\w+)'", remedy) if remedy.startswith("Did") else None
    return f"There is no step {name!r} before this one.", remedy, near[1] if near else None


LATER = "it comes later"
OTHER_BRANCH = "it stands in the other branch, and only one of them is done"
IN_LOOP = "it stands inside a loop that has ended"
ITSELF = "it is this step itself"
NOT_IN_FAILURE = "it belongs to on_failure"
_REMEDIES = {
    LATER: "Move this step behind it.",
    OTHER_BRANCH: "Put what both branches need in front of them.",
    IN_LOOP: "Read the loop's own output: a list with the output of every item.",
    ITSELF: "A step can only read steps before it.",
}
"""Why a step cannot be read, each with what to do about it."""


def _variable_problem(name: str, surroundings: Surroundings) -> tuple[str, str] | None:
    if name in {"item", "index"} and surroundings.item is None:
        message = f"There is no `{name}` here; it is known only to what for_each repeats."
        return (
            message,
            "A loop's own if is judged before its items: filter the list instead, for_each: list[?condition].",
        )
    if name in {"steps", "run", "now"} and not surroundings.reads_steps:
        message = f"There is no `{name}` here: this is judged before there is a run."
        return message, "It sees event and inputs."
    return None
