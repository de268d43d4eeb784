"""YAML 1.2 (core schema) with the place of every key and value, within limits: no tags, no code, no doubled keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hub.recipes.findings import START, Finding, FindingsError, Severity, Span
from hub.recipes.limits import LIMITS, Limits
from hub.recipes.places import Place, Style
from hub.recipes.yaml_reader import LINE_BREAK, Mapping, Node, Scalar, Sequence, read

if TYPE_CHECKING:
    from hub.jsontypes import Json

Path: TypeAlias = tuple[str | int, ...]

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: plain data, where each part of it stands, and what is wrong with it as YAML (doubled keys …)."""

    file: str
    text: str
    value: Json
    root: Node | None
    lines: tuple[str, ...]
    findings: tuple[Finding, ...]

    def node(self, path: Path) -> Node | None:
        """The part at ``path``; None when there is none."""
        node = self.root
        for part in path:
            if isinstance(node, Mapping):
                node = node.values.get(str(part))
            elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
                node = node.items[part]
            else:
                return None
        return node

    def key(self, path: Path) -> Scalar | None:
        """The key that leads to ``path``; None when it is an item of a list, or not there."""
        holder = self.node(path[:-1])
        return holder.keys.get(str(path[-1])) if path and isinstance(holder, Mapping) else None

    def value_span(self, path: Path) -> Span:
        """Where the value at ``path`` stands; the nearest part around it when there is none."""
        node = self.node(path)
        while node is None and path:
            path = path[:-1]
            node = self.node(path)
        return self._shown(node) if node is not None else START

    def key_span(self, path: Path) -> Span:
        """Where the key that leads to ``path`` stands; its value when it has no key."""
        key = self.key(path)
        return key.span if key is not None else self.value_span(path)

    def place(self, path: Path) -> Place | None:
        """The text at ``path`` with the places of its characters; None when there is no text."""
        node = self.node(path)
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return None
        return Place(node.value, node.span, node.style, self.lines)

    def finding(  # noqa: PLR0913 (the parts of a finding)
        self,
        path: Path,
        code: str,
        message: str,
        remedy: str = "",
        *,
        at_key: bool = False,
        severity: Severity = Severity.ERROR,
        fix: str | None = None,
    ) -> Finding:
        """A finding about the part at ``path``. ``fix`` is given as it stands in the file."""
        span = self.key_span(path) if at_key else self.value_span(path)
        return Finding.at(self.file, span, code, message, remedy, severity=severity, fix=fix)

    def finding_within(  # noqa: PLR0913 (the parts of a finding)
        self,
        path: Path,
        offset: int,
        length: int,
        code: str,
        message: str,
        remedy: str = "",
        *,
        severity: Severity = Severity.ERROR,
        fix: str | None = None,
    ) -> Finding:
        """A finding about ``length`` characters from ``offset`` of the text at ``path``; ``fix`` is the text meant."""
        place = self.place(path)
        if place is None:
            return self.finding(path, code, message, remedy, severity=severity)
        span, written = place.replaced(offset, length, fix)
        return Finding.at(self.file, span, code, message, remedy, severity=severity, fix=written)

    def _shown(self, node: Node) -> Span:
        """The node's span, of a part over several lines only its first line."""
        span = node.span
        if isinstance(node, Scalar) and node.style in {Style.PLAIN, Style.SINGLE, Style.DOUBLE}:
            return span
        if span.line == span.end_line:
            return span
        line = self.lines[span.line - 1] if span.line <= len(self.lines) else ""
        return Span(span.line, span.column, span.line, max(len(line.rstrip()) + 1, span.column + 1))


def parse_document(text: str, file: str = "", limits: Limits = LIMITS) -> Document:
    """Parse one YAML document. Raises :class:`FindingsError`, with place and remedy, when it cannot be read."""
    lines = tuple(LINE_BREAK.split(text))
    _check_text(text, file, limits)
    root, findings = read(text, lines, file, limits)
    value = plain(root) if root is not None else None
    return Document(file, text, value, root, lines, tuple(findings))


def plain(node: Node) -> Json:
    """The node's value as plain data."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Mapping):
        return {name: plain(member) for name, member in node.values.items()}
    return [plain(item) for item in node.items]


def _check_text(text: str, file: str, limits: Limits) -> None:
    size = len(text.encode(errors="surrogatepass"))
    if size > limits.file_bytes:
        message = f"The file has {size:,} bytes; at most {limits.file_bytes:,} are read."
        raise FindingsError([Finding.at(file, START, "too_large", message, "Split it into several files.")])
    control = _CONTROL.search(text)
    if control is not None:
        before = LINE_BREAK.split(text[: control.start()])
        line, column = len(before), len(before[-1]) + 1
        message = f"There is a character here that cannot be seen (U+{ord(control.group()):04X})."
        span = Span(line, column, line, column + 1)
        raise FindingsError([Finding.at(file, span, "invisible_character", message, "Delete it.", fix="")])
