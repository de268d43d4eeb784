"""The hub's own figures, each measured on a fresh workspace."""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import requests

from hub.bench.load import Measured, Plan
from hub.bench.yardsticks import SECRET
from hub.config import load_settings
from hub.engine.hub import Hub, Role
from hub.engine.recorder import event_entry
from hub.engine.turns import RunUnderWay
from hub.ids import new_id
from hub.journal.entries import Happening
from hub.journal.operations import ClaimRequest, claim_runs, record_events, update_runs
from hub.recipes.record import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hub.config import Settings
    from hub.jsontypes import JsonObject

_WAIT = 120.0
_THREE_STEPS = """\
hub: 1
recipe: bench
title: Three steps that cost nothing
on: {event: bench.paid}
steps:
  - {id: first, call: probe/nothing, with: {n: "${ event.data.n }"}}
  - {id: second, call: probe/nothing, with: {n: "${ steps.first.output.n }"}}
  - {id: third, call: probe/nothing, with: {n: "${ steps.second.output.n }"}}
"""
_WAITING = """\
hub: 1
recipe: bench-wait
title: A run that waits
on: {event: bench.paid}
steps:
  - wait: {event: bench.done, match: {data.n: "${ event.data.n }"}, timeout: 30d}
"""
_CRM_CALL = """\
hub: 1
recipe: bench-crm
title: Webhook in, CRM call out
on: {event: payment.succeeded}
steps:
  - {id: crm, call: sink/request, with: {method: POST, url: "URL", json: {payment: "${ event.data.payment }"}}}
"""
_PROBE_MANIFEST = """\
connector: 1
name: probe
title: Probe
kind: http
summary: An action that costs nothing, for measuring what the hub costs.
builtin: true
connection: {properties: {}}
actions:
  nothing:
    title: Do nothing
    description: Gives its input back.
    idempotent: nature
    input: {type: object, additionalProperties: true}
    output: {type: object, additionalProperties: true}
"""
_PROBE_CODE = """\
from hub.connect.api import ActionCode, ConnectorCode

connector = ConnectorCode(actions={"nothing": ActionCode(lambda call: dict(call.input))})
"""


