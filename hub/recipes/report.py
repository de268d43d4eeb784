"""Findings for people, for programs, for GitHub's annotations and for SARIF readers."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from urllib.parse import quote

from hub.recipes.yaml_reader import LINE_BREAK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hub.jsontypes import JsonObject
    from hub.recipes.findings import Finding

Format: TypeAlias = Literal["text", "json", "github", "sarif"]

_SARIF: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LONGEST_LINE: Final = 120


def report(findings: Sequence[Finding], form: Format, texts: Mapping[str, str]) -> str:
    """The findings in one of the forms, ending with a line break. ``texts``: the files' contents, for excerpts."""
    return _FORMS[form](findings, texts)


def as_text(findings: Sequence[Finding], texts: Mapping[str, str]) -> str:
    """For people: place, sentence, the line with a mark below, the remedy; then how many there are."""
    lines: dict[str, list[str]] = {file: LINE_BREAK.split(text) for file, text in texts.items()}
    parts = [_paragraph(finding, lines.get(finding.file, [])) for finding in findings]
    return "\n".join([*parts, _summary(findings)]) + "\n"


def as_json(findings: Sequence[Finding], _texts: Mapping[str, str]) -> str:
    """For programs: a list of objects with the fields of :class:`~hub.recipes.findings.Finding`."""
    return json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False) + "\n"


def as_github(findings: Sequence[Finding], _texts: Mapping[str, str]) -> str:
    """GitHub's workflow commands: each finding is shown at its line of a pull request.

    Source: GitHub Docs, "Workflow commands for GitHub Actions", setting an error or warning message.
    """
    return "".join(f"{_annotation(finding)}\n" for finding in findings)


def as_sarif(findings: Sequence[Finding], _texts: Mapping[str, str]) -> str:
    """SARIF 2.1.0 (OASIS), with the fixes; columns count characters."""
    rules = sorted({finding.code for finding in findings})
    run: JsonObject = {
        "tool": {"driver": {"name": "hub check", "rules": [{"id": code} for code in rules]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding) for finding in findings],
    }
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


_FORMS: Final[dict[str, Callable[[Sequence[Finding], Mapping[str, str]], str]]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
    "sarif": as_sarif,
}


def _paragraph(finding: Finding, lines: Sequence[str]) -> str:
    place = f"{finding.file}:{finding.line}:{finding.column}" if finding.file else f"{finding.line}:{finding.column}"
    said = [f"{place}: {finding.severity}: {finding.message} [{finding.code}]"]
    if finding.line <= len(lines):
        number = f"{finding.line:5}"
        shown, mark = _excerpt(finding, lines[finding.line - 1])
        if shown.strip():
            said += [f"{number} | {shown}", f"{'':5} | {mark}"]
    if finding.remedy:
        said.append(f"{'':5} = {finding.remedy}")
    return "\n".join(said) + "\n"


def _excerpt(finding: Finding, line: str) -> tuple[str, str]:
    """The line (of a long one the part around the place), and the mark to put below it."""
    start = finding.column - 1
    end = finding.end_column - 1 if finding.end_line == finding.line else len(line.rstrip())
    cut = max(0, start - _LONGEST_LINE // 2) if len(line) > _LONGEST_LINE else 0
    shown = line[cut : cut + _LONGEST_LINE]
    before = "".join("\t" if sign == "\t" else " " for sign in line[cut:start])
    return shown, before + "^" * max(1, min(end, cut + _LONGEST_LINE) - start)


def _summary(findings: Sequence[Finding]) -> str:
    errors = sum(finding.is_error for finding in findings)
    warnings = len(findings) - errors
    if not findings:
        return "Nothing is wrong."
    counts = [_count(errors, "error"), _count(warnings, "warning")]
    return " and ".join(count for count in counts if count) + "."


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}" if number else ""


def _annotation(finding: Finding) -> str:
    properties = {"file": finding.file, "line": finding.line, "endLine": finding.end_line, "col": finding.column}
    if finding.line == finding.end_line:
        properties["endColumn"] = finding.end_column
    listed = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in properties.items() if value)
    message = f"{finding.message} {finding.remedy}".strip()
    return f"::{finding.severity} {listed},title={_escaped(finding.code, ':,')}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    """What the runner would take for the end of a part, as it wants it: ``%0A`` for a line break."""
    for sign in f"%\r\n{more}":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def _result(finding: Finding) -> JsonObject:
    region: JsonObject = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    file: JsonObject = {"uri": quote(finding.file or "recipe.yaml")}
    result: JsonObject = {
        "ruleId": finding.code,
        "level": str(finding.severity),
        "message": {"text": f"{finding.message} {finding.remedy}".strip()},
        "locations": [{"physicalLocation": {"artifactLocation": file, "region": region}}],
    }
    if finding.fix is None:
        return result
    replacement: JsonObject = {"deletedRegion": region, "insertedContent": {"text": finding.fix}}
    change: JsonObject = {"artifactLocation": file, "replacements": [replacement]}
    return {**result, "fixes": [{"description": {"text": finding.remedy or "Mend it."}, "artifactChanges": [change]}]}
