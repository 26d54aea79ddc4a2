"""One command at a time changes the engine; the others wait and then find it as they need it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import filelock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from galway.engine.places import Places


@contextmanager
def locked(places: Places, *, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of this cache's engine; the kernel drops it when its holder dies."""
    places.home.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(places.lock)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        say("waiting for another command that prepares the engine")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
