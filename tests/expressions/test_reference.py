from pathlib import Path

from hub.expressions import FUNCTIONS
from hub.expressions.reference import markdown

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "expressions.md"


def test_the_reference_page_is_current() -> None:
    current = PAGE.read_text(encoding="utf-8") == markdown()
    assert current, "python -m hub.expressions.reference > docs/reference/expressions.md"


def test_the_reference_page_has_every_function() -> None:
    assert all(f"#### {name}\n" in markdown() for name in FUNCTIONS)
