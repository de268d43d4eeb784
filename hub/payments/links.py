"""Payment links and embedded forms by the hub: a page of the hub that mints a checkout at the gateway at the click."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from hub.errors import PermanentError
from hub.journal.tables import checkouts, links
from hub.payments.desk import metadata_with, own_words, references

if TYPE_CHECKING:
    from typing import Any

    import sqlalchemy as sa

    from hub.jsontypes import JsonObject
    from hub.payments.desk import Desk

MOST_ATTEMPTS = 50
"""So many checkouts one link mints: a link that somebody clicks by machine does not flood the gateway."""


def create_link(desk: Desk, given: JsonObject) -> JsonObject:
    """``link.create``: an address that can be sent to somebody, who pays there."""
    identity = desk.identity("lnk")
    expires = _moment(given.get("expires_at"))
    if expires is not None and expires <= desk.now:
        message = "The link would expire before it is made."
        raise PermanentError(message, code="bad_input", remedy="Give a later expires_at, or leave it out.")
    row = {"id": identity, "connection": desk.connection, "state": "active", "input": given, "due_at": expires}
    made = desk.store.add(links, row, desk.now)
    output = link_output(desk, made)
    desk.happened("link.created", f"link.created:{identity}", link_event(made, output["url"]))
    return output


def cancel_link(desk: Desk, given: JsonObject) -> JsonObject:
    """``link.cancel``: nobody can pay on it any more; a payment under way may still end."""
    row = desk.store.get(links, str(given["link"]), desk.connection)
    if row.state == "paid":
        message = f"The link {row.id} is paid already."
        raise PermanentError(message, code="wrong_state", remedy="Refund the payment if it should not stand.")
    if row.state == "active":
        row = desk.store.change(links, row, desk.now, state="cancelled", due_at=None)
    if row.state == "cancelled":
        desk.happened("link.cancelled", f"link.cancelled:{row.id}", link_event(row))
    return {"link": row.id, "status": row.state, "gateway": own_words(desk, row.id, row.state)}


def link_output(desk: Desk, row: sa.Row[Any]) -> JsonObject:
    """A link as ``link.create`` gives it."""
    expires = row.input.get("expires_at")
    return {
        "link": row.id,
        "url": desk.addresses.link(row.id),
        "status": row.state,
        "amount": row.input["amount"],
        "gateway": own_words(desk, row.id, row.state),
        **({"expires_at": expires} if expires else {}),
    }


def link_event(row: sa.Row[Any], url: object = None, **more: object) -> JsonObject:
    """The data of a ``link.*`` event."""
    given = row.input
    data = {
        **references(given),
        "link": row.id,
        "amount": given["amount"],
        "purpose": given.get("description"),
        "recipient": given.get("customer"),
        "expires_at": given.get("expires_at"),
        "url": url,
        **more,
    }
    return cast("JsonObject", {name: value for name, value in data.items() if value is not None})


def link_payment(desk: Desk, row: sa.Row[Any], checkout: str) -> JsonObject:
    """What ``payment.create`` is given for one click on a link."""
    given = row.input
    return {
        **references({**given, "link": row.id}),
        "amount": given["amount"],
        "metadata": metadata_with(given, hub_link=row.id),
        "return_url": f"{desk.addresses.pay(checkout)}/return",
        "cancel_url": desk.addresses.link(row.id),
        **({"description": given["description"]} if given.get("description") else {}),
    }


def embed_form(desk: Desk, given: JsonObject) -> JsonObject:
    """``form.embed`` where the gateway has no form of its own: a frame with the hub's page, which leads to the gateway's."""
    identity = desk.identity("chk")
    row = {"id": identity, "connection": desk.connection, "state": "open", "purpose": "form", "input": given}
    desk.store.add(checkouts, row, desk.now)
    address = desk.addresses.pay(identity)
    return {
        "client": {"kind": "hub.page", "url": address},
        "page_url": address,
        "origins": ["/".join(address.split("/")[:3])],
        "gateway": own_words(desk, identity, "open"),
    }


def _moment(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None
