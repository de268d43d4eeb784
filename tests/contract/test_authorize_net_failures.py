from __future__ import annotations

import json
from datetime import timedelta

import pytest

from connectors.authorize_net.errors import _REASONS, _REQUESTS, failure_of, reason_code
from hub.connect.answers import error_codes
from hub.errors import ActionError, PermanentError, TransientError, UncertainError
from tests.contract.authorize_net_steps import (
    METHOD,
    PART,
    RETURN,
    STORED,
    USD,
    begun,
    desk_of,
    form,
    paid,
    plan,
    told,
    types,
)
from tests.contract.desk import NOW
from tests.fakes.authorize_net_books import CARD
from tests.fakes.authorize_net_wire import answer
from tests.fakes.fake_authorize_net import FakeAuthorizeNet
from tests.fakes.server import DOWN, HANGING, LOST, MAINTENANCE, RESET


@pytest.fixture
def anet():
    with FakeAuthorizeNet().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(anet, registry, outbound):
    return desk_of(anet, registry, outbound)


def lose(anet, operation, mood=LOST):
    """Treat the next request of this operation so as ``mood`` says; all others well."""

    class OnlyThere(list):
        def pop(self, index=0):
            return super().pop(index) if operation.encode() in anet.received[-1].body else None

    anet.moods = OnlyThere([mood])


BAD = [LOST, DOWN, RESET, MAINTENANCE]
NAMES = ["lost", "down", "reset", "maintenance"]


# Once, whatever happens to the answer.


@pytest.mark.parametrize("mood", BAD, ids=NAMES)
@pytest.mark.parametrize("capture", ["automatic", "manual"])
def test_stored_means_is_charged_once_whatever_becomes_of_the_answer(desk, anet, mood, capture):
    given = {**STORED, "capture": capture}
    lose(anet, "createTransactionRequest", mood)
    with pytest.raises(UncertainError):
        desk.run("payment.create", given)
    output = desk.again("payment.create", given)
    (made,) = anet.transactions.values()
    assert (output["payment"], output["status"]) == (
        made["transId"],
        "authorized" if capture == "manual" else "succeeded",
    )
    assert desk.again("payment.create", given)["payment"] == output["payment"]


@pytest.mark.parametrize("mood", BAD, ids=NAMES)
def test_refund_is_made_once_whatever_becomes_of_the_answer(desk, anet, mood):
    payment = paid(desk, anet)["payment"]
    anet.settle()
    given = {"payment": payment, "amount": PART}
    lose(anet, "createTransactionRequest", mood)
    with pytest.raises(UncertainError):
        desk.run("payment.refund", given, key="r")
    output = desk.again("payment.refund", given, key="r")
    (made,) = [one for one in anet.transactions.values() if one["transactionType"] == "refundTransaction"]
    assert (output["refund"], output["payment"], output["amount"]) == (made["transId"], payment, PART)
    assert desk.again("payment.refund", given, key="r") == output


@pytest.mark.parametrize("mood", BAD, ids=NAMES)
@pytest.mark.parametrize("capture", ["automatic", "manual"])
def test_whole_refund_before_the_settlement_is_made_once(desk, anet, mood, capture):
    payment = paid(desk, anet, capture=capture)["payment"]
    if capture == "manual":
        desk.run("payment.capture", {"payment": payment}, key="c")
    lose(anet, "voidTransaction", mood)
    with pytest.raises(TransientError):
        desk.run("payment.refund", {"payment": payment}, key="r")
    assert desk.again("payment.refund", {"payment": payment}, key="r")["status"] == "issued"
    assert types(told(desk, anet)).count("refund.issued") == 1


@pytest.mark.parametrize("mood", BAD, ids=NAMES)
@pytest.mark.parametrize(("action", "status"), [("payment.capture", "succeeded"), ("payment.void", "voided")])
def test_capture_and_void_are_made_once(desk, anet, mood, action, status):
    given = {"payment": paid(desk, anet, capture="manual")["payment"]}
    lose(anet, "createTransactionRequest", mood)
    with pytest.raises(TransientError):
        desk.run(action, given, key="c")
    assert desk.again(action, given, key="c")["status"] == status


