"""The nine stories of the gallery as played at any gateway, over HTTP: by forms, pages and the hub's own actions.

Each play installs the story's files as they are and changes what its README tells the admin to change: the connection and
the currency. It ends with what the persons of the story have in the end, to the unit.
"""

from __future__ import annotations

import time
import uuid
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import requests
import sqlalchemy as sa
import yaml

from hub.connect.manifest import Support
from hub.engine.form_desk import FormDesk
from hub.expressions.functions.money import format_money
from hub.journal.tables_escrow import holds
from hub.journal.tables_forms import submissions
from hub.journal.tables_links import payment_links
from hub.journal.tables_office import calls
from hub.journal.tables_work import jobs
from hub.payments import ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from tests.stories.markets import Market

ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
DAY = "2026-12-05"
LONGEST = 20.0
"""Seconds in which everything is through, however busy the machine is."""


class Stage:
    """A hub at a gateway's fake, with one story of the gallery on it."""

    def __init__(self, market: Market, story: str) -> None:
        self.market, self.live, self.currency = market, market.live, market.currency
        self.live.hub.recipes.install(story, "test")
        desk = FormDesk(self.live.hub)
        for name, text in desk.texts().items():
            if "by: sandbox" in text:
                desk.save(name, self._ours(text), "test")

    def _ours(self, text: str) -> str:
        """A form at the gateway, in its currency alone, without what it cannot do."""
        form = yaml.safe_load(text)
        pay = {**form["pay"], "by": "shop"}
        pay["offers"] = [one for one in pay["offers"] if recurs(self.market) or "every" not in one]
        for priced in (pay, *pay["offers"]):
            if "amount" in priced:
                known = priced["amount"]
                priced["amount"] = {self.currency: known.get(self.currency, known["EUR"])}
        return yaml.safe_dump({**form, "pay": pay}, allow_unicode=True, sort_keys=False)

    def act(self, connector: str, action: str, **given: Any) -> Any:
        return self.live.hub.payments.act(connector, action, uuid.uuid4().hex + "0" * 8, given)

    def fill_in(self, form: str, **entered: str) -> Any:
        """A visitor sends a form; gives the submission."""
        key = uuid.uuid4().hex
        data = {"key": key, **{name.replace("__", "-"): value for name, value in entered.items()}}
        answer = requests.post(f"{self.live.address}/f/{form}", data=data, allow_redirects=False, timeout=30)
        assert answer.status_code in {200, 303}, answer.text
        return self.newest(submissions)

    def press_pay(self, address: str, **more: str) -> None:
        """The payer opens a page with ways to pay and takes the gateway."""
        assert requests.get(address, timeout=30).ok
        data = {"connection": "shop", "key": uuid.uuid4().hex, **more}
        answer = requests.post(address, data=data, allow_redirects=False, timeout=30)
        assert answer.status_code in {200, 303}, answer.text

    def pay(self) -> None:
        """The payer pays at the gateway what was begun last."""
        self.market.pay(self._begun("payment.create"))
        self.market.deliver()

    def subscribe(self) -> None:
        """The payer agrees to the subscription that was begun last."""
        self.market.subscribe(self._begun("subscription.create"))
        self.market.deliver()

    def gives_back(self) -> None:
        """The gateway is asked for a refund, and says that it was made."""
        chosen = (calls.c.action == "payment.refund", calls.c.connection == "shop", calls.c.state == "done")

        def look() -> Any:
            self.market.deliver()
            with self.live.hub.database.read() as connection:
                return connection.scalar(sa.select(calls.c.output).where(*chosen))

        self.market.refunded(str(self.live.until(look).get("refund", "")))

    def told(self, event_type: str, **parts: object) -> Any:
        """The data of an event that says all this, once it is there."""

        def look() -> Any:
            self.market.deliver()
            found = [self.live.hub.queries.event(one.id).data for one in self.live.events(type=event_type)]
            return next((one for one in found if parts.items() <= one.items()), None)

        return self.live.until(look)

    def comes_to(self, expected: object, look: Callable[[], object]) -> None:
        """Wait until something is so; who waits in vain says how it is."""
        end = time.monotonic() + LONGEST
        while (found := look()) != expected and time.monotonic() < end:
            self.market.deliver()
            time.sleep(0.02)
        assert found == expected

    def mailed(self, to: str, words: str) -> None:
        """Wait until somebody was written a mail with these words in its subject."""
        self.live.until(
            lambda: [one for one in self.live.hub.store.mails() if one["recipient"] == to and words in one["subject"]]
        )

    def in_the_next_period(self) -> AbstractContextManager[None]:
        """Where the hub keeps a subscription's clock, runs of its next period are advanced in that period."""
        by_hub = self.market.keeps_clock(str(self.told("subscription.started")["subscription"]))
        return self.market.later(days=31) if by_hub else nullcontext()

    def mails_are(self, to: str, subjects: list[str]) -> None:
        """Wait until every run is over and somebody was written as many mails, and see that they are these.

        Of a subject, what stands before its first comma: not every gateway tells the payer's name.
        """

        def look() -> Any:
            self.market.deliver()
            mails = [one for one in self.live.hub.store.mails() if one["recipient"] == to]
            found = [one["subject"].partition(",")[0] for one in mails]
            is_over = all(run.status == "succeeded" for run in self.live.runs())
            return sorted(found) if is_over and len(found) >= len(subjects) else None

        assert self.live.until(look) == sorted(subjects)

    def due_to(self, provider: str) -> int:
        return -self._balance(ledger.provider(provider))

    def commission(self) -> int:
        """What the platform has kept."""
        return -self._balance(ledger.COMMISSION)

    def provider(self, name: str, skill: str, **more: Any) -> str:
        given = {"name": name, "email": f"{name.lower()}@example.com", "skills": [skill], "region": "Berlin", **more}
        provider = str(self.act("providers", "register", **given)["provider"])
        self.act("providers", "approve", provider=provider)
        return provider

    def job(self) -> Any:
        return self.live.until(lambda: self.newest(jobs))

    def written(self, minor: int) -> str:
        """An amount as mails in English have it."""
        return format_money(self.money(minor), "en")

    def money(self, minor: int) -> dict[str, Any]:
        return {"minor": minor, "currency": self.currency}

    def _balance(self, account: str) -> int:
        with self.live.hub.database.read() as connection:
            return ledger.balance(connection, account, self.currency)

    def _begun(self, action: str) -> Mapping[str, Any]:
        chosen = (calls.c.action == action, calls.c.connection == "shop", calls.c.state == "done")
        query = sa.select(calls.c.output).where(*chosen).order_by(calls.c.updated_at.desc()).limit(1)
        with self.live.hub.database.read() as connection:
            return dict(connection.execute(query).scalar_one())

    def newest(self, table: sa.Table) -> Any:
        """The row that was added last."""
        query = sa.select(table).order_by(table.c.created_at.desc(), table.c.id.desc()).limit(1)
        with self.live.hub.database.read() as connection:
            return connection.execute(query).first()


