"""`inv plan` and `inv build`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from galway.commands import BUILDER, DRY, IMAGE, JSON, PLATFORM
from galway.commands.options import task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from invoke.context import Context

    from galway.baking import Request
    from galway.plan import Plan
    from galway.tools.buildx import Step
    from galway.workspace import Workspace

BUILDS = {
    "image": IMAGE,
    "platform": PLATFORM,
    "builder": BUILDER,
    "dry": DRY,
    "json": "Print the records as JSON.",
}
"""What every task that builds takes."""


def prepared(
    workspace: Workspace, wanted: Plan, *, builder: str, dry: bool, command: Callable[..., Sequence[str]]
) -> Request | None:
    """What builds a plan, with an engine and base images ready; None for a dry run, which is printed here.

    Parameters
    ----------
    command:
        Given the builder, what would be run.
    """
    from galway import console, prepare
    from galway.report import images as report

    if dry:
        console.dry_run(report.plan(wanted), [command(builder=builder or None)])
        return None
    return prepare.request(workspace, wanted, builder=builder or None, say=console.say)


@task(
    iterable=["image", "platform"],
    help={"image": IMAGE, "platform": PLATFORM, "json": JSON, "bake": "Print the bake definition on official bases."},
)
def plan(c: Context, image: list[str], platform: list[str], json: bool = False, bake: bool = False) -> None:
    """Show what would be built; --json is CI's matrix too, --bake runs with plain `docker buildx bake -f`."""
    from galway import console, plan as planning, prepare
    from galway.report import images as report
    from galway.workspace import Workspace

    with console.edge():
        wanted = prepare.plan(Workspace.here(), names=image, platform=platform)
        if bake:
            console.print_json(planning.bake(wanted))
        elif json:
            console.print_json(planning.matrix(wanted))
        else:
            console.out.print(report.plan(wanted))


@task(
    iterable=["image", "platform"],
    help={**BUILDS, "no_cache": "Execute every step, whatever the cache holds."},
)
def build(
    c: Context,
    image: list[str],
    platform: list[str],
    no_cache: bool = False,
    builder: str = "",
    dry: bool = False,
    json: bool = False,
) -> None:
    """Build images into OCI layouts, record what was built, load the host's platform into the engine.

    Environment: REGISTRY, VERSION (of one image), CACHE (registry repository of the build cache), COMPRESSION (zstd or
    gzip), BASES (registry or stand-in), SOURCE_DATE_EPOCH.
    """
    import time

    from galway import baking, console, evidence, history, prepare
    from galway.report import images as report
    from galway.stages import build as stage
    from galway.workspace import Workspace

    with console.edge():
        begun = time.monotonic()
        workspace = Workspace.here()
        wanted = prepare.plan(workspace, names=image, platform=platform, no_cache=no_cache)
        command = partial(baking.command, baking.place(workspace))
        request = prepared(workspace, wanted, builder=builder, dry=dry or c.config.run.dry, command=command)
        if request is None:
            return
        targets = [(target.image.name, target.platform.slug) for target in wanted.targets]
        known = (evidence.read(workspace.evidence, *target, stage.STAGE) for target in targets)
        before = {(record.image, record.platform): record for record in known if record}
        ran: dict[int, Step] = {}
        with history.building(workspace, targets, console.say) as built, console.following(wanted, ran) as observe:
            records = stage.run(workspace, request, observe=observe, say=console.say)
            built(records)
        stage.load(workspace, wanted.images, request.engine, say=console.say)
        if json:
            console.print_json(records)
        else:
            console.out.print(report.build(records))
            for line in report.cost(records, before, list(ran.values()), time.monotonic() - begun):
                console.out.print(line, markup=False)
