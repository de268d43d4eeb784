"""A form's amounts in the designer: by currency one price, amounts to choose from, or one's own within limits. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from hub.commerce.form_amounts import typed_money
from hub.commerce.forms import amount_of
from hub.errors import MoneyError
from hub.money import EXPONENTS, exponent
from hub.web.form_entries import Button, Change, Entry, Group, input_name, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hub.jsontypes import Json, JsonObject
    from hub.money import Money
    from hub.web.form_entries import Entered, Path

MOST_CURRENCIES: Final = 12
CURRENCY_LIST: Final = "currencies"
"""The id of the list that suggests currencies."""

_MOST_CHOICES: Final = 12
_KINDS: Final[Mapping[frozenset[str], str]] = {
    frozenset({"fixed"}): "fixed",
    frozenset({"choices"}): "choices",
    frozenset({"free"}): "free",
    frozenset({"choices", "free"}): "both",
}
_OPTIONS: Final = (
    ("fixed", "One price"),
    ("choices", "Amounts to choose from"),
    ("free", "An amount that the payer writes"),
    ("both", "Amounts to choose from, or one's own"),
)
_KEYS: Final = {name: keys for keys, name in _KINDS.items()}


def shown_amount(value: Json, currency: str) -> str:
    """An amount of the form with the currency's own decimals; as it is written where it is none."""
    try:
        return amount_of(value, currency).to_decimal_text()
    except MoneyError:
        return shown(value)


def entered_amount(entered: Entered, name: str, typed: str, currency: str) -> Money | None:
    """The amount that was typed in an input, ``10.50`` or ``10,50``; None when it is none, which is said at the input."""
    if not typed:
        entered.refuse(name, f"Write an amount in {currency}, such as {_example(currency)}.")
        return None
    try:
        amount = typed_money(typed, currency)
    except MoneyError as error:
        entered.refuse(name, _unreadable(error, typed, currency))
        return None
    if amount.minor == 0:
        entered.refuse(name, "This is nothing to pay. Write an amount above zero.")
        return None
    return amount


def entered_currency(entered: Entered, name: str, taken: Sequence[str]) -> str | None:
    """The currency that was typed, one that is not there yet; None when it is none, which is said at the input."""
    typed = entered.said(name).upper()
    if typed not in EXPONENTS:
        said = f"{typed[:20]!r} is not a currency. " if typed else ""
        entered.refuse(name, f"{said}Write its three letters, such as EUR.")
        return None
    if typed in taken:
        entered.refuse(name, f"{typed} is there already. Change its amounts above.")
        return None
    return typed


def adding(panel: str) -> tuple[str, str]:
    """The inputs in which a further currency of a panel and its price are typed."""
    return f"new-currency-{panel}", f"new-price-{panel}"


