"""The seam of the hub's own work: changes with their events, calls made once, timers, what follows from events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from hub.config import load_settings
from hub.connect.manifest import Idempotency
from hub.engine import own_actions, timers
from hub.engine.hub import Hub, Role
from hub.errors import ConflictError, NotFoundError, PermanentError, TransientError, UncertainError
from hub.journal.queries import EventFilter
from hub.journal.tables import links
from hub.journal.tables_office import calls
from hub.journal.tables_office import timers as table

RECIPE = """\
hub: 1
recipe: thanks
title: Thank
on:
  event: order.paid
steps:
  - id: note
    call: hub/log
    with: {message: "${ event.data.order }"}
"""


class Clock:
    def __init__(self):
        self.moment = datetime(2026, 11, 26, 9, tzinfo=UTC)

    def __call__(self):
        return self.moment


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hub(tmp_path, database_url, clock):
    database = {} if database_url.startswith("sqlite") else {"database_url": database_url}
    made = Hub.open(load_settings({}, workspace=tmp_path / "workspace", sandbox="off", **database), Role.TOOL, clock)
    yield made
    made.close()


def link_row(identity):
    return {"id": identity, "connection": "shop", "state": "active", "input": {}}


def told(hub):
    return [one.type for one in hub.queries.events(EventFilter(), limit=50).items][::-1]


def test_a_change_writes_its_rows_and_its_events_together(hub):
    def work(book):
        assert book.insert(links, link_row("lnk_1"))
        book.tell("order.placed", "order.placed:ord_1", {"order": "ord_1", "reason": None})
        return book.get(links, "lnk_1").state

    assert hub.office("one").change(work) == "active"
    assert told(hub) == ["order.placed"]
    assert hub.queries.event(hub.queries.events(EventFilter()).items[0].id).data == {"order": "ord_1"}


def test_a_change_that_raises_leaves_nothing(hub):
    def work(book):
        book.insert(links, link_row("lnk_1"))
        book.tell("order.placed", "order.placed:ord_1", {"order": "ord_1"})
        book.next_number("invoices")
        raise PermanentError("No.", code="bad_input", remedy="Do not.")

    with pytest.raises(PermanentError):
        hub.office("one").change(work)
    assert told(hub) == []
    assert hub.office("two").change(lambda book: book.find(links, "lnk_1")) is None
    assert hub.office("two").change(lambda book: book.next_number("invoices")) == 1


def test_the_same_thing_told_twice_is_one_event(hub):
    for _ in range(2):
        hub.office("one").change(lambda book: book.tell("order.placed", "order.placed:ord_1", {"order": "ord_1"}))
    assert told(hub) == ["order.placed"]


def test_what_is_told_starts_recipes_that_were_enabled_just_before(hub):
    hub.library.snapshot()
    hub.recipes.save("thanks", RECIPE, "test@example.com", "First")
    hub.office("one").change(lambda book: book.tell("order.paid", "order.paid:ord_1", {"order": "ord_1"}))
    event = hub.queries.events(EventFilter(type="order.paid")).items[0]
    assert [run.recipe for run in hub.queries.event(event.id).runs] == ["thanks"]


def test_an_event_that_follows_is_recorded_with_the_one_it_follows(hub, monkeypatch):
    def order_is_paid(book, events):
        for event in events:
            if event.type == "payment.succeeded":
                order = event.data["order"]
                book.insert(links, link_row(order))
                book.tell("order.paid", f"order.paid:{order}", {"order": order})

    monkeypatch.setattr("hub.engine.hub.PROJECTIONS", (*own_actions.PROJECTIONS, order_is_paid))
    hub.recipes.save("thanks", RECIPE, "test@example.com", "First")
    data = {"payment": "pay_1", "order": "ord_1", "amount": {"minor": 100, "currency": "EUR"}}
    hub.office("one").change(lambda book: book.tell("payment.succeeded", "p:1", data, source="shop"))
    assert told(hub)[-2:] == ["payment.succeeded", "order.paid"]
    paid = hub.queries.events(EventFilter(type="order.paid")).items[0]
    assert len(hub.queries.event(paid.id).runs) == 1
    assert hub.payments.store.payment("shop", "pay_1").state == "succeeded"


def test_a_row_changed_meanwhile_is_not_changed_over(hub):
    office = hub.office("one")
    office.change(lambda book: book.insert(links, link_row("lnk_1")))
    row = office.change(lambda book: book.get(links, "lnk_1"))
    changed = office.change(lambda book: book.change(links, row, state="paid"))
    assert (changed.state, changed.version) == ("paid", row.version + 1)
    with pytest.raises(ConflictError, match="lnk_1"):
        office.change(lambda book: book.change(links, row, state="expired"))


def test_a_thing_that_is_not_there_is_said_to_be_missing(hub):
    with pytest.raises(NotFoundError, match="There is no link 'lnk_9'"):
        hub.office("one").change(lambda book: book.get(links, "lnk_9"))


def test_numbers_of_a_series_have_no_gaps(hub):
    numbers = [hub.office("one").change(lambda book: book.next_number("2026")) for _ in range(3)]
    assert numbers == [1, 2, 3]
    assert hub.office("one").change(lambda book: book.next_number("2027")) == 1


# calls within an action


@pytest.fixture
def acts(hub, monkeypatch):
    """What ``hub/emit`` was asked, and what it answers: errors are raised."""
    asked, answers = [], []

    def act(name, action, key, given, **said):
        asked.append((name, action, key, given, said["repeated"]))
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(hub.payments, "act", act)
    return asked, answers


def idempotent(hub, monkeypatch, word):
    known = hub.registry.action
    monkeypatch.setattr(hub.registry, "action", lambda *names: replace(known(*names), idempotent=word))


def test_a_call_that_was_made_is_not_made_again(hub, acts):
    asked, answers = acts
    answers.append({"event": "evt_1"})
    for _ in range(2):
        assert hub.office("one").call("hub", "emit", {"type": "a.b"}, "first") == {"event": "evt_1"}
    assert len(asked) == 1
    answers.append({"event": "evt_2"})
    assert hub.office("one").call("hub", "emit", {"type": "a.b"}, "second") == {"event": "evt_2"}
    assert asked[0][2] != asked[1][2]


def test_a_call_for_one_thing_is_made_once_whoever_makes_it(hub, acts):
    asked, answers = acts
    answers.append({"event": "evt_1"})
    for key in ("one", "two"):
        office = hub.office(key).about("hold_1")
        assert office.call("hub", "emit", {"type": "a.b"}, "first") == {"event": "evt_1"}
    assert len(asked) == 1
    assert hub.office("one").about("hold_1").identity("x") != hub.office("one").about("hold_2").identity("x")


def test_a_call_that_failed_is_made_again_under_its_key(hub, acts):
    asked, answers = acts
    answers += [TransientError("Down.", code="unavailable"), {"event": "evt_1"}]
    with pytest.raises(TransientError):
        hub.office("one").call("hub", "emit", {}, "first")
    assert hub.office("one").call("hub", "emit", {}, "first") == {"event": "evt_1"}
    assert [one[4] for one in asked] == [False, True]
    assert asked[0][2] == asked[1][2]


def test_a_lost_answer_is_asked_for_again_where_keys_are_honoured(hub, acts):
    asked, answers = acts
    answers += [UncertainError("Lost.", code="lost"), {"event": "evt_1"}]
    with pytest.raises(TransientError):
        hub.office("one").call("hub", "emit", {}, "first")
    assert hub.office("one").call("hub", "emit", {}, "first") == {"event": "evt_1"}
    assert len(asked) == 2


def test_a_call_that_cannot_be_repeated_waits_for_a_person(hub, acts, monkeypatch):
    asked, answers = acts
    idempotent(hub, monkeypatch, Idempotency.NO)
    answers += [UncertainError("Lost.", code="lost"), {"event": "evt_1"}]
    with pytest.raises(UncertainError):
        hub.office("one").call("hub", "emit", {}, "first")
    assert hub.office("one").call("hub", "emit", {}, "first") == {"event": "evt_1"}, "a person said: try again"
    assert len(asked) == 2


def test_a_call_whose_process_died_is_uncertain_where_it_cannot_be_repeated(hub, acts, monkeypatch):
    asked, answers = acts
    idempotent(hub, monkeypatch, Idempotency.NO)

    class Killed(BaseException):
        pass

    answers.append(Killed())
    with pytest.raises(Killed):
        hub.office("one").call("hub", "emit", {}, "first")
    with pytest.raises(UncertainError, match="interrupted"):
        hub.office("one").call("hub", "emit", {}, "first")
    with hub.database.read() as connection:
        assert connection.scalar(sa.select(calls.c.state)) == "uncertain"
    assert len(asked) == 1


def test_a_mail_whose_process_died_is_put_into_the_outbox_again_and_stands_there_once(hub, monkeypatch):
    given = {"to": "ada@example.com", "subject": "Paid", "text": "Thank you."}
    act = hub.payments.act

    def killed(*given, **said):
        act(*given, **said)
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(hub.payments, "act", killed)
        with pytest.raises(KeyboardInterrupt):
            hub.office("one").call("mail", "send", given, "first")
    assert hub.office("one").call("mail", "send", given, "first")["outbox"]
    assert len(hub.store.mails()) == 1


# timers


@pytest.fixture
def work(monkeypatch):
    """A kind of timer whose work a test says."""
    done = []

    def remind(office, subject):
        done.append((subject, office.key))
        outcome = remind.outcomes.pop(0) if remind.outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is not None:
            office.change(lambda book: book.wake_at("test.remind", subject, outcome))

    remind.outcomes, remind.done = [], done
    monkeypatch.setattr(timers, "TIMERS", {"test.remind": remind})
    return remind


def set_timer(hub, due_at):
    hub.office("one").change(lambda book: book.wake_at("test.remind", "lnk_1", due_at))


def left(hub):
    with hub.database.read() as connection:
        return connection.execute(sa.select(table)).all()


def test_a_timer_does_its_work_once_when_it_is_due(hub, clock, work):
    set_timer(hub, clock.moment + timedelta(hours=1))
    assert hub.payment_clock.run_due() == 0
    clock.moment += timedelta(hours=1)
    assert hub.payment_clock.run_due() == 1
    assert hub.payment_clock.run_due() == 0
    assert [subject for subject, _ in work.done] == ["lnk_1"]
    assert left(hub) == []


def test_a_timer_that_fails_is_repeated_under_the_same_key(hub, clock, work):
    work.outcomes += [TransientError("Down.", code="unavailable")]
    set_timer(hub, clock.moment)
    hub.payment_clock.run_due()
    assert left(hub)[0].error["message"] == "Down."
    clock.moment += timedelta(minutes=1)
    hub.payment_clock.run_due()
    assert len(work.done) == 2
    assert work.done[0] == work.done[1]
    assert left(hub) == []


def test_a_timer_set_anew_by_its_own_work_is_new_work(hub, clock, work):
    work.outcomes += [clock.moment + timedelta(days=1)]
    set_timer(hub, clock.moment)
    hub.payment_clock.run_due()
    assert len(left(hub)) == 1
    clock.moment += timedelta(days=1)
    hub.payment_clock.run_due()
    assert len({key for _, key in work.done}) == 2
    assert left(hub) == []


def test_work_of_which_nobody_knows_whether_it_happened_waits_for_a_person(hub, clock, work):
    work.outcomes += [UncertainError("Lost.", code="lost")]
    set_timer(hub, clock.moment)
    hub.payment_clock.run_due()
    clock.moment += timedelta(days=30)
    assert hub.payment_clock.run_due() == 0
    assert (left(hub)[0].due_at, left(hub)[0].error["message"]) == (None, "Lost.")


def test_a_timer_whose_process_died_is_taken_up_by_another(hub, clock, work):
    set_timer(hub, clock.moment)
    assert len(timers.claim_timers(hub, clock.moment, 10)) == 1
    assert timers.claim_timers(hub, clock.moment, 10) == []
    clock.moment += timedelta(minutes=3)
    assert hub.payment_clock.run_due() == 1


def test_what_a_dead_process_had_claimed_is_due_at_once_when_the_only_process_starts(hub, clock, work):
    set_timer(hub, clock.moment)
    timers.claim_timers(hub, clock.moment, 10)
    hub.office("two").change(lambda book: book.wake_at("test.remind", "lnk_2", clock.moment + timedelta(minutes=1)))
    timers.expire_claims(hub)
    assert hub.payment_clock.run_due() == 1
    assert [subject for subject, _ in work.done] == ["lnk_1"], "the other's time has not come"


def test_a_timer_taken_away_does_nothing(hub, clock, work):
    set_timer(hub, clock.moment)
    set_timer(hub, None)
    assert hub.payment_clock.run_due() == 0


# what the hub says of itself


def test_each_action_by_the_hub_is_in_a_manifest_and_the_other_way_round(hub):
    said = {one.name: set(one.actions) for one in hub.registry.manifests() if one.by_hub}
    assert said == {name: set(actions) for name, actions in own_actions.ACTIONS.items()}


def test_public_addresses_are_for_one_purpose(hub):
    address = hub.office("one").address("i", "inv_1")
    kind, token = address.rsplit("/", 2)[1:]
    assert (kind, hub.pages.identity("i", token)) == ("i", "inv_1")
    with pytest.raises(Exception, match="not valid"):
        hub.pages.identity("j", token)
