"""The page of differences: whatever ids gateways give, nothing is wider than a phone."""

import pytest

from hub.journal.tables_ledger import ledger_checks
from tests.payments.market import complete

from .conftest import DESKTOP, PHONE, log_in
from .test_accessibility import violations


@pytest.mark.parametrize(("viewport", "look"), [(PHONE, "dark"), (DESKTOP, "light")], ids=["phone-dark", "desktop"])
def test_long_ids_are_broken_at_the_edge_of_their_card(live, open_browser, viewport, look):
    found = {"account": "disputed", "expected": _money(0), "found": _money(4900), "proposal": "Look there."}
    for kind, subject, payment in (("dispute", "dis_" + "8f3a" * 50, ""), ("payment", "pi_" + "x1y2" * 50, "pi_1")):
        about = {"connection": "sandbox", "kind": kind, "subject": subject, "payment": payment, "found": [found]}
        row = complete(ledger_checks, {"id": kind, "day": "2026-11-26", "state": "differs", "why": "", **about})
        live.hub.office("test").change(lambda book, row=row: book.insert(ledger_checks, row))
    settled = {"account": "expense:gateway_fees", "proposal": "Take it over.", "reports": ["payment.settled"]}
    settled |= {"expected": _money(320), "found": _money(350), "difference": _money(30)}
    about = {
        "connection": "sandbox",
        "kind": "payment",
        "subject": "pi_2",
        "payment": "pi_2",
        "found": [found, settled],
    }
    row = complete(ledger_checks, {"id": "fee", "day": "2026-11-26", "state": "differs", "why": "", **about})
    live.hub.office("test").change(lambda book: book.insert(ledger_checks, row))
    page = log_in(open_browser(viewport, color_scheme=look, reduced_motion="reduce"))
    page.goto("/reconciliation")
    assert violations(page) == []
    assert page.get_by_role("button", name="Take the gateway’s word over").count() == 1
    assert page.get_by_role("button", name="Compare again").count() == 3
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    for title in page.locator(".hub-row-title").all():
        inner, outer = title.bounding_box(), title.locator("xpath=ancestor::section").bounding_box()
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]


def _money(minor):
    return {"minor": minor, "currency": "USD"}
