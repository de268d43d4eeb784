"""Settings, Business: what payers, invoices and bank files say of the business that runs the hub, and its limits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, url_for

from hub.errors import HubError, MoneyError
from hub.iban import bic_of, iban_of
from hub.money import Money
from hub.web.access import Pages, Role
from hub.web.entries import too_long, typed_in, wrong_address
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json, JsonObject

pages = Pages("business", __name__)

LENGTHS: Mapping[str, int] = {"name": 120, "email": 320, "address": 500, "tax_id": 60, "holder": 70}
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_LIMITS = 20


@pages.page("/settings/business", Role.ADMIN)
def show() -> ResponseReturnValue:
    """The form with what is set."""
    return _page(_stored(), {})


@pages.page("/settings/business", Role.ADMIN, method="POST")
def save() -> ResponseReturnValue:
    """Keep it, or say at each field what is wrong; what was typed stays."""
    typed = typed_in(_FIELDS, ("address", "refund_approval"))
    facts, wrong = read_business(typed)
    if wrong:
        return _page(typed, wrong), 422
    hub = the_hub()
    for name, value in facts.items():
        hub.store.put_fact(name, value or None, hub.now())
    hub.store.note(actor(), "settings.business", "business", hub.now())
    flash("Saved. Pages, invoices and bank files say it from now on.", "success")
    return redirect(url_for("business.show"), 303)


_FIELDS = ("name", "colour", "email", "address", "tax_id", "holder", "iban", "bic", "refund_approval")


def read_business(typed: Mapping[str, str]) -> tuple[dict[str, JsonObject], dict[str, str]]:
    """The facts ``brand``, ``bank`` and ``refund_approval`` (currency -> minor units), and by field what is wrong."""
    wrong = {**wrong_address(typed["email"]), **too_long(typed, LENGTHS)}
    brand: dict[str, Json] = {name: typed[name] for name in ("name", "email", "address", "tax_id") if typed[name]}
    if typed["colour"]:
        brand["colour"] = typed["colour"].lower()
        if not _COLOUR.fullmatch(typed["colour"]):
            wrong["colour"] = "Write a colour as # and six digits, such as #0b6e4f."
    facts: dict[str, JsonObject] = {"brand": brand, "bank": _bank(typed, wrong)}
    facts["refund_approval"] = _limits(typed["refund_approval"], wrong)
    return facts, wrong


def _bank(typed: Mapping[str, str], wrong: dict[str, str]) -> JsonObject:
    bank: dict[str, Json] = {}
    if typed["iban"]:
        try:
            bank["iban"] = iban_of(typed["iban"])
        except HubError as error:
            wrong["iban"] = str(error)
        if not typed["holder"]:
            wrong.setdefault("holder", "Say whose account it is, as the bank knows it.")
    if typed["bic"]:
        try:
            bank["bic"] = bic_of(typed["bic"])
        except HubError as error:
            wrong["bic"] = str(error)
    if typed["holder"]:
        bank["holder"] = typed["holder"]
    return bank


def _limits(text: str, wrong: dict[str, str]) -> JsonObject:
    """A line for each currency: ``EUR 250.00``."""
    limits: dict[str, Json] = {}
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > _LIMITS:
        wrong["refund_approval"] = f"Give at most {_LIMITS} currencies."
        return limits
    for line in lines:
        currency, _, amount = line.partition(" ")
        try:
            limits[currency.upper()] = Money.parse(amount.strip(), currency.upper()).minor
        except MoneyError as error:
            wrong["refund_approval"] = f"{line[:60]!r}: {error} Write a line for each currency, such as EUR 250.00."
            break
    return limits


def _stored() -> dict[str, str]:
    """What is set, as it stands in the form."""
    store = the_hub().store
    found: dict[str, str] = dict.fromkeys(_FIELDS, "")
    for fact in ("brand", "bank"):
        value = store.fact(fact)
        found |= {name: str(one) for name, one in value.items()} if isinstance(value, dict) else {}
    limits = store.fact("refund_approval")
    if isinstance(limits, dict):
        lines = [
            f"{currency} {Money(minor, currency).to_decimal_text()}"
            for currency, minor in limits.items()
            if isinstance(minor, int)
        ]
        found["refund_approval"] = "\n".join(lines)
    return found


def _page(typed: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    return render_template("settings_business.html", typed=typed, wrong=wrong, tab="business")