def shop(stage: Stage) -> None:
    """3.1: one payment, two vendors, 12.5 per cent; then one line is given back."""
    vendors = [stage.provider(name, "goods") for name in ("Anna", "Bea")]
    lines = [
        {"title": title, "price": stage.money(minor), "vendor": vendor}
        for title, minor, vendor in (("Desk lamp", 6001, vendors[0]), ("Woven rug", 3999, vendors[1]))
    ]
    order = stage.act("orders", "create", lines=lines, customer=ADA, connections=["shop"])
    stage.press_pay(order["url"])
    stage.pay()
    paid = stage.told("order.paid", order=order["order"])
    stage.live.until(lambda: stage.commission() == 1250)
    assert [stage.due_to(one) for one in vendors] == [5251, 3499]
    stage.market.day_ends()
    back = stage.act(
        "payments", "refund", payment=paid["payment"], connection=paid["connection"], lines=[{"title": "Woven rug"}]
    )
    stage.market.refunded(str(back.get("refund", "")))
    stage.live.until(lambda: stage.market.deliver() or stage.due_to(vendors[1]) == 0)
    assert (stage.due_to(vendors[0]), stage.commission()) == (5251, 750)


def course(stage: Stage) -> None:
    """3.2: one course bought once; a member is renewed, and told of another price."""
    stage.fill_in("course", f__name="Ada", f__email="ada@example.com", offer="course")
    stage.pay()
    stage.told("access.granted", resource="course-watercolour")
    if not recurs(stage.market):
        return
    stage.fill_in("course", f__name="Ada", f__email="ada@example.com", offer="membership")
    stage.subscribe()
    granted = stage.told("access.granted", resource="all-courses")
    subscription = granted["subscription"]
    stage.market.period_ends(subscription)
    assert stage.told("access.extended", subscription=subscription)["until"] > granted["until"]
    if moves(stage.market):
        plan = stage.act("forms", "submissions", form="course", offer="membership")["submissions"][0]["plan"]
        stage.act("shop", "plan.update", plan=plan, price=stage.money(2150), existing="move")
        stage.mailed("ada@example.com", f"Your membership costs {stage.written(2150)} from your next period on")


