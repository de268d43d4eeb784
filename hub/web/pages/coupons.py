"""Coupons: those that are there, a new one, and stopping one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from flask import flash, redirect, render_template, url_for

from hub.journal.tables_billing import coupons as table
from hub.journal.tables_billing import told_plans, value
from hub.payments.coupons import code_of, is_code, make, stop
from hub.web.access import Pages, Role
from hub.web.entries import end_of_day, read_amount, read_whole, typed_in, wrong_currency
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import JsonObject

pages = Pages("coupons", __name__)

_FIELDS = ("code", "percent", "amount", "currency", "cycles", "plan", "most", "ends_on")
_NEWEST = 200
_PERCENT: Final = re.compile(r"(?!0+(\.0+)?$)[0-9]{1,2}(\.[0-9]{1,2})?")
_MOST: Final[Mapping[str, int]] = {"cycles": 1_200, "most": 1_000_000}


@pages.page("/coupons", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The newest coupons, and the form of a new one."""
    return _page(dict.fromkeys(_FIELDS, ""), {})


@pages.page("/coupons", Role.EDITOR, method="POST")
def create() -> ResponseReturnValue:
    """Make one, or say at each field what is wrong; what was typed stays."""
    typed = typed_in(_FIELDS)
    values, wrong = read_coupon(typed, the_hub().now())
    code = code_of(typed["code"])
    if typed["plan"] and not _is_plan(typed["plan"]):
        wrong["plan"] = "There is no such plan. Choose one of these."
    if not wrong and not the_hub().office("coupon").change(lambda book: make(book, code, values)):
        wrong["code"] = (
            f"There is a coupon {code} already. Take another code; one that was given out is not used again."
        )
    if wrong:
        return _page(typed, wrong), 422
    the_hub().store.note(actor(), "coupon.make", code, the_hub().now())
    flash(f"The coupon {code} can be redeemed.", "success")
    return redirect(url_for("coupons.index"), 303)


@pages.page("/coupons/<code>/stop", Role.EDITOR, method="POST")
def end(code: str) -> ResponseReturnValue:
    """Nobody can redeem it any more."""
    the_hub().office("coupon").change(lambda book: stop(book, code))
    the_hub().store.note(actor(), "coupon.stop", code, the_hub().now())
    flash(f"The coupon {code} is stopped. Subscriptions that were begun with it keep their price.", "success")
    return redirect(url_for("coupons.index"), 303)


def read_coupon(typed: Mapping[str, str], now: datetime) -> tuple[dict[str, object], dict[str, str]]:
    """The values of a coupon's row, and by field what is wrong with what was typed."""
    wrong: dict[str, str] = {}
    if not is_code(code_of(typed["code"])):
        wrong["code"] = "Use 3 to 60 letters, digits, - and _, such as SUMMER20."
    numbers = {name: read_whole(typed[name], 1, _MOST[name], wrong, name) for name in _MOST if typed[name]}
    discount: JsonObject = {
        **_discount(typed, wrong),
        **{name: numbers[name] for name in ("cycles",) if name in numbers},
    }
    values: dict[str, object] = {
        "discount": discount,
        "plan": typed["plan"] or None,
        "most": numbers.get("most"),
    }
    end = end_of_day(typed["ends_on"], wrong, "ends_on")
    if end is not None:
        values["ends_at"] = end
        if end <= now:
            wrong["ends_on"] = "This day is over."
    return values, wrong


def _discount(typed: Mapping[str, str], wrong: dict[str, str]) -> JsonObject:
    wrong |= wrong_currency(typed["currency"])
    if bool(typed["percent"]) == bool(typed["amount"]):
        wrong |= dict.fromkeys(("percent", "amount"), "Give a percentage or an amount.")
        return {}
    if typed["percent"]:
        if not _PERCENT.fullmatch(typed["percent"]):
            wrong["percent"] = "Write a number above 0 and below 100, such as 12.5."
        return {"percent": typed["percent"]}
    if not typed["currency"]:
        wrong["currency"] = "Say in which currency the amount is."
    money = read_amount(typed["amount"], typed["currency"].upper(), wrong) if "currency" not in wrong else None
    if money is None:
        return {}
    if money.minor <= 0:
        wrong["amount"] = "The amount must be above zero."
    return {"amount": money.to_json()}


def _is_plan(plan: str) -> bool:
    with the_hub().database.read() as connection:
        return connection.execute(sa.select(told_plans.c.plan).where(told_plans.c.plan == plan)).first() is not None


def _page(typed: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    newest = sa.select(table).order_by(table.c.state, table.c.created_at.desc()).limit(_NEWEST)
    known = sa.select(told_plans).where(told_plans.c.state == "active").order_by(told_plans.c.created_at.desc())
    with the_hub().database.read() as connection:
        rows = connection.execute(newest).all()
        plans = connection.execute(known.limit(_NEWEST)).all()
    named = [(one.plan, f"{value(one.data, 'name') or one.plan} ({one.connection})") for one in plans]
    return render_template(
        "coupons.html", rows=rows, plans=[("", "Every plan"), *named], typed=typed, wrong=wrong, most=_NEWEST
    )
