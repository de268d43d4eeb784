"""Collected money whose gateway gives back for some days only: told before they end, and no refund is tried afterwards."""

from datetime import datetime, timedelta

import pytest

from hub.connect.manifest import Manifest
from hub.payments import dividing
from hub.payments.lapsing import lapsing
from hub.payments.payouts import mark
from hub.vocabulary import validate_data
from tests.payments.held import asked, euros, held

PARTS = [{"provider": "prv_ada", "amount": euros(72_000)}, {"customer": "ada", "amount": euros(48_000)}]


@pytest.fixture
def market(quick, monkeypatch):
    """The sandbox gives a payment back for thirty days."""
    limits(quick, monkeypatch, refund_days=30)
    quick.provider("prv_ada")
    return quick


def limits(market, monkeypatch, cell="refund", **values):
    known = market.hub.registry.get("sandbox").manifest.capabilities[cell].limits
    for name, value in values.items():
        monkeypatch.setitem(known, name, value)


def soon(market):
    with market.hub.database.read() as connection:
        return lapsing(connection, market.hub.now())


def test_it_is_told_a_week_before_once_and_stands_with_what_lapses_until_the_days_end(market):
    hold = held(market, needed=40)
    market.forward(days=22, hours=23)
    assert (market.events("escrow.refund_closing"), soon(market)) == ([], [])
    market.forward(hours=1, minutes=1)
    (told,) = market.events("escrow.refund_closing")
    validate_data("escrow.refund_closing", told)
    taken_at = datetime.fromisoformat(market.hold(hold).terms["taken_at"])
    assert datetime.fromisoformat(told["refundable_until"]) == taken_at + timedelta(days=30)
    assert (told["hold"], told["amount"], told["mode"], "lapses_at" in told) == (
        hold,
        euros(120_000),
        "collected",
        False,
    )
    (one,) = soon(market)
    assert (one.hold, one.mode, one.lapses_at) == (hold, "collected", taken_at + timedelta(days=30))
    assert one.remedy == "Release it or give it back"
    market.act("release", {"hold": hold, "provider": "prv_ada", "amount": euros(20_000)}, "part")
    market.act("freeze", {"hold": hold}, "freeze")
    market.forward(hours=1)
    assert [(one.amount.minor, one.remedy) for one in soon(market)] == [(100_000, "Settle it or give it back")]
    assert len(market.events("escrow.refund_closing")) == 1
    market.forward(days=7)
    assert soon(market) == []
    assert market.events("escrow.lapsing") == []


def test_an_authorisation_that_is_taken_later_has_its_days_from_then(market):
    hold = held(market, needed=3)
    market.forward(days=2)
    market.act("collect", {"hold": hold}, "collect")
    market.heard("payment.succeeded")
    market.forward(days=22)
    assert market.events("escrow.refund_closing") == []
    market.forward(days=2)
    assert [one.hold for one in soon(market)] == [hold]
    assert len(market.events("escrow.refund_closing")) == 1


def test_what_is_over_is_not_told(market):
    market.act("release", {"hold": held(market), "provider": "prv_ada"}, "release")
    market.forward(days=24)
    assert (market.events("escrow.refund_closing"), soon(market)) == ([], [])


def test_a_gateway_without_such_days_is_not_told_of(quick):
    hold = held(quick)
    quick.forward(days=400)
    assert (quick.events("escrow.refund_closing"), soon(quick)) == ([], [])
    assert quick.act("cancel", {"hold": hold}, "cancel")["status"] == "refunded"


