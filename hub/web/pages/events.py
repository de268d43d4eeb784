"""Events: the list, one event with what came and what was made of it, refused deliveries, sending a sample."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import orjson
from flask import flash, redirect, render_template, request, url_for

from hub.errors import DeliveryError, NotFoundError
from hub.journal.queries import EventFilter
from hub.vocabulary import VOCABULARY
from hub.web.access import Pages, Role
from hub.web.entries import typed_in
from hub.web.formatting import pretty
from hub.web.pages.runs import PERIODS, since_of
from hub.web.sessions import actor, mark_seen, the_hub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json, JsonObject

pages = Pages("events", __name__)

LONGEST_TYPE = 120
_TYPE = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+")


@pages.page("/events", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The list, newest first."""
    hub = the_hub()
    asked = {name: request.args.get(name, "").strip() for name in ("type", "source", "subject", "text", "period")}
    chosen = EventFilter(
        type=asked["type"],
        source=asked["source"],
        subject=asked["subject"],
        text=asked["text"],
        since=since_of(asked["period"], hub.now()),
    )
    page = hub.queries.events(chosen, request.args.get("after") or None)
    return render_template(
        "events.html",
        page=page,
        asked=asked,
        filtered=any(asked.values()),
        types=VOCABULARY.event_types(),
        sources=[row.name for row in hub.store.connections()],
        periods=PERIODS,
        paged="after" in request.args,
        refused=sum(cast("int", row["count"]) for row in hub.store.refusals()),
    )


@pages.page("/events/<event_id>", Role.VIEWER)
def show(event_id: str) -> ResponseReturnValue:
    """One event: what came and what the hub made of it, side by side."""
    hub = the_hub()
    detail = hub.queries.event(event_id)
    mark_seen("event")
    summary = detail.summary
    canonical: JsonObject = {
        "id": summary.id,
        "type": summary.type,
        "time": summary.time.isoformat().replace("+00:00", "Z"),
        "connection": summary.source,
        "data": detail.data,
    }
    return render_template(
        "event.html",
        event=summary,
        detail=detail,
        canonical=canonical,
        raw_json=_as_json(detail.raw),
        meaning=VOCABULARY.describe(summary.type),
        recipes=[row for row in hub.store.recipes() if row.enabled],
    )


def _as_json(raw: bytes | None) -> Json:
    try:
        return cast("Json", orjson.loads(raw or b"null"))
    except ValueError:
        return None


@pages.page("/events/<event_id>/replay", Role.EDITOR, method="POST")
def replay(event_id: str) -> ResponseReturnValue:
    """Start the recipes of an event anew, all that match or one."""
    runs = the_hub().runs.replay(event_id, request.form.get("recipe") or None, actor())
    flash(f"{len(runs)} new run{'s' if len(runs) > 1 else ''} started for this event.", "success")
    return redirect(
        url_for("runs.index", event=event_id) if len(runs) > 1 else url_for("runs.show", run_id=runs[0]), 303
    )


@pages.page("/refusals", Role.VIEWER)
def refusals() -> ResponseReturnValue:
    """Deliveries that were refused, and why."""
    return render_template("refusals.html", rows=the_hub().store.refusals())


@pages.page("/send-event", Role.EDITOR)
def send() -> ResponseReturnValue:
    """The form for an event of one's own, filled with a sample."""
    kind = request.args.get("type", "payment.succeeded")
    return _send_form({"type": kind, "data": pretty(sample_data(kind))}, {})


@pages.page("/send-event", Role.EDITOR, method="POST")
def do_send() -> ResponseReturnValue:
    """Record an event as the hub's own; recipes treat it like any other."""
    typed, wrong = typed_in(("type", "data"), ("data",)), dict[str, str]()
    data, kind = read_object(typed["data"], wrong, "data"), typed["type"]
    if not _TYPE.fullmatch(kind) or len(kind) > LONGEST_TYPE:
        wrong["type"] = f"Use small letters and a dot, as in course.finished, and at most {LONGEST_TYPE} characters."
    if data is None or wrong:
        return _send_form(typed, wrong), 422
    try:
        identity, runs = the_hub().runs.record(kind, data, actor())
    except DeliveryError as error:
        return _send_form(typed, {"type" if error.code == "reserved" else "data": str(error)}), 422
    started = len(runs)
    said = f"{started} recipe{'s' if started > 1 else ''} started." if started else "No enabled recipe starts with it."
    flash(f"The event is recorded. {said}", "success" if started else "warning")
    return redirect(url_for("events.show", event_id=identity), 303)


def _send_form(typed: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    return render_template("send_event.html", typed=typed, wrong=wrong, types=VOCABULARY.event_types())


def sample_data(kind: str) -> Json:
    """The data of a sample event of the type; an empty object for one of your own."""
    try:
        samples = VOCABULARY.samples(kind)
    except NotFoundError:
        samples = []
    return samples[0]["data"] if samples else {}


def read_object(text: str, wrong: dict[str, str], name: str) -> JsonObject | None:
    """The JSON object that was typed at the field ``name``; None, and in ``wrong`` what to say there, when it is none."""
    try:
        return parse_object(text)
    except DeliveryError as error:
        wrong[name] = str(error)
        return None


def parse_object(text: str) -> JsonObject:
    """A JSON object that a person typed. Raises ``DeliveryError`` that says where it is wrong."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        message = f"This is not JSON: {error.msg}, in line {error.lineno}."
        raise DeliveryError(
            message, code="not_json", remedy="Names and texts stand in double quotes, parts end with commas."
        ) from error
    if not isinstance(value, dict):
        raise DeliveryError("This is not a JSON object.", code="bad_shape", remedy="It begins with { and ends with }.")
    return value
