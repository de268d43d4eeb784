"""The ledger follows from events: the table of the data model to the unit, in every order of arrival."""

from __future__ import annotations

import copy
from itertools import islice, permutations

import pytest

from hub.connect.api import Connection, RawEvent
from hub.connect.registry import Registry
from hub.payments import ledger, moving
from tests.payments.books import money

PAYMENT = {"payment": "pay_1", "order": "ord_1", "amount": money(10000)}
PARTS = [
    {"provider": "A", "amount": money(5251), "commission": money(750)},
    {"provider": "B", "amount": money(3499), "commission": money(500)},
]
REFUND = {"payment": "pay_1", "order": "ord_1", "refund": "ref_1", "amount": money(6001)}
DISPUTE = {"payment": "pay_1", "order": "ord_1", "dispute": "dis_1", "amount": money(3999)}
TRANSFER = {"transfer": "tr_1", "provider": "A", "payment": "pay_1", "amount": money(5251)}


def test_the_postings_of_the_data_model_are_made_to_the_unit(books):
    assert books.change_by("payment.succeeded", **PAYMENT) == {"gateway:shop": 10000, "held:ord_1": -10000}
    assert books.change_by("payment.succeeded", **PAYMENT, fee=money(320)) == {
        "expense:gateway_fees": 320,
        "gateway:shop": -320,
    }
    assert books.change_by("payment.split", **PAYMENT, parts=PARTS) == {
        "held:ord_1": 10000,
        "provider:A": -5251,
        "provider:B": -3499,
        "revenue:commission": -1250,
    }
    assert books.change_by("transfer.sent", **TRANSFER) == {"provider:A": 5251, "gateway:shop": -5251}
    books.tell("refund.divided", **REFUND, parts=[{"provider": "A", "amount": money(6001)}])
    assert books.change_by("refund.issued", **REFUND) == {
        "provider:A": 5251,
        "revenue:commission": 750,
        "gateway:shop": -6001,
    }
    assert books.change_by("dispute.opened", **DISPUTE) == {"disputed": 3999, "gateway:shop": -3999}
    assert books.change_by("dispute.closed", **DISPUTE, outcome="lost") == {
        "provider:B": 3499,
        "revenue:commission": 500,
        "disputed": -3999,
    }
    # The transfer to A was not taken back: A owes it, and the gateway kept its fee.
    assert books.accounts() == {"provider:A": 5251, "gateway:shop": -5571, "expense:gateway_fees": 320}


def test_a_dispute_that_is_won_leaves_everything_as_it_was(books):
    books.tell("payment.succeeded", **PAYMENT)
    before = books.accounts()
    books.tell("dispute.opened", **DISPUTE)
    books.tell("dispute.closed", **DISPUTE, outcome="won")
    assert books.accounts() == before


HISTORY = [
    ("payment.succeeded", {**PAYMENT, "fee": money(320)}),
    ("payment.split", {**PAYMENT, "parts": PARTS}),
    ("refund.divided", {**REFUND, "parts": [{"provider": "A", "amount": money(6001)}]}),
    ("refund.issued", REFUND),
    ("transfer.sent", TRANSFER),
]


def test_every_order_of_arrival_ends_in_the_same_balances(books):
    ends = []
    for number, order in enumerate(islice(permutations(HISTORY), 0, None, 7)):
        names = {"pay_1": f"pay_{number}", "ord_1": "ord", "ref_1": f"ref_{number}", "tr_1": f"tr_{number}"}
        before = books.accounts()
        for event_type, data in order:
            said = {name: names.get(value, value) if isinstance(value, str) else value for name, value in data.items()}
            time = books.moment.replace(minute=[one for one, _ in HISTORY].index(event_type))
            books.tell(event_type, f"{event_type}:{number}", time=time, **said)
        after = books.accounts()
        ends.append({name: after.get(name, 0) - before.get(name, 0) for name in after})
    assert [end for end in ends if end != ends[0]] == []
    assert ends[0] == {
        "gateway:shop": 10000 - 320 - 6001 - 5251,
        "expense:gateway_fees": 320,
        "provider:A": 5251,
        "provider:B": -3499,
        "revenue:commission": -500,
    }


