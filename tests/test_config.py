from dataclasses import fields
from pathlib import Path

import pytest

from hub.config import Settings, described_settings, help_text, load_settings, reference
from hub.errors import ConfigError

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"


def workspace_with(tmp_path, text):
    (tmp_path / "hub.toml").write_text(text, encoding="utf-8")
    return str(tmp_path)


def test_without_anything_said_the_hub_is_private_to_this_machine():
    settings = load_settings({})
    assert (settings.host, settings.port, settings.sandbox_on) == ("127.0.0.1", 8080, True)
    assert settings.address == "http://127.0.0.1:8080"
    assert settings.database == f"sqlite:///{Path.cwd() / 'hub-data' / 'hub.db'}"
    assert settings.allow_private_addresses == ()


def test_options_go_before_variables_and_variables_before_the_file(tmp_path):
    workspace = workspace_with(tmp_path, 'port = 9001\nlease_seconds = 20\nhost = "::1"\n')
    settings = load_settings({"HUB_WORKSPACE": workspace, "HUB_PORT": "9002", "HUB_LEASE_SECONDS": "30"}, port=9003)
    assert (settings.port, settings.lease_seconds, settings.host) == (9003, 30.0, "::1")
    assert settings.address == "http://[::1]:9003"


def test_an_option_that_was_not_said_and_an_empty_variable_change_nothing(tmp_path):
    settings = load_settings({"HUB_PORT": "", "HUB_WORKSPACE": str(tmp_path)}, port=None, host=None)
    assert (settings.port, settings.host, settings.workspace) == (8080, "127.0.0.1", tmp_path)


@pytest.mark.parametrize("said", ['["10.0.0.0/8", "crm.internal"]', '"10.0.0.0/8, crm.internal,"'])
def test_a_list_may_be_a_list_or_text_with_commas(tmp_path, said):
    workspace = workspace_with(tmp_path, f"allow_private_addresses = {said}")
    assert load_settings({}, workspace=workspace).allow_private_addresses == ("10.0.0.0/8", "crm.internal")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "port",
            "eighty",
            "HUB_PORT: the setting port is 'eighty'. It must be a whole number, at least 1, at most 65,535.",
        ),
        ("port", "70000", "HUB_PORT: the setting port is '70000'. It must be a whole number"),
        (
            "lease_seconds",
            "nan",
            "HUB_LEASE_SECONDS: the setting lease_seconds is 'nan'. It must be a number of seconds",
        ),
        ("lease_seconds", "0.5", "at least 2, at most 600"),
        ("action_timeout_seconds", "inf", "at most 3,600"),
        ("log_format", "xml", "It must be one of text, json."),
        ("public_url", "hub.example.com", "It must be an address such as https://hub.example.com"),
        ("public_url", "https://hub.example.com/?a=b", "without anything after the path"),
        ("database_url", "mysql://host/hub", "It must begin with sqlite:/// or postgresql://"),
    ],
)
def test_a_wrong_variable_is_named_with_its_value_and_what_would_be_right(name, value, said):
    with pytest.raises(ConfigError) as caught:
        load_settings({f"HUB_{name.upper()}": value})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = 80.5", "the setting port is '80.5'. It must be a whole number"),
        ("port = true", "the setting port is 'True'. It must be a whole number"),
        ("host = 8080", "the setting host is '8080'. It must be text"),
        ('prot = 80\nhost = "::1"', "there is no setting prot. Did you mean port?"),
        ("colour = 1", "there is no setting colour. docs/settings.md lists the settings."),
        ('workspace = "elsewhere"', "the setting workspace cannot stand in the workspace's own file"),
        ("port 80", "cannot be read: "),
    ],
)
def test_a_wrong_line_of_the_file_is_named_with_the_file(tmp_path, text, said):
    with pytest.raises(ConfigError) as caught:
        load_settings({}, workspace=workspace_with(tmp_path, text))
    assert str(tmp_path / "hub.toml") in str(caught.value)
    assert said in str(caught.value)


def test_a_wrong_option_is_named_as_it_was_typed():
    with pytest.raises(ConfigError, match="--connection-concurrency: the setting connection_concurrency is '0'"):
        load_settings({}, connection_concurrency=0)


def test_a_misspelt_variable_is_refused_and_those_of_other_programs_are_not():
    assert load_settings({"HUB_VERBOSE": "1", "HUB_SECRET_KEYS": "x"}).port == 8080
    with pytest.raises(ConfigError, match="Did you mean HUB_DATABASE_URL"):
        load_settings({"HUB_DATABSE_URL": "sqlite:///x"})


def test_the_databases_password_shows_neither_in_messages_nor_in_the_representation():
    with pytest.raises(ConfigError) as caught:
        load_settings({"HUB_DATABASE_URL": "mysql://hub:sesame@host/hub"})
    assert "sesame" not in str(caught.value)
    settings = load_settings({"HUB_DATABASE_URL": "postgresql://hub:sesame@host/hub"})
    assert "sesame" not in repr(settings)
    assert settings.database == "postgresql://hub:sesame@host/hub"


@pytest.mark.parametrize(
    ("said", "on"),
    [
        ({}, True),
        ({"host": "localhost"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"public_url": "https://hub.example.com"}, False),
        ({"host": "0.0.0.0", "sandbox": "on"}, True),
        ({"sandbox": "off"}, False),
    ],
)
def test_the_sandbox_is_on_by_itself_only_where_nobody_else_can_reach_it(said, on):
    assert load_settings({}, **said).sandbox_on is on


def test_every_default_is_a_value_that_would_be_accepted():
    for name, setting in described_settings().items():
        assert getattr(load_settings({}, **{name: setting.default}), name) == setting.default


def test_every_setting_is_on_the_reference_page_and_in_the_help():
    assert PAGE.read_text(encoding="utf-8") == reference(), "make docs writes the page"
    for one in fields(Settings):
        assert f"| `{one.name}` | `HUB_{one.name.upper()}` |" in reference()
        assert f"HUB_{one.name.upper()}: " in help_text()
