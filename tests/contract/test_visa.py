from __future__ import annotations

import json
from datetime import timedelta

import pytest

from hub.errors import PermanentError
from tests.contract.visa_steps import (
    ADA,
    PART,
    RETURN,
    STORED,
    USD,
    begun,
    desk_of,
    paid,
    plan,
    polled,
    taken,
    told,
    types,
)
from tests.fakes.fake_visa import INTEGRITY, LIBRARY, FakeVisa


@pytest.fixture
def visa():
    with FakeVisa().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(visa, registry, outbound):
    return desk_of(visa, registry, outbound)


# The form.


def test_form_holds_amount_and_references_and_names_the_library(desk, visa):
    output = begun(desk, metadata={"shop": "1"}, invoice="inv_3")
    context = visa.contexts[output["payment"]]
    assert output["status"] == "created"
    assert output["client"]["kind"] == "visa.unified_checkout"
    assert output["client"]["script_url"] == LIBRARY
    assert output["client"]["integrity"] == INTEGRITY
    assert output["expires_at"] == "2026-11-23T09:15:00Z"
    assert "https://testup.cybersource.com" in output["client"]["origins"]
    assert context["targetOrigins"] == ["https://shop.example"]
    assert context["completeMandate"]["type"] == "CAPTURE"
    assert context["data"]["orderInformation"]["amountDetails"] == {"totalAmount": "10.00", "currency": "USD"}
    assert context["data"]["orderInformation"]["billTo"]["email"] == "ada@example.com"
    carried = "".join(field["value"] for field in context["data"]["merchantDefinedInformation"])
    assert json.loads(carried) == {"order": "o_77", "invoice": "inv_3", "metadata": {"shop": "1"}}


def test_form_embed_gives_what_the_page_needs(desk, visa):
    output = desk.run("form.embed", {"amount": USD, "origin": "https://other.example/page", "capture": "manual"})
    assert output["script_url"] == LIBRARY
    assert output["origins"][0] == "https://testup.cybersource.com"
    assert visa.contexts[output["payment"]]["targetOrigins"] == ["https://other.example"]
    assert visa.contexts[output["payment"]]["completeMandate"]["type"] == "AUTH"


def test_form_without_a_page_says_what_is_missing(visa, registry, outbound):
    desk = desk_of(visa, registry, outbound, origin=None)
    with pytest.raises(PermanentError, match="origin"):
        desk.run("form.embed", {"amount": USD})


def test_paid_form_is_read_from_visa_and_told_once(desk, visa):
    output = paid(desk, visa)
    assert (output["status"], output["amount"], output["captured"]) == ("succeeded", USD, USD)
    assert output["method"] == {"kind": "card", "brand": "visa", "last4": "1111"}
    assert output["customer"]["name"] == "Ada Lovelace"
    (event,) = told(desk, visa)
    assert (event.type, event.source_id) == ("payment.succeeded", f"payment.succeeded:{output['payment']}")
    assert (event.data["order"], event.data["amount"]) == ("o_77", USD)
    assert event.data["customer"]["email"] == "ada@example.com"


def test_completion_is_idempotent_and_believes_no_browser(desk, visa):
    one = begun(desk, key="one")["payment"]
    other = begun(desk, key="two")["payment"]
    parameters = visa.pay(one)
    for _ in range(2):
        done = desk.run("payment.complete", {"payment": one, "parameters": parameters})
        assert done["status"] == "succeeded"
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.complete", {"payment": other, "parameters": parameters})
    assert caught.value.code == "bad_return"
    forged = {"payment": other, "parameters": {"completion": "x.eyJpZCI6IiJ9.y"}}
    assert desk.run("payment.complete", forged)["status"] == "created"
    assert (
        desk.run("payment.complete", {"payment": other, "parameters": {"completion": "nonsense"}})["status"]
        == "created"
    )


def test_completion_before_visa_lists_it_is_pending(desk, visa):
    payment = begun(desk)["payment"]
    parameters = visa.pay(payment)
    visa.unlisted = set(visa.transactions)
    given = {"payment": payment, "parameters": parameters}
    assert desk.run("payment.complete", given)["status"] == "pending"
    visa.unlisted.clear()
    assert desk.run("payment.complete", given)["status"] == "succeeded"


def test_declined_form_is_failed_and_may_be_paid_after_all(desk, visa):
    payment = begun(desk)["payment"]
    visa.decline(payment)
    failed = desk.run("payment.get", {"payment": payment})
    assert (failed["status"], failed["reason"], failed["gateway"]["code"]) == (
        "failed",
        "card_declined",
        "PROCESSOR_DECLINED",
    )
    (event,) = told(desk, visa)
    assert (event.type, event.data["reason"]) == ("payment.failed", "card_declined")
    visa.pay(payment)
    assert desk.run("payment.get", {"payment": payment})["status"] == "succeeded"


