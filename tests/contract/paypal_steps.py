"""What the tests of PayPal begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.connect.api import Connection, WebhookRequest
from tests.contract.desk import NOW, Desk

if TYPE_CHECKING:
    from tests.fakes.gateway import Webhook


EUR = {"minor": 1999, "currency": "EUR"}
ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
RETURN = {"return_url": "https://shop.example.com/thanks"}
HOOK = "https://hub.example.com/hooks/paypal-main"


def part(minor, currency="EUR"):
    return {"minor": minor, "currency": currency}


def desk_of(fake, registry, outbound, **settings):
    manifest = registry.get("paypal").manifest
    fields = {**fake.fields(), **settings}
    secrets = {name: (fields.pop(name),) for name in manifest.secret_names}
    return Desk(registry.get("paypal"), outbound, Connection("paypal-main", "paypal", fields, secrets))


def hosted(desk, key="pay", **more):
    return desk.run("payment.create", {"amount": EUR, **RETURN, **more}, key=key)["payment"]


def paid(desk, paypal, key="pay", **more):
    payment = hosted(desk, key, **more)
    parameters = paypal.pay(payment)
    desk.run("payment.complete", {"payment": payment, "parameters": parameters}, key=f"{key}-c")
    return payment


def held(desk, paypal, **more):
    return paid(desk, paypal, capture="manual", **more)


def plan(desk, key="plan", **more):
    given = {"name": "Gold", "price": EUR, "interval": {"unit": "month"}, **more}
    return desk.run("plan.create", given, key=key)


def running(desk, paypal, **more):
    made = desk.run("subscription.create", {"plan": plan(desk)["plan"], **RETURN, **more}, key="sub")
    paypal.pay(made["subscription"])
    return made["subscription"]


def told(desk, paypal, *webhooks: Webhook):
    """The canonical events of what PayPal sends now, in its order."""
    events = []
    for webhook in webhooks or paypal.webhooks(HOOK):
        request = WebhookRequest("POST", HOOK, "", dict(webhook.headers), webhook.body)
        reception = desk.connector.receive(request, desk.connection, NOW, webhook.fetches.__getitem__)
        for raw in reception.pending:
            events += desk.connector.map(desk.connector.enrich(raw, desk.call()), desk.connection)
    return events


def types(events):
    return [event.type for event in events]
