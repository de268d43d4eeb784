from __future__ import annotations

from datetime import timedelta

import pytest

from hub.errors import PermanentError
from tests.contract.authorize_net_steps import (
    METHOD,
    PART,
    STORED,
    USD,
    begun,
    desk_of,
    paid,
    polled,
    told,
    types,
)
from tests.fakes.authorize_net_books import BANK
from tests.fakes.fake_authorize_net import FakeAuthorizeNet


@pytest.fixture
def anet():
    with FakeAuthorizeNet().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(anet, registry, outbound):
    return desk_of(anet, registry, outbound)


def code_of(call):
    with pytest.raises(PermanentError) as caught:
        call()
    return caught.value.code


# A stored means, and a payment's life.


def test_stored_means_is_charged_at_once(desk, anet):
    output = desk.run("payment.create", {**STORED, "order": "o_77", "description": "Lamp"})
    assert (output["status"], output["amount"], output["stored_method"]) == ("succeeded", USD, METHOD)
    (made,) = anet.transactions.values()
    assert made["order"]["invoiceNumber"].startswith("S")
    got = desk.run("payment.get", {"payment": output["payment"]})
    assert {name: got[name] for name in ("payment", "status", "amount", "captured")} == {
        name: output[name] for name in ("payment", "status", "amount", "captured")
    }
    assert code_of(lambda: desk.run("payment.create", {**STORED, "method": "pm_1"})) == "method_unavailable"
    assert code_of(lambda: desk.run("payment.create", {**STORED, "method": "1/2"}, key="x")) == "not_found"


def test_authorisation_is_taken_in_part_once(desk, anet):
    held = paid(desk, anet, capture="manual")
    assert (held["status"], held["lapses_at"]) == ("authorized", "2026-12-23T09:00:00Z")
    given = {"payment": held["payment"], "amount": PART}
    too_much = {"payment": held["payment"], "amount": {"minor": 10001, "currency": "USD"}}
    assert code_of(lambda: desk.run("payment.capture", too_much)) == "amount_exceeds_rest"
    taken_now = desk.run("payment.capture", given)
    assert (taken_now["status"], taken_now["captured"], taken_now["amount"]) == ("succeeded", PART, USD)
    assert desk.run("payment.capture", given)["captured"] == PART
    assert code_of(lambda: desk.run("payment.capture", {"payment": held["payment"]})) == "wrong_state"
    first, second = told(desk, anet)
    assert (first.type, first.data["lapses_at"]) == ("payment.authorized", "2026-12-23T09:00:00Z")
    assert (second.type, second.data["amount"], second.data["captured"]) == ("payment.succeeded", PART, PART)
    assert first.data["payment"] == second.data["payment"]


def test_authorisation_is_let_go(desk, anet):
    held = paid(desk, anet, capture="manual")
    for key in ("v1", "v2"):
        assert desk.run("payment.void", {"payment": held["payment"]}, key=key)["status"] == "voided"
    assert types(told(desk, anet)) == ["payment.authorized", "payment.voided"]
    assert code_of(lambda: desk.run("payment.capture", {"payment": held["payment"]})) == "wrong_state"
    assert code_of(lambda: desk.run("payment.refund", {"payment": held["payment"]})) == "wrong_state"


def test_expired_authorisation_cannot_be_taken(desk, anet):
    held = paid(desk, anet, capture="manual")
    anet.change(held["payment"], None, transactionStatus="expired")
    assert code_of(lambda: desk.run("payment.capture", {"payment": held["payment"]})) == "window_closed"
    assert desk.run("payment.get", {"payment": held["payment"]})["status"] == "expired"


def test_unsettled_payment_is_given_back_whole_by_a_void(desk, anet):
    payment = paid(desk, anet)["payment"]
    assert code_of(lambda: desk.run("payment.refund", {"payment": payment, "amount": PART})) == "wrong_state"
    assert (
        code_of(lambda: desk.run("payment.refund", {"payment": payment, "amount": {"minor": 10001, "currency": "USD"}}))
        == "amount_exceeds_rest"
    )
    back = desk.run("payment.refund", {"payment": payment})
    assert (back["refund"], back["status"], back["amount"]) == (payment, "issued", USD)
    events = told(desk, anet)
    assert types(events) == ["payment.succeeded", "refund.issued"]
    assert (events[1].data["refund"], events[1].data["amount"], events[1].data["order"]) == (payment, USD, "o_77")


def test_captured_authorisation_that_is_voided_is_given_back(desk, anet):
    payment = paid(desk, anet, capture="manual")["payment"]
    desk.run("payment.capture", {"payment": payment}, key="c")
    assert desk.run("payment.refund", {"payment": payment}, key="r")["status"] == "issued"
    assert types(told(desk, anet)) == ["payment.authorized", "payment.succeeded", "refund.issued"]


