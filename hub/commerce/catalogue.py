"""The catalogue as files: what an item is, read from YAML with the place of everything that is wrong, and written back.

    catalogue: 1
    items:
      - sku: LAMP-01
        title: Desk lamp
        prices: {EUR: 60.01, USD: 65.00}

Numbers are read as they are written, so that 60.01 is exactly that. An edit of one item leaves every other line of the
file, comments included, as it was. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

import yaml

from hub.errors import MoneyError
from hub.money import Money, exact_decimal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

VERSION: Final = "1"
KINDS: Final = ("product", "course", "service", "package")
MOST_BYTES: Final = 1024 * 1024
MOST_STOCK: Final = 1_000_000_000

_LOADER: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Makes nothing but texts: no number loses its digits, nothing in a file is run."""

_SKU: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,58}[A-Za-z0-9])?")
_BARCODE: Final = re.compile(r"[!-~]{1,60}")
_VENDOR: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_IMAGE: Final = re.compile(r"img_[0-9a-f]{32}")
_TITLE, _DESCRIPTION = 200, 5_000
_FIELDS: Final = ("sku", "title", "kind", "barcode", "prices", "tax_rate", "vendor", "stock", "description", "image")
_LIST_KINDS: Final = "product, course, service or package"


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is sold. ``prices``: currency -> minor units of one, tax included. ``tax_rate``: per cent.

    ``stock``: how many there are when the item is new, None for without end; afterwards the hub counts.
    """

    sku: str
    title: str
    prices: Mapping[str, int] = field(default_factory=dict)
    kind: str = "product"
    barcode: str = ""
    tax_rate: str = "0"
    vendor: str = ""
    stock: int | None = None
    description: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that is wrong: at a line of the file (from 1), or at a field of a form. ``field`` is the item's."""

    message: str
    line: int = 0
    field: str = ""

    def __str__(self) -> str:
        return f"Line {self.line}: {self.message}" if self.line else self.message


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A file's items in their order, and everything that is wrong with it; with anything wrong it must not be used."""

    items: tuple[Item, ...]
    wrong: tuple[Wrong, ...]


def read_item(written: Mapping[str, str], prices: Mapping[str, str]) -> tuple[Item, list[Wrong]]:
    """An item from texts, as a file, a form or a line of CSV has them; each thing wrong names its field."""
    wrong: list[Wrong] = []
    values = {name: written.get(name, "").strip() for name in _FIELDS}
    kind = values["kind"] or "product"
    checks = (
        ("sku", _SKU, "A SKU is 1 to 60 letters, digits, dots, hyphens and underscores, such as LAMP-01."),
        ("barcode", _BARCODE, "A barcode is 1 to 60 letters, digits and signs without spaces."),
        ("vendor", _VENDOR, "A vendor is the id of a provider, such as prv_0193…; the provider's page shows it."),
        ("image", _IMAGE, "An image is the id of an uploaded picture, such as img_…; upload it on the item's page."),
    )
    for name, pattern, rule in checks:
        if (values[name] or name == "sku") and not pattern.fullmatch(values[name]):
            wrong.append(Wrong(rule, field=name))
    if not values["title"] or len(values["title"]) > _TITLE:
        wrong.append(Wrong(f"A title has 1 to {_TITLE} characters.", field="title"))
    if len(values["description"]) > _DESCRIPTION:
        wrong.append(Wrong(f"A description has at most {_DESCRIPTION} characters.", field="description"))
    if kind not in KINDS:
        wrong.append(Wrong(f"{kind[:40]!r} is none of {_LIST_KINDS}.", field="kind"))
    item = Item(
        values["sku"],
        values["title"],
        _prices(prices, wrong),
        kind,
        values["barcode"],
        _rate(values["tax_rate"], wrong),
        values["vendor"],
        _stock(values["stock"], wrong),
        values["description"],
        values["image"],
    )
    return item, wrong


