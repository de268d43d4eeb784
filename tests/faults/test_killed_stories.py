"""`kill -9` in the middle of a split and of a release: no cent is lost, none moves twice, and nobody has to help.

The hub is a process of its own. The gateway is not: it outlives the hub, and can have it killed the moment a call comes.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import requests
from werkzeug.serving import make_server

from connectors.sandbox.server import delivery
from connectors.sandbox.server.application import create_application
from connectors.sandbox.server.keys import keys_of
from connectors.sandbox.server.payments import fee_for
from hub.bench.measures import environment_of, free_port
from hub.commerce.catalogue import Item
from hub.commerce.catalogue_items import save_item
from hub.config import load_settings
from hub.connect.api import ServerContext
from hub.engine.hub import Hub, Role
from hub.engine.timers import expire_claims
from hub.engine.tokens import SCOPES, Tokens
from hub.journal.tables import runs
from hub.journal.tables_commerce import orders
from hub.journal.tables_escrow import divisions, holds, payouts
from hub.journal.tables_office import timers
from hub.journal.tables_work import jobs, providers
from hub.payments import ledger
from tests.payments.market import complete
from tests.stories.portal import Portal

from .processes import PATIENCE, Process

KILLS = max(int(os.environ.get("HUB_FAULT_KILLS", "50")) // 8, 6)
CALLS = [(path, when) for path in (r"/transfers$", r"/payments/\w+/capture$") for when in ("before", "after")]
"""Calls of the gateway at which the hub dies: before they are done, and after, so that nobody hears the answer."""

MOMENTS = [CALLS[0], CALLS[3], None, CALLS[1], CALLS[2], None]
"""When the hub dies; None: at a random instant."""

LONGEST = 1.6
"""Seconds in which splits and releases are through, their transfers included."""

MONEY_TIMERS = {"payouts.send", "holds.divide", "jobs.give_back", "orders.give_back"}
GOODS = [
    Item("LAMP-01", "Desk lamp", dict.fromkeys(("USD", "JPY", "KWD"), 6001), vendor="prv_a"),
    Item("RUG-01", "Woven rug", dict.fromkeys(("USD", "JPY", "KWD"), 3999), vendor="prv_b"),
]
PEOPLE = {"prv_a": None, "prv_b": "acct_bea", "prv_trucks": "acct_trucks", "prv_wagons": None}
"""Vendors and truck owners, with their accounts at the gateway; who has none is owed the money.

