"""On PostgreSQL whoever changes an order and its invoice takes the order's row first, so that two never wait for each other."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from hub.journal.tables_commerce import orders
from hub.journal.tables_invoices import invoices

LINES = [{"title": "Crate", "quantity": 4, "price": {"minor": 2975, "currency": "EUR"}}]
WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.fixture
def database_url(postgres_url):
    return postgres_url


def test_issuing_a_draft_waits_for_a_payment_that_has_the_order_and_keeps_its_invoice_free(shop):
    order = shop.do("orders", "create", {"lines": LINES, "customer": {"email": "ada@example.com"}}, "order")["order"]
    draft = shop.do("invoices", "create", {"order": order, "draft": True}, "draft")["invoice"]
    engine = shop.hub.database.engine
    with ThreadPoolExecutor(1) as threads, engine.connect() as payment, engine.connect() as watcher:
        payment.execute(sa.select(orders).where(orders.c.id == order).with_for_update())
        issuing = threads.submit(shop.do, "invoices", "issue", {"invoice": draft}, "issue")
        while not watcher.scalar(WAITING):
            assert not issuing.done()
        payment.execute(sa.select(invoices).where(invoices.c.id == draft).with_for_update(nowait=True))
        payment.rollback()
        assert issuing.result()["state"] == "open"
