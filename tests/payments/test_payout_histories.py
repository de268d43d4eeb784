"""Random histories of payouts: nobody is paid twice, nor more than came in for them, whatever is pressed and told how often."""

from collections import defaultdict
from itertools import count

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from hub.errors import PermanentError
from hub.payments import ledger

IBAN = "DE89370400440532013000"
GONE = {"queued", "sent", "uncertain", "paid"}
STEPS = st.one_of(
    st.tuples(st.just("owe"), st.integers(-5_000, 20_000)),
    st.tuples(st.just("run"), st.sampled_from(["sandbox", "bank", "refused"])),
    st.tuples(st.sampled_from(["clock", "again"]), st.just(0)),
    st.tuples(st.sampled_from(["paid", "failed", "told paid", "told failed"]), st.integers(0, 9)),
)
number = count()


def fund(market, currency):
    """The platform has money at the gateway."""
    market.pay(market.sandbox("POST", "/payments", {"amount": 1_000_000, "currency": currency})["id"])


class History:
    """What happens to one provider's money."""

    def __init__(self, market, currency):
        self.market, self.currency = market, currency
        name = f"prv_{next(number)}"
        self.provider = market.provider(name, account=f"acct_{name}", bank={"iban": IBAN, "holder": name})
        self.owed, self.last, self.states = 0, ("", {}), defaultdict(list)
        self.failed_there, self.failed_by_hand, self.paid_there = set(), set(), set()

    def rows(self):
        return [row for row in self.market.payouts() if row.provider == self.provider]

    def step(self, kind, value):
        if kind == "owe" and value:
            self.owed += value
            self.market.forward(milliseconds=1)
            self.market.owe(self.provider, value, self.currency)
        elif kind == "run":
            way = {"bank": True} if value == "bank" else {"connection": "sandbox"}
            self.last = (f"{self.provider} {next(number)}", {"provider": self.provider, **way})
            self.market.act("pay_due", self.last[1], self.last[0])
            if value == "refused":
                self._refuse_once()
        elif kind == "again" and self.last[0]:
            self.market.act("pay_due", self.last[1], self.last[0])
        elif kind == "clock":
            self.market.run_due()
        elif rows := self.rows():
            self._decide(kind, rows[value % len(rows)])

    def _refuse_once(self):
        """The gateway refuses to pay this provider, who tries what is queued now."""
        refused = {"scope": "gateway", "mode": "refuse", "match": f"acct_{self.provider}", "requests": 1}
        self.market.sandbox("POST", "/test/misbehaviour", refused)
        self.market.run_due()
        self.market.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "off"})

    def _decide(self, kind, row):
        if not kind.startswith("told"):
            try:
                self.market.mark(row.id, kind)
            except PermanentError:
                assert row.state in {"paid", "failed"}
            else:
                self.failed_by_hand |= {row.id} if kind == "failed" else set()
        elif row.connection and row.state != "queued":
            self._tell(kind.removeprefix("told "), row)

    def _tell(self, outcome, row):
        """The gateway tells how it ended, of one that it refused by the hub's number alone."""
        only_we_say = row.state == "failed" and (not row.reference or row.id in self.failed_by_hand)
        metadata = {} if row.reference else {"hub_payout": row.id}
        reference = row.reference or f"po_{row.id}"
        self.market.happen(f"payout.{outcome}", reference, self.provider, row.amount, self.currency, metadata)
        if outcome == "failed" and row.reference and row.id not in self.failed_by_hand:
            self.failed_there.add(row.id)
        if outcome == "paid" and only_we_say:
            self.paid_there.add(row.id)
            assert next(one.state for one in self.rows() if one.id == row.id) == "paid", "it must not be paid again"

    def judge(self):
        rows = self.rows()
        gone = sum(row.amount for row in rows if row.state in GONE)
        due = -self.market.account(ledger.provider(self.provider), self.currency)
        assert gone + due == self.owed, "what is due and what went out is what came in for them"
        for row in rows:
            assert row.amount > 0
            assert row.id not in self.failed_there or row.state == "failed", "the gateway's failure is final"
            known = self.states[row.id]
            if not known or known[-1] != row.state:
                anew = known[-1:] == ["failed"] and row.state == "paid" and row.id in self.paid_there
                assert anew or not known or known[-1] not in {"paid", "failed"} or row.state == "failed"
                assert row.state not in known or row.id in self.paid_there, "none comes back to a state that it left"
                known.append(row.state)


# Each step takes the database, so a failing history is shown as it is found, not shortened for minutes.
@settings(
    max_examples=20,
    phases=(Phase.explicit, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(steps=[("run", "refused"), ("told paid", 0), ("run", "sandbox")], currency="EUR")
@example(steps=[("run", "sandbox"), ("clock", 0), ("told failed", 0), ("told paid", 0)], currency="JPY")
@example(steps=[("run", "sandbox"), ("clock", 0), ("failed", 0), ("told paid", 0), ("run", "bank")], currency="EUR")
@given(steps=st.lists(STEPS, max_size=14), currency=st.sampled_from(["EUR", "JPY", "KWD"]))
def test_nobody_is_paid_twice_or_more_than_came_in_for_them(quick, steps, currency):
    fund(quick, currency)
    history = History(quick, currency)
    for kind, value in [("owe", 9_999), *steps]:
        history.step(kind, value)
        history.judge()
    with quick.hub.database.read() as connection:
        books = ledger.balances(connection)
    assert sum(one.minor for one in books if one.currency == currency) == 0
