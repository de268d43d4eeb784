"""What providers fill in: to register, to be paid, to offer a price. Read like every form; nothing typed is lost. Pure."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from hub.bank_accounts import HOLDER, IBAN, LONGEST_HOLDER, LONGEST_PART, PARTS, kind_of, read_parts
from hub.commerce.assigning import listed
from hub.commerce.form_amounts import Said, written_amount
from hub.commerce.form_fields import clean, field_input, read_answers
from hub.commerce.forms import Form, Price, read_form
from hub.errors import PermanentError
from hub.money import Money
from hub.phrases import DEFAULT_LANGUAGE, LANGUAGES, phrase

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from hub.jsontypes import Json, JsonObject

MOST_SKILLS: Final = 20
LONGEST_SKILL: Final = 40
LONGEST_PROVIDER: Final = {"name": 200, "phone": 60, "region": 120}
_MOST_DIGITS: Final = 99_999_999_999
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@functools.cache
def registration() -> Form:
    """The questions to who registers as a provider; their words are phrases of the part ``provider``."""
    return _form(
        ("name", "text", True, 200),
        ("email", "email", True, 254),
        ("phone", "phone", False, 40),
        ("skills", "lines", True, 1_000),
        ("region", "text", False, 120),
    )


@dataclass(frozen=True, slots=True)
class AccountField:
    """A question for a bank account: the ``part`` of accounts of these ``kinds``. ``type``: text or choice."""

    name: str
    part: str
    kinds: tuple[str, ...]
    required: bool = True
    type: str = "text"

    @property
    def input(self) -> str:
        """The name of its input."""
        return f"f-{self.name}"


ACCOUNT_KIND: Final = "f-kind"
"""The input that says which kind of account it is; left out, one with an IBAN."""

ACCOUNT_FIELDS: Final = (
    AccountField("holder", HOLDER, tuple(PARTS)),
    AccountField("iban", "iban", (IBAN,)),
    AccountField("bic", "bic", (IBAN,), required=False),
    AccountField("routing", "routing", ("us",)),
    AccountField("ifsc", "ifsc", ("in",)),
    AccountField("sort_code", "sort_code", ("gb",)),
    AccountField("swift", "bic", ("other",)),
    AccountField("number", "number", ("us", "in", "gb", "other")),
    AccountField("type", "type", ("us",), type="choice"),
)
"""The questions for a bank account, in their order; their words are phrases of the part ``provider``."""

ACCOUNT_WORDS: Final = frozenset(
    {
        "iban",
        "bic",
        "bic_other",
        "routing",
        "ifsc",
        "sort_code",
        "type",
        *(f"number_{kind}" for kind in PARTS if kind != IBAN),
    }
)
"""What is wrong with a bank account in words of the part ``provider``."""


@functools.cache
def offering() -> Form:
    """The questions to who offers a price, beside the price."""
    return _form(("note", "lines", False, 500))


def _form(*fields: tuple[str, str, bool, int]) -> Form:
    asked: list[Json] = [
        {"name": name, "type": kind, "required": required, "max_length": longest}
        for name, kind, required, longest in fields
    ]
    return read_form({"form": 1, "name": "provider", "title": "", "fields": asked})


def read_registration(entered: Mapping[str, str]) -> tuple[JsonObject, Mapping[str, Said]]:
    """A provider's own words as values, and what is wrong by the input's name."""
    answers = read_answers(registration(), entered)
    values: dict[str, Json] = {**answers.values}
    problems = dict(answers.problems)
    if "skills" in values:
        skills = listed(str(values["skills"]))
        values["skills"] = list(skills)
        name = field_input(registration().fields[3])
        if not skills:
            problems[name] = Said("missing")
        elif len(skills) > MOST_SKILLS or any(len(one) > LONGEST_SKILL for one in skills):
            problems[name] = Said("skills", {"most": MOST_SKILLS, "longest": LONGEST_SKILL})
    return values, problems


def read_account(entered: Mapping[str, str]) -> tuple[JsonObject, Mapping[str, Said]]:
    """A bank account as it is kept, its holder with the parts of its kind, and what is wrong by the input's name."""
    kind = entered.get(ACCOUNT_KIND) or IBAN
    if kind not in PARTS:
        return {}, {ACCOUNT_KIND: Said("choose")}
    asked = [one for one in ACCOUNT_FIELDS if kind in one.kinds]
    values, wrong = read_account_parts(kind, {one.part: entered.get(one.input, "") for one in asked})
    return values, {one.input: wrong[one.part] for one in asked if one.part in wrong}


