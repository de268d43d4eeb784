"""The description is OpenAPI 3.1, says what there is, and its examples work."""

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from hub.commerce.catalogue import Item
from hub.commerce.catalogue_items import save_item
from hub.connect.schemas import CompiledSchema
from hub.engine.tokens import RESOURCES, SCOPES
from hub.journal.entries import Happening
from hub.web.access import access_rules
from hub.web.api.openapi import OWN, examples
from hub.web.api.operations import OPERATIONS, spec_of

BEGINNINGS = ("payment.created", "payment.pending")


def operations(said):
    for path, methods in said["paths"].items():
        for method, entry in methods.items():
            yield method.upper(), path, entry


def fits(said, schema):
    return CompiledSchema({**schema, "components": said["components"]})


def test_it_is_openapi(anyone):
    answer = anyone.get("/openapi.json")
    assert answer.status_code == 200
    OpenAPIV31SpecValidator(answer.json).validate()
    assert {entry["tags"][0] for _, _, entry in operations(answer.json)} <= set(RESOURCES)


def test_it_says_all_that_there_is_and_nothing_else(app, anyone):
    said = {(method, path) for method, path, _ in operations(anyone.get("/openapi.json").json)}
    rules = access_rules(app)
    there = {
        ("POST" if "POST" in rule.methods else "GET", re.sub(r"<(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1")))
        for rule in app.url_map.iter_rules()
        if rules[rule.endpoint].scope
    }
    assert said == there


def test_every_change_takes_a_key_and_says_when_its_answer_is_an_earlier_one(anyone):
    for method, _, entry in operations(anyone.get("/openapi.json").json):
        takes_key = {"$ref": "#/components/parameters/IdempotencyKey"} in entry["parameters"]
        says_so = "Idempotency-Replayed" in entry["responses"]["200"].get("headers", {})
        assert (takes_key, says_so) == (method == "POST", method == "POST")
        assert {"401", "403", "422", "429", "500", "503"} <= set(entry["responses"])


def test_names_are_its_own(anyone):
    names = [entry["operationId"] for _, _, entry in operations(anyone.get("/openapi.json").json)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
def test_each_line_of_the_table_leads_to_an_action_that_takes_what_its_path_names(hub, operation):
    spec = spec_of(operation, hub.registry)
    named = [one for one in operation.places if operation.connector or one != "connection"]
    assert set(named) <= set(spec.input["properties"])
    assert operation.scope in SCOPES


def happened(live, portal, what, name):
    """What others do before a request: a payer pays or becomes a member, a shop has an item."""
    if what == "item":
        item = Item(sku=name, title="Green tea", prices={"EUR": 500})
        live.hub.office("item").change(lambda book: save_item(book, item, "shop"))
        return
    kind, news = ("subscriptions", "subscription.started") if what == "member" else ("payments", "payment.*")
    live.sandbox("POST", f"/test/{kind}/{name}/choose", {"choice": "pay"})
    live.until(lambda: [one for one in live.events(type=news, text=name) if one.type not in BEGINNINGS])
    if what == "held":
        live.until(lambda: [one for one in portal.get("/holds", payment=name).json["data"] if one["state"] == "held"])


def member(value, path):
    """A member of an answer by its dotted path."""
    for part in path.split("."):
        value = value[int(part)] if part.isdigit() else value[part]
    return value


def test_every_operation_of_the_table_has_an_example():
    wanted = {one.id for one in OPERATIONS} | set(OWN)
    assert wanted - {one["operation"] for one in examples()} == set()


def test_the_examples_work_one_after_the_other_and_every_answer_fits_its_schema(live, live_portal):
    said = live_portal.get("/openapi.json").json
    known = {entry["operationId"]: (method, path, entry) for method, path, entry in operations(said)}
    real = {}

    def told(value):
        if isinstance(value, dict):
            return {name: told(one) for name, one in value.items()}
        if isinstance(value, list):
            return [told(one) for one in value]
        return real.get(value, value) if isinstance(value, str) else value

    for example in examples():
        method, path, entry = known[example["operation"]]
        for what, name in told(example.get("after") or {}).items():
            happened(live, live_portal, what, name)
        for name, value in told(example.get("path") or {}).items():
            path = path.replace(f"{{{name}}}", value)
        answer = live_portal.get(path) if method == "GET" else live_portal.post(path, told(example.get("body") or {}))
        assert answer.status_code == 200, (example["operation"], answer.text)
        schema = entry["responses"]["200"]["content"]["application/json"]["schema"]
        assert fits(said, schema).problems(answer.json) == [], example["operation"]
        if "requestBody" in entry:
            taken = entry["requestBody"]["content"]["application/json"]["schema"]
            assert fits(said, taken).problems(example.get("body") or {}) == [], example["operation"]
        real.update({made_up: member(answer.json, name) for name, made_up in (example.get("keep") or {}).items()})


def test_lists_fit_their_schemas_once_there_is_something_in_them(live, live_portal):
    test_the_examples_work_one_after_the_other_and_every_answer_fits_its_schema(live, live_portal)
    said = live_portal.get("/openapi.json").json
    filled = set()
    for method, path, entry in operations(said):
        if entry["operationId"].endswith(".list") and "{" not in path:
            answer = live_portal.get(path)
            schema = entry["responses"]["200"]["content"]["application/json"]["schema"]
            assert (method, answer.status_code) == ("GET", 200)
            assert fits(said, schema).problems(answer.json) == [], path
            filled |= {path} if answer.json["data"] else set()
    assert filled >= {
        "/links",
        "/orders",
        "/invoices",
        "/payments",
        "/plans",
        "/jobs",
        "/providers",
        "/holds",
        "/access",
        "/events",
    }


def test_a_plan_and_a_subscription_are_found_by_connection_and_id_with_what_was_told_of_them(live, live_portal):
    price = {"minor": 1500, "currency": "EUR"}
    told = {
        "plan.created": {"plan": "pln_1", "name": "Gold", "price": price},
        "subscription.started": {
            "subscription": "sub_1",
            "plan": "pln_1",
            "amount": price,
            "customer": {"name": "Ada"},
        },
    }
    for event_type, data in told.items():
        live.hub.recorder.record(Happening(event_type, "shop", event_type, data, live.hub.now()), live.hub.now())
    (plan,) = live_portal.get("/plans").json["data"]
    assert live_portal.get("/plans/shop/pln_1").json == plan
    assert (plan["name"], plan["price"], plan["state"]) == ("Gold", price, "active")
    subscription = live_portal.get("/subscriptions/shop/sub_1").json
    assert (subscription["plan"], subscription["state"], subscription["amount"]) == ("pln_1", "active", price)
    assert live_portal.get("/plans/other/pln_1").status_code == 404
