"""Shares that the hub owes providers where the gateway passes none on: due in the ledger, paid by runs, taken back."""

from random import Random

import pytest
from sqlalchemy.exc import OperationalError

from hub.errors import ActionError
from hub.journal.entries import Happening
from hub.journal.tables import transfers
from hub.journal.tables_escrow import payouts
from hub.journal.tables_work import providers
from hub.payments import ledger, paid_shares, shares
from hub.payments.payout_runs import dues
from hub.payments.payouts import mark
from hub.payments.statements import statements

ADA_BANK = {"holder": "Ada Lovelace", "iban": "DE89370400440532013000"}


def money(minor, currency="EUR"):
    return {"minor": minor, "currency": currency}


class Stall:
    """The corner's hub, its payments and providers."""

    def __init__(self, corner):
        self.corner, self.hub = corner, corner.hub
        self._count = 0

    def tell(self, event_type, **data):
        self._count += 1
        now = self.hub.now()
        one = Happening(event_type, "corner", f"{event_type}:{self._count}", data, now)
        self.hub.recorder.record(one, now)

    def paid(self, minor, currency="EUR", payment="c_1", **more):
        self.tell("payment.succeeded", payment=payment, amount=money(minor, currency), **more)
        return payment

    def refunded(self, minor, currency="EUR", payment="c_1"):
        self.tell("refund.issued", refund=f"r_{self._count}", payment=payment, amount=money(minor, currency))

    def provider(self, identity="prv_ada", **accounts):
        row = {
            "id": identity, "name": identity, "email": f"{identity}@example.com", "state": "approved", "skills": [],
            "calendar": [], "accounts": accounts, "bank": ADA_BANK,
        }  # fmt: skip
        self.hub.office(f"provider {identity}").change(lambda book: book.insert(providers, row))

    def share(self, minor, currency="EUR", key="share", payment="c_1", provider="prv_ada", **more):
        given = {"provider": provider, "amount": money(minor, currency), "payment": payment, **more}
        return self.corner.act("transfer.create", given, key)

    def refused_share(self, minor, currency="EUR", **more):
        with pytest.raises(ActionError) as caught:
            self.share(minor, currency, "refused", **more)
        return caught.value.code

    def back(self, share, key="back", **more):
        return self.corner.act("transfer.reverse", {"transfer": share["transfer"], **more}, key)

    def pays(self, action, given, key):
        return self.hub.payments.act("payments", action, key.encode().hex().ljust(40, "0")[:40], given)

    def run(self, key="run"):
        return [one["payout"] for one in self.pays("pay_due", {}, key)["payouts"]]

    def mark(self, payout, state):
        mark(self.hub.office(f"mark {payout} {state}"), payout, state)

    def books(self, currency="EUR"):
        with self.hub.database.read() as connection:
            found = ledger.balances(connection)
            assert set(ledger.sums(connection).values()) <= {0}
        return {one.account: one.minor for one in found if one.currency == currency and one.minor}

    def due(self):
        with self.hub.database.read() as connection:
            return [(one.provider, one.money.minor, one.money.currency) for one in dues(connection, self.hub.now())]


@pytest.fixture
def stall(corner):
    made = Stall(corner)
    made.provider()
    return made


# due


@pytest.mark.parametrize(("currency", "paid", "share"), [("EUR", 10000, 5251), ("JPY", 10001, 1), ("KWD", 10007, 9999)])
def test_a_share_is_due_in_the_ledger_as_one_of_a_split_is(stall, currency, paid, share):
    stall.paid(paid, currency, order="o_1")
    made = stall.share(share, currency)
    assert (made["status"], made["amount"], made["provider"]) == ("queued", money(share, currency), "prv_ada")
    assert stall.books(currency) == {"gateway:corner": paid, "held:o_1": share - paid, "provider:prv_ada": -share}
    assert stall.due() == [("prv_ada", share, currency)]
    told = stall.corner.event("payment.split")
    assert (told["payment"], told["order"], told["amount"]) == ("c_1", "o_1", money(share, currency))


