"""What the tests of VISA begin with: a connection, a paid form, a stored means, a plan, what the hub records of it."""

from __future__ import annotations

from hub.connect.api import Connection
from hub.jsontypes import canonical_json
from tests.contract.desk import Desk

USD = {"minor": 1000, "currency": "USD"}
PART = {"minor": 400, "currency": "USD"}
ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
RETURN = {"return_url": "https://shop.example/thanks"}
STORED = {"amount": USD, "method": "TOKENMADEUP0001"}
SECRETS = ("shared_secret", "private_key", "key_password", "webhook_key", "encryption_key")


def desk_of(fake, registry, outbound, **settings):
    fields = {**fake.fields(), **settings}
    secrets = {name: (value,) for name, value in fields.items() if name in SECRETS and value}
    kept = {name: value for name, value in fields.items() if name not in SECRETS}
    return Desk(registry.get("visa"), outbound, Connection("visa-main", "visa", kept, secrets))


def told(desk, fake):
    """What the hub records of all that happened since the last time, one for each source id."""
    found = {}
    for webhook in fake.webhooks("https://hub.example.com/hooks/visa-main"):
        for event in taken(desk, webhook):
            found.setdefault(event.source_id, event)
    return list(found.values())


def taken(desk, webhook):
    """The events of one delivery, as the hub takes it: proved, re-read, mapped."""
    reception = desk.receive(webhook.body, webhook.headers)
    assert reception.events == ()
    read = [desk.connector.enrich(raw, desk.call()) for raw in reception.pending]
    assert all(canonical_json(raw.payload) for raw in read)
    return [event for raw in read for event in desk.connector.map(raw, desk.connection)]


def polled(desk, cursor, **options):
    """What a poll finds, and the next cursor."""
    found = desk.connector.poll(desk.call(**options), cursor)
    events = [
        event
        for raw in found.events
        for event in desk.connector.map(desk.connector.enrich(raw, desk.call()), desk.connection)
    ]
    return events, found.cursor


def types(events):
    return [event.type for event in events]


def begun(desk, key="begin", **more):
    return desk.run("payment.create", {"amount": USD, "order": "o_77", "customer": ADA, **RETURN, **more}, key=key)


def paid(desk, fake, **more):
    payment = begun(desk, **more)["payment"]
    return desk.run("payment.complete", {"payment": payment, "parameters": fake.pay(payment)}, key="return")


def plan(desk, **more):
    given = {"name": "Gold", "price": {"minor": 1900, "currency": "EUR"}, "interval": {"unit": "month"}, **more}
    return desk.run("plan.create", given, key="plan")


def running(desk, **more):
    given = {"plan": plan(desk)["plan"], "method": "TOKENMADEUP0001", **more}
    return desk.run("subscription.create", given, key="sub")
