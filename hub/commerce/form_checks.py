"""What can be wrong with a form that is built as its schema says: doubled names, amounts, gateways that cannot. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from hub.commerce.forms import amount_of, days_from_today, is_day, price_of
from hub.connect.manifest import Kind, Support
from hub.connect.stored_means import needs_stored_method
from hub.errors import MoneyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hub.commerce.forms import Price
    from hub.connect.manifest import Manifest
    from hub.jsontypes import Json, JsonObject

Path: TypeAlias = "tuple[str | int, ...]"

_RECURRING: Final = ("recurring_payment", "plan_create")
_BOUNDED: Final = {"number": int, "date": str}
_DAYS: Final = 'Write a day in quotes: "2026-12-31"; or today, or today+2d.'


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at a place of the form. ``fix`` is what should stand there."""

    path: Path
    code: str
    message: str
    remedy: str
    at_key: bool = False
    fix: str | None = None


def form_problems(value: JsonObject, gateways: Mapping[str, Manifest]) -> list[Problem]:
    """Everything wrong with a form that fits its schema. ``gateways``: what each connection's connector is and can do."""
    fields = cast("Sequence[JsonObject]", value.get("fields") or ())
    found = [*_doubled(fields, ("fields",), "field"), *_fields(fields)]
    pay = value.get("pay")
    if isinstance(pay, dict):
        found += [*_payment(pay, gateways), *_addressee(fields, pay)]
    elif not fields:
        message = "The form asks nothing."
        found.append(Problem(("fields",), "empty", message, "Add a field, or say under `pay` what can be paid."))
    return found


def _doubled(values: Sequence[JsonObject], path: Path, what: str) -> Iterator[Problem]:
    told: set[Json] = set()
    for number, one in enumerate(values):
        if one["name"] in told:
            message = f"There is another {what} {one['name']!r} above."
            yield Problem((*path, number, "name"), "doubled", message, "Give each a name of its own.")
        told.add(one["name"])


def _fields(fields: Sequence[JsonObject]) -> Iterator[Problem]:
    for number, field in enumerate(fields):
        path: Path = ("fields", number)
        kind = str(field["type"])
        if (kind == "choice") != ("choices" in field):
            message = (
                "A choice needs `choices`." if kind == "choice" else f"A field of the type {kind} has no `choices`."
            )
            remedy = (
                "Write choices: [one, another]." if kind == "choice" else "Leave them out, or make it type: choice."
            )
            yield Problem((*path, "choices"), "choices", message, remedy, at_key=True)
        if (kind == "hidden") != ("value" in field):
            message = "A hidden field needs its `value`." if kind == "hidden" else "Only a hidden field has a `value`."
            remedy = "Write value: …" if kind == "hidden" else "Leave it out: the visitor fills the field in."
            yield Problem((*path, "value"), "value", message, remedy, at_key=True)
        if kind == "hidden" and field.get("required"):
            yield Problem(
                (*path, "required"), "hidden", "Nobody can fill in a hidden field.", "Leave it out.", at_key=True
            )
        yield from _bounds(field, path)
        yield from _same_choices(field, path)


def _bounds(field: JsonObject, path: Path) -> Iterator[Problem]:
    kind = str(field["type"])
    wanted = _BOUNDED.get(kind)
    for name in ("min", "max"):
        if name not in field or (wanted is not None and type(field[name]) is wanted):
            if kind == "date" and not is_day(str(field.get(name, "today"))):
                message = f"{field[name]!r} is not a day of the calendar."
                yield Problem((*path, name), "bounds", message, _DAYS)
            continue
        message = f"`{name}` does not fit a field of the type {kind}."
        remedy = {"number": "Write a whole number.", "date": _DAYS}.get(kind)
        yield Problem((*path, name), "bounds", message, remedy or "Leave it out.", at_key=wanted is None)
    least, most = _comparable(field.get("min")), _comparable(field.get("max"))
    if type(least) is type(most) and least is not None and cast("int", least) > cast("int", most):
        yield Problem((*path, "max"), "bounds", "Nothing lies between `min` and `max`.", "Exchange the two.")


