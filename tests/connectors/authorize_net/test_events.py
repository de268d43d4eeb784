from __future__ import annotations

import copy
import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.authorize_net.api import listed, read_json, time_of
from connectors.authorize_net.carried import (
    carried_by,
    described_by,
    description_of,
    end_of,
    kind_of,
    line_items,
    sealed,
    step_reference,
    timed_reference,
    unsealed,
)
from connectors.authorize_net.endpoints import known_types
from connectors.authorize_net.plans import Plan
from connectors.authorize_net.transactions import Transaction, standing
from hub.connect.api import Call, Connection, RawEvent
from hub.connect.conformance import check_connector
from hub.connect.registry import Registry
from hub.errors import PermanentError
from hub.money import Money
from hub.vocabulary import validate_data

FOLDER = Path(__file__).parents[3] / "connectors" / "authorize_net"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY = "MadeUpKey1234567"
CONNECTION = Connection("anet-main", "authorize_net", {"currency": "USD"}, {"transaction_key": (KEY,)})
ANET = Registry.load().get("authorize_net")
SAMPLES = {one.file.removeprefix("samples/").removesuffix(".json"): one for one in ANET.manifest.samples}
PAID = "60020981676"


def sample(name):
    return copy.deepcopy(ANET.manifest.sample_payload(SAMPLES[name]))


def mapped(payload):
    return ANET.map(RawEvent(payload["notificationId"], payload["eventType"], payload), CONNECTION)


def call(key="ab" * 20):
    return Call(CONNECTION, {}, key, f"hub-{key[:20]}", NOW, http=None)


def test_folder_conforms():
    assert check_connector(FOLDER, "connectors.authorize_net") == []


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_gives_what_the_map_promises(name):
    events = mapped(sample(name))
    assert tuple(event.type for event in events) == SAMPLES[name].gives
    for event in events:
        validate_data(event.type, event.data)
        assert event.data["gateway"]["name"] == "authorize_net"
        assert event.source_id.startswith(f"{event.type}:") or event.type == "subscription.updated"


def test_every_type_of_the_map_has_a_sample_and_the_facts_types_are_known():
    mapped_types = {name for rule in ANET.manifest.events for name in rule.raw}
    assert mapped_types <= {entry.raw for entry in SAMPLES.values()}
    assert set(known_types()) <= mapped_types
    for status in ("authorizedPendingCapture", "capturedPendingSettlement", "communicationError", "refundSettledSuccessfully",
                   "refundPendingSettlement", "approvedReview", "declined", "couldNotVoid", "expired", "generalError",
                   "pendingFinalSettlement", "pendingSettlement", "failedReview", "settledSuccessfully", "settlementError",
                   "underReview", "updatingSettlement", "voided", "FDSPendingReview", "FDSAuthorizedPendingReview",
                   "returnedItem", "chargeback", "chargebackReversal", "authorizedPendingRelease"):  # fmt: skip
        assert ANET.knows(f"transaction.{status}"), status
    for name in ("customer.created", "customer.updated", "customer.deleted", "customer.paymentProfile.created",
                 "customer.paymentProfile.updated", "customer.paymentProfile.deleted", "customer.subscription.expiring"):  # fmt: skip
        assert ANET.knows(f"net.authorize.{name}")


def test_event_that_was_not_looked_up_gives_nothing():
    for name, entry in SAMPLES.items():
        payload = sample(name)
        payload.pop("hub", None)
        assert mapped(payload) == (), entry.raw


