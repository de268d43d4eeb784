from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.moneygram.api import money_of, write_json
from hub.errors import PermanentError
from tests.contract.moneygram_steps import NGN, PAYOUT, TO, desk_of, pay_out, told
from tests.fakes.fake_moneygram import FakeMoneyGram


@pytest.fixture
def moneygram():
    with FakeMoneyGram().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(moneygram, registry, outbound):
    return desk_of(moneygram, registry, outbound)


def only(moneygram):
    (reference,) = moneygram.executed
    return moneygram.transactions[reference]


def sent_bodies(moneygram, path_end):
    return [one.body.decode() for one in moneygram.received if one.path.endswith(path_end)]


# Payouts.


def test_payout_is_quoted_described_and_committed(desk, moneygram):
    output = pay_out(desk)
    one = only(moneygram)
    assert (output["payout"], output["status"]) == (moneygram.executed[0], "sent")
    assert (output["amount"], output["provider"]) == (NGN, "prv_2")
    assert output["fee"] == {"minor": 300, "currency": "USD"}
    assert output["expected_at"] == "2026-11-23T00:00:00Z"
    assert output["gateway"]["reference_number"] == one["number"]
    assert output["gateway"]["total"] == {"minor": 10300, "currency": "USD"}
    assert one["details"]["beneficiary"] == TO["beneficiary"]
    assert one["details"]["sender"]["businessInfo"] == {
        "businessName": "Example Relief",
        "businessRegistrationNumber": "13-0000000",
        "businessCountryOfRegistration": "USA",
    }
    reference = desk.call(key="payout").reference
    assert one["details"]["partnerTransactionId"] == f"{reference}_prv_2"
    assert len(moneygram.transactions) == 1


def test_amount_is_a_number_with_its_own_digits(desk, moneygram):
    pay_out(desk, amount={"minor": 7_400_010, "currency": "NGN"})
    (body,) = sent_bodies(moneygram, "/quote")
    assert '"receiveAmount":{"currencyCode":"NGN","value":74000.10}' in body
    assert only(moneygram)["quote"]["receiveAmount"]["amount"]["value"] == 74000.1


def test_amount_may_be_what_is_sent(desk, moneygram):
    sending = desk.with_settings(amounts="send", send_currency="USD")
    to = {**TO, "currency": "NGN"}
    output = pay_out(sending, amount={"minor": 10000, "currency": "USD"}, to=to)
    assert output["amount"] == {"minor": 10000, "currency": "USD"}
    (body,) = sent_bodies(moneygram, "/quote")
    assert '"sendAmount":{"currencyCode":"USD","value":100.00}' in body
    assert '"receiveCurrencyCode":"NGN"' in body
    moneygram.move(output["payout"], "RECEIVED")
    assert told(sending, moneygram)[0].data["amount"] == output["amount"]


def test_payout_to_a_bank_carries_account_and_further_fields(desk, moneygram):
    to = {
        **TO,
        "service": "BANK_DEPOSIT",
        "routing": "74826841",
        "account": {"accountNumber": "0123456789"},
        "fields": {"receipt": {"primaryLanguage": "eng"}},
    }
    pay_out(desk, to=to)
    details = only(moneygram)["details"]
    assert details["targetAccount"] == {"accountNumber": "0123456789"}
    assert details["receipt"] == {"primaryLanguage": "eng"}
    assert only(moneygram)["quote"]["serviceOptionRoutingCode"] == "74826841"


def test_payout_to_a_business_is_not_held_against_a_persons_fields(desk, moneygram):
    to = {**TO, "beneficiary": {"business": {"businessName": "Lamps 4 All Limited"}}}
    pay_out(desk, to=to)
    (body,) = sent_bodies(moneygram, "/quote")
    assert '"beneficiaryTypeCode":"Business"' in body


def test_business_profile_stands_in_for_the_business(desk, moneygram):
    known = desk.with_settings(
        business_name=None, business_registration_number=None, business_country=None, business_profile_id="bp-made-up"
    )
    pay_out(known)
    assert only(moneygram)["details"]["sender"] == {"businessProfileId": "bp-made-up"}


def test_provider_that_does_not_fit_stays_with_the_hub(desk, moneygram):
    pay_out(desk, provider="Ada & Sons, 12 High Street")
    assert only(moneygram)["details"]["partnerTransactionId"] == desk.call(key="payout").reference


def test_dear_quote_is_refused_before_anything_is_committed(desk, moneygram):
    with pytest.raises(PermanentError) as caught:
        pay_out(desk, options={"most": {"minor": 10299, "currency": "USD"}})
    assert caught.value.code == "limit_exceeded"
    assert moneygram.executed == []
    assert pay_out(desk, key="dearer", options={"most": {"minor": 10300, "currency": "USD"}})["status"] == "sent"


