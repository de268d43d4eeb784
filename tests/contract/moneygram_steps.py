"""What the tests of MoneyGram begin with: a connection, a payout, and a retry as the engine makes it."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from hub.connect.api import Connection, WebhookRequest
from tests.contract.desk import Desk

NGN = {"minor": 7_400_000, "currency": "NGN"}
TO = {
    "country": "NGA",
    "service": "WILL_CALL",
    "beneficiary": {"consumer": {"name": {"firstName": "Ada", "lastName": "Lovelace"}}},
}
PAYOUT = {"provider": "prv_2", "amount": NGN, "to": TO}
SECRETS = ("client_id", "client_secret")


def desk_of(fake, registry, outbound, **settings):
    fields = {**fake.fields(), **settings}
    secrets = {name: (fields.pop(name),) for name in SECRETS}
    return Desk(registry.get("moneygram"), outbound, Connection("mg", "moneygram", fields, secrets))


def pay_out(desk, key="payout", **more):
    return desk.run("payout.create", {**PAYOUT, **more}, key=key)


def retry(desk, fake, error, key="payout", **more):
    """A further attempt of a payout; it is told the details of the error that ended the one before."""
    call = desk.call({**PAYOUT, **more}, key=key, attempt=2, now=fake.now)
    return desk.connector.run("payout.create", replace(call, previous=error.details))


def told(desk, fake):
    """What the hub records of all that happened since the last time, one for each source id."""
    found = {}
    for webhook in fake.webhooks("https://hub.example.com/hooks/mg"):
        for event in canonical(desk, fake, webhook):
            found.setdefault(event.source_id, event)
    return list(found.values())


def canonical(desk, fake, webhook):
    request = WebhookRequest("POST", "https://hub.example.com/hooks/mg", "", webhook.headers, webhook.body)
    reception = desk.connector.receive(request, desk.connection, fake.now, _no_fetch)
    raws = [desk.connector.enrich(raw, desk.call(key=raw.id)) for raw in reception.pending]
    assert all(desk.connector.knows(raw.type) for raw in raws)
    return [event for raw in raws for event in desk.connector.map(raw, desk.connection)]


def _no_fetch(url):
    raise AssertionError(urlsplit(url).hostname)


class When(list):
    """A mood for the first request of a kind only."""

    def __init__(self, fake, path_end, *moods):
        super().__init__(moods)
        self.fake, self.path_end = fake, path_end

    def pop(self, index=0):
        return super().pop(index) if self.fake.received[-1].path.endswith(self.path_end) else None
