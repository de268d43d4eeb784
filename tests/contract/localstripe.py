"""localstripe, a stand-in for Stripe by others (PyPI, GPL-3.0): a process of its own, spoken to over HTTP, never imported.

It has no way to choose its address: it listens on the port that it is given, on all interfaces, for as long as the test runs.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

READY_WITHIN = 30.0
STARTS = 3
SECRET_KEY = "sk_test_12345"
"""localstripe takes any key of this form."""


@dataclass(frozen=True)
class LocalStripe:
    """A running one. ``url`` is what a connection has as ``api_base``."""

    url: str

    def register_webhook(self, address: str, secret: str, events: list[str] | None = None) -> None:
        """Have its events, signed with ``secret``, posted to ``address`` a second after they happen."""
        fields = {"url": address, "secret": secret, **({"events": events} if events else {})}
        self._ask("POST", "/_config/webhooks/hub", json.dumps(fields).encode(), "application/json")

    def post(self, path: str, **fields: Any) -> dict[str, Any]:
        """What a payer or Stripe's dashboard does: ``post("/v1/customers", email="ada@example.com")``."""
        form = urllib.parse.urlencode(fields).encode()
        return json.loads(self._ask("POST", path, form, "application/x-www-form-urlencoded"))

    def get(self, path: str) -> dict[str, Any]:
        return json.loads(self._ask("GET", path, None, ""))

    def card(self, number: str = "4242424242424242") -> str:
        """A stored means of payment: its number decides what becomes of it, as Stripe's test cards do."""
        card = {"card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2034", "card[cvc]": "123"}
        return str(self.post("/v1/payment_methods", type="card", **card)["id"])

    def forget(self) -> None:
        """Forget everything that was made."""
        self._ask("DELETE", "/_config/data", None, "")

    def _ask(self, method: str, path: str, body: bytes | None, kind: str) -> bytes:
        headers = {"Authorization": f"Bearer {SECRET_KEY}", **({"Content-Type": kind} if kind else {})}
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            return bytes(response.read())


@contextmanager
def running_localstripe() -> Iterator[LocalStripe]:
    """Start one at a free port, wait until it answers, and end it."""
    process, url = _started()
    try:
        yield LocalStripe(url)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _started() -> tuple[subprocess.Popen[bytes], str]:
    for _ in range(STARTS):
        port = _free_port()
        command = [sys.executable, "-W", "ignore", "-m", "localstripe", "--port", str(port), "--from-scratch"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        if _answers(url, process):
            return process, url
        process.kill()
        process.wait()
    message = "localstripe did not start. Try `python -m localstripe`; it needs IPv6 on this machine."
    raise RuntimeError(message)


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether it answers before its time is over. Another may have taken the port meanwhile: then it has ended."""
    until = time.monotonic() + READY_WITHIN
    request = urllib.request.Request(f"{url}/v1/balance", headers={"Authorization": f"Bearer {SECRET_KEY}"})
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=1):
                return process.poll() is None
        except (urllib.error.URLError, OSError):
            # The only way to learn that another process listens is to ask it again.
            time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
