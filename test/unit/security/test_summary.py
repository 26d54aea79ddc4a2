"""The verdict: what was not looked at never passes."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from security.changes import Changes
from security.dependencies.evaluate import judge
from security.dependencies.model import Dependency, Manifest, Reason
from security.dependencies.outcome import Dependencies
from security.errors import Exit, UsageError
from security.findings.accepted import Acceptance
from security.model import EngineReport, Finding, Severity, State
from security.reports import files, html, markdown, summary, terminal
from security.reports.sbom import Sbom
from security.targets import Targets
from security.values import Share

if TYPE_CHECKING:
    from pathlib import Path

    from security.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FINDING = Finding(
    engines=("semgrep",),
    rule="python-ssrf",
    severity=Severity.HIGH,
    confidence="high",
    cwe=(918,),
    path="a.py",
    line=3,
    end_line=3,
    column=1,
    message="Text\x1b[2J from\na <script>request</script> | `x` [l](javascript:1)",
    fix="Choose it",
)
LOCK = Manifest(path="uv.lock", kind="uv.lock", dependencies=(Dependency(name="a", version="1"),))


def report(engine: str, **changes: Any) -> EngineReport:
    return dataclasses.replace(EngineReport(engine=engine, version="1", unread={}, raw={}), **changes)


def dependencies(*manifests: Manifest, **changes: Any) -> Dependencies:
    judged = judge(manifests, None, now=NOW, max_age=90)
    return Dependencies(manifests=manifests, judged=judged, now=NOW, max_age=90, **changes)


def outcome(root: Path, **changes: Any) -> summary.Outcome:
    base = summary.Outcome(
        targets=Targets(root=root, files=("a.py", "b.py"), left_out={}, unreadable={}),
        reports=(report("semgrep"), report("bandit")),
        findings=(),
        dependencies=dependencies(LOCK),
        sbom=Sbom(status="not_applicable", reason="no manifest"),
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


@pytest.mark.parametrize("state", [State.EXISTING, State.SUPPRESSED])
def test_what_is_not_new_does_not_fail_but_stays_counted(settings: Settings, tmp_path: Path, state: State) -> None:
    seen = outcome(tmp_path, findings=(dataclasses.replace(FINDING, state=state),))
    verdict = summary.judge(seen, settings)
    assert verdict.exit is Exit.PASSED
    document: Any = summary.document(seen, verdict, settings)
    assert document["counts"][state]["high"] == 1
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


def test_a_few_gaps_of_many_files_are_a_warning_and_one_more_is_incomplete(settings: Settings, tmp_path: Path) -> None:
    names = tuple(f"{number}.py" for number in range(100))
    targets = Targets(root=tmp_path, files=names, left_out={}, unreadable={})

    def run(gaps: int, bound: Share) -> summary.Verdict:
        unread = dict.fromkeys(names[:gaps], "x")
        seen = outcome(tmp_path, targets=targets, reports=(report("semgrep", unread=unread),))
        return summary.judge(seen, dataclasses.replace(settings, max_gaps=bound))

    percent = Share(number=1, percent=True)
    assert run(1, percent).exit is Exit.PASSED
    assert "1 files could not be read" in run(1, percent).warnings[0]
    assert run(2, percent).exit is Exit.INCOMPLETE
    assert run(2, Share(number=2, percent=False)).exit is Exit.PASSED


def test_a_scan_of_nothing_is_no_pass_unless_nothing_changed(settings: Settings, tmp_path: Path) -> None:
    nothing = Targets(root=tmp_path, files=(), left_out={}, unreadable={})
    assert summary.judge(outcome(tmp_path, targets=nothing), settings).exit is Exit.INCOMPLETE
    unchanged = outcome(tmp_path, targets=nothing, changes=Changes(base="b", hunks={}))
    assert summary.judge(unchanged, settings).exit is Exit.PASSED
    unknown = outcome(tmp_path, targets=nothing, changes=Changes(reason="no git", hunks={}))
    assert summary.judge(unknown, settings).exit is Exit.INCOMPLETE


def test_required_dependencies_that_nobody_judged_are_exit_4(settings: Settings, tmp_path: Path) -> None:
    verdict = summary.judge(outcome(tmp_path), dataclasses.replace(settings, require="dependencies"))
    assert (verdict.status, verdict.exit) == ("incomplete", Exit.DEPENDENCIES)
    assert verdict.reasons == ("1 dependencies not evaluated: no_advisories",)


def test_a_lock_and_advisories_together_require_a_verdict_and_one_alone_does_not(
    settings: Settings, tmp_path: Path
) -> None:
    given = dataclasses.replace(settings, advisories=tmp_path)
    loose = Manifest(path="requirements.txt", kind="requirements",
                     dependencies=(Dependency(name="a", version="", unjudgeable=Reason.UNPINNED),))  # fmt: skip
    broken = Manifest(path="poetry.lock", kind="poetry.lock", error="not TOML")
    assert summary.judge(outcome(tmp_path), given).exit is Exit.DEPENDENCIES
    assert summary.judge(outcome(tmp_path), settings).exit is Exit.PASSED
    assert summary.judge(outcome(tmp_path, dependencies=dependencies(loose)), given).exit is Exit.PASSED
    assert summary.judge(outcome(tmp_path, dependencies=dependencies(broken)), given).exit is Exit.DEPENDENCIES
    never = dataclasses.replace(given, require="none")
    assert summary.judge(outcome(tmp_path), never).exit is Exit.PASSED


def test_an_expired_suppression_fails_and_an_unused_one_warns(settings: Settings, tmp_path: Path) -> None:
    entry = Acceptance(id="B101", fingerprint="", path="", owner="o", reason="r", expires=date(2025, 1, 1))
    expired = summary.judge(outcome(tmp_path, expired=(entry,)), settings)
    unused = summary.judge(outcome(tmp_path, unused=(entry,)), settings)
    assert (expired.exit, expired.reasons) == (Exit.FINDINGS, ("the suppression of B101 expired on 2025-01-01",))
    assert (unused.exit, unused.warnings) == (Exit.PASSED, ("the suppression of B101 matches nothing",))


def test_findings_outrank_what_is_missing_and_both_are_said(settings: Settings, tmp_path: Path) -> None:
    seen = outcome(tmp_path, findings=(FINDING,), reports=(report("semgrep", failure="killed"), report("bandit")))
    verdict = summary.judge(seen, settings)
    assert verdict.exit is Exit.FINDINGS
    assert len(verdict.reasons) == 2


def test_no_report_for_people_carries_text_of_the_tree_unescaped(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "project/x").mkdir()
    named = dataclasses.replace(FINDING, path="a\x1b[31m\n<blink>\u202e\udcff.py")
    left = Targets(root=tmp_path, files=("a.py",), left_out={"<s>\x07": "a link"}, unreadable={"<u>.py": "x|y"})
    seen = outcome(tmp_path, findings=(named,), targets=left)
    verdict = summary.judge(seen, settings)
    texts = {
        "terminal": terminal.render(seen, verdict, settings),
        "html": html.render(seen, verdict, settings),
        "markdown": markdown.render(seen, verdict, settings),
    }
    for text in texts.values():
        assert not {"\x1b", "\x07", "\u202e", "\udcff"} & set(text)
        text.encode("utf-8")
    for markup in ("<script", "<blink>", "<s>", "<u>"):
        assert markup not in texts["html"]
        assert markup not in texts["markdown"]
    assert "](" not in texts["markdown"]
    assert "FAILED (exit code 1)" in texts["terminal"]
    assert "no_advisories 1" in texts["terminal"]


def test_the_page_is_self_contained(settings: Settings, tmp_path: Path) -> None:
    page = html.render(outcome(tmp_path), summary.judge(outcome(tmp_path), settings), settings)
    assert "default-src 'none'" in page
    assert not any(word in page for word in ("<script", "<link", "<img", "src=", "url(", "@import"))


def test_the_document_is_json_whatever_bytes_a_path_has(settings: Settings, tmp_path: Path) -> None:
    seen = outcome(tmp_path, findings=(dataclasses.replace(FINDING, path="\udcff.py"),))
    document = summary.document(seen, summary.judge(seen, settings), settings)
    files.write(tmp_path, "summary.json", document)
    read = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert read["findings"][0]["path"] == "\\xff.py"


@pytest.mark.parametrize("missing", ["project", "results"])
def test_a_missing_mount_is_refused_with_the_command_that_helps(tmp_path: Path, missing: str) -> None:
    for name in {"project", "results"} - {missing}:
        (tmp_path / name).mkdir()
    with pytest.raises(UsageError) as caught:
        files.check_mounts(tmp_path / "project", tmp_path / "results")
    assert "-v " in caught.value.fix


def test_a_report_that_cannot_be_written_leaves_nothing_half(tmp_path: Path) -> None:
    (tmp_path / "summary.json").mkdir()
    with pytest.raises(UsageError):
        files.write(tmp_path, "summary.json", {})
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


def test_what_a_killed_run_left_is_taken_away_but_the_summary_stays(tmp_path: Path) -> None:
    for name in (".security-scan-abc", "report.html", "summary.json", "mine.txt"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    files.clear(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.txt", "summary.json"]
