"""`inv keygen`, `inv sign` and `inv verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands import DRY, IMAGE, JSON
from galway.commands.options import task

if TYPE_CHECKING:
    from invoke.context import Context

KEY = "Private key: a path (the public one lies beside it), env://NAME, or a key management service."
PUBLIC_KEY = "The public key, or the private one that it lies beside (default: COSIGN_PUBLIC_KEY, docker/signing.toml)."
KEYLESS = "Use the identity in docker/signing.toml instead of a key (Sigstore)."


@task(
    help={
        "key": "Where to put the private key; the public one goes beside it (default: docker/signing.toml).",
        "dry": DRY,
    }
)
def keygen(c: Context, key: str = "", dry: bool = False) -> None:
    """Make the key pair that signs images; the passphrase comes from COSIGN_PASSWORD or is asked for."""
    from pathlib import Path

    from galway import console, signing, toolbox
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        pair = signing.pair(workspace.root, key=key, environment={})
        if dry or c.config.run.dry:
            console.out.print(f"would make {pair.private} and {pair.public}", soft_wrap=True, markup=False)
            return
        tool = toolbox.ensure(workspace, "cosign", say=console.say)
        made = signing.generate(tool, Path(pair.private), Path(pair.public))
        console.out.print(f"keep secret: {made.private}\ncommit: {made.public}", soft_wrap=True, markup=False)


@task(
    iterable=["image"],
    help={"image": IMAGE, "key": KEY, "keyless": KEYLESS, "dry": DRY, "json": JSON},
)
def sign(
    c: Context, image: list[str], key: str = "", keyless: bool = False, dry: bool = False, json: bool = False
) -> None:
    """Sign what was pushed, by digest: index, platforms, SBOMs, provenance; what is signed already stays as it is.

    Environment: REGISTRY and its login, as for `inv push`; COSIGN_KEY, COSIGN_PASSWORD.
    """
    from galway import console, judges, prepare, process, registry, signing, toolbox
    from galway.report import signing as report
    from galway.stages import sign as stage
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        images = prepare.load_catalog(workspace, image).select(image)
        trust = signing.identity(workspace.root) if keyless else signing.pair(workspace.root, key=key)
        table = judges.judges(workspace, images, prepare.rules(workspace))
        if dry or c.config.run.dry:
            for one in images:
                for argv in stage.commands(workspace, one, trust):
                    console.out.print(process.quote(argv), soft_wrap=True, markup=False)
            for one in images:
                stage.collect(workspace, one, table)
            return
        wanted = [(one, stage.collect(workspace, one, table)) for one in images]
        name = images[0].reference.registry
        credentials = registry.find_credentials(name)
        tool = toolbox.ensure(workspace, "cosign", say=console.say)
        with signing.registry_environment(name, credentials) as environment:
            signer = signing.Cosign(tool=tool, trust=trust, environment={**environment, **signing.unlock(trust)})
            client = registry.Client(name, credentials=credentials)
            records = [
                stage.run(stage.request(workspace, one, client, signer, material), say=console.say)
                for one, material in wanted
            ]
        if json:
            console.print_json(records)
        else:
            console.out.print(report.signed(records))


@task(
    iterable=["image"],
    help={
        "image": IMAGE,
        "ref": "Look at this reference (registry/repository:tag or …@sha256:…) instead of what this checkout built.",
        "key": PUBLIC_KEY,
        "keyless": KEYLESS,
        "dry": DRY,
        "json": JSON,
    },
)
def verify(
    c: Context,
    image: list[str],
    ref: str = "",
    key: str = "",
    keyless: bool = False,
    dry: bool = False,
    json: bool = False,
) -> None:
    """Prove published images as an outsider: pull by digest, then signatures, labels, SBOMs, provenance.

    Environment: REGISTRY, and its login for a private image; COSIGN_PUBLIC_KEY.
    """
    from galway import console, prepare, process, registry, signing, toolbox
    from galway.report import signing as report
    from galway.stages import verify as stage
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        table = prepare.load_catalog(workspace, image)
        trust = signing.identity(workspace.root) if keyless else signing.pair(workspace.root, key=key)
        wanted = stage.select(workspace, table, image, ref)
        if dry or c.config.run.dry:
            for _, reference in wanted:
                for argv in stage.commands(reference, trust):
                    console.out.print(process.quote(argv), soft_wrap=True, markup=False)
            return
        name = wanted[0][1].registry
        credentials = registry.find_credentials(name)
        tool = toolbox.ensure(workspace, "cosign", say=console.say)
        with signing.registry_environment(name, credentials) as environment:
            truster = signing.Cosign(tool=tool, trust=trust, environment=environment)
            client = registry.Client(name, credentials=credentials)
            records = [
                stage.run(
                    workspace,
                    stage.published(
                        table,
                        one,
                        reference,
                        platforms=stage.platforms(workspace, one, reference),
                        client=client,
                        cosign=truster,
                    ),
                    say=console.say,
                )
                for one, reference in wanted
            ]
        if json:
            console.print_json(records)
        else:
            console.out.print(*report.verified(records))
        console.conclude(stage.verdict(records))
