"""A small installation to check recipes against: connectors, connections, templates, another recipe."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from hub.connect.schemas import resolve_shapes
from hub.errors import NotFoundError
from hub.recipes.compiler import compile_recipe
from hub.recipes.context import CheckContext
from hub.recipes.findings import did_you_mean

REFERENCE = {"type": "string", "minLength": 1}
MONEY = {"$ref": "Money"}


def closed(required=(), **properties):
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


def opened(**properties):
    return {"type": "object", "properties": properties}


@dataclass(frozen=True)
class Spec:
    name: str
    input: dict
    output: dict
    inline: bool = False


TRANSFER = closed(
    ["provider", "amount"], provider=REFERENCE, amount={**MONEY, "description": "How much it gets."}, payment=REFERENCE
)
MAIL = {
    **closed(
        ["to"],
        to={"type": "string"},
        subject={"type": "string"},
        text={"type": "string"},
        template={"type": "string"},
        data={"type": "object"},
    ),
    "oneOf": [
        {"required": ["template"], "not": {"required": ["text"]}},
        {"required": ["text", "subject"], "not": {"required": ["template"]}},
    ],
}
VENDOR = closed(["provider", "amount"], provider=REFERENCE, amount=MONEY)
CATALOGUE = {
    "gateway": {
        "payment.refund": (
            closed(
                ["payment"],
                payment=REFERENCE,
                amount=MONEY,
                reason={"enum": ["duplicate", "fraudulent", "requested_by_customer"]},
            ),
            opened(refund=REFERENCE),
        ),
        "transfer.create": (TRANSFER, opened(transfer=REFERENCE)),
    },
    "small_gateway": {
        "payment.refund": (closed(["payment"], payment=REFERENCE, amount=MONEY), opened(refund=REFERENCE)),
    },
    "crm": {
        "contact.upsert": (
            closed(
                ["email"],
                email={"type": "string", "format": "email"},
                properties={"type": "object"},
                tags={"type": "array", "items": {"type": "string"}},
                score={"type": "integer", "minimum": 0, "maximum": 100},
            ),
            opened(id={"type": "string"}, created={"type": "boolean"}),
        ),
        "note.add": (closed(["body"], body={"type": "string"}), closed(note=REFERENCE)),
    },
    "mail": {"send": (MAIL, opened(sent={"type": "array"}))},
    "orders": {
        "get": (closed(["order"], order=REFERENCE), closed(vendors={"type": "array", "items": VENDOR}, total=MONEY))
    },
    "payments": {
        "split": (
            closed(
                ["payment", "parties"],
                payment=REFERENCE,
                parties={"type": "array", "items": VENDOR},
                commission=closed(percent={"type": "number"}),
            ),
            closed(transfers={"type": "array", "items": VENDOR}, commission=MONEY),
        ),
    },
    "hub": {
        "emit": (closed(["type"], type={"type": "string"}, data={"type": "object"}), opened(event=REFERENCE)),
        "log": (closed(["message"], message={"type": "string"}), opened(message={"type": "string"})),
    },
}
INLINE = {("payments", "split"), ("hub", "log")}


@dataclass(frozen=True)
class Catalogue:
    specs: dict = field(
        default_factory=lambda: {
            connector: {
                name: Spec(name, resolve_shapes(given), resolve_shapes(gives), (connector, name) in INLINE)
                for name, (given, gives) in actions.items()
            }
            for connector, actions in CATALOGUE.items()
        }
    )

    def names(self):
        return tuple(self.specs)

    def action(self, connector, action):
        if connector not in self.specs:
            raise NotFoundError(
                f"There is no connector {connector!r}.",
                code="unknown_connector",
                remedy=did_you_mean(connector, self.specs),
            )
        if connector == "small_gateway" and action == "transfer.create":
            message = "Small Gateway has no 'transfer.create' of its own: it pays out to one account only."
            raise NotFoundError(
                message, code="not_offered", remedy="Use a gateway that offers it (hub gateways lists them)."
            )
        if action not in self.specs[connector]:
            message = f"{connector.capitalize()} has no action {action!r}."
            raise NotFoundError(message, code="unknown_action", remedy=did_you_mean(action, self.specs[connector]))
        return self.specs[connector][action]


def perform(connector, action, value):
    """The two pure actions of the catalogue."""
    if action == "log":
        return value
    percent = value.get("commission", {}).get("percent", 0)
    transfers = []
    for party in value["parties"]:
        commission = round(party["amount"]["minor"] * percent / 100)
        amount = {**party["amount"], "minor": party["amount"]["minor"] - commission}
        transfers.append({"provider": party["provider"], "amount": amount})
    return {"transfers": transfers}


OTHER = """
hub: 1
recipe: echo
on: {event: acme.asked}
steps:
  - call: hub/emit
    with: {type: acme.answered, data: {}}
"""


def installation(**changes):
    connections = {
        "stripe-main": "gateway",
        "sandbox": "gateway",
        "corner-shop": "small_gateway",
        "crm": "crm",
        **{name: name for name in ("mail", "orders", "payments", "hub")},
    }
    parts = {
        "connections": connections,
        "templates": frozenset({"order-receipt", "run-failed", "welcome"}),
        "recipes": {"echo": compile_recipe(OTHER)},
        "perform": perform,
    }
    return CheckContext(Catalogue(), **{**parts, **changes})


@pytest.fixture(scope="session")
def context():
    return installation()
