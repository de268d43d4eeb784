from __future__ import annotations

import pytest

from hub.connect.api import Connection
from hub.errors import ConfigError, PermanentError
from tests.contract.desk import Desk
from tests.fakes.fake_mastercard import FakeMastercard

EUR = {"minor": 1999, "currency": "EUR"}
ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
BACK = "https://hub.example.com/pay/visit/return"
HOOK = "https://hub.example.com/hooks/mastercard-main"
TOKEN = "9000000000000001"


@pytest.fixture
def mastercard():
    with FakeMastercard().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(mastercard, registry, outbound):
    connector = registry.get("mastercard")
    fields, secret = mastercard.fields(), connector.manifest.secret_names
    secrets = {name: (value,) for name, value in fields.items() if name in secret}
    settings = {name: value for name, value in fields.items() if name not in secret}
    return Desk(connector, outbound, Connection("mastercard-main", "mastercard", settings, secrets))


def told(desk, mastercard):
    """The canonical events of all notifications that came since the last time, each re-read before it is mapped."""
    events = []
    for hook in mastercard.webhooks(HOOK):
        reception = desk.receive(hook.body, dict(hook.headers))
        assert reception.hint
        assert reception.events == ()
        for raw in reception.pending:
            enriched = desk.connector.enrich(raw, desk.call())
            assert desk.connector.knows(enriched.type)
            events += desk.connector.map(enriched, desk.connection)
    return events


def types(events):
    return [event.type for event in events]


def charged(desk, key="charged", **more):
    return desk.run("payment.create", {"amount": EUR, "method": TOKEN, "customer": ADA, **more}, key=key)


def held(desk, key="held", **more):
    return charged(desk, key=key, capture="manual", options={"certainty": "FINAL"}, **more)


# The gateway's page.


def test_hosted_payment_gives_the_page_and_names_the_order(desk, mastercard):
    given = {"amount": EUR, "order": "o_1", "customer": ADA, "description": "Two lamps", "metadata": {"hub_cycle": "2"}}
    output = desk.run("payment.create", {**given, "return_url": BACK, "cancel_url": "https://shop.example.com/cart"})
    (session,) = mastercard.sessions.values()
    assert output["checkout_url"] == f"{mastercard.url}/checkout/pay/{session['id']}?checkoutVersion=1.0.0"
    assert (output["payment"], output["status"], output["amount"]) == (session["order"]["id"], "created", EUR)
    assert session["order"]["amount"] == "19.99"
    assert session["order"]["custom"] == {"order": "o_1", "hubZ5Fcycle": "2"}
    assert session["order"]["reference"] == "o_1"
    assert session["customer"] == {"email": "ada@example.com", "firstName": "Ada", "lastName": "Lovelace"}
    assert session["interaction"]["action"] == {"3DSecure": "MANDATORY"}
    assert (session["interaction"]["returnUrl"], session["interaction"]["operation"]) == (BACK, "PURCHASE")


def test_hosted_payment_is_created_until_somebody_pays(desk, mastercard):
    output = desk.run("payment.create", {"amount": EUR, "return_url": BACK})
    reference = {"payment": output["payment"]}
    assert desk.run("payment.get", reference)["status"] == "created"
    assert desk.run("payment.complete", {**reference, "parameters": {}}, key="c")["status"] == "created"


def test_hosted_payment_is_told_once_beside_its_authentication(desk, mastercard):
    given = {"amount": EUR, "order": "o_1", "customer": ADA, "metadata": {"hub_cycle": "2"}}
    output = desk.run("payment.create", {**given, "return_url": BACK})
    parameters = mastercard.pay(output["payment"])
    events = told(desk, mastercard)
    assert types(events) == ["payment.succeeded"]
    assert events[0].source_id == f"payment.succeeded:{output['payment']}"
    data = events[0].data
    assert (data["payment"], data["order"], data["amount"], data["captured"]) == (output["payment"], "o_1", EUR, EUR)
    assert data["metadata"] == {"order": "o_1", "hub_cycle": "2"}
    assert data["customer"] == ADA
    assert data["method"] == {"kind": "card", "brand": "mastercard", "last4": "0008"}
    done = desk.run("payment.complete", {"payment": output["payment"], "parameters": parameters}, key="c")
    assert (done["status"], done["amount"], done["captured"], done["payment"]) == (
        "succeeded",
        EUR,
        EUR,
        output["payment"],
    )
    assert done["metadata"] == data["metadata"]


