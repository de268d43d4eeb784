"""Secrets and personal data that are planted in requests and answers: nothing that the hub writes shows them."""

from __future__ import annotations

import io
import json
import logging

import pytest
import requests
import structlog

from hub.connect.manifest import Support
from hub.connect.redaction import Redactor
from hub.observe import configure_logging
from tests.fakes.server import Answered, Mood
from tests.stories.cells import PAY, begin_something, pay_out
from tests.stories.markets import recipe
from tests.stories.payers import MARKETS

CARD = "4111 1111 1111 1111"
MAIL = "planted.person@example.org"
NAME = "Planted Person"


@pytest.fixture
def log():
    """Everything that the process logs, at its most talkative, as it would be written."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    configure_logging("debug", "json", Redactor, written)
    yield written
    root.handlers[:], root.level = handlers, level
    structlog.configure(**before)


@pytest.mark.parametrize("gateway", [name for name in MARKETS if name != "maestro"])
def test_nothing_that_is_written_shows_what_was_planted(gateway, tmp_path, log):
    with MARKETS[gateway].opened(tmp_path / "data") as market:
        secrets = known_to(market)
        assert secrets
        begin_something(market, "o_plain")
        market.deliver()
        plant(market, secrets)
        used = secrets | {
            header.split()[-1]
            for one in market.fake.received
            for name, header in one.headers.items()
            if name.lower() == "authorization" and len(header) >= 20
        }
        market.fake.complaints.clear()  # of what was planted
    shown = log.getvalue()
    assert "o_plain" in shown or "hub_started" in shown
    written = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("*.db*"))
    assert b"o_plain" in written, "the search would not find anything"
    for planted in {*used, CARD, CARD.replace(" ", "")}:
        assert planted not in shown
        at = written.find(planted.encode())
        assert at < 0, written[max(0, at - 300) : at + 100]
    for person in (MAIL, NAME):
        assert person not in shown


def known_to(market) -> set[str]:
    """The secrets of the connection, each line of a key by itself."""
    fields = {**market.fake.fields(), **market.fields}
    values = [str(fields[name]) for name in market.manifest.secret_names if fields.get(name)]
    return {line for value in values for line in value.splitlines() if len(line) >= 8 and "-----" not in line}


def plant(market, secrets) -> None:
    """Answers that echo everything, a request that names it, and deliveries that nobody signed."""
    said = f"{CARD} of {NAME} <{MAIL}>, signed in with {' '.join(secrets)}"
    echo = {"error": {"code": "made_up", "message": said}, "message": said, "echo": [*secrets, CARD, MAIL]}
    customer = {"email": MAIL, "name": NAME}
    for status in (400, 401, 500, 200):
        market.fake.moods.extend([Mood(Answered(status, echo))] * 3)
        paying = market.manifest.capabilities["single_payment"].status is not Support.NONE
        steps = PAY if paying else pay_out(market)
        market.live.hub.recipes.save("cell", recipe(steps), "test")
        data = {"order": f"o_{status}", "total": market.money(10000), "customer": customer}
        _, (run,) = market.live.hub.runs.record("order.placed", data, "test")
        market.live.until(lambda run=run: is_tried(market, run))
        said_of_it = json.dumps([one.error for one in market.live.hub.queries.run(run).steps])
        assert MAIL not in said_of_it
        assert NAME not in said_of_it or not paying, "who is paid is named by their gateway's own account"
        market.fake.moods.clear()
        for body in (json.dumps(echo).encode(), said.encode()):
            answer = requests.post(market.hooks, data=body, headers={"x-planted": said.encode()}, timeout=10)
            assert answer.status_code in {400, 401, 503}
            assert not any(one in answer.text for one in (*secrets, CARD, MAIL))


def is_tried(market, run) -> bool:
    steps = market.live.hub.queries.run(run).steps
    return bool(steps) and (steps[0].state in {"failed", "succeeded", "uncertain"} or steps[0].error is not None)
