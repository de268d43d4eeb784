"""Maestro: what ``connector.yaml`` cannot say. All is done by the connection of the card gateway that it goes through.

That connection's webhooks tell what becomes of a payment, so the payment and its events belong to it. They carry
``metadata.brand: maestro``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from connectors.maestro.recognition import recognise
from connectors.maestro.routes import NO_NEW_CARDS, route_of
from hub.connect.answers import failure
from hub.connect.api import ActionCode, ConnectorCode
from hub.errors import PermanentError, UncertainError

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

BEGINNING: Final = frozenset({"payment.create", "link.create", "form.embed"})
"""Actions that begin a payment: these are held to the brand's limits and tagged with it."""

FOLLOWING: Final = (
    "payment.get",
    "payment.capture",
    "payment.void",
    "payment.refund",
    "link.cancel",
    "transfer.create",
    "transfer.reverse",
)


def _begin(action: str) -> ActionCode:
    def run(call: Call) -> Json:
        _check_limits(call)
        metadata = {**cast("JsonObject", call.input.get("metadata") or {}), "brand": "maestro"}
        return _routed(call, action, {**call.input, "metadata": metadata})

    return ActionCode(run)


def _follow(action: str) -> ActionCode:
    return ActionCode(lambda call: _routed(call, action, call.input))


def _routed(call: Call, action: str, given: JsonObject) -> JsonObject:
    """Do it at the route. What nobody knows of there is not tried again from here: a person looks first."""
    route = route_of(call)
    try:
        output = route.run(action, given)
    except UncertainError as error:
        message = f"At {route.connection}: {error.message}"
        raise PermanentError(message, code="uncertain", remedy=error.remedy, gateway_code=error.gateway_code) from error
    gateway = cast("JsonObject", output.get("gateway") or {})
    return {**output, "gateway": {**gateway, "brand": "maestro", "via": route.connection}}


def _check_limits(call: Call) -> None:
    given = call.input
    if given.get("method") or given.get("save_method"):
        message = "Maestro lets nobody be charged without being there, as a rule of the brand."
        raise failure("method_unavailable", f"{message} Where your acquirer agreed, use the route's connection itself.")
    if given.get("capture") == "manual" and call.connection.settings.get("holds") is not True:
        message = "Maestro is often taken by a single message, so it depends on the acquirer whether it can be held."
        raise failure("not_enabled", f"{message} When yours agreed, switch on Hold payments in the connection.")


def _recognise(call: Call) -> Json:
    """Say whether a card's first digits are Maestro's. Pure."""
    found = recognise(str(call.input["digits"]))
    return {"maestro": found.maestro, "brand": found.brand}


def test(call: Call) -> str:
    """Judge the route; it is asked for nothing, as it has a test of its own."""
    route = route_of(call)
    return f"Maestro goes through {route.connection} ({route.connector}). {NO_NEW_CARDS}"


connector = ConnectorCode(
    actions={
        **{action: _begin(action) for action in sorted(BEGINNING)},
        **{action: _follow(action) for action in FOLLOWING},
        "card.recognise": ActionCode(_recognise),
    },
    test=test,
)
