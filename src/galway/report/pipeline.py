"""A run of all stages: as it goes, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from galway.report import status, table

if TYPE_CHECKING:
    from rich.table import Table

    from galway.pipeline import Outcome

SIGNS = {"waiting": "[dim]·[/]", "running": "[cyan]…[/]", "skipped": "[yellow]skipped[/]"}


def grid(outcome: Outcome) -> Table:
    """Images by stages."""
    stages = list(next(iter(outcome.cells.values())))
    made = table("image", *stages)
    for name, cells in outcome.cells.items():
        made.add_row(name, *(SIGNS.get(cells[stage].state) or status(cells[stage].state) for stage in stages))
    return made


def causes(outcome: Outcome) -> Table | None:
    """Why what did not pass did not, with the next step."""
    made = table("image", "stage", "status", "why")
    for name, cells in outcome.cells.items():
        for stage, cell in cells.items():
            if cell.state in ("failed", "not_evaluated"):
                made.add_row(name, stage, status(cell.state), escape(cell.reason))
                if cell.hint:
                    made.add_row("", "", "", f"[bold]next[/]: {escape(cell.hint)}")
    return made if made.row_count else None


def seconds(outcome: Outcome) -> str:
    """How long it took, by stage."""
    cells = next(iter(outcome.cells.values()))
    parts = ", ".join(f"{stage} {cell.seconds:.1f}" for stage, cell in cells.items() if cell.seconds)
    return f"{outcome.seconds:.1f} s: {parts}"
