from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.visa.carried import ends_at, from_fields, kind_of, made_reference, stands_for_payment, to_fields
from connectors.visa.endpoints import known_types
from connectors.visa.errors import REASONS, decline_code
from connectors.visa.transactions import Life, Transaction, payment_of
from connectors.visa.webhooks import raw_events
from hub.connect.answers import error_codes
from hub.connect.api import Call, Connection
from hub.connect.conformance import check_connector
from hub.connect.registry import Registry
from hub.vocabulary import validate_data
from tests.contract.desk import NOW

CONNECTION = Connection("visa-main", "visa", {"organization_id": "hub_sample"}, {})
FOLDER = Path(__file__).parents[3] / "connectors" / "visa"
VISA = Registry.load().get("visa")
SAMPLES = {one.file.removeprefix("samples/").removesuffix(".json"): one for one in VISA.manifest.samples}
FROM_POLLS = {"transactions.payments.delayed", "transactions.payouts.accept", "transactions.payouts.reject",
              "reporting.chargeback", "links.page.expired", "links.link.expired"}  # fmt: skip
PAYMENT = "7950000000000000000101"


def sample(name):
    return copy.deepcopy(VISA.manifest.sample_payload(SAMPLES[name]))


def mapped(payload):
    """As a delivery of it is mapped when Visa lists nothing of it yet."""
    return [event for raw in raw_events(payload, CONNECTION) for event in VISA.map(raw, CONNECTION)]


def one(name, **changes):
    payload = sample(name)
    payload["payload"]["data"] |= changes
    return mapped(payload)[0]


def test_folder_conforms():
    assert check_connector(FOLDER, "connectors.visa") == []


DELIVERED = [
    name
    for name, entry in SAMPLES.items()
    if entry.raw not in FROM_POLLS and not name.endswith((".link", ".accept.refund", ".accept.part"))
]


@pytest.mark.parametrize("name", DELIVERED)
def test_sample_gives_as_a_delivery_what_the_map_promises(name):
    events = mapped(sample(name))
    assert tuple(event.type for event in events) == SAMPLES[name].gives
    for event in events:
        validate_data(event.type, event.data)
        assert event.data["gateway"]["name"] == "visa"
        assert event.source_id.startswith(f"{event.type}:")


def test_every_type_of_the_map_has_a_sample_and_the_facts_types_are_known():
    assert known_types() <= {entry.raw for entry in SAMPLES.values()}
    for name in ("rbs.subscriptions.charge.pre-notified", "invoicing.customer.invoice.send", "tms.token.created",
                 "tms.networktoken.updated", "invoicing.customer.invoice.reminder"):  # fmt: skip
        assert VISA.knows(name)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("payments.payments.accept", {"payment": PAYMENT, "order": "o_77", "metadata": {"shop": "1"}}),
        ("payments.captures.accept", {"payment": PAYMENT}),
        ("payments.refunds.accept", {"payment": PAYMENT, "amount": {"minor": 400, "currency": "USD"}}),
        ("payments.voids.accept", {"payment": PAYMENT, "amount": {"minor": 1000, "currency": "USD"}}),
        ("payments.payments.reject", {"reason": "insufficient_funds"}),
        ("payments.payments.updated", {"payment": PAYMENT, "amount": {"minor": 1000, "currency": "EUR"}}),
        ("payments.payments.accepted", {"method": {"kind": "bank"}}),
        ("rbs.subscriptions.charge.created", {"plan": "7950000000000000000600", "payment": "7950000000000000000602"}),
        ("invoicing.customer.invoice.paid", {"invoice": "INV-7"}),
    ],
)
def test_what_events_say(name, data):
    event = mapped(sample(name))[0]
    assert {key: event.data.get(key) for key in data} == data


def test_capture_and_sale_of_one_payment_are_one_fact():
    assert one("payments.captures.accept").source_id == one("payments.payments.accept").source_id


