from __future__ import annotations

import pytest

from hub.connect.api import Connection, RawEvent
from hub.errors import PermanentError, TransientError, UncertainError
from tests.contract.desk import Desk
from tests.fakes.fake_mastercard import FakeMastercard
from tests.fakes.mastercard_wire import gateway_error, send_error
from tests.fakes.server import DOWN, HANGING, LOST, MAINTENANCE, RESET

EUR = {"minor": 1999, "currency": "EUR"}
BACK = "https://hub.example.com/pay/visit/return"
TOKEN = "9000000000000001"
PAYOUT = {"provider": "prv_1", "amount": EUR, "to": {"account": "acct-ref:made-up"}}


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


def charged(desk, key="charged", **more):
    return desk.run("payment.create", {"amount": EUR, "method": TOKEN, **more}, key=key)


class Losing(list):
    """Treats the first request that fits with a mood, and all others well."""

    def __init__(self, mastercard, mood, fits):
        super().__init__([mood])
        self.mastercard, self.fits = mastercard, fits

    def pop(self, index=0):
        return super().pop(index) if self.fits(self.mastercard.received[-1]) else None


def lose_the_transaction(mastercard, mood=LOST):
    mastercard.moods = Losing(mastercard, mood, lambda one: one.method == "PUT" and "/transaction/" in one.path)


# Once, whatever happens to the answer.


@pytest.mark.parametrize("mood", [LOST, DOWN, RESET, MAINTENANCE], ids=["lost", "down", "reset", "maintenance"])
def test_charge_whose_answer_was_lost_is_looked_for_and_made_once(desk, mastercard, mood):
    lose_the_transaction(mastercard, mood)
    with pytest.raises(TransientError):
        charged(desk)
    output = desk.again("payment.create", {"amount": EUR, "method": TOKEN}, key="charged")
    assert output["status"] == "succeeded"
    (order,) = mastercard.orders.values()
    assert len(order["transaction"]) == 1


def test_slow_charge_is_a_timeout_and_made_once(desk, mastercard, impatient):
    desk.outbound = impatient
    mastercard.treat(HANGING)
    with pytest.raises(TransientError) as caught:
        charged(desk)
    assert caught.value.code == "timeout"
    assert desk.again("payment.create", {"amount": EUR, "method": TOKEN}, key="charged")["status"] == "succeeded"
    assert len(mastercard.orders) == 1


def test_same_address_again_without_a_look_charges_once_too(desk, mastercard):
    assert charged(desk) == charged(desk)
    (order,) = mastercard.orders.values()
    assert len(order["transaction"]) == 1


def test_same_address_with_other_values_is_refused(desk):
    charged(desk)
    with pytest.raises(PermanentError) as caught:
        charged(desk, amount={"minor": 5, "currency": "EUR"})
    assert caught.value.code == "duplicate"


def test_charge_of_an_agreement_that_a_look_does_not_show_yet_is_found_by_its_address(desk, mastercard):
    mastercard.keeps_tokens = False
    first = desk.run("payment.create", {"amount": EUR, "save_method": True, "return_url": BACK}, key="first")
    mastercard.pay(first["payment"])
    later = {"amount": EUR, "method": first["payment"]}
    lose_the_transaction(mastercard)
    with pytest.raises(TransientError):
        desk.run("payment.create", later, key="later")
    unseen = gateway_error(400, "INVALID_REQUEST", "Unable to find transaction '1'")
    mastercard.moods = []
    mastercard.refuse(unseen.status, unseen.body)
    output = desk.again("payment.create", later, key="later")
    assert output["status"] == "succeeded"
    assert len(mastercard.orders[output["payment"]]["transaction"]) == 1
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {**later, "amount": {"minor": 5, "currency": "EUR"}}, key="later")
    assert caught.value.code == "duplicate"


@pytest.mark.parametrize("action", ["payment.capture", "payment.void"])
@pytest.mark.parametrize("mood", [LOST, DOWN, RESET], ids=["lost", "down", "reset"])
def test_capture_and_void_whose_answer_was_lost_are_done_once(desk, mastercard, action, mood):
    payment = charged(desk, capture="manual")["payment"]
    lose_the_transaction(mastercard, mood)
    with pytest.raises(TransientError):
        desk.run(action, {"payment": payment}, key="f")
    output = desk.again(action, {"payment": payment}, key="f")
    assert output["status"] == {"payment.capture": "succeeded", "payment.void": "voided"}[action]
    assert len(mastercard.orders[payment]["transaction"]) == 2


