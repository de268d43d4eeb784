"""A hub on which every page with a form can be reached: something in each state in which somebody can do something."""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from datetime import timedelta

import sqlalchemy as sa

from hub.commerce.catalogue import Item
from hub.commerce.catalogue_items import save_item
from hub.commerce.form_fields import read_answers
from hub.commerce.job_reading import provider_address
from hub.commerce.link_batches import check_in
from hub.commerce.link_csv import read_recipients
from hub.commerce.portal import portal_address
from hub.commerce.submissions import submit
from hub.engine.form_desk import FormDesk
from hub.engine.hub import ANSWER_PURPOSE
from hub.engine.outgoing import Outgoing
from hub.engine.payment_desk import LINK_PURPOSE, PAY_PURPOSE
from hub.engine.tokens import SCOPES, Tokens
from hub.journal.entries import Happening
from hub.journal.tables import checkouts, links, questions, runs, steps, users
from hub.journal.tables_api import outgoing_messages
from hub.journal.tables_billing import told_plans, told_subscriptions
from hub.journal.tables_commerce import order_payments
from hub.journal.tables_escrow import divisions, payouts
from hub.journal.tables_histories import histories
from hub.journal.tables_ledger import ledger_checks, refund_requests
from hub.journal.tables_links import payment_links
from hub.journal.tables_office import calls, timers
from hub.journal.tables_work import jobs
from hub.payments.coupons import make
from hub.web.app import create_app
from tests.payments.held import held
from tests.payments.market import Market, complete

from .conftest import HASH, PAID, THANKS, Visitor

EUR = {"minor": 4900, "currency": "EUR"}
ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
BANK = {"iban": "DE89370400440532013000", "bic": "COBADEFFXXX", "holder": "Ada Lovelace"}
SET_UP = "a-link-of-this-test"
FORM = """\
form: 1
name: everything
title: Join us
fields:
  - {name: name, type: text, title: Your name, required: true}
  - {name: email, type: email, title: E-mail, required: true}
  - {name: phone, type: phone, title: Phone}
  - {name: age, type: number, title: Age}
  - {name: day, type: date, title: Day}
  - {name: size, type: choice, title: Size, choices: [S, M]}
  - {name: words, type: lines, title: Words}
  - {name: rules, type: checkbox, title: Rules, required: true}
  - {name: land, type: country, title: Country}
  - {name: home, type: address, title: Home}
pay:
  by: [sandbox, second]
  coupons: true
  amount:
    EUR: {choices: [10, 25], free: {min: 1, max: 5000}}
    JPY: {choices: [1000], free: {min: 100, max: 50000}}
  offers:
    - {name: once, title: Once}
    - {name: monthly, title: Every month, every: month}
"""
ANSWERS = {
    "f-name": "Ada", "f-email": "ada@example.com", "f-rules": "on", "by": "sandbox", "offer": "once", "currency": "EUR",
    "amount-once-EUR": "10.00",
}  # fmt: skip


