"""What the hub says to customers and providers, in their language: on pages, on paper and in mails of its own.

The words stand in ``hub/phrases/<part>.yaml``: each phrase in every language of :data:`LANGUAGES`, with ``{names}`` for
what is filled in. Admin pages are in English.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES: Final[Mapping[str, str]] = {
    "en": "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "hi": "हिन्दी",
}
"""The languages that the hub speaks, and what their speakers call them."""

DEFAULT_LANGUAGE: Final = "en"
"""What is spoken to everybody else."""


@functools.cache
def phrases() -> Mapping[str, Mapping[str, str]]:
    """Every phrase by its name, ``<part>.<phrase>``: language -> words."""
    found: dict[str, Mapping[str, str]] = {}
    for file in sorted(Path(__file__).parent.glob("*.yaml")):
        written = cast("Mapping[str, Mapping[str, str]]", yaml.safe_load(file.read_text(encoding="utf-8")))
        found |= {f"{file.stem}.{name}": words for name, words in written.items()}
    return found


def phrase(language: str, name: str, **values: object) -> str:
    """A phrase in a language of :data:`LANGUAGES`. Raises ``KeyError`` for a phrase or value that is not there."""
    return phrases()[name][language].format_map(values)
