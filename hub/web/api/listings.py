"""Lists of the API: newest first, a page at a time by a cursor, each row as a fixed set of members."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

import orjson
import sqlalchemy as sa

from hub.commerce.numbers import as_number
from hub.errors import NotFoundError, PermanentError
from hub.journal.queries import as_json
from hub.journal.tables import events, payments
from hub.journal.tables_access import accesses
from hub.journal.tables_api import outgoing_messages, outgoing_webhooks
from hub.journal.tables_billing import told_plans, told_subscriptions
from hub.journal.tables_billing import value as newest
from hub.journal.tables_commerce import orders
from hub.journal.tables_escrow import holds, payout_runs, payouts
from hub.journal.tables_forms import submissions
from hub.journal.tables_invoices import invoices
from hub.journal.tables_links import payment_links
from hub.journal.tables_work import jobs, providers
from hub.payments.histories import Thing, oddities_of
from hub.payments.payment import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hub.journal.database import Database
    from hub.jsontypes import Json, JsonObject, JsonSchema

LARGEST_PAGE: Final = 200
_PAGE: Final = 50
_CURSOR_LENGTH: Final = 1_000
_OWN_WORDS: Final = ("cursor", "limit")


@dataclass(frozen=True, slots=True)
class Listing:
    """A table as the API lists it. ``members``: the JSON's names with their columns; ``amounts``: those that are money.

    ``filters`` are members that a request may fix. ``where`` names members that the path fixes, ``one`` those that name a
    single row. ``facts`` are members whose newest value stands in the column ``data``. ``odd``: the member that names the
    thing of which news may have been told that cannot be; then the row has ``oddities``, in words.
    """

    resource: str
    path: str
    table: sa.Table
    members: Mapping[str, str]
    filters: tuple[str, ...] = ()
    amounts: tuple[str, ...] = ()
    one: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    text: str = "The newest first."
    where: tuple[str, ...] = field(default=())
    odd: str = ""
    name: str = ""
    title: str = ""

    @property
    def id(self) -> str:
        """What the API's description calls the operation."""
        return self.name or f"{self.resource}.list"

    @property
    def one_id(self) -> str:
        """What the API's description calls looking one up."""
        return f"{self.name or self.resource}.one"

    @property
    def scope(self) -> str:
        """What a token must be allowed."""
        return f"{self.resource}:read"

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the table's primary key."""
        return tuple(column.name for column in self.table.primary_key.columns)

    @property
    def schema(self) -> JsonSchema:
        """The JSON Schema of one row."""
        facts = dict.fromkeys(self.facts, cast("JsonSchema", {}))
        if self.odd:
            facts["oddities"] = {"type": "array", "items": {"type": "string"}}
        return {"type": "object", "properties": {**{name: self._schema_of(name) for name in self.members}, **facts}}

    @property
    def one_path(self) -> str:
        """The path of a single row."""
        return self.path + "".join(f"/{{{name}}}" for name in self.one)

    def _schema_of(self, member: str) -> JsonSchema:
        if member in self.amounts:
            return {"$ref": "#/components/schemas/Money"}
        column = self.table.c[self.members[member]]
        wanted: dict[str, JsonSchema] = {
            "Moment": {"type": "string", "format": "date-time"},
            "Document": {},
            "BigInteger": {"type": "integer"},
            "Integer": {"type": "integer"},
            "Float": {"type": "number"},
            "Boolean": {"type": "boolean"},
        }
        return wanted.get(type(column.type).__name__, {"type": "string"})

    def row(self, row: sa.Row[Any]) -> JsonObject:
        """One row as the API gives it; what is not known is left out."""
        found = {name: self._value(row, name) for name in self.members}
        found |= {name: newest(row.data, name) for name in self.facts}
        return {name: one for name, one in found.items() if one is not None}

    def _value(self, row: sa.Row[Any], member: str) -> Json:
        value = getattr(row, self.members[member])
        if member in self.amounts:
            return None if value is None or row.currency is None else {"minor": value, "currency": row.currency}
        return as_json(value)


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_TIMES: Final = _same("created_at", "updated_at")

MESSAGES: Final = Listing(
    "webhooks",
    "/webhooks/{webhook}/messages",
    outgoing_messages,
    {"message": "id", **_same("webhook", "event", "type", "state", "attempts", "due_at"), **_TIMES},
    filters=("type", "state"),
    where=("webhook",),
    name="webhooks.messages",
    title="List a webhook's messages",
)
"""What an outgoing webhook was sent."""

