from __future__ import annotations

import base64
import json

import pytest

from hub.errors import ActionError, PermanentError, TransientError, UncertainError
from tests.contract.visa_steps import PART, STORED, USD, begun, desk_of, paid, plan, taken
from tests.fakes.fake_visa import FakeVisa
from tests.fakes.server import DOWN, HANGING, LOST, MAINTENANCE, RESET, Answered, Mood


@pytest.fixture
def visa():
    with FakeVisa().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(visa, registry, outbound):
    return desk_of(visa, registry, outbound)


def standing(visa, service):
    """Transactions of a service that were not taken back."""
    undone = {
        one["clientReferenceInformation"].get("comments")
        for one in visa.transactions.values()
        if {"ics_void", "ics_auth_reversal"} & {app["name"] for app in one["applicationInformation"]["applications"]}
    }
    return [
        one
        for one in visa.transactions.values()
        if service in {app["name"] for app in one["applicationInformation"]["applications"]} and one["id"] not in undone
    ]


def lose(visa, path_end, mood=LOST):
    """Treat the next request whose path ends so as ``mood`` says; all others well."""

    class OnlyThere(list):
        def pop(self, index=0):
            return super().pop(index) if visa.received[-1].path.endswith(path_end) else None

    visa.moods = OnlyThere([mood])


BAD = [LOST, DOWN, RESET, MAINTENANCE]
NAMES = ["lost", "down", "reset", "maintenance"]


# Once, whatever happens to the answer.


@pytest.mark.parametrize("mood", BAD, ids=NAMES)
@pytest.mark.parametrize("is_listed", [True, False], ids=["listed", "not-listed-yet"])
@pytest.mark.parametrize(("capture", "service"), [("automatic", "ics_bill"), ("manual", "ics_auth")])
def test_stored_means_is_charged_once_whatever_becomes_of_the_answer(desk, visa, mood, is_listed, capture, service):
    given = {**STORED, "capture": capture}
    lose(visa, "/pts/v2/payments", mood)
    with pytest.raises(ActionError) as caught:
        desk.run("payment.create", given)
    assert not isinstance(caught.value, PermanentError)
    if not is_listed:
        visa.unlisted = set(visa.transactions)
    output = desk.again("payment.create", given)
    (one,) = standing(visa, service)
    assert output["payment"] == one["id"]
    assert output["status"] in {"succeeded", "authorized"}


@pytest.mark.parametrize("mood", BAD, ids=NAMES)
@pytest.mark.parametrize("is_listed", [True, False], ids=["listed", "not-listed-yet"])
def test_refund_is_made_once_whatever_becomes_of_the_answer(desk, visa, mood, is_listed):
    given = {"payment": desk.run("payment.create", STORED)["payment"], "amount": PART}
    before = set(visa.transactions)
    lose(visa, "/refunds", mood)
    with pytest.raises(ActionError):
        desk.run("payment.refund", given, key="r")
    if not is_listed:
        visa.unlisted = set(visa.transactions) - before
    output = desk.again("payment.refund", given, key="r")
    (one,) = standing(visa, "ics_credit")
    assert (output["refund"], output["amount"]) == (one["id"], PART)


@pytest.mark.parametrize("mood", BAD, ids=NAMES)
def test_capture_is_made_once_whatever_becomes_of_the_answer(desk, visa, mood):
    given = {"payment": paid(desk, visa, capture="manual")["payment"], "amount": PART}
    lose(visa, "/captures", mood)
    with pytest.raises(ActionError):
        desk.run("payment.capture", given, key="c")
    assert desk.again("payment.capture", given, key="c")["captured"] == PART
    assert len(standing(visa, "ics_bill")) == 1


@pytest.mark.parametrize("mood", BAD, ids=NAMES)
@pytest.mark.parametrize(
    ("action", "given", "path", "kept"),
    [
        ("link.create", {"amount": USD}, "/payment-links", "links"),
        ("plan.create", {"name": "Gold", "price": USD, "interval": {"unit": "month"}}, "/plans", "plans"),
    ],
)
def test_link_and_plan_are_made_once(desk, visa, mood, action, given, path, kept):
    lose(visa, path, mood)
    with pytest.raises(ActionError):
        desk.run(action, given)
    output = desk.again(action, given)
    (one,) = getattr(visa, kept)
    assert one in {output.get("link"), output.get("plan")}


