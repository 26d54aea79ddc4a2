"""`inv sbom`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands import DRY, IMAGE, JSON, PLATFORM
from galway.commands.options import task

if TYPE_CHECKING:
    from invoke.context import Context

    from galway.workspace import Workspace

SIDE = "an image (NAME@arm64 picks a platform), a layout folder, an SBOM file, a record or a registry reference."


@task(
    iterable=["image", "platform"],
    help={
        "image": IMAGE,
        "platform": PLATFORM,
        "old": f"Compare packages from this: {SIDE}",
        "new": f"Compare packages to this: {SIDE}",
        "dry": DRY,
        "json": JSON,
    },
)
def sbom(
    c: Context,
    image: list[str],
    platform: list[str],
    old: str = "",
    new: str = "",
    dry: bool = False,
    json: bool = False,
) -> None:
    """Write the bills of materials of built images, CycloneDX and SPDX; with --old and --new compare two instead."""
    from galway import console, sources, toolbox
    from galway.errors import ConfigurationError
    from galway.report import sbom as report
    from galway.stages import sbom as stage
    from galway.tools import trivy
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        if bool(old) != bool(new):
            raise ConfigurationError("a comparison needs both --old and --new", hint="inv sbom --old A --new B")
        if old:
            _compare(workspace, old, new, platform, json=json)
            return
        targets = sources.Sources(workspace=workspace, say=console.say).targets(image, platform)
        if dry or c.config.run.dry:
            console.dry_run(report.targets(targets), stage.commands(trivy.TOOL, trivy.cache(workspace)))
            return
        records = stage.run(workspace, toolbox.ensure(workspace, trivy.TOOL, say=console.say), targets, say=console.say)
        if json:
            console.print_json(records)
        else:
            console.out.print(report.records(records))
        console.conclude(stage.verdict(records))


def _compare(workspace: Workspace, old: str, new: str, platform: list[str], *, json: bool) -> None:
    from galway import bom, console, prepare, sources
    from galway.report import sbom as report

    (wanted,) = prepare.platforms(platform[:1], ())
    look = sources.Sources(workspace=workspace, say=console.say)
    found = bom.compare(look.packages(old, wanted).packages, look.packages(new, wanted).packages)
    if json:
        console.print_json(found)
    else:
        if found:
            console.out.print(report.difference(found))
        console.out.print(report.summary(found))
