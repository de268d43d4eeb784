"""Write the pages of docs/ that come from the code: ``make docs``. A test holds each of them current."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import hub.cli.reference
import hub.config
import hub.connect.reference
import hub.expressions.reference
import hub.recipes.reference
import hub.vocabulary.reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": hub.cli.reference.markdown,
    "settings.md": hub.config.reference,
    "reference/connectors.md": hub.connect.reference.markdown,
    "reference/events.md": hub.vocabulary.reference.markdown,
    "reference/expressions.md": hub.expressions.reference.markdown,
    "reference/recipes.md": hub.recipes.reference.markdown,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