def test_chosen_quote_is_committed_and_no_other_is_asked_for(desk, moneygram):
    asked = {"amount": NGN, "to": {"country": "NGA"}}
    quotes = desk.run("quote.create", asked, key="quote")["quotes"]
    assert [one["service"] for one in quotes] == ["WILL_CALL", "BANK_DEPOSIT"]
    assert quotes[0]["total"] == {"minor": 10300, "currency": "USD"}
    assert (quotes[0]["receive"], quotes[0]["rate"]) == (NGN, "740.0")
    output = pay_out(desk, options={"transaction": quotes[0]["transaction"]})
    assert output["payout"] == quotes[0]["transaction"]
    assert moneygram.count("POST", "/quote") == 1
    again = pay_out(desk, options={"transaction": quotes[0]["transaction"]})
    assert again["payout"] == output["payout"]
    assert len(moneygram.executed) == 1


def test_payout_is_looked_up(desk, moneygram):
    reference = pay_out(desk)["payout"]
    moneygram.move(reference, "AVAILABLE")
    assert desk.run("payout.get", {"payout": reference})["status"] == "sent"
    moneygram.move(reference, "RECEIVED")
    got = desk.run("payout.get", {"payout": reference})
    assert (got["status"], got["amount"]) == ("paid", NGN)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("UNFUNDED", "queued"),
        ("PROCESSING", "sent"),
        ("IN TRANSIT", "sent"),
        ("IN_TRANSIT", "sent"),
        ("DELIVERED", "paid"),
        ("REJECTED", "failed"),
        ("CLOSED", "failed"),
        ("REFUNDED", "reversed"),
        ("SOMETHING NEW", "sent"),
    ],
)
def test_each_state_has_its_word(desk, moneygram, state, status):
    reference = pay_out(desk)["payout"]
    moneygram.move(reference, state)
    assert desk.run("payout.get", {"payout": reference})["status"] == status


def test_what_a_person_must_do_is_said(desk, moneygram):
    reference = pay_out(desk)["payout"]
    moneygram.move(reference, "PROCESSING", "A document is needed.")
    got = desk.run("payout.get", {"payout": reference})
    assert got["reason"] == got["gateway"]["message"] == "A document is needed."
    assert got["gateway"]["sub_status"][0]["subStatus"] == "HOLD"


def test_payout_is_taken_back_with_its_fee(desk, moneygram):
    reference = pay_out(desk)["payout"]
    given = {"payout": reference, "reason": "DUP_TRAN"}
    taken = desk.run("payout.recall", given, key="recall")
    assert (taken["status"], taken["returned"]["minor"], taken["fee_returned"]["minor"]) == ("reversed", 10300, 300)
    assert taken["gateway"]["refund"] == f"refund-of-{reference}"
    assert desk.again("payout.recall", given, key="recall")["status"] == "reversed"
    assert moneygram.count("PUT", "/commit") == 2
    assert [event.type for event in told(desk, moneygram)] == ["payout.failed"]


def test_collected_payout_is_not_taken_back(desk, moneygram):
    reference = pay_out(desk)["payout"]
    moneygram.move(reference, "RECEIVED")
    with pytest.raises(PermanentError) as caught:
        desk.run("payout.recall", {"payout": reference}, key="recall")
    assert (caught.value.code, caught.value.gateway_code) == ("wrong_state", "RECEIVED")


# Corridors.


def test_corridor_tells_services_and_fields(desk):
    services = desk.run("corridor.services", {"country": "NGA"})["services"]
    assert services[1] == {
        "service": "BANK_DEPOSIT",
        "routing": "74826841",
        "name": "Bank Deposit - All Banks",
        "currency": "NGN",
    }
    fields = desk.run("corridor.fields", {"amount": NGN, "to": {"country": "NGA", "service": "BANK_DEPOSIT"}})["fields"]
    assert "targetAccount.accountNumber" in {one["field"] for one in fields}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ({"firstName": "Ada"}, "Last/Family Name .* is required"),
        ({"firstName": "A" * 21, "lastName": "L"}, "at most 20 characters, not 21"),
        ({"firstName": "Ada 2nd", "lastName": "L"}, "cannot contain numbers"),
    ],
)
def test_recipient_who_does_not_fit_is_refused_and_never_shortened(desk, moneygram, name, words):
    to = {**TO, "beneficiary": {"consumer": {"name": name}}}
    with pytest.raises(PermanentError, match=words) as caught:
        pay_out(desk, to=to)
    assert caught.value.code == "invalid_recipient"
    assert moneygram.transactions == {}


def test_account_that_the_corridor_wants_is_asked_for(desk, moneygram):
    with pytest.raises(PermanentError, match="Account number"):
        pay_out(desk, to={**TO, "service": "BANK_DEPOSIT"})
    phone = {
        "name": TO["beneficiary"]["consumer"]["name"],
        "mobilePhone": {"number": "123"},
        "address": {"city": "Lagos"},
    }
    with pytest.raises(PermanentError, match="at least 5"):
        pay_out(desk, to={**TO, "beneficiary": {"consumer": phone}})
    assert moneygram.transactions == {}


