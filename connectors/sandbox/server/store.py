"""Reads and writes records, events and postings inside one transaction."""

from __future__ import annotations

import fnmatch
import json
import typing
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

import orjson
from sqlalchemy import func, insert, select, update

from connectors.sandbox.server import database as tables
from connectors.sandbox.server.database import from_milliseconds, milliseconds
from connectors.sandbox.server.records import Endpoint, Record
from connectors.sandbox.server.refusals import not_found
from hub.ids import first_id, new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

    from hub.jsontypes import Json, JsonObject

AnyRecord = TypeVar("AnyRecord", bound=Record)

DEFAULT_ENDPOINT: Final = "default"
"""The endpoint that the hub gave the sandbox at its start; used while none is registered."""


@dataclass(frozen=True, slots=True)
class Site:
    """What the sandbox knows of itself: addresses without a slash at the end, keys, where its webhooks go."""

    base_url: str
    webhook_url: str
    api_key: str = field(repr=False)
    crm_token: str = field(repr=False)
    webhook_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as webhooks and the list of events tell it."""

    id: str
    type: str
    subject: str
    time: datetime
    body: JsonObject


class Store:
    """The sandbox's things within one transaction. ``site`` says under which address they are shown."""

    def __init__(self, connection: Connection, site: Site) -> None:
        self.connection = connection
        self.site = site
        self.announced = False

    # Records

    def add(self, record: AnyRecord) -> AnyRecord:
        """Keep a new record. Raises ``sqlalchemy.exc.IntegrityError`` when its id or key is taken."""
        self.connection.execute(insert(tables.records).values(kind=record.kind, id=record.id, **_columns(record)))
        return record

    def save(self, record: AnyRecord) -> AnyRecord:
        """Keep the changed record."""
        self.connection.execute(
            update(tables.records)
            .where(tables.records.c.kind == record.kind, tables.records.c.id == record.id)
            .values(**_columns(record))
        )
        return record

    def remove(self, record: Record) -> None:
        """Forget the record."""
        table = tables.records
        self.connection.execute(table.delete().where(table.c.kind == record.kind, table.c.id == record.id))

    def find(self, kind: type[AnyRecord], identifier: str) -> AnyRecord | None:
        """The record of that id, or None."""
        return self._one(kind, tables.records.c.id == identifier)

    def get(self, kind: type[AnyRecord], identifier: str) -> AnyRecord:
        """The record of that id. Raises ``Refusal`` 404."""
        record = self.find(kind, identifier)
        if record is None:
            raise not_found(kind.kind.replace("_", " "), identifier)
        return record

    def by_key(self, kind: type[AnyRecord], key: str) -> AnyRecord | None:
        """The record whose ``key`` it is, or None."""
        return self._one(kind, tables.records.c.key == key)

    def children(self, kind: type[AnyRecord], parent: str) -> list[AnyRecord]:
        """All records of a kind that belong to ``parent``, oldest first."""
        table = tables.records
        rows = self.connection.execute(
            select(table.c.body).where(table.c.kind == kind.kind, table.c.parent == parent).order_by(table.c.seq)
        )
        return [_record(kind, row.body) for row in rows]

    def page(
        self,
        kind: type[AnyRecord],
        limit: int,
        after: str | None = None,
        parent: str | None = None,
        between: tuple[datetime | None, datetime | None] = (None, None),
    ) -> tuple[list[AnyRecord], str | None]:
        """At most ``limit`` records, newest first, that stand after the id ``after``; and the id to go on from.

        ``between``: made at or after the first moment and before the second, where they are given.
        """
        table = tables.records
        query = select(table.c.id, table.c.body).where(table.c.kind == kind.kind)
        if parent is not None:
            query = query.where(table.c.parent == parent)
        since, until = between
        if since is not None:
            query = query.where(table.c.id >= first_id(kind.prefix, since))
        if until is not None:
            query = query.where(table.c.id < first_id(kind.prefix, until))
        if after is not None:
            place = select(table.c.seq).where(table.c.kind == kind.kind, table.c.id == after)
            seq = self.connection.execute(place).scalar()
            if seq is None:
                raise not_found(kind.kind, after)
            query = query.where(table.c.seq < seq)
        rows = self.connection.execute(query.order_by(table.c.seq.desc()).limit(limit + 1)).all()
        more = rows[limit - 1].id if len(rows) > limit else None
        return [_record(kind, row.body) for row in rows[:limit]], more

    def count(self, kind: type[Record]) -> int:
        """How many there are of a kind."""
        table = tables.records
        query = select(func.count()).select_from(table).where(table.c.kind == kind.kind)
        return int(self.connection.execute(query).scalar_one())

    def next_due(self) -> tuple[datetime, str, str] | None:
        """When, kind and id of the record that is due first, whenever that is."""
        table = tables.records
        query = select(table.c.due_ms, table.c.kind, table.c.id).where(table.c.due_ms.is_not(None))
        row = self.connection.execute(query.order_by(table.c.due_ms, table.c.seq).limit(1)).first()
        return (from_milliseconds(row.due_ms), row.kind, row.id) if row else None

    def _one(self, kind: type[AnyRecord], condition: typing.Any) -> AnyRecord | None:  # noqa: ANN401 (a column test)
        query = select(tables.records.c.body).where(tables.records.c.kind == kind.kind, condition)
        body = self.connection.execute(query).scalar()
        return _record(kind, body) if body is not None else None

    # Single values

    def setting(self, name: str) -> Json:
        """A single value, None when it was never set."""
        table = tables.settings
        body = self.connection.execute(select(table.c.body).where(table.c.name == name)).scalar()
        return None if body is None else typing.cast("Json", orjson.loads(body))

    def set(self, name: str, value: Json) -> None:
        """Keep a single value."""
        body = orjson.dumps(value).decode()
        table = tables.settings
        changed = self.connection.execute(update(table).where(table.c.name == name).values(body=body))
        if not changed.rowcount:
            self.connection.execute(insert(table).values(name=name, body=body))

    # Money

    def post(self, posting: str, currency: str, lines: Mapping[str, int], now: datetime) -> None:
        """Move money between accounts: what one gets another gives, in minor units.

        Raises ``ValueError`` when the lines do not sum to zero.
        """
        if sum(lines.values()) != 0:
            message = f"posting {posting}: {dict(lines)} does not sum to zero"
            raise ValueError(message)
        rows = [
            {"posting": posting, "account": account, "currency": currency, "minor": minor, "at_ms": milliseconds(now)}
            for account, minor in lines.items()
            if minor
        ]
        if rows:
            self.connection.execute(insert(tables.entries), rows)

    def balance(self, account: str, currency: str) -> int:
        """What an account holds, in minor units."""
        table = tables.entries
        query = select(func.coalesce(func.sum(table.c.minor), 0))
        query = query.where(table.c.account == account, table.c.currency == currency)
        return int(self.connection.execute(query).scalar_one())

    def balances(self) -> dict[str, dict[str, int]]:
        """All accounts by currency."""
        table = tables.entries
        query = select(table.c.account, table.c.currency, func.sum(table.c.minor).label("minor"))
        found: dict[str, dict[str, int]] = {}
        for row in self.connection.execute(query.group_by(table.c.account, table.c.currency)):
            found.setdefault(row.account, {})[row.currency] = int(row.minor)
        return found

    # Events

    def announce(self, kind: str, subject: str, data: JsonObject, now: datetime) -> Event:
        """Record that something happened and queue its webhook for every endpoint that wants it.

        Webhooks of one ``subject`` reach an endpoint in order.
        """
        identifier = new_id("evt", now)
        body: JsonObject = {"id": identifier, "object": "event", "type": kind, "created": stamp(now), "data": data}
        self.connection.execute(
            insert(tables.events).values(
                id=identifier,
                type=kind,
                subject=subject,
                at_ms=milliseconds(now),
                body=orjson.dumps(body).decode(),
            )
        )
        for endpoint in self._endpoints(kind):
            self.queue(identifier, endpoint, subject)
        return Event(identifier, kind, subject, now, body)

    def queue(self, event: str, endpoint: str, subject: str) -> str:
        """Put one delivery in the queue, due at once; gives its id."""
        identifier = new_id("dlv", datetime.now(UTC))
        self.connection.execute(
            insert(tables.deliveries).values(
                id=identifier,
                event=event,
                endpoint=endpoint,
                lane=f"{endpoint}:{subject}",
                state="pending",
                attempts=0,
                first_ms=0,
                next_ms=0,
                lease_ms=0,
            )
        )
        self.announced = True
        return identifier

    def events(self, limit: int, after: str | None = None) -> list[Event]:
        """Events oldest first, those after the id ``after``."""
        table = tables.events
        query = select(table)
        if after is not None:
            seq = self.connection.execute(select(table.c.seq).where(table.c.id == after)).scalar()
            if seq is None:
                raise not_found("event", after)
            query = query.where(table.c.seq > seq)
        return [_event(row) for row in self.connection.execute(query.order_by(table.c.seq).limit(limit))]

    def events_of(self, subjects: tuple[str, ...]) -> list[Event]:
        """All events of these subjects, oldest first."""
        table = tables.events
        query = select(table).where(table.c.subject.in_(subjects)).order_by(table.c.seq)
        return [_event(row) for row in self.connection.execute(query)]

    def event(self, identifier: str) -> Event:
        """One event. Raises ``Refusal`` 404."""
        row = self.connection.execute(select(tables.events).where(tables.events.c.id == identifier)).first()
        if row is None:
            raise not_found("event", identifier)
        return _event(row)

    def _endpoints(self, kind: str) -> list[str]:
        registered = self.children(Endpoint, "")
        if not registered:
            return [DEFAULT_ENDPOINT] if self.site.webhook_url else []
        wanted = [one for one in registered if one.enabled]
        return [one.id for one in wanted if any(fnmatch.fnmatchcase(kind, pattern) for pattern in one.events)]


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: ``2026-11-23T09:00:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _event(row: Row[typing.Any]) -> Event:
    return Event(row.id, row.type, row.subject, from_milliseconds(row.at_ms), orjson.loads(row.body))


def _columns(record: Record) -> dict[str, object]:
    due = record.due_at
    return {
        "parent": record.parent,
        "key": record.key,
        "due_ms": milliseconds(due) if due else None,
        "body": json.dumps(asdict(record), default=_plain, ensure_ascii=False, separators=(",", ":")),
    }


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, MappingProxyType):
        return dict(value)
    raise TypeError(type(value).__name__)


def _record(kind: type[AnyRecord], body: str) -> AnyRecord:
    """The record of a stored body; members that this version does not know any more are left out."""
    stored = orjson.loads(body)
    values = {}
    for one in fields(kind):
        value = stored.get(one.name)
        if value is not None and str(one.type).startswith("datetime"):
            value = datetime.fromisoformat(value)
        elif value is not None and str(one.type).startswith("tuple["):
            value = tuple(value)
        if one.name in stored:
            values[one.name] = value
    return kind(**values)
