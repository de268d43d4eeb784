"""Held money that is about to lapse reaches who looks after it: told once, and on Home while it still waits for somebody."""

from __future__ import annotations

import re

import pytest

from hub.engine import alerts
from hub.journal.tables_commerce import orders
from hub.journal.tables_escrow import holds
from hub.journal.tables_work import jobs
from hub.vocabulary import validate_data
from hub.web.app import create_app
from tests.payments.held import asked, days, held
from tests.payments.market import Market, complete

from .conftest import HASH, Visitor

LINE = "Held money that is about to lapse"
LET_GO = "The payer’s bank lets go of it"
WARNED = {"days": 6, "minutes": 1}
"""The sandbox lets go of an authorisation after seven days; a day before it is told."""


@pytest.fixture
def market(tmp_path):
    made = Market(tmp_path / "workspace", "sqlite:///")
    made.hub.store.create_user("editor@example.com", "editor", "editor", HASH, made.hub.now())
    made.provider("prv_ada")
    yield made
    made.close()


def home(market):
    """The page, of somebody who just logged in: a session does not last for the days of a hold."""
    found = Visitor(create_app(market.hub))
    assert found.log_in("editor@example.com").status_code == 303
    page = found.page("/")
    assert "Needs you" in page
    return page


def told(market):
    """The alerts so far, after two more looks."""
    for _ in range(2):
        alerts.look(market.hub)
    found = market.events("hub.hold_lapsing")
    for data in found:
        validate_data("hub.hold_lapsing", data)
    return found


def text(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))


def test_a_hold_is_told_once_in_words_and_stands_on_home_until_it_is_taken(market):
    hold = held(market, needed=3)
    job = complete(jobs, {"id": "job_12", "number": 12, "title": "A piano", "state": "accepted"})
    market.hub.office("job").change(lambda book: book.insert(jobs, job))
    market.forward(days=5, hours=23)
    assert told(market) == []
    assert LINE not in home(market)
    market.forward(hours=1, minutes=1)
    (data,) = told(market)
    lapses_at = data["lapses_at"]
    assert data["message"] == (
        f"1200.00 EUR for job 12: A piano at sandbox is only authorised, and lapses on {lapses_at[:10]} at "
        f"{lapses_at[11:16]} UTC. Take it now, release it or give it back before; afterwards it is lost."
    )
    assert (data["hold"], data["amount"]["minor"], data["about"]) == (hold, 120_000, "job 12: A piano")
    assert data["url"] == f"{market.hub.settings.address}/escrow/{hold}"
    page = home(market)
    assert LINE in page
    assert f'href="/escrow/{hold}"' in page
    shown = text(page)
    for words in ("€1,200.00 for job 12: A piano", LET_GO, "Take it now, release it or give it back before."):
        assert words in shown, words
    market.act("collect", {"hold": hold}, "collect")
    market.heard("payment.succeeded")
    assert LINE not in home(market)
    assert len(told(market)) == 1


def test_yen_and_an_order_are_told_without_decimals(market):
    order = complete(orders, {"id": "o_7", "number": 7, "currency": "JPY"})
    market.hub.office("order").change(lambda book: book.insert(orders, order))
    hold = held(market, amount={"minor": 90_000, "currency": "JPY"}, needed=3, order="o_7", job=None)
    market.forward(**WARNED)
    (data,) = told(market)
    assert data["message"].startswith("90000 JPY for order 7 at sandbox is only authorised, and lapses on ")
    assert "¥90,000 for order 7" in text(home(market))
    market.act("release", {"hold": hold, "provider": "prv_ada"}, "release")
    assert LINE not in home(market)


def test_what_is_frozen_cannot_be_taken_and_what_is_of_no_known_job_is_told_by_its_amount(market):
    hold = held(market, needed=3)
    market.act("freeze", {"hold": hold}, "freeze")
    market.forward(**WARNED)
    (data,) = told(market)
    assert "about" not in data
    assert data["message"].startswith("1200.00 EUR at sandbox is only authorised")
    assert "Settle it or give it back before; afterwards it is lost." in data["message"]
    assert "Settle it or give it back before." in text(home(market))
    market.act("cancel", {"hold": hold}, "cancel")
    assert LINE not in home(market)


def test_what_lapsed_is_not_about_to_lapse(market):
    held(market, needed=3)
    market.forward(**WARNED)
    assert LINE in home(market)
    market.forward_gateway(days=8)
    market.heard("escrow.lapsed")
    assert LINE not in home(market)


def test_a_gateway_that_does_not_say_that_it_let_go_leaves_it_on_home_and_no_alert_comes_too_late(market):
    held(market, needed=3)
    market.forward(**WARNED)
    stands = market.hub.now()
    market._gateway.clock = market._gateway.dispatcher._clock = lambda: stands
    market.forward(days=1)
    assert told(market) == []
    assert "The payer’s bank was to let go of it" in text(home(market))


def test_a_hold_that_was_prolonged_waits_for_its_next_warning(market):
    hold = held(market, needed=3)
    market.forward(**WARNED)
    (row,) = [one for one in market.rows(holds) if one.id == hold]
    market.hub.office("later").change(
        lambda book: book.change(holds, book.get(holds, row.id), terms={**row.terms, "lapses_at": days(market, 10)})
    )
    assert LINE not in home(market)
    assert told(market) == []


def test_the_soonest_stands_first_and_the_page_of_all_is_led_to(market):
    made = []
    for number in range(6):
        made.append(held(market, needed=3, key=f"hold-{number}", job=f"job_{number}"))
        market.forward(minutes=1)
    assert asked(market, needed=3, key="unpaid")["status"] == "requested"
    market.forward(**WARNED)
    assert [data["hold"] for data in told(market)] == made
    page = home(market)
    found = re.findall(r'href="/escrow/(hold_\w+)"', page)
    assert found == made[:5]
    assert "All of them" in page
