"""container-structure-test: its file split by driver letter by letter, its captured reports, what it did not say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from galway import catalog
from galway.checks import Subject, structure
from galway.errors import ConfigurationError, NotEvaluatedError
from galway.process import Completed
from galway.tools import structure_test

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[3]
DATA = ROOT / "test" / "data" / "structure"
IMAGES = {image.name: image for image in catalog.load(ROOT).images}


class Engine:
    """An engine as far as these checks look."""

    env: dict[str, str] = {}  # noqa: RUF012 - a fake


class Platform:
    """Written as a manifest's platform is."""

    def __str__(self) -> str:
        return "linux/amd64"


class Manifest:
    """A manifest as far as these checks look."""

    platform = Platform()
    size = 1


def subject(scratch: Path, name: str = "security-scanner", **changes: Any) -> Subject:
    values: dict[str, Any] = {
        "image": IMAGES[name],
        "layout": None,
        "manifest": Manifest(),
        "root": ROOT,
        "scratch": scratch,
        "engine": Engine(),
        "reference": "localhost/galway/x:y",
        "runs": "native",
    }
    return Subject(**{**values, **changes})


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """Every program that would have been started; each answers with the captured report of failures."""
    argvs: list[Sequence[str]] = []

    def run(argv: Sequence[str], **_: Any) -> Completed:
        argvs.append(argv)
        report = (DATA / "failed.json").read_text()
        return Completed(argv=tuple(argv), code=1, stdout=report, stderr="FAIL", seconds=0.1)

    class Tool:
        path = Path("container-structure-test")

    monkeypatch.setattr(structure.process, "run", run)
    monkeypatch.setattr(structure.toolbox, "ensure", lambda *_: Tool())
    monkeypatch.setattr(structure.assembly, "archive", lambda *_: [b"archive"])
    return argvs


@pytest.mark.parametrize("name", IMAGES)
def test_a_file_is_split_without_losing_a_test_or_a_letter(name: str) -> None:
    text = (ROOT / IMAGES[name].structure_test).read_text()
    config = structure_test.read(ROOT / IMAGES[name].structure_test)
    parts = [config.of_bytes, config.of_files, config.of_commands]
    assert sorted(name for part in parts for name in part.names) == sorted(config.names)
    assert len(config.names) == text.count("- name:") + 1  # and the metadata
    for part in parts:
        assert part.text.startswith("schemaVersion: 2.0.0\n")
        assert all(line in text.splitlines() for line in part.text.splitlines())


def test_owners_are_asked_of_the_engine_since_the_tar_driver_unpacks_without_them() -> None:
    config = structure_test.read(ROOT / IMAGES["ci"].structure_test)
    assert config.of_files.names == ["The workspace belongs to the user", "The home belongs to the user"]
    assert "uid:" not in config.of_bytes.text


@pytest.mark.parametrize("text", ["", "- a list\n", "schemaVersion: 2.0.0\ncomandTests: []\n"])
def test_a_file_that_would_be_half_read_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "tests.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"tests\.yaml"):
        structure_test.read(tmp_path / "tests.yaml")


def test_captured_reports_are_read() -> None:
    passed = structure_test.parse((DATA / "ci-bytes.json").read_text())
    assert passed
    assert all(result.passed for result in passed)
    failed = structure_test.parse("a line of the log\n" + (DATA / "failed.json").read_text())
    assert [result.passed for result in failed] == [False, False, False]


@pytest.mark.parametrize("text", ["", "level=fatal msg=boom", '{"Results": 1}'])
def test_no_report_is_no_verdict(text: str) -> None:
    with pytest.raises(NotEvaluatedError):
        structure_test.parse(text)


def test_a_failure_names_its_cause_without_temporary_folders(tmp_path: Path, started: list[Sequence[str]]) -> None:
    checks = structure.check(subject(tmp_path))
    by_name = {check.name: check for check in checks}
    missing = by_name["A tool that is missing"]
    assert missing.status == "failed"
    assert missing.detail.endswith("lstat /usr/local/bin/absent: no such file or directory")
    assert "Another title" in by_name["Metadata Test"].detail
    assert [argv[3] for argv in started] == ["tar", "docker"]
    assert len({check.name for check in checks}) == len(checks)  # both drivers answered with the same names


def test_commands_that_cannot_run_are_not_evaluated_while_files_are(
    tmp_path: Path, started: list[Sequence[str]]
) -> None:
    checks = structure.check(subject(tmp_path, runs="no"))
    assert [argv[3] for argv in started] == ["tar"]
    unknown = [check for check in checks if check.status == "not_evaluated"]
    assert [check.name for check in unknown] == ["Semgrep version", "Bandit version"]
    assert all(check.hint for check in unknown)


def test_without_an_engine_only_the_bytes_are_looked_at(tmp_path: Path, started: list[Sequence[str]]) -> None:
    checks = structure.check(subject(tmp_path, "ci", engine=None))
    assert [argv[3] for argv in started] == ["tar"]
    assert sum(check.status == "not_evaluated" for check in checks) == 16


def test_a_report_of_fewer_tests_than_the_file_has_is_not_a_pass(
    tmp_path: Path, started: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(argv: Sequence[str], **_: Any) -> Completed:
        return Completed(argv=tuple(argv), code=0, stdout='{"Results":null}', stderr="", seconds=0.1)

    monkeypatch.setattr(structure.process, "run", run)
    checks = structure.check(subject(tmp_path))
    assert {check.status for check in checks} == {"not_evaluated"}
    assert "0 of 3" in checks[0].detail
    assert started == []
