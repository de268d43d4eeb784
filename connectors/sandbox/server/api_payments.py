"""API: payments, refunds, disputes, links, forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from connectors.sandbox.server import checkout, links, payments, returns
from connectors.sandbox.server.api import Answer, Api, listed, shown
from connectors.sandbox.server.present import describe
from connectors.sandbox.server.records import Dispute, Link, Method, Payment, Refund
from hub.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.sandbox.server.store import Store
    from connectors.sandbox.server.validation import Fields
    from hub.jsontypes import Json

MEANS: Final = ("card", "bank")
ADDRESS: Final = ("line1", "line2", "city", "state", "postal_code", "country")


def read_order(fields: Fields) -> dict[str, Json]:
    """What payments, links and subscriptions have in common, as members of a record."""
    customer: dict[str, Json] = {}
    given = fields.object("customer")
    if given is not None:
        customer = {
            "id": given.text("id", most=255),
            "email": given.email("email"),
            "name": given.text("name", most=200),
            "phone": given.text("phone", most=50),
            "address": _read_address(given),
        }
        given.only()
    return {
        "description": fields.text("description"),
        "customer": {name: value for name, value in customer.items() if value},
        "references": fields.texts("references"),
        "metadata": fields.texts("metadata"),
        "return_url": fields.url("return_url"),
        "cancel_url": fields.url("cancel_url"),
    }


def _read_address(customer: Fields) -> dict[str, Json]:
    given = customer.object("address")
    if given is None:
        return {}
    address = {name: given.text(name) for name in ADDRESS}
    given.only()
    return {name: value for name, value in address.items() if value}


def read_amount_of(fields: Fields, currency: str, name: str = "amount") -> int | None:
    """A part of an amount that is known: whole minor units and, where it is given, the same currency."""
    if fields.currency(required=False) not in ("", currency):
        fields.wrong("currency", f"must be {currency}")
    return fields.amount(name, required=False)


def _read_payment(fields: Fields, now: datetime) -> Payment:
    means = fields.list_of_texts("methods")
    if means and not set(means) & set(MEANS):
        fields.wrong("methods", f"names none of {', '.join(MEANS)}")
    expires_at = fields.time("expires_at")
    if expires_at is not None and expires_at <= now:
        fields.wrong("expires_at", "lies in the past")
    values = read_order(fields)
    payment = {
        "amount": fields.amount() or 0,
        "currency": fields.currency(),
        "capture": fields.choice("capture", ("automatic", "manual"), "automatic"),
        "authorization_days": fields.integer("authorization_days", least=1, most=30) or 7,
        "escrow": fields.flag("escrow"),
        "save_method": fields.flag("save_method"),
        "methods": means,
        "expires_at": expires_at,
        "frame_origin": fields.url("frame_origin"),
    }
    if payment["escrow"] and payment["capture"] == "manual":
        fields.wrong("escrow", "goes with capture automatic only")
    return Payment(id=new_id("pay", now), created_at=now, **values, **payment)  # type: ignore[arg-type]


def register(api: Api) -> None:
    """Add the routes."""
    _payments(api)
    _refunds(api)
    _disputes(api)
    _links(api)


def _payments(api: Api) -> None:
    @api.writes("/payments")
    def create(store: Store, fields: Fields, now: datetime) -> Answer:
        payment = _read_payment(fields, now)
        method = fields.text("method", most=255)
        fields.done()
        if not method:
            return shown(store, payments.create(store, payment, now), 201)
        payment = payments.charge(store, payment, store.get(Method, method), now)
        if payment.state != "failed":
            return shown(store, payment, 201)
        error = {"code": payment.failure, "message": payment.failure_message}
        return Answer({"error": error, "payment": describe(payment, store.site)}, 402)

    @api.reads("/payments")
    def all_payments(store: Store, now: datetime) -> Answer:  # noqa: ARG001 (all handlers get the time)
        return listed(store, Payment)

    @api.reads("/payments/<payment>")
    def one(store: Store, now: datetime, payment: str) -> Answer:  # noqa: ARG001
        return shown(store, store.get(Payment, payment))

    @api.writes("/payments/<payment>/capture")
    def capture(store: Store, fields: Fields, now: datetime, payment: str) -> Answer:
        found = store.get(Payment, payment)
        amount = read_amount_of(fields, found.currency)
        final = fields.flag("final", default=True)
        fields.done()
        return shown(store, payments.capture(store, found, amount, final=final, now=now))

    @api.writes("/payments/<payment>/void")
    def void(store: Store, fields: Fields, now: datetime, payment: str) -> Answer:
        fields.text("reason")
        fields.done()
        return shown(store, payments.void(store, store.get(Payment, payment), now))

    @api.writes("/forms")
    def form(store: Store, fields: Fields, now: datetime) -> Answer:
        payment = _read_payment(fields, now)
        fields.done()
        payment = payments.create(store, payment, now)
        script = f"{store.site.base_url}/static/embed.js"
        snippet = f'<script src="{script}" data-payment="{payment.id}" async></script>'
        body = {"payment": payment.id, "script_url": script, "snippet": snippet}
        parts = urlsplit(store.site.base_url)
        origin = f"{parts.scheme}://{parts.netloc}"
        return Answer({**body, "frame_url": f"{store.site.base_url}/pay/{payment.id}", "origin": origin}, 201)


def _refunds(api: Api) -> None:
    @api.writes("/refunds")
    def create(store: Store, fields: Fields, now: datetime) -> Answer:
        payment, reason = fields.text("payment", required=True), fields.text("reason")
        metadata = fields.texts("metadata")
        found = store.get(Payment, payment) if payment else None
        amount = read_amount_of(fields, found.currency if found else fields.currency(required=False))
        fields.done()
        assert found is not None
        return shown(store, returns.refund(store, found, amount, now, reason=reason, metadata=metadata), 201)

    @api.reads("/refunds")
    def all_refunds(store: Store, now: datetime) -> Answer:  # noqa: ARG001
        return listed(store, Refund)

    @api.reads("/refunds/<refund>")
    def one(store: Store, now: datetime, refund: str) -> Answer:  # noqa: ARG001
        return shown(store, store.get(Refund, refund))

    @api.writes("/test/refunds/<refund>/fail")
    def fail(store: Store, fields: Fields, now: datetime, refund: str) -> Answer:
        fields.done()
        return shown(store, returns.fail_refund(store, store.get(Refund, refund), now))


def _disputes(api: Api) -> None:
    @api.reads("/disputes")
    def all_disputes(store: Store, now: datetime) -> Answer:  # noqa: ARG001
        return listed(store, Dispute)

    @api.reads("/disputes/<dispute>")
    def one(store: Store, now: datetime, dispute: str) -> Answer:  # noqa: ARG001
        return shown(store, store.get(Dispute, dispute))

    @api.writes("/disputes/<dispute>/answer")
    def answer(store: Store, fields: Fields, now: datetime, dispute: str) -> Answer:
        accept = fields.flag("accept")
        submit = fields.flag("submit", default=True)
        evidence = fields.texts("evidence")
        fields.done()
        found = store.get(Dispute, dispute)
        return shown(store, returns.answer(store, found, evidence, now, accept=accept, submit=submit))


def _links(api: Api) -> None:
    @api.writes("/links")
    def create(store: Store, fields: Fields, now: datetime) -> Answer:
        values = read_order(fields)
        amount, currency = fields.amount(), fields.currency()
        reusable, expires_at = fields.flag("reusable"), fields.time("expires_at")
        if expires_at is not None and expires_at <= now:
            fields.wrong("expires_at", "lies in the past")
        fields.done()
        link = Link(
            id=new_id("lnk", now),
            created_at=now,
            amount=amount or 0,
            currency=currency,
            reusable=reusable,
            expires_at=expires_at,
            **values,  # type: ignore[arg-type]
        )
        return shown(store, links.create(store, link, now), 201)

    @api.reads("/links")
    def all_links(store: Store, now: datetime) -> Answer:  # noqa: ARG001
        return listed(store, Link)

    @api.reads("/links/<link>")
    def one(store: Store, now: datetime, link: str) -> Answer:  # noqa: ARG001
        return shown(store, store.get(Link, link))

    @api.writes("/links/<link>/cancel")
    def cancel(store: Store, fields: Fields, now: datetime, link: str) -> Answer:
        fields.done()
        return shown(store, links.cancel(store, store.get(Link, link), now))


def register_payer(api: Api) -> None:
    """Routes under ``/test``: what a payer, a bank or a card company would do, for tests without a browser."""

    @api.writes("/test/payments/<payment>/choose")
    def choose(store: Store, fields: Fields, now: datetime, payment: str) -> Answer:
        choice = fields.choice("choice", checkout.CHOICES, "pay")
        reason = fields.choice("reason", tuple(payments.DECLINES), "card_declined")
        outcome = fields.choice("outcome", checkout.OUTCOMES, "succeeds")
        customer = read_order(fields)["customer"]
        fields.done()
        found = store.get(Payment, payment)
        return shown(
            store,
            checkout.choose(store, found, choice, now, reason=reason, outcome=outcome, customer=customer),  # type: ignore[arg-type]
        )

    @api.writes("/test/payments/<payment>/settle")
    def settle(store: Store, fields: Fields, now: datetime, payment: str) -> Answer:
        outcome = fields.choice("outcome", ("succeeds", "fails"), "succeeds")
        fields.done()
        return shown(store, checkout.settle(store, store.get(Payment, payment), now, outcome))

    @api.writes("/test/payments/<payment>/return")
    def bring_back(store: Store, fields: Fields, now: datetime, payment: str) -> Answer:
        fields.done()
        return shown(store, payments.bring_back(store, store.get(Payment, payment), now))

    @api.writes("/test/payments/<payment>/dispute")
    def dispute(store: Store, fields: Fields, now: datetime, payment: str) -> Answer:
        reason = fields.text("reason") or "not_received"
        fields.done()
        return shown(store, returns.open_dispute(store, store.get(Payment, payment), reason, now), 201)

    @api.writes("/test/disputes/<dispute>/close")
    def close(store: Store, fields: Fields, now: datetime, dispute: str) -> Answer:
        outcome = fields.choice("outcome", ("won", "lost"), "won")
        fields.done()
        return shown(store, returns.close_dispute(store, store.get(Dispute, dispute), outcome, now))
