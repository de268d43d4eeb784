"""What the tests of Instamojo begin with: a connection, a begun and a paid payment, what the hub records."""

from __future__ import annotations

from hub.connect.api import Connection, WebhookRequest
from tests.contract.desk import NOW, Desk

INR = {"minor": 250000, "currency": "INR"}
PART = {"minor": 50000, "currency": "INR"}
ADA = {"email": "ada@example.com", "name": "Ada Lovelace", "phone": "+919000090000"}
RETURN = {"return_url": "https://shop.example.com/thanks"}
SECRETS = ("client_secret", "salt", "password")


def desk_of(fake, registry, outbound, **settings):
    fields = {**fake.fields(), **settings}
    secrets = {name: (value,) for name, value in fields.items() if name in SECRETS}
    kept = {name: value for name, value in fields.items() if name not in SECRETS}
    return Desk(registry.get("instamojo"), outbound, Connection("imojo", "instamojo", kept, secrets))


def begun(desk, key="begin", **more):
    return desk.run("payment.create", {"amount": INR, "order": "o_77", "customer": ADA, **RETURN, **more}, key=key)


def paid(desk, fake, **more):
    payment = begun(desk, **more)["payment"]
    return desk.run("payment.complete", {"payment": payment, "parameters": fake.pay(payment)}, key="return")


def events_of(desk, raws):
    found = {}
    for raw in raws:
        for event in desk.connector.map(desk.connector.enrich(raw, desk.call()), desk.connection):
            found.setdefault(event.source_id, event)
    return list(found.values())


def told(desk, fake):
    """What the hub records of the deliveries since the last time, one for each source id."""
    raws = []
    for webhook in fake.webhooks(fake.hook):
        request = WebhookRequest("POST", f"{fake.hook}?{webhook.query}", webhook.query, webhook.headers, webhook.body)
        reception = desk.connector.receive(request, desk.connection, NOW, None)
        assert reception.hint
        assert reception.events == ()
        raws += reception.pending
    return events_of(desk, raws)


def types(events):
    return [event.type for event in events]
