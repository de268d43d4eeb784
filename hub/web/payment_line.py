"""What happened to one payment, as one time line: events, runs, and the money that moved."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import url_for

from hub.journal.queries import EventFilter, RunFilter
from hub.journal.tables_ledger import ledger_entries
from hub.money import Money
from hub.web.account_words import account_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.engine.hub import Hub
    from hub.journal.queries import EventSummary, RunSummary

_MOST = 100


@dataclass(frozen=True, slots=True)
class Posting:
    """``money`` that went onto an account of the ledger (+) or from it (−); ``words`` are what people call it."""

    account: str
    words: str
    money: Money


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing on the line. ``status`` is a run's; ``postings`` are what an event moved."""

    time: datetime
    kind: str
    title: str
    address: str
    source: str = ""
    status: str = ""
    postings: Sequence[Posting] = ()


def line_of(hub: Hub, payment: str) -> list[Entry]:
    """The newest entries of a payment, newest first; everything that names it counts, wherever it was told."""
    told = hub.queries.events(EventFilter(subject=payment), limit=_MOST).items
    runs = hub.queries.runs(RunFilter(text=payment.lower()), limit=_MOST).items
    moved = _moved(hub, [event.id for event in told])
    entries = [_event(event, moved.get(event.id, ())) for event in told]
    entries += [_run(run) for run in runs]
    return sorted(entries, key=lambda entry: entry.time, reverse=True)


def _event(event: EventSummary, postings: Sequence[Posting]) -> Entry:
    address = url_for("events.show", event_id=event.id)
    return Entry(event.created_at, "event", event.type, address, event.source, postings=postings)


def _run(run: RunSummary) -> Entry:
    return Entry(run.created_at, "run", run.recipe, url_for("runs.show", run_id=run.id), run.event_type, run.status)


def _moved(hub: Hub, events: Sequence[str]) -> Mapping[str, Sequence[Posting]]:
    """The postings by the event that they follow from."""
    found: dict[str, list[Posting]] = defaultdict(list)
    query = sa.select(ledger_entries).where(ledger_entries.c.event.in_(events))
    with hub.database.read() as connection:
        rows = connection.execute(query.order_by(ledger_entries.c.created_at, ledger_entries.c.id)).all()
        words = account_words(connection, {row.account for row in rows})
    for row in rows:
        found[row.event].append(Posting(row.account, words[row.account], Money(row.minor, row.currency)))
    return found
