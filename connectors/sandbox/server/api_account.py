"""API: transfers, payouts, holds, the balance, webhook endpoints, events, the test clock and misbehaviour."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

from flask import request

from connectors.sandbox.server import escrow, misbehaviour, moves
from connectors.sandbox.server.api import Answer, Api, json_body, listed, page_limit, shown
from connectors.sandbox.server.api_payments import read_amount_of
from connectors.sandbox.server.calendar import UNITS
from connectors.sandbox.server.records import Endpoint, Hold, Payment, Payout, Transfer
from connectors.sandbox.server.store import stamp
from connectors.sandbox.server.validation import Fields
from hub.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.sandbox.server.store import Store
    from hub.jsontypes import Json


def register(api: Api) -> None:
    """Add the routes."""
    _transfers(api)
    _payouts(api)
    _holds(api)
    _webhooks(api)
    _account(api)
    _test(api)


def _transfers(api: Api) -> None:
    @api.writes("/transfers")
    def create(store: Store, fields: Fields, now: datetime) -> Answer:
        provider, amount, currency = fields.text("provider", required=True), fields.amount(), fields.currency()
        payment, description = fields.text("payment"), fields.text("description", most=1000)
        metadata = fields.texts("metadata")
        fields.done()
        sent = moves.transfer(
            store,
            provider,
            amount or 0,
            currency,
            now,
            payment=store.get(Payment, payment) if payment else None,
            description=description,
            metadata=metadata,
        )
        return shown(store, sent, 201)

    @api.reads("/transfers")
    def all_transfers(store: Store, now: datetime) -> Answer:  # noqa: ARG001 (all handlers get the time)
        return listed(store, Transfer)

    @api.reads("/transfers/<transfer>")
    def one(store: Store, now: datetime, transfer: str) -> Answer:  # noqa: ARG001
        return shown(store, store.get(Transfer, transfer))

    @api.writes("/transfers/<transfer>/reversals")
    def reverse(store: Store, fields: Fields, now: datetime, transfer: str) -> Answer:
        before = store.get(Transfer, transfer)
        amount, reason = read_amount_of(fields, before.currency), fields.text("reason", most=1000)
        fields.texts("metadata")
        fields.done()
        after = moves.reverse(store, before, amount, reason, now)
        taken = after.reversed - before.reversed
        body = shown(store, after).body
        return Answer({**body, "reversal": f"{after.id}_{after.reversed}", "reversal_amount": taken}, 201)


def _payouts(api: Api) -> None:
    @api.writes("/payouts")
    def create(store: Store, fields: Fields, now: datetime) -> Answer:
        provider, amount, currency = fields.text("provider", required=True), fields.amount(), fields.currency()
        destination, description = fields.free("to"), fields.text("description", most=1000)
        metadata = fields.texts("metadata")
        fields.done()
        sent = moves.payout(
            store,
            provider,
            amount or 0,
            currency,
            now,
            destination=destination,
            description=description,
            metadata=metadata,
        )
        return shown(store, sent, 201)

    @api.reads("/payouts")
    def all_payouts(store: Store, now: datetime) -> Answer:  # noqa: ARG001
        return listed(store, Payout)

    @api.reads("/payouts/<payout>")
    def one(store: Store, now: datetime, payout: str) -> Answer:  # noqa: ARG001
        return shown(store, store.get(Payout, payout))

    @api.writes("/test/payouts/<payout>/fail")
    def fail(store: Store, fields: Fields, now: datetime, payout: str) -> Answer:
        fields.done()
        return shown(store, moves.arrive(store, store.get(Payout, payout), now, failed=True))


def _read_parts(fields: Fields, currency: str) -> list[escrow.Part]:
    parts = []
    for entry in fields.objects("parts"):
        amount = read_amount_of(entry, currency)
        if amount is None and not entry.has("amount"):
            entry.wrong("amount", "is missing")
        parts.append(escrow.Part(entry.text("provider", required=True), amount or 0))
        entry.only()
    return parts


def _holds(api: Api) -> None:
    @api.reads("/holds")
    def all_holds(store: Store, now: datetime) -> Answer:  # noqa: ARG001
        return listed(store, Hold, request.args.get("payment"))

    @api.reads("/holds/<hold>")
    def one(store: Store, now: datetime, hold: str) -> Answer:  # noqa: ARG001
        return shown(store, store.get(Hold, hold))

    @api.writes("/holds/<hold>/release")
    def release(store: Store, fields: Fields, now: datetime, hold: str) -> Answer:
        found = store.get(Hold, hold)
        parts = _read_parts(fields, found.currency)
        fields.done()
        return shown(store, escrow.release(store, found, parts, now))

    @api.writes("/holds/<hold>/freeze")
    def freeze(store: Store, fields: Fields, now: datetime, hold: str) -> Answer:
        reason = fields.text("reason", most=1000)
        fields.done()
        return shown(store, escrow.freeze(store, store.get(Hold, hold), reason, now))

    @api.writes("/holds/<hold>/settle")
    def settle(store: Store, fields: Fields, now: datetime, hold: str) -> Answer:
        found = store.get(Hold, hold)
        parts = _read_parts(fields, found.currency)
        refund = read_amount_of(fields, found.currency, "refund") or 0
        fields.done()
        return shown(store, escrow.settle(store, found, parts, refund, now))


def _webhooks(api: Api) -> None:
    @api.writes("/webhook_endpoints")
    def create(store: Store, fields: Fields, now: datetime) -> Answer:
        url, events = fields.url("url", required=True), fields.list_of_texts("events")
        fields.done()
        secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        endpoint = Endpoint(id=new_id("whe", now), created_at=now, url=url, secret=secret, events=events or ("*",))
        return Answer({**shown(store, store.add(endpoint)).body, "secret": secret}, 201)

    @api.reads("/webhook_endpoints")
    def all_endpoints(store: Store, now: datetime) -> Answer:  # noqa: ARG001
        return listed(store, Endpoint)

    @api.writes("/webhook_endpoints/<endpoint>", "DELETE")
    def remove(store: Store, fields: Fields, now: datetime, endpoint: str) -> Answer:  # noqa: ARG001
        fields.done()
        store.remove(store.get(Endpoint, endpoint))
        return Answer({"id": endpoint, "object": "webhook_endpoint", "deleted": True})

    @api.reads("/events")
    def all_events(store: Store, now: datetime) -> Answer:  # noqa: ARG001
        limit = page_limit()
        found = store.events(limit + 1, request.args.get("after"))
        data: list[Json] = [event.body for event in found[:limit]]
        following = found[limit - 1].id if len(found) > limit else None
        return Answer({"data": data, "has_more": following is not None, "next": following})

    @api.reads("/events/<event>")
    def one(store: Store, now: datetime, event: str) -> Answer:  # noqa: ARG001
        return Answer(store.event(event).body)


def _account(api: Api) -> None:
    @api.reads("/ping")
    def ping(store: Store, now: datetime) -> Answer:  # noqa: ARG001
        return Answer({"object": "account", "name": "Sandbox", "mode": "test", "now": stamp(now)})

    @api.reads("/balance")
    def balance(store: Store, now: datetime) -> Answer:  # noqa: ARG001
        return Answer({"object": "balance", "accounts": store.balances()})


def _test(api: Api) -> None:
    @api.reads("/test/clock")
    def clock(store: Store, now: datetime) -> Answer:  # noqa: ARG001
        return Answer({"object": "test_clock", "now": stamp(now)})

    @api.blueprint.post("/test/clock")
    def advance() -> tuple[dict[str, Json], int]:
        fields = Fields(json_body())
        to = fields.time("now")
        unit = fields.choice("unit", UNITS, "month")
        count = fields.integer("count", least=1, most=400) or 1
        fields.done()
        done = api.sandbox.advance(to) if to is not None else api.sandbox.advance_by(unit, count)
        with api.sandbox.read() as (_, now):
            return {"object": "test_clock", "now": stamp(now), "done": done}, 200

    @api.writes("/test/misbehaviour")
    def misbehave(store: Store, fields: Fields, now: datetime) -> Answer:  # noqa: ARG001
        scope = fields.choice("scope", tuple(misbehaviour.SCOPES), "gateway")
        mode = fields.choice("mode", (*misbehaviour.MODES, "off"), "off")
        requests = fields.integer("requests", least=1, most=1_000_000)
        seconds = fields.integer("seconds", least=0, most=misbehaviour.LONGEST_DELAY)
        match = fields.text("match")
        if mode == "refuse" and not match:
            fields.wrong("match", "is missing: the text whose requests are refused")
        fields.done()
        wanted = misbehaviour.Misbehaviour(mode, requests, 2 if seconds is None else seconds, match)
        misbehaviour.switch(store, scope, None if mode == "off" else wanted)
        return Answer({"scope": scope, "mode": mode, "requests": requests})
