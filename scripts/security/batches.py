"""Splits a list of files so that each part fits on a command line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_BYTES = 500_000
"""A quarter of what Linux takes at the default stack limit; the environment needs room as well."""


def split(paths: Iterable[str], *, limit: int = MAX_BYTES) -> Iterator[tuple[str, ...]]:
    """Parts in the same order, none empty, each below `limit` bytes (a path longer than that stands alone)."""
    part: list[str] = []
    size = 0
    for path in paths:
        length = len(os.fsencode(path)) + 1
        if part and size + length > limit:
            yield tuple(part)
            part, size = [], 0
        part.append(path)
        size += length
    if part:
        yield tuple(part)
