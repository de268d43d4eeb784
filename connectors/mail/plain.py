"""Markdown as plain text: for the part of a mail that needs no HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mistune

if TYPE_CHECKING:
    from mistune.core import BlockState


_LINE_STARTS = {"block_quote": "> ", "block_code": "    "}
_FIXED = {"linebreak": "\n", "softbreak": "\n", "thematic_break": "-" * 20 + "\n\n", "blank_line": ""}
_ENDS = {"paragraph": "\n\n", "heading": "\n\n", "block_text": "\n"}


class PlainRenderer(mistune.BaseRenderer):
    """Keeps the words and the addresses, drops the marks."""

    NAME = "plain"

    def render_token(self, token: dict[str, Any], state: BlockState) -> str:
        """The text of one token and all below it."""
        kind = token["type"]
        children = token.get("children")
        inner = self.render_tokens(children, state) if children else str(token.get("raw", ""))
        attributes = token.get("attrs") or {}
        if kind == "link":
            address = str(attributes.get("url", ""))
            return inner if address in {inner, ""} else f"{inner}: {address}"
        if kind == "list":
            return self._list(children or [], attributes, state) + "\n"
        if kind in _LINE_STARTS:
            return "".join(f"{_LINE_STARTS[kind]}{line}\n" for line in inner.strip("\n").splitlines()) + "\n"
        return _FIXED[kind] if kind in _FIXED else inner + _ENDS.get(kind, "")

    def _list(self, items: list[dict[str, Any]], attributes: dict[str, Any], state: BlockState) -> str:
        lines = ""
        for number, item in enumerate(items, start=int(attributes.get("start") or 1)):
            text = self.render_tokens(item.get("children") or [], state).strip().replace("\n", "\n  ")
            lines += f"{f'{number}.' if attributes.get('ordered') else '-'} {text}\n"
        return lines
