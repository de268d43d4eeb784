"""A hub without gateways, to which events are told as gateways tell them, and whose ledger is looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hub.config import load_settings
from hub.engine.hub import Hub, Role
from hub.journal.entries import Happening
from hub.journal.queries import EventFilter
from hub.money import Money
from hub.payments import ledger
from hub.payments.ledger import Posting

START = datetime(2027, 1, 31, 9, tzinfo=UTC)


def money(minor, currency="USD"):
    return {"minor": minor, "currency": currency}


class Books:
    """``tell`` takes events as (type, source id, data); a repeated source id is a repeated delivery."""

    def __init__(self, folder, url, **fields):
        self.moment = START
        database = {} if url.startswith("sqlite") else {"database_url": url}
        settings = load_settings({}, workspace=folder, **{"sandbox": "off", **fields}, **database)
        self.hub = Hub.open(settings, Role.TOOL, lambda: self.moment)
        self._count = 0

    def close(self):
        self.hub.close()

    def forward(self, **length):
        self.moment += timedelta(**length)

    def post(self, transaction, *postings, subject=None):
        amounts = [Posting(account, Money(minor, currency)) for account, minor, currency in postings]
        office = self.hub.office(f"post {transaction}")
        return office.change(lambda book: ledger.post(book, transaction, amounts, "evt_1", subject=subject))

    def balance(self, account, currency="USD", at=None):
        return self.ask(ledger.balance, account, currency, at)

    def ask(self, question, *given):
        with self.hub.database.read() as connection:
            return question(connection, *given)

    def tell(self, event_type, source_id=None, source="shop", time=None, **data):
        """One event; a minute passes, so that the next one is newer."""
        self.moment += timedelta(minutes=1)
        self._count += 1
        identity = source_id or f"{event_type}:{self._count}"
        self.hub.recorder.record(Happening(event_type, source, identity, data, time or self.moment), self.moment)

    def tell_all(self, events):
        """Events that are written in one transaction."""
        happenings = [Happening(what, "shop", identity, data, self.moment) for what, identity, data in events]
        self.hub.recorder.record_all(happenings, self.moment)

    def accounts(self, currency="USD"):
        """Every account that is not at zero."""
        found = self.ask(ledger.balances)
        return {one.account: one.minor for one in found if one.currency == currency and one.minor}

    def change_by(self, event_type, **data):
        """The postings that one event makes."""
        before = self.accounts()
        self.tell(event_type, **data)
        after = self.accounts()
        found = {name: after.get(name, 0) - before.get(name, 0) for name in {*before, *after}}
        return {name: minor for name, minor in found.items() if minor}

    def told(self, prefix=""):
        found = self.hub.queries.events(EventFilter(), limit=200).items
        return [one.type for one in found if one.type.startswith(prefix)][::-1]

    def run_due(self):
        while self.hub.payment_clock.run_due():
            pass
