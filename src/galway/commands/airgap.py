"""`inv bundle` and `inv bundle.load`: images over an air gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands import DRY, IMAGE, JSON
from galway.commands.options import task
from galway.commands.signing import KEY

if TYPE_CHECKING:
    from invoke.context import Context

OUTPUT = "galway-bundle.tar"


@task(
    default=True,
    iterable=["image"],
    help={
        "image": IMAGE,
        "output": f"The file to write (default: {OUTPUT}).",
        "key": KEY,
        "database": "A folder with trivy.db and metadata.json to take along.",
        "dry": DRY,
        "json": JSON,
    },
)
def bundle(
    c: Context,
    image: list[str],
    output: str = OUTPUT,
    key: str = "",
    database: str = "",
    dry: bool = False,
    json: bool = False,
) -> None:
    """Write images, signatures, SBOMs, provenance and records into one file for a machine without network.

    Environment: COSIGN_KEY, COSIGN_PUBLIC_KEY, COSIGN_PASSWORD. Ends with 10 where a gate could not be evaluated.
    """
    from pathlib import Path

    from galway import airgap, console
    from galway.report import airgap as report
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        folder = Path(database) if database else None
        packing = airgap.Packing(workspace=workspace, names=image, key=key, database=folder, say=console.say)
        if dry or c.config.run.dry:
            console.out.print(report.wanted(packing.images(), Path(output), workspace))
            return
        made = packing.run(Path(output))
        if json:
            console.print_json(report.values(made))
        else:
            console.out.print(*report.packed(made), sep="\n")
        console.conclude(made.unevaluated)


@task(
    positional=["file"],
    iterable=["stand_in"],
    help={
        "file": "The bundle.",
        "registry": "Where the images go, as REGISTRY names it (default: this machine's Docker).",
        "key": "The public key that you trust, a file you got another way (default: COSIGN_PUBLIC_KEY).",
        "trust_bundled_key": "Use the key in the bundle: it proves that nothing broke, not who made it.",
        "stand_in": "Load this image into a registry although it stands on a stand-in base; repeat for several.",
        "dry": DRY,
        "json": JSON,
    },
)
def load(
    c: Context,
    file: str,
    stand_in: list[str],
    registry: str = "",
    key: str = "",
    trust_bundled_key: bool = False,
    dry: bool = False,
    json: bool = False,
) -> None:
    """Check a bundle's files, images and signatures, and load it only when all of it holds; needs no network.

    Environment: COSIGN_PUBLIC_KEY; the registry's login, as for `inv push`.
    """
    import os
    from pathlib import Path

    from galway import airgap, console, engine
    from galway.report import airgap as report
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        if dry or c.config.run.dry:
            place = registry or "this machine's Docker"
            console.out.print(f"would check {file} and load it into {place}", soft_wrap=True, markup=False)
            return
        loading = airgap.Loading(
            workspace=workspace,
            registry=registry,
            key=key or ("" if trust_bundled_key else os.environ.get("COSIGN_PUBLIC_KEY", "")),
            trust_bundled=trust_bundled_key,
            stand_ins=tuple(stand_in),
            engine=lambda: engine.ensure(workspace, say=console.say),
            say=console.say,
        )
        loaded = loading.run(Path(file))
        if json:
            console.print_json(loaded)
        else:
            console.out.print(*report.loaded(loaded, loading.kept, bundled=not loading.key), sep="\n")
