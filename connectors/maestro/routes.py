"""The card gateways through which Maestro goes: which they are, what they must be set up for, how they name the brand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from hub.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.connect.api import Call, Connections
    from hub.jsontypes import JsonObject

NO_NEW_CARDS: Final = (
    "No new Maestro cards are issued in Europe since July 2023; those in use work until they expire, the last in about "
    "2028."
)
_SERVICE: Final = "connections"
_FORMS: Final = frozenset({"payment.create", "form.embed"})


@dataclass(frozen=True, slots=True)
class Way:
    """How one gateway takes Maestro. ``options`` of a payment or form name the brand, where the gateway can be told.

    ``asks_bank`` says from the connection's settings whether each payer's bank is asked (3-D Secure).
    """

    asks_bank: Callable[[JsonObject], bool]
    remedy: str = ""
    options: Mapping[str, JsonObject] | None = None
    is_named: bool = True


WAYS: Final[Mapping[str, Way]] = {
    # Maestro payments on the internet for which 3-D Secure was not attempted are blocked by the gateway itself.
    "mastercard": Way(
        lambda settings: (settings.get("three_d_secure") or "mandatory") == "mandatory",
        "Set its 3-D Secure to mandatory.",
    ),
    "visa": Way(
        lambda settings: settings.get("payer_authentication", True) is True,
        "Switch on Ask the payer's bank (3-D Secure) there.",
        {form: {"card_networks": ["MAESTRO"]} for form in _FORMS},
    ),
    # Stripe asks the bank by itself wherever a rule or the bank wants it.
    "stripe": Way(lambda _settings: True),
    # The card types that Authorize.Net documents do not name Maestro.
    "authorize_net": Way(lambda _settings: True, is_named=False),
}


@dataclass(frozen=True, slots=True)
class Route:
    """The connection that payments go through."""

    connection: str
    connector: str
    way: Way
    connections: Connections

    def run(self, action: str, given: JsonObject) -> JsonObject:
        """Do the action there, with the brand named where that gateway can be told. Raises like an action."""
        options = (self.way.options or {}).get(action)
        if options is not None:
            given = {**given, "options": {**cast("JsonObject", given.get("options") or {}), **options}}
        return self.connections.run(self.connection, action, given, "route")


def route_of(call: Call) -> Route:
    """The connection's route, judged. Raises ``ConfigError`` that says what is wrong with it and how to mend it."""
    connections = cast("Connections", call.service(_SERVICE))
    name = str(call.connection.settings["route"])
    connector = connections.connector(name)
    way = WAYS.get(connector)
    if way is None:
        message = f"Maestro cannot go through {name!r}, which is a connection of {connector!r}."
        raise ConfigError(message, remedy=f"Name a connection of {', '.join(WAYS)}.")
    if not way.is_named and call.connection.settings.get("unnamed_route") is not True:
        message = f"Authorize.Net does not name Maestro among the cards that it takes, so {name!r} may refuse them all."
        remedy = (
            "Name another route. When your acquirer confirmed it, switch on Through a gateway that does not name it."
        )
        raise ConfigError(message, remedy=remedy)
    if not way.asks_bank(connections.settings(name)):
        message = f"The connection {name!r} does not ask every payer's bank, and Maestro on the internet needs it."
        raise ConfigError(message, remedy=way.remedy)
    return Route(name, connector, way, connections)
