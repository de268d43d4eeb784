"""Who is cancelled before anything began pays nothing: the first checkout is closed, and what is paid all the same goes back."""

import pytest

from hub.engine.charge_calls import ChargeCalls
from hub.errors import PermanentError
from hub.journal.tables import checkouts
from hub.journal.tables_ledger import refund_requests
from hub.payments import ledger
from hub.payments.refunds import APPROVAL
from tests.fakes.server import DOWN
from tests.payments.conftest import ADA, EUR, Corner
from tests.payments.market import KilledError
from tests.payments.test_charging import meanwhile
from tests.payments.test_subscriptions import act, plan


@pytest.fixture
def corner(tmp_path, database_url, gateway, request):
    given = {"refunds": True, **getattr(request, "param", {})}
    made = Corner(tmp_path / "workspace", database_url, gateway, **given)
    yield made
    made.hub.close()


KEEPING = pytest.mark.parametrize("corner", [{"refunds": False}], indirect=True)
BY_LINK = pytest.mark.parametrize("corner", [{"mode": "link"}], indirect=True)


def join(corner, **more):
    return corner.act("subscription.create", {"plan": plan(corner, **more), "customer": ADA}, "join")


def leave(corner, made):
    assert act(corner, "cancel", made["subscription"])["status"] == "cancelled"


def pay(corner, payment="c_1"):
    """The payer pays on the gateway's page; gives the page on which they end."""
    page = corner.visit(corner.visit(corner.gateway.pay(payment)).headers["Location"]).text
    corner.run_due()
    return page


def refunds(corner):
    with corner.hub.database.read() as connection:
        return [(row.state, row.minor) for row in connection.execute(refund_requests.select())]


def visit(corner):
    (found,) = corner.hub.payments.store.list(checkouts)
    return found


def test_the_checkout_of_a_cancelled_subscription_cannot_be_begun(corner):
    made = join(corner)
    address = corner.hub.pages.pay(visit(corner).id)
    leave(corner, made)
    page = corner.visit(address).text
    assert "This page is closed" in page
    assert "/page/1" not in page
    assert corner.visit(address, "POST").status_code == 502
    with pytest.raises(PermanentError, match="takes no payment"):
        corner.hub.payments.begin(visit(corner).id)
    assert corner.hub.payments.address_of(visit(corner)) == address
    assert len(corner.gateway.payments) == 1


def test_what_is_paid_on_the_gateways_page_after_that_goes_back_once(corner):
    made = join(corner)
    leave(corner, made)
    assert "What you paid goes back to you" in pay(corner)
    corner.forward(days=2)
    assert corner.told("subscription") == ["subscription.cancelled", "subscription.paid_again"]
    told = corner.event("subscription.paid_again")
    assert {name: told[name] for name in ("payment", "amount", "reason", "customer", "subscription")} == {
        "payment": "c_1", "amount": EUR, "reason": "cancelled", "customer": ADA, "subscription": made["subscription"]
    }  # fmt: skip
    assert (list(corner.gateway.refunds.values()), refunds(corner)) == ([4900], [("issued", 4900)])
    assert (corner.told("refund.issued"), corner.state("c_1")) == (["refund.issued"], "refunded")
    with corner.hub.database.read() as connection:
        assert ledger.balance(connection, "gateway:corner", "EUR") == 0
    assert visit(corner).state == "closed"


def test_what_is_found_by_asking_goes_back_too(corner):
    leave(corner, join(corner))
    corner.gateway.pay("c_1")
    corner.gateway.settle("c_1")
    corner.forward(days=1)
    assert list(corner.gateway.refunds.values()) == [4900]


def test_a_payment_that_came_just_before_the_cancellation_goes_back(corner):
    made = join(corner)
    corner.visit(corner.gateway.pay("c_1"))
    leave(corner, made)
    corner.run_due()
    assert corner.told("subscription") == ["subscription.cancelled", "subscription.paid_again"]
    assert list(corner.gateway.refunds.values()) == [4900]


