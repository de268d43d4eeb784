"""Imports point inward only, and nobody knows a neighbour on its own level."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the outside in. A module may import what stands in a later ring.
RINGS = (
    ("hub.__main__",),
    ("hub.cli",),
    ("hub.bench",),
    ("hub.serve",),
    ("hub.web", "hub.ingest"),
    ("hub.engine",),
    ("hub.payments", "hub.commerce", "hub.recipes"),
    ("hub.office", "hub.bank_accounts"),
    ("hub.journal", "hub.connect"),
    ("hub.expressions", "hub.vocabulary"),
    ("hub.money", "hub.iban", "hub.pdf", "hub.phrases"),
    ("hub.errors", "hub.jsontypes", "hub.ids"),
)
# Beside the rings: they import the innermost only, and may be imported by all that touches the outside world.
BESIDE = ("hub.config", "hub.secrets", "hub.observe")
MAY_IMPORT_BESIDE = {
    *("hub.__main__", "hub.cli", "hub.bench", "hub.serve", "hub.web", "hub.ingest", "hub.engine"),
    *("hub.journal", "hub.connect"),
}
# What connectors are written against.
FOR_CONNECTORS = {
    *("hub.connect", "hub.expressions", "hub.vocabulary", "hub.money"),
    *("hub.errors", "hub.jsontypes", "hub.ids"),
}
# One program with two faces: the sandbox's customer list is a connector of its own on the sandbox's server.
TWINS = {("connectors.sandbox_crm", "connectors.sandbox")}


def part_of(module):
    """``hub.web.pages.runs`` belongs to ``hub.web``; the package itself, which holds the version, to ``hub``."""
    return ".".join(module.split(".")[:2])


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from names if node.module in {"hub", "connectors"} else [node.module]


def is_allowed(importer, imported):
    if imported in {importer, "hub.__version__"} or not imported.startswith(("hub.", "connectors.")):
        return True
    rings = {part: number for number, ring in enumerate(RINGS) for part in ring}
    if importer.startswith("connectors."):
        return imported in FOR_CONNECTORS or (importer, imported) in TWINS
    if imported.startswith("connectors."):
        return False
    if importer in BESIDE:
        return imported in RINGS[-1]
    if imported in BESIDE:
        return importer in MAY_IMPORT_BESIDE
    return rings[importer] < rings[imported]


def modules():
    for file in sorted([*ROOT.glob("hub/**/*.py"), *ROOT.glob("connectors/**/*.py")]):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if module not in {"hub", "connectors"}:
            yield module, file


def test_every_module_has_its_place():
    parts = {part_of(module) for module, _ in modules()}
    known = {part for ring in RINGS for part in ring} | set(BESIDE)
    assert {part for part in parts if part.startswith("hub.")} <= known


def test_modules_import_only_what_stands_further_in():
    wrong = [
        f"{file.relative_to(ROOT)} imports {imported}"
        for module, file in modules()
        for imported in imports(ast.parse(file.read_text(encoding="utf-8")))
        if not is_allowed(part_of(module), part_of(imported))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("hub.web", "hub.engine", True),
        ("hub.engine", "hub.web", False),
        ("hub.web", "hub.ingest", False),
        ("hub.journal", "hub.recipes", False),
        ("hub.recipes", "hub.config", False),
        ("hub.engine", "hub.config", True),
        ("hub.config", "hub.money", False),
        ("connectors.stripe", "hub.connect", True),
        ("connectors.stripe", "hub.journal", False),
        ("connectors.stripe", "connectors.mail", False),
        ("hub.engine", "connectors.stripe", False),
    ],
)
def test_the_order_is_what_it_says(importer, imported, allowed):
    assert is_allowed(importer, imported) is allowed
