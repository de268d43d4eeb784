"""Files out and in: the same bytes again, all of a change or nothing of it, never a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.config import Settings
from hub.engine.hub import Hub, Role
from hub.errors import ConflictError
from hub.recipes.findings import FindingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECIPE = """\
# Tells the shop.    Two  spaces stay.
hub: 1
title: Note payments
recipe: note-payments   # the name comes after the title here
on: {event: payment.succeeded}
steps:
  - {id: note, call: hub/log, with: {message: "paid"}}
"""
CONNECTION = """\
# our shop's gateway
connector: http
name: shop   # ours
settings: {base_url: "https://shop.example"}
"""

FORM = "# a form\nform: 1\nname: contact\ntitle: Contact\nfields: [{name: email, type: email}]\n"


@pytest.fixture
def hub(tmp_path: Path, database_url: str) -> Iterator[Hub]:
    opened = Hub.open(Settings(workspace=tmp_path / "ws", database_url=database_url, sandbox="off"), Role.TOOL)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    put(made, "recipes/note-payments.yaml", RECIPE)
    put(made, "templates/thanks.md", "Subject: Thanks\r\n\r\nThank you.")
    put(made, "connections/shop.yaml", CONNECTION)
    put(made, "forms/contact.yaml", FORM)
    return made


def put(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(text.encode())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_applied_files_come_out_again_to_the_byte(hub: Hub, folder: Path, tmp_path: Path) -> None:
    epoch = hub.store.recipe_epoch()
    hub.files.apply(hub.files.plan(folder), "ada@example.com")

    for name in ("one", "two"):
        hub.files.export(tmp_path / name)
        assert contents(tmp_path / name) == contents(folder)
    assert hub.files.plan(folder).changes == ()
    assert hub.store.recipe_epoch() == epoch + 1
    assert hub.store.recipe("note-payments").enabled
    assert hub.store.audit_trail()[0]["action"] == "files.apply"


def test_an_apply_adds_changes_and_removes(hub: Hub, folder: Path) -> None:
    hub.files.apply(hub.files.plan(folder), "cli")
    put(folder, "connections/shop.yaml", CONNECTION.replace("shop.example", "new.example"))
    put(folder, "templates/new.md", "Hello")
    (folder / "forms/contact.yaml").unlink()
    plan = hub.files.plan(folder)

    assert [[one.key.path for one in part] for part in (plan.add, plan.change, plan.remove)] == [
        ["templates/new.md"],
        ["connections/shop.yaml"],
        ["forms/contact.yaml"],
    ]
    hub.files.apply(plan, "cli")
    assert hub.accounts.get("shop").settings["base_url"] == "https://new.example"
    assert hub.store.file("form", "contact") is None


def test_one_mistake_refuses_all(hub: Hub, folder: Path) -> None:
    put(folder, "recipes/wrong.yaml", RECIPE.replace("note-payments", "wrong").replace("hub/log", "hub/lgo"))
    plan = hub.files.plan(folder)

    assert plan.is_refused
    with pytest.raises(FindingsError):
        hub.files.apply(plan, "cli")
    assert hub.files.stored() == {}


def test_a_secret_in_a_connection_is_refused(hub: Hub, folder: Path) -> None:
    text = "name: pay\nconnector: stripe\nsettings: {secret_key: 'sk_test_4eC39HqLyjWDarjtT1zdp7dc'}\n"
    put(folder, "connections/pay.yaml", text)

    assert hub.files.plan(folder).is_refused


def test_secrets_stay_with_their_connection_and_never_leave(hub: Hub, folder: Path, tmp_path: Path) -> None:
    manifest = hub.registry.get("sandbox").manifest
    secrets = dict.fromkeys(manifest.secret_names, "whsec_very-secret-value")
    hub.accounts.create("pay", "sandbox", {"api_base": "https://pay.example", **secrets}, "test")
    hub.files.export(tmp_path / "out")

    assert b"very-secret" not in b"".join(contents(tmp_path / "out").values())
    text = (tmp_path / "out/connections/pay.yaml").read_text(encoding="utf-8")
    put(tmp_path / "out", "connections/pay.yaml", text.replace("pay.example", "new.example"))
    hub.files.apply(hub.files.plan(tmp_path / "out"), "cli")
    row = hub.store.connection("pay")
    assert row is not None
    assert row.settings["api_base"] == "https://new.example"
    assert set(row.secrets) == set(manifest.secret_names)


def test_a_plan_that_is_no_longer_true_is_refused(hub: Hub, folder: Path) -> None:
    plan = hub.files.plan(folder)
    hub.store.save_file("template", "thanks", "Other", "bob@example.com", hub.now())

    with pytest.raises(ConflictError, match="thanks"):
        hub.files.apply(plan, "cli")
    assert set(hub.files.stored()) == {"templates/thanks.md"}