def test_a_delivery_that_comes_again_posts_nothing(books):
    for _ in range(3):
        books.tell("payment.succeeded", "evt-1", **PAYMENT)
        books.tell("transfer.sent", "evt-2", **TRANSFER)
    assert books.accounts() == {"gateway:shop": 4749, "held:ord_1": -10000, "provider:A": 5251}


def test_sales_without_an_order_are_the_platforms_at_once(books):
    books.tell("payment.succeeded", payment="p", amount=money(500, "JPY"))
    assert books.accounts("JPY") == {"gateway:shop": 500, "revenue:sales": -500}


def test_a_payment_for_a_job_is_held_for_it(books):
    books.tell("payment.succeeded", payment="p", job="job_1", amount=money(24900, "EUR"))
    assert books.accounts("EUR") == {"gateway:shop": 24900, "held:job_1": -24900}


def test_an_authorisation_posts_nothing_until_it_is_captured_and_then_only_what_was_taken(books):
    data = {"payment": "p", "job": "j", "amount": money(10000)}
    books.tell("payment.authorized", **data, captured=money(0))
    assert books.accounts() == {}
    books.tell("payment.succeeded", **data, captured=money(7000))
    assert books.accounts() == {"gateway:shop": 7000, "held:j": -7000}
    books.tell("payment.succeeded", **data, captured=money(9000))
    assert books.accounts() == {"gateway:shop": 9000, "held:j": -9000}


def test_a_success_after_an_authorisation_that_names_no_captured_part_brings_the_whole(books):
    books.tell("payment.authorized", payment="p", amount=money(10000), captured=money(0))
    books.tell("payment.succeeded", payment="p", amount=money(10000))
    assert books.accounts() == {"gateway:shop": 10000, "revenue:sales": -10000}


def test_a_settlement_in_another_currency_goes_over_the_pairs_account(books):
    books.tell("payment.succeeded", **PAYMENT, settled=money(9250, "EUR"), fee=money(290, "EUR"))
    assert books.accounts() == {"held:ord_1": -10000, "exchange:EUR/USD": 10000}
    assert books.accounts("EUR") == {
        "gateway:shop": 9250 - 290,
        "exchange:EUR/USD": -9250,
        "expense:gateway_fees": 290,
    }


def test_what_goes_back_goes_over_the_pairs_account_too_until_nothing_is_left(books):
    books.tell("payment.succeeded", **PAYMENT, settled=money(9250, "EUR"))
    refund = {"payment": "pay_1", "order": "ord_1", "refund": "r"}
    assert books.change_by("refund.issued", **refund, amount=money(4000)) == {
        "held:ord_1": 4000,
        "exchange:EUR/USD": -4000,
    }
    assert books.accounts("EUR") == {"gateway:shop": 5550, "exchange:EUR/USD": -5550}
    books.tell("dispute.opened", **{**DISPUTE, "amount": money(6000)})
    assert books.accounts("EUR") == {}
    books.tell("dispute.closed", **{**DISPUTE, "amount": money(6000)}, outcome="lost")
    assert books.accounts() == books.accounts("EUR") == {}


@pytest.mark.parametrize(
    ("paid", "credited", "kept", "part"),
    [
        (money(15000, "JPY"), money(30125, "KWD"), money(1051, "KWD"), 4999),
        (money(30120, "KWD"), money(15043, "JPY"), money(541, "JPY"), 10001),
    ],
)
def test_what_the_gateway_credits_in_another_currency_is_heard_later_and_goes_back_to_the_unit(
    books, paid, credited, kept, part
):
    data = {"payment": "pay_1", "order": "ord_1", "amount": paid}
    books.tell("payment.succeeded", **data)
    here, there = paid["currency"], credited["currency"]
    assert books.accounts(here) == {"gateway:shop": paid["minor"], "held:ord_1": -paid["minor"]}
    pair = ledger.exchange(here, there)
    books.tell("payment.settled", **data, settled=credited, fee=kept)
    assert books.accounts(here) == {pair: paid["minor"], "held:ord_1": -paid["minor"]}
    assert books.accounts(there) == {
        "gateway:shop": credited["minor"] - kept["minor"],
        pair: -credited["minor"],
        "expense:gateway_fees": kept["minor"],
    }
    refund = {"payment": "pay_1", "order": "ord_1"}
    books.tell("refund.issued", **refund, refund="r1", amount={**paid, "minor": part})
    left = books.accounts(there)
    assert sum(left.values()) == sum(books.accounts(here).values()) == 0
    assert left["gateway:shop"] == -left[pair] - kept["minor"]
    books.tell("refund.issued", **refund, refund="r2", amount={**paid, "minor": paid["minor"] - part})
    assert books.accounts(here) == {}
    assert books.accounts(there) == {"gateway:shop": -kept["minor"], "expense:gateway_fees": kept["minor"]}


