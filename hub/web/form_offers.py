"""The terms of a form's offers, and by which connections is paid, in the designer. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from hub.commerce.forms import interval_of
from hub.connect.manifest import Kind, Support
from hub.web.form_entries import NAME, Change, Entry, Group, input_name, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hub.connect.manifest import Manifest
    from hub.jsontypes import Json, JsonObject
    from hub.web.form_entries import Entered, Path

EVERY: Final = (
    ("", "Once"),
    ("day", "Every so many days"),
    ("week", "Every so many weeks"),
    ("month", "Every so many months"),
    ("year", "Every so many years"),
)
"""How often an offer is paid, as the designer asks it."""

_WHOLE: Final = re.compile(r"[0-9]{1,6}")
_MOST_COUNT: Final = 365
_MOST_TRIAL_DAYS: Final = 730
_LONGEST_PLAN: Final = 255
_TAKES_MONEY: Final = ("single_payment", "recurring_payment")


def can_be_paid_by(manifest: Manifest) -> bool:
    """Whether a form's payments can go by connections of this kind at all."""
    cells = [manifest.capabilities.get(key) for key in _TAKES_MONEY]
    return manifest.kind is Kind.GATEWAY and any(cell and cell.status is not Support.NONE for cell in cells)


@dataclass(frozen=True, slots=True)
class Connections:
    """The connections by which is paid. ``refused``: what one of them could not do of what the form offers."""

    path: Path
    value: Json
    gateways: Mapping[str, Manifest]
    refused: Mapping[str, str]

    def groups(self, _typed: Mapping[str, str]) -> Sequence[Group]:
        """A box for each connection that can take payments, and for each that the form names."""
        entries = [
            Entry(self._input(name), self._label(name), "on" if name in self._known() else "", "tick", self._hint(name))
            for name in self._names()
        ]
        note = "Of several the payer chooses." if len(entries) > 1 else ""
        return [Group(entries, "Paid by", note)]

    def changes(self, entered: Entered) -> Iterator[Change]:
        """Other connections."""
        known = self._known()
        ticked = [name for name in self._names() if entered.said(self._input(name))]
        if ticked == known:
            return
        if not ticked:
            message = "By nothing nobody can pay. Tick a connection, or take the payment away below."
            entered.refuse(self._input(self._names()[0]), message)
            return
        yield Change(self.path, ticked[0] if len(ticked) == 1 else cast("Json", ticked))

    def _known(self) -> list[str]:
        value = self.value if isinstance(self.value, list) else [self.value] if self.value is not None else []
        return [shown(one) for one in value]

    def _names(self) -> list[str]:
        able = sorted(name for name, manifest in self.gateways.items() if can_be_paid_by(manifest))
        return list(dict.fromkeys([*self._known(), *able]))

    def _input(self, name: str) -> str:
        return input_name(self.path, name)

    def _label(self, name: str) -> str:
        manifest = self.gateways.get(name)
        return name if manifest is None or manifest.title.lower() == name.lower() else f"{manifest.title} ({name})"

    def _hint(self, name: str) -> str:
        if name not in self.gateways:
            return "There is no such connection. Take it away, or add it under Connections."
        return self.refused.get(name, "")


@dataclass(frozen=True, slots=True)
class Terms:
    """How often an offer is paid, days before the first charge, and a plan that the gateway has already."""

    path: Path
    offer: JsonObject

    def groups(self, typed: Mapping[str, str]) -> Sequence[Group]:
        """Inputs for what recurs only where the offer does."""
        unit, count = self._present()
        options = [*EVERY, *([(unit, unit)] if unit not in dict(EVERY) else [])]
        entries = [Entry(self._input("unit"), "Paid", unit, "choice", options=options)]
        if typed.get(self._input("unit"), unit):
            days = shown(self.offer.get("trial_days"))
            hint = "Of a plan that you made at the gateway. Left empty, the hub makes one."
            entries += [
                Entry(
                    self._input("count"), "How many of them", count, hint="2 with weeks: every second week", longest=3
                ),
                Entry(self._input("trial"), "Free days at the start", days, hint="Empty: paid at once", longest=3),
                Entry(
                    self._input("plan"),
                    "Number of the plan",
                    shown(self.offer.get("plan")),
                    hint=hint,
                    longest=_LONGEST_PLAN,
                ),
            ]
        return [Group(entries)]

    def changes(self, entered: Entered) -> Iterator[Change]:
        """Other terms; what is paid once has neither plan nor free days."""
        unit, count = self._present()
        wished = entered.said(self._input("unit"))
        if not wished:
            yield from (Change((*self.path, key), None) for key in ("every", "trial_days", "plan") if key in self.offer)
            return
        if wished not in dict(EVERY):
            return
        typed = entered.said(self._input("count")) or "1"
        number = self._number("count", typed, count if unit else "", _MOST_COUNT, entered)
        if number is not None and (wished, typed) != (unit, count):
            every: Json = wished if number == 1 else {"unit": wished, "count": number}
            yield Change((*self.path, "every"), every)
        yield from self._more(entered)

    def _more(self, entered: Entered) -> Iterator[Change]:
        known = shown(self.offer.get("trial_days"))
        days = entered.said(self._input("trial"))
        if days != known:
            number = self._number("trial", days, known, _MOST_TRIAL_DAYS, entered) if days not in {"", "0"} else None
            if self._input("trial") not in entered.wrong:
                yield Change((*self.path, "trial_days"), number)
        plan = entered.said(self._input("plan"))
        if entered.fits(self._input("plan"), _LONGEST_PLAN) and plan != shown(self.offer.get("plan")).strip():
            yield Change((*self.path, "plan"), plan or None)

    def _present(self) -> tuple[str, str]:
        every = self.offer.get("every")
        if every is None:
            return "", "1"
        if isinstance(every, dict) and "unit" not in every:
            return shown(every), "1"
        interval = interval_of(every)
        return shown(interval["unit"]), shown(interval["count"])

    def _number(self, key: str, typed: str, known: str, most: int, entered: Entered) -> int | None:
        if typed != known and not (_WHOLE.fullmatch(typed) and 1 <= int(typed) <= most):
            entered.refuse(
                self._input(key), f"{typed[:20]!r} does not fit here. Write a whole number from 1 to {most}."
            )
            return None
        return int(typed) if _WHOLE.fullmatch(typed) else None

    def _input(self, key: str) -> str:
        return input_name(self.path, key)


@dataclass(frozen=True, slots=True)
class Name:
    """An offer's name, by which recipes know it. ``taken``: the names of the others."""

    path: Path
    value: Json
    taken: Sequence[str]

    def groups(self, _typed: Mapping[str, str]) -> Sequence[Group]:
        """One input."""
        hint = "Recipes know it by this: event.data.offer."
        return [Group([Entry(input_name(self.path), "Name", shown(self.value), hint=hint, longest=40)])]

    def changes(self, entered: Entered) -> Iterator[Change]:
        """Another name."""
        name = entered.said(input_name(self.path))
        if name == shown(self.value):
            return
        if not NAME.fullmatch(name):
            message = "Write small letters, digits and underscores, beginning with a letter, such as monthly."
            entered.refuse(input_name(self.path), message)
        elif name in self.taken:
            entered.refuse(input_name(self.path), f"Another offer is called {name}. Give each a name of its own.")
        else:
            yield Change(self.path, name)
