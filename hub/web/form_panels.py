"""The designer's panels: what a form says beside its fields, and what was entered there made of the form's text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hub.engine.form_edits import set_value
from hub.errors import ConfigError
from hub.recipes.document import parse_document
from hub.recipes.findings import FindingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hub.jsontypes import JsonObject

Path: TypeAlias = "tuple[str | int, ...]"


@dataclass(frozen=True, slots=True)
class Entry:
    """One input of a panel: the key at ``path`` of the form, as ``shown``. ``kind``: tick."""

    path: Path
    label: str
    shown: str
    kind: str = "tick"
    hint: str = ""

    @property
    def input(self) -> str:
        """The name of the input on the page."""
        return "panel-" + "-".join(str(part) for part in self.path)


@dataclass(frozen=True, slots=True)
class Panel:
    """Inputs that are applied together."""

    name: str
    title: str
    entries: Sequence[Entry]


def panels_of(text: str) -> tuple[Panel, ...]:
    """The panels of a text; none where it is written so that nothing can be told."""
    try:
        value = parse_document(text).value
    except FindingsError:
        return ()
    return tuple(panel for panel in _panels(value) if panel.entries) if isinstance(value, dict) else ()


def applied(text: str, name: str, entered: Mapping[str, str]) -> str:
    """The text with what was entered in a panel; only keys that differ are touched. Raises ``ConfigError``."""
    panel = next((one for one in panels_of(text) if one.name == name), None)
    if panel is None:
        message = "This part of the form is not there any more."
        raise ConfigError(message, remedy="Look at the text; nothing was changed.")
    for entry in panel.entries:
        said = entered.get(entry.input, "").strip()
        if said != entry.shown:
            *holder, key = entry.path
            text = set_value(text, holder, str(key), True if said else None)
    return text


def _panels(form: JsonObject) -> Iterator[Panel]:
    pay = form.get("pay")
    if isinstance(pay, dict):
        hint = "A coupon makes the first charges cheaper of what the form says the price of."
        tick = "on" if pay.get("coupons") is True else ""
        yield Panel("payment", "Payment", [Entry(("pay", "coupons"), "Takes codes of coupons", tick, hint=hint)])