def read_catalogue(text: str) -> Catalogue:
    """The items of a file. Nothing is raised: what is wrong stands in the result with its line."""
    if len(text.encode()) > MOST_BYTES:
        return Catalogue((), (Wrong("A catalogue file has at most 1 MiB; divide it into several.", 1),))
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        return Catalogue((), (Wrong(f"This is not YAML: {getattr(error, 'problem', None) or error}.", line),))
    wrong: list[Wrong] = []
    members = _members(root, wrong, {"catalogue", "items"})
    if members.get("catalogue", (None, None))[1] is None or _text(members["catalogue"][1]) != VERSION:
        wrong.append(Wrong("A catalogue file begins with catalogue: 1.", 1))
    items: list[Item] = []
    lines: dict[str, int] = {}
    for node in _entries(members, wrong):
        item, line = _item(node, wrong), node.start_mark.line + 1
        items.append(item)
        for what, code in (("SKU", item.sku), ("barcode", item.barcode if item.barcode != item.sku else "")):
            if code and code in lines:
                wrong.append(Wrong(f"The {what} {code} is at line {lines[code]} already.", line))
            elif code:
                lines[code] = line
    return Catalogue(tuple(items), tuple(sorted(wrong, key=lambda one: one.line)))


def with_item(text: str, item: Item, before: str | None = None) -> str:
    """The file with this item in the place of the one whose SKU was ``before`` (None: its own), or at the end."""
    return with_items(text, [(before or item.sku, item)])


def with_items(text: str, items: Sequence[tuple[str, Item]]) -> str:
    """The file with each of these items in the place of the one whose SKU stands before it, or at the end."""
    _, sequence = _place(text)
    nodes = {sku: node for node in sequence.value if (sku := _sku(node)) is not None}
    changed = {sku: item for sku, item in items if sku in nodes}
    new = [item for sku, item in items if sku not in nodes]
    if sequence.flow_style:
        return _rewritten(text, [*(changed.get(one.sku, one) for one in read_catalogue(text).items), *new])
    end, dash = _end(text, sequence), sequence.start_mark.column
    added = "".join(f"\n{' ' * dash}- {_indented(item, dash + 2)}" for item in new)
    text = f"{text[:end]}{added}{text[end:] or chr(10)}"
    for sku, item in sorted(changed.items(), key=lambda pair: -nodes[pair[0]].start_mark.index):
        node = nodes[sku]
        text = f"{text[: node.start_mark.index]}{_indented(item, node.start_mark.column)}{text[_end(text, node) :]}"
    return text


def without_item(text: str, sku: str) -> str:
    """The file without an item; as it is when it has none of this SKU."""
    sequence = _place(text)[1]
    node = next((one for one in sequence.value if _sku(one) == sku), None)
    if node is None:
        return text
    if sequence.flow_style or len(sequence.value) == 1:
        return _rewritten(text, [one for one in read_catalogue(text).items if one.sku != sku])
    dash = text.rindex("-", 0, node.start_mark.index)
    start, end = text.rfind("\n", 0, dash) + 1, text.find("\n", _end(text, node))
    return text[:start] + ("" if end < 0 else text[end + 1 :])


def item_yaml(item: Item) -> str:
    """An item as a file has it; what it does not say is left out."""
    prices = {currency: Money(minor, currency).to_decimal_text() for currency, minor in item.prices.items()}
    said: dict[str, object] = {"sku": item.sku, "title": item.title, "kind": item.kind}
    said |= {"barcode": item.barcode} if item.barcode else {}
    said["prices"] = prices
    said |= {"tax_rate": item.tax_rate} if item.tax_rate != "0" else {}
    said |= {"vendor": item.vendor} if item.vendor else {}
    said |= {"stock": str(item.stock)} if item.stock is not None else {}
    said |= {"description": item.description} if item.description else {}
    said |= {"image": item.image} if item.image else {}
    return yaml.dump(said, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110, default_flow_style=False)


def empty_catalogue() -> str:
    """A file without items."""
    return f"catalogue: {VERSION}\nitems: []\n"


class _Plain(yaml.SafeDumper):
    """Writes numbers plainly, as they are read: every value is a text."""


