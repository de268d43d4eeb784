"""Many gateways' news in one transaction, as the writer joins them under load: each finds its own order, invoice, link, hold."""

import itertools
from datetime import timedelta

import pytest

from hub.commerce.links import order_for
from hub.engine.recorder import event_entry
from hub.journal.entries import Happening
from hub.journal.operations import record_events
from hub.vocabulary import event_types, samples
from tests.scanning import scans, watched

ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}


def eur(minor):
    return {"minor": minor, "currency": "EUR"}


def order(shop, key, minor=1000):
    lines = [{"title": "Lamp", "price": eur(minor)}]
    return shop.do("orders", "create", {"lines": lines, "customer": ADA}, key)["order"]


def paid(payment, minor=1000, source="corner", **about):
    data = {"payment": payment, "amount": eur(minor), **about}
    return Happening("payment.succeeded", source, f"payment.succeeded:{payment}", data)


def at_once(shop, *told):
    """Record all of it in one transaction."""
    snapshot = shop.hub.library.snapshot()
    entries = [event_entry(one, snapshot, shop.moment) for one in told]
    shop.hub.writer.write(lambda tx, items: [record_events(tx, items[0])], entries)


def state(shop, connector, name, identity):
    return shop.do(connector, "get", {name: identity})["state"]


def test_each_payment_pays_what_it_is_for(shop):
    first, second, third = (order(shop, f"order-{n}") for n in range(3))
    by_itself = shop.do(
        "invoices", "create", {"lines": [{"title": "Tea", "price": eur(700)}], "customer": ADA}, "alone"
    )
    billing, unknown = (shop.do("invoices", "create", {"order": order(shop, key)}, key) for key in ("billed", "named"))
    link = shop.do("links", "create", {"amount": eur(4500), "purpose": "Lesson", "recipient": ADA}, "link")
    shop.happen("payment.created", payment="p_known", amount=eur(1000), order=third)

    at_once(
        shop,
        paid("p_1", order=first),
        paid("p_twice", order=first),
        paid("p_other", order=second, source="second"),
        paid("p_known"),  # it told its order when it began
        paid("p_bill", order=billing["order"]),
        paid("p_named", invoice=unknown["invoice"]),
        paid("p_part", 300, invoice=by_itself["invoice"]),
        paid("p_rest", 400, invoice=by_itself["invoice"]),
        paid("p_link", 4500, order=link["order"]),
        paid("p_shop", order="4711", invoice="R-17"),  # numbers of somebody's own shop
    )

    assert [state(shop, "orders", "order", one) for one in (first, second, third)] == ["paid"] * 3
    assert [one["payment"] for one in shop.said("order.paid_again")] == ["p_twice"]
    bills = [state(shop, "invoices", "invoice", one["invoice"]) for one in (by_itself, billing, unknown)]
    assert bills == ["paid"] * 3
    assert [(one["payment"], one["due"]) for one in shop.said("invoice.part_paid")] == [("p_part", eur(400))]
    assert {one["payment"] for one in shop.said("invoice.paid")} == {"p_rest", "p_bill", "p_named"}
    assert state(shop, "links", "link", link["link"]) == "paid"
    assert [one["payment"] for one in shop.said("link.paid")] == ["p_link"]


def test_each_payer_of_a_link_that_many_may_pay_is_told(shop):
    given = {"amount": eur(4500), "purpose": "Lesson", "reusable": True}
    link = shop.do("links", "create", given, "link")["link"]
    first, second, old = (order_for(shop.office(f"payer-{n}"), link) for n in range(3))
    at_once(shop, paid("p_old", 4500, order=old))
    shop.moment += timedelta(seconds=1)
    again = Happening("payment.pending", "corner", "again", {"payment": "p_old", "amount": eur(4500), "order": old})
    at_once(shop, again, paid("p_1", 4500, order=first), paid("p_2", 4500, order=second))
    assert sorted(one["payment"] for one in shop.said("link.paid")) == ["p_1", "p_2", "p_old"]
    assert shop.do("links", "get", {"link": link})["payments"] == 3


@pytest.mark.parametrize("settled_first", [True, False])
def test_what_was_captured_is_taken_whatever_else_is_told_in_the_same_moment(shop, settled_first):
    placed = order(shop, "order")
    bill = shop.do("invoices", "create", {"lines": [{"title": "Tea", "price": eur(1000)}], "customer": ADA}, "alone")
    told = []
    for payment, about in (("p_1", {"order": placed}), ("p_2", {"invoice": bill["invoice"]})):
        data = {"payment": payment, "amount": eur(1000), **about}
        fee = Happening("payment.settled", "corner", f"settled:{payment}", {**data, "fee": eur(30)})
        money = Happening("payment.succeeded", "corner", f"ok:{payment}", {**data, "captured": eur(800)})
        told += [fee, money] if settled_first else [money, fee]
    at_once(shop, *told)
    assert shop.do("orders", "get", {"order": placed})["due"] == eur(200)
    assert shop.do("invoices", "get", {"invoice": bill["invoice"]})["due"] == eur(200)


def test_each_hold_follows_its_own_payment(shop):
    at_once(shop, *(paid(f"p_{n}", order=f"job-{n}") for n in range(3)))
    held = [shop.do("payments", "hold", {"payment": f"p_{n}", "connection": "corner"}, f"hold-{n}") for n in range(3)]

    def dispute(payment, hold=None):
        about = {"metadata": {"hub_hold": hold["hold"]}} if hold else {}
        data = {"dispute": f"d_{payment}", "payment": payment, "amount": eur(1000), **about}
        return Happening("dispute.opened", "corner", f"dispute.opened:{payment}", data)

    beside = Happening(
        "payment.failed", "corner", "failed", {"payment": "p_0b", "metadata": {"hub_hold": held[0]["hold"]}}
    )
    at_once(shop, beside, dispute("p_0"), paid("p_nobody"), dispute("p_2", held[2]), dispute("p_nobody"))
    now = [shop.do("payments", "hold", {"payment": f"p_{n}", "connection": "corner"}, f"hold-{n}") for n in range(3)]
    assert [one["status"] for one in now] == ["frozen", "held", "frozen"]


def test_however_many_there_are_by_now_news_finds_its_own_by_an_index(shop):
    """The statements that gateways' news of every type needs, several of each in one transaction."""
    told = []
    for number, event_type in itertools.product(range(3), event_types()):
        for sample in samples(event_type):
            data = {**sample["data"], "payment": f"p_{number}"} if "payment" in sample["data"] else sample["data"]
            told.append(Happening(event_type, "corner", f"{event_type}:{number}", data))
    with watched(shop.hub) as statements:
        at_once(shop, *told)
        at_once(shop, *told)
    assert len(statements) > 25
    assert scans(shop.hub, statements) == {}