def test_a_fee_in_another_currency_is_owed_in_that_one(books):
    books.tell("payment.succeeded", **PAYMENT, fee=money(290, "EUR"))
    assert books.accounts() == {"gateway:shop": 10000, "held:ord_1": -10000}
    assert books.accounts("EUR") == {"gateway:shop": -290, "expense:gateway_fees": 290}


def test_a_debit_that_comes_back_takes_everything_back(books):
    books.tell("payment.succeeded", **PAYMENT, fee=money(320))
    books.tell("payment.split", **PAYMENT, parts=PARTS)
    books.tell("payment.returned", payment="pay_1", amount=money(10000))
    assert books.accounts() == {"gateway:shop": -320, "expense:gateway_fees": 320}


def test_a_refund_that_fails_gives_everything_back_to_the_parties(books):
    books.tell("payment.succeeded", **PAYMENT)
    books.tell("payment.split", **PAYMENT, parts=PARTS)
    before = books.accounts()
    books.tell("refund.issued", **REFUND)
    books.tell("refund.failed", **REFUND)
    assert books.accounts() == before


def test_a_refund_that_names_nobody_is_shared_in_proportion(books):
    books.tell("payment.succeeded", **PAYMENT)
    books.tell("payment.split", **PAYMENT, parts=PARTS)
    assert books.change_by("refund.issued", payment="pay_1", refund="r", amount=money(1000)) == {
        "provider:A": 525,
        "provider:B": 350,
        "revenue:commission": 75 + 50,
        "gateway:shop": -1000,
    }


def test_a_refund_before_the_split_comes_out_of_what_is_held(books):
    books.tell("payment.succeeded", **PAYMENT)
    assert books.change_by("refund.issued", **REFUND) == {"held:ord_1": 6001, "gateway:shop": -6001}


def test_what_is_given_back_beyond_the_payment_is_owed_by_the_customer(books):
    books.tell("payment.succeeded", **PAYMENT)
    books.tell("refund.issued", payment="pay_1", refund="r", amount=money(10000))
    books.tell("dispute.opened", **{**DISPUTE, "amount": money(10000)})
    books.tell("dispute.closed", **{**DISPUTE, "amount": money(10000)}, outcome="lost")
    assert books.accounts() == {"gateway:shop": -10000, "customer:pay_1": 10000}


def test_a_fee_that_vendors_bear_is_no_expense_until_it_is_given_back(books):
    parts = [
        {"provider": "A", "amount": money(5059), "commission": money(750), "fee": money(192)},
        {"provider": "B", "amount": money(3371), "commission": money(500), "fee": money(128)},
    ]
    books.tell("payment.succeeded", **PAYMENT, fee=money(320))
    books.tell("payment.split", **PAYMENT, parts=parts)
    assert books.accounts() == {
        "gateway:shop": 9680,
        "provider:A": -5059,
        "provider:B": -3371,
        "revenue:commission": -1250,
    }
    books.tell("refund.issued", payment="pay_1", refund="r", amount=money(10000))
    assert books.accounts() == {"gateway:shop": -320, "expense:gateway_fees": 320}


def test_money_released_in_parts_is_divided_part_by_part(books):
    job = {"payment": "p", "job": "j", "amount": money(120000, "EUR")}
    books.tell("payment.succeeded", **job)
    part = {"provider": "T", "amount": money(54000, "EUR"), "commission": money(6000, "EUR")}
    books.tell("payment.split", "payment.split:div_1", **job, parts=[part])
    assert books.accounts("EUR")["held:j"] == -60000
    books.tell("payment.split", "payment.split:div_2", **job, parts=[part])
    assert books.accounts("EUR") == {"gateway:shop": 120000, "provider:T": -108000, "revenue:commission": -12000}