@pytest.mark.parametrize("mood", [LOST, DOWN, RESET], ids=["lost", "down", "reset"])
def test_refund_whose_answer_was_lost_is_made_once(desk, mastercard, mood):
    payment = charged(desk)["payment"]
    lose_the_transaction(mastercard, mood)
    with pytest.raises(TransientError):
        desk.run("payment.refund", {"payment": payment}, key="r")
    assert desk.again("payment.refund", {"payment": payment}, key="r")["total_refunded"] == EUR
    assert sum(one["transaction"]["type"] == "REFUND" for one in mastercard.orders[payment]["transaction"]) == 1


def test_payment_by_fields_whose_answer_was_lost_is_made_once(desk, mastercard):
    output = desk.run("form.embed", {"amount": EUR, "return_url": BACK, "options": {"ui": "fields"}})
    reference = {"payment": output["payment"], "parameters": mastercard.pay(output["payment"])}
    lose_the_transaction(mastercard)
    with pytest.raises(TransientError):
        desk.run("payment.complete", reference, key="c")
    assert desk.again("payment.complete", reference, key="c")["status"] == "succeeded"
    payments = [
        one for one in mastercard.orders[output["payment"]]["transaction"] if one["transaction"]["type"] == "PAYMENT"
    ]
    assert len(payments) == 1


@pytest.mark.parametrize("action", ["payment.create", "link.create", "form.embed"])
@pytest.mark.parametrize("mood", [LOST, DOWN, RESET, MAINTENANCE], ids=["lost", "down", "reset", "maintenance"])
def test_session_whose_answer_was_lost_is_made_anew_for_the_same_order(desk, mastercard, action, mood):
    mastercard.treat(mood)
    with pytest.raises(TransientError):
        desk.run(action, {"amount": EUR, "return_url": BACK}, key="s")
    desk.again(action, {"amount": EUR, "return_url": BACK}, key="s")
    assert len({session["order"]["id"] for session in mastercard.sessions.values()}) == 1


@pytest.mark.parametrize("mood", [LOST, DOWN, RESET, MAINTENANCE], ids=["lost", "down", "reset", "maintenance"])
def test_payout_whose_answer_was_lost_waits_is_looked_for_and_sent_once(desk, mastercard, mood):
    mastercard.treat(mood)
    with pytest.raises(TransientError) as caught:
        desk.run("payout.create", PAYOUT)
    assert mood is DOWN or mood is MAINTENANCE or caught.value.retry_after == 40
    assert desk.again("payout.create", PAYOUT)["status"] == "paid"
    assert len(mastercard.disbursements) == 1


def test_payout_that_a_look_does_not_show_yet_is_repeated_as_a_repeat(desk, mastercard):
    mastercard.treat(LOST)
    with pytest.raises(TransientError):
        desk.run("payout.create", PAYOUT)
    mastercard.refuse(404, send_error(404, "RESOURCE_UNKNOWN", "ref").body)
    assert desk.again("payout.create", PAYOUT)["status"] == "paid"
    assert mastercard.received[-1].headers["repeat-flag"] == "true"
    assert len(mastercard.disbursements) == 1


def test_request_that_posts_and_is_lost_is_left_to_a_person(desk, mastercard):
    mastercard.treat(LOST)
    with pytest.raises(UncertainError):
        desk.run("request", {"method": "POST", "path": "/session", "body": {"session": {"authenticationLimit": 5}}})


# What refusals mean.


@pytest.mark.parametrize(
    ("token", "code", "own"),
    [
        ("9000000000000002", "card_declined", "DECLINED"),
        ("9000000000000010", "insufficient_funds", "INSUFFICIENT_FUNDS"),
        ("9000000000000028", "expired_card", "EXPIRED_CARD"),
        ("9000000000000036", "gateway_down", "TIMED_OUT"),
    ],
)
def test_decline_that_comes_with_201_is_permanent_and_keeps_the_gateways_code(desk, token, code, own):
    given = {"amount": EUR, "method": token}
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", given)
    assert (caught.value.code, caught.value.gateway_code) == (code, own)
    with pytest.raises(PermanentError) as again:
        desk.again("payment.create", given)
    assert again.value.code == code


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (gateway_error(400, "INVALID_REQUEST", "Value is invalid", "order.amount"), PermanentError, "invalid_request"),
        (
            gateway_error(400, "INVALID_REQUEST", "Unsupported", "order.currency"),
            PermanentError,
            "currency_unsupported",
        ),
        (
            gateway_error(400, "INVALID_REQUEST", "Unable to find token", "sourceOfFunds.token"),
            PermanentError,
            "not_found",
        ),
        (gateway_error(400, "INVALID_REQUEST", "Bad", "sourceOfFunds.token"), PermanentError, "method_unavailable"),
        (gateway_error(400, "INVALID_REQUEST", "Bad", "sourceOfFunds.provided.card"), PermanentError, "invalid_card"),
        (gateway_error(401, "INVALID_REQUEST", "Invalid credentials."), PermanentError, "unauthorised"),
        (gateway_error(403, "REQUEST_REJECTED"), PermanentError, "forbidden"),
        (gateway_error(400, "REQUEST_REJECTED"), PermanentError, "forbidden"),
        (gateway_error(429, "SERVER_BUSY", "Slow down"), TransientError, "rate_limited"),
        (gateway_error(503, "SERVER_BUSY", "Slow down"), TransientError, "rate_limited"),
        (gateway_error(500, "SERVER_FAILED"), TransientError, "gateway_down"),
        (gateway_error(200, "SERVER_FAILED"), TransientError, "gateway_down"),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