def test_kept_means_comes_back_as_a_token(desk, visa):
    output = paid(desk, visa, save_method=True)
    assert output["stored_method"] == "TOKENMADEUP0001"
    charged = desk.run("payment.create", {**STORED, "method": output["stored_method"]}, key="later")
    assert charged["status"] == "succeeded"


# Visa's page.


def test_page_of_visa_is_paid_by_its_number_and_closed(visa, registry, outbound):
    desk = desk_of(visa, registry, outbound, hosted_page="pay_by_link")
    output = begun(desk, description="Two lamps")
    assert output["checkout_url"].startswith("https://businesscenter.example/pbl/P")
    assert desk.run("payment.get", {"payment": output["payment"]})["status"] == "created"
    visa.pay(output["payment"])
    events = told(desk, visa)
    assert {event.source_id for event in events} == {f"payment.succeeded:{output['payment']}"}
    assert events[-1].data["amount"] == USD
    assert visa.links[output["payment"]]["status"] == "INACTIVE"
    assert desk.run("payment.get", {"payment": output["payment"]})["status"] == "succeeded"
    refunded = desk.run("payment.refund", {"payment": output["payment"]}, key="r")
    assert refunded["amount"] == USD


def test_second_payer_on_an_open_page_is_a_payment_of_its_own(visa, registry, outbound):
    desk = desk_of(visa, registry, outbound, hosted_page="pay_by_link")
    payment = begun(desk)["payment"]
    visa.pay(payment)
    visa.pay(payment)
    found = {event.source_id for webhook in visa.webhooks("")[1::2] for event in taken(desk, webhook)}
    assert len(found) == 1
    events, _ = polled(desk, {"since": "2026-11-23T08:59:00Z"}, now=_later(visa))
    sources = {event.source_id for event in events if event.type == "payment.succeeded"}
    assert f"payment.succeeded:{payment}" in sources
    assert len(sources) == 2
    second = next(source for source in sources if payment not in source).partition(":")[2]
    assert desk.run("payment.refund", {"payment": second}, key="back")["amount"] == USD
    assert desk.run("payment.get", {"payment": payment})["captured"] == USD


def test_unpaid_page_is_let_go(visa, registry, outbound):
    desk = desk_of(visa, registry, outbound, hosted_page="pay_by_link")
    payment = begun(desk)["payment"]
    assert desk.run("payment.void", {"payment": payment}, key="v")["status"] == "voided"
    assert desk.run("payment.get", {"payment": payment})["status"] == "expired"
    assert begun(desk, key="manual", capture="manual")["client"]["kind"] == "visa.unified_checkout"


# A stored means, and the life after.


def test_a_period_of_a_subscription_by_the_hub_is_sent_as_one_of_a_series(desk, visa):
    desk.run("payment.create", {**STORED, "metadata": {"hub_subscription": "sub_1"}})
    desk.run("payment.create", {**STORED, "metadata": {"member": "9"}}, key="another")
    sent = [one.json() for one in visa.received if one.path == "/pts/v2/payments"]
    assert [one["processingInformation"]["commerceIndicator"] for one in sent] == ["recurring", "internet"]


def test_stored_means_is_charged_at_once(desk, visa):
    output = desk.run("payment.create", {**STORED, "order": "o_1", "options": {"recurring": True}})
    assert (output["status"], output["captured"], output["stored_method"]) == ("succeeded", USD, "TOKENMADEUP0001")
    sent = next(one for one in visa.received if one.path == "/pts/v2/payments").json()
    assert sent["processingInformation"]["commerceIndicator"] == "recurring"
    assert sent["clientReferenceInformation"]["code"].startswith("hub-")
    (event,) = told(desk, visa)
    assert (event.data["payment"], event.data["order"]) == (output["payment"], "o_1")
    assert desk.run("payment.get", {"payment": output["payment"]})["status"] == "succeeded"


@pytest.mark.parametrize(
    ("currency", "minor", "text"), [("USD", 1999, "19.99"), ("JPY", 500, "500"), ("KWD", 1005, "1.005")]
)
def test_amounts_are_decimal_text_in_the_currencys_own_decimals(desk, visa, currency, minor, text):
    amount = {"minor": minor, "currency": currency}
    output = desk.run("payment.create", {**STORED, "amount": amount})
    booked = visa.transactions[output["payment"]]["orderInformation"]["amountDetails"]
    assert (booked["totalAmount"], output["amount"]) == (text, amount)


