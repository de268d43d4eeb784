"""The catalogue's rows: made from its files in the transaction that stores those; found, changed by pages, held.

A file says what an item is; what is left of it, the hub counts. A file that is applied again leaves the count alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.commerce import stock
from hub.commerce.catalogue import Item, empty_catalogue, read_catalogue, with_item, with_items, without_item
from hub.commerce.catalogue_csv import Table, read_table
from hub.errors import ConfigError, ConflictError, ExpressionError, PermanentError
from hub.expressions.durations import parse_duration
from hub.journal.book import found
from hub.journal.tables import files
from hub.journal.tables_commerce import catalogue_items, reservations
from hub.journal.writes import write_file
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.journal.book import Book, Row
    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office, Timer

KIND: Final = "catalogue"
"""The kind of the catalogue's files."""

OWN_FILE: Final = "catalogue"
"""The file into which pages write new items."""

_MOST: Final = 200
_HELD_FOR: Final = "1h"


# files and rows


def store_catalogue(book: Book, name: str, text: str | None) -> None:
    """Bring the rows in line with a file's text, None when it is gone, in the transaction that stores it.

    Raises ``ConfigError`` (``catalogue``) when something in it is wrong, or another file has the same SKU or barcode.
    """
    catalogue = read_catalogue(text) if text is not None else None
    if catalogue is not None and catalogue.wrong:
        message = f"catalogue/{name}.yaml: {'; '.join(str(one) for one in catalogue.wrong[:3])}"
        raise ConfigError(message, code="catalogue", remedy="Correct the file.")
    items = catalogue.items if catalogue is not None else ()
    known = {row.id: row for row in book.rows(sa.select(catalogue_items).where(catalogue_items.c.file == name))}
    gone = known.keys() - {item.sku for item in items}
    if gone:
        book.connection.execute(sa.delete(catalogue_items).where(catalogue_items.c.id.in_(sorted(gone))))
    _refuse_doubles(book, name, items)
    for position, item in enumerate(items, 1):
        row = known.get(item.sku)
        values = _values(item, name, position, row)
        if row is None:
            book.insert(catalogue_items, {"id": item.sku, **values})
        elif any(getattr(row, column) != value for column, value in values.items()):
            book.change(catalogue_items, row, **values)


def save_item(book: Book, item: Item, author: str, before: str | None = None) -> None:
    """Write an item into its file and row; ``before`` is the SKU of the one it replaces, None for a new one.

    What is left of one that was counted stays, whatever its SKU is now; :func:`set_stock` changes it.

    Raises ``ConflictError`` when the SKU or barcode is taken, ``NotFoundError`` when what it replaces is gone.
    """
    if before is None and book.find(catalogue_items, item.sku) is not None:
        message = f"The catalogue has an item {item.sku} already."
        raise ConflictError(message, remedy="Give another SKU, or change that item.")
    row = book.get(catalogue_items, before) if before is not None else None
    name = row.file if row is not None else OWN_FILE
    text = with_item(_text(book, name), item, before)
    _write(book, name, text, author)
    if row is None or row.id == item.sku:
        return
    if row.stock is not None:
        set_stock(book, item.sku, row.stock)
    renamed = sa.update(reservations).where(reservations.c.item == before).values(item=item.sku)
    book.connection.execute(renamed)


def import_table(book: Book, text: str, author: str) -> Table:
    """Take the good lines of a CSV table into their files and rows; what is wrong with the others stands in the result.

    Raises ``ConfigError`` when two files would have the same SKU or barcode; nothing is taken then.
    """
    rows = {row.id: row for row in book.rows(sa.select(catalogue_items))}
    table = read_table(text, {sku: item_of(row) for sku, row in rows.items()})
    by_file: dict[str, list[tuple[str, Item]]] = {}
    for item in table.items:
        row = rows.get(item.sku)
        by_file.setdefault(row.file if row is not None else OWN_FILE, []).append((item.sku, item))
    for name, items in sorted(by_file.items()):
        _write(book, name, with_items(_text(book, name), items), author)
    for item in table.items:
        if table.counts and item.sku in rows and item.stock is not None:
            set_stock(book, item.sku, item.stock)
    return table


def remove_item(book: Book, sku: str, author: str) -> None:
    """Take an item out of its file and the catalogue; orders that have it keep their lines."""
    row = book.get(catalogue_items, sku)
    _write(book, row.file, without_item(_text(book, row.file), sku), author)


def set_stock(book: Book, sku: str, count: int) -> None:
    """Say how many are left, after counting; only where the item is counted at all."""
    row = book.get(catalogue_items, sku)
    if row.stock is not None and row.stock != count:
        book.change(catalogue_items, row, stock=count)


def item_of(row: Row) -> Item:
    """A row as a file would say it."""
    return Item(
        row.id,
        row.title,
        row.prices,
        row.kind,
        row.barcode or "",
        row.tax_rate,
        row.vendor or "",
        row.stock,
        row.description,
        row.image or "",
    )


def by_code(connection: sa.Connection, code: str) -> sa.Row[Any] | None:
    """The item with this barcode or SKU; a scanner may give either. A SKU is found in any case of its letters."""
    column = catalogue_items.c
    exact = sa.select(catalogue_items).where(sa.or_(column.id == code, column.barcode == code))
    loose = sa.select(catalogue_items).where(sa.func.lower(column.id) == code.lower()).order_by(column.id)
    return connection.execute(exact).first() or connection.execute(loose).first()


