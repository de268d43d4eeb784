"""Scanning goods into an order: by camera, by a hand scanner or by typing; everything wrong is said at its line.

The page works without scripts: each button sends the whole form, and the answer is the page with all that was typed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import flash, make_response, redirect, render_template, request, url_for

from hub.commerce.baskets import MOST_CODE, Basket, Scanned, added, judged
from hub.commerce.catalogue_items import by_code
from hub.errors import ActionError
from hub.phrases import DEFAULT_LANGUAGE, LANGUAGES
from hub.web.access import Pages, Role
from hub.web.acting import act_once, form_key
from hub.web.entries import too_long, typed_in, wrong_address
from hub.web.headers import csp_nonce, policy
from hub.web.sessions import the_hub

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    import sqlalchemy as sa
    from flask import Response
    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json

pages = Pages("scan", __name__)

PLACED_BY: Final = "scan"
"""What the order's metadata says under ``placed_by``: recipes tell by it that it was scanned here."""

_CUSTOMER: Final = {"name": 200, "email": 254}
_FIELDS: Final = (*_CUSTOMER, "language")
_MOST_LINES: Final = 300
_LONGEST_QUANTITY: Final = 12


@pages.page("/scan", Role.EDITOR)
def show() -> ResponseReturnValue:
    """The page with nothing scanned yet."""
    return _page(Basket((), "", (), None), {**dict.fromkeys(_CUSTOMER, ""), "language": DEFAULT_LANGUAGE}, {})


@pages.page("/scan", Role.EDITOR, method="POST")
def change() -> ResponseReturnValue:
    """Add what was scanned, take a line away, look again, or place the order, as the button says."""
    does, code = request.form.get("do", "add"), request.form.get("code", "").strip()
    lines = _lines()
    if does.startswith("remove:"):
        lines = [line for place, line in enumerate(lines) if does != f"remove:{place}"]
    items = _items([*(line.code for line in lines), code])
    if does in {"add", "order"}:
        lines = added(lines, code, items)  # a code that still stands in its field is meant too
    basket = judged(lines, items, request.form.get("currency", ""))
    typed = typed_in(_FIELDS)
    if does != "order":
        return _page(basket, typed, {})
    wrong = _wrong(basket, typed)
    if wrong or not basket.is_ready:
        return _page(basket, typed, wrong), 422
    return _place(basket, typed)


def _place(basket: Basket, typed: Mapping[str, str]) -> ResponseReturnValue:
    customer: dict[str, Json] = {name: typed[name] for name in _CUSTOMER if typed[name]}
    given: dict[str, Json] = {"lines": basket.ordered(), "currency": basket.currency}
    given["metadata"] = {"placed_by": PLACED_BY, "language": typed["language"] or DEFAULT_LANGUAGE}
    if customer:
        given["customer"] = customer
    try:
        made = act_once("orders", "create", given)
    except ActionError as error:
        return _page(basket, typed, {}, error), 422
    flash(f"Order {made['number']} is placed. The customer scans the code, or opens the address, and pays.", "success")
    return redirect(url_for("orders.show", reference=str(made["order"]), placed=1), 303)


def _lines() -> list[Scanned]:
    codes, quantities = request.form.getlist("item"), request.form.getlist("quantity")
    found = [
        Scanned(code.strip()[:MOST_CODE], quantity.strip()[:_LONGEST_QUANTITY])
        for code, quantity in zip(codes, quantities, strict=False)
    ]
    return [line for line in found if line.code][:_MOST_LINES]


def _items(codes: Iterable[str]) -> dict[str, sa.Row[Any]]:
    """The catalogue's rows by the codes that were scanned; unknown ones are not there."""
    with the_hub().database.read() as connection:
        rows = {code: by_code(connection, code) for code in set(codes) if code}
    return {code: row for code, row in rows.items() if row is not None}


def _wrong(basket: Basket, typed: Mapping[str, str]) -> dict[str, str]:
    wrong = {**too_long(typed, _CUSTOMER), **wrong_address(typed["email"])}
    if typed["language"] and typed["language"] not in LANGUAGES:
        wrong["language"] = "Choose a language of the list."
    if not basket.positions:
        wrong["code"] = "Scan or type something first."
    return wrong


def _page(
    basket: Basket, typed: Mapping[str, str], wrong: Mapping[str, str], error: ActionError | None = None
) -> Response:
    shown = render_template(
        "scan.html", basket=basket, typed=typed, wrong=wrong, error=error, key=form_key(), spoken=LANGUAGES
    )
    response = make_response(shown)
    # The camera, and the reader of codes, which is WebAssembly, are for this page alone.
    response.headers["Content-Security-Policy"] = policy(csp_nonce(), runs_wasm=True)
    response.headers["Permissions-Policy"] = "camera=(self), geolocation=(), microphone=(), payment=()"
    return response
