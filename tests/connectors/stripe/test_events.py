from __future__ import annotations

import copy
from pathlib import Path

import pytest

from hub.connect.api import Connection, RawEvent
from hub.connect.conformance import check_connector
from hub.connect.registry import Registry

CONNECTION = Connection("stripe-main", "stripe", {}, {})
FOLDER = Path(__file__).parents[3] / "connectors" / "stripe"


@pytest.fixture(scope="module")
def stripe():
    return Registry.load().get("stripe")


def sample(stripe, name):
    found = next(one for one in stripe.manifest.samples if one.file == f"samples/{name}.json")
    return copy.deepcopy(stripe.manifest.sample_payload(found))


def mapped(stripe, payload):
    return stripe.map(RawEvent(payload["id"], payload["type"], payload), CONNECTION)


def one(stripe, name, **changes):
    payload = sample(stripe, name)
    payload["data"]["object"] |= changes
    (event,) = mapped(stripe, payload)
    return event


def test_folder_conforms():
    assert check_connector(FOLDER, "connectors.stripe") == []


@pytest.mark.parametrize(
    "names",
    [
        ("checkout.session.completed", "payment_intent.succeeded"),
        ("payment_intent.payment_failed", "charge.failed"),
        ("payment_intent.canceled.automatic", "charge.expired"),
        ("payment_intent.processing", "charge.pending"),
        ("refund.created", "charge.refunded.with_refund"),
        ("refund.failed", "charge.refund.updated"),
        ("price.created", "plan.created"),
        ("customer.subscription.deleted", "subscription_schedule.canceled"),
    ],
)
def test_what_stripe_tells_twice_has_one_source_id(stripe, names):
    first = sample(stripe, names[0])
    if names[0].startswith("checkout"):
        first["data"]["object"]["payment_intent"] = "pi_3Qmade0000000001"
    events = [mapped(stripe, first)[0], mapped(stripe, sample(stripe, names[1]))[0]]
    assert events[0].type == events[1].type
    assert events[0].source_id == events[1].source_id


def test_invoice_is_told_once_by_both_names(stripe):
    paid = sample(stripe, "invoice.paid.subscription_cycle")
    succeeded = {**paid, "type": "invoice.payment_succeeded", "id": "evt_other"}
    assert mapped(stripe, paid)[0].source_id == mapped(stripe, succeeded)[0].source_id


def test_invoice_is_read_in_both_places(stripe):
    new = one(stripe, "invoice.paid.subscription_cycle").data
    old = one(stripe, "invoice.payment_succeeded.before_basil").data
    for field in ("subscription", "plan", "customer", "period", "amount", "metadata"):
        assert new[field] == old[field], field


def test_subscription_period_is_read_in_both_places(stripe):
    payload = sample(stripe, "customer.subscription.deleted")
    (new,) = mapped(stripe, payload)
    item = payload["data"]["object"]["items"]["data"][0]
    payload["data"]["object"] |= {name: item.pop(name) for name in ("current_period_start", "current_period_end")}
    (old,) = mapped(stripe, payload)
    assert new.data["period"] == old.data["period"] == {"start": "2026-11-23T12:00:00Z", "end": "2026-12-23T12:00:00Z"}


@pytest.mark.parametrize(
    ("units", "currency", "minor"), [(1999, "eur", 1999), (500, "jpy", 500), (50000, "isk", 500), (7, "mga", 700)]
)
def test_amounts_are_read_in_stripes_units(stripe, units, currency, minor):
    event = one(stripe, "payment_intent.succeeded", amount=units, amount_received=units, currency=currency)
    assert event.data["amount"] == {"minor": minor, "currency": currency.upper()}


def test_part_capture_succeeds_with_what_was_taken(stripe):
    event = one(stripe, "payment_intent.succeeded", amount=10000, amount_received=6000)
    assert event.data["amount"]["minor"] == event.data["captured"]["minor"] == 6000


