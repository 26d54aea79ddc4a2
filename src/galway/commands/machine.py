"""`inv doctor`, `inv tools`, `inv lint`, `inv clean`: this machine and this checkout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands import DRY, JSON
from galway.commands.options import task

if TYPE_CHECKING:
    from invoke.context import Context


@task(help={"online": "Check every pin against its source: base digests, tool hashes, action commits.", "json": JSON})
def doctor(c: Context, online: bool = False, json: bool = False) -> None:
    """Check this machine: what is there, from where, what is missing and the command that mends it."""
    from galway import console, doctor as examination
    from galway.report import machine as report
    from galway.workspace import Workspace

    with console.edge():
        checks = examination.examine(Workspace.here(), online=online)
        if json:
            console.print_json(checks)
        else:
            console.out.print(report.doctor(checks))
        console.conclude(examination.verdict(checks))


@task(help={"install": "Install what is missing into the user's cache.", "dry": DRY, "json": JSON})
def tools(c: Context, install: bool = False, dry: bool = False, json: bool = False) -> None:
    """List the pinned tools: version, where each came from and how it was verified."""
    from galway import console, toolbox
    from galway.report import machine as report
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        rows = toolbox.installed(workspace)
        if install and not (dry or c.config.run.dry):
            rows = {name: tool or toolbox.ensure(workspace, name) for name, tool in rows.items()}
        if json:
            console.print_json(rows)
        else:
            console.out.print(report.tools(rows))


@task(help={"json": JSON})
def lint(c: Context, json: bool = False) -> None:
    """Check code, Dockerfiles, scripts, workflows and tables; all linters run even when one fails."""
    from galway import console
    from galway.report import machine as report
    from galway.stages import lint as stage
    from galway.workspace import Workspace

    with console.edge():
        results = stage.run(Workspace.here(), say=console.say)
        if json:
            console.print_json(results)
        else:
            console.out.print(*report.lint(results))
        console.conclude(stage.verdict(results))


@task(
    help={
        "cache": "Also empty the engine's build cache and its unused images.",
        "all": "Also stop the embedded engine and delete the user's cache: engine, bases, tools.",
        "dry": DRY,
    }
)
def clean(c: Context, cache: bool = False, all: bool = False, dry: bool = False) -> None:  # noqa: A002 - the flag's name
    """Delete what builds left in this checkout; with --cache and --all more."""
    from galway import console
    from galway.stages import clean as stage
    from galway.workspace import Workspace

    with console.edge():
        for line in stage.run(Workspace.here(), cache=cache, everything=all, dry=dry or c.config.run.dry):
            console.out.print(line)
