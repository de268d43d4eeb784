"""Values that the journal writes and gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from hub.journal.book import Book
    from hub.jsontypes import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened, before it is matched and recorded. ``source`` is a connection's name, or ``hub``.

    ``recalled``: its metadata is what the hub knew of the subscription, and not news.
    """

    type: str
    source: str
    source_id: str
    data: JsonObject
    time: datetime | None = None
    raw: bytes | None = None
    headers: Mapping[str, str] | None = None
    verification: JsonObject | None = None
    caused_by_run: str | None = None
    caused_by_step: str | None = None
    id: str | None = None
    recalled: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the hub's own things: ``work`` writes its rows and tells its events. ``caused_by``: run and step."""

    work: Callable[[Book], object]
    now: datetime
    caused_by: tuple[str | None, str | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change gave, and the events that it told."""

    result: object
    recorded: tuple[Recorded, ...]


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be born with its event. ``key`` is the digest of the rendered concurrency key, or None."""

    id: str
    recipe: str
    n: int
    key: str | None = None
    limit: int = 1
    replay: str = ""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to record once, with everything that has to become durable in the same transaction.

    ``runs`` were matched at ``epoch`` (the version of the enabled recipes); when the journal stands at a newer one, the
    writer answers :class:`StaleEpochError` and the caller matches again. ``match_keys``: (event type or pattern, hash)
    for each match shape that recipes use with this type: waits that look for it are found by them.
    ``recalled``: its metadata is what the hub knew of the subscription, and not news.
    """

    id: str
    type: str
    source: str
    source_id: str
    time: datetime
    data: JsonObject
    received: datetime
    epoch: int
    subject: str | None = None
    search: str | None = None
    raw: bytes | None = None
    headers: Mapping[str, str] | None = None
    verification: JsonObject | None = None
    caused_by_run: str | None = None
    caused_by_step: str | None = None
    runs: tuple[NewRun, ...] = ()
    match_keys: tuple[tuple[str, str], ...] = ()
    recalled: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """The outcome of recording an event: its id (the first one's, when it was a duplicate), and which runs may go.

    ``runnable``: new runs that are not blocked by their key. ``woken``: runs whose wait it matched.
    """

    event_id: str
    duplicate: bool
    runnable: tuple[str, ...] = ()
    woken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepRow:
    """One attempt of one step, as stored (see :class:`hub.recipes.record.StepRecord`); ``seq`` orders them."""

    path: str
    attempt: int
    seq: int
    kind: str
    state: str
    input: Json
    output: Json
    error: JsonObject | None
    key: str | None
    started: datetime
    ended: datetime | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewWait:
    """A wait to keep: one row per type. Events count that came after the run's own, which came ``since``.

    Of a replay, whose own event is old, those count that came since it was asked for.
    """

    path: str
    types: tuple[str, ...]
    match_hash: str
    filtered: bool
    since: datetime
    is_replay: bool
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewQuestion:
    """A question to a person."""

    id: str
    path: str
    whom: str
    question: str
    answers: tuple[str, ...]
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunUpdate:
    """What one advance of a run writes, all or nothing, only while ``fence`` is still the run's.

    A status that ends the run, or a release of its key, lets the next run of its key go in the same transaction.
    ``consumed``: (path, event id) of the signals that were judged.
    """

    run_id: str
    fence: int
    status: str
    now: datetime
    due_at: datetime | None
    cursor: str | None
    error: JsonObject | None
    ended: datetime | None
    keep_lease: bool
    steps: tuple[StepRow, ...] = ()
    waits: tuple[NewWait, ...] = ()
    questions: tuple[NewQuestion, ...] = ()
    ended_waits: tuple[str, ...] = ()
    consumed: tuple[tuple[str, str], ...] = ()
    recipe: str = ""
    key: str | None = None
    limit: int = 1
    release_key: bool = False
    events: tuple[NewEvent, ...] = ()
    """Events that the run itself emits (hub/emit), recorded in the same transaction."""


@dataclass(frozen=True, slots=True)
class Updated:
    """The outcome of a :class:`RunUpdate`.

    ``superseded``: another owner took the run over; nothing was written, stop. ``signalled``: an event that had come
    before a wait began (or came meanwhile) waits to be judged: advance again. ``runnable``: runs of the same key that may go
    now. ``recorded``: outcomes of ``events``.
    """

    superseded: bool = False
    signalled: bool = False
    runnable: tuple[str, ...] = ()
    recorded: tuple[Recorded, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Take runs for ``owner`` until ``lease_until``: those of ``ids`` that can go on, or any that are due."""

    owner: str
    now: datetime
    lease_until: datetime
    ids: tuple[str, ...] | None
    limit: int


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """The leases of ``owner``: renewed until ``moment``, or given back at ``moment``."""

    owner: str
    moment: datetime


class StaleEpochError(Exception):
    """An outcome: the enabled recipes changed since the event was matched. Nothing was written; match again."""

    is_outcome = True


class RecipesChangedError(ConflictError):
    """The enabled recipes changed since this process read them, so that what a change tells cannot be matched yet."""

    def __init__(self) -> None:
        super().__init__("Somebody changed the recipes at this very moment.", remedy="Do it again.")


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run that its claimer now owns, with all that is needed to go on. ``signals``: (path, event) in order."""

    id: str
    recipe: str
    n: int
    key: str | None
    fence: int
    event: JsonObject
    created: datetime
    started: datetime | None
    steps: tuple[StepRow, ...] = ()
    signals: tuple[tuple[str, JsonObject], ...] = ()
    replay: str = ""
