"""Who does what to whom, in which order: the picture of an integration. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.engine.guide.questions import Answers

PARTIES: Final = ("Payer", "Hub", "Gateway", "Others")
"""From left to right. Others: vendors, providers, the CRM, the team."""


class Move(NamedTuple):
    """One arrow of the picture."""

    by: str
    to: str
    what: str


_RECEIVED: Final[Mapping[str, tuple[Move, ...]]] = {
    "form": (Move("Payer", "Hub", "fills in your form"),),
    "embedded": (Move("Payer", "Hub", "fills in the form in your site"),),
    "link": (Move("Hub", "Payer", "sends a payment link"), Move("Payer", "Hub", "opens it")),
    "order": (Move("Payer", "Hub", "orders and chooses how to pay"),),
    "invoice": (Move("Hub", "Payer", "sends an invoice"), Move("Payer", "Hub", "opens it to pay")),
    "portal": (Move("Payer", "Gateway", "pays in your portal"),),
}
_AFTER: Final[Mapping[str, Move]] = {
    "access": Move("Hub", "Payer", "gives access"),
    "provider": Move("Hub", "Others", "asks a provider to take the job"),
    "mail": Move("Hub", "Payer", "thanks by mail"),
    "crm": Move("Hub", "Others", "tells the CRM"),
    "team": Move("Hub", "Others", "tells your team"),
}


def moves_of(answers: Answers) -> list[Move]:
    """The arrows, in the order of time."""
    found = list(_RECEIVED[answers.received])
    if answers.received != "portal":
        found += [Move("Hub", "Gateway", "begins the payment"), Move("Payer", "Gateway", "pays on its page")]
    held = answers.period == "held"
    found.append(Move("Gateway", "Hub", "tells of the payment"))
    if held:
        found.append(Move("Hub", "Gateway", "holds the money"))
    found += [move for name, move in _AFTER.items() if name in answers.after]
    if held:
        found += [Move("Payer", "Hub", "confirms the work"), Move("Hub", "Gateway", "releases the money")]
    if answers.split != "none":
        found.append(Move("Hub", "Others", "pays out the shares"))
    if answers.period == "recurring":
        found.append(Move("Gateway", "Hub", "tells of the next month"))
    return found
