"""Secrets at rest, and signatures for links: keys from the environment or a file that only the hub may read."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from hub.errors import ConfigError, HubError

if TYPE_CHECKING:
    from datetime import timedelta

    from hub.jsontypes import Json

VARIABLE = "HUB_SECRET_KEYS"
FILE = "secret.keys"


class LinkError(HubError):
    """A signed link that is not ours (``bad_link``) or whose time is over (``expired_link``)."""

    default_code = "bad_link"


class Keyring:
    """Encrypts with the newest key and reads with all. Keys never show in messages or logs."""

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except (ValueError, TypeError) as error:
            message = "A secret key is not valid."
            remedy = f"Each key in {VARIABLE} or {FILE} has 44 characters, as `hub secrets rotate` makes them."
            raise ConfigError(message, remedy=remedy) from error
        self._newest = keys[0]
        self._all = tuple(keys)

    def __repr__(self) -> str:
        return f"<Keyring of {len(self._all)} keys>"

    @classmethod
    def load(cls, workspace: Path, environment_keys: str | None = None) -> Keyring:
        """The keys of the environment, else of the workspace's key file, which is made on first use.

        Raises :class:`ConfigError` when other users could read the file.
        """
        named = environment_keys if environment_keys is not None else os.environ.get(VARIABLE, "")
        keys = [key.strip() for key in named.split(",") if key.strip()]
        return cls(keys or _keys_of(workspace / FILE))

    def encrypt(self, value: str) -> str:
        """The value as a token that only the keys can read."""
        return self._fernet.encrypt(value.encode()).decode()

    def decrypt(self, token: str) -> str:
        """The value of a token. Raises :class:`ConfigError` when no key fits."""
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken as error:
            message = "A stored secret cannot be read with the keys in force."
            remedy = f"Put back the key with which it was written ({VARIABLE} or {FILE}), or enter the secret again."
            raise ConfigError(message, remedy=remedy) from error

    def rotate(self, token: str) -> str:
        """The same value under the newest key."""
        return self._fernet.rotate(token.encode()).decode()

    def derived(self, purpose: str) -> str:
        """A key for one purpose (hex, 256 bits), from the oldest key, so that a rotation keeps links and sessions alive."""
        kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"connector-hub:{purpose}".encode())
        return kdf.derive(self._all[-1].encode()).hex()

    def sign(self, purpose: str, payload: Json) -> str:
        """A link's token for one purpose: signed, with its time, URL-safe."""
        return str(URLSafeTimedSerializer(self.derived(purpose), salt=purpose).dumps(payload))

    def unsign(self, purpose: str, token: str, lasts: timedelta) -> Json:
        """The payload. Raises :class:`LinkError` for a token that is not ours, of another purpose, or too old."""
        serializer = URLSafeTimedSerializer(self.derived(purpose), salt=purpose)
        try:
            payload: Json = serializer.loads(token, max_age=int(lasts.total_seconds()))
        except SignatureExpired as error:
            message = "This link is too old."
            raise LinkError(message, code="expired_link", remedy="Ask for a new one.") from error
        except BadSignature as error:
            message = "This link is not valid."
            raise LinkError(message, remedy="Open it exactly as it was sent, or ask for a new one.") from error
        return payload


def new_key() -> str:
    """A fresh key."""
    return Fernet.generate_key().decode()


def add_key(workspace: Path) -> None:
    """Put a new key first in the workspace's key file; the older ones stay to read what they wrote."""
    file = workspace / FILE
    _write(file, [new_key(), *_keys_of(file)])


def _keys_of(file: Path) -> list[str]:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(file, [new_key()])
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        message = f"Other users of this machine can read the keys in {file}."
        raise ConfigError(message, remedy=f"Run: chmod 600 {file}")
    return [line.strip() for line in file.read_text(encoding="ascii").splitlines() if line.strip()]


def _write(file: Path, keys: Sequence[str]) -> None:
    temporary = file.with_suffix(".new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write("\n".join(keys) + "\n")
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(file)
