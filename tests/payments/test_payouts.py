"""Payouts: what is due is reserved, sent once, watched until it is decided, and due again when it fails."""

from datetime import timedelta

import pytest

from hub.connect.manifest import Manifest
from hub.errors import PermanentError, UncertainError
from hub.journal.entries import Happening
from hub.journal.tables_escrow import payouts as payout_table
from hub.journal.tables_office import timers
from hub.payments import payouts
from tests.payments.held import euros, held
from tests.payments.market import KilledError

ADA_BANK = {"iban": "DE89370400440532013000", "bic": "COBADEFFXXX", "holder": "Ada Lovelace"}
GRACE_BANK = {"iban": "FR1420041010050500013M02606", "holder": "Grace Hopper"}
OWN_BANK = {"holder": "Photo & Film GmbH", "iban": "GB33BUKB20201555555555"}


def funded(market, minor=1_000_000):
    """The platform has money at the gateway."""
    payment = market.sandbox("POST", "/payments", {"amount": minor, "currency": "EUR"})["id"]
    market.pay(payment)


def queued(market, account="acct_ada"):
    """A payout to Ada that nobody sent yet."""
    market.provider("prv_ada", account=account)
    market.owe("prv_ada", 5_000)
    funded(market)
    market.act("pay_due", {"connection": "sandbox"}, "pay")
    return market.payouts()[0]


def sent(market):
    """A payout to Ada that the gateway took on."""
    queued(market)
    market.run_due()
    return market.payouts()[0]


def reasons(outcome):
    return {one["provider"]: one["reason"] for one in outcome["skipped"]}


# by a gateway


def test_what_is_due_is_paid_out_by_the_gateway_and_told_once(market):
    market.provider("prv_ada", account="acct_ada")
    market.owe("prv_ada", 19_920)
    funded(market)
    done = market.act("pay_due", {"connection": "sandbox"}, "pay")
    assert [(one["provider"], one["amount"], one["status"]) for one in done["payouts"]] == [
        ("prv_ada", euros(19_920), "queued")
    ]
    assert (done["runs"][0]["number"], done["runs"][0]["total"], done["skipped"]) == (1, euros(19_920), [])
    assert market.account("provider:prv_ada") == 0, "it is reserved at once"
    market.run_due()
    assert market.payouts()[0].state == "sent"
    market.forward_gateway(seconds=11)
    (paid,) = market.heard("payout.paid")
    assert (paid["amount"], paid["metadata"]["provider"]) == (euros(19_920), "prv_ada")
    assert market.payouts()[0].state == "paid"
    market.forward(hours=1)
    assert len(market.events("payout.paid")) == 1, "asking finds nothing new"
    assert (market.account("provider:prv_ada"), market.balance("bank")) == (0, 19_920)


def test_a_payout_without_a_webhook_is_found_by_asking(quick):
    sent(quick)
    quick.silence()
    quick.forward(minutes=2)
    (paid,) = quick.events("payout.paid")
    assert (paid["provider"], paid["amount"]) == ("prv_ada", euros(5_000))
    quick.speak()
    quick.until(lambda: quick.duplicates("payout.paid"))
    assert len(quick.events("payout.paid")) == 1, "the webhook that comes late tells nothing new"


def test_a_payout_that_fails_is_due_again_and_holds_up_no_other(market):
    market.provider("prv_ada", account="acct_ada_closed")
    market.provider("prv_bob", account="acct_bob")
    market.owe("prv_ada", 5_000)
    market.owe("prv_bob", 7_000)
    funded(market)
    market.act("pay_due", {"connection": "sandbox"}, "pay")
    market.run_due()
    market.forward_gateway(seconds=11)
    (failed,) = market.heard("payout.failed")
    market.heard("payout.paid")
    assert failed["reason"] == "account_closed"
    assert {row.provider: row.state for row in market.payouts()} == {"prv_ada": "failed", "prv_bob": "paid"}
    assert (market.account("provider:prv_ada"), market.account("provider:prv_bob")) == (-5_000, 0)