def _represent(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    is_number = re.fullmatch(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?", value) is not None
    tag = ("tag:yaml.org,2002:float" if "." in value else "tag:yaml.org,2002:int") if is_number else None
    return dumper.represent_scalar(tag or "tag:yaml.org,2002:str", value, style=style)


_Plain.add_representer(str, _represent)


# fields


def _prices(written: Mapping[str, str], wrong: list[Wrong]) -> dict[str, int]:
    prices = {}
    for currency, amount in written.items():
        try:
            price = Money.parse(amount.strip(), currency.strip())
        except MoneyError as error:
            wrong.append(Wrong(f"The price in {currency.strip()[:10]}: {error}", field="prices"))
            continue
        prices[price.currency] = price.minor
    if not written:
        wrong.append(Wrong("An item needs a price, such as prices: {EUR: 10.50}.", field="prices"))
    return prices


def _rate(written: str, wrong: list[Wrong]) -> str:
    if not written:
        return "0"
    try:
        rate = exact_decimal(written)
        fits = 0 <= rate <= 100 and len(written) <= 12  # noqa: PLR2004 (per cent, and the column's width)
    except MoneyError:
        fits = False
    if not fits:
        wrong.append(Wrong("A tax rate is per cent from 0 to 100, such as 19 or 5.5.", field="tax_rate"))
        return "0"
    return written


def _stock(written: str, wrong: list[Wrong]) -> int | None:
    if not written:
        return None
    if not (written.isascii() and written.isdigit() and len(written) < 11 and int(written) <= MOST_STOCK):  # noqa: PLR2004
        wrong.append(Wrong("A stock is a whole number from 0; leave it out for without end.", field="stock"))
        return None
    return int(written)


# nodes


def _members(node: yaml.Node | None, wrong: list[Wrong], known: set[str]) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    """The members of a mapping by their names; unknown and repeated ones are wrong."""
    if not isinstance(node, yaml.MappingNode):
        wrong.append(Wrong("This must be keys with values.", node.start_mark.line + 1 if node else 1))
        return {}
    found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if known and name not in known:
            wrong.append(Wrong(f"There is no {name[:40]!r} here; there are {', '.join(sorted(known))}.", line))
        elif name in found:
            wrong.append(Wrong(f"{name[:40]!r} stands here twice.", line))
        else:
            found[name] = (key, value)
    return found


def _entries(members: Mapping[str, tuple[yaml.Node, yaml.Node]], wrong: list[Wrong]) -> Iterator[yaml.Node]:
    if "items" not in members:
        wrong.append(Wrong("There are no items.", 1))
        return
    node = members["items"][1]
    if not isinstance(node, yaml.SequenceNode):
        wrong.append(Wrong("items must be a list: a hyphen before each item.", node.start_mark.line + 1))
        return
    yield from node.value


def _item(node: yaml.Node, wrong: list[Wrong]) -> Item:
    members = _members(node, wrong, set(_FIELDS))
    written = {name: _text(value) or "" for name, (_, value) in members.items() if name != "prices"}
    lines = {name: key.start_mark.line + 1 for name, (key, _) in members.items()}
    for name, (_, value) in members.items():
        if name != "prices" and not isinstance(value, yaml.ScalarNode):
            wrong.append(Wrong(f"{name} must be a text.", lines[name]))
    prices = {}
    if "prices" in members:
        found = _members(members["prices"][1], wrong, set())
        prices = {currency: _text(value) or "" for currency, (_, value) in found.items()}
    item, own = read_item(written, prices)
    wrong += [Wrong(one.message, lines.get(one.field, node.start_mark.line + 1), one.field) for one in own]
    return item


def _text(node: yaml.Node | None) -> str | None:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


# edits


def _place(text: str) -> tuple[int, yaml.SequenceNode]:
    """Where the key ``items`` begins, and its list."""
    root = yaml.compose(text, Loader=_LOADER)
    key, node = _members(root, [], set())["items"]
    return key.start_mark.index, cast("yaml.SequenceNode", node)


def _sku(node: yaml.Node) -> str | None:
    pair = _members(node, [], set()).get("sku")
    return _text(pair[1]) if pair is not None else None


def _end(text: str, node: yaml.Node) -> int:
    """Where the last value of a node ends; comments after it belong to what follows."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(node, yaml.MappingNode) else last)
    return len(text[: node.end_mark.index].rstrip())


def _indented(item: Item, column: int) -> str:
    return item_yaml(item).rstrip("\n").replace("\n", "\n" + " " * column)


def _rewritten(text: str, items: Sequence[Item]) -> str:
    """The file with its list written anew: one in brackets, or one that is empty now."""
    start, sequence = _place(text)
    body = "".join(f"\n  - {_indented(one, 4)}" for one in items) or " []"
    return f"{text[:start]}items:{body}\n{text[_end(text, sequence) :].lstrip()}"
