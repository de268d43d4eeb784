"""What the tests of Stripe begin with: a paid payment, a plan, a running subscription."""

from __future__ import annotations

EUR = {"minor": 1999, "currency": "EUR"}
ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
RETURN = {"return_url": "https://shop.example.com/thanks"}


def paid(desk, **more):
    return desk.run("payment.create", {"amount": EUR, "method": "pm_card_visa", "customer": ADA, **more}, key="paid")


def plan(desk, **more):
    given = {"name": "Gold", "price": EUR, "interval": {"unit": "month"}, **more}
    return desk.run("plan.create", given, key="plan")


def subscription(desk, **more):
    given = {"plan": plan(desk)["plan"], "method": "pm_card_visa", "customer": {"id": "cus_1"}, **more}
    return desk.run("subscription.create", given, key="subscription")


def canonical(desk, stripe, event):
    """What an event becomes, read again at Stripe first where it only points at what there is to know."""
    body, headers = stripe.signed(event)
    received = desk.receive(body, headers)
    again = [desk.connector.enrich(raw, desk.call()) for raw in received.pending]
    return [*received.events, *(one for raw in again for one in desk.connector.map(raw, desk.connection))]
