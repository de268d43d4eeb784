"""``hub bench``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, cast

import click

from hub.cli.output import format_option, show, table

if TYPE_CHECKING:
    from hub.jsontypes import Json

_PARTS = ("accept", "run", "end-to-end", "latency", "waiting", "start")


@click.command("bench")
@click.option("--database-url", default="", help="PostgreSQL's address; SQLite when left out.")
@click.option("--seconds", default=5.0, show_default=True, help="How long each load lasts.")
@click.option("--waiting", default=100_000, show_default=True, help="How many runs wait.")
@click.option("--only", multiple=True, type=click.Choice(_PARTS), help="Only this part; may be repeated.")
@format_option()
def bench_command(database_url: str, seconds: float, waiting: int, only: tuple[str, ...], output_format: str) -> None:
    """Measure speed and memory beside yardsticks of the same run: the disk, a bare server, a plain script.

    Example: hub bench --only run --only latency
    """
    from hub.bench import report  # noqa: PLC0415 (only here)

    figures = report.measure(database_url, seconds, waiting, only)
    if output_format == "json":
        show({"machine": report.machine(), "figures": cast("Json", [asdict(one) for one in figures])}, "json", str)
        return
    click.echo(report.machine())
    marks = {None: "", True: "met", False: "missed"}
    rows = [(one.name, f"{one.value:,.4g} {one.unit}", one.yardstick, one.bar, marks[one.met]) for one in figures]
    table(("figure", "measured", "beside", "bar", ""), rows, "Nothing was measured.")


COMMANDS = (bench_command,)
