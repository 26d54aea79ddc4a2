"""Shows a download: a bar on a terminal, a line every quarter elsewhere, nothing where nobody looks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress as RichProgress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from rich.console import Console

    Advance = Callable[[int], None]


class Progress(Protocol):
    """Opens the display of one download."""

    def __call__(self, label: str, done: int, total: int | None, /) -> AbstractContextManager[Advance]:
        """Start at `done` of `total` bytes (None: unknown); call the result with each chunk's size."""


@contextmanager
def silent(_label: str, _done: int, _total: int | None) -> Iterator[Advance]:
    """Show nothing."""
    yield lambda _size: None


def on(console: Console) -> Progress:
    """What suits a console: a moving bar on a terminal, plain lines in a log."""

    @contextmanager
    def bar(label: str, done: int, total: int | None) -> Iterator[Advance]:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with RichProgress(*columns, TimeRemainingColumn(), console=console, transient=True) as display:
            task = display.add_task(label, total=total, completed=done)
            yield lambda size: display.advance(task, size)

    @contextmanager
    def lines(label: str, done: int, total: int | None) -> Iterator[Advance]:
        counted = done
        quarter = 4 * done // total if total else 0

        def advance(size: int) -> None:
            nonlocal counted, quarter
            counted += size
            reached = 4 * counted // total if total else 0
            if reached > quarter:
                quarter = reached
                console.print(f"{label}: {min(100, 25 * quarter)} %", highlight=False)

        console.print(f"{label}: {_size(total)}", highlight=False)
        yield advance

    return bar if console.is_terminal else lines


def _size(total: int | None) -> str:
    return f"{total / 1e6:.1f} MB" if total else "size unknown"
