"""Instamojo's API, version 2, as its documentation and SDKs word it: forms in, JSON out, tokens, slashes at the end."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.instamojo_books import InstamojoBooks
from tests.fakes.server import Answered, ComplaintError, Received

CREATE = {
    "amount", "purpose", "buyer_name", "email", "phone", "redirect_url", "webhook", "send_email", "send_sms",
    "allow_repeated_payments", "expires_at", "mark_fulfilled", "partner_fee_type", "partner_fee",
}  # fmt: skip
REFUND = {"type", "body", "refund_amount", "transaction_id"}
TYPES = {"RFD", "TNR", "QFL", "QNR", "EWN", "TAN", "PTH"}
NOT_FOUND = Answered(404, {"success": False, "message": "Not found."})
TOKEN_LASTS = timedelta(seconds=36000)


def refused(**fields: str) -> Answered:
    return Answered(400, {name: [words] for name, words in fields.items()})


def wrong(message: str, **fields: str) -> ComplaintError:
    return ComplaintError(message, refused(**(fields or {"non_field_errors": message})))


class FakeInstamojo(InstamojoBooks):
    def handle(self, request: Received) -> Answered:
        if not request.path.endswith("/"):
            raise ComplaintError("no slash at the end", Answered(301, "", {"Location": f"{request.path}/"}))
        if request.path == "/oauth2/token/":
            return self._token(self._form(request))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, self.now) <= self.now:
            return Answered(401, {"detail": "Authentication credentials were not provided."})
        version, kind, *rest = request.segments
        if version != "v2":
            raise ComplaintError("not version 2", NOT_FOUND)
        return self._route(request, kind, rest)

    def _route(self, request: Received, kind: str, rest: list[str]) -> Answered:
        form = self._form(request) if request.method == "POST" else {}
        match request.method, kind, rest:
            case "GET", "payment_requests" | "payments" | "refunds" | "payouts", []:
                return self._listed(kind, dict(request.params))
            case "POST", "payment_requests", []:
                return self._create(form)
            case "GET", "payment_requests", [reference]:
                return Answered(200, self._request(reference)) if reference in self.requests else NOT_FOUND
            case "POST", "payment_requests", [reference, "disable" | "enable" as what]:
                if reference not in self.requests:
                    return NOT_FOUND
                self.requests[reference]["enabled"] = what == "enable"
                return Answered(200, {"success": True})
            case "GET", "payments", [reference]:
                return Answered(200, self._payment(reference)) if reference in self.payments else NOT_FOUND
            case "POST", "payments", [reference, "refund"]:
                return self._refund(reference, form) if reference in self.payments else NOT_FOUND
            case "POST", "payments", [reference, "fulfil"]:
                return self._fulfil(reference) if reference in self.payments else NOT_FOUND
            case "GET", "refunds", [reference]:
                return Answered(200, self._shown(self.refunds[reference])) if reference in self.refunds else NOT_FOUND
        raise ComplaintError("no such call", NOT_FOUND)

    def _form(self, request: Received) -> dict[str, str]:
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise wrong("not a form")
        pairs = parse_qsl(request.body.decode(), keep_blank_values=True)
        if len({name for name, _ in pairs}) != len(pairs):
            raise wrong("a field twice")
        return dict(pairs)

    def _token(self, form: dict[str, str]) -> Answered:
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return Answered(401, {"error": "invalid_client"})
        grant = form.get("grant_type")
        if grant == "password" and self.merchants.get(form.get("username", "")) != form.get("password"):
            return Answered(400, {"error": "invalid_grant", "error_description": "Invalid credentials given."})
        if grant not in {"client_credentials", "password"}:
            raise ComplaintError("unknown grant", Answered(400, {"error": "unsupported_grant_type"}))
        token = f"made_up_token_{len(self.tokens)}_{grant}"
        self.tokens[token] = self.now + TOKEN_LASTS
        return Answered(
            200, {"access_token": token, "expires_in": 36000, "token_type": "Bearer", "scope": "read write"}
        )

    def _create(self, form: dict[str, str]) -> Answered:
        unknown = sorted(set(form) - CREATE)
        if unknown:
            raise wrong(f"unknown field {unknown[0]}")
        if not form.get("purpose") or len(form["purpose"]) > 30:
            raise wrong("purpose", purpose="Ensure this field has 1 to 30 characters.")
        if not re.fullmatch(r"\d+\.\d\d", form.get("amount", "")):
            raise wrong("amount", amount="A valid number is required.")
        if Decimal(form["amount"]) < 9:
            return refused(amount="Ensure this value is greater than or equal to 9.")
        if Decimal(form["amount"]) > 200000:
            return refused(amount="Ensure this value is less than or equal to 200000.")
        for name in ("webhook", "redirect_url"):
            if name in form and urlsplit(form[name]).scheme not in {"http", "https"}:
                return refused(**{name: "Enter a valid URL."})
        if "email" in form and "@" not in form["email"]:
            return refused(email="Enter a valid email address.")
        flags = {
            name: form.get(name, default)
            for name, default in (("send_email", "False"), ("send_sms", "False"), ("mark_fulfilled", "True"))
        }
        flags["allow_repeated_payments"] = form.get("allow_repeated_payments", "True")
        if any(value not in {"True", "False"} for value in flags.values()):
            raise wrong("a switch is neither True nor False")
        if "expires_at" in form and not timedelta() < datetime.fromisoformat(
            form["expires_at"]
        ) - self.now <= timedelta(seconds=600):
            return refused(expires_at="The time must be within 600 seconds from now.")
        reference = hashlib.md5(f"request {len(self.requests)}".encode(), usedforsecurity=False).hexdigest()
        texts = {
            name: form.get(name) for name in ("buyer_name", "email", "phone", "redirect_url", "webhook", "expires_at")
        }
        made = {
            "id": reference,
            "amount": form["amount"],
            "purpose": form["purpose"],
            "status": "Pending",
            "created_at": self.stamp(),
        }
        switches = {name: value == "True" for name, value in flags.items()}
        self.requests[reference] = {
            **made,
            **texts,
            **switches,
            "enabled": True,
            "shorturl": None,
            "longurl": f"https://test.instamojo.example/@made-up/{reference}",
        }
        return Answered(201, self._request(reference))

    def _refund(self, reference: str, form: dict[str, str]) -> Answered:
        payment = self.payments[reference]
        unknown = sorted(set(form) - REFUND)
        if unknown or form.get("type") not in TYPES or not form.get("body") or not form.get("transaction_id"):
            raise wrong(f"a refund of {unknown or form}")
        if payment["status"] is not True:
            return refused(payment_id="The payment was not successful.")
        if any(one["transaction_id"] == form["transaction_id"] for one in self.refunds.values()):
            return refused(transaction_id="A refund with this transaction_id already exists.")
        if payment["cases"]:
            return Answered(400, {"success": False, "message": "This payment has already been refunded."})
        amount = form.get("refund_amount", payment["amount"])
        if Decimal(amount) > Decimal(payment["amount"]):
            return refused(refund_amount="The refund is more than the payment.")
        made = {
            "id": f"C5c{len(self.refunds) + 1:07d}",
            "payment_id": reference,
            "type": form["type"],
            "body": form["body"],
            "refund_amount": amount,
        }
        more = {
            "total_amount": payment["amount"],
            "status": "Pending",
            "created_at": self.stamp(),
            "transaction_id": form["transaction_id"],
        }
        self.refunds[made["id"]] = {**made, **more}
        payment["cases"].append(made["id"])
        return Answered(201, {"refund": self._shown(self.refunds[made["id"]]), "success": True})

    def _fulfil(self, reference: str) -> Answered:
        payment = self.payments[reference]
        if payment.get("fulfilled"):
            return Answered(400, {"success": False, "message": "The payment is already fulfilled."})
        payment["fulfilled"] = True
        return Answered(200, {"success": True})

    # answers

    def _request(self, reference: str) -> dict[str, Any]:
        shown = {name: value for name, value in self.requests[reference].items() if name != "enabled"}
        tried = [one["id"] for one in self.payments.values() if one["request"] == reference]
        return self._numbered({**shown, "payments": [self.link("payments", one) for one in tried]})

    def _listed_request(self, reference: str) -> dict[str, Any]:
        """Without its payments, as the PHP SDK's README says, or with links to them, as the Java SDK reads it."""
        shown = self._request(reference)
        return shown if self.lists_links else {name: value for name, value in shown.items() if name != "payments"}

    def _payment(self, reference: str) -> dict[str, Any]:
        shown = {
            name: value for name, value in self.payments[reference].items() if name not in {"request", "fulfilled"}
        }
        return self._numbered(
            {**shown, "payment_request": self.link("payment_requests", self.payments[reference]["request"])}
        )

    def _shown(self, refund: dict[str, Any]) -> dict[str, Any]:
        return self._numbered({name: value for name, value in refund.items() if name != "transaction_id"})

    def _numbered(self, thing: dict[str, Any]) -> dict[str, Any]:
        if not self.numbers:
            return thing
        names = {"amount", "fees", "refund_amount", "total_amount", "paid_amount"}
        return {name: float(value) if name in names and value is not None else value for name, value in thing.items()}

    def _listed(self, kind: str, query: dict[str, str]) -> Answered:
        page, limit = int(query.pop("page", 1)), int(query.pop("limit", 10))
        since = query.pop("min_created_at", "") if kind == "payment_requests" else ""
        if query or not 1 <= limit <= 100:
            raise wrong(f"a listing of {query}")
        things = {
            "payment_requests": [self._listed_request(one) for one in self.requests],
            "payments": [self._payment(one) for one in self.payments],
            "refunds": [self._shown(one) for one in self.refunds.values()],
            "payouts": [self._numbered(one) for one in self.payouts.values()],
        }[kind]
        if since:
            start = datetime.fromisoformat(since).astimezone(UTC)
            things = [one for one in things if datetime.fromisoformat(one["created_at"]) >= start]
        things.reverse()
        shown = things[(page - 1) * limit : page * limit]
        following = f"https://api.instamojo.example/v2/{kind}/?page={page + 1}" if len(things) > page * limit else None
        return Answered(200, {"count": len(things), "next": following, "previous": None, kind: shown, "success": True})