LISTINGS: Final[Sequence[Listing]] = (
    Listing(
        "orders",
        "/orders",
        orders,
        {"order": "id", **_same("number", "state", "total", "paid", "customer", "metadata", "description"), **_TIMES},
        filters=("state", "number"),
        amounts=("total", "paid"),
    ),
    Listing(
        "invoices",
        "/invoices",
        invoices,
        {
            "invoice": "id",
            **_same("number", "series", "state", "total", "paid", "refunded", "order", "customer", "due_at", "issued_at"),
            **_TIMES,
        },
        filters=("state", "number", "series", "order"),
        amounts=("total", "paid", "refunded"),
    ),
    Listing(
        "payments",
        "/payments",
        payments,
        {**_same("connection", "payment", "state", "amount", "refunded", "begun"), **_TIMES},
        filters=("connection", "state"),
        amounts=("amount", "refunded"),
        odd="payment",
    ),
    Listing(
        "links",
        "/links",
        payment_links,
        {
            "link": "id",
            **_same("state", "purpose", "recipient", "reusable", "order", "payments", "mail", "metadata"),
            "amount": "minor",
            **_same("sent_at", "reminded_at", "opened_at", "paid_at"),
            "expires_at": "due_at",
            **_TIMES,
        },
        filters=("state", "mail"),
        amounts=("amount",),
    ),
    Listing(
        "plans",
        "/plans",
        told_plans,
        {**_same("connection", "plan", "state"), **_TIMES},
        filters=("connection", "state"),
        one=("connection", "plan"),
        facts=("name", "price", "interval", "metadata"),
        odd="plan",
    ),
    Listing(
        "subscriptions",
        "/subscriptions",
        told_subscriptions,
        {**_same("connection", "subscription", "plan", "state", "customer"), **_TIMES},
        filters=("connection", "plan", "state", "customer"),
        one=("connection", "subscription"),
        facts=("amount", "quantity", "period", "cancel_at", "next_attempt_at", "reason"),
        odd="subscription",
    ),
    Listing(
        "jobs",
        "/jobs",
        jobs,
        {"job": "id", **_same("number", "state", "title", "kind", "region", "date", "price", "provider", "hold"), **_TIMES},
        filters=("state", "kind", "region", "provider"),
        amounts=("price",),
    ),
    Listing(
        "providers",
        "/providers",
        providers,
        {"provider": "id", **_same("state", "name", "email", "phone", "skills", "region", "language", "rating"), **_TIMES},
        filters=("state", "email", "region"),
    ),
    Listing(
        "holds",
        "/holds",
        holds,
        {"hold": "id", **_same("connection", "payment", "state", "mode", "owner", "amount"), **_TIMES},
        filters=("connection", "state", "payment"),
        amounts=("amount",),
        one=("hold",),
        odd="hold",
    ),
    Listing(
        "payouts",
        "/payouts",
        payouts,
        {
            "payout": "id",
            **_same("run", "provider", "way", "connection", "state", "amount", "reference", "reason"),
            **_TIMES,
        },
        filters=("run", "provider", "way", "connection", "state"),
        amounts=("amount",),
        one=("payout",),
    ),
    Listing(
        "payouts",
        "/payout-runs",
        payout_runs,
        {"run": "id", **_same("number", "connection", "currency", "total"), "count": "size",
         **_same("actor", "downloaded_at"), **_TIMES},
        filters=("number", "connection", "currency"),
        amounts=("total",),
        one=("run",),
        name="payouts.runs",
        title="List payout runs",
        text="The newest first. A run without a connection is paid by a file for the bank.",
    ),
    Listing(
        "access",
        "/access",
        accesses,
        {"access": "id", **_same("email", "resource", "state", "until", "title"), **_TIMES},
        filters=("email", "resource", "state"),
        one=("access",),
    ),
    Listing(
        "forms",
        "/forms/{form}/submissions",
        submissions,
        {
            "submission": "id",
            **_same("form", "state", "answers", "customer", "payment", "order", "subscription"),
            "amount": "minor",
            **_TIMES,
        },
        filters=("state",),
        amounts=("amount",),
        where=("form",),
    ),
    Listing(
        "events",
        "/events",
        events,
        {"event": "id", **_same("type", "time", "subject", "data"), "connection": "source", "created_at": "created_at"},
        filters=("type", "connection", "subject"),
        one=("event",),
    ),
    Listing(
        "webhooks",
        "/webhooks",
        outgoing_webhooks,
        {"webhook": "id", **_same("title", "url", "types", "enabled", "failing_since", "off_reason"), **_TIMES},
        one=("webhook",),
    ),
    MESSAGES,
)  # fmt: skip


