"""The reference page of expressions: ``python -m hub.expressions.reference > docs/reference/expressions.md``."""

from __future__ import annotations

import json
import sys
from itertools import groupby
from typing import TYPE_CHECKING, Final

from hub.expressions.functions import FUNCTIONS
from hub.expressions.limits import MAX_CREATED, MAX_EXPRESSION_BYTES, MAX_NESTING, MAX_OUTPUT, MAX_STEPS
from hub.expressions.slips import slips

if TYPE_CHECKING:
    from hub.expressions.signatures import Function

_GROUPS: Final = {
    "money": "Money is `{minor, currency}`; a number is never money, and currencies never mix.",
    "numbers": "Exact decimals inside; what comes out whole is a whole number.",
    "text": "Regular expressions are RE2's: no look-ahead, no look-behind, no back-references.",
    "time": "Times are RFC 3339 text and come out in UTC: `2026-11-23T09:00:00Z`. `now` is when the step first started.",
    "data": "For any data.",
    "jmespath": "The functions that JMESPath has of its own.",
}
_SLIPS: Final = (
    "event.data.amount.minor > 1000",
    'event.type == "payment.failed"',
    "event.data.reason = 'fraud'",
    "event.data.order and event.data.invoice",
    "event.data.order or event.data.invoice",
    "not event.data.order",
    "!event.data.order",
    "event.data.order == null",
    "event.data.metadata['order-id']",
    "`USD`",
)
_INTRODUCTION: Final = f"""# Expressions

This page is made from the functions themselves; every example on it is a test.

An expression is [JMESPath](https://jmespath.org), as the Python package `jmespath` evaluates it, with the functions below
added. `if`, `where`, `for_each`, `until`, `switch` and `stop_when` hold a bare expression; everywhere else it stands in
`${{ }}`. A value that is one `${{ }}` keeps its type. Inside a longer text, texts and numbers are put plainly, lists and
objects as JSON, and null is an error; `$${{` writes a literal `${{`.

| name | what it is |
| --- | --- |
| `event` | the event: `id`, `type`, `time`, `connection`, `data`, `raw` |
| `inputs` | the recipe's inputs |
| `steps.ID` | an earlier step: `output`, `status`, `error` |
| `item`, `index` | inside `for_each`: the item, and its number from 0 |
| `run` | the run: `id`, and in `on_failure` its `error` |
| `now` | when the step first started |

False are false, null, empty text, the empty list and the empty object; all else is true, 0 too. A path that leads nowhere
gives null; a function that gets a wrong type is an error that names the expression, the value and the argument.

An expression may be {MAX_EXPRESSION_BYTES // 1024} KiB long and {MAX_NESTING} levels deep, give {MAX_OUTPUT // 1024} KiB,
make {MAX_CREATED // 1024 // 1024} MiB on its way and take {MAX_STEPS:,} steps.
"""


def markdown() -> str:
    """The whole page."""
    lines = [_INTRODUCTION, "## Slips", "", "The checker knows these and offers the right form.", ""]
    lines += ["| written | meant | why |", "| --- | --- | --- |"]
    lines += [_slip(text) for text in _SLIPS]
    lines += ["", "## Functions", "", "`name?` may be left out, `name...` takes one or more, `a | b` takes either.", ""]
    for group, functions in groupby(FUNCTIONS.values(), key=lambda function: function.group):
        title = "JMESPath" if group == "jmespath" else group.capitalize()
        lines += [f"### {title}", "", _GROUPS[group], ""]
        for function in functions:
            lines += _function(function)
    return "\n".join(lines).rstrip() + "\n"


def _slip(text: str) -> str:
    (slip,) = slips(text)
    right = f"{text[: slip.offset]}{slip.fix}{text[slip.offset + slip.length :]}"
    why = slip.message.replace("|", "\\|")
    return f"| {_code(text)} | {_code(right)} | {why} |"


def _code(text: str) -> str:
    """Inline code in a table: double backticks around text that holds one, bars escaped."""
    escaped = text.replace("|", "\\|")
    return f"`` {escaped} ``" if "`" in text else f"`{escaped}`"


def _function(function: Function) -> list[str]:
    result = json.dumps(function.example.result, ensure_ascii=False)
    lines = [f"#### {function.name}", "", f"`{function.signature}`", "", function.doc, "", "```text"]
    if function.example.scope:
        lines.append(f"on   {json.dumps(function.example.scope, ensure_ascii=False)}")
    return [*lines, f"     {function.example.expression}", f"is   {result}", "```", ""]


if __name__ == "__main__":
    sys.stdout.write(markdown())