@pytest.mark.parametrize(
    ("status", "gives"),
    [
        ("COMPLETED", "payment.succeeded"), ("SETTLED", "payment.succeeded"), ("DECLINED", "payment.failed"),
        ("FAILED", "payment.failed"), ("CANCELLED", "payment.failed"), ("VOIDED", "payment.failed"),
        ("ABANDONED", "payment.failed"), ("SETTLE_INITIATED", "payment.pending"), ("PENDING", "payment.pending"),
    ],
)  # fmt: skip
def test_other_means_go_by_their_status(status, gives):
    event = one("payments.payments.updated", status=status)
    assert (event.type, event.source_id) == (gives, f"{gives}:{PAYMENT}")


def test_refunded_other_means_is_told_by_its_refund():
    payload = sample("payments.payments.updated")
    payload["payload"]["data"]["status"] = "REFUNDED"
    assert mapped(payload) == []


def test_card_and_bank_names_are_not_mixed_up():
    assert not VISA.knows("payments.captures.accepted")
    assert not VISA.knows("payments.refunds.failed")


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("19.99", "USD", 1999), ("500", "JPY", 500), ("1.005", "KWD", 1005), (10, "USD", 1000)],
)
def test_amounts_are_exact(amount, currency, minor):
    event = one(
        "payments.payments.accept", orderInformation={"amountDetails": {"totalAmount": amount, "currency": currency}}
    )
    assert event.data["amount"] == {"minor": minor, "currency": currency}


def test_every_reason_is_a_code_of_the_table():
    assert set(REASONS.values()) <= error_codes().keys()
    assert decline_code("SOMETHING_NEW") == "card_declined"


def test_planted_secrets_are_not_repeated():
    payload = sample("payments.payments.reject")
    payload["payload"]["data"]["paymentInformation"]["card"] |= {
        "number": "planted-number",
        "securityCode": "planted-code",
    }
    payload["payload"]["data"]["tokenInformation"] = {"transientTokenJwt": "planted-token"}
    assert "planted" not in json.dumps([event.data for event in mapped(payload)])


LIFE = ["payments.payments.accept.authorized", "payments.captures.accept", "payments.refunds.accept", "payments.voids.accept",
        "payments.reversals.accept", "payments.payments.review", "payments.refunds.reject"]  # fmt: skip


@settings(max_examples=60)
@given(st.lists(st.sampled_from(LIFE), min_size=1, max_size=14))
def test_any_order_and_repetition_tells_the_same_facts(names):
    told = {event.source_id: (event.type, event.data) for name in names for event in mapped(sample(name))}
    once = {
        event.source_id: (event.type, event.data) for name in LIFE if name in names for event in mapped(sample(name))
    }
    assert told.keys() == once.keys()
    assert {kind for kind, _ in told.values()} == {kind for kind, _ in once.values()}
    assert {data["payment"] for _, data in told.values()} == {PAYMENT}


# References and what they carry.


def call(key="ab" * 20, **settings_given):
    return Call(Connection("visa-main", "visa", settings_given, {}), {}, key, f"hub-{key[:20]}", NOW, http=None)


def test_made_references_are_short_stable_and_know_their_kind_and_end():
    made = made_reference("L", call(), NOW)
    assert (len(made), made.isalnum(), kind_of(made), ends_at(made)) == (20, True, "L", int(NOW.timestamp()))
    assert made == made_reference("L", call(), NOW) != made_reference("L", call("cd" * 20), NOW)
    assert (ends_at(made_reference("F", call())), kind_of("F-something"), ends_at("theirs")) == (None, "", None)


def test_payment_is_known_by_one_reference():
    form = made_reference("F", call())
    assert stands_for_payment(form)
    assert not stands_for_payment(made_reference("L", call()))
    assert payment_of({"id": "1", "clientReferenceInformation": {"code": form}}) == form
    assert payment_of({"id": "2", "clientReferenceInformation": {"code": PAYMENT}}) == PAYMENT
    assert payment_of({"id": "3", "rootId": PAYMENT, "clientReferenceInformation": {"code": "hub-x"}}) == PAYMENT
    assert payment_of({"id": PAYMENT, "clientReferenceInformation": {"code": "their order 7"}}) == PAYMENT


