"""Whatever is sent: never a fault of the hub's own, and every answer as the description says."""

import copy

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from hub.connect.schemas import CompiledSchema
from hub.web.api import bearer
from hub.web.api.openapi import examples

WEIRD = some.one_of(
    some.none(),
    some.booleans(),
    some.integers(),
    some.integers(min_value=-(2**70), max_value=2**70),
    some.floats(allow_nan=False, allow_infinity=False),
    some.text(max_size=50),
    some.sampled_from(
        ["", " ", "\x00", "../../etc/passwd", "' OR 1=1 --", "<script>", "٣", "a" * 10_000, "2099-99-99"]
    ),
    some.lists(some.integers(), max_size=3),
    some.dictionaries(some.text(max_size=5), some.text(max_size=5), max_size=3),
)


def operations(said):
    return [
        (method.upper(), path, entry) for path, methods in said["paths"].items() for method, entry in methods.items()
    ]


def places(value, path=()):
    """Every place of a JSON value."""
    yield path
    if isinstance(value, dict):
        for name, one in value.items():
            yield from places(one, (*path, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from places(one, (*path, number))


def changed(value, path, new):
    """The value with another one at a place."""
    if not path:
        return new
    value = copy.deepcopy(value)
    holder = value
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = new
    return value


@some.composite
def requests(draw, said):
    """A request that is nearly right: an example with something else at one place or two, or a body out of thin air."""
    method, path, entry = draw(some.sampled_from(operations(said)))
    shown = [one for one in examples() if one["operation"] == entry["operationId"]]
    body = draw(some.sampled_from([one.get("body") or {} for one in shown] or [{}]))
    for _ in range(draw(some.integers(0, 2))):
        body = changed(body, draw(some.sampled_from(list(places(body)))), draw(WEIRD))
    if isinstance(body, dict) and draw(some.booleans()):
        known = list(schema_of(entry).get("properties", {})) or ["x"]
        body = {**body, draw(some.sampled_from(known)): draw(WEIRD)}
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        given_place = draw(
            some.sampled_from(["sandbox", "orders", "1", "%00", "ord_0a1b2c", "ü", "a" * 300, "-1", "."])
        )
        path = path.replace(f"{{{name}}}", given_place)
    query = draw(
        some.dictionaries(some.sampled_from(["cursor", "limit", "state", "number", "x"]), some.text(max_size=8))
    )
    return method, path, entry, body, query


def schema_of(entry):
    return entry.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})


def sent(portal, method, path, body, query):
    if method == "GET":
        return portal.get(path, **query)
    return portal.client.post(f"/api/v1{path}", json=body, headers=portal.headers)


def test_no_request_breaks_the_hub_and_every_answer_is_as_described(portal, monkeypatch):
    monkeypatch.setattr(bearer, "PER_TOKEN", bearer.RateLimitItemPerMinute(1_000_000))
    said = portal.get("/openapi.json").json
    compiled = {}

    def fits(name, schema):
        if name not in compiled:
            compiled[name] = CompiledSchema({**schema, "components": said["components"]})
        return compiled[name]

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(requests(said))
    def walk(asked):
        method, path, entry, body, query = asked
        answer = sent(portal, method, path, body, query)
        assert answer.status_code < 500 or answer.status_code == 503, (method, path, body, answer.text)
        is_elsewhere = answer.status_code == 308 or (answer.is_json and answer.json.get("code") == "wrong_method")
        assert is_elsewhere or str(answer.status_code) in entry["responses"], (method, path, body, answer.text)
        if answer.status_code == 200:
            schema = entry["responses"]["200"]["content"]["application/json"]["schema"]
            assert fits(entry["operationId"], schema).problems(answer.json) == [], (path, body, answer.json)
        elif answer.status_code != 308:
            assert answer.content_type == "application/problem+json", (method, path, body, answer.text)
            problem = {"$ref": "#/components/schemas/Problem"}
            assert fits("problem", problem).problems(answer.json) == []
            assert answer.json["status"] == answer.status_code
            assert answer.json["remedy"]

    walk()
