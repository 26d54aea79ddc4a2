"""The whole flow with engines that start nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from security import engines, rules, sbom, scan, summary
from security.errors import EngineError, Exit
from security.model import EngineReport
from security.process import Deadline

if TYPE_CHECKING:
    from pathlib import Path

    from security.settings import Settings
    from security.targets import Targets


class Fake:
    """An engine that reads everything, or fails."""

    def __init__(self, name: str, *, failure: str = "") -> None:
        self.NAME = name
        self.failure = failure
        self.summary_before: dict[str, Any] = {}

    def scan(self, targets: Targets, settings: Settings, deadline: Deadline) -> EngineReport:
        self.summary_before = json.loads((settings.output_dir / summary.NAME).read_text(encoding="utf-8"))
        assert deadline.left > 0
        if self.failure:
            raise EngineError(self.failure)
        return EngineReport(engine=self.NAME, version="1", unread={}, raw={"files": list(targets.files)})

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
    (settings.output_dir / "sbom.json").write_text("of an earlier run", encoding="utf-8")
    assert scan.scan(settings) is Exit.PASSED
    assert fakes[0].summary_before["status"] == "incomplete"
    assert (read(settings)["status"], read(settings)["coverage"]["read_by"]) == ("passed", {"semgrep": 1, "bandit": 1})
    assert read(settings)["dependencies"]["status"] == "not_evaluated"
    assert sorted(path.name for path in settings.output_dir.iterdir()) == [
        "bandit.json", "dependencies.json", "semgrep.json", "summary.json",
    ]  # fmt: skip
    assert "PASSED (exit code 0)" in capsys.readouterr().out


def test_a_failing_engine_leaves_its_reason_and_the_other_s_results(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "ENGINES", (Fake("semgrep", failure="killed"), Fake("bandit")))
    (settings.scan_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    assert scan.scan(settings) is Exit.INCOMPLETE
    assert read(settings)["engines"][0]["reason"] == "killed"
    assert read(settings, "semgrep.json") == {"failure": "killed"}
    assert read(settings, "bandit.json") == {"files": ["a.py"]}


def test_the_bill_of_materials_is_read_as_cyclonedx_printed_it(data: Path) -> None:
    made = sbom.read((data / "sbom.json").read_bytes(), code=0, tail="")
    assert (made.status, made.components) == ("written", 2)
    assert made.document is not None
    assert made.document["specVersion"] == "1.6"


@pytest.mark.parametrize(
    ("stdout", "code", "status"),
    [(b"{}", 0, "not_evaluated"), (b"", 0, "failed"), (b"{}", 2, "failed"), (b"[]", 0, "failed")],
)
def test_a_bill_of_nothing_is_none(stdout: bytes, code: int, status: str) -> None:
    assert sbom.read(stdout, code=code, tail="").status == status


def test_included_files_are_not_followed(settings: Settings) -> None:
    (settings.scan_path / "requirements.txt").write_text("idna==3.20\n-r /etc/passwd\n", encoding="utf-8")
    assert sbom.make(settings.scan_path, Deadline.after(1)).status == "not_evaluated"


def test_the_rules_checksum_changes_with_any_rule(program: Path, tmp_path: Path) -> None:
    assert len(rules.checksum(program / "rules")) == 64
    (tmp_path / "a.yaml").write_text("rules: []\n", encoding="utf-8")
    before = rules.checksum(tmp_path)
    (tmp_path / "a.yaml").write_text("rules: [ ]\n", encoding="utf-8")
    assert rules.checksum(tmp_path) != before
