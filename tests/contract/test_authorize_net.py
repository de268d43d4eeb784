from __future__ import annotations

from datetime import timedelta

import pytest

from hub.errors import ConfigError, PermanentError
from tests.contract.authorize_net_steps import (
    ADA,
    METHOD,
    PART,
    RETURN,
    USD,
    begun,
    desk_of,
    form,
    paid,
    plan,
    running,
    told,
    types,
)
from tests.contract.desk import NOW
from tests.fakes.authorize_net_books import BANK
from tests.fakes.fake_authorize_net import FakeAuthorizeNet


@pytest.fixture
def anet():
    with FakeAuthorizeNet().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(anet, registry, outbound):
    return desk_of(anet, registry, outbound)


def code_of(call):
    with pytest.raises(PermanentError) as caught:
        call()
    return caught.value.code


# On Authorize.Net's page.


def test_page_is_opened_by_a_posted_token_that_holds_amount_and_references(desk, anet):
    output = begun(desk, description="Two lamps", metadata={"shop": "1"}, cancel_url="https://shop.example/cart")
    assert (output["status"], output["amount"], output["expires_at"]) == ("created", USD, "2026-11-23T09:15:00Z")
    assert "checkout_url" not in output
    client = output["client"]
    assert (client["kind"], client["action"]) == ("form_post", f"{anet.url}/payment/payment")
    token = anet.tokens[client["fields"]["token"]]
    request = token["request"]
    assert (request["transactionType"], request["amount"], request["currencyCode"]) == (
        "authCaptureTransaction",
        "100.00",
        "USD",
    )
    assert request["order"] == {"invoiceNumber": output["payment"], "description": "Two lamps"}
    assert {item["itemId"]: item["description"] for item in request["lineItems"]["lineItem"]} == {
        "order": "o_77",
        "shop": "1",
    }
    assert (request["customer"], request["billTo"]) == (
        {"email": "ada@example.com"},
        {"firstName": "Ada", "lastName": "Lovelace"},
    )
    assert token["settings"]["hostedPaymentReturnOptions"] == {
        "showReceipt": False, "url": "https://shop.example/thanks", "urlText": "Continue",
        "cancelUrl": "https://shop.example/cart", "cancelUrlText": "Cancel",
    }  # fmt: skip
    assert token["settings"]["hostedPaymentPaymentOptions"] == {
        "cardCodeRequired": True, "showCreditCard": True, "showBankAccount": False,
    }  # fmt: skip


def test_paid_page_becomes_a_payment_that_names_its_page_and_its_references(desk, anet):
    page = begun(desk, metadata={"shop": "1"}, job="job_3")["payment"]
    anet.pay(page)
    output = desk.run("payment.complete", {"payment": page, "parameters": {}})
    assert (output["status"], output["captured"], output["gateway"]["checkout"]) == ("succeeded", USD, page)
    assert output["payment"] == output["gateway"]["id"] != page
    assert output["method"] == {"kind": "card", "brand": "visa", "last4": "1111"}
    assert output["metadata"] == {"shop": "1"}
    (event,) = told(desk, anet)
    assert (event.type, event.source_id) == ("payment.succeeded", f"payment.succeeded:{output['payment']}")
    assert (event.data["payment"], event.data["gateway"]["checkout"]) == (output["payment"], page)
    assert (event.data["order"], event.data["job"], event.data["metadata"]) == ("o_77", "job_3", {"shop": "1"})
    assert event.data["customer"] == {"email": "ada@example.com", "name": "Ada Lovelace"}
    for reference in (page, output["payment"]):
        assert desk.run("payment.get", {"payment": reference})["payment"] == output["payment"]


def test_return_before_the_payment_is_listed_is_pending_and_the_page_expires_unpaid(desk, anet):
    page = begun(desk)["payment"]
    assert desk.run("payment.complete", {"payment": page, "parameters": {}})["status"] == "pending"
    assert desk.run("payment.get", {"payment": page})["status"] == "created"
    assert desk.run("payment.get", {"payment": page}, now=NOW + timedelta(hours=2))["status"] == "expired"
    assert code_of(lambda: desk.run("payment.void", {"payment": page})) == "wrong_state"
    assert desk.run("payment.void", {"payment": page}, now=NOW + timedelta(hours=2))["status"] == "expired"
    for action in ("payment.capture", "payment.refund"):
        assert code_of(lambda action=action: desk.run(action, {"payment": page})) == "wrong_state"