def test_error_answer_is_told_by_cause_and_field(desk, mastercard, answer, kind, code):
    mastercard.refuse(answer.status, answer.body)
    with pytest.raises(kind) as caught:
        charged(desk)
    assert caught.value.code == code
    words = answer.body["error"].get("explanation", "")
    assert words in caught.value.message
    assert caught.value.gateway_code.startswith(answer.body["error"]["cause"])


def test_token_that_is_refused_to_the_connection_is_not_the_cards_fault(desk, mastercard):
    answer = gateway_error(401, "INVALID_REQUEST", "Invalid credentials.")
    mastercard.refuse(answer.status, answer.body)
    with pytest.raises(PermanentError) as caught:
        charged(desk, method="hub-00000000000000000001")
    assert caught.value.code == "unauthorised"


def test_pause_that_is_asked_for_is_kept(desk, mastercard):
    mastercard.refuse(429, {"result": "ERROR"}, Retry_After="7")
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "hub-00000000000000000001"})
    assert caught.value.retry_after == 7


def test_page_instead_of_an_answer_is_a_bad_answer(desk, mastercard):
    mastercard.treat(MAINTENANCE)
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "hub-00000000000000000001"})
    assert caught.value.code == "bad_answer"


def test_page_not_found_at_a_wrong_address_is_not_an_order_that_nobody_paid(desk, mastercard):
    mastercard.refuse(404, "<html>Not Found</html>", Content_Type="text/html")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.get", {"payment": "hub-00000000000000000001"})
    assert caught.value.code == "not_found"


def test_redirect_is_no_answer(desk, mastercard):
    mastercard.refuse(302, None, Location="https://elsewhere.example.com/")
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "hub-00000000000000000001"})
    assert caught.value.code == "bad_answer"


def test_order_of_somebody_else_is_not_found(desk):
    for action in ("payment.get", "payment.refund", "payment.capture", "payment.void"):
        with pytest.raises(PermanentError) as caught:
            desk.run(action, {"payment": "their-order/../7"}, key=action)
        assert caught.value.code == "not_found"


def test_state_that_does_not_fit_is_refused(desk, mastercard):
    page = desk.run("payment.create", {"amount": EUR, "return_url": BACK}, key="page")["payment"]
    paid = charged(desk)["payment"]
    held = charged(desk, key="held", capture="manual")["payment"]
    for action, payment in [
        ("payment.capture", page),
        ("payment.capture", paid),
        ("payment.void", page),
        ("payment.void", paid),
        ("payment.refund", page),
        ("payment.refund", held),
    ]:
        with pytest.raises(PermanentError) as caught:
            desk.run(action, {"payment": payment}, key=f"{action}{payment}")
        assert caught.value.code == "wrong_state", (action, payment)


def test_more_than_the_rest_and_another_currency_are_refused(desk, mastercard):
    payment = charged(desk)["payment"]
    held = charged(desk, key="held", capture="manual")["payment"]
    for action, reference in [("payment.refund", payment), ("payment.capture", held)]:
        for minor, currency, code in [(2000, "EUR", "amount_exceeds_rest"), (5, "USD", "bad_input")]:
            with pytest.raises(PermanentError) as caught:
                desk.run(
                    action, {"payment": reference, "amount": {"minor": minor, "currency": currency}}, key=action + code
                )
            assert caught.value.code == code
    desk.run("payment.refund", {"payment": payment}, key="all")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": payment}, key="more")
    assert caught.value.code == "already_refunded"


def test_metadata_that_the_gateway_would_cut_is_refused(desk, mastercard):
    for metadata in (
        {"note": "x" * 251},
        {"n" * 101: "x"},
        {f"name{number}": "x" for number in range(51)},
        {"empty": ""},
    ):
        with pytest.raises(PermanentError) as caught:
            charged(desk, metadata=metadata)
        assert caught.value.code == "bad_input"
    assert mastercard.received == []


