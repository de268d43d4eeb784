import re

import pytest

from hub.journal.entries import Happening
from hub.journal.tables import charges
from hub.journal.tables_escrow import divisions, payouts
from hub.journal.tables_ledger import ledger_checks, refund_requests
from tests.payments.market import complete

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


MONEY = {"currency": "EUR", "amount": 4900}
WAITING = {
    "/refunds": (refund_requests, {"state": "asked", "minor": 4900}, "is to be approved"),
    "/refunds ": (refund_requests, {"state": "uncertain", "minor": 4900}, "refund may have gone out or not"),
    "/subscriptions": (charges, {"state": "uncertain", "cycle": 1, **MONEY}, "member may have been charged or not"),
    "/payouts": (payouts, {"state": "uncertain", **MONEY}, "payout may have gone out or not"),
    "/escrow/hld_7": (divisions, {"hold": "hld_7", "state": "uncertain"}, "release may have happened or not"),
    "/reconciliation": (ledger_checks, {"state": "differs"}, "difference to a gateway’s list"),
}


@pytest.mark.parametrize("place", WAITING)
def test_money_that_waits_for_a_word_stands_on_home_with_the_way_to_it(hub, admin, place):
    table, values, words = WAITING[place]
    assert ">Money that waits for your word<" not in admin.page("/")
    for count in (1, 2):
        only = {"subscription": f"sub_{count}", "attempt": count} if table is charges else {"id": f"one_{count}"}
        values = values | only | ({"subject": f"pay_{count}"} if table is ledger_checks else {})
        made = complete(table, values) | (
            {"created_at": hub.now(), "updated_at": hub.now()} if table is charges else {}
        )
        insert = table.insert().values(**made)
        hub.office("test").change(
            lambda book, made=made, insert=insert: (
                book.connection.execute(insert) if table is charges else book.insert(table, made)
            )
        )
        page = admin.page("/")
        assert re.search(rf'href="{place.strip()}">{count} [a-z’ ]*<', page), page
        assert (words in page) == (count == 1)
        assert "Nothing. Failed runs" not in page
    hub.store.change(lambda tx: tx.connection.execute(table.update().values(state="done")))
    assert ">Money that waits for your word<" not in admin.page("/")