def charity(stage: Stage) -> None:
    """3.3: a donor writes an amount; what is wrong is refused, what is right is charged exactly, with a numbered receipt."""
    amount = f"other-once-{stage.currency}"
    for text in ("0", "-5", "10.005", "1e9", "१२", "ten"):
        data = {
            "f-name": "Ada",
            "f-email": "ada@example.com",
            "offer": "once",
            "currency": stage.currency,
            amount: text,
        }
        refused = requests.post(f"{stage.live.address}/f/donate", data={**data, "key": uuid.uuid4().hex}, timeout=30)
        assert refused.status_code == 422, text
    entered = {"offer": "once", "currency": stage.currency, amount: "123.45"}
    gift = stage.fill_in("donate", f__name="Ada", f__email="ada@example.com", **entered)
    assert gift.minor == 12_345
    stage.pay()
    assert stage.told("payment.succeeded", order=stage.told("order.paid")["order"])["amount"] == stage.money(12_345)
    stage.mailed("ada@example.com", "Receipt GIFT-")


def services(stage: Stage) -> None:
    """3.4: a service is booked, its page offers the gateway, and it is paid once."""
    order = stage.act("orders", "create", customer=ADA, description="Two lessons", lines=[
        {"title": "Piano lesson", "quantity": 2, "price": stage.money(4900)}
    ], metadata={"form": "book-service"})  # fmt: skip
    page = requests.get(order["url"], timeout=30)
    assert page.ok
    stage.press_pay(order["url"])
    stage.pay()
    paid = stage.told("order.paid", order=order["order"])
    assert (paid["connection"], paid["total"]) == (stage.market.source, stage.money(9800))
    stage.mailed("ada@example.com", "is paid")


def links(stage: Stage) -> None:
    """3.5: a link is mailed, opened and paid."""
    made = stage.act("links", "create", amount=stage.money(4500), purpose="Piano lesson", recipient=ADA, send=True)
    stage.mailed("ada@example.com", "Payment request: Piano lesson")
    led = requests.get(made["url"], allow_redirects=False, timeout=30)
    stage.press_pay(led.headers["Location"])
    stage.pay()
    assert stage.told("link.paid", link=made["link"])["amount"] == stage.money(4500)
    assert stage.newest(payment_links).state == "paid"
    stage.mailed("ada@example.com", "Thank you: Piano lesson")


def wholesale(stage: Stage) -> None:
    """3.6: what was scanned is billed and mailed; the buyer pays the invoice, and the order with it."""
    lines = [{"title": "Green tea, crate of 24", "quantity": 2, "price": stage.money(8640), "tax_rate": "7"}]
    placed = {"lines": lines, "customer": ADA, "connections": ["shop"], "metadata": {"placed_by": "scan"}}
    order = stage.act("orders", "create", **placed)["order"]
    issued = stage.told("invoice.issued", order=order)
    assert (issued["total"], issued["number"][-5:]) == (stage.money(17_280), "-0001")
    invoice = stage.act("invoices", "get", invoice=issued["invoice"])
    assert requests.get(invoice["pdf"], timeout=30).headers["Content-Type"] == "application/pdf"
    stage.mailed("ada@example.com", issued["number"])
    stage.press_pay(invoice["url"])
    stage.pay()
    stage.told("invoice.paid", invoice=issued["invoice"])
    stage.told("order.paid", order=order)


