"""The hub registers a connection's webhook at the gateway, so that the admin need not."""

import pytest

from tests.fakes.fake_stripe import FakeStripe

KEY = "sk_test_made_up"


@pytest.fixture
def gateway():
    with FakeStripe().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def connected(open_hub, gateway):
    hub = open_hub(allow_private_addresses=("127.0.0.0/8",))
    hub.accounts.create("stripe-main", "stripe", {"secret_key": gateway.key, "api_base": gateway.url}, "test")
    return hub


ADDRESS = "https://hub.example.com/hooks/stripe-main"


def test_its_secret_is_kept_and_a_second_time_changes_nothing(connected, gateway):
    made = connected.accounts.register_webhook("stripe-main", ADDRESS, "admin@example.com")
    assert connected.accounts.get("stripe-main").secret("webhook_secret") == f"whsec_of_{made.id}"
    again = connected.accounts.register_webhook("stripe-main", ADDRESS, "admin@example.com")
    assert again.id == made.id
    assert connected.store.connection("stripe-main").health["webhook_id"] == made.id


def test_one_whose_secret_nobody_knows_is_made_anew(connected, gateway):
    endpoints = connected.registry.get("stripe").code.endpoints
    connection = connected.accounts.get("stripe-main")
    lost = endpoints.create(connected.accounts.call(connection, connected.registry.get("stripe")), ADDRESS)
    made = connected.accounts.register_webhook("stripe-main", ADDRESS, "admin@example.com")
    assert made.id != lost.id
    assert [one.id for one in connected.accounts.webhooks("stripe-main")] == [made.id]


def test_one_that_the_gateway_switched_off_is_switched_on(connected, gateway):
    made = connected.accounts.register_webhook("stripe-main", ADDRESS, "admin@example.com")
    gateway.objects[made.id]["status"] = "disabled"
    assert connected.accounts.register_webhook("stripe-main", ADDRESS, "admin@example.com").enabled
    connected.accounts.remove_webhook("stripe-main", made.id, "admin@example.com")
    assert connected.accounts.webhooks("stripe-main") == ()
