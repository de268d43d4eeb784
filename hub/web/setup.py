"""The first admin: made by a one-time link that ``hub run`` prints, never by a default password."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub.journal.tables import state, users
from hub.journal.writes import write_fact

if TYPE_CHECKING:
    from hub.engine.hub import Hub
    from hub.journal.writer import Transaction

_FACT = "setup_link"
_LASTS = timedelta(hours=24)


def setup_link(hub: Hub) -> str | None:
    """A new one-time address at which the first admin is made; None when somebody can log in already.

    Only its digest is stored. The link of an earlier start is void then.
    """
    if hub.store.users():
        return None
    token = secrets.token_urlsafe(32)
    now = hub.now()
    hub.store.put_fact(_FACT, {"digest": _digest(token), "until": (now + _LASTS).isoformat()}, now)
    return f"{hub.settings.address}/set-up/{token}"


def is_setup_token(hub: Hub, token: str) -> bool:
    """Whether the link is the newest one, in time, and nobody was made by it."""
    return not hub.store.users() and _fits(hub.store.fact(_FACT), token, hub.now())


def use_setup_token(hub: Hub, token: str) -> bool:
    """Take the link; True for exactly one caller."""
    now = hub.now()

    def take(tx: Transaction) -> bool:
        known = tx.connection.scalar(sa.select(state.c.value).where(state.c.name == _FACT))
        if tx.connection.scalar(sa.select(users.c.id).limit(1)) is not None or not _fits(known, token, now):
            return False
        write_fact(tx, _FACT, None, now)
        return True

    taken: bool = hub.store.change(take)
    return taken


def _fits(known: object, token: str, now: datetime) -> bool:
    if not isinstance(known, dict):
        return False
    in_time = now < datetime.fromisoformat(known["until"])
    return hmac.compare_digest(known["digest"], _digest(token)) and in_time


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