def crm(stage: Stage) -> None:
    """3.7: who paid is once in the CRM and is welcomed; a renewal, or whatever they pay later, brings a receipt."""
    subjects = ["Welcome"]
    if recurs(stage.market):
        stage.fill_in("join", f__name=ADA["name"], f__email=ADA["email"], offer="month")
        stage.subscribe()
        stage.mails_are(ADA["email"], subjects)
        stage.market.period_ends(stage.told("subscription.started")["subscription"])
        subjects.append(f"Receipt: {stage.written(900)} for your membership")
        with stage.in_the_next_period():
            stage.mails_are(ADA["email"], subjects)
    for is_more in (recurs(stage.market), True):
        order = stage.act("orders", "create", customer=ADA, lines=[{"title": "Membership", "price": stage.money(4900)}])
        stage.press_pay(order["url"])
        stage.pay()
        stage.told("order.paid", order=order["order"])
        if is_more:
            subjects.append(f"Receipt: {stage.written(4900)} for your membership")
        stage.mails_are(ADA["email"], subjects)
    (found,) = stage.live.crm("/records/contact")["data"]
    assert found["properties"]["email"] == ADA["email"]


def shoot(stage: Stage) -> None:
    """3.8: a shoot for 249.00 goes to a photographer, who gets 199.20."""
    photographer = stage.provider("Grace", "portrait")
    entered = {"f__day": DAY, "f__region": "Berlin", "f__name": "Ada", "f__email": "ada@example.com"}
    stage.fill_in("shoot", offer="portrait", **entered)
    stage.pay()
    stage.told("job.assigned", provider=photographer)
    job = stage.job().id
    for step in ("accept", "start", "done", "confirm"):
        stage.act("jobs", step, job=job, **({"provider": photographer} if step == "accept" else {}))
    stage.told("job.released", job=job)
    stage.live.until(lambda: stage.due_to(photographer) == 19_920)
    assert stage.commission() == 4_980


def trucks(stage: Stage) -> None:
    """3.9: a transport is paid into escrow and released to the owner less ten per cent."""
    owner = stage.provider("Linus", "truck")
    posted = stage.act("jobs", "post", title="A piano", kind="truck-hire", skills=["truck"], date=DAY, customer=ADA,
                       pay="escrow", currency=stage.currency, connections=["shop"])  # fmt: skip
    offers = stage.act("jobs", "offer", job=posted["job"], provider=owner, price=stage.money(120_005))["offers"]
    stage.act("jobs", "choose", job=posted["job"], offer=offers[0]["offer"])
    stage.press_pay(stage.act("jobs", "get", job=posted["job"])["url"], do="pay")
    stage.pay()
    stage.told("job.accepted", job=posted["job"])
    held = stage.newest(holds)
    assert (held.state, held.amount) == ("held", 120_005)
    for step in ("start", "done", "confirm"):
        stage.act("jobs", step, job=posted["job"])
    stage.told("job.released", job=posted["job"])
    stage.live.until(lambda: stage.market.deliver() or stage.due_to(owner) == 108_004)
    assert stage.commission() == 12_001


def recurs(market: Market) -> bool:
    """Whether a form can begin a subscription there."""
    return market.manifest.capabilities["recurring_payment"].status is not Support.NONE


def moves(market: Market) -> bool:
    """Whether the gateway lets running subscriptions go to another price."""
    cell = market.manifest.capabilities["plan_update"]
    return cell.status is not Support.NONE and cell.limits.get("existing") != "keep"


PLAYS: dict[str, Callable[[Stage], None]] = {
    "multi-vendor-shop": shop,
    "online-course": course,
    "charity": charity,
    "services": services,
    "payment-links": links,
    "wholesale": wholesale,
    "crm-sync": crm,
    "photo-shoot": shoot,
    "truck-hire": trucks,
}
"""By the name in the gallery."""
