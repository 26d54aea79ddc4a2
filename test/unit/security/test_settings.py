"""Flags over environment over the project's file over the image's, and the project cannot loosen its own scan."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from security import processors
from security.errors import Exit, UsageError
from security.model import Severity
from security.settings import Settings, load
from security.values import Share


def test_the_file_gives_the_contract_s_defaults(program: Path) -> None:
    settings = load(flags={}, environment={}, config_dir=program)
    assert (settings.scan_path, settings.output_dir) == (Path("/scan"), Path("/scan/results"))
    assert settings.fail_on == {Severity.CRITICAL, Severity.HIGH}
    assert (settings.scan_type, settings.require, settings.debug) == ("full", "auto", False)
    assert settings.jobs == processors.available()
    assert (settings.max_advisory_age, settings.max_gaps) == (90, Share(number=1, percent=True))


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
        ("scan_type", "deep"),
        ("scan_type", ""),
        ("fail_on", ""),
        ("fail_on", "severe"),
        ("require", "sbom"),
        ("timeout", "0"),
        ("timeout", "inf"),
        ("timeout", "soon"),
        ("jobs", "1.5"),
        ("max_gaps", "-1"),
        ("max_advisory_age", "old"),
        ("advisories", "/does/not/exist"),
        ("debug", "maybe"),
    ],
)
def test_a_wrong_value_is_refused(program: Path, name: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(flags={name: value}, environment={}, config_dir=program)
    assert caught.value.exit is Exit.USAGE


def test_an_unknown_key_in_the_image_s_file_is_refused(program: Path, tmp_path: Path) -> None:
    text = (program / "security-scan.toml").read_text(encoding="utf-8")
    (tmp_path / "security-scan.toml").write_text(f"{text}\nfailon = 'low'\n", encoding="utf-8")
    with pytest.raises(UsageError, match="failon"):
        load(flags={}, environment={}, config_dir=tmp_path)


def project(root: Path, program: Path, text: str, *, trust: bool = False, **flags: Any) -> Settings:
    (root / "security-scan.toml").write_text(text, encoding="utf-8")
    return load(flags={"scan_path": str(root), **flags}, environment={}, config_dir=program, trust=trust)


@pytest.mark.parametrize(
    "line",
    [
        "fail_on = 'critical'",
        "fail_on = 'none'",
        "require = 'none'",
        "scan_type = 'fast'",
        "max_advisory_age = 365",
        "max_gaps = '50%'",
        "max_gaps = 0.5",
        "exclude = 'src/*'",
        "baseline = 'accepted.json'",
        "private = ['requests']",
        "mirrors = '*'",
        "base_ref = 'HEAD'",
        "timeout = 99999",
        "output_dir = '/tmp'",
        "advisories = '/scan/none.zip'",
        "rules = 'mine'",
        "fail_on = 3",
    ],
)
def test_the_project_s_file_cannot_loosen_the_run_and_is_told_so(tmp_path: Path, program: Path, line: str) -> None:
    plain = load(flags={"scan_path": str(tmp_path)}, environment={}, config_dir=program)
    settings = project(tmp_path, program, line)
    assert len(settings.ignored) == 1
    assert vars(settings) | {"ignored": ()} == vars(plain)


def test_the_project_s_file_can_make_the_run_stricter(tmp_path: Path, program: Path) -> None:
    text = "fail_on = ['critical', 'high', 'medium']\nrequire = 'dependencies'\nmax_gaps = '0%'\nmax_advisory_age = 7\n"
    settings = project(tmp_path, program, text)
    assert settings.ignored == ()
    assert Severity.MEDIUM in settings.fail_on
    assert (settings.require, settings.max_advisory_age, settings.max_gaps.of(1000)) == ("dependencies", 7, 0)


def test_a_trusted_project_may_loosen_it_but_never_move_the_mounts(tmp_path: Path, program: Path) -> None:
    text = "fail_on = 'critical'\nexclude = ['docs/*']\nbaseline = 'b.json'\noutput_dir = '/elsewhere'\n"
    settings = project(tmp_path, program, text, trust=True)
    assert settings.fail_on == {Severity.CRITICAL}
    assert (settings.exclude, settings.baseline) == (("docs/*",), tmp_path / "b.json")
    assert settings.output_dir == Path("/scan/results")
    assert len(settings.ignored) == 1


def test_the_caller_beats_the_project(tmp_path: Path, program: Path) -> None:
    settings = project(tmp_path, program, "fail_on = 'critical,high,low'", fail_on="critical")
    assert settings.fail_on == {Severity.CRITICAL}


def test_suppressions_are_read_and_an_incomplete_one_stops_the_run(tmp_path: Path, program: Path) -> None:
    entry = "[[suppress]]\nid = 'B101'\nowner = 'team'\nreason = 'tests'\n"
    assert project(tmp_path, program, f"{entry}expires = 2030-01-01\n").suppress[0].id == "B101"
    with pytest.raises(UsageError, match="expires"):
        project(tmp_path, program, entry)


def test_a_file_that_is_no_toml_stops_the_run(tmp_path: Path, program: Path) -> None:
    with pytest.raises(UsageError, match="TOML"):
        project(tmp_path, program, "fail_on =")


@pytest.mark.parametrize("kind", ["link", "pipe", "large"])
def test_a_file_that_is_no_plain_file_is_not_opened(tmp_path: Path, program: Path, kind: str) -> None:
    path = tmp_path / "security-scan.toml"
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(b"#" * 1_000_001)
    settings = load(flags={"scan_path": str(tmp_path)}, environment={}, config_dir=program)
    assert "not read" in settings.ignored[0]