def test_subscription_is_made_once(desk, visa):
    given = {"plan": plan(desk)["plan"], "method": "TOKENMADEUP0001"}
    lose(visa, "/subscriptions")
    with pytest.raises(UncertainError):
        desk.run("subscription.create", given, key="s")
    assert desk.again("subscription.create", given, key="s")["subscription"] in visa.subscriptions
    assert len(visa.subscriptions) == 1


def test_same_attempt_after_a_crash_is_never_a_second_charge(desk, visa):
    desk.run("payment.create", STORED)
    visa.unlisted = set(visa.transactions)
    with pytest.raises(UncertainError) as caught:
        desk.run("payment.create", STORED)
    assert caught.value.gateway_code == "DUPLICATE_REQUEST"
    assert len(standing(visa, "ics_bill")) == 1


def test_slow_answer_is_uncertain_and_found_at_the_repeat(desk, visa, impatient):
    desk.outbound = impatient
    visa.treat(HANGING)
    with pytest.raises(UncertainError):
        desk.run("payment.create", STORED)
    assert desk.again("payment.create", STORED)["status"] == "succeeded"
    assert len(standing(visa, "ics_bill")) == 1


def test_declined_attempt_that_was_not_heard_is_found_declined(desk, visa):
    lose(visa, "/pts/v2/payments")
    given = {**STORED, "method": "TOKENNOFUNDS"}
    with pytest.raises(UncertainError):
        desk.run("payment.create", given)
    with pytest.raises(PermanentError) as caught:
        desk.again("payment.create", given)
    assert caught.value.code == "insufficient_funds"
    assert visa.count("POST", "/pts/v2/payments") == 1


def test_void_whose_answer_was_lost_is_not_refused_for_good(desk, visa):
    given = {"payment": desk.run("payment.create", STORED)["payment"]}
    before = set(visa.transactions)
    lose(visa, "/voids")
    with pytest.raises(TransientError):
        desk.run("payment.void", given, key="v")
    visa.unlisted = set(visa.transactions) - before
    with pytest.raises(TransientError) as caught:
        desk.again("payment.void", given, key="v")
    assert caught.value.code == "not_found"
    visa.unlisted.clear()
    assert desk.again("payment.void", given, key="v")["status"] == "voided"


def test_attempt_that_was_taken_back_is_not_found_as_done(desk, visa):
    lose(visa, "/pts/v2/payments")
    with pytest.raises(UncertainError):
        desk.run("payment.create", STORED)
    visa.unlisted = set(visa.transactions)
    lose(visa, "/pts/v2/payments", RESET)
    with pytest.raises(UncertainError):
        desk.again("payment.create", STORED)
    visa.unlisted.clear()
    call = desk.call(STORED, attempt=3)
    assert desk.connector.find("payment.create", call) is None
    assert desk.connector.run("payment.create", call)["status"] == "succeeded"
    assert len(standing(visa, "ics_bill")) == 1


PAYOUT = {"amount": USD, "provider": "prv_2", "to": {"card": "TOKENMADEUP0002"}}


def test_payout_whose_answer_was_lost_is_looked_up_and_never_sent_again(desk, visa):
    lose(visa, "/payouts")
    assert desk.run("payout.create", PAYOUT)["status"] == "paid"
    assert visa.count("POST", "/payouts") == 1


def test_payout_that_nobody_can_find_is_for_a_person(desk, visa):
    lose(visa, "/payouts", RESET)
    with pytest.raises(UncertainError):
        desk.run("payout.create", PAYOUT)
    assert desk.connector.manifest.actions["payout.create"].idempotent.value == "no"
    assert visa.count("POST", "/payouts") == 1


def test_declined_payout_says_so(desk):
    with pytest.raises(PermanentError) as caught:
        desk.run("payout.create", {**PAYOUT, "to": {"card": "TOKENEXPIRED"}})
    assert (caught.value.code, caught.value.gateway_code) == ("expired_card", "EXPIRED_CARD")


