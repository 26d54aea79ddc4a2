"""`inv test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from galway.commands import DRY, IMAGE, PLATFORM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from invoke.context import Context

    from galway.catalog import Image
    from galway.checks.target import Target
    from galway.engine import Engine
    from galway.reference import Platform
    from galway.workspace import Workspace


@task(
    name="test",
    iterable=["image", "platform"],
    help={"image": IMAGE, "platform": PLATFORM, "dry": DRY, "json": "Print the records as JSON."},
)
def run_tests(c: Context, image: list[str], platform: list[str], dry: bool = False, json: bool = False) -> None:
    """Test built images: structure, hardening, content, architecture; one record for each image and platform."""
    from galway import console, prepare, process, toolbox
    from galway.checks import target
    from galway.report import testing as report
    from galway.stages import test as stage
    from galway.tools import structure_test
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        images = prepare.load_catalog(workspace, image).select(image)
        wanted, refused = target.select(workspace, images, prepare.platforms(platform, images))
        if dry or c.config.run.dry:
            for argv in stage.commands(wanted):
                console.out.print(process.quote(argv), soft_wrap=True, markup=False)
            console.conclude(refused)
            return
        session = stage.Session(
            workspace=workspace,
            engine=_engine(workspace),
            tool=toolbox.ensure(workspace, structure_test.NAME, say=console.say),
            sboms=_sboms(workspace, images, wanted),
            say=console.say,
        )
        records = session.run(wanted)
        if json:
            console.print_json(records)
        else:
            found = report.causes(records)
            console.out.print(report.test(records), *([found] if found else []))
        console.conclude(refused or stage.verdict(records))


def _engine(workspace: Workspace) -> Engine | None:
    """What runs containers; without one, what needs none is tested nevertheless."""
    from galway import console, engine
    from galway.errors import MissingToolError

    try:
        return engine.ensure(workspace, say=console.say)
    except MissingToolError as error:
        console.say(f"{error.message}: what needs an engine is not evaluated")
        return None


def _sboms(
    workspace: Workspace, images: Sequence[Image], wanted: Sequence[Target]
) -> Mapping[str, Mapping[Platform, Path]]:
    """The SBOMs of every platform of the images under test that have several, written where they are not current."""
    from galway import console, toolbox
    from galway.errors import MissingToolError
    from galway.stages import sbom
    from galway.tools import trivy

    found: dict[str, dict[Platform, Path]] = {}
    for image in images:
        layout = next((one.layout for one in wanted if one.image.name == image.name), None)
        if layout is None or len(manifests := layout.manifests()) < 2:
            continue
        named = [sbom.target(layout.folder, image.name, image.reference, one.platform) for one in manifests]
        try:
            records = sbom.run(
                workspace, toolbox.ensure(workspace, trivy.TOOL, say=console.say), named, say=console.say
            )
        except MissingToolError as error:
            console.say(f"{error.message}: the platforms' packages are not compared")
            return found
        found[image.name] = {
            one.platform: sbom.folder(workspace) / image.name / record.platform / "cyclonedx.json"
            for one, record in zip(named, records, strict=True)
            if record.status == "passed"
        }
    return found
