"""Reads steps: every form, with what all forms have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypedDict, cast

from hub.recipes.compiler import MAX_NESTING, MAX_STEPS, Reader, event_patterns, shown
from hub.recipes.findings import did_you_mean
from hub.recipes.model import (
    AskStep,
    BranchStep,
    CallStep,
    LoopStep,
    OnError,
    Retry,
    SetStep,
    SleepStep,
    Step,
    StopStep,
    SwitchStep,
    WaitStep,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.expressions import Expression
    from hub.jsontypes import Json
    from hub.recipes.document import Path

_COMMON = ("id", "title", "if", "retry", "timeout", "on_error")
_FORMS: dict[str, tuple[str, ...]] = {
    "call": ("with",),
    "set": (),
    "wait": ("on_timeout",),
    "ask": ("on_timeout",),
    "switch": ("cases", "default"),
    "stop": (),
    "steps": (),
}
_LOOP = ("for_each", "parallel", "stop_when")


class Common(TypedDict):
    """What every form of step takes."""

    id: str
    title: str
    condition: Expression | None
    retry: Retry
    timeout: timedelta | None
    on_error: OnError | tuple[Step, ...]


def read_steps(reader: Reader, value: Json, path: Path, prefix: str, depth: int = 1) -> tuple[Step, ...]:
    """The steps of a list. Steps without an id get one from their position: ``step2``, inside it ``step2.then1``."""
    if not isinstance(value, list):
        reader.wrong(path, "type", f"Steps are a list, not {shown(value)}.", "Begin each step with `- `.")
        return ()
    if depth > MAX_NESTING:
        reader.wrong(path, "too_deep", f"Steps are nested more than {MAX_NESTING} levels deep.", "Split the recipe.")
        return ()
    found = [_step(reader, one, (*path, number), f"{prefix}{number + 1}", depth) for number, one in enumerate(value)]
    return tuple(step for step in found if step is not None)


def _step(reader: Reader, value: Json, path: Path, automatic: str, depth: int) -> Step | None:
    if not isinstance(value, dict):
        remedy = "For example: - call: mail/send"
        reader.wrong(path, "type", f"A step is keys with values, not {shown(value)}.", remedy)
        return None
    reader.step_count += 1
    if reader.step_count == MAX_STEPS + 1:
        reader.wrong(path, "too_many_steps", f"The recipe has more than {MAX_STEPS} steps.", "Split it into several.")
    identity = _identity(reader, value, path, automatic)
    form = _form(reader, value, path)
    if form is None:
        return None
    common = _common(reader, value, path, identity, depth, branch=form == "if")
    if "for_each" in value:
        return _loop(reader, value, path, form, common, depth)
    return _READERS[form](reader, value, path, common, depth)


def _identity(reader: Reader, value: Mapping[str, Json], path: Path, automatic: str) -> str:
    identity = automatic
    if "id" in value:
        identity = reader.text(value["id"], (*path, "id"), "A step's id", "id: receipt") or automatic
        if not identity.replace("_", "a").isalnum() or not identity.isascii() or identity[0].isdigit():
            remedy = "Use letters, digits and _, beginning with a letter: expressions read steps.ID.output."
            reader.wrong((*path, "id"), "step_id", f"{shown(identity)} cannot be a step's id.", remedy)
    if identity in reader.step_paths:
        first = reader.document.value_span(reader.step_paths[identity]).line
        remedy = f"The step in line {first} has it already; give each step its own."
        reader.wrong((*path, "id"), "duplicate_id", f"Two steps have the id {identity!r}.", remedy)
    else:
        reader.step_paths[identity] = path
    return identity


def _form(reader: Reader, value: Mapping[str, Json], path: Path) -> str | None:
    """Which form of step it is; None and a finding when it is none or two."""
    forms = [form for form in _FORMS if form in value and (form != "steps" or "for_each" in value)]
    if "if" in value and ("then" in value or "else" in value):
        forms.append("if")
    if len(forms) == 1:
        form = forms[0]
        own = (*_FORMS.get(form, ("then", "else")), *([form] if form != "if" else []))
        looped = _LOOP if "for_each" in value else ()
        reader.known_keys(value, path, (*_COMMON, *own, *looped), f"A step with `{form}`")
        return form
    known = (*_COMMON, *_FORMS, *_LOOP, "with", "then", "else", "on_timeout")
    if forms:
        said = " and ".join(f"`{form}`" for form in forms)
        reader.wrong(path, "two_forms", f"This step has {said}; a step does one thing.", "Make two steps of it.")
        return None
    for key in value:
        if key not in known:
            remedy = did_you_mean(key, known)
            reader.wrong((*path, key), "unknown_key", f"A step has no key {key!r}.", remedy, at_key=True)
            return None
    message = "This step does not say what to do."
    remedy = "Add call, set, wait, ask, if with then, switch, for_each with steps, or stop."
    reader.wrong(path, "no_form", message, remedy)
    return None


def _common(  # noqa: PLR0913 (where and how the step stands)
    reader: Reader, value: Mapping[str, Json], path: Path, identity: str, depth: int, *, branch: bool
) -> Common:
    condition = None
    if "if" in value and not branch:
        condition = reader.expression(value["if"], (*path, "if"), "`if`")
    timeout = None
    if "timeout" in value:
        timeout = reader.duration(value["timeout"], (*path, "timeout"), "`timeout`", timedelta(seconds=30))
    return Common(
        id=identity,
        title=reader.text(value.get("title", ""), (*path, "title"), "A step's title", "title: Send the receipt"),
        condition=condition,
        retry=_retry(reader, value.get("retry", {}), (*path, "retry")),
        timeout=timeout,
        on_error=_on_error(reader, value.get("on_error", "stop"), (*path, "on_error"), identity, depth),
    )


def _retry(reader: Reader, value: Json, path: Path) -> Retry:
    entry = reader.mapping(value, path, "`retry`", "{attempts: 8, first: 10s, factor: 3, max: 6h}")
    reader.known_keys(entry, path, ("attempts", "first", "factor", "max"), "`retry`")
    usual = Retry()
    factor = entry.get("factor", usual.factor)
    if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 1 <= factor <= 100:  # noqa: PLR2004
        reader.wrong((*path, "factor"), "type", f"`factor` must be a number from 1 to 100, not {shown(factor)}.")
        factor = usual.factor
    return Retry(
        attempts=reader.whole(entry.get("attempts", usual.attempts), (*path, "attempts"), "`attempts`", 6, 1, 100),
        first=reader.duration(entry.get("first", "10s"), (*path, "first"), "`first`", usual.first),
        factor=float(factor),
        longest=reader.duration(entry.get("max", "6h"), (*path, "max"), "`max`", usual.longest),
    )


def _on_error(reader: Reader, value: Json, path: Path, identity: str, depth: int) -> OnError | tuple[Step, ...]:
    if isinstance(value, list):
        return read_steps(reader, value, path, f"{identity}.on_error", depth + 1)
    return OnError(reader.choice(value, path, "`on_error`", ("stop", "continue")))


# -- the forms ----------------------------------------------------------------------------------------------------------


def _call(reader: Reader, value: Mapping[str, Json], path: Path, common: Common, _depth: int) -> Step | None:
    text = reader.text(value["call"], (*path, "call"), "`call`", "call: mail/send")
    connection, slash, action = text.rpartition("/")
    if not slash or not connection or not action or "}" in action:
        if text:
            remedy = "Write connection/action, for example mail/send or stripe-main/payment.refund."
            reader.wrong((*path, "call"), "call", f"{shown(text)} does not name a connection and an action.", remedy)
        return None
    arguments = value.get("with", {})
    if arguments is None:
        arguments = {}
    elif not isinstance(arguments, (dict, str)):
        reader.wrong((*path, "with"), "type", f"`with` must be keys with values, not {shown(arguments)}.")
        arguments = {}
    return CallStep(
        **common,
        connection=reader.template(connection, (*path, "call")),
        action=action,
        arguments=reader.template(arguments, (*path, "with")),
    )


def _set(reader: Reader, value: Mapping[str, Json], path: Path, common: Common, _depth: int) -> Step:
    values = reader.mapping(value["set"], (*path, "set"), "`set`", "set: {total: ${ event.data.amount }}")
    return SetStep(**common, values=reader.template(values, (*path, "set")))


def _wait(reader: Reader, value: Mapping[str, Json], path: Path, common: Common, depth: int) -> Step | None:
    place = (*path, "wait")
    wait = reader.mapping(value["wait"], place, "`wait`", "wait: {for: 3d}")
    kinds = [kind for kind in ("for", "until", "event") if kind in wait]
    if len(kinds) != 1:
        reader.wrong(place, "wait", "A wait has one of for, until and event.", "For example: wait: {for: 3d}")
        return None
    if kinds == ["event"]:
        return _wait_event(reader, value, wait, path, common, depth)
    reader.known_keys(wait, place, ("for", "until"), "`wait`")
    if "on_timeout" in value:
        remedy = "Only a wait for an event can time out."
        reader.wrong((*path, "on_timeout"), "on_timeout", "This wait always ends.", remedy, at_key=True)
    if kinds == ["until"]:
        return SleepStep(**common, until=reader.expression(wait["until"], (*place, "until"), "`until`"))
    duration = wait["for"]
    if not isinstance(duration, str) or "${" not in duration:
        reader.duration(duration, (*place, "for"), "`for`", timedelta())
    return SleepStep(**common, duration=reader.template(duration, (*place, "for")))


def _wait_event(  # noqa: PLR0913 (the step and its wait)
    reader: Reader, value: Mapping[str, Json], wait: Mapping[str, Json], path: Path, common: Common, depth: int
) -> Step:
    place = (*path, "wait")
    reader.known_keys(wait, place, ("event", "match", "where", "timeout"), "`wait`")
    match = reader.mapping(wait.get("match", {}), (*place, "match"), "`match`", '{data.job: "${ event.data.job }"}')
    if not match:
        remedy = 'Say which one: match: {data.job: "${ event.data.job }"}.'
        reader.wrong(place, "no_match", "This wait would take any event of its type, of any customer.", remedy)
    for field in match:
        reader.expression(field, (*place, "match", field), "A path in `match`")
    return WaitStep(
        **common,
        types=event_patterns(reader, wait["event"], (*place, "event")),
        match={field: reader.template(one, (*place, "match", field)) for field, one in match.items()},
        where=reader.expression(wait["where"], (*place, "where"), "`where`") if "where" in wait else None,
        wait_timeout=_wait_timeout(reader, wait, place),
        on_timeout=_on_timeout(reader, value, path, common["id"], depth),
    )


def _wait_timeout(reader: Reader, wait: Mapping[str, Json], place: Path) -> timedelta | None:
    if "timeout" not in wait:
        return None
    return reader.duration(wait["timeout"], (*place, "timeout"), "`timeout`", timedelta(days=3))


def _on_timeout(
    reader: Reader, value: Mapping[str, Json], path: Path, identity: str, depth: int
) -> Literal["fail", "continue"] | tuple[Step, ...]:
    chosen = value.get("on_timeout", "fail")
    if isinstance(chosen, list):
        return read_steps(reader, chosen, (*path, "on_timeout"), f"{identity}.on_timeout", depth + 1)
    word = reader.choice(chosen, (*path, "on_timeout"), "`on_timeout`", ("fail", "continue"))
    return cast('Literal["fail", "continue"]', word)


def _ask(reader: Reader, value: Mapping[str, Json], path: Path, common: Common, depth: int) -> Step:
    place = (*path, "ask")
    ask = reader.mapping(value["ask"], place, "`ask`", "{whom: ada@example.com, question: Friday?, answers: [yes, no]}")
    reader.known_keys(ask, place, ("whom", "question", "answers", "timeout"), "`ask`")
    for key in ("whom", "question"):
        if key not in ask:
            reader.wrong(place, "missing_key", f"`ask` has no {key}.", "It needs whom (a mail address) and question.")
    answers = ask.get("answers", ["yes", "no"])
    if not isinstance(answers, list) or not answers or not all(isinstance(one, str) and one for one in answers):
        remedy = 'For example: [accept, decline]. Put words like "true" or numbers in quotes.'
        reader.wrong((*place, "answers"), "type", "`answers` must be a list of words.", remedy)
        answers = []
    return AskStep(
        **common,
        whom=reader.template(ask.get("whom"), (*place, "whom")),
        question=reader.template(ask.get("question"), (*place, "question")),
        answers=tuple(str(one) for one in answers),
        wait_timeout=_wait_timeout(reader, ask, place),
        on_timeout=_on_timeout(reader, value, path, common["id"], depth),
    )


def _branch(reader: Reader, value: Mapping[str, Json], path: Path, common: Common, depth: int) -> Step:
    identity = common["id"]
    return BranchStep(
        **common,
        test=reader.expression(value["if"], (*path, "if"), "`if`"),
        then=read_steps(reader, value.get("then", []), (*path, "then"), f"{identity}.then", depth + 1),
        otherwise=read_steps(reader, value.get("else", []), (*path, "else"), f"{identity}.else", depth + 1),
    )


def _switch(reader: Reader, value: Mapping[str, Json], path: Path, common: Common, depth: int) -> Step:
    identity = common["id"]
    cases = reader.mapping(value.get("cases", {}), (*path, "cases"), "`cases`", "{card: [- …], bank: [- …]}")
    if not cases:
        reader.wrong(path, "missing_key", "`switch` has no cases.", "Add cases: {card: …}.")
    return SwitchStep(
        **common,
        value=reader.expression(value["switch"], (*path, "switch"), "`switch`"),
        cases=tuple(
            (case, read_steps(reader, steps, (*path, "cases", case), f"{identity}.case{number}_", depth + 1))
            for number, (case, steps) in enumerate(cases.items(), start=1)
        ),
        default=read_steps(reader, value.get("default", []), (*path, "default"), f"{identity}.default", depth + 1),
    )


def _stop(reader: Reader, value: Mapping[str, Json], path: Path, common: Common, _depth: int) -> Step:
    place = (*path, "stop")
    stop = reader.mapping(value["stop"], place, "`stop`", "{status: succeeded, reason: Nothing to do}")
    reader.known_keys(stop, place, ("status", "reason"), "`stop`")
    choices = ("succeeded", "failed", "cancelled")
    status = reader.choice(stop.get("status", "succeeded"), (*place, "status"), "`status`", choices)
    return StopStep(
        **common,
        status=cast('Literal["succeeded", "failed", "cancelled"]', status),
        reason=reader.template(stop.get("reason", ""), (*place, "reason")),
    )


def _loop(  # noqa: PLR0913 (the step, its form, and where it stands)
    reader: Reader, value: Mapping[str, Json], path: Path, form: str, common: Common, depth: int
) -> Step | None:
    """``for_each``: the retry and time limit belong to the step inside, ``if`` and ``on_error`` to the loop."""
    single = form != "steps"
    if single:
        inner = Common({**common, "condition": None, "on_error": OnError.STOP})  # type: ignore[typeddict-item]
        step = _READERS[form](reader, value, path, inner, depth)
        body = (step,) if step is not None else ()
    else:
        body = read_steps(reader, value["steps"], (*path, "steps"), f"{common['id']}.steps", depth + 1)
    if not body:
        return None
    stop_when = value.get("stop_when")
    return LoopStep(
        **common,
        items=reader.expression(value["for_each"], (*path, "for_each"), "`for_each`"),
        body=body,
        single=single,
        parallel=reader.whole(value.get("parallel", 1), (*path, "parallel"), "`parallel`", 1, 1, 100),
        stop_when=reader.expression(stop_when, (*path, "stop_when"), "`stop_when`") if "stop_when" in value else None,
    )


_READERS: dict[str, Callable[[Reader, Mapping[str, Json], Path, Common, int], Step | None]] = {
    "call": _call,
    "set": _set,
    "wait": _wait,
    "ask": _ask,
    "if": _branch,
    "switch": _switch,
    "stop": _stop,
}


