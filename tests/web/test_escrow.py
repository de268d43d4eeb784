"""The pages of escrow: what is held, released, frozen, settled and given back by hand, once for a double click."""

from __future__ import annotations

import csv
import io

import pytest

from hub.journal.tables_escrow import holds
from hub.web.app import create_app
from tests.payments.held import held

from .conftest import Visitor
from .forms_on_pages import Page


@pytest.fixture
def market(market):
    market.provider("prv_ada")
    return market


def enter(market, role="editor"):
    found = Visitor(create_app(market.hub))
    assert found.log_in(f"{role}@example.com").status_code == 303
    return found


def test_a_hub_that_holds_nothing_says_how_it_begins(market):
    assert "Nothing is held" in enter(market).page("/escrow")


def test_a_hold_is_released_once_and_everybodys_part_stands_there(market):
    address = f"/escrow/{held(market)}"
    editor = enter(market)
    listed = editor.page("/escrow")
    assert address in listed
    assert "€1,200.00" in listed
    for _ in range(2):
        said = editor.post(address, do="release", provider="prv_ada", percent="10", key="k1", follow=True)
        assert said.status_code == 200
    assert market.account("provider:prv_ada") == -108_000
    page = editor.page(address)
    for shown in ("Ada €1,080.00", "commission €120.00", "escrow.released"):
        assert shown in page, shown
    assert "Give it back" not in page, "nothing is left to do"
    assert market.hub.store.audit_trail()[0]["action"] == "release"


def test_a_dispute_is_frozen_and_settled_to_the_unit(market):
    address = f"/escrow/{held(market)}"
    editor = enter(market)
    assert editor.post(address, do="freeze", reason="not as agreed", key="k1").status_code == 303
    assert editor.post(address, do="release", provider="prv_ada", key="k2").status_code == 422
    wrong = editor.post(address, do="settle", parts="prv_ada 648.00 + 72.00\npayer 479.99", key="k3")
    assert wrong.status_code == 422
    assert "prv_ada 648.00 + 72.00" in wrong.text, "nothing that was typed is lost"
    said = [
        (one.name, page.said(one))
        for page in [Page(wrong.text)]
        for form in page.forms
        for one in form.controls
        if one.attributes.get("aria-invalid")
    ]
    assert [name for name, _ in said] == ["parts"]
    assert "add up to the whole" in said[0][1]
    for typed in ("payer 1,5,0", "payer 1 + 1e3"):
        wrong = editor.post(address, do="settle", parts=f"prv_ada 648.00 + 72.00\n{typed}", key="k5")
        assert "Line 2: " in wrong.text
    done = editor.post(address, do="settle", parts="prv_ada 648.00 + 72.00\npayer 480.00", key="k4")
    assert done.status_code == 303
    market.heard("refund.issued")
    assert (market.account("provider:prv_ada"), market.account("held:job_12")) == (-64_800, 0)


def test_it_is_given_back_released_by_itself_or_taken_early(market):
    editor = enter(market)
    back, planned, early = (held(market, key=f"h{number}", job=f"job_{number}", needed=3) for number in range(3))
    assert editor.post(f"/escrow/{back}", do="cancel", key="k1").status_code == 303
    assert market.hold(back).state == "refunded"
    plan = editor.post(f"/escrow/{planned}", do="plan", provider="prv_ada", percent="10", days="3", key="k2")
    assert plan.status_code == 303
    assert "Released by itself" in editor.page(f"/escrow/{planned}")
    assert editor.post(f"/escrow/{planned}", do="plan", provider="prv_ada", days="soon", key="k3").status_code == 422
    assert editor.post(f"/escrow/{early}", do="collect", key="k4").status_code == 303
    assert market.hold(early).mode == "collected"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"provider": ""}, "Say who gets it."),
        ({"amount": "1200.01"}, "cannot"),
        ({"amount": "1e3"}, "exponent"),
        ({"amount": "0"}, "above zero"),
        ({"percent": "ten"}, "Write a number from 0 to 100"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_moves(market, typed, said):
    address = f"/escrow/{held(market)}"
    answer = enter(market).post(address, **{"do": "release", "provider": "prv_ada", "key": "k", **typed})
    assert answer.status_code == 422
    assert said in answer.text
    assert market.account("held:job_12") == -120_000


def test_only_editors_act(market):
    address = f"/escrow/{held(market)}"
    viewer = enter(market, "viewer")
    assert "Release by itself" not in viewer.page(address)
    assert viewer.post(address, do="cancel", key="k").status_code == 403
    assert viewer.get("/escrow/hld_none").status_code == 404


def test_holds_are_exported_as_they_are_found(market):
    hold = held(market)
    editor = enter(market)
    editor.post(f"/escrow/{hold}", do="release", provider="prv_ada", amount="200.00", key="k1")
    (row,) = csv.DictReader(io.StringIO(editor.get("/escrow.csv").data.decode("utf-8-sig")))
    assert (row["hold"], row["amount"], row["left"], row["currency"]) == (hold, "1200.00", "1000.00", "EUR")
    assert (row["state"], row["owner"], row["connection"]) == ("held", "job_12", "sandbox")
    assert editor.get("/escrow.csv?state=frozen").data.decode("utf-8-sig").count("\n") == 1


def test_a_hold_is_named_and_found_by_the_job_or_order_it_is_for(market):
    office, price = market.hub.office("test"), {"minor": 120_000, "currency": "EUR"}
    job = office.call("jobs", "post", {"title": "To Kiel", "price": price}, "job")
    order = office.call("orders", "create", {"lines": [{"title": "Crate", "price": price, "quantity": 1}]}, "order")
    held(market, job=job["job"])
    held(market, key="h2", job=order["order"])
    editor = enter(market)
    of_job, of_order = f"Job {job['number']}: To Kiel", f"Order {order['number']}"
    listed = editor.page("/escrow")
    assert (of_job in listed, of_order in listed) == (True, True)
    assert of_job in editor.page("/escrow?text=To Kiel")
    assert of_order not in editor.page("/escrow?text=To Kiel")
    assert of_order in editor.page(f"/escrow?text={order['number']}")
    assert "No hold fits" in editor.page("/escrow?text=77")
    (hold,) = [row.id for row in market.rows(holds) if row.owner == job["job"]]
    assert f'<a href="/jobs/{job["job"]}">{of_job}</a>' in editor.get(f"/escrow/{hold}").text


def test_money_that_the_bank_lets_go_soon_is_warned_of(market):
    address = f"/escrow/{held(market, needed=3)}"
    assert "lets go of this money" not in enter(market).page(address)
    market.forward(days=6, hours=12)
    assert "lets go of this money" in enter(market).page(address)
