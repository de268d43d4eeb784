"""Payment links as they are read: found, and as events and actions carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hub.journal.book import found
from hub.journal.tables_links import payment_links
from hub.money import Money

if TYPE_CHECKING:
    from hub.jsontypes import Json, JsonObject
    from hub.office import Office

PAGE = "r"
"""The kind of the signed address at which a link is opened."""


def find_link(connection: sa.Connection, identity: str) -> sa.Row[Any]:
    """A payment link by its id. Raises ``NotFoundError``."""
    row = connection.execute(sa.select(payment_links).where(payment_links.c.id == identity)).first()
    return found(payment_links, identity, row)


def asked_of(link: sa.Row[Any]) -> Money:
    """What is asked for, of each who pays."""
    return Money(link.minor, link.currency)


def link_event(link: sa.Row[Any], url: str | None = None, /, **more: Json) -> JsonObject:
    """The data of a ``link.*`` event."""
    return {
        "link": link.id,
        "amount": asked_of(link).to_json(),
        "purpose": link.purpose,
        "recipient": link.recipient or None,
        "customer": link.recipient or None,
        "order": link.order,
        "metadata": link.metadata,
        "language": link.language,
        "expires_at": link.due_at.isoformat() if link.due_at else None,
        "url": url,
        **more,
    }


def link_output(office: Office, link: sa.Row[Any]) -> JsonObject:
    """A link as the actions give it."""
    moments = {name: getattr(link, name) for name in ("sent_at", "reminded_at", "opened_at", "paid_at")}
    output: JsonObject = {
        **{name: value for name, value in link_event(link).items() if name != "customer"},
        "state": link.state,
        "url": office.address(PAGE, link.id),
        "reusable": link.reusable,
        "payments": link.payments,
        "mail": link.mail,
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
    }
    return {name: value for name, value in output.items() if value is not None}
