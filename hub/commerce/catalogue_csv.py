"""The catalogue as a table: a CSV file read line by line, every bad line reported, what it leaves out left alone. Pure."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.commerce.catalogue import Item, Wrong, read_item
from hub.commerce.csv_reading import Sheet
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_LINES: Final = 5_000
FIELDS: Final = ("sku", "title", "kind", "barcode", "tax_rate", "vendor", "stock", "description", "image")
_PRICE: Final = re.compile(r"(?:price[ _:-]*)?([A-Z]{3})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Table:
    """The items of a file, and what is wrong with it, line by line. A line with anything wrong gives no item.

    ``counts``: it says how many are left.
    """

    items: tuple[Item, ...]
    wrong: tuple[Wrong, ...]
    counts: bool = False


def read_table(text: str, known: Mapping[str, Item]) -> Table:
    """The items that a CSV file says. ``known`` are those of the catalogue, by SKU: columns left out keep what they have.

    The first line names the columns: ``sku``, ``title`` …, and a currency for each price. Comma, semicolon or tab divide.
    """
    sheet = Sheet(text)
    try:
        columns, wrong = _columns(sheet.header())
        if wrong:
            return Table((), tuple(wrong))
        return _read(sheet, columns, known)
    except csv.Error as error:
        return Table((), (Wrong(f"This is not CSV: {error}.", sheet.line),))


def _columns(header: Sequence[str]) -> tuple[list[str], list[Wrong]]:
    """What each column holds: a field's name, or a currency."""
    columns, wrong = [], []
    for name in header:
        currency = _PRICE.fullmatch(name)
        if name.lower() in FIELDS:
            columns.append(name.lower())
        elif currency is not None:
            columns.append(currency[1].upper())
        else:
            known = ", ".join(FIELDS)
            wrong.append(Wrong(f"There is no column {name[:40]!r}; there are {known}, and currencies such as EUR.", 1))
    if "sku" not in columns and not wrong:
        wrong.append(Wrong("The first line must name the columns, sku among them.", 1))
    twice = sorted({name for name in columns if columns.count(name) > 1})
    wrong += [Wrong(f"The column {name} is there twice.", 1) for name in twice]
    return columns, wrong


def _read(sheet: Sheet, columns: Sequence[str], known: Mapping[str, Item]) -> Table:
    items: dict[str, Item] = {}
    wrong: list[Wrong] = []
    lines: dict[str, int] = {}
    for cells in sheet.lines():
        line = sheet.line
        if len(lines) >= MOST_LINES:
            wrong.append(Wrong(f"A file has at most {MOST_LINES} lines; divide it into several.", line))
            break
        if len(cells) != len(columns):
            wrong.append(Wrong(f"This line has {len(cells)} cells, the first line {len(columns)}.", line))
            continue
        said = dict(zip(columns, cells, strict=True))
        sku = said["sku"].strip()
        item, found = _item(said, known.get(sku))
        if sku in lines:
            found.append(Wrong(f"The SKU {sku} is at line {lines[sku]} already."))
        lines.setdefault(sku, line)
        wrong += [Wrong(one.message, line, one.field) for one in found]
        if not found:
            items[sku] = item
    return Table(tuple(items.values()), tuple(wrong), "stock" in columns)


def _item(said: Mapping[str, str], known: Item | None) -> tuple[Item, list[Wrong]]:
    fields: dict[str, str] = {}
    prices: dict[str, str] = {}
    if known is not None:
        fields = {name: str(getattr(known, name)) for name in FIELDS}
        fields["stock"] = "" if known.stock is None else str(known.stock)
        prices = {currency: Money(minor, currency).to_decimal_text() for currency, minor in known.prices.items()}
    for name, cell in said.items():
        if name in FIELDS:
            fields[name] = cell
        elif cell.strip():
            prices[name] = cell.strip()
        else:
            prices.pop(name, None)
    return read_item(fields, prices)
