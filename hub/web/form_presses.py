"""What a press of one of the designer's buttons makes of a form's text. Pure.

Whatever is pressed, first all is taken that was typed into panels and cards and not applied yet, so that without scripts
nothing is lost by pressing another button. What cannot be taken is shown again with what is wrong, the text stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from hub.engine.form_edits import (
    add_field,
    add_item,
    add_part,
    move_field,
    move_item,
    remove_field,
    remove_item,
    set_value,
)
from hub.errors import ConfigError
from hub.recipes.document import parse_document
from hub.web.form_cards import cards_of, free_name, new_field
from hub.web.form_entries import Change, Entered, input_name, part_at, parts_at, with_changes
from hub.web.form_offers import EVERY
from hub.web.form_panels import sources_of
from hub.web.form_prices import adding, entered_amount, entered_currency
from hub.web.form_texts import LONGEST, languages_of, text_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hub.connect.manifest import Manifest
    from hub.errors import HubError
    from hub.jsontypes import Json, JsonObject
    from hub.web.form_cards import Card
    from hub.web.form_entries import Path
    from hub.web.form_panels import Panel, PanelSource

_NUMBERED: Final = re.compile(r"(apply|up|down|remove|offer-up|offer-down|offer-remove) ([0-9]{1,3})")
_PRICE_REMOVE: Final = re.compile(r"price-remove (payment|offer-[0-9]) (\S{1,40})")
_OFFERS: Final[Path] = ("pay", "offers")


@dataclass(slots=True)
class Designed:
    """The text after a press; what was typed and could not be taken is still there, with what is wrong with it."""

    text: str
    entered: Mapping[str, str]
    gateways: Mapping[str, Manifest]
    wrong: dict[str, str] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    problem: HubError | None = None
    opened: str = ""

    @property
    def is_right(self) -> bool:
        """Whether all was taken."""
        return not self.wrong and self.problem is None

    def panels(self) -> Sequence[Panel]:
        """The panels of the text as it is now."""
        return [
            one.panel(self.entered, self.wrong, keeps_typed=one.name in self.kept)
            for one in sources_of(self.text, self.gateways)
        ]

    def cards(self) -> Sequence[Card] | None:
        """The fields of the text as it is now, as cards; None where they cannot be told."""
        cards = cards_of(self.text)
        if cards is None:
            return None
        return [one.typed(self.entered, self.wrong) if f"card {one.number}" in self.kept else one for one in cards]


def pressed(text: str, do: str, entered: Mapping[str, str], gateways: Mapping[str, Manifest]) -> Designed:
    """The text after a button of the designer; with an empty ``do`` what was typed is taken and nothing more."""
    gone = _PRICE_REMOVE.fullmatch(do)
    if gone is not None:  # what is taken away need not be right
        start = input_name(_holder(gone[1]), "amount", gone[2], "")
        entered = {name: value for name, value in entered.items() if not name.startswith(start)}
    done = Designed(text, entered, gateways, opened=_about(do))
    _take_cards(done, do)
    for source in sources_of(text, gateways):
        if not _is_about_to_go(source.name, do):
            _take_panel(done, source, do)
    word = do.partition(" ")[0]
    if done.kept and word in _MOVING:
        message = "Something that you typed is not right yet."
        done.problem = ConfigError(message, remedy="Mend what is marked first; nothing else was changed.")
        return done
    act = _ACTS.get(word)
    before = dict(done.wrong)
    try:
        if act is not None:
            done.text = act(done, do)
        elif do and word not in _APPLYING:
            raise _gone()
    except ConfigError as error:
        done.problem = error
    if act is not None and word in _ADDING and done.problem is None and done.wrong == before:
        added = adding(do.partition(" ")[2]) if word == "price-add" else _ADDING[word]
        done.entered = {name: value for name, value in done.entered.items() if not name.startswith(added)}
    if do == "save":
        _check_added(done)
    return done


def _check_added(done: Designed) -> None:
    """What was typed for something new must have been added, or it would be lost unseen."""
    for name, value in done.entered.items():
        if _NEW.fullmatch(name) and value.strip():
            done.wrong.setdefault(name, "This is not in the form yet. Press the button beside it, or empty it.")


def _gone() -> ConfigError:
    message = "This part of the form is not there any more."
    return ConfigError(message, remedy="Look at the text; nothing was changed.")


# what was typed


def _take_panel(done: Designed, source: PanelSource, do: str) -> None:
    """Apply what was typed into a panel, if the text still says what the panel was made of."""
    is_pressed, was = do == f"panel {source.name}", done.entered.get(f"was-{source.name}")
    if was is None and not is_pressed:
        return
    if was not in {None, source.was}:
        if is_pressed:
            message = f"The text of {source.title} was changed as well."
            remedy = "What you typed here still stands here. Press Apply again to put it in the text's place."
            done.problem = ConfigError(message, remedy=remedy)
            done.kept.add(source.name)
        return
    _take(done, source.name, source)


def _take_cards(done: Designed, do: str) -> None:
    for card in cards_of(done.text) or ():
        is_pressed, was = do == f"apply {card.number}", done.entered.get(card.input("was"))
        if do == f"remove {card.number}" or not (is_pressed or was == card.was):
            continue
        _take(done, f"card {card.number}", card)


def _take(done: Designed, name: str, part: Card | PanelSource) -> None:
    """Put what was typed into a card or panel into the text; what cannot be taken is kept with what is wrong."""
    entered = Entered(done.entered)
    changes = part.changes(entered)
    done.wrong |= entered.wrong
    try:
        done.text = with_changes(done.text, changes)
    except ConfigError as error:
        done.problem = error
        done.kept.add(name)
    if entered.wrong:
        done.kept.add(name)


def _is_about_to_go(panel: str, do: str) -> bool:
    if do == "pay-remove":
        return panel == "payment" or panel.startswith("offer-")
    return do == f"offer-remove {panel.removeprefix('offer-')}"


def _about(do: str) -> str:
    """The panel or card that a press was about: it stays open where the page comes anew."""
    word, _, about = do.partition(" ")
    if word in {"panel", "price-add", "price-remove"}:
        return about.partition(" ")[0]
    if word == "language-add":
        return "texts"
    if word in {"pay-add", "offer-add", "pay-remove", "offer-remove", "offer-up", "offer-down"}:
        return "payment"
    return f"card {about}" if word == "apply" else ""


# the buttons


def _form(done: Designed) -> JsonObject:
    form = parse_document(done.text).value
    if not isinstance(form, dict):
        raise _gone()
    return cast("JsonObject", form)


def _number(do: str, count: int) -> int:
    found = _NUMBERED.fullmatch(do)
    if found is None or int(found[2]) >= count:
        raise _gone()
    return int(found[2])


def _move(do: str, count: int) -> tuple[int, int]:
    """Which of so many is moved, and where to: the first does not go up, the last not down."""
    number = _number(do, count)
    step = 1 if do.partition(" ")[0].endswith("down") else -1
    return number, min(max(number + step, 0), count - 1)


def _offers(form: JsonObject) -> Sequence[JsonObject]:
    return parts_at(form, "pay", "offers")


def _add_field(done: Designed, _do: str) -> str:
    return add_field(done.text, new_field(done.text, done.entered))


def _remove_field(done: Designed, do: str) -> str:
    return remove_field(done.text, _number(do, len(cards_of(done.text) or ())))


def _move_field(done: Designed, do: str) -> str:
    number, to = _move(do, len(cards_of(done.text) or ()))
    return done.text if to == number else move_field(done.text, number, to)


def _apply_card(done: Designed, do: str) -> str:
    _number(do, len(cards_of(done.text) or ()))
    return done.text


def _apply_panel(done: Designed, do: str) -> str:
    if not any(do == f"panel {one.name}" for one in sources_of(done.text, done.gateways)):
        raise _gone()
    return done.text


def _add_language(done: Designed, _do: str) -> str:
    form, entered = _form(done), Entered(done.entered, done.wrong)
    languages, title = languages_of(form), form.get("title")
    language, words = entered.said("new-language"), entered.said("new-words")
    base = next(iter(languages), entered.said("new-base") or "en")
    if not re.fullmatch(r"[a-z]{2,3}", language) or language in {*languages, base}:
        entered.refuse("new-language", "The texts are in this language already. Choose another.")
    elif not words:
        entered.refuse("new-words", "Write the title in this language; the other texts can follow.")
    elif entered.fits("new-words", LONGEST):
        if isinstance(title, dict):
            return set_value(done.text, ("title",), language, words)
        said = {"": str(title or ""), language: words}
        return with_changes(done.text, text_changes(("title",), title, said, [base, language]))
    return done.text


def _typed_price(
    entered: Entered, currency_input: str, price_input: str, taken: Sequence[str] = ()
) -> JsonObject | None:
    """``{EUR: {fixed: "49.00"}}`` of a currency and a price; None for what is wrong, which is said at the inputs."""
    currency = entered_currency(entered, currency_input, taken)
    if currency is None:
        return None
    amount = entered_amount(entered, price_input, entered.said(price_input), currency)
    return {currency: {"fixed": amount.to_decimal_text()}} if amount is not None else None


def _add_price(done: Designed, do: str) -> str:
    panel = do.partition(" ")[2]
    source = next((one for one in sources_of(done.text, done.gateways) if one.name == panel), None)
    if source is None or panel not in {"payment", *(f"offer-{number}" for number in range(10))}:
        raise _gone()
    holder = _holder(panel)
    value = parse_document(done.text).node((*holder, "amount"))
    taken = list(getattr(value, "keys", ()))
    made = _typed_price(Entered(done.entered, done.wrong), *adding(panel), taken)
    if made is None:
        return done.text
    (currency,) = made
    return with_changes(done.text, [Change((*holder, "amount", currency), made[currency])])


def _remove_price(done: Designed, do: str) -> str:
    found = _PRICE_REMOVE.fullmatch(do)
    if found is None:
        raise _gone()
    return with_changes(done.text, [Change((*_holder(found[1]), "amount", found[2]), None)])


def _holder(panel: str) -> Path:
    return ("pay",) if panel == "payment" else (*_OFFERS, int(panel.removeprefix("offer-")))


def _add_payment(done: Designed, _do: str) -> str:
    entered = Entered(done.entered, done.wrong)
    by = entered.said("new-pay-by")
    if by not in done.gateways:
        entered.refuse("new-pay-by", "There is no such connection. Choose one of those listed.")
    made = _typed_price(entered, "new-pay-currency", "new-pay-price")
    if made is None or by not in done.gateways:
        return done.text
    return add_part(done.text, "pay", {"by": by, "amount": made})


def _remove_payment(done: Designed, _do: str) -> str:
    return set_value(done.text, (), "pay", None)


def _add_offer(done: Designed, _do: str) -> str:
    form, entered = _form(done), Entered(done.entered, done.wrong)
    title, every = entered.said("new-offer-title"), entered.said("new-offer-every")
    if "pay" not in form:
        raise _gone()
    if not title:
        entered.refuse("new-offer-title", "Write what payers read, such as Every month.")
    amount: JsonObject | None = None
    priced = entered.said("new-offer-price") or entered.said("new-offer-currency")
    if priced or not part_at(form, "pay", "amount"):
        amount = _typed_price(entered, "new-offer-currency", "new-offer-price")
        if amount is None:
            return done.text
    if not title or every not in dict(EVERY):
        return done.text
    taken = [str(one.get("name")) for one in _offers(form)]
    offer: dict[str, Json] = {"name": free_name(title, "offer", taken), "title": title}
    if every:
        offer["every"] = every
    if amount is not None:
        offer["amount"] = amount
    return add_item(done.text, _OFFERS, offer)


def _remove_offer(done: Designed, do: str) -> str:
    return remove_item(done.text, _OFFERS, _number(do, len(_offers(_form(done)))))


def _move_offer(done: Designed, do: str) -> str:
    number, to = _move(do, len(_offers(_form(done))))
    return done.text if to == number else move_item(done.text, _OFFERS, number, to)


_ACTS: Final[Mapping[str, Callable[[Designed, str], str]]] = {
    "add": _add_field,
    "apply": _apply_card,
    "up": _move_field,
    "down": _move_field,
    "remove": _remove_field,
    "panel": _apply_panel,
    "language-add": _add_language,
    "price-add": _add_price,
    "price-remove": _remove_price,
    "pay-add": _add_payment,
    "pay-remove": _remove_payment,
    "offer-add": _add_offer,
    "offer-up": _move_offer,
    "offer-down": _move_offer,
    "offer-remove": _remove_offer,
}
_APPLYING: Final = frozenset({"check", "save"})
_MOVING: Final = frozenset({"up", "down", "remove", "language-add", "offer-up", "offer-down", "offer-remove"})
"""Buttons after which an input may have another name; nothing that is wrong could be shown as it was typed."""
_NEW: Final = re.compile(r"new-(title|words|(currency|price)-.+|(offer|pay)-(currency|price)|offer-title)")
"""What says that something new is wanted."""
_ADDING: Final[Mapping[str, tuple[str, ...]]] = {
    "add": ("new-title", "new-type"),
    "language-add": ("new-language", "new-words", "new-base"),
    "price-add": (),
    "pay-add": ("new-pay-",),
    "offer-add": ("new-offer-",),
}
"""The inputs that a button empties when it has added what they say; those of a price hang on whose it is."""
