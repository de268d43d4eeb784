from __future__ import annotations

import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.connect.api import Connection, RawEvent
from hub.connect.conformance import check_connector
from hub.connect.registry import Registry

CONNECTION = Connection("apay", "amazon_pay", {}, {})
FOLDER = Path(__file__).parents[3] / "connectors" / "amazon_pay"
CONNECTOR = Registry.load().get("amazon_pay")
CHARGE = "S01-1234567-7654321-C012345"


def sample(name):
    found = next(one for one in CONNECTOR.manifest.samples if one.file == f"samples/{name}.json")
    return RawEvent(found.id, found.raw, copy.deepcopy(CONNECTOR.manifest.sample_payload(found)))


def mapped(raw):
    return CONNECTOR.map(raw, CONNECTION)


def one(name, **changes):
    raw = sample(name)
    raw.payload["object"] |= changes
    return mapped(raw)[0]


def test_folder_conforms():
    assert check_connector(FOLDER, "connectors.amazon_pay") == []


@pytest.mark.parametrize(
    ("names", "source_id"),
    [
        (("charge.pending", "charge.capture_initiated"), f"payment.pending:{CHARGE}"),
        (("charge.captured", "charge.completed"), f"payment.succeeded:{CHARGE}"),
        (("refund.refunded", "refund.completed"), "refund.issued:S01-1234567-7654321-R012345"),
        (("chargeback.under_review", "chargeback.action_required"), "dispute.opened:S01-1234567-7654321-B012345"),
        (("chargeback.resolved", "chargeback.closed"), "dispute.closed:S01-1234567-7654321-B012345"),
    ],
)
def test_one_fact_in_two_words_has_one_source_id(names, source_id):
    assert {mapped(sample(name))[0].source_id for name in names} == {source_id}


def test_payment_names_all_that_belongs_to_it():
    event = one("charge.captured")
    assert event.data["payment"] == CHARGE
    assert event.data["amount"] == event.data["captured"] == {"minor": 1999, "currency": "EUR"}
    assert (event.data["order"], event.data["metadata"]) == ("o_77", {"shop": "1"})
    assert event.data["customer"] == {"id": "amzn1.account.MADEUP", "email": "ada@example.com", "name": "Ada Lovelace"}
    assert event.data["gateway"] == {"name": "amazon_pay", "id": CHARGE, "status": "Captured"}


def test_part_that_was_captured_is_what_was_paid():
    event = one("charge.captured", captureAmount={"amount": "12.00", "currencyCode": "EUR"})
    assert event.data["amount"]["minor"] == event.data["captured"]["minor"] == 1200


def test_yen_are_read_without_decimals():
    price = {"amount": "500", "currencyCode": "JPY"}
    event = one("charge.captured", chargeAmount=price, captureAmount=price)
    assert event.data["amount"] == {"minor": 500, "currency": "JPY"}


def test_each_change_of_a_permission_is_told():
    first = sample("charge_permission.attribute_change")
    second = copy.deepcopy(first)
    second.payload["notification"]["NotificationId"] = "another"
    assert mapped(first)[0].source_id != mapped(second)[0].source_id


@pytest.mark.parametrize("name", ["charge_permission.chargeable", "charge.captured.foreign", "charge.declined.foreign"])
def test_hub_tells_its_own_subscriptions_itself(name):
    raw = sample(name)
    raw.payload["hub"]["ours"] = 1
    assert not [event for event in mapped(raw) if event.type.startswith("subscription.")]


def test_first_charge_does_not_renew():
    raw = sample("charge.captured.foreign")
    raw.payload["hub"]["first"] = True
    assert [event.type for event in mapped(raw)] == ["payment.succeeded"]


ONE_PAYMENT = [
    "charge.pending",
    "charge.authorized",
    "charge.capture_initiated",
    "charge.captured",
    "charge.completed",
    "refund.initiated",
    "refund.refunded",
    "refund.completed",
    "chargeback.under_review",
    "chargeback.action_required",
    "chargeback.resolved",
]
TOLD = {
    (event.type, event.source_id) for name in ONE_PAYMENT for event in mapped(sample(name))
}  # what must come of it, in whatever order


@given(st.permutations(ONE_PAYMENT), st.lists(st.sampled_from(ONE_PAYMENT), max_size=10))
def test_any_order_and_repetition_tells_the_same(order, repeated):
    found = {(event.type, event.source_id) for name in [*order, *repeated] for event in mapped(sample(name))}
    assert found == TOLD
    assert len(found) == 6
