"""`hub check`, `hub test`, `hub schema`, `hub gallery`."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from hub.cli.running import opened

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


FORM = "form: 1\nname: give\ntitle: A gift\nfields:\n  - {name: name, type: text}\npay:\n  by: %s\n  amount: {EUR: {fixed: %s}}\n"


@pytest.fixture
def folder(tmp_path, recipe):
    """A folder of files, as ``hub export`` writes it: a recipe and a form that is paid by the connection ``shop``."""
    recipe("certificate", [LOG])
    texts = {
        "connections/shop.yaml": "name: shop\nconnector: stripe\n",
        "forms/give.yaml": FORM % ("shop", "'49.00'"),
        "catalogue/goods.yaml": "catalogue: 1\nitems:\n  - {sku: LAMP, title: Lamp, prices: {EUR: 49.00}}\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_forms_and_catalogues_in_a_folder_are_checked_on_its_connections(hub, folder):
    answer = hub("check", folder)
    assert (answer.code, answer.out) == (0, "Nothing is wrong.\n")
    assert hub("check", folder / "forms" / "give.yaml").code == 0
    assert hub("test", folder).code == 0, "forms are no recipes"
    (folder / "connections" / "shop.yaml").unlink()
    answer = hub("check", folder)
    assert answer.code == 1
    assert f"{folder / 'forms' / 'give.yaml'}:7:" in answer.out
    assert "'shop'" in answer.out


@pytest.mark.parametrize(
    ("file", "text", "line", "what", "remedy"),
    [
        ("forms/give.yaml", FORM % ("shop", "'1e9'"), 8, "1e9", "Write the number out"),
        (
            "forms/give.yaml",
            FORM.replace("name: give", "name: take") % ("shop", "'5'"),
            2,
            "calls itself 'take'",
            "name: give",
        ),
        ("forms/give.yaml", FORM.replace("type: text", "type: txet") % ("shop", "'5'"), 5, "txet", "text"),
        ("forms/give.yaml", "form: 1\n  name: give\n", 2, "", ""),
        (
            "catalogue/goods.yaml",
            "catalogue: 1\nitems:\n  - {sku: LAMP, title: Lamp, prices: {EUR: ten}}\n",
            3,
            "ten",
            "",
        ),
    ],
)
def test_what_is_wrong_in_a_form_or_catalogue_is_said_with_place_and_remedy(
    hub, folder, file, text, line, what, remedy
):
    (folder / file).write_text(text, encoding="utf-8")
    answer = hub("check", folder)
    assert answer.code == 1
    assert f"{folder / file}:{line}:" in answer.out
    assert what in answer.out
    assert remedy in answer.out
    (finding, *_) = hub("check", folder / file, "--format", "json").json
    assert (finding["file"], finding["line"]) == (str(folder / file), line)


def test_a_form_is_checked_on_the_connections_of_a_workspace(hub, folder, workspace):
    given = folder / "forms" / "give.yaml"
    answer = hub("check", given, "--workspace", workspace)
    assert answer.code == 1
    assert "'shop'" in answer.out
    applied = hub("apply", folder, "--yes")
    assert applied.code == 0, applied.out + applied.err
    assert hub("check", given, "--workspace", workspace).code == 0


def test_the_gallery_is_checked_whole_and_story_by_story(hub):
    for path in (GALLERY, *sorted(GALLERY.iterdir()), GALLERY / "charity" / "recipes", GALLERY / "charity" / "forms"):
        answer = hub("check", path)
        assert (answer.code, answer.out) == (0, "Nothing is wrong.\n"), path


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
    assert (answer.code, answer.out) == (
        0,
        "Installed: crm-sync, join-price-mails, join-price. How to try it: /gallery/crm-sync at your hub's address.\n",
    ), answer.err


def test_a_story_is_installed_over_what_somebody_changed_only_when_told(hub, tmp_path):
    (tmp_path / "crm.yaml").write_text("token: made-up\n")
    assert hub("gallery", "install", "crm-sync").code == 0
    with opened(None) as here:
        gallery = here.store.recipe("crm-sync").text
        here.recipes.save("crm-sync", gallery + "# ours\n", "ada@example.com")
    again = hub("gallery", "install", "crm-sync")
    assert "Left as they are, because somebody changed them: crm-sync. --overwrite takes" in again.out
    assert "Installed: join-price-mails, join-price." in again.out
    assert "Installed: crm-sync, " in hub("gallery", "install", "crm-sync", "--overwrite").out
    with opened(None) as here:
        assert here.store.recipe("crm-sync").text == gallery


def test_recipes_without_tests_are_said_to_have_none(hub, recipe):
    answer = hub("test", recipe("plain", ["set: {a: 1}"]))
    assert (answer.code, answer.out) == (0, "These recipes bring no tests.\n")
