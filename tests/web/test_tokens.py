"""Settings: tokens of the API and outgoing webhooks, made and ended by an admin."""

import re
from datetime import timedelta
from html import unescape

import pytest
import sqlalchemy as sa

from hub.engine.outgoing import Outgoing
from hub.engine.tokens import Tokens
from hub.journal.tables_api import outgoing_messages

from .api.receiver import messages


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


def test_all_that_is_wrong_with_a_webhook_is_said_at_once(admin):
    answer = admin.post("/settings/webhooks", title="", url="ftp://x", types="order.eaten")
    assert answer.text.count('aria-invalid="true"') == 3


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
    message = messages(Outgoing(hub), webhook)[0].id
    answer = admin.post(f"/settings/webhooks/{webhook}/messages/{message}", follow=True)
    assert "sent again" in answer.text
    assert 'name="do" value="skip"' in page
    skipped = admin.post(f"/settings/webhooks/{webhook}/messages/{message}", do="skip", follow=True)
    assert "The message is skipped." in skipped.text
    assert messages(Outgoing(hub), webhook)[0].state == "failed"
    assert 'name="do" value="skip"' not in admin.page(f"/settings/webhooks/{webhook}")


def test_the_description_is_read_without_a_log_in(visitor):
    page = visitor.page("/api/v1/docs")
    for said in ("/orders/{order}/cancel", "Idempotency-Key", "card_number", "Portrait session"):
        assert said in page


@pytest.fixture
def many(hub, webhook, clock):
    """120 messages of the webhook, two minutes apart, each third of which failed; their events, newest first."""
    Outgoing(hub).change(webhook, "test", types=["acme.*"])
    events = []
    for number in range(120):
        clock.forward(minutes=2)
        events.insert(0, hub.runs.record("acme.returned" if number % 2 else "acme.shipped", {"n": number}, "test")[0])
    table = outgoing_messages
    other, _ = Outgoing(hub).create("another", "Other", "https://other.example.com/", ["beta.*"], "test")
    hub.runs.record("beta.lost", {}, "test")
    hub.store.change(
        lambda tx: tx.connection.execute(sa.update(table).where(table.c.webhook == other).values(state="failed"))
    )
    for number, event in enumerate(events):
        state = ("failed", "delivered", "waiting")[number % 3]
        query = sa.update(table).where(table.c.event == event)
        hub.store.change(
            lambda tx, query=query, state=state: tx.connection.execute(query.values(state=state, due_at=None))
        )
    return events


def events_on(page):
    return re.findall(r'href="/events/(evt_\w+)">Event', page)


def test_older_messages_are_paged_through_and_found_by_type_state_and_time(admin, webhook, many):
    address = f"/settings/webhooks/{webhook}"
    seen, page = [], admin.page(address)
    for _ in range(9):
        seen += events_on(page)
        older = re.search(r'href="([^"]+after=[^"]+)">Older', page)
        if older is None:
            break
        page = admin.page(unescape(older[1]))
    assert seen == many
    assert events_on(admin.page(f"{address}?state=failed")) == many[::3]
    assert events_on(admin.page(f"{address}?text=RETURNED&state=delivered")) == many[4::6]
    assert events_on(admin.page(f"{address}?text={many[7]}")) == [many[7]]
    assert events_on(admin.page(f"{address}?period=hour")) == many[:31]
    assert "after=" in admin.page(f"{address}?period=today&state=")
    filtered = re.search(r'href="([^"]+after=[^"]+)">Older', admin.page(f"{address}?text=returned"))
    assert set(events_on(admin.page(unescape(filtered[1])))) < set(many[::2])
    nothing = admin.page(f"{address}?text=nothing")
    assert "No message fits" in nothing
    assert "Nothing was sent yet" not in nothing


def test_all_that_failed_since_then_is_sent_again_and_nothing_else(hub, admin, webhook, many):
    with hub.database.read() as connection:
        rows = connection.execute(sa.select(outgoing_messages)).all()
    before = {row.event: row for row in rows}
    for event in many[:2]:  # one that is not taken and waits for its next try, one that was never tried
        values = {"state": "waiting", "tries": 3 if event == many[0] else 0, "due_at": hub.now() + timedelta(hours=5)}
        query = sa.update(outgoing_messages).where(outgoing_messages.c.event == event).values(**values)
        hub.store.change(lambda tx, query=query: tx.connection.execute(query))
    address = f"/settings/webhooks/{webhook}"
    answer = admin.post(address, follow=True, do="again", period="hour")
    assert "11 messages are sent again." in answer.text
    with hub.database.read() as connection:
        after = {row.event: row for row in connection.execute(sa.select(outgoing_messages)).all()}
    changed = [event for event in many if after[event].updated_at == hub.now() and after[event].tries == 0]
    due = [event for event in changed if after[event].due_at == hub.now() and after[event].state == "waiting"]
    assert due == many[:31:3]
    assert {after[event].id for event in due} == {before[event].id for event in due}
    assert [row.state for event, row in after.items() if event not in many] == ["failed"]
    assert hub.store.audit_trail(1)[0]["action"] == "webhook.send_failed_again"
    assert "29 messages are sent again." in admin.post(address, follow=True, do="again", period="").text
    hub.store.change(lambda tx: tx.connection.execute(sa.update(outgoing_messages).values(state="delivered")))
    assert "Nothing failed since then." in admin.post(address, follow=True, do="again", period="week").text
    admin.post(address, do="off")
    assert "Send all again" not in admin.page(address)
    assert admin.post(address, do="again", period="").status_code == 409
    assert admin.post("/settings/webhooks/none", do="again").status_code == 404