The gateway itself would refuse to pass a share on twice that is more than half of its payment; Bea's is less.
"""

PRICE = 120_005

ROUNDS = [("USD", "EUR"), ("JPY", "KWD"), ("KWD", "JPY"), ("JPY", "KWD")]
"""What is sold, and what transports are paid, in which currency: of two decimals, of none and of three."""


class Gateway:
    """The sandbox gateway, in this process: it takes calls, tells of what happened, and repeats what nobody took."""

    def __init__(self, folder, hub_port, monkeypatch):
        self.port = free_port()
        address = f"http://127.0.0.1:{self.port}"
        hooks = f"http://127.0.0.1:{hub_port}/hooks/sandbox"
        monkeypatch.setattr(delivery, "LONGEST_PAUSE", timedelta(seconds=1))
        application = create_application(ServerContext(f"sqlite:///{folder}/gateway.db", address, "secret", hooks))
        self._sandbox = application.extensions["sandbox"]
        self._pages = application.wsgi_app
        application.wsgi_app = self._answer
        self._fatal = None
        self._lost = self._speaks_at = ""
        self._server = make_server("127.0.0.1", self.port, application, threaded=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        keys = keys_of("secret")
        self.fields = {"api_base": f"{address}/v1", "api_key": keys.api_key, "webhook_secret": keys.webhook_secret}

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._sandbox.close()

    def _answer(self, environ, start_response):
        called = environ["PATH_INFO"] if environ["REQUEST_METHOD"] == "POST" else ""
        if self._speaks_at and re.search(self._speaks_at, called):
            self._speaks_at = ""
            self._speak()
        fatal = self._fatal
        if fatal is None or not re.search(fatal[0], called):
            return self._pages(environ, start_response)
        self._fatal = None
        path, when, kill, killed = fatal
        if when == "before":
            start_response("503 Service Unavailable", [])
            answer = []
        else:
            self._lost = path
            self._sandbox.dispatcher._send_off = lambda: None
            answer = self._pages(environ, start_response)
        kill()
        killed.set()
        return answer

    def die_at(self, path, when, kill):
        """Have the hub killed at the next change by a path; gives the event that tells that it was.

        Of a change that was made nothing is told before the hub, started again, asks for it: no webhook helps it out.
        """
        killed = threading.Event()
        self._fatal = (path, when, kill, killed)
        return killed

    def hub_starts_again(self):
        """From now on the call whose answer was lost is waited for."""
        self._speaks_at, self._lost = self._lost, ""

    def _speak(self):
        vars(self._sandbox.dispatcher).pop("_send_off", None)
        self._sandbox.dispatcher.wake()

    def ask(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.fields['api_key']}"}
        answer = requests.request(method, self.fields["api_base"] + path, json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def pay(self, payment):
        """The payer pays on the gateway's page."""
        self.ask("POST", f"/test/payments/{payment}/choose", {"choice": "pay"})

    def every(self, path):
        """All entries of a list."""
        found, after = [], ""
        while True:
            page = self.ask("GET", f"{path}?limit=100{after}")
            found += page["data"]
            if not page["has_more"]:
                return found
            after = f"&after={page['next']}"


class PatientPortal(Portal):
    """A portal that asks again, under the same key, until it gets its answer."""

    def post(self, path, **body):
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return self._patiently(lambda: self.session.post(self.address + path, json=body, headers=key, timeout=30))

    def get(self, path, **query):
        return self._patiently(lambda: self.session.get(self.address + path, params=query, timeout=30))

    def _patiently(self, send):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with suppress(requests.ConnectionError, requests.Timeout):
                answer = send()
                if answer.status_code not in {409, 503}:
                    return self._read(answer)
            time.sleep(0.1)
        raise AssertionError("the hub gives no answer")


