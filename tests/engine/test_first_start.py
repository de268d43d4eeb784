"""The sandbox's connections lead to the hub's own address, wherever that is today."""

from hub.config import load_settings
from hub.engine.first_start import prepare
from hub.engine.hub import Hub, Role


def started(workspace, port, change=None):
    """Where the connections of a hub lead that was started at ``port``."""
    hub = Hub.open(load_settings({}, workspace=workspace, port=port), Role.RUN)
    try:
        prepare(hub)
        if change:
            row = next(one for one in hub.store.connections() if one.name == "crm")
            hub.accounts.update("crm", {**row.settings, "api_base": change}, row.version, "admin")
        return {row.name: row.settings["api_base"] for row in hub.store.connections()}
    finally:
        hub.close()


def test_a_start_at_another_port_takes_the_sandbox_along(tmp_path):
    before = started(tmp_path, 8080)
    assert before["sandbox"] == "http://127.0.0.1:8080/sandbox/v1"
    assert started(tmp_path, 8080) == before
    assert started(tmp_path, 9000) == {name: base.replace("8080", "9000") for name, base in before.items()}
    assert started(tmp_path, 8080) == before


def test_what_an_admin_changed_stays(tmp_path):
    started(tmp_path, 8080, "https://sandbox.example.com/crm/v1")
    after = started(tmp_path, 9000)
    assert after == {"crm": "https://sandbox.example.com/crm/v1", "sandbox": "http://127.0.0.1:9000/sandbox/v1"}
