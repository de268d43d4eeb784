from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.twocheckout.carried import packed, unpacked, with_reference
from connectors.twocheckout.events import in_its_mode, license_event, notification_of, order_event, read_event
from hub.connect.api import Connection, RawEvent
from hub.connect.conformance import check_connector
from hub.connect.registry import Registry
from hub.errors import DeliveryError, PermanentError

CONNECTION = Connection("2co", "twocheckout", {"merchant_code": "250111206876"}, {})
FOLDER = Path(__file__).parents[3] / "connectors" / "twocheckout"
TWOCHECKOUT = Registry.load().get("twocheckout")
SAMPLES = TWOCHECKOUT.manifest.samples


def fields_of(name):
    """The fields as 2Checkout sends them: a sample without what the connector found out about it."""
    found = next(one for one in SAMPLES if one.file == f"samples/{name}.json")
    payload = copy.deepcopy(TWOCHECKOUT.manifest.sample_payload(found))
    payload.pop("hub", None)
    return payload


def mapped(raw):
    return TWOCHECKOUT.map(raw, CONNECTION)


def told(name, **changes):
    return mapped(in_its_mode(order_event({**fields_of(f"order.{name}"), **changes}, CONNECTION), CONNECTION))


def one(name, **changes):
    return told(name, **changes)[0]


def licence(name, **changes):
    raw = license_event({**fields_of(f"license.{name}"), **changes}, CONNECTION)
    return mapped(raw)


def test_folder_conforms():
    assert check_connector(FOLDER, "connectors.twocheckout") == []


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one.raw.startswith(("order.", "other_mode."))])
def test_samples_are_what_the_connector_makes_of_their_fields(sample):
    if sample.id.startswith("order:"):
        return
    payload = TWOCHECKOUT.manifest.sample_payload(sample)
    fields = {name: value for name, value in payload.items() if name != "hub"}
    raw = in_its_mode(order_event(fields, CONNECTION), CONNECTION)
    assert (raw.id, raw.type, raw.payload) == (sample.id, sample.raw, payload)


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one.raw.startswith("license.")])
def test_samples_of_licences_are_what_the_connector_makes_of_their_fields(sample):
    payload = TWOCHECKOUT.manifest.sample_payload(sample)
    raw = license_event({name: value for name, value in payload.items() if name != "hub"}, CONNECTION)
    assert (raw.id, raw.type) == (sample.id, sample.raw)


def test_success_names_payment_references_payer_and_means():
    event = one("COMPLETE")
    assert (event.type, event.source_id) == ("payment.succeeded", "payment.succeeded:211153389")
    data = event.data
    assert (data["payment"], data["order"], data["metadata"]) == ("211153389", "o_77", {"shop": "1"})
    assert data["amount"] == data["captured"] == {"minor": 1999, "currency": "EUR"}
    assert data["customer"]["name"] == "Ada Lovelace"
    assert data["customer"]["address"]["country"] == "GB"
    assert data["method"] == {"kind": "card", "brand": "visa", "last4": "4242"}
    assert data["gateway"] == {
        "name": "twocheckout", "id": "211153389", "status": "COMPLETE", "message": "Approved",
        "checkout": "hub-3f1a9c0b7d5e2a486f10", "sale": "25430",
    }  # fmt: skip
    assert event.time == datetime(2026, 11, 23, 10, 1, 10, tzinfo=UTC)


def test_completion_that_comes_again_with_the_invoice_is_the_same_event():
    again = {"MESSAGE_ID": "9", "IPN_DATE": "20261124120000"}
    assert one("COMPLETE").source_id == one("COMPLETE", **again).source_id


def test_notification_without_a_message_number_has_an_id_of_its_parts():
    raw = order_event({**fields_of("order.COMPLETE"), "MESSAGE_ID": ""}, CONNECTION)
    assert raw.id == "ipn:211153389|COMPLETE|COMPLETE|20261123120110"


