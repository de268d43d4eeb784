"""The recipe that exercises each cell of the table, and what must be there when it has ended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from hub.connect.manifest import Support
from hub.journal.tables import transfers
from hub.journal.tables_escrow import payouts
from hub.journal.tables_work import providers
from hub.payments import moving
from hub.payments.payout_runs import dues
from hub.payments.payouts import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.payments.payout_runs import Due
    from tests.stories.markets import Market

PAY = """\
  - id: pay
    call: shop/payment.create
    with:
      amount: ${ event.data.total }
      order: ${ event.data.order }
      customer: ${ event.data.customer }
      return_url: https://shop.example.com/thanks
"""
HELD = PAY + "      capture: manual\n"
PLAN = """\
  - id: plan
    call: shop/plan.create
    with: {name: Gold, price: PRICE, interval: {unit: month}}
"""


def step(name: str, action: str, given: Mapping[str, Any]) -> str:
    """One step that calls the connection."""
    return f"  - id: {name}\n    call: shop/{action}\n    with: {json.dumps(given)}\n"


def wait(name: str, event: str, match: str = 'data.order: "${ event.data.order }"', timeout: str = "90d") -> str:
    """One step that waits for an event."""
    return f"  - id: {name}\n    wait: {{event: {event}, match: {{{match}}}, timeout: {timeout}}}\n"


PAID = wait("paid", "payment.succeeded")
AGREED = wait("agreed", "payment.authorized")
PAYMENT = "${ steps.paid.output.data.payment }"


def plan_of(market: Market) -> str:
    return PLAN.replace("PRICE", json.dumps(market.money(1900)))


# One payment.


def single_payment(market: Market) -> None:
    run = market.begin(PAY + PAID, "o_single")
    market.pay(market.output(run, "pay"))
    market.ended(run)
    paid = market.output(run, "paid")["data"]
    assert (paid["amount"], paid["order"]) == (market.money(10000), "o_single")


def webhooks(market: Market) -> None:
    """A recipe that waits for what a webhook tells; a delivery that was changed tells nothing, a second one nothing new."""
    run = begin_something(market, "o_hook")
    first, *others = market.fake.webhooks(market.hooks)
    assert not market.forged(first).ok
    assert [one for one in market.live.hub.store.refusals() if one["connection"] == "shop"]
    for webhook in (first, *others, first):
        answer = market.send(webhook)
        assert answer.ok, answer.text
    market.ended(run)


def begin_something(market: Market, order: str) -> str:
    """A payment that was paid, or a payout that arrived: something that the gateway tells by a webhook."""
    if market.manifest.capabilities["single_payment"].status is Support.NONE:
        run = market.begin(pay_out(market), order)
        market.pay_out(market.output(run, "out")["payout"])
    else:
        run = market.begin(PAY + wait("told", "[payment.succeeded, payment.pending]"), order)
        market.pay(market.output(run, "pay"))
    return run


def refund(market: Market) -> None:
    given = {"payment": PAYMENT, "amount": market.money(2500), "reason": "The customer asked for it"}
    run = market.begin(PAY + PAID + step("back", "payment.refund", given), "o_refund")
    market.pay(market.output(run, "pay"))
    market.day_ends()
    market.ended(run)
    back = market.output(run, "back")
    assert (back["amount"], back["status"]) in [(market.money(2500), one) for one in ("issued", "pending")]


def delayed_payment(market: Market) -> None:
    if market.manifest.capabilities["single_payment"].status is Support.NONE:
        payout(market)
        return
    with market.patient():
        run = market.begin(PAY + wait("pending", "payment.pending") + PAID, "o_late")
        reference = market.delay(market.output(run, "pay"))
        assert market.watched(run, "pending")["data"]["order"] == "o_late"
        market.settle(reference)
        assert market.watched(run, "paid")["data"]["amount"] == market.money(10000)
        market.ended(run)


# Where the payer comes from.


def payment_link(market: Market) -> None:
    given = {"amount": market.money(4900), "description": "Two lamps", "order": "${ event.data.order }"}
    steps = step("link", "link.create", {**given, "customer": {"email": "ada@example.com", "name": "Ada"}})
    run = market.begin(steps + PAID, "o_link")
    market.pay(market.click(market.output(run, "link")))
    market.ended(run)
    assert market.output(run, "paid")["data"]["amount"] == market.money(4900)
    run = market.begin(
        step("link", "link.create", given) + step("shut", "link.cancel", {"link": "${ steps.link.output.link }"}),
        "o_shut",
    )
    market.ended(run)
    assert market.output(run, "shut")["status"] == "cancelled"


def embedded_form(market: Market) -> None:
    given = {"amount": market.money(4900), "order": "${ event.data.order }", "origin": "https://shop.example.com"}
    run = market.begin(step("form", "form.embed", given) + PAID, "o_form")
    market.fill_in(market.output(run, "form"))
    market.ended(run)
    assert market.output(run, "paid")["data"]["amount"] == market.money(4900)


# Holding, dividing, paying out.


def escrow(market: Market) -> None:
    limits = market.manifest.capabilities["escrow"].limits
    modes = limits.get("modes", ["authorization"])
    if "authorization" in modes:
        take = step("take", "payment.capture", {"payment": "${ steps.agreed.output.data.payment }"})
        run = market.begin(HELD + AGREED + take + PAID, "o_held")
        market.pay(market.output(run, "pay"))
        market.ended(run)
        assert market.output(run, "paid")["data"]["order"] == "o_held"
        if limits.get("void") is not False:
            drop = step("drop", "payment.void", {"payment": "${ steps.agreed.output.data.payment }"})
            run = market.begin(HELD + AGREED + drop, "o_dropped")
            market.pay(market.output(run, "pay"))
            market.ended(run)
            assert market.output(run, "drop")["status"] == "voided"
    if "collected" in modes:
        collect(market)


def collect(market: Market) -> None:
    """The platform takes the money first, and passes it on when the work is done."""
    pay = PAY + (f"      options: {json.dumps(market.collecting)}\n" if market.collecting else "")
    share = {"provider": market.provider, "amount": market.money(8000), "payment": PAYMENT}
    steps = "" if market.collecting else step("share", "transfer.create", {**share, **market.holding})
    if market.releasing is not None:
        steps += step("release", *market.releasing)
    run = market.begin(pay + PAID + steps, "o_collected")
    market.pay(market.output(run, "pay"))
    market.ended(run)
    last = market.output(run, "release" if market.releasing else "share")
    assert last["status"] in {"sent", "queued", "released"}


def split_payment(market: Market) -> None:
    by_hub = market.manifest.capabilities["split_payment"].status is Support.HUB
    provider = known_provider(market, "ada") if by_hub else market.provider
    share = {"provider": provider, "amount": market.money(5251), "payment": PAYMENT}
    back = {"transfer": "${ steps.share.output.transfer }", "amount": market.money(251)}
    more = {**back, "amount": market.money(1000)}
    steps = step("share", "transfer.create", share) + step("back", "transfer.reverse", back)
    steps += step("more", "transfer.reverse", more)
    run = market.begin(PAY + PAID + steps, "o_split")
    market.pay(market.output(run, "pay"))
    market.watched(run, "paid")
    market.live.until(lambda: market.live.status(run) == "succeeded")
    sent = market.output(run, "share")
    assert sent["amount"] == market.money(5251)
    assert market.output(run, "back")["transfer"] == market.output(run, "more")["transfer"] == sent["transfer"]
    the_books_have_what_is_left(market, sent["transfer"], market.output(run, "paid")["data"]["payment"])
    if by_hub:
        a_run_pays_what_is_left(market, provider)


def the_books_have_what_is_left(market: Market, transfer: str, payment: str) -> None:
    """Two parts were taken back, told in the wrong order and twice: the books have what is left, if it was passed on at all."""
    told = market.fake.webhooks(market.hooks)
    for webhook in (*reversed(told), *told):
        assert market.send(webhook).ok
    hub = market.live.hub
    parts = [hub.queries.event(one.id).data for one in market.live.events(type="transfer.reversed")]
    assert sorted(one["amount"]["minor"] for one in parts if one["transfer"] == transfer) == [251, 1000]
    with hub.database.read() as connection:
        passed_on = moving.of_payment(connection, market.source, payment)
    sent = market.live.events(type="transfer.sent")
    assert [one for found in passed_on.values() for one in found] == ([(transfer, 4000)] if sent else [])


def known_provider(market: Market, name: str) -> str:
    """A provider whom the hub pays at their bank."""
    identity = f"prv_{name}"
    row = {
        "id": identity, "name": name, "email": f"{name}@example.com", "state": "approved", "skills": [], "calendar": [],
        "accounts": {}, "bank": {"holder": name, "iban": "DE89370400440532013000"},
    }  # fmt: skip
    market.live.hub.office(f"provider {name}").change(lambda book: book.insert(providers, row))
    return identity


def a_run_pays_what_is_left(market: Market, provider: str) -> None:
    """What the hub owes a provider is due in the ledger, and a payout run pays it, once."""
    hub, left = market.live.hub, market.money(4000)
    assert [one.money.to_json() for one in due_to(market, provider)] == [left]
    ask = {"bank": True, "provider": provider}
    (payout,) = hub.payments.act("payments", "pay_due", "1" * 40, ask)["payouts"]
    assert payout["amount"] == left
    assert hub.payments.act("payments", "pay_due", "2" * 40, ask)["payouts"] == []
    with hub.database.read() as connection:
        (shares,) = connection.scalars(sa.select(payouts.c.origin).where(payouts.c.id == payout["payout"])).all()
    mark(hub.office("paid"), payout["payout"], "paid")
    (row,) = [hub.payments.store.get(transfers, one) for one in shares["transfers"]]
    assert (row.state, row.amount - row.reversed, due_to(market, provider)) == ("paid", left["minor"], [])


def due_to(market: Market, provider: str) -> list[Due]:
    hub = market.live.hub
    with hub.database.read() as connection:
        return list(dues(connection, hub.now(), provider))


def pay_out(market: Market) -> str:
    """The steps of a payout that is waited for."""
    given = {"provider": market.provider, "amount": market.money(19920), "to": market.payout_to}
    match = 'data.payout: "${ steps.out.output.payout }"'
    return step("out", "payout.create", given) + wait("sent", "payout.paid", match)


def payout(market: Market) -> None:
    run = market.begin(pay_out(market), "o_out")
    market.pay_out(market.output(run, "out")["payout"])
    market.ended(run)
    assert market.output(run, "sent")["data"]["amount"] == market.money(19920)


def connector_api(market: Market) -> None:
    run = market.begin(step("ask", "request", market.request), "o_ask")
    market.ended(run)
    assert market.output(run, "ask")["status"] == 200


# Plans.


def plan_create(market: Market) -> None:
    run = market.begin(plan_of(market), "o_plan")
    market.ended(run)
    made = market.output(run, "plan")
    assert (made["price"], made["interval"]["unit"]) == (market.money(1900), "month")


def plan_update(market: Market) -> None:
    change = {"plan": "${ steps.plan.output.plan }", "price": market.money(2100)}
    run = market.begin(plan_of(market) + step("change", "plan.update", change), "o_plan_2")
    market.ended(run)
    changed = market.output(run, "change")
    assert changed["price"] == market.money(2100)
    before = market.output(run, "plan")["plan"]
    assert changed.get("replaced", changed["plan"]) == before
    if market.manifest.capabilities["recurring_payment"].status is not Support.NONE:
        membership_changes(market)


def membership_changes(market: Market) -> None:
    """A member moves to another plan, pauses and goes on, as far as the gateway lets it."""
    member = {"subscription": "${ steps.started.output.data.subscription }"}
    other = plan_of(market).replace("id: plan", "id: other").replace("Gold", "Silver").replace("1900", "2400")
    steps = plan_of(market) + other + market.joining() + wait("started", "subscription.started")
    steps += step("move", "subscription.update", {**member, "plan": "${ steps.other.output.plan }"})
    pausable = "subscription.pause" in market.manifest.all_offered()
    if pausable:
        steps += step("pause", "subscription.pause", {**member, **market.pausing}) + step(
            "resume", "subscription.resume", member
        )
    run = market.begin(steps, "o_mover")
    market.subscribe(market.output(run, "join"))
    market.ended(run)
    assert market.output(run, "move")["subscription"] == market.output(run, "started")["data"]["subscription"]
    if pausable:
        assert market.output(run, "pause")["status"] == "paused"
        assert market.output(run, "resume")["status"] in {"active", "trialing"}


def recurring_payment(market: Market) -> None:
    run = market.begin(plan_of(market) + market.joining() + wait("started", "subscription.started"), "o_member")
    market.subscribe(market.output(run, "join"))
    market.ended(run)
    subscription = market.output(run, "started")["data"]["subscription"]
    market.period_ends(subscription)
    market.live.until(lambda: market.deliver() or market.renewals(subscription))


def plan_cancel(market: Market) -> None:
    if "plan.cancel" in market.manifest.all_offered():
        end = step("end", "plan.cancel", {"plan": "${ steps.plan.output.plan }"})
        run = market.begin(plan_of(market) + end, "o_plan_3")
        market.ended(run)
        assert market.output(run, "end")["status"] == "retired"
    leave = {"subscription": "${ steps.started.output.data.subscription }", "at": "now"}
    steps = market.joining() + wait("started", "subscription.started") + step("leave", "subscription.cancel", leave)
    run = market.begin(plan_of(market) + steps, "o_leaver")
    market.subscribe(market.output(run, "join"))
    market.ended(run)
    assert market.output(run, "leave")["status"] == "cancelled"


CELLS: Final[Mapping[str, Callable[[Market], None]]] = {
    "single_payment": single_payment,
    "recurring_payment": recurring_payment,
    "webhooks": webhooks,
    "connector_api": connector_api,
    "embedded_form": embedded_form,
    "payment_link": payment_link,
    "escrow": escrow,
    "delayed_payment": delayed_payment,
    "plan_create": plan_create,
    "plan_update": plan_update,
    "plan_cancel": plan_cancel,
    "refund": refund,
    "split_payment": split_payment,
    "payout": payout,
}
"""By the keys of the table."""
