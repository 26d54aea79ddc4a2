"""`inv scan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands import DRY, IMAGE, JSON, PLATFORM
from galway.commands.options import task

if TYPE_CHECKING:
    from invoke.context import Context

DATABASE = "Folder with Trivy's trivy.db, or OCI repository of one; repeat for several, tried in their order."


@task(
    iterable=["image", "platform", "database"],
    help={
        "image": IMAGE,
        "platform": PLATFORM,
        "database": DATABASE,
        "strict": "Allow no high vulnerability either.",
        "output": "Also write scan.md and each platform's SARIF into this folder.",
        "dry": DRY,
        "json": JSON,
    },
)
def scan(
    c: Context,
    image: list[str],
    platform: list[str],
    database: list[str],
    strict: bool = False,
    output: str = "",
    dry: bool = False,
    json: bool = False,
) -> None:
    """Scan built images for vulnerabilities, secrets and wrong settings, and gate on what is found.

    Thresholds and database are in docker/scan.toml, waivers in docker/exceptions.toml.
    Environment: TRIVY_DATABASE, as --database.
    """
    import os
    from pathlib import Path

    from galway import console, history, prepare, toolbox
    from galway.report import scanning as report
    from galway.stages import scan as stage
    from galway.tools import trivy
    from galway.vulnerabilities import database as databases
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        table = prepare.load_catalog(workspace, image)
        targets = stage.select(workspace, table.select(image), prepare.platforms(platform, table.select(image)))
        rules = prepare.rules(workspace, strict=strict)
        if dry or c.config.run.dry:
            console.dry_run(report.targets(targets), stage.commands(trivy.TOOL, trivy.cache(workspace)))
            return
        tool = toolbox.ensure(workspace, trivy.TOOL, say=console.say)
        named = database or os.environ.get("TRIVY_DATABASE", "").split()
        sources = named or rules.policy.database.repositories
        asked = databases.obtain(workspace, tool, sources, rules.policy, say=console.say)
        records = stage.run(workspace, tool, targets, rules, asked=asked, say=console.say)
        history.scanned(workspace, records, console.say)
        if output:
            stage.export(workspace, records, Path(output), summary=report.markdown(records))
        if json:
            console.print_json(records)
        else:
            for part in report.scan(records):
                console.out.print(part)
        console.conclude(stage.verdict(records))
