"""One process's hub: everything wired together, started and stopped."""

from __future__ import annotations

import fcntl
import os
import secrets as randomness
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import IO, TYPE_CHECKING, cast

import sqlalchemy as sa
import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from hub.connect.http import HttpSettings, Outbound
from hub.connect.registry import Registry
from hub.engine import alerts, doctor
from hub.engine.accounts import Accounts
from hub.engine.caller import Caller
from hub.engine.charging import Charging
from hub.engine.driver import Driver
from hub.engine.file_desk import FileDesk
from hub.engine.gateway_calls import GatewayCalls
from hub.engine.library import Library
from hub.engine.new_means import NewMeans
from hub.engine.office import HubOffice
from hub.engine.own_actions import PROJECTIONS
from hub.engine.payment_clock import PaymentClock
from hub.engine.payment_desk import Pages, PaymentDesk
from hub.engine.pool import ActionPool
from hub.engine.recipe_desk import RecipeDesk
from hub.engine.recorder import Recorder, event_entry
from hub.engine.run_desk import RunDesk
from hub.engine.schedules import Schedules
from hub.engine.services import Services
from hub.engine.shelf import Shelf
from hub.engine.timers import expire_claims
from hub.errors import ConfigError
from hub.journal.database import Database
from hub.journal.entries import RecipesChangedError
from hub.journal.operations import expire_leases
from hub.journal.queries import Queries
from hub.journal.retention import Deleted, Periods, tidy
from hub.journal.store import Store
from hub.journal.tables import runs
from hub.journal.writer import Writer
from hub.observe import Metrics
from hub.payments.accounting import compare_after
from hub.payments.store import PaymentStore
from hub.secrets import Keyring

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from hub.config import Settings
    from hub.connect.api import Connection, HttpClient
    from hub.connect.connector import LoadedConnector
    from hub.engine.distributed import JobWorker
    from hub.engine.doctor import Ailment
    from hub.journal.book import Book
    from hub.journal.entries import Happening, NewEvent

log = structlog.get_logger(__name__)

_SWEEP_SECONDS = 5
_STOP_GRACE = 10.0
_TIDY_AFTER = timedelta(minutes=10)
ANSWER_PURPOSE = "answer"


class Role(StrEnum):
    """What a process does: ``RUN`` everything, ``WEB`` takes in and shows, ``WORKER`` advances runs, ``TOOL`` a command."""

    RUN = "run"
    WEB = "web"
    WORKER = "worker"
    TOOL = "tool"