def test_an_amount_that_was_only_to_know_the_card_is_let_go(corner):
    leave(corner, join(corner, trial_days=14))
    pay(corner)
    assert (corner.gateway.payments["c_1"]["status"], corner.gateway.refunds) == ("voided", {})
    assert corner.told("subscription") == ["subscription.cancelled"]


def test_who_is_a_member_gets_nothing_back_by_cancelling(corner):
    made = join(corner)
    pay(corner)
    act(corner, "cancel", made["subscription"], at="now")
    corner.hub.charging.agreed(visit(corner))
    corner.forward(days=1)
    assert corner.told("subscription") == ["subscription.started", "subscription.cancelled"]
    assert (corner.gateway.refunds, visit(corner).state) == ({}, "paid")


@KEEPING
def test_where_the_gateway_gives_nothing_back_that_is_told_once(corner):
    leave(corner, join(corner))
    pay(corner)
    corner.forward(days=1)
    assert corner.told("subscription")[1:] == ["subscription.paid_again", "subscription.not_given_back"]
    told = corner.event("subscription.not_given_back")
    assert (told["error"]["code"], told["error"]["remedy"]) == ("wrong_state", "Give the money back in another way.")


def test_a_gateway_that_is_down_is_asked_again(corner):
    leave(corner, join(corner))
    corner.visit(corner.gateway.pay("c_1"))
    corner.gateway.treat(DOWN)
    corner.run_due()
    assert corner.gateway.refunds == {}
    corner.forward(days=1)
    assert (list(corner.gateway.refunds.values()), refunds(corner)) == ([4900], [("issued", 4900)])
    assert corner.told("subscription") == ["subscription.cancelled", "subscription.paid_again"]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("action", ["payment.get", "payment.refund"])
def test_who_dies_in_the_middle_gives_it_back_once(corner, monkeypatch, action, moment):
    leave(corner, join(corner))
    corner.visit(corner.gateway.pay("c_1"))

    def dying(connector, name, call):
        if name != action:
            return run(connector, name, call)
        monkeypatch.undo()
        if moment == "after":
            run(connector, name, call)
        raise KilledError

    kind = type(corner.hub.registry.get("corner"))
    run = kind.run
    monkeypatch.setattr(kind, "run", dying)
    with pytest.raises(KilledError):
        corner.run_due()
    corner.forward(hours=1)
    assert (list(corner.gateway.refunds.values()), refunds(corner)) == ([4900], [("issued", 4900)])
    assert corner.told("subscription") == ["subscription.cancelled", "subscription.paid_again"]


def test_a_cancellation_whose_process_died_closes_the_checkout_when_it_is_repeated(corner, monkeypatch):
    made, store = join(corner), corner.hub.payments.store

    def dying(*_given):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(store, "close_checkouts", dying)
        with pytest.raises(KilledError):
            leave(corner, made)
    assert visit(corner).state == "open"
    leave(corner, made)
    assert visit(corner).state == "closed"


def test_a_first_charge_that_the_bank_decides_after_the_cancellation_goes_back(corner):
    corner.gateway.slow = True
    made = corner.act("subscription.create", {"plan": plan(corner), "customer": ADA, "method": "m_ada"}, "join")
    corner.run_due()
    leave(corner, made)
    corner.gateway.settle("c_1")
    corner.forward(days=1)
    assert corner.told("subscription") == ["subscription.cancelled", "subscription.paid_again"]
    assert list(corner.gateway.refunds.values()) == [4900]


def test_a_first_charge_that_is_made_while_it_is_cancelled_goes_back(corner, monkeypatch):
    made = corner.act("subscription.create", {"plan": plan(corner), "customer": ADA, "method": "m_ada"}, "join")
    meanwhile(corner, monkeypatch, lambda: leave(corner, made))
    corner.run_due()
    corner.forward(days=1)
    assert corner.told("subscription") == ["subscription.cancelled", "subscription.paid_again"]
    assert list(corner.gateway.refunds.values()) == [4900]


