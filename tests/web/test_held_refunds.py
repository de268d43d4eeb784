"""Held money that soon cannot be given back, and second payments for it, reach who looks after it on Home and on its page."""

from __future__ import annotations

import pytest

from hub.engine import alerts
from hub.vocabulary import validate_data
from hub.web.app import create_app
from tests.payments.held import held
from tests.payments.market import Market
from tests.payments.test_escrow_beside import kept
from tests.web.test_lapsing import text

from .conftest import HASH, Visitor

LINE = "Held money that soon cannot be given back"


@pytest.fixture
def market(tmp_path, monkeypatch):
    made = Market(tmp_path / "workspace", "sqlite:///")
    limits = made.hub.registry.get("sandbox").manifest.capabilities["refund"].limits
    monkeypatch.setitem(limits, "refund_days", 30)
    made.hub.store.create_user("editor@example.com", "editor", "editor", HASH, made.hub.now())
    yield made
    made.close()


def enter(market):
    found = Visitor(create_app(market.hub))
    assert found.log_in("editor@example.com").status_code == 303
    return found


def test_it_is_told_in_words_and_stands_on_home_and_on_the_holds_page(market):
    hold = held(market, needed=40)
    assert LINE not in enter(market).page("/")
    market.forward(days=23, minutes=1)
    for _ in range(2):
        alerts.look(market.hub)
    (data,) = market.events("hub.hold_refund_closing")
    validate_data("hub.hold_refund_closing", data)
    until = data["refundable_until"]
    assert data["message"] == (
        f"1200.00 EUR at sandbox can be given back there until {until[:10]} at {until[11:16]} UTC. Release it or give it "
        "back before; afterwards sandbox gives nothing back to the payer."
    )
    assert market.events("hub.hold_lapsing") == []
    editor = enter(market)
    home = text(editor.page("/"))
    assert LINE in home
    assert "The gateway can give it back until" in home
    assert "The gateway can give this money back until" in text(editor.page(f"/escrow/{hold}"))
    market.forward(days=8)
    editor = enter(market)
    assert LINE not in text(editor.page("/"))
    assert "The gateway gives this money back no more" in text(editor.page(f"/escrow/{hold}"))


def test_a_second_payment_that_the_gateway_keeps_is_settled_on_the_page_of_its_hold(market):
    hold, payment = kept(market)
    editor = enter(market)
    for place in ("/stuck", f"/escrow/{hold}", f"/payments/sandbox/{payment}"):
        page = editor.page(place)
        assert "€1,200.00 could not be given back" in text(page).replace("\N{NO-BREAK SPACE}", " "), place
        assert f'href="/escrow/{hold}"' in page or place.startswith("/escrow"), place
    assert "Payments that could not be given back" in text(editor.page("/"))
    about = {"kind": "hold", "subject": hold, "payment": payment, "next": f"/escrow/{hold}"}
    answer = editor.post("/stuck/payments", **about, do="given_back")
    assert answer.location == f"/escrow/{hold}"
    assert "could not be given back" not in editor.page(f"/escrow/{hold}")
    row = market.hub.store.audit_trail()[0]
    assert (row["action"], row["target"]) == ("hold.given_back", payment)
