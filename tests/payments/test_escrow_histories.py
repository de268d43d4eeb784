"""Random histories of a hold: what is given out never exceeds what came in, and its sums are kept."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hub.errors import PermanentError
from hub.payments import holds
from tests.payments.test_escrow_holds import ASKED, PAID, WHOLE

AMOUNTS = st.integers(0, WHOLE)
STEPS = st.one_of(
    st.tuples(st.just("release"), AMOUNTS),
    st.tuples(st.just("settle"), AMOUNTS),
    st.tuples(st.just("cancel"), st.just(0)),
    st.tuples(st.just("freeze"), st.just(0)),
    st.tuples(st.just("unfreeze"), st.just(0)),
    st.tuples(st.just("refund"), AMOUNTS),
    st.tuples(st.just("dispute"), AMOUNTS),
    st.tuples(st.just("won"), st.just(0)),
    st.tuples(st.just("lost"), st.just(0)),
    st.tuples(st.just("pay"), st.just(0)),
)


class History:
    """A hold and the outside world that it belongs to: what really came in and went out."""

    def __init__(self, currency):
        self.hold = replace(ASKED, currency=currency)
        self.out, self.back, self.lost, self.elsewhere = 0, 0, 0, 0
        self.dispute = None
        self.told = []

    def news(self):
        return replace(PAID, refunded=self.back + self.elsewhere)

    def step(self, kind, amount):
        before = self.hold
        try:
            self.hold, tales = getattr(self, f"_{kind}")(amount)
        except PermanentError:
            self.hold = before
        else:
            self.told += tales

    def _pay(self, _):
        return holds.follow(self.hold, self.news())

    def _divide(self, kind, kept, back):
        moving = holds.begin(self.hold, kind, kept, back)
        if not kept and not back:
            return holds.withdraw(moving), []
        self.out, self.back = self.out + kept, self.back + back
        return holds.finish(moving, kind, kept, back, {})

    def _release(self, amount):
        return self._divide("release", amount, 0)

    def _settle(self, amount):
        kept = min(amount, self.hold.left)
        return self._divide("settle", kept, self.hold.left - kept)

    def _cancel(self, _):
        return self._divide("cancel", 0, self.hold.left)

    def _freeze(self, _):
        return holds.freeze(self.hold, "by hand")

    def _unfreeze(self, _):
        return holds.unfreeze(self.hold), []

    def _refund(self, amount):
        self.elsewhere += min(amount, self.hold.left)
        return holds.follow(self.hold, self.news()) if self.hold.state != "requested" else (self.hold, [])

    def _dispute(self, amount):
        if self.dispute is None and self.hold.left:
            self.dispute = min(amount, self.hold.left)
            return holds.disputed(self.hold, "dis_1", "open", self.dispute)
        return self.hold, []

    def _decide(self, outcome):
        return holds.disputed(self.hold, "dis_1", outcome, self.dispute) if self.dispute else (self.hold, [])

    def _won(self, _):
        return self._decide("won")

    def _lost(self, _):
        return self._decide("lost")


@given(st.lists(STEPS, max_size=14), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_no_history_gives_out_more_than_came_in_and_sums_are_kept(steps, currency):
    history = History(currency)
    history.step("pay", 0)
    for kind, amount in steps:
        history.step(kind, amount)
        hold = history.hold
        assert 0 <= hold.left <= WHOLE
        assert hold.released == history.out
        assert hold.released + hold.back + hold.left >= WHOLE or hold.state == "cancelled"
        assert history.out + history.back + history.elsewhere <= WHOLE
        assert (hold.left == 0) == (hold.state in holds.OVER), hold
    assert history.hold.tales == len(history.told)
