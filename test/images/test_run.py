"""Each image does its main job under its own run profile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from galway import process

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Built

VULNERABLE = "import subprocess\n\n\ndef run(command):\n    subprocess.call(command, shell=True)\n"


def test_the_scanners_engines_answer(built: Built) -> None:
    for tool in ("semgrep", "bandit"):
        assert built.run("security-scanner", "--version", options=("--entrypoint", tool, "--network", "none")).strip()


def test_a_scan_finds_a_flaw_and_says_so_with_its_exit_code(built: Built, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "app.py").write_text(VULNERABLE)
    for path in (tmp_path, tmp_path / "results", tmp_path / "app.py"):
        path.chmod(0o777)
    mounts = ("-v", f"{tmp_path}:/scan:ro", "-v", f"{tmp_path}/results:/scan/results:rw", "--network", "none")
    built.run("security-scanner", options=mounts, ok=(1,))
    summary = json.loads((tmp_path / "results" / "summary.json").read_text())
    assert summary["status"] != "incomplete"
    assert "app.py" in json.dumps(summary)


def test_the_ci_image_has_its_tools_and_the_specifications_git_identity(built: Built) -> None:
    tools = "git curl jq python3 pip uv nox inv ruff pytest"
    script = f"git config user.name; git config user.email; for tool in {tools}; do command -v $tool; done"
    lines = built.run("ci", "sh", "-ec", script).splitlines()
    assert lines[:2] == ["CI Bot", "ci@peregrinesummit.com"]
    assert len(lines) == 12


def test_a_container_that_must_not_write_cannot(built: Built) -> None:
    with pytest.raises(process.ProcessError) as caught:
        built.run("security-scanner", "-c", "echo > /written", options=("--entrypoint", "sh"))
    assert "Read-only" in caught.value.detail
