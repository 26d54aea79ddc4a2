"""The walk: nothing hides a file, nothing leads out of the tree, and what is left out is named."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from security import batches, targets

if TYPE_CHECKING:
    from pathlib import Path


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x = 1\n", encoding="utf-8")


def test_source_files_are_collected_and_tools_folders_are_named(tmp_path: Path) -> None:
    write(
        tmp_path, "b.py", "a/c.py", ".github/tool.py", ".git/hook.py", "a/node_modules/x.py", "results/r.py", "no.txt"
    )
    found = targets.collect(tmp_path, results=tmp_path / "results")
    assert found.files == (".github/tool.py", "a/c.py", "b.py")
    assert sorted(found.left_out) == [".git", "a/node_modules", "results"]
    assert found.unreadable == {}


def test_links_and_pipes_are_left_out_and_never_opened(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", "secret.py")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link.py").symlink_to(tmp_path / "out/secret.py")
    (tmp_path / "in/folder").symlink_to(tmp_path / "out")
    os.mkfifo(tmp_path / "in/pipe.py")
    found = targets.collect(tmp_path / "in", results=tmp_path)
    assert found.files == ()
    assert found.left_out == {"link.py": "a link", "folder": "a link", "pipe.py": "not a regular file"}


def test_a_file_that_is_too_large_is_a_gap(tmp_path: Path) -> None:
    with (tmp_path / "big.py").open("wb") as file:
        file.truncate(targets.MAX_BYTES + 1)
    assert list(targets.collect(tmp_path, results=tmp_path / "r").unreadable) == ["big.py"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/a.py", True),
        ("test/x/a.py", True),
        ("test_a.py", True),
        ("conftest.py", True),
        ("src/contest.py", False),
    ],
)
def test_test_code_is_known_by_its_name(path: str, expected: bool) -> None:
    assert targets.is_test(path) is expected


def test_batches_keep_order_and_lose_nothing() -> None:
    names = [f"{number:03}.py" for number in range(100)]
    parts = list(batches.split(names, limit=70))
    assert [name for part in parts for name in part] == names
    assert {len(part) for part in parts} == {10}
    assert list(batches.split(["x" * 99], limit=10)) == [("x" * 99,)]
