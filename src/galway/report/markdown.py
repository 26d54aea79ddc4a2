"""Pieces of Markdown for job summaries; text from outside stays text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SPECIAL = "\\|`*_[]<>~#&"

_SIGNS = {"passed": "✅", "failed": "❌", "not_evaluated": "⚠️", "skipped": "○", "waiting": "·", "running": "…"}


def cell(text: str) -> str:
    """Text that stays in its cell and makes no markup, link or HTML."""
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in " ".join(text.split()))


def sign(status: str) -> str:
    """A status as a sign and a word: the sign alone says nothing to a screen reader."""
    return f"{_SIGNS.get(status, '')} {status.replace('_', ' ')}"


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table of cells that are escaped already."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
