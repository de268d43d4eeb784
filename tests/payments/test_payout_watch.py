"""Payouts of which the gateway tells nothing are asked about, ever more rarely, until they are decided."""

from datetime import timedelta

import pytest

from hub.journal.tables_office import timers
from hub.payments.payout_watch import WATCH, watch_payout
from tests.payments.held import euros

PAYOUT = "po 7"


@pytest.fixture
def asked(quick, monkeypatch):
    """What the gateway says of the payout, to be changed; ``keys`` has the key of each time it was asked."""
    said, act, keys = {"payout": PAYOUT, "status": "sent", "amount": euros(5_000)}, quick.hub.payments.act, []

    def acts(name, action, key, given, **more):
        if action != "payout.get":
            return act(name, action, key, given, **more)
        assert (name, given) == ("sandbox", {"payout": PAYOUT})
        keys.append(key)
        return dict(said)

    monkeypatch.setattr(quick.hub.payments, "act", acts)
    quick.hub.office("pay").change(lambda book: watch_payout(book, "sandbox", PAYOUT))
    said["keys"] = keys
    return said


def wait_of(quick):
    """In how many seconds the gateway is asked; None when it is not."""
    found = [one.due_at for one in quick.rows(timers) if one.kind == WATCH]
    return round((found[0] - quick.hub.now()).total_seconds()) if found else None


def pass_and_ask(quick, seconds):
    quick._offset += timedelta(seconds=seconds)
    quick.hub.payment_clock.run_due()


def test_it_is_asked_ever_more_rarely_and_at_least_every_six_hours(quick, asked):
    waits = []
    for _ in range(13):
        waits.append(wait_of(quick))
        pass_and_ask(quick, waits[-1] + 0.5)
    expected = [30, 30, *(30 * 2**number for number in range(1, 10)), 6 * 3600, 6 * 3600]
    assert all(abs(one - wanted) <= wanted * 0.1 + 2 for one, wanted in zip(waits, expected, strict=True)), waits
    assert len(set(asked["keys"])) == 13, "each time anew"


@pytest.mark.parametrize("status", ["paid", "failed"])
def test_one_that_is_decided_is_asked_about_no_more(quick, asked, status):
    asked["status"] = status
    pass_and_ask(quick, 31)
    assert (wait_of(quick), len(asked["keys"])) == (None, 1)


def test_it_is_given_up_after_sixty_days(quick, asked):
    pass_and_ask(quick, 59 * 86_400)
    assert wait_of(quick) == 6 * 3600
    pass_and_ask(quick, 86_400)
    assert (wait_of(quick), len(asked["keys"])) == (None, 2)


def test_a_reference_that_is_too_long_for_a_timer_is_not_watched(quick):
    rest = 120 - len(f"sandbox {int(quick.hub.now().timestamp())} ")
    for length, watched in ((rest + 1, False), (rest, True)):
        quick.hub.office("pay").change(lambda book, length=length: watch_payout(book, "sandbox", "p" * length))
        assert (wait_of(quick) is not None) == watched