def test_who_failed_three_times_in_a_row_waits_for_a_person(quick):
    queued(quick, "acct_ada_closed")
    for number in range(3):
        quick.act("pay_due", {"connection": "sandbox"}, f"pay{number}")
        quick.run_due()
        quick.forward_gateway(seconds=11)
        quick.heard("payout.failed", number + 1)
    outcome = quick.act("pay_due", {"connection": "sandbox"}, "again")
    assert "last 3 payouts in EUR failed" in reasons(outcome)["prv_ada"]
    alone = quick.act("pay_due", {"connection": "sandbox", "provider": "prv_ada"}, "alone")
    assert len(alone["payouts"]) == 1


def test_failures_that_are_not_in_a_row_keep_nobody_waiting(quick):
    quick.provider("prv_ada", bank=ADA_BANK)
    for number, state in enumerate(["failed", "failed", "paid", "failed", "failed"]):
        quick.owe("prv_ada", 5_000)
        quick.forward(seconds=1)
        quick.act("pay_due", {"bank": True}, f"pay{number}")
        quick.mark(quick.payouts()[-1].id, state)
    last = quick.act("pay_due", {"bank": True}, "third")
    assert (len(last["payouts"]), last["skipped"]) == (1, [])
    quick.mark(last["payouts"][0]["payout"], "failed")
    quick.provider("prv_bob", bank=GRACE_BANK)
    quick.owe("prv_bob", 700)
    outcome = quick.act("pay_due", {"bank": True}, "fourth")
    assert list(reasons(outcome)) == ["prv_ada"]
    assert [one["provider"] for one in outcome["payouts"]] == ["prv_bob"], "nobody else is held up"


def test_currencies_that_fail_in_one_run_are_one_failure_of_each(quick):
    quick.provider("prv_ada", bank=ADA_BANK)
    for number in range(3):
        for currency in ("EUR", "JPY", "USD"):
            quick.owe("prv_ada", 5_000, currency)
        done = quick.act("pay_due", {"bank": True}, f"pay{number}")
        assert (len(done["payouts"]), done["skipped"]) == (3, [])
        for one in done["payouts"]:
            good = one["amount"]["currency"] == "JPY" and number == 1
            quick.mark(one["payout"], "paid" if good else "failed")
    last = quick.act("pay_due", {"bank": True}, "last")
    assert [one["amount"]["currency"] for one in last["payouts"]] == ["JPY"], "one currency holds up no other"
    assert [one["reason"].partition(". ")[0] for one in last["skipped"]] == [
        "Its last 3 payouts in EUR failed",
        "Its last 3 payouts in USD failed",
    ]


def test_parts_of_one_settlement_that_fail_are_one_failure(quick):
    quick.provider("prv_ada", account="acct_ada_restricted", bank=ADA_BANK)
    hold = held(quick)
    parts = [{"provider": "prv_ada", "amount": euros(40_000)}] * 3
    quick.act("settle", {"hold": hold, "parts": parts}, "settle")
    quick.run_due()
    assert [row.state for row in quick.payouts()] == ["failed"] * 3
    outcome = quick.act("pay_due", {"bank": True}, "pay")
    assert (outcome["payouts"][0]["amount"], outcome["skipped"]) == (euros(120_000), [])


def test_a_gateway_that_refuses_at_once_leaves_the_amount_due(quick):
    queued(quick)
    quick.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "refuse", "match": "acct_ada"})
    quick.run_due()
    (failed,) = quick.events("payout.failed")
    assert (failed["provider"], failed["amount"]) == ("prv_ada", euros(5_000))
    assert (quick.payouts()[0].state, quick.account("provider:prv_ada")) == ("failed", -5_000)


def test_a_gateway_that_is_down_is_tried_again_under_the_same_key(quick):
    queued(quick)
    quick.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "lost", "requests": 1})
    quick.run_due()
    quick.forward(minutes=10)
    assert quick.payouts()[0].state in {"sent", "paid"}
    assert len(quick.sandbox("GET", "/payouts")["data"]) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_payout_that_dies_at_the_gateway_is_sent_once(market, moment):
    queued(market)
    market.die_at(0, moment)
    with pytest.raises(KilledError):
        market.run_due()
    market.forward(minutes=3)
    assert len(market.sandbox("GET", "/payouts")["data"]) == 1
    assert market.account("provider:prv_ada") == 0


