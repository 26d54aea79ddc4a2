"""`inv test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands import DRY, IMAGE, PLATFORM
from galway.commands.options import task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    name="test",
    iterable=["image", "platform"],
    help={"image": IMAGE, "platform": PLATFORM, "dry": DRY, "json": "Print the records as JSON."},
)
def run_tests(c: Context, image: list[str], platform: list[str], dry: bool = False, json: bool = False) -> None:
    """Test built images: structure, hardening, content, architecture; one record for each image and platform."""
    from galway import console, prepare, process
    from galway.checks import target
    from galway.report import testing as report
    from galway.stages import test as stage
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
        if not wanted:  # before a tool is fetched, and without the table of nothing
            console.conclude(refused)
        records = prepare.session(workspace, wanted, say=console.say).run(wanted)
        if json:
            console.print_json(records)
        else:
            found = report.causes(records)
            console.out.print(report.test(records), *([found] if found else []))
        console.conclude(refused or stage.verdict(records))
