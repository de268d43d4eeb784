import json

import jsonschema_rs
import pytest

from hub.recipes.findings import Finding, Severity, Span, did_you_mean, in_order
from hub.recipes.report import report

TEXT = "hub: 1\nsteps:\n\t- call: mial/send\n"
ERROR = Finding(
    "a b/shop.yaml",
    3,
    10,
    3,
    14,
    Severity.ERROR,
    "unknown_connection",
    "There is no 'mial': 100%.",
    "Did you mean 'mail'?",
    "mail",
)
WARNING = Finding("a b/shop.yaml", 1, 1, 2, 3, Severity.WARNING, "x,y", "Two\nlines.")


def test_people_see_the_line_with_a_mark():
    assert report([ERROR, WARNING], "text", {"a b/shop.yaml": TEXT}) == (
        "a b/shop.yaml:3:10: error: There is no 'mial': 100%. [unknown_connection]\n"
        "    3 | \t- call: mial/send\n"
        "      | \t        ^^^^\n"
        "      = Did you mean 'mail'?\n"
        "\n"
        "a b/shop.yaml:1:1: warning: Two\nlines. [x,y]\n"
        "    1 | hub: 1\n"
        "      | ^^^^^^\n"
        "\n"
        "1 error and 1 warning.\n"
    )


def test_nothing_wrong_is_said():
    assert report([], "text", {}) == "Nothing is wrong.\n"


def test_a_long_line_is_cut_around_the_place():
    line = "x" * 500
    finding = Finding.at("f", Span(1, 400, 1, 403), "c", "m")
    shown = report([finding], "text", {"f": line}).splitlines()
    assert len(shown[1]) < 150
    assert shown[2].count("^") == 3


def test_a_file_that_is_not_there_needs_no_excerpt():
    assert report([ERROR], "text", {}).startswith("a b/shop.yaml:3:10: error")


def test_programs_get_a_list():
    (first, second) = json.loads(report([ERROR, WARNING], "json", {}))
    assert first == {
        "file": "a b/shop.yaml", "line": 3, "column": 10, "end_line": 3, "end_column": 14, "severity": "error",
        "code": "unknown_connection", "message": "There is no 'mial': 100%.", "remedy": "Did you mean 'mail'?", "fix": "mail",
    }  # fmt: skip
    assert second["fix"] is None
    assert json.loads(report([], "json", {})) == []


def test_github_gets_annotations_with_escapes():
    assert report([ERROR, WARNING], "github", {}).splitlines() == [
        "::error file=a b/shop.yaml,line=3,endLine=3,col=10,endColumn=14,title=unknown_connection::There is no 'mial': 100%25. Did you mean 'mail'?",
        "::warning file=a b/shop.yaml,line=1,endLine=2,col=1,title=x%2Cy::Two%0Alines.",
    ]


def test_sarif_has_results_rules_and_fixes():
    log = json.loads(report([ERROR, WARNING], "sarif", {}))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["unknown_connection", "x,y"]
    error, warning = run["results"]
    place = error["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b/shop.yaml"
    assert place["region"] == {"startLine": 3, "startColumn": 10, "endLine": 3, "endColumn": 14}
    assert error["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"] == "mail"
    assert (error["level"], warning["level"], "fixes" in warning) == ("error", "warning", False)


def test_sarif_fits_the_parts_of_its_schema_that_we_use():
    region = {"type": "object", "required": ["startLine"], "additionalProperties": {"type": "integer", "minimum": 1}}
    message = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
    location = {
        "type": "object",
        "properties": {
            "physicalLocation": {"required": ["artifactLocation", "region"], "properties": {"region": region}}
        },
    }
    result = {
        "type": "object",
        "required": ["message", "level"],
        "properties": {
            "message": message,
            "level": {"enum": ["none", "note", "warning", "error"]},
            "locations": {"type": "array", "items": location},
        },
    }
    log = json.loads(report([ERROR, WARNING], "sarif", {}))
    for one in log["runs"][0]["results"]:
        jsonschema_rs.validate(result, one)


def test_findings_are_ordered_and_said_once():
    assert in_order([ERROR, WARNING, ERROR]) == [WARNING, ERROR]


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("mial", ["mail", "hub"], "Did you mean 'mail'?"),
        ("Mail", ["mail"], "Did you mean 'mail'?"),
        ("x", ["mail", "hub"], "There is: hub, mail."),
        ("x", [], ""),
    ],
)
def test_the_nearest_name_is_offered(name, known, said):
    assert did_you_mean(name, known) == said