def test_a_payout_of_which_nobody_knows_waits_for_a_person(quick, monkeypatch):
    queued(quick)
    answers = [UncertainError("Lost.", code="lost", remedy="Look.")]
    act = quick.hub.payments.act

    def lost(name, action, key, given, **said):
        if answers:
            raise answers.pop()
        return act(name, action, key, given, **said)

    monkeypatch.setattr(quick.hub.payments, "act", lost)
    monkeypatch.setattr("hub.engine.office.HubOffice._unknown", lambda self, key, error, repeatable: error)
    quick.run_due()
    row = quick.payouts()[0]
    assert (row.state, row.reason) == ("uncertain", "Lost. Look.")
    quick.forward(days=3)
    assert quick.payouts()[0].state == "uncertain"
    assert quick.mark(row.id, "queued").reason == ""
    quick.run_due()
    assert quick.payouts()[0].state == "sent"
    assert quick.mark(row.id, "paid").state == "paid"
    with pytest.raises(PermanentError, match="paid already"):
        quick.mark(row.id, "failed")


def test_a_failure_that_the_gateway_tells_is_final(quick):
    row = sent(quick)
    quick.happen("payout.failed", row.reference, "prv_ada", 5_000)
    assert (quick.payouts()[0].state, quick.account("provider:prv_ada")) == ("failed", -5_000)
    quick.happen("payout.paid", row.reference, "prv_ada", 5_000)
    assert (quick.payouts()[0].state, quick.account("provider:prv_ada")) == ("failed", -5_000)


def test_what_a_person_said_is_mended_by_what_the_gateway_tells(quick):
    """Otherwise the amount would be paid out a second time."""
    row = sent(quick)
    quick.mark(row.id, "failed", "not on the statement")
    assert quick.account("provider:prv_ada") == -5_000
    quick.happen("payout.paid", row.reference, "prv_ada", 5_000)
    assert (quick.payouts()[0].state, quick.account("provider:prv_ada")) == ("paid", 0)


def test_what_a_person_took_for_paid_fails_when_the_gateway_tells_so(quick):
    row = sent(quick)
    quick.mark(row.id, "paid")
    for outcome in ("failed", "paid"):
        quick.happen(f"payout.{outcome}", row.reference, "prv_ada", 5_000)
        assert (quick.payouts()[0].state, quick.account("provider:prv_ada")) == ("failed", -5_000)


@pytest.mark.parametrize("outcome", ["paid", "failed"])
def test_what_the_gateway_tells_while_it_is_asked_counts_whatever_it_answers(quick, monkeypatch, outcome):
    """Its answer names the payout, but decides nothing any more."""
    act = asked_of(quick, lambda row: quick.happen(f"payout.{outcome}", "", "", 5_000, metadata={"hub_payout": row.id}))
    monkeypatch.setattr(quick.hub.payments, "act", act)
    quick.run_due()
    row = quick.payouts()[0]
    assert (row.state, quick.account("provider:prv_ada")) == (outcome, {"paid": 0, "failed": -5_000}[outcome])
    assert row.reference == quick.sandbox("GET", "/payouts")["data"][0]["id"]


def test_a_refusal_does_not_undo_that_the_gateway_told_of_the_payout(quick, monkeypatch):
    def told(row):
        quick.happen("payout.paid", "po_1", "prv_ada", 5_000, metadata={"hub_payout": row.id})
        raise PermanentError("No.", code="declined", remedy="Ask.")

    monkeypatch.setattr(quick.hub.payments, "act", asked_of(quick, told))
    quick.run_due()
    assert (quick.payouts()[0].state, quick.account("provider:prv_ada")) == ("paid", 0)
    assert quick.act("pay_due", {"connection": "sandbox"}, "next")["payouts"] == [], "it must not be paid again"


def test_that_nobody_knows_does_not_undo_that_the_gateway_told_of_the_payout(quick, monkeypatch):
    def told(row):
        quick.happen("payout.paid", "po_1", "prv_ada", 5_000, metadata={"hub_payout": row.id})
        raise UncertainError("Lost.", code="lost", remedy="Look.")

    monkeypatch.setattr(quick.hub.payments, "act", asked_of(quick, told))
    monkeypatch.setattr("hub.engine.office.HubOffice._unknown", lambda self, key, error, repeatable: error)
    quick.run_due()
    assert (quick.payouts()[0].state, quick.payouts()[0].reason) == ("paid", "")