class Hub:
    """Everything one process needs. Make it with :meth:`open`; :meth:`start` its engine; :meth:`close` it."""

    def __init__(
        self, settings: Settings, database: Database, role: Role, now: Callable[[], datetime] | None = None
    ) -> None:
        self.settings = settings
        self.role = role
        self.now = now or (lambda: datetime.now(UTC))
        self.owner = f"{os.uname().nodename[:16]}-{os.getpid()}-{randomness.token_hex(4)}"
        self.database = database
        self.registry = Registry.load([settings.workspace / "connectors"])
        self.keyring = Keyring.load(settings.workspace)
        self.writer = Writer(database, None if database.is_sqlite else _queue().enqueue, follow=_Follow(self))
        self.store = Store(database, self.writer)
        self.queries = Queries(database)
        self.metrics = Metrics()
        self.metrics.watch_queue("writer", self.writer.waiting)
        allowed = settings.allow_private_addresses
        self.outbound = Outbound(HttpSettings(allowed=(*allowed, *_own_addresses(settings))))
        self.accounts = Accounts(
            self.store, self.registry, self.keyring, self.outbound, self.now, address=settings.address
        )
        self.library = Library(Shelf(self.store))
        self._driver: Driver | None = None
        self.recorder = Recorder(self.library, database, self.writer, self._wake)
        self.schedules = Schedules(self.library, self.recorder, _Positions(self.store, self.now))
        self.pages = Pages(self)
        payment_store = PaymentStore(database, self.store)
        self.services = Services(
            _Mails(self.store, self.now),
            _Templates(self.store),
            self.answer_address,
            self.now,
            partial(HubOffice, self),
            self.accounts.get,
        )
        self.accounts.lend = partial(self.services.lend, (None, None), [])
        self.gateway_calls = GatewayCalls(payment_store, self.pages, partial(HubOffice, self))
        self.payments = PaymentDesk(self, payment_store)
        self.charging = Charging(self, self.payments)
        self.new_means = NewMeans(self, self.payments, self.charging)
        self.payment_clock = PaymentClock(self)
        self.recipes = RecipeDesk(self)
        self.runs = RunDesk(self)
        self.files = FileDesk(self)
        self._scheduler: BackgroundScheduler | None = None
        self._jobs: JobWorker | None = None
        self._pool: ActionPool | None = None
        self._lock: IO[str] | None = None

    @classmethod
    def open(cls, settings: Settings, role: Role, now: Callable[[], datetime] | None = None) -> Hub:
        """Open the workspace, bring the database up to date, read the connectors.

        Raises ``ConfigError`` (a wrong setting, another hub on the same files) or ``UnavailableError``.
        """
        settings.workspace.mkdir(parents=True, exist_ok=True)
        database = Database.open(settings.database)
        if database.is_sqlite and role in {Role.WEB, Role.WORKER}:
            message = f"`hub {role}` needs PostgreSQL: SQLite serves one process."
            raise ConfigError(message, remedy="Set HUB_DATABASE_URL=postgresql://…, or use `hub run`.")
        lock = _lock_workspace(settings) if database.is_sqlite and role is Role.RUN else None
        database.migrate()
        if not database.is_sqlite:
            _queue().install_queue(database)
        hub = cls(settings, database, role, now)
        hub._lock = lock
        return hub

    # the engine

    def start(self) -> None:
        """Begin to advance runs and to keep time, as the process's role asks for."""
        if self.role in {Role.RUN, Role.WORKER}:
            self._start_driver()
        if self.role in {Role.RUN, Role.WEB, Role.WORKER}:
            self._start_clock()
        log.info("hub_started", role=self.role.value, database=self.database.dialect)

    def _start_driver(self) -> None:
        settings = self.settings
        if self.database.is_sqlite:
            self.writer.write(expire_leases, self.now())
            expire_claims(self)
        self._pool = ActionPool(settings.action_threads, settings.connection_concurrency)
        caller = Caller(
            self.registry,
            self.accounts,
            self._http,
            self.services,
            self.gateway_calls,
            self.now,
            default_timeout=settings.action_timeout_seconds,
            output_limit=settings.step_output_bytes,
            on_called=self._count_call,
        )
        self._driver = Driver(
            self.writer,
            self.library,
            caller,
            self._pool,
            self.now,
            self.owner,
            lease=timedelta(seconds=settings.lease_seconds),
            capacity=settings.runs_in_memory,
            next_due=self.next_due if self.database.is_sqlite else None,
            on_ended=lambda recipe, status: self.metrics.runs_ended.labels(recipe, status.value).inc(),
        )
        self.metrics.watch_queue("actions", self._pool.queued)
        self.metrics.watch_queue("runs", self._driver.load)
        self._driver.start()
        if not self.database.is_sqlite:
            self._jobs = _queue().JobWorker(self.database.url, self._driver)
            self._jobs.start()

    def _start_clock(self) -> None:
        self._scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
        self._scheduler.add_job(lambda: self.schedules.fire_due(self.now()), "interval", seconds=1)
        self._scheduler.add_job(lambda: alerts.look(self), "interval", seconds=alerts.LOOK_EVERY.total_seconds())
        if self._driver is not None:
            self._scheduler.add_job(self._driver.sweep, "interval", seconds=_SWEEP_SECONDS)
            self._scheduler.add_job(self.payment_clock.tick, "interval", seconds=1)
            self._scheduler.add_job(self.compare_days)
            first = datetime.now(UTC) + _TIDY_AFTER
            self._scheduler.add_job(self.tidy, "interval", days=1, next_run_time=first, misfire_grace_time=None)
        self._scheduler.start()

    @property
    def driver(self) -> Driver:
        """The engine's thread. Raises ``ConfigError`` in a process that has none."""
        if self._driver is None:
            message = "This process advances no runs."
            raise ConfigError(message, remedy="Start `hub run` or `hub worker`.")
        return self._driver

    def _count_call(self, connection: str, action: str, result: str, seconds: float) -> None:
        self.metrics.steps_ended.labels(connection, action, result).inc()
        self.metrics.action_seconds.labels(connection, action).observe(seconds)

    def _wake(self, identities: Sequence[str]) -> None:
        """On one machine the engine hears of runs from memory; on many, the jobs in the same transaction tell it."""
        if self._driver is not None and self.database.is_sqlite:
            self._driver.wake(identities)

    def wake(self, identities: Sequence[str]) -> None:
        """Runs can go on that this process just made ready."""
        self._wake(identities)

    def next_due(self) -> datetime | None:
        """When the next run is due; None when none is."""
        query = sa.select(sa.func.min(runs.c.due_at)).where(runs.c.status.in_(("ready", "waiting")), ~runs.c.blocked)
        with self.database.read() as connection:
            return cast("datetime | None", connection.scalar(query))

    def _http(self, connection: Connection, connector: LoadedConnector, timeout: float) -> HttpClient:
        return self.outbound.client(connection, connector.manifest, timeout=timeout)

    def answer_address(self, question: str, answer: str) -> str:
        """The signed address by which a person answers a question."""
        token = self.keyring.sign(ANSWER_PURPOSE, [question, answer])
        return f"{self.settings.address}/answer/{token}"

    def office(self, key: str) -> HubOffice:
        """An office for work that somebody does on a page or by the API; the same key is the same work."""
        return HubOffice.of(self, key)

    def doctor(self) -> Sequence[Ailment]:
        """What is right and wrong with the installation."""
        return doctor.examine(self)

    def compare_days(self) -> None:
        """From today on each day is compared with the gateways, though none ever reported a payment: that may be lost."""
        now = self.now()
        self.recorder.change(lambda book: compare_after(book, now.date()), now, (None, None))

    def tidy(self) -> Deleted:
        """Delete what was kept long enough, and give its disk space back."""
        kept = self.settings
        days = (kept.raw_body_days, kept.run_days, kept.event_days)
        deleted = tidy(self.database, self.writer, Periods(*(timedelta(days=count) for count in days)), self.now())
        log.info("tidied", **asdict(deleted))
        return deleted

    def close(self) -> None:
        """Stop taking up work, record what is under way, write what waits. What is left goes on at the next start."""
        if self._scheduler is not None:
            self._scheduler.shutdown()  # what it just does reads the database, which must be there until it is done
        if self._jobs is not None:
            self._jobs.stop(_STOP_GRACE)
        if self._driver is not None:
            self._driver.stop(_STOP_GRACE)
        self.payment_clock.close()
        if self._pool is not None:
            self._pool.close(1.0)
        self.writer.close()
        self.outbound.close()
        self.database.close()
        if self._lock is not None:
            self._lock.close()


