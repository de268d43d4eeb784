"""The code in docs/api.md runs as it stands there, and what it says of limits is so."""

import re
from pathlib import Path

import pytest
import requests
from standardwebhooks import WebhookVerificationError

from hub.connect.signatures import sign_standard_webhook
from hub.engine.api_answers import KEPT
from hub.engine.outgoing import GIVES_UP, PAUSES
from hub.engine.tokens import Tokens
from hub.journal.retention import REMEMBERED
from hub.web.api.bearer import PER_TOKEN
from hub.web.api.listings import LARGEST_PAGE
from hub.web.api.openapi import STATUSES
from hub.web.api.requests import LARGEST_BODY

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_every_block_runs(live, capsys):
    _, token = Tokens(live.hub).create("Portal", ["orders:read", "orders:write"], None, "admin@example.com")
    names = {"address": live.address, "token": token}
    for block in BLOCKS:
        exec(compile(block, "docs/api.md", "exec"), names)
    address, numbers = capsys.readouterr().out.splitlines()[-2:]
    assert requests.get(address, timeout=30).status_code == 200
    assert numbers == "[1]"
    secret = "whsec_" + "QUJD" * 8
    now = live.clock()
    headers = sign_standard_webhook(secret, "msg_1", now, b'{"type":"order.paid"}')
    assert names["take"](secret, headers, b'{"type":"order.paid"}') == {"type": "order.paid"}
    with pytest.raises(WebhookVerificationError):
        names["take"](secret, headers, b'{"type":"order.lost"}')


def test_every_status_stands_there():
    assert set(re.findall(r"^\| ([0-9]{3}) \|", PAGE, flags=re.MULTILINE)) == set(STATUSES)


def test_the_limits_are_as_it_says():
    assert f"more than {PER_TOKEN.amount} requests of a token in a minute" in PAGE
    assert f"at most {LARGEST_PAGE}" in PAGE
    assert f"larger than {LARGEST_BODY // 1024} KiB" in PAGE
    assert f"for {KEPT.total_seconds() / 3600:.0f} hours" in PAGE
    assert f"for {REMEMBERED.days} days" in PAGE
    assert "for five days is switched off" in PAGE.replace("\n", " ")
    assert GIVES_UP.days == 5
    assert round(sum(PAUSES, start=PAUSES[0] * 0).total_seconds() / 86_400, 0) == 4