def asked_of(market, work):
    """A payout to Ada is queued; at its call ``work`` is done first."""
    queued(market)
    act = market.hub.payments.act

    def acts(name, action, key, given, **said):
        if action == "payout.create":
            work(market.payouts()[0])
        return act(name, action, key, given, **said)

    return acts


@pytest.mark.parametrize(
    ("answer", "state", "due"),
    [
        ({"status": "failed", "reason": "no account"}, "failed", -5_000),
        ({"status": "reversed"}, "failed", -5_000),
        ({"status": "paid"}, "paid", 0),
        ({"status": "queued"}, "sent", 0),
        ({"status": "on its way"}, "sent", 0),
        ({}, "sent", 0),
    ],
)
def test_what_the_gateway_answers_decides_or_is_watched(quick, monkeypatch, answer, state, due):
    act = asked_of(quick, lambda _row: None)
    answers = lambda name, action, *rest, **said: (  # noqa: E731 (the gateway's answer alone is another)
        {"payout": "po_1", **answer} if action == "payout.create" else act(name, action, *rest, **said)
    )
    monkeypatch.setattr(quick.hub.payments, "act", answers)
    assert quick.hub.payment_clock.run_due()
    row = quick.payouts()[0]
    assert (row.state, row.reference, row.reason or "") == (state, "po_1", answer.get("reason", ""))
    assert quick.account("provider:prv_ada") == due
    watched = [one for one in quick.rows(timers) if one.kind == payouts.LOOK and one.subject == row.id]
    assert len(watched) == (state == "sent")
    told = {"paid": "payout.paid", "failed": "payout.failed"}.get(state)
    assert [one["metadata"] for kind in (told,) if kind for one in quick.events(kind)] == [
        {"hub_payout": row.id} for kind in (told,) if kind
    ]


def test_a_payout_is_asked_about_ever_more_rarely(quick):
    row, waits, moment = sent(quick), [], quick.hub.now()
    quick._gateway.clock = lambda: moment  # it does not arrive
    for looks in range(4):
        assert quick.payouts()[0].looks == looks
        due = next(one.due_at for one in quick.rows(timers) if one.kind == payouts.LOOK and one.subject == row.id)
        waits.append((due - quick.hub.now()).total_seconds())
        quick._offset += due - quick.hub.now()
        quick.hub.payment_clock.run_due()
    whole = zip(waits, (30, 60, 120, 240), strict=True)
    assert all(length - 10 < wait <= length for wait, length in whole), f"{waits}, less what this took"


def gets(market, monkeypatch, *answers):
    """The gateway answers so each time it is asked about the payout, at last always the same."""
    row, act, left = sent(market), market.hub.payments.act, list(answers)

    def acts(name, action, *rest, **said):
        if action != "payout.get":
            return act(name, action, *rest, **said)
        found = left.pop(0) if len(left) > 1 else left[0]
        return found() if callable(found) else {"payout": row.reference, "amount": euros(5_000), **found}

    market.silence()
    monkeypatch.setattr(market.hub.payments, "act", acts)
    return row


def test_each_look_asks_anew_until_the_gateway_decides(quick, monkeypatch):
    gets(quick, monkeypatch, {"status": "sent"}, {"status": "queued"}, {"status": "failed", "reason": "closed"})
    for looks in (1, 2):
        quick.forward(minutes=2)
        assert (quick.payouts()[0].state, quick.payouts()[0].looks) == ("sent", looks)
    quick.forward(minutes=4)
    assert (quick.payouts()[0].state, quick.payouts()[0].reason) == ("failed", "closed")
    assert quick.account("provider:prv_ada") == -5_000
    assert quick.events("payout.failed")[0]["reason"] == "closed"


def test_what_is_told_while_the_gateway_is_asked_counts(quick, monkeypatch):
    def asked():
        quick.happen("payout.failed", quick.payouts()[0].reference, "prv_ada", 5_000)
        return {"status": "paid"}

    gets(quick, monkeypatch, asked)
    quick.forward(minutes=2)
    assert (quick.payouts()[0].state, quick.account("provider:prv_ada")) == ("failed", -5_000)