class World:
    """The hub's process, its gateway, a portal, and what was begun so far."""

    def __init__(self, folder, url, monkeypatch):
        self.port = free_port()
        self.gateway = Gateway(folder, self.port, monkeypatch)
        database = {"database_url": url} if url else {}
        inner = f"127.0.0.1:{self.gateway.port}"
        given = {"port": self.port, "sandbox": "off", "log_level": "error", "allow_private_addresses": (inner,)}
        self.settings = load_settings({}, workspace=folder / "data", **given, **database)
        self.environment = {**environment_of(self.settings), "HUB_LEASE_SECONDS": "2"}
        self.sold, self.moved = Counter(), Counter()
        self.hub = Hub.open(self.settings, Role.TOOL)
        token = self._prepared()
        self.process = Process("run", self.environment, self.port)
        self.process.wait_until_it_answers()
        self.portal = PatientPortal(self.settings.address, token)

    def close(self):
        self.process.end()
        self.hub.close()
        self.gateway.close()

    def _prepared(self):
        """Both stories are installed, vendors and owners known; gives the portal's token."""
        self.hub.accounts.create("sandbox", "sandbox", self.gateway.fields, "test")
        for story in ("multi-vendor-shop", "truck-hire"):
            self.hub.recipes.install(story, "test")

        def work(book):
            for identity, account in PEOPLE.items():
                row = {"id": identity, "name": identity, "email": f"{identity}@example.com", "state": "approved"}
                row |= {"skills": ["truck"], "accounts": {"sandbox": account} if account else {}}
                book.insert(providers, complete(providers, row))
            for item in GOODS:
                save_item(book, item, "test", item.sku)

        self.hub.office("test").change(work)
        _, secret = Tokens(self.hub).create("Portal", SCOPES, None, "admin@example.com")
        return secret

    def start_again(self):
        """The process is started again; on PostgreSQL, where others could be at work, once its claims have run out."""
        if not self.hub.database.is_sqlite:
            expire_claims(self.hub)
        self.gateway.hub_starts_again()
        self.process.start()
        self.process.wait_until_it_answers()

    # what people do

    def order(self, currency):
        """A customer orders a lamp and a rug and comes to the gateway's page; gives the payment."""
        lines = [{"item": item.sku, "quantity": 1} for item in GOODS]
        placed = self.portal.post("/orders", lines=lines, currency=currency, customer={"email": "ada@example.com"})
        self.sold[currency] += 1
        taken = {"connection": "sandbox", "key": uuid.uuid4().hex}
        led_on = requests.post(placed["url"], data=taken, timeout=30).headers["Refresh"]
        return led_on.rpartition("/")[2]

    def transport(self, owner, day, currency):
        """A transport is offered, chosen, paid into escrow and done: all but confirmed. Gives the job."""
        self.portal.currency = currency
        asked = {"title": "A piano", "kind": "truck-hire", "skills": ["truck"], "pay": "escrow", "currency": currency}
        job = self.portal.post("/jobs", **asked, date=day, customer={"email": "ada@example.com"})["job"]
        self.moved[currency] += 1
        until = f"{day}T23:59:59Z"
        hold = self.portal.choose(job, self.portal.offer(job, owner, PRICE), "sandbox", until)
        self.gateway.pay(hold["payment"])
        self.portal.wait_until_held(hold["hold"])
        for step in ("start", "done"):
            self.portal.post(f"/jobs/{job}/{step}")
        return job

    # what became of it

    def rows(self, table):
        with self.hub.database.read() as connection:
            return connection.execute(table.select()).all()

    def books(self):
        """What every account holds that is not at zero: (account, currency) -> minor units."""
        with self.hub.database.read() as connection:
            assert set(ledger.sums(connection).values()) <= {0}
            return {(one.account, one.currency): one.minor for one in ledger.balances(connection) if one.minor}

    def under_way(self):
        """Runs that have not ended, and timers that move money."""
        left = [f"{run.recipe}: {run.status}" for run in self.rows(runs) if run.status != "succeeded"]
        return left + [f"{one.kind}: {one.error}" for one in self.rows(timers) if one.kind in MONEY_TIMERS]

    def outcome(self):
        """Everything that must come out the same, however often the hub was killed."""
        moved = Counter((one["provider"], one["amount"]) for one in self.gateway.every("/transfers"))
        return {
            "books": self.books(),
            "at the gateway": moved,
            "payouts": Counter((row.provider, row.amount, row.state) for row in self.rows(payouts)),
            "orders": Counter(row.state for row in self.rows(orders)),
            "jobs": Counter(row.state for row in self.rows(jobs)),
            "holds": Counter(row.state for row in self.rows(holds)),
            "divisions": Counter((row.kind, row.state) for row in self.rows(divisions)),
            "under way": self.under_way(),
        }

    def expected(self):
        """The figures of the stories: 52.51, 34.99 and 12.50 of 100.00; 1,080.04 and 120.01 of 1,200.05."""
        books = Counter()
        for currency, n in self.sold.items():
            fee = fee_for(10_000, currency)
            books["gateway:sandbox", currency] += n * (10_000 - fee - 3_499)
            books["expense:gateway_fees", currency] += n * fee
            books["provider:prv_a", currency] -= n * 5_251
            books["revenue:commission", currency] -= n * 1_250
        for currency, n in self.moved.items():  # half of them by owners with an account at the gateway
            fee = fee_for(PRICE, currency)
            books["gateway:sandbox", currency] += n * (PRICE - fee) - n // 2 * 108_004
            books["expense:gateway_fees", currency] += n * fee
            books["provider:prv_wagons", currency] -= n // 2 * 108_004
            books["revenue:commission", currency] -= n * 12_001
        sold, half = self.sold.total(), self.moved.total() // 2
        return {
            "books": dict(books),
            "at the gateway": {("acct_bea", 3_499): sold, ("acct_trucks", 108_004): half},
            "payouts": {("prv_b", 3_499, "paid"): sold, ("prv_trucks", 108_004, "paid"): half},
            "orders": {"paid": sold},
            "jobs": {"released": 2 * half},
            "holds": {"released": 2 * half},
            "divisions": {("release", "done"): 2 * half},
            "under way": [],
        }


