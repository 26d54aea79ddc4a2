"""The scanner's program is imported as it is in the image: `security`, here from scripts/."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from security.settings import Settings

REPOSITORY = Path(__file__).parents[3]
sys.path.insert(0, str(REPOSITORY / "scripts"))

from security.settings import load  # noqa: E402 - found by way of the line above


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