@dataclass(frozen=True, slots=True)
class Prices:
    """What may be paid, by currency. ``note`` stands there when nothing is said."""

    panel: str
    path: Path
    value: Json
    note: str = ""

    def groups(self, typed: Mapping[str, str]) -> Sequence[Group]:
        """A group for each currency, and one to add another."""
        groups = [self._group(currency, price, typed) for currency, price in self._known().items()]
        if self.value is not None and not isinstance(self.value, dict):
            return [Group(note="The amounts are written so that they cannot be told. Mend them in the text.")]
        currency, price = adding(self.panel)
        entries = [
            Entry(currency, "Currency", hint="Three letters, such as EUR", longest=3, suggestions=CURRENCY_LIST),
            Entry(price, "Price", longest=30),
        ]
        button = Button(f"price-add {self.panel}", "Add currency", "plus")
        more = [Group(entries, "Another currency" if groups else "A price", "" if groups else self.note, button, True)]
        return [*groups, *(more if len(groups) < MOST_CURRENCIES else [])]

    def changes(self, entered: Entered) -> Iterator[Change]:
        """The amounts that differ; those that are the same stay as they are written."""
        for currency, price in self._known().items():
            present, wished = self._kind(price), entered.said(self._input(currency, "kind"))
            if present is None or wished not in _KEYS:
                continue
            before = len(entered.wrong)
            made = self._made(currency, price, _KEYS[wished], entered)
            if len(entered.wrong) > before:
                continue
            if wished != present:
                yield Change((*self.path, currency), made)
                continue
            for key, value in made.items():
                held = price[key]
                if isinstance(value, dict) and isinstance(held, dict):
                    bounds = [(name, one) for name, one in value.items() if one != held.get(name)]
                    yield from (Change((*self.path, currency, key, name), one) for name, one in bounds)
                elif value != held:
                    yield Change((*self.path, currency, key), value)

    def _known(self) -> Mapping[str, JsonObject]:
        value = self.value if isinstance(self.value, dict) else {}
        return {currency: price for currency, price in value.items() if isinstance(price, dict)}

    def _input(self, currency: str, key: str) -> str:
        return input_name(self.path, currency, key)

    def _kind(self, price: JsonObject) -> str | None:
        free, choices = price.get("free", {"min", "max"}), price.get("choices", [])
        plain = isinstance(choices, list) and set(cast("JsonObject", free)) == {"min", "max"}
        return _KINDS.get(frozenset(price)) if plain else None

    def _group(self, currency: str, price: JsonObject, typed: Mapping[str, str]) -> Group:
        button = Button(f"price-remove {self.panel} {currency}", "Remove", "trash", currency)
        present = self._kind(price)
        if present is None or currency not in EXPONENTS:
            note = "This is written so that it cannot be changed here. Look at the text."
            return Group((), currency, note, button)
        kind_input = self._input(currency, "kind")
        keys = _KEYS.get(typed.get(kind_input, ""), _KEYS[present])
        entries = [Entry(kind_input, "What is paid", present, "choice", options=_OPTIONS)]
        if "fixed" in keys:
            entries.append(self._amount(currency, "fixed", "Price", price.get("fixed")))
        if "choices" in keys:
            listed = cast("Sequence[Json]", price.get("choices") or [])
            amounts = "\n".join(shown_amount(one, currency) for one in listed)
            hint = "One in each line."
            entries.append(Entry(self._input(currency, "choices"), "Amounts to choose from", amounts, "lines", hint))
        if "free" in keys:
            free = cast("JsonObject", price.get("free") or {})
            entries.append(self._amount(currency, "min", "Least", free.get("min")))
            entries.append(self._amount(currency, "max", "Most", free.get("max")))
        return Group(entries, currency, "", button)

    def _amount(self, currency: str, key: str, label: str, value: Json) -> Entry:
        amount = shown_amount(value, currency) if value is not None else ""
        return Entry(self._input(currency, key), f"{label} in {currency}", amount, longest=30)

    def _made(self, currency: str, price: JsonObject, keys: frozenset[str], entered: Entered) -> JsonObject:
        """The price as it was entered; what is the same keeps the way in which it is written."""
        made: dict[str, Json] = {}
        if "fixed" in keys:
            made["fixed"] = self._entered(currency, "fixed", price.get("fixed"), entered)
        if "choices" in keys:
            made["choices"] = self._choices(currency, cast("Sequence[Json]", price.get("choices") or []), entered)
        if "free" in keys:
            free = cast("JsonObject", price.get("free") or {})
            bounds: JsonObject = {key: self._entered(currency, key, free.get(key), entered) for key in ("min", "max")}
            if bounds != free and None not in bounds.values():
                least, most = (self._money(bound, currency) for bound in bounds.values())
                if least is not None and most is not None and least > most:
                    message = f"Nothing lies between {least} and {most}. Exchange the two."
                    entered.refuse(self._input(currency, "max"), message)
            made["free"] = bounds
        return made

    def _entered(self, currency: str, key: str, value: Json, entered: Entered) -> Json:
        name = self._input(currency, key)
        typed = entered.said(name)
        if value is not None and typed == shown_amount(value, currency):
            return value
        amount = entered_amount(entered, name, typed, currency)
        return amount.to_decimal_text() if amount is not None else None

    def _choices(self, currency: str, known: Sequence[Json], entered: Entered) -> Json:
        name = self._input(currency, "choices")
        if known and entered.said(name) == "\n".join(shown_amount(one, currency) for one in known):
            return list(known)
        written = {shown_amount(one, currency): one for one in known}
        lines = [one.strip(",") for one in re.split(r"[\s;]+", entered.said(name))]
        if not any(lines):
            entered.refuse(name, f"Write the amounts, one in each line, such as {_example(currency)}.")
        made: list[Json] = []
        for typed in filter(None, lines):
            amount = written.get(typed)
            if amount is None:
                money = entered_amount(entered, name, typed, currency)
                amount = written.get(money.to_decimal_text(), money.to_decimal_text()) if money is not None else None
            if amount is not None and amount in made:
                entered.refuse(name, f"{typed} stands there twice. Take one away.")
            made.append(amount)
        if len(made) > _MOST_CHOICES:
            entered.refuse(name, f"These are {len(made)} amounts; at most {_MOST_CHOICES} fit.")
        return made

    def _money(self, value: Json, currency: str) -> Money | None:
        try:
            return amount_of(value, currency)
        except MoneyError:
            return None


def _example(currency: str) -> str:
    decimals = exponent(currency)
    return f"{12345 / 10**decimals:.{decimals}f}" if decimals else "1000"


def _unreadable(error: MoneyError, typed: str, currency: str) -> str:
    """What is wrong with an amount, in plain words."""
    decimals = exponent(currency)
    if error.code == "too_many_decimals" and decimals == 0:
        return f"{currency} has no decimals. Write a whole number, such as {_example(currency)}."
    if error.code == "too_many_decimals":
        return f"{currency} has {decimals} decimals. Write it like {_example(currency)}."
    if error.code == "too_large":
        return f"{error.message} {error.remedy}"
    if error.code == "negative":
        return "An amount is above zero. Leave the minus out."
    return f"{typed[:40]!r} is not an amount. Write digits and one point, such as {_example(currency)}."
