import json
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
import responses
from responses import matchers

from hub.connect.api import ConnectorCode
from hub.connect.connector import LoadedConnector
from hub.connect.manifest import load_manifest
from hub.connect.rest import form_pairs, query_pairs
from hub.errors import PermanentError, TransientError, UncertainError

API = "https://api.example"
MANIFEST = """
connector: 1
name: acme
title: Acme
kind: crm
summary: A system that exists in tests only.
connection:
  required: [base, key]
  properties:
    base: {title: Address, type: string}
    key: {title: Key, type: string, secret: true}
api:
  base: ${ connection.base }
  auth: {type: bearer, token: key}
  headers: {X-Version: "7"}
  errors: {code: answer.error.code, message: answer.error.text, table: {no_such: not_found}}
actions:
  go:
    title: Go
    description: Does what the test says.
    idempotent: IDEMPOTENT
    input: {type: object, additionalProperties: true}
    output: OUTPUT
    rest:
REST
"""


def form_of(expected):
    """Matches a request whose body is this form."""
    return lambda request: (dict(parse_qsl(request.body.decode())) == expected, f"{request.body} is another form")


@pytest.fixture
def run(tmp_path, make_call, make_connection):
    def run(rest, given=None, idempotent="nature", output="{}", **more):
        folder = tmp_path / "acme"
        folder.mkdir(exist_ok=True)
        indented = "\n".join(f"      {line}" for line in rest.strip().splitlines())
        text = MANIFEST.replace("REST", indented).replace("IDEMPOTENT", idempotent).replace("OUTPUT", output)
        (folder / "connector.yaml").write_text(text)
        call = replace(make_call(make_connection({"base": API}, key="k1"), given), **more)
        return LoadedConnector(load_manifest(folder), ConnectorCode).run("go", call)

    return run


@responses.activate
def test_a_request_is_built_from_templates_signed_in_and_its_answer_shaped(run):
    responses.post(
        f"{API}/v1/contacts",
        json={"id": "c_1", "total": 1050, "cur": "usd"},
        match=[
            matchers.json_params_matcher({"email": "ada@example.com", "tags": ["a"]}),
            matchers.header_matcher({"Authorization": "Bearer k1", "X-Version": "7", "Idempotency-Key": "4f" * 20}),
            matchers.query_param_matcher({"dry": "false", "n": "2"}),
        ],
    )
    rest = """
method: POST
path: /v1/contacts
query: {dry: false, n: "${ input.n }", missing: "${ input.nothing }"}
headers: {Idempotency-Key: "${ key }"}
json: {email: "${ input.email }", phone: "${ input.phone }", tags: "${ input.tags }"}
output: {contact: "${ answer.id }", amount: {units: "${ answer.total }", currency: "${ answer.cur }"}, was: "${ status }"}
"""
    output = run(rest, {"email": "ada@example.com", "tags": ["a"], "n": 2})
    assert output == {"contact": "c_1", "amount": {"minor": 1050, "currency": "USD"}, "was": 200}


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("a/b", "/v1/a%2Fb/x:y"),
        ("../admin", "/v1/..%2Fadmin/x:y"),
        ("ä ?#&", "/v1/%C3%A4%20%3F%23%26/x:y"),
        (7, "/v1/7/x:y"),
        ("%2e", "/v1/%252e/x:y"),
    ],
)
@responses.activate
def test_a_value_stays_one_segment_of_the_path(run, value, path):
    responses.add_callback("GET", f"{API}{path}", lambda request: (200, {}, "{}"))
    run("method: GET\npath: /v1/${ input.id }/x:y", {"id": value})
    assert responses.calls[0].request.url == f"{API}{path}"


@pytest.mark.parametrize("value", [None, "", ".", "..", True, ["a"], {"a": 1}])
def test_a_path_without_its_value_is_refused_before_anything_is_sent(run, value):
    with pytest.raises(PermanentError) as error:
        run("method: GET\npath: /v1/${ input.id }", {"id": value})
    assert error.value.code == "bad_input"


@responses.activate
def test_a_form_is_nested_in_brackets(run):
    expected = {"a[b]": "1", "c[0]": "2", "c[1][d]": "true", "e": "x y"}
    responses.post(f"{API}/f", json={}, match=[form_of(expected)])
    run(
        'method: POST\npath: /f\nform: {a: {b: 1}, c: [2, {d: true}], e: "${ input.e }", z: "${ input.z }"}',
        {"e": "x y"},
    )


