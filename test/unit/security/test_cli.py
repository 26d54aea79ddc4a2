"""The command line: `scan` may be left out, errors become one line and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from security import cli, selfcheck
from security.errors import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from security.process import Deadline


@pytest.fixture(autouse=True)
def no_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process under test is pytest's own."""
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)


@pytest.mark.parametrize("command", [[], ["scan"]])
def test_scan_is_the_default_with_flags_and_without(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main([*command, "--scan-path", str(tmp_path / "none"), "--output-dir", str(tmp_path)])
    assert code == Exit.USAGE
    assert "next: mount the project" in capsys.readouterr().err


@pytest.mark.parametrize(("flags", "seconds"), [([], selfcheck.SECONDS), (["--seconds", "600"], 600.0)])
def test_a_self_check_takes_as_long_as_a_health_check_may_unless_it_is_told_otherwise(
    flags: list[str], seconds: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[float] = []

    def programs(deadline: Deadline) -> dict[str, str]:
        given.append(deadline.left)
        return {"bandit": "! bandit was stopped at the time limit"}

    monkeypatch.setattr(selfcheck, "programs", programs)
    assert cli.main(["self-check", *flags]) == Exit.INCOMPLETE
    assert given[0] == pytest.approx(seconds, abs=5)
    assert "bandit: bandit was stopped at the time limit" in capsys.readouterr().out


def test_a_wrong_setting_of_the_environment_is_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SCAN_TYPE", "deep")
    assert cli.main([]) == Exit.USAGE
    assert "SCAN_TYPE=deep" in capsys.readouterr().err


def test_a_wrong_setting_leaves_no_summary_of_an_earlier_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "summary.json").write_text('{"status": "passed"}', encoding="utf-8")
    monkeypatch.setenv("OUTPUT_DIR", str(tmp_path))
    assert cli.main(["--fail-on", "severe"]) == Exit.USAGE
    assert not (tmp_path / "summary.json").exists()


def test_a_run_that_breaks_off_is_incomplete_and_not_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by\x1b zero")

    monkeypatch.setattr(cli, "scan", broken)
    assert cli.main([]) == Exit.INCOMPLETE
    assert "the run broke off: ZeroDivisionError: by\\x1b zero" in capsys.readouterr().err


def test_rules_are_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rules"]) == Exit.PASSED
    listed = capsys.readouterr().out
    assert cli.main(["rules", listed.split()[0]]) == Exit.PASSED
    assert "Why: " in capsys.readouterr().out
    assert cli.main(["rules", "no-such-rule"]) == Exit.USAGE


def test_an_unknown_command_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["explode"])
    assert caught.value.code == 2
    assert "explode" in capsys.readouterr().err