def test_maestro_is_told_by_its_brand_with_its_authentication(desk, mastercard):
    output = desk.run("payment.create", {"amount": EUR, "return_url": BACK})
    mastercard.pay(output["payment"], "MAESTRO")
    got = desk.run("payment.get", {"payment": output["payment"]})
    assert got["method"]["brand"] == "maestro"
    assert got["gateway"]["authentication"] == "AUTHENTICATION_SUCCESSFUL"
    (event,) = told(desk, mastercard)
    assert event.data["method"]["brand"] == "maestro"


def test_return_with_invented_parameters_proves_nothing(desk, mastercard):
    output = desk.run("payment.create", {"amount": EUR, "return_url": BACK})
    invented = {"resultIndicator": "made-up", "result": "SUCCESS", "session": "SESSION0000"}
    done = desk.run("payment.complete", {"payment": output["payment"], "parameters": invented}, key="c")
    assert done["status"] == "created"


def test_declined_attempt_fails_and_the_next_one_succeeds(desk, mastercard):
    output = desk.run("payment.create", {"amount": EUR, "return_url": BACK})
    mastercard.decline(output["payment"], "INSUFFICIENT_FUNDS")
    got = desk.run("payment.get", {"payment": output["payment"]})
    assert (got["status"], got["reason"], got["gateway"]["code"]) == (
        "failed",
        "insufficient_funds",
        "INSUFFICIENT_FUNDS",
    )
    assert "amount" not in got
    mastercard.pay(output["payment"])
    events = told(desk, mastercard)
    assert [(event.type, event.data.get("reason")) for event in events] == [
        ("payment.failed", "insufficient_funds"),
        ("payment.succeeded", None),
    ]
    assert desk.run("payment.get", {"payment": output["payment"]})["status"] == "succeeded"


def test_bank_debit_is_pending_then_succeeds(desk, mastercard):
    output = desk.run("payment.create", {"amount": EUR, "return_url": BACK})
    mastercard.pay(output["payment"], pending=True)
    assert desk.run("payment.get", {"payment": output["payment"]})["status"] == "pending"
    assert types(told(desk, mastercard)) == ["payment.pending"]
    mastercard.settle(output["payment"])
    assert types(told(desk, mastercard)) == ["payment.succeeded"]
    assert desk.run("payment.get", {"payment": output["payment"]})["status"] == "succeeded"


def test_page_with_an_end_is_a_link_that_expires(desk, mastercard):
    given = {"amount": EUR, "return_url": BACK, "expires_at": "2026-11-24T09:00:00Z"}
    output = desk.run("payment.create", given)
    assert output["expires_at"] == "2026-11-24T09:00:00Z"
    assert output["checkout_url"].startswith(f"{mastercard.url}/checkout/pay/link/")
    mastercard.pay(output["payment"])
    assert types(told(desk, mastercard)) == ["payment.succeeded"]


def test_means_without_cards_are_refused_before_anything_is_sent(desk, mastercard):
    with pytest.raises(PermanentError, match="merchant profile"):
        desk.run("payment.create", {"amount": EUR, "methods": ["bank"], "return_url": BACK})
    assert mastercard.received == []


# The gateway's form in a page of ours.


def test_checkout_in_a_frame_fixes_the_amount_on_the_server(desk, mastercard):
    output = desk.run("form.embed", {"amount": EUR, "return_url": BACK})
    (session,) = mastercard.sessions.values()
    assert output["client"] == {
        "kind": "mastercard.checkout",
        "session": session["id"],
        "script_url": f"{mastercard.url}/static/checkout/checkout.min.js",
        "origins": [mastercard.url],
    }
    assert (output["script_url"], output["origins"]) == (output["client"]["script_url"], [mastercard.url])
    assert session["order"]["amount"] == "19.99"
    mastercard.pay(output["payment"])
    assert desk.run("payment.complete", {"payment": output["payment"]}, key="c")["status"] == "succeeded"