@pytest.mark.parametrize(
    "names",
    [
        ("payment.authcapture.created", "transaction.capturedPendingSettlement", "transaction.settledSuccessfully"),
        ("payment.authcapture.created.echeck", "transaction.capturedPendingSettlement.echeck"),
        ("payment.authcapture.created.declined", "transaction.declined"),
        ("payment.authorization.created", "transaction.authorizedPendingCapture"),
        ("payment.refund.created", "transaction.refundPendingSettlement", "transaction.refundSettledSuccessfully"),
        ("payment.fraud.declined", "transaction.failedReview"),
        ("payment.void.created", "transaction.voided"),
        ("transaction.returnedItem", "transaction.returnedItem.own"),
        ("customer.subscription.suspended", "customer.subscription.failed"),
        ("customer.subscription.cancelled", "customer.subscription.terminated"),
    ],
)
def test_what_is_told_and_found_has_one_source_id(names):
    events = [mapped(sample(name))[0] for name in names]
    assert len({(event.type, event.source_id) for event in events}) == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("payment.authcapture.created", {"payment": PAID, "order": "o_77", "metadata": {"shop": "1"}}),
        ("payment.authcapture.created", {"captured": {"minor": 10000, "currency": "USD"}}),
        ("payment.authcapture.created.declined", {"payment": "FZZZZZZ0123456789ABC", "reason": "card_declined"}),
        ("payment.authcapture.created.renewal", {"subscription": "158383", "amount": {"minor": 1900, "currency": "USD"}}),
        ("payment.authorization.created", {"lapses_at": "2026-12-23T09:00:00.120000Z"}),
        ("payment.priorAuthCapture.created", {"payment": "60020981680", "captured": {"minor": 6000, "currency": "USD"}}),
        ("payment.refund.created", {"payment": PAID, "refund": "60020981690", "amount": {"minor": 2500, "currency": "USD"}}),
        ("transaction.generalError.refund", {"payment": PAID, "refund": "60020981690"}),
        ("payment.void.created.sale", {"payment": PAID, "refund": PAID, "reason": "voided"}),
        ("payment.void.created.refund", {"payment": PAID, "refund": "60020981690"}),
        ("payment.fraud.held", {"reason": "fraud_review"}),
        ("transaction.returnedItem", {"payment": "60020981677", "reason": "R01"}),
        ("transaction.chargeback", {"payment": PAID, "dispute": PAID}),
        ("customer.subscription.created", {"plan": "arb:1900USD:1months:9999:0:Gold membership", "order": "o_77"}),
    ],
)  # fmt: skip
def test_event_says_what_recipes_look_for(name, data):
    event = mapped(sample(name))[0]
    assert {key: event.data[key] for key in data} == data


LIFE = [
    "payment.authcapture.created.held", "payment.fraud.held", "payment.fraud.approved", "transaction.FDSPendingReview",
    "transaction.capturedPendingSettlement", "transaction.settledSuccessfully", "payment.authcapture.created",
    "payment.refund.created", "transaction.refundPendingSettlement", "transaction.chargeback", "transaction.chargebackReversal",
]  # fmt: skip


@given(st.lists(st.sampled_from(LIFE), min_size=1, max_size=16))
def test_any_order_and_repetition_tells_the_same_facts(names):
    def facts(order):
        found = {}
        for name in order:
            payload = sample(name)
            payload["hub"]["payment"] = PAID
            for event in mapped(payload):
                found.setdefault(event.source_id, event.type)
        return found

    assert facts(names) == facts(one for one in LIFE if one in names)


# Transactions.


def transaction(status, **more):
    data = {"transId": PAID, "submitTimeUTC": "2026-11-23T09:00:00Z", "transactionType": "authCaptureTransaction",
            "transactionStatus": status, "responseCode": 1, "authAmount": "100.00", "settleAmount": "100.00"}  # fmt: skip
    return Transaction({**data, **more}, CONNECTION)


@pytest.mark.parametrize(
    ("status", "more", "expected"),
    [
        ("capturedPendingSettlement", {}, "succeeded"),
        ("capturedPendingSettlement", {"payment": {"bankAccount": {}}}, "pending"),
        ("settledSuccessfully", {"payment": {"bankAccount": {}}}, "succeeded"),
        ("settledSuccessfully", {"returnedItems": {"returnedItem": {"code": "R01"}}}, "returned"),
        ("authorizedPendingCapture", {}, "authorized"),
        ("FDSPendingReview", {}, "pending"),
        ("pendingSettlement", {}, "pending"),
        ("declined", {"responseCode": 2}, "failed"),
        ("expired", {}, "expired"),
        ("voided", {}, "voided"),
        ("chargeback", {}, "disputed"),
        ("a state of tomorrow", {}, "pending"),
    ],
)
def test_status_is_the_hubs(status, more, expected):
    assert transaction(status, **more).output()["status"] == expected


def test_of_several_attempts_the_first_that_stands_counts():
    def attempt(number, status):
        return {"transId": str(number), "transactionStatus": status, "submitTimeUTC": f"2026-11-23T09:0{number}:00Z"}

    assert standing([]) is None
    assert standing([attempt(2, "declined"), attempt(1, "declined")])["transId"] == "2"
    tries = [attempt(3, "declined"), attempt(2, "capturedPendingSettlement"), attempt(1, "declined")]
    assert standing(tries)["transId"] == "2"


@pytest.mark.parametrize(
    "text", ["[1]", '{"statistic": {"a": 1}}', '{"statistic": [{"a": 1}]}', '[{"a": 1}]', '{"a": 1}', "null"]
)
def test_lists_are_read_in_all_shapes(text):
    assert listed(json.loads(text), "statistic") == ([] if text in {"[1]", "null"} else [{"a": 1}])


