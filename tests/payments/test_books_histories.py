"""Random histories of a whole shop: payments divided, refunded, disputed and returned, vendors paid out, in several currencies."""

from collections import defaultdict
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hub.errors import PermanentError
from hub.journal.tables_escrow import payouts
from hub.journal.tables_work import providers
from hub.payments import ledger
from hub.payments.payouts import OPEN, mark
from tests.payments.books import money
from tests.payments.market import complete

IBAN = "DE89370400440532013000"
CURRENCIES = ("EUR", "JPY", "KWD")
AMOUNTS = st.integers(1, 100_000)
STEPS = st.one_of(
    st.tuples(st.just("pay"), AMOUNTS),
    st.tuples(st.just("pay"), AMOUNTS),
    st.tuples(st.sampled_from(["split", "refund", "refund fails", "dispute", "won", "lost", "returned"]), AMOUNTS),
    st.tuples(st.just("split"), AMOUNTS),
    st.tuples(st.sampled_from(["run", "paid", "failed"]), AMOUNTS),
)
number = count()


class Shop:
    """Payments of one currency, two vendors of its own, and all that was ever seen of the books."""

    def __init__(self, books, currency):
        self.books, self.currency, self.name = books, currency, f"h{next(number)}"
        self.vendors = [f"prv_{self.name}_{one}" for one in "ab"]
        for vendor in self.vendors:
            row = {"id": vendor, "name": vendor, "email": f"{vendor}@example.com", "state": "approved"}
            row |= {"accounts": {}, "bank": {"iban": IBAN, "holder": vendor}}
            books.hub.office("test").change(lambda book, row=row: book.insert(providers, complete(providers, row)))
        self.payments, self.refunds, self.disputes, self.seen = [], {}, {}, []

    @property
    def accounts(self):
        return self.books.accounts(self.currency)

    def tell(self, event_type, payment, minor, **more):
        data = {"payment": payment, "order": f"ord_{payment}", "amount": money(minor, self.currency), **more}
        self.books.tell(event_type, **data)

    def rows(self):
        with self.books.hub.database.read() as connection:
            mine = payouts.select().where(payouts.c.provider.in_(self.vendors)).order_by(payouts.c.id)
            return connection.execute(mine).all()

    def step(self, kind, minor):
        self.books.forward(minutes=1)
        if kind == "pay":
            self._pay(minor)
        elif kind == "run":
            for vendor in self.vendors:
                self.books.hub.payments.act("payments", "pay_due", self._key(), {"bank": True, "provider": vendor})
        elif kind in {"paid", "failed"}:
            for row in self.rows()[minor % 3 :: 3]:
                self._mark(row, kind)
        else:
            getattr(self, "_" + kind.replace(" ", "_"))(self.payments[minor % len(self.payments)], minor)
        balances = {one.account: one.minor for one in self.books.ask(ledger.balances)}
        self.seen.append((self.books.moment, balances))

    def _key(self):
        return f"{next(number):040x}"

    def _pay(self, minor):
        payment = f"pay_{self.name}_{len(self.payments)}"
        self.payments.append(payment)
        self.tell("payment.succeeded", payment, minor, fee=money(minor // 30, "USD"))

    def _split(self, payment, minor):
        paid = self.paid(payment)
        lines = [{"vendor": self.vendors[0], "total": money(paid // 3, self.currency)}]
        lines.append({"vendor": self.vendors[1], "total": money(paid // 2, self.currency)})
        tiers = [
            {"from": money(0, self.currency), "percent": "7.7"},
            {"from": money(500, self.currency), "percent": "33.3"},
        ]
        rule = {"commission": {"tiers": tiers, "minimum": money(minor % 9, self.currency)}}
        given = {"payment": payment, "connection": "shop", "lines": lines, "rule": rule}
        self.books.hub.payments.act("payments", "split", self._key(), given)

    def paid(self, payment):
        row = self.books.hub.payments.store.payment("shop", payment)
        return row.amount

    def _refund(self, payment, minor):
        gone = sum(amount for amount, of in self.refunds.values() if of == payment)
        minor = min(minor, self.paid(payment) - gone)
        if minor > 0:
            name = f"ref_{self.name}_{len(self.refunds)}"
            self.refunds[name] = (minor, payment)
            self.tell("refund.issued", payment, minor, refund=name)

    def _refund_fails(self, payment, minor):
        for name, (amount, of) in self.refunds.items():
            if of == payment and amount:
                self.refunds[name] = (0, payment)
                self.tell("refund.failed", payment, amount, refund=name)
                return

    def _dispute(self, payment, minor):
        if payment not in self.disputes:
            self.disputes[payment] = min(minor, self.paid(payment))
            self.tell("dispute.opened", payment, self.disputes[payment], dispute=f"dis_{payment}")

    def _decide(self, payment, outcome):
        if payment in self.disputes:
            minor = self.disputes[payment]
            self.tell("dispute.closed", payment, minor, dispute=f"dis_{payment}", outcome=outcome)

    def _won(self, payment, _):
        self._decide(payment, "won")

    def _lost(self, payment, _):
        self._decide(payment, "lost")

    def _returned(self, payment, _):
        self.tell("payment.returned", payment, self.paid(payment))

    def _mark(self, row, state):
        if row.state in OPEN:
            mark(self.books.hub.office("page"), row.id, state)
        else:
            with pytest.raises(PermanentError):
                mark(self.books.hub.office("page"), row.id, state)

    def judge(self):
        assert set(self.books.ask(ledger.sums).values()) <= {0}
        out = defaultdict(int)
        for row in self.rows():
            assert row.amount > 0
            out[row.provider] += row.amount if row.state != "failed" else 0
        came_in = sum(self.paid(payment) for payment in self.payments)
        assert sum(out.values()) <= came_in, "no more is paid out than came in"
        for vendor in self.vendors:
            owed = -self.accounts.get(ledger.provider(vendor), 0)
            assert owed + out[vendor] >= 0, "what was taken back is at most what was earned"
        assert sum(max(-self.accounts.get(ledger.provider(one), 0), 0) + out[one] for one in self.vendors) <= came_in

    def unwind(self):
        """Everything goes back: payouts fail, disputes are won, what is left of each payment is refunded."""
        self.books.forward(minutes=1)
        for row in self.rows():
            self._mark(row, "failed")
        for payment in self.payments:
            self._won(payment, 0)
            if self.books.hub.payments.store.payment("shop", payment).state != "returned":
                self._refund(payment, self.paid(payment))


# Each step takes the database, so a failing history is shown as it is found, not shortened for minutes.
@settings(
    max_examples=15,
    phases=(Phase.generate,),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS, max_size=16), currency=st.sampled_from(CURRENCIES))
def test_the_books_of_a_shop_always_balance_and_end_at_zero(books, steps, currency):
    before = books.accounts(currency)
    shop = Shop(books, currency)
    for kind, minor in [("pay", 9_999), ("split", 0), *steps]:
        shop.step(kind, minor)
        shop.judge()
    paid = [row for row in shop.rows() if row.state == "paid"]
    shop.unwind()
    shop.judge()
    left = {name: minor - before.get(name, 0) for name, minor in shop.accounts.items() if minor != before.get(name, 0)}
    # What arrived in a vendor's bank is not ours to take back: they owe it.
    owed = defaultdict(int)
    for row in paid:
        owed[ledger.provider(row.provider)] += row.amount
    gone = sum(owed.values())
    beyond = {name: minor for name, minor in left.items() if name.startswith("customer:")}
    over = sum(beyond.values())
    expected = {**owed, **beyond}
    if gone:
        expected["bank"] = -gone
    if over:
        expected["gateway:shop"] = -over
    assert left == expected
    for moment, balances in shop.seen:
        past = {one.account: one.minor for one in books.ask(ledger.balances, "", moment)}
        assert past == balances, "the past stays as it was"