def _comparable(bound: Json) -> Json:
    """A number, a day of the calendar as it is written, or how far from today: each can be compared with its kind."""
    days = days_from_today(bound) if isinstance(bound, str) else None
    return bound if days is None else days


def _same_choices(field: JsonObject, path: Path) -> Iterator[Problem]:
    told: set[str] = set()
    for number, choice in enumerate(cast("Sequence[Json]", field.get("choices") or ())):
        value = str(choice["value"] if isinstance(choice, dict) else choice)
        if value in told:
            message = f"The choice {value!r} stands above already."
            yield Problem((*path, "choices", number), "doubled", message, "Give each a value of its own.")
        told.add(value)


def _addressee(fields: Sequence[JsonObject], pay: JsonObject) -> Iterator[Problem]:
    asked = any(field["type"] == "email" and field.get("required") for field in fields)
    recurring = [one for one in cast("Sequence[JsonObject]", pay.get("offers") or ()) if "every" in one]
    if recurring and not asked:
        message = "What recurs needs to know whom to write to, and no e-mail address must be given."
        remedy = "Add a field with type: email and required: true."
        yield Problem(("fields",), "no_email", message, remedy, at_key=True)


# what may be paid


def _payment(pay: JsonObject, gateways: Mapping[str, Manifest]) -> Iterator[Problem]:
    offers = cast("Sequence[JsonObject]", pay.get("offers") or ())
    yield from _prices(pay.get("amount"), ("pay", "amount"))
    yield from _doubled(offers, ("pay", "offers"), "offer")
    if "amount" not in pay and not offers:
        message = "It is not said what may be paid."
        yield Problem(("pay",), "no_amount", message, 'Write amount: {EUR: {fixed: "49.00"}}.', at_key=True)
    for number, offer in enumerate(offers):
        path: Path = ("pay", "offers", number)
        yield from _prices(offer.get("amount"), (*path, "amount"))
        if "amount" not in offer and "amount" not in pay:
            message = f"It is not said what {offer['name']!r} costs."
            yield Problem(path, "no_amount", message, 'Write amount: {EUR: {fixed: "49.00"}}.', at_key=True)
        yield from _terms(offer, pay, path)
    yield from _able(pay, gateways)


def _prices(prices: Json, path: Path) -> Iterator[Problem]:
    for currency, price in cast("Mapping[str, JsonObject]", prices or {}).items():
        here: Path = (*path, currency)
        wrong = list(_unreadable(price, currency, here))
        yield from wrong
        if wrong:
            continue
        yield from _price(price_of(currency, price), here)


def _amounts(price: JsonObject, path: Path) -> Iterator[tuple[Path, Json]]:
    if "fixed" in price:
        yield (*path, "fixed"), price["fixed"]
    for number, one in enumerate(cast("Sequence[Json]", price.get("choices") or ())):
        yield (*path, "choices", number), one
    for name, one in cast("JsonObject", price.get("free") or {}).items():
        yield (*path, "free", name), one


def _unreadable(price: JsonObject, currency: str, path: Path) -> Iterator[Problem]:
    for place, value in _amounts(price, path):
        try:
            amount = amount_of(value, currency)
        except MoneyError as error:
            unknown = error.code == "currency_unknown"
            yield Problem(path if unknown else place, error.code, error.message, error.remedy, at_key=unknown)
            if unknown:
                return
            continue
        if amount.minor <= 0:
            yield Problem(place, "nothing", f"{amount} is nothing to pay.", "Write an amount above zero.")


def _price(price: Price, path: Path) -> Iterator[Problem]:
    if price.fixed is not None and (price.choices or price.is_free):
        message = "A fixed amount leaves nothing to choose."
        yield Problem((*path, "fixed"), "combination", message, "Leave `fixed` out, or the rest.", at_key=True)
    if price.least is not None and price.most is not None and price.least > price.most:
        yield Problem((*path, "free", "max"), "bounds", "Nothing lies between `min` and `max`.", "Exchange the two.")
    told = set()
    for number, choice in enumerate(price.choices):
        if choice in told:
            message = f"{choice} stands above already."
            yield Problem((*path, "choices", number), "doubled", message, "Leave it out.")
        told.add(choice)


