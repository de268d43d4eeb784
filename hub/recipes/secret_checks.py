"""Secrets that were written into a file: known shapes anywhere, and random-looking values at keys that are named so."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from hub.recipes.findings import Finding, Span
from hub.recipes.yaml_reader import LINE_BREAK, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.jsontypes import Json
    from hub.recipes.document import Document
    from hub.recipes.yaml_reader import Node

_SHAPES: Final = re.compile(
    r"""
      (?P<stripe>\b[sr]k_(?:live|test)_[A-Za-z0-9]{8,})
    | (?P<webhook>\bwhsec_[A-Za-z0-9+/=_-]{12,})
    | (?P<hubspot>\bpat-[a-z]{2}\d?-[0-9a-fA-F]{8}-[0-9a-fA-F-]{12,})
    | (?P<slack>\bxox[abeoprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/T[A-Za-z0-9]+/B[A-Za-z0-9]+/[A-Za-z0-9]+)
    | (?P<amazon>\b(?:AKIA|ASIA)[0-9A-Z]{16}\b)
    | (?P<github>\b(?:gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}))
    | (?P<google>\bAIza[0-9A-Za-z_-]{30,})
    | (?P<sendgrid>\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})
    | (?P<key>-----BEGIN\ [A-Z ]*PRIVATE\ KEY-----)
    """,
    re.VERBOSE,
)
_KINDS: Final = {
    "stripe": "a Stripe key",
    "webhook": "a webhook's signing secret",
    "hubspot": "a HubSpot token",
    "slack": "a Slack token",
    "amazon": "an Amazon access key",
    "github": "a GitHub token",
    "google": "a Google API key",
    "sendgrid": "a SendGrid key",
    "key": "a private key",
}
_SECRET_NAME: Final = re.compile(
    r"(?:^|[_.-])(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|authorization)$",
    re.IGNORECASE,
)
_SHORTEST: Final = 8
_RANDOM_LENGTH: Final = 20
_RANDOM_BITS: Final = 3.5
_REMEDY: Final = "Keep it in a connection (Connections, its secret fields); and change it, as it has been written down."


def secret_findings(document: Document) -> list[Finding]:
    """Every secret in the file, its comments included."""
    findings = list(secrets_in_text(document.text, document.file))
    told = {finding.line for finding in findings}
    findings += [one for one in _named(document, document.root, "") if one.line not in told]
    return findings


def secrets_in_text(text: str, file: str) -> Iterator[Finding]:
    """Every secret of a known shape, in any text."""
    for number, line in enumerate(LINE_BREAK.split(text), start=1):
        for found in _SHAPES.finditer(line):
            span = Span(number, found.start() + 1, number, found.end() + 1)
            message = f"Here stands {_KINDS[str(found.lastgroup)]}. Whoever reads or exports this file has it."
            yield Finding.at(file, span, "secret", message, _REMEDY)


def _named(document: Document, node: Node | None, name: str) -> Iterator[Finding]:
    if isinstance(node, Mapping):
        for key, value in node.values.items():
            if key != "tests" or node is not document.root:
                yield from _named(document, value, key)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _named(document, item, name)
    elif isinstance(node, Scalar) and _SECRET_NAME.search(name) and _looks_secret(node.value):
        message = f"The value of {name!r} looks like a secret. Whoever reads or exports this file has it."
        yield Finding.at(document.file, node.span, "secret", message, _REMEDY)


def _looks_secret(text: Json) -> bool:
    """Whether it is a password or token, and not a word, a sentence or an expression."""
    if not isinstance(text, str):
        return False
    value = text.removeprefix("Bearer ").removeprefix("Basic ").strip()
    if len(value) < _SHORTEST or "${" in value or " " in value:
        return False
    kinds = sum(bool(re.search(signs, value)) for signs in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9_.-]"))
    is_mixed = any(sign.isdigit() for sign in value) and any(sign.isalpha() for sign in value)
    is_random = is_mixed and len(value) >= _RANDOM_LENGTH and _bits(value) >= _RANDOM_BITS
    return kinds >= 3 or is_random  # noqa: PLR2004 (of four)


def _bits(text: str) -> float:
    """Shannon's entropy of the text's characters, in bits for each."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)