def test_authorised_amount_is_taken_in_parts_and_given_back(desk, visa):
    held = paid(desk, visa, capture="manual")
    payment = held["payment"]
    assert held["status"] == "authorized"
    assert "captured" not in held or held["captured"] is None
    first = desk.run("payment.capture", {"payment": payment, "amount": PART, "final": False}, key="c1")
    assert (first["status"], first["captured"]) == ("succeeded", PART)
    rest = desk.run("payment.capture", {"payment": payment}, key="c2")
    assert rest["captured"] == USD
    part = desk.run("payment.refund", {"payment": payment, "amount": {"minor": 300, "currency": "USD"}}, key="r1")
    assert (part["payment"], part["amount"]["minor"], part["total_refunded"]["minor"]) == (payment, 300, 300)
    assert desk.run("payment.get", {"payment": payment})["status"] == "partially_refunded"
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": payment}, key="r2")
    assert caught.value.code == "amount_exceeds_rest"
    for minor, key in ((300, "r3"), (400, "r4")):
        desk.run("payment.refund", {"payment": payment, "amount": {"minor": minor, "currency": "USD"}}, key=key)
    assert desk.run("payment.get", {"payment": payment})["status"] == "refunded"
    events = told(desk, visa)
    assert types(events) == [
        "payment.authorized",
        "payment.succeeded",
        "refund.issued",
        "refund.issued",
        "refund.issued",
    ]
    assert {event.data["payment"] for event in events} == {payment}
    assert {event.data["order"] for event in events} == {"o_77"}


def test_follow_ons_of_a_stored_means_name_its_payment(desk, visa):
    payment = desk.run("payment.create", {**STORED, "capture": "manual", "order": "o_5"})["payment"]
    assert desk.run("payment.capture", {"payment": payment}, key="c")["status"] == "succeeded"
    refunded = desk.run("payment.refund", {"payment": payment, "amount": PART}, key="r")
    assert {event.data["payment"] for event in told(desk, visa)} == {payment}
    by_refund = desk.run("payment.get", {"payment": refunded["refund"]})
    assert (by_refund["payment"], by_refund["status"], by_refund["refunded"]) == (payment, "partially_refunded", PART)


def test_authorisation_is_let_go_once(desk, visa):
    payment = paid(desk, visa, capture="manual")["payment"]
    for key in ("v1", "v2"):
        assert desk.run("payment.void", {"payment": payment, "reason": "Cancelled"}, key=key)["status"] == "voided"
    assert visa.count("POST", "/reversals") == 1
    assert desk.run("payment.get", {"payment": payment})["status"] == "voided"
    assert types(told(desk, visa)) == ["payment.authorized", "payment.voided"]


def test_sale_that_is_not_settled_is_voided(desk, visa):
    payment = desk.run("payment.create", STORED)["payment"]
    assert desk.run("payment.void", {"payment": payment}, key="v")["status"] == "voided"
    assert (visa.count("POST", "/voids"), visa.count("POST", "/reversals")) == (1, 1)
    assert desk.run("payment.get", {"payment": payment})["status"] == "voided"
    assert [event.source_id for event in told(desk, visa)] == [
        f"payment.succeeded:{payment}",
        f"payment.voided:{payment}",
    ]


def test_void_in_the_business_center_is_read_from_its_relations(desk, visa):
    payment = desk.run("payment.create", STORED)["payment"]
    visa.book("ics_void", {"clientReferenceInformation": {"code": "somebody"}}, root=payment)
    assert desk.run("payment.get", {"payment": payment})["status"] == "voided"


def test_voided_refund_is_a_refund_that_failed(desk, visa):
    payment = desk.run("payment.create", STORED)["payment"]
    refund = desk.run("payment.refund", {"payment": payment, "amount": PART}, key="r")["refund"]
    told(desk, visa)
    reference = {"code": payment, "comments": refund}
    void = visa.book("ics_void", {"clientReferenceInformation": reference}, root=payment)
    visa.tell(
        "payments.voids.accept", {"id": void["id"], "status": "VOIDED", "clientReferenceInformation": {"code": payment}}
    )
    (event,) = told(desk, visa)
    assert (event.source_id, event.data["amount"]) == (f"refund.failed:{refund}", PART)
    assert desk.run("payment.get", {"payment": payment})["status"] == "succeeded"
    events, _ = polled(desk, {"since": "2026-11-23T09:00:00Z"}, now=_later(visa))
    assert f"refund.failed:{refund}" in {event.source_id for event in events}


def test_rest_that_is_let_go_leaves_the_payment_standing(desk, visa):
    payment = desk.run("payment.create", {**STORED, "capture": "manual"})["payment"]
    desk.run("payment.capture", {"payment": payment, "amount": PART}, key="c")
    told(desk, visa)
    reversal = visa.book("ics_auth_reversal", {"clientReferenceInformation": {"code": payment}}, root=payment)
    visa.tell("payments.reversals.accept", {"id": reversal["id"], "clientReferenceInformation": {"code": payment}})
    assert told(desk, visa) == []
    assert desk.run("payment.get", {"payment": payment})["status"] == "succeeded"