@pytest.mark.parametrize(
    ("offset", "hour"), [("GMT+02:00", 10), ("GMT-05:00", 17), ("GMT+00:00", 12), ("", 10), ("nonsense", 10)]
)
def test_time_is_in_the_accounts_zone(offset, hour):
    assert one("COMPLETE", TIMEZONE_OFFSET=offset).time.hour == hour


def test_time_that_is_none_is_left_out():
    assert one("COMPLETE", IPN_DATE="").time is None


@pytest.mark.parametrize(
    ("total", "currency", "minor"),
    [("19.99", "EUR", 1999), ("500", "JPY", 500), ("500.00", "JPY", 500), ("1.234", "KWD", 1234)],
)
def test_amounts_are_read_in_major_units(total, currency, minor):
    event = one("COMPLETE", IPN_TOTALGENERAL=total, CURRENCY=currency)
    assert event.data["amount"] == {"minor": minor, "currency": currency}


@pytest.mark.parametrize("total", ["19.999", "x", ""])
def test_amount_that_cannot_be_read_is_an_error_and_no_silence(total):
    with pytest.raises(DeliveryError) as caught:
        one("COMPLETE", IPN_TOTALGENERAL=total)
    assert caught.value.code == "mapping"


def test_order_of_another_system_brings_its_own_number():
    data = one("COMPLETE", REFNOEXT="their-7", IPN_EXTERNAL_REFERENCE=["order=o_1"]).data
    assert data["order"] == "their-7"
    assert "checkout" not in data["gateway"]
    assert "metadata" not in data


def test_plain_order_with_its_lifetime_licence_is_no_subscription():
    assert [event.type for event in told("COMPLETE")] == ["payment.succeeded"]
    assert "subscription" not in told("COMPLETE")[0].data


def test_first_and_later_periods_are_told_apart():
    first, later = told("COMPLETE.subscription"), told("COMPLETE.renewal")
    assert [event.source_id for event in first] == ["payment.succeeded:211153389", "subscription.started:A8C5671BFE"]
    assert [event.source_id for event in later] == ["payment.succeeded:211990001", "subscription.renewed:211990001"]
    assert first[1].data["plan"] == "gold"
    assert first[1].data["period"] == {"start": "2026-11-23T10:00:41Z", "end": "2026-12-23T10:00:41Z"}
    by_original = told("COMPLETE.renewal", IPN_LICENSE_TYPE=["REGULAR"])
    assert by_original[1].type == "subscription.renewed"


@pytest.mark.parametrize(
    ("changes", "refund", "minor"),
    [
        ({"REFUND_TYPE": "TOTAL", "IPN_TOTALGENERAL": "-19.99"}, "211153389:total", 1999),
        ({"REFUND_TYPE": "TOTAL", "IPN_TOTALGENERAL": "19.99"}, "211153389:total", 1999),
        ({"REFUND_TYPE": "PARTIAL", "IPN_TOTALGENERAL": "-5.00"}, "211153389:254498854216", 500),
        (
            {"REFUND_TYPE": "PARTIAL", "IPN_TOTALGENERAL": "14.99", "IPN_TOTAL": ["19.99", "-5.00"]},
            "211153389:254498854216",
            500,
        ),
    ],
)
def test_refund_gives_back_what_the_notification_says(changes, refund, minor):
    event = one("REFUND", **changes)
    assert (event.type, event.source_id) == ("refund.issued", f"refund.issued:{refund}")
    assert event.data["amount"] == {"minor": minor, "currency": "EUR"}
    assert event.data["order"] == "o_77"


