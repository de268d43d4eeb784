"""What the hub tells of itself: structured logs without secrets, and metrics for Prometheus.

Modules log with ``structlog.get_logger(__name__)``: a constant name of what happened and its facts as keywords. Whoever
works on an event or a run binds their ids around it, ``with structlog.contextvars.bound_contextvars(run_id=…)``, and every
line inside carries them, those of other libraries too.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, Final, Protocol, TextIO

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from hub import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping

    from structlog.typing import EventDict, Processor

    from hub.jsontypes import Json

METRICS_TYPE: Final = CONTENT_TYPE_LATEST
"""The content type of :meth:`Metrics.render`."""

_TALKATIVE: Final = ("alembic", "apscheduler", "urllib3", "werkzeug")
"""Libraries that tell each of their steps at level info; from the hub they are heard from warnings on."""

_TELL_TALES: Final = ("procrastinate", "psycopg", "sqlalchemy")
"""Libraries that tell the very rows and values at lower levels, and so what people entered: only warnings are heard."""


class Redacts(Protocol):
    """Takes secrets out of JSON values: :class:`hub.connect.redaction.Redactor`."""

    def json(self, value: Json) -> Json:
        """The value without secrets."""


class _Redaction:
    """The step through which every line goes: known secrets and what stands under a secret's name become a mask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: frozenset[str] = frozenset()
        self._make: Callable[[Iterable[str]], Redacts] | None = None
        self._redactor: Redacts | None = None

    def use(self, make: Callable[[Iterable[str]], Redacts]) -> None:
        with self._lock:
            self._make, self._redactor = make, make(self._secrets)

    def add(self, secrets: Iterable[str]) -> None:
        with self._lock:
            known = self._secrets | frozenset(secrets)
            if known != self._secrets:
                self._secrets = known
                self._redactor = self._make(known) if self._make else None

    def __call__(self, _logger: object, _method: str, line: MutableMapping[str, object]) -> EventDict:
        redactor = self._redactor
        if redactor is None:
            return dict(line)
        cleaned = redactor.json({name: _as_json(value) for name, value in line.items()})
        assert isinstance(cleaned, dict)
        return cleaned


_redaction = _Redaction()


def hide_in_logs(*secrets: str) -> None:
    """From now on these values are masked wherever a log line would show them. Call it when a secret is decrypted."""
    _redaction.add(secrets)


def configure_logging(
    level: str,
    layout: str,
    redactor: Callable[[Iterable[str]], Redacts],
    output: TextIO | None = None,
) -> None:
    """Send every log line of this process, ours and the libraries', to ``output`` (standard error if not said).

    ``level`` is ``debug``, ``info``, ``warning`` or ``error``; ``layout`` is ``text`` for people or ``json`` for machines;
    ``redactor`` makes, from the secrets known so far, what cleans each line. Times are UTC. Calling it again replaces what
    was set before.
    """
    output = output or sys.stderr
    _redaction.use(redactor)
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _redaction,
                *(_json_layout() if layout == "json" else _text_layout(output)),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(number if number <= logging.DEBUG else max(number, logging.WARNING))
    for name in _TELL_TALES:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _json_layout() -> list[Processor]:
    def serialize(line: object, **_options: object) -> str:
        return orjson.dumps(line, default=str).decode()

    return [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer(serializer=serialize)]


def _text_layout(output: TextIO) -> list[Processor]:
    return [
        structlog.dev.ConsoleRenderer(
            colors=output.isatty(),
            timestamp_key="time",
            # Not the one with the values of local variables: they may be secrets.
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]


def _as_json(value: object) -> Json:
    """A log line's value as JSON, so that nothing escapes the redaction by being an object."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(name): _as_json(member) for name, member in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_as_json(member) for member in value]
    return str(value)


class Metrics:
    """The figures of one process. Thread-safe; each object has a registry of its own.

    Labels are names that an admin chose (connections, recipes) or that code fixes (reasons, results), never what came from
    outside: use ``unknown`` for a connection that does not exist, so that nobody can make the page grow.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        Info("hub", "The running version.", registry=registry).info({"version": __version__})

        self.events_accepted = Counter("hub_events_accepted", "New events recorded.", ["connection"], registry=registry)
        self.events_repeated = Counter(
            "hub_events_repeated", "Deliveries of events recorded before.", ["connection"], registry=registry
        )
        self.refusals = Counter("hub_refusals", "Deliveries refused.", ["connection", "reason"], registry=registry)
        self.receive_seconds = Histogram(
            "hub_receive_seconds", "From a delivery's arrival to its durable record.", buckets=_FAST, registry=registry
        )
        self.runs_ended = Counter("hub_runs_ended", "Runs that ended.", ["recipe", "status"], registry=registry)
        self.steps_ended = Counter(
            "hub_steps_ended", "Attempts of calls that ended.", ["connection", "action", "result"], registry=registry
        )
        self.action_seconds = Histogram(
            "hub_action_seconds", "How long calls took.", ["connection", "action"], buckets=_SLOW, registry=registry
        )
        self.outgoing_requests = Counter(
            "hub_outgoing_requests",
            "HTTP requests to outside systems; status is the answer's, or none.",
            ["connection", "status"],
            registry=registry,
        )
        self.queue_depth = Gauge(
            "hub_queue_depth",
            "What waits in this process: for the writer, for an action's thread.",
            ["queue"],
            registry=registry,
        )
        self.writer_batch_items = Histogram(
            "hub_writer_batch_items", "Writes that shared one commit.", buckets=_BATCHES, registry=registry
        )
        self.writer_commit_seconds = Histogram(
            "hub_writer_commit_seconds", "From a batch's begin to its commit.", buckets=_FAST, registry=registry
        )

    def watch_queue(self, queue: str, depth: Callable[[], float]) -> None:
        """Ask ``depth`` for the length of a queue whenever the figures are read."""
        self.queue_depth.labels(queue).set_function(depth)

    def written(self, items: int, seconds: float) -> None:
        """A batch of the writer was committed (:attr:`hub.journal.writer.Writer.on_commit`)."""
        self.writer_batch_items.observe(items)
        self.writer_commit_seconds.observe(seconds)

    def answered(self, connection: str, status: int | None) -> None:
        """An outside system answered, or did not (:attr:`hub.connect.http.Outbound.on_answer`)."""
        self.outgoing_requests.labels(connection, "none" if status is None else str(status)).inc()

    def render(self) -> bytes:
        """All figures in Prometheus' text format (:data:`METRICS_TYPE`)."""
        return generate_latest(self.registry)


_FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SLOW: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_BATCHES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
