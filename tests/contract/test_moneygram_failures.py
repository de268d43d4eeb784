from __future__ import annotations

import json

import pytest

from hub.errors import PermanentError, SignatureError, TransientError, UncertainError
from tests.contract.moneygram_steps import PAYOUT, When, canonical, desk_of, pay_out, retry, told
from tests.fakes.fake_moneygram import FakeMoneyGram
from tests.fakes.moneygram_books import public_key
from tests.fakes.server import DOWN, HANGING, LOST, MAINTENANCE, RESET


@pytest.fixture
def moneygram():
    with FakeMoneyGram().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(moneygram, registry, outbound):
    return desk_of(moneygram, registry, outbound)


MOODS = pytest.mark.parametrize("mood", [LOST, DOWN, RESET, MAINTENANCE], ids=["lost", "down", "reset", "maintenance"])
BEFORE_THE_COMMITMENT = ["/oauth/accesstoken", "/transaction-fields-send", "/quote"]


# Never two payouts.


@MOODS
@pytest.mark.parametrize("path_end", BEFORE_THE_COMMITMENT)
def test_answer_lost_before_the_commitment_is_tried_again(desk, moneygram, path_end, mood):
    moneygram.moods = When(moneygram, path_end, mood)
    with pytest.raises(TransientError) as caught:
        pay_out(desk)
    assert retry(desk, moneygram, caught.value)["status"] == "sent"
    assert len(moneygram.executed) == 1


def test_commitment_whose_answer_was_lost_is_looked_up_at_once(desk, moneygram):
    moneygram.moods = When(moneygram, "/commit", LOST)
    assert pay_out(desk)["status"] == "sent"
    assert (moneygram.count("POST", "/quote"), moneygram.count("PUT", "/commit")) == (1, 1)
    assert len(moneygram.executed) == 1


def test_slow_commitment_is_looked_up_too(desk, moneygram, impatient):
    desk.outbound = impatient
    moneygram.moods = When(moneygram, "/commit", HANGING)
    assert pay_out(desk)["status"] == "sent"
    assert len(moneygram.transactions) == 1


@pytest.mark.parametrize("unknown", [True, False])
@pytest.mark.parametrize("mood", [DOWN, RESET, MAINTENANCE], ids=["down", "reset", "maintenance"])
def test_commitment_that_did_not_arrive_is_made_again_for_the_same_transaction(desk, moneygram, mood, unknown):
    moneygram.unknown_until_committed = unknown
    moneygram.moods = When(moneygram, "/commit", mood)
    with pytest.raises(TransientError) as caught:
        pay_out(desk)
    assert caught.value.details["committing"] is True
    moneygram.wait(10)
    assert retry(desk, moneygram, caught.value)["status"] == "sent"
    assert moneygram.count("POST", "/quote") == 1
    assert list(moneygram.transactions) == moneygram.executed


def test_transaction_that_can_be_committed_no_more_is_replaced(desk, moneygram):
    moneygram.moods = When(moneygram, "/commit", DOWN)
    with pytest.raises(TransientError) as caught:
        pay_out(desk)
    moneygram.wait(33)
    retry(desk, moneygram, caught.value)
    assert moneygram.count("POST", "/quote") == 2
    assert len(moneygram.executed) == 1


def test_late_commitment_is_found_even_after_its_time(desk, moneygram):
    moneygram.moods = When(moneygram, "/commit", DOWN)
    with pytest.raises(TransientError) as caught:
        pay_out(desk)
    moneygram.transactions[caught.value.details["transaction"]]["number"] = "76900001"
    moneygram.move(caught.value.details["transaction"], "SENT")
    moneygram.wait(60)
    assert retry(desk, moneygram, caught.value)["payout"] == caught.value.details["transaction"]
    assert moneygram.count("POST", "/quote") == 1


def test_lost_commitment_that_cannot_be_looked_up_is_for_a_person(desk, moneygram):
    class LoseBoth(When):
        def pop(self, index=0):
            path = self.fake.received[-1].path
            if path.endswith("/commit"):
                return LOST
            return DOWN if "/status/" in path else None

    moneygram.moods = LoseBoth(moneygram, "", LOST)
    with pytest.raises(UncertainError) as caught:
        pay_out(desk)
    moneygram.moods = []
    assert moneygram.executed[0] in caught.value.message
    # The person says "try again": it is looked up first.
    assert retry(desk, moneygram, caught.value)["payout"] == moneygram.executed[0]
    assert len(moneygram.transactions) == 1


def test_commitment_that_is_refused_is_permanent(desk, moneygram):
    moneygram.moods = When(moneygram, "/commit", *refusals(400, "600", "The recipient was refused."))
    with pytest.raises(PermanentError, match="The recipient was refused"):
        pay_out(desk)
    assert moneygram.executed == []


def refusals(status, code, message):
    fake = FakeMoneyGram()
    fake.refuse(status, {"errors": [{"category": "IP-20000", "code": code, "message": message}]})
    return fake.moods


def test_commitment_that_was_made_meanwhile_is_found(desk, moneygram):
    moneygram.moods = When(moneygram, "/commit", DOWN)
    with pytest.raises(TransientError) as caught:
        pay_out(desk)

    class CommitMeanwhile(When):
        """The status still says UNFUNDED, and the first commitment arrives before the second one."""

        def pop(self, index=0):
            if self.fake.received[-1].path.endswith("/commit") and not self.fake.executed:
                reference = next(iter(self.fake.transactions))
                self.fake.transactions[reference]["number"] = "76900001"
                self.fake.move(reference, "SENT")

    moneygram.moods = CommitMeanwhile(moneygram, "", DOWN)
    assert retry(desk, moneygram, caught.value)["status"] == "sent"
    assert len(moneygram.transactions) == 1


