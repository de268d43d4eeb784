"""Connections as they are used: what is left empty where the manifest says that the hub knows it."""

import pytest

from hub.config import load_settings
from hub.engine.hub import Hub, Role
from hub.errors import ConfigError

IMOJO = {"mode": "test", "client_id": "made_up", "client_secret": "made_up", "salt": "made_up"}


@pytest.fixture
def hub(tmp_path):
    opened = Hub.open(load_settings({}, workspace=tmp_path, public_url="https://hub.example.com"), Role.TOOL)
    yield opened
    opened.close()


def test_a_field_for_the_own_address_is_filled_in_when_it_is_left_empty(hub):
    hub.accounts.create("imojo", "instamojo", IMOJO, "test")
    assert hub.accounts.get("imojo").settings["webhook_url"] == "https://hub.example.com/hooks/imojo"
    row = hub.store.connection("imojo")
    assert "webhook_url" not in row.settings, "another public address of the hub's counts at once"
    hub.accounts.update("imojo", {**IMOJO, "webhook_url": "https://proxy.example/imojo"}, row.version, "test")
    assert hub.accounts.get("imojo").settings["webhook_url"] == "https://proxy.example/imojo"


def test_what_is_required_is_still_asked_for(hub):
    with pytest.raises(ConfigError, match="client_id"):
        hub.accounts.create("imojo", "instamojo", {"mode": "test"}, "test")