def test_fields_are_paid_by_the_server_once_after_three_d_secure(desk, mastercard):
    given = {"amount": EUR, "order": "o_1", "return_url": BACK, "options": {"ui": "fields"}}
    output = desk.run("form.embed", given)
    client = output["client"]
    session = mastercard.sessions[client["session"]]
    assert client["kind"] == "mastercard.session"
    assert client["script_url"] == f"{mastercard.url}/form/version/100/merchant/TESTMADEUP/session.js"
    assert session["authentication"]["redirectResponseUrl"] == f"{BACK}?session={client['session']}"
    parameters = mastercard.pay(output["payment"])
    reference = {"payment": output["payment"], "parameters": parameters}
    done = desk.run("payment.complete", reference, key="c")
    assert (done["status"], done["amount"]) == ("succeeded", EUR)
    assert desk.run("payment.complete", reference, key="c")["status"] == "succeeded"
    puts = [one for one in mastercard.received if one.method == "PUT" and "/transaction/" in one.path]
    assert [one.path.rpartition("/")[2] for one in puts] == ["pay-1"]
    assert puts[0].json()["authentication"] == {"transactionId": parameters["authentication"]}
    assert types(told(desk, mastercard)) == ["payment.succeeded"]


def test_payer_that_comes_back_from_the_banks_page_is_charged_too(desk, mastercard):
    given = {"amount": EUR, "presentation": "embedded", "return_url": BACK, "options": {"ui": "fields"}}
    output = desk.run("payment.create", given)
    assert (output["status"], output["client"]["kind"]) == ("created", "mastercard.session")
    entered = mastercard.pay(output["payment"])
    back = {"session": entered["session"], "transaction.id": entered["authentication"], "result": "SUCCESS"}
    done = desk.run("payment.complete", {"payment": output["payment"], "parameters": back}, key="c")
    assert done["status"] == "succeeded"


def test_fields_authorise_and_keep_the_card_as_asked(desk, mastercard):
    given = {"amount": EUR, "presentation": "embedded", "capture": "manual", "save_method": True, "return_url": BACK}
    output = desk.run("payment.create", {**given, "options": {"ui": "fields"}})
    parameters = mastercard.pay(output["payment"])
    done = desk.run("payment.complete", {"payment": output["payment"], "parameters": parameters}, key="c")
    assert done["status"] == "authorized"
    token, _, agreement = done["stored_method"].partition("/")
    assert token in mastercard.tokens
    assert agreement == output["payment"]


def test_declined_card_is_not_tried_again_by_a_return_but_by_the_payer(desk, mastercard):
    output = desk.run("form.embed", {"amount": EUR, "return_url": BACK, "options": {"ui": "fields"}})
    session = mastercard.sessions[output["client"]["session"]]
    session["declines"] = "INSUFFICIENT_FUNDS"
    parameters = mastercard.pay(output["payment"])
    for key in ("c1", "c2"):
        with pytest.raises(PermanentError) as caught:
            desk.run("payment.complete", {"payment": output["payment"], "parameters": parameters}, key=key)
        assert caught.value.code == "insufficient_funds"
    session["declines"] = None
    parameters = mastercard.pay(output["payment"])
    done = desk.run("payment.complete", {"payment": output["payment"], "parameters": parameters}, key="c3")
    assert done["status"] == "succeeded"
    puts = [
        one.path.rpartition("/")[2]
        for one in mastercard.received
        if one.method == "PUT" and "/transaction/" in one.path
    ]
    assert puts == ["pay-1", "pay-2"]


