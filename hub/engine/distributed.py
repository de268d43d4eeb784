"""Many machines on one PostgreSQL: procrastinate carries the news that runs can go on, in the journal's own transactions.

A job holds the ids of runs. It is done as soon as a worker holds their leases; from then on the lease protects them: a
worker that dies lets its leases run out, and the sweep of any other takes the runs over. So a slow outside system never
occupies a job slot, and no run depends on a job for its life: a lost job only costs the seconds until the next sweep.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from typing import TYPE_CHECKING

import procrastinate
import structlog
from sqlalchemy import text

from hub.errors import ConfigError, UnavailableError
from hub.jsontypes import canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hub.engine.driver import Driver
    from hub.journal.database import Database

log = structlog.get_logger(__name__)

QUEUE = "hub"
ADVANCE = "hub.advance"
RUNS_A_JOB = 32
HEARTBEAT = 5.0
STALLED_AFTER = 15.0
_START_TIMEOUT = 30.0

_DEFER = text(
    "SELECT procrastinate_defer_jobs_v1(ARRAY(SELECT ROW(:queue, :task, 0, NULL, NULL, job.args, job.due)"
    "::procrastinate_job_to_defer_v1 FROM unnest(CAST(:args AS jsonb[]), CAST(:dues AS timestamptz[])) AS job(args, due)))"
)
_SCHEMA_LOCK = 0x68756271


def enqueue(connection: Connection, entries: Sequence[tuple[str, datetime | None]]) -> None:
    """Add jobs for runs that can go on now, or at their time, in the caller's transaction.

    A job carries up to 32 runs, so that under load many runs share the queue's cost; one when idle.
    """
    by_due: dict[datetime | None, list[str]] = defaultdict(list)
    for run, due in entries:
        by_due[due].append(run)
    args: list[str] = []
    dues: list[datetime | None] = []
    for due, runs in by_due.items():
        for start in range(0, len(runs), RUNS_A_JOB):
            args.append(canonical_json({"runs": runs[start : start + RUNS_A_JOB]}).decode())
            dues.append(due)
    if args:
        connection.execute(_DEFER, {"queue": QUEUE, "task": ADVANCE, "args": args, "dues": dues})


def install_queue(database: Database) -> None:
    """Create procrastinate's tables when they are not there yet. Safe when several processes start together."""
    schema = procrastinate.App(connector=procrastinate.PsycopgConnector()).schema_manager.get_schema()
    with database.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _SCHEMA_LOCK})
        try:
            if connection.scalar(text("SELECT to_regclass('procrastinate_jobs')")) is None:
                # Without parameters: its text has per cent signs that are no placeholders.
                connection.execution_options(no_parameters=True).exec_driver_sql(schema)
            connection.commit()
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _SCHEMA_LOCK})
            connection.commit()


class JobWorker:
    """Listens for jobs and gives their runs to the engine's driver; a thread with an event loop of its own."""

    def __init__(self, database_url: str, driver: Driver, *, slots: int = 64, sweep_every: float = 5.0) -> None:
        self._driver = driver
        self._slots = slots
        self._sweep_every = sweep_every
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=_conninfo(database_url)))
        self._app.task(name=ADVANCE, queue=QUEUE)(self._advance)
        self._worker: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to listen. Raises ``UnavailableError`` when the database cannot be reached in time."""
        self._thread.start()
        if not self._ready.wait(_START_TIMEOUT) or self._failure is not None:
            message = f"The queue of jobs cannot be reached: {self._failure or 'no answer in 30 seconds'}."
            raise UnavailableError(message, remedy="Check that PostgreSQL runs and HUB_DATABASE_URL names it.")

    def stop(self, timeout: float) -> None:
        """Take no further jobs; those held are given to the driver already."""
        if self._loop is not None and self._worker is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._worker.cancel)
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self._failure = error
            log.exception("job_worker_ended")
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self._app.open_async():
            self._worker = asyncio.create_task(self._work())
            upkeep = asyncio.create_task(self._keep_up())
            self._ready.set()
            try:
                await self._worker
            except asyncio.CancelledError:
                log.info("job_worker_stopped")
            finally:
                upkeep.cancel()

    async def _work(self) -> None:
        await self._app.run_worker_async(
            queues=[QUEUE],
            concurrency=self._slots,
            install_signal_handlers=False,
            delete_jobs=procrastinate.jobs.DeleteJobCondition.ALWAYS,
            update_heartbeat_interval=HEARTBEAT,
            stalled_worker_timeout=STALLED_AFTER,
            fetch_job_polling_interval=1.0,
            shutdown_graceful_timeout=5.0,
        )

    async def _advance(self, runs: list[str]) -> None:
        """A job: it is done when the driver holds the runs, or another process does."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        left = set(runs)

        def note(run: str) -> None:
            left.discard(run)
            if not left and not done.done():
                done.set_result(None)

        def tell(run: str) -> None:
            loop.call_soon_threadsafe(note, run)

        self._driver.wake(runs, tell)
        await done

    async def _keep_up(self) -> None:
        """Sweep for due and deserted runs, and free the jobs of workers that died."""
        while True:
            await asyncio.sleep(self._sweep_every)
            self._driver.sweep()
            try:
                for job in await self._app.job_manager.get_stalled_jobs(
                    queue=QUEUE, seconds_since_heartbeat=STALLED_AFTER
                ):
                    await self._app.job_manager.retry_job(job)
            except procrastinate.exceptions.ProcrastinateException as error:
                log.warning("stalled_jobs_not_freed", reason=str(error))


def _conninfo(url: str) -> str:
    if not url.startswith("postgresql"):
        message = f"Several machines need PostgreSQL, but the database is {url.partition(':')[0]}."
        raise ConfigError(message, remedy="Set HUB_DATABASE_URL to postgresql://…, or use `hub run` on one machine.")
    scheme, _, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}://{rest}"
