"""What a gateway's news leaves out and the hub was told before: a subscription's metadata, what a refund belongs to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from hub.journal.tables import payments
from hub.journal.tables_billing import told_subscriptions, value
from hub.payments.payment import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from hub.journal.entries import Happening
    from hub.jsontypes import JsonObject

    Place = tuple[str, str]

_FIELDS: Final = ("order", "invoice", "link", "subscription", "job", "customer", "metadata")
_OF_SUBSCRIPTIONS: Final = ("subscription.", "payment.")
_OF_PAYMENTS: Final = ("refund.", "dispute.", "payment.returned")
_BY_HAND: Final = "hub"


def belongings(facts: Facts) -> JsonObject:
    """What a payment belongs to: whose it is and what it is for, as far as its events told."""
    return {name: value for name in _FIELDS if (value := facts.value(name)) is not None}


def is_whole(happening: Happening) -> bool:
    """Whether nothing has to be looked up before this is recorded."""
    return _subscription_of(happening) is None and _payment_of(happening) is None


def made_whole(connection: sa.Connection, happenings: Sequence[Happening]) -> Sequence[Happening]:
    """The same with what the gateways left out, where it was told before or is told beside; what they say stays.

    News of a subscription, and of the payments that renew it, get its metadata: many gateways repeat it in some only.
    Refunds, disputes and debits that came back get what their payment belongs to: most gateways do not repeat it.
    """
    subscriptions = [_subscription_of(one) for one in happenings]
    payments_of = [_payment_of(one) for one in happenings]
    metadata = dict(_metadata(connection, {place for place in subscriptions if place is not None}))
    metadata.update(_metadata_beside(happenings))
    belonging = dict(_belonging(connection, {place for place in payments_of if place is not None}))
    for place, beside in _belonging_beside(happenings):
        belonging[place] = {**belonging.get(place, {}), **beside}
    whole = []
    for one, subscription, payment in zip(happenings, subscriptions, payments_of, strict=True):
        if subscription in metadata:
            data = {
                **one.data,
                **(_missing(one, belonging[payment]) if payment in belonging else {}),
                "metadata": metadata[subscription],
            }
            whole.append(replace(one, data=data, recalled=True))
        elif payment in belonging:
            whole.append(replace(one, data={**one.data, **_missing(one, belonging[payment])}))
        else:
            whole.append(one)
    return whole


def _missing(happening: Happening, belonging: JsonObject) -> JsonObject:
    return {name: value for name, value in belonging.items() if not happening.data.get(name)}


def _subscription_of(happening: Happening) -> Place | None:
    """The subscription whose metadata this lacks; None where nothing is missing."""
    place = _told_of(happening, "subscription", _OF_SUBSCRIPTIONS)
    return None if happening.data.get("metadata") else place


def _payment_of(happening: Happening) -> Place | None:
    """The payment of which this refund, dispute or return does not say all it belongs to; None where nothing is missing."""
    place = _told_of(happening, "payment", _OF_PAYMENTS)
    return None if happening.data.get("customer") and happening.data.get("metadata") else place


def _told_of(happening: Happening, what: str, families: tuple[str, ...]) -> Place | None:
    """What a gateway's event of these families tells of, as (connection, its id)."""
    identity = happening.data.get(what)
    if happening.source == _BY_HAND or not happening.type.startswith(families) or not isinstance(identity, str):
        return None
    return happening.source, identity[:255]


def _stored(
    connection: sa.Connection, identity: sa.Column[Any], kept: sa.Column[Any], places: AbstractSet[Place]
) -> Mapping[Place, JsonObject]:
    """The document ``kept`` of the rows with these connections and ids; what is not there is left out."""
    if not places:
        return {}
    of = identity.table.c.connection
    rows = connection.execute(sa.select(of, identity, kept).where(sa.tuple_(of, identity).in_(sorted(places))))
    return {(row[0], row[1]): row[2] for row in rows}


def _metadata(connection: sa.Connection, places: AbstractSet[Place]) -> Mapping[Place, JsonObject]:
    """The metadata that was told last of these subscriptions; those of which none was told are left out."""
    told = _stored(connection, told_subscriptions.c.subscription, told_subscriptions.c.data, places)
    found = {place: value(data, "metadata") for place, data in told.items()}
    return {place: one for place, one in found.items() if isinstance(one, dict) and one}


def _metadata_beside(happenings: Sequence[Happening]) -> Mapping[Place, JsonObject]:
    """The metadata that other news of the same call brings."""
    found = {}
    for one in happenings:
        subscription, metadata = one.data.get("subscription"), one.data.get("metadata")
        if isinstance(subscription, str) and isinstance(metadata, dict) and metadata:
            found[one.source, subscription[:255]] = metadata
    return found


def _belonging(connection: sa.Connection, places: AbstractSet[Place]) -> Mapping[Place, JsonObject]:
    """What these payments belong to; those of which nothing was told are left out."""
    stored = _stored(connection, payments.c.payment, payments.c.facts, places)
    return {place: belongings(Facts.from_json(facts)) for place, facts in stored.items()}


def _belonging_beside(happenings: Sequence[Happening]) -> Iterator[tuple[Place, JsonObject]]:
    """What payments of the same call belong to."""
    for one in happenings:
        payment = one.data.get("payment")
        if one.type.startswith("payment.") and isinstance(payment, str):
            yield (one.source, payment[:255]), {name: told for name in _FIELDS if (told := one.data.get(name))}