def test_two_tabs_cannot_both_pay(desk, mastercard):
    output = desk.run("form.embed", {"amount": EUR, "return_url": BACK, "options": {"ui": "fields"}})
    payment = output["payment"]
    first, second = mastercard.pay(payment), mastercard.pay(payment)
    before = mastercard.order_answer(payment)
    desk.run("payment.complete", {"payment": payment, "parameters": first}, key="c1")
    mastercard.refuse(200, before)
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.complete", {"payment": payment, "parameters": second}, key="c2")
    assert caught.value.code == "duplicate"
    assert desk.run("payment.complete", {"payment": payment, "parameters": second}, key="c3")["status"] == "succeeded"
    assert sum(one["transaction"]["type"] == "PAYMENT" for one in mastercard.orders[payment]["transaction"]) == 1


def test_failed_authentication_is_not_charged(desk, mastercard):
    output = desk.run("form.embed", {"amount": EUR, "return_url": BACK, "options": {"ui": "fields"}})
    mastercard.decline(output["payment"])
    failed = mastercard.orders[output["payment"]]["transaction"][-1]["transaction"]["id"]
    parameters = {"session": output["client"]["session"], "authentication": failed}
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.complete", {"payment": output["payment"], "parameters": parameters}, key="c")
    assert (caught.value.code, caught.value.gateway_code) == ("authentication_required", "AUTHENTICATION_FAILED")
    assert desk.run("payment.get", {"payment": output["payment"]})["status"] == "failed"


@pytest.mark.parametrize("swapped", ["another", "nonsense", "unknown"])
def test_session_of_another_payment_is_refused(desk, mastercard, swapped):
    options = {"return_url": BACK, "options": {"ui": "fields"}}
    cheap = desk.run("form.embed", {"amount": {"minor": 1, "currency": "EUR"}, **options}, key="cheap")
    dear = desk.run("form.embed", {"amount": EUR, **options}, key="dear")
    parameters = mastercard.pay(cheap["payment"])
    parameters["session"] = {"another": parameters["session"], "nonsense": "../order", "unknown": "SESSION0009"}[
        swapped
    ]
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.complete", {"payment": dear["payment"], "parameters": parameters}, key="c")
    assert caught.value.code in {"bad_return", "not_found"}
    assert dear["payment"] not in mastercard.orders


def test_amount_that_the_browser_put_into_the_session_is_not_the_one_that_is_charged(desk, mastercard):
    output = desk.run("form.embed", {"amount": EUR, "return_url": BACK, "options": {"ui": "fields"}})
    mastercard.sessions[output["client"]["session"]]["order"]["amount"] = "0.01"
    parameters = mastercard.pay(output["payment"])
    done = desk.run("payment.complete", {"payment": output["payment"], "parameters": parameters}, key="c")
    assert (done["amount"], done["captured"]) == (EUR, EUR)


@pytest.mark.parametrize(
    "changed", [{"custom": {"order": "o_dear"}}, {"reference": "o_dear"}, {"description": "Other"}]
)
def test_references_that_the_browser_changed_in_the_session_are_refused(desk, mastercard, changed):
    given = {"amount": EUR, "order": "o_cheap", "return_url": BACK, "options": {"ui": "fields"}}
    output = desk.run("form.embed", given)
    order = mastercard.sessions[output["client"]["session"]]["order"]
    for name, value in changed.items():
        order[name] = {**order[name], **value} if isinstance(value, dict) else value
    parameters = mastercard.pay(output["payment"])
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.complete", {"payment": output["payment"], "parameters": parameters}, key="c")
    assert caught.value.code == "bad_return"


def test_fields_seal_nothing_into_the_metadata(desk, mastercard):
    given = {"amount": EUR, "metadata": {"colour": "blue"}, "return_url": BACK, "options": {"ui": "fields"}}
    output = desk.run("form.embed", given)
    parameters = mastercard.pay(output["payment"])
    done = desk.run("payment.complete", {"payment": output["payment"], "parameters": parameters}, key="c")
    (event,) = told(desk, mastercard)
    assert done["metadata"] == event.data["metadata"] == {"colour": "blue"}


@pytest.mark.parametrize("minor", [0, 36**8])
def test_amount_that_fields_cannot_hold_is_refused(desk, minor):
    amount = {"minor": minor, "currency": "EUR"}
    with pytest.raises(PermanentError, match="card fields"):
        desk.run("form.embed", {"amount": amount, "return_url": BACK, "options": {"ui": "fields"}})


