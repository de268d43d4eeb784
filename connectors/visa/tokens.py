"""Cards within a customer token of the Token Management Service (TMS).

Sources: the SDK 0.0.80, ``CustomerPaymentInstrumentApi`` (``/tms/v2/customers/{id}/payment-instruments``) and its models: a
customer has payment instruments, of which one is the default that charges by the customer's token take; an instrument holds
expiry, kind and billing address, and names by ``instrumentIdentifier`` the card's number, which nobody sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.visa.api import object_of, objects_of, segment
from hub.connect.answers import failure

if TYPE_CHECKING:
    from connectors.visa.api import Visa
    from hub.jsontypes import Json, JsonObject

_CARD = ("expirationMonth", "expirationYear", "type")


def replace_card(visa: Visa, customer: str, other: str) -> None:
    """Make the card of the ``other`` customer token the default of ``customer``.

    Idempotent: a card that ``customer`` has already is not added again. Raises ``method_unavailable`` when the other token
    has no card.
    """
    if other == customer:
        return
    card = next((one for one in _instruments(visa, other) if one.get("default") is not False), None)
    if card is None or not _number_of(card):
        raise failure("method_unavailable", "Visa's vault has no card under the new token.")
    known = next((one for one in _instruments(visa, customer) if _same(one, card)), None)
    path = _path(customer)
    # A lost answer may be sent again: at worst the same card stands twice in the token.
    if known is None:
        body: dict[str, Json] = {
            "default": True,
            "card": {name: object_of(card.get("card")).get(name) for name in _CARD},
            "billTo": card.get("billTo"),
            "instrumentIdentifier": {"id": _number_of(card)},
        }
        visa.write("POST", path, body, repeatable=True)
    elif known.get("default") is not True:
        visa.write("PATCH", f"{path}/{segment(known['id'])}", {"default": True}, repeatable=True)


def _instruments(visa: Visa, customer: str) -> list[JsonObject]:
    listed = visa.get(_path(customer), {"limit": "100"})
    return objects_of(object_of(listed.get("_embedded")).get("paymentInstruments"))


def _path(customer: str) -> str:
    return f"/tms/v2/customers/{segment(customer)}/payment-instruments"


def _number_of(instrument: JsonObject) -> Json:
    return object_of(instrument.get("instrumentIdentifier")).get("id")


def _same(one: JsonObject, other: JsonObject) -> bool:
    """Whether both are the same card with the same expiry."""
    here, there = object_of(one.get("card")), object_of(other.get("card"))
    return _number_of(one) == _number_of(other) and all(here.get(name) == there.get(name) for name in _CARD[:2])
