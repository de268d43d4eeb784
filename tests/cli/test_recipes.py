"""`hub check`, `hub test`, `hub schema`, `hub gallery`."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

GALLERY = Path(__file__).parents[2] / "recipes"
LOG = "call: hub/log\n    with: {message: done}"
MISSPELT = "call: hub/logg\n    with: {message: done}"
TEST = "tests:\n  - name: it is done\n    event: {type: course.finished, data: {}}\n    expect: {status: %s}\n"


def test_a_recipe_in_which_nothing_is_wrong(hub, recipe):
    answer = hub("check", recipe("certificate", [LOG]))
    assert (answer.code, answer.out, answer.err) == (0, "Nothing is wrong.\n", "")


def test_what_is_wrong_is_said_with_its_line(hub, recipe):
    file = recipe("certificate", [MISSPELT])
    answer = hub("check", file)
    assert answer.code == 1
    assert f"{file}:6:" in answer.out
    assert "hub/logg" in answer.out


@pytest.mark.parametrize(
    "call", ["mail/send\n    with: {to: a@example.com, ", "providers/notify\n    with: {provider: prv_1, "]
)
def test_a_template_that_is_nowhere_is_said(hub, recipe, call):
    file = recipe("certificate", [f"call: {call}template: welcom}}"])
    answer = hub("check", file)
    assert answer.code == 1
    assert "There is no template 'welcom'." in answer.out
    assert "Did you mean 'welcome'?" in answer.out


def test_findings_for_programs(hub, recipe):
    file = recipe("certificate", [MISSPELT])
    (finding,) = hub("check", file, "--format", "json").json
    assert (finding["file"], finding["line"], finding["severity"]) == (str(file), 6, "error")
    assert hub("check", file, "--format", "github").out.startswith(f"::error file={file},line=6")
    report = hub("check", file, "--format", "sarif")
    assert report.code == 1
    (result,) = report.json["runs"][0]["results"]
    assert (report.json["version"], result["level"]) == ("2.1.0", "error")
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 6


def test_a_sarif_report_without_findings(hub, recipe):
    answer = hub("check", recipe("certificate", [LOG]), "--format", "sarif")
    assert (answer.code, answer.json["runs"][0]["results"]) == (0, [])


def test_recipes_are_checked_against_an_installation(hub, recipe, workspace):
    file = recipe("certificate", ["call: crm-east/list.add\n    with: {list: a, email: b}"])
    answer = hub("check", file, "--workspace", workspace)
    assert answer.code == 1
    assert "crm-east" in answer.out


def test_a_recipe_that_does_not_exist_is_misuse(hub):
    answer = hub("check", "no-such.yaml")
    assert answer.code == 2
    assert "no-such.yaml" in answer.err


def test_a_file_in_another_encoding_is_named(hub, tmp_path):
    file = tmp_path / "umlaut.yaml"
    file.write_bytes("title: Gebühr".encode("latin-1"))
    answer = hub("check", file)
    assert answer.code == 2
    assert "umlaut.yaml is not UTF-8" in answer.err


@pytest.mark.parametrize(("expected", "code"), [("succeeded", 0), ("failed", 1)])
def test_the_tests_of_a_recipe(hub, recipe, expected, code):
    file = recipe("certificate", [LOG], more=TEST % expected)
    for answer in (hub("test", file), hub("test", file, "--format", "json")):
        assert (answer.code, answer.err) == (code, "")
    (result,) = answer.json
    assert (result["name"], result["passed"]) == ("it is done", code == 0)
    assert bool(result["problems"]) == (code == 1)


def test_the_tests_of_a_broken_recipe_are_not_run(hub, recipe):
    file = recipe("certificate", ["kall: hub/log"])
    answer = hub("test", file)
    assert (answer.code, answer.out) == (2, "")
    assert "kall" in answer.err


@pytest.mark.parametrize("what", ["recipe", "connector"])
def test_schemas_are_json_schemas(hub, what):
    Draft202012Validator.check_schema(hub("schema", what).json)


def test_every_event_has_a_schema(hub):
    assert "payment.succeeded" in json.dumps(hub("schema", "events").json)


def test_the_stories_of_the_gallery_are_listed_and_installed(hub):
    stories = hub("gallery", "list", "--format", "json").json
    assert {one["name"] for one in stories} == {folder.name for folder in GALLERY.iterdir() if folder.is_dir()}
    assert all(one["title"] for one in stories)
    assert "crm-sync" in hub("gallery", "list").out


def test_a_story_that_does_not_exist_is_named(hub):
    answer = hub("gallery", "install", "no-such-story")
    assert answer.code == 2
    assert "no-such-story" in answer.err


def test_a_story_is_installed(hub, tmp_path):
    (tmp_path / "crm.yaml").write_text("token: made-up\n")
    answer = hub("gallery", "install", "crm-sync")
    assert (answer.code, answer.out) == (0, "Installed: crm-sync\n"), answer.err
