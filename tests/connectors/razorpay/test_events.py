from __future__ import annotations

import copy
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.razorpay.endpoints import EVENTS
from connectors.razorpay.errors import REASONS, decline_of
from connectors.razorpay.standing import of_payment
from hub.connect.answers import error_codes
from hub.connect.api import Connection, RawEvent
from hub.connect.conformance import check_connector
from hub.connect.registry import Registry
from hub.vocabulary import validate_data

CONNECTION = Connection("rzp", "razorpay", {}, {})
FOLDER = Path(__file__).parents[3] / "connectors" / "razorpay"
RAZORPAY = Registry.load().get("razorpay")
SAMPLES = {one.file.removeprefix("samples/").removesuffix(".json"): one for one in RAZORPAY.manifest.samples}


def sample(name):
    return copy.deepcopy(RAZORPAY.manifest.sample_payload(SAMPLES[name]))


def mapped(payload, event_id="evt_1"):
    time = datetime.fromtimestamp(payload["created_at"], tz=UTC)
    return RAZORPAY.map(RawEvent(event_id, payload["event"], payload, time), CONNECTION)


def one(name, kind, **changes):
    payload = sample(name)
    payload["payload"][kind]["entity"] |= changes
    return mapped(payload)[0]


def test_folder_conforms():
    assert check_connector(FOLDER, "connectors.razorpay") == []


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_gives_what_the_map_promises(name):
    events = mapped(sample(name))
    assert tuple(event.type for event in events) == SAMPLES[name].gives
    assert len({event.source_id for event in events}) == len(events)
    for event in events:
        validate_data(event.type, event.data)
        assert event.data["gateway"]["name"] == "razorpay"


def test_every_type_of_the_map_has_a_sample_and_is_registered():
    sampled = {payload.raw for payload in SAMPLES.values()}
    rules = {raw for rule in RAZORPAY.manifest.events for raw in rule.raw}
    assert rules <= sampled
    assert set(EVENTS) <= rules
    assert {raw for raw in rules if not raw.startswith(("payout.", "virtual_account."))} - set(EVENTS) == {
        "subscription.expired"
    }


TWICE = ["payment.captured", "order.paid", "payment_link.paid", "payment_link.partially_paid", "invoice.paid"]


@pytest.mark.parametrize("name", TWICE)
def test_payment_that_is_told_several_times_has_one_source_id(name):
    assert mapped(sample(name))[0].source_id == "payment.succeeded:pay_MadeUp00000001"


def test_first_charge_and_activation_are_one_start():
    first, activated = mapped(sample("subscription.charged.first")), mapped(sample("subscription.activated"))
    assert first[0].source_id == activated[0].source_id == "subscription.started:sub_MadeUp00000001"


@pytest.mark.parametrize(
    ("units", "currency", "minor"), [(250000, "INR", 250000), (500, "JPY", 500), (1230, "KWD", 1230)]
)
def test_amounts_are_read_in_razorpays_units(units, currency, minor):
    event = one("payment.captured", "payment", amount=units, currency=currency)
    assert event.data["amount"] == {"minor": minor, "currency": currency}
    assert ("fee" in event.data) == (currency == "INR")


@pytest.mark.parametrize("notes", [[], {}, {"order": "forged"}])
def test_notes_of_the_payment_are_no_references(notes):
    event = one("payment.captured", "payment", notes=notes)
    assert event.data["order"] == "o_77"
    assert event.data["metadata"]["hub_name"] == "Ada Lovelace"


def test_notes_of_a_payment_without_an_order_are_metadata_and_nothing_else():
    event = mapped(sample("payment.captured.bare"))[0]
    assert event.data["metadata"] == {"basket": "9"}
    assert "order" not in event.data
    assert event.data["method"] == {"kind": "card", "brand": "Visa", "last4": "1111"}


@pytest.mark.parametrize("notes", [[], {}])
def test_empty_notes_leave_no_metadata(notes):
    payload = sample("payment.captured")
    payload["payload"]["order"]["entity"]["notes"] = notes
    payload["payload"]["payment"]["entity"]["notes"] = {"order": "forged"}
    assert "metadata" not in mapped(payload)[0].data


@pytest.mark.parametrize("reason", [*REASONS, "some_new_reason", None])
def test_failure_reads_as_the_api_reads_it(reason):
    event = one("payment.failed", "payment", error_reason=reason)
    assert event.data["reason"] == decline_of(reason)
    assert event.data["reason"] in error_codes()


@pytest.mark.parametrize(("status", "outcome"), [("won", "won"), ("lost", "lost"), ("closed", None)])
def test_dispute_gives_its_outcome_where_there_is_one(status, outcome):
    event = one("payment.dispute.closed", "dispute", status=status)
    assert event.data.get("outcome") == outcome


