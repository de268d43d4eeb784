"""What both engines promise: threads on SQLite, jobs between processes on PostgreSQL. One text for both."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from hub.config import load_settings
from hub.engine.hub import Hub, Role
from hub.errors import ConflictError
from hub.ids import new_id
from hub.journal.entries import Happening
from hub.journal.operations import ClaimRequest, claim_runs, update_runs
from hub.journal.queries import RunFilter
from hub.vocabulary import validate_data
from tests.scanning import scans, watched

PATIENCE = 60.0
MANIFEST = """\
connector: 1
name: probe
title: Probe
kind: http
summary: An outside system that does as it is told.
builtin: true
connection: {properties: {}}
actions:
  do: &do
    title: Do
    description: Does as the world says.
    idempotent: key
    input: {type: object, additionalProperties: true}
    output: {type: object, additionalProperties: true}
  once: {<<: *do, title: Once, idempotent: "no"}
"""
CODE = """\
from hub.connect.api import ActionCode, ConnectorCode
from hub.errors import PermanentError, TransientError, UncertainError

CALLS = []
ORDERS = []


def do(call):
    CALLS.append((call.key, dict(call.input)))
    order = ORDERS.pop(0) if ORDERS else "well"
    if order == "transient":
        raise TransientError("Not now.")
    if order == "permanent":
        raise PermanentError("Never.")
    if order == "uncertain":
        raise UncertainError("Who knows?")
    return {"did": call.input.get("n")}


