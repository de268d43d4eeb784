"""What a person has a connection do from a page: once, however often the button is pressed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from flask import request

from hub.connect.manifest import Kind
from hub.errors import HubError
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hub.connect.manifest import Manifest
    from hub.jsontypes import JsonObject


def form_key() -> str:
    """The key of a form: made with the page, kept when the form comes back with what is wrong."""
    return request.form.get("key") or uuid.uuid4().hex


def act_once(connection: str, action: str, given: JsonObject) -> JsonObject:
    """Do an action for the person at the page and note who did it. Raises like an action.

    The form's hidden ``key`` makes a double click, or a second try after a lost answer, one act.
    """
    hub = the_hub()
    office = hub.office(f"{request.path} {action} {request.form.get('key', '')}")
    output = office.call(connection, action, given, action)
    hub.store.note(actor(), action, connection, hub.now(), given)
    return output


def manifest_of(connection: str) -> Manifest | None:
    """What a connection's connector is and can do; None when it was deleted meanwhile."""
    hub = the_hub()
    try:
        return hub.registry.get(hub.accounts.get(connection).connector).manifest
    except HubError:
        return None


def gateways() -> list[str]:
    """The connections through which payments come, switched on or not, by name."""
    known = {row.name: manifest_of(row.name) for row in the_hub().store.connections()}
    return sorted(name for name, manifest in known.items() if manifest is not None and manifest.kind is Kind.GATEWAY)


def offered(connection: str, actions: Iterable[str]) -> frozenset[str]:
    """Those of the actions that a connection's gateway offers, natively or by the hub."""
    manifest = manifest_of(connection)
    return frozenset(name for name in actions if manifest is not None and manifest.offered(name) is not None)


def offering(action: str) -> list[str]:
    """The connections that are switched on and offer an action, by name."""
    rows = the_hub().store.connections()
    return sorted(row.name for row in rows if row.enabled and offered(row.name, (action,)))
