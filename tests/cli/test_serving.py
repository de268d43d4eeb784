"""What `hub run` says before it serves."""

import socket

import pytest


@pytest.mark.parametrize("sharing", [False, True])
def test_a_port_that_is_taken_is_said_in_a_sentence(hub, workspace, sharing):
    """Another hub shares its port with whoever asks to: then requests would go to either."""
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


def test_an_address_of_another_machine_is_refused(hub):
    answer = hub("run", "--host", "192.0.2.1", "--port", 18080)
    assert answer.code == 2
    assert "--host" in answer.err


def test_a_host_that_nobody_knows_is_refused(hub):
    answer = hub("run", "--host", "nowhere.invalid", "--port", 18080)
    assert answer.code == 2
    assert "nowhere.invalid" in answer.err