def test_a_payout_is_asked_about_for_sixty_days(quick, monkeypatch):
    gets(quick, monkeypatch, {"status": "sent"})
    for days in (59, 2):
        quick._offset += timedelta(days=days)
        quick.hub.payment_clock.run_due()
    assert quick.payouts()[0].state == "sent"
    assert [one for one in quick.rows(timers) if one.kind == payouts.LOOK] == []


def test_what_cannot_be_asked_about_waits_for_the_gateways_report(quick, monkeypatch):
    row, calls = sent(quick), len(quick.calls)
    monkeypatch.setattr(Manifest, "offered", lambda _self, action: None)
    payouts.look(quick.hub.office("look"), row.id)
    assert len(quick.calls) == calls


@pytest.mark.parametrize(
    ("status", "state", "due"), [("failed", "failed", -5_000), ("sent", "paid", 0), ("paid", "paid", 0)]
)
def test_a_transfer_is_done_when_the_gateway_took_it_unless_it_failed(quick, monkeypatch, status, state, due):
    act = asked_of(quick, lambda _row: None)
    quick.hub.office("test").change(
        lambda book: book.change(payout_table, book.get(payout_table, quick.payouts()[0].id), way="transfer")
    )
    answers = lambda name, action, *rest, **said: (  # noqa: E731 (the gateway's answer alone is another)
        {"transfer": "tr_1", "status": status} if action == "transfer.create" else act(name, action, *rest, **said)
    )
    monkeypatch.setattr(quick.hub.payments, "act", answers)
    assert quick.hub.payment_clock.run_due()
    assert (quick.payouts()[0].state, quick.payouts()[0].reference) == (state, "tr_1")
    assert quick.account("provider:prv_ada") == due


def test_a_payout_that_was_refused_paid_and_sent_back_is_due_once(quick):
    row = queued(quick)
    quick.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "refuse", "match": "acct_ada"})
    quick.run_due()
    for outcome, due in (("paid", 0), ("failed", -5_000)):
        quick.happen(f"payout.{outcome}", "po_1", "prv_ada", 5_000, metadata={"hub_payout": row.id})
        assert (quick.payouts()[0].state, quick.account("provider:prv_ada")) == (outcome, due)


def test_what_another_connection_tells_of_a_payout_is_not_ours(quick):
    row = sent(quick)
    data = {"payout": row.reference, "provider": "prv_ada", "amount": euros(5_000), "metadata": {"hub_payout": row.id}}
    for source in ("crm", "hub"):
        happening = Happening("payout.failed", source, "payout.failed:other", data, quick.hub.now())
        quick.hub.recorder.record(happening, quick.hub.now())
    assert quick.payouts()[0].state == "sent"


def test_a_payout_that_is_told_by_its_reference_alone_is_found(quick):
    row = sent(quick)
    quick.happen("payout.failed", "po_stranger", "prv_ada", 5_000)
    assert quick.payouts()[0].state == "sent"
    quick.happen("payout.failed", row.reference, "prv_ada", 5_000)
    assert quick.payouts()[0].state == "failed"


def test_a_payout_that_a_person_decided_is_sent_no_more(quick):
    quick.mark(queued(quick).id, "failed", "wrong account")
    quick.run_due()
    assert quick.sandbox("GET", "/payouts")["data"] == []
    assert (quick.payouts()[0].reason, quick.account("provider:prv_ada")) == ("wrong account", -5_000)
    payouts.send(quick.hub.office("late"), quick.payouts()[0].id)
    assert quick.sandbox("GET", "/payouts")["data"] == [], "nor by a timer that comes late"


def test_only_a_payout_of_which_nobody_knows_can_be_sent_again(quick):
    quick.provider("prv_ada", bank=ADA_BANK)
    quick.owe("prv_ada", 5_000)
    quick.act("pay_due", {"bank": True}, "pay")
    row = quick.payouts()[0]
    for state in ("queued", "uncertain"):
        with pytest.raises(PermanentError, match="queued already") as caught:
            quick.mark(row.id, state)
        assert caught.value.code == "wrong_state"
    assert quick.payouts()[0].state == "queued"
