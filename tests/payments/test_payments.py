"""What the hub adds to every payment: the way back over its page, and a watch until it is decided."""

from datetime import timedelta

import pytest

from hub.connect.connector import LoadedConnector
from hub.journal.tables import checkouts
from hub.payments import ledger
from tests.fakes.server import DOWN
from tests.payments.conftest import ADA, EUR
from tests.payments.market import KilledError

ORDER = {
    "amount": EUR,
    "order": "o_1",
    "customer": ADA,
    "return_url": "https://shop.example.com/thanks",
    "cancel_url": "https://shop.example.com/basket",
}


def test_the_payer_comes_back_over_the_hub_and_the_payment_is_completed_once(corner):
    made = corner.act("payment.create", ORDER)
    answer = corner.pay(made["checkout_url"])
    assert (answer.status_code, answer.headers["Location"]) == (303, "https://shop.example.com/thanks")
    assert corner.told() == ["payment.created", "payment.succeeded"]
    paid = corner.event("payment.succeeded")
    assert (paid["payment"], paid["amount"], paid["order"], paid["customer"]) == (made["payment"], EUR, "o_1", ADA)
    corner.visit(corner.gateway.payments[made["payment"]]["return_url"])
    corner.forward(days=1)
    assert corner.told() == ["payment.created", "payment.succeeded"]


def test_a_proof_that_is_not_the_gateways_pays_nothing(corner):
    made = corner.act("payment.create", ORDER)
    back = corner.gateway.pay(made["payment"]).replace("proof-", "forged-")
    assert corner.visit(back).headers["Location"] == "https://shop.example.com/thanks", (
        "the payer waits; nothing is paid"
    )
    assert corner.state(made["payment"]) == "pending"


def test_a_payer_who_never_comes_back_is_found_by_asking(corner):
    made = corner.act("payment.create", ORDER)
    corner.gateway.pay(made["payment"])
    corner.gateway.settle(made["payment"])
    corner.forward(hours=6)
    assert corner.told() == ["payment.created", "payment.succeeded"]
    asked = corner.gateway.count("GET", made["payment"])
    corner.forward(days=5)
    nightly = 1
    assert corner.gateway.count("GET", made["payment"]) == asked + nightly, "only the books are compared, once"


def test_a_payment_that_waits_for_a_bank_for_days_ends_either_way(corner):
    good, bad = (corner.act("payment.create", ORDER, key) for key in ("good", "bad"))
    for made in (good, bad):
        corner.gateway.pay(made["payment"])
    corner.forward(days=3)
    assert corner.told("payment.pending") == ["payment.pending", "payment.pending"]
    corner.gateway.settle(good["payment"])
    corner.gateway.settle(bad["payment"], "failed", "insufficient_funds")
    corner.forward(days=1)
    assert (corner.state(good["payment"]), corner.state(bad["payment"])) == ("succeeded", "failed")
    assert corner.event("payment.failed")["reason"] == "insufficient_funds"


def test_asking_goes_on_ever_more_rarely_and_ends(corner):
    made = corner.act("payment.create", ORDER)
    corner.forward(days=70)
    asked = corner.gateway.count("GET", made["payment"])
    assert 200 < asked < 280
    corner.forward(days=20)
    assert corner.gateway.count("GET", made["payment"]) == asked


def test_a_gateway_that_is_down_at_the_return_is_asked_later(corner):
    made = corner.act("payment.create", ORDER)
    back = corner.gateway.pay(made["payment"])
    corner.gateway.treat(DOWN)
    answer = corner.visit(back)
    assert answer.status_code == 200
    assert "not lost" in answer.text
    corner.gateway.settle(made["payment"])
    corner.forward(hours=6)
    assert corner.state(made["payment"]) == "succeeded"


@pytest.mark.parametrize("address", ["/pay/nonsense", "/pay/nonsense/return", "/l/nonsense"])
def test_an_address_that_was_made_up_says_so(corner, address):
    answer = corner.visit(address)
    assert answer.status_code == 404
    assert "This link does not work" in answer.text


def test_an_address_serves_one_purpose_only(corner):
    link = corner.act("link.create", {"amount": EUR})["url"]
    assert corner.visit(link.replace("/l/", "/pay/")).status_code == 404


def test_the_same_step_begins_one_payment(corner):
    first, second = corner.act("payment.create", ORDER), corner.act("payment.create", ORDER)
    assert first == second
    assert len(corner.gateway.payments) == 1
    assert corner.told() == ["payment.created"]


def lapse(corner, **more):
    """A visit whose page at the gateway ended before the payer came; gives the visit's address and the payment."""
    corner.gateway.ends = "2027-01-31T09:15:00Z"
    given = {**ORDER, **more}
    visit = {"connection": "corner", "state": "open", "purpose": "order", "owner": "o_1", "input": given}
    corner.hub.payments.store.add(checkouts, {"id": "chk_1", **visit}, corner.moment)
    made = corner.hub.payments.begin("chk_1")
    assert corner.hub.payments.begin("chk_1") == made
    corner.moment += timedelta(minutes=16)
    return corner.hub.pages.pay("chk_1"), made["payment"]


def test_a_page_that_ended_before_anybody_paid_is_begun_anew(corner):
    address, first = lapse(corner)
    page = corner.visit(address)
    assert "Pay €49.00" in page.text
    assert corner.gateway.payments[first]["url"] not in page.text
    corner.gateway.ends = None
    led = corner.visit(address, "POST").headers["Refresh"].removeprefix("0; url=")
    assert corner.visit(address, "POST").headers["Refresh"].removeprefix("0; url=") == led, "a double click is one"
    assert led.endswith("/page/2")
    corner.pay(led)
    assert corner.hub.payments.standing("chk_1").state == "paid"
    assert len(corner.gateway.payments) == 2