def test_fields_without_three_d_secure_are_refused_where_it_is_demanded(desk, mastercard):
    output = desk.run("form.embed", {"amount": EUR, "return_url": BACK, "options": {"ui": "fields"}})
    entered = mastercard.pay(output["payment"])
    reference = {"payment": output["payment"], "parameters": {"session": entered["session"]}}
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.complete", reference, key="c")
    assert caught.value.code == "authentication_required"
    lenient = desk.with_settings(three_d_secure="profile")
    assert lenient.run("payment.complete", reference, key="d")["status"] == "succeeded"


def test_fields_need_a_return_address(desk):
    bare = desk.with_settings(return_url=None)
    with pytest.raises(PermanentError, match="return_url"):
        bare.run("form.embed", {"amount": EUR, "options": {"ui": "fields"}})


# Stored details.


def test_token_alone_is_charged_as_the_payers_own_payment(desk, mastercard):
    output = charged(desk, order="o_1")
    assert (output["status"], output["amount"]) == ("succeeded", EUR)
    (put,) = [one for one in mastercard.received if one.method == "PUT"]
    assert put.path.endswith(f"/order/{output['payment']}/transaction/1")
    assert put.json()["transaction"] == {"source": "INTERNET"}
    assert put.json()["sourceOfFunds"]["provided"] == {"card": {"storedOnFile": "STORED"}}
    (event,) = told(desk, mastercard)
    assert (event.type, event.data["order"], event.data["payment"]) == ("payment.succeeded", "o_1", output["payment"])


@pytest.mark.parametrize("keeps_tokens", [True, False])
def test_agreement_of_a_first_payment_is_charged_later_by_the_merchant(desk, mastercard, keeps_tokens):
    mastercard.keeps_tokens = keeps_tokens
    given = {"amount": EUR, "save_method": True, "metadata": {"hub_subscription": "sub_1"}, "return_url": BACK}
    first = desk.run("payment.create", given, key="first")
    (session,) = mastercard.sessions.values()
    assert session["agreement"] == {"id": first["payment"], "type": "RECURRING", "amountVariability": "VARIABLE"}
    mastercard.pay(first["payment"])
    method = desk.run("payment.get", {"payment": first["payment"]})["stored_method"]
    assert method == (f"{TOKEN}/{first['payment']}" if keeps_tokens else first["payment"])
    later = desk.run("payment.create", {"amount": EUR, "method": method}, key="later")
    assert later["status"] == "succeeded"
    put = next(one for one in mastercard.received if one.method == "PUT").json()
    assert put["agreement"] == {"id": first["payment"]}
    assert put["transaction"] == {"source": "MERCHANT"}


def test_agreement_says_what_the_step_says(desk, mastercard):
    wanted = {"type": "INSTALLMENT", "numberOfPayments": "6", "paymentFrequency": "MONTHLY"}
    given = {"amount": EUR, "save_method": True, "return_url": BACK, "options": {"agreement": wanted}}
    output = desk.run("payment.create", given)
    (session,) = mastercard.sessions.values()
    assert session["agreement"] == {**wanted, "id": output["payment"]}


def test_payment_without_a_card_gives_no_token(desk, mastercard):
    output = desk.run("payment.create", {"amount": EUR, "return_url": BACK}, key="page")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {"amount": EUR, "method": output["payment"]}, key="later")
    assert caught.value.code == "method_unavailable"


def test_yen_and_dinars_are_sent_with_their_own_decimals(desk, mastercard):
    for minor, currency, text in [(500, "JPY", "500"), (1005, "KWD", "1.005")]:
        amount = {"minor": minor, "currency": currency}
        output = charged(desk, key=currency, amount=amount)
        put = next(one for one in mastercard.received if one.method == "PUT" and output["payment"] in one.path)
        assert put.json()["order"]["amount"] == text
        assert output["amount"] == amount
        assert desk.run("payment.get", {"payment": output["payment"]})["captured"] == amount


