"""What Stripe takes: the parameters of each call, forms with bracket nesting, and how it words a refusal."""

from __future__ import annotations

import re
from typing import Any

from tests.fakes.server import Answered, ComplaintError

NOW = 1795424400

# What each call takes, at its first level.
CREATE = {
    "customers": {"email", "name", "phone", "address", "metadata"},
    "payment_intents": {
        "amount", "currency", "automatic_payment_methods", "payment_method_types", "customer", "setup_future_usage",
        "description", "capture_method", "metadata", "payment_method", "confirm", "off_session",
        "receipt_email", "expand",
    },
    "checkout/sessions": {
        "mode", "line_items", "client_reference_id", "metadata", "payment_intent_data", "payment_method_types",
        "expires_at", "customer", "customer_email", "customer_creation", "ui_mode", "return_url", "success_url",
        "cancel_url", "subscription_data", "discounts", "expand",
    },
    "refunds": {
        "charge", "payment_intent", "amount", "reason", "metadata", "reverse_transfer", "refund_application_fee", "expand",
    },
    "products": {"name", "description", "metadata"},
    "coupons": {"percent_off", "amount_off", "currency", "duration", "duration_in_months"},
    "prices": {
        "currency", "unit_amount", "recurring", "product", "product_data", "nickname", "lookup_key",
        "transfer_lookup_key", "metadata",
    },
    "payment_links": {"line_items", "after_completion", "restrictions", "metadata", "payment_intent_data"},
    "subscriptions": {
        "customer", "items", "default_payment_method", "off_session", "payment_behavior", "payment_settings", "metadata",
        "expand", "trial_end", "trial_period_days", "discounts",
    },
    "transfers": {"amount", "currency", "destination", "source_transaction", "description", "metadata", "transfer_group"},
    "payouts": {"amount", "currency", "description", "metadata", "method", "destination"},
    "webhook_endpoints": {"url", "enabled_events", "api_version", "description"},
}  # fmt: skip
UPDATE = {
    "products": {"name", "description", "active", "default_price", "metadata"},
    "prices": {"active", "metadata", "nickname", "lookup_key", "transfer_lookup_key"},
    "payment_links": {"active", "metadata"},
    "subscriptions": {
        "default_payment_method", "metadata", "items", "proration_behavior", "pause_collection", "cancel_at_period_end",
        "cancellation_details",
    },
    "disputes": {"evidence", "submit"},
    "webhook_endpoints": {"url", "enabled_events", "description", "disabled"},
}  # fmt: skip
PREFIX = {
    "customers": "cus", "payment_intents": "pi", "checkout/sessions": "cs_test", "refunds": "re", "products": "prod",
    "prices": "price", "payment_links": "plink", "subscriptions": "sub", "transfers": "tr", "payouts": "po",
    "charges": "ch", "disputes": "du", "transfer_reversals": "trr", "events": "evt", "invoices": "in",
    "webhook_endpoints": "we", "coupons": "coupon", "balance_transactions": "txn",
}  # fmt: skip
DECLINES = {
    "pm_declined": ("card_declined", "generic_decline", "Your card was declined."),
    "pm_no_funds": ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "pm_expired": ("expired_card", None, "Your card has expired."),
    "pm_challenge": ("authentication_required", "authentication_required", "This transaction requires authentication."),
}


def error(status: int, message: str, kind: str = "invalid_request_error", **more: Any) -> Answered:
    return Answered(status, {"error": {"type": kind, "message": message, **more}})


def nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Bracket nesting undone: ``a[b]=1`` and ``c[0]=2``."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        keys = re.findall(r"[^\[\]]+", name)
        holder = tree
        for key in keys[:-1]:
            holder = holder.setdefault(key, {})
        if keys[-1] in holder:
            raise ComplaintError(f"{name} twice", error(400, "Duplicate parameter"))
        holder[keys[-1]] = value
    return lists(tree)


def lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [lists(value[key]) for key in sorted(value, key=int)]
    return {key: lists(member) for key, member in value.items()}


def known(form: dict[str, Any], names: set[str]) -> None:
    unknown = sorted(set(form) - names)
    if unknown:
        answer = error(400, f"Received unknown parameter: {unknown[0]}", code="parameter_unknown", param=unknown[0])
        raise ComplaintError(f"unknown parameter {unknown[0]}", answer)


def needs(form: dict[str, Any], *names: str) -> None:
    for name in names:
        if not form.get(name) and form.get(name) != 0:
            answer = error(400, f"Missing required param: {name}.", code="parameter_missing", param=name)
            raise ComplaintError(f"missing {name}", answer)


def whole(form: dict[str, Any], name: str) -> int:
    if not re.fullmatch(r"\d+", str(form[name])):
        answer = error(400, f"Invalid integer: {form[name]}", code="parameter_invalid_integer", param=name)
        raise ComplaintError(f"{name} is no integer", answer)
    return int(form[name])
