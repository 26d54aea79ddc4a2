"""The verdict: what was not looked at never passes."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from security import results, summary, terminal
from security.dependencies import Dependencies
from security.errors import Exit, UsageError
from security.model import EngineReport, Finding, Severity, State
from security.sbom import Sbom
from security.targets import Targets

if TYPE_CHECKING:
    from pathlib import Path

    from security.settings import Settings

FINDING = Finding(
    engine="semgrep",
    rule="python-ssrf",
    severity=Severity.HIGH,
    confidence="high",
    cwe=(918,),
    path="a.py",
    line=3,
    end_line=3,
    column=1,
    message="Text\x1b[2J from\na request",
    fix="Choose it",
)


def report(engine: str, **changes: Any) -> EngineReport:
    return dataclasses.replace(EngineReport(engine=engine, version="1", unread={}, raw={}), **changes)


def outcome(root: Path, **changes: Any) -> summary.Outcome:
    base = summary.Outcome(
        targets=Targets(root=root, files=("a.py", "b.py"), left_out={}, unreadable={}),
        reports=(report("semgrep"), report("bandit")),
        findings=(),
        dependencies=Dependencies(status="not_evaluated", reason="no_advisories", manifests=("uv.lock",)),
        sbom=Sbom(status="not_applicable", reason="no requirements.txt", components=0, document=None),
        rules_checksum="c" * 64,
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
    )
    return dataclasses.replace(base, **changes)


def test_a_complete_run_without_findings_passes(settings: Settings, tmp_path: Path) -> None:
    verdict = summary.judge(outcome(tmp_path), settings)
    assert (verdict.status, verdict.exit, verdict.reasons) == ("passed", Exit.PASSED, ())


def test_a_finding_at_the_threshold_fails_and_one_below_does_not(settings: Settings, tmp_path: Path) -> None:
    below = dataclasses.replace(FINDING, severity=Severity.MEDIUM)
    assert summary.judge(outcome(tmp_path, findings=(FINDING,)), settings).exit is Exit.FINDINGS
    assert summary.judge(outcome(tmp_path, findings=(below,)), settings).exit is Exit.PASSED


def test_an_accepted_finding_does_not_fail_but_stays_counted(settings: Settings, tmp_path: Path) -> None:
    accepted = dataclasses.replace(FINDING, state=State.SUPPRESSED)
    seen = outcome(tmp_path, findings=(accepted,))
    verdict = summary.judge(seen, settings)
    assert verdict.exit is Exit.PASSED
    document: Any = summary.document(seen, verdict, settings)
    assert document["counts"]["suppressed"]["high"] == 1
    assert len(document["findings"]) == 1


def test_a_failed_engine_is_incomplete_and_says_why(settings: Settings, tmp_path: Path) -> None:
    unread = {"a.py": "failed", "b.py": "failed"}
    seen = outcome(tmp_path, reports=(report("semgrep"), report("bandit", failure="killed", unread=unread)))
    verdict = summary.judge(seen, settings)
    assert (verdict.status, verdict.exit) == ("incomplete", Exit.INCOMPLETE)
    assert verdict.reasons == ("bandit failed: killed",)


def test_a_file_that_one_engine_read_is_covered_and_one_that_none_read_is_a_gap(
    settings: Settings, tmp_path: Path
) -> None:
    semgrep, bandit = report("semgrep", unread={"b.py": "partly"}), report("bandit", unread={"a.py": "x", "b.py": "x"})
    seen = outcome(tmp_path, reports=(semgrep, bandit))
    assert summary.gaps(seen.targets, seen.reports) == {"b.py": "semgrep: partly; bandit: x"}
    assert summary.judge(seen, settings).exit is Exit.INCOMPLETE


def test_a_scan_of_nothing_is_no_pass(settings: Settings, tmp_path: Path) -> None:
    nothing = Targets(root=tmp_path, files=(), left_out={}, unreadable={})
    assert summary.judge(outcome(tmp_path, targets=nothing), settings).exit is Exit.INCOMPLETE


def test_required_dependencies_that_nobody_judged_are_exit_4(settings: Settings, tmp_path: Path) -> None:
    required = dataclasses.replace(settings, require=frozenset({"dependencies"}))
    verdict = summary.judge(outcome(tmp_path), required)
    assert (verdict.status, verdict.exit) == ("incomplete", Exit.DEPENDENCIES)


def test_findings_outrank_what_is_missing_and_both_are_said(settings: Settings, tmp_path: Path) -> None:
    seen = outcome(tmp_path, findings=(FINDING,), reports=(report("semgrep", failure="killed"), report("bandit")))
    verdict = summary.judge(seen, settings)
    assert verdict.exit is Exit.FINDINGS
    assert len(verdict.reasons) == 2


def test_the_terminal_gets_no_control_character_from_the_scanned_tree(settings: Settings, tmp_path: Path) -> None:
    named = dataclasses.replace(FINDING, path="a\x1b[31m\n.py")
    seen = outcome(tmp_path, findings=(named,))
    text = terminal.render(seen, summary.judge(seen, settings), settings)
    assert "\x1b" not in text
    assert "FAILED (exit code 1)" in text
    assert "not_evaluated (no_advisories)" in text


def test_the_document_is_json_whatever_bytes_a_path_has(settings: Settings, tmp_path: Path) -> None:
    seen = outcome(tmp_path, findings=(dataclasses.replace(FINDING, path="\udcff.py"),))
    document = summary.document(seen, summary.judge(seen, settings), settings)
    results.write(tmp_path, "summary.json", document)
    read = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert read["findings"][0]["path"] == "\\xff.py"


@pytest.mark.parametrize("missing", ["project", "results"])
def test_a_missing_mount_is_refused_with_the_command_that_helps(tmp_path: Path, missing: str) -> None:
    for name in {"project", "results"} - {missing}:
        (tmp_path / name).mkdir()
    with pytest.raises(UsageError) as caught:
        results.check_mounts(tmp_path / "project", tmp_path / "results")
    assert "-v " in caught.value.fix
