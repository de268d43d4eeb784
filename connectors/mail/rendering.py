"""Markdown templates to subject, text and HTML. No code in templates, and no value can become markup. Pure.

A template is Markdown with ``${ }`` expressions over the step's data; front matter holds the subject. Values are put in
after the Markdown was read, so that a customer's name is shown as it is, whatever characters it has. A list becomes lines,
``{label, url}`` becomes a link, an address becomes one too.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import mistune

from connectors.mail.plain import PlainRenderer
from hub.connect.answers import failure
from hub.connect.documents import parse_yaml
from hub.errors import ConfigError, ExpressionError
from hub.expressions import Literal, compile_expression, compile_template, split_template

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.jsontypes import Json, JsonObject

_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)^---\r?\n?(.*)\Z", re.DOTALL | re.MULTILINE)
_ATTRIBUTE = re.compile(r'\b(href|src)="([^"]*)"')
_SAFE_ADDRESS = re.compile(r"(?i)(https?://|mailto:|tel:)")
_ADDRESS = re.compile(r"https?://[^\s<>\"']+")

_PAGE = (
    '<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"></head>'
    '<body style="margin:0 auto;max-width:36rem;padding:1.5rem;font:16px/1.5 system-ui,sans-serif;color:#1d273b">'
    "{}</body></html>\n"
)


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """A template's parts: subject (may be empty) and Markdown body, both with ``${ }``."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's content, ready to send."""

    subject: str
    text: str
    html: str


def parse_template(source: str, name: str) -> MailTemplate:
    """Split front matter and body. Raises ``PermanentError`` (``bad_input``) when the front matter is not right."""
    match = _FRONT_MATTER.match(source)
    if match is None:
        return MailTemplate("", source)
    try:
        head = parse_yaml(match[1], f"template {name}") or {}
    except ConfigError as error:
        raise failure("bad_input", error.message) from error
    unknown = set(head) - {"subject"} if isinstance(head, dict) else {"its form"}
    if unknown:
        raise failure("bad_input", f"The template {name!r}: only subject may stand above, not {min(unknown)}.")
    return MailTemplate(str(cast("JsonObject", head).get("subject") or ""), match[2])


def render(template: MailTemplate, data: JsonObject, name: str) -> Rendered:
    """The mail that a template gives for this data.

    Raises ``PermanentError`` (``bad_input``) that names the template and the expression which gives nothing.
    """
    try:
        subject = str(compile_template(template.subject).render(data) or "")
        source, slots, values = _with_slots(template.body, data)
    except ExpressionError as error:
        raise failure("bad_input", f"The template {name!r}: {error}") from error
    return Rendered(subject, _plain(source, slots, values), _page(source, slots, values))


def plain_markdown(text: str, subject: str) -> Rendered:
    """The mail of a text that a step wrote itself: Markdown without ``${ }``, which the recipe rendered already."""
    never = re.compile(r"(?!)")
    return Rendered(subject, _plain(text, never, []), _page(text, never, []))


def _with_slots(body: str, data: JsonObject) -> tuple[str, re.Pattern[str], list[Json]]:
    """The Markdown with a mark in place of each ``${ }``, what finds the marks, and the values."""
    mark = "hubvalue"
    while mark in body:
        mark += "x"
    source = ""
    values: list[Json] = []
    for part in split_template(body):
        if isinstance(part, Literal):
            source += part.text
            continue
        value = compile_expression(part.expression).evaluate(data)
        if value is None:
            message = f"{part.expression} gives nothing. Write default({part.expression}, '') if it may be missing."
            raise ExpressionError(message)
        source += f"{mark}{len(values)}z"
        values.append(value)
    return source, re.compile(rf"{mark}([0-9]+)z"), values


def _fill(text: str, slots: re.Pattern[str], values: Sequence[Json], show: Callable[[Json], str]) -> str:
    return slots.sub(lambda match: show(values[int(match[1])]), text)


def _page(source: str, slots: re.Pattern[str], values: Sequence[Json]) -> str:
    markdown = mistune.create_markdown(escape=True, hard_wrap=False, plugins=["table", "strikethrough"])
    body = cast("str", markdown(source))

    def attribute(match: re.Match[str]) -> str:
        address = _fill(match[2], slots, values, lambda value: html.escape(_as_text(value), quote=True))
        return f'{match[1]}="{address if _SAFE_ADDRESS.match(address) else "#"}"'

    return _PAGE.format(_fill(_ATTRIBUTE.sub(attribute, body), slots, values, _as_html))


def _plain(source: str, slots: re.Pattern[str], values: Sequence[Json]) -> str:
    markdown = mistune.create_markdown(renderer=PlainRenderer(), hard_wrap=False, plugins=["strikethrough"])
    text = _fill(cast("str", markdown(source)), slots, values, _as_text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _link(value: Json) -> tuple[str, str] | None:
    if isinstance(value, dict) and value.keys() == {"label", "url"}:
        return str(value["label"]), str(value["url"])
    return None


def _as_text(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(_as_text(one) for one in value)
    link = _link(value)
    if link is not None:
        return f"{link[0]}: {link[1]}"
    return json.dumps(value, ensure_ascii=False)


def _as_html(value: Json) -> str:
    if isinstance(value, list):
        return "<br>".join(_as_html(one) for one in value)
    link = _link(value)
    if link is not None:
        address = html.escape(link[1], quote=True) if _SAFE_ADDRESS.match(link[1]) else "#"
        return f'<a href="{address}">{html.escape(link[0])}</a>'
    text = _as_text(value)
    if _ADDRESS.fullmatch(text):
        return f'<a href="{html.escape(text, quote=True)}">{html.escape(text)}</a>'
    return html.escape(text).replace("\n", "<br>")