def test_refused_attempt_belongs_to_the_page_and_a_later_one_pays(desk, anet):
    page = begun(desk)["payment"]
    anet.decline(page)
    got = desk.run("payment.get", {"payment": page})
    assert (got["payment"], got["status"], got["reason"]) == (page, "failed", "card_declined")
    (failed,) = told(desk, anet)
    assert (failed.source_id, failed.data["reason"]) == (f"payment.failed:{page}", "card_declined")
    assert failed.data["gateway"]["code"] == "2"
    anet.pay(page)
    assert desk.run("payment.get", {"payment": page})["status"] == "succeeded"
    assert types(told(desk, anet)) == ["payment.succeeded"]


def test_page_that_was_paid_days_ago_is_found_in_its_batch(desk, anet):
    payment = paid(desk, anet)
    anet.now += timedelta(hours=12)
    anet.settle()
    got = desk.run("payment.get", {"payment": payment["gateway"]["checkout"]}, now=NOW + timedelta(days=40))
    assert (got["payment"], got["gateway"]["status"]) == (payment["payment"], "settledSuccessfully")


def test_kept_means_can_be_charged_later(desk, anet):
    output = paid(desk, anet, save_method=True)
    (token,) = anet.tokens.values()
    assert token["settings"]["hostedPaymentCustomerOptions"]["addPaymentProfile"] is True
    assert token["request"]["profile"]["customerProfileId"] in anet.profiles
    again = desk.run("payment.create", {"amount": PART, "method": output["stored_method"]}, key="later")
    assert (again["status"], again["stored_method"]) == ("succeeded", output["stored_method"])
    count = len(anet.profiles)
    begun(desk, key="next", save_method=True)
    assert len(anet.profiles) == count


def test_page_needs_a_way_back_and_an_amount_of_the_accounts_currency(desk, anet):
    bare = {"amount": USD}
    assert code_of(lambda: desk.run("payment.create", bare)) == "bad_input"
    euro = {"amount": {"minor": 5, "currency": "EUR"}, **RETURN}
    assert code_of(lambda: desk.run("payment.create", euro)) == "currency_unsupported"
    nothing = {"amount": {"minor": 0, "currency": "USD"}, **RETURN}
    assert code_of(lambda: desk.run("payment.create", nothing)) == "amount_too_small"
    assert (
        code_of(lambda: desk.run("payment.create", {**bare, **RETURN, "methods": ["wallet"]})) == "method_unavailable"
    )
    assert code_of(lambda: desk.run("payment.create", {**bare, **RETURN, "metadata": {"x" * 32: "1"}})) == "bad_input"
    many = {str(number): "1" for number in range(31)}
    assert code_of(lambda: desk.run("payment.create", {**bare, **RETURN, "metadata": many})) == "bad_input"
    assert anet.tokens == {}


# In a form of ours.


def test_form_charges_what_the_server_fixed(desk, anet):
    output, terms = form(desk, metadata={"shop": "1"})
    client = output["client"]
    assert (client["kind"], client["client_key"]) == ("authorize_net.accept", "made-up-public-client-key")
    assert client["script_url"] == f"{anet.url}/v3/AcceptUI.js"
    assert anet.transactions == {}
    parameters = {**anet.pay(output["payment"]), **terms}
    done = desk.run("payment.complete", {"payment": output["payment"], "parameters": parameters})
    assert (done["status"], done["amount"], done["gateway"]["checkout"]) == ("succeeded", USD, output["payment"])
    (made,) = anet.transactions.values()
    assert (made["transId"], made["authAmount"]) == (done["payment"], "100.00")
    again = desk.run("payment.complete", {"payment": output["payment"], "parameters": parameters}, key="again")
    assert (again["payment"], again["status"], len(anet.transactions)) == (done["payment"], "succeeded", 1)
    (event,) = told(desk, anet)
    assert (event.source_id, event.data["order"]) == (f"payment.succeeded:{done['payment']}", "o_77")


