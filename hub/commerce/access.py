"""What customers may use, and until when: granted, made longer and revoked by recipes or people, expired by a timer.

Each access rests on a ground: a subscription, a payment, or somebody's word. A customer may use a resource as long as one
of the accesses to it holds, so the end of a membership takes nothing that was bought.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.commerce.portal import INVITE, invite, portal_address
from hub.errors import PermanentError
from hub.ids import derived_id
from hub.journal.tables_access import accesses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.journal.book import Book
    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office, Timer

STATES: Final = ("active", "revoked", "expired")

EXPIRE: Final = "access.expire"
"""The timer of an access that has an end; its subject is the access."""

_REFERENCES: Final = ("payment", "subscription", "plan", "order", "metadata")
_LONGEST_REASON: Final = 200


def grant(office: Office, given: JsonObject) -> JsonObject:
    """``access/grant``: from now the customer may use the resource. On the same ground again, the later end counts."""
    identity, row = _place(given)

    def work(book: Book) -> None:
        known = book.find(accesses, identity)
        if known is None:
            book.insert(accesses, {**row, **_details(given), "state": "active", "until": _until(given)})
            _told(book, book.get(accesses, identity), "granted")
        elif known.state != "active":
            values = {**_details(given), "state": "active", "until": _until(given), "reason": None}
            _told(book, book.change(accesses, known, **values), "granted")
        else:
            _lengthen(book, known, _until(given))

    office.change(work)
    return _one(office, identity)


def extend(office: Office, given: JsonObject) -> JsonObject:
    """``access/extend``: a later end; an earlier one changes nothing. Grants what was not there, or had expired.

    Raises ``PermanentError`` (``wrong_state``) for an access that was revoked.
    """
    identity, _ = _place(given)

    def work(book: Book) -> bool:
        known = book.find(accesses, identity)
        if known is not None and known.state == "revoked":
            message = f"The access of {known.email} to {known.resource} was revoked."
            raise PermanentError(
                message,
                code="wrong_state",
                remedy="End what is still charged for it, or give it anew with access/grant.",
            )
        if known is None or known.state != "active":
            return False
        _lengthen(book, known, _until(given))
        return True

    return _one(office, identity) if office.change(work) else grant(office, given)


def revoke(office: Office, given: JsonObject) -> JsonObject:
    """``access/revoke``: one access, or what rests on a ground; else all of the customer's accesses to the resource.

    Again, or where there is none, it changes nothing.
    """
    email, resource, ground = email_of(given), str(given["resource"]), _ground(given)
    mine = [accesses.c.email == email, accesses.c.resource == resource, accesses.c.state == "active"]
    if given.get("access"):
        mine.append(accesses.c.id == str(given["access"]))
    elif ground:
        mine.append(accesses.c.ground == ground)
    reason = str(given.get("reason") or "")[:_LONGEST_REASON] or None

    def work(book: Book) -> None:
        for row in book.rows(sa.select(accesses.c.id).where(*mine).order_by(accesses.c.id)):
            known = book.get(accesses, row.id)
            _told(book, book.change(accesses, known, state="revoked", reason=reason), "revoked")

    office.change(work)
    return get(office, {"customer": {"email": email}, "resource": resource})


def get(office: Office, given: JsonObject) -> JsonObject:
    """``access/get``: whether a customer may use a resource (or anything), and until when; on one ground or any."""
    email, ground = email_of(given), _ground(given)
    with office.read() as connection:
        rows = held(connection, email, str(given.get("resource") or ""))
    rows = [row for row in rows if ground in ("", row.ground)]
    holding = [row for row in rows if holds(row, office.now)]
    ends = [row.until for row in holding]
    output: JsonObject = {
        "active": bool(holding),
        "accesses": [_said(row) for row in rows],
        "url": portal_address(office, email),
    }
    return output if not holding or None in ends else {**output, "until": max(ends).isoformat()}


def expire(office: Office, identity: str) -> None:
    """The timer: an access has come to its end. One that was made longer meanwhile is looked at again then."""

    def work(book: Book) -> None:
        row = book.find(accesses, identity)
        if row is None or row.state != "active" or row.until is None:
            return
        if row.until > book.now:
            book.wake_at(EXPIRE, identity, row.until)
        else:
            _told(book, book.change(accesses, row, state="expired"), "expired")

    office.change(work)


ACTIONS: Final[Mapping[str, Action]] = {"grant": grant, "extend": extend, "revoke": revoke, "get": get}
TIMERS: Final[Mapping[str, Timer]] = {EXPIRE: expire, INVITE: invite}


# reading


def held(connection: sa.Connection, email: str, resource: str = "") -> Sequence[sa.Row[Any]]:
    """All accesses that a customer has or had, the newest first."""
    query = sa.select(accesses).where(accesses.c.email == email)
    if resource:
        query = query.where(accesses.c.resource == resource)
    return connection.execute(query.order_by(accesses.c.created_at.desc(), accesses.c.id)).all()


def holds(row: sa.Row[Any], now: datetime) -> bool:
    """Whether an access can be used at ``now``, though its timer may not have come yet."""
    return row.state == "active" and (row.until is None or row.until > now)


def email_of(given: JsonObject) -> str:
    """The address by which the customer is known, in small letters. Raises ``PermanentError`` (``bad_input``)."""
    customer = cast("Mapping[str, Json]", given["customer"])
    email = str(customer.get("email") or "").strip().lower()
    if "@" not in email:
        message = "The customer has no e-mail address, and access is kept by it."
        raise PermanentError(message, code="bad_input", remedy="Give customer: {email: …}.")
    return email


# writing


def _place(given: JsonObject) -> tuple[str, dict[str, object]]:
    """The id of the access that is meant, and the columns that make it."""
    email, resource, ground = email_of(given), str(given["resource"]), _ground(given)
    identity = derived_id("acc", email, resource, ground)
    return identity, {"id": identity, "email": email, "resource": resource, "ground": ground}


def _ground(given: JsonObject) -> str:
    return str(given.get("subscription") or given.get("payment") or "")


def _details(given: JsonObject) -> dict[str, object]:
    return {
        "customer": given["customer"],
        "title": str(given.get("title") or given["resource"]),
        "address": str(given.get("address") or ""),
        "reference": {name: given[name] for name in _REFERENCES if given.get(name) is not None},
    }


def _until(given: JsonObject) -> datetime | None:
    wished = given.get("until")
    return datetime.fromisoformat(wished) if isinstance(wished, str) else None


def _lengthen(book: Book, row: sa.Row[Any], until: datetime | None) -> None:
    if row.until is not None and (until is None or until > row.until):
        _told(book, book.change(accesses, row, until=until), "extended")


def _told(book: Book, row: sa.Row[Any], what: str) -> None:
    """Tell what became of an access, and have it looked at when it ends."""
    book.wake_at(EXPIRE, row.id, row.until if row.state == "active" else None)
    data: JsonObject = {
        **row.reference,
        "access": row.id,
        "customer": {**row.customer, "email": row.email},
        "resource": row.resource,
        "until": row.until.isoformat() if row.until is not None else None,
        "reason": row.reason,
    }
    book.tell(f"access.{what}", f"access.{what}:{row.id}:{row.version}", data)


# what the actions give


def _one(office: Office, identity: str) -> JsonObject:
    with office.read() as connection:
        row = connection.execute(sa.select(accesses).where(accesses.c.id == identity)).one()
    return {**_said(row), "url": portal_address(office, row.email)}


def _said(row: sa.Row[Any]) -> JsonObject:
    said: JsonObject = {
        **{name: row.reference[name] for name in ("payment", "subscription") if name in row.reference},
        "access": row.id,
        "customer": {**row.customer, "email": row.email},
        "resource": row.resource,
        "title": row.title,
        "state": row.state,
    }
    return {**said, "until": row.until.isoformat()} if row.until is not None else said
