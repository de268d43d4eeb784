"""A form as its YAML describes it: what is asked, what may be paid, what comes after. Pure.

Whether a text is YAML, and built as :func:`form_schema` says, is looked at before (:mod:`hub.engine.form_desk`);
:mod:`hub.commerce.form_checks` says what else can be wrong.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from hub.errors import MoneyError
from hub.money import Money, exponent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.jsontypes import Json, JsonObject, JsonSchema

ONCE: Final = "once"
"""The name of the one offer of a form that lists none."""

Text: TypeAlias = "Mapping[str, str]"
"""Words by language; under ``""`` those that stand for all."""

_FALL_BACK: Final = "en"
_RELATIVE: Final = re.compile(r"today(?:([+-][0-9]{1,4})d)?")
_LONGEST: Final = {"text": 200, "lines": 2_000, "email": 254, "phone": 40, "hidden": 500}


@functools.cache
def form_schema() -> JsonSchema:
    """The JSON Schema (draft 2020-12) of a form. Read-only."""
    text = files("hub.commerce").joinpath("form.schema.json").read_text(encoding="utf-8")
    return cast("JsonSchema", json.loads(text))


def words(text: Text, language: str) -> str:
    """What a text says in a language; where it does not speak it, in English, else in the first it has."""
    for name in (language, "", _FALL_BACK):
        if name in text:
            return text[name]
    return next(iter(text.values()), "")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers from which a visitor chooses."""

    value: str
    title: Text


@dataclass(frozen=True, slots=True)
class Field:
    """One question. ``least`` and ``most`` bound a number, or a day (``2026-12-31``); ``longest`` counts characters.

    A day is written as the file has it (``today+2d``) until :meth:`Form.on` says which one it is.
    """

    name: str
    type: str
    title: Text
    hint: Text
    required: bool
    longest: int
    least: int | str | None
    most: int | str | None
    choices: tuple[Choice, ...]
    value: str


@dataclass(frozen=True, slots=True)
class Price:
    """What may be paid in one currency: ``fixed``, one of ``choices``, or any from ``least`` to ``most``."""

    currency: str
    fixed: Money | None
    choices: tuple[Money, ...]
    least: Money | None
    most: Money | None

    @property
    def is_free(self) -> bool:
        """Whether the payer may write an amount."""
        return self.least is not None


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be paid for. ``every`` (unit and count) makes it recurring; ``plan`` is one that the gateway has."""

    name: str
    title: Text
    description: Text
    prices: Mapping[str, Price]
    every: JsonObject | None
    plan: str
    trial_days: int

    @property
    def is_recurring(self) -> bool:
        """Whether it is charged again and again."""
        return self.every is not None


@dataclass(frozen=True, slots=True)
class Pay:
    """What may be paid, and by which connections. ``takes_coupons``: the payer may type a code that makes it cheaper."""

    connections: tuple[str, ...]
    offers: tuple[Offer, ...]
    purpose: Text
    takes_coupons: bool = False

    @property
    def currencies(self) -> tuple[str, ...]:
        """Every currency of an offer, in the form's order."""
        return tuple(dict.fromkeys(currency for offer in self.offers for currency in offer.prices))

    @property
    def asks_for_connection(self) -> bool:
        """Whether the form itself asks how to pay: what recurs begins at one gateway, and no order can choose later."""
        return len(self.connections) > 1 and any(offer.is_recurring for offer in self.offers)

    def offer(self, name: str) -> Offer | None:
        """An offer by its name."""
        return next((offer for offer in self.offers if offer.name == name), None)


@dataclass(frozen=True, slots=True)
class Form:
    """A form. ``embed``: the origins of the sites that may show it in their pages."""

    name: str
    title: Text
    description: Text
    fields: tuple[Field, ...]
    pay: Pay | None
    submit: Text
    thanks: Text
    after_url: str
    embed: tuple[str, ...]

    def on(self, today: date) -> Form:
        """The form as it is on a day (of UTC): each bound of a day is the day that it stands for."""
        return replace(self, fields=tuple(_field_on(one, today) for one in self.fields))


def days_from_today(bound: str) -> int | None:
    """How far from today a bound lies: 0 of ``today``, 2 of ``today+2d``; None of a day of the calendar."""
    found = _RELATIVE.fullmatch(bound)
    return int(found[1] or 0) if found is not None else None


def is_day(bound: str) -> bool:
    """Whether a bound is a day of the calendar, or so many days from today."""
    try:
        return days_from_today(bound) is not None or date.fromisoformat(bound).isoformat() == bound
    except ValueError:
        return False


def _field_on(field: Field, today: date) -> Field:
    return replace(field, least=_bound_on(field.least, today), most=_bound_on(field.most, today))


