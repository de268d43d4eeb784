"""All that the hub knows of a gateway lies in its connector's folder: to add one touches no file outside it."""

import ast
from pathlib import Path

import pytest

from hub.connect.manifest import Kind
from hub.connect.registry import Registry

ROOT = Path(__file__).parents[1]
# The sandbox is the hub's own, which first starts set up.
GATEWAYS = sorted({one.name for one in Registry.load().manifests() if one.kind is Kind.GATEWAY} - {"sandbox"})
# The one looks for keys that were pasted into recipes, as they are told by their form; the other sends itself webhooks.
NEVER_RUN_FOR_A_GATEWAY = (ROOT / "hub" / "recipes" / "secret_checks.py", ROOT / "hub" / "bench")


def said_by_code(text):
    """The strings of a module and what it imports, without docstrings and comments."""
    tree = ast.parse(text)
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.fixture(scope="module")
def hub_says():
    return {
        file: set(said_by_code(file.read_text(encoding="utf-8")))
        for file in sorted((ROOT / "hub").rglob("*.py"))
        if not any(file.is_relative_to(place) for place in NEVER_RUN_FOR_A_GATEWAY)
    }


def test_the_look_finds_what_a_module_says():
    text = '"""stripe"""\nfrom connectors.stripe import api\n\n\ndef go():\n    "paypal"\n    return {"visa": api}\n'
    assert set(said_by_code(text)) == {"connectors.stripe.api", "visa"}


def test_there_are_eleven():
    assert len(GATEWAYS) == 11


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_no_code_of_the_hub_knows_a_gateway_by_its_name(hub_says, gateway):
    knowing = [file for file, said in hub_says.items() if gateway in said or f"connectors.{gateway}" in str(said)]
    assert knowing == []
