"""The corner gateway: the least that a gateway can do, so that the hub does all the rest. Its connector and its server."""

from __future__ import annotations

import itertools
import json

from tests.fakes.server import Answered, ComplaintError, FakeServer

HUB_CELLS = (
    "recurring_payment",
    "embedded_form",
    "payment_link",
    "escrow",
    "delayed_payment",
    "plan_create",
    "plan_update",
    "plan_cancel",
    "split_payment",
)

MANIFEST = """\
connector: 1
name: corner
title: Corner gateway
kind: gateway
summary: A gateway that takes single payments and nothing else.
connection:
  required: [api_base, api_key]
  properties:
    api_base: {title: API address, type: string, format: uri}
    api_key: {title: API key, type: string, secret: true}
setup: |
  1. Ask at the corner.
capabilities:
  single_payment: {status: native}
  webhooks: {status: none, reason: The corner gateway sends no webhooks.}
  connector_api: {status: none, reason: The corner gateway has no other calls.}
  refund: {status: none, reason: The corner gateway gives nothing back.}
  payout: {status: none, reason: The corner gateway pays out to its own account only.}
CELLS
api:
  base: ${ connection.api_base }
  auth: {type: bearer, token: api_key}
  errors: {code: answer.error, message: answer.error, table: {card_declined: card_declined, no_key: unauthorised}}
actions:
  payment.create:
    idempotent: key
    rest:
      method: POST
      path: /payments
      headers: {Idempotency-Key: "${ key }"}
      json:
        amount: ${ input.amount.minor }
        currency: ${ input.amount.currency }
        return_url: ${ input.return_url }
        method: ${ input.method }
        save: ${ input.save_method }
        capture: ${ input.capture }
        metadata: ${ input.metadata }
      output: &payment
        payment: ${ answer.id }
        status: ${ answer.status }
        amount: {units: "${ answer.amount }", currency: "${ answer.currency }"}
        checkout_url: ${ answer.url }
        expires_at: ${ answer.expires_at }
        stored_method: ${ answer.stored }
        metadata: ${ answer.metadata }
        reason: ${ answer.reason }
  payment.get:
    idempotent: nature
    rest: {method: GET, path: "/payments/${ input.payment }", output: *payment}
  payment.complete:
    idempotent: nature
    rest:
      method: POST
      path: /payments/${ input.payment }/complete
      json: {proof: "${ input.parameters.proof }"}
      output: *payment
  payment.void:
    idempotent: nature
    rest: {method: POST, path: "/payments/${ input.payment }/void", output: *payment}
"""

KEEPS = "refund: {status: none, reason: The corner gateway gives nothing back.}"
REFUND = """\
  payment.refund:
    idempotent: key
    rest:
      method: POST
      path: /payments/${ input.payment }/refund
      headers: {Idempotency-Key: "${ key }"}
      json: {amount: "${ input.amount.minor }"}
      output: {refund: "${ answer.refund }", payment: "${ answer.id }", status: issued, amount: "${ input.amount }"}
"""
"""What it has beside where it gives money back (``refunds``)."""

LOOKED_UP = '''\
"""Payments that carry a reference, by which they are looked up."""

from hub.connect.api import ActionCode, ConnectorCode


def send(call, method, **more):
    headers = {"Authorization": f"Bearer {call.connection.secret('api_key')}"}
    address = f"{call.connection.settings['api_base']}/payments"
    return call.http.request(method, address, headers=headers, repeatable=True, **more).json()


def create(call):
    given = call.input
    wanted = {**given["amount"], "amount": given["amount"]["minor"], "method": given.get("method")}
    return told(send(call, "POST", json={**wanted, "reference": call.reference}))


def find(call):
    found = send(call, "GET", params={"reference": call.reference})
    return told(found[0]) if found else None


def told(made):
    amount = {"minor": made["amount"], "currency": made["currency"]}
    return {"payment": made["id"], "status": made["status"], "amount": amount}


connector = ConnectorCode(actions={"payment.create": ActionCode(create, find)})
'''
"""Its code where it takes no keys (``idempotent: lookup``)."""


