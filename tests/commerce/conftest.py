"""A hub that sells: two connections to a gateway that can do next to nothing, and a clock that only the test moves."""

from __future__ import annotations

import pytest

from hub.errors import ActionError
from hub.journal.entries import Happening
from hub.journal.queries import EventFilter
from hub.journal.tables_commerce import catalogue_items
from tests.payments.conftest import Corner


class Shop(Corner):
    """The hub, its gateway, and what a shop does."""

    def __init__(self, folder, url, gateway):
        super().__init__(folder, url, gateway)
        self.hub.accounts.create("second", "corner", {"api_base": gateway.url, "api_key": "corner-key"}, "test")

    def office(self, key="key"):
        return self.hub.office(key)

    def do(self, connector, action, given, key="step-1"):
        """One action of the hub's own, as a recipe's step does it: input and output are held to their schemas."""
        return self.hub.payments.act(connector, action, key.encode().hex().ljust(40, "0")[:40], given)

    def refused_to(self, connector, action, given, key="refused"):
        """What an action that is refused says."""
        with pytest.raises(ActionError) as caught:
            self.do(connector, action, given, key)
        return caught.value

    def stock(self, item, count, **fields):
        """An item of the catalogue with so many left; None for unlimited."""
        row = {"title": item.title(), "kind": "product", "prices": {"EUR": 1000}, "search": item.lower(), **fields}
        row |= {"id": item, "file": "catalogue", "position": 1, "stock": count}
        self.office().change(lambda book: book.insert(catalogue_items, row))

    def left(self, item):
        with self.hub.database.read() as connection:
            return connection.execute(catalogue_items.select().where(catalogue_items.c.id == item)).one().stock

    def happen(self, event_type, source="corner", **data):
        """A gateway tells of something."""
        about = data.get("refund") or data.get("payment")
        happening = Happening(event_type, source, f"{event_type}:{about}", data, self.moment)
        self.hub.recorder.record(happening, self.moment)

    def said(self, prefix):
        """The data of all events so far whose type begins so, oldest first."""
        found = self.hub.queries.events(EventFilter(), limit=200).items
        return [self.hub.queries.event(one.id).data for one in found[::-1] if one.type.startswith(prefix)]


@pytest.fixture
def shop(tmp_path, database_url, gateway):
    made = Shop(tmp_path / "workspace", database_url, gateway)
    yield made
    made.hub.close()