connector = ConnectorCode(actions={"do": ActionCode(do), "once": ActionCode(do)})
"""


class Bench:
    """A hub on either database, an outside world, and a clock that can be set forward."""

    def __init__(self, folder, url, role=None):
        self.offset = timedelta()
        probe = folder / "connectors" / "probe"
        if not probe.exists():
            probe.mkdir(parents=True)
            manifest = MANIFEST.replace("  do: &do\n", "  do:\n").split("  once:")[0]
            once = (
                manifest[manifest.index("  do:\n") :]
                .replace("  do:\n", "  once:\n")
                .replace("idempotent: key", 'idempotent: "no"')
            )
            (probe / "connector.yaml").write_text(manifest + once)
            (probe / "connector.py").write_text(CODE)
        sqlite = url.startswith("sqlite")
        given = {"workspace": folder, "sandbox": "off", "lease_seconds": 2.0}
        settings = load_settings({}, **given, **({} if sqlite else {"database_url": url}))
        self.hub = Hub.open(settings, role or (Role.RUN if sqlite else Role.WORKER), self.now)
        self.hub.start()
        self.world = self.hub.registry.get("probe").code.actions["do"].run.__globals__

    def now(self):
        return datetime.now(UTC) + self.offset

    def forward(self, **parts):
        self.offset += timedelta(**parts)
        if self.hub._driver is not None:
            self.hub.driver.sweep()

    def recipe(self, steps, event="shop.paid", extra=""):
        text = f"hub: 1\nrecipe: r\ntitle: r\non: {{event: {event}}}\n{extra}steps:\n{steps}"
        self.hub.recipes.save("r", text, "test")

    def happens(self, data=None, event="shop.paid"):
        return self.hub.runs.record(event, data or {}, "test")

    def run(self, identity=None):
        found = identity or self.hub.queries.runs(RunFilter()).items[0].id
        return self.hub.queries.run(found)

    def until(self, status, identity=None):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            detail = self.run(identity)
            if detail.summary.status == status:
                return detail
            time.sleep(0.02)
        raise AssertionError(f"{detail.summary} with {[(s.path, s.state) for s in detail.steps]} is not {status}")


@pytest.fixture
def bench(database_url, tmp_path):
    made = Bench(tmp_path / "data", database_url)
    yield made
    made.hub.close()


ONE = '  - {id: a, call: probe/do, with: {n: "${ event.data.n }"}, retry: {attempts: 3, first: 10s}}\n'
TWO = ONE + '  - {id: b, call: probe/do, with: {n: "${ steps.a.output.did }"}}\n'


def test_steps_run_in_order_and_are_recorded(bench):
    bench.recipe(TWO)
    bench.happens({"n": 7})
    detail = bench.until("succeeded")
    assert [(step.path, step.state, step.output) for step in detail.steps] == [
        ("a", "succeeded", {"did": 7}),
        ("b", "succeeded", {"did": 7}),
    ]


def test_a_transient_error_is_tried_again_when_it_is_due_with_the_same_key(bench):
    bench.recipe(ONE)
    bench.world["ORDERS"].extend(["transient"])
    bench.happens({"n": 1})
    bench.until("waiting")
    bench.forward(minutes=1)
    bench.until("succeeded")
    keys = [key for key, _ in bench.world["CALLS"]]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_a_permanent_error_fails_the_run_which_goes_on_from_there_once_mended(bench):
    bench.recipe(TWO)
    bench.world["ORDERS"].extend(["well", "permanent"])
    bench.happens({"n": 1})
    failed = bench.until("failed")
    assert failed.summary.error["step"] == "b"
    bench.hub.runs.retry(failed.summary.id, "ada", newest=False)
    detail = bench.until("succeeded", failed.summary.id)
    assert [step.path for step in detail.steps if step.kind == "call"] == ["a", "b", "b"]
    assert len({step.key for step in detail.steps if step.path == "b"}) == 1


@pytest.mark.parametrize(
    ("choice", "status"), [("happened", "succeeded"), ("not_happened", "failed"), ("try_again", "succeeded")]
)
def test_an_uncertain_step_waits_for_a_decision(bench, choice, status):
    bench.recipe(ONE.replace("probe/do", "probe/once"))
    bench.world["ORDERS"].append("uncertain")
    bench.happens({"n": 1})
    run = bench.until("uncertain").summary.id
    bench.hub.runs.decide(run, "a", choice, {"did": 1}, "ada")
    bench.until(status, run)
    assert len(bench.world["CALLS"]) == (2 if choice == "try_again" else 1)
    with pytest.raises(ConflictError):
        bench.hub.runs.decide(run, "a", choice, None, "ada")


def test_a_sleep_is_a_row_that_wakes_at_its_time(bench):
    bench.recipe("  - {id: rest, wait: {for: 3d}}\n")
    bench.happens()
    bench.until("waiting")
    assert bench.hub.driver.wait_idle(PATIENCE)
    bench.forward(days=3, minutes=1)
    bench.until("succeeded")


WAIT = '  - {id: w, wait: {event: shop.sent, match: {data.n: "${ event.data.n }"}, timeout: 2d}}\n'


def test_a_wait_takes_its_event_and_no_other(bench):
    bench.recipe(WAIT)
    bench.happens({"n": 1})
    run = bench.until("waiting").summary.id
    bench.happens({"n": 2}, "shop.sent")
    assert bench.run(run).summary.status == "waiting"
    bench.happens({"n": 1, "by": "post"}, "shop.sent")
    assert bench.until("succeeded", run).steps[0].output["data"] == {"n": 1, "by": "post"}


def test_an_event_that_came_before_the_wait_began_counts(bench):
    bench.recipe("  - {id: rest, wait: {for: 1h}}\n" + WAIT)
    bench.happens({"n": 1})
    run = bench.until("waiting").summary.id
    bench.happens({"n": 1}, "shop.sent")
    bench.forward(hours=1, minutes=1)
    bench.until("succeeded", run)


def test_an_event_that_came_before_the_run_had_its_first_turn_counts(bench):
    """The hub was busy, or stood still: what came meanwhile did come after the event that the run is for."""
    bench.recipe(WAIT)
    entries = [("shop.sent", 1, "early"), ("shop.paid", 1, "own"), ("shop.paid", 2, "other"), ("shop.sent", 2, "late")]
    told = [Happening(event, "shop", name, {"n": n, "by": name}) for event, n, name in entries]
    _, first, second, _ = bench.hub.recorder.record_all(told, bench.now())  # all before any run is claimed
    assert bench.until("succeeded", second.runnable[0]).steps[0].output["data"] == {"n": 2, "by": "late"}
    assert bench.until("waiting", first.runnable[0]).steps[0].state == "waiting", "that one was sent before it was paid"


def test_what_came_of_a_call_counts_whether_it_was_recorded_before_or_began_before(bench):
    """What is told of a call has its id from the call's beginning, and is recorded when the call has ended."""
    bench.recipe(WAIT)
    begun, now = bench.now() - timedelta(seconds=20), bench.now()
    for n, (sent_id, paid_id, sent_first) in enumerate([(begun, now, False), (now, begun, True)]):
        sent = Happening("shop.sent", "shop", f"s{n}", {"n": n}, id=new_id("evt", sent_id))
        paid = Happening("shop.paid", "shop", f"p{n}", {"n": n}, id=new_id("evt", paid_id))
        first, last = bench.now(), bench.now() + timedelta(seconds=1)
        for one in (sent, paid) if sent_first else (paid, sent):
            bench.hub.recorder.record(one, first)
            first = last
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and any(
        one.status != "succeeded" for one in bench.hub.queries.runs(RunFilter()).items
    ):
        time.sleep(0.05)
    assert [one.status for one in bench.hub.queries.runs(RunFilter()).items] == ["succeeded"] * 2


