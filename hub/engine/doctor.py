"""``hub doctor``: what is right and wrong with an installation, and how to mend it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hub.engine.stuck import stuck_work
from hub.engine.unreturned import unreturned
from hub.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.engine.hub import Hub

_LITTLE_DISK = 512 * 1024 * 1024
_LARGE_LOG = 256 * 1024 * 1024
_LONG_WAIT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Ailment:
    """One thing looked at: ``ok``, ``warning`` or ``error``, what was found, what to do."""

    level: Literal["ok", "warning", "error"]
    title: str
    message: str
    remedy: str = ""


def examine(hub: Hub) -> list[Ailment]:
    """Look at everything that can be wrong. Never raises: what cannot be looked at is a finding itself."""
    found: list[Ailment] = []
    for look in (_database, _disk, _address, _connectors, _connections, _recipes, _backlog, _stuck, _people):
        try:
            found += look(hub)
        except (HubError, OSError) as error:
            found.append(Ailment("error", (look.__doc__ or "").rstrip("."), str(error), getattr(error, "remedy", "")))
    return found


def _database(hub: Hub) -> Iterator[Ailment]:
    """Database."""
    if hub.database.healthy():
        yield Ailment("ok", "Database", f"{hub.database.dialect} answers.")
    else:
        remedy = "Check that it runs, that HUB_DATABASE_URL names it, and that its disk has room."
        yield Ailment("error", "Database", f"{hub.database.dialect} does not answer.", remedy)


def _disk(hub: Hub) -> Iterator[Ailment]:
    """Disk."""
    workspace = hub.settings.workspace
    free = shutil.disk_usage(workspace).free
    if free < _LITTLE_DISK:
        remedy = "Make room: when the disk is full, the hub answers gateways with 503 and they send again later."
        yield Ailment("warning", "Disk", f"Only {free // 1024**2} MB are free at {workspace}.", remedy)
    else:
        yield Ailment("ok", "Disk", f"{free // 1024**3} GB are free.")
    log = Path(f"{workspace / 'hub.db'}-wal")
    if log.exists() and log.stat().st_size > _LARGE_LOG:
        remedy = "Some program holds the database open for long; end it, or restart the hub."
        yield Ailment("warning", "Disk", f"The write-ahead log has {log.stat().st_size // 1024**2} MB.", remedy)


def _address(hub: Hub) -> Iterator[Ailment]:
    """Public address."""
    address = hub.settings.address
    if hub.settings.on_loopback and not hub.settings.public_url:
        remedy = "Fine for trying out. For real gateways set HUB_PUBLIC_URL=https://… as they shall call it."
        yield Ailment("warning", "Public address", f"Gateways cannot reach {address} from outside.", remedy)
    elif not address.startswith("https://"):
        remedy = "Put a proxy with a certificate before the hub and set HUB_PUBLIC_URL=https://…"
        yield Ailment("error", "Public address", f"{address} is not encrypted.", remedy)
    else:
        yield Ailment("ok", "Public address", address)


def _connectors(hub: Hub) -> Iterator[Ailment]:
    """Connectors."""
    for name in hub.registry.names():
        try:
            hub.registry.get(name)
        except HubError as error:
            yield Ailment("error", f"Connector {name}", error.message, error.remedy)
    yield Ailment("ok", "Connectors", f"{len(hub.registry.names())} can be used.")


def _connections(hub: Hub) -> Iterator[Ailment]:
    """Connections."""
    for row in hub.store.connections():
        if row.enabled:
            try:
                hub.accounts.get(row.name)
            except HubError as error:
                yield Ailment("error", f"Connection {row.name}", error.message, error.remedy)
                continue
        if row.health.get("test_ok") is False:
            message = str(row.health.get("test_message") or "The last test failed.")
            yield Ailment("warning", f"Connection {row.name}", message, "Open its page, correct it and press Test.")


def _recipes(hub: Hub) -> Iterator[Ailment]:
    """Recipes."""
    installed = hub.library.reload().installed
    yield Ailment("ok", "Recipes", f"{len(installed)} enabled.")
    for one in installed:
        errors = [finding for finding in hub.recipes.check(one.recipe.text, one.recipe.name) if finding.is_error]
        if errors:
            remedy = "Open it, correct it and save; until then its next run may fail."
            yield Ailment("error", f"Recipe {one.recipe.name}", errors[0].message, remedy)


def _backlog(hub: Hub) -> Iterator[Ailment]:
    """Work."""
    count, oldest = hub.queries.backlog(hub.now())
    if oldest is not None and oldest > _LONG_WAIT:
        remedy = "Is `hub run` or `hub worker` running? With many runs, start more workers."
        yield Ailment("error", "Work", f"{count} runs are due; the oldest for {oldest}.", remedy)
    else:
        yield Ailment("ok", "Work", f"{count} runs are due.")


def _stuck(hub: Hub) -> Iterator[Ailment]:
    """Work that is stuck, and money that was kept."""
    for one in stuck_work(hub):
        level: Literal["warning", "error"] = "error" if one.in_doubt else "warning"
        yield Ailment(
            level, f"Stuck: {one.title}", f"{one.subject}: {one.message}", "Home, Needs you, shows what to do."
        )
    for kept in unreturned(hub):
        said = f"{kept.payment} of {kept.connection}: {kept.message}"
        yield Ailment("warning", "Payment not given back", said, "Home, Needs you, shows what to do.")


def _people(hub: Hub) -> Iterator[Ailment]:
    """People."""
    admins = [user for user in hub.store.users() if user.role == "admin" and not user.disabled]
    if admins:
        yield Ailment("ok", "People", f"Admins: {len(admins)}.")
    else:
        remedy = "Open the link that `hub run` prints, or run: hub user add --role admin MAIL"
        yield Ailment("warning", "People", "Nobody can log in yet.", remedy)
