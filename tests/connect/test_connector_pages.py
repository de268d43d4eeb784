import re
from pathlib import Path

from hub.connect.answers import error_codes
from hub.connect.documents import parse_yaml
from hub.connect.manifest import gateway_actions, manifest_schema
from hub.connect.reference import markdown
from hub.connect.registry import Registry

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "connectors.md").read_text(encoding="utf-8")


def test_the_reference_page_is_current():
    page = (DOCS / "reference" / "connectors.md").read_text(encoding="utf-8")
    assert page == markdown(), "python -m hub.connect.reference > docs/reference/connectors.md"


def test_the_reference_page_has_every_connector_action_and_error_code():
    page = markdown()
    for manifest in Registry.load().manifests():
        assert f"\n## {manifest.title}\n" in page
        for spec in manifest.actions.values():
            assert (f"`{spec.name}`" if spec.shared else f"### {manifest.name}/{spec.name}\n") in page
    assert all(f"### {name}\n" in page for name in gateway_actions())
    assert all(f"| `{code}` |" in page for code in error_codes())


def test_the_guide_speaks_of_every_part_of_a_manifest():
    for part in manifest_schema()["properties"]:
        assert f"`{part}" in GUIDE, part


def test_every_yaml_block_of_the_guide_is_yaml():
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    assert blocks
    for block in blocks:
        assert isinstance(parse_yaml(block, "docs/connectors.md"), dict)


def test_every_python_block_of_the_guide_runs():
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "docs/connectors.md", "exec"), {"__name__": "guide"})
