"""Passwords: Argon2id, and what makes one acceptable."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.errors import HubError

LEAST = 10
_MOST = 200
_FEWEST_DIFFERENT = 5

_HASHER = PasswordHasher()


class PasswordError(HubError):
    """A password that is not good enough."""

    default_code = "password"


def hash_password(password: str, email: str) -> str:
    """The Argon2id hash to store. Raises :class:`PasswordError` for one that could be guessed."""
    if len(password) < LEAST:
        message = f"The password has {len(password)} characters."
        raise PasswordError(message, remedy=f"Use at least {LEAST}; a few words in a row are easy to remember.")
    if len(password) > _MOST:
        raise PasswordError("The password is too long.", remedy=f"Use at most {_MOST} characters.")
    name = email.partition("@")[0].lower()
    if len(set(password)) < _FEWEST_DIFFERENT or (len(name) > 3 and name in password.lower()):  # noqa: PLR2004
        message = "The password is too easy to guess."
        raise PasswordError(message, remedy="Use a few words in a row that have nothing to do with your name.")
    return _HASHER.hash(password)


def is_password(password: str, stored: str | None) -> bool:
    """Whether it is the one that was hashed. Takes as long when there is none."""
    try:
        _HASHER.verify(stored or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with weaker parameters than today's and should be made again."""
    return _HASHER.check_needs_rehash(stored)


@cache
def _nobodys() -> str:
    return _HASHER.hash("nobody's password, so that an unknown address takes as long as a known one")
