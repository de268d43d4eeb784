"""The sandbox CRM: contacts, companies, deals, notes, lists, and records of any other object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from connectors.sandbox.server.records import Record
from connectors.sandbox.server.refusals import Refusal, not_found
from connectors.sandbox.server.store import stamp
from connectors.sandbox.server.validation import EMAIL
from hub.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.sandbox.server.store import Store
    from hub.jsontypes import JsonObject

PREFIXES: Final = {"contact": "con", "company": "com", "deal": "deal", "note": "note"}
"""The objects that the CRM knows by itself; any other name makes an object of its own."""

_BETWEEN: Final = "\x1f"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmRecord(Record):
    """One thing in the CRM. ``identity`` is what it is known again by within its type, ``name`` what lists show."""

    kind: ClassVar[str] = "crm_record"

    type: str
    identity: str
    updated_at: datetime
    name: str = ""
    properties: JsonObject = field(default_factory=dict)

    @property
    def parent(self) -> str:
        """Its type."""
        return self.type

    @property
    def key(self) -> str | None:
        """Type and identity: no thing stands twice."""
        return f"{self.type}{_BETWEEN}{self.identity}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Association(Record):
    """That two things belong together, in this direction."""

    kind: ClassVar[str] = "crm_association"

    source: str
    target: str

    @property
    def parent(self) -> str:
        """Where it starts."""
        return self.source

    @property
    def key(self) -> str | None:
        """Both ends."""
        return f"{self.source}{_BETWEEN}{self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership(Record):
    """That a contact is on a list."""

    kind: ClassVar[str] = "crm_membership"

    list: str
    contact: str

    @property
    def parent(self) -> str:
        """The contact."""
        return self.contact

    @property
    def key(self) -> str | None:
        """List and contact."""
        return f"{self.list}{_BETWEEN}{self.contact}"


def record_json(record: CrmRecord) -> JsonObject:
    """A record as the CRM's API shows it."""
    return {
        "id": record.id,
        "object": record.type,
        "name": record.name,
        "properties": dict(record.properties),
        "created": stamp(record.created_at),
        "updated": stamp(record.updated_at),
    }


def upsert(  # noqa: PLR0913 (what makes a record)
    store: Store, kind: str, identity: str, properties: JsonObject, now: datetime, name: str = ""
) -> tuple[CrmRecord, bool]:
    """Change the record with this identity, or make it; whether it was made. An empty text or null takes a property away."""
    _check_values(properties)
    record = store.by_key(CrmRecord, f"{kind}{_BETWEEN}{identity}")
    created = record is None
    if record is None:
        identifier = new_id(PREFIXES.get(kind, "rec"), now)
        record = CrmRecord(id=identifier, created_at=now, type=kind, identity=identity, updated_at=now)
        store.add(record)
    merged = {key: value for key, value in {**record.properties, **properties}.items() if value not in (None, "")}
    return store.save(record.but(properties=merged, updated_at=now, name=name or record.name or identity)), created


def checked_email(text: str) -> str:
    """The address in lower case. Raises ``Refusal`` in the CRM's own words."""
    email = text.strip().lower()
    if not EMAIL.fullmatch(email) or len(email) > 254:  # noqa: PLR2004 (RFC 5321 allows no longer one)
        raise Refusal(400, "INVALID_EMAIL", f"Property values were not valid: {text!r} is not an e-mail address.")
    return email


def find(store: Store, kind: str, identifier: str) -> CrmRecord:
    """A record by its id. Raises ``Refusal`` 404."""
    record = store.find(CrmRecord, identifier)
    if record is None or record.type != kind:
        raise not_found(kind, identifier)
    return record


def contact_of(store: Store, reference: str) -> CrmRecord:
    """A contact by its id or e-mail address. Raises ``Refusal`` 404."""
    found = store.by_key(CrmRecord, f"contact{_BETWEEN}{reference.lower()}") if "@" in reference else None
    return found or find(store, "contact", reference)


def associate(store: Store, source: CrmRecord, target: CrmRecord, now: datetime) -> None:
    """Connect two records; once is enough."""
    for one, other in ((source, target), (target, source)):
        if store.by_key(Association, f"{one.id}{_BETWEEN}{other.id}") is None:
            store.add(Association(id=new_id("ass", now), created_at=now, source=one.id, target=other.id))


def associated(store: Store, record: CrmRecord) -> list[CrmRecord]:
    """What a record is connected with."""
    found = [store.find(CrmRecord, link.target) for link in store.children(Association, record.id)]
    return [one for one in found if one is not None]


def lists_of(store: Store, contact: CrmRecord) -> list[str]:
    """The lists that a contact is on."""
    return [membership.list for membership in store.children(Membership, contact.id)]


def add_to_list(store: Store, name: str, contact: CrmRecord, now: datetime) -> None:
    """Put a contact on a list; once is enough."""
    if store.by_key(Membership, f"{name}{_BETWEEN}{contact.id}") is None:
        store.add(Membership(id=new_id("mem", now), created_at=now, list=name, contact=contact.id))


def remove_from_list(store: Store, name: str, contact: CrmRecord) -> None:
    """Take a contact off a list; it need not be on it."""
    membership = store.by_key(Membership, f"{name}{_BETWEEN}{contact.id}")
    if membership is not None:
        store.remove(membership)


def _check_values(properties: JsonObject) -> None:
    for name, value in properties.items():
        if value is not None and not isinstance(value, (str, int, float, bool)):
            message = f"Property values were not valid: {name!r} must be a text, number, truth value or null."
            raise Refusal(400, "INVALID_PROPERTY", message)
        if isinstance(value, str) and (len(value) > 10_000 or "\x00" in value):  # noqa: PLR2004
            message = f"Property values were not valid: {name!r} is longer than 10,000 characters."
            raise Refusal(400, "INVALID_PROPERTY", message)
