"""Scratch folders of dead processes go, those of living ones stay."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from galway import scratch

if TYPE_CHECKING:
    from pathlib import Path

DEAD = 1 << 22
"""No process has this number: Linux gives smaller ones (proc(5), pid_max)."""


def test_a_folder_is_there_for_the_time_of_its_block(tmp_path: Path) -> None:
    with scratch.folder(tmp_path / "sbom") as work:
        (work / "image").mkdir()
        assert work.parent == tmp_path / "sbom"
    assert list((tmp_path / "sbom").iterdir()) == []


def test_what_a_failure_interrupts_goes_too(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), scratch.folder(tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_and_all_else_stays(tmp_path: Path) -> None:
    names = {
        "dead": f"{scratch.PREFIX}{DEAD}-x",
        "living": f"{scratch.PREFIX}{os.getppid()}-y",
        "another's": f"{scratch.PREFIX}1-z",
        "an image": "ci",
    }
    for name in names.values():
        (tmp_path / name / "image").mkdir(parents=True)
    with scratch.folder(tmp_path):
        pass
    assert {path.name for path in tmp_path.iterdir()} == set(names.values()) - {names["dead"]}
