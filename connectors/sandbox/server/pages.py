"""What payers see: the pay page, the link's page and the way back to the shop. No card data, no scripts needed."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Blueprint, g, redirect, render_template, request, url_for

from connectors.sandbox.server import checkout, links
from connectors.sandbox.server.payments import DECLINES
from connectors.sandbox.server.records import Link, Payment, Plan, Subscription
from connectors.sandbox.server.refusals import FieldError, Refusal
from connectors.sandbox.server.validation import EMAIL

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from connectors.sandbox.server.sandbox import Sandbox
    from connectors.sandbox.server.store import Site
    from hub.jsontypes import Json

LONGEST_NAME: Final = 200


def create_blueprint(sandbox: Sandbox) -> Blueprint:
    """The payers' pages."""
    blueprint = Blueprint("pages", __name__)
    blueprint.before_request(refuse_foreign_forms)

    @blueprint.get("/pay/<identifier>")
    def pay(identifier: str) -> ResponseReturnValue:
        with sandbox.read() as (store, _):
            if identifier.startswith(f"{Subscription.prefix}_"):
                subscription = store.get(Subscription, identifier)
                return _subscription_page(subscription, store.get(Plan, subscription.plan))
            return _payment_page(store.get(Payment, identifier), sandbox.site)

    @blueprint.post("/pay/<identifier>")
    def choose(identifier: str) -> ResponseReturnValue:
        try:
            customer = _typed_customer()
            if identifier.startswith(f"{Subscription.prefix}_"):
                return _agree(sandbox, identifier, customer)
            return _choose(sandbox, identifier, customer)
        except Refusal as refusal:
            return _again(sandbox, identifier, refusal)

    @blueprint.get("/l/<identifier>")
    def link(identifier: str) -> ResponseReturnValue:
        with sandbox.read() as (store, _):
            found = store.get(Link, identifier)
        return render_template("link.html", link=found), 200 if found.status == "active" else 410

    @blueprint.post("/l/<identifier>")
    def follow(identifier: str) -> ResponseReturnValue:
        with sandbox.write() as (store, now):
            payment = links.start(store, store.get(Link, identifier), now)
        return redirect(url_for("pages.pay", identifier=payment.id), 303)

    return blueprint


def refuse_foreign_forms() -> None:
    """Refuse a form that a page of another origin sends (cross-site request forgery)."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign = site not in ("same-origin", "none") if site else origin not in (None, request.host_url.rstrip("/"))
    if foreign:
        raise Refusal(403, "forbidden", "This form was sent from another site. Open the page itself and try again.")


def return_address(site: Site, url: str, identifier: str, status: str, now: datetime) -> str:
    """The shop's address with the id, status and time, signed with the API key (HMAC-SHA256, hex)."""
    timestamp = str(int(now.timestamp()))
    signed = f"{identifier}.{status}.{timestamp}".encode()
    signature = hmac.new(site.api_key.encode(), signed, hashlib.sha256).hexdigest()
    parts = urlsplit(url)
    kind = "subscription" if identifier.startswith(f"{Subscription.prefix}_") else "payment"
    added = {kind: identifier, "status": status, "timestamp": timestamp, "signature": signature}
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *added.items()])
    return urlunsplit(parts._replace(query=query))


def _payment_page(payment: Payment, site: Site, refusal: Refusal | None = None) -> ResponseReturnValue:
    g.frame_origin = _origin(payment.frame_origin) if payment.frame_origin else ""
    _allow_forms_to(payment.return_url, payment.cancel_url)
    if payment.state not in ("created", "failed"):
        return render_template("receipt.html", payment=payment, framed=bool(payment.frame_origin), site=site)
    means = payment.methods or ("card", "bank")
    return render_template(
        "pay.html",
        subject=payment,
        amount=payment.amount,
        can_later="bank" in means,
        can_card="card" in means,
        can_store=payment.save_method,
        declines=DECLINES,
        framed=bool(payment.frame_origin),
        typed=request.form,
        refusal=refusal,
        plan=None,
    ), 400 if refusal else 200


def _subscription_page(subscription: Subscription, plan: Plan, refusal: Refusal | None = None) -> ResponseReturnValue:
    _allow_forms_to(subscription.return_url, subscription.cancel_url)
    if subscription.status != "pending":
        return render_template("agreed.html", subscription=subscription, plan=plan)
    return render_template(
        "pay.html",
        subject=subscription,
        amount=subscription.amount * subscription.quantity,
        can_later=False,
        can_card=True,
        can_store=True,
        declines=DECLINES,
        framed=False,
        typed=request.form,
        refusal=refusal,
        plan=plan,
    ), 400 if refusal else 200


def _choose(sandbox: Sandbox, identifier: str, customer: dict[str, Json]) -> ResponseReturnValue:
    with sandbox.write() as (store, now):
        payment = checkout.choose(
            store,
            store.get(Payment, identifier),
            request.form.get("choice", ""),
            now,
            reason=request.form.get("reason", "card_declined"),
            outcome=request.form.get("outcome", "succeeds"),
            customer=customer,
        )
    if payment.state == "failed" or not payment.return_url or payment.frame_origin:
        return redirect(url_for("pages.pay", identifier=identifier), 303)
    return redirect(return_address(sandbox.site, payment.return_url, payment.id, payment.status, now), 303)


def _agree(sandbox: Sandbox, identifier: str, customer: dict[str, Json]) -> ResponseReturnValue:
    with sandbox.write() as (store, now):
        subscription, payment = checkout.agree(
            store,
            store.get(Subscription, identifier),
            request.form.get("choice", ""),
            now,
            reason=request.form.get("reason", "card_declined"),
            customer=customer,
        )
    if subscription.status == "pending":
        message = payment.failure_message if payment is not None else "The payment failed."
        raise Refusal(402, "card_declined", message)
    if not subscription.return_url:
        return redirect(url_for("pages.pay", identifier=identifier), 303)
    address = return_address(sandbox.site, subscription.return_url, subscription.id, subscription.status, now)
    return redirect(address, 303)


def _again(sandbox: Sandbox, identifier: str, refusal: Refusal) -> ResponseReturnValue:
    """The page once more, with what was wrong; what the payer typed is kept."""
    with sandbox.read() as (store, _):
        if identifier.startswith(f"{Subscription.prefix}_"):
            subscription = store.get(Subscription, identifier)
            return _subscription_page(subscription, store.get(Plan, subscription.plan), refusal)
        return _payment_page(store.get(Payment, identifier), sandbox.site, refusal)


def _typed_customer() -> dict[str, Json]:
    """E-mail and name from the form. Raises ``Refusal``."""
    email, name = request.form.get("email", "").strip(), request.form.get("name", "").strip()
    if email and not EMAIL.fullmatch(email):
        error = FieldError("email", "This is not an e-mail address.")
        raise Refusal(400, "invalid_request", "Please correct the e-mail address.", (error,))
    if len(name) > LONGEST_NAME:
        error = FieldError("name", f"At most {LONGEST_NAME} characters.")
        raise Refusal(400, "invalid_request", "Please shorten the name.", (error,))
    return {"email": email, "name": name}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _allow_forms_to(*urls: str) -> None:
    """Chromium applies form-action to the redirect after a form, too; without this the way back would be blocked."""
    g.form_targets = tuple(_origin(url) for url in urls if url)
