"""`inv checklist` and `inv scorecard`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from galway.commands import IMAGE, JSON

if TYPE_CHECKING:
    from invoke.context import Context

    from galway.workspace import Workspace

GATE = "End with 7 where something failed, with 10 where something could not be evaluated."


@task(iterable=["image"], help={"image": IMAGE, "gate": GATE, "json": JSON})
def checklist(c: Context, image: list[str], gate: bool = False, json: bool = False) -> None:
    """Judge every item of the specification's Dockerfile checklist, each with its evidence and the next step."""
    from galway import checklist as listing, console, judges, prepare
    from galway.report import checklist as report
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        images = prepare.load_catalog(workspace, image).select(image)
        known = judges.known(workspace, images, prepare.rules(workspace))
        found = [verdict for one in known for verdict in listing.judge(one, root=workspace.root)]
        if json:
            console.print_json(found)
        else:
            console.out.print(*report.checklist(found), sep="\n")
        console.conclude(listing.verdict(found) if gate else None)


@task(
    iterable=["image"],
    help={
        "image": IMAGE,
        "markdown": "Also write it as Markdown to this file, for a job's summary.",
        "html": "Also write it as one HTML page, with trends, to this file.",
        "prune": "Only forget what the history holds from before this many days.",
        "gate": GATE,
        "json": JSON,
    },
)
def scorecard(
    c: Context,
    image: list[str],
    markdown: str = "",
    html: str = "",
    prune: str = "",
    gate: bool = False,
    json: bool = False,
) -> None:
    """Hold every success metric of the specification against its bar, and name what got worse since the last release.

    Build and pull rates come from this checkout's history, in the user's cache.
    """
    from pathlib import Path

    from galway import console, overview, scorecard as card
    from galway.report import files, scorecard as report
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        if prune:
            console.out.print(_prune(workspace, prune))
            return
        seen = overview.look(workspace, image)
        if json:
            console.print_json(seen.card)
        else:
            console.out.print(*report.score(seen.card), sep="\n")
        written = files.scorecard(
            seen, markdown=Path(markdown) if markdown else None, html=Path(html) if html else None
        )
        if written:
            console.err.print(f"written: {', '.join(map(str, written))}", soft_wrap=True, markup=False)
        console.conclude(card.verdict(seen.card) if gate else None)


def _prune(workspace: Workspace, days: str) -> str:
    from datetime import UTC, datetime

    from galway import history
    from galway.errors import ConfigurationError

    if not days.isdigit():
        raise ConfigurationError(f"--prune {days}: no number of days", hint="inv scorecard --prune 90")
    count = history.prune(workspace, days=int(days), now=datetime.now(UTC))
    return f"forgot {count} lines of {history.path(workspace)}"