def listed(
    database: Database, listing: Listing, asked: Mapping[str, str], fixed: Mapping[str, str] | None = None
) -> JsonObject:
    """A page of a list: ``{data, next}``, ``next`` the cursor of the following page, null on the last.

    Raises ``PermanentError`` (``bad_input``, the field in ``details``) for a parameter that it does not take.
    """
    for name in asked:
        if name not in (*listing.filters, *_OWN_WORDS):
            can = ", ".join((*listing.filters, *_OWN_WORDS))
            raise bad_field(name, f"This list takes no {name!r}; it takes {can}.")
    limit = _limit(asked.get("limit"))
    order = [listing.table.c.created_at, *(listing.table.c[name] for name in listing.keys)]
    query = sa.select(listing.table).order_by(*(column.desc() for column in order)).limit(limit + 1)
    for name, value in {**{one: asked[one] for one in listing.filters if one in asked}, **(fixed or {})}.items():
        query = query.where(listing.table.c[listing.members[name]] == _filter(listing, name, value))
    if asked.get("cursor"):
        query = query.where(_behind(order, _read_cursor(asked["cursor"], len(order))))
    with database.read() as connection:
        rows = connection.execute(query).all()
        odd = _oddities(connection, listing, rows[:limit])
    following = _cursor(rows[limit - 1], listing.keys) if len(rows) > limit else None
    return {"data": [{**listing.row(row), **odd(row)} for row in rows[:limit]], "next": following}


def one_of(database: Database, listing: Listing, named: Mapping[str, str]) -> JsonObject:
    """The row of a list that the members in its ``one`` name. Raises ``NotFoundError``."""
    same = (listing.table.c[listing.members[name]] == named[name] for name in listing.one)
    with database.read() as connection:
        row = connection.execute(sa.select(listing.table).where(*same)).first()
        odd = _oddities(connection, listing, [row] if row is not None else [])
    if row is None:
        message = f"There is no {listing.one[-1]} {named[listing.one[-1]][:80]!r}."
        raise NotFoundError(message, remedy=f"GET /api/v1{listing.path} lists them.")
    return {**listing.row(row), **odd(row)}


def _oddities(
    connection: sa.Connection, listing: Listing, rows: Sequence[sa.Row[Any]]
) -> Callable[[sa.Row[Any]], JsonObject]:
    """For each row what was told of its thing and cannot be, as a member of its own; nothing when all may well be."""

    def thing(row: sa.Row[Any]) -> Thing:
        return Thing(listing.odd, row.connection, getattr(row, listing.members[listing.odd]))

    def odd(row: sa.Row[Any]) -> JsonObject:
        found = Facts.from_json(row.facts).oddities if listing.table is payments else kept.get(thing(row).id)
        return {"oddities": list(found)} if found else {}

    if not listing.odd:
        return lambda _row: {}
    kept = oddities_of(connection, map(thing, rows)) if listing.table is not payments else {}
    return odd


def bad_field(name: str, message: str) -> PermanentError:
    """A request's field that is wrong; the answer names it."""
    wrong = {"errors": [{"field": name, "message": message}]}
    return PermanentError(f"{name}: {message}", code="bad_input", remedy="Correct this field.", details=wrong)


def _limit(text: str | None) -> int:
    if text is None:
        return _PAGE
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LARGEST_PAGE):
        raise bad_field("limit", f"Write a whole number from 1 to {LARGEST_PAGE}.")
    return int(text)


def _filter(listing: Listing, name: str, value: str) -> object:
    if "\x00" in value:
        raise bad_field(name, "A text cannot hold the character NUL.")
    if isinstance(listing.table.c[listing.members[name]].type, sa.Integer):
        if (number := as_number(value)) is None:
            raise bad_field(name, "Write a whole number.")
        return number
    return value


def _cursor(row: sa.Row[Any], keys: Sequence[str]) -> str:
    place = [row.created_at.isoformat(), *(getattr(row, name) for name in keys)]
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def _read_cursor(text: str, size: int) -> list[object]:
    try:
        padded = text[:_CURSOR_LENGTH] + "=" * (-len(text[:_CURSOR_LENGTH]) % 4)
        place = cast("list[Any]", orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True)))
        moment, *rest = place
        since = datetime.fromisoformat(moment)
    except (ValueError, TypeError, binascii.Error) as error:
        raise bad_field("cursor", "This is no cursor; take `next` of the page before as it is.") from error
    fits = len(place) == size and since.tzinfo is not None and all(isinstance(one, str) for one in rest)
    if not fits or any("\x00" in one for one in rest):
        raise bad_field("cursor", "This is no cursor; take `next` of the page before as it is.")
    return [since, *rest]


def _behind(order: Sequence[sa.Column[Any]], place: Sequence[object]) -> sa.ColumnElement[bool]:
    """Rows that come after a place, newest first."""
    values = [sa.literal(value, column.type) for column, value in zip(order, place, strict=True)]
    return sa.tuple_(*order) < sa.tuple_(*values)
