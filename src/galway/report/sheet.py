"""A table that a narrow terminal shows as one block for each row, since columns of a few letters cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

FIRST, OTHERS = 16, 32
"""Columns of the screen that the words of a cell may be broken at: in the first column, and in the others."""

PAIR = 2
"""So many columns are a list already, which no width makes unreadable."""


class Sheet(Table):
    """Rich's table, or its rows below each other where its columns would break ordinary words."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As a table where there is room."""
        if len(self.columns) <= PAIR or self._needed(console, options) <= options.max_width:
            yield from super().__rich_console__(console, options)
        else:
            yield from self._blocks(console)

    def _needed(self, console: Console, options: ConsoleOptions) -> int:
        """The width in which a word is broken only where it is longer than what is bearable."""
        spaces = 3 * (len(self.columns) - 1) + 2
        return spaces + sum(
            min(
                OTHERS if place else FIRST,
                max(_word(console, cell) for cell in (column.header, *column.cells)),
            )
            for place, column in enumerate(self.columns)
        )

    def _blocks(self, console: Console) -> Iterator[RenderableType]:
        """Each row: what its first cell names, and below it what the other columns say of that."""
        first, *others = self.columns
        label = ""
        for row, name in enumerate(first.cells):
            if _text(console, name).plain:
                yield Text()
                yield _text(console, name, style="bold")
                label = ""
            block = Table.grid(padding=(0, 2, 0, 0))
            block.add_column(style="dim", width=max(len(str(column.header)) for column in others) + 1)
            block.add_column(overflow="fold")
            for column in others:
                cell = list(column.cells)[row]
                if _text(console, cell).plain:
                    header = str(column.header)
                    block.add_row(f" {header if header != label else ''}", cell)
                    label = header
            if block.row_count:
                yield block
        yield Text()


def _text(console: Console, cell: RenderableType, style: str = "") -> Text:
    """A cell's words."""
    return cell if isinstance(cell, Text) else console.render_str(str(cell), style=style)


def _word(console: Console, cell: RenderableType) -> int:
    """The length of its longest word."""
    return max((len(word) for word in _text(console, cell).plain.split()), default=0)