def test_a_replay_waits_for_what_comes_after_it(bench):
    bench.recipe(WAIT)
    event, (run,) = bench.happens({"n": 1})
    bench.happens({"n": 1}, "shop.sent")
    bench.until("succeeded", run)
    (again,) = bench.hub.runs.replay(event, None, "ada")
    assert bench.until("waiting", again).steps[0].state == "waiting"
    bench.happens({"n": 1, "by": "post"}, "shop.sent")
    assert bench.until("succeeded", again).steps[0].output["data"]["by"] == "post"


def test_a_wait_times_out(bench):
    bench.recipe(WAIT)
    bench.happens({"n": 1})
    bench.until("waiting")
    bench.forward(days=2, minutes=1)
    assert bench.until("failed").summary.error["code"] == "wait_timed_out"


def test_a_question_is_mailed_and_its_answer_goes_on(bench):
    bench.recipe("  - {id: q, ask: {whom: p@example.com, question: Friday?, answers: [yes, no]}}\n")
    bench.happens()
    run = bench.until("waiting").summary.id
    (question,) = bench.run(run).questions
    (mail,) = bench.hub.store.mails()
    message = bench.hub.store.mail(mail["key"])[2].decode()
    assert urlsplit(bench.hub.answer_address(question["id"], "yes")).path.startswith("/answer/")
    assert "/answer/" in message.replace("=\n", "")
    assert bench.hub.runs.answer(question["id"], "yes", "p@example.com")
    assert bench.until("succeeded", run).steps[-1].output == "yes"
    assert not bench.hub.runs.answer(question["id"], "no", "p@example.com")


def test_runs_of_one_key_go_one_after_the_other_in_order_of_arrival(bench):
    bench.recipe(ONE, extra='concurrency: {key: "${ event.data.who }"}\n')
    bench.world["ORDERS"].append("transient")
    _, (first,) = bench.happens({"n": 1, "who": "ada"})
    bench.until("waiting", first)
    _, waiting = bench.happens({"n": 2, "who": "ada"})
    _, (other,) = bench.happens({"n": 3, "who": "grace"})
    bench.until("succeeded", other)
    assert waiting == ()
    bench.forward(minutes=1)
    bench.until("succeeded", first)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and len(bench.world["CALLS"]) < 4:
        time.sleep(0.02)
    assert [sent["n"] for _, sent in bench.world["CALLS"]] == [1, 3, 1, 2]


def test_a_cancelled_run_does_nothing_more(bench):
    bench.recipe("  - {id: rest, wait: {for: 1h}}\n" + ONE)
    bench.happens({"n": 1})
    run = bench.until("waiting").summary.id
    bench.hub.runs.cancel(run, "ada")
    bench.forward(hours=2)
    assert bench.hub.driver.wait_idle(PATIENCE)
    assert bench.run(run).summary.status == "cancelled"
    assert bench.world["CALLS"] == []
    with pytest.raises(ConflictError):
        bench.hub.runs.cancel(run, "ada")


