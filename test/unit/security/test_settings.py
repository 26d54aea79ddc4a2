"""Flags stand over the environment, the environment over the file, and nothing wrong passes silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from security.errors import Exit, UsageError
from security.model import Severity
from security.settings import load


def test_the_file_gives_the_contract_s_defaults(program: Path) -> None:
    settings = load(flags={}, environment={}, config_dir=program)
    assert (settings.scan_path, settings.output_dir) == (Path("/scan"), Path("/scan/results"))
    assert settings.fail_on == {Severity.CRITICAL, Severity.HIGH}
    assert (settings.scan_type, settings.require, settings.debug) == ("full", frozenset(), False)


def test_a_flag_beats_the_environment_and_the_environment_the_file(program: Path) -> None:
    environment = {"SCAN_PATH": "/a", "FAIL_ON": "low", "DEBUG": "true"}
    settings = load(flags={"scan_path": "/b", "fail_on": None}, environment=environment, config_dir=program)
    assert settings.scan_path == Path("/b")
    assert settings.fail_on == {Severity.LOW}
    assert settings.debug


def test_none_is_the_word_for_a_run_that_only_reports(program: Path) -> None:
    assert load(flags={"fail_on": "none"}, environment={}, config_dir=program).fail_on == frozenset()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scan_type", "fast"),
        ("scan_type", ""),
        ("fail_on", ""),
        ("fail_on", "severe"),
        ("require", "sbom"),
        ("timeout", "0"),
        ("timeout", "inf"),
        ("timeout", "soon"),
        ("debug", "maybe"),
    ],
)
def test_a_wrong_value_is_refused(program: Path, name: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(flags={name: value}, environment={}, config_dir=program)
    assert caught.value.exit is Exit.USAGE


def test_an_unknown_key_in_the_file_is_refused(program: Path, tmp_path: Path) -> None:
    text = (program / "security-scan.toml").read_text(encoding="utf-8")
    (tmp_path / "security-scan.toml").write_text(f"{text}\nfailon = 'low'\n", encoding="utf-8")
    with pytest.raises(UsageError, match="failon"):
        load(flags={}, environment={}, config_dir=tmp_path)