@pytest.mark.parametrize("step", ["settle", "cancel"])
def test_after_the_days_nothing_is_asked_of_the_gateway_and_the_way_out_leads_to_the_end(market, step):
    hold = held(market)
    market.forward(days=30, seconds=5)
    before, given = market.hold(hold), {"hold": hold, **({"parts": PARTS} if step == "settle" else {})}
    assert market.refused(step, given) == "window_closed"
    asked_for = {action for action, _ in market.calls}
    assert (asked_for & {"payment.refund", "payment.void"}, market.divisions()) == (set(), [])
    assert (market.hold(hold).state, market.hold(hold).version) == ("held", before.version)
    assert market.books() == {"gateway:sandbox": 120_000, "held:job_12": -120_000}
    bank = {"holder": "Ada", "iban": "DE89370400440532013000"}
    payer = market.provider("prv_payer", bank=bank)
    parts = [PARTS[0], {"provider": payer, "amount": euros(48_000)}]
    assert market.act("settle", {"hold": hold, "parts": parts}, "outside")["status"] == "settled"
    (payout,) = market.act("pay_due", {"bank": True, "provider": payer}, "run")["payouts"]
    mark(market.hub.office("page"), payout["payout"], "paid")
    assert market.books() == {"gateway:sandbox": 120_000, "provider:prv_ada": -72_000, "bank": -48_000}


def test_the_last_moment_still_counts_and_a_release_needs_no_days(market):
    first, second = held(market, key="one", job="job_1"), held(market, key="two", job="job_2")
    market.forward(days=29, hours=23)
    assert market.act("cancel", {"hold": first}, "cancel")["status"] == "refunded"
    market.forward(days=300)
    assert market.act("release", {"hold": second, "provider": "prv_ada"}, "release")["status"] == "released"


def test_the_shorter_days_of_escrow_count(market, monkeypatch):
    limits(market, monkeypatch, "escrow", refund_days=10)
    hold = held(market)
    market.forward(days=11)
    assert market.refused("cancel", {"hold": hold}) == "window_closed"


@pytest.mark.parametrize(
    ("values", "code"),
    [({"partial": False}, "amount_exceeds_rest"), ({"repeatable": False}, "already_refunded")],
)
def test_a_part_that_the_gateway_would_refuse_is_refused_before(quick, monkeypatch, values, code):
    limits(quick, monkeypatch, **values)
    quick.provider("prv_ada")
    hold = held(quick)
    if code == "already_refunded":
        refund = {"payment": quick.hold(hold).payment, "amount": euros(1_000)}
        quick.hub.payments.act("sandbox", "payment.refund", "c" * 40, refund)
        quick.heard("refund.issued")
    kept = 72_000 if code == "amount_exceeds_rest" else 71_000
    parts = [{**PARTS[0], "amount": euros(kept)}, PARTS[1]]
    assert quick.refused("settle", {"hold": hold, "parts": parts}) == code
    assert (quick.hold(hold).state, quick.divisions()) == ("held", [])


def test_an_authorisation_is_not_taken_when_its_part_could_not_be_refunded(quick, monkeypatch):
    limits(quick, monkeypatch, partial=False)
    limits(quick, monkeypatch, "escrow", partial_capture=False)
    quick.provider("prv_ada")
    hold = held(quick, needed=3)
    assert quick.refused("settle", {"hold": hold, "parts": PARTS}) == "amount_exceeds_rest"
    assert ([action for action, _ in quick.calls], quick.books()) == (["payment.create"], {})
    offered = Manifest.offered
    gone = {"payment.void", "payment.refund"}
    monkeypatch.setattr(Manifest, "offered", lambda self, name: None if name in gone else offered(self, name))
    assert quick.refused("cancel", {"hold": hold}, "cancel") == "not_offered"
    assert (quick.hold(hold).state, quick.hold(hold).mode) == ("held", "authorization")


def test_an_authorisation_has_no_days_before_it_is_taken(market):
    hold = asked(market, needed=3)
    market.pay(hold["payment"])
    market.heard("escrow.held")
    assert market.hold(hold["hold"]).terms["refund_days"] == 30
    assert market.act("cancel", {"hold": hold["hold"]}, "cancel")["status"] == "refunded"


def test_the_timer_that_releases_by_itself_is_not_stopped_by_the_days(market):
    hold = held(market)
    market.act("release", {"hold": hold, "provider": "prv_ada", "after_days": 40}, "plan")
    market.forward(days=41)
    assert market.hold(hold).state == "released"
    assert dividing.kept_of(market.divisions()[0].parts) == 120_000
