from __future__ import annotations

import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.paypal.carried import read, written, written_for_order, written_for_refund
from connectors.paypal.enriching import enrich
from connectors.paypal.errors import ERRORS, decline_code
from connectors.paypal.standing import order_output, transaction_output
from hub.connect.answers import error_codes
from hub.connect.api import Call, Connection, RawEvent
from hub.connect.conformance import check_connector
from hub.connect.registry import Registry
from hub.errors import DeliveryError, PermanentError
from hub.payments.payment import Facts, told
from tests.contract.desk import NOW
from tests.fakes.fake_paypal import FakePayPal

CONNECTION = Connection(
    "paypal-main", "paypal", {"mode": "test", "client_id": "made-up"}, {"client_secret": ("planted-secret",)}
)
FOLDER = Path(__file__).parents[3] / "connectors" / "paypal"
ORDER, CAPTURE = "5O190127MA364715T", "2GG27954MA471931P"


@pytest.fixture(scope="module")
def paypal():
    return Registry.load().get("paypal")


def sample(paypal, name):
    found = next(one for one in paypal.manifest.samples if one.file == f"samples/{name}.json")
    return copy.deepcopy(paypal.manifest.sample_payload(found))


def mapped(paypal, payload):
    return paypal.map(RawEvent(payload["id"], payload["event_type"], payload), CONNECTION)


def one(paypal, name, *, hub=None, **changes):
    payload = sample(paypal, name)
    payload["resource"] |= changes
    if hub is not None:
        payload["hub"] = hub
    (event,) = mapped(paypal, payload)
    return event


def test_folder_conforms():
    assert check_connector(FOLDER, "connectors.paypal") == []


def test_every_raw_type_of_the_map_has_a_sample(paypal):
    sampled = {one.raw for one in paypal.manifest.samples}
    assert {raw for rule in paypal.manifest.events for raw in rule.raw} <= sampled


def test_every_refusal_has_a_meaning_of_the_table():
    assert set(ERRORS.table.values()) <= error_codes().keys()
    assert {decline_code(one) for one in ("5120", "5400", "9500", "0500", None)} == {
        "insufficient_funds",
        "expired_card",
        "fraud_review",
        "card_declined",
    }


@pytest.mark.parametrize("response", ["1330", "5100", "5110", "5120", "5180", "5400", "5650", "9500", "0500"])
def test_map_and_code_read_a_decline_alike(paypal, response):
    event = one(paypal, "PAYMENT.CAPTURE.DECLINED", processor_response={"response_code": response})
    assert event.data["reason"] == decline_code(response)
    assert event.data["gateway"]["code"] == response


def test_approval_asks_to_complete_and_has_an_id_of_its_own(paypal):
    event = one(paypal, "CHECKOUT.ORDER.APPROVED")
    assert event.data["next"] == {"kind": "complete"}
    anew = one(paypal, "CHECKOUT.ORDER.APPROVED", update_time="2026-11-23T09:30:00Z")
    pending = one(paypal, "PAYMENT.CAPTURE.PENDING")
    assert len({event.source_id, anew.source_id, pending.source_id}) == 3
    assert pending.source_id == f"payment.pending:{ORDER}"


@pytest.mark.parametrize(
    ("kind", "resource", "source_id"),
    [
        ("PAYMENT.CAPTURE.COMPLETED", {"id": "C1", "amount": {"value": "5.00", "currency_code": "USD"}}, "payment.succeeded:C1"),
        ("PAYMENT.SALE.COMPLETED", {"id": "S1", "amount": {"total": "5.00", "currency": "USD"}}, "payment.succeeded:S1"),
        ("PAYMENT.CAPTURE.REFUNDED", {"id": "R1", "amount": {"value": "5.00", "currency_code": "USD"}}, "refund.issued:R1"),
        ("CUSTOMER.DISPUTE.CREATED", {"dispute_id": "D1", "dispute_amount": {"value": "5.00", "currency_code": "USD"}, "disputed_transactions": [{"seller_transaction_id": "C1"}]}, "dispute.opened:D1"),
        ("BILLING.SUBSCRIPTION.CANCELLED", {"id": "I-1"}, "subscription.cancelled:I-1"),
        ("BILLING.PLAN.CREATED", {"id": "P-1"}, "plan.created:P-1"),
    ],
)  # fmt: skip
def test_trimmed_payloads_are_understood(paypal, kind, resource, source_id):
    (event,) = mapped(
        paypal, {"id": "WH-1", "event_type": kind, "create_time": "2026-11-23T09:00:00Z", "resource": resource}
    )
    assert event.source_id == source_id


