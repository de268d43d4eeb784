from pathlib import Path

from hub.vocabulary import event_types
from hub.vocabulary.reference import markdown

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "events.md"


def test_the_reference_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), (
        "python -m hub.vocabulary.reference > docs/reference/events.md"
    )


def test_the_reference_page_has_every_type() -> None:
    assert all(f"### {name}\n" in markdown() for name in event_types())