@pytest.mark.parametrize("mood", BAD, ids=NAMES)
def test_form_is_charged_once_though_the_browser_tries_again(desk, anet, mood):
    output, terms = form(desk)
    given = {"payment": output["payment"], "parameters": {**anet.pay(output["payment"]), **terms}}
    lose(anet, "createTransactionRequest", mood)
    with pytest.raises(UncertainError):
        desk.run("payment.complete", given, key="return")
    done = desk.run("payment.complete", given, key="return2")
    (made,) = anet.transactions.values()
    assert (done["payment"], done["status"]) == (made["transId"], "succeeded")


@pytest.mark.parametrize("mood", BAD, ids=NAMES)
def test_subscription_is_made_once(desk, anet, mood):
    given = {"plan": plan(desk)["plan"], "method": METHOD}
    lose(anet, "ARBCreateSubscriptionRequest", mood)
    with pytest.raises(UncertainError):
        desk.run("subscription.create", given, key="s")
    assert desk.again("subscription.create", given, key="s")["subscription"] in anet.subscriptions
    # A crash before the look-up: Authorize.Net refuses it as a duplicate, and it is found.
    assert desk.run("subscription.create", given, key="s")["subscription"] in anet.subscriptions
    assert len(anet.subscriptions) == 1


def test_slow_answer_is_uncertain_and_found_at_the_repeat(desk, anet, impatient):
    desk.outbound = impatient
    anet.treat(HANGING)
    with pytest.raises(UncertainError):
        desk.run("payment.create", STORED)
    assert desk.again("payment.create", STORED)["status"] == "succeeded"
    assert len(anet.transactions) == 1


@pytest.mark.parametrize("mood", BAD, ids=NAMES)
def test_page_whose_token_was_lost_is_asked_for_again(desk, anet, mood):
    anet.treat(mood)
    with pytest.raises(TransientError):
        begun(desk)
    assert begun(desk)["status"] == "created"
    assert anet.transactions == {}


def test_charge_that_is_not_listed_yet_is_never_made_again(desk, anet):
    given = {"payment": paid(desk, anet)["payment"], "amount": PART}
    desk.run("payment.create", STORED)
    anet.settle()
    desk.run("payment.refund", given, key="r")
    before = len(anet.transactions)
    anet.unlisted = set(anet.transactions) - {given["payment"]}
    for action, wished, key in (("payment.create", STORED, "step-1"), ("payment.refund", given, "r")):
        with pytest.raises(UncertainError) as caught:
            desk.run(action, wished, key=key)
        assert caught.value.gateway_code == "11"
    assert len(anet.transactions) == before
    anet.unlisted = set()
    assert desk.run("payment.create", STORED)["status"] == "succeeded"
    assert desk.run("payment.refund", given, key="r")["amount"] == PART


def test_form_that_was_paid_before_a_settlement_is_not_charged_for_a_later_try(desk, anet):
    output, terms = form(desk)
    given = {"payment": output["payment"], "parameters": {**anet.pay(output["payment"]), **terms}}
    done = desk.run("payment.complete", given)
    anet.now += timedelta(minutes=10)
    anet.settle()
    anet.post({**anet.transactions[done["payment"]], "amount": "100.00", "lineItems": {"lineItem": []}}, CARD, "", order={
        "invoiceNumber": output["payment"]}, transactionStatus="declined", responseCode=2)  # fmt: skip
    given["parameters"] |= anet.pay(output["payment"])
    again = desk.run("payment.complete", given, key="again", now=NOW + timedelta(minutes=20))
    assert (again["payment"], again["status"], len(anet.transactions)) == (done["payment"], "succeeded", 2)