def test_a_payment_that_the_gateway_called_expired_can_be_begun_anew_as_well(corner):
    address, first = lapse(corner)
    corner.gateway.settle(first, "expired")
    corner.run_due()
    assert corner.told() == ["payment.created", "payment.expired"]
    corner.gateway.ends = None
    corner.pay(corner.visit(address, "POST").headers["Refresh"].removeprefix("0; url="))
    assert corner.hub.payments.standing("chk_1").state == "paid"


def test_what_was_paid_at_the_last_moment_is_found_and_not_asked_for_again(corner):
    address, first = lapse(corner)
    corner.gateway.settle(first)
    assert "Paid. Thank you." in corner.visit(corner.visit(address, "POST").headers["Location"]).text
    assert len(corner.gateway.payments) == 1


def test_after_its_own_end_nothing_is_begun_anew(corner):
    address, first = lapse(corner, expires_at="2027-01-31T09:10:00Z")
    corner.gateway.settle(first, "expired")
    corner.run_due()
    assert "Pay €49.00" not in corner.visit(address).text
    assert len(corner.gateway.payments) == 1


# a stored means of payment: the answer decides at once

STORED = {"amount": EUR, "order": "o_1", "customer": ADA, "metadata": {"seat": "7"}, "method": "m_ada"}


def test_what_a_stored_card_paid_at_once_is_told_though_the_gateway_tells_nothing(corner):
    made = corner.act("payment.create", STORED)
    assert corner.told() == ["payment.succeeded"]
    told = corner.event("payment.succeeded")
    assert {name: told[name] for name in ("payment", "amount", "order", "customer", "metadata")} == {
        "payment": made["payment"], "amount": EUR, "order": "o_1", "customer": ADA, "metadata": {"seat": "7"}
    }  # fmt: skip
    with corner.hub.database.read() as connection:
        assert ledger.balance(connection, "gateway:corner", "EUR") == 4900
    corner.act("payment.create", STORED)
    corner.forward(days=2)
    assert (corner.told(), corner.state(made["payment"])) == (["payment.succeeded"], "succeeded")


@pytest.mark.parametrize("status", ["failed", "expired", "voided"])
def test_what_a_stored_card_did_not_pay_is_told_with_its_reason(corner, status):
    corner.gateway.outcome = status
    made = corner.act("payment.create", STORED)
    assert (corner.told(), corner.state(made["payment"])) == ([f"payment.{status}"], status)
    assert corner.event(f"payment.{status}")["order"] == "o_1"


def test_a_stored_card_whose_bank_decides_later_is_watched(corner):
    corner.gateway.slow = True
    made = corner.act("payment.create", STORED)
    assert corner.told() == ["payment.created"]
    corner.gateway.settle(made["payment"])
    corner.forward(hours=6)
    assert corner.told() == ["payment.created", "payment.succeeded"]


def test_a_payment_whose_process_died_before_it_told_it_is_told_by_the_repeat(corner, monkeypatch):
    def dying(*_given):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(corner.hub.recorder, "record_all", dying)
        with pytest.raises(KilledError):
            corner.act("payment.create", STORED)
    assert (len(corner.gateway.payments), corner.told()) == (1, [])
    corner.act("payment.create", STORED)
    assert (len(corner.gateway.payments), corner.told()) == (1, ["payment.succeeded"])


def stored(market):
    """What a payer stored at the sandbox, as ``payment.create`` takes it."""
    given = {"amount": EUR, "customer": ADA, "save_method": True}
    first = market.hub.payments.act("sandbox", "payment.create", "1" * 40, given)
    market.pay(first["payment"])
    market.heard("payment.succeeded")
    found = market.hub.payments.act("sandbox", "payment.get", "2" * 40, {"payment": first["payment"]})
    return {"amount": EUR, "customer": ADA, "method": found["stored_method"]}


def succeeded(market):
    """How many payments succeeded, as told, and what the ledger has of them, the gateway's fees left out."""
    return len(market.events("payment.succeeded")), market.books().get("gateway:sandbox")


def test_a_gateway_whose_own_word_comes_after_the_answer_is_counted_once(quick):
    given = stored(quick)
    quick.silence()
    quick.hub.payments.act("sandbox", "payment.create", "3" * 40, given)
    assert succeeded(quick) == (2, 9800)
    quick.speak()
    quick.until(lambda: quick.duplicates("payment.succeeded"))
    assert succeeded(quick) == (2, 9800)


def test_a_gateway_whose_own_word_comes_before_the_answer_is_counted_once(quick, monkeypatch):
    def dying(*_given):
        raise KilledError

    given = stored(quick)
    with monkeypatch.context() as patch:
        patch.setattr(quick.hub.gateway_calls, "after", dying)
        with pytest.raises(KilledError):
            quick.hub.payments.act("sandbox", "payment.create", "3" * 40, given)
    quick.heard("payment.succeeded", 2)
    quick.hub.payments.act("sandbox", "payment.create", "3" * 40, given)
    assert quick.duplicates("payment.succeeded") == 1
    assert succeeded(quick) == (2, 9800)


def test_a_failure_is_left_to_a_gateway_that_tells_it(quick, monkeypatch):
    given = stored(quick)
    quick.silence()
    failing = {"payment": "pay_x", "status": "failed", "amount": EUR}
    monkeypatch.setattr(LoadedConnector, "run", lambda *_given: failing)
    quick.hub.payments.act("sandbox", "payment.create", "3" * 40, given)
    assert quick.told("payment.failed") == []
