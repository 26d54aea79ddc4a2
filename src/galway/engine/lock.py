"""One command at a time changes the engine; the others wait and then find it as they need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.turns import turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from galway.engine.places import Places


def locked(places: Places, *, say: Callable[[str], None]) -> AbstractContextManager[None]:
    """Hold the lock of this cache's engine."""
    return turn(places.lock, "another command that prepares the engine", say=say)
