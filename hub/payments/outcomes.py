"""Events that a gateway's own reports leave out: what an action's answer says is told by the hub in the gateway's place.

Recipes wait for ``subscription.started`` or ``payout.paid`` whichever gateway they run on. Where a connector's event map
tells these itself, by webhook or by polling, nothing is added here: a fact has one source. Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from hub.payments.desk import references

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hub.connect.manifest import Manifest
    from hub.jsontypes import Json, JsonObject


class Tale(NamedTuple):
    """An event to tell. ``part`` makes its source id; empty: it can happen to the thing only once."""

    type: str
    thing: str
    part: str
    data: JsonObject


Follow: TypeAlias = "Callable[[JsonObject, JsonObject, str], Tale | None]"
"""From an action's input, its output and its key."""

_AS_IT_CAME: Final = re.compile(r"\$\{\s*type\s*\}")
_LITERAL: Final = re.compile(r"'([a-z_]+\.[a-z_]+)'")
_PAYOUTS: Final = {"paid": "payout.paid", "failed": "payout.failed", "returned": "payout.failed"}
_CANCELLED: Final = {"cancelled": "subscription.cancelled", "cancelling": "subscription.updated"}
_RUNNING: Final = frozenset({"active", "trialing"})


def tells(manifest: Manifest, event_type: str) -> bool:
    """Whether the connector's own event map tells events of this type."""
    for rule in manifest.events:
        if rule.type == event_type:
            return True
        if "${" in rule.type:
            named = rule.raw if _AS_IT_CAME.fullmatch(rule.type) else _LITERAL.findall(rule.type)
            if event_type in named or not named:  # a type that is computed from the raw event may be any
                return True
    return False


def follow(action: str, given: JsonObject, output: JsonObject, key: str) -> Sequence[Tale]:
    """What a shared action's answer tells; nothing when it tells nothing that is an event."""
    tales = (rule(given, output, key) for rule in _FOLLOWING.get(action, ()))
    return [tale for tale in tales if tale is not None]


def payout_tale(given: JsonObject, output: JsonObject, key: str = "") -> Tale | None:
    """How a payout ended; None while it is on its way."""
    del key
    kind = _PAYOUTS.get(str(output["status"]))
    amount = output.get("amount") or given.get("amount")
    if kind is None or amount is None:
        return None
    provider = given.get("provider") or output.get("provider") or "unknown"
    data = {**references(given), **_said(output, "payout", "fee", "reason", "gateway")}
    return Tale(kind, str(output["payout"]), "", {**data, "provider": provider, "amount": amount})


def _plan(kind: str, *, once: bool) -> Follow:
    def tale(given: JsonObject, output: JsonObject, key: str) -> Tale:
        data = {**_said(given, "name", "metadata"), **_said(output, "plan", "price", "interval", "gateway")}
        return Tale(kind, str(output["plan"]), "" if once else key, data)

    return tale


def _repriced(given: JsonObject, output: JsonObject, key: str) -> Tale | None:
    if "price" not in given or given.get("existing") != "move":
        return None
    told = {**_said(given, "name", "metadata"), **_said(output, "plan", "price", "interval", "replaced")}
    return Tale("plan.repriced", str(output["plan"]), key, told)


def _subscription(kind: str) -> Follow:
    return lambda given, output, key: Tale(kind, str(output["subscription"]), key, _membership(given, output))


def _started(given: JsonObject, output: JsonObject, key: str) -> Tale | None:
    del key
    if output["status"] not in _RUNNING:
        return None
    return Tale("subscription.started", str(output["subscription"]), "", _membership(given, output))


def _cancelled(given: JsonObject, output: JsonObject, key: str) -> Tale | None:
    kind = _CANCELLED.get(str(output["status"]))
    part = "" if kind == "subscription.cancelled" else key
    return Tale(kind, str(output["subscription"]), part, _membership(given, output)) if kind else None


def _membership(given: JsonObject, output: JsonObject) -> JsonObject:
    told = {**references(given), **_said(given, "quantity", "reason")}
    told |= _said(output, "subscription", "period", "cancel_at", "gateway")
    return {**told, "plan": output.get("plan") or given.get("plan") or "unknown"}


def _transfer(kind: str) -> Follow:
    def tale(given: JsonObject, output: JsonObject, key: str) -> Tale | None:
        amount, provider = output.get("amount") or given.get("amount"), output.get("provider") or given.get("provider")
        if amount is None or output["status"] not in {"sent", "reversed"}:
            return None
        known = {**references(given), **_said(given, "payment", "reason"), **_said(output, "transfer", "gateway")}
        once = kind == "transfer.sent"
        data = {**known, "amount": amount, "provider": provider or "unknown"}
        return Tale(kind, str(output["transfer"]), "" if once else key, data)

    return tale


def _link(kind: str) -> Follow:
    def tale(given: JsonObject, output: JsonObject, key: str) -> Tale:
        del key
        told = {**references(given), **_said(output, "link", "url", "amount", "expires_at", "gateway")}
        asked = {"purpose": given.get("description"), "recipient": given.get("customer"), "amount": given.get("amount")}
        return Tale(kind, str(output["link"]), "", {**_said(asked, *asked), **told})

    return tale


def _said(values: JsonObject, *names: str) -> dict[str, Json]:
    return {name: values[name] for name in names if values.get(name) is not None}


_FOLLOWING: Final[Mapping[str, Sequence[Follow]]] = {
    "plan.create": (_plan("plan.created", once=True),),
    "plan.update": (_plan("plan.updated", once=False), _repriced),
    "plan.cancel": (_plan("plan.cancelled", once=True),),
    "subscription.create": (_started,),
    "subscription.update": (_subscription("subscription.updated"),),
    "subscription.pause": (_subscription("subscription.paused"),),
    "subscription.resume": (_subscription("subscription.resumed"),),
    "subscription.cancel": (_cancelled,),
    "transfer.create": (_transfer("transfer.sent"),),
    "transfer.reverse": (_transfer("transfer.reversed"),),
    "payout.create": (payout_tale,),
    "payout.get": (payout_tale,),
    "link.create": (_link("link.created"),),
    "link.cancel": (_link("link.cancelled"),),
}
