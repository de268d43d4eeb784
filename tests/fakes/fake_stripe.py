"""Stripe's API as its documentation words it: forms in, JSON out, keys, versions, accounts, events with signatures."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes.server import Answered, ComplaintError, Received
from tests.fakes.stripe_forms import CREATE, DECLINES, NOW, UPDATE, error, known, needs, nested, whole
from tests.fakes.stripe_payers import StripePayers


class FakeStripe(StripePayers):
    def handle(self, request: Received) -> Answered:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return error(401, "Invalid API Key provided: sk_test_****.")
        if not re.fullmatch(r"20\d\d-\d\d-\d\d(\.\w+)?", request.headers.get("stripe-version", "")):
            raise ComplaintError("no Stripe-Version", error(400, "Invalid Stripe API version."))
        if request.method != "POST":
            form = nested(request.params)
            return self._route(request, form)
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise ComplaintError(
                "not a form", error(400, "Invalid request (check that your POST content type is a form).")
            )
        key = request.headers.get("idempotency-key", "")
        if not 0 < len(key) <= 255:
            raise ComplaintError("no idempotency key", error(400, "Keys have up to 255 characters."))
        print_of_it = f"{request.path} {request.body.decode()}"
        if key in self.keys:
            earlier, answer = self.keys[key]
            if earlier != print_of_it:
                words = (
                    "Keys for idempotent requests can only be used with the same parameters they were first used with."
                )
                return error(400, words, "idempotency_error")
            return Answered(answer.status, answer.body, {"Idempotent-Replayed": "true"})
        answer = self._route(request, nested(parse_qsl(request.body.decode(), keep_blank_values=True)))
        answer = Answered(answer.status, json.loads(json.dumps(answer.body)), answer.headers)
        self.keys[key] = (print_of_it, answer)
        return answer

    def _route(self, request: Received, form: dict[str, Any]) -> Answered:
        refusal = next((self.refusing[one] for one in request.segments if one in self.refusing), None)
        if request.method == "GET" and refusal is not None:
            family = "api_error" if refusal >= 500 else "invalid_request_error"
            return error(refusal, "This cannot be read now, or not with this key.", family)
        return self._found(request, form)

    def _found(self, request: Received, form: dict[str, Any]) -> Answered:
        version, *parts = request.segments
        if version != "v1":
            raise ComplaintError("not version 1", error(404, f"Unrecognized request URL ({request.path})."))
        kind = "checkout/sessions" if parts[0] == "checkout" else parts[0]
        rest = parts[2:] if parts[0] == "checkout" else parts[1:]
        if kind == "balance":
            return Answered(
                200, {"object": "balance", "available": [{"amount": 0, "currency": "usd"}], "livemode": False}
            )
        if kind == "events":
            return self._listed(list(reversed(self.events)), form)
        if not rest:
            if request.method == "GET" and kind == "subscriptions":
                return self._listed(self._subscriptions_at(form.pop("price", None)), form)
            if request.method == "GET" and kind == "webhook_endpoints":
                return self._listed([{**one, "secret": None} for one in self._endpoints()], form)
            if request.method == "GET" and kind in {"charges", "transfers", "payouts", "disputes"}:
                return self._listed(self._made(kind, request), form)
            if request.method == "GET" and kind == "refunds":
                return self._refunds_of(form, request)
            return self._create(kind, form, request)
        thing = self.objects.get(rest[0])
        if thing is None or (kind == "payouts" and thing["account"] != request.headers.get("stripe-account")):
            return error(404, f"No such {kind}: '{rest[0]}'", code="resource_missing", param="id")
        if len(rest) == 1:
            if request.method == "GET":
                return Answered(200, self._expanded(thing, form.pop("expand", [])))
            if request.method == "DELETE":
                return self._delete(thing, form)
            return self._update(kind, thing, form)
        return self._pay(thing, form) if rest[1] == "pay" else self._do(kind, rest[1], thing, form)

    def _create(self, kind: str, form: dict[str, Any], request: Received) -> Answered:
        if kind not in CREATE:
            raise ComplaintError(f"no such resource {kind}", error(404, "Unrecognized request URL."))
        known(form, CREATE[kind])
        expand = form.pop("expand", [])
        for name in ("amount", "unit_amount"):
            if name in form:
                form[name] = whole(form, name)
        if form.get("amount") is not None and form["amount"] < 50:
            return error(400, "Amount must be at least $0.50 usd", code="amount_too_small", param="amount")
        make = getattr(self, f"_create_{kind.replace('/', '_')}", self._create_plain)
        answer = make(kind, form, request)
        return Answered(answer.status, self._expanded(answer.body, expand)) if answer.status < 400 else answer

    def _create_plain(self, kind: str, form: dict[str, Any], request: Received) -> Answered:
        return Answered(200, self._new(kind, form))

    def _made(self, kind: str, request: Received) -> list[dict[str, Any]]:
        """All of a kind, newest first; of payouts those of the account that is asked."""
        account = request.headers.get("stripe-account")
        things = [one for one in self.objects.values() if one["object"] == kind.removesuffix("s")]
        return [one for one in reversed(things) if kind != "payouts" or one.get("account") == account]

    def _refunds_of(self, form: dict[str, Any], request: Received) -> Answered:
        """A list expands what stands below its ``data``."""
        known(form, {"payment_intent", "charge", "limit", "starting_after", "expand"})
        paths = [path.removeprefix("data.") for path in form.pop("expand", []) if path.startswith("data.")]
        wanted = [(name, form.pop(name)) for name in ("payment_intent", "charge") if name in form]
        made = [one for one in self._made("refunds", request) if all(one[name] == value for name, value in wanted)]
        return self._listed([self._expanded(one, paths) for one in made], form)

    def _endpoints(self) -> list[dict[str, Any]]:
        return [one for one in self.objects.values() if one["object"] == "webhook_endpoint"]

    def _create_webhook_endpoints(self, kind: str, form: dict[str, Any], request: Received) -> Answered:
        needs(form, "url", "enabled_events")
        made = self._new(kind, {"status": "enabled", **form})
        return Answered(200, {**made, "secret": f"whsec_of_{made['id']}"})

    def _create_coupons(self, kind: str, form: dict[str, Any], request: Received) -> Answered:
        needs(form, "duration")
        if ("percent_off" in form) == ("amount_off" in form):
            raise ComplaintError("neither or both of percent_off and amount_off", error(400, "One of them, please."))
        if "amount_off" in form:
            needs(form, "currency")
            form["amount_off"] = whole(form, "amount_off")
        if (form["duration"] == "repeating") != ("duration_in_months" in form):
            raise ComplaintError("months without repeating, or none with it", error(400, "Check the duration."))
        return Answered(200, self._new(kind, form))

    def _create_prices(self, kind: str, form: dict[str, Any], request: Received) -> Answered:
        needs(form, "currency", "unit_amount")
        product = form.pop("product_data", None)
        if product:
            form["product"] = self._new("products", product)["id"]
        if form["product"] not in self.objects:
            return error(400, "No such product", code="resource_missing", param="product")
        if "recurring" in form:
            form["recurring"]["interval_count"] = int(form["recurring"].get("interval_count", 1))
        return Answered(200, self._new(kind, {"active": True, "lookup_key": None, **form}))

    def _create_payment_links(self, kind: str, form: dict[str, Any], request: Received) -> Answered:
        if form["line_items"][0]["price"] not in self.objects:
            return error(400, "No such price", code="resource_missing")
        made = self._new(kind, {"active": True, **form})
        made["url"] = f"https://buy.stripe.example/{made['id']}"
        return Answered(200, made)

    def _create_checkout_sessions(self, kind: str, form: dict[str, Any], request: Received) -> Answered:
        needs(form, "mode", "line_items")
        embedded = form.get("ui_mode") == "embedded_page"
        if embedded == ("success_url" in form) or embedded != ("return_url" in form):
            raise ComplaintError(
                "addresses do not fit ui_mode", error(400, "success_url or return_url", param="success_url")
            )
        if "expires_at" in form:
            form["expires_at"] = int(form["expires_at"])
        item = form["line_items"][0]
        if form["mode"] == "payment":
            price = item["price_data"]
            needs(price["product_data"], "name")
            form |= {"amount_total": int(price["unit_amount"]) * int(item["quantity"]), "currency": price["currency"]}
        elif item["price"] not in self.objects:
            return error(
                400, f"No such price: '{item['price']}'", code="resource_missing", param="line_items[0][price]"
            )
        made = self._new(kind, {"expires_at": NOW + 86400, **form})
        made |= {"status": "open", "payment_status": "unpaid", "payment_intent": None, "subscription": None}
        made |= {"payment_link": None, "invoice": None, "object": "checkout.session"}
        made["url"] = None if embedded else f"https://checkout.stripe.example/c/pay/{made['id']}"
        made["client_secret"] = f"{made['id']}_secret_made" if embedded else None
        return Answered(200, made)

    def _create_payment_intents(self, kind: str, form: dict[str, Any], request: Received) -> Answered:
        needs(form, "amount", "currency")
        made = self._new(
            kind, {"status": "requires_payment_method", "amount_received": 0, "latest_charge": None, **form}
        )
        made |= {"client_secret": f"{made['id']}_secret_made", "last_payment_error": None, "cancellation_reason": None}
        if form.get("confirm") == "true":
            needs(form, "payment_method")
            if form["payment_method"] in DECLINES:
                problem = self.refuse_card(made, form["payment_method"])
                return error(402, problem.pop("message"), "card_error", **problem)
            self._charge(made)
        return Answered(200, made)

    def _create_refunds(self, kind: str, form: dict[str, Any], request: Received) -> Answered:
        intent = self.objects.get(form.get("payment_intent", ""), {})
        charge = self.objects.get(form.get("charge") or intent.get("latest_charge") or "")
        if charge is None:
            return error(404, "No such payment_intent", code="resource_missing", param="payment_intent")
        left = charge["amount_captured"] - charge["amount_refunded"]
        if not left:
            return error(400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
        amount = form.get("amount", left)
        if amount > left:
            return error(
                400, f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount"
            )
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        form |= {"amount": amount, "currency": charge["currency"], "charge": charge["id"], "status": "succeeded"}
        made = self._new(kind, {**form, "payment_intent": charge["payment_intent"]})
        self._debit(made)
        self.tell("refund.created", made)
        self.tell("charge.refunded", charge)
        return Answered(200, made)

    def _create_subscriptions(self, kind: str, form: dict[str, Any], request: Received) -> Answered:
        needs(form, "customer", "items")
        items = [{"price": item["price"], "quantity": int(item.get("quantity", 1))} for item in form.pop("items")]
        if items[0]["price"] not in self.objects:
            return error(400, f"No such price: '{items[0]['price']}'", code="resource_missing", param="items[0][price]")
        made = self._new(kind, form)
        self._subscription(made, items)
        if form.get("payment_behavior") == "default_incomplete":
            made["status"] = "incomplete"
        elif made["status"] == "active":
            self.bill(made, "subscription_create")
        return Answered(200, made)

    def _create_transfers(self, kind: str, form: dict[str, Any], request: Received) -> Answered:
        needs(form, "amount", "currency", "destination")
        charge = self.objects.get(form.get("source_transaction", ""))
        if charge is None and "source_transaction" in form:
            raise ComplaintError(
                "source_transaction is no charge", error(400, "No such charge", code="resource_missing")
            )
        if charge is None:
            return error(
                400, "You have insufficient available funds in your Stripe account.", code="balance_insufficient"
            )
        refusal = self._exceeds(charge, int(form["amount"]))
        if refusal:
            return refusal
        none = {"object": "list", "data": []}
        made = self._new(kind, {**form, "amount_reversed": 0, "reversed": False, "reversals": none})
        self.tell("transfer.created", made)
        return Answered(200, made)

    def _exceeds(self, charge: dict[str, Any], amount: int) -> Answered | None:
        """A charge gives transfers no more than was taken by it, whatever of them was taken back."""
        before = sum(one["amount"] for one in self.objects.values() if one.get("source_transaction") == charge["id"])
        if before + amount <= charge["amount_captured"]:
            return None
        words = f"Transfers using this transaction as a source must not exceed the source amount of {charge['amount_captured']}"
        return error(400, f"{words} (there is already a transfer using this source, amounting to {before}).")

    def _create_payouts(self, kind: str, form: dict[str, Any], request: Received) -> Answered:
        needs(form, "amount", "currency")
        account = request.headers.get("stripe-account")
        made = self._new(kind, {**form, "status": "pending", "arrival_date": NOW + 172800, "account": account})
        return Answered(200, made)

    def _update(self, kind: str, thing: dict[str, Any], form: dict[str, Any]) -> Answered:
        if kind not in UPDATE:
            raise ComplaintError(f"{kind} cannot be updated", error(404, "Unrecognized request URL."))
        known(form, UPDATE[kind])
        if form.pop("disabled", None) == "false":
            form["status"] = "enabled"
        if kind == "prices":
            product = self.objects[thing["product"]]
            if form.get("active") == "false" and product.get("default_price") == thing["id"]:
                words = "This price cannot be archived because it is the default price of its product."
                return error(400, words, param="active")
            if form.pop("transfer_lookup_key", None):
                for other in self.objects.values():
                    if other.get("lookup_key") == form["lookup_key"]:
                        other["lookup_key"] = None
        if kind == "disputes":
            form = {
                "evidence": form.get("evidence", {}),
                **({"status": "under_review"} if form["submit"] == "true" else {}),
            }
        if kind == "subscriptions":
            self._change(thing, form)
        for name, value in form.items():
            if name == "metadata":
                thing["metadata"] = {**thing.get("metadata", {}), **value}
            else:
                thing[name] = {"true": True, "false": False}.get(str(value), value)
        return Answered(200, thing)

    def _change(self, subscription: dict[str, Any], form: dict[str, Any]) -> None:
        for change in form.pop("items", []):
            item = next(item for item in subscription["items"]["data"] if item["id"] == change["id"])
            item["price"] = self.objects[change["price"]] if "price" in change else item["price"]
            item["quantity"] = int(change.get("quantity", item["quantity"]))
        form["pause_collection"] = form.get("pause_collection") or None
        if form.get("cancel_at_period_end") == "true":
            form["cancel_at"] = subscription["items"]["data"][0]["current_period_end"]

    def _delete(self, thing: dict[str, Any], form: dict[str, Any]) -> Answered:
        known(form, {"cancellation_details"})
        if thing["object"] == "webhook_endpoint":
            del self.objects[thing["id"]]
            return Answered(200, {"id": thing["id"], "object": "webhook_endpoint", "deleted": True})
        if thing.get("status") == "canceled":
            return error(404, f"No such subscription: '{thing['id']}'", code="resource_missing", param="id")
        thing |= {"status": "canceled", "canceled_at": NOW, "ended_at": NOW, **form}
        self.tell("customer.subscription.deleted", thing)
        return Answered(200, thing)

    def _pay(self, invoice: dict[str, Any], form: dict[str, Any]) -> Answered:
        known(form, {"off_session"})
        subscription = self.objects[invoice["subscription"]]
        if subscription["default_payment_method"] in DECLINES:
            return error(402, "Your card was declined.", "card_error", code="card_declined")
        invoice["status"], subscription["status"] = "paid", "active"
        return Answered(200, invoice)

    def _do(self, kind: str, what: str, thing: dict[str, Any], form: dict[str, Any]) -> Answered:
        expand = form.pop("expand", [])
        match kind, what:
            case "payment_intents", "capture":
                known(form, {"amount_to_capture", "final_capture", "metadata"})
                if thing["status"] != "requires_capture":
                    return self._state(thing, "captured")
                amount = int(form.get("amount_to_capture", thing["amount"]))
                if amount > thing["amount"]:
                    return error(400, "This amount is greater than the amount capturable.", param="amount_to_capture")
                self._capture(thing, amount)
            case "payment_intents", "cancel":
                known(form, {"cancellation_reason"})
                if thing["status"] in {"succeeded", "canceled"}:
                    return self._state(thing, "canceled")
                thing |= {"status": "canceled", "amount_capturable": 0, **form}
                self.tell("payment_intent.canceled", thing)
            case "checkout/sessions", "expire":
                if thing["status"] != "open":
                    return error(
                        400, f"Only Checkout Sessions with a status in ['open'] can be expired: {thing['status']}."
                    )
                thing["status"] = "expired"
                self.tell("checkout.session.expired", thing)
            case "subscriptions", "resume":
                thing["status"] = "active"
            case "transfers", "reversals":
                known(form, {"amount", "description", "metadata"})
                left = thing["amount"] - thing["amount_reversed"]
                amount = int(form.get("amount", left))
                if amount > left:
                    return error(400, "Reversal amount is greater than unreversed amount on transfer", param="amount")
                thing["amount_reversed"] += amount
                thing["reversed"] = thing["amount_reversed"] == thing["amount"]
                reversal = {**form, "amount": amount, "currency": thing["currency"], "transfer": thing["id"]}
                made = self._new("transfer_reversals", reversal)
                # A thing of its own each time: what was told before stays as it was told.
                newest = {"object": "list", "data": [dict(made), *thing["reversals"]["data"]][:10]}
                thing["reversals"] = newest
                self.tell("transfer.reversed", thing)
                return Answered(200, self._expanded(made, expand))
            case "disputes", "close":
                thing["status"] = "lost"
            case _:
                raise ComplaintError("no such call", error(404, "Unrecognized request URL."))
        return Answered(200, self._expanded(thing, expand))

    def _capture(self, intent: dict[str, Any], amount: int) -> None:
        """So much of what was authorised is taken; the rest is let go."""
        charge = self.objects[intent["latest_charge"]]
        charge |= {"captured": True, "amount_captured": amount}
        intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
        if not self.balance:
            self._credit(charge, charge["currency"], amount, 320)
        self.tell("charge.captured", charge)
        self.tell("payment_intent.amount_capturable_updated", intent)
        self.tell("payment_intent.succeeded", intent)
        self._settle(charge)

    def _state(self, intent: dict[str, Any], wanted: str) -> Answered:
        words = f"This PaymentIntent could not be {wanted} because it has a status of {intent['status']}."
        return error(400, words, code="payment_intent_unexpected_state", payment_intent=intent)

    def _subscriptions_at(self, price: str | None) -> list[dict[str, Any]]:
        found = [
            one for one in self.objects.values() if one["object"] == "subscription" and one["status"] != "canceled"
        ]
        return [one for one in found if any(item["price"]["id"] == price for item in one["items"]["data"])]

    def _listed(self, things: list[dict[str, Any]], form: dict[str, Any]) -> Answered:
        limit = int(form.get("limit", 10))
        if not 1 <= limit <= 100:
            raise ComplaintError("limit", error(400, "This value must be less than or equal to 100.", param="limit"))
        created = form.get("created", {})
        since, until = int(created.get("gte", 0)), int(created.get("lt", 1 << 40))
        things = [one for one in things if since <= one["created"] < until]
        ids = [one["id"] for one in things]
        if form.get("starting_after", ids[0] if ids else None) not in {*ids, None}:
            return error(400, f"No such object: '{form['starting_after']}'", code="resource_missing")
        start = ids.index(form["starting_after"]) + 1 if "starting_after" in form else 0
        page = things[start : start + limit]
        return Answered(200, {"object": "list", "data": page, "has_more": len(things) > start + limit})