def test_renewal_of_a_real_body_is_read(paypal):
    # Trimmed from a sandbox delivery of 2020-08-06 (shopware, pull request 7).
    resource = {
        "billing_agreement_id": "I-DTVVSNCENF7M",
        "id": "1",
        "amount": {"total": "21.60", "currency": "EUR"},
        "create_time": "2020-08-06T08:08:36Z",
    }
    event = {
        "id": "WH-0J860224XT5422720-1LE673646T867051E",
        "event_type": "PAYMENT.SALE.COMPLETED",
        "create_time": "2020-08-06T08:09:33.898Z",
        "resource": resource,
    }
    succeeded, renewed = mapped(paypal, event)
    assert succeeded.data["amount"] == {"minor": 2160, "currency": "EUR"}
    assert (renewed.type, renewed.data["subscription"]) == ("subscription.renewed", "I-DTVVSNCENF7M")


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [("19.99", "USD", 1999), ("500", "JPY", 500), ("1999", "HUF", 199900), ("300", "TWD", 30000)],
)
def test_amounts_are_read_with_paypals_decimals(paypal, value, currency, minor):
    event = one(paypal, "PAYMENT.CAPTURE.PENDING", amount={"value": value, "currency_code": currency})
    assert event.data["amount"] == {"minor": minor, "currency": currency}


def test_amount_that_cannot_be_is_an_error_never_silence(paypal):
    with pytest.raises(DeliveryError) as caught:
        one(paypal, "PAYMENT.CAPTURE.PENDING", amount={"value": "1.005", "currency_code": "USD"})
    assert caught.value.code == "mapping"


@pytest.mark.parametrize(
    ("outcome", "meaning"),
    [("RESOLVED_BUYER_FAVOUR", "lost"), ("RESOLVED_SELLER_FAVOUR", "won"), ("RESOLVED_WITH_PAYOUT", "won"), ("CANCELED_BY_BUYER", "won"), ("ACCEPTED", "accepted")],
)  # fmt: skip
def test_dispute_gives_its_outcome(paypal, outcome, meaning):
    event = one(paypal, "CUSTOMER.DISPUTE.RESOLVED", dispute_outcome={"outcome_code": outcome})
    assert event.data["outcome"] == meaning


def test_subscription_paused_for_failed_charges_says_so(paypal):
    payload = sample(paypal, "BILLING.SUBSCRIPTION.SUSPENDED")
    payload["resource"]["billing_info"]["failed_payments_count"] = 3
    (event,) = mapped(paypal, payload)
    assert event.data["reason"] == "payment_failed"


def test_what_was_read_beside_the_event_wins(paypal):
    hub = {
        "payment": ORDER,
        "order": "o_1",
        "job": "job_1",
        "metadata": {"a": "b"},
        "customer": {"email": "ada@example.com"},
    }
    event = one(paypal, "PAYMENT.CAPTURE.REFUNDED", hub=hub)
    assert {name: event.data[name] for name in hub} == hub


# What travels in the merchant's own fields.


@pytest.mark.parametrize(
    "given",
    [
        {"order": "o_77"},
        {"order": "{curly"},
        {"order": "j.x"},
        {"order": "ö_77"},
        {"order": "o_1", "invoice": "i_1", "link": "l_1", "job": "j_1", "metadata": {"a": "b", "c": 'ä"\\'}},
        {"provider": "prv_2", "metadata": {"job": "job_12"}},
    ],
)
def test_references_come_back_as_they_went(given):
    fields = written_for_order(given)
    assert read(fields.get("custom_id"), fields.get("reference_id")) == given
    assert read(written(given)) == given
    assert read(written_for_refund(given)) == given
    assert str(written(given)).isascii()


def test_order_number_alone_stays_readable():
    assert written({"order": "o_77", "metadata": {}}) == "o_77"
    assert written({}) is None
    assert written_for_refund({"metadata": None}) is None


@pytest.mark.parametrize("text", ["{not json", "[1]", '{"o": 7}', "j.!!", "j.", "{}", "their-own-number", '{"m": "x"}'])
def test_foreign_text_never_breaks_a_delivery(text):
    carried = read(text)
    assert carried in ({"order": text}, {})


def test_too_much_is_refused_with_the_limit():
    for write, longest in ((written, 127), (written_for_order, 256), (written_for_refund, 93)):
        with pytest.raises(PermanentError, match=str(longest)):
            write({"metadata": {"all": "x" * 300}})


