"""What a gateway's answer says of a payment, as the event that its own report would be. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import Json, JsonObject

_TOLD: Final = frozenset({"pending", "authorized", "succeeded", "failed", "expired", "voided", "returned"})
_WORDS: Final = {"partially_refunded": "succeeded", "refunded": "succeeded"}
_REFERENCES: Final = ("order", "invoice", "link", "job", "subscription")
_ASKED: Final = (*_REFERENCES, "metadata", "customer")
_SAID: Final = (
    "amount",
    "captured",
    "fee",
    "settled",
    "method",
    "customer",
    "metadata",
    "reason",
    "next",
    "lapses_at",
    "expires_at",
    "gateway",
)


class Report(NamedTuple):
    """An event of a payment. ``source_id`` is the one that the gateway's own report of it has."""

    type: str
    source_id: str
    data: JsonObject


def report(output: JsonObject, given: JsonObject, known: Mapping[str, Json]) -> Report | None:
    """What an answer tells; None when it tells nothing that is an event.

    ``given`` is what the payment was begun with, ``known`` the newest that was told of it before.
    """
    reference, status = str(output["payment"]), str(output["status"])
    event = _WORDS.get(status, status)
    amount = output.get("amount") or known.get("amount") or given.get("amount")
    if event not in _TOLD or amount is None:
        return None
    asked, before, said = _some(given, _ASKED), _some(known, _REFERENCES), _some(output, _SAID)
    data: JsonObject = {**asked, **before, **said, "payment": reference, "amount": amount}
    return Report(f"payment.{event}", f"payment.{event}:{reference}", data)


def _some(values: Mapping[str, Json], names: tuple[str, ...]) -> dict[str, Json]:
    return {name: values[name] for name in names if values.get(name) is not None}
