"""Processes of the hub that are killed for good, and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import requests

PATIENCE = 120


class Process:
    """One process of the hub with its children, started again whenever it is killed."""

    def __init__(self, command, environment, port):
        self._command = [sys.executable, "-m", "hub", command]
        self._environment = {**os.environ, **environment}
        self._port = port
        self.start()

    def start(self):
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_until_it_listens(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the hub does not listen")

    def wait_until_it_answers(self):
        """Its socket is open before the process behind it has begun, and a little longer than one that was killed."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with suppress(requests.ConnectionError):
                requests.get(f"http://127.0.0.1:{self._port}/readyz", timeout=PATIENCE)
                return
            time.sleep(0.05)
        raise AssertionError("the hub does not answer")

    def kill(self):
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def end(self):
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
