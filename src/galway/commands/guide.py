"""`inv` alone: where this checkout stands and what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands.options import task

if TYPE_CHECKING:
    from invoke.context import Context


@task(name="next")
def following(c: Context) -> None:
    """Show the way from a build to a release, and the next sensible command; `inv` alone does the same."""
    from galway import console, guide, prepare
    from galway.report import typed
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        command, reason = guide.suggest(workspace, prepare.load_catalog(workspace, environment={}).images)
        console.out.print(guide.PICTURE, markup=False)
        console.out.print(typed(f"\nnext: {command}  ({reason})"), soft_wrap=True, markup=False)
        console.out.print(typed("all:  inv --list; inv --help TASK"), soft_wrap=True, markup=False)
