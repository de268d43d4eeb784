from importlib.metadata import EntryPoint

import pytest

import hub.connect.registry as registry_module
from hub.connect.registry import Registry
from hub.connect.skeleton import new_connector
from hub.errors import ConfigError, NotFoundError


def plant(parent, name, kind="gateway"):
    for path, text in new_connector(name, kind).items():
        (parent / name / path).parent.mkdir(parents=True, exist_ok=True)
        (parent / name / path).write_text(text)
    return parent / name


def test_the_hubs_own_connectors_are_found():
    assert {"http", "hub", "mail", "slack"} <= set(Registry.load().names())


def test_a_workspace_folder_is_a_connector(tmp_path):
    plant(tmp_path, "acme")
    registry = Registry.load([tmp_path])
    assert registry.get("acme").manifest.title == "Acme"
    assert "request" in registry.get("acme").code.actions
    assert registry.get("acme") is registry.get("acme")


def test_an_installed_package_is_a_connector(tmp_path, monkeypatch):
    package = tmp_path / "acme_hub"
    plant(package, "acme")
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("acme", "acme_hub.acme", registry_module.ENTRY_POINTS)
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [entry] if group == entry.group else [])
    assert "request" in Registry.load().get("acme").code.actions


def test_an_installed_package_without_a_manifest_is_named(monkeypatch):
    entry = EntryPoint("acme", "json", registry_module.ENTRY_POINTS)
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [entry])
    with pytest.raises(ConfigError, match=r"'acme' \(json\) has no connector\.yaml"):
        Registry.load()


def test_two_connectors_of_one_name_are_refused(tmp_path):
    plant(tmp_path / "one", "acme")
    plant(tmp_path / "two", "acme")
    with pytest.raises(ConfigError, match="Two connectors are named 'acme'"):
        Registry.load([tmp_path / "one", tmp_path / "two"])


def test_one_broken_workspace_connector_does_not_hinder_the_others(tmp_path):
    (plant(tmp_path, "broken") / "connector.yaml").write_text("connector: 1\n")
    registry = Registry.load([tmp_path])
    assert registry.get("http").manifest.name == "http"
    with pytest.raises(ConfigError, match="not a valid manifest"):
        registry.get("broken")


def test_an_unknown_connector_gets_the_nearest_name():
    with pytest.raises(NotFoundError) as error:
        Registry.load().get("slak")
    assert (error.value.code, error.value.remedy) == ("unknown_connector", "Did you mean 'slack'?")


def test_an_unknown_action_gets_the_nearest_name():
    with pytest.raises(NotFoundError) as error:
        Registry.load().action("slack", "mesage.post")
    assert (error.value.code, error.value.remedy) == ("unknown_action", "Did you mean 'message.post'?")


def test_an_action_that_the_gateway_does_not_offer_gets_the_reason(tmp_path):
    plant(tmp_path, "acme")
    with pytest.raises(NotFoundError) as error:
        Registry.load([tmp_path]).action("acme", "payout.create")
    assert error.value.code == "not_offered"
    assert "Not looked into yet" in error.value.message


def test_a_known_action_is_given(tmp_path):
    assert Registry.load().action("hub", "log").inline


def test_code_without_the_connector_value_is_refused(tmp_path):
    folder = plant(tmp_path, "acme")
    (folder / "connector.py").write_text("x = 1\n")
    with pytest.raises(ConfigError, match="no `connector = ConnectorCode"):
        _ = Registry.load([tmp_path]).get("acme").code
