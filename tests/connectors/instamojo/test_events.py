from __future__ import annotations

import copy
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.instamojo.carried import carried_by, metadata_of
from connectors.instamojo.errors import FAILURES, decline_of
from connectors.instamojo.webhooks import told
from hub.connect.answers import error_codes
from hub.connect.api import Connection, RawEvent
from hub.connect.conformance import check_connector
from hub.connect.registry import Registry
from hub.vocabulary import validate_data

CONNECTION = Connection("imojo", "instamojo", {}, {})
FOLDER = Path(__file__).parents[3] / "connectors" / "instamojo"
INSTAMOJO = Registry.load().get("instamojo")
SAMPLES = {one.file.removeprefix("samples/").removesuffix(".json"): one for one in INSTAMOJO.manifest.samples}


def sample(name):
    return copy.deepcopy(INSTAMOJO.manifest.sample_payload(SAMPLES[name]))


def mapped(name, payload=None):
    return INSTAMOJO.map(RawEvent(f"evt|{name}", SAMPLES[name].raw, payload or sample(name)), CONNECTION)


def test_folder_conforms():
    assert check_connector(FOLDER, "connectors.instamojo") == []


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_gives_what_the_map_promises(name):
    events = mapped(name)
    assert tuple(event.type for event in events) == SAMPLES[name].gives
    assert len({event.source_id for event in events}) == len(events)
    for event in events:
        validate_data(event.type, event.data)
        assert event.data["gateway"]["name"] == "instamojo"
        assert event.type == "payout.paid" or event.data["order"] == "o_77"


@pytest.mark.parametrize("name", ["Credit", "Failed", "Pending"])
def test_samples_are_what_a_read_payment_gives(name):
    body = sample(name)
    read = told(body["payment"], body["payment_request"], body.get("delivered"))
    assert read.type == name
    assert read.payload == body


def test_carried_texts_are_those_of_the_registered_address():
    for name in SAMPLES:
        body = sample(name)
        if "carried" in body:
            assert metadata_of(carried_by(body["payment_request"])) == body["carried"]
            assert dict(parse_qsl(urlsplit(body["payment_request"]["webhook"]).query)) == body["carried"]


def test_source_ids_are_those_of_the_payment():
    assert [event.source_id for event in mapped("Credit")] == ["payment.succeeded:MOJO6b23005J00000001"]
    assert [event.source_id for event in mapped("refund.Refunded")] == ["refund.issued:C5c0000001"]
    assert mapped("refund.Processed")[0].source_id == mapped("refund.Refunded")[0].source_id


@pytest.mark.parametrize("reason", [*FAILURES, "Insufficient Funds", "something new", None])
def test_failure_reads_as_the_api_reads_it(reason):
    body = sample("Failed")
    body["payment"]["failure"] = {"reason": reason, "message": "In its own words."} if reason else None
    (event,) = mapped("Failed", body)
    assert event.data["reason"] == decline_of(reason)
    assert event.data["reason"] in error_codes()


@pytest.mark.parametrize(
    ("instrument", "kind"),
    [("CARD", "card"), ("EMI", "card"), ("NETBANKING", "bank"), ("UPI", "upi"), ("WALLET", "wallet"), (None, None)],
)
def test_means_of_payment_are_named(instrument, kind):
    body = sample("Credit")
    body["payment"]["instrument_type"] = instrument
    (event,) = mapped("Credit", body)
    assert event.data.get("method") == ({"kind": kind} if kind else None)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (True, "Credit"),
        (False, "Failed"),
        (None, "Pending"),
        ("Credit", "Credit"),
        ("Failed", "Failed"),
        ("true", "Credit"),
    ],
)
def test_state_is_read_in_all_its_forms(status, kind):
    body = sample("Credit")
    body["payment"]["status"] = status
    assert told(body["payment"], body["payment_request"]).type == kind


@pytest.mark.parametrize(("number", "minor"), [("2500", 250000), ("2500.5", 250050), (9, 900), (199999.99, 19999999)])
def test_amounts_are_exact(number, minor):
    body = sample("Credit")
    read = told({**body["payment"], "amount": number, "fees": None}, body["payment_request"])
    (event,) = INSTAMOJO.map(read, CONNECTION)
    assert event.data["amount"] == {"minor": minor, "currency": "INR"}
    assert "fee" not in event.data


def test_payment_without_a_request_has_no_references():
    body = {"payment": {**sample("Credit")["payment"], "payment_request": None}}
    (event,) = mapped("Credit", body)
    assert "order" not in event.data
    assert "metadata" not in event.data


STORY = ["Pending", "Credit", "Credit.link", "refund.Refunded", "refund.Processed"]


@given(order=st.permutations(STORY), again=st.lists(st.sampled_from(STORY), max_size=8))
def test_any_order_and_repetition_of_a_payments_events_records_the_same(order, again):
    recorded = {}
    for name in [*order, *again]:
        for event in mapped(name):
            recorded.setdefault(event.source_id, event.type)
    assert recorded == {
        "payment.pending:MOJO6b23005J00000001": "payment.pending",
        "payment.succeeded:MOJO6b23005J00000001": "payment.succeeded",
        "link.paid:d66cb29dd059482e8072999f995c4eef:MOJO6b23005J00000001": "link.paid",
        "refund.issued:C5c0000001": "refund.issued",
    }
