"""What the tests of 2Checkout begin with: a connection, a paid payment, a plan, a running subscription."""

from __future__ import annotations

from hub.connect.api import Connection
from tests.contract.desk import Desk

EUR = {"minor": 1999, "currency": "EUR"}
PART = {"minor": 500, "currency": "EUR"}
ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
RETURN = {"return_url": "https://shop.example.com/thanks"}
SECRETS = ("secret_key", "buy_link_secret_word", "ins_secret_word")


def desk_of(fake, registry, outbound, **settings):
    fields = {**fake.fields(), **settings}
    secrets = {name: (value,) for name, value in fields.items() if name in SECRETS and value}
    kept = {name: value for name, value in fields.items() if name not in SECRETS and value is not None}
    return Desk(registry.get("twocheckout"), outbound, Connection("2co", "twocheckout", kept, secrets))


def told(desk, fake):
    """What the hub records of all that happened since the last time, one for each source id; every answer is a receipt."""
    found = {}
    for number, webhook in enumerate(fake.webhooks("https://hub.example.com/hooks/2co")):
        reception = desk.receive(webhook.body, webhook.headers)
        assert fake.acknowledged(number, reception.answer.body)
        for event in mapped(desk, reception):
            found.setdefault(event.source_id, event)
    return list(found.values())


def mapped(desk, reception):
    raws = [desk.connector.enrich(raw, desk.call()) for raw in reception.pending]
    return [event for raw in raws for event in desk.connector.map(raw, desk.connection)]


def types(events):
    return [event.type for event in events]


def begun(desk, key="begin", **more):
    return desk.run("payment.create", {"amount": EUR, "order": "o_77", "customer": ADA, **RETURN, **more}, key=key)


def paid(desk, fake, **more):
    payment = begun(desk, **more)["payment"]
    return desk.run("payment.complete", {"payment": payment, "parameters": fake.pay(payment)}, key="return")


def plan(desk, **more):
    given = {"name": "Gold", "price": {"minor": 1900, "currency": "EUR"}, "interval": {"unit": "month"}, **more}
    return desk.run("plan.create", given, key="plan")


def running(desk, fake, **more):
    made = desk.run("subscription.create", {"plan": plan(desk)["plan"], "order": "o_9", **more}, key="sub")
    fake.pay(made["subscription"])
    return made