@given(
    st.dictionaries(st.text(max_size=20), st.text(max_size=120).filter(lambda text: "@" not in text), max_size=6),
    st.integers(1, 91),
)
def test_carried_values_come_back_whole(metadata, first):
    connection = Connection("visa-main", "visa", {"metadata_field": first}, {})
    values = {"metadata": metadata, "order": "o_1"}
    fields = [{"key": "5" if first > 10 else "100", "value": "somebody else's"}, *to_fields(values, connection)]
    assert from_fields(fields, connection) == values
    assert all(len(field["value"]) <= 255 for field in fields)


# What transactions add up to.


def transaction(own, services, amount="10.00", code=PAYMENT, reason=None, **more):
    flags = {"reasonCode": "203"} if reason else {"reasonCode": "100", "rFlag": "SOK"}
    return Transaction(
        {
            "id": own,
            "submitTimeUtc": "2026-11-23T09:00:00Z",
            "clientReferenceInformation": {"code": code, **more.pop("reference", {})},
            "applicationInformation": {
                "applications": [{"name": name, **flags} for name in services.split()],
                **more.pop("information", {}),
            },
            "orderInformation": {"amountDetails": {"totalAmount": amount, "currency": "USD"}},
            **({"errorInformation": {"reason": reason}} if reason else {}),
            **more,
        }
    )


AUTH = transaction(PAYMENT, "ics_auth")
SALE = transaction(PAYMENT, "ics_auth ics_bill")
UNDO = {"comments": PAYMENT}
BANK = "ics_ecp_debit"


@pytest.mark.parametrize(
    ("transactions", "status"),
    [
        ((), "created"),
        ((AUTH,), "authorized"),
        ((SALE,), "succeeded"),
        ((AUTH, transaction("2", "ics_bill", "4.00")), "succeeded"),
        ((SALE, transaction("2", "ics_credit", "4.00")), "partially_refunded"),
        ((SALE, transaction("2", "ics_credit", "4.00"), transaction("3", "ics_credit", "6.00")), "refunded"),
        ((SALE, transaction("2", "ics_credit"), transaction("3", "ics_void", reference={"comments": "2222222222222222222222"})), "refunded"),
        ((AUTH, transaction("2", "ics_auth_reversal")), "voided"),
        ((SALE, transaction("2", "ics_void", reference=UNDO)), "voided"),
        ((transaction(PAYMENT, "ics_auth ics_bill", information={"status": "VOIDED"}),), "voided"),
        ((transaction(PAYMENT, "ics_auth", reason="EXPIRED_CARD"),), "failed"),
        ((transaction("1", "ics_auth", reason="EXPIRED_CARD"), SALE), "succeeded"),
        ((Transaction({**AUTH.data, "applicationInformation": {"applications": [{"name": "ics_auth", "reasonCode": "480"}]}}),), "pending"),
        ((transaction(PAYMENT, BANK),), "pending"),
        ((transaction(PAYMENT, BANK, processorInformation={"eventStatus": "Settled"}),), "succeeded"),
        ((transaction(PAYMENT, BANK, processorInformation={"eventStatus": "FAILED"}),), "failed"),
    ],
)  # fmt: skip
def test_transactions_add_up_to_a_state(transactions, status):
    life = Life(PAYMENT, transactions)
    assert life.status == status
    output = life.output(CONNECTION)
    assert (output["payment"], output["status"]) == (PAYMENT, status)


def test_partly_authorised_amount_is_what_counts():
    details = {"totalAmount": "10.00", "authorizedAmount": "6.00", "currency": "USD"}
    life = Life(PAYMENT, (Transaction({**AUTH.data, "orderInformation": {"amountDetails": details}}),))
    assert life.output(CONNECTION)["amount"] == {"minor": 600, "currency": "USD"}
