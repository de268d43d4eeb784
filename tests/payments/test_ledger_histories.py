"""Random histories of a payment: after each step the books balance and nobody has more than came in; at the end all orders agree."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import PermanentError
from hub.money import Money
from hub.payments import refunding
from hub.payments.payment import Facts, told
from hub.payments.postings import Account, holdings, missing, provider_holdings
from hub.payments.splitting import split

NOW = datetime(2027, 1, 31, 9, tzinfo=UTC)
CURRENCIES = st.sampled_from(["USD", "JPY", "KWD"])
SOLD = st.lists(st.tuples(st.sampled_from(["A", "B", "C"]), st.integers(1, 200_000)), min_size=1, max_size=5)
PERCENT = st.decimals(Decimal(0), Decimal(60), places=1).map(str)


def money(minor, currency):
    return {"minor": minor, "currency": currency}


def at(minute):
    return f"2027-01-31T09:{minute:02}:00.000+00:00"


@st.composite
def histories(draw):
    """A split and events of a payment, in the order in which they happened: (type, time, data)."""
    currency, sold = draw(CURRENCIES), draw(SOLD)
    own = draw(st.integers(0, 5000))
    amount = sum(minor for _, minor in sold) + own
    fee = draw(st.integers(0, amount // 10))
    rule = {"commission": {"percent": draw(PERCENT)}, "fee_borne_by": draw(st.sampled_from(["platform", "vendors"]))}
    lines = [{"vendor": vendor, "total": money(minor, currency)} for vendor, minor in sold]
    division = split(Money(amount, currency), lines, rule, Money(fee, currency), NOW).division
    about = {"payment": "p", "order": "o", "amount": money(amount, currency)}
    paid = {**about, "fee": money(fee, draw(st.sampled_from([currency, "EUR"])))}
    if draw(st.booleans()):
        paid["settled"] = money(draw(st.integers(1, 300_000)), "EUR")
    events = [("payment.created", at(0), about), ("payment.succeeded", at(1), paid)]
    named, left = {}, amount
    for number in range(draw(st.integers(0, 4))):
        minor = draw(st.integers(1, left)) if left else 0
        if not minor:
            break
        data = {**about, "refund": f"r{number}", "amount": money(minor, currency)}
        events.append(("refund.issued", at(2 + number), data))
        if draw(st.booleans()):
            named[f"r{number}"] = {draw(st.sampled_from(["A", "B", ""])): minor}
        if draw(st.booleans()):
            events.append(("refund.failed", at(10 + number), data))
        else:
            left -= minor
    if left and draw(st.booleans()):
        data = {**about, "dispute": "d", "amount": money(left, currency)}
        events += [
            ("dispute.opened", at(20), data),
            ("dispute.closed", at(21), {**data, "outcome": draw(st.sampled_from(["won", "lost", "accepted"]))}),
        ]
    elif not named and draw(st.booleans()):
        events = [one for one in events if not one[0].startswith("refund.")] + [("payment.returned", at(30), about)]
    return division, events, named


def account(division, events, named):
    facts = reduce(lambda known, event: told(known, *event), events, Facts())
    return Account("shop", "p", facts, {"s": division}, named)


def whole(found):
    """All kinds of transactions together."""
    books = defaultdict(int)
    for kind in found.values():
        for place, minor in kind.items():
            books[place] += minor
    return {place: minor for place, minor in books.items() if minor}


@given(histories(), st.data())
def test_books_balance_after_each_step_in_every_order_and_end_the_same(history, data):
    division, events, named = history
    order = data.draw(st.permutations(events))
    order += data.draw(st.lists(st.sampled_from(events), max_size=4))
    books = defaultdict(int)
    for count in range(1, len(order) + 1):
        known = account(division, order[:count], named)
        wanted = holdings(known)
        for kind in wanted.values():
            assert sum(kind.values()) == 0
        for place, minor in missing(whole(wanted), books).items():
            books[place] += minor
        assert {place: minor for place, minor in books.items() if minor} == whole(wanted)
        _nobody_has_more_than_came_in(known)
    assert whole(holdings(account(division, order, named))) == whole(holdings(account(division, events, named)))


def _nobody_has_more_than_came_in(known):
    if not known.paid:
        assert holdings(known) == {}
        return
    owed = provider_holdings(known)
    for share in known.division.shares:
        assert -share.amount <= owed.get(share.provider, 0) <= 0
        taken = known.taken.shares[share.provider]
        assert all(0 <= back <= part for back, part in zip(taken.parts(), share.parts(), strict=True))
    assert known.taken.beyond == max(known.returned - known.paid, 0)


@given(histories(), st.data())
def test_refunds_of_the_hub_never_exceed_what_is_left_and_end_at_zero(history, data):
    division, events, _ = history
    fee = next(event[2]["fee"] for event in events if event[0] == "payment.succeeded")
    fee, currency = fee["minor"], fee["currency"]
    known = account(division, events[:2], {})
    for number in range(6):
        rest = known.rest
        if not rest:
            break
        minor = rest if number == 5 else data.draw(st.integers(1, rest))
        amount = refunding.checked(known, Money(minor, known.currency), {}, "Shop", NOW)
        parts = refunding.parts_of(known, amount, [])
        before, known = known, refunding.with_refund(known, f"h{number}", amount.minor, parts)
        given_up = refunding.given_up(before, known)
        assert all(part >= 0 for share in given_up for part in share.parts())
        assert sum(share.whole for share in given_up) <= minor
    assert whole(holdings(known)) == (
        {("gateway:shop", currency): -fee, ("expense:gateway_fees", currency): fee} if fee else {}
    )
    with pytest.raises(PermanentError) as refused:
        refunding.checked(known, None, {}, "Shop", NOW)
    assert refused.value.code == "already_refunded"
