"""Secrets at rest, and signatures for links and sessions: keys from the environment or a file that only the hub may read.

Encryption is Fernet (AES-128-CBC with HMAC-SHA256) under any number of keys, newest
first, so that keys can change while old values stay readable.
"""

from __future__ import annotations

import hashlib
import os
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import BadData, URLSafeSerializer

from hub.errors import ConfigError, HubError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from pathlib import Path

    from hub.jsontypes import Json

VARIABLE: Final = "HUB_SECRET_KEYS"
FILE: Final = "secret.keys"
LONGEST_TOKEN: Final = 4096
"""Characters; a longer link is none of ours and is not looked at."""


class LinkError(HubError):
    """A signed link that is not ours (``bad_link``) or whose time is over (``expired_link``)."""

    default_code = "bad_link"


class Keyring:
    """Encrypts and signs with the newest key, and reads what any of its keys wrote. Keys never show in messages or logs.

    Raises :class:`ConfigError` for a key that is none, or when there is none at all.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except (ValueError, TypeError):
            # Without the cause: its text may hold a part of the key.
            remedy = f"Each key in {VARIABLE} or {FILE} has 44 characters, as `hub secrets rotate` makes them."
            raise ConfigError("A secret key is not valid, or there is none.", remedy=remedy) from None
        self._keys = tuple(keys)

    def __repr__(self) -> str:
        return f"<Keyring of {len(self._keys)}>"

    @classmethod
    def load(cls, workspace: Path, environment_keys: str | None = None) -> Keyring:
        """The keys of the environment, else of the workspace's key file, which is made on first use.

        Raises :class:`ConfigError` when other users could read the file, or it cannot be read.
        """
        named = environment_keys if environment_keys is not None else os.environ.get(VARIABLE, "")
        keys = [key.strip() for key in named.split(",") if key.strip()]
        return cls(keys or _keys_of(workspace / FILE))

    def encrypt(self, value: str | bytes) -> str:
        """The value as a token that only the keys can read."""
        return self._fernet.encrypt(value if isinstance(value, bytes) else value.encode()).decode()

    def decrypt(self, token: str) -> str:
        """The value of a token, as text. Raises :class:`ConfigError` when no key fits."""
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise _unreadable() from error

    def rotate(self, token: str) -> str:
        """The same value under the newest key. Raises :class:`ConfigError` when no key fits."""
        try:
            return self._fernet.rotate(token.encode()).decode()
        except InvalidToken as error:
            raise _unreadable() from error

    def derived(self, purpose: str) -> str:
        """A key for one purpose (hex, 256 bits; HKDF-SHA256, RFC 5869), which stays the same when keys are added.

        It comes from the oldest key, and changes when that is taken away. For what is shared with somebody else once.
        """
        return self.derived_keys(purpose)[-1]

    def derived_keys(self, purpose: str) -> tuple[str, ...]:
        """The keys for one purpose, newest first: sign with the first, believe all (as Flask's ``SECRET_KEY_FALLBACKS``)."""
        return tuple(_derive(key, purpose) for key in self._keys)

    def sign(self, purpose: str, payload: Json, *, now: datetime | None = None) -> str:
        """A link's token for one purpose: signed, with its time (``now``, else the clock's), URL-safe, not encrypted."""
        return str(self._serializer(purpose).dumps([_seconds(now), payload]))

    def unsign(self, purpose: str, token: str, lasts: timedelta, *, now: datetime | None = None) -> Json:
        """The payload of a token made at most ``lasts`` ago; signatures are compared in constant time.

        Raises :class:`LinkError` for a token that is not ours or of another purpose (``bad_link``), or too old
        (``expired_link``).
        """
        remedy = "Open it exactly as it was sent, or ask for a new one."
        if len(token) > LONGEST_TOKEN:
            raise LinkError("This link is not valid.", remedy=remedy)
        try:
            made, payload = self._serializer(purpose).loads(token)
        except BadData as error:
            raise LinkError("This link is not valid.", remedy=remedy) from error
        if _seconds(now) - made > lasts.total_seconds():
            raise LinkError("This link is too old.", code="expired_link", remedy="Ask for a new one.")
        return cast("Json", payload)

    def _serializer(self, purpose: str) -> URLSafeSerializer:
        return URLSafeSerializer(
            list(reversed(self.derived_keys(purpose))),  # itsdangerous signs with the last
            salt=purpose,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )


def _seconds(now: datetime | None) -> int:
    return int((now or datetime.now(UTC)).timestamp())


def new_key() -> str:
    """A fresh key."""
    return Fernet.generate_key().decode()


def add_key(workspace: Path) -> None:
    """Put a new key first in the workspace's key file; the older ones stay to read what they wrote.

    Raises :class:`ConfigError` as :meth:`Keyring.load` does.
    """
    file = workspace / FILE
    keys = [new_key(), *_keys_of(file)]
    temporary = _written_beside(file, keys)
    temporary.replace(file)
    _make_durable(file.parent)


def _keys_of(file: Path) -> list[str]:
    try:
        if not file.exists():
            _create(file)
        if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            message = f"Other users of this machine can read the keys in {file}."
            raise ConfigError(message, remedy=f"Run: chmod 600 {file}")
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        remedy = f"Give the user that runs the hub this file, or set {VARIABLE}."
        raise ConfigError(f"The keys in {file} cannot be read: {reason}.", remedy=remedy) from error


def _create(file: Path) -> None:
    """Make the file with one key, unless another process is quicker; its key counts then."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = _written_beside(file, [new_key()])
    try:
        os.link(temporary, file)
    except FileExistsError:
        return
    finally:
        temporary.unlink()
    _make_durable(file.parent)


def _written_beside(file: Path, keys: Sequence[str]) -> Path:
    """A file of this process with the keys, on the disk and not only in memory, which only its owner may read."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}.new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write("\n".join(keys) + "\n")
        out.flush()
        os.fsync(out.fileno())
    return temporary


def _make_durable(folder: Path) -> None:
    """A renamed file is there after a power cut once its folder is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _derive(key: str, purpose: str) -> str:
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"connector-hub:{purpose}".encode())
    return kdf.derive(key.encode()).hex()


def _unreadable() -> ConfigError:
    remedy = f"Put back the key with which it was written ({VARIABLE} or {FILE}), or enter the secret again."
    return ConfigError("A stored secret cannot be read with the keys in force.", remedy=remedy)