@pytest.mark.parametrize("changes", [{"REFUND_TYPE": "PARTIAL", "IPN_TOTAL": ["19.99"]}, {"REFUND_TYPE": ""}])
def test_refund_of_an_unknown_amount_is_told_by_no_event(changes):
    assert told("REFUND.unclear", **{"IPN_TOTALGENERAL": "19.99", **changes}) == ()


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({}, "payment.expired", "not_paid"),
        ({"IPN_PURCHASE_ORDER_INFO": "EXPIRED_NO_PAYMENT"}, "payment.expired", "expired_no_payment"),
        ({"IPN_PURCHASE_ORDER_INFO": "CANCELED"}, "payment.failed", "canceled"),
        ({"FRAUD_STATUS": "DENIED"}, "payment.failed", "fraud_review"),
    ],
)
def test_cancelled_order_expired_or_failed(changes, kind, reason):
    event = one("CANCELED", **changes)
    assert (event.type, event.data["reason"]) == (kind, reason)


def test_denial_does_not_undo_what_was_complete():
    assert one("COMPLETE", FRAUD_STATUS="DENIED").type == "payment.succeeded"


@pytest.mark.parametrize(("resolution", "outcome"), [("WON", "won"), ("LOST", "lost"), ("ACCEPTED", "accepted")])
def test_dispute_gives_its_outcome(resolution, outcome):
    (_, dispute) = told("COMPLETE.chargeback", CHARGEBACK_RESOLUTION=resolution)
    assert (dispute.source_id, dispute.data["outcome"]) == ("dispute.closed:211153389", outcome)
    assert dispute.data["reason"] == "merchandise_not_received"


def test_dispute_of_a_refunded_order_is_told():
    kinds = [event.type for event in told("REFUND", CHARGEBACK_RESOLUTION="OPEN")]
    assert kinds == ["refund.issued", "dispute.opened"]


def test_unknown_status_is_kept_and_no_event():
    raw = order_event({**fields_of("order.COMPLETE"), "ORDERSTATUS": "SOMETHING_NEW"}, CONNECTION)
    assert (raw.type, mapped(raw)) == ("order.SOMETHING_NEW", ())
    assert TWOCHECKOUT.knows(raw.type)


# Licences.


@pytest.mark.parametrize(
    ("status", "kind"),
    [("ACTIVE", "LICENCE_CHANGE"), ("EXPIRED", "LICENCE_EXPIRATION"), ("PAST DUE", "LICENCE_PASTDUE")],
)
def test_licence_without_a_reason_goes_by_its_status(status, kind):
    fields = {name: value for name, value in fields_of("license.LICENCE_CHANGE").items() if name != "DISPATCH_REASON"}
    assert license_event({**fields, "STATUS": status}, CONNECTION).type == f"license.{kind}"


def test_licence_names_its_subscription_payer_and_end():
    (event,) = licence("SCHEDULED_FOR_CANCELATION_ON_DEMAND")
    assert (event.type, event.data["subscription"], event.data["plan"]) == (
        "subscription.updated",
        "A8C5671BFE",
        "unknown",
    )
    assert event.data["cancel_at"] == event.data["period"]["end"] == "2026-12-23T10:00:41Z"
    assert event.data["customer"] == {"id": "756227060", "email": "ada@example.com", "name": "Ada Lovelace"}


def test_lifetime_licence_has_no_end():
    (event,) = licence("LICENCE_CHANGE", EXPIRATION_DATE="9999-12-31 23:59:59")
    assert "period" not in event.data


@pytest.mark.parametrize("name", ["LICENCE_CHANGE.disabled", "LICENCE_EXPIRATION", "LICENCE_GP_CHANGE"])
def test_disabled_licence_is_cancelled_once_whatever_tells_it(name):
    same = {"DISABLED": "1", "EXPIRATION_DATE": "2026-12-23 12:00:41"}
    (event,) = licence(name, **same)
    assert (event.type, event.source_id) == (
        "subscription.cancelled", "subscription.cancelled:A8C5671BFE:2026-12-23 12:00:41",
    )  # fmt: skip


def test_each_missed_charge_is_told_once():
    first, again = licence("LICENCE_PASTDUE"), licence("LICENCE_PASTDUE", MESSAGE_ID="9")
    later = licence("LICENCE_PASTDUE", EXPIRATION_DATE="2026-12-23 12:00:41")
    assert first[0].source_id == again[0].source_id != later[0].source_id