def test_form_whose_terms_were_changed_or_are_old_charges_nothing(desk, anet):
    output, terms = form(desk)
    other, other_terms = form(desk, key="other")
    brought = anet.pay(output["payment"])
    given = {"payment": output["payment"]}
    for forged in ({}, {"terms": ""}, other_terms, {"terms": terms["terms"][:-1] + "0"}, {"terms": "e30.00é"}):
        assert (
            code_of(lambda forged=forged: desk.run("payment.complete", {**given, "parameters": {**brought, **forged}}))
            == "bad_return"
        )
    late = {**given, "parameters": {**brought, **terms}}
    assert code_of(lambda: desk.run("payment.complete", late, now=NOW + timedelta(hours=25))) == "bad_return"
    strange = {"payment": output["payment"], "parameters": {"value": "made-up", **terms}}
    assert code_of(lambda: desk.run("payment.complete", strange)) == "bad_return"
    assert other["payment"] != output["payment"]
    assert anet.transactions == {}


def test_form_tells_a_decline_and_takes_another_card(desk, anet):
    output, terms = form(desk, capture="manual", save_method=True)
    anet.refusals.append(("2", "8", "The credit card has expired."))
    given = {"payment": output["payment"], "parameters": {**anet.pay(output["payment"]), **terms}}
    failed = desk.run("payment.complete", given)
    assert (failed["payment"], failed["status"], failed["reason"]) == (output["payment"], "failed", "expired_card")
    assert failed["gateway"]["code"] == "8"
    given["parameters"] = {**anet.pay(output["payment"]), **terms}
    done = desk.run("payment.complete", given, key="second")
    assert done["status"] == "authorized"
    assert done["lapses_at"] is None or done["lapses_at"].startswith("2026-12-23")
    customer, payment = done["stored_method"].split("/")
    assert payment in anet.profiles[customer]["payments"]
    assert [event.source_id for event in told(desk, anet)] == [
        f"payment.failed:{output['payment']}", f"payment.authorized:{done['payment']}",
    ]  # fmt: skip


def test_form_embed_gives_the_card_form_or_a_frame(desk, anet):
    given = {"amount": USD, "order": "o_77"}
    card = desk.run("form.embed", given)
    assert card["script_url"] == card["client"]["script_url"]
    assert card["origins"] == [anet.url, anet.url]
    options = {"ui": "frame", "communicator_url": "https://shop.example/communicator.html"}
    frame = desk.run("form.embed", {**given, "options": options}, key="frame")
    assert frame["client"]["kind"] == "authorize_net.frame"
    settings = anet.tokens[frame["client"]["fields"]["token"]]["settings"]
    assert settings["hostedPaymentIFrameCommunicatorUrl"] == {"url": options["communicator_url"]}
    assert settings["hostedPaymentReturnOptions"] == {"showReceipt": False}
    assert code_of(lambda: desk.run("form.embed", {**given, "options": {"ui": "frame"}})) == "bad_input"
    own_key = desk.with_settings(client_key="another-made-up-key")
    assert own_key.run("form.embed", given)["client"]["client_key"] == "another-made-up-key"


# Plans and subscriptions.


def test_plan_says_its_terms_and_is_replaced_when_they_change(desk):
    made = plan(desk, interval={"unit": "week", "count": 2}, cycles=12, trial_days=14)
    assert (made["interval"], made["price"]["minor"]) == ({"unit": "day", "count": 14}, 1900)
    same = desk.run("plan.update", {"plan": made["plan"], "name": "Gold"})
    assert (same["plan"], "replaced" in same) == (made["plan"], False)
    new = desk.run("plan.update", {"plan": made["plan"], "price": {"minor": 2100, "currency": "USD"}})
    assert (new["replaced"], new["price"]["minor"]) == (made["plan"], 2100)
    assert plan(desk, interval={"unit": "year"})["interval"] == {"unit": "month", "count": 12}
    for wrong in ({"unit": "day"}, {"unit": "month", "count": 13}, {"unit": "year", "count": 2}):
        assert code_of(lambda wrong=wrong: plan(desk, interval=wrong)) == "bad_input"
    assert code_of(lambda: desk.run("plan.update", {"plan": "gold", "name": "x"})) == "not_found"