def test_a_replay_is_new_work_with_new_keys(bench):
    bench.recipe(ONE)
    event, (first,) = bench.happens({"n": 1})
    bench.until("succeeded", first)
    (again,) = bench.hub.runs.replay(event, None, "ada")
    bench.until("succeeded", again)
    assert again != first
    assert len({key for key, _ in bench.world["CALLS"]}) == 2


def test_an_emitted_event_starts_another_recipe(bench):
    bench.recipe("  - {id: tell, call: hub/emit, with: {type: shop.told, data: {n: 5}}}\n")
    text = "hub: 1\nrecipe: other\ntitle: o\non: {event: shop.told}\nsteps:\n" + ONE
    bench.hub.recipes.save("other", text, "test")
    bench.happens()
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not bench.world["CALLS"]:
        time.sleep(0.02)
    assert [sent for _, sent in bench.world["CALLS"]] == [{"n": 5}]


def test_a_failed_run_is_told_once(bench):
    bench.recipe(ONE)
    bench.world["ORDERS"].append("permanent")
    bench.happens({"n": 1})
    run = bench.until("failed").summary.id
    (told,) = [one for one in bench.run(run).caused if one.type == "hub.run_failed"]
    assert told.source == "hub"
    data = bench.hub.queries.event(told.id).data
    validate_data("hub.run_failed", data)
    assert (data["run"], data["step"], data["error"]["message"]) == (run, "a", "Never.")


def test_a_loop_over_a_thousand_items(bench):
    bench.recipe('  - {id: l, for_each: event.data.items, parallel: 8, call: probe/do, with: {n: "${ item }"}}\n')
    bench.happens({"items": list(range(1_000))})
    detail = bench.until("succeeded")
    output = next(step.output for step in detail.steps if step.path == "l")
    assert [item["output"]["did"] for item in output] == list(range(1_000))


def test_however_many_runs_there_are_each_finds_its_own_by_an_index(bench):
    """The statements of starting, claiming, waking, timing out and ending, several runs in one transaction."""
    wait = WAIT.replace("}}", "}, on_timeout: continue}")
    bench.recipe(wait + ONE, extra='concurrency: {key: "${ event.data.n }"}\n')

    def happen(event, numbers):
        told = [Happening(event, "shop", f"{event}:{place}", {"n": n}) for place, n in enumerate(numbers)]
        bench.hub.recorder.record_all(told, bench.now())

    def ended(count):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = bench.hub.queries.counts(bench.now() - timedelta(days=30)).runs
            if found.get("succeeded", 0) >= count:
                return
            time.sleep(0.05)
        raise AssertionError(f"{found} where {count} should have succeeded")

    with watched(bench.hub) as statements:
        happen("shop.paid", [*range(12), *range(12)])  # the second run of each key goes when the first has ended
        happen("shop.sent", range(8))
        ended(8)
        bench.forward(days=2, minutes=1)
        ended(12)
        bench.forward(days=2, minutes=1)
        ended(24)
    assert len(statements) > 15
    assert scans(bench.hub, statements) == {}


def test_the_runs_of_a_dead_owner_are_taken_over_and_its_writes_refused(bench):
    bench.recipe(ONE)
    bench.hub.driver.stop(5)
    _, (run,) = bench.happens({"n": 1})
    now = bench.now()
    hub = bench.hub
    (dead,) = hub.writer.write(claim_runs, ClaimRequest("dead", now, now + timedelta(seconds=2), (run,), 1))
    from hub.engine.turns import RunUnderWay

    stale = RunUnderWay(dead, hub.library.get("r", 1))
    turn = stale.advance(now)
    assert hub.writer.write(claim_runs, ClaimRequest("other", now, now, None, 10)) == ()
    later = now + timedelta(seconds=3)
    (taken,) = hub.writer.write(claim_runs, ClaimRequest("other", later, later + timedelta(seconds=2), None, 10))
    assert taken.fence == dead.fence + 1
    assert hub.writer.write(update_runs, stale.update(turn, now, ())).superseded
    assert hub.queries.run(run).steps == ()
