"""A registry program that only Go can build may be missing on a machine without Go, and never in CI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import programs
import pytest

from galway import toolbox
from galway.errors import MissingToolError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that cannot install anything; its folder of programs."""

    def ensure(_workspace: object, name: str) -> None:
        raise MissingToolError(f"{name} cannot be installed")

    monkeypatch.setattr(toolbox, "ensure", ensure)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def test_without_go_its_tests_are_skipped_and_the_reason_is_named(bare: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match="Go, which is not installed: olareg cannot be installed"):
        programs.start("olareg", bare / "registry")


def test_in_ci_that_is_a_failure(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(MissingToolError):
        programs.start("olareg", bare / "registry")


def test_with_go_it_is_a_failure_too(bare: Path) -> None:
    (bare / "go").write_text("#!/bin/sh\n")
    (bare / "go").chmod(0o755)
    with pytest.raises(MissingToolError):
        programs.start("olareg", bare / "registry")


def test_what_has_other_sources_is_never_skipped(bare: Path) -> None:
    with pytest.raises(MissingToolError):
        programs.start("crane", bare / "registry")
