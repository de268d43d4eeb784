"""The control page: what happened in the sandbox, and the other sides' moves: bank, card company, time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint, redirect, render_template, request, url_for

from connectors.sandbox.server import checkout, links, misbehaviour, moves, payments, returns, subscriptions
from connectors.sandbox.server.pages import refuse_foreign_forms
from connectors.sandbox.server.payments import DECLINES
from connectors.sandbox.server.records import (
    Dispute,
    Hold,
    Link,
    Method,
    Payment,
    Payout,
    Plan,
    Record,
    Refund,
    Subscription,
    Transfer,
)
from connectors.sandbox.server.refusals import Refusal
from connectors.sandbox.server.validation import EMAIL
from hub.errors import MoneyError
from hub.ids import new_id
from hub.money import Money

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from connectors.sandbox.server.sandbox import Sandbox
    from connectors.sandbox.server.store import Store

PER_PAGE: Final = 25
STEPS: Final = {"1 day": ("day", 1), "1 week": ("week", 1), "1 month": ("month", 1), "1 year": ("year", 1)}
KINDS: Final = ("payment", "manual", "escrow", "link")


def create_blueprint(sandbox: Sandbox) -> Blueprint:
    """The pages about money and time."""
    blueprint = Blueprint("control", __name__)
    blueprint.before_request(refuse_foreign_forms)
    _overview(blueprint, sandbox)
    _payment(blueprint, sandbox)
    _subscriptions(blueprint, sandbox)
    _time_and_trouble(blueprint, sandbox)
    return blueprint


def _overview(blueprint: Blueprint, sandbox: Sandbox) -> None:
    @blueprint.get("/")
    def home() -> ResponseReturnValue:
        with sandbox.read() as (store, now):
            found, following = store.page(Payment, PER_PAGE, request.args.get("after"))
            return render_template("home.html", payments=found, following=following, now=now, site=sandbox.site)

    @blueprint.post("/new")
    def create() -> ResponseReturnValue:
        try:
            amount = Money.parse(request.form.get("amount", ""), request.form.get("currency", "").strip().upper())
        except MoneyError as error:
            raise Refusal(400, "invalid_request", str(error)) from error
        email, kind = request.form.get("email", "").strip(), request.form.get("kind", KINDS[0])
        if amount.minor <= 0 or kind not in KINDS or (email and not EMAIL.fullmatch(email)):
            raise Refusal(400, "invalid_request", "Please give an amount above zero and a valid e-mail address.")
        with sandbox.write() as (store, now):
            return redirect(_new(store, amount, email, kind, now), 303)

    @blueprint.get("/money")
    def money() -> ResponseReturnValue:
        with sandbox.read() as (store, _):
            return render_template(
                "money.html",
                balances=store.balances(),
                transfers=store.page(Transfer, PER_PAGE)[0],
                payouts=store.page(Payout, PER_PAGE)[0],
            )

    @blueprint.post("/payouts/<identifier>/fail")
    def fail_payout(identifier: str) -> ResponseReturnValue:
        with sandbox.write() as (store, now):
            moves.arrive(store, store.get(Payout, identifier), now, failed=True)
        return redirect(url_for("control.money"), 303)


def _new(store: Store, amount: Money, email: str, kind: str, now: datetime) -> str:
    """Make a payment or link to try things with; gives the address of its page."""
    customer = {"email": email} if email else {}
    values = {"amount": amount.minor, "currency": amount.currency, "customer": customer, "description": "Test payment"}
    if kind == "link":
        link = links.create(store, Link(id=new_id("lnk", now), created_at=now, **values), now)  # type: ignore[arg-type]
        return url_for("pages.link", identifier=link.id)
    payment = Payment(
        id=new_id("pay", now),
        created_at=now,
        capture="manual" if kind == "manual" else "automatic",
        escrow=kind == "escrow",
        **values,  # type: ignore[arg-type]
    )
    return url_for("pages.pay", identifier=payments.create(store, payment, now).id)


def _payment(blueprint: Blueprint, sandbox: Sandbox) -> None:
    @blueprint.get("/payments/<identifier>")
    def payment(identifier: str) -> ResponseReturnValue:
        with sandbox.read() as (store, _):
            found = store.get(Payment, identifier)
            return render_template(
                "payment.html",
                payment=found,
                refunds=store.children(Refund, identifier),
                disputes=store.children(Dispute, identifier),
                holds=store.children(Hold, identifier),
                transfers=store.children(Transfer, identifier),
                events=store.events_of((identifier,)) or store.events_of((found.lane,)),
            )

    @blueprint.post("/payments/<identifier>/<move>")
    def move(identifier: str, move: str) -> ResponseReturnValue:
        with sandbox.write() as (store, now):
            _move(store, store.get(Payment, identifier), move, now)
        return redirect(url_for("control.payment", identifier=identifier), 303)

    @blueprint.post("/refunds/<identifier>/fail")
    def fail_refund(identifier: str) -> ResponseReturnValue:
        with sandbox.write() as (store, now):
            done = returns.fail_refund(store, store.get(Refund, identifier), now)
        return redirect(url_for("control.payment", identifier=done.payment), 303)

    @blueprint.post("/disputes/<identifier>/<outcome>")
    def close_dispute(identifier: str, outcome: str) -> ResponseReturnValue:
        if outcome not in ("won", "lost"):
            raise Refusal(404, "not_found", "A dispute is won or lost.")
        with sandbox.write() as (store, now):
            closed = returns.close_dispute(store, store.get(Dispute, identifier), outcome, now)
        return redirect(url_for("control.payment", identifier=closed.payment), 303)


def _move(store: Store, payment: Payment, move: str, now: datetime) -> Record:
    """What a bank, a card company or the shop can do with a payment. Raises ``Refusal``."""
    match move:
        case "arrive":
            return checkout.settle(store, payment, now, "succeeds")
        case "miss":
            return checkout.settle(store, payment, now, "fails")
        case "return":
            return payments.bring_back(store, payment, now)
        case "dispute":
            return returns.open_dispute(store, payment, "not_received", now)
        case "refund":
            return returns.refund(store, payment, None, now, reason="requested_by_customer")
        case "capture":
            return payments.capture(store, payment, None, final=True, now=now)
        case "void":
            return payments.void(store, payment, now)
        case _:
            raise Refusal(404, "not_found", f"There is no move {move!r}.")


def _subscriptions(blueprint: Blueprint, sandbox: Sandbox) -> None:
    @blueprint.get("/subscriptions")
    def all_subscriptions() -> ResponseReturnValue:
        with sandbox.read() as (store, _):
            found, following = store.page(Subscription, PER_PAGE, request.args.get("after"))
            methods = {one.stored_method: store.find(Method, one.stored_method) for one in found if one.stored_method}
            return render_template(
                "subscriptions.html",
                subscriptions=found,
                following=following,
                plans={plan.id: plan for plan in store.page(Plan, 100)[0]},
                plan_list=store.page(Plan, PER_PAGE)[0],
                methods=methods,
            )

    @blueprint.post("/methods/<identifier>")
    def behave(identifier: str) -> ResponseReturnValue:
        behaviour = request.form.get("behaviour", "")
        if behaviour not in ("succeeds", *DECLINES):
            raise Refusal(400, "invalid_request", "A means of payment succeeds or declines.")
        with sandbox.write() as (store, _):
            store.save(store.get(Method, identifier).but(behaviour=behaviour))
        return redirect(url_for("control.all_subscriptions"), 303)

    @blueprint.post("/subscriptions/<identifier>/cancel")
    def cancel(identifier: str) -> ResponseReturnValue:
        with sandbox.write() as (store, now):
            found = store.get(Subscription, identifier)
            subscriptions.cancel(store, found, now, at_period_end=True, reason="requested_by_customer")
        return redirect(url_for("control.all_subscriptions"), 303)


def _time_and_trouble(blueprint: Blueprint, sandbox: Sandbox) -> None:
    @blueprint.get("/clock")
    def clock() -> ResponseReturnValue:
        with sandbox.read() as (store, now):
            offset = now - sandbox.clock()
            return render_template(
                "clock.html", now=now, days=round(offset.total_seconds() / 86400), steps=STEPS, first=store.next_due()
            )

    @blueprint.post("/clock")
    def forward() -> ResponseReturnValue:
        step = STEPS.get(request.form.get("step", ""))
        if step is None:
            raise Refusal(400, "invalid_request", "Choose one of the steps.")
        done = sandbox.advance_by(*step)
        return redirect(url_for("control.clock", done=done), 303)

    @blueprint.get("/trouble")
    def trouble() -> ResponseReturnValue:
        with sandbox.read() as (store, _):
            on = {scope: misbehaviour.switched_on(store, scope) for scope in misbehaviour.SCOPES}
        return render_template("trouble.html", scopes=misbehaviour.SCOPES, modes=misbehaviour.MODES, on=on)

    @blueprint.post("/trouble")
    def switch() -> ResponseReturnValue:
        scope, mode = request.form.get("scope", ""), request.form.get("mode", "")
        requests, match = _whole(request.form.get("requests", "")), request.form.get("match", "").strip()
        if mode == "refuse" and not match:
            raise Refusal(400, "invalid_request", "Say which text is refused, for example an e-mail address.")
        wanted = misbehaviour.Misbehaviour(mode, requests, _whole(request.form.get("seconds", "")) or 2, match)
        with sandbox.write() as (store, _):
            misbehaviour.switch(store, scope, None if mode == "off" else wanted)
        return redirect(url_for("control.trouble"), 303)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) <= 1_000_000 else None  # noqa: PLR2004
