"""What the tests of Razorpay begin with: a connection, a paid payment, a plan, a running subscription."""

from __future__ import annotations

from hub.connect.api import Connection
from tests.contract.desk import Desk

INR = {"minor": 250000, "currency": "INR"}
PART = {"minor": 50000, "currency": "INR"}
ADA = {"email": "ada@example.com", "name": "Ada Lovelace", "phone": "+919000090000"}
RETURN = {"return_url": "https://shop.example.com/thanks"}
SECRETS = ("key_secret", "webhook_secret", "payout_key_secret", "payout_webhook_secret")


def desk_of(fake, registry, outbound, **settings):
    fields = {**fake.fields(), **settings}
    secrets = {name: (value,) for name, value in fields.items() if name in SECRETS}
    kept = {name: value for name, value in fields.items() if name not in SECRETS}
    return Desk(registry.get("razorpay"), outbound, Connection("rzp", "razorpay", kept, secrets))


def told(desk, fake):
    """What the hub records of all that happened since the last time, one for each source id."""
    found = {}
    for webhook in fake.webhooks("https://hub.example.com/hooks/rzp"):
        reception = desk.receive(webhook.body, webhook.headers)
        for raw in reception.pending:
            for event in desk.connector.map(desk.connector.enrich(raw, desk.call()), desk.connection):
                found.setdefault(event.source_id, event)
    return list(found.values())


def types(events):
    return [event.type for event in events]


def begun(desk, key="begin", **more):
    return desk.run("payment.create", {"amount": INR, "order": "o_77", "customer": ADA, **RETURN, **more}, key=key)


def paid(desk, fake, **more):
    payment = begun(desk, **more)["payment"]
    return desk.run("payment.complete", {"payment": payment, "parameters": fake.pay(payment)}, key="return")


def plan(desk, **more):
    given = {"name": "Gold", "price": {"minor": 190000, "currency": "INR"}, "interval": {"unit": "month"}, **more}
    return desk.run("plan.create", given, key="plan")


def running(desk, fake, **more):
    made = desk.run("subscription.create", {"plan": plan(desk)["plan"], "order": "o_9", **more}, key="sub")
    fake.agree(made["subscription"])
    return made
