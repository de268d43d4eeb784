"""A hub with its pages and no engine: what is done by hand is recorded, and nothing runs on by itself."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from hub.config import Settings
from hub.engine.hub import Hub, Role
from hub.web.app import create_app
from hub.web.passwords import hash_password
from tests.commerce.conftest import Shop
from tests.payments.market import Market

PASSWORD = "correct horse battery"
HASH = hash_password(PASSWORD, "somebody@example.com")
ROLES = ("viewer", "editor", "admin")

THANKS = """\
hub: 1
recipe: thanks
title: Thank who paid
inputs:
  greeting: {type: string, default: Hello, description: How the mail begins}
  times: {type: integer, default: 1}
on:
  event: payment.succeeded
steps:
  - id: mail
    title: Write to the payer
    call: mail/send
    with:
      to: ${ event.data.customer.email }
      subject: Thank you
      text: ${ inputs.greeting }
tests:
  - name: a mail goes out
    event:
      type: payment.succeeded
      data: {payment: pay_1, amount: {minor: 4900, currency: EUR}, customer: {email: ada@example.com}}
    expect:
      status: succeeded
      calls: [{step: mail, with: {to: ada@example.com}}]
"""

PAID = {
    "payment": "pay_1",
    "amount": {"minor": 4900, "currency": "EUR"},
    "customer": {"email": "ada@example.com", "name": "Ada"},
}


class Clock:
    """The hub's time, which a test sets."""

    def __init__(self):
        self.moment = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self):
        return self.moment

    def forward(self, **length):
        self.moment += timedelta(**length)


class Visitor:
    """A browser without scripts: follows links, fills in forms with their token."""

    def __init__(self, app):
        self.client = app.test_client()

    def get(self, address, **options):
        return self.client.get(address, buffered=True, **options)

    def page(self, address):
        answer = self.client.get(address, follow_redirects=True)
        assert answer.status_code == 200, (address, answer.status_code)
        return answer.text

    def token(self):
        """A token for forms, from a page that this visitor may see."""
        for address in ("/me", "/log-in"):
            found = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get(address).text)
            if found:
                return found[1]
        raise AssertionError("no page has a form")

    def post(self, address, /, follow=False, **fields):
        return self.client.post(address, data={"csrf_token": self.token(), **fields}, follow_redirects=follow)

    def post_json(self, address, value):
        return self.client.post(address, json=value, headers={"X-CSRFToken": self.token()})

    def log_in(self, email, password=PASSWORD, **fields):
        return self.post("/log-in", email=email, password=password, **fields)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def fresh_workspace(tmp_path_factory):
    """A workspace with its tables and keys made, to copy."""
    folder = tmp_path_factory.mktemp("fresh") / "workspace"
    Hub.open(Settings(workspace=folder), Role.TOOL).close()
    return folder


@pytest.fixture
def open_hub(tmp_path, clock, fresh_workspace):
    """Opens hubs on a workspace of this test."""
    opened = []
    shutil.copytree(fresh_workspace, tmp_path / "workspace")

    def open_one(**settings):
        hub = Hub.open(Settings(workspace=tmp_path / "workspace", **settings), Role.TOOL, clock)
        opened.append(hub)
        return hub

    yield open_one
    for hub in opened:
        hub.close()


@pytest.fixture
def hub(open_hub, clock):
    found = open_hub()
    for role in ROLES:
        found.store.create_user(f"{role}@example.com", role.title(), role, HASH, clock())
    return found


@pytest.fixture
def app(hub):
    return create_app(hub)


@pytest.fixture
def visitor(app):
    return Visitor(app)


@pytest.fixture
def people(app):
    """A logged-in visitor for each role, and one who is not logged in."""
    found = {"visitor": Visitor(app)}
    for role in ROLES:
        found[role] = Visitor(app)
        assert found[role].log_in(f"{role}@example.com").status_code == 303
    return found


@pytest.fixture
def admin(app):
    found = Visitor(app)
    assert found.log_in("admin@example.com").status_code == 303
    return found


@pytest.fixture
def shop(tmp_path, gateway):
    made = Shop(tmp_path / "workspace", "sqlite:///", gateway)
    yield made
    made.hub.close()


@pytest.fixture
def recipe(hub):
    """A recipe that is on."""
    hub.recipes.save("thanks", THANKS, "test@example.com", "First")
    return "thanks"


@pytest.fixture
def event(hub, recipe):
    """An event that started a run of the recipe."""
    identity, _ = hub.runs.record("payment.succeeded", PAID, "test@example.com")
    return identity


@pytest.fixture
def run(hub, event):
    return hub.queries.event(event).runs[0].id


@pytest.fixture
def market(tmp_path):
    """A hub that holds money for others, beside its gateway, with an editor and a viewer."""
    made = Market(tmp_path / "workspace", "sqlite:///")
    for role in ("editor", "viewer"):
        made.hub.store.create_user(f"{role}@example.com", role, role, HASH, made.hub.now())
    yield made
    made.close()
