"""`inv inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from galway.commands import JSON, PLATFORM
from galway.commands.options import task

if TYPE_CHECKING:
    from invoke.context import Context

    from galway.bom import Bom
    from galway.sources import Sources
    from galway.stages.sbom import Target

TOP = 10


@task(
    iterable=["image", "platform"],
    help={
        "image": "Image, layout folder, record or registry reference; NAME@arm64 picks a platform. Repeatable.",
        "platform": PLATFORM,
        "diff": "Show what changed from this other one, named in the same ways, to the image.",
        "packages": "List every package.",
        "top": f"How many files to name (default: {TOP}).",
        "json": JSON,
    },
)
def inspect(
    c: Context,
    image: list[str],
    platform: list[str],
    diff: str = "",
    packages: bool = False,
    top: int = TOP,
    json: bool = False,
) -> None:
    """Show what is in an image: layers and what made them, files, packages, settings, labels, wasted bytes."""
    from galway import console, sources
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        look = sources.Sources(workspace=workspace, say=console.say)
        targets = look.targets(image, platform)
        if diff:
            _diff(look, targets, diff, top=top, json=json)
        else:
            _show(look, targets, packages=packages, top=top, json=json)


def _show(look: Sources, targets: list[Target], *, packages: bool, top: int, json: bool) -> None:
    from galway import console, inspection
    from galway.report import inspect as report

    documents = []
    for target in targets:
        seen = inspection.examine(target.name, target.layout, target.manifest, top=top)
        inside, unknown = _packages(look, target)
        sizes = _parts(look, target)
        if json:
            listed = inside.packages if inside and packages else None
            counts = inside.counts if inside else None
            documents.append({"image": seen, "packages": counts, "list": listed, "unknown": unknown, "parts": sizes})
        else:
            shown = (*report.inspection(seen, inside, unknown, every=packages), *report.parts(sizes))
            console.out.print(*shown, sep="\n")
    if json:
        console.print_json(documents)


def _diff(look: Sources, targets: list[Target], other: str, *, top: int, json: bool) -> None:
    from galway import bom, console, inspection
    from galway.errors import ConfigurationError
    from galway.report import inspect as report

    if len(targets) != 1:
        raise ConfigurationError("a comparison is of one image on one platform", hint="name it: -i NAME")
    sides = (look.target(other, targets[0].platform), targets[0])
    old, new = (inspection.examine(s.name, s.layout, s.manifest, states=True) for s in sides)
    (before, _), (after, _) = (_packages(look, side) for side in sides)
    packages = bom.compare(before.packages, after.packages) if before and after else None
    found = inspection.compare(old, new, packages)
    if json:
        console.print_json(found)
    else:
        names = (f"{side.layout.folder} {side.platform}" for side in sides)
        console.out.print(*report.comparison(found, *names, top=top), sep="\n")


def _parts(look: Sources, target: Target) -> list[dict[str, Any]]:
    """What the build record says of the parts' sizes; nothing where it speaks of another digest."""
    from galway import evidence

    record = evidence.read(look.workspace.evidence, target.name, target.manifest.platform.slug, "build")
    if record is None or record.digest != str(target.manifest.digest):
        return []
    return list(record.measures.get("parts") or ())


def _packages(look: Sources, target: Target) -> tuple[Bom | None, str]:
    """The packages; where Trivy cannot be had or fails, the rest can still be shown."""
    from galway.errors import MissingToolError
    from galway.process import ProcessError

    try:
        return look.packages_of(target), ""
    except (MissingToolError, ProcessError) as error:
        return None, error.message
