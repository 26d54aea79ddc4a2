"""`inv checklist` and `inv scorecard`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands import IMAGE, JSON
from galway.commands.options import task

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
        "dry": "Write and forget nothing: say what would be.",
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
    dry: bool = False,
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
        dry = dry or c.config.run.dry
        if prune:
            console.out.print(_prune(workspace, prune, dry=dry), soft_wrap=True, markup=False)
            return
        seen = overview.look(workspace, image)
        if json:
            console.print_json(seen.card)
        else:
            console.out.print(*report.score(seen.card), sep="\n")
        if dry:
            said = ", ".join(name for name in (markdown, html) if name)
        else:
            targets = (Path(name) if name else None for name in (markdown, html))
            said = ", ".join(map(str, files.scorecard(seen, *targets)))
        if said:
            console.err.print(f"{'would write' if dry else 'written'}: {said}", soft_wrap=True, markup=False)
        console.conclude(card.verdict(seen.card) if gate else None)


def _prune(workspace: Workspace, days: str, *, dry: bool) -> str:
    from datetime import UTC, datetime

    from galway import history
    from galway.errors import ConfigurationError

    if not days.isdigit():
        raise ConfigurationError(f"--prune {days}: no number of days", hint="inv scorecard --prune 90")
    if dry:
        return f"would forget what is older than {days} days in {history.path(workspace)}"
    count = history.prune(workspace, days=int(days), now=datetime.now(UTC))
    return f"forgot {count} lines of {history.path(workspace)}"