def test_check_of_recipients_may_be_switched_off(desk, moneygram):
    pay_out(desk.with_settings(check_fields=False))
    assert moneygram.count("GET", "/transaction-fields-send") == 0


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"to": {**TO, "country": "Nigeria"}}, "bad_input"),
        ({"to": {}}, "bad_input"),
        ({"to": {"country": "NGA"}}, "invalid_recipient"),
        ({"amount": {"minor": 0, "currency": "NGN"}}, "amount_too_small"),
        ({"to": {**TO, "country": "PRK"}}, "method_unavailable"),
        ({"to": {**TO, "fields": {"purpose": "REVIEW"}}}, "invalid_request"),
    ],
)
def test_what_cannot_be_paid_out_is_refused(desk, moneygram, more, code):
    with pytest.raises(PermanentError) as caught:
        pay_out(desk, **more)
    assert caught.value.code == code
    assert moneygram.executed == []


# The rest.


def test_request_calls_anything_signed_in(desk, moneygram):
    reference = pay_out(desk)["payout"]
    common = {"targetAudience": "AGENT_FACING", "agentPartnerId": "75000001", "userLanguage": "en-US"}
    path = f"/disbursement/status/v1/transactions/{reference}"
    output = desk.run("request", {"path": path, "query": common}, key="r")
    assert (output["status"], output["body"]["transactionId"]) == (200, reference)
    body = {**common, "destinationCountryCode": "NGA", "receiveAmount": {"currencyCode": "NGN", "value": 100}}
    posted = desk.run(
        "request", {"method": "POST", "path": "/disbursement/v1/transactions/quote", "body": body}, key="q"
    )
    assert len(posted["body"]["transactions"]) == 2
    with pytest.raises(PermanentError) as caught:
        desk.run("request", {"path": "/status/../elsewhere"})
    assert caught.value.code == "bad_input"


def test_test_button_proves_the_client_each_time(desk, moneygram):
    for _ in range(2):
        assert "sandbox: no real money" in desk.connector.test(desk.call())
    assert moneygram.count("GET", "/oauth/accesstoken") == 2


def test_token_is_shared_and_renewed_when_it_is_refused(desk, moneygram):
    pay_out(desk)
    assert moneygram.count("GET", "/oauth/accesstoken") == 1
    moneygram.tokens.clear()
    assert pay_out(desk, key="second")["status"] == "sent"
    assert moneygram.count("GET", "/oauth/accesstoken") == 2


def test_change_that_is_sent_again_has_its_request_id_and_each_question_a_new_one(desk, moneygram):
    for _ in range(2):
        desk.run("quote.create", {"amount": NGN, "to": {"country": "NGA"}}, key="quote")
        desk.run("corridor.services", {"country": "NGA"}, key="services")
    told_ids = [one.headers["x-mg-clientrequestid"] for one in moneygram.received if "oauth" not in one.path]
    assert told_ids[0] == told_ids[2]
    assert len(set(told_ids)) == 3


def test_numbers_are_never_floats():
    assert write_json({"a": [Decimal("0.10"), 1, True, None, "ü\n"]}) == '{"a":[0.10,1,true,null,"ü\\n"]}'
    assert money_of({"value": Decimal("0.1"), "currencyCode": "USD"}) == {"minor": 10, "currency": "USD"}
    assert money_of({"value": Decimal("0.001"), "currencyCode": "USD"}) is None
    assert money_of({"value": True, "currencyCode": "USD"}) is None


# Events.


def test_paid_payout_is_told_once_with_amount_and_recipient(desk, moneygram):
    reference = pay_out(desk)["payout"]
    assert told(desk, moneygram) == []
    moneygram.move(reference, "AVAILABLE")
    moneygram.move(reference, "RECEIVED")
    (event,) = told(desk, moneygram)
    assert (event.type, event.source_id) == ("payout.paid", f"payout.paid:{reference}")
    assert (event.data["payout"], event.data["amount"]) == (reference, NGN)
    assert event.data["provider"] == "Ada Lovelace"
    assert event.data["gateway"]["reference_number"] == only(moneygram)["number"]


def test_late_delivery_undoes_nothing(desk, moneygram):
    reference = pay_out(desk)["payout"]
    moneygram.move(reference, "DELIVERED")
    delivered = moneygram.deliveries[::-1]
    moneygram.deliveries = delivered
    assert [event.type for event in told(desk, moneygram)] == ["payout.paid"]


def test_bank_may_reject_what_was_delivered(desk, moneygram):
    reference = pay_out(desk)["payout"]
    moneygram.move(reference, "DELIVERED")
    assert [event.type for event in told(desk, moneygram)] == ["payout.paid"]
    moneygram.move(reference, "REJECTED", "The account is closed.")
    (event,) = told(desk, moneygram)
    assert (event.type, event.data["reason"]) == ("payout.failed", "The account is closed.")
    moneygram.move(reference, "REFUNDED")
    assert told(desk, moneygram)[0].source_id == event.source_id


def test_payout_takes_no_payments(desk):
    assert not [name for name in desk.connector.manifest.actions if name.startswith(("payment.", "link.", "plan."))]
    assert PAYOUT["provider"] == "prv_2"