def test_repeat_days_later_is_found_in_a_settled_batch(desk, anet):
    output = desk.run("payment.create", STORED)
    anet.now += timedelta(hours=20)
    anet.settle()
    found = desk.again("payment.create", STORED, now=NOW + timedelta(days=2))
    assert (found["payment"], found["gateway"]["status"]) == (output["payment"], "settledSuccessfully")


def test_declined_charge_stays_declined_when_it_is_looked_for(desk, anet):
    anet.refusals.append(("2", "2", "This transaction has been declined."))
    for attempt in (desk.run, desk.again):
        with pytest.raises(PermanentError) as caught:
            attempt("payment.create", STORED)
        assert (caught.value.code, caught.value.gateway_code) == ("card_declined", "2")
    assert len(anet.transactions) == 1


def test_charge_that_broke_on_its_way_is_tried_again(desk, anet):
    anet.refusals.append(("3", "25", "An error occurred during processing. Please try again."))
    with pytest.raises(TransientError) as caught:
        desk.run("payment.create", STORED)
    assert caught.value.gateway_code == "25"
    assert desk.again("payment.create", STORED)["status"] == "succeeded"


# What its refusals mean: errors come with HTTP 200.


@pytest.mark.parametrize(
    ("response", "reason", "code"),
    [
        ("2", "2", "card_declined"),
        ("2", "27", "invalid_card"),
        ("2", "44", "invalid_card"),
        ("2", "250", "fraud_review"),
        ("2", "9999", "card_declined"),
        ("3", "8", "expired_card"),
        ("3", "6", "invalid_card"),
        ("3", "17", "method_unavailable"),
        ("3", "39", "currency_unsupported"),
        ("3", "49", "limit_exceeded"),
        ("3", "9999", "invalid_request"),
    ],
)
def test_refused_charge_keeps_its_own_code(desk, anet, response, reason, code):
    anet.refusals.append((response, reason, "Words of Authorize.Net."))
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", STORED)
    assert (caught.value.code, caught.value.gateway_code) == (code, reason)
    assert "Words of Authorize.Net." in caught.value.message


@pytest.mark.parametrize(
    ("own", "code", "kind"),
    [
        ("E00001", "gateway_down", TransientError),
        ("E00007", "unauthorised", PermanentError),
        ("E00011", "forbidden", PermanentError),
        ("E00013", "invalid_request", PermanentError),
        ("E00040", "not_found", PermanentError),
        ("E00053", "gateway_down", TransientError),
        ("E00104", "gateway_down", TransientError),
    ],
)
def test_refused_request_keeps_its_own_code(desk, anet, own, code, kind):
    refusal = answer("", {}, {}, own, "Words of Authorize.Net.")
    anet.refuse(200, refusal.body)
    with pytest.raises(ActionError) as caught:
        desk.run("payment.get", {"payment": "60020981676"})
    assert isinstance(caught.value, kind)
    assert (caught.value.code, caught.value.gateway_code) == (code, own)


def test_unexpected_error_while_charging_is_uncertain(desk, anet):
    anet.refuse(200, answer("", {}, {}, "E00001", "An error occurred during processing.").body)
    with pytest.raises(UncertainError):
        desk.run("payment.create", STORED)


def test_messages_are_read_in_both_shapes_and_held_is_no_error():
    one = {"messages": {"resultCode": "Error", "message": {"code": "E00040", "text": "Gone."}}}
    assert failure_of(one, repeatable=True).code == "not_found"
    nested = {
        "transactionResponse": {"responseCode": "3", "errors": {"error": {"errorCode": "8", "errorText": "Old."}}}
    }
    assert failure_of({**nested, **one}, repeatable=True).gateway_code == "8"
    bare = {"transactionResponse": {"responseCode": "2"}, "messages": {"resultCode": "Ok", "message": []}}
    assert failure_of(bare, repeatable=False).code == "card_declined"
    held = {"transactionResponse": {"responseCode": "4"}, "messages": {"resultCode": "Ok", "message": []}}
    assert failure_of(held, repeatable=False) is None


