"""The API's tokens: made once and shown once, known by their hash, each with what it may do."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import sqlalchemy as sa

from hub.errors import ConfigError, HubError
from hub.ids import new_id
from hub.journal.book import found
from hub.journal.tables_api import tokens

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from hub.engine.hub import Hub
    from hub.journal.book import Book

RESOURCES: Final[Mapping[str, str]] = {
    "orders": "orders",
    "payments": "payments, captures, refunds",
    "links": "payment links",
    "invoices": "invoices",
    "plans": "payment plans",
    "subscriptions": "subscriptions",
    "jobs": "jobs and their offers",
    "providers": "providers",
    "holds": "money in escrow: hold, release, freeze, settle",
    "payouts": "payouts to providers, and the accounts where they go",
    "catalogue": "the catalogue",
    "access": "who has access to what",
    "events": "events: read all, send own ones",
    "forms": "what people sent in by forms",
    "webhooks": "webhooks that the hub sends",
}
"""What a scope is about, with its name for people."""

_ONLY_READ: Final = frozenset({"forms"})

SCOPES: Final = tuple(
    f"{resource}:{right}"
    for resource in RESOURCES
    for right in ("read", "write")
    if right == "read" or resource not in _ONLY_READ
)
"""Everything that a token can be allowed. To write is not to read: a website that only sends events sees none."""

PREFIX: Final = "hub_"
"""How every secret begins, so that scanners of repositories find one that was left there."""

_SECRET = re.compile(r"hub_[A-Za-z0-9_-]{43}")
_HINT = 4
_TITLE_LENGTH = 120
_USED_EVERY = timedelta(minutes=1)


class TokenError(HubError):
    """A request's token is missing or not valid. ``code``: no_token, unknown_token, expired_token, revoked_token."""

    default_code: ClassVar[str] = "unknown_token"


@dataclass(frozen=True, slots=True)
class Token:
    """Who asks, by the API. ``scopes`` as :data:`SCOPES` has them."""

    id: str
    title: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        """How the audit trail names it."""
        return f"token {self.title}"


class Tokens:
    """Makes, finds and revokes tokens. Every change is in the audit trail."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def create(self, title: str, scopes: Collection[str], expires_at: datetime | None, actor: str) -> tuple[str, str]:
        """A new token: its id and its secret, which nobody can read again. Raises ``ConfigError`` that names the field."""
        title, now = " ".join(title.split()), self._hub.now()
        if not 0 < len(title) <= _TITLE_LENGTH or "\x00" in title:
            message = f"Title: a token needs a name of 1 to {_TITLE_LENGTH} characters."
            raise ConfigError(message, code="title", remedy="Write who uses it, such as Portal or Web shop.")
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            message = (
                f"Scopes: there is no scope {unknown[0]!r}." if unknown else "Scopes: a token without any is no use."
            )
            raise ConfigError(message, code="scopes", remedy=f"Choose from {', '.join(SCOPES)}.")
        if expires_at is not None and expires_at <= now:
            raise ConfigError("Expiry: this moment has passed.", code="expires_at", remedy="Choose a later day.")
        secret, identity = PREFIX + secrets.token_urlsafe(32), new_id("tok", now)
        row = {
            "id": identity,
            "title": title,
            "digest": _digest(secret),
            "hint": secret[-_HINT:],
            "scopes": sorted(scopes, key=SCOPES.index),
            "created_by": actor,
            "expires_at": expires_at,
        }
        self._hub.office(identity).change(lambda book: book.insert(tokens, row))
        detail = {"title": title, "scopes": row["scopes"], "expires_at": expires_at.isoformat() if expires_at else None}
        self._hub.store.note(actor, "token.create", identity, now, detail)  # type: ignore[arg-type]  # JSON
        return identity, secret

    def list(self) -> Sequence[sa.Row[Any]]:
        """All tokens, the newest first, those that are valid no more among them."""
        with self._hub.database.read() as connection:
            return connection.execute(sa.select(tokens).order_by(tokens.c.created_at.desc(), tokens.c.id.desc())).all()

    def revoke(self, identity: str, actor: str) -> str:
        """End a token at once, and give its title. Raises ``NotFoundError``; twice is once."""
        now = self._hub.now()

        def work(book: Book) -> tuple[str, bool]:
            row = book.get(tokens, identity)
            if row.revoked_at is None:
                book.change(tokens, row, revoked_at=now)
            return str(row.title), row.revoked_at is None

        title, done = self._hub.office(f"revoke:{identity}").change(work)
        if done:
            self._hub.store.note(actor, "token.revoke", identity, now, {"title": title})
        return title

    def get(self, identity: str) -> sa.Row[Any]:
        """One token. Raises ``NotFoundError``."""
        with self._hub.database.read() as connection:
            row = connection.execute(sa.select(tokens).where(tokens.c.id == identity)).first()
        return found(tokens, identity, row)

    def of_secret(self, secret: str) -> Token:
        """The token of a secret; that it was used is noted. Raises :class:`TokenError`."""
        if not _SECRET.fullmatch(secret):
            remedy = f"Send `Authorization: Bearer {PREFIX}…`, the secret as it was shown when the token was made."
            raise TokenError("This is no token of the hub.", remedy=remedy)
        with self._hub.database.read() as connection:
            row = connection.execute(sa.select(tokens).where(tokens.c.digest == _digest(secret))).first()
        remedy = "Ask an admin of the hub for a new token (Settings, API tokens)."
        now = self._hub.now()
        if row is None:
            raise TokenError("The hub does not know this token.", remedy=remedy)
        if row.revoked_at is not None:
            raise TokenError(f"The token {row.title!r} was revoked.", code="revoked_token", remedy=remedy)
        if row.expires_at is not None and row.expires_at <= now:
            raise TokenError(f"The token {row.title!r} has expired.", code="expired_token", remedy=remedy)
        if row.last_used_at is None or now - row.last_used_at >= _USED_EVERY:
            self._note_use(row.id, now)
        return Token(row.id, row.title, frozenset(cast("list[str]", row.scopes)))

    def _note_use(self, identity: str, now: datetime) -> None:
        update = sa.update(tokens).where(tokens.c.id == identity).values(last_used_at=now)
        self._hub.store.change(lambda tx: tx.connection.execute(update))


def state_of(row: sa.Row[Any], now: datetime) -> str:
    """Whether a token is ``valid``, ``expired`` or ``revoked``."""
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= now else "valid"


def _digest(secret: str) -> str:
    """What is kept of a secret. It has 256 random bits, so that a quick hash keeps it as safe as a slow one."""
    return hashlib.sha256(secret.encode()).hexdigest()
