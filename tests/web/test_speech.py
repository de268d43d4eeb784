"""The public pages speak five languages, and every phrase is there in each."""

import re
from pathlib import Path

import pytest

from hub.phrases import LANGUAGES, phrase, phrases
from hub.web.speech import amount, say, visitor_language

HUB = Path(__file__).parents[2] / "hub" / "web"


def placeholders(words):
    return sorted(re.findall(r"{(\w+)}", words))


@pytest.mark.parametrize("name", sorted(phrases()))
def test_a_phrase_is_there_in_every_language_with_the_same_values(name):
    words = phrases()[name]
    assert list(words) == list(LANGUAGES)
    assert {tuple(placeholders(one)) for one in words.values()} == {tuple(placeholders(words["en"]))}
    assert all(one.strip() == one and one for one in words.values())


def test_every_phrase_that_a_page_says_is_there():
    said = {
        (file.name, found)
        for file in [*HUB.glob("templates/*.html"), *HUB.glob("pages/*.py")]
        for found in re.findall(r"\bsay\(\s*['\"]([\w.]+)['\"]", file.read_text(encoding="utf-8"))
    }
    assert {(file, name) for file, name in said if name not in phrases()} == set()


@pytest.mark.parametrize(
    ("address", "accepted", "language"),
    [
        ("/", "de-CH,de;q=0.9,en;q=0.8", "de"),
        ("/", "hi", "hi"),
        ("/", "ja", "en"),
        ("/", "", "en"),
        ("/?lang=fr", "de", "fr"),
        ("/?lang=xx", "es-MX", "es"),
        ("/?lang=<script>", "", "en"),
    ],
)
def test_the_visitor_is_spoken_to_as_address_or_browser_say(app, address, accepted, language):
    with app.test_request_context(address, headers={"Accept-Language": accepted} if accepted else {}):
        assert visitor_language() == language
        assert say("paying.go_on") == phrase(language, "paying.go_on")


@pytest.mark.parametrize(
    ("address", "accepted", "written"),
    [
        ("/", "de-CH", "CHF\N{NO-BREAK SPACE}1’234.50"),
        ("/?lang=de", "en-US", "1.234,50\N{NO-BREAK SPACE}CHF"),
        ("/", "ja", "CHF1,234.50"),
    ],
)
def test_amounts_are_written_as_in_the_visitors_language_and_country(app, address, accepted, written):
    with app.test_request_context(address, headers={"Accept-Language": accepted}):
        assert amount({"minor": 123450, "currency": "CHF"}) == written
        assert amount("nothing") == ""
