"""What a fresh workspace begins with: the sandbox gateway and CRM, connected, and one story to watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from hub.errors import HubError

if TYPE_CHECKING:
    from hub.engine.hub import Hub

log = structlog.get_logger(__name__)

SANDBOX_PURPOSE = "sandbox"
_BEGUN = "first_start"
_SANDBOX = {"sandbox": "sandbox", "crm": "sandbox_crm"}


def prepare(hub: Hub) -> None:
    """Do it once per installation, while the sandbox is on. What an admin changed or removed later stays so.

    A later start at another address leads there what the first one connected.
    """
    if not hub.settings.sandbox_on:
        return
    begun = hub.store.fact(_BEGUN)
    if isinstance(begun, dict):
        _follow(hub, str(begun.get("address", "")))
        return
    secret = hub.keyring.derived(SANDBOX_PURPOSE)
    known = {row.name for row in hub.store.connections()}
    for name, connector in _SANDBOX.items():
        defaults = hub.registry.get(connector).code.defaults
        if name not in known and defaults is not None:
            settings, secrets = defaults(secret, hub.settings.address)
            hub.accounts.create(name, connector, {**settings, **secrets}, "hub")
    try:
        hub.recipes.install("crm-sync", "hub")
    except HubError as error:
        log.warning("story_not_installed", reason=str(error))
    _note_address(hub)


def _follow(hub: Hub, before: str) -> None:
    """The sandbox is a part of the hub, so its connections move with the hub's own address."""
    if before == hub.settings.address or not hub.database.is_sqlite:  # on PostgreSQL several serve, each at its own
        return
    for row in hub.store.connections():
        base = row.settings.get("api_base")
        if row.connector in _SANDBOX.values() and isinstance(base, str) and base.startswith(f"{before}/"):
            moved = hub.settings.address + base.removeprefix(before)
            hub.accounts.update(row.name, {**row.settings, "api_base": moved}, row.version, "hub")
    _note_address(hub)


def _note_address(hub: Hub) -> None:
    hub.store.put_fact(_BEGUN, {"version": 1, "address": hub.settings.address}, hub.now())
