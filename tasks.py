"""The `inv` namespace: each task parses, calls one stage, prints its report and exits with its code; nothing else.

Imports stand inside the tasks, so that `inv --list` and completion answer at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.tasks import task

if TYPE_CHECKING:
    from invoke.context import Context

IMAGE = "Image of docker/images.toml; repeat for several (default: all)."
PLATFORM = "arm64, amd64 or all; repeat or separate with commas (default: the host's)."
BUILDER = "A buildx builder to use instead of the engine's own: docker-container, kubernetes, remote."
JSON = "Print JSON for programs instead of tables for people."
DRY = "Print what would run, do nothing."


@task(
    iterable=["image", "platform"],
    help={"image": IMAGE, "platform": PLATFORM, "json": JSON, "bake": "Print the bake definition on official bases."},
)
def plan(c: Context, image: list[str], platform: list[str], json: bool = False, bake: bool = False) -> None:
    """Show what would be built; --json is CI's matrix too, --bake runs with plain `docker buildx bake -f`."""
    from galway import console, plan as planning, prepare, report
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
    from galway import console, prepare, report
    from galway.stages import build as stage
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        wanted = prepare.plan(workspace, names=image, platform=platform, no_cache=no_cache)
        if dry or c.config.run.dry:
            console.dry_run(report.plan(wanted), [stage.command(workspace, builder=builder or None)])
            return
        request = prepare.request(workspace, wanted, builder=builder or None, say=console.say)
        with console.following(wanted) as observe:
            records = stage.run(workspace, request, observe=observe)
        stage.load(workspace, wanted.images, request.engine, say=console.say)
        if json:
            console.print_json(records)
        else:
            console.out.print(report.build(records), report.hit_rate(records))


@task(name="show", default=True, help={"json": JSON})
def engine_show(c: Context, json: bool = False) -> None:
    """Show which Docker engine answers, and why."""
    from galway import console, engine, report
    from galway.workspace import Workspace

    with console.edge():
        found = engine.find(Workspace.here())
        if json:
            console.print_json(report.engine_values(found))
        else:
            console.out.print(report.engine(found))


@task
def start(c: Context) -> None:
    """Start the embedded engine: Debian's own packages, unpacked in the cache, nothing installed."""
    from galway import console, engine, report
    from galway.workspace import Workspace

    with console.edge():
        console.out.print(report.engine(engine.start(Workspace.here(), say=console.say)))


@task
def stop(c: Context) -> None:
    """Stop the embedded engine and put the host's network, mounts and folders back as they were."""
    from galway import console, engine
    from galway.workspace import Workspace

    with console.edge():
        stopped = engine.stop(Workspace.here(), say=console.say)
        console.out.print("the embedded engine is stopped" if stopped else "the embedded engine was not running")


@task
def env(c: Context) -> None:
    """Print shell exports for the engine that answers: eval "$(scripts/inv engine.env)"."""
    from galway import console, engine
    from galway.workspace import Workspace

    with console.edge():
        answering = engine.ensure(Workspace.here(), say=console.say)
        console.out.out(engine.exports(answering), highlight=False)


@task(help={"online": "Check every pin against its source: base digests, tool hashes, action commits.", "json": JSON})
def doctor(c: Context, online: bool = False, json: bool = False) -> None:
    """Check this machine: what is there, from where, what is missing and the command that mends it."""
    from galway import console, doctor as examination, report
    from galway.workspace import Workspace

    with console.edge():
        checks = examination.examine(Workspace.here(), online=online)
        if json:
            console.print_json(checks)
        else:
            console.out.print(report.doctor(checks))
        console.conclude(examination.verdict(checks))


@task(help={"install": "Install what is missing into the user's cache.", "json": JSON})
def tools(c: Context, install: bool = False, json: bool = False) -> None:
    """List the pinned tools: version, where each came from and how it was verified."""
    from galway import console, report, toolbox
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        get = toolbox.ensure if install else toolbox.find
        rows = {name: get(workspace, name) for name in toolbox.catalog(workspace.root)}
        if json:
            console.print_json(rows)
        else:
            console.out.print(report.tools(rows))


@task(help={"json": JSON})
def lint(c: Context, json: bool = False) -> None:
    """Check code, Dockerfiles, scripts, workflows and tables; all linters run even when one fails."""
    from galway import console, report
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


namespace = Collection(plan, build, Collection("engine", engine_show, start, stop, env), doctor, tools, lint, clean)