def _terms(offer: JsonObject, pay: JsonObject, path: Path) -> Iterator[Problem]:
    for name in ("plan", "trial_days"):
        if name in offer and "every" not in offer:
            message = f"`{name}` is for what recurs, and this offer is paid once."
            yield Problem((*path, name), "combination", message, "Write every: month beside it.", at_key=True)
    if "plan" in offer:
        prices = cast("Mapping[str, JsonObject]", offer.get("amount") or pay.get("amount") or {})
        if len(prices) != 1 or any("fixed" not in price for price in prices.values()):
            message = "A plan that is at the gateway already has one fixed price."
            yield Problem((*path, "plan"), "combination", message, "Write the plan's own price as `fixed`.")
        if not isinstance(pay["by"], str):
            message = "A plan is at one gateway, and `by` names several."
            yield Problem(
                (*path, "plan"), "combination", message, "Name one connection under `by`, or leave the plan out."
            )


def _able(pay: JsonObject, gateways: Mapping[str, Manifest]) -> Iterator[Problem]:
    """Each connection can do what the offers ask, in every currency."""
    by = pay["by"]
    names = [(("pay", "by"), by)] if isinstance(by, str) else [
        (("pay", "by", number), str(one)) for number, one in enumerate(cast("Sequence[Json]", by))
    ]  # fmt: skip
    for path, name in names:
        manifest = gateways.get(name)
        if manifest is None:
            remedy = f"There are {', '.join(sorted(gateways))}." if gateways else "Add it under Connections first."
            yield Problem(path, "connection", f"There is no connection {name!r}.", remedy)
        elif manifest.kind is not Kind.GATEWAY:
            message = f"{manifest.title} ({name}) takes no payments."
            yield Problem(path, "connection", message, "Name a gateway's connection.")
        else:
            yield from refusals(pay, path, manifest)


def refusals(pay: JsonObject, path: Path, manifest: Manifest) -> Iterator[Problem]:
    """What the connector named at ``path`` cannot do of what ``pay`` offers."""
    offers = cast("Sequence[JsonObject]", pay.get("offers") or ({},))
    wanted = {"single_payment"} if any("every" not in offer for offer in offers) else set()
    if any("every" in offer for offer in offers):
        wanted |= set(_RECURRING)
    for key in sorted(wanted):
        cell = manifest.capabilities.get(key)
        if cell is None or cell.status is Support.NONE:
            reason = cell.reason if cell is not None and cell.reason else f"{manifest.title} cannot do it."
            yield Problem(path, "capability", f"{manifest.title} cannot do this: {reason}", "Name another connection.")
    for number, offer in enumerate(offers) if needs_stored_method(manifest) else ():
        if "plan" in offer:
            message = f"The hub charges for what a form begins at {manifest.title}, on plans that it makes itself."
            yield Problem(("pay", "offers", number, "plan"), "capability", message, "Leave plan out.", at_key=True)
    if pay.get("coupons") and all("every" in offer for offer in offers) and not manifest.takes_discounts:
        message = f"{manifest.title} keeps the calendar of its subscriptions itself and takes no discounts with them."
        yield Problem(("pay", "coupons"), "capability", message, "Leave coupons out, or name another connection.")
    supported = manifest.currencies.supported
    asked = dict.fromkeys(currency for offer in offers for currency in _currencies(offer, pay))
    for currency in asked if supported else ():
        if currency not in supported:
            message = f"{manifest.title} does not take {currency}."
            remedy = f"It takes {', '.join(supported)}."
            yield Problem(path, "currency", message, remedy)


def _currencies(offer: JsonObject, pay: JsonObject) -> Iterable[str]:
    return cast("JsonObject", offer.get("amount") or pay.get("amount") or {})
