"""Scratch folders beside what a stage leaves, of which a killed run cannot leave any for ever."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = ".scratch-"
"""Followed by the process that made the folder: one whose process is gone was left by a kill."""


@contextlib.contextmanager
def folder(parent: Path) -> Iterator[Path]:
    """A new folder for the time of a `with` block, on its parent's disk, so that layouts are linked and not copied.

    Parameters
    ----------
    parent:
        Made where it is missing; what dead processes left there is removed first.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for path in parent.glob(f"{PREFIX}*"):
        if not _alive(path.name.removeprefix(PREFIX).partition("-")[0]):
            shutil.rmtree(path, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:  # another user's
        return True
    return True