def test_subscription_runs_on_a_stored_means_and_tells_its_life(desk, anet):
    made = running(desk, order="o_77", metadata={"member": "9"}, quantity=2)
    reference = made["subscription"]
    known = anet.subscriptions[reference]
    assert (made["status"], made["plan"]) == ("active", plan(desk)["plan"])
    assert (known["amount"], known["paymentSchedule"]["totalOccurrences"]) == ("38.00", "9999")
    first = anet.renew(reference)
    second = anet.renew(reference)
    events = told(desk, anet)
    assert types(events) == ["subscription.started", "payment.succeeded", "payment.succeeded", "subscription.renewed"]
    started, renewed = events[0], events[3]
    assert (started.data["plan"], started.data["quantity"], started.data["metadata"]) == (
        made["plan"],
        2,
        {"member": "9"},
    )
    assert started.data["customer"] == {"id": "39931060", "email": "ada@example.com", "name": "Ada Lovelace"}
    assert (renewed.data["payment"], renewed.data["plan"]) == (second["transId"], made["plan"])
    assert renewed.source_id == f"subscription.renewed:{reference}:2"
    assert (events[1].data["subscription"], events[1].data["order"], events[1].data["payment"]) == (
        reference,
        "o_77",
        first["transId"],
    )
    anet.refusals.append(("2", "2", "This transaction has been declined."))
    anet.renew(reference)
    failed = told(desk, anet)
    assert types(failed) == ["payment.failed", "subscription.payment_failed"]
    assert failed[1].source_id == f"subscription.payment_failed:{reference}:3:1"
    anet.tell_subscription(reference, "failed")
    assert told(desk, anet)[0].source_id == failed[1].source_id


def test_subscription_changes_price_quantity_and_means_but_no_interval(desk, anet):
    reference = running(desk, metadata={"member": "9"})["subscription"]
    dearer = desk.run("plan.update", {"plan": plan(desk)["plan"], "price": {"minor": 2100, "currency": "USD"}})["plan"]
    moved = desk.run(
        "subscription.update", {"subscription": reference, "plan": dearer, "quantity": 3, "metadata": {"by": "Eve"}}
    )
    assert moved["plan"] == dearer
    assert anet.subscriptions[reference]["amount"] == "63.00"
    weekly = plan(desk, interval={"unit": "week"})["plan"]
    assert (
        code_of(lambda: desk.run("subscription.update", {"subscription": reference, "plan": weekly}))
        == "invalid_request"
    )
    assert (
        code_of(lambda: desk.run("subscription.update", {"subscription": reference, "prorate": "now"}))
        == "invalid_request"
    )
    anet.profiles["39931060"]["payments"]["5"] = BANK
    desk.run("subscription.update", {"subscription": reference, "method": "39931060/5"})
    assert anet.subscriptions[reference]["profile"]["customerPaymentProfileId"] == "5"
    updated = [event for event in told(desk, anet) if event.type == "subscription.updated"]
    assert len(updated) == 2
    assert updated[0].data["metadata"] == {"member": "9", "by": "Eve"}


def test_running_subscriptions_move_to_a_new_price_where_that_is_wished(desk, anet):
    old = plan(desk)["plan"]
    double = running(desk, quantity=2)["subscription"]
    other = desk.run("subscription.create", {"plan": plan(desk, name="Silver")["plan"], "method": METHOD}, key="other")[
        "subscription"
    ]
    given = {"plan": old, "price": {"minor": 2100, "currency": "USD"}, "existing": "move"}
    for _ in range(2):
        desk.run("plan.update", given)
    assert (anet.subscriptions[double]["amount"], anet.subscriptions[other]["amount"]) == ("42.00", "19.00")
    assert anet.count("POST", "/xml/v1/request.api") > 0