def test_answers_are_read_after_their_mark_and_stay_exact():
    assert read_json(b'\xef\xbb\xbf{"a": 10.00, "b": 7}') == {"a": "10.00", "b": 7}
    assert time_of("2026-11-23T09:00:00.5") == "2026-11-23T09:00:00.5Z"
    assert time_of("2026-11-23T09:00:00+01:00") == "2026-11-23T09:00:00+01:00"


# References and what they carry.


def test_made_references_are_short_and_know_their_kind_and_end():
    made = timed_reference("F", call(), NOW)
    assert (len(made), made.isalnum(), kind_of(made), end_of(made)) == (20, True, "F", NOW)
    assert timed_reference("F", call("cd" * 20), NOW) != made
    assert len(step_reference("S", call())) == 20
    assert step_reference("S", call()) == step_reference("S", call()) != step_reference("R", call())
    assert [kind_of(one) for one in (step_reference("S", call()), "INV-7", "H123", PAID)] == [""] * 4


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=31)
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=255)


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_carried_values_come_back_whole(metadata):
    given_values = {"order": "o_1", "job": "job_2", "metadata": metadata}
    found = carried_by({"lineItems": line_items(given_values)["lineItem"]})
    assert found == {"order": "o_1", "job": "job_2", **({"metadata": metadata} if metadata else {})}


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=2), st.text(max_size=300))
def test_subscription_carries_its_references_in_its_description(metadata, words):
    given_values = {"order": "o_1", "description": words, "metadata": metadata}
    text = description_of(given_values, quantity="2")
    found, own = described_by({"description": text})
    assert len(text) <= 255
    assert (found["order"], found.get("metadata", {}), own) == ("o_1", metadata, {"quantity": "2"})


def test_descriptions_of_others_carry_nothing():
    for text in (None, "", "Shirt (size=L)", "Shirt [size=L]"):
        assert described_by({"description": text}) == ({}, {})
    with pytest.raises(PermanentError):
        description_of({"metadata": {"x": "y" * 300}})
    assert description_of({}) == ""


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=8))
def test_terms_come_back_as_they_were_sealed(metadata):
    terms = {"payment": "F1", "metadata": metadata}
    text = sealed(terms, CONNECTION)
    assert unsealed(text, CONNECTION) == terms
    assert KEY not in text
    assert text == sealed(terms, CONNECTION)


def test_terms_cannot_be_read_or_changed():
    text = sealed({"payment": "F1", "customer": {"email": "ada@example.com"}}, CONNECTION)
    assert b"ada" not in urlsafe_b64decode(text)
    for forged in ("", "AAAA", "é", text[:-8] + "AAAAAAA=", text[4:], "AAAA" + text[4:]):
        with pytest.raises(PermanentError) as caught:
            unsealed(forged, CONNECTION)
        assert caught.value.code == "bad_return"


def test_terms_survive_a_new_transaction_key_and_no_other_connection():
    text = sealed({"payment": "F1"}, CONNECTION)
    rotated = Connection("anet-main", "authorize_net", {}, {"transaction_key": ("AnotherMadeUpKey", KEY)})
    assert unsealed(text, rotated) == {"payment": "F1"}
    with pytest.raises(PermanentError):
        unsealed(text, Connection("b", "authorize_net", {}, {"transaction_key": ("AnotherMadeUpKey",)}))
    with pytest.raises(PermanentError):
        sealed({"metadata": {"x": "y" * 4000}}, CONNECTION)


@given(st.integers(1, 10**9), st.sampled_from([(7, "days"), (365, "days"), (12, "months")]), st.integers(1, 9999),
       st.integers(0, 730), st.text(min_size=1, max_size=50))  # fmt: skip
def test_plan_comes_back_from_its_reference(minor, interval, cycles, trial, name):
    plan = Plan(Money(minor, "USD"), *interval, cycles, trial, name)
    assert Plan.parse(plan.reference) == plan
    assert len(plan.reference) <= 255


def test_plan_is_read_off_any_subscription():
    schedule = {"interval": {"length": "1", "unit": "months"}, "totalOccurrences": "12"}
    theirs = Plan.of({"name": "Theirs", "amount": "10.29", "paymentSchedule": schedule}, CONNECTION)
    assert theirs.reference == "arb:1029USD:1months:12:0:Theirs"
    assert Plan.of({"name": "Cut short"}, CONNECTION) is None


def test_authorisation_lapses_after_thirty_days():
    held = transaction("authorizedPendingCapture", transactionType="authOnlyTransaction")
    assert held.output()["lapses_at"] == (NOW + timedelta(days=30)).isoformat().replace("+00:00", "Z")
