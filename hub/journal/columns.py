"""Column types: moments as integers, documents as JSON bytes, both cheap enough for the hot path."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Dialect

    from hub.jsontypes import Json

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_COMPRESS_FROM = 64 * 1024
_PLAIN, _COMPRESSED = b"\x00", b"\x01"


class Moment(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime, stored as microseconds since 1970: exact, ordered, the same on both databases."""

    impl = sa.BigInteger
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:
        """To the database. Raises ``TypeError`` for a time without a zone."""
        return lambda value: None if value is None else (value - _EPOCH) // _MICROSECOND

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """From the database."""
        return lambda value: None if value is None else _EPOCH + timedelta(microseconds=value)


class Body(sa.types.TypeDecorator[bytes]):
    """Bytes, compressed from 64 KiB on."""

    impl = sa.LargeBinary
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[bytes | None], bytes | None]:
        """To the database."""
        return lambda value: None if value is None else packed(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], bytes | None]:
        """From the database."""
        return lambda value: None if value is None else unpacked(value)


class Document(sa.types.TypeDecorator["Json"]):
    """A JSON value as UTF-8 bytes, compressed from 64 KiB on. None is SQL's null."""

    impl = sa.LargeBinary
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Json], bytes | None]:
        """To the database. Raises ``TypeError`` for what JSON cannot hold."""
        return lambda value: None if value is None else packed(orjson.dumps(value))

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Json]:
        """From the database."""
        return lambda value: None if value is None else orjson.loads(unpacked(value))


def packed(value: bytes) -> bytes:
    """The bytes behind a mark that says whether they are compressed."""
    return _COMPRESSED + zlib.compress(value, 6) if len(value) >= _COMPRESS_FROM else _PLAIN + value


def unpacked(value: bytes) -> bytes:
    """What :func:`packed` packed."""
    marked = bytes(value)
    return zlib.decompress(marked[1:]) if marked[:1] == _COMPRESSED else marked[1:]