def test_every_code_of_the_tables_is_known_to_the_hub():
    assert {*_REASONS.values(), *_REQUESTS.values()} <= error_codes().keys()
    assert reason_code("3", "54") == "wrong_state"


def test_throttling_is_transient_with_its_pause(desk, anet):
    anet.refuse(429, {"message": "Too many"}, Retry_After="7")
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "60020981676"})
    assert (caught.value.code, caught.value.retry_after) == ("rate_limited", 7.0)


def test_wrong_credentials_are_said_by_both_interfaces(anet, registry, outbound):
    stranger = desk_of(anet, registry, outbound, transaction_key="AnotherMadeUpKey")
    for ask in (stranger.connector.test, stranger.connector.code.endpoints.list):
        with pytest.raises(PermanentError) as caught:
            ask(stranger.call())
        assert caught.value.code == "unauthorised"
        assert "AnotherMadeUpKey" not in str(caught.value)


def test_keys_that_an_answer_repeats_are_taken_out(desk, anet):
    words = f"The keys {anet.key} and {anet.signature_key} are not known."
    anet.refuse(200, answer("", {}, {}, "E00013", words).body)
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.get", {"payment": "60020981676"})
    said = f"{caught.value} {caught.value.details} {caught.value.args}"
    assert anet.key not in said
    assert anet.signature_key not in said
    anet.refuse(200, answer("", {"merchantName": anet.key}, {}).body)
    output = desk.run(
        "request", {"method": "POST", "path": "/xml/v1/request.api", "body": {"getMerchantDetailsRequest": {}}}
    )
    assert anet.key not in json.dumps(output)


@pytest.mark.parametrize("body", [b"\xef\xbb\xbf[]", b"{}", b"\xff\xfe", b'{"messages": {}, "amount": NaN}'])
def test_answer_of_another_form_is_a_bad_answer(desk, anet, body):
    anet.refuse(200, body)
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "60020981676"})
    assert caught.value.code == "bad_answer"


@pytest.mark.parametrize("reference", ["pi_1", "", "../1", "\uff11\uff12", "H00000"])
def test_reference_that_is_none_of_authorize_nets_is_not_found(desk, anet, reference):
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.get", {"payment": reference})
    assert caught.value.code in {"not_found", "bad_input"}
    assert anet.received == []


def test_event_of_a_transaction_that_is_not_listed_yet_is_asked_for_again(desk, anet):
    output = paid(desk, anet)
    anet.unlisted = {output["payment"]}
    (webhook,) = anet.webhooks("https://hub.example.com/hooks/anet-main")
    (raw,) = desk.receive(webhook.body, webhook.headers).pending
    with pytest.raises(TransientError):
        desk.connector.enrich(raw, desk.call())
    anet.unlisted = set()
    assert desk.connector.map(desk.connector.enrich(raw, desk.call()), desk.connection)[0].type == "payment.succeeded"


def test_ping_gives_no_event(desk, anet):
    payload = {"responseCode": 0, "authAmount": 0, "entityName": "transaction", "id": "245"}
    anet.notify("net.authorize.payment.authcapture.created", payload)
    assert told(desk, anet) == []


def test_requests_are_in_the_schemas_order_and_hold_no_credentials_in_outputs(desk, anet):
    output = begun(desk, save_method=True, metadata={"shop": "1"})
    for request in anet.received:
        root, body = next(iter(json.loads(request.body).items()))
        assert root in {"createCustomerProfileRequest", "getHostedPaymentPageRequest"}
        assert list(body)[:2] == ["merchantAuthentication", "refId"]
    assert anet.key not in json.dumps(output)
    embedded = desk.run("payment.create", {"amount": USD, "presentation": "embedded", **RETURN}, key="f")
    assert anet.key not in json.dumps(embedded)
