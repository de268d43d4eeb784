"""The catalogue: what is sold, changed by hand or from a table, with pictures, counted stock and sheets of labels."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from flask import Response, flash, redirect, render_template, request, url_for

from hub.commerce.catalogue import KINDS, Item, read_item
from hub.commerce.catalogue_csv import FIELDS
from hub.commerce.catalogue_items import import_table, item_of, remove_item, save_item, search, set_stock
from hub.commerce.labels import COLUMNS, MOST_LABELS, ROWS, Label, label_sheets
from hub.commerce.pictures import PictureError, picture_id, rewritten
from hub.connect.api import PaperFile
from hub.errors import ConflictError, HubError, NotFoundError
from hub.journal.book import found
from hub.journal.tables_commerce import catalogue_images, catalogue_items
from hub.journal.tables_work import providers
from hub.money import Money
from hub.web.access import Pages, Role
from hub.web.csv_files import csv_file, uploaded_text
from hub.web.entries import read_whole, typed_in, wrong_currency
from hub.web.papers import paper_answer
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from hub.commerce.catalogue import Wrong
    from hub.journal.book import Book

pages = Pages("catalogue", __name__)

_SHOWN: Final = 500
_ALL: Final = 20_000
_FIELDS: Final = (*FIELDS, "prices")
_EVERYTHING: Final = {"text": "", "kind": ""}
_LARGEST_TABLE: Final = 1_500_000
_YEAR: Final = 365 * 24 * 3600


@pages.page("/catalogue", Role.VIEWER)
def index() -> ResponseReturnValue:
    """What is sold, in the order of the files."""
    return _page({name: request.args.get(name, "").strip() for name in ("text", "kind")})


def _page(
    asked: Mapping[str, str],
    *,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    report: Mapping[str, object] | None = None,
) -> str:
    with the_hub().database.read() as connection:
        rows = search(connection, asked["text"], asked["kind"], _SHOWN)
    return render_template(
        "catalogue.html",
        rows=rows,
        vendors=_vendors(),
        asked=asked,
        kinds=KINDS,
        most=_SHOWN,
        report=report,
        typed=typed or {"copies": "1", "skip": "0", "currency": ""},
        wrong=wrong or {},
        chosen=request.form.getlist("item"),
    )


@pages.page("/catalogue.csv", Role.VIEWER)
def export() -> ResponseReturnValue:
    """The catalogue as a table that can be changed and read in again."""
    with the_hub().database.read() as connection:
        rows = search(connection, limit=_ALL)
    currencies = sorted({currency for row in rows for currency in row.prices})
    return csv_file("catalogue.csv", (*FIELDS, *currencies), (_cells(item_of(row), currencies) for row in rows))


@pages.page("/catalogue/import", Role.EDITOR, method="POST")
def read_in() -> ResponseReturnValue:
    """Take the good lines of a table, and report the others."""
    wrong: dict[str, str] = {}
    text = uploaded_text(request.files.get("table"), _LARGEST_TABLE, wrong)
    if wrong:
        return _page(_EVERYTHING, wrong=wrong), 422
    try:
        table = the_hub().office("catalogue").change(partial(import_table, text=text, author=actor()))
    except HubError as error:
        return _page(_EVERYTHING, wrong={"table": str(error)}), 422
    the_hub().store.note(actor(), "catalogue.import", "catalogue", the_hub().now(), {"items": len(table.items)})
    report = {"taken": len(table.items), "wrong": table.wrong}
    return _page(_EVERYTHING, report=report), 422 if table.wrong else 200


@pages.page("/catalogue/new", Role.EDITOR)
def new() -> ResponseReturnValue:
    """The form of a new item."""
    return _form(None, {**dict.fromkeys(_FIELDS, ""), "kind": "product", "tax_rate": "0"}, {})


@pages.page("/catalogue/new", Role.EDITOR, method="POST")
def create() -> ResponseReturnValue:
    """Keep a new item, or say at each field what is wrong."""
    return _save(None)


@pages.page("/catalogue/item/<sku>", Role.VIEWER)
def edit(sku: str) -> ResponseReturnValue:
    """One item."""
    return _form(sku, _typed_of(_item(sku)), {})


@pages.page("/catalogue/item/<sku>", Role.EDITOR, method="POST")
def save(sku: str) -> ResponseReturnValue:
    """Change it, or say at each field what is wrong."""
    return _save(sku)


@pages.page("/catalogue/item/<sku>/delete", Role.EDITOR, method="POST")
def delete(sku: str) -> ResponseReturnValue:
    """Take it out; orders keep their lines."""
    the_hub().office("catalogue").change(partial(remove_item, sku=sku, author=actor()))
    the_hub().store.note(actor(), "catalogue.delete", sku, the_hub().now())
    flash(f"{sku} is out of the catalogue.", "success")
    return redirect(url_for("catalogue.index"), 303)


@pages.page("/catalogue/labels", Role.VIEWER, method="POST")
def labels() -> ResponseReturnValue:
    """A sheet of labels for the chosen items, as PDF."""
    typed, chosen = typed_in(("copies", "skip", "currency")), set(request.form.getlist("item"))
    currency, wrong = typed["currency"].upper(), wrong_currency(typed["currency"])
    skip = read_whole(typed["skip"] or "0", 0, COLUMNS * ROWS - 1, wrong, "skip") or 0
    copies = read_whole(typed["copies"] or "1", 1, MOST_LABELS, wrong, "copies") or 1
    with the_hub().database.read() as connection:
        rows = [row for row in search(connection, limit=_ALL) if row.id in chosen]
    if not rows:
        wrong.setdefault("copies", "Tick the items first.")
    elif len(rows) * copies > MOST_LABELS:
        wrong.setdefault("copies", f"These are {len(rows) * copies:,} labels; {MOST_LABELS:,} are printed at once.")
    if wrong:
        return _page(_EVERYTHING, typed=typed, wrong=wrong), 422
    made = [
        Label(row.barcode or row.id, row.title, _price(row.prices, currency)) for row in rows for _ in range(copies)
    ]
    return paper_answer(PaperFile("labels.pdf", label_sheets(made, the_hub().now(), skip=skip)))


@pages.page("/picture/<identity>.webp", Role.PUBLIC)
def picture(identity: str) -> ResponseReturnValue:
    """A picture of what is sold, as the hub wrote it."""
    with the_hub().database.read() as connection:
        query = sa.select(catalogue_images.c.content).where(catalogue_images.c.id == identity)
        content = connection.scalar(query)
    if content is None:
        message = f"There is no picture {identity!r}."
        raise NotFoundError(message, remedy="Look at the item's page.")
    answer = Response(content, mimetype="image/webp")
    answer.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    return answer


def _save(sku: str | None) -> ResponseReturnValue:
    typed = typed_in(_FIELDS, ("prices", "description"))
    prices, wrong = read_prices(typed["prices"])
    item, found_wrong = read_item(typed, prices)
    wrong |= {_place(one): one.message for one in found_wrong if _place(one) not in wrong}
    if item.vendor and item.vendor not in {*_vendors(), _item(sku).vendor if sku is not None else None}:
        wrong["vendor"] = "There is no such vendor. Choose one of these."
    if not wrong:
        try:
            item = replace(item, image=_picture(item.image, wrong))
            if not wrong:
                # What was sold since the page was made stays sold, unless somebody counted anew.
                counted = sku is not None and typed["stock"] != request.form.get("stock_was", "").strip()
                work = partial(_keep, item=item, before=sku, author=actor(), counted=counted)
                the_hub().office("catalogue").change(work)
        except ConflictError as error:
            wrong["sku"] = str(error)
    if wrong:
        return _form(sku, typed, wrong), 422
    the_hub().store.note(actor(), "catalogue.save", item.sku, the_hub().now())
    flash(f"{item.title} is saved.", "success")
    return redirect(url_for("catalogue.edit", sku=item.sku), 303)


def _keep(book: Book, item: Item, before: str | None, author: str, *, counted: bool) -> None:
    save_item(book, item, author, before)
    if counted and item.stock is not None:
        set_stock(book, item.sku, item.stock)


def read_prices(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """A line for each currency, ``EUR 12.50``: currency -> amount as it was written, and what is wrong."""
    prices: dict[str, str] = {}
    for line in (one.strip() for one in text.splitlines()):
        currency, _, amount = line.partition(" ")
        if line and (not amount or currency.upper() in prices):
            return prices, {"prices": f"{line[:60]!r}: write a line for each currency once, such as EUR 12.50."}
        if line:
            prices[currency.upper()] = amount.strip()
    return prices, {}


def _place(one: Wrong) -> str:
    return one.field if one.field in _FIELDS else "prices"


def _picture(known: str, wrong: dict[str, str]) -> str:
    """The id of the picture: of the one that was uploaded, else the one it has."""
    upload = request.files.get("upload")
    content = upload.read() if upload is not None else b""
    if not content:
        return "" if request.form.get("without_picture") else known
    try:
        written = rewritten(content)
    except PictureError as error:
        wrong["upload"] = str(error)
        return known
    identity = picture_id(written)
    row = {"id": identity, "content": written}
    the_hub().office("picture").change(lambda book: book.insert(catalogue_images, row))
    return identity


def _item(sku: str) -> Item:
    with the_hub().database.read() as connection:
        row = connection.execute(sa.select(catalogue_items).where(catalogue_items.c.id == sku)).first()
    return item_of(found(catalogue_items, sku, row))


def _typed_of(item: Item) -> dict[str, str]:
    typed = {name: str(getattr(item, name)) for name in FIELDS if name != "stock"}
    lines = [
        f"{currency} {Money(minor, currency).to_decimal_text()}" for currency, minor in sorted(item.prices.items())
    ]
    return {**typed, "stock": "" if item.stock is None else str(item.stock), "prices": "\n".join(lines)}


def _cells(item: Item, currencies: Sequence[str]) -> tuple[object, ...]:
    typed = _typed_of(item)
    prices = [
        Money(item.prices[currency], currency).to_decimal_text() if currency in item.prices else ""
        for currency in currencies
    ]
    return (*(typed[name] for name in FIELDS), *prices)


def _price(prices: Mapping[str, int], currency: str) -> str:
    chosen = currency if currency in prices else next(iter(sorted(prices)), "")
    return Money(prices[chosen], chosen).format("en") if chosen else ""


def _form(sku: str | None, typed: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    vendors = _vendors()
    chosen = typed["vendor"]
    if chosen and chosen not in vendors:
        vendors[chosen] = chosen
    choices = [("", "You"), *vendors.items()]
    return render_template("catalogue_item.html", sku=sku, typed=typed, wrong=wrong, kinds=KINDS, vendors=choices)


def _vendors() -> dict[str, str]:
    """Who may sell goods: id -> name and mail address, as two can have one name."""
    query = sa.select(providers.c.id, providers.c.name, providers.c.email).order_by(providers.c.name)
    with the_hub().database.read() as connection:
        return {row.id: f"{row.name} ({row.email})" for row in connection.execute(query)}
