"""`inv reproduce`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands.images import BUILDS, prepared
from galway.commands.options import task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    iterable=["image", "platform"],
    help={**BUILDS, "bases": "Make the stand-in bases again too and compare them; adds minutes."},
)
def reproduce(
    c: Context,
    image: list[str],
    platform: list[str],
    bases: bool = False,
    builder: str = "",
    dry: bool = False,
    json: bool = False,
) -> None:
    """Build again from nothing and compare with what was built, byte for byte; says which files and packages differ.

    Environment: as for `inv build`, whose layouts and records stay as they are.
    """
    from galway import console, prepare, sources
    from galway.bases import again
    from galway.report import reproduction as report
    from galway.stages import reproduce as stage
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        wanted = prepare.plan(workspace, names=image, platform=platform, no_cache=True)
        request = prepared(workspace, wanted, builder=builder, dry=dry or c.config.run.dry, command=stage.command)
        if request is None:
            return
        stage.check(workspace, wanted, request.bases)  # before the minutes that bases take
        remade = again.remake(workspace, request.bases, wanted.platforms, say=console.say) if bases else []
        look = sources.Sources(workspace=workspace, say=console.say)
        with console.following(wanted) as observe:
            hooks = stage.Hooks(observe=observe, say=console.say, packages=look.packages_in)
            records = stage.run(workspace, request, hooks, remade=remade)
        if json:
            console.print_json(records)
        else:
            console.out.print(*report.reproduced(records), sep="\n")
        console.conclude(stage.verdict(records))