def plant(folder, idempotent="key", *, refunds=False, **limits):
    """Put the connector into a workspace; ``limits`` are those of its recurring payments."""
    given = {key: json.dumps(limits) if key == "recurring_payment" else "{}" for key in HUB_CELLS}
    cells = [
        f"  {key}: {{status: hub, reason: The hub does it on single payments., limits: {given[key]}}}"
        for key in HUB_CELLS
    ]
    text = MANIFEST.replace(KEEPS, "refund: {status: native}") + REFUND if refunds else MANIFEST
    (folder / "connectors" / "corner").mkdir(parents=True)
    (folder / "connectors" / "corner" / "connector.yaml").write_text(
        text.replace("CELLS", "\n".join(cells)).replace(
            "payment.create:\n    idempotent: key", f'payment.create:\n    idempotent: "{idempotent}"'
        )
    )
    if idempotent == "lookup":
        (folder / "connectors" / "corner" / "connector.py").write_text(LOOKED_UP)


class CornerGateway(FakeServer):
    """Its API: payments by key, paid on a page, completed with a proof, stored when asked."""

    def __init__(self) -> None:
        super().__init__()
        self.payments = {}
        self.keys = {}
        self.refunds = {}
        self.declines = False
        self.slow = False
        self.outcome = "succeeded"
        """What becomes of a charge that is not slow."""
        self.ends = None
        """When the page of a payment that is begun now ends."""
        self._numbers = itertools.count(1)

    def has_moods(self, request):
        return request.method == "POST"

    def handle(self, request):
        if request.segments[0] == "page":
            back = self.pay(f"c_{request.segments[1]}")
            html = f"<!doctype html><title>Corner</title><a href='{back}'>Pay at the corner</a>"
            return Answered(200, html, {"Content-Type": "text/html"})
        if request.headers.get("authorization") != "Bearer corner-key":
            return Answered(401, {"error": "no_key"})
        parts = request.segments
        if parts == ["payments"]:
            return self._create(request) if request.method == "POST" else self._find(request)
        payment = self.payments.get(parts[1])
        if payment is None:
            return Answered(404, {"error": "not_found"})
        if parts[2:] == ["complete"] and payment["status"] == "pending":
            if request.json().get("proof") != payment["proof"]:
                return Answered(200, payment)
            payment["status"] = "authorized" if payment["manual"] else "succeeded"
        elif parts[2:] == ["refund"]:
            if request.headers["idempotency-key"] not in self.refunds:
                self.refunds[request.headers["idempotency-key"]] = request.json()["amount"]
            payment |= {"status": "refunded", "refund": f"r_{parts[1]}"}
        elif parts[2:] == ["void"]:
            payment["status"] = "voided"
        return Answered(200, payment)

    def _find(self, request):
        reference = dict(request.params)["reference"]
        return Answered(200, [one for one in self.payments.values() if one["reference"] == reference])

    def _create(self, request):
        wanted = request.json()
        reference = wanted.get("reference")
        key = request.headers.get("idempotency-key") or (reference and f"{reference} {len(self.payments)}")
        if not key:
            raise ComplaintError("no key", Answered(400, {"error": "no_key"}))
        if key not in self.keys:
            if wanted.get("method") and self.declines:
                return Answered(402, {"error": "card_declined"})
            number = next(self._numbers)
            made = {
                "id": f"c_{number}",
                "status": ("pending" if self.slow else self.outcome) if wanted.get("method") else "created",
                "amount": wanted["amount"],
                "currency": wanted["currency"],
                "metadata": wanted.get("metadata"),
                "proof": f"proof-{number}",
                "manual": wanted.get("capture") == "manual",
                "stored": f"m_{number}" if wanted.get("save") else None,
                "url": None if wanted.get("method") else f"{self.url}/page/{number}",
                "return_url": wanted.get("return_url"),
                "key": key,
                "reference": reference,
                "expires_at": self.ends,
            }
            self.payments[made["id"]] = self.keys[key] = made
        return Answered(201, self.keys[key])

    def pay(self, identity):
        """The payer pays on the page; gives where the browser is sent back, with the proof."""
        payment = self.payments[identity]
        payment["status"] = "pending"
        return f"{payment['return_url']}?proof={payment['proof']}"

    def settle(self, identity, status="succeeded", reason=None):
        """The bank decides."""
        self.payments[identity] |= {"status": status, "reason": reason}

    @property
    def charges(self):
        return [one for one in self.payments.values() if one["url"] is None]
