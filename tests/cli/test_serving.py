"""What `hub run` says before it serves."""

import socket
import subprocess
import sys
import threading

import pytest

from hub.cli import serving
from hub.config import load_settings
from hub.engine.hub import Hub, Role


@pytest.mark.parametrize("sharing", [False, True])
def test_a_port_that_is_taken_is_said_in_a_sentence(hub, workspace, monkeypatch, sharing):
    """Another hub shares its port with whoever asks to: then requests would go to either."""
    monkeypatch.setattr(serving, "_HELD_ON_TO", 0.3)
    with socket.socket() as other:
        if sharing:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        answer = hub("run", "--port", other.getsockname()[1])
    assert answer.code == 2
    assert "Address already in use" in answer.err
    assert "--port" in answer.err
    assert not workspace.exists()


def test_a_port_that_a_killed_process_holds_a_moment_longer_is_waited_for(tmp_path, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        threading.Timer(0.5, other.close).start()
        serving._look_for_another(load_settings(workspace=tmp_path, port=port))
    assert capsys.readouterr().err == f"Port {port} is taken; waiting 10 seconds for it.\n"


def test_an_address_of_another_machine_is_refused(hub):
    answer = hub("run", "--host", "192.0.2.1", "--port", 18080)
    assert answer.code == 2
    assert "--host" in answer.err


def test_a_host_that_nobody_knows_is_refused(hub):
    answer = hub("run", "--host", "nowhere.invalid", "--port", 18080)
    assert answer.code == 2
    assert "nowhere.invalid" in answer.err


def test_a_workspace_that_another_hub_serves_is_said_in_a_sentence(tmp_path):
    other = Hub.open(load_settings(workspace=tmp_path), Role.RUN)
    try:
        answer = served("run", workspace=tmp_path)
    finally:
        other.close()
    assert answer.returncode == 2
    assert answer.stderr.startswith("hub: Another hub (process ")
    assert answer.stderr.count("\n") == 1


def test_web_without_postgresql_is_said_in_a_sentence(tmp_path):
    answer = served("web", workspace=tmp_path)
    assert answer.returncode == 2
    assert answer.stderr.startswith("hub: `hub web` needs PostgreSQL")
    assert answer.stderr.count("\n") == 1


def served(command, workspace):
    """What a server says that cannot begin, in processes of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = [
        sys.executable,
        "-c",
        "from hub.cli import main; main()",
        command,
        "--workspace",
        workspace,
        "--port",
        str(port),
    ]
    return subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
