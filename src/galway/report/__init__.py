"""Turns plans and records into tables for people, one module per noun; programs get the same values as JSON."""

from __future__ import annotations

import re
import sys
from pathlib import PurePath
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape

from galway.report.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

COLOURS = {"ok": "green", "passed": "green", "missing": "red", "failed": "red", "warning": "yellow"}
"""Colour of a status word; `not_evaluated` and `skipped` are yellow too: neither is a pass."""


_INV = re.compile(r"(?<![\w/.-])inv(?= [a-z-])")
"""The program's name where a text tells a command."""


def typed(text: str) -> str:
    """A text whose commands are to be typed: `inv` is on PATH only for who calls it so, `scripts/inv` always there."""
    return text if PurePath(sys.argv[0]).name == "inv" else _INV.sub("scripts/inv", text)


def next_step(hint: str) -> str:
    """The next step, as a line below what it mends."""
    return f"[bold]next[/]: {escape(typed(hint))}"


def megabytes(size: int) -> str:
    """Bytes as megabytes of 10^6 bytes, the unit of the specification's budgets."""
    return f"{size / 1_000_000:.1f} MB"


def table(*columns: str, numbers: Sequence[str] = ()) -> Table:
    """A table in the one style that all commands share."""
    made = Sheet(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


def status(word: str) -> str:
    """A status word in its colour."""
    return f"[{COLOURS.get(word, 'yellow')}]{word.replace('_', ' ')}[/]"