def test_it_is_told_until_when_an_authorised_amount_can_be_taken(stripe):
    (event,) = mapped(stripe, sample(stripe, "payment_intent.amount_capturable_updated"))
    assert event.data["lapses_at"] == "2026-11-30T09:00:00Z"


def test_capturable_amount_that_was_taken_is_no_authorisation(stripe):
    payload = sample(stripe, "payment_intent.amount_capturable_updated")
    payload["data"]["object"] |= {"status": "succeeded", "amount_capturable": 0}
    assert mapped(stripe, payload) == ()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"code": "card_declined", "decline_code": "insufficient_funds"}, "insufficient_funds"),
        ({"code": "card_declined", "decline_code": "do_not_honor"}, "card_declined"),
        ({"code": "expired_card"}, "expired_card"),
        ({"code": "payment_intent_authentication_failure"}, "authentication_required"),
        (None, "unknown"),
    ],
)
def test_failure_gives_its_reason(stripe, error, reason):
    event = one(stripe, "payment_intent.payment_failed", last_payment_error=error)
    assert event.data["reason"] == reason


def test_failures_without_a_charge_are_each_told(stripe):
    payload = sample(stripe, "payment_intent.payment_failed")
    payload["data"]["object"]["last_payment_error"] = {"code": "payment_intent_authentication_failure"}
    first = mapped(stripe, payload)[0]
    payload["id"] = "evt_second"
    assert mapped(stripe, payload)[0].source_id != first.source_id


@pytest.mark.parametrize(("status", "outcome"), [("won", "won"), ("lost", "lost"), ("warning_closed", "won")])
def test_dispute_gives_its_outcome(stripe, status, outcome):
    assert one(stripe, "charge.dispute.closed", status=status).data["outcome"] == outcome


def test_returned_debit_is_neither_opened_nor_closed_as_a_dispute(stripe):
    payload = sample(stripe, "charge.dispute.closed")
    payload["data"]["object"]["reason"] = "insufficient_funds"
    assert mapped(stripe, payload) == ()


def test_own_payout_is_the_platforms(stripe):
    payload = sample(stripe, "payout.paid")
    del payload["account"]
    payload["data"]["object"]["metadata"] = {}
    (event,) = mapped(stripe, payload)
    assert (event.data["payout"], event.data["provider"]) == ("po_1Qmade0000000001", "platform")


@pytest.mark.parametrize(
    ("kind", "thing", "gives"),
    [
        ("payment_intent.succeeded", {"id": "pi_1", "amount": 1999, "currency": "eur"}, ["payment.succeeded"]),
        ("checkout.session.completed", {"id": "cs_1", "payment_status": "paid", "amount_total": 5, "currency": "eur"}, ["payment.succeeded"]),
        ("customer.subscription.created", {"id": "sub_1", "status": "active"}, ["subscription.started"]),
        ("customer.subscription.deleted", {"id": "sub_1"}, ["subscription.cancelled"]),
        ("invoice.paid", {"id": "in_1", "billing_reason": "subscription_cycle", "subscription": "sub_1", "amount_paid": 5, "currency": "eur"}, ["subscription.renewed"]),
        ("refund.created", {"id": "re_1", "payment_intent": "pi_1", "amount": 5, "currency": "eur"}, ["refund.issued"]),
        ("payout.paid", {"id": "po_1", "amount": 5, "currency": "eur"}, ["payout.paid"]),
        ("setup_intent.succeeded", {"id": "seti_1"}, []),
    ],
)  # fmt: skip
def test_trimmed_payloads_are_understood(stripe, kind, thing, gives):
    events = mapped(stripe, {"id": "evt_1", "type": kind, "created": 1700000000, "data": {"object": thing}})
    assert [event.type for event in events] == gives


def test_references_come_back_and_empty_ones_are_left_out(stripe):
    metadata = {"order": "o_1", "invoice": "", "job": "job_1", "colour": "blue"}
    event = one(stripe, "payment_intent.succeeded", metadata=metadata)
    assert (event.data["order"], event.data["job"]) == ("o_1", "job_1")
    assert "invoice" not in event.data
    assert event.data["metadata"]["colour"] == "blue"
