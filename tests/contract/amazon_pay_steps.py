"""What the tests of Amazon Pay begin with: a connection, a payment that was begun, one that was paid, a stored permission."""

from __future__ import annotations

from hub.connect.api import Connection, WebhookRequest
from tests.contract.desk import NOW, Desk

EUR = {"minor": 1999, "currency": "EUR"}
PART = {"minor": 500, "currency": "EUR"}
ADA = {"email": "ada@hub.example.com", "name": "Ada L."}
RETURN = {"return_url": "https://shop.example.com/thanks"}


def desk_of(fake, registry, outbound, **settings):
    fields = {**fake.fields(), **settings}
    secrets = {"private_key": (fields.pop("private_key"),)}
    return Desk(registry.get("amazon_pay"), outbound, Connection("apay", "amazon_pay", fields, secrets))


def receive(desk, webhook):
    """The raw events of a delivery, re-read as the hub does it."""
    request = WebhookRequest("POST", "https://hub.example.com/hooks/apay", "", webhook.headers, webhook.body)
    reception = desk.connector.receive(request, desk.connection, NOW, lambda url: webhook.fetches[url])
    assert reception.events == ()
    return [desk.connector.enrich(raw, desk.call()) for raw in reception.pending]


def told(desk, fake):
    """What the hub records of all that happened since the last time, one for each source id."""
    found = {}
    for webhook in fake.webhooks("https://hub.example.com/hooks/apay"):
        for raw in receive(desk, webhook):
            assert desk.connector.knows(raw.type), raw.type
            for event in desk.connector.map(raw, desk.connection):
                found.setdefault(event.source_id, event)
    return list(found.values())


def types(events):
    return [event.type for event in events]


def begun(desk, key="begin", **more):
    return desk.run("payment.create", {"amount": EUR, "order": "o_77", "customer": ADA, **RETURN, **more}, key=key)


def completed(desk, fake, output, key="return"):
    fake.press(output["client"])
    given = {"payment": output["payment"], "parameters": fake.pay(output["payment"])}
    return desk.run("payment.complete", given, key=key)


def paid(desk, fake, key="begin", **more):
    return completed(desk, fake, begun(desk, key=key, **more), key=f"{key}-return")


def stored(desk, fake, **more):
    """The permission that a payer gave with a first payment."""
    return paid(desk, fake, key="first", save_method=True, **more)["stored_method"]