def _queue() -> ModuleType:
    """The queue between machines; its library is loaded only with PostgreSQL."""
    from hub.engine import distributed  # noqa: PLC0415

    return distributed


def _own_addresses(settings: Settings) -> tuple[str, ...]:
    """The sandbox is part of the hub: its connector may call the hub's own address."""
    return (f"{settings.host}:{settings.port}",) if settings.sandbox_on else ()


def _lock_workspace(settings: Settings) -> IO[str]:
    """One server per SQLite file. The lock ends with the process, however that ends."""
    file = (settings.workspace / "hub.lock").open("a+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        message = f"Another hub (process {file.read().strip() or 'unknown'}) uses the workspace {settings.workspace}."
        file.close()
        remedy = "Stop it first, give this one another --workspace, or use PostgreSQL for several processes."
        raise ConfigError(message, remedy=remedy) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


class _Follow:
    """Implements :class:`hub.journal.writer.Follow` with the hub's projections and recipes."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def project(self, book: Book, events: Sequence[NewEvent]) -> None:
        for project in PROJECTIONS:
            project(book, events)

    def entry(self, happening: Happening, now: datetime, epoch: int) -> NewEvent:
        snapshot = self._hub.library.snapshot()
        if snapshot.epoch != epoch:
            raise RecipesChangedError
        return event_entry(happening, snapshot, now)


class _Positions:
    """Implements :class:`hub.engine.schedules.Positions` on the store."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def get(self, schedule: str) -> datetime | None:
        value = self._store.fact(f"schedule:{schedule}")
        return datetime.fromisoformat(value) if isinstance(value, str) else None

    def put(self, schedule: str, moment: datetime) -> None:
        self._store.put_fact(f"schedule:{schedule}", moment.isoformat(), self._now())


class _Mails:
    """Implements :class:`hub.connect.api.Outbox` on the store."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def put(self, key: str, message: bytes, *, recipient: str, subject: str) -> None:
        self._store.put_mail(key, message, recipient=recipient, subject=subject, now=self._now())


class _Templates:
    """Implements :class:`hub.connect.api.Templates` on the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, name: str) -> str | None:
        return self._store.file("template", name)
