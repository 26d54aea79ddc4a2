"""The command line: `scan` may be left out, errors become one line and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from security import cli
from security.errors import Exit

if TYPE_CHECKING:
    from pathlib import Path


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


def test_a_wrong_setting_of_the_environment_is_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SCAN_TYPE", "deep")
    assert cli.main([]) == Exit.USAGE
    assert "SCAN_TYPE=deep" in capsys.readouterr().err


def test_an_unknown_command_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["explode"])
    assert caught.value.code == 2
    assert "explode" in capsys.readouterr().err