# Orders that were read.

ORDER = {
    "RefNo": "211153389", "OrderNo": 0, "ExternalReference": "hub-3f1a9c0b7d5e2a486f10", "Status": "COMPLETE",
    "ApproveStatus": "OK", "OrderDate": "2026-11-23 12:00:05", "FinishDate": "2026-11-23 12:01:02", "TestOrder": False,
    "BillingDetails": {"FirstName": "Ada", "LastName": "Lovelace", "Email": "ada@example.com"}, "Currency": "eur",
    "PaymentDetails": {"PaymentMethod": {"LastDigits": "4242", "CardType": "visa"}}, "GrossDiscountedPrice": "19.99",
    "Items": [{"ExternalReference": "order=o_77&m.shop=1", "Code": None}],
}  # fmt: skip


def test_order_that_was_read_gives_the_same_event_as_its_notification():
    (read,), (notified,) = mapped(read_event(ORDER, CONNECTION)), told("COMPLETE")
    assert read.source_id == notified.source_id
    for field in ("payment", "amount", "captured", "order", "metadata", "method"):
        assert read.data[field] == notified.data[field], field
    assert read.data["gateway"]["checkout"] == notified.data["gateway"]["checkout"]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"Status": "PENDING", "ApproveStatus": "FRAUD"}, "order.DENIED"),
        ({"Status": "REFUND", "GrossDiscountedPrice": "-19.99"}, "order.REFUND"),
        ({"TestOrder": "YES"}, "other_mode.order.COMPLETE"),
    ],
)
def test_order_that_was_read_is_of_the_type_of_its_notification(changes, kind):
    raw = read_event({**ORDER, **changes}, CONNECTION)
    assert raw.type == kind
    assert mapped(raw) == () or kind == "order.DENIED"


def test_bare_order_is_read():
    assert notification_of({"RefNo": "1"})["TEST_ORDER"] == "0"


# What travels along.


SHORT = st.text(min_size=1, max_size=4)


@given(
    st.fixed_dictionaries(
        {},
        optional={"order": SHORT, "link": SHORT, "metadata": st.dictionaries(SHORT, SHORT, min_size=1, max_size=1)},
    )
)
def test_what_travels_comes_back(carried):
    text = packed(carried)
    assert ";" not in text
    assert unpacked("hub-1", text) == unpacked(f"hub-1:{text}", "") == carried


def test_more_than_travels_is_refused():
    for call in (lambda: packed({"order": "o" * 300}), lambda: with_reference("hub-1", "o" * 95)):
        with pytest.raises(PermanentError) as caught:
            call()
        assert caught.value.code == "bad_input"
    assert with_reference("hub-1", "") == "hub-1"


# Any order, any repetition.

LIFE = (
    "PENDING_APPROVAL",
    "PAYMENT_AUTHORIZED",
    "COMPLETE",
    "COMPLETE.chargeback",
    "COMPLETE.chargeback_won",
    "REFUND.partial",
    "REFUND",
)


@given(st.permutations(LIFE), st.lists(st.sampled_from(LIFE), max_size=6))
def test_any_order_and_repetition_of_notifications_is_the_same_set_of_events(order, repeats):
    def events(names):
        return {event.source_id: event.type for name in names for event in told(name)}

    found = events([*order, *repeats])
    assert found == events(LIFE)
    assert sorted(found.values()) == [
        "dispute.closed", "dispute.opened", "payment.authorized", "payment.pending", "payment.succeeded", "refund.issued",
        "refund.issued",
    ]  # fmt: skip


def test_raw_event_of_another_kind_is_left_alone():
    raw = RawEvent("ins:1", "ins.RECURRING_STOPPED", fields_of("ins.RECURRING_STOPPED"))
    assert in_its_mode(raw, CONNECTION) == raw
    assert mapped(raw) == mapped(replace(raw, type="other_mode.order.COMPLETE")) == ()
