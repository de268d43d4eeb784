"""Plans and subscriptions by the hub: it holds the plan, keeps the clock, and charges a stored means of payment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from hub.connect.stored_means import needs_stored_method
from hub.errors import NotFoundError, PermanentError
from hub.journal.tables import checkouts, links, plans, subscriptions
from hub.money import Money
from hub.payments import subscription as rules
from hub.payments.calendar import length, period_start
from hub.payments.desk import metadata_with, own_words, references
from hub.payments.discounts import check
from hub.payments.links import cancel_link
from hub.payments.payment import UNPAID
from hub.payments.store import PAID
from hub.payments.subscription import RUNNING, Subscription

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import sqlalchemy as sa

    from hub.connect.manifest import Manifest
    from hub.jsontypes import Json, JsonObject
    from hub.payments.desk import Desk
    from hub.payments.subscription import Tale

FIRST_VISIT: Final = "subscription"
"""What the visit is for on which the payer agrees; its owner is the subscription."""

DIFFERENCE: Final = "difference"
"""What the visit is for that hears how the bank decides on a difference that was charged at once. Its ``input`` names the
``step`` that made the change.
"""

# plans


def create_plan(desk: Desk, given: JsonObject) -> JsonObject:
    """``plan.create``."""
    _refuse_free(given)
    identity = desk.identity("pln")
    prices: list[Json] = [{"price": given["price"], "from": desk.now.isoformat()}]
    row = {"id": identity, "connection": desk.connection, "state": "active", "terms": given, "prices": prices}
    made = desk.store.add(plans, row, desk.now)
    desk.happened("plan.created", f"plan.created:{identity}", _plan_event(made))
    return _plan_output(desk, made)


def update_plan(desk: Desk, given: JsonObject) -> JsonObject:
    """``plan.update``: a new price holds for new members at once, for running ones from their next period if they move."""
    row = desk.store.get(plans, str(given["plan"]), desk.connection)
    _refuse_retired(row)
    _refuse_free(given)
    old = row.terms
    new = {**old, **{name: given[name] for name in ("name", "price", "description", "metadata") if name in given}}
    if new["price"]["currency"] != old["price"]["currency"]:
        message = "A plan keeps its currency."
        raise PermanentError(message, code="invalid_request", remedy="Make another plan for the other currency.")
    if new != old:
        dearer = {"price": new["price"], "from": desk.now.isoformat()}
        prices = row.prices if new["price"] == old["price"] else [*row.prices, dearer]
        before = {name: old[name] for name in ("name", "price") if new[name] != old[name]}
        row = desk.store.change(plans, row, desk.now, terms={**new, "before": before}, prices=prices)
    if (changes := row.terms.get("before")) is not None:
        desk.happened("plan.updated", f"plan.updated:{row.id}:{row.version}", {**_plan_event(row), "changes": changes})
    if given.get("existing") == "move" and "price" in given:
        _move_members(desk, row, row.id, str(row.version))
        desk.happened("plan.repriced", f"plan.repriced:{row.id}:{desk.key}", _plan_event(row))
    return _plan_output(desk, row)


def cancel_plan(desk: Desk, given: JsonObject) -> JsonObject:
    """``plan.cancel``: nobody can start on it any more; running subscriptions go on."""
    row = desk.store.get(plans, str(given["plan"]), desk.connection)
    if row.state == "active":
        row = desk.store.change(plans, row, desk.now, state="retired")
    desk.happened("plan.cancelled", f"plan.cancelled:{row.id}", _plan_event(row))
    return _plan_output(desk, row)


def keep_native_plan(desk: Desk, action: str, given: JsonObject, output: JsonObject) -> None:
    """Keep the terms of a plan that the gateway has itself, for the subscriptions on it whose clock the hub keeps.

    ``action`` is what the gateway just did with it. A gateway that gives a changed plan another reference keeps the old
    one too. A repeat changes nothing.
    """
    reference = str(output["plan"])
    place: dict[str, object] = {"id": rules.plan_id(desk.connection, reference), "connection": desk.connection}
    if action == "plan.create":
        prices: list[Json] = [{"price": given["price"], "from": desk.now.isoformat()}]
        desk.store.add(plans, {**place, "state": "active", "terms": given, "prices": prices}, desk.now)
        return
    old = desk.store.find(plans, rules.plan_id(desk.connection, str(given["plan"])))
    if old is None:
        return
    if action == "plan.cancel":
        desk.store.change(plans, old, desk.now, state="retired")
        return
    terms = {
        **old.terms,
        **{name: given[name] for name in ("name", "price", "description", "metadata") if name in given},
    }
    new = desk.store.add(plans, {**place, "state": old.state, "terms": terms, "prices": old.prices}, desk.now)
    dearer = {"price": terms["price"], "from": desk.now.isoformat()}
    prices = new.prices if new.prices[-1]["price"] == terms["price"] else [*new.prices, dearer]
    desk.store.change(plans, new, desk.now, terms=terms, prices=prices)
    if given.get("existing") == "move" and "price" in given:
        _move_members(desk, old, reference, desk.key, price=terms["price"]["minor"])


def _move_members(desk: Desk, plan: sa.Row[Any], to: str, part: str, price: int | None = None) -> None:
    """Whoever will not pay this price anyhow is told of it, or, where nothing has begun yet, as soon as it does.

    Who leaves at the end of what is paid never pays it. ``to`` is the reference of the plan that they move to, ``price`` its
    price where that is not the row's.
    """
    price = plan.terms["price"]["minor"] if price is None else price
    for row in desk.store.subscriptions_of(plan.id, (*RUNNING, "paused", "pending")):
        known = desk.store.subscription(row)
        if desk.key in dict(row.steps):
            _told_again(desk, row)
        elif known.cancel_at is None and price != (known.price if known.next_price is None else known.next_price):
            moved, tales = rules.price_changed(replace(known, plan=to), to, price, part)
            _kept(desk, row, moved, tales if known.state != "pending" else [])


def _plan_event(row: sa.Row[Any]) -> JsonObject:
    terms = row.terms
    kept = {name: terms[name] for name in ("name", "price", "interval", "metadata") if terms.get(name) is not None}
    return {"plan": row.id, **kept}


def _plan_output(desk: Desk, row: sa.Row[Any]) -> JsonObject:
    return {
        "plan": row.id,
        "status": row.state,
        "price": row.terms["price"],
        "interval": row.terms["interval"],
        "gateway": own_words(desk, row.id, row.state),
    }


def _plan_of(desk: Desk, reference: str) -> sa.Row[Any]:
    """The row of a plan. Raises ``NotFoundError``, also for one that was made at the gateway without the hub."""
    if (
        needs_stored_method(desk.gateway.manifest)
        and desk.store.find(plans, rules.plan_id(desk.connection, reference)) is None
    ):
        message = f"The hub does not know the terms of the plan {reference!r}, as it did not make it."
        raise NotFoundError(
            message, remedy="Make the plan with plan.create, or give a stored means of payment as method."
        )
    return desk.store.get(plans, rules.plan_id(desk.connection, reference), desk.connection)


def _refuse_retired(row: sa.Row[Any]) -> None:
    if row.state != "active":
        message = f"The plan {row.id} is retired."
        raise PermanentError(message, code="wrong_state", remedy="Make a new plan.")


def _refuse_free(given: JsonObject) -> None:
    if "price" in given and Money.from_json(given["price"]).minor <= 0:
        message = "A plan costs something: its price is above zero."
        raise PermanentError(message, code="bad_input", remedy="Give free days at the start (trial_days), or no plan.")


# subscriptions


def create_subscription(desk: Desk, given: JsonObject) -> JsonObject:
    """``subscription.create``: on a stored means of payment, or with an address where the payer agrees and pays first.

    At a gateway whose own subscriptions need a stored means, those that begin without one come here, on the gateway's plans.
    Where the gateway stores nothing (its manifest says ``recurring_payment.limits.mode: link``), each period's payment is
    asked for by a link.
    """
    row = desk.store.find(subscriptions, desk.identity("sub")) or _added(desk, given)
    made = desk.store.subscription(row)
    if made.started:
        tell(desk, row, rules.begin_trial(made, row.created_at)[1])
    if given.get("method") is not None or pays_by_link(desk.gateway.manifest):
        return subscription_output(desk, row)
    return {**subscription_output(desk, row), **_first_visit(desk, row, made)}


def _added(desk: Desk, given: JsonObject) -> sa.Row[Any]:
    """The row of a new subscription. It keeps the price of this moment, whatever the plan is when the step is repeated."""
    plan = _plan_of(desk, str(given["plan"]))
    _refuse_retired(plan)
    price = Money.from_json(plan.terms["price"])
    check(cast("JsonObject | None", given.get("discount")), price * cast("int", given.get("quantity") or 1))
    made = _new(desk, plan, given)
    values = {
        "plan": made.plan_id,
        "state": made.state,
        "due_at": made.due_at,
        "terms": made.to_json(),
        "input": given,
        "steps": {},
    }
    return desk.store.add(subscriptions, {"id": made.id, "connection": desk.connection, **values}, desk.now)


def _new(desk: Desk, plan: sa.Row[Any], given: JsonObject) -> Subscription:
    terms = plan.terms
    trial = cast("int", given.get("trial_days", terms.get("trial_days")) or 0)
    wished = given.get("start_at")
    first = datetime.fromisoformat(wished) if isinstance(wished, str) else desk.now
    first = max(first, desk.now) + timedelta(days=trial)
    known = given.get("method") is not None or pays_by_link(desk.gateway.manifest)
    made = Subscription(
        id=desk.identity("sub"),
        connection=desk.connection,
        plan=str(given["plan"]),
        state="pending",
        price=terms["price"]["minor"],
        currency=terms["price"]["currency"],
        quantity=cast("int", given.get("quantity") or 1),
        interval=terms["interval"],
        anchor=first,
        due_at=first if known else None,
        cycles=terms.get("cycles"),
        method=cast("str | None", given.get("method")),
        discount=cast("JsonObject | None", given.get("discount")),
    )
    return rules.begin_trial(made, desk.now)[0] if known and first > desk.now else made


def _first_visit(desk: Desk, row: sa.Row[Any], made: Subscription) -> JsonObject:
    """The visit on which the payer agrees: it pays the first period, or only authorises it where a trial comes first."""
    checkout = desk.identity("chk")
    trial = made.anchor > row.created_at
    wanted: JsonObject = {
        **references(row.input),
        "amount": made.money,
        "metadata": metadata_with(row.input, hub_subscription=made.id),
        "save_method": True,
        "capture": "manual" if trial else "automatic",
        "presentation": row.input.get("presentation") or "hosted",
        "return_url": f"{desk.addresses.pay(checkout)}/return",
    }
    visit = {
        "id": checkout,
        "connection": desk.connection,
        "state": "open",
        "purpose": FIRST_VISIT,
        "owner": made.id,
        "input": {**wanted, "after": row.input.get("return_url"), "after_cancel": row.input.get("cancel_url")},
    }
    desk.store.add(checkouts, visit, desk.now)
    output = desk.gateway.run("payment.create", wanted, "first")
    desk.store.change_checkout(checkout, desk.now, payment=output["payment"], output=output)
    found: JsonObject = {name: output[name] for name in ("checkout_url", "client") if name in output}
    return {"checkout_url": desk.addresses.pay(checkout), **found}


def update_subscription(desk: Desk, given: JsonObject) -> JsonObject:
    """``subscription.update``: another plan, quantity or means of payment; metadata is added to what there is."""
    row = desk.store.get(subscriptions, str(given["subscription"]), desk.connection)
    if desk.key in dict(row.steps):
        return _told_again(desk, row)
    known = desk.store.subscription(row)
    plan, price = None, None
    if given.get("plan") not in (None, known.plan):
        chosen = _plan_of(desk, str(given["plan"]))
        _refuse_retired(chosen)
        if chosen.terms["price"]["currency"] != known.currency or length(chosen.terms["interval"]) != length(
            known.interval
        ):
            message = "A subscription keeps its currency and interval."
            raise PermanentError(message, code="invalid_request", remedy="Cancel it and start one on the other plan.")
        plan, price = str(given["plan"]), chosen.terms["price"]["minor"]
    changed, tales = rules.change(
        known,
        desk.now,
        plan=plan,
        price=price,
        quantity=cast("int | None", given.get("quantity")),
        method=cast("str | None", given.get("method")),
        prorate=str(given.get("prorate") or "next_period"),
    )
    if given.get("prorate") == "now" and changed.method is not None:
        row, taken = _charge_difference(desk, row, known, changed)
        changed = replace(changed, balance=changed.balance - taken)
    more = cast("JsonObject", given.get("metadata") or {})
    belonging = {**row.input, "metadata": {**(row.input.get("metadata") or {}), **more}} if more else row.input
    is_charged = given.get("method") is not None or bool(more)  # both are part of what a charge under way asks for
    keep = desk.store.keep_between_charges if is_charged else desk.store.keep_subscription
    kept = keep(row, changed, desk.now, desk.key, tales, input=belonging)
    tell(desk, kept, tales)
    return subscription_output(desk, kept)


def _charge_difference(
    desk: Desk, row: sa.Row[Any], known: Subscription, changed: Subscription
) -> tuple[sa.Row[Any], int]:
    """Charge at once what a change made dearer, and give what was taken. The amount is written down before: however much
    later another attempt of this step comes, it asks for the same under the same key.
    """
    step = f"difference:{desk.key}"
    written = dict(row.steps).get(step)
    if written is None:
        if changed.balance <= 0:
            return row, 0
        written = [("difference", str(changed.balance), {})]
        row = desk.store.keep_subscription(row, known, desk.now, step, written)
    taken = int(written[0][1])
    about: JsonObject = {
        **references(row.input), "amount": {"minor": taken, "currency": changed.currency},
        "metadata": metadata_with(row.input, hub_subscription=known.id),
    }  # fmt: skip
    output = desk.gateway.run("payment.create", {**about, "method": changed.method}, "difference")
    told = desk.store.payment(
        desk.connection, str(output["payment"])
    )  # an attempt before this one may have waited for it
    status = told.state if told is not None and told.state in UNPAID else output["status"]
    if status in UNPAID:
        message = f"The difference was not paid ({output.get('reason') or status}), so nothing was changed."
        raise PermanentError(
            message, code="card_declined", remedy="Use another means, or settle it with the next period."
        )
    if status not in PAID:
        visit: dict[str, object] = {
            "id": desk.identity("chk", "difference"),
            "connection": desk.connection,
            "state": "open",
            "purpose": DIFFERENCE,
            "owner": row.id,
            "payment": output["payment"],
            "input": {**about, "step": desk.key},
        }
        desk.store.add(checkouts, visit, desk.now)
    return row, taken


def pause_subscription(desk: Desk, given: JsonObject) -> JsonObject:
    """``subscription.pause``."""
    row = desk.store.get(subscriptions, str(given["subscription"]), desk.connection)
    if desk.key in dict(row.steps):
        return _told_again(desk, row)
    wished = given.get("until")
    until = datetime.fromisoformat(wished) if isinstance(wished, str) else None
    known = desk.store.subscription(row)
    paused, tales = rules.pause(known, until, desk.now)
    if not known.owed:
        return _kept(desk, row, paused, tales)
    # What is owed goes to another place, where its charge would be found by nobody.
    kept = desk.store.keep_between_charges(row, paused, desk.now, desk.key, tales)
    tell(desk, kept, tales)
    return subscription_output(desk, kept)


def resume_subscription(desk: Desk, given: JsonObject) -> JsonObject:
    """``subscription.resume``."""
    row = desk.store.get(subscriptions, str(given["subscription"]), desk.connection)
    if desk.key in dict(row.steps):
        return _told_again(desk, row)
    return _kept(desk, row, *rules.resume(desk.store.subscription(row), desk.now))


def cancel_subscription(desk: Desk, given: JsonObject) -> JsonObject:
    """``subscription.cancel``: now, or at the end of what is paid. A repeat changes nothing."""
    row = desk.store.get(subscriptions, str(given["subscription"]), desk.connection)
    output = _cancelled(desk, row, given)
    if output["status"] == "cancelled":
        desk.store.close_checkouts(row.id, FIRST_VISIT, desk.now)
    return output


def _cancelled(desk: Desk, row: sa.Row[Any], given: JsonObject) -> JsonObject:
    if desk.key in dict(row.steps):
        return _told_again(desk, row)
    known = desk.store.subscription(row)
    at = str(given.get("at") or "period_end")
    if known.state == "cancelled" or (known.state == "cancelling" and at == "period_end"):
        return subscription_output(desk, row)
    over, tales = rules.cancel(known, at, desk.now, str(given.get("reason") or ""))
    if over.state == "cancelled" and pays_by_link(desk.gateway.manifest):
        close_links(desk, row.id, known.cycle)
    return _kept(desk, row, over, tales)


def close_links(desk: Desk, subscription: str, cycle: int) -> None:
    """Nobody can pay a period any more by the links that were sent for it."""
    for charge in desk.store.charges_of(subscription):
        link = desk.store.find(links, charge.payment) if charge.cycle == cycle and charge.payment else None
        if link is not None and link.state == "active":
            cancel_link(desk, {"link": link.id})


def _kept(desk: Desk, row: sa.Row[Any], known: Subscription, tales: Sequence[Tale]) -> JsonObject:
    kept = desk.store.keep_subscription(row, known, desk.now, desk.key, tales)
    tell(desk, kept, tales)
    return subscription_output(desk, kept)


def _told_again(desk: Desk, row: sa.Row[Any]) -> JsonObject:
    """An attempt before this one did it; what it told is told again, and recorded once."""
    tell(desk, row, dict(row.steps)[desk.key])
    return subscription_output(desk, row)


def tell(desk: Desk, row: sa.Row[Any], tales: Sequence[Tale], payment: str | None = None) -> None:
    """Record what became of a subscription as events."""
    for event_type, part, more in [*tales, *rules.price_to_come(desk.store.subscription(row), tales)]:
        data: JsonObject = {
            **references(row.input),
            "subscription": row.id,
            "plan": row.terms["plan"],
            "quantity": row.terms["quantity"],
            **more,
            **({"payment": payment} if payment else {}),
        }
        desk.happened(event_type, f"{event_type}:{row.id}:{part}", data)


def subscription_output(desk: Desk, row: sa.Row[Any]) -> JsonObject:
    """A subscription as the actions give it."""
    known = desk.store.subscription(row)
    period: JsonObject = {}
    if known.paid_until is not None:
        start = period_start(known.anchor, known.interval, known.cycle - 1 - known.base)
        period = {"period": {"start": start.isoformat(), "end": known.paid_until.isoformat()}}
    return {
        "subscription": row.id,
        "status": row.state,
        "plan": row.terms["plan"],
        "gateway": own_words(desk, row.id, row.state),
        **period,
        **({"cancel_at": known.cancel_at.isoformat()} if known.cancel_at is not None else {}),
    }


def pays_by_link(manifest: Manifest) -> bool:
    """Whether the gateway stores no means of payment, so that each period is paid by a link."""
    return manifest.capabilities["recurring_payment"].limits.get("mode") == "link"