# Mastercard Send.


def test_declined_payout_is_told_with_the_networks_code_and_not_repeated(desk, mastercard):
    mastercard.send_status = "DECLINED"
    for run in (desk.run, desk.again):
        with pytest.raises(PermanentError) as caught:
            run("payout.create", PAYOUT)
        assert (caught.value.code, caught.value.gateway_code) == ("expired_card", "54")
    (made,) = mastercard.disbursements
    got = desk.run("payout.get", {"payout": made})
    assert (got["status"], got["reason"], got["gateway"]["code"]) == ("failed", "expired_card", "54")


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (send_error(400, "INVALID_INPUT_VALUE", "recipient_account_uri"), PermanentError, "invalid_recipient"),
        (send_error(400, "INVALID_INPUT_VALUE", "currency"), PermanentError, "invalid_request"),
        (send_error(402, "DECLINE", "Network"), PermanentError, "invalid_recipient"),
        (send_error(401, "AUTHENTICATION_FAILED", "OAuth"), PermanentError, "unauthorised"),
        (send_error(403, "PERMISSION_DENIED", "Gateway"), PermanentError, "forbidden"),
        (send_error(400, "LIMIT_EXCEEDED", "amount"), PermanentError, "limit_exceeded"),
        (send_error(500, "SYSTEM_ERROR", "System"), TransientError, "gateway_down"),
        (send_error(400, "INVALID_INPUT_VALUE", "currency", recoverable="true"), TransientError, "invalid_request"),
    ],
    ids=["account", "value", "decline", "key", "forbidden", "limit", "down", "recoverable"],
)
def test_error_of_mastercard_send_is_told_by_reason_and_source(desk, mastercard, answer, kind, code):
    mastercard.refuse(answer.status, answer.body)
    with pytest.raises(kind) as caught:
        desk.run("payout.create", PAYOUT)
    assert caught.value.code == code


def test_unknown_payout_is_not_found(desk):
    with pytest.raises(PermanentError) as caught:
        desk.run("payout.get", {"payout": "disb_nobodys"})
    assert caught.value.code == "not_found"


# Notifications.


def forged(order, transaction="1", **more):
    payload = {
        "order": {"id": order},
        "transaction": {"id": transaction, "type": "PAYMENT"},
        "result": "SUCCESS",
        **more,
    }
    return RawEvent("note-1", "PAYMENT.SUCCESS", payload)


def test_forged_notification_says_nothing_that_the_order_does_not_say(desk, mastercard):
    payment = charged(desk, capture="manual")["payment"]
    truth = desk.connector.enrich(forged(payment), desk.call())
    assert truth.type == "AUTHORIZATION.SUCCESS"
    (event,) = desk.connector.map(truth, desk.connection)
    assert (event.type, event.data["amount"]) == ("payment.authorized", EUR)


@pytest.mark.parametrize(("order", "transaction"), [("hub-00000000000000000009", "1"), (None, "99")])
def test_notification_of_what_does_not_exist_is_refused(desk, mastercard, order, transaction):
    order = order or charged(desk)["payment"]
    with pytest.raises(PermanentError) as caught:
        desk.connector.enrich(forged(order, transaction), desk.call())
    assert caught.value.code == "not_found"


def test_notification_waits_while_the_gateway_is_down(desk, mastercard):
    payment = charged(desk)["payment"]
    mastercard.treat(DOWN)
    with pytest.raises(TransientError):
        desk.connector.enrich(forged(payment), desk.call())


@pytest.mark.parametrize("secret", ["send_signing_key", "send_sender_account"])
def test_no_secret_of_payouts_shows_in_an_error(desk, mastercard, secret):
    planted = desk.connection.secret(secret)
    line = next(line for line in planted.splitlines() if "-----" not in line)
    mastercard.refuse(500, send_error(500, "SYSTEM_ERROR", "System", f"echo {line}").body)
    with pytest.raises(TransientError) as caught:
        desk.run("payout.create", PAYOUT)
    assert line not in f"{caught.value} {caught.value.details}"


def test_no_secret_shows_in_an_error(desk, mastercard):
    password, mastercard.password = mastercard.password, "another-password"
    mastercard.refuse(
        500, {"error": {"cause": "SERVER_FAILED", "explanation": f"password {password}"}, "result": "ERROR"}
    )
    for kind in (TransientError, PermanentError):
        with pytest.raises(kind) as caught:
            charged(desk)
        assert password not in f"{caught.value} {caught.value.details}"
