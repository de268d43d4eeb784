"""Who is logged in. The session is a signed cookie; what would let a stolen one live on is checked in the database."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa
from flask import current_app, g, session

from hub.journal.tables import state
from hub.journal.writes import write_fact

if TYPE_CHECKING:
    from hub.engine.hub import Hub
    from hub.journal.rows import UserRow
    from hub.journal.writer import Transaction

_ENDED = "ended_sessions"


def the_hub() -> Hub:
    """The hub whose pages these are."""
    return cast("Hub", current_app.extensions["hub"])


def log_in(user: UserRow) -> None:
    """Begin a session under a new id; whatever the cookie held before is gone."""
    now = the_hub().now()
    session.clear()
    session.permanent = True
    session["id"] = secrets.token_urlsafe(12)
    session["user"] = user.id
    session["epoch"] = user.session_epoch
    session["since"] = now.isoformat()
    g.user = user
    the_hub().store.update_user(user.id, last_login_at=now)


def log_out() -> None:
    """End this session for good: its cookie opens nothing any more, even where somebody kept a copy."""
    hub = the_hub()
    identity = str(session.get("id", ""))
    now = hub.now()
    until = now + timedelta(hours=hub.settings.session_hours)

    def end(tx: Transaction) -> None:
        known = tx.connection.scalar(sa.select(state.c.value).where(state.c.name == _ENDED)) or {}
        kept = {one: end for one, end in known.items() if datetime.fromisoformat(end) > now}
        write_fact(tx, _ENDED, {**kept, identity: until.isoformat()}, now)

    if identity:
        hub.store.change(end)
    session.clear()
    g.user = None


def end_all_sessions(user: UserRow) -> None:
    """End every session of a person, on every device."""
    the_hub().store.update_user(user.id, session_epoch=user.session_epoch + 1)


def current_user() -> UserRow | None:
    """Who asks; None for a visitor. Read once per request."""
    if "user" not in g:
        g.user = _user_of_session()
    return cast("UserRow | None", g.user)


def actor() -> str:
    """The mail address of who asks, for the audit trail. Only where a role was required."""
    user = current_user()
    assert user is not None
    return user.email


def _user_of_session() -> UserRow | None:
    identity = session.get("user")
    if not identity:
        return None
    hub = the_hub()
    began = datetime.fromisoformat(session["since"])
    if hub.now() - began > timedelta(hours=hub.settings.session_hours):
        return None
    user = hub.store.user(identity=identity)
    if user is None or user.disabled or user.session_epoch != session.get("epoch"):
        return None
    ended = hub.store.fact(_ENDED)
    if isinstance(ended, dict) and session.get("id") in ended:
        return None
    return user


def mark_seen(what: str) -> None:
    """Remember that the reader has seen an event, a run or the outbox once, for the list of first steps."""
    user = current_user()
    if user is not None and what not in (seen := seen_by_reader()):
        the_hub().store.update_user(user.id, preferences={**user.preferences, "seen": sorted({*seen, what})})


def seen_by_reader() -> frozenset[str]:
    """What :func:`mark_seen` remembered."""
    user = current_user()
    seen = user.preferences.get("seen") if user is not None else None
    return frozenset(str(one) for one in seen) if isinstance(seen, list) else frozenset()