def test_how_values_are_written():
    assert query_pairs({"a": [1, True], "b": "x"}) == [("a", "1"), ("a", "true"), ("b", "x")]
    assert form_pairs({"a": {"b": {"c": False}}}) == [("a[b][c]", "false")]


@responses.activate
def test_a_success_condition_catches_an_error_inside_of_a_200(run):
    responses.get(f"{API}/x", json={"ok": False, "error": {"code": "no_such", "text": "Never heard"}})
    with pytest.raises(PermanentError, match="Never heard") as error:
        run("method: GET\npath: /x\nsuccess: answer.ok")
    assert (error.value.code, error.value.gateway_code) == ("not_found", "no_such")


@responses.activate
def test_an_actions_own_error_table_adds_to_the_connectors(run):
    responses.get(f"{API}/x", status=400, json={"error": {"code": "busy"}})
    with pytest.raises(TransientError):
        run("method: GET\npath: /x\nerrors: {table: {busy: rate_limited}}")


@responses.activate
def test_a_404_may_be_an_output(run):
    responses.get(f"{API}/x", status=404)
    assert run("method: GET\npath: /x\nabsent: {found: false}") == {"found": False}


@responses.activate
def test_an_empty_answer_is_null(run):
    responses.delete(f"{API}/x", status=204)
    assert run('method: DELETE\npath: /x\noutput: {gone: true, answer: "${ answer }"}') == {"gone": True}


@responses.activate
def test_html_instead_of_json_is_transient(run):
    responses.get(f"{API}/x", body="<html>maintenance</html>")
    with pytest.raises(TransientError) as error:
        run("method: GET\npath: /x")
    assert error.value.code == "bad_answer"


@pytest.mark.parametrize(("idempotent", "kind"), [("no", UncertainError), ("key", TransientError)])
@responses.activate
def test_a_lost_answer_is_uncertain_only_where_nothing_makes_a_repeat_safe(run, idempotent, kind):
    responses.post(f"{API}/x", body=ConnectionResetError("gone"))
    with pytest.raises(kind):
        run("method: POST\npath: /x\njson: {}", idempotent=idempotent)


@responses.activate
def test_cursor_paging_collects_all_items(run):
    responses.get(f"{API}/x", json={"data": [1, 2], "next": "c2"}, match=[matchers.query_param_matcher({"limit": "2"})])
    responses.get(
        f"{API}/x",
        json={"data": [3], "next": None},
        match=[matchers.query_param_matcher({"limit": "2", "after": "c2"})],
    )
    rest = """
method: GET
path: /x
query: {limit: 2}
paging: {style: cursor, items: answer.data, cursor: answer.next, parameter: after}
output: {all: "${ items }"}
"""
    assert run(rest) == {"all": [1, 2, 3]}


@responses.activate
def test_page_paging_ends_at_an_empty_page_and_at_the_limit(run):
    for page in (1, 2, 3):
        items = [page * 10, page * 10 + 1] if page < 3 else []
        query = {} if page == 1 else {"page": str(page)}
        responses.get(f"{API}/x", json=items, match=[matchers.query_param_matcher(query)])
    rest = 'method: GET\npath: /x\npaging: {style: page, items: answer}\noutput: "${ items }"'
    assert run(rest) == [10, 11, 20, 21]
    assert run(rest.replace("items: answer}", "items: answer, limit: 3}")) == [10, 11, 20]


@responses.activate
def test_link_paging_follows_the_next_link_on_the_same_host_only(run):
    link = f'<{API}/x?page=2&per=1>; rel="next", <{API}/x?page=9>; rel="last"'
    responses.get(f"{API}/x", json=[1], headers={"Link": link}, match=[matchers.query_param_matcher({})])
    elsewhere = {"Link": '<https://evil.example/x>; rel="next"'}
    responses.get(
        f"{API}/x", json=[2], headers=elsewhere, match=[matchers.query_param_matcher({"page": "2", "per": "1"})]
    )
    rest = 'method: GET\npath: /x\npaging: {style: link, items: answer, limit: LIMIT}\noutput: "${ items }"'
    assert run(rest.replace("LIMIT", "2")) == [1, 2]
    with pytest.raises(TransientError, match="another host"):
        run(rest.replace("LIMIT", "9"))


@responses.activate
def test_an_output_that_breaks_its_schema_is_told_with_the_place(run):
    responses.get(f"{API}/x", json={"id": 5})
    with pytest.raises(PermanentError, match="id: 5 is not of type") as error:
        run("method: GET\npath: /x", output="{type: object, properties: {id: {type: string}}}")
    assert error.value.code == "bad_output"
    assert json.loads(json.dumps(error.value.details)) == {"id": 5}