@contextmanager
def workspace() -> Iterator[Path]:
    """A folder for one measurement, on the disk where the system keeps temporary files."""
    folder = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(
    *arguments: str, port: int, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server in a process group of its own, ready when it listens; ended with the group."""
    variables = {**os.environ, **(environment or {})}
    started = subprocess.Popen(
        [sys.executable, *arguments],
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(port, started)
        _wait_for_answer(port, started)
        yield started
    finally:
        os.killpg(started.pid, 15)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, 9)
            started.wait()


def _wait_for(port: int, started: subprocess.Popen[bytes]) -> None:
    until = time.perf_counter() + 30
    while time.perf_counter() < until:
        if started.poll() is not None:
            message = f"{started.args!r} ended with {started.returncode}."
            raise RuntimeError(message)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    message = f"{started.args!r} did not listen within 30 s."
    raise RuntimeError(message)


def _wait_for_answer(port: int, started: subprocess.Popen[bytes]) -> None:
    """The port is open before the process behind it has loaded its application."""
    until = time.perf_counter() + 30
    while time.perf_counter() < until and started.poll() is None:
        try:
            requests.get(f"http://127.0.0.1:{port}/healthz", timeout=30)
        except requests.RequestException:
            time.sleep(0.01)
        else:
            return
    message = f"{started.args!r} did not answer within 30 s."
    raise RuntimeError(message)


def load(port: int, connections: int, seconds: float, prefix: str, path: str = "/hooks/stripe") -> Measured:
    """Put a load on a server from a process of its own."""
    plan = Plan(port, path, SECRET, connections, seconds, 2_048, prefix)
    done = subprocess.run(
        [sys.executable, "-m", "hub.bench.load"],
        input=json.dumps({name: getattr(plan, name) for name in Plan.__dataclass_fields__}).encode(),
        capture_output=True,
        check=True,
    )
    return Measured(**json.loads(done.stdout))


def prepared(folder: Path, url: str, port: int, recipe: str = "", **fields: object) -> Settings:
    """A workspace with a Stripe connection, the probe connector, and perhaps a recipe."""
    probe = folder / "connectors" / "probe"
    probe.mkdir(parents=True, exist_ok=True)
    (probe / "connector.yaml").write_text(_PROBE_MANIFEST, encoding="utf-8")
    (probe / "connector.py").write_text(_PROBE_CODE, encoding="utf-8")
    given = {"workspace": folder, "port": port, "sandbox": "off", "log_level": "error", **fields}
    settings = load_settings({}, **given, **({"database_url": url} if url else {}))
    hub = Hub.open(settings, Role.TOOL)
    connections: dict[str, tuple[str, JsonObject]] = {
        "stripe": ("stripe", {"api_key": "sk_test_bench", "webhook_secret": SECRET, "mode": "test"}),
        "sink": ("http", {}),
    }
    for name, (connector, values) in connections.items():
        known = {field.name for field in hub.registry.get(connector).manifest.fields}
        hub.accounts.create(name, connector, {key: value for key, value in values.items() if key in known}, "bench")
    if recipe:
        name = next(line.partition(": ")[2] for line in recipe.splitlines() if line.startswith("recipe: "))
        hub.recipes.save(name, recipe, "bench")
    hub.close()
    return settings


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that give another process the same settings."""
    found = {
        "HUB_WORKSPACE": str(settings.workspace),
        "HUB_PORT": str(settings.port),
        "HUB_SANDBOX": "off",
        "HUB_LOG_LEVEL": "error",
    }
    if settings.allow_private_addresses:
        found["HUB_ALLOW_PRIVATE_ADDRESSES"] = ",".join(settings.allow_private_addresses)
    return found | ({"HUB_DATABASE_URL": settings.database_url} if settings.database_url else {})


def run_figures(folder: Path, url: str, count: int = 2_000) -> dict[str, float]:
    """Three-step runs a second whose actions cost nothing; CPU, commits and bytes for each."""
    settings = prepared(folder, url, free_port(), _THREE_STEPS)
    hub = Hub.open(settings, Role.RUN if not url else Role.WORKER)
    try:
        now = datetime.now(UTC)
        snapshot = hub.library.snapshot()
        before = _database_bytes(folder)
        entries = [
            event_entry(Happening("bench.paid", "hub", f"bench-{n}", {"n": n, "filler": "x" * 500}), snapshot, now)
            for n in range(count)
        ]
        hub.start()
        hub.driver.wait_idle(_WAIT)
        commits, usage, begun = hub.writer.statistics.commits, _cpu(), time.perf_counter()
        futures = [hub.writer.submit(record_events, entry) for entry in entries]
        ids = [run for future in futures for run in future.result().runnable]  # type: ignore[union-attr]
        hub.wake(ids)
        _until_ended(hub, count)
        seconds = time.perf_counter() - begun
        return {
            "runs_per_second": count / seconds,
            "cpu_ms_per_run": (_cpu() - usage) * 1000 / count,
            "commits_per_run": (hub.writer.statistics.commits - commits) / count,
            "bytes_per_run": (_database_bytes(folder) - before) / count if not url else 0.0,
        }
    finally:
        hub.close()


def _until_ended(hub: Hub, count: int) -> None:
    until = time.perf_counter() + _WAIT
    while time.perf_counter() < until:
        if hub.queries.counts(datetime.now(UTC) - timedelta(hours=1)).runs.get("succeeded", 0) >= count:
            return
        time.sleep(0.01)
    message = f"{count} runs did not end within {_WAIT:.0f} s."
    raise RuntimeError(message)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _database_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("hub.db*"))


