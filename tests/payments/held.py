"""What the tests of escrow begin with: a hold that was asked for, and one that was paid."""

from datetime import timedelta

from tests.payments.market import ADA

WHOLE = {"minor": 120_000, "currency": "EUR"}
TEN_PERCENT = {"percent": "10"}


def days(market, count):
    return (market.hub.now() + timedelta(days=count)).isoformat()


def asked(market, amount=WHOLE, needed=30, key="hold", **more):
    """A hold that nobody paid yet."""
    given = {"connection": "sandbox", "amount": amount, "job": "job_12", "needed_until": days(market, needed)}
    return market.act("hold", {**given, "customer": ADA, **more}, key)


def held(market, **more):
    """A hold that was paid."""
    hold = asked(market, **more)
    market.pay(hold["payment"])
    market.heard("escrow.held")
    return hold["hold"]


def euros(minor):
    return {"minor": minor, "currency": "EUR"}
