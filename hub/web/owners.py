"""What money is held for: jobs and orders, by the numbers that people call them by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import url_for

from hub.journal.owners import names_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Owner:
    """A job or an order; ``page`` is its address."""

    words: str
    page: str


def owners_of(connection: sa.Connection, identities: Iterable[str]) -> Mapping[str, Owner]:
    """The jobs and orders of these ids; without those that the hub does not know."""
    return {
        identity: Owner(f"{one.words[0].upper()}{one.words[1:]}", url_for(f"{one.kind}s.show", reference=identity))
        for identity, one in names_of(connection, identities).items()
    }
