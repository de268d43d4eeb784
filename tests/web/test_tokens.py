"""Settings: tokens of the API and outgoing webhooks, made and ended by an admin."""

import re

import pytest

from hub.engine.outgoing import Outgoing
from hub.engine.tokens import Tokens


def secret_of(page, pattern):
    return re.search(rf"<code>({pattern})</code>", page)[1]


def test_a_token_is_shown_once_and_works(hub, app, admin):
    page = admin.post("/settings/tokens", title="Portal", scopes=["orders:read", "orders:write"], expires_on="").text
    secret = secret_of(page, r"hub_[\w-]+")
    assert secret not in admin.page("/settings/tokens")
    answer = app.test_client().get("/api/v1/orders", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200
    row = Tokens(hub).list()[0]
    assert (row.title, row.scopes, row.expires_at) == ("Portal", ["orders:read", "orders:write"], None)
    page = admin.page("/settings/tokens")
    assert "last used" in page
    assert f"…{secret[-4:]}" in page


def test_a_token_is_revoked(hub, admin):
    identity, _ = Tokens(hub).create("Portal", ["orders:read"], None, "admin@example.com")
    page = admin.post(f"/settings/tokens/{identity}/revoke", follow=True).text
    assert "The token Portal is revoked." in page
    assert "Revoke it" not in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": ""}, "a token needs a name"),
        ({"scopes": []}, "a token without any is no use"),
        ({"expires_on": "tomorrow"}, "Write a day like"),
        ({"expires_on": "9999-12-31"}, "Write a day like"),
        ({"expires_on": "2020-01-01"}, "this moment has passed"),
    ],
)
def test_what_is_wrong_with_a_token_is_said_and_what_was_typed_stays(hub, admin, fields, said):
    typed = {"title": "Portal <b>", "scopes": ["orders:read"], "expires_on": "2030-01-01", **fields}
    answer = admin.post("/settings/tokens", **typed)
    assert answer.status_code == 422
    assert said in answer.text
    if typed["title"]:
        assert "Portal &lt;b&gt;" in answer.text
    if typed["scopes"]:
        assert re.search(r'value="orders:read" checked', answer.text)
    assert Tokens(hub).list() == []


WEBHOOK = {"title": "Portal", "url": "https://portal.example.com/hooks", "types": "order.paid\npayment.*", "key": "one"}


@pytest.fixture
def webhook(hub, admin):
    admin.post("/settings/webhooks", **WEBHOOK)
    return Outgoing(hub).all()[0].id


def test_a_webhook_is_made_once_and_its_secret_shown_once(hub, admin):
    first, second = (admin.post("/settings/webhooks", **WEBHOOK).text for _ in range(2))
    assert secret_of(first, r"whsec_[\w+/=]+") == secret_of(second, r"whsec_[\w+/=]+")
    row = Outgoing(hub).all()[0]
    assert (len(Outgoing(hub).all()), row.types) == (1, ["order.paid", "payment.*"])
    assert "whsec_" not in admin.page(f"/settings/webhooks/{row.id}")
    assert WEBHOOK["url"] in admin.page("/settings/webhooks")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": ""}, "Write a name of"),
        ({"url": "portal"}, "Only http and https are allowed"),
        ({"types": ""}, "Name at least one type"),
        ({"types": "order.eaten"}, "is no type of events"),
    ],
)
def test_what_is_wrong_with_a_webhook_is_said_at_its_field(hub, admin, webhook, fields, said):
    for address in ("/settings/webhooks", f"/settings/webhooks/{webhook}"):
        answer = admin.post(address, **{**WEBHOOK, "key": "two", **fields})
        assert answer.status_code == 422
        assert said in answer.text
        assert 'aria-invalid="true"' in answer.text
    assert len(Outgoing(hub).all()) == 1


def test_a_webhook_is_changed_switched_and_deleted(hub, admin, webhook):
    address = f"/settings/webhooks/{webhook}"
    admin.post(address, title="Shop", url="https://shop.example.com/", types="*")
    admin.post(address, do="off")
    row = Outgoing(hub).get(webhook)
    assert (row.title, row.url, row.types, row.enabled) == ("Shop", "https://shop.example.com/", ["*"], False)
    assert "Switch on" in admin.page(address)
    admin.post(address, do="on")
    assert Outgoing(hub).get(webhook).enabled
    shown = secret_of(admin.post(address, do="secret", key="three").text, r"whsec_[\w+/=]+")
    assert Outgoing(hub).secrets_of(Outgoing(hub).get(webhook))[0] == shown
    admin.post(address, do="delete")
    assert Outgoing(hub).all() == []
    assert admin.get(address).status_code == 404


def test_a_page_shows_each_message_with_its_tries(hub, admin, webhook):
    admin.post(f"/settings/webhooks/{webhook}", title="Inner", url="http://127.0.0.1:9/", types="acme.*")
    hub.runs.record("acme.shipped", {"order": "A-17"}, "admin@example.com")
    hub.payment_clock.run_due()
    page = admin.page(f"/settings/webhooks/{webhook}")
    assert "acme.shipped" in page
    assert "an address inside the network" in page
    assert "Its messages do not arrive" in page
    message = Outgoing(hub).messages(webhook, 9)[0].id
    answer = admin.post(f"/settings/webhooks/{webhook}/messages/{message}", follow=True)
    assert "sent again" in answer.text


def test_the_description_is_read_without_a_log_in(visitor):
    page = visitor.page("/api/v1/docs")
    for said in ("/orders/{order}/cancel", "Idempotency-Key", "card_number", "Portrait session"):
        assert said in page
