"""The README of a story as a part of a page."""

from __future__ import annotations

from typing import cast

import mistune
from markupsafe import Markup


def readme_markup(text: str) -> Markup:
    """HTML of a story's Markdown without its title; addresses of the hub's own in bold, **/f/donate**, become links."""
    markdown = mistune.create_markdown(renderer=_Page(escape=True), plugins=["table"])
    return Markup(cast("str", markdown(text.partition("\n")[2])))  # noqa: S704 (Mistune escapes; the text is the package's)


class _Page(mistune.HTMLRenderer):
    def strong(self, text: str) -> str:
        if text.startswith("/"):
            return f'<a href="{text}" target="_blank" rel="noopener"><strong>{text}</strong></a>'
        return super().strong(text)

    def table(self, text: str) -> str:
        scrolled = 'class="table-responsive" tabindex="0" role="group" aria-label="Table"'
        return f'<div {scrolled}><table class="table">{text}</table></div>\n'

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:  # noqa: FBT001, FBT002 (Mistune's)
        tag = "th" if head else "td"
        look = ' class="text-end"' if align == "right" else ""
        return f"<{tag}{look}>{text}</{tag}>\n"
