"""What a rule of ``payments/split`` makes of an order that was typed in, to the minor unit, and the rule as YAML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import yaml

from hub.errors import MoneyError
from hub.money import Money
from hub.payments.splitting import split
from hub.web.entries import read_amount, read_percent, read_whole, wrong_currency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.jsontypes import Json, JsonObject

FIELDS: Final = ("currency", "lines", "fee", "percent", "fixed", "tiers", "progressive", "minimum", "fee_borne_by",
                 "held_percent", "held_days")  # fmt: skip
FIRST: Final[Mapping[str, str]] = {
    "currency": "USD",
    "lines": "lamps 60.01\nrugs 29.99\nbooks 10.00",
    "percent": "12.5",
    "fee": "3.20",
}
"""What stands in the fields before anything is typed: the first story's order."""

_MOST_DAYS: Final = 730
_MOST_TIERS: Final = 50


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What everybody gets. Amounts as JSON; ``rule``: YAML to put into a recipe's step."""

    whole: JsonObject
    fee: JsonObject
    shares: Sequence[Gets]
    sales: JsonObject
    kept: JsonObject
    rule: str


@dataclass(frozen=True, slots=True)
class Gets:
    """What one vendor gets, after ``commission`` and ``fee``; ``held`` of it comes later only."""

    vendor: str
    amount: JsonObject
    commission: JsonObject
    fee: JsonObject
    held: JsonObject | None


def reckon(typed: Mapping[str, str], now: datetime) -> tuple[Reckoned | None, dict[str, str]]:
    """The figures for what was typed; None, and what is wrong by field, where that cannot be reckoned with.

    Raises ``PermanentError`` for what does not go together, such as vendors who bear more than they sold.
    """
    currency = typed["currency"].upper()
    wrong = wrong_currency(currency) if currency else {"currency": "Write its three letters, such as USD."}
    if wrong:
        return None, wrong
    lines, fee = _lines(typed["lines"], currency, wrong), read_amount(typed["fee"] or "0", currency, wrong, "fee")
    rule = _rule(typed, currency, wrong)
    if wrong or fee is None:
        return None, wrong
    whole = Money.total((Money.from_json(line["total"]) for line in lines), currency)
    done = split(whole, lines, rule, fee, now)
    shares, sales = done.division.shares, done.division.sales
    kept = sum(one.commission + one.fee for one in shares) + sales - fee.minor
    held = {one.provider: Money(one.minor, currency).to_json() for one in done.reserves}
    gets = [
        Gets(
            vendor=one.provider,
            amount=Money(one.amount, currency).to_json(),
            commission=Money(one.commission, currency).to_json(),
            fee=Money(one.fee, currency).to_json(),
            held=held.get(one.provider),
        )
        for one in shares
    ]
    text = yaml.safe_dump({"rule": rule}, sort_keys=False, allow_unicode=True, width=110)
    own, ours = Money(sales, currency).to_json(), Money(kept, currency).to_json()
    return Reckoned(whole.to_json(), fee.to_json(), gets, own, ours, text), {}


def _lines(text: str, currency: str, wrong: dict[str, str]) -> list[JsonObject]:
    found: list[JsonObject] = []
    for number, line in _numbered(text):
        vendor, _, amount = line.rpartition(" ")
        total = _amount(amount, currency, number, wrong, "lines")
        own = {} if vendor in {"", "own"} else {"vendor": vendor}
        found.append({**own, "total": total.to_json()})
    if not found:
        wrong["lines"] = "Write a line for each thing that was sold, such as: lamps 60.01"
    return found


def _rule(typed: Mapping[str, str], currency: str, wrong: dict[str, str]) -> JsonObject:
    commission: dict[str, Json] = {}
    if typed["percent"]:
        commission["percent"] = read_percent(typed["percent"], wrong)
    for name in ("fixed", "minimum"):
        if typed[name] and (amount := read_amount(typed[name], currency, wrong, name)) is not None:
            commission[name] = amount.to_json()
    if tiers := _tiers(typed["tiers"], currency, wrong):
        commission |= {"tiers": cast("Json", tiers), "progressive": bool(typed["progressive"])}
    rule: dict[str, Json] = {"commission": commission, "fee_borne_by": typed["fee_borne_by"] or "platform"}
    if rule["fee_borne_by"] not in {"platform", "vendors"}:
        wrong["fee_borne_by"] = "Choose one of these."
    if typed["held_percent"] or typed["held_days"]:
        part = read_percent(typed["held_percent"], wrong, "held_percent")
        rule["reserve"] = {"percent": part, "days": read_whole(typed["held_days"], 1, _MOST_DAYS, wrong, "held_days")}
    return rule


def _tiers(text: str, currency: str, wrong: dict[str, str]) -> list[JsonObject]:
    """Lines like ``1000 10`` or ``1000 10 + 0.30``: from which amount on, per cent, and what is added once."""
    found: list[JsonObject] = []
    for number, line in _numbered(text):
        main, _, fixed = line.partition("+")
        start, _, percent = main.strip().partition(" ")
        begins, rate = _amount(start, currency, number, wrong, "tiers"), read_percent(percent.strip(), {})
        if rate is None:
            wrong.setdefault("tiers", f"Line {number}: write from which amount and how many per cent, such as: 1000 10")
        tier: dict[str, Json] = {"from": begins.to_json(), "percent": rate}
        if fixed:
            tier["fixed"] = _amount(fixed.strip(), currency, number, wrong, "tiers").to_json()
        found.append(tier)
    if len(found) > _MOST_TIERS:
        wrong["tiers"] = f"At most {_MOST_TIERS} tiers, please."
    return found


def _numbered(text: str) -> list[tuple[int, str]]:
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _amount(text: str, currency: str, line: int, wrong: dict[str, str], name: str) -> Money:
    """The amount in a line of a field; zero, and in ``wrong`` what to say there, when it is none."""
    try:
        return Money.parse(text, currency)
    except MoneyError as error:
        wrong.setdefault(name, f"Line {line}: {error}")
        return Money.zero(currency)