def read_account_parts(kind: str, typed: Mapping[str, str]) -> tuple[JsonObject, Mapping[str, Said]]:
    """A bank account of this kind as it is kept, and what is wrong by its part."""
    texts = {part: clean(text) for part, text in typed.items()}
    values, wrong = read_parts(kind, texts)
    problems = {part: Said(name) for part, name in wrong.items()}
    for part in (part for part, name in wrong.items() if name == "too_long"):
        most = LONGEST_HOLDER if part == HOLDER else LONGEST_PART
        problems[part] = Said("too_long", {"most": most, "written": len(texts[part])})
    return cast("JsonObject", values), problems


def shown_account(bank: Mapping[str, object]) -> dict[str, str]:
    """A bank account that is kept, by the inputs that ask for it."""
    kind = kind_of(bank)
    return {ACCOUNT_KIND: kind} | {
        one.input: str(bank[one.part]) for one in ACCOUNT_FIELDS if kind in one.kinds and bank.get(one.part)
    }


def account_words(said: Said, language: str = DEFAULT_LANGUAGE) -> str:
    """What is wrong with a part of a bank account, in a language of the hub."""
    name = f"provider.wrong_{said.name}" if said.name in ACCOUNT_WORDS else f"form.{said.name}"
    return phrase(language, name, **said.values)


def read_offer(entered: Mapping[str, str], currency: str) -> tuple[Money | None, str, Mapping[str, Said]]:
    """The price and note of an offer, and what is wrong by the input's name."""
    answers = read_answers(offering(), entered)
    problems = dict(answers.problems)
    free = Price(currency, None, (), Money(1, currency), Money(_MOST_DIGITS, currency))
    price = written_amount(free, entered.get("price", "").strip())
    if isinstance(price, Said):
        return None, "", {"price": price, **problems}
    return price, str(answers.values.get("note") or ""), problems


def read_days(chosen: Collection[str], shown: Collection[str], known: Collection[str], today: str) -> list[str]:
    """The days that are not free, in order: of those ``shown`` the ``chosen`` ones, of the others those ``known``.

    Days before ``today`` are forgotten.
    """
    kept = {day for day in known if day not in shown}
    kept |= {day for day in chosen if day in shown}
    return sorted(day for day in kept if _DAY.fullmatch(day) and day >= today)


def checked_provider(given: JsonObject) -> dict[str, Json]:
    """What an action or the admin's page says of a provider. Raises ``PermanentError`` (``bad_input``)."""
    skills = cast("list[str]", list(cast("list[Json]", given.get("skills") or [])))
    tidy = list(listed(",".join(skills)))
    if len(tidy) > MOST_SKILLS or any(len(one) > LONGEST_SKILL for one in tidy):
        message = f"A provider has at most {MOST_SKILLS} skills of at most {LONGEST_SKILL} characters."
        raise PermanentError(message, code="bad_input", remedy="Name the most important ones.")
    language = str(given.get("language") or "") or None
    if language is not None and language not in LANGUAGES:
        message = f"The hub does not write in the language {language!r}."
        raise PermanentError(message, code="bad_input", remedy=f"Take one of {', '.join(LANGUAGES)}, or none.")
    texts = {name: str(given.get(name) or "").strip()[:longest] for name, longest in LONGEST_PROVIDER.items()}
    return {**texts, "language": language, "skills": cast("list[Json]", tidy)}