@BY_LINK
def test_a_first_link_that_is_paid_after_the_cancellation_goes_back(corner):
    made = join(corner)
    corner.run_due()
    link = corner.event("link.created")["url"]
    clicked = corner.visit(link, "POST").headers["Refresh"].removeprefix("0; url=")
    leave(corner, made)
    corner.pay(clicked)
    corner.forward(days=1)
    assert corner.told("subscription") == ["subscription.cancelled", "subscription.paid_again"]
    assert (list(corner.gateway.refunds.values()), refunds(corner)) == ([4900], [("issued", 4900)])


def test_above_the_limit_a_person_agrees_first(corner):
    corner.hub.store.put_fact(APPROVAL, {"EUR": 1000}, corner.moment)
    leave(corner, join(corner))
    pay(corner)
    corner.forward(days=1)
    assert (corner.gateway.refunds, refunds(corner)) == ({}, [("asked", 4900)])
    assert corner.told("refund.requested") == ["refund.requested"]


def test_an_amount_that_is_only_held_when_it_was_cancelled_is_let_go(corner):
    leave(corner, join(corner))
    corner.gateway.payments["c_1"]["manual"] = True
    pay(corner)
    assert (corner.gateway.payments["c_1"]["status"], corner.gateway.refunds) == ("voided", {})


def test_a_debit_that_is_paid_after_its_charge_was_given_up_and_the_subscription_with_it_goes_back(corner):
    corner.gateway.slow = True
    corner.act("subscription.create", {"plan": plan(corner), "customer": ADA, "method": "m_ada"}, "join")
    corner.run_due()
    corner.gateway.slow, corner.gateway.declines = False, True
    corner.forward(days=30)
    assert corner.told("subscription")[-1] == "subscription.cancelled"
    corner.gateway.settle("c_1")
    corner.forward(days=2)
    assert corner.told("subscription")[-1] == "subscription.paid_again"
    assert list(corner.gateway.refunds.values()) == [4900]


def test_what_a_person_gave_back_already_is_not_given_back_again(corner):
    leave(corner, join(corner))
    corner.visit(corner.gateway.pay("c_1"))
    corner.hub.payments.act("payments", "refund", "a" * 40, {"payment": "c_1", "connection": "corner"})
    corner.forward(days=1)
    assert corner.told("subscription") == ["subscription.cancelled", "subscription.paid_again"]
    assert refunds(corner) == [("issued", 4900)]


def test_that_the_gateway_refused_is_told_though_the_process_died_before(corner, monkeypatch):
    leave(corner, join(corner))
    corner.visit(corner.gateway.pay("c_1"))
    corner.gateway.refuse(402, {"error": "card_declined"})
    real = ChargeCalls.tell

    def dying(self, row, tales, payment=None):
        if tales[0][0] == "subscription.not_given_back":
            monkeypatch.undo()
            raise KilledError
        real(self, row, tales, payment)

    monkeypatch.setattr(ChargeCalls, "tell", dying)
    with pytest.raises(KilledError):
        corner.run_due()
    corner.forward(hours=1)
    assert (refunds(corner), corner.gateway.refunds) == ([("failed", 4900)], {})
    assert corner.told("subscription")[1:] == ["subscription.paid_again", "subscription.not_given_back"]
    assert corner.event("subscription.not_given_back")["error"]["code"] == "card_declined"


def test_a_debit_that_the_bank_took_back_meanwhile_is_not_given_back(corner):
    leave(corner, join(corner))
    corner.gateway.pay("c_1")
    corner.gateway.settle("c_1", "returned")
    corner.forward(days=1)
    assert (corner.told("subscription"), corner.gateway.refunds) == (["subscription.cancelled"], {})
