"""What holds for the repository as a whole."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = {"tests": 600}  # lines; a test file is one list of cases
LONGEST_ELSEWHERE = 450

# Written so that this file does not hold what it looks for.
UNFINISHED = re.compile("TO" + "DO|FIX" + "ME|NotImplemented" + "Error")
SKIPPED = re.compile(r"\b(pytest\.)?(mark\.)?(skip|skipif|xfail|importorskip)\(|mark\.(skip|xfail)|unittest\.skip")
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|home|Users|root|mnt|opt)/[a-z]")
REGISTRY = re.compile(
    r"https?://[^\s\"')>]*(/simple/?\b|/packages/[0-9a-f]{2}/|/-/[\w.@-]+\.tgz)|files\.pythonhosted|registry\.npmjs"
)


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def lines():
    for file in tracked():
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            yield file.relative_to(ROOT), number, line


def found(pattern, *suffixes):
    return [
        f"{file}:{number}: {line.strip()[:120]}"
        for file, number, line in lines()
        if file.suffix in suffixes or not suffixes
        if pattern.search(line)
    ]


def test_the_readmes_first_commands_are_run_and_test():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^(?:    |\$ )?(make .*)$", readme, flags=re.MULTILINE)
    assert commands[:2] == ["make run", "make test"]


def test_nothing_is_left_unfinished():
    assert found(UNFINISHED, ".py", ".ts", ".css", ".html", ".yaml", ".sh", ".toml") == []


def test_no_test_is_skipped_or_expected_to_fail():
    assert found(SKIPPED, ".py") == []


def test_no_path_of_a_machine_is_written_down():
    assert found(MACHINE_PATH) == []


def test_no_address_of_a_package_registry_is_written_down():
    assert found(REGISTRY) == []


def test_files_are_short_enough_to_be_read():
    code = [file.relative_to(ROOT) for file in tracked() if file.suffix in {".py", ".ts", ".tsx", ".css"}]
    lengths = {file: len((ROOT / file).read_text(encoding="utf-8").splitlines()) for file in code}
    assert {file: size for file, size in lengths.items() if size > LONGEST.get(file.parts[0], LONGEST_ELSEWHERE)} == {}


def test_no_module_has_a_name_that_says_nothing():
    nothing = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}
    assert [file for file in tracked() if file.suffix in {".py", ".ts"} and file.stem in nothing] == []


@pytest.mark.parametrize("requirements", sorted(ROOT.glob("requirements/*.txt")), ids=lambda file: file.stem)
def test_every_requirement_is_pinned_with_hashes(requirements):
    text = requirements.read_text(encoding="utf-8").replace("\\\n", " ")
    pins = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert pins
    assert [pin for pin in pins if not re.match(r"[a-z0-9._\[\],-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", pin)] == []


def test_the_requirements_have_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    names = {re.split(r"[\[<>=]", dependency)[0] for dependency in project["dependencies"]}
    assert {
        name for name in names if not re.search(rf"^{re.escape(name)}(\[[a-z,]+\])?==", pinned, flags=re.MULTILINE)
    } == set()


def test_the_tests_run_what_users_run():
    def pins(name):
        return set(
            re.findall(r"^([a-z0-9._\[\],-]+==\S+)", (ROOT / "requirements" / name).read_text("utf-8"), re.MULTILINE)
        )

    assert pins("runtime.txt") <= pins("dev.txt")


def test_every_dependency_has_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    groups = project["dependency-groups"]
    python = {*project["project"]["dependencies"], *(one for group in groups.values() for one in group)}
    package = (ROOT / "ui" / "package.json").read_text(encoding="utf-8")
    npm = re.findall(r'"([^"]+)": "\d[^"]*"', package)
    names = {re.split(r"[\[<>=]", dependency)[0] for dependency in python} | set(npm)
    assert {name for name in names if f"| `{name}` |" not in page} == set()
    assert set(re.findall(r"^\| `([^`]+)` \|", page, flags=re.MULTILINE)) == names, (
        "a reason for what is not used any more"
    )


def test_the_lock_file_pins_every_npm_package_by_its_hash():
    lock = (ROOT / "ui" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert lock.count('"integrity": "sha512-') == lock.count('"node_modules/')


def test_a_run_with_a_skipped_test_fails(tmp_path):
    (tmp_path / "test_x.py").write_text(f"import pytest\ndef test_a(): pass\ndef test_b(): pytest.{'skip'}('no')\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.conftest",
        "-c",
        "/dev/null",
        "--rootdir",
        str(tmp_path),
    ]
    done = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "1 passed, 1 skipped" in done.stdout
    assert "That counts as a failure here." in done.stdout