def search(connection: sa.Connection, text: str = "", kind: str = "", limit: int = _MOST) -> Sequence[sa.Row[Any]]:
    """The items whose SKU, title or barcode holds every word, in the order of the files."""
    column = catalogue_items.c
    where = [column.search.contains(word, autoescape=True) for word in text.lower().split()]
    where += [column.kind == kind] if kind else []
    query = sa.select(catalogue_items).where(*where).order_by(column.file, column.position, column.id).limit(limit)
    return connection.execute(query).all()


# actions


def get(office: Office, given: JsonObject) -> JsonObject:
    """``catalogue/get``: one item by its SKU or barcode."""
    code = str(given["item"])
    with office.read() as connection:
        return item_output(found(catalogue_items, code, by_code(connection, code)))


def find(office: Office, given: JsonObject) -> JsonObject:
    """``catalogue/find``: the items that fit."""
    limit = cast("int", given.get("limit") or _MOST)
    with office.read() as connection:
        rows = search(connection, str(given.get("text") or ""), str(given.get("kind") or ""), limit)
    vendor = given.get("vendor")
    return {"items": [item_output(row) for row in rows if vendor in {None, row.vendor}]}


def reserve(office: Office, given: JsonObject) -> JsonObject:
    """``catalogue/reserve``: take stock away for a while; it goes back by itself."""
    owner = office.identity("rsv")
    try:
        due_at = office.now + parse_duration(given.get("held_for") or _HELD_FOR)
    except ExpressionError as error:
        raise PermanentError(f"held_for: {error.message}", code="bad_input", remedy=error.remedy) from error
    lines = cast("Sequence[JsonObject]", given["lines"])
    wanted = [(str(line["item"]), cast("int", line.get("quantity", 1))) for line in lines]

    def work(book: Book) -> Sequence[Row]:
        mine = sa.select(reservations).where(reservations.c.owner == owner).order_by(reservations.c.item)
        if not book.rows(mine):
            stock.hold(book, owner, wanted, due_at)
            book.wake_at(stock.RELEASE, owner, due_at)
        return book.rows(mine)

    rows = office.change(work)
    held: list[Json] = [{"item": row.item, "quantity": row.quantity} for row in rows]
    return {"reservation": owner, "lines": held, "held_until": rows[0].due_at.isoformat() if rows[0].due_at else None}


def release(office: Office, owner: str) -> None:
    """The timer: what was held long enough goes back."""
    office.change(lambda book: stock.release(book, owner))


ACTIONS: Final[Mapping[str, Action]] = {"get": get, "find": find, "reserve": reserve}
TIMERS: Final[Mapping[str, Timer]] = {stock.RELEASE: release}


def item_output(row: Row) -> JsonObject:
    """An item as the actions give it."""
    prices: list[Json] = [Money(minor, currency).to_json() for currency, minor in sorted(row.prices.items())]
    said: JsonObject = {
        "item": row.id,
        "title": row.title,
        "kind": row.kind,
        "prices": prices,
        "tax_rate": row.tax_rate,
        "barcode": row.barcode,
        "vendor": row.vendor,
        "stock": row.stock,
        "description": row.description or None,
    }
    return {name: value for name, value in said.items() if value is not None}


# what is written


def _values(item: Item, name: str, position: int, row: Row | None) -> dict[str, object]:
    """The columns of an item. The count of one that was counted before stays."""
    counted = row is not None and row.stock is not None and item.stock is not None
    return {
        "file": name,
        "position": position,
        "title": item.title,
        "kind": item.kind,
        "barcode": item.barcode or None,
        "vendor": item.vendor or None,
        "prices": dict(item.prices),
        "tax_rate": item.tax_rate,
        "stock": row.stock if counted and row is not None else item.stock,
        "description": item.description,
        "image": item.image or None,
        "search": f"{item.sku} {item.title} {item.barcode}".lower(),
    }


def _refuse_doubles(book: Book, name: str, items: Sequence[Item]) -> None:
    """No other file has one of these SKUs, no other item one of these barcodes."""
    column = catalogue_items.c
    skus, codes = sorted(item.sku for item in items), sorted(item.barcode for item in items if item.barcode)
    taken = sa.or_(column.id.in_(skus), column.barcode.in_(codes))
    row = next(iter(book.rows(sa.select(catalogue_items).where(column.file != name, taken).limit(1))), None)
    if row is not None:
        message = f"catalogue/{name}.yaml: {row.id}, or its barcode, is in catalogue/{row.file}.yaml already."
        raise ConfigError(
            message, code="catalogue", remedy="Give it another SKU or barcode, or take it out of one file."
        )
    # A barcode may move from one item of the file to another: it is free for a moment.
    free = sa.update(catalogue_items).where(column.file == name, column.barcode.in_(codes)).values(barcode=None)
    book.connection.execute(free)


def _text(book: Book, name: str) -> str:
    chosen = (files.c.kind == KIND, files.c.name == name)
    row = book.connection.execute(sa.select(files).where(*chosen).order_by(files.c.n.desc()).limit(1)).first()
    return empty_catalogue() if row is None or row.deleted else str(row.text)


def _write(book: Book, name: str, text: str, author: str) -> None:
    write_file(book.tx, KIND, name, text, author, book.now)
    store_catalogue(book, name, text)
