"""News that cannot be stand on the page of their thing, in its list, on Home and in the API, until a person looked into them."""

from __future__ import annotations

from html import unescape

import pytest
import sqlalchemy as sa

from hub.engine.tokens import SCOPES, Tokens
from hub.journal.entries import Happening
from hub.journal.tables import audit
from hub.web.app import create_app
from tests.payments.held import euros, held
from tests.payments.test_escrow_of_payments import attempt
from tests.payments.test_histories import STORY, tell
from tests.payments.test_payouts import sent
from tests.web.api.conftest import Program

from .conftest import Visitor

MARK = "does not fit"
HEADING = "does not fit together"
AFTER_ITS_END = "The gateway said renewed after it had said cancelled."


def enter(market, role="editor"):
    found = Visitor(create_app(market.hub))
    assert found.log_in(f"{role}@example.com").status_code == 303
    return found


def subscription(market):
    for event_type, days in STORY:
        tell(market, event_type, days, source="sandbox")
    return "/subscriptions/sandbox/sub_1", "/subscriptions", AFTER_ITS_END


def plan(market):
    for what, days, minor in (("created", 0, 1900), ("cancelled", 1, 1900), ("updated", 2, 2900)):
        tell(market, f"plan.{what}", days, "gold", source="sandbox", price=euros(minor))
    return "/plans/sandbox/gold", "/plans", "The gateway said another price, 29.00 EUR, after it had said cancelled."


def payout(market):
    made = sent(market)
    market.mark(made.id, "failed")
    market.happen("payout.paid", made.reference, "prv_ada", 5_000)
    words = "The gateway paid it although a person had said it failed"
    return f"/payouts/runs/{made.run}", "/payouts/all", words


def hold(market):
    made = held(market, needed=3)
    payment = market.hold(made).payment
    market.act("cancel", {"hold": made}, "cancel")
    attempt(market, made, "succeeded", payment)
    return f"/escrow/{made}", "/escrow", "after this hold had let it go"


def transfer(market):
    for what, days, minor in (("sent", 0, 5000), ("reversed", 1, 5001)):
        tell(market, f"transfer.{what}", days, "tr_1", source="sandbox", provider="acct_ada", amount=euros(minor))
    return "/events?text=tr_1", "/events", "More was taken back of it than was sent."


@pytest.mark.parametrize("make", [subscription, plan, payout, hold])
def test_it_stands_on_the_page_of_its_thing_and_in_the_list(market, make):
    page, listed, words = make(market)
    viewer = enter(market, "viewer")
    assert words in unescape(viewer.page(page))
    assert MARK in viewer.page(listed)


def test_where_everything_fits_nothing_is_said(market):
    tell(market, "subscription.started", 0, source="sandbox")
    tell(market, "plan.created", 0, "gold", source="sandbox", price=euros(1900))
    made, paid_out = held(market), sent(market)
    viewer = enter(market, "viewer")
    pages = ("/subscriptions/sandbox/sub_1", "/plans/sandbox/gold", f"/escrow/{made}", f"/payouts/runs/{paid_out.run}")
    for page in (*pages, "/subscriptions", "/plans", "/escrow", "/payouts/all"):
        assert MARK not in viewer.page(page)
    assert "Everything fits" in viewer.page("/odd")
    assert "news that do not fit" not in viewer.page("/")


@pytest.mark.parametrize("make", [subscription, plan, payout, hold, transfer])
def test_home_names_it_until_a_person_has_looked_into_it(market, make):
    page, _, words = make(market)
    editor = enter(market)
    assert "1 thing has news that do not fit" in editor.page("/")
    listed = unescape(editor.page("/odd"))
    assert words in listed
    assert f'href="{page}"' in listed
    identity = listed.partition('name="thing" value="')[2].partition('"')[0]
    assert editor.post("/odd", thing=identity).headers["Location"] == "/odd"
    assert "Everything fits" in editor.page("/odd")
    assert "news that do not fit" not in editor.page("/")
    assert words in unescape(editor.page(page)) or make is transfer, "what was told is told"
    with market.hub.database.read() as connection:
        noted = sa.select(audit.c.actor, audit.c.target).where(audit.c.action == "odd.looked_into")
        assert connection.execute(noted).all() == [("editor@example.com", identity)]


def test_a_viewer_reads_it_and_decides_nothing(market):
    subscription(market)
    viewer = enter(market, "viewer")
    assert "I have looked into it" not in viewer.page("/odd")
    assert viewer.post("/odd", thing="subscription:sandbox/sub_1").status_code == 403


def test_what_is_not_there_is_said(market):
    assert "Nothing odd was told of" in unescape(
        enter(market).post("/odd", thing="plan:sandbox/none", follow=True).text
    )


def test_the_api_says_it_where_the_thing_is_read(market):
    subscription(market)
    plan(market)
    made = hold(market)[0].rpartition("/")[2]
    tell(market, "subscription.started", 0, "sub_2", source="sandbox")
    for name, what, minute in (("fine", "succeeded", 1), ("odd", "succeeded", 1), ("odd", "failed", 2)):
        data = {"payment": f"pay_{name}", "amount": euros(500)}
        market.hub.recorder.record(
            Happening(f"payment.{what}", "sandbox", f"{what}:{name}", data, market.hub.now().replace(minute=minute)),
            market.hub.now(),
        )
    _, secret = Tokens(market.hub).create("Portal", SCOPES, None, "admin@example.com")
    program = Program(create_app(market.hub).test_client(), secret)
    assert program.get("/subscriptions/sandbox/sub_1").json["oddities"] == [AFTER_ITS_END]
    assert "oddities" not in program.get("/subscriptions/sandbox/sub_2").json
    found = {one["subscription"]: one.get("oddities") for one in program.get("/subscriptions").json["data"]}
    assert found == {"sub_1": [AFTER_ITS_END], "sub_2": None}
    assert "another price" in program.get("/plans/sandbox/gold").json["oddities"][0]
    assert "had let it go" in program.get(f"/holds/{made}").json["oddities"][0]
    paid = {one["payment"]: one.get("oddities") for one in program.get("/payments").json["data"]}
    assert "failed after it had said succeeded" in paid["pay_odd"][0]
    assert paid["pay_fine"] is None
