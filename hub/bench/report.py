"""Runs all measurements and writes them down: a table for people, JSON for machines."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from hub.bench import measures
from hub.bench.yardsticks import disk_commits, plain_journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub.bench.load import Measured

_CONNECTIONS = (1, 16, 64)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure: its yardstick in the same run, and the bar of the design where there is one."""

    name: str
    value: float
    unit: str
    yardstick: str = ""
    bar: str = ""
    met: bool | None = None


def measure(url: str, seconds: float, waiting: int, only: tuple[str, ...]) -> list[Figure]:
    """All figures, or those of the parts named in ``only``. ``url``: PostgreSQL's address; empty for SQLite."""
    parts: dict[str, Callable[[], list[Figure]]] = {
        "accept": lambda: _accept(url, seconds),
        "run": lambda: _run(url),
        "end-to-end": lambda: _end_to_end(url, seconds),
        "latency": lambda: _latency(url),
        "waiting": lambda: _waiting(url, waiting),
        "start": _start,
    }
    found: list[Figure] = []
    for name, part in parts.items():
        if not only or name in only:
            begun = time.perf_counter()
            found += part()
            click.echo(f"  measured {name} in {time.perf_counter() - begun:.0f} s", err=True)
    return found


def machine() -> str:
    """Where it was measured."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _serve_and_load(which: str, seconds: float, environment: dict[str, str] | None = None) -> dict[int, Measured]:
    port = measures.free_port()
    with measures.process("-m", "hub.bench.servers", which, str(port), port=port, environment=environment):
        return {n: measures.load(port, n, seconds, f"{which}{n}x") for n in _CONNECTIONS}


def _hub_and_load(folder: Path, url: str, seconds: float, recipe: str, **fields: object) -> dict[int, Measured]:
    port = measures.free_port()
    settings = measures.prepared(folder, url, port, recipe, **fields)
    environment = measures.environment_of(settings)
    with measures.process("-m", "hub", "run", port=port, environment=environment):
        return {n: measures.load(port, n, seconds, f"hub{n}x") for n in _CONNECTIONS}


def _accept(url: str, seconds: float) -> list[Figure]:
    with measures.workspace() as folder:
        disk = disk_commits(folder)
    bare = _serve_and_load("bare", seconds)
    signature = _serve_and_load("signature", seconds)
    with measures.workspace() as folder:
        script = _serve_and_load("script", seconds, {"HUB_BENCH_SCRIPT_DB": str(folder / "script.db")})
    with measures.workspace() as folder:
        port = measures.free_port()
        sink = {"HUB_BENCH_TALLY": str(folder / "tally")}
        with measures.process("-m", "hub.bench.servers", "sink", str(port), port=port, environment=sink):
            calling = {"HUB_BENCH_SCRIPT_DB": str(folder / "s.db"), "HUB_BENCH_SINK": f"http://127.0.0.1:{port}/"}
            full_script = _serve_and_load("script", seconds, calling)
    with measures.workspace() as folder:
        hub = _hub_and_load(folder, url, seconds, "")
    figures = [
        Figure("disk: one-row commits", disk, "/s"),
        *(Figure(f"bare server, {n} connections", bare[n].rate, "/s") for n in _CONNECTIONS),
        *(Figure(f"signature check alone, {n} connections", signature[n].rate, "/s") for n in _CONNECTIONS),
        *(Figure(f"script without its CRM call, {n} connections", script[n].rate, "/s") for n in _CONNECTIONS),
        *(Figure(f"script, {n} connections", full_script[n].rate, "/s") for n in _CONNECTIONS),
        Figure("script, 16 connections, p99", full_script[16].p99, "ms"),
    ]
    for n in _CONNECTIONS:
        said = f"p50 {hub[n].p50:.1f} ms, p99 {hub[n].p99:.1f} ms, {hub[n].refused} refused"
        figures.append(Figure(f"accept, {n} connections", hub[n].rate, "/s", said))
    ratio = hub[64].rate / full_script[64].rate
    share = hub[64].rate / signature[64].rate
    patience = full_script[16].p99 / hub[16].p99
    return [
        *figures,
        Figure("accept ÷ script at 64", ratio, "×", "", "≥ 4", ratio >= 4),  # noqa: PLR2004
        Figure("script's p99 ÷ accept's p99 at 16", patience, "×", "", "≥ 10", patience >= 10),  # noqa: PLR2004
        Figure("accept ÷ signature check alone at 64", share, "×", "", "≥ 0.6", share >= 0.6),  # noqa: PLR2004
    ]


def _run(url: str) -> list[Figure]:
    with measures.workspace() as folder:
        plain = plain_journal(folder)
    with measures.workspace() as folder:
        figures = measures.run_figures(folder, url)
    rate, cpu = figures["runs_per_second"], figures["cpu_ms_per_run"]
    return [
        Figure("plain journal on SQLite", plain, "runs/s"),
        Figure(
            "run: three durable steps",
            rate,
            "runs/s",
            f"{rate / plain:.2f} × the plain journal",
            "≥ 0.5 ×",
            rate >= plain / 2,
        ),
        Figure("run: CPU", cpu, "ms/run", "", "< 1.2", cpu < 1.2),  # noqa: PLR2004
        Figure("run: commits (each one fsync)", figures["commits_per_run"], "/run"),
        Figure("run: database", figures["bytes_per_run"], "bytes/run"),
    ]


def _end_to_end(url: str, seconds: float) -> list[Figure]:
    with measures.workspace() as folder:
        port = measures.free_port()
        tally = folder / "tally"
        with measures.process(
            "-m", "hub.bench.servers", "sink", str(port), port=port, environment={"HUB_BENCH_TALLY": str(tally)}
        ):
            address = f"http://127.0.0.1:{port}/"
            script = {"HUB_BENCH_SCRIPT_DB": str(folder / "script.db"), "HUB_BENCH_SINK": address}
            own = measures.free_port()
            with measures.process("-m", "hub.bench.servers", "script", str(own), port=own, environment=script):
                begun, before = time.perf_counter(), tally.stat().st_size
                measures.load(own, 16, seconds, "e2e-script")
                by_script = (tally.stat().st_size - before) / (time.perf_counter() - begun)
            hub_port = measures.free_port()
            recipe = measures.crm_recipe(address)
            settings = measures.prepared(
                folder / "hub", url, hub_port, recipe, allow_private_addresses=(f"127.0.0.1:{port}",)
            )
            environment = measures.environment_of(settings)
            with measures.process("-m", "hub", "run", port=hub_port, environment=environment):
                begun, before = time.perf_counter(), tally.stat().st_size
                sent = measures.load(hub_port, 16, seconds, "e2e-hub").requests
                while tally.stat().st_size - before < sent and time.perf_counter() - begun < 120:  # noqa: PLR2004
                    time.sleep(0.01)
                by_hub = (tally.stat().st_size - before) / (time.perf_counter() - begun)
    ratio = by_hub / by_script
    return [
        Figure("end to end: script", by_script, "calls/s"),
        Figure("end to end: hub", by_hub, "calls/s", f"{ratio:.1f} × the script", "≥ 3 ×", ratio >= 3),  # noqa: PLR2004
    ]


def _latency(url: str) -> list[Figure]:
    with measures.workspace() as folder:
        p50, p99 = measures.latencies(folder, url)
    return [
        Figure("latency: accepted → first step done, p50", p50, "ms", "", "< 50", p50 < 50),  # noqa: PLR2004
        Figure("latency: accepted → first step done, p99", p99, "ms", "", "< 200", p99 < 200),  # noqa: PLR2004
    ]


def _waiting(url: str, count: int) -> list[Figure]:
    with measures.workspace() as folder:
        figures = measures.waiting_figures(folder, url, count)
    memory, few, many = figures["memory_added_mb"], figures["wake_ms_at_10"], figures["wake_ms_at_all"]
    return [
        Figure(f"waiting: {count:,} runs, memory", memory, "MB", "", "< 50", memory < 50),  # noqa: PLR2004
        Figure(
            f"waiting: {count:,} runs, threads",
            figures["threads_added"],
            "",
            "those that the clock and its jobs begin meanwhile",
            "none a run",
            figures["threads_added"] < 12,  # noqa: PLR2004 (the scheduler's pool and its own)
        ),
        Figure("waiting: waking one among 10", few, "ms"),
        Figure(
            f"waiting: waking one among {count:,}", many, "ms", f"{many / few:.2f} ×", "the same", many < 2 * few + 5
        ),
    ]


def _start() -> list[Figure]:
    with measures.workspace() as folder:
        figures = measures.start_figures(folder)
    ready, memory = figures["ready_seconds"], figures["idle_memory_mb"]
    return [
        Figure("start: until it answers", ready, "s", "", "< 2", ready < 2),  # noqa: PLR2004
        Figure("idle memory of all its processes", memory, "MB", "", "< 120", memory < 120),  # noqa: PLR2004
    ]
