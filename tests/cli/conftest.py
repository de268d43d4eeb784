import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.cli import hub_command


class Answer:
    """What one command said: ``code``, ``out``, ``err``; the output as JSON."""

    def __init__(self, result):
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Runs `hub …` on a workspace of its own. An error that is not said in a sentence fails the test."""
    for name in ("HUB_DATABASE_URL", "HUB_SECRET_KEYS", "HUB_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HUB_WORKSPACE", str(tmp_path / "workspace"))

    def call(*arguments, typed=None):
        result = CliRunner().invoke(hub_command, [str(one) for one in arguments], input=typed)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result)

    return call


@pytest.fixture
def workspace(tmp_path):
    return tmp_path / "workspace"


@pytest.fixture
def recipe(tmp_path):
    """Writes a recipe file below ``recipes`` and gives its path."""

    def write(name, steps, event="course.finished", more=""):
        file = Path(tmp_path, "recipes", f"{name}.yaml")
        file.parent.mkdir(exist_ok=True)
        lines = "".join(f"  - {step}\n" for step in steps)
        file.write_text(f"hub: 1\nrecipe: {name}\non:\n  event: {event}\nsteps:\n{lines}{more}", encoding="utf-8")
        return file

    return write
