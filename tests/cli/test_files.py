"""The commands about files: what they print, when they ask, and their exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from hub.cli import hub_command

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    (made / "templates").mkdir(parents=True)
    (made / "templates/thanks.md").write_text("Subject: Thanks\n\nThank you.\n", encoding="utf-8")
    return made


def do(tmp_path: Path, *arguments: object, answer: str = "") -> Result:
    command = [str(one) for one in (*arguments, "--workspace", tmp_path / "ws")]
    return CliRunner().invoke(hub_command, command, input=answer)


def test_a_difference_is_shown_and_applied_after_a_yes(tmp_path: Path, folder: Path) -> None:
    differs = do(tmp_path, "diff", folder)
    assert differs.exit_code == 1
    assert "+Thank you." in differs.output
    assert "1 to add, 0 to change, 0 to remove." in differs.output

    assert "Applied" not in do(tmp_path, "apply", folder, answer="n\n").output
    assert do(tmp_path, "diff", folder).exit_code == 1
    assert "Applied" in do(tmp_path, "apply", folder, answer="y\n").output

    assert do(tmp_path, "diff", folder).exit_code == 0
    assert do(tmp_path, "export", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out/templates/thanks.md").read_bytes() == (folder / "templates/thanks.md").read_bytes()


def test_a_wrong_file_changes_nothing(tmp_path: Path, folder: Path) -> None:
    (folder / "recipes").mkdir()
    (folder / "recipes/wrong.yaml").write_text("hub: 1\n", encoding="utf-8")

    refused = do(tmp_path, "apply", folder, "--yes")

    assert refused.exit_code == 2
    assert "recipes/wrong.yaml" in refused.output
    assert do(tmp_path, "diff", folder).exit_code == 2


def test_a_folder_without_files_of_ours_is_misuse(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert do(tmp_path, "apply", tmp_path / "empty").exit_code == 2
