import pytest

from hub.journal.entries import Happening

from .conftest import PAID


@pytest.fixture
def sandbox(hub, recipe):
    """The sandbox is connected, and a recipe waits for payments."""
    hub.accounts.create(
        "sandbox",
        "sandbox",
        {"api_base": "http://127.0.0.1/sandbox/v1", "api_key": "sbx_test_1", "webhook_secret": "whsec_1"},
        "test",
    )


def next_step(page):
    """The title of the step that is to be done next."""
    import re

    found = re.search(r'<li class="\s*next">.*?<h3>(.*?)</h3>', page, re.DOTALL)
    return found and found[1]


def test_an_empty_hub_leads_to_the_gallery(admin):
    assert next_step(admin.page("/")) == "Install the example"


def test_a_newcomer_is_led_step_by_step(hub, admin, sandbox):
    assert next_step(admin.page("/")) == "Pay on the sandbox"
    recorded = hub.recorder.record(Happening("payment.succeeded", "sandbox", "evt_1", PAID, hub.now()), hub.now())
    assert next_step(admin.page("/")) == "See the event"
    admin.page(f"/events/{recorded.event_id}")
    page = admin.page("/")
    assert next_step(page) == "See the run"
    assert f"/runs/{recorded.runnable[0]}" in page


def test_the_list_is_put_away(admin, sandbox):
    admin.post("/first-steps/done")
    assert "first-steps" not in admin.page("/")


def test_without_the_sandbox_there_are_no_first_steps(open_hub, hub, clock):
    from hub.web.app import create_app

    from .conftest import Visitor

    hub.close()
    visitor = Visitor(create_app(open_hub(sandbox="off")))
    visitor.log_in("viewer@example.com")
    assert "first-steps" not in visitor.page("/")


def test_what_happened_today_is_counted(admin, run):
    page = admin.page("/")
    assert "events came in" in page
    assert run in page


def test_runs_that_nobody_takes_up_are_told(admin, run, clock):
    clock.forward(minutes=2)
    assert "are due and not taken up" in admin.page("/")


def test_a_connection_that_keeps_failing_needs_somebody_while_it_lasts(hub, admin, sandbox, clock):
    now = clock().isoformat()
    facts = {"failing_at": now, "failing_since": now, "failing_message": "Calls pause because many failed."}
    hub.store.note_health("sandbox", facts)
    page = admin.page("/")
    assert "Connections that keep failing" in page
    assert "Calls pause because many failed." in page
    clock.forward(minutes=5)
    assert "Connections that keep failing" not in admin.page("/")


def test_what_was_paid_today_stands_there_by_currency(hub, admin, clock):
    hub.runs.record("payment.succeeded", PAID, "by hand")
    assert "paid, 1 payment" not in admin.page("/"), "what a person sends by hand is no payment"
    for number, currency in enumerate(("EUR", "EUR", "JPY")):
        data = {**PAID, "payment": f"pay_{number}", "amount": {"minor": 4900, "currency": currency}}
        hub.recorder.record(Happening("payment.succeeded", "shop", f"evt_{number}", data, hub.now()), hub.now())
    page = admin.page("/")
    assert "€98.00" in page
    assert "paid, 2 payments" in page
    assert "¥4,900" in page
    clock.forward(days=1)
    assert "€98.00" not in admin.page("/")
