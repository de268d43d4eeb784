"""Rows of the small tables as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.jsontypes import Json, JsonObject


@dataclass(frozen=True, slots=True)
class RecipeRow:
    """A recipe as it stands: its current version's text among it."""

    name: str
    n: int
    enabled: bool
    text: str
    inputs: JsonObject
    version: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a recipe."""

    n: int
    author: str
    message: str
    created_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class RecipeSave:
    """A new version of a recipe. ``shapes``: (event type, match paths) of its waits, for finding events later."""

    name: str
    text: str
    digest: str
    enabled: bool
    author: str
    message: str
    now: datetime
    shapes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    inputs: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A connection as stored: ``secrets`` maps a field to its tokens ``{token, created_at, expires_at}``, newest first."""

    name: str
    connector: str
    settings: JsonObject
    secrets: Mapping[str, Sequence[JsonObject]]
    health: JsonObject
    poll_cursor: Json
    enabled: bool
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class UserRow:
    """A person who may log in."""

    id: str
    email: str
    name: str
    role: str
    password_hash: str | None
    preferences: JsonObject
    session_epoch: int
    disabled: bool
    created_at: datetime
    last_login_at: datetime | None


def recipe_row(row: Any) -> RecipeRow:  # noqa: ANN401 (a row of any query)
    """A recipe from its row."""
    return RecipeRow(row.name, row.current, row.enabled, row.text, row.inputs or {}, row.version, row.updated_at)


def connection_row(row: Any) -> ConnectionRow:  # noqa: ANN401 (a row of any query)
    """A connection from its row."""
    return ConnectionRow(
        name=row.name,
        connector=row.connector,
        settings=row.settings,
        secrets=row.secrets,
        health=row.health or {},
        poll_cursor=row.poll_cursor,
        enabled=row.enabled,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def user_row(row: Any) -> UserRow:  # noqa: ANN401 (a row of any query)
    """A person from their row."""
    return UserRow(
        id=row.id,
        email=row.email,
        name=row.name,
        role=row.role,
        password_hash=row.password_hash,
        preferences=row.preferences or {},
        session_epoch=row.session_epoch,
        disabled=row.disabled,
        created_at=row.created_at,
        last_login_at=row.last_login_at,
    )