def test_payment_that_is_not_listed_yet_is_tried_again(desk, visa):
    payment = desk.run("payment.create", STORED)["payment"]
    visa.unlisted = {payment}
    for action in ("payment.refund", "payment.get", "payment.void"):
        with pytest.raises(TransientError) as caught:
            desk.run(action, {"payment": payment}, key=action)
        assert caught.value.code == "not_found"
    unpaid = begun(desk)["payment"]
    with pytest.raises(TransientError, match="nobody has paid"):
        desk.run("payment.capture", {"payment": unpaid}, key="c")


# What its refusals mean.


@pytest.mark.parametrize(
    ("token", "code", "own"),
    [
        ("TOKENDECLINED", "card_declined", "PROCESSOR_DECLINED"),
        ("TOKENNOFUNDS", "insufficient_funds", "INSUFFICIENT_FUND"),
        ("TOKENEXPIRED", "expired_card", "EXPIRED_CARD"),
        ("TOKENCHALLENGE", "authentication_required", "CONSUMER_AUTHENTICATION_REQUIRED"),
        ("TOKENRISK", "fraud_review", "DECISION_PROFILE_REJECT"),
        ("TOKENUNKNOWN", "invalid_request", "INVALID_DATA"),
    ],
)
def test_decline_with_201_is_permanent_with_visas_own_reason(desk, token, code, own):
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {**STORED, "method": token})
    assert (caught.value.code, caught.value.gateway_code) == (code, own)


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "code"),
    [
        (400, {"status": "INVALID_REQUEST", "reason": "MISSING_FIELD"}, {}, PermanentError, "invalid_request"),
        (400, {"reason": "INVALID_MERCHANT_CONFIGURATION"}, {}, PermanentError, "not_enabled"),
        (401, {"response": {"rmsg": "Authentication Failed"}}, {}, PermanentError, "unauthorised"),
        (403, {}, {}, PermanentError, "forbidden"),
        (404, {"errors": [{"type": "notFound", "message": "Token not found"}]}, {}, PermanentError, "not_found"),
        (429, {}, {"Retry_After": "7"}, TransientError, "rate_limited"),
        (502, {"status": "SERVER_ERROR", "reason": "SYSTEM_ERROR"}, {}, UncertainError, "uncertain"),
        (502, {"status": "SERVER_ERROR", "reason": "SERVER_TIMEOUT"}, {}, UncertainError, "uncertain"),
        (302, {}, {}, TransientError, "bad_answer"),
    ],
)
def test_refusal_is_told_by_reason_and_status(desk, visa, status, body, headers, kind, code):
    visa.refuse(status, body, **headers)
    with pytest.raises(kind) as caught:
        desk.run("payment.create", STORED)
    assert caught.value.code == code
    if code == "rate_limited":
        assert caught.value.retry_after == 7


def test_failing_read_is_only_transient_and_names_visas_support_id(desk, visa):
    visa.refuse(503, {"status": "SERVER_ERROR"}, v_c_correlation_id="made-up-correlation")
    with pytest.raises(TransientError, match="made-up-correlation") as caught:
        desk.run("payment.get", {"payment": "7950000000000000000001"})
    assert caught.value.code == "gateway_down"


def test_what_a_state_does_not_allow_is_refused(desk, visa):
    payment = desk.run("payment.create", STORED)["payment"]
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.capture", {"payment": payment}, key="c")
    assert caught.value.code == "wrong_state"
    more = {"payment": payment, "amount": {"minor": 2000, "currency": "USD"}}
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", more, key="r1")
    assert caught.value.code == "amount_exceeds_rest"
    desk.run("payment.refund", {"payment": payment}, key="r2")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": payment}, key="r3")
    assert caught.value.code == "already_refunded"
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.void", {"payment": payment}, key="v")
    assert caught.value.code == "wrong_state"
    held = desk.run("payment.create", {**STORED, "capture": "manual"}, key="held")["payment"]
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": held}, key="r4")
    assert caught.value.code == "wrong_state"


