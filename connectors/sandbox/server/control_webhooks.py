"""The control pages about webhooks: every delivery with its attempts, and sending it once more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import Row, select

from connectors.sandbox.server.database import attempts, deliveries, events, from_milliseconds
from connectors.sandbox.server.pages import refuse_foreign_forms
from connectors.sandbox.server.records import Endpoint
from connectors.sandbox.server.refusals import not_found

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from connectors.sandbox.server.sandbox import Sandbox
    from connectors.sandbox.server.store import Store

PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, as the page shows it."""

    at: datetime
    headers: dict[str, str]
    status: int | None
    answer: str
    took_ms: int


def create_blueprint(sandbox: Sandbox) -> Blueprint:
    """The pages."""
    blueprint = Blueprint("webhooks", __name__)
    blueprint.before_request(refuse_foreign_forms)

    @blueprint.get("/deliveries")
    def all_deliveries() -> ResponseReturnValue:
        query = select(deliveries, events.c.type, events.c.at_ms).join(events, events.c.id == deliveries.c.event)
        before = request.args.get("before", "")
        if before.isascii() and before.isdigit():
            query = query.where(deliveries.c.seq < int(before))
        with sandbox.read() as (store, _):
            rows = store.connection.execute(query.order_by(deliveries.c.seq.desc()).limit(PER_PAGE + 1)).all()
            endpoints = store.page(Endpoint, 100)[0]
        following = rows[PER_PAGE - 1].seq if len(rows) > PER_PAGE else None
        return render_template(
            "deliveries.html",
            deliveries=rows[:PER_PAGE],
            following=following,
            endpoints=endpoints,
            site=sandbox.site,
            time=from_milliseconds,
        )

    @blueprint.get("/deliveries/<identifier>")
    def delivery(identifier: str) -> ResponseReturnValue:
        with sandbox.read() as (store, _):
            row = _find(store, identifier)
            event = store.event(row.event)
            query = select(attempts).where(attempts.c.delivery == identifier).order_by(attempts.c.seq)
            tries = [_attempt(one) for one in store.connection.execute(query)]
        body = orjson.dumps(event.body, option=orjson.OPT_INDENT_2).decode()
        return render_template(
            "delivery.html", delivery=row, event=event, attempts=tries, body=body, time=from_milliseconds
        )

    @blueprint.post("/deliveries/<identifier>/resend")
    def resend(identifier: str) -> ResponseReturnValue:
        with sandbox.write() as (store, _):
            row = _find(store, identifier)
            again = store.queue(row.event, row.endpoint, store.event(row.event).subject)
        return redirect(url_for("webhooks.delivery", identifier=again), 303)

    return blueprint


def _find(store: Store, identifier: str) -> Row[Any]:
    row = store.connection.execute(select(deliveries).where(deliveries.c.id == identifier)).first()
    if row is None:
        raise not_found("delivery", identifier)
    return row


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(from_milliseconds(row.at_ms), orjson.loads(row.request), row.status, row.answer, row.took_ms)