def test_status_that_lags_behind_the_commitment_does_not_hide_it(desk, moneygram, monkeypatch):
    lagging = {"transactionStatus": "UNFUNDED"}
    status_of = moneygram.status_of
    monkeypatch.setattr(moneygram, "status_of", lambda reference: {**status_of(reference), **lagging})
    assert pay_out(desk)["status"] == "sent"


def test_payout_without_figures_is_still_a_payout(desk, moneygram):
    class NoStatus(When):
        def pop(self, index=0):
            return DOWN if "/status/" in self.fake.received[-1].path else None

    moneygram.moods = NoStatus(moneygram, "", DOWN)
    output = pay_out(desk)
    moneygram.moods = []
    assert (output["status"], output["amount"]) == ("sent", PAYOUT["amount"])


@MOODS
def test_recall_whose_answer_was_lost_is_made_once(desk, moneygram, mood):
    given = {"payout": pay_out(desk)["payout"], "reason": "TECH_PROB"}
    moneygram.moods = When(moneygram, "/commit", mood)
    with pytest.raises(TransientError):
        desk.run("payout.recall", given, key="recall")
    assert desk.again("payout.recall", given, key="recall")["status"] == "reversed"


def test_request_that_changes_something_is_uncertain_when_its_answer_is_lost(desk, moneygram):
    desk.run("corridor.services", {"country": "NGA"})
    moneygram.treat(LOST)
    given = {"method": "POST", "path": "/disbursement/v1/transactions/quote", "body": {}}
    with pytest.raises(UncertainError):
        desk.run("request", given, key="r")
    moneygram.complaints.clear()


# What its refusals mean.


@pytest.mark.parametrize(
    ("status", "own", "kind", "code"),
    [
        (400, "600", PermanentError, "invalid_request"),
        (400, "697", PermanentError, "not_found"),
        (403, "G403", PermanentError, "forbidden"),
        (404, "G404", PermanentError, "not_found"),
        (409, "G409", PermanentError, "wrong_state"),
        (429, "G429", TransientError, "rate_limited"),
        (500, "G500", TransientError, "gateway_down"),
    ],
)
def test_refusal_is_told_by_code_and_status(desk, moneygram, status, own, kind, code):
    desk.run("corridor.services", {"country": "NGA"})
    moneygram.moods = refusals(status, own, "In MoneyGram's own words.")
    with pytest.raises(kind) as caught:
        desk.run("payout.get", {"payout": "t-1"})
    assert caught.value.code == code
    if code != "not_found":
        assert caught.value.gateway_code == own
        assert "In MoneyGram's own words." in caught.value.message


def test_throttling_honours_the_pause(desk, moneygram):
    desk.run("corridor.services", {"country": "NGA"})
    moneygram.refuse(429, {"errors": []}, Retry_After="7")
    with pytest.raises(TransientError) as caught:
        desk.run("payout.get", {"payout": "t-1"})
    assert caught.value.retry_after == 7


def test_redirect_and_other_json_are_no_answers(desk, moneygram):
    desk.run("corridor.services", {"country": "NGA"})
    moneygram.refuse(302, "", Location="https://example.com/")
    with pytest.raises(TransientError) as caught:
        desk.run("payout.get", {"payout": "t-1"})
    assert caught.value.code == "bad_answer"


def test_unknown_payout_is_not_found(desk):
    for action in ("payout.get", "payout.recall"):
        with pytest.raises(PermanentError) as caught:
            desk.run(action, {"payout": "00000000-0000-4000-8000-000000000000"}, key=action)
        assert caught.value.code == "not_found"


def test_client_that_is_refused_is_told_and_not_shown(moneygram, registry, outbound):
    desk = desk_of(moneygram, registry, outbound, client_secret="another-secret-0123456789")
    with pytest.raises(PermanentError) as caught:
        desk.connector.test(desk.call())
    assert caught.value.code == "unauthorised"
    assert "another-secret" not in f"{caught.value} {caught.value.details}"


def test_client_secret_shows_nowhere(desk, moneygram):
    secret = desk.connection.secret("client_secret")
    shown = [json.dumps(pay_out(desk))]
    moneygram.moods = refusals(400, "600", f"What is {secret}?")
    with pytest.raises(PermanentError) as caught:
        desk.run("payout.get", {"payout": "t-1"})
    shown.append(f"{caught.value} {caught.value.details}")
    assert not [text for text in shown if secret in text]
    assert secret not in repr(desk.connection)


# Deliveries.


def test_delivery_of_an_unknown_transaction_gives_no_event(desk, moneygram):
    reference = pay_out(desk)["payout"]
    moneygram.move(reference, "RECEIVED")
    webhooks = moneygram.webhooks("")
    del moneygram.transactions[reference]
    assert [canonical(desk, moneygram, one) for one in webhooks] == [[], []]


def test_delivery_that_cannot_be_looked_up_now_is_asked_for_again(desk, moneygram):
    pay_out(desk)
    (webhook,) = moneygram.webhooks("")
    moneygram.treat(DOWN)
    with pytest.raises(TransientError):
        canonical(desk, moneygram, webhook)


def test_both_keys_pass_while_one_rolls(desk, moneygram):
    rolling = desk.with_settings(public_key=f"{public_key('next')},{public_key()}")
    reference = pay_out(desk)["payout"]
    moneygram.move(reference, "RECEIVED")
    assert [event.type for event in told(rolling, moneygram)] == ["payout.paid"]


def test_public_key_that_cannot_be_read_says_what_to_do(desk, moneygram):
    pay_out(desk)
    broken = desk.with_settings(public_key="MIIBroken")
    with pytest.raises(SignatureError) as caught:
        told(broken, moneygram)
    assert caught.value.code == "bad_secret"
    assert "page Security" in caught.value.remedy