def waiting_figures(folder: Path, url: str, count: int) -> dict[str, float]:
    """Runs that wait for an event: what they cost, and what waking one costs among few and among many."""
    import threading  # noqa: PLC0415 (to count them)

    settings = prepared(folder, url, free_port(), _WAITING)
    hub = Hub.open(settings, Role.RUN if not url else Role.WORKER)
    try:
        hub.start()
        few = 10
        _begin_waiting(hub, range(few))
        first = _wake_time(hub, 0)
        memory, threads = _resident(), threading.active_count()
        _begin_waiting(hub, range(few, count))
        grown = _resident() - memory
        return {
            "waiting": float(count),
            "threads_added": float(threading.active_count() - threads),
            "memory_added_mb": grown / 1024 / 1024,
            "wake_ms_at_10": first * 1000,
            "wake_ms_at_all": _wake_time(hub, count // 2) * 1000,
        }
    finally:
        hub.close()


def _begin_waiting(hub: Hub, numbers: range) -> None:
    """Events whose runs take their first turn and then wait; written in the journal's own batches."""
    snapshot, now = hub.library.snapshot(), datetime.now(UTC)
    for start in range(numbers.start, numbers.stop, 500):
        some = range(start, min(start + 500, numbers.stop))
        entries = [event_entry(Happening("bench.paid", "hub", f"w-{n}", {"n": n}), snapshot, now) for n in some]
        futures = [hub.writer.submit(record_events, entry) for entry in entries]
        ids = tuple(run for future in futures for run in future.result().runnable)  # type: ignore[union-attr]
        lease = now + timedelta(seconds=60)
        claimed = hub.writer.write(claim_runs, ClaimRequest("bench", now, lease, ids, len(ids)))
        updates = []
        for run in claimed:
            under_way = RunUnderWay(run, hub.library.get(run.recipe, run.n))
            turn = under_way.advance(now)
            if turn.status is not RunStatus.WAITING:
                message = "A run of the bench does not wait."
                raise RuntimeError(message)
            updates.append(under_way.update(turn, now, ()))
        for future in [hub.writer.submit(update_runs, update) for update in updates]:
            future.result()


def _wake_time(hub: Hub, number: int) -> float:
    """Seconds from an event's arrival to the end of the run that waited for it; the median of five."""
    times = []
    for offset in range(5):
        begun = time.perf_counter()
        happening = Happening("bench.done", "hub", new_id("evt", datetime.now(UTC)), {"n": number + offset})
        recorded = hub.recorder.record(happening, datetime.now(UTC))
        run = recorded.woken[0]
        while hub.queries.run(run).summary.status != "succeeded":
            time.sleep(0.001)
        times.append(time.perf_counter() - begun)
    return sorted(times)[2]


def _resident() -> int:
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def start_figures(folder: Path) -> dict[str, float]:
    """Seconds until a fresh hub answers, and the memory of its processes when idle.

    It is started twice, each time on a workspace of its own: the first start compiles the modules, as an installation does.
    """
    _start(folder / "first", folder)
    return _start(folder / "second", folder)


def _start(workspace: Path, bytecode: Path) -> dict[str, float]:
    port = free_port()
    environment = {
        "HUB_WORKSPACE": str(workspace),
        "HUB_PORT": str(port),
        "HUB_LOG_LEVEL": "error",
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(bytecode / "bytecode"),
    }
    begun = time.perf_counter()
    with process("-m", "hub", "run", port=port, environment=environment) as started:
        ready = time.perf_counter() - begun
        time.sleep(1)
        return {"ready_seconds": ready, "idle_memory_mb": _group_memory(started.pid) / 1024 / 1024}


def _group_memory(group: int) -> int:
    """What the processes of a group hold for themselves: shared pages are counted once, by their share."""
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getpgid(int(entry.name)) == group:
                    rollup = (entry / "smaps_rollup").read_text(encoding="ascii")
                    total += (
                        next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
                    )
            except (OSError, ProcessLookupError):
                continue
    return total


def crm_recipe(address: str) -> str:
    """The end-to-end recipe, calling ``address``."""
    return _CRM_CALL.replace("URL", address)


def latencies(folder: Path, url: str, count: int = 200) -> tuple[float, float]:
    """Milliseconds from a webhook's acceptance to its first action's call on an idle hub: median and 99th percentile."""
    settings = prepared(folder, url, free_port(), _THREE_STEPS)
    hub = Hub.open(settings, Role.RUN if not url else Role.WORKER)
    found = []
    try:
        hub.start()
        hub.driver.wait_idle(10)
        for number in range(count):
            happening = Happening("bench.paid", "hub", f"latency-{number}", {"n": number})
            recorded = hub.recorder.record(happening, datetime.now(UTC))
            accepted = datetime.now(UTC)
            run = recorded.runnable[0]
            while True:
                steps = hub.queries.run(run).steps
                if steps and steps[0].state == "succeeded":
                    break
                time.sleep(0.001)
            ended = cast("datetime", steps[0].ended)
            found.append(max((ended - accepted).total_seconds() * 1000, 0.0))
            time.sleep(0.02)
    finally:
        hub.close()
    ordered = sorted(found)
    return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
