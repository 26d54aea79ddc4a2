"""`inv engine`: which Docker answers, and the embedded one's start, stop and environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands import DRY, JSON
from galway.commands.options import task

if TYPE_CHECKING:
    from invoke.context import Context


@task(name="show", default=True, help={"json": JSON})
def engine_show(c: Context, json: bool = False) -> None:
    """Show which Docker engine answers, and why."""
    from galway import console, engine
    from galway.report import machine as report
    from galway.workspace import Workspace

    with console.edge():
        found = engine.find(Workspace.here())
        if json:
            console.print_json(report.engine_values(found))
        else:
            console.out.print(report.engine(found))


@task(help={"dry": DRY})
def start(c: Context, dry: bool = False) -> None:
    """Start the embedded engine: Debian's own packages, unpacked in the cache, nothing installed."""
    from galway import console, engine
    from galway.report import machine as report
    from galway.workspace import Workspace

    with console.edge():
        if dry or c.config.run.dry:
            console.out.print("would start the embedded engine", soft_wrap=True)
            return
        console.out.print(report.engine(engine.start(Workspace.here(), say=console.say)))


@task(help={"dry": DRY})
def stop(c: Context, dry: bool = False) -> None:
    """Stop the embedded engine and put the host's network, mounts and folders back as they were."""
    from galway import console, engine
    from galway.workspace import Workspace

    with console.edge():
        if dry or c.config.run.dry:
            console.out.print("would stop the embedded engine and its containers", soft_wrap=True)
            return
        stopped = engine.stop(Workspace.here(), say=console.say)
        console.out.print("the embedded engine is stopped" if stopped else "the embedded engine was not running")


@task(help={"dry": DRY})
def env(c: Context, dry: bool = False) -> None:
    """Print shell exports for the engine that answers, started where none does: eval "$(scripts/inv engine.env)"."""
    from galway import console, engine
    from galway.workspace import Workspace

    with console.edge():
        if dry or c.config.run.dry:
            text = "would print the exports of the engine that answers, and start the embedded one where none does"
            console.err.print(text, soft_wrap=True)  # never into an `eval`
            return
        answering = engine.ensure(Workspace.here(), say=console.say)
        console.out.out(engine.exports(answering), highlight=False)
