"""The designer's panels: what a form says beside its fields, and what was entered there made of the form's text. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from hub.commerce.form_checks import refusals
from hub.engine.form_desk import problems_of
from hub.phrases import LANGUAGES
from hub.recipes.document import parse_document
from hub.recipes.findings import FindingsError
from hub.web.form_entries import Button, Entered, Entry, Group, Tick, part_at, parts_at, shown
from hub.web.form_offers import EVERY, Connections, Name, Terms, can_be_paid_by
from hub.web.form_prices import CURRENCY_LIST, Prices, shown_amount
from hub.web.form_texts import Address, Sites, Text, language_name, languages_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hub.commerce.form_checks import Problem
    from hub.connect.manifest import Manifest
    from hub.jsontypes import Json, JsonObject
    from hub.web.form_entries import Change, Part, Path

MOST_OFFERS: Final = 8
_NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Panel:
    """Inputs that are applied together. ``was`` tells whether the text still says what the inputs were made of."""

    name: str
    title: str
    summary: str
    groups: Sequence[Group]
    buttons: Sequence[Button]
    problems: Sequence[str]
    was: str
    has_inputs: bool = True

    @property
    def is_wrong(self) -> bool:
        """Whether something is to be said at an input."""
        return any(entry.wrong for group in self.groups for entry in group.entries)


@dataclass(frozen=True, slots=True)
class PanelSource:
    """A panel as the text has it: parts that know what their inputs change. ``more``: inputs for what is not there yet."""

    name: str
    title: str
    summary: str
    parts: Sequence[Part]
    more: Sequence[Group] = ()
    buttons: Sequence[Button] = ()
    problems: Sequence[str] = ()

    @property
    def was(self) -> str:
        """Another text for other inputs, or other values in them."""
        made = [
            (one.input, one.shown) for part in self.parts for group in part.groups(_NOTHING) for one in group.entries
        ]
        return hashlib.sha256(repr(made).encode()).hexdigest()[:16]

    def changes(self, entered: Entered) -> list[Change]:
        """What was entered changes; what is wrong is noted with the input."""
        return [change for part in self.parts for change in part.changes(entered)]

    def panel(self, entered: Mapping[str, str], wrong: Mapping[str, str], *, keeps_typed: bool) -> Panel:
        """As it is shown: with what was typed and could not be applied, and what is wrong with it."""
        typed = entered if keeps_typed else _NOTHING
        groups = [group for part in self.parts for group in part.groups(typed)]
        made = [_with_typed(group, entered if group.adds else typed, wrong) for group in [*groups, *self.more]]
        has_inputs = any(group.entries and not group.adds for group in made)
        return Panel(self.name, self.title, self.summary, made, self.buttons, self.problems, self.was, has_inputs)


def _with_typed(group: Group, typed: Mapping[str, str], wrong: Mapping[str, str]) -> Group:
    def one(entry: Entry) -> Entry:
        value = entry.shown
        if typed and (entry.input in typed or entry.kind == "tick"):
            value = typed.get(entry.input, "").replace("\r\n", "\n")
        return replace(entry, shown=value, wrong=wrong.get(entry.input, ""))

    return replace(group, entries=[one(entry) for entry in group.entries])


def sources_of(text: str, gateways: Mapping[str, Manifest]) -> Sequence[PanelSource]:
    """The panels of a text; none where it is written so that nothing can be told."""
    try:
        value = parse_document(text).value
    except FindingsError:
        return ()
    return tuple(_sources(value, gateways)) if isinstance(value, dict) else ()


def _sources(form: JsonObject, gateways: Mapping[str, Manifest]) -> Iterator[PanelSource]:
    languages, problems = languages_of(form), problems_of(form, gateways)
    yield _texts(form, languages)
    if isinstance(form.get("pay"), dict):
        yield _payment(form, languages, gateways, problems)
        yield from _offers(form, languages, problems)
    elif form.get("pay") is None:
        yield _no_payment(gateways)
    sites = form.get("embed")
    count = len(sites) if isinstance(sites, list) else 0
    yield PanelSource("embed", "Other sites", f"{count} may show it" if count else "", [Sites(("embed",), sites)])


def _texts(form: JsonObject, languages: Sequence[str]) -> PanelSource:
    after = part_at(form, "after")
    thanks = "What stands on the last page"
    parts: list[Part] = [
        Text(("title",), "Title", form.get("title"), languages, required=True),
        Text(("description",), "Introduction", form.get("description"), languages, kind="lines"),
        Text(("submit",), "Button", form.get("submit"), languages, "Left empty: Send, or Go on to pay"),
        Text(("after", "thanks"), "Thanks", after.get("thanks"), languages, thanks, kind="lines"),
        Address(("after", "url"), "Page to go on to", after.get("url"), "A page of yours in place of the thanks"),
    ]
    summary = ", ".join(language_name(one) for one in languages)
    return PanelSource("texts", "Texts", summary, parts, _further_language(languages))


def _further_language(languages: Sequence[str]) -> Sequence[Group]:
    free = [(code, language_name(code)) for code in LANGUAGES if code not in languages]
    if not free:
        return ()
    asked = [] if languages else [
        Entry("new-base", "The texts so far are in", "en", "choice", options=free)
    ]  # fmt: skip
    first = free[0][0] if languages else "de"
    entries = [
        *asked,
        Entry("new-language", "Language", first, "choice", options=free),
        Entry("new-words", "The title in this language"),
    ]
    return [Group(entries, "Another language", "", Button("language-add", "Add language", "plus"), adds=True)]


def _payment(
    form: JsonObject, languages: Sequence[str], gateways: Mapping[str, Manifest], problems: Sequence[Problem] | None
) -> PanelSource:
    pay = part_at(form, "pay")
    coupons = "A coupon makes the first charges cheaper of what the form says the price of."
    purpose = "What the payer reads at the gateway. Left empty: the title"
    own = "Each offer has its own price. A price here is for those without." if pay.get("offers") else ""
    parts: list[Part] = [
        Connections(("pay", "by"), pay.get("by"), gateways, _refused(form, gateways)),
        Prices("payment", ("pay", "amount"), pay.get("amount"), own),
        Text(("pay", "purpose"), "Purpose", pay.get("purpose"), languages, purpose),
        Tick(("pay", "coupons"), "Takes codes of coupons", coupons, pay.get("coupons")),
    ]
    offers = parts_at(form, "pay", "offers")
    more = [] if "offers" in pay and not offers else _further_offer(offers)
    return PanelSource(
        "payment",
        "Payment",
        _prices_in_short(pay.get("amount")),
        parts,
        more,
        [Button("pay-remove", "Take no payments", "trash")],
        _said(problems, [("pay",), ("fields",)], but=("pay", "offers")),
    )


def _further_offer(offers: Sequence[JsonObject]) -> Sequence[Group]:
    if len(offers) >= MOST_OFFERS:
        return ()
    note = (
        ""
        if offers
        else "With offers the payer chooses among them, and only among them: once or monthly, one thing or another."
    )
    entries = [
        Entry("new-offer-title", "What it is called", longest=200),
        Entry("new-offer-every", "Paid", "", "choice", options=[("", "Once"), *_EVERY_ONE]),
        Entry(
            "new-offer-currency", "Currency", hint="Three letters, such as EUR", longest=3, suggestions=CURRENCY_LIST
        ),
        Entry("new-offer-price", "Price", hint="Empty: what stands above", longest=30),
    ]
    return [
        Group(
            entries, "Another offer" if offers else "Offers", note, Button("offer-add", "Add offer", "plus"), adds=True
        )
    ]


_EVERY_ONE: Final = tuple((unit, f"Every {unit}") for unit, _label in EVERY if unit)


def _no_payment(gateways: Mapping[str, Manifest]) -> PanelSource:
    able = sorted(name for name, manifest in gateways.items() if can_be_paid_by(manifest))
    if not able:
        note = "This form asks for no money. Add a gateway under Connections first, and it can."
        return PanelSource("payment", "Payment", "none", [], [Group(note=note)])
    entries = [
        Entry("new-pay-by", "Paid by", able[0], "choice", options=[(name, name) for name in able]),
        Entry("new-pay-currency", "Currency", hint="Three letters, such as EUR", longest=3, suggestions=CURRENCY_LIST),
        Entry("new-pay-price", "Price", longest=30),
    ]
    note = "This form asks for no money. More ways to set the price come when there is one."
    return PanelSource(
        "payment",
        "Payment",
        "none",
        [],
        [Group(entries, "", note, Button("pay-add", "Take a payment", "plus"), adds=True)],
    )


def _offers(form: JsonObject, languages: Sequence[str], problems: Sequence[Problem] | None) -> Iterator[PanelSource]:
    offers = parts_at(form, "pay", "offers")
    names = [shown(one.get("name")) for one in offers]
    for number, offer in enumerate(offers):
        path: Path = ("pay", "offers", number)
        name = f"offer-{number}"
        shared = (
            "It costs what stands under Payment. A price here is its own." if part_at(form, "pay", "amount") else ""
        )
        parts: list[Part] = [
            Text((*path, "title"), "Label", offer.get("title"), languages, required=True),
            Text((*path, "description"), "Description", offer.get("description"), languages, kind="lines"),
            Terms(path, offer),
            Prices(name, (*path, "amount"), offer.get("amount"), shared),
            Name((*path, "name"), offer.get("name"), [*names[:number], *names[number + 1 :]]),
        ]
        title = Text((*path, "title"), "", offer.get("title"), languages).groups(_NOTHING)[0].entries
        called = next((one.shown for one in title if one.shown), "") or names[number]
        buttons = [Button(f"offer-remove {number}", "Remove offer", "trash", called)]
        if number + 1 < len(offers):
            buttons.insert(0, Button(f"offer-down {number}", "Down", "arrow-down", called))
        if number:
            buttons.insert(0, Button(f"offer-up {number}", "Up", "arrow-up", called))
        summary = ", ".join(filter(None, [_often(offer.get("every")), _prices_in_short(offer.get("amount"))]))
        yield PanelSource(name, f"Offer: {called}", summary, parts, (), buttons, _said(problems, [path]))


def _often(every: Json) -> str:
    if every is None:
        return "once"
    if isinstance(every, dict):
        count = every.get("count", 1)
        return f"every {count} {every.get('unit')}s" if count != 1 else f"every {every.get('unit')}"
    return f"every {every}"


def _prices_in_short(prices: Json) -> str:
    """What is paid, in a few words: ``49.00 EUR, JPY``."""
    known = prices.items() if isinstance(prices, dict) else ()
    said = [
        f"{shown_amount(price['fixed'], currency)} {currency}"
        if isinstance(price, dict) and "fixed" in price
        else currency
        for currency, price in known
    ]
    return ", ".join(said)


def _refused(form: JsonObject, gateways: Mapping[str, Manifest]) -> Mapping[str, str]:
    """Of connections that the form does not name: why what it offers could not be paid by them."""
    pay = part_at(form, "pay")
    if problems_of(form, gateways) is None:
        return _NOTHING
    named = pay["by"] if isinstance(pay["by"], list) else [pay["by"]]
    found = {}
    for name, manifest in gateways.items():
        said = [problem.message for problem in refusals(pay, ("pay", "by"), manifest)] if name not in named else []
        if said:
            found[name] = said[0]
    return found


def _said(problems: Sequence[Problem] | None, paths: Sequence[Path], but: Path | None = None) -> Sequence[str]:
    """What the checker says of parts of the form, in a person's words."""
    return [
        f"{one.message} {one.remedy}".replace("`", "")
        for one in problems or ()
        if any(one.path[: len(path)] == path for path in paths)
        and (one.path[0] != "fields" or one.code == "no_email")
        and (but is None or one.path[: len(but)] != but)
    ]
