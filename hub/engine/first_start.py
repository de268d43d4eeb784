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


def prepare(hub: Hub) -> None:
    """Do it once per installation, while the sandbox is on. What an admin changed or removed later stays so."""
    if not hub.settings.sandbox_on or hub.store.fact(_BEGUN) is not None:
        return
    secret = hub.keyring.derived(SANDBOX_PURPOSE)
    known = {row.name for row in hub.store.connections()}
    for name, connector in (("sandbox", "sandbox"), ("crm", "sandbox_crm")):
        defaults = hub.registry.get(connector).code.defaults
        if name not in known and defaults is not None:
            settings, secrets = defaults(secret, hub.settings.address)
            hub.accounts.create(name, connector, {**settings, **secrets}, "hub")
    try:
        hub.recipes.install("crm-sync", "hub")
    except HubError as error:
        log.warning("story_not_installed", reason=str(error))
    hub.store.put_fact(_BEGUN, {"version": 1}, hub.now())
