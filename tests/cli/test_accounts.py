"""`hub connection`, `hub connector`, `hub user`, `hub secrets`."""

import stat

import pytest

from hub.cli.running import opened
from hub.secrets import new_key

SECRET = "sk_test_made_up_0123456789"
FIELDS = f"secret_key: {SECRET}\nwebhook_secret: whsec_made_up_0123456789\n"


@pytest.fixture
def fields(tmp_path):
    file = tmp_path / "fields.yaml"
    file.write_text(FIELDS)
    return file


def test_a_connection_is_added_and_listed_without_its_secrets(hub, fields):
    added = hub("connection", "add", "stripe-main", "stripe", "--fields", fields)
    assert (added.code, added.err) == (0, "")
    assert "/hooks/stripe-main" in added.out
    listed = hub("connection", "list", "--format", "json")
    assert [(one["name"], one["connector"], one["enabled"]) for one in listed.json] == [("stripe-main", "stripe", True)]
    assert SECRET not in added.out + listed.out + hub("connection", "list").out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("secret_key: x\n- a\n", "line 2: this is not YAML"),
        ("- a\n", "holds no fields"),
        (f"{FIELDS}secret_kee: x\n", "secret_kee"),
        ("webhook_secret: whsec_x\n", "lacks secret_key"),
    ],
)
def test_fields_that_are_wrong_are_named(hub, fields, text, said):
    fields.write_text(text)
    answer = hub("connection", "add", "stripe-main", "stripe", "--fields", fields)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_a_connector_or_connection_that_does_not_exist_is_named(hub, fields):
    added = hub("connection", "add", "main", "strype", "--fields", fields)
    tested = hub("connection", "test", "stripe-main")
    assert (added.code, tested.code) == (2, 2)
    assert "strype" in added.err
    assert "stripe-main" in tested.err


def test_a_connection_is_tested(hub, tmp_path):
    refused = tmp_path / "http.yaml"
    refused.write_text("base_url: http://127.0.0.1:9\n")
    assert hub("connection", "add", "shop", "http", "--fields", refused).code == 0
    answer = hub("connection", "test", "shop", "--format", "json")
    assert (answer.code, answer.json["ok"]) == (1, False)
    assert "127.0.0.1" in answer.json["message"]


def test_a_new_connector_keeps_every_rule_or_says_which_not(hub, workspace):
    made = hub("connector", "new", "acme_pay", "--kind", "gateway")
    assert made.code == 0
    folder = workspace / "connectors" / "acme_pay"
    assert (folder / "connector.yaml").is_file()
    checked = hub("connector", "check", folder, "--format", "json")
    assert checked.code == (1 if checked.json else 0)
    again = hub("connector", "new", "acme_pay")
    assert again.code == 2
    assert "exists already" in again.err


def test_a_broken_connector_is_found(hub, workspace):
    hub("connector", "new", "acme_pay")
    folder = workspace / "connectors" / "acme_pay"
    (folder / "connector.yaml").write_text("name: acme_pay\nkind: nothing\n")
    answer = hub("connector", "check", folder)
    assert answer.code == 1
    assert answer.out.startswith("acme_pay: ")


def test_people_are_added_once_and_with_a_password_that_is_none_to_guess(hub):
    arguments = ("user", "add", "ada@example.com", "--role", "admin")
    assert hub(*arguments, typed="seven small blue boats\n" * 2).code == 0
    again = hub(*arguments, "--password", "seven small blue boats")
    assert again.code == 2
    assert "ada@example.com" in again.err
    weak = hub("user", "add", "bob@example.com", "--password", "short")
    assert weak.code == 2
    assert "5 characters" in weak.err


def test_secrets_are_encrypted_under_a_new_key(hub, workspace, fields):
    hub("connection", "add", "stripe-main", "stripe", "--fields", fields)
    keys = workspace / "secret.keys"
    before = keys.read_text().split()
    answer = hub("secrets", "rotate")
    assert (answer.code, answer.err) == (0, "")
    assert keys.read_text().split()[1:] == before
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert hub("connection", "list", "--format", "json").json[0]["name"] == "stripe-main"


def test_the_tests_connections_file_is_not_shown_in_an_error(hub, fields):
    fields.write_text(f"secret_key: {SECRET}: [\n")
    answer = hub("connection", "add", "stripe-main", "stripe", "--fields", fields)
    assert answer.code == 2
    assert SECRET not in answer.err


def test_keys_in_the_environment_are_left_to_who_put_them_there(hub, workspace, monkeypatch):
    key = "bWFkZS11cC1rZXktb2YtdGhpcnR5LXR3by1ieXRlcyE="
    monkeypatch.setenv("HUB_SECRET_KEYS", key)
    answer = hub("secrets", "rotate")
    assert (answer.code, answer.out) == (2, "")
    assert "HUB_SECRET_KEYS" in answer.err
    assert key not in answer.err
    assert not (workspace / "secret.keys").exists()


def test_a_new_key_in_the_environment_takes_the_secrets_over(hub, fields, workspace, monkeypatch):
    old, new = new_key(), new_key()
    monkeypatch.setenv("HUB_SECRET_KEYS", old)
    hub("connection", "add", "stripe-main", "stripe", "--fields", fields)
    monkeypatch.setenv("HUB_SECRET_KEYS", f"{new},{old}")
    answer = hub("secrets", "rotate")
    assert (answer.code, answer.err) == (0, "")
    monkeypatch.setenv("HUB_SECRET_KEYS", new)
    with opened(workspace) as installation:
        assert installation.accounts.get("stripe-main").secret("secret_key") == SECRET
    assert not (workspace / "secret.keys").exists()
