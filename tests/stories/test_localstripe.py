"""A payment at localstripe, a Stripe by others in a process of its own, brings the customer into the CRM."""

from __future__ import annotations

import pytest

from tests.contract.localstripe import SECRET_KEY, running_localstripe
from tests.stories.conftest import LiveHub

WEBHOOK_SECRET = "whsec_made_up_for_localstripe"


@pytest.fixture
def stripe():
    with running_localstripe() as server:
        yield server


@pytest.fixture
def live(tmp_path, stripe):
    hub = LiveHub(tmp_path / "data", allow_private_addresses=(stripe.url.removeprefix("http://"),))
    fields = {"secret_key": SECRET_KEY, "webhook_secret": WEBHOOK_SECRET, "api_base": stripe.url}
    hub.hub.accounts.create("stripe-main", "stripe", fields, "test")
    stripe.register_webhook(f"{hub.address}/hooks/stripe-main", WEBHOOK_SECRET)
    yield hub
    hub.close()


def paid(stripe, email="ada@example.com"):
    """A payment with a stored card, made there as a shop's own site would make it; gives its id."""
    customer = stripe.post("/v1/customers", email=email, name="Ada Lovelace")["id"]
    card = stripe.card()
    stripe.post(f"/v1/payment_methods/{card}/attach", customer=customer)
    about = {"metadata[hub_email]": email, "metadata[hub_name]": "Ada Lovelace", "metadata[order]": "o_1"}
    intent = stripe.post(
        "/v1/payment_intents",
        amount=4900,
        currency="eur",
        customer=customer,
        payment_method=card,
        confirm="true",
        **about,
    )
    assert intent["status"] == "succeeded"
    return intent["id"]


def test_a_payment_there_is_a_contact_here(stripe, live):
    assert live.hub.accounts.test("stripe-main").ok
    payment = paid(stripe)
    run = live.run_of(payment, "crm-sync")
    live.until(lambda: live.status(run.id) == "succeeded")
    (event,) = live.events(type="payment.succeeded")
    detail = live.hub.queries.event(event.id)
    assert (event.source, detail.data["payment"], detail.data["order"]) == ("stripe-main", payment, "o_1")
    assert detail.data["amount"] == {"minor": 4900, "currency": "EUR"}
    properties = live.crm("/contacts/ada@example.com")["properties"]
    assert (properties["hub_last_payment"], properties["hub_last_amount"]) == (payment, "€49.00")
    assert [mail["recipient"] for mail in live.hub.store.mails()] == ["ada@example.com"]
    assert live.hub.store.refusals() == []


def test_with_another_secret_nothing_gets_in_and_the_refusals_say_why(stripe, live):
    stripe.register_webhook(f"{live.address}/hooks/stripe-main", "whsec_of_another_webhook")
    paid(stripe)
    (refusal, *_) = live.until(live.hub.store.refusals)
    assert (refusal["connection"], refusal["reason"]) == ("stripe-main", "bad_signature")
    assert live.events() == []
