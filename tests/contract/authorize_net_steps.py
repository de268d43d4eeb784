"""What the tests of Authorize.Net begin with: a connection, a paid page or form, a stored means, what the hub records of it."""

from __future__ import annotations

from hub.connect.api import Connection
from hub.jsontypes import canonical_json
from tests.contract.desk import Desk

USD = {"minor": 10000, "currency": "USD"}
PART = {"minor": 2500, "currency": "USD"}
ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
RETURN = {"return_url": "https://shop.example/thanks"}
METHOD = "39931060/36223863"
STORED = {"amount": USD, "method": METHOD}
SECRETS = ("transaction_key", "signature_key")


def desk_of(fake, registry, outbound, **settings):
    fields = {**fake.fields(), **settings}
    secrets = {name: (fields[name],) for name in SECRETS}
    kept = {name: value for name, value in fields.items() if name not in SECRETS}
    return Desk(registry.get("authorize_net"), outbound, Connection("anet-main", "authorize_net", kept, secrets))


def told(desk, fake):
    """What the hub records of all that happened since the last time, one for each source id."""
    found = {}
    for webhook in fake.webhooks("https://hub.example.com/hooks/anet-main"):
        for event in taken(desk, webhook):
            found.setdefault(event.source_id, event)
    return list(found.values())


def taken(desk, webhook):
    """The events of one delivery, as the hub takes it: proved, re-read, mapped."""
    reception = desk.receive(webhook.body, webhook.headers)
    assert reception.events == ()
    return mapped(desk, reception.pending)


def mapped(desk, raw_events):
    read = [desk.connector.enrich(raw, desk.call()) for raw in raw_events]
    assert all(canonical_json(raw.payload) for raw in read)
    return [event for raw in read for event in desk.connector.map(raw, desk.connection)]


def polled(desk, fake, cursor):
    """What a poll finds now, one for each source id, and the next cursor."""
    found = desk.connector.poll(desk.call(now=fake.now), cursor)
    events = {}
    for event in mapped(desk, found.events):
        events.setdefault(event.source_id, event)
    return list(events.values()), found.cursor


def types(events):
    return [event.type for event in events]


def begun(desk, key="begin", **more):
    return desk.run("payment.create", {"amount": USD, "order": "o_77", "customer": ADA, **RETURN, **more}, key=key)


def paid(desk, fake, **more):
    """A payment on Authorize.Net's page, as the payer's return leaves it."""
    payment = begun(desk, **more)["payment"]
    return desk.run("payment.complete", {"payment": payment, "parameters": fake.pay(payment)}, key="return")


def form(desk, **more):
    """A form's output, and the parameters that its page brings back."""
    output = begun(desk, presentation="embedded", **more)
    return output, {"terms": output["client"]["terms"]}


def plan(desk, **more):
    given = {"name": "Gold", "price": {"minor": 1900, "currency": "USD"}, "interval": {"unit": "month"}, **more}
    return desk.run("plan.create", given, key="plan")


def running(desk, **more):
    given = {"plan": plan(desk)["plan"], "method": METHOD, **more}
    return desk.run("subscription.create", given, key="sub")
