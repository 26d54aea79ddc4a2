"""One command at a time does what two would spoil; the next one says that it waits."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import filelock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def turn(lock: Path, other: str, *, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a file's lock, which the kernel drops when its holder dies.

    Parameters
    ----------
    lock:
        The file; its folder is made.
    other:
        What whoever holds it does, for the line that is said where there is somebody.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = filelock.FileLock(lock)
    try:
        held.acquire(timeout=0)
    except filelock.Timeout:
        say(f"waiting for {other}")
        held.acquire()
    try:
        yield
    finally:
        held.release()
