"""The sandbox CRM's API, and the log of everything that was sent to change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson
from flask import Response, request
from sqlalchemy import insert

from connectors.sandbox.server import crm
from connectors.sandbox.server.api import Answer, Api, page_limit
from connectors.sandbox.server.crm import CrmRecord
from connectors.sandbox.server.database import crm_requests, milliseconds
from connectors.sandbox.server.refusals import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.sandbox.server.store import Store
    from connectors.sandbox.server.validation import Fields
    from hub.jsontypes import Json

KEPT: Final = 20_000
"""Characters of a body that the log keeps."""


def register(api: Api) -> None:
    """Add the routes."""
    _upserts(api)
    _connections(api)
    _reading(api)
    _log(api)


def _answer(record: CrmRecord, *, created: bool) -> Answer:
    body = {**crm.record_json(record), "created": created}
    return Answer(body, 201 if created else 200)


def _upserts(api: Api) -> None:
    @api.writes("/contacts/upsert")
    def contact(store: Store, fields: Fields, now: datetime) -> Answer:
        email = fields.text("email", required=True, most=1000)
        properties, by = fields.free("properties"), fields.text("id_property")
        fields.done()
        email = crm.checked_email(email)
        properties = {**properties, "email": email}
        identity = email if by in ("", "email") else f"{by}={properties.get(by)}"
        if by not in ("", "email") and properties.get(by) is None:
            raise Refusal(400, "MISSING_ID", f"The property {by!r} that identifies the contact has no value.")
        names = [str(properties[key]) for key in ("firstname", "lastname") if properties.get(key)]
        name = " ".join(names) or str(properties.get("name") or "")
        record, created = crm.upsert(store, "contact", identity, properties, now, name)
        answer = _answer(record, created=created)
        return Answer({**answer.body, "email": email}, answer.status)

    @api.writes("/companies/upsert")
    def company(store: Store, fields: Fields, now: datetime) -> Answer:
        domain, properties = fields.text("domain", required=True).strip().lower(), fields.free("properties")
        fields.done()
        if "." not in domain or " " in domain or "/" in domain:
            raise Refusal(400, "INVALID_DOMAIN", f"Property values were not valid: {domain!r} is not a domain.")
        name = str(properties.get("name") or "")
        record, created = crm.upsert(store, "company", domain, {**properties, "domain": domain}, now, name)
        return _answer(record, created=created)

    @api.writes("/deals/upsert")
    def deal(store: Store, fields: Fields, now: datetime) -> Answer:
        reference, name = fields.text("reference", required=True), fields.text("name", required=True)
        amount, currency = fields.text("amount", most=40), fields.currency(required=False)
        stage, pipeline = fields.text("stage"), fields.text("pipeline")
        properties, contact = fields.free("properties"), fields.text("contact_id")
        fields.done()
        given = {"amount": amount, "currency": currency, "stage": stage, "pipeline": pipeline}
        values = {**properties, **{key: value for key, value in given.items() if value}, "reference": reference}
        known = crm.find(store, "contact", contact) if contact else None
        record, created = crm.upsert(store, "deal", reference, values, now, name)
        if known is not None:
            crm.associate(store, record, known, now)
        return _answer(record, created=created)

    @api.writes("/records/<kind>/upsert")
    def any_record(store: Store, fields: Fields, now: datetime, kind: str) -> Answer:
        field, value = fields.text("external_id_field", required=True), fields.text("external_id", required=True)
        values = fields.free("fields")
        fields.done()
        for name, text in ((field, value), *values.items()):
            if name.lower() in ("email", "personemail") and text is not None:
                crm.checked_email(str(text))
        title = str(values.get("Name") or values.get("LastName") or "")
        record, created = crm.upsert(store, kind, f"{field}={value.lower()}", {**values, field: value}, now, title)
        return _answer(record, created=created)


def _connections(api: Api) -> None:
    @api.writes("/associations", "PUT")
    def associate(store: Store, fields: Fields, now: datetime) -> Answer:
        ends = []
        for name in ("from", "to"):
            end = fields.object(name)
            if end is None:
                fields.wrong(name, "is missing")
                continue
            ends.append((end.text("type", required=True), end.text("id", required=True)))
            end.only()
        fields.done()
        source, target = (crm.find(store, kind, identifier) for kind, identifier in ends)
        crm.associate(store, source, target, now)
        return Answer({"from": source.id, "to": target.id})

    @api.writes("/notes")
    def note(store: Store, fields: Fields, now: datetime) -> Answer:
        body, reference = fields.text("body", required=True, most=10_000), fields.text("reference")
        contact, deal = fields.text("contact_id"), fields.text("deal_id")
        fields.done()
        about = [crm.find(store, kind, one) for kind, one in (("contact", contact), ("deal", deal)) if one]
        identity = reference or request.headers.get("Idempotency-Key") or f"{now.timestamp()}:{store.count(CrmRecord)}"
        record, created = crm.upsert(store, "note", identity, {"body": body}, now, body[:80])
        for other in about:
            crm.associate(store, record, other, now)
        return _answer(record, created=created)

    @api.writes("/lists/<name>/members/<contact>", "PUT")
    def add(store: Store, fields: Fields, now: datetime, name: str, contact: str) -> Answer:
        fields.done()
        member = crm.contact_of(store, contact)
        crm.add_to_list(store, name, member, now)
        return Answer({"list": name, "contact": member.id, "member": True})

    @api.writes("/lists/<name>/members/<contact>", "DELETE")
    def remove(store: Store, fields: Fields, now: datetime, name: str, contact: str) -> Answer:  # noqa: ARG001
        fields.done()
        member = crm.contact_of(store, contact)
        crm.remove_from_list(store, name, member)
        return Answer({"list": name, "contact": member.id, "member": False})


def _reading(api: Api) -> None:
    @api.reads("/ping")
    def ping(store: Store, now: datetime) -> Answer:  # noqa: ARG001 (all handlers get the time)
        return Answer({"object": "account", "name": "Sandbox CRM", "records": store.count(CrmRecord)})

    @api.reads("/records/<kind>")
    def all_records(store: Store, now: datetime, kind: str) -> Answer:  # noqa: ARG001
        records, following = store.page(CrmRecord, page_limit(), request.args.get("after"), kind)
        data: list[Json] = [crm.record_json(record) for record in records]
        return Answer({"data": data, "has_more": following is not None, "next": following})

    @api.reads("/contacts/<contact>")
    def one(store: Store, now: datetime, contact: str) -> Answer:  # noqa: ARG001
        record = crm.contact_of(store, contact)
        others: list[Json] = [{"type": other.type, "id": other.id} for other in crm.associated(store, record)]
        lists: list[Json] = list(crm.lists_of(store, record))
        body = {**crm.record_json(record), "associations": others, "lists": lists}
        return Answer(body)


def _log(api: Api) -> None:
    @api.blueprint.after_request
    def keep(response: Response) -> Response:
        """Write down what was sent and what it got; an answer that was cut is told as such."""
        if request.method == "GET" or "/test/" in request.path:
            return response
        answer = "(the connection was cut)" if response.is_streamed else response.get_data(as_text=True)
        with api.sandbox.write() as (store, now):
            store.connection.execute(
                insert(crm_requests).values(
                    at_ms=milliseconds(now),
                    method=request.method,
                    path=request.path.removeprefix(api.blueprint.url_prefix or ""),
                    key=request.headers.get("Idempotency-Key", "")[:300],
                    body=_readable(request.get_data()),
                    status=0 if response.is_streamed else response.status_code,
                    answer=answer[:KEPT],
                )
            )
        return response


def _readable(body: bytes) -> str:
    """The body as it is best read: indented JSON where it is JSON."""
    try:
        text = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode() if body else ""
    except orjson.JSONDecodeError:
        text = body.decode("utf-8", "replace")
    return text.replace("\x00", "\ufffd")[:KEPT]
