"""What holds for every command."""

import subprocess
import sys

import pytest

from hub.cli import main, reference
from hub.cli.reference import commands
from hub.connect.manifest import CAPABILITIES
from scripts.write_reference import DOCS

COMMANDS = dict(commands())
LISTS = [
    "gateways",
    "events list",
    "runs list",
    "connection list",
    "gallery list",
    "doctor",
    "schema recipe",
    "schema events",
    "schema connector",
]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_that_begins_with_the_command(hub, name):
    answer = hub(*name.split()[1:], "--help")
    assert (answer.code, answer.err) == (0, "")
    example = " ".join(answer.out.partition("Example:")[2].split("Options:")[0].split())
    assert f"{name} " in f"{example} "


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_that_does_not_exist_is_misuse(hub, name):
    answer = hub(*name.split()[1:], "--frobnicate")
    assert answer.code == 2
    assert "--frobnicate" in answer.err


@pytest.mark.parametrize("command", LISTS)
def test_json_for_machines(hub, command):
    arguments = command.split() if command.startswith("schema") else [*command.split(), "--format", "json"]
    answer = hub(*arguments)
    assert answer.code == 0
    assert answer.json is not None


def test_the_page_of_commands_is_current():
    assert (DOCS / "commands.md").read_text(encoding="utf-8") == reference.markdown(), "run `make docs`"


def test_the_program_ends_like_the_command(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["hub", "runs", "cancel", "run_none", "--workspace", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "run_none" in capsys.readouterr().err


def test_gateways_have_every_capability_with_a_reason(hub):
    for gateway in hub("gateways", "--format", "json").json:
        assert set(gateway) == {"connector", "capabilities"}
        assert set(gateway["capabilities"]) == set(CAPABILITIES)
        for cell in gateway["capabilities"].values():
            assert cell["status"] in {"native", "hub", "none"}
            assert cell["status"] != "none" or cell["reason"]


def test_gateways_for_people(hub):
    answer = hub("gateways")
    assert (answer.code, answer.err) == (0, "")
    assert "Stripe" in answer.out


def test_every_command_is_found_in_the_module_that_is_said_to_hold_it():
    import importlib

    from hub.cli import _COMMANDS

    for module, names in _COMMANDS.items():
        found = importlib.import_module(f"hub.cli.{module}").COMMANDS
        assert [command.name for command in found] == list(names)


def test_the_process_that_only_watches_loads_nothing_of_the_hub():
    program = "import sys; from hub.cli import hub_command; hub_command.get_command(None, 'run'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"sqlalchemy", "flask", "structlog", "rich", "hub.engine", "hub.journal"} & set(loaded)