# How a payment stands.


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"status": "CREATED"}, "created"),
        ({"status": "PAYER_ACTION_REQUIRED"}, "created"),
        ({"status": "APPROVED"}, "pending"),
        ({"status": "VOIDED"}, "voided"),
        ({"status": "COMPLETED"}, "pending"),
        ({"status": "COMPLETED", "captures": ["COMPLETED"]}, "succeeded"),
        ({"status": "COMPLETED", "captures": ["PENDING"]}, "pending"),
        ({"status": "COMPLETED", "captures": ["DECLINED"]}, "failed"),
        ({"status": "COMPLETED", "captures": ["FAILED", "COMPLETED"]}, "succeeded"),
        ({"status": "COMPLETED", "authorizations": ["CREATED"]}, "authorized"),
        ({"status": "COMPLETED", "authorizations": ["PENDING"]}, "pending"),
        ({"status": "COMPLETED", "authorizations": ["DENIED"]}, "failed"),
        ({"status": "COMPLETED", "authorizations": ["VOIDED"]}, "voided"),
        ({"status": "COMPLETED", "authorizations": ["PARTIALLY_CAPTURED"], "captures": ["COMPLETED"]}, "authorized"),
        ({"status": "COMPLETED", "authorizations": ["CAPTURED"], "captures": ["COMPLETED"]}, "succeeded"),
    ],
)  # fmt: skip
def test_order_stands_as_its_captures_do(order, status):
    amount = {"currency_code": "USD", "value": "5.00"}
    payments = {
        kind: [{"id": "X", "status": own, "amount": amount} for own in order.get(kind, [])]
        for kind in ("captures", "authorizations")
    }
    whole = {
        "id": ORDER,
        "status": order["status"],
        "create_time": NOW.isoformat(),
        "purchase_units": [{"amount": amount, "payments": payments}],
    }
    output = order_output(whole, NOW)
    assert output["status"] == status
    assert (output["next"] is not None) == (order["status"] == "APPROVED")


@pytest.mark.parametrize(
    ("own", "status"),
    [("COMPLETED", "succeeded"), ("REFUNDED", "refunded"), ("PENDING", "pending"), ("DECLINED", "failed"), ("VOIDED", "voided"), ("CREATED", "authorized")],
)  # fmt: skip
def test_transaction_without_an_order_stands_by_itself(own, status):
    assert (
        transaction_output({"id": "S1", "status": own, "amount": {"total": "5.00", "currency": "USD"}})["status"]
        == status
    )


# One payment's events, in any order and any number.


class Silent:
    """A client whose PayPal knows nothing but its token."""

    def __init__(self, answers):
        self.answers = answers

    def request(self, method, url, **parts):
        body = {"access_token": "t", "expires_in": 1000}
        known = self.answers.get(url.partition(".paypal.com")[2])
        status = 200 if url.endswith("/token") or known else 404
        return Reply(status, body if url.endswith("/token") else known or {"name": "RESOURCE_NOT_FOUND"})


class Reply:
    def __init__(self, status, value):
        self.status, self.value, self.headers, self.body, self.text = status, value, {}, b"x", ""

    def json(self):
        return self.value


def enriched(payload, answers=None):
    call = Call(CONNECTION, {}, "k" * 40, "hub-k", NOW, Silent(answers or {}))
    return enrich(RawEvent(payload["id"], payload["event_type"], payload, NOW), call)


STORY = (
    "CHECKOUT.ORDER.APPROVED",
    "CHECKOUT.ORDER.COMPLETED",
    "PAYMENT.CAPTURE.PENDING",
    "PAYMENT.CAPTURE.COMPLETED",
    "PAYMENT.CAPTURE.REFUNDED",
    "CUSTOMER.DISPUTE.CREATED",
    "CUSTOMER.DISPUTE.RESOLVED",
)


@given(order=st.lists(st.sampled_from(STORY), max_size=20).flatmap(lambda more: st.permutations([*STORY, *more])))
def test_any_order_and_repetition_of_a_payments_events_tells_the_same(paypal, order):
    capture = sample(paypal, "PAYMENT.CAPTURE.COMPLETED")["resource"]
    answers = {
        f"/v2/payments/captures/{CAPTURE}": capture,
        f"/v2/checkout/orders/{ORDER}": sample(paypal, "CHECKOUT.ORDER.COMPLETED")["resource"],
    }
    seen, facts = {}, Facts()
    for name in order:
        raw = enriched(sample(paypal, name), answers)
        for event in paypal.map(raw, CONNECTION):
            if event.source_id not in seen:
                facts = told(facts, event.type, "2026-11-23T09:00:00.000", event.data)
            seen.setdefault(event.source_id, event)
            assert seen[event.source_id].data == event.data
    assert {event.data["payment"] for event in seen.values()} == {ORDER}
    assert {event.data["customer"]["email"] for event in seen.values()} == {"ada@example.com"}
    assert sorted(event.type for event in seen.values()) == [
        "dispute.closed",
        "dispute.opened",
        "payment.pending",
        "payment.pending",
        "payment.succeeded",
        "refund.issued",
    ]
    assert facts.state == "partially_refunded"


