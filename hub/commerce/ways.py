"""The ways to pay as an admin sets them: what each connection can take, and the setting read from what was typed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from hub.commerce.paying import takes_nothing
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.connect.manifest import Manifest
    from hub.jsontypes import Json, JsonObject

LONGEST_TITLE: Final = 60
LAST_PLACE: Final = 99


@dataclass(frozen=True, slots=True)
class Way:
    """One connection as a way to pay.

    ``known_as``: what payers read where no name is set. ``means``: those that it can be limited to; ``alone``: of these,
    the ones that it takes one at a time. ``takes``: what it can take, in words; ``refusal``: why it takes nothing.
    """

    connection: str
    known_as: str
    means: tuple[str, ...]
    alone: tuple[str, ...]
    takes: str
    refusal: str


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form for one way, as it was typed."""

    title: str = ""
    place: str = ""
    shown: bool = True
    means: tuple[str, ...] = ()


def way_of(connection: str, manifest: Manifest) -> Way:
    """What a connection offers as a way to pay."""
    cell = manifest.capabilities.get("single_payment")
    limits = cell.limits if cell is not None else {}
    means, alone = (tuple(cast("Sequence[str]", limits.get(name) or ())) for name in ("methods", "methods_alone"))
    refusal = takes_nothing(manifest)
    return Way(connection, manifest.title, means, alone, "" if refusal else _takes(manifest, limits), refusal)


def _takes(manifest: Manifest, limits: JsonObject) -> str:
    """Currencies and amounts, as far as the manifest knows them."""
    named = cast("Sequence[str]", limits.get("currencies") or manifest.currencies.supported)
    currencies = ", ".join(named) if named else "Every currency that the account takes"
    bounds = [f"{word} {Money(minor, currency).format('en')}" for word, minor, currency in _bounds(limits, named)]
    return f"{currencies}; {', '.join(bounds)}." if bounds else f"{currencies}."


def _bounds(limits: JsonObject, currencies: Sequence[str]) -> list[tuple[str, int, str]]:
    """The limits that are called ``least_inr_minor``, or ``least_minor`` where there is one currency only."""
    found = []
    for name, value in limits.items():
        word, _, rest = name.partition("_")
        currency = rest.removesuffix("minor").rstrip("_").upper()
        if word in {"least", "most"} and rest.endswith("minor") and isinstance(value, int):
            if not currency and len(currencies) != 1:
                continue
            found.append((f"at {word}", value, currency or currencies[0]))
    return found


def typed_of(setting: Mapping[str, Json]) -> Typed:
    """A connection's part of the setting as it stands in the form."""
    place = setting.get("place")
    return Typed(
        str(setting.get("title") or ""),
        str(place) if isinstance(place, int) else "",
        not setting.get("hidden"),
        tuple(cast("Sequence[str]", setting.get("methods") or ())),
    )


def read_ways(
    ways: Sequence[Way], typed: Mapping[str, Typed]
) -> tuple[dict[str, JsonObject], dict[tuple[str, str], str]]:
    """The setting, connection -> what differs from the usual; and what is wrong, by connection and field."""
    setting: dict[str, JsonObject] = {}
    wrong: dict[tuple[str, str], str] = {}
    names: dict[str, str] = {}
    for way in ways:
        one = typed[way.connection]
        for field, words in (("title", _title(way, one, names)), ("place", _place(one)), ("means", _means(way, one))):
            if words:
                wrong[way.connection, field] = words
        values: dict[str, Json] = {
            "title": one.title,
            "place": int(one.place) if one.place and not _place(one) else None,
            "hidden": not one.shown,
            "methods": list(one.means) if set(one.means) != set(way.means) else [],
        }
        setting[way.connection] = {name: value for name, value in values.items() if value}
    return {name: one for name, one in setting.items() if one}, wrong


def _title(way: Way, typed: Typed, names: dict[str, str]) -> str:
    """What is wrong with the name. ``names``: those of the ways so far that payers see, lower case -> connection."""
    if len(typed.title) > LONGEST_TITLE:
        return f"Use at most {LONGEST_TITLE} characters; these are {len(typed.title)}."
    if not typed.shown:
        return ""
    name = typed.title or way.known_as
    other = names.setdefault(name.casefold(), way.connection)
    if other != way.connection:
        return f"{other} is called {name} as well, so payers cannot tell them apart. Give one of them another name."
    return ""


def _place(typed: Typed) -> str:
    if not typed.place:
        return ""
    is_number = typed.place.isascii() and typed.place.isdigit() and len(typed.place) <= len(str(LAST_PLACE))
    return "" if is_number and int(typed.place) else f"Write a whole number from 1 to {LAST_PLACE}, or nothing."


def _means(way: Way, typed: Typed) -> str:
    strange = [one for one in typed.means if one not in way.means]
    if strange:
        return f"{way.known_as} cannot be limited to {', '.join(strange)}. Load the page again to see what it offers."
    alone = [one for one in typed.means if one in way.alone]
    if alone and len(typed.means) > 1 and set(typed.means) != set(way.means):
        return f"{way.known_as} can be limited to {alone[0]} only by itself. Tick that alone, or tick none for all of them."
    return ""
