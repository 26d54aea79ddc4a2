"""The whole flow with engines that start nothing."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from security import engines, rules, scan
from security.errors import EngineError, Exit
from security.findings import baseline
from security.model import EngineReport, State
from security.reports import summary

if TYPE_CHECKING:
    from pathlib import Path

    from security.process import Deadline
    from security.settings import Settings
    from security.targets import Targets

CLOCK = scan.Clock(now=datetime(2026, 1, 15, tzinfo=UTC))
REPORTS = [
    "bandit.json", "dependencies.json", "report.html", "report.md", "results.sarif", "semgrep.sarif", "summary.json",
]  # fmt: skip


class Fake:
    """An engine that reads everything, or fails."""

    def __init__(self, name: str, *, failure: str = "", findings: Any = ()) -> None:
        self.NAME = name
        self.failure = failure
        self.findings = findings
        self.summary_before: dict[str, Any] = {}

    def scan(self, targets: Targets, settings: Settings, deadline: Deadline) -> EngineReport:
        self.summary_before = json.loads((settings.output_dir / summary.NAME).read_text(encoding="utf-8"))
        assert deadline.left > 0
        if self.failure:
            raise EngineError(self.failure)
        return EngineReport(
            engine=self.NAME, version="1", unread={}, findings=tuple(self.findings), raw={"files": list(targets.files)}
        )

    def version(self, deadline: Deadline) -> str:
        return f"{deadline.left:.0f}"


def read(settings: Settings, name: str = summary.NAME) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((settings.output_dir / name).read_text(encoding="utf-8"))
    return document


def test_a_run_passes_and_the_summary_was_incomplete_until_then(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes = (Fake("semgrep"), Fake("bandit"))
    monkeypatch.setattr(engines, "ENGINES", fakes)
    (settings.scan_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    for name in ("sbom.json", "summary.json"):
        (settings.output_dir / name).write_text('{"status": "passed"}', encoding="utf-8")
    assert scan.scan(settings, CLOCK) is Exit.PASSED
    assert fakes[0].summary_before["status"] == "incomplete"
    assert (read(settings)["status"], read(settings)["coverage"]["read_by"]) == ("passed", {"semgrep": 1, "bandit": 1})
    assert read(settings)["dependencies"]["status"] == "not_applicable"
    assert sorted(path.name for path in settings.output_dir.iterdir()) == REPORTS
    captured = capsys.readouterr()
    assert "PASSED (exit code 0)" in captured.out
    assert [json.loads(line)["event"] for line in captured.err.splitlines()][:2] == ["engine", "engine ended"]


def test_a_failing_engine_leaves_its_reason_and_the_other_s_results(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "ENGINES", (Fake("semgrep"), Fake("bandit", failure="killed")))
    (settings.scan_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    assert scan.scan(settings, CLOCK) is Exit.INCOMPLETE
    assert read(settings)["engines"][1]["reason"] == "killed"
    assert read(settings, "bandit.json") == {"failure": "killed"}
    assert read(settings, "results.sarif")["runs"][0]["invocations"][0]["executionSuccessful"] is False
    assert read(settings, "semgrep.sarif")["runs"][0]["invocations"][0]["executionSuccessful"] is True


def test_two_scans_of_one_tree_give_the_same_bytes_but_for_the_run_s_own_block(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, finding: Any
) -> None:
    found = [finding(), finding(rule="python-xss", cwe=(79,))]
    (settings.scan_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    (settings.scan_path / "requirements.txt").write_text("idna==3.20\nrequests==2.0\n", encoding="utf-8")
    seen = []
    for order, day in ((found, 15), (found[::-1], 16)):
        monkeypatch.setattr(engines, "ENGINES", (Fake("semgrep", findings=order), Fake("bandit")))
        scan.scan(settings, scan.Clock(now=datetime(2026, 1, day, tzinfo=UTC)))
        texts = {path.name: path.read_text(encoding="utf-8") for path in settings.output_dir.iterdir()}
        kept = json.loads(texts["summary.json"])
        assert kept.pop(summary.VOLATILE)["started"].startswith(f"2026-01-{day}")
        seen.append(texts | {"summary.json": json.dumps(kept)})
    assert seen[0] == seen[1]
    assert "sbom.json" in seen[0]


def test_a_baseline_makes_today_s_findings_existing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, finding: Any
) -> None:
    monkeypatch.setattr(engines, "ENGINES", (Fake("semgrep", findings=[finding()]), Fake("bandit")))
    (settings.scan_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    assert scan.accept(settings, CLOCK) is Exit.PASSED
    kept = settings.scan_path / "baseline.json"
    (settings.output_dir / baseline.NAME).rename(kept)
    again = dataclasses.replace(settings, baseline=kept)
    assert scan.scan(again, CLOCK) is Exit.PASSED
    assert read(settings)["findings"][0]["state"] == State.EXISTING


def test_an_incomplete_run_gives_no_baseline(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "ENGINES", (Fake("semgrep"), Fake("bandit", failure="killed")))
    (settings.scan_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    assert scan.accept(settings, CLOCK) is Exit.INCOMPLETE
    assert not (settings.output_dir / "baseline.json").exists()


def test_a_fast_scan_leaves_out_bandit_and_says_what_it_skips(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "ENGINES", (Fake("semgrep"), Fake("bandit", failure="was started")))
    (settings.scan_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    assert scan.scan(dataclasses.replace(settings, scan_type="fast"), CLOCK) is Exit.PASSED
    assert read(settings)["dependencies"]["status"] == "skipped"
    assert read(settings)["sbom"]["status"] == "skipped"


def test_the_rules_checksum_changes_with_any_rule(program: Path, tmp_path: Path) -> None:
    assert len(rules.checksum(program / "rules")) == 64
    (tmp_path / "a.yaml").write_text("rules: []\n", encoding="utf-8")
    before = rules.checksum(tmp_path)
    (tmp_path / "a.yaml").write_text("rules: [ ]\n", encoding="utf-8")
    assert rules.checksum(tmp_path) != before


def test_every_rule_of_the_pack_says_what_the_reports_need(program: Path) -> None:
    for rule in rules.load(program / "rules"):
        assert rule.cwe, rule.id
        assert rule.why, rule.id
        assert rule.fix, rule.id
        assert rule.confidence in ("high", "medium", "low"), rule.id


def test_the_fast_rules_are_the_sure_ones_and_the_coverage_probe(program: Path, tmp_path: Path) -> None:
    rules.write_fast(program / "rules", tmp_path / "fast.json")
    kept = {rule["id"] for rule in json.loads((tmp_path / "fast.json").read_text(encoding="utf-8"))["rules"]}
    assert kept == {rule.id for rule in rules.load(program / "rules") if rule.fast} | {"coverage-probe"}


def test_a_rule_that_lacks_a_part_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("rules:\n  - id: x\n    message: m\n    metadata: {severity: high}\n")
    with pytest.raises(EngineError, match=r"the rule x in a\.yaml lacks 'confidence'"):
        rules.load(tmp_path)
