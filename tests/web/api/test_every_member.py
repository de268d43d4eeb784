"""Every member of every body that the API describes: what does not fit is refused by its name, and nothing breaks."""

import copy

import pytest

from hub.connect.schemas import CompiledSchema
from hub.web.api import bearer
from hub.web.api.openapi import examples
from hub.web.api.operations import OPERATIONS

LONG = "x" * 10_000
WRONG = (None, True, -1, 2**70, "", LONG, "\x00", "👩🏽\N{ZERO WIDTH JOINER}🚀", [], {"x": LONG})
CHANGES = [operation.id for operation in OPERATIONS if operation.method == "POST"]


def body_of(operation):
    """The body of an example of the operation; nothing where none has one."""
    return next((one.get("body") for one in examples() if one["operation"] == operation and one.get("body")), {})


def members(schema, components, path=()):
    """The paths of all members that a schema knows, those of its objects too."""
    while "$ref" in schema:
        schema = components["schemas"][schema["$ref"].rpartition("/")[2]]
    for name, member in schema.get("properties", {}).items():
        yield (*path, name)
        if len(path) < 2:
            yield from members(member, components, (*path, name))


def with_member(body, path, value):
    """The body with another value at a path; objects on the way are made."""
    body = copy.deepcopy(body)
    holder = body
    for name in path[:-1]:
        if not isinstance(holder.get(name), dict):
            holder[name] = {}
        holder = holder[name]
    holder[path[-1]] = value
    return body


@pytest.fixture
def said(portal, monkeypatch):
    monkeypatch.setattr(bearer, "PER_TOKEN", bearer.RateLimitItemPerMinute(1_000_000))
    return portal.get("/openapi.json").json


@pytest.mark.parametrize("operation", CHANGES)
def test_what_does_not_fit_is_refused_by_its_name(portal, said, operation):
    path, entry = next(
        (path, methods["post"])
        for path, methods in said["paths"].items()
        if methods.get("post", {}).get("operationId") == operation
    )
    schema = entry.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    judged = CompiledSchema({**schema, "components": said["components"]})
    for part in [part for part in path.split("/") if part.startswith("{")]:
        path = path.replace(part, "nothing" if part != "{connection}" else "payments")
    for place in members(schema, said["components"]):
        for value in WRONG:
            body = with_member(body_of(operation), place, value)
            answer = portal.post(path, body)
            about = (operation, place, str(value)[:40], answer.text[:400])
            assert answer.status_code < 500, about
            if answer.status_code == 200:
                assert judged.accepts(body), about
                continue
            assert answer.content_type == "application/problem+json", about
            assert LONG not in answer.text, "what was sent is not sent back"
            refused = {problem.path.partition(".")[0] for problem in judged.problems(body)}
            if answer.status_code == 422 and place[0] in refused and value is not None:
                named = {error["field"].partition(".")[0] for error in answer.json.get("errors", [])}
                assert place[0] in named, (*about, named)
