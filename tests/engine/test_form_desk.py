"""Forms as people keep them: checked with the place of what is wrong, saved, exported and applied with everything else."""

from datetime import UTC, datetime

import pytest

from hub.config import Settings
from hub.engine.file_desk import FileDesk
from hub.engine.form_desk import FormDesk, check_form
from hub.engine.hub import Hub, Role
from hub.engine.recipe_desk import GALLERY
from hub.errors import NotFoundError
from hub.recipes.findings import FindingsError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SANDBOX = {
    "api_base": "https://hub.example.com/sandbox/v1",
    "api_key": "sbx_test_key",
    "webhook_secret": "whsec_c2VjcmV0",
}
JOIN = """\
form: 1
name: join   # the address
title: {en: Join us, de: Mitmachen}
fields:
  - {name: email, type: email, required: true}
"""


@pytest.fixture
def hub(tmp_path):
    found = Hub.open(Settings(workspace=tmp_path / "workspace"), Role.TOOL, lambda: NOW)
    yield found
    found.close()


@pytest.fixture
def desk(hub):
    return FormDesk(hub)


def told(desk, text, name=""):
    return [(one.line, one.column, one.code) for one in desk.check(text, name)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("form: [", (2, 1, "yaml")),
        ("- a list", (1, 1, "type")),
        (JOIN.replace("form: 1", "form: 2"), (1, 7, "bad_input")),
        (JOIN.replace("title:", "titel:"), (3, 1, "unknown_input")),
        (JOIN.replace("type: email", "type: mail"), (5, 25, "bad_input")),
        (JOIN + "  - {name: email, type: text}\n", (6, 12, "doubled")),
        (JOIN + "pay: {by: nowhere, amount: {EUR: {fixed: '1'}}}\n", (6, 11, "connection")),
        (JOIN + "pay: {by: nowhere, amount: {EUR: {fixed: 1.5}}}\n", (6, 42, "bad_input")),
        (JOIN + "embed: [https://shop.example/page]\n", (6, 9, "bad_input")),
    ],
)
def test_what_is_wrong_is_said_at_its_place(desk, text, place):
    assert place in told(desk, text)


def test_a_saved_form_can_be_filled_in(desk):
    assert desk.save("", JOIN, "test@example.com") == "join"
    assert desk.get("join").title == {"en": "Join us", "de": "Mitmachen"}
    assert desk.text("join") == JOIN
    desk.save("join", JOIN + "submit: Go\n", "test@example.com")
    assert desk.get("join").submit == {"": "Go"}
    desk.delete("join", "test@example.com")
    with pytest.raises(NotFoundError, match="no form 'join'"):
        desk.get("join")


def test_a_form_with_errors_or_another_name_is_not_saved(desk):
    with pytest.raises(FindingsError, match="other"):
        desk.save("other", JOIN, "test@example.com")
    with pytest.raises(FindingsError):
        desk.save("", JOIN.replace("email,", "Email,"), "test@example.com")
    desk.save("", JOIN, "test@example.com")
    with pytest.raises(FindingsError, match="already"):
        desk.save("", JOIN, "test@example.com")


def test_forms_are_exported_and_applied_as_files_and_checked_before(hub, desk, tmp_path):
    desk.save("", JOIN, "test@example.com")
    files = FileDesk(hub)
    assert files.export(tmp_path / "out") == ["forms/join.yaml"]
    (tmp_path / "out" / "forms" / "two.yaml").write_text(JOIN, encoding="utf-8")
    refused = files.plan(tmp_path / "out")
    assert refused.is_refused
    assert [(one.file, one.code) for one in refused.findings] == [("forms/two.yaml", "other_name")]
    (tmp_path / "out" / "forms" / "two.yaml").write_text(JOIN.replace("join", "two"), encoding="utf-8")
    files.apply(files.plan(tmp_path / "out"), "test@example.com")
    assert desk.get("two").name == "two"


def test_a_form_may_come_with_the_connection_that_it_is_paid_by(hub, tmp_path):
    (tmp_path / "in" / "forms").mkdir(parents=True)
    (tmp_path / "in" / "connections").mkdir()
    paying = JOIN + "pay: {by: shop, amount: {EUR: {fixed: '49.00'}}}\n"
    (tmp_path / "in" / "forms" / "join.yaml").write_text(paying, encoding="utf-8")
    files = FileDesk(hub)
    assert [one.code for one in files.plan(tmp_path / "in").findings] == ["connection"]
    connection = "name: shop\nconnector: sandbox\nsettings: {api_base: 'https://hub.example.com/sandbox/v1'}\n"
    (tmp_path / "in" / "connections" / "shop.yaml").write_text(connection, encoding="utf-8")
    assert files.plan(tmp_path / "in").findings == ()


def test_a_text_that_is_no_form_is_not_shown_to_visitors(hub, desk):
    hub.store.save_file("form", "broken", "form: 3", "test@example.com", NOW)
    with pytest.raises(NotFoundError, match="not in order"):
        desk.get("broken")


def test_every_form_of_the_gallery_is_in_order_on_the_sandbox(hub):
    sandbox = {"sandbox": hub.registry.get("sandbox").manifest}
    forms = sorted(GALLERY.glob("*/forms/*.yaml"))
    assert {file.stem for file in forms} >= {"donate", "course"}
    for file in forms:
        assert check_form(file.read_text(encoding="utf-8"), file.name, sandbox, file.stem) == []


def test_a_story_brings_its_forms_and_leaves_what_was_made_of_them(hub, desk):
    assert "donation-trouble" in hub.recipes.install("charity", "test@example.com")
    own = desk.text("donate").replace("Help the animal shelter", "Help our cats")
    hub.accounts.create("sandbox", "sandbox", SANDBOX, "test@example.com")
    desk.save("donate", own, "test@example.com")
    hub.recipes.install("charity", "test@example.com")
    assert desk.text("donate") == own


def test_a_story_that_is_installed_again_leaves_the_recipes_that_somebody_changed(hub):
    hub.recipes.install("charity", "test@example.com")
    gallery = hub.store.recipe("donation-trouble").text
    assert hub.recipes.changed_here("charity") == []
    own = gallery.replace("title: Tell donors", "title: Write to donors")
    hub.recipes.save("donation-trouble", own, "ada@example.com")
    assert hub.recipes.changed_here("charity") == ["donation-trouble"]
    assert "donation-trouble" not in hub.recipes.install("charity", "test@example.com")
    assert hub.store.recipe("donation-trouble").text == own
    assert "donation-trouble" in hub.recipes.install("charity", "test@example.com", overwrite=True)
    assert hub.store.recipe("donation-trouble").text == gallery
    assert hub.recipes.changed_here("charity") == []


def test_a_recipe_that_is_as_some_version_of_the_gallery_was_comes_up_to_date(hub):
    gallery = (GALLERY / "charity/recipes/donation-trouble.yaml").read_text(encoding="utf-8")
    for file in (GALLERY / "charity/templates").glob("*.md"):
        hub.store.save_file("template", file.stem, file.read_text(encoding="utf-8"), "test", NOW)
    hub.recipes.save("donation-trouble", gallery, "ada@example.com", "Copied")
    assert hub.recipes.changed_here("charity") == []
    hub.recipes.save("donation-trouble", gallery + "# older", "test", "From the gallery: charity")
    assert hub.recipes.changed_here("charity") == []
    hub.recipes.install("charity", "test@example.com")
    assert hub.store.recipe("donation-trouble").text == gallery
