"""The specification's `docker run` line, as it is written there, on source distributions that many projects have."""

from __future__ import annotations

import json
import os
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from galway import process

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # last: `test` in it would hide a module of the standard library

from benches.scanner import model, sources  # noqa: E402 - found by way of the line above

if TYPE_CHECKING:
    from conftest import Built

NAME = "security-scanner"
LINE = "docker run --rm {options} -v $(pwd):/scan:ro -v $(pwd)/results:/scan/results:rw {image}"
CONFINED = (
    "--read-only --tmpfs /tmp:rw,noexec,nosuid --cap-drop=ALL --security-opt no-new-privileges --network none "
    "--cpus=0.5 --memory=512m --memory-swap=512m"
)
SMALL, OTHERS = "requests", ("boto3", "pyyaml", "httpx", "flask")
"""From 35 to 83 Python files: half a core takes minutes for each."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.getuid() != 0, reason="only root can give a tree to another user"),
]


def unpacked(project: str, folder: Path, built: Built, *, owner: int) -> Path:
    """A source distribution as its publisher packed it, with a results folder, all of it owned by a user."""
    (release,) = (one for one in model.popular() if one.project == project)
    cache = built.workspace.cache / "sdists"
    assert sources.fetch([release], cache) == []
    with tarfile.open(cache / release.file) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    (tree / "results").mkdir()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner, owner, follow_symlinks=False)
    for parent in (folder, *folder.parents):
        if parent.name.startswith("pytest-") or parent == folder:
            parent.chmod(0o755)
    return tree


def run(tree: Path, built: Built, options: str) -> process.Completed:
    """The line in a shell whose folder is the tree."""
    line = LINE.format(options=options, image=built.images[NAME].reference)
    path = f"{Path(built.engine.docker).parent}:{os.environ['PATH']}"
    return process.run(("sh", "-c", line), env=built.engine.env | {"PATH": path}, cwd=tree, ok=None)


def judged(tree: Path, done: process.Completed, *, owner: int) -> dict[str, Any]:
    """The summary of a run that came to a verdict, whose every result belongs to the tree's owner."""
    assert done.code in (0, 1), done.stdout + done.stderr
    assert {path.stat().st_uid for path in (tree / "results").iterdir()} == {owner}
    summary: dict[str, Any] = json.loads((tree / "results/summary.json").read_text(encoding="utf-8"))
    assert summary["status"] == ("passed", "failed")[done.code]
    assert summary["coverage"]["read_by"]["semgrep"] > 0
    return summary


def test_the_line_works_as_written_and_confined_with_the_same_findings(built: Built, tmp_path: Path) -> None:
    tree = unpacked(SMALL, tmp_path / "source", built, owner=1000)
    as_written = judged(tree, run(tree, built, ""), owner=1000)
    confined = judged(tree, run(tree, built, CONFINED), owner=1000)
    assert as_written["findings"] == confined["findings"]
    assert 0 < confined["run"]["memory_peak_bytes"] < 512 << 20


def test_another_users_tree_is_refused_with_the_option_that_helps_and_then_works(built: Built, tmp_path: Path) -> None:
    tree = unpacked(SMALL, tmp_path / "source", built, owner=4242)
    refused = run(tree, built, CONFINED)
    assert refused.code == 2
    assert '--user "$(id -u):$(id -g)"' in refused.stdout + refused.stderr
    assert list((tree / "results").iterdir()) == []
    judged(tree, run(tree, built, f"{CONFINED} --user 4242:4242"), owner=4242)


@pytest.mark.parametrize("project", OTHERS)
def test_other_distributions_fit_into_half_a_core_and_half_a_gigabyte(
    built: Built, tmp_path: Path, project: str
) -> None:
    tree = unpacked(project, tmp_path / "source", built, owner=1000)
    judged(tree, run(tree, built, CONFINED), owner=1000)


def test_this_repository_is_scanned_too(built: Built, tmp_path: Path) -> None:
    tree = tmp_path / "source" / "checkout"
    process.run(("git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(tree)))
    (tree / "results").mkdir(exist_ok=True)
    tmp_path.chmod(0o755)
    for path in (tree, *tree.rglob("*")):
        os.chown(path, 1000, 1000, follow_symlinks=False)
    judged(tree, run(tree, built, CONFINED), owner=1000)