# Links.


def test_link_for_one_is_paid_told_and_closed(desk, visa):
    output = desk.run(
        "link.create", {"amount": USD, "description": "Piano lesson", "order": "o_2", "metadata": {"a": "b"}}
    )
    assert (output["status"], output["amount"]) == ("active", USD)
    assert output["link"].startswith("L")
    visa.pay(output["link"])
    events = told(desk, visa)
    assert sorted(types(events)) == ["link.paid", "payment.succeeded"]
    paid_link = next(event for event in events if event.type == "link.paid")
    assert (paid_link.data["link"], paid_link.data["order"]) == (output["link"], "o_2")
    assert paid_link.data["recipient"]["email"] == "ada@example.com"
    assert paid_link.data["metadata"] == {"a": "b"}
    assert visa.links[output["link"]]["status"] == "INACTIVE"
    assert desk.run("link.cancel", {"link": output["link"]}, key="c")["status"] == "paid"


def test_link_for_many_stays_open(desk, visa):
    link = desk.run("link.create", {"amount": USD, "reusable": True})["link"]
    for _ in range(2):
        visa.pay(link)
    told(desk, visa)
    assert visa.links[link]["status"] == "ACTIVE"
    assert desk.run("link.cancel", {"link": link}, key="c")["link"] == link
    assert visa.links[link]["status"] == "INACTIVE"


def test_link_whose_time_is_over_is_closed_by_the_poll(desk, visa):
    link = desk.run("link.create", {"amount": USD, "order": "o_3", "expires_at": "2026-11-23T10:00:00Z"})
    assert link["expires_at"] == "2026-11-23T10:00:00Z"
    assert polled(desk, {"since": "2026-11-23T09:00:00Z"})[0] == []
    events, _ = polled(desk, {"since": "2026-11-23T09:00:00Z"}, now=_later(visa, hours=2))
    assert [(event.type, event.data["link"], event.data["order"]) for event in events] == [
        ("link.expired", link["link"], "o_3")
    ]
    assert visa.links[link["link"]]["status"] == "INACTIVE"


@pytest.mark.parametrize("given", [{"description": "For ada@example.com"}, {"metadata": {"mail": "ada@example.com"}}])
def test_link_holds_no_data_of_persons(desk, visa, given):
    with pytest.raises(PermanentError, match="e-mail"):
        desk.run("link.create", {"amount": USD, **given})
    assert visa.received == []


# The rest.


def test_webhook_is_registered_switched_on_and_taken_away(desk, visa):
    endpoints = desk.connector.code.endpoints
    assert endpoints.list(desk.call()) == ()
    made = endpoints.create(desk.call(), "https://hub.example.com/hooks/visa-main")
    assert made.events == ("payments.payments.accept", "payments.refunds.accept")
    assert made.secrets["webhook_key"] == visa.fields()["webhook_key"]
    assert made.settings == {"organization_id": visa.merchant}
    assert made.enabled is False
    (listed,) = endpoints.list(desk.call())
    assert (listed.id, listed.url) == (made.id, "https://hub.example.com/hooks/visa-main")
    assert endpoints.enable(desk.call(), made.id).enabled is True
    for _ in range(2):
        endpoints.delete(desk.call(), made.id)
    assert endpoints.list(desk.call()) == ()


def test_request_calls_anything_signed_in(desk, visa):
    made = plan(desk)
    output = desk.run(
        "request", {"path": "/rbs/v1/plans", "query": {"code": visa.plans[made["plan"]]["planInformation"]["code"]}}
    )
    assert output["body"]["plans"][0]["id"] == made["plan"]
    for path in ("/pts/../elsewhere", "/rbs/v1/plans?code=1"):
        with pytest.raises(PermanentError) as caught:
            desk.run("request", {"path": path})
        assert caught.value.code == "bad_input"


def test_test_button_says_the_mode(desk):
    assert "test: no real money" in desk.connector.test(desk.call())


def test_payer_is_named_to_visa_in_two_parts(desk, visa):
    payment = begun(desk, customer={**ADA, "address": {"line1": "1 Sample St", "country": "GB"}}, **RETURN)["payment"]
    bill = visa.contexts[payment]["data"]["orderInformation"]["billTo"]
    assert (bill["firstName"], bill["lastName"], bill["address1"]) == ("Ada", "Lovelace", "1 Sample St")


def _later(visa, hours=1):
    return visa.now + timedelta(hours=hours)
