"""A hub that holds money for others, beside the sandbox gateway on loopback; time passes only when a test says so."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests
from werkzeug.serving import make_server

from hub.bench.measures import free_port
from hub.config import load_settings
from hub.engine.first_start import prepare
from hub.engine.hub import Hub, Role
from hub.errors import ActionError
from hub.journal.entries import Happening
from hub.journal.queries import EventFilter
from hub.journal.tables_escrow import divisions, holds, payouts
from hub.journal.tables_ledger import reserves
from hub.journal.tables_work import providers
from hub.payments import ledger
from hub.payments.payouts import mark
from hub.serve import build
from tests.prepared import begin

PATIENCE = 30.0
ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}


class KilledError(BaseException):
    """The process dies here: nothing catches it, nothing after it is done."""


class Market:
    """The hub, its gateway, its payers and providers. ``die_at``: the calls of gateways before or after which it dies."""

    def __init__(self, folder, url):
        self.port = free_port()
        self._offset = timedelta()
        database = {} if url.startswith("sqlite") else {"database_url": url}
        if not database:
            begin(folder)
        settings = load_settings({}, workspace=folder, port=self.port, **database)
        self.hub = Hub.open(settings, Role.TOOL, lambda: datetime.now(UTC) + self._offset)
        prepare(self.hub)
        self._server = make_server("127.0.0.1", self.port, build(self.hub), threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.key = self.hub.accounts.get("sandbox").secret("api_key")
        self._gateway = self._server.app._mounts["/sandbox"].extensions["sandbox"]
        self._gateway.clock = self._gateway.dispatcher._clock = self.hub.now
        self._dying = None
        self._act, self.hub.payments.act = self.hub.payments.act, self._watched
        self.calls = []

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._gateway.close()
        self.hub.close()

    # the gateway

    def sandbox(self, method, path, body=None):
        address = f"http://127.0.0.1:{self.port}/sandbox/v1{path}"
        answer = requests.request(
            method, address, json=body, headers={"Authorization": f"Bearer {self.key}"}, timeout=10
        )
        assert answer.ok, answer.text
        return answer.json()

    def pay(self, payment, choice="pay", **more):
        """The payer pays on the gateway's page; back when the hub heard of it."""
        before = len(self.told())
        self.sandbox("POST", f"/test/payments/{payment}/choose", {"choice": choice, **more})
        self.until(lambda: len(self.told()) > before)

    def forward_gateway(self, **length):
        """The gateway's clock is set forward."""
        moment = datetime.fromisoformat(self.sandbox("GET", "/test/clock")["now"]) + timedelta(**length)
        self.sandbox("POST", "/test/clock", {"now": moment.isoformat().replace("+00:00", "Z")})

    def balance(self, account, currency="EUR"):
        """What an account of the gateway's books holds."""
        accounts = self.sandbox("GET", "/balance")["accounts"]
        return accounts.get(account, {}).get(currency, 0)

    # the hub

    def act(self, action, given, key="step-1"):
        """One action of the connector ``payments``, as a recipe's step does it."""
        return self._act("payments", action, key.encode().hex().ljust(40, "0")[:40], given)

    def refused(self, action, given, key="refused"):
        with pytest.raises(ActionError) as caught:
            self.act(action, given, key)
        return caught.value.code

    def _watched(self, name, action, key, given, **said):
        number = len(self.calls)
        self.calls.append((action, key))
        if self._dying == (number, "before"):
            raise KilledError
        output = self._act(name, action, key, given, **said)
        if self._dying == (number, "after"):
            raise KilledError
        return output

    def die_at(self, call, moment):
        """Die at the call of this number from now on: ``before`` or ``after`` it."""
        self._dying = (len(self.calls) + call, moment)

    def forward(self, **length):
        """Time passes, and what becomes due is done."""
        self._offset += timedelta(**length)
        self.run_due()

    def run_due(self):
        while self.hub.payment_clock.run_due():
            pass

    def told(self, prefix=""):
        items = self.hub.queries.events(EventFilter(), limit=200).items
        return [one.type for one in items if one.type.startswith(prefix)][::-1]

    def events(self, event_type):
        """The data of all events of a type, oldest first."""
        found = self.hub.queries.events(EventFilter(type=event_type), limit=200).items
        return [self.hub.queries.event(one.id).data for one in found][::-1]

    def account(self, name, currency="EUR"):
        """What an account of the ledger holds."""
        with self.hub.database.read() as connection:
            return ledger.balance(connection, name, currency)

    def books(self, currency="EUR"):
        """Every account of the ledger that is not at zero; the gateway's own fees are left out."""
        with self.hub.database.read() as connection:
            found = {one.account: one.minor for one in ledger.balances(connection) if one.currency == currency}
            assert set(ledger.sums(connection).values()) <= {0}
        found["gateway:sandbox"] = found.get("gateway:sandbox", 0) + found.pop(ledger.FEES, 0)
        return {account: minor for account, minor in found.items() if minor}

    def rows(self, table):
        with self.hub.database.read() as connection:
            return connection.execute(table.select().order_by(table.c.created_at)).all()

    def hold(self, identity):
        return next(row for row in self.rows(holds) if row.id == identity)

    def divisions(self):
        return self.rows(divisions)

    def payouts(self):
        return self.rows(payouts)

    def provider(self, identity, account=None, bank=None, state="approved"):
        """A provider, with an account at the sandbox or a bank account."""
        row = {"id": identity, "name": identity.removeprefix("prv_").title(), "email": f"{identity}@example.com"}
        row |= {"state": state, "accounts": {"sandbox": account} if account else {}, "bank": bank or {}}
        self.hub.office("test").change(lambda book: book.insert(providers, complete(providers, row)))
        return identity

    def owe(self, provider, minor, currency="EUR"):
        """The hub owes a provider so much, of a payment that came in."""
        money = ledger.Money(minor, currency)
        postings = [ledger.Posting(ledger.provider(provider), -money), ledger.Posting("gateway:sandbox", money)]
        name = f"owed:{provider}:{minor}:{currency}:{self.hub.now()}"
        self.hub.office("test").change(lambda book: ledger.post(book, name, postings, "evt_test"))

    def reserve(self, provider, minor, days, currency="EUR"):
        """So much of what is owed is held back for some days."""
        row = {
            "id": f"rsv_{provider}",
            "split": "spl_1",
            "connection": "sandbox",
            "payment": "pay_1",
            "provider": provider,
        }
        row |= {"currency": currency, "minor": minor, "kept": minor, "until": self.hub.now() + timedelta(days=days)}
        self.hub.office("test").change(lambda book: book.insert(reserves, row))

    def mark(self, payout, state, reason=""):
        """A person says what became of a payout."""
        return mark(self.hub.office("page"), payout, state, reason)

    def happen(self, event_type, payout, provider, minor, currency="EUR", metadata=None):
        """The gateway tells of a payout."""
        data = {"payout": payout, "provider": provider, "amount": {"minor": minor, "currency": currency}}
        data |= {"metadata": metadata} if metadata else {}
        happening = Happening(event_type, "sandbox", f"{event_type}:{payout}", data, self.hub.now())
        self.hub.recorder.record(happening, self.hub.now())

    def at_once(self, work, count):
        """Do something in so many threads at the same moment."""
        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(work, range(count)))

    def silence(self):
        """The gateway's webhooks are not sent from now on."""
        self._gateway.dispatcher._send_off = lambda: None

    def speak(self):
        """What was not sent is sent after all."""
        del self._gateway.dispatcher._send_off
        self._gateway.dispatcher.wake()

    def duplicates(self, event_type):
        """How often an event was delivered again."""
        return sum(one.duplicates for one in self.hub.queries.events(EventFilter(type=event_type)).items)

    def until(self, look):
        """Wait until ``look`` gives something, and give it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = look()
            if found:
                return found
            threading.Event().wait(0.02)
        raise AssertionError(f"{look} gave nothing within {PATIENCE} s; told: {self.told()}")

    def heard(self, event_type, count=1):
        """Wait until so many events of a type were heard, and give their data."""
        return self.until(lambda: found if len(found := self.events(event_type)) >= count else None)


def complete(table, row):
    """A row with something in every column that must have a value."""
    missing = [
        column for column in table.c if not column.nullable and column.name not in row and column.server_default is None
    ]
    blank = {"JSON": {}, "STR": "", "INT": 0}
    kinds = {column.name: blank["JSON"] if "Document" in type(column.type).__name__ else "" for column in missing}
    kinds = {name: value for name, value in kinds.items() if name not in {"created_at", "updated_at"}}
    return {**kinds, **row}
