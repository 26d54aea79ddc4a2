"""`inv plan` and `inv build`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from galway.commands import BUILDER, DRY, IMAGE, JSON, PLATFORM

if TYPE_CHECKING:
    from invoke.context import Context


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
    help={
        "image": IMAGE,
        "platform": PLATFORM,
        "no_cache": "Execute every step, whatever the cache holds.",
        "builder": BUILDER,
        "dry": DRY,
        "json": "Print the records as JSON.",
    },
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
    from galway import baking, console, history, prepare
    from galway.report import images as report
    from galway.stages import build as stage
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        wanted = prepare.plan(workspace, names=image, platform=platform, no_cache=no_cache)
        if dry or c.config.run.dry:
            console.dry_run(report.plan(wanted), [baking.command(baking.place(workspace), builder=builder or None)])
            return
        request = prepare.request(workspace, wanted, builder=builder or None, say=console.say)
        targets = [(target.image.name, target.platform.slug) for target in wanted.targets]
        with history.building(workspace, targets, console.say) as built, console.following(wanted) as observe:
            records = stage.run(workspace, request, observe=observe)
            built(records)
        stage.load(workspace, wanted.images, request.engine, say=console.say)
        if json:
            console.print_json(records)
        else:
            console.out.print(report.build(records), report.hit_rate(records))
