from __future__ import annotations

import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mastercard.carried import custom_fields, custom_name, metadata_of, plain_name
from connectors.mastercard.errors import DECLINES, decline_code
from connectors.mastercard.orders import payment_output, status_of
from connectors.mastercard.webhooks import raw_event
from hub.connect.answers import error_codes
from hub.connect.api import Connection
from hub.connect.conformance import check_connector
from hub.connect.redaction import has_card_number
from hub.connect.registry import Registry

CONNECTION = Connection("mastercard-main", "mastercard", {"merchant_id": "TESTMADEUP"}, {})
FOLDER = Path(__file__).parents[3] / "connectors" / "mastercard"
ORDER = "hub-5f0c3b2a19d8e7f60123"


@pytest.fixture(scope="module")
def mastercard():
    return Registry.load().get("mastercard")


def sample(mastercard, name):
    found = next(one for one in mastercard.manifest.samples if one.file == f"samples/{name}.json")
    return copy.deepcopy(mastercard.manifest.sample_payload(found))


def mapped(mastercard, payload):
    return mastercard.map(raw_event(payload), CONNECTION)


def one(mastercard, name, **changes):
    payload = sample(mastercard, name)
    for part, members in changes.items():
        payload[part] = {**payload[part], **members}
    return mapped(mastercard, payload)[0]


def test_folder_conforms():
    assert check_connector(FOLDER, "connectors.mastercard") == []


def test_every_sample_gives_what_the_manifest_says_with_one_source_id_per_fact(mastercard):
    for entry in mastercard.manifest.samples:
        payload = mastercard.manifest.sample_payload(entry)
        events = mapped(mastercard, payload)
        assert tuple(event.type for event in events) == entry.gives, entry.file
        assert raw_event(payload).type == entry.raw
        for event in events:
            assert event.source_id.startswith(f"{event.type}:{payload['order']['id']}"), entry.file
            assert event.data["payment"] == payload["order"]["id"]


def test_payment_tells_who_paid_with_what(mastercard):
    data = one(mastercard, "payment.success").data
    assert data["payment"] == ORDER
    assert data["amount"] == data["captured"] == {"minor": 10000, "currency": "EUR"}
    assert data["customer"] == {"email": "ada@example.com", "name": "Ada Lovelace"}
    assert data["method"] == {"kind": "card", "brand": "mastercard", "last4": "0008"}
    assert (data["order"], data["metadata"]) == ("o_77", {"order": "o_77", "colour": "blue"})
    assert data["gateway"]["authentication"] == "AUTHENTICATION_SUCCESSFUL"


def test_maestro_keeps_its_brand(mastercard):
    assert one(mastercard, "payment.success.maestro").data["method"] == {
        "kind": "card",
        "brand": "maestro",
        "last4": "0004",
    }


def test_bank_debit_has_no_brand(mastercard):
    assert one(mastercard, "payment.success.bank").data["method"] == {"kind": "bank"}


def test_metadata_comes_back_under_its_own_names(mastercard):
    assert one(mastercard, "payment.success.merchant").data["metadata"] == {"order": "o_80", "hub_cycle": "2"}


def test_order_without_references_names_none(mastercard):
    data = one(mastercard, "payment.success", order={"custom": {}, "reference": ORDER}).data
    assert "order" not in data
    assert "metadata" not in data


def test_references_of_orders_that_the_hub_did_not_make_are_read(mastercard):
    data = one(
        mastercard, "payment.success", order={"custom": {}, "invoiceNumber": "2026-17", "reference": "their-9"}
    ).data
    assert (data["order"], data["invoice"]) == ("their-9", "2026-17")


def test_links_of_the_hubs_own_are_not_told_as_paid_by_the_gateway(mastercard):
    payload = sample(mastercard, "payment.success")
    payload["order"]["custom"] = {"link": "lnk_1"}
    assert [event.type for event in mapped(mastercard, payload)] == ["payment.succeeded"]


@pytest.mark.parametrize("text", ["never", "2026-11-30", 7, None])
def test_expiry_that_is_no_time_is_left_out(mastercard, text):
    data = one(mastercard, "authorization.success", authorizationResponse={"autoExpiry": text}).data
    assert "lapses_at" not in data


def test_authentication_is_no_payment(mastercard):
    assert mapped(mastercard, sample(mastercard, "authentication.success")) == ()


def test_voided_refund_takes_its_refund_back(mastercard):
    issued, failed = one(mastercard, "refund.success"), one(mastercard, "void_refund.success")
    assert issued.data["refund"] == failed.data["refund"]
    assert failed.type == "refund.failed"


