"""Any prefix of the record leads to the same end, whatever the recipe and wherever the crash."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.recipes.compiler import compile_recipe
from hub.recipes.interpreter import Execution
from hub.recipes.record import (
    CallFailed,
    CallSucceeded,
    Decision,
    EventArrived,
    RunFacts,
    RunStatus,
    StepState,
)

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
EVENT = {
    "id": "evt_1",
    "type": "payment.succeeded",
    "connection": "sandbox",
    "data": {"payment": "p1", "lines": ["a", "b", "c"]},
}
TURNS = 400


@st.composite
def steps(draw, depth=2):
    forms = ["call", "set", "sleep", "wait", "ask"] + (["if", "switch", "loop", "single"] if depth else [])
    result = []
    for _ in range(draw(st.integers(1, 3))):
        form = draw(st.sampled_from(forms))
        step = {"on_error": draw(st.sampled_from(["stop", "continue"]))}
        inner = steps(depth=depth - 1)
        if form == "call":
            step |= {"call": "crm/x", "with": {"n": draw(st.integers(0, 9))}, "retry": {"attempts": 2, "first": "10s"}}
        elif form == "set":
            step |= {"set": {"n": "${ event.data.payment }"}}
        elif form == "sleep":
            step |= {"wait": {"for": "2h"}}
        elif form == "wait":
            step |= {
                "wait": {"event": "job.done", "match": {"data.job": "${ event.data.payment }"}, "timeout": "5h"},
                "on_timeout": "continue",
            }
        elif form == "ask":
            step |= {
                "ask": {"whom": "a@example.com", "question": "?", "answers": ["yes", "no"], "timeout": "5h"},
                "on_timeout": "continue",
            }
        elif form == "if":
            step |= {
                "if": draw(st.sampled_from(["event.data.payment", "event.data.nothing"])),
                "then": draw(inner),
                "else": draw(inner),
            }
        elif form == "switch":
            step |= {
                "switch": "event.data.payment",
                "cases": {draw(st.sampled_from(["p1", "p2"])): draw(inner)},
                "default": draw(inner),
            }
        elif form == "loop":
            step |= {"for_each": "event.data.lines", "parallel": draw(st.integers(1, 3)), "steps": draw(inner)}
        else:
            step |= {
                "for_each": "event.data.lines",
                "parallel": draw(st.integers(1, 3)),
                "call": "crm/x",
                "with": {"n": "${ item }"},
                "retry": {"attempts": 2, "first": "10s"},
            }
        result.append(step)
    return result


def number(step, numbers):
    """Give every step an id of its own."""
    step["id"] = f"s{next(numbers)}"
    for key in ("then", "else", "steps", "default"):
        for inner in step.get(key, ()):
            number(inner, numbers)
    for inner_steps in step.get("cases", {}).values():
        for inner in inner_steps:
            number(inner, numbers)


class World:
    """Outside systems whose answers depend on the step and attempt alone, so that a repeat hears the same."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def roll(self, *parts: object) -> int:
        return hashlib.sha256(repr((self.seed, parts)).encode()).digest()[0]

    def answer(self, call):
        roll = self.roll(call.path, call.attempt)
        if roll < 170:
            return CallSucceeded(call.path, call.attempt, {"from": call.path})
        kind = "transient" if roll < 205 else "permanent" if roll < 235 else "uncertain"
        return CallFailed(call.path, call.attempt, kind, {"code": kind, "message": kind})

    def arrives(self, path: str) -> bool:
        return self.roll(path, "event") < 128


def news_for(world, state):
    """What the world says to a run that stands still: events, answers, decisions, all derived from the record."""
    found = {}
    for record in state.values():
        if record.state is StepState.WAITING and "event" in record.input and world.arrives(record.path):
            data = {"job": "p1", "answer": "yes"}
            event = {"id": f"evt_{record.path}", "type": "x", "connection": "hub", "data": data}
            found[record.path, record.attempt] = EventArrived(record.path, event)
        if record.state is StepState.UNCERTAIN:
            choice = ("happened", "not_happened", "try_again")[world.roll(record.path, record.attempt, "decision") % 3]
            found[record.path, record.attempt] = Decision(record.path, choice, {"from": "person"})
    return found


def play(recipe, world, crashes):
    """Run to the end. ``crashes``: at the nth turn the process dies with that share of the turn's records on disk."""
    facts = RunFacts("run_1", "r", 1, EVENT, START)
    disk, now = [], START
    execution = Execution(recipe, facts)
    news, calls_made, told = [], [], set()
    for count in range(TURNS):
        turn = execution.advance(now, news)
        news = []
        if count in crashes:
            disk.extend(turn.records[: int(len(turn.records) * crashes[count])])
            execution = Execution(recipe, facts, disk)
            told.clear()
            continue
        disk.extend(turn.records)
        if turn.status in {RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED}:
            return turn.status, latest(disk), calls_made
        calls_made.extend((call.path, call.attempt, call.key) for call in turn.calls)
        news = [world.answer(call) for call in turn.calls]
        if not news:
            fresh = {key: one for key, one in news_for(world, latest(disk)).items() if key not in told}
            told.update(fresh)
            news = list(fresh.values())
        if not news:
            assert turn.due_at is not None, f"the run stands still for ever: {turn}"
            now = max(now, turn.due_at)
        else:
            now += timedelta(seconds=1)
    raise AssertionError("the run never ends")


def latest(disk):
    state = {}
    for record in disk:
        if record.path not in state or record.attempt >= state[record.path].attempt:
            state[record.path] = record
    return state


def outcome(state):
    """What the run came to, without the times, which differ, and without what a failing loop left open."""
    return {
        path: (record.state, record.attempt, re.sub(r"2026-[-0-9T:]+Z", "a time", repr(record.output)), record.key)
        for path, record in state.items()
    }


@settings(max_examples=300)
@given(steps(), st.integers(0, 10_000), st.dictionaries(st.integers(0, 30), st.floats(0, 1), max_size=6))
def test_any_prefix_of_the_record_leads_to_the_same_end(written, seed, crashes):
    numbers = iter(range(1, 1_000))
    for step in written:
        number(step, numbers)
    recipe = {"hub": 1, "recipe": "r", "title": "r", "on": {"event": "payment.succeeded"}, "steps": written}
    compiled = compile_recipe(yaml.safe_dump(recipe, sort_keys=False), "r.yaml")
    world = World(seed)
    status, state, _ = play(compiled, world, {})
    crashed_status, crashed_state, calls = play(compiled, world, crashes)
    assert crashed_status is status
    if "'parallel': 2" not in repr(written) and "'parallel': 3" not in repr(written):
        assert outcome(crashed_state) == outcome(state)  # what a failing parallel loop leaves open depends on time
    keys = {}
    for path, _, key in calls:
        assert keys.setdefault(path, key) == key
