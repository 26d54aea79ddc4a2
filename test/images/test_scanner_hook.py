"""The pre-commit hook, as `.pre-commit-hooks.yaml` has it: a flaw stops the commit, and the project stays as it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from galway import process

if TYPE_CHECKING:
    from conftest import Built

ROOT = Path(__file__).parents[2]
FLAW = "import subprocess\n\n\ndef run(request):\n    subprocess.call(request.args['c'], shell=True)\n"
MENDED = "import subprocess\n\n\ndef run():\n    subprocess.run(['true'], check=True)\n"


def hook(built: Built, project: Path, **more: str) -> process.Completed:
    """What pre-commit does for `language: script` without file names: the entry, started in the project."""
    (entry,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert (entry["language"], entry["pass_filenames"]) == ("script", False)
    settings = {
        "DOCKER": built.engine.docker,
        "SECURITY_SCANNER_IMAGE": str(built.images["security-scanner"].reference),
    }
    return process.run(
        (str(ROOT / entry["entry"]),), cwd=project, env={**built.engine.env, **settings, **more}, ok=None
    )


def test_a_flaw_fails_and_its_repair_passes_and_nothing_is_left_behind(built: Built, tmp_path: Path) -> None:
    project, temporary = tmp_path / "project", tmp_path / "tmp"
    project.mkdir()
    temporary.mkdir()
    (project / "app.py").write_text(FLAW)
    failed = hook(built, project, TMPDIR=str(temporary))
    assert failed.code == 1, failed.stderr
    assert "critical app.py:5" in failed.stdout
    (project / "app.py").write_text(MENDED)
    assert hook(built, project, TMPDIR=str(temporary)).code == 0
    assert os.listdir(project) == ["app.py"]  # noqa: PTH208 - names are enough
    assert list(temporary.iterdir()) == []


def test_an_engine_that_is_not_there_is_named(tmp_path: Path, built: Built) -> None:
    done = hook(built, tmp_path, DOCKER="no-such-engine")
    assert done.code == 2
    assert "no-such-engine is not installed" in done.stderr


@pytest.mark.parametrize("image", ["registry.test/none:0"])
def test_an_image_that_cannot_be_had_is_no_pass(tmp_path: Path, built: Built, image: str) -> None:
    assert hook(built, tmp_path, SECURITY_SCANNER_IMAGE=image).code not in (0, 1)