def test_a_payment_for_no_order_gives_of_the_platforms_sales(stall):
    stall.paid(10000)
    stall.share(4000)
    assert stall.books() == {"gateway:corner": 10000, "provider:prv_ada": -4000, "revenue:sales": -6000}


def test_a_step_makes_its_share_due_once(stall):
    stall.paid(10000)
    assert stall.share(4000) == stall.share(4000)
    assert stall.due() == [("prv_ada", 4000, "EUR")]
    assert stall.corner.told("payment.split") == ["payment.split"]
    stall.share(4000, key="another")
    assert stall.due() == [("prv_ada", 8000, "EUR")]


def test_shares_go_as_far_as_the_payment_reaches(stall):
    stall.paid(10000)
    stall.share(6000)
    assert stall.refused_share(4001) == "amount_exceeds_rest"
    assert stall.refused_share(100, "JPY") == "amount_exceeds_rest"
    assert stall.refused_share(0) == "amount_too_small"
    stall.share(4000, key="rest")
    assert stall.refused_share(1, provider="prv_bob") == "amount_exceeds_rest"
    assert stall.due() == [("prv_ada", 10000, "EUR")]


def test_a_share_is_of_a_payment_that_came_in(stall):
    assert stall.refused_share(100) == "wrong_state"
    stall.tell("payment.pending", payment="c_1", amount=money(10000))
    assert stall.refused_share(100) == "wrong_state"
    with pytest.raises(ActionError) as caught:
        stall.corner.act("transfer.create", {"provider": "prv_ada", "amount": money(100)})
    assert caught.value.code == "bad_input"
    assert (stall.due(), stall.corner.told("payment.split")) == ([], [])


def test_what_went_back_cannot_be_passed_on(stall):
    stall.paid(10000)
    stall.refunded(3000)
    assert stall.refused_share(7001) == "amount_exceeds_rest"
    stall.share(5000)
    stall.refunded(2000)
    assert stall.refused_share(1) == "amount_exceeds_rest"
    assert stall.books() == {"gateway:corner": 5000, "provider:prv_ada": -5000}


def test_a_refund_takes_of_shares_too(stall):
    stall.paid(10000)
    stall.share(8000)
    stall.refunded(10000)
    assert stall.books() == {}


def test_what_is_disputed_cannot_be_passed_on_meanwhile(stall):
    stall.paid(10000)
    stall.tell("dispute.opened", dispute="d_1", payment="c_1", amount=money(9000))
    assert stall.refused_share(1001) == "amount_exceeds_rest"
    stall.share(1000)


@pytest.mark.parametrize("kept", ["bob@corner.example", {"account": "bob@corner.example", "to": {"card": "c_1"}}])
def test_an_account_at_the_gateway_is_the_providers_that_has_it(stall, kept):
    stall.provider("prv_bob", corner=kept)
    stall.paid(10000)
    assert stall.share(100, provider="bob@corner.example")["provider"] == "prv_bob"
    assert stall.share(50, key="two", provider="x", metadata={"provider": "prv_bob"})["provider"] == "prv_bob"
    assert stall.due() == [("prv_bob", 150, "EUR")]


def test_what_a_split_gave_is_not_due_twice(stall):
    """A recipe splits a payment, and passes each share on: where the gateway does not, the split made it due already."""
    stall.paid(10000)
    rule = {"commission": {"percent": "10"}}
    stall.pays("split", {"payment": "c_1", "provider": "prv_ada", "amount": money(8000), "rule": rule}, "split")
    first = stall.share(7000)
    assert stall.due() == [("prv_ada", 7200, "EUR")]
    assert stall.refused_share(2201) == "amount_exceeds_rest"
    second = stall.share(2200, key="more")
    assert stall.due() == [("prv_ada", 9200, "EUR")]
    stall.back(second, amount=money(100))
    assert stall.due() == [("prv_ada", 9100, "EUR")]
    stall.back(second, "rest")
    stall.back(first, "first")
    assert stall.due() == [("prv_ada", 7200, "EUR")], "what the split gave stays due"
    stall.share(7200, key="again")
    assert stall.due() == [("prv_ada", 7200, "EUR")]


