"""A run of all stages: as it goes, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from galway.report import images_seen, next_step, status, table
from galway.report.markdown import cell, grid as lines, sign
from galway.report.scorecard import markdown as scorecard

if TYPE_CHECKING:
    from rich.table import Table

    from galway.errors import GalwayError
    from galway.overview import Overview
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
    for name, stage, found in images_seen.unfinished(outcome):
        made.add_row(name, stage, status(found.state), escape(found.reason))
        if found.hint:
            made.add_row("", "", "", next_step(found.hint))
    return made if made.row_count else None


def seconds(outcome: Outcome) -> str:
    """How long it took, by stage."""
    cells = next(iter(outcome.cells.values()))
    parts = ", ".join(f"{stage} {cell.seconds:.1f}" for stage, cell in cells.items() if cell.seconds)
    return f"{outcome.seconds:.1f} s: {parts}"


def markdown(overview: Overview, outcome: Outcome, verdict: GalwayError | None) -> str:
    """The summary of a CI job: verdict, stages, images, and the scorecard."""
    ended = sign("passed") if verdict is None else sign("not_evaluated" if verdict.exit_code == 10 else "failed")
    parts = [f"# Pipeline: {ended}", ""]
    if verdict is not None:
        parts += [f"**{cell(verdict.message)}**", "", *([f"Next: {cell(verdict.hint)}", ""] if verdict.hint else [])]
    stages = [stage for stage, _ in images_seen.stages(outcome)]
    parts += lines(
        ("image", *stages),
        ((cell(name), *(sign(cells[stage].state) for stage in stages)) for name, cells in outcome.cells.items()),
    )
    parts += ["", cell(seconds(outcome)), ""]
    for name, stage, found in images_seen.unfinished(outcome):
        step = f" → {cell(found.hint)}" if found.hint else ""
        parts.append(f"- {sign(found.state)}: {cell(f'{stage} of {name}: {found.reason}')}{step}")
    parts += ["", "## Images", ""]
    head = ("image", "platform", "compressed", "budget", "tests", "packages", "vulnerabilities")
    rows = [
        (
            cell(image.name),
            cell(one.platform),
            f"{one.compressed / 1e6:.1f} MB",
            f"{one.budget / 1e6:g} MB",
            f"{sign(one.tests.status)}: {cell(one.tests.words)}",
            f"{sign(one.packages.status)}: {cell(one.packages.words)}",
            f"{sign(one.vulnerabilities.status)}: {cell(one.vulnerabilities.words)}",
        )
        for image in map(images_seen.seen, overview.images)
        for one in image.platforms
    ]
    parts += [*lines(head, rows), ""]
    for image in map(images_seen.seen, overview.images):
        tags = ", ".join(tag for tag, _ in image.tags) or "none"
        words = f"{image.published.words}, tags {tags}, {image.signatures.words}"
        parts.append(f"- {cell(image.name)}: `{image.digest or 'not built'}`, {cell(words)}")
    return "\n".join([*parts, "", scorecard(overview.card)])