def test_every_sample_is_understood_after_reading_beside_it(paypal):
    for found in paypal.manifest.samples:
        raw = enriched(sample(paypal, found.file.removeprefix("samples/").removesuffix(".json")))
        assert tuple(event.type for event in paypal.map(raw, CONNECTION)) == found.gives, found.file
        assert "planted-secret" not in str(raw.payload)


def test_capture_that_names_its_order_in_a_link_goes_by_the_order(paypal):
    raw = enriched(sample(paypal, "PAYMENT.CAPTURE.COMPLETED.before_related_ids"))
    (event,) = paypal.map(raw, CONNECTION)
    assert event.source_id == f"payment.succeeded:{ORDER}"


def test_time_that_is_none_is_an_error_never_a_crash(paypal):
    payload = sample(paypal, "BILLING.SUBSCRIPTION.ACTIVATED")
    payload["resource"]["billing_info"]["next_billing_time"] = "soon"
    with pytest.raises(DeliveryError):
        enriched(payload)


def test_cancelled_subscription_says_until_when_it_is_paid(paypal):
    (event,) = paypal.map(enriched(sample(paypal, "BILLING.SUBSCRIPTION.CANCELLED")), CONNECTION)
    assert event.data["cancel_at"] == "2026-12-23T10:00:00Z"


def test_payout_names_provider_and_job_that_the_hub_gave(paypal):
    (event,) = paypal.map(enriched(sample(paypal, "PAYMENT.PAYOUTS-ITEM.SUCCEEDED")), CONNECTION)
    assert (event.data["provider"], event.data["job"]) == ("prv_2", "job_12")


def test_fake_offers_what_every_gateways_fake_does():
    with FakePayPal().running() as fake:
        assert {"client_id", "client_secret", "mode", "webhook_id", "api_base"} == set(fake.fields())
        assert fake.webhooks("https://hub.example.com/hooks/x") == []


def usd(value):
    return {"value": value, "currency_code": "USD"}


ABROAD = {
    "gross_amount": usd("10.99"),
    "paypal_fee": usd("0.33"),
    "net_amount": usd("10.66"),
    "receivable_amount": {"value": "59.26", "currency_code": "CNY"},
    "exchange_rate": {"source_currency": "USD", "target_currency": "CNY", "value": "5.9483297432325"},
}
"""The members and figures of the example in PayPal's description of captures."""


@pytest.mark.parametrize(
    ("changes", "fee", "settled"),
    [
        ({}, {"minor": 196, "currency": "CNY"}, {"minor": 5926 + 196, "currency": "CNY"}),
        (
            {"paypal_fee_in_receivable_currency": {"value": "1.13", "currency_code": "CNY"}},
            {"minor": 113, "currency": "CNY"},
            {"minor": 5926 + 113, "currency": "CNY"},
        ),
        ({"paypal_fee": usd("0.00")}, {"minor": 0, "currency": "CNY"}, {"minor": 5926, "currency": "CNY"}),
        ({"exchange_rate": None}, {"minor": 33, "currency": "USD"}, None),
        ({"exchange_rate": {**ABROAD["exchange_rate"], "value": "5,9"}}, {"minor": 33, "currency": "USD"}, None),
        (
            {"exchange_rate": {**ABROAD["exchange_rate"], "target_currency": "EUR"}},
            {"minor": 33, "currency": "USD"},
            None,
        ),
        ({"receivable_amount": None}, {"minor": 33, "currency": "USD"}, None),
        ({"paypal_fee": None}, None, None),
    ],
)
def test_fee_and_credit_are_of_one_currency_or_the_credit_is_not_told(changes, fee, settled):
    capture = {
        "id": CAPTURE,
        "status": "COMPLETED",
        "amount": usd("10.99"),
        "seller_receivable_breakdown": ABROAD | changes,
    }
    output = transaction_output(capture)
    assert (output["fee"], output["settled"]) == (fee, settled)
    assert transaction_output({**capture, "status": "PENDING"})["settled"] is None