# paid


def test_a_run_pays_a_share_and_its_step_says_so(stall):
    stall.paid(10000)
    stall.share(4000)
    (payout,) = stall.run()
    assert (stall.share(4000)["status"], stall.due()) == ("queued", [])
    assert stall.corner.refused("transfer.reverse", {"transfer": stall.share(4000)["transfer"]}) == "balance_too_low"
    stall.mark(payout, "paid")
    assert stall.share(4000)["status"] == "sent"
    assert stall.books() == {"gateway:corner": 10000, "bank": -4000, "revenue:sales": -6000}
    assert stall.corner.refused("transfer.reverse", {"transfer": stall.share(4000)["transfer"]}) == "balance_too_low"
    later = stall.share(100, key="later")
    assert (later["status"], stall.due()) == ("queued", [("prv_ada", 100, "EUR")])


def test_no_run_says_that_it_paid_a_share_that_the_ledger_never_had(stall):
    """Older versions kept shares in a table alone."""
    row = {
        "id": "trf_old", "connection": "corner", "provider": "prv_ada", "payment": "c_1", "currency": "EUR",
        "amount": 500, "state": "due", "input": {},
    }  # fmt: skip
    stall.hub.office("old").change(lambda book: book.insert(transfers, row))
    stall.paid(10000)
    stall.share(4000)
    (payout,) = stall.run()
    stall.mark(payout, "paid")
    assert stall.hub.payments.store.get(transfers, "trf_old").state == "due"
    assert stall.back({"transfer": "trf_old"})["status"] == "reversed"
    assert stall.books() == {"gateway:corner": 10000, "bank": -4000, "revenue:sales": -6000}


def test_a_run_pays_the_shares_of_its_currency_and_provider(stall):
    stall.provider("prv_bob")
    for payment, currency in (("c_1", "EUR"), ("c_2", "JPY")):
        stall.paid(10000, currency, payment)
        stall.share(40, currency, f"ada {payment}", payment)
    stall.share(30, key="bob", provider="prv_bob")
    given = {"provider": "prv_ada", "currency": "EUR"}
    (payout,) = stall.pays("pay_due", given, "run")["payouts"]
    stall.mark(payout["payout"], "paid")
    again = [stall.share(40, key="ada c_1"), stall.share(40, "JPY", "ada c_2", "c_2")]
    again.append(stall.share(30, key="bob", provider="prv_bob"))
    assert [one["status"] for one in again] == ["sent", "queued", "queued"]


def test_a_share_whose_payout_failed_is_due_again(stall):
    stall.paid(10000)
    share = stall.share(4000)
    (payout,) = stall.run()
    stall.mark(payout, "failed")
    assert (stall.share(4000)["status"], stall.due()) == ("queued", [("prv_ada", 4000, "EUR")])
    stall.back(share, amount=money(1000))
    (second,) = stall.run("second")
    stall.mark(second, "paid")
    paid = stall.share(4000)
    assert (paid["status"], paid["amount"]) == ("sent", money(3000))
    with stall.hub.database.read() as connection:
        assert connection.execute(payouts.select().where(payouts.c.id == second)).one().amount == 3000
    office = stall.hub.office("late news")
    row = stall.hub.payments.store.find(payouts, payout)
    office.change(lambda book: paid_shares.follow_payout(book, row, "failed"))
    assert stall.share(4000)["status"] == "sent", "another payout has paid it meanwhile"