def test_settled_payment_is_given_back_in_parts_and_keeps_its_references(desk, anet):
    payment = paid(desk, anet, metadata={"shop": "1"})["payment"]
    anet.settle()
    part = desk.run(
        "payment.refund",
        {"payment": payment, "amount": PART, "reason": "It broke", "metadata": {"by": "Eve"}},
        key="r1",
    )
    assert (part["status"], part["amount"], part["payment"]) == ("issued", PART, payment)
    assert code_of(lambda: desk.run("payment.refund", {"payment": payment}, key="r2")) == "amount_exceeds_rest"
    rest = desk.run("payment.refund", {"payment": payment, "amount": {"minor": 7500, "currency": "USD"}}, key="r3")
    assert rest["refund"] != part["refund"]
    assert desk.run("payment.get", {"payment": part["refund"]})["payment"] == payment
    _, first, second = told(desk, anet)
    assert (first.source_id, second.source_id) == (f"refund.issued:{part['refund']}", f"refund.issued:{rest['refund']}")
    assert (first.data["payment"], first.data["order"], first.data["amount"]) == (payment, "o_77", PART)
    assert first.data["metadata"] == {"shop": "1", "by": "Eve"}
    assert code_of(lambda: desk.run("payment.void", {"payment": payment})) == "wrong_state"


def test_refund_after_the_window_says_so(desk, anet):
    payment = paid(desk, anet)["payment"]
    anet.settle()
    anet.now += timedelta(days=181)
    late = {"payment": payment, "amount": PART}
    assert code_of(lambda: desk.run("payment.refund", late, now=anet.now)) == "window_closed"


def test_echeck_is_pending_until_it_settles_and_may_come_back(desk, anet):
    bank = desk.with_settings(bank_accounts=True)
    page = begun(bank)["payment"]
    _, mark = polled(desk, anet, None)
    anet.pay(page, BANK)
    output = desk.run("payment.complete", {"payment": page, "parameters": {}})
    assert (output["status"], output["method"]["kind"]) == ("pending", "bank")
    assert types(told(desk, anet)) == ["payment.pending"]
    anet.now += timedelta(days=2)
    anet.settle()
    settled, mark = polled(desk, anet, mark)
    assert [event.source_id for event in settled] == [f"payment.succeeded:{output['payment']}"]
    assert settled[0].data["order"] == "o_77"
    anet.now += timedelta(days=20)
    anet.come_back(output["payment"])
    back, mark = polled(desk, anet, mark)
    (returned,) = [event for event in back if event.type == "payment.returned"]
    assert (returned.data["payment"], returned.data["reason"]) == (output["payment"], "R01")
    assert desk.run("payment.get", {"payment": output["payment"]})["status"] == "returned"
    again, _ = polled(desk, anet, mark)
    assert {event.source_id for event in again} <= {returned.source_id}


def test_echeck_is_refunded_by_its_bank_account(desk, anet):
    page = begun(desk, methods=["bank"])["payment"]
    anet.pay(page, BANK)
    payment = desk.run("payment.get", {"payment": page})["payment"]
    anet.settle()
    desk.run("payment.refund", {"payment": payment, "amount": PART}, key="r")
    assert anet.received[-1].json()["createTransactionRequest"]["transactionRequest"]["payment"] == BANK


def test_chargeback_is_found_by_polling_and_its_end_too(desk, anet):
    payment = paid(desk, anet)["payment"]
    anet.settle()
    _, mark = polled(desk, anet, None)
    anet.now += timedelta(days=30)
    anet.charge_back(payment)
    found, mark = polled(desk, anet, mark)
    opened = [event for event in found if event.type == "dispute.opened"]
    assert (opened[0].data["payment"], opened[0].data["dispute"], opened[0].data["amount"]) == (payment, payment, USD)
    anet.now += timedelta(days=10)
    anet.charge_back(payment, "chargebackReversal")
    later, _ = polled(desk, anet, mark)
    closed = [event for event in later if event.type == "dispute.closed"]
    assert (len(closed), closed[0].data["dispute"], closed[0].data["outcome"]) == (1, payment, "won")


def test_held_payment_waits_for_a_person(desk, anet):
    anet.refusals += [("4", "252", "Held for review"), ("4", "252", "Held for review")]
    good = desk.run("payment.create", STORED, key="good")
    bad = desk.run("payment.create", {**STORED, "capture": "manual"}, key="bad")
    assert [(one["status"], one["reason"]) for one in (good, bad)] == [("pending", "fraud_review")] * 2
    assert types(told(desk, anet)) == ["payment.pending", "payment.held", "payment.pending", "payment.held"]
    for payment, action in ((good["payment"], "approve"), (bad["payment"], "decline")):
        held = {"heldTransactionRequest": {"action": action, "refTransId": payment}}
        given = {"method": "POST", "path": "/xml/v1/request.api", "body": {"updateHeldTransactionRequest": held}}
        desk.run("request", given, key=action)
    assert [(one.type, one.data["payment"]) for one in told(desk, anet)] == [
        ("payment.succeeded", good["payment"]), ("payment.failed", bad["payment"]),
    ]  # fmt: skip
    assert desk.run("payment.get", {"payment": bad["payment"]})["reason"] == "fraud_review"


def test_poll_finds_what_deliveries_lost_under_the_same_source_ids(desk, anet):
    _, mark = polled(desk, anet, None)
    paid(desk, anet)
    desk.run("payment.create", {**STORED, "capture": "manual"}, key="held")
    by_webhook = {
        event.source_id: (event.type, event.data["amount"], event.data.get("order")) for event in told(desk, anet)
    }
    anet.now += timedelta(minutes=15)
    found, mark = polled(desk, anet, mark)
    assert {
        event.source_id: (event.type, event.data["amount"], event.data.get("order")) for event in found
    } == by_webhook
    anet.now += timedelta(hours=2)
    _, mark = polled(desk, anet, mark)
    assert polled(desk, anet, mark)[0] == []