def test_the_platforms_own_part_of_a_split_is_sales(books):
    books.tell("payment.succeeded", **PAYMENT)
    parts = [{"amount": money(4000)}, {"provider": "A", "amount": money(5000), "commission": money(1000)}]
    books.tell("payment.split", **PAYMENT, parts=parts)
    assert books.accounts() == {
        "gateway:shop": 10000,
        "revenue:sales": -4000,
        "provider:A": -5000,
        "revenue:commission": -1000,
    }


@pytest.mark.parametrize("order", [("transfer.sent", "transfer.reversed"), ("transfer.reversed", "transfer.sent")])
def test_a_transfer_that_is_taken_back_is_due_again(books, order):
    amounts = {"transfer.sent": 5251, "transfer.reversed": 1251}
    for event_type in order:
        books.tell(event_type, **{**TRANSFER, "amount": money(amounts[event_type])})
    assert books.accounts() == {"provider:A": 4000, "gateway:shop": -4000}


def orders_of(count):
    """Every order of as many tellings, each of them told again in the end."""
    return [(*order, *reversed(order)) for order in permutations(range(count))]


@pytest.mark.parametrize("order", orders_of(3))
def test_whose_a_transfer_was_says_the_news_that_it_was_sent(books, order):
    """Of a gateway that tells of no reversal the hub tells, and knows the transfer's number only."""
    unnamed = {"transfer": "tr_1", "provider": "unknown"}
    events = [
        ("transfer.sent", TRANSFER),
        ("transfer.reversed", {**unnamed, "amount": money(1000)}),
        ("transfer.reversed", {**unnamed, "amount": money(251)}),
    ]
    for at in order:
        event_type, data = events[at]
        books.tell(event_type, f"{event_type}:{at}", **data)
    assert books.accounts() == {"provider:A": 4000, "gateway:shop": -4000}
    assert books.ask(moving.of_payment, "shop", "pay_1") == {"A": [("tr_1", 4000)]}


@pytest.mark.parametrize("order", orders_of(3))
def test_parts_of_a_transfer_that_are_told_one_by_one_add_up(books, order):
    events = [("transfer.sent", 5251), ("transfer.reversed", 1000), ("transfer.reversed", 251)]
    for at in order:
        event_type, minor = events[at]
        books.tell(event_type, f"{event_type}:{at}", **{**TRANSFER, "amount": money(minor)})
    assert books.accounts() == {"provider:A": 4000, "gateway:shop": -4000}


@pytest.mark.parametrize("order", orders_of(3))
def test_parts_of_a_transfer_that_stripe_tells_with_the_sum_so_far_are_not_counted_twice(books, order):
    events = list(reversals_of_stripe([1000, 251]))
    for at in order:
        event = events[at]
        books.tell(event.type, event.source_id, **event.data)
    assert books.accounts() == {"provider:acct_1Qmade0000000001": 4000, "gateway:shop": -4000}


def test_a_part_that_was_never_heard_of_is_in_the_sum_of_the_next(books):
    sent, _, last = reversals_of_stripe([1000, 251])
    for event in (sent, last):
        books.tell(event.type, event.source_id, **event.data)
    assert books.accounts() == {"provider:acct_1Qmade0000000001": 4000, "gateway:shop": -4000}


def reversals_of_stripe(parts):
    """A transfer and the parts that are taken back of it, as Stripe's webhooks become events."""
    stripe = Registry.load().get("stripe")
    samples = {one.raw: stripe.manifest.sample_payload(one) for one in stripe.manifest.samples}
    payloads, taken, listed = [samples["transfer.created"]], 0, []
    for number, part in enumerate(parts, 2):
        taken += part
        listed = [{"id": f"trr_{number}", "amount": part}, *listed]
        payload = copy.deepcopy(samples["transfer.reversed"])
        payload["data"]["object"] |= {"amount_reversed": taken, "reversed": False, "reversals": {"data": listed}}
        payloads.append({**payload, "id": f"evt_{number}"})
    for payload in payloads:
        (event,) = stripe.map(RawEvent(payload["id"], payload["type"], payload), Connection("shop", "stripe", {}, {}))
        yield event


def test_a_transfer_that_fails_moves_nothing_in_either_order(books):
    books.tell("transfer.failed", **TRANSFER)
    books.tell("transfer.sent", **TRANSFER)
    assert books.accounts() == {}