@pytest.mark.parametrize("code", sorted(DECLINES))
def test_reason_in_events_is_the_one_of_actions(mastercard, code):
    event = one(mastercard, "payment.failure", response={"gatewayCode": code})
    assert event.data["reason"] == decline_code(code)
    assert event.data["reason"] in error_codes()
    assert event.data["gateway"]["code"] == code


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("19.99", "EUR", 1999), (100, "EUR", 10000), (500, "JPY", 500), ("1.005", "KWD", 1005), ("100.0", "EUR", 10000)],
)
def test_amounts_are_read_exactly(mastercard, amount, currency, minor):
    money = {"amount": amount, "currency": currency}
    event = one(
        mastercard, "payment.success", transaction=money, order={"totalCapturedAmount": amount, "currency": currency}
    )
    assert event.data["amount"] == {"minor": minor, "currency": currency}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("INITIATED", "created"),
        ("AUTHENTICATION_INITIATED", "created"),
        ("AUTHENTICATION_NOT_NEEDED", "created"),
        ("AUTHENTICATED", "created"),
        ("AUTHENTICATION_UNSUCCESSFUL", "failed"),
        ("AUTHORIZED", "authorized"),
        ("CAPTURED", "succeeded"),
        ("PARTIALLY_CAPTURED", "succeeded"),
        ("CANCELLED", "voided"),
        ("REFUNDED", "refunded"),
        ("PARTIALLY_REFUNDED", "partially_refunded"),
        ("EXCESSIVELY_REFUNDED", "refunded"),
        ("FAILED", "failed"),
        ("PENDING", "pending"),
        ("REFUND_REQUESTED", "succeeded"),
        ("EXPIRED", "expired"),
        ("DISPUTED", "disputed"),
        ("CHARGEBACK_PROCESSED", "disputed"),
        ("VERIFIED", "created"),
        ("SOMETHING_NEW", "created"),
    ],
)
def test_order_status_is_told_in_the_hubs_words(status, expected):
    assert status_of({"status": status}) == expected


@pytest.mark.parametrize("result", ["PENDING", "UNKNOWN"])
def test_undecided_transaction_makes_a_pending_payment_whatever_the_order_says(result):
    entry = {"result": result, "transaction": {"id": "1", "type": "PAYMENT"}}
    for status in ("FAILED", "CAPTURED", "INITIATED"):
        assert status_of({"status": status, "transaction": [entry]}) == "pending"


def test_means_is_not_kept_without_an_agreement():
    entry = {"result": "SUCCESS", "transaction": {"id": "1", "type": "PAYMENT"}}
    order = {"id": ORDER, "status": "CAPTURED", "transaction": [entry], "sourceOfFunds": {"token": "9000000000000001"}}
    assert payment_output(ORDER, order)["stored_method"] is None
    assert payment_output(ORDER, {**order, "agreement": {"id": ORDER}})["stored_method"] == f"9000000000000001/{ORDER}"


# Metadata travels under names of letters and digits.


@given(st.text(min_size=1, max_size=20))
def test_names_of_metadata_survive_the_way(name):
    custom = custom_name(name)
    assert custom.isascii()
    assert custom.isalnum()
    assert plain_name(custom) == name


@pytest.mark.parametrize("name", ["order", "PIZZERIA", "ZEBRA", "aZ"])
def test_names_that_others_chose_are_left_as_they_are(name):
    assert plain_name(name) == name


def test_metadata_and_references_travel_together():
    given_input = {"metadata": {"campaign-id": "7"}, "order": "o_1", "job": "job_1"}
    fields = custom_fields(given_input)
    assert metadata_of({"custom": fields}) == {"campaign-id": "7", "order": "o_1", "job": "job_1"}


# One payment's notifications, in any order and repetition.

LIFE = (
    "authentication.success",
    "payment.pending",
    "payment.unknown",
    "payment.failure",
    "authorization.success",
    "capture.success",
    "payment.success",
    "refund.success",
    "refund.failure",
    "void_capture.success",
    "void_refund.success",
    "chargeback.success.processed",
    "void_authorization.success",
)


@given(st.permutations([*LIFE, *LIFE]))
def test_any_order_and_repetition_tells_the_same_facts(mastercard, names):
    recorded = {event.source_id: event.type for name in names for event in mapped(mastercard, sample(mastercard, name))}
    expected = {event.source_id: event.type for name in LIFE for event in mapped(mastercard, sample(mastercard, name))}
    assert recorded == expected
    assert len([source for source in recorded if source == f"payment.succeeded:{ORDER}"]) == 1


def test_no_sample_holds_a_card_number():
    for path in (FOLDER / "samples").glob("*.json"):
        assert not has_card_number(path.read_text(encoding="utf-8")), path
