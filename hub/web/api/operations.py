"""What the API can do, as a table: each line leads to an action that recipes and pages do as well."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.connect.manifest import action_by_the_hub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.connect.manifest import ActionSpec
    from hub.connect.registry import Registry

PREFIX: Final = "/api/v1"
_PLACE = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True)
class Operation:
    """A line of the table. ``path`` stands behind ``/api/v1``; what it names in braces are inputs of the action.

    ``connector``: the built-in one whose action it is; empty: the gateway of the connection that the path names.
    ``right``: ``read`` or ``write``, with ``resource`` the scope that a token needs. ``by_caller``: the action's ``actor``
    is the token, and nobody else can be named.
    """

    method: str
    path: str
    resource: str
    action: str
    connector: str = ""
    right: str = ""
    by_caller: bool = False

    @property
    def scope(self) -> str:
        """What a token must be allowed."""
        return f"{self.resource}:{self.right or ('read' if self.method == 'GET' else 'write')}"

    @property
    def places(self) -> tuple[str, ...]:
        """The names in braces, in order."""
        return tuple(_PLACE.findall(self.path))

    @property
    def id(self) -> str:
        """Its ``operationId``: ``orders.create``, ``payments.payment.capture``."""
        return f"{self.resource}.{self.action}"

    @property
    def rule(self) -> str:
        """The path as Flask writes it."""
        return rule_of(self.path)


def rule_of(path: str) -> str:
    """A path of the API as Flask writes it."""
    return PREFIX + _PLACE.sub(r"<\1>", path)


def _own(connector: str, resource: str, base: str, key: str, *actions: str) -> tuple[Operation, ...]:
    """``POST base/{key}/action`` for each action of a built-in connector."""
    return tuple(Operation("POST", f"{base}/{{{key}}}/{one}", resource, one, connector) for one in actions)


def _gateway(resource: str, key: str, *actions: str) -> tuple[Operation, ...]:
    """``POST /resource/{connection}/{key}/action`` for each action of gateways."""
    base = f"/{resource}/{{connection}}/{{{key}}}"
    return tuple(Operation("POST", f"{base}/{one}", resource, f"{key}.{one}") for one in actions)


OPERATIONS: Final[Sequence[Operation]] = (
    Operation("POST", "/orders", "orders", "create", "orders"),
    Operation("GET", "/orders/{order}", "orders", "get", "orders"),
    *_own("orders", "orders", "/orders", "order", "cancel"),
    Operation("POST", "/payments/{connection}", "payments", "payment.create"),
    Operation("GET", "/payments/{connection}/{payment}", "payments", "payment.get"),
    *_gateway("payments", "payment", "capture", "void"),
    Operation("POST", "/payments/{connection}/{payment}/refund", "payments", "refund", "payments"),
    Operation("POST", "/payments/{connection}/{payment}/split", "payments", "split", "payments"),
    Operation("POST", "/invoices", "invoices", "create", "invoices"),
    Operation("GET", "/invoices/{invoice}", "invoices", "get", "invoices"),
    *_own("invoices", "invoices", "/invoices", "invoice", "issue", "send", "void"),
    Operation("POST", "/links", "links", "create", "links"),
    Operation("GET", "/links/{link}", "links", "get", "links"),
    *_own("links", "links", "/links", "link", "send", "remind", "cancel"),
    Operation("POST", "/plans/{connection}", "plans", "plan.create"),
    *_gateway("plans", "plan", "update", "cancel"),
    Operation("POST", "/subscriptions/{connection}", "subscriptions", "subscription.create"),
    *_gateway("subscriptions", "subscription", "update", "pause", "resume", "cancel"),
    Operation("POST", "/jobs", "jobs", "post", "jobs"),
    Operation("GET", "/jobs/{job}", "jobs", "get", "jobs"),
    *_own("jobs", "jobs", "/jobs", "job", "assign", "accept", "decline", "offer", "choose", "start", "done", "confirm"),
    *_own("jobs", "jobs", "/jobs", "job", "dispute", "cancel"),
    Operation("POST", "/providers", "providers", "register", "providers"),
    Operation("POST", "/providers/find", "providers", "find", "providers", "read"),
    Operation("GET", "/providers/{provider}", "providers", "get", "providers"),
    *_own("providers", "providers", "/providers", "provider", "approve", "suspend", "notify"),
    Operation("POST", "/providers/{provider}/statement", "providers", "statement", "payments", "read"),
    Operation("POST", "/holds", "holds", "hold", "payments"),
    *_own("payments", "holds", "/holds", "hold", "release", "freeze", "unfreeze", "settle", "cancel", "collect"),
    Operation("POST", "/payouts", "payouts", "pay_due", "payments", by_caller=True),
    Operation("POST", "/catalogue/find", "catalogue", "find", "catalogue", "read"),
    Operation("GET", "/catalogue/{item}", "catalogue", "get", "catalogue"),
    Operation("POST", "/access/grant", "access", "grant", "access"),
    Operation("POST", "/access/extend", "access", "extend", "access"),
    Operation("POST", "/access/revoke", "access", "revoke", "access"),
    Operation("POST", "/access/get", "access", "get", "access", "read"),
)
"""Every action of the API. What only the API has (lists, events, outgoing webhooks) stands in modules of its own."""


def spec_of(operation: Operation, registry: Registry) -> ActionSpec:
    """The action's manifest entry; of a gateway's action what all gateways share. Raises ``NotFoundError``."""
    if operation.connector:
        return registry.action(operation.connector, operation.action)
    return action_by_the_hub(operation.action)