def test_a_statement_shows_the_share_what_was_taken_back_and_the_payout(stall):
    begin = stall.hub.now()
    stall.paid(10000, order="o_1")
    stall.back(stall.share(4000), amount=money(500))
    stall.corner.moment = stall.hub.now().replace(hour=12)
    stall.run()
    with stall.hub.database.read() as connection:
        (one,) = statements(connection, "prv_ada", begin, stall.hub.now().replace(hour=13))
    assert [(line.kind, line.money.minor) for line in one.movements] == [
        ("split", 4000),
        ("split", -500),
        ("payout", -3500),
    ]
    assert (one.earned.minor, one.paid_out.minor, one.closing.minor) == (3500, -3500, 0)


# taken back


def test_a_share_is_taken_back_once_for_each_step(stall):
    stall.paid(10000, order="o_1")
    share = stall.share(1000)
    part = {"transfer": share["transfer"], "amount": money(400)}
    for _ in range(2):
        assert stall.corner.act("transfer.reverse", part, "r1")["amount"] == money(600)
    assert stall.books() == {"gateway:corner": 10000, "held:o_1": -9400, "provider:prv_ada": -600}
    assert stall.corner.refused("transfer.reverse", {**part, "amount": money(601)}) == "amount_exceeds_rest"
    assert stall.corner.refused("transfer.reverse", {**part, "amount": money(1, "JPY")}) == "amount_exceeds_rest"
    assert stall.corner.refused("transfer.reverse", {"transfer": "trf_other"}) == "not_found"
    assert stall.back(share, "r2", reason="returned")["status"] == "reversed"
    assert stall.books() == {"gateway:corner": 10000, "held:o_1": -10000}
    assert stall.corner.told("transfer") == ["transfer.reversed", "transfer.reversed"]
    told = stall.corner.event("transfer.reversed")
    assert (told["amount"], told["reason"], told["payment"]) == (money(600), "returned", "c_1")
    stall.share(10000, key="again")
    assert stall.due() == [("prv_ada", 10000, "EUR")]


def test_shares_that_the_hub_keeps_do_not_make_payouts_the_gateways_own(stall):
    """A payout to a provider whom the gateway keeps no account for is what we owed them, whatever was reversed before."""
    stall.paid(10000)
    stall.back(stall.share(4000))
    stall.share(3000, key="two")
    stall.tell("payout.paid", payout="po_1", provider="prv_ada", amount=money(3000))
    assert stall.books() == {"gateway:corner": 7000, "revenue:sales": -7000}


@pytest.mark.parametrize("name", ["split_event", "settle"])
def test_a_step_that_dies_on_the_way_leaves_nothing_and_is_done_again(stall, monkeypatch, name):
    stall.paid(10000)
    before = stall.share(1000) if name == "settle" else None

    def dies(*_given):
        raise OperationalError("dies", {}, Exception())

    monkeypatch.setattr(shares, name, dies)
    books = stall.books()
    with pytest.raises(Exception, match=r"."):
        stall.back(before) if before else stall.share(1000)
    assert stall.books() == books
    kept = [row.reversed for row in stall.hub.payments.store.list(transfers)]
    assert kept == ([0] if before else [])
    monkeypatch.undo()
    if before:
        stall.back(before)
    else:
        stall.share(1000)
    assert stall.due() == ([] if before else [("prv_ada", 1000, "EUR")])