@pytest.fixture
def world(database_url, tmp_path, monkeypatch):
    found = World(tmp_path, "" if database_url.startswith("sqlite") else database_url, monkeypatch)
    yield found
    found.close()


def test_a_kill_in_the_middle_of_a_split_or_a_release_loses_no_cent_and_moves_none_twice(world):
    chance = random.Random(20261126)
    soon, late = ((datetime.now(UTC) + timedelta(days=days)).date().isoformat() for days in (1, 60))
    currencies = itertools.cycle(ROUNDS)
    for moment in itertools.islice(itertools.cycle(MOMENTS), KILLS):
        paid_in, moved_for = next(currencies)
        sold = [world.order(paid_in), world.order(paid_in)]
        done = [world.transport("prv_trucks", soon, moved_for), world.transport("prv_wagons", late, moved_for)]
        with ThreadPoolExecutor() as people:
            killed = world.gateway.die_at(*moment, world.process.kill) if moment else None
            works = [people.submit(world.gateway.pay, payment) for payment in sold]
            works += [people.submit(world.portal.post, f"/jobs/{job}/confirm") for job in done]
            if killed is None:
                time.sleep(chance.uniform(0, LONGEST))
                world.process.kill()
            else:
                assert killed.wait(PATIENCE), f"nobody called {moment}"
            world.start_again()
            for work in works:
                work.result(PATIENCE)
    end = time.monotonic() + PATIENCE
    while world.outcome() != world.expected() and time.monotonic() < end:
        time.sleep(0.2)
    assert world.outcome() == world.expected()


REFUND = [(r"/refunds$", "before"), (r"/refunds$", "after"), (r"/reversals$", "before"), (r"/reversals$", "after")]


def test_a_kill_in_the_middle_of_a_refund_gives_back_once_and_takes_the_vendors_share_once(world):
    for currency, moment in zip(("JPY", "KWD", "KWD", "JPY"), REFUND, strict=True):
        payment = world.order(currency)
        world.gateway.pay(payment)
        settled(world, lambda: len(world.gateway.every("/transfers")) == world.sold.total() and not world.under_way())
        killed = world.gateway.die_at(*moment, world.process.kill)
        with ThreadPoolExecutor() as people:
            rug = {"lines": [{"title": "Woven rug"}], "reason": "requested_by_customer"}
            work = people.submit(world.portal.post, f"/payments/sandbox/{payment}/refund", **rug)
            assert killed.wait(PATIENCE), f"nobody called {moment}"
            world.start_again()
            work.result(PATIENCE)
    books = {}
    for currency, n in world.sold.items():
        fee = fee_for(10_000, currency)
        books["gateway:sandbox", currency] = n * (10_000 - fee - 3_999)
        books["expense:gateway_fees", currency] = n * fee
        books["provider:prv_a", currency] = n * -5_251
        books["revenue:commission", currency] = n * -750
    settled(world, lambda: world.books() == books and not world.under_way())
    assert sorted(one["amount"] for one in world.gateway.every("/refunds")) == [3_999] * 4
    assert [one["reversed"] for one in world.gateway.every("/transfers")] == [3_499] * 4


def settled(world, is_so):
    end = time.monotonic() + PATIENCE
    while not is_so() and time.monotonic() < end:
        time.sleep(0.2)
    assert is_so(), world.outcome()
