"""`inv pipeline`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands import DRY, IMAGE, JSON, PLATFORM
from galway.commands.options import task
from galway.commands.scanning import DATABASE

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    iterable=["image", "platform", "database"],
    help={
        "image": IMAGE,
        "platform": PLATFORM,
        "database": DATABASE,
        "strict": "Allow no high vulnerability either.",
        "dry": DRY,
        "json": JSON,
    },
)
def pipeline(
    c: Context,
    image: list[str],
    platform: list[str],
    database: list[str],
    strict: bool = False,
    dry: bool = False,
    json: bool = False,
) -> None:
    """Build, test, list, scan, push, sign and verify, against a throw-away registry and key on this machine.

    Ends with 0 only when every gate passed; 10 where one could not be evaluated. Leaves .galway/report: pipeline.json,
    pipeline.md for a job's summary, and report.html, one page for everybody.
    """
    from galway import console, overview, pipeline as whole, prepare
    from galway.errors import GalwayError
    from galway.report import files, images, pipeline as report
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        wish = whole.Wish(names=image, platform=platform, databases=database, strict=strict)
        if dry or c.config.run.dry:
            plan = prepare.plan(workspace, names=image, platform=platform)
            console.out.print(images.plan(plan))
            for stage, argvs in whole.commands(workspace, plan):
                console.dry_run(f"# {stage}", argvs)
            return
        with console.pipeline() as (observe, changed):
            run = whole.Pipeline(workspace=workspace, wish=wish, say=console.say, observe=observe, changed=changed)
            outcome = run.run()
        if json:
            console.print_json(outcome)
        else:
            console.out.print(report.grid(outcome))
            if found := report.causes(outcome):
                console.out.print(found)
            console.out.print(report.seconds(outcome))
        try:
            seen = overview.look(workspace, image)
            written = files.pipeline(seen, outcome, run.verdict, workspace.state / files.FOLDER)
            console.err.print(f"written: {', '.join(map(str, written))}", soft_wrap=True, markup=False)
        except GalwayError as error:  # the run's own verdict is what it ends with
            console.err.print(f"no report was written: {error.message}", markup=False)
        console.conclude(run.verdict)