class Populated:
    """The hub with its sandbox, and the addresses of its pages. ``renew`` brings it back to how it was at the start."""

    def __init__(self, folder):
        self.market = Market(folder, "sqlite:///")
        self.hub = self.market.hub
        writer = self.hub.database._writers.raw_connection()
        writer.cursor().execute("PRAGMA synchronous=OFF")  # what is kept here need not outlive the process
        writer.close()
        for role in ("admin", "editor"):
            self.hub.store.create_user(f"{role}@example.com", role, role, HASH, self.hub.now())
        self.app = create_app(self.hub)
        self.admin = Visitor(self.app)
        assert self.admin.log_in("admin@example.com").status_code == 303
        self.payer = Visitor(self.app)
        self.public = {}
        self.addresses = self._admins() | self._workshop() | self._work()
        self._payers()
        self.market.silence()  # nothing comes in later of what a test did before
        self._files = [folder / "hub.db", folder / "sandbox.db"]
        self._kept = [sqlite3.connect(":memory:") for _ in self._files]
        self._live = [sqlite3.connect(file) for file in self._files]
        for live, kept in zip(self._live, self._kept, strict=True):
            live.backup(kept)

    def close(self):
        for one in (*self._live, *self._kept):
            one.close()
        self.market.close()

    def renew(self):
        """Everything is as it was when the pages were made."""
        for live, kept in zip(self._live, self._kept, strict=True):
            kept.backup(live)

    def nobody_yet(self):
        """Nobody can log in, as on the day when the hub was installed."""
        until = (self.hub.now() + timedelta(hours=1)).isoformat()
        fact = {"digest": hashlib.sha256(SET_UP.encode()).hexdigest(), "until": until}
        self.hub.store.put_fact("setup_link", fact, self.hub.now())
        self.hub.store.change(lambda tx: tx.connection.execute(sa.delete(users)))

    def texts(self):
        """All that the hub's database says, in one text."""
        live = self._live[0]
        names = [name for (name,) in live.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = []
        for name in names:
            for row in live.execute(f'SELECT * FROM "{name}"'):
                found += [_text(cell) for cell in row if cell is not None]
        return "\n".join(found)

    def _insert(self, table, **row):
        self.hub.office("test").change(lambda book: book.insert(table, complete(table, row)))

    def _do(self, connector, action, given, key="step"):
        return self.hub.payments.act(connector, action, key.encode().hex().ljust(40, "0")[:40], given)

    def _paid(self, **more):
        payment = self.market.sandbox("POST", "/payments", {"amount": 4900, "currency": "EUR", **more})["id"]
        self.market.pay(payment)
        return payment

    def _admins(self):
        """What who works with the hub opens, by a name for it."""
        now, hub = self.hub.now(), self.hub
        hub.office("tea").change(
            lambda book: save_item(book, Item("TEA-01", "Green tea", {"EUR": 1250}, stock=5), "test")
        )
        key = hub.accounts.get("sandbox").secret("api_key")
        hub.accounts.create(
            "second", "sandbox", {"api_base": f"{hub.settings.address}/sandbox/v1", "api_key": key}, "test"
        )
        order = self._do("orders", "create", {"lines": [{"item": "TEA-01"}], "customer": ADA})
        twice = self._do("orders", "create", {"lines": [{"title": "Mug", "price": EUR}]}, "twice")
        lines = [{"title": "Lamp", "price": EUR, "quantity": 9, "vendor": "prv_ada"}, {"title": "Cord", "price": EUR}]
        bought = self._do("orders", "create", {"lines": lines, "customer": ADA}, "bought")
        given = {"amount": bought["total"], "order": bought["order"], "customer": ADA}
        paid_by = self._do("sandbox", "payment.create", given, "bought")["payment"]
        self.market.pay(paid_by)
        self.market.heard("order.paid")
        told = {"payment": "pay_2", "amount": EUR, "captured": EUR}
        hub.recorder.record(Happening("payment.succeeded", "sandbox", "paid twice", told, now), now)
        self._insert(order_payments, id="opy_1", order=twice["order"], connection="sandbox", payment="pay_2", state="stuck",
                     currency="EUR", minor=4900, reason="paid_already", error={"message": "No.", "remedy": "By hand."})  # fmt: skip
        line = {"lines": [{"title": "Crate", "price": EUR}], "customer": ADA}
        draft = self._do("invoices", "create", {**line, "draft": True}, "draft")["invoice"]
        self.invoice = self._do("invoices", "create", line, "open")
        link = {"amount": EUR, "purpose": "Lesson", "recipient": ADA, "send": True}
        self.link = self._do("links", "create", link, "link")
        self._change(sa.update(payment_links).values(sent_at=now))
        rows = read_recipients("name,amount\nAda,45\n", {"purpose": "Fees"}, "EUR")
        batch = check_in(hub.office("batch"), "table.csv", rows)
        self.reusable = self._do("links", "create", {"amount": EUR, "purpose": "Tip", "reusable": True}, "many")
        self.order = order
        hub.office("coupon").change(lambda book: make(book, "SUMMER20", {"discount": {"percent": "20"}, "plan": None}))
        paid, held_back = self._paid(), self._paid(capture="manual")
        hub.store.put_fact("bank", {"holder": "Film GmbH", "iban": "GB33BUKB20201555555555"}, now)
        for number, state in enumerate(("asked", "uncertain")):
            self._insert(refund_requests, id=f"rfd_{state}", connection="sandbox", payment=paid, state=state, currency="EUR",
                         minor=100 + number, actor="test", error={"message": "Lost."})  # fmt: skip
        found = {
            "account": "expense:gateway_fees",
            "expected": EUR,
            "found": EUR,
            "proposal": "",
            "reports": ["payment.settled"],
        }
        self._insert(ledger_checks, id="chk_1", connection="sandbox", kind="payment", subject=paid, state="differs",
                     day=now.date().isoformat(), found=[found])  # fmt: skip
        self.market.provider("prv_ada", bank=BANK)
        self.market.provider("prv_new", state="registered")
        self.market.owe("prv_ada", 19_920)
        run = self._do("payments", "pay_due", {"bank": True, "actor": "test"}, "run")["runs"][0]["run"]
        self._insert(payouts, id="pyo_1", provider="prv_ada", state="uncertain", currency="EUR", amount=100,
                     connection="sandbox", reason="Lost.")  # fmt: skip
        self.market.owe("prv_ada", 5_000)
        hold, frozen = held(self.market, key="one"), held(self.market, key="two")
        self.market.act("freeze", {"hold": frozen}, "freeze")
        self._insert(divisions, id="div_1", hold=hold, kind="release", state="uncertain", parts=[],
                     error={"message": "Lost.", "call": "k"})  # fmt: skip
        plan = self._do("sandbox", "plan.create", {"name": "Gold", "price": EUR, "interval": {"unit": "month"}}, "plan")
        self._insert(told_plans, connection="sandbox", plan=plan["plan"], state="active", told=now,
                     data={"name": [now.isoformat(), "Gold"], "price": [now.isoformat(), EUR]})  # fmt: skip
        for name in ("running", "doubtful"):
            self._insert(told_subscriptions, connection="sandbox", subscription=f"sub_{name}", plan=plan["plan"],
                         state="active", customer="ada@example.com", told=now, data={})  # fmt: skip
        self._insert(histories, id="transfer:sandbox/tr_1", family="transfer", connection="sandbox", thing="tr_1", facts={},
                     oddities=["More was taken back of it than was sent."], seen=[], open=True)  # fmt: skip
        return {
            "first steps": "/", "orders": "/orders/new", "order": f"/orders/{order['order']}",
            "order paid twice": f"/orders/{twice['order']}", "invoices": "/invoices/new", "draft": f"/invoices/{draft}",
            "invoice": f"/invoices/{self.invoice['invoice']}", "links": "/links/new", "link": f"/links/{self.link['link']}",
            "tables": "/links/tables", "table": f"/links/tables/{batch}", "catalogue": "/catalogue", "new item": "/catalogue/new",
            "item": "/catalogue/item/TEA-01", "coupons": "/coupons", "plans": "/plans/new",
            "plan": f"/plans/sandbox/{plan['plan']}", "subscription": "/subscriptions/sandbox/sub_running",
            "payment": f"/payments/sandbox/{paid}", "authorised": f"/payments/sandbox/{held_back}", "refunds": "/refunds",
            "reconciliation": "/reconciliation", "payouts": "/payouts", "payout run": f"/payouts/runs/{run}",
            "order paid": f"/orders/{bought['order']}", "payment of lines": f"/payments/sandbox/{paid_by}",
            "hold": f"/escrow/{hold}", "frozen": f"/escrow/{frozen}", "news that do not fit": "/odd",
        }  # fmt: skip

    def _workshop(self):
        """The pages of recipes, of what the hub sends and of what it is connected to."""
        now, hub = self.hub.now(), self.hub
        keys = {"secret_key": "sk_test_made_up", "webhook_secret": "whsec_made_up"}
        hub.accounts.create("shop", "stripe", keys, "test@example.com")
        hub.recipes.save("thanks", THANKS, "test@example.com", "First")
        hub.recipes.save("thanks", THANKS.replace("Thank you", "Thanks"), "test@example.com", "Second")
        event, (run, *_) = hub.runs.record("payment.succeeded", PAID, "test@example.com")
        _, (doubtful, *_) = hub.runs.record("payment.succeeded", {**PAID, "payment": "pay_9"}, "test@example.com")
        _, (failed, *_) = hub.runs.record("payment.succeeded", {**PAID, "payment": "pay_8"}, "test@example.com")
        self._insert(steps, run_id=doubtful, path="mail", attempt=1, seq=1, kind="call", state="uncertain", started=now,
                     input={"call": "mail/send", "with": {}}, error={"message": "Lost.", "code": "lost"})  # fmt: skip
        ended = sa.update(runs).where(runs.c.id == failed).values(status="failed", ended=now)
        self._change(sa.update(runs).where(runs.c.id == doubtful).values(status="uncertain"), ended)
        self._insert(questions, id="que_1", run_id=run, path="question", whom="boss@example.com", question="In order?",
                     answers=["yes", "no"], due_at=now + timedelta(days=2))  # fmt: skip
        error = {"code": "lost", "message": "Lost.", "remedy": "Look there.", "call": "k1"}
        self._insert(timers, kind="refunds.go_on", subject="rfd_1", due_at=None, tries=1, error=error, set_for=now)
        self._insert(calls, key="k1", connection="sandbox", action="payment.refund", state="uncertain")
        Tokens(hub).create("Portal", SCOPES, None, "admin@example.com")
        webhook, _ = Outgoing(hub).create(
            "wh", "Shop", "https://shop.example.com/hook", ["order.*"], "admin@example.com"
        )
        self._insert(outgoing_messages, id="msg_1", webhook=webhook, event=event, type="order.paid", state="failed")
        FormDesk(hub).save("", FORM, "test@example.com")
        hub.store.save_file("template", "mine", "---\nsubject: Hello\n---\n\nText", "test@example.com", now)
        return {
            "recipe": "/recipes/thanks", "versions": "/recipes/thanks/versions?new=1", "inputs": "/recipes/thanks/inputs",
            "start": "/recipes/thanks/start", "new recipe": "/new-recipe", "gallery": "/gallery",
            "guide": "/new-integration?receiver=own&times=once&when=at_once&after=crm&where=form&regions=europe",
            "event": f"/events/{event}", "send event": "/send-event", "run": f"/runs/{run}", "in doubt": f"/runs/{doubtful}",
            "failed run": f"/runs/{failed}", "stuck": "/stuck", "tokens": "/settings/tokens", "webhooks": "/settings/webhooks",
            "webhook": f"/settings/webhooks/{webhook}", "users": "/settings/users", "business": "/settings/business",
            "ways": "/settings/ways-to-pay", "me": "/me", "connection": "/connections/sandbox", "gateway": "/connections/shop",
            "new connection": "/new-connection/stripe", "mail": "/new-connection/mail", "http": "/new-connection/http",
            "template": "/templates/mine", "new template": "/new-template", "form": "/forms/everything", "new form": "/new-form",
            "recipes": "/recipes",
        }  # fmt: skip

    def _work(self):
        """Jobs, providers and access, and what those whom they concern see of them without a log-in."""
        hub = self.hub
        self._do("access", "grant", {"customer": {"email": ADA["email"]}, "resource": "course"}, "access")
        crane = {"title": "Piano", "customer": ADA, "pay": "direct", "currency": "EUR", "price": EUR}
        posted = self._do("jobs", "post", crane, "posted")["job"]
        given = self._do("jobs", "post", crane, "given")["job"]
        self._do("jobs", "assign", {"job": given, "provider": "prv_ada"}, "assign")
        open_one = self._do(
            "jobs", "post", {"title": "Move", "customer": ADA, "pay": "escrow", "currency": "EUR"}, "open"
        )["job"]
        offered = self._do(
            "jobs", "post", {"title": "Lift", "customer": ADA, "pay": "escrow", "currency": "EUR"}, "offered"
        )["job"]
        self._do("jobs", "offer", {"job": offered, "provider": "prv_ada", "price": EUR}, "offer")
        done = self._do("jobs", "post", crane, "done")["job"]
        self._change(sa.update(jobs).where(jobs.c.id == done).values(state="done_reported", provider="prv_ada"))
        unpaid = self._do("jobs", "post", crane, "unpaid")["job"]
        self._change(
            sa.update(jobs).where(jobs.c.id == unpaid).values(state="assigned", awaiting="payment", provider="prv_ada")
        )
        office = hub.office("test")
        self.public |= {
            "job to offer": provider_address(office, open_one, "prv_ada"), "job asked": provider_address(office, given, "prv_ada"),
            "job with offers": office.address("c", offered), "job done": office.address("c", done),
            "job to pay": office.address("c", unpaid), "register": "/register", "provider's page": office.address("p", "prv_ada"),
        }  # fmt: skip
        return {
            "access": "/access", "jobs": "/jobs/new", "job": f"/jobs/{posted}", "job at work": f"/jobs/{given}",
            "job in progress": f"/jobs/{done}", "providers": "/providers", "provider": "/providers/prv_ada",
            "new provider": "/providers/prv_new", "scan": "/scan",
        }  # fmt: skip

    def _payers(self):
        """What payers open."""
        hub, office = self.hub, self.hub.office("test")
        form = FormDesk(hub).get("everything")
        answers = read_answers(form, ANSWERS)
        assert not answers.problems
        submission = submit(hub.office("sent"), form, answers, "en")
        given = {"amount": EUR, "description": "Lesson"}
        self._insert(links, id="lnk_1", connection="sandbox", state="active", input=given)
        self._insert(checkouts, id="chk_1", connection="sandbox", state="open", purpose="payment", input=given)
        self._insert(told_subscriptions, connection="sandbox", subscription="sub_ada", plan="pln_1", state="active",
                     customer=ADA["email"], told=hub.now(), data={})  # fmt: skip
        sign = hub.keyring.sign
        old = f"{hub.now() - timedelta(days=400):%Y-%m-%d} {ADA['email']}"
        self.public |= {
            "answer": "/answer/" + sign(ANSWER_PURPOSE, ["que_1", "yes"], now=hub.now()),
            "hosted form": "/f/everything", "submission": office.address("s", submission), "portal's front": "/m",
            "portal": portal_address(office, ADA["email"]), "old portal": office.address("m", old),
            "gateway's link": "/l/" + sign(LINK_PURPOSE, "lnk_1", now=hub.now()),
            "visit to pay": "/pay/" + sign(PAY_PURPOSE, "chk_1", now=hub.now()),
            "log in": "/log-in", "set up": f"/set-up/{SET_UP}",
            "order to pay": self.order["url"], "invoice to pay": self.invoice["url"], "payment link": self.reusable["url"],
        }  # fmt: skip

    def _change(self, *statements):
        def work(book):
            for statement in statements:
                book.connection.execute(statement)

        self.hub.office("test").change(work)


def _text(cell):
    """A cell of the database as text; documents are JSON in bytes, long ones compressed."""
    if not isinstance(cell, bytes):
        return str(cell)
    plain = zlib.decompress(cell[1:]) if cell[:1] == b"\x01" else cell
    return plain.decode("utf-8", "replace").replace("\\n", "\n").replace('\\"', '"')