# What becomes of a payment.


def test_authorised_amount_is_taken_in_parts(desk, mastercard):
    payment = held(desk)["payment"]
    got = desk.run("payment.get", {"payment": payment})
    assert (got["status"], got["lapses_at"]) == ("authorized", "2026-11-30T18:00:00Z")
    assert mastercard.received[0].json()["order"]["certainty"] == "FINAL"
    part = desk.run("payment.capture", {"payment": payment, "amount": {"minor": 999, "currency": "EUR"}}, key="c1")
    rest = desk.run("payment.capture", {"payment": payment}, key="c2")
    assert (part["captured"]["minor"], rest["captured"]) == (999, EUR)
    events = told(desk, mastercard)
    assert types(events) == ["payment.authorized", "payment.succeeded", "payment.succeeded"]
    assert events[1].source_id == events[2].source_id == f"payment.succeeded:{payment}"


def test_authorisation_is_let_go_once(desk, mastercard):
    payment = held(desk)["payment"]
    assert desk.run("payment.void", {"payment": payment}, key="v")["status"] == "voided"
    assert desk.run("payment.void", {"payment": payment}, key="w")["status"] == "voided"
    assert types(told(desk, mastercard)) == ["payment.authorized", "payment.voided"]


def test_refund_gives_part_then_rest(desk, mastercard):
    payment = charged(desk, order="o_1")["payment"]
    first = desk.run("payment.refund", {"payment": payment, "amount": {"minor": 500, "currency": "EUR"}}, key="r1")
    rest = desk.run("payment.refund", {"payment": payment, "reason": "It was broken"}, key="r2")
    assert (first["status"], first["amount"]["minor"], first["total_refunded"]["minor"]) == ("issued", 500, 500)
    assert (rest["amount"]["minor"], rest["total_refunded"]) == (1499, EUR)
    assert first["refund"].startswith(f"{payment}/")
    issued = [event for event in told(desk, mastercard) if event.type == "refund.issued"]
    assert [event.data["refund"] for event in issued] == [first["refund"], rest["refund"]]
    assert [event.data.get("reason") for event in issued] == [None, "It was broken"]
    assert issued[1].data["order"] == "o_1"
    assert desk.run("payment.get", {"payment": payment})["status"] == "refunded"


def test_payment_voided_at_the_gateway_is_given_back(desk, mastercard):
    payment = charged(desk)["payment"]
    order = mastercard.orders[payment]
    order |= {"status": "CANCELLED", "captured": order["captured"] * 0}
    mastercard.enter(payment, "VOID_PAYMENT", "2", order["value"], targetTransactionId="1")
    events = told(desk, mastercard)
    assert types(events) == ["payment.succeeded", "refund.issued"]
    assert (events[1].data["amount"], events[1].data["reason"]) == (EUR, "voided")
    assert desk.run("payment.get", {"payment": payment})["status"] == "refunded"


def test_chargeback_opens_and_closes_a_dispute(desk, mastercard):
    payment = charged(desk)["payment"]
    mastercard.charge_back(payment)
    events = [event for event in told(desk, mastercard) if event.type.startswith("dispute")]
    assert types(events) == ["dispute.opened", "dispute.closed"]
    assert events[1].data["outcome"] == "lost"
    assert events[0].data["dispute"] == f"{payment}/cb-1"
    assert desk.run("payment.get", {"payment": payment})["status"] == "disputed"


# Links.


def test_link_is_made_with_its_end_and_attempts_paid_once_and_told(desk, mastercard):
    given = {"amount": EUR, "description": "Piano lesson", "order": "o_2", "expires_at": "2026-12-23T20:00:00Z"}
    output = desk.run("link.create", {**given, "options": {"attempts": 3}})
    (session,) = mastercard.sessions.values()
    assert session["paymentLink"] == {"expiryDateTime": "2026-12-23T20:00:00Z", "numberOfAllowedAttempts": "3"}
    assert (output["status"], output["expires_at"]) == ("active", "2026-12-23T20:00:00Z")
    mastercard.pay(session["order"]["id"])
    events = told(desk, mastercard)
    assert types(events) == ["payment.succeeded", "link.paid"]
    assert events[0].data["link"] == events[1].data["link"] == output["link"]
    assert events[1].data["order"] == "o_2"
    with pytest.raises(PermanentError) as caught:
        desk.run("link.cancel", {"link": output["link"]}, key="c")
    assert caught.value.code == "wrong_state"