def test_subscription_with_free_days_starts_later_and_is_cancelled_once(desk, anet):
    trial = plan(desk, trial_days=14, cycles=6)["plan"]
    made = desk.run("subscription.create", {"plan": trial, "method": METHOD}, key="trial")
    assert (made["status"], made["plan"], made["period"]) == ("trialing", trial, {"start": "2026-12-07T00:00:00Z"})
    for key in ("c1", "c2"):
        assert desk.run("subscription.cancel", {"subscription": made["subscription"]}, key=key)["status"] == "cancelled"
    ended = [event for event in told(desk, anet) if event.type == "subscription.cancelled"]
    assert [event.source_id for event in ended] == [f"subscription.cancelled:{made['subscription']}"]
    assert code_of(lambda: desk.run("subscription.create", {"plan": trial}, key="bare")) == "method_unavailable"
    assert code_of(lambda: desk.run("subscription.cancel", {"subscription": "7"})) == "not_found"
    assert code_of(lambda: desk.run("subscription.cancel", {"subscription": "sub"})) == "not_found"


# Webhooks registered by the hub, any call, the test.


def test_webhooks_are_registered_switched_on_and_taken_away(desk, anet):
    endpoints = desk.connector.code.endpoints
    made = endpoints.create(desk.call(), "https://hub.example.com/hooks/anet-main")
    assert made.enabled
    assert "net.authorize.payment.void.created" in made.events
    assert not any("customer.created" in name or name.startswith("transaction.") for name in made.events)
    anet.registered[made.id]["status"] = "inactive"
    assert [one.enabled for one in endpoints.list(desk.call())] == [False]
    assert endpoints.enable(desk.call(), made.id).enabled
    for _ in range(2):
        endpoints.delete(desk.call(), made.id)
    assert endpoints.list(desk.call()) == ()


def test_webhook_without_a_signature_key_is_refused_with_authorize_nets_words(desk, anet):
    anet.has_signature_key = False
    with pytest.raises(PermanentError, match="signature key") as caught:
        desk.connector.code.endpoints.create(desk.call(), "https://hub.example.com/hooks/x")
    assert caught.value.gateway_code == "INVALID_DATA"


def test_request_makes_any_call_with_the_connections_credentials(desk, anet):
    body = {"getMerchantDetailsRequest": {}}
    output = desk.run("request", {"method": "POST", "path": "/xml/v1/request.api", "body": body})
    assert (output["status"], output["body"]["merchantName"]) == (200, "Lamps Ltd")
    listed = desk.run("request", {"path": "/rest/v1/notifications", "query": {"offset": 0, "limit": 10}})
    assert listed["body"] == {"notifications": []}
    api = {"method": "POST", "path": "/xml/v1/request.api"}
    for wrong in ({"path": "/admin"}, {"path": "/rest/v1/../x"}, {"path": "/xml/v1/request.api"}, {**api, "body": {"a": {}, "b": {}}},
                  {**api, "body": {"getMerchantDetailsRequest": {"merchantAuthentication": {"name": "x"}}}}):  # fmt: skip
        assert code_of(lambda wrong=wrong: desk.run("request", wrong)) == "bad_input"


def test_test_says_who_the_merchant_is_and_checks_the_currency(desk, anet):
    assert (
        desk.connector.test(desk.call()) == "Authorize.Net accepts the keys of Lamps Ltd (test: no real money), in USD."
    )
    with pytest.raises(ConfigError, match="in USD, the connection in EUR"):
        desk.connector.test(desk.with_settings(currency="EUR").call())
    anet.details_enabled = False
    assert code_of(lambda: desk.connector.test(desk.call())) == "forbidden"


def test_customer_of_an_event_is_the_payer(desk, anet):
    payer = {**ADA, "phone": "+44 1", "address": {"line1": "1 High St", "city": "London", "country": "GB"}}
    anet.pay(begun(desk, customer=payer)["payment"])
    (event,) = told(desk, anet)
    assert event.data["customer"] == payer
