"""What each of the thousands of hubs in one test process would compile anew is compiled once; passwords are hashed quickly.

Templates, builders of addresses and statements that make tables depend on nothing but their text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from argon2 import PasswordHasher
from flask import Flask
from jinja2 import BytecodeCache
from werkzeug.routing import Rule

from hub.journal import database
from hub.web import passwords

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from jinja2.bccache import Bucket
    from sqlalchemy import Connection


class _Templates(BytecodeCache):
    """Compiled templates by name and text."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key, bucket.checksum] = bucket.code


_compile_builder: Final = Rule._compile_builder
_builders: Final[dict[Any, Callable[..., tuple[str, str]]]] = {}


def _builder(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    if rule.defaults:
        return _compile_builder(rule, append_unknown)
    key = rule.rule, *rule._trace, append_unknown
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


_create: Final = database._create
_statements: Final[list[str]] = []


def _create_tables(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        _create(connection)
        return
    if not _statements:
        _create(connection)
        made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
        _statements.extend(made.scalars())
        return
    for statement in _statements:
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (database.REVISION,))


def be_quick() -> None:
    """Let all hubs of this process share what they compile, and spend no time on making passwords hard to guess."""
    passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    database._create = _create_tables
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": _Templates()}
    Rule._compile_builder = _builder  # type: ignore[method-assign]
