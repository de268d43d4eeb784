from __future__ import annotations

import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.moneygram.enriching import provider_of
from hub.connect.api import Connection, RawEvent
from hub.connect.conformance import check_connector
from hub.connect.manifest import Support
from hub.connect.registry import Registry

CONNECTION = Connection("mg", "moneygram", {}, {})
FOLDER = Path(__file__).parents[3] / "connectors" / "moneygram"
CONNECTOR = Registry.load().get("moneygram")
PAYOUT = "ca4c68c6-0000-4000-8000-0000000000aa"


def sample(name):
    found = next(one for one in CONNECTOR.manifest.samples if one.file == f"samples/{name}.json")
    return RawEvent(found.id, found.raw, copy.deepcopy(CONNECTOR.manifest.sample_payload(found)))


def mapped(name):
    return CONNECTOR.map(sample(name), CONNECTION)


def test_folder_conforms():
    assert check_connector(FOLDER, "connectors.moneygram") == []


def test_what_moneygram_does_not_do_is_said_with_its_reason():
    cells = CONNECTOR.manifest.capabilities
    assert {name for name, cell in cells.items() if cell.status is not Support.NONE} == {
        "webhooks",
        "connector_api",
        "delayed_payment",
        "payout",
    }
    assert all(cell.reason for cell in cells.values() if cell.status is Support.NONE)


@pytest.mark.parametrize(
    ("names", "source_id"),
    [
        (("received", "delivered"), f"payout.paid:{PAYOUT}"),
        (("rejected", "refunded", "closed"), f"payout.failed:{PAYOUT}"),
    ],
)
def test_one_outcome_has_one_source_id(names, source_id):
    assert {mapped(name)[0].source_id for name in names} == {source_id}


def test_event_names_payout_provider_and_amount():
    (event,) = mapped("rejected")
    assert (event.data["payout"], event.data["provider"]) == (PAYOUT, "prv_2")
    assert event.data["amount"] == {"minor": 100000, "currency": "NGN"}
    assert event.data["reason"] == event.data["gateway"]["message"] == "The account is closed."


@pytest.mark.parametrize(
    ("found", "provider"),
    [
        ({"partnerTransactionId": "hub-0123456789abcdef0123_prv_2"}, "prv_2"),
        (
            {"partnerTransactionId": "hub-0123456789abcdef0123", "beneficiary": {"consumer": {"firstName": "Ada"}}},
            "Ada",
        ),
        ({"beneficiary": {"consumer": {"name": {"firstName": "Ada", "lastName": "Lovelace"}}}}, "Ada Lovelace"),
        ({"beneficiary": {"business": {"businessName": "Lamps"}}}, "Lamps"),
        ({}, "unknown"),
    ],
)
def test_provider_is_the_hubs_own_or_the_recipient(found, provider):
    assert provider_of(found) == provider


ALL = [
    "unfunded",
    "sent",
    "processing",
    "in_transit",
    "available",
    "received",
    "delivered",
    "rejected",
    "refunded",
    "closed",
]


@given(st.permutations(ALL), st.lists(st.sampled_from(ALL), max_size=10))
def test_any_order_and_repetition_tells_the_same(order, repeated):
    found = {(event.type, event.source_id) for name in [*order, *repeated] for event in mapped(name)}
    assert found == {("payout.paid", f"payout.paid:{PAYOUT}"), ("payout.failed", f"payout.failed:{PAYOUT}")}
