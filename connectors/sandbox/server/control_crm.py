"""The pages of the sandbox CRM: what is in it, and everything that was sent to change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint, render_template, request
from sqlalchemy import func, select

from connectors.sandbox.server import crm
from connectors.sandbox.server.crm import CrmRecord
from connectors.sandbox.server.database import crm_requests, from_milliseconds, records
from connectors.sandbox.server.refusals import not_found

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from connectors.sandbox.server.sandbox import Sandbox
    from connectors.sandbox.server.store import Store

PER_PAGE: Final = 25


def create_blueprint(sandbox: Sandbox) -> Blueprint:
    """The pages."""
    blueprint = Blueprint("crm", __name__, url_prefix="/crm")

    @blueprint.get("/")
    def home() -> ResponseReturnValue:
        kind = request.args.get("object", "contact")
        with sandbox.read() as (store, _):
            found, following = store.page(CrmRecord, PER_PAGE, request.args.get("after"), kind)
            lists = {one.id: crm.lists_of(store, one) for one in found} if kind == "contact" else {}
            counts = {**dict.fromkeys(crm.PREFIXES, 0), **_counts(store)}
        return render_template("crm.html", kind=kind, records=found, following=following, counts=counts, lists=lists)

    @blueprint.get("/records/<identifier>")
    def record(identifier: str) -> ResponseReturnValue:
        with sandbox.read() as (store, _):
            found = store.get(CrmRecord, identifier)
            return render_template(
                "crm_record.html",
                record=found,
                others=crm.associated(store, found),
                lists=crm.lists_of(store, found),
            )

    @blueprint.get("/log")
    def log() -> ResponseReturnValue:
        query = select(crm_requests)
        before = request.args.get("before", "")
        if before.isascii() and before.isdigit():
            query = query.where(crm_requests.c.seq < int(before))
        with sandbox.read() as (store, _):
            rows = store.connection.execute(query.order_by(crm_requests.c.seq.desc()).limit(PER_PAGE + 1)).all()
        following = rows[PER_PAGE - 1].seq if len(rows) > PER_PAGE else None
        return render_template("crm_log.html", requests=rows[:PER_PAGE], following=following, time=from_milliseconds)

    @blueprint.get("/log/<int:number>")
    def entry(number: int) -> ResponseReturnValue:
        with sandbox.read() as (store, _):
            row = store.connection.execute(select(crm_requests).where(crm_requests.c.seq == number)).first()
        if row is None:
            raise not_found("request", str(number))
        return render_template("crm_request.html", entry=row, time=from_milliseconds)

    return blueprint


def _counts(store: Store) -> dict[str, int]:
    query = select(records.c.parent, func.count().label("number")).where(records.c.kind == CrmRecord.kind)
    return {row.parent: int(row.number) for row in store.connection.execute(query.group_by(records.c.parent))}
