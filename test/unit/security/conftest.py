"""The scanner's program is imported as it is in the image: `security`, here from scripts/."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from security.model import Finding
    from security.settings import Settings

REPOSITORY = Path(__file__).parents[3]
sys.path.insert(0, str(REPOSITORY / "scripts"))

from security.model import Finding, Severity  # noqa: E402 - found by way of the line above
from security.settings import load  # noqa: E402


@pytest.fixture
def data() -> Path:
    """Reports captured from the image's own engines, which were given a project at /scan."""
    return REPOSITORY / "test/data/security"


@pytest.fixture
def program() -> Path:
    """The package's folder, with its rules and its configuration file."""
    return REPOSITORY / "scripts/security"


@pytest.fixture
def settings(tmp_path: Path, program: Path) -> Settings:
    """A run over an empty project."""
    (tmp_path / "project").mkdir()
    (tmp_path / "results").mkdir()
    flags = {"scan_path": str(tmp_path / "project"), "output_dir": str(tmp_path / "results")}
    return load(flags=flags, environment={}, config_dir=program)


@pytest.fixture
def finding() -> Callable[..., Finding]:
    """Makes a finding of one line."""

    def make(**changes: Any) -> Finding:
        line = changes.pop("line", 1)
        table: dict[str, Any] = {
            "engines": ("semgrep",), "rule": "python-ssrf", "severity": Severity.HIGH, "confidence": "high",
            "cwe": (918,), "path": "a.py", "line": line, "end_line": line, "column": 1, "message": "m", "fix": "f",
        }  # fmt: skip
        return Finding(**(table | changes))

    return make