def _bound_on(bound: int | str | None, today: date) -> int | str | None:
    days = days_from_today(bound) if isinstance(bound, str) else None
    return bound if days is None else (today + timedelta(days=days)).isoformat()


def read_form(value: JsonObject) -> Form:
    """The form of a value that fits :func:`form_schema`. Raises :class:`MoneyError` for an amount that is none."""
    after = _object(value, "after")
    return Form(
        name=str(value["name"]),
        title=_text(value.get("title")),
        description=_text(value.get("description")),
        fields=tuple(_field(one) for one in _list(value, "fields")),
        pay=_pay(value),
        submit=_text(value.get("submit")),
        thanks=_text(after.get("thanks")),
        after_url=str(after.get("url") or ""),
        embed=tuple(_origin(str(one)) for one in cast("Sequence[Json]", value.get("embed") or ())),
    )


def _origin(address: str) -> str:
    """A site as browsers name it: in small letters, and without the port that goes without saying."""
    scheme, _, rest = address.lower().partition("://")
    return f"{scheme}://{rest.removesuffix({'https': ':443', 'http': ':80'}[scheme])}"


def interval_of(every: Json) -> JsonObject:
    """``month`` or ``{unit, count}`` as an Interval."""
    if isinstance(every, dict):
        return {"unit": every["unit"], "count": every.get("count") or 1}
    return {"unit": every, "count": 1}


def amount_of(value: Json, currency: str) -> Money:
    """An amount as a form's file writes it, a whole number or a decimal text. Raises :class:`MoneyError`."""
    exponent(currency)
    return Money.parse(str(value) if type(value) is int else value, currency)


def price_of(currency: str, value: JsonObject) -> Price:
    """What may be paid in a currency. Raises :class:`MoneyError`."""
    fixed = value.get("fixed")
    free = _object(value, "free")
    choices = cast("Sequence[Json]", value.get("choices") or ())
    return Price(
        currency,
        amount_of(fixed, currency) if fixed is not None else None,
        tuple(amount_of(one, currency) for one in choices),
        amount_of(free["min"], currency) if free else None,
        amount_of(free["max"], currency) if free else None,
    )


def prices_of(value: Json) -> dict[str, Price]:
    """What may be paid, by currency; what cannot be read is left out, for the checker has told of it."""
    found = {}
    for currency, price in cast("JsonObject", value or {}).items():
        try:
            found[currency] = price_of(currency, cast("JsonObject", price))
        except MoneyError:
            continue
    return found


def _pay(value: JsonObject) -> Pay | None:
    pay = value.get("pay")
    if not isinstance(pay, dict):
        return None
    shared = pay.get("amount")
    by = pay["by"]
    written = _list(pay, "offers")
    offers = tuple(_offer(one, shared) for one in written)
    if not offers:
        offers = (Offer(ONCE, {"": ""}, {}, prices_of(shared), None, "", 0),)
    names = (by,) if isinstance(by, str) else tuple(str(one) for one in cast("Sequence[Json]", by))
    return Pay(names, offers, _text(pay.get("purpose")), bool(pay.get("coupons")))


def _offer(value: JsonObject, shared: Json) -> Offer:
    every = value.get("every")
    return Offer(
        name=str(value["name"]),
        title=_text(value.get("title")),
        description=_text(value.get("description")),
        prices=prices_of(value.get("amount") or shared),
        every=interval_of(every) if every is not None else None,
        plan=str(value.get("plan") or ""),
        trial_days=cast("int", value.get("trial_days") or 0),
    )


def _field(value: JsonObject) -> Field:
    kind, name = str(value["type"]), str(value["name"])
    return Field(
        name=name,
        type=kind,
        title=_text(value.get("title")) or {"": name.replace("_", " ").capitalize()},
        hint=_text(value.get("hint")),
        required=bool(value.get("required")),
        longest=cast("int", value.get("max_length") or _LONGEST.get(kind, 200)),
        least=cast("int | str | None", value.get("min")),
        most=cast("int | str | None", value.get("max")),
        choices=tuple(_choice(one) for one in cast("Sequence[Json]", value.get("choices") or ())),
        value=str(value.get("value") or ""),
    )


def _choice(value: Json) -> Choice:
    if isinstance(value, dict):
        return Choice(str(value["value"]), _text(value["title"]))
    return Choice(str(value), {"": str(value)})


def _text(value: Json) -> Text:
    if isinstance(value, dict):
        return {language: str(said) for language, said in value.items()}
    return {"": str(value)} if value else {}


def _object(value: JsonObject, name: str) -> JsonObject:
    return cast("JsonObject", value.get(name) or {})


def _list(value: JsonObject, name: str) -> Sequence[JsonObject]:
    return cast("Sequence[JsonObject]", value.get(name) or ())
