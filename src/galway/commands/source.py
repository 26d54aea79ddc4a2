"""`inv scan-source` and `inv advisories`: the scanner image on a folder, and what it judges dependencies by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands import DRY, JSON
from galway.commands.options import task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    name="scan-source",
    help={
        "path": "Folder to scan (default: this checkout, where a relative path begins too).",
        "output": "Folder for the results (default: results).",
        "kind": "full, fast or incremental (default: full).",
        "advisories": "OSV's export for PyPI, zip or folder (default: what `inv advisories` fetched, if anything).",
        "fail_on": "Severities that fail, for instance critical,high; none only reports (default: critical,high).",
        "dry": DRY,
    },
)
def scan_source(
    c: Context,
    path: str = ".",
    output: str = "results",
    kind: str = "full",
    advisories: str = "",
    fail_on: str = "",
    dry: bool = False,
) -> None:
    """Scan a folder's code with the security-scanner image, without a network; results belong to the folder's owner.

    Exit code 7 for findings, 10 where the scan is incomplete or dependencies could not be judged.
    """
    from pathlib import Path

    from galway import console, engine, prepare, process
    from galway.stages import source_scan as stage
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        (image,) = prepare.load_catalog(workspace, [stage.NAME]).select([stage.NAME])
        fetched = workspace.cache / "advisories" / "PyPI.zip"
        snapshot = Path(advisories).absolute() if advisories else fetched if fetched.is_file() else None
        request = stage.Request(
            path=Path(path).absolute(),
            output=Path(output).absolute(),
            kind=kind,
            advisories=snapshot,
            fail_on=fail_on,
        )
        if dry or c.config.run.dry:
            argv = stage.command("docker", image, request, root=workspace.root, cores=1, owner=image.run.user)
            console.out.print(process.quote(argv), soft_wrap=True, markup=False)
            return
        done = stage.run(workspace, engine.ensure(workspace, say=console.say), image, request, say=console.say)
        console.out.print(done.stdout.rstrip(), markup=False, soft_wrap=True)
        console.conclude(stage.verdict(done, request))


@task(
    help={
        "output": "Where to put it (default: the user's cache, where scan-source finds it).",
        "dry": DRY,
        "json": JSON,
    }
)
def advisories(c: Context, output: str = "", dry: bool = False, json: bool = False) -> None:
    """Fetch OSV's export of Python advisories, check it, and say how old it is.

    Environment: OSV_EXPORT, the address of a mirror of it.
    """
    import datetime
    import os
    from pathlib import Path

    from galway import advisories as snapshots, console
    from galway.toolbox import progress
    from galway.vulnerabilities import policy
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        path = Path(output).absolute() if output else workspace.cache / "advisories" / "PyPI.zip"
        address = os.environ.get("OSV_EXPORT") or policy.load(workspace.root).advisories.export
        if dry or c.config.run.dry:
            console.out.print(f"would fetch {address} to {path}", soft_wrap=True, markup=False)
            return
        with progress.on(console.err)("OSV's export", 0, None) as advance:
            found = snapshots.fetch(path, address=address, advance=advance)
        days = found.age(datetime.datetime.now(datetime.UTC))
        if json:
            console.print_json({"path": str(found.path), "count": found.count, "newest": found.newest, "days": days})
        else:
            console.out.print(f"{found.path}: {found.count} advisories, the newest {days} days old", soft_wrap=True)