def test_link_is_closed_and_closing_again_is_no_error(desk, mastercard):
    output = desk.run("link.create", {"amount": EUR})
    for key in ("c1", "c2"):
        assert desk.run("link.cancel", {"link": output["link"]}, key=key)["status"] == "cancelled"
    assert mastercard.links == {}


def test_link_for_many_payments_is_refused(desk):
    with pytest.raises(PermanentError, match="first payment"):
        desk.run("link.create", {"amount": EUR, "reusable": True})


# Payouts.


def test_payout_is_signed_and_names_sender_and_recipient(desk, mastercard):
    to = {
        "account": "acct-ref:made-up-recipient",
        "name": "Grace Hopper",
        "address": {"city": "Cork", "country": "IRL"},
    }
    output = desk.run("payout.create", {"provider": "prv_1", "amount": EUR, "to": to, "description": "November"})
    assert (output["status"], output["amount"], output["provider"]) == ("paid", EUR, "prv_1")
    sent = mastercard.received[-1].json()["payment_disbursement"]
    assert (sent["amount"], sent["currency"], sent["payment_type"]) == ("1999", "EUR", "BDB")
    assert sent["sender_account_uri"] == "acct-ref:made-up-account"
    assert sent["recipient"] == {
        "first_name": "Grace",
        "last_name": "Hopper",
        "address": {"city": "Cork", "country": "IRL"},
    }
    got = desk.run("payout.get", {"payout": output["payout"]})
    assert (got["status"], got["amount"]) == ("paid", EUR)


def test_payout_that_waits_is_sent_until_it_is_decided(desk, mastercard):
    mastercard.send_status = "PENDING"
    given = {"provider": "prv_1", "amount": EUR, "to": {"account": "acct-ref:made-up"}}
    output = desk.run("payout.create", given)
    assert output["status"] == "sent"
    mastercard.disbursements[output["payout"]]["status"] = "APPROVED"
    assert desk.run("payout.get", {"payout": output["payout"]})["status"] == "paid"


@pytest.mark.parametrize("to", [{}, {"account": "Grace Hopper"}])
def test_payout_needs_the_recipients_account(desk, to):
    with pytest.raises(PermanentError) as caught:
        desk.run("payout.create", {"provider": "prv_1", "amount": EUR, "to": to})
    assert caught.value.code == "invalid_recipient"


@pytest.mark.parametrize("missing", ["send_partner_id", "send_sender_name"])
def test_payout_without_its_set_up_says_what_to_fill_in(desk, missing):
    bare = desk.with_settings(**{missing: None})
    with pytest.raises(ConfigError, match=missing):
        bare.run("payout.create", {"provider": "prv_1", "amount": EUR, "to": {"account": "acct-ref:made-up"}})


# Anything else.


def test_request_calls_anything_signed_in_and_keeps_decimals_exact(desk, mastercard):
    payment = charged(desk)["payment"]
    output = desk.run("request", {"path": f"/order/{payment}"}, key="r")
    assert (output["status"], output["body"]["amount"]) == (200, "19.99")
    with pytest.raises(PermanentError) as caught:
        desk.run("request", {"path": "/../other"}, key="bad")
    assert caught.value.code == "bad_input"


def test_token_is_deleted_by_request(desk, mastercard):
    output = desk.run("request", {"method": "DELETE", "path": f"/token/{TOKEN}"})
    assert output["status"] == 200
    assert TOKEN not in mastercard.tokens


def test_test_button_says_the_mode_and_the_version(desk):
    said = desk.connector.test(desk.call())
    assert "TESTMADEUP" in said
    assert "no real money" in said
    assert "100" in said
