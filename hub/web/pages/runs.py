"""Runs: the list with its filters, one run as a time line, and what a person can do to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, cast

import orjson
from flask import flash, redirect, render_template, request, url_for

from hub.engine.run_desk import check_uncertain
from hub.engine.shelf import walk
from hub.errors import HubError
from hub.journal.queries import RunFilter
from hub.jsontypes import json_digest
from hub.recipes.record import RunStatus
from hub.web.access import Pages, Role
from hub.web.entries import Pressed, button_of, typed_in
from hub.web.formatting import start_of_today
from hub.web.sessions import actor, mark_seen, the_hub

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from hub.journal.entries import StepRow
    from hub.journal.queries import RunDetail
    from hub.jsontypes import Json

pages = Pages("runs", __name__)

PERIODS = {
    "": "any time",
    "hour": "the last hour",
    "today": "today",
    "week": "the last 7 days",
    "month": "the last 30 days",
}
_LENGTHS = {"hour": timedelta(hours=1), "week": timedelta(days=7), "month": timedelta(days=30)}
_CHOICES = ("happened", "not_happened", "try_again")
_MOST_STEPS_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step of a run with all its attempts, the last one being where it stands. ``depth``: how many loops are around it."""

    path: str
    title: str
    kind: str
    target: str
    attempts: tuple[StepRow, ...]
    depth: int

    @property
    def last(self) -> StepRow:
        """The newest attempt."""
        return self.attempts[-1]


def since_of(period: str, now: datetime) -> datetime | None:
    """The beginning of one of :data:`PERIODS`."""
    if period == "today":
        return start_of_today()
    return now - _LENGTHS[period] if period in _LENGTHS else None


@pages.page("/runs", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The list, newest first."""
    hub = the_hub()
    asked = {name: request.args.get(name, "").strip() for name in ("recipe", "status", "text", "event", "period")}
    chosen = RunFilter(
        recipe=asked["recipe"],
        status=asked["status"],
        event_id=asked["event"],
        text=asked["text"],
        since=since_of(asked["period"], hub.now()),
    )
    page = hub.queries.runs(chosen, request.args.get("after") or None)
    return render_template(
        "runs.html",
        page=page,
        asked=asked,
        filtered=any(asked.values()),
        recipes=[row.name for row in hub.store.recipes()],
        statuses=[status.value for status in RunStatus],
        periods=PERIODS,
        paged="after" in request.args,
    )


@pages.page("/runs/<run_id>", Role.VIEWER)
def show(run_id: str) -> ResponseReturnValue:
    """One run. A page that shows it already asks again with ``seen`` and hears nothing (204) until something changed."""
    hub = the_hub()
    run = hub.queries.run(run_id)
    mark_seen("run")
    seen = json_digest([run.summary.status, run.fence, len(run.steps), [step.state for step in run.steps[-20:]]])[:12]
    if request.args.get("seen") == seen:
        return "", 204
    return _page(run, seen, Pressed())


def _page(run: RunDetail, seen: str, pressed: Pressed) -> str:
    hub, steps = the_hub(), shown_steps(run)
    newest = next((row.n for row in hub.store.recipes() if row.name == run.summary.recipe), None)
    return render_template(
        "run.html",
        run=run.summary,
        detail=run,
        pressed=pressed,
        steps=steps[:_MOST_STEPS_SHOWN],
        more_steps=max(0, len(steps) - _MOST_STEPS_SHOWN),
        newest=newest,
        seen=seen,
        live=run.summary.ended is None,
        uncertain=[step for step in steps if step.last.state == "uncertain"],
        caused=hub.queries.runs(RunFilter(event_id=run.caused[0].id)).items if run.caused else (),
    )


def shown_steps(run: RunDetail) -> list[ShownStep]:
    """The steps in order of birth, each with its attempts and the title that the run's version gives it."""
    attempts: dict[str, list[StepRow]] = {}
    for row in run.steps:
        attempts.setdefault(row.path, []).append(row)
    titles = _titles(run.summary.recipe, run.summary.n)
    return [
        ShownStep(path, _title(titles, path), rows[-1].kind, called(rows[-1].input), tuple(rows), path.count("["))
        for path, rows in attempts.items()
    ]


def _title(titles: dict[str, str], path: str) -> str:
    title = titles.get(step_id(path), "")
    return f"{title}: the mail" if title and ".mail" in path else title


def step_id(path: str) -> str:
    """The id of the step that a path is of: ``pay`` of ``pay[3]`` and ``pay.mail``."""
    return re.split(r"[\[~.]", path, maxsplit=1)[0]


def called(sent: Json) -> str:
    """``connection/action`` of a call's recorded input, else empty."""
    return str(sent["call"]) if isinstance(sent, dict) and set(sent) == {"call", "with"} else ""


def _titles(recipe: str, n: int) -> dict[str, str]:
    """For each step's id its title; nothing where that version cannot be read any more."""
    hub = the_hub()
    try:
        compiled = hub.library.get(recipe, n).recipe
    except HubError:
        return {}
    return {step.id: step.title for step in walk((*compiled.steps, *compiled.on_failure))}


@pages.page("/runs/<run_id>/retry", Role.EDITOR, method="POST")
def retry(run_id: str) -> ResponseReturnValue:
    """Go on from the failed step, with the run's own version or the newest."""
    newest = request.form.get("version") == "newest"
    the_hub().runs.retry(run_id, actor(), newest=newest)
    flash("The run goes on from the step that failed.", "success")
    return redirect(url_for("runs.show", run_id=run_id), 303)


@pages.page("/runs/<run_id>/rerun", Role.EDITOR, method="POST")
def rerun(run_id: str) -> ResponseReturnValue:
    """Run the whole recipe again for the same event."""
    new = the_hub().runs.rerun(run_id, actor())
    flash("A new run has started; this is it.", "success")
    return redirect(url_for("runs.show", run_id=new), 303)


@pages.page("/runs/<run_id>/cancel", Role.EDITOR, method="POST")
def cancel(run_id: str) -> ResponseReturnValue:
    """End a run."""
    the_hub().runs.cancel(run_id, actor())
    flash("The run is cancelled. What it had done stays done.", "success")
    return redirect(url_for("runs.show", run_id=run_id), 303)


@pages.page("/runs/<run_id>/decide", Role.EDITOR, method="POST")
def decide(run_id: str) -> ResponseReturnValue:
    """A person's word on a step of which nobody knows whether it happened."""
    choice, path = button_of("choice", _CHOICES), request.form.get("path", "")
    typed = typed_in(("output",), ("output",))
    try:
        output: Json = orjson.loads(typed["output"]) if typed["output"] and choice == "happened" else None
    except ValueError:
        run = the_hub().queries.run(run_id)
        check_uncertain(run, path)
        said = "This is not JSON, so nothing was decided. Correct it, or leave it empty."
        return _page(run, "", Pressed(path, typed, {"output": said})), 422
    the_hub().runs.decide(
        run_id, path, cast("Literal['happened', 'not_happened', 'try_again']", choice), output, actor()
    )
    flash("Your decision is recorded and the run goes on.", "success")
    return redirect(url_for("runs.show", run_id=run_id), 303)
