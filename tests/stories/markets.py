"""A hub with a connection to the fake of one gateway, and what payers, banks and the gateway do there, over HTTP."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Self

import requests
import sqlalchemy as sa

from hub.ingest.pollers import Pollers
from hub.journal.tables import checkouts, runs, subscriptions
from tests.stories.conftest import LiveHub

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hub.connect.manifest import Manifest
    from tests.fakes.gateway import FakeGateway, Webhook

THEIR_DAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""Where the fakes' clocks stand."""


class Market:
    """One hub, one gateway. Recipes name the connection ``shop``. A subclass says what is peculiar to its gateway."""

    name: ClassVar[str]
    fake_class: ClassVar[type[FakeGateway]]
    source: ClassVar[str] = "shop"
    """The connection whose events tell what becomes of payments."""
    currency: ClassVar[str] = "USD"
    fields: ClassVar[Mapping[str, Any]] = {}
    """Of the connection, beside those that the fake gives."""
    provider: ClassVar[str] = "prv_2"
    """A provider's account at the gateway."""
    payout_to: ClassVar[Mapping[str, Any]] = {}
    request: ClassVar[Mapping[str, Any]]
    """A call of the gateway's API, for the action ``request``."""
    collecting: ClassVar[Mapping[str, Any]] = {}
    """Options of a payment that is collected for a provider."""
    holding: ClassVar[Mapping[str, Any]] = {}
    """Options of a provider's share that is passed on later."""
    releasing: ClassVar[tuple[str, Mapping[str, str]] | None] = None
    """The action by which it is passed on, where that is no new transfer, and its input."""
    pausing: ClassVar[Mapping[str, Any]] = {}
    """What a pause needs beside the subscription."""
    method: ClassVar[str | None] = None
    """A stored means of payment, where a subscription can only begin with one."""

    def __init__(self, fake: Any, workspace: Path) -> None:
        self.fake = fake
        self.live = LiveHub(workspace, allow_private_addresses="127.0.0.1")
        self.live.clock.offset = THEIR_DAY - datetime.now(UTC)
        self.hooks = f"{self.live.address}/hooks/shop"
        self.pollers = Pollers(self.live.hub)
        self.connect()

    @classmethod
    @contextmanager
    def opened(cls, workspace: Path) -> Iterator[Self]:
        """A hub that is connected to the fake of the gateway, which has nothing to complain of in the end."""
        with cls.fake_class().running() as fake:
            market = cls(fake, workspace)
            yield market
            market.live.close()
        assert fake.complaints == []

    def connect(self) -> None:
        """Make the connection ``shop``, with what the fake gives."""
        fields = {**self.fake.fields(), **self.fields}
        fields.pop("webhook_url", None)  # left empty, it is the connection's own
        self.live.hub.accounts.create("shop", self.name, fields, "test")

    @property
    def manifest(self) -> Manifest:
        return self.live.hub.registry.get(self.name).manifest

    def money(self, minor: int) -> dict[str, Any]:
        return {"minor": minor, "currency": self.currency}

    # what the payer does

    def pay(self, output: Mapping[str, Any]) -> None:
        """The payer pays what an action began, and comes back with what the gateway gave the browser."""
        self.back(output["payment"], self.fake.pay(output["payment"]))

    def back(self, payment: str, parameters: Mapping[str, str]) -> None:
        """The payer's browser comes back to the hub, where the gateway has its visitors come back."""
        visit = next(iter(self.visits(checkouts.c.payment == payment)), None)
        if visit is not None:
            address = f"{self.live.hub.pages.pay(visit.id)}/return"
            self.live.until(lambda: self._proved(address, parameters))

    @staticmethod
    def _proved(address: str, parameters: Mapping[str, str]) -> bool:
        """Whether the hub took the return; where it must wait to ask the gateway, the payer loads the page again."""
        answer = requests.get(address, params=dict(parameters), allow_redirects=False, timeout=60)
        if answer.status_code == HTTPStatus.SEE_OTHER:
            return True
        assert "could not ask the payment company" in answer.text, answer.text
        time.sleep(1)  # the page may be loaded so many times in a minute only
        return False

    def visits(self, *where: Any) -> Any:
        return self.live.hub.payments.store.list(checkouts, *where)

    def click(self, link: Mapping[str, Any]) -> dict[str, Any]:
        """The payer opens a link and presses Pay; gives what was begun there."""
        if not link["url"].startswith(self.live.address):
            return {"payment": link["link"]}
        assert requests.get(link["url"], timeout=60).ok
        assert requests.post(link["url"], allow_redirects=False, timeout=60).status_code in {200, 303}
        (visit,) = self.visits(checkouts.c.owner == link["link"])
        return dict(visit.output)

    def fill_in(self, form: Mapping[str, Any]) -> None:
        """The payer fills in the embedded form on the hub's page."""
        page = requests.get(form["page_url"], timeout=60)
        assert page.ok, page.text
        (visit,) = self.visits(checkouts.c.purpose == "form", checkouts.c.state == "open")
        self.pay({"payment": visit.payment, **dict(visit.output)})

    def subscribe(self, output: Mapping[str, Any]) -> None:
        """The payer agrees to a subscription, where it has to be agreed."""
        if "checkout_url" not in output:
            return
        if self.keeps_clock(output["subscription"]):
            (visit,) = self.visits(checkouts.c.owner == output["subscription"])
            self.pay(visit.output)
        else:
            self.pay({**output, "payment": output["subscription"]})

    def keeps_clock(self, subscription: str) -> bool:
        """Whether it is the hub that charges for a subscription."""
        return self.live.hub.payments.store.find(subscriptions, subscription) is not None

    def joining(self) -> str:
        """The step that starts a subscription to the plan of the step before."""
        given = {
            "plan": "${ steps.plan.output.plan }",
            "order": "${ event.data.order }",
            "customer": "${ event.data.customer }",
            "return_url": "https://shop.example.com/thanks",
            **({"method": self.method} if self.method else {}),
        }
        return f"  - id: join\n    call: shop/subscription.create\n    with: {json.dumps(given)}\n"

    # what banks and the gateway do

    @contextmanager
    def patient(self) -> Iterator[None]:
        """The connection is set up for payments that take days, where that has to be wished."""
        yield

    def delay(self, output: Mapping[str, Any]) -> str:
        """The payer pays by a way that takes days; gives what :meth:`settle` is to be told."""
        raise LookupError(f"{self.name}: nothing is delayed: {output}")

    def settle(self, reference: str) -> None:
        """The bank decides at last."""
        self.fake.settle(reference)

    def forged(self, webhook: Webhook) -> requests.Response:
        """A delivery that somebody changed on its way."""
        return self.send(webhook, changed(webhook.body))

    def period_ends(self, subscription: str) -> None:
        """The next period begins and is charged: by the gateway, or by the hub where it keeps the clock."""
        if self.keeps_clock(subscription):
            with self.later(days=31):
                self.live.until(lambda: self.deliver() or self.renewals(subscription))
        else:
            self.renew(subscription)
            self.deliver()

    def renewals(self, subscription: str) -> list[Any]:
        """What was told of further periods of a subscription."""
        told = [self.live.hub.queries.event(one.id).data for one in self.live.events(type="subscription.renewed")]
        return [one for one in told if one["subscription"] == subscription]

    def renew(self, subscription: str) -> None:
        """The gateway charges the next period."""
        self.fake.renew(subscription)

    def pay_out(self, payout: str) -> None:
        """The recipient has the money."""
        raise LookupError(f"{self.name} pays nobody: {payout}")

    def day_ends(self) -> None:
        """The day's payments are settled, where that decides what can be done with them."""

    def refunded(self, refund: str) -> None:
        """The gateway has given the money back, where it takes a while."""

    def send(self, webhook: Webhook, body: bytes | None = None) -> requests.Response:
        """One delivery as it is sent, or with another body under the same signature.

        What the scheme would fetch cannot be fetched here: the hub knows it already.
        """
        for url, content in webhook.fetches.items():
            self.live.application.certificates.keep(url, content)
        return requests.request(
            webhook.method,
            self.hooks,
            params=webhook.query,
            data=webhook.body if body is None else body,
            headers=dict(webhook.headers),
            timeout=60,
        )

    def deliver(self) -> None:
        """The gateway sends what it has to tell; all of it is taken."""
        for webhook in self.fake.webhooks(self.hooks):
            answer = self.send(webhook)
            assert answer.ok, answer.text

    @contextmanager
    def later(self, **parts: int) -> Iterator[None]:
        """The hub's clock is set forward for a while. What began meanwhile ends first: it would be due in the future."""
        before = self.live.clock.offset
        self.live.clock.forward(**parts)
        try:
            yield
            self.let_runs_end()
        finally:
            self.live.clock.offset = before

    def let_runs_end(self) -> None:
        """Wait until no run is about to start or under way, though not for long: one may wait for what a test does next."""
        end = time.monotonic() + 10
        under_way = sa.select(runs.c.id).where(runs.c.status.in_(("ready", "running"))).limit(1)
        while time.monotonic() < end:
            with self.live.hub.database.read() as connection:
                if connection.execute(under_way).first() is None:
                    return
            time.sleep(0.02)

    # what the hub does

    def begin(self, steps: str, order: str) -> str:
        """Save a recipe of these steps, let it begin with an order, give the run."""
        self.live.hub.recipes.save("cell", recipe(steps), "test")
        data = {"order": order, "total": self.money(10000), "customer": {"email": "ada@example.com", "name": "Ada"}}
        _, (run,) = self.live.hub.runs.record("order.placed", data, "test")
        return run

    def output(self, run: str, step: str) -> Any:
        """What a step gave, once it is done."""
        return self.live.until(lambda: self._output(run, step))

    def watched(self, run: str, step: str) -> Any:
        """What a step gave in the end: by what the gateway tells, or by asking it again and again."""

        def look() -> Any:
            self.deliver()
            return self._output(run, step)

        return self.live.until(look)

    def _output(self, run: str, step: str) -> Any:
        detail = self.live.hub.queries.run(run)
        assert detail.summary.status not in {"failed", "uncertain"}, [(one.path, one.error) for one in detail.steps]
        return next((one.output for one in detail.steps if one.path == step and one.state == "succeeded"), None)

    def ended(self, run: str) -> None:
        """Wait until the run has ended well; what the gateway tells meanwhile is delivered."""

        def look() -> bool:
            self.deliver()
            self._output(run, "")
            return bool(self.live.status(run) == "succeeded")

        self.live.until(look)


def changed(body: bytes) -> bytes:
    """The body with one of its digits changed."""
    at = next(place for place, byte in enumerate(body) if chr(byte).isdigit())
    return body[:at] + str((int(chr(body[at])) + 1) % 10).encode() + body[at + 1 :]


def recipe(steps: str) -> str:
    """A recipe that begins with an order."""
    head = ("hub: 1", "recipe: cell", "title: What a cell says", "on:", "  event: order.placed", "steps:")
    return "\n".join(head) + "\n" + steps