@pytest.mark.parametrize(("seed", "currency"), [(seed, ("EUR", "JPY", "KWD")[seed % 3]) for seed in range(9)])
def test_whatever_happens_the_books_hold_what_is_due(stall, seed, currency):
    """Shares, what is taken back of them and runs in any order: nobody is owed more than came in, and each unit once."""
    chance = Random(seed)
    whole = chance.randint(10, 100_000)
    stall.paid(whole, currency)
    made, paid_out = {}, 0
    for number in range(12):
        what = chance.choice(["share", "share", "back", "run"])
        owed = sum(left for left, state in made.values() if state == "due")
        if what == "share":
            minor = chance.randint(1, whole)
            if owed + paid_out + minor > whole:
                assert stall.refused_share(minor, currency) == "amount_exceeds_rest"
            else:
                made[stall.share(minor, currency, f"s{number}")["transfer"]] = (minor, "due")
        elif what == "back" and made:
            transfer, (left, state) = chance.choice(sorted(made.items()))
            minor = chance.randint(1, max(left, 1))
            given = {"transfer": transfer, "amount": money(minor, currency)}
            if state == "due" and left:
                stall.corner.act("transfer.reverse", given, f"b{number}")
                made[transfer] = (left - minor, state)
            else:
                assert stall.corner.refused("transfer.reverse", given) in {"balance_too_low", "amount_exceeds_rest"}
        elif what == "run":
            for payout in stall.run(f"p{number}"):
                state = chance.choice(["paid", "failed"])
                stall.mark(payout, state)
                if state == "paid":
                    made = {one: (left, "paid" if left else was) for one, (left, was) in made.items()}
                    paid_out += owed
        owed = sum(left for left, state in made.values() if state == "due")
        assert stall.due() == ([("prv_ada", owed, currency)] if owed else [])
        books = stall.books(currency)
        assert (books.get("bank", 0), books.get("revenue:sales", 0)) == (-paid_out, owed + paid_out - whole)


def test_goods_of_the_platforms_own_are_passed_on_and_are_sales_again(stall):
    """An order whose lines name no vendor: what is passed on of it is no sale of ours, what is taken back is one again."""
    lines = [{"title": "Lamp", "price": money(10000)}]
    order = stall.hub.payments.act("orders", "create", "a" * 40, {"lines": lines, "currency": "EUR"})["order"]
    stall.paid(12000, order=order)
    held = f"held:{order}"
    assert stall.books() == {"gateway:corner": 12000, held: -2000, "revenue:sales": -10000}
    first = stall.share(1500)
    assert stall.books() == {"gateway:corner": 12000, held: -500, "revenue:sales": -10000, "provider:prv_ada": -1500}
    second = stall.share(5000, key="two")
    assert stall.books() == {"gateway:corner": 12000, "revenue:sales": -5500, "provider:prv_ada": -6500}
    assert stall.refused_share(5501) == "amount_exceeds_rest"
    stall.back(second, amount=money(4000))
    assert stall.books() == {"gateway:corner": 12000, "revenue:sales": -9500, "provider:prv_ada": -2500}
    stall.back(second, "rest")
    assert stall.books() == {"gateway:corner": 12000, held: -500, "revenue:sales": -10000, "provider:prv_ada": -1500}
    stall.back(first, "first")
    assert stall.books() == {"gateway:corner": 12000, held: -2000, "revenue:sales": -10000}
    stall.share(12000, key="all")
    assert stall.books() == {"gateway:corner": 12000, "provider:prv_ada": -12000}


def test_the_first_share_takes_of_goods_of_the_platforms_own_what_is_not_beside_them(stall):
    lines = [{"title": "Lamp", "price": money(10000)}]
    order = stall.hub.payments.act("orders", "create", "a" * 40, {"lines": lines, "currency": "EUR"})["order"]
    stall.paid(10000, order=order)
    share = stall.share(8000)
    assert stall.books() == {"gateway:corner": 10000, "revenue:sales": -2000, "provider:prv_ada": -8000}
    stall.back(share, amount=money(3000))
    assert stall.books() == {"gateway:corner": 10000, "revenue:sales": -5000, "provider:prv_ada": -5000}
    stall.refunded(1000)
    assert stall.books() == {"gateway:corner": 9000, "revenue:sales": -4500, "provider:prv_ada": -4500}
    assert stall.refused_share(1) == "amount_exceeds_rest", "what is left of the sales is no whole part any more"