@pytest.mark.parametrize("minor", [0, -5])
def test_amounts_that_cannot_be_paid_are_refused_before_the_call(desk, visa, minor):
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {**STORED, "amount": {"minor": minor, "currency": "USD"}})
    assert caught.value.code == "bad_input"
    assert visa.received == []


def test_metadata_of_persons_and_beyond_the_room_is_refused(desk, visa):
    for metadata in ({"mail": "ada@example.com"}, {"long": "x" * 3000}):
        with pytest.raises(PermanentError) as caught:
            desk.run("payment.create", {**STORED, "metadata": metadata})
        assert caught.value.code == "bad_input"
    assert visa.received == []


def test_long_metadata_comes_back_whole(desk, visa):
    metadata = {"notes": "abcdefghij" * 100}
    payment = desk.run("payment.create", {**STORED, "metadata": metadata})["payment"]
    assert desk.run("payment.get", {"payment": payment})["metadata"] == metadata


@pytest.mark.parametrize(
    "body",
    [
        "no token",
        "a.b.c",
        f"{base64.urlsafe_b64encode(b'{}').decode()}.{base64.urlsafe_b64encode(b'[]').decode()}.x",
        "x." + base64.urlsafe_b64encode(json.dumps({"ctx": [{"data": {"clientLibrary": "https://evil.example/x.js"}}]}).encode()).decode().rstrip("=") + ".x",
    ],
)  # fmt: skip
def test_capture_context_that_is_none_or_names_another_library_is_refused(desk, visa, body):
    visa.moods.append(Mood(Answered(201, body, {"Content-Type": "application/jwt"})))
    with pytest.raises(TransientError) as caught:
        desk.run("form.embed", {"amount": USD})
    assert caught.value.code == "bad_answer"


def test_secrets_never_show(desk, visa, registry, outbound):
    visa.secret = base64.b64encode(b"another secret at visa").decode()
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", STORED)
    assert caught.value.code == "unauthorised"
    own = desk.connection.secrets["shared_secret"][0]
    assert own not in f"{caught.value} {caught.value.details}"
    broken = desk_of(visa, registry, outbound, shared_secret="not base64 at all!")
    with pytest.raises(Exception, match="not base64") as caught_config:
        broken.run("payment.get", {"payment": "7950000000000000000001"})
    assert "not base64 at all!" not in str(caught_config.value)


# Events that come before Visa lists them.


def test_delivery_of_what_visa_does_not_list_yet_is_taken_at_its_word(desk, visa):
    payment = desk.run("payment.create", STORED)["payment"]
    visa.unlisted = {payment}
    (webhook,) = visa.webhooks("")
    (event,) = taken(desk, webhook)
    assert (event.type, event.source_id) == ("payment.succeeded", f"payment.succeeded:{payment}")
    assert event.data["amount"] == USD


def test_delivery_that_tells_too_little_is_asked_for_again(desk, visa):
    visa.tell("payByLink.merchant.payment", {"id": "L0000000123456789ABC", "amount": "10.00"})
    visa.tell("risk.profile.decision.review", {"id": "7950000000000000009999"})
    for webhook in visa.webhooks(""):
        with pytest.raises(TransientError, match="does not list it yet"):
            taken(desk, webhook)


def test_reports_and_links_that_the_account_lacks_do_not_stop_the_poll(desk, visa):
    for path in ("chargeback-details", "payment-links"):
        lose(visa, path, Mood(Answered(403, {})))
        assert desk.connector.poll(desk.call(), {"since": "2026-11-23T08:00:00Z"}).events == ()
    visa.treat(DOWN)
    with pytest.raises(TransientError):
        desk.connector.poll(desk.call(), {"since": "2026-11-23T08:00:00Z"})


def test_poll_after_a_long_pause_goes_on_day_by_day(desk):
    cursor = {"since": "2026-11-20T09:00:00Z"}
    seen = []
    for _ in range(4):
        cursor = desk.connector.poll(desk.call(), cursor).cursor
        seen.append(cursor["since"])
    assert seen == ["2026-11-21T09:00:00Z", "2026-11-22T09:00:00Z", "2026-11-23T09:00:00Z", "2026-11-23T09:00:00Z"]
