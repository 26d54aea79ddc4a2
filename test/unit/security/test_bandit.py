"""Bandit's reports, as the image's bandit on Python 3.11 printed them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from security.engines import bandit
from security.errors import EngineError
from security.model import EngineReport, Severity
from security.process import Deadline

FILES = ("broken.py", "bytes.py", "generics.py", "injection.py", "library.py", "test_f.py", "web.py")


@pytest.fixture
def report(data: Path) -> EngineReport:
    document = bandit.parse((data / "bandit.json").read_bytes())
    return bandit.report([document], root="/scan/", files=FILES, engine_version="1.9.4")


def test_files_that_it_could_not_parse_are_read_from_its_errors(report: EngineReport) -> None:
    # generics.py is correct Python 3.12; bandit ends with code 0 or 1 all the same.
    assert sorted(report.unread) == ["broken.py", "bytes.py", "generics.py"]


def test_a_finding_has_its_weakness_and_a_place_counted_from_one(report: EngineReport) -> None:
    finding = next(found for found in report.findings if found.rule == "B602")
    assert (finding.severity, finding.cwe, finding.path) == (Severity.HIGH, (78,), "injection.py")
    assert finding.column >= 1
    assert finding.fix.startswith("see https://")


def test_assert_in_test_code_is_no_finding(report: EngineReport, data: Path) -> None:
    assert '"B101"' in (data / "bandit.json").read_text(encoding="utf-8")
    assert not [found for found in report.findings if found.rule == "B101"]


def test_a_file_without_metrics_was_never_opened(data: Path) -> None:
    document = bandit.parse((data / "bandit.json").read_bytes())
    merged = bandit.report([document], root="/scan/", files=(*FILES, "x.py"), engine_version="")
    assert merged.unread["x.py"] == "not opened"


@pytest.mark.parametrize("stdout", [b"", b"nothing", b"{}", b"[]"])
def test_no_report_is_a_failure(stdout: bytes) -> None:
    with pytest.raises(EngineError):
        bandit.parse(stdout)


def test_the_command_obeys_no_file_of_the_scanned_tree() -> None:
    argv = bandit.command(["/scan/a.py"], ini=Path("/c/bandit.ini"), results=Path("/scan/results"))
    assert argv[argv.index("--ini") + 1] == "/c/bandit.ini"
    assert argv[argv.index("--exclude") + 1] == "/scan/results"
    assert "--ignore-nosec" in argv


def test_the_command_is_the_runner_on_this_python_away_from_the_scanned_tree() -> None:
    argv = bandit.command(["/scan/a.py"], ini=Path("/c/bandit.ini"), results=Path("/scan/results"))
    assert argv[:3] == (sys.executable, "-IB", str(bandit.RUNNER))
    assert bandit.RUNNER.is_file()


def test_the_version_is_asked_of_the_program_where_it_is_not_installed_for_this_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bandit, "version", lambda _: "asked")
    assert bandit.installed(Deadline.after(1)) == "asked"
    monkeypatch.setattr(bandit.metadata, "version", lambda name: f"{name} there")
    assert bandit.installed(Deadline.after(1)) == "bandit there"
