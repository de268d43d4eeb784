"""What people and others write into fields: wrong, odd and right, by what a field is for."""

from __future__ import annotations

import unicodedata

LONG = "x" * 10_000
SCRIPT = "<script>alert(1)</script>"
HEBREW = "\N{RIGHT-TO-LEFT OVERRIDE}מַיָה\N{POP DIRECTIONAL FORMATTING} שלום"
EMOJI = "👩🏽\N{ZERO WIDTH JOINER}🚀 🚚🏳️\N{ZERO WIDTH JOINER}🌈"
FULL_WIDTH = "\uff11\uff12"
DEVANAGARI = "\u0967\u0968"
"""12 in digits that are none to a computer."""

NUL = "a\x00b\x07c\x1bd"
LINES = "one\ntwo"
BLANK = " \t "
WORDS = (LONG, SCRIPT, HEBREW, EMOJI, NUL, LINES, BLANK, "")

NEVER = {
    "amount": (
        "1,5,0", "1.234,5", "-1", "1e3", "NaN", "Infinity", FULL_WIDTH, "12.345", "9" * 24, "12 EUR", "$5", "5.-", "1 000", "0x10",
        "1.000,00", "5 €", "\N{ARABIC-INDIC DIGIT THREE}", "1" + "0" * 30, SCRIPT, LONG, EMOJI,
    ),
    "whole": ("1.5", "-1", "1e3", "NaN", FULL_WIDTH, "9" * 24, "five", "1 0", SCRIPT, LONG),
    "number": ("1e3", "NaN", DEVANAGARI, "9" * 24, "five", SCRIPT, LONG),
    "percent": ("-1", "1e1", "NaN", FULL_WIDTH, "101", "5 %", "1,5,0", SCRIPT, LONG),
    "date": ("2026-02-30", "31.12.2026", "0000-01-01", "99999-01-01", "tomorrow", f"{FULL_WIDTH}27-01-01", SCRIPT, LONG),
    "email": (
        "nobody", "a@b@c.example", "@example.com", "ada@", "ada @example.com", "<script>@example.com", f"{LONG}@example.com",
        "🚚@example.com", "ada@example.com, bob@example.com",
    ),
    "url": ("javascript:alert(1)", "nowhere", "ftp://shop.example.com/", "https://", "http://[::1", SCRIPT, LONG),
    "currency": ("XXQ", "€", "EURO", "E", FULL_WIDTH, SCRIPT, LONG),
    "json": ("{", "[1]", "1", SCRIPT, "{'a': 1}"),
    "json value": ("{", "[1", SCRIPT, "{'a': 1}"),
}  # fmt: skip
"""What is never taken by a field of a kind."""

ALSO = {
    "amount": (" 5 ", "0", ""),
    "whole": (" 5 ", "0", "", BLANK),
    "number": ("1.5", "", "-1"),
    "percent": ("12.5", "0", ""),
    "date": ("2031-12-31", "1970-01-01", ""),
    "email": (" ada@example.com ", "", "ADA@EXAMPLE.COM", "ada@bücher.example"),
    "url": ("https://shop.example.com/hook", ""),
    "currency": ("eur", "JPY", ""),
    "json": ("{}", ""),
    "json value": ("[1]", ""),
    "text": WORDS,
    "secret": (),
}
"""What a field of the kind may take or refuse."""


def cleaned(text, *, lines):
    """What is kept of what was typed: nothing that nobody can see, one kind of line ends, no space around it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text if lines else text.replace("\n", " ").replace("\t", " ")
    return "".join(one for one in text if one in "\n\t" or unicodedata.category(one) != "Cc").strip()