def test_trimmed_official_payloads_are_understood():
    refund = {
        "id": "rfnd_FS8TWyPrCsa0OB",
        "amount": 50000,
        "currency": "INR",
        "payment_id": "pay_FPoJKWQQ8lK13n",
        "status": "processed",
    }
    body = {
        "event": "refund.processed",
        "payload": {"refund": {"entity": refund}, "payment": {"entity": {"id": "pay_FPoJKWQQ8lK13n"}}},
    }
    (event,) = mapped({**body, "created_at": 1597734071})
    assert (event.source_id, event.data["amount"]["minor"]) == ("refund.issued:rfnd_FS8TWyPrCsa0OB", 50000)
    ended = {
        "id": "sub_X",
        "plan_id": "plan_X",
        "customer_id": "cust_X",
        "status": "cancelled",
        "ended_at": 1700000000,
        "notes": [],
    }
    body = {"event": "subscription.cancelled", "payload": {"subscription": {"entity": ended}}, "created_at": 1700000001}
    (event,) = mapped(body)
    assert event.data["cancel_at"] == "2023-11-14T22:13:20Z"
    assert event.data["customer"] == {"id": "cust_X"}


def test_unknown_events_give_nothing():
    assert mapped({"event": "something.new", "payload": {}, "created_at": 1}) == ()
    assert RAZORPAY.knows("something.new") is False
    assert RAZORPAY.knows("payment.downtime.resolved")


STORY = [
    "payment.authorized",
    "payment.captured",
    "order.paid",
    "payment_link.paid",
    "payment.failed",
    "refund.created",
    "refund.processed",
]


@given(told=st.permutations(STORY), again=st.lists(st.sampled_from(STORY), max_size=10))
def test_any_order_and_repetition_of_a_payments_events_records_the_same(told, again):
    recorded = {}
    for number, name in enumerate([*told, *again]):
        for event in mapped(sample(name), f"evt_{number}"):
            recorded.setdefault(event.source_id, event.type)
    assert recorded == {
        "payment.authorized:pay_MadeUp00000001": "payment.authorized",
        "payment.succeeded:pay_MadeUp00000001": "payment.succeeded",
        "link.paid:plink_MadeUp000001": "link.paid",
        "payment.failed:pay_MadeUp00000001": "payment.failed",
        "refund.issued:rfnd_MadeUp0000001": "refund.issued",
    }


@pytest.mark.parametrize(
    ("changes", "fee", "settled"),
    [
        # The page "Currency Conversion": a payment of one dollar.
        ({"amount": 100, "currency": "USD", "base_amount": 7129, "base_currency": "INR", "fee": 207}, (207, "INR"), (7129, "INR")),
        ({"amount": 100, "currency": "USD", "base_amount": 7129, "base_currency": "", "fee": 207}, (207, "INR"), (7129, "INR")),
        ({"amount": 15000, "currency": "JPY", "base_amount": 30120, "base_currency": "KWD", "fee": 1050}, (1050, "KWD"), (30120, "KWD")),
        ({"amount": 100, "currency": "USD", "fee": 207}, None, None),
        ({"amount": 25000, "currency": "INR", "fee": 590}, (590, "INR"), None),
        ({"amount": 25000, "currency": "INR", "fee": None}, None, None),
        ({"amount": 900, "currency": "MYR", "base_amount": 900, "base_currency": "MYR", "fee": 20}, (20, "MYR"), None),
    ],
)  # fmt: skip
def test_what_is_kept_and_credited_is_of_the_currency_that_razorpay_settles_in(changes, fee, settled):
    (event, *_) = mapped_capture(changes)
    answer = of_payment({"id": "pay_1", "status": "captured", **changes}, [])
    for told in (event.data, answer):
        expected = [value and {"minor": value[0], "currency": value[1]} for value in (fee, settled)]
        assert [told.get("fee"), told.get("settled")] == expected


@pytest.mark.parametrize(
    ("changes", "settled"),
    [
        ({"currency": "USD", "base_amount": 509485, "base_currency": "INR"}, (509485, "INR")),
        ({"currency": "USD", "base_amount": 509485, "base_currency": None}, (509485, "INR")),
        ({"currency": "JPY", "base_amount": 30120, "base_currency": "KWD"}, (30120, "KWD")),
        ({"currency": "MYR", "base_amount": 6001, "base_currency": "MYR"}, None),
        ({"currency": "USD", "base_amount": None}, None),
        ({"currency": "INR", "base_amount": 6001}, None),
    ],
)
def test_what_a_refund_was_taken_as_is_told_where_it_says_so_and_not_when_it_failed(changes, settled):
    expected = settled and {"minor": settled[0], "currency": settled[1]}
    payload = sample("refund.processed.converted")
    payload["payload"]["refund"]["entity"] |= changes
    issued, *rates = mapped(payload)
    assert (issued.type, issued.data.get("settled")) == ("refund.issued", expected)
    assert [(one.source_id, one.data["settled"]) for one in rates] == (
        [("refund.settled:rfnd_MadeUp0000001", expected)] if expected else []
    )
    (failed,) = mapped({**payload, "event": "refund.failed"})
    assert (failed.type, "settled" in failed.data) == ("refund.failed", False)


def mapped_capture(changes):
    payload = sample("payment.captured")
    payload["payload"]["payment"]["entity"] |= changes
    return mapped(payload)
