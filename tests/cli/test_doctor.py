"""`hub doctor`, on installations that are well and that are not."""

import pytest


def ailments(answer):
    return {one["title"]: one for one in answer.json if one["level"] == "error"}


def test_a_fresh_installation_is_well(hub):
    answer = hub("doctor", "--format", "json")
    assert (answer.code, ailments(answer)) == (0, {})
    assert {"Pages", "Database", "Disk", "Connectors", "Recipes", "People"} <= {one["title"] for one in answer.json}
    assert "People" in hub("doctor").out


def test_keys_that_others_can_read(hub, workspace):
    hub("doctor")
    (workspace / "secret.keys").chmod(0o644)
    answer = hub("doctor", "--format", "json")
    assert answer.code == 1
    found = ailments(answer)["Installation"]
    assert "secret.keys" in found["message"] + found["remedy"]
    assert "chmod" in found["remedy"]
    assert hub("runs", "list").code == 2


def test_pages_that_were_never_built(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("hub.web.assets.Assets.load.__func__.__defaults__", (tmp_path / "dist",))
    answer = hub("doctor", "--format", "json")
    assert answer.code == 1
    assert "make run" in ailments(answer)["Pages"]["remedy"]


@pytest.mark.parametrize(
    ("text", "said"), [("prot = 9000\n", "prot"), ("port = 'many'\n", "port"), ("port = \n", "hub.toml")]
)
def test_settings_that_are_wrong(hub, workspace, text, said):
    workspace.mkdir()
    (workspace / "hub.toml").write_text(text)
    answer = hub("doctor", "--format", "json")
    assert answer.code == 1
    found = ailments(answer)["Installation"]
    assert said in found["message"]
    assert found["remedy"]


def test_a_database_that_is_none(hub, monkeypatch):
    monkeypatch.setenv("HUB_DATABASE_URL", "mysql://db/hub")
    answer = hub("doctor")
    assert answer.code == 1
    assert "mysql" in answer.out


def test_a_connection_whose_secrets_no_key_opens(hub, workspace, tmp_path):
    (tmp_path / "fields.yaml").write_text("secret_key: sk_test_made_up_01\nwebhook_secret: whsec_made_up_01\n")
    hub("connection", "add", "stripe-main", "stripe", "--fields", tmp_path / "fields.yaml")
    (workspace / "secret.keys").unlink()
    answer = hub("doctor", "--format", "json")
    assert answer.code == 1
    assert "Connection stripe-main" in ailments(answer)


def test_a_workspace_that_is_a_file(hub, workspace):
    workspace.write_text("")
    answer = hub("runs", "list")
    assert (answer.code, answer.out) == (2, "")
    assert str(workspace) in answer.err
