"""What the hub's own actions for gateways get to work with, and the tools that several of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from hub.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hub.connect.manifest import Manifest
    from hub.jsontypes import JsonObject
    from hub.office import Office
    from hub.payments.store import PaymentStore


class Gateway(Protocol):
    """The gateway behind the connection, for what the hub builds on."""

    @property
    def manifest(self) -> Manifest:
        """What it is and can do."""

    def run(self, action: str, given: JsonObject, part: str) -> JsonObject:
        """Do one of its own actions as a part of this one. Raises like an action.

        ``part`` tells the calls of one action apart: each has an idempotency key of its own that is the same in every
        attempt, and is looked up before it is repeated where the gateway takes no keys.
        """


class Addresses(Protocol):
    """The signed addresses of the hub's public pages."""

    def pay(self, checkout: str) -> str:
        """Where a visit to pay begins and ends."""

    def link(self, link: str) -> str:
        """Where a payment link is opened."""

    def are_ours(self, address: str) -> bool:
        """Whether an address is one of the hub's own pages to pay."""


Happened: TypeAlias = "Callable[[str, str, JsonObject], None]"
"""Records an event of the connection: type, source id, data. With the action's result, once per source id."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One call of one of the hub's own actions. ``key`` is the step's idempotency key, ``now`` is UTC.

    ``office`` changes rows and tells events in one transaction; ``happened`` tells them with the action's result.
    """

    connection: str
    key: str
    now: datetime
    gateway: Gateway
    store: PaymentStore
    addresses: Addresses
    office: Office
    happened: Happened

    def identity(self, prefix: str, part: str = "") -> str:
        """An id that is the same for every attempt of this step."""
        return derived_id(prefix, self.key, part)


Action: TypeAlias = "Callable[[Desk, JsonObject], JsonObject]"
"""Does one of the hub's own actions; the input fits its schema. Raises like an action."""


def references(given: JsonObject) -> JsonObject:
    """The members of an input that say what a payment belongs to."""
    names = ("order", "invoice", "link", "job", "metadata", "customer")
    return {name: given[name] for name in names if given.get(name) is not None}


def metadata_with(given: JsonObject, **more: str) -> JsonObject:
    """An input's metadata and more of the hub's own."""
    return {**cast("JsonObject", given.get("metadata") or {}), **more}


def own_words(desk: Desk, identity: str, status: str) -> JsonObject:
    """The ``gateway`` member of what the hub does in the gateway's place."""
    return {"name": desk.gateway.manifest.name, "id": identity, "status": status, "by": "hub"}
