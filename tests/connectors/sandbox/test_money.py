"""Random histories: whatever is asked, in whatever order, the money adds up after every step."""

import tempfile
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sandbox.server import checkout, escrow, moves, payments, returns
from connectors.sandbox.server.database import Database
from connectors.sandbox.server.due import run_due
from connectors.sandbox.server.records import Dispute, Hold, Payment, Refund, Transfer
from connectors.sandbox.server.refusals import Refusal
from connectors.sandbox.server.store import Site, Store

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SITE = Site("http://sandbox.test", "", "", "", "")

amounts = st.one_of(st.none(), st.integers(1, 1200))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("choose"), st.sampled_from(checkout.CHOICES), st.sampled_from(checkout.OUTCOMES)),
        st.tuples(st.just("capture"), amounts, st.booleans()),
        st.tuples(st.just("refund"), amounts),
        st.tuples(st.just("transfer"), st.integers(1, 1200)),
        st.tuples(st.just("reverse"), amounts),
        st.tuples(st.just("release"), st.lists(st.integers(1, 700), max_size=3)),
        st.tuples(st.just("settle"), st.lists(st.integers(1, 700), max_size=2), st.integers(0, 1000)),
        st.tuples(
            st.sampled_from(["void", "freeze", "dispute", "won", "lost", "return", "fail_refund", "arrive", "miss"])
        ),
        st.tuples(st.just("time"), st.integers(1, 120)),
    ),
    max_size=14,
)


def do(store, identifier, step, now):  # noqa: PLR0912 (one branch per kind of step)
    payment = store.get(Payment, identifier)
    hold = next(iter(reversed(store.children(Hold, identifier))), None)
    dispute = next(iter(reversed(store.children(Dispute, identifier))), None)
    match step:
        case ("choose", choice, outcome):
            checkout.choose(store, payment, choice, now, outcome=outcome)
        case ("capture", amount, final):
            payments.capture(store, payment, amount, final=final, now=now)
        case ("refund", amount):
            returns.refund(store, payment, amount, now)
        case ("transfer", amount):
            moves.transfer(store, "vendor", amount, "USD", now, payment=payment)
        case ("reverse", amount):
            for sent in store.children(Transfer, identifier)[:1]:
                moves.reverse(store, sent, amount, "", now)
        case ("release", parts) if hold:
            escrow.release(store, hold, [escrow.Part("owner", part) for part in parts], now)
        case ("settle", parts, refund) if hold:
            escrow.settle(store, hold, [escrow.Part("owner", part) for part in parts], refund, now)
        case ("void",):
            payments.void(store, payment, now)
        case ("freeze",) if hold:
            escrow.freeze(store, hold, "", now)
        case ("dispute",):
            returns.open_dispute(store, payment, "", now)
        case ("won" | "lost" as outcome,) if dispute:
            returns.close_dispute(store, dispute, outcome, now)
        case ("return",):
            payments.bring_back(store, payment, now)
        case ("fail_refund",):
            for done in store.children(Refund, identifier)[:1]:
                returns.fail_refund(store, done, now)
        case ("arrive",):
            checkout.settle(store, payment, now, "succeeds")
        case ("miss",):
            checkout.settle(store, payment, now, "fails")


def check(store, identifier):
    payment = store.get(Payment, identifier)
    refunds = [one for one in store.children(Refund, identifier) if one.status == "issued"]
    transfers = store.children(Transfer, identifier)
    assert payment.captured <= payment.amount
    assert payment.refunded == sum(one.amount for one in refunds)
    assert payment.refunded + payment.disputed <= payment.captured
    assert payment.transferred == sum(one.amount - one.reversed for one in transfers) <= payment.captured
    balances = store.balances()
    assert sum(amounts.get("USD", 0) for amounts in balances.values()) == 0
    from_payer = -balances.get("payers", {}).get("USD", 0)
    with_the_payer = payment.refunded
    disputes = store.children(Dispute, identifier)
    with_the_payer += sum(one.amount for one in disputes if one.status in ("lost", "accepted"))
    returned = payment.rest if payment.state == "returned" else 0
    assert from_payer == payment.captured - with_the_payer - returned
    assert all(amounts["USD"] >= 0 for account, amounts in balances.items() if account.startswith("provider:"))


@settings(max_examples=150)
@given(st.sampled_from(["automatic", "manual", "escrow"]), steps)
def test_sums_hold_after_every_step_of_any_history(kind, history):
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/sandbox.db")
        now, statuses = START, set()
        with database.write() as connection:
            store = Store(connection, SITE)
            capture = "manual" if kind == "manual" else "automatic"
            payment = Payment(
                id="pay_1", created_at=now, amount=1000, currency="USD", capture=capture, escrow=kind == "escrow"
            )
            payments.create(store, payment, now)
        for step in history:
            now += timedelta(days=step[1] if step[0] == "time" else 0, seconds=1)
            try:
                with database.write() as connection:
                    store = Store(connection, SITE)
                    run_due(store, now)
                    do(store, "pay_1", step, now)
            except Refusal as refusal:
                statuses.add(refusal.status)
            with database.read() as connection:
                check(Store(connection, SITE), "pay_1")
        database.close()
    assert statuses <= {400, 409, 422}


@given(st.integers(1, 10**12), st.sampled_from(["USD", "JPY", "KWD"]))
def test_the_fee_is_never_more_than_the_amount(amount, currency):
    assert 0 < payments.fee_for(amount, currency) <= amount


def test_the_fee_of_the_documented_example():
    assert payments.fee_for(10000, "USD") == 320
    assert payments.fee_for(10000, "KWD") == 590
    assert payments.fee_for(10000, "JPY") == 320