def test_the_provider_of_a_transfer_is_the_one_that_its_metadata_names(books):
    books.tell("transfer.sent", **{**TRANSFER, "provider": "acct_1"}, metadata={"provider": "prv_7"})
    assert books.accounts() == {"provider:prv_7": 5251, "gateway:shop": -5251}


def test_a_payout_pays_what_a_provider_is_owed_and_one_that_fails_puts_it_back(books):
    payout = {"payout": "po_1", "provider": "A", "amount": money(5251)}
    books.tell("payout.paid", **payout)
    assert books.accounts() == {"provider:A": 5251, "gateway:shop": -5251}
    books.tell("payout.failed", **payout)
    assert books.accounts() == {}


@pytest.mark.parametrize("transfer_first", [True, False])
def test_a_payout_of_a_providers_own_account_at_the_gateway_is_not_the_platforms(books, transfer_first):
    events = [("transfer.sent", TRANSFER), ("payout.paid", {"payout": "po_1", "provider": "A", "amount": money(5251)})]
    for event_type, data in events if transfer_first else events[::-1]:
        books.tell(event_type, **data)
    assert books.accounts() == {"provider:A": 5251, "gateway:shop": -5251}


def test_a_payout_to_the_platform_goes_to_its_bank(books):
    books.tell("payout.paid", payout="po_1", provider="platform", amount=money(700))
    assert books.accounts() == {"bank": 700, "gateway:shop": -700}


def test_what_people_and_recipes_make_up_moves_no_money(books):
    books.tell("payment.succeeded", source="hub", **PAYMENT)
    books.tell("payout.paid", source="hub", payout="po_1", provider="A", amount=money(1))
    assert books.accounts() == {}


def test_several_events_recorded_at_once_are_posted_together(books):
    happenings = [
        books_event
        for number in range(3)
        for books_event in (
            ("payment.succeeded", f"s{number}", {**PAYMENT, "payment": f"p{number}"}),
            ("refund.issued", f"r{number}", {**REFUND, "payment": f"p{number}", "refund": f"r{number}"}),
        )
    ]
    books.tell_all(happenings)
    assert books.accounts() == {"gateway:shop": 3 * 3999, "held:ord_1": -3 * 3999}


def test_a_rate_that_comes_after_its_refund_is_corrected_then(books):
    paid = {"payment": "p", "order": "o", "amount": money(10000, "EUR")}
    back = {**paid, "refund": "r"}
    books.tell("payment.succeeded", **paid, settled=money(10850), fee=money(345))
    books.tell("refund.issued", **back)
    at_the_payments_rate = {"gateway:shop": -345, "expense:gateway_fees": 345}
    assert (books.accounts(), books.accounts("EUR")) == (at_the_payments_rate, {})
    correction = books.change_by("refund.settled", **back, settled=money(11102), fee=money(20))
    assert correction == {"gateway:shop": -272, "expense:exchange_differences": 252, "expense:gateway_fees": 20}
    assert books.accounts("EUR") == {}
    assert books.change_by("refund.settled", **back, settled=money(11102), fee=money(20)) == {}
    assert books.change_by("refund.settled", **back, settled=money(10700)) == {
        "gateway:shop": 402,
        "expense:exchange_differences": -402,
    }
    books.tell("refund.failed", **back)
    assert books.accounts() == {"gateway:shop": 10850 - 345, "exchange:EUR/USD": -10850, "expense:gateway_fees": 345}
    assert set(books.ask(ledger.sums).values()) == {0}


def test_a_rate_that_comes_before_its_payment_waits_for_it(books):
    paid = {"payment": "p", "order": "o", "amount": money(15000, "JPY")}
    back = {**paid, "refund": "r"}
    books.tell("refund.settled", **back, settled=money(30990, "KWD"), fee=money(0, "KWD"))
    assert books.accounts("KWD") == books.accounts("JPY") == {}
    books.tell("payment.succeeded", **paid)
    books.tell("refund.issued", **back)
    assert books.accounts("KWD") == {"gateway:shop": -30990, "exchange:JPY/KWD": 30990}
    books.tell("payment.settled", **paid, settled=money(30120, "KWD"), fee=money(1050, "KWD"))
    assert books.accounts("JPY") == {}
    assert books.accounts("KWD") == {
        "gateway:shop": 30120 - 30990 - 1050,
        "expense:exchange_differences": 870,
        "expense:gateway_fees": 1050,
    }
