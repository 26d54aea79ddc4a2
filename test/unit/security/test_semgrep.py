"""Semgrep's reports, as the image's engine printed them."""

from __future__ import annotations

from pathlib import Path

import pytest

from security.engines import semgrep
from security.errors import EngineError
from security.model import EngineReport, Severity

FILES = ("broken.py", "bytes.py", "generics.py", "injection.py", "library.py", "test_f.py", "web.py")


@pytest.fixture
def report(data: Path) -> EngineReport:
    document = semgrep.parse((data / "semgrep.json").read_bytes(), code=0)
    return semgrep.report([document], root="/scan/", files=FILES)


def test_a_finding_carries_the_rule_s_own_metadata(report: EngineReport) -> None:
    finding = next(found for found in report.findings if found.rule == "python-sql-injection")
    assert (finding.severity, finding.confidence, finding.cwe) == (Severity.CRITICAL, "high", (89,))
    assert "parameter" in finding.fix
    assert (finding.path, finding.column) == ("injection.py", 20)


def test_a_file_that_was_parsed_in_part_or_not_at_all_is_unread(report: EngineReport) -> None:
    assert report.unread == {"broken.py": "PartialParsing, line 1", "bytes.py": "PartialParsing, line 1"}


def test_a_file_that_the_report_never_mentions_is_unread(data: Path) -> None:
    document = semgrep.parse((data / "semgrep.json").read_bytes(), code=0)
    assert semgrep.report([document], root="/scan/", files=(*FILES, "x.py")).unread["x.py"] == "not scanned"


def test_a_broken_rule_is_a_failure_although_a_report_is_there(data: Path) -> None:
    with pytest.raises(EngineError, match="could not use its rules"):
        semgrep.parse((data / "semgrep-bad-rule.json").read_bytes(), code=7)


@pytest.mark.parametrize("stdout", [b"", b"{", b"[]", b'{"version": "1"}'])
def test_no_report_is_a_failure_whatever_the_code(stdout: bytes) -> None:
    with pytest.raises(EngineError):
        semgrep.parse(stdout, code=0)


def test_paths_that_are_no_utf_8_are_kept() -> None:
    stdout = b'{"results": [], "errors": [], "paths": {"scanned": ["/scan/\xff.py"]}, "version": "1"}'
    document = semgrep.parse(stdout, code=0)
    assert semgrep.report([document], root="/scan/", files=("\udcff.py",)).unread == {}


def test_the_command_keeps_the_scanned_tree_from_deciding_anything() -> None:
    argv = semgrep.command(["/scan/a.py"], config=Path("/rules"), jobs=2)
    assert argv[:2] == ("semgrep", "scan")
    assert argv[-1] == "/scan/a.py"
    assert {"--novcs", "--no-git-ignore", "--x-ignore-semgrepignore-files", "--disable-nosem"} <= set(argv)
    assert argv[argv.index("--jobs") + 1] == "2"
    assert {"--metrics=off", "--disable-version-check"} <= set(argv)
