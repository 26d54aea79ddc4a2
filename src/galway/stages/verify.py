"""Looks at a published image as an outsider does: pulls it by digest and proves who made it, of what, and how."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from galway import evidence, history, proof
from galway.errors import ConfigurationError, GalwayError, VerifyError
from galway.layout import Layout
from galway.proof import Published
from galway.reference import ImageRef
from galway.registry import Repository, is_loopback
from galway.tools import cosign as cosign_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from galway.catalog import Catalog, Image
    from galway.evidence import Record
    from galway.reference import Platform
    from galway.registry import Client
    from galway.signing import Cosign
    from galway.tools.cosign import Trust
    from galway.workspace import Workspace

STAGE = "verify"


def select(workspace: Workspace, catalog: Catalog, names: Sequence[str], ref: str) -> list[tuple[Image, ImageRef]]:
    """Which images are looked at, and where: what this checkout built, under the catalog's references, or one `ref`.

    Raises
    ------
    ConfigurationError
        The reference belongs to no image of the catalog.
    BuildError
        There is no layout to take the digest from.
    """
    images = catalog.select(names)
    if not ref:
        return [
            (image, replace(image.reference, tag=None, digest=Layout(workspace.layout(image.name)).digest))
            for image in images
        ]
    reference = ImageRef.parse(ref)
    last = reference.repository.rpartition("/")[2]
    for image in images:
        if image.reference.repository.rpartition("/")[2] == last:
            return [(image, reference)]
    raise ConfigurationError(f"{ref} is no image of the catalog", hint="see `inv plan` for their references")


def platforms(workspace: Workspace, image: Image, reference: ImageRef) -> tuple[Platform, ...]:
    """What an index must hold: all that the catalog names; on a registry of this machine what was built here."""
    if is_loopback(reference.registry) and (workspace.layout(image.name) / "index.json").is_file():
        return tuple(manifest.platform for manifest in Layout(workspace.layout(image.name)).manifests())
    return image.platforms


def published(
    catalog: Catalog,
    image: Image,
    reference: ImageRef,
    *,
    platforms: Sequence[Platform],
    client: Client,
    cosign: Cosign,
) -> Published:
    """What an image of the catalog should be like where it was published; a tag is resolved once, here.

    Raises
    ------
    VerifyError
        There is no such tag.
    RegistryError
        The registry could not be asked.
    """
    repository = Repository(client=client, name=reference.repository)
    digest = reference.digest or repository.digest(str(reference.tag or image.reference.tag))
    if digest is None:
        raise VerifyError(f"{reference} is not there", hint="see what is: inv digest")
    prefix = "org.opencontainers.image"
    return Published(
        image=image.name,
        reference=replace(reference, tag=None, digest=digest),
        platforms=tuple(platforms),
        labels={
            f"{prefix}.title": image.title,
            f"{prefix}.source": catalog.source,
            f"{prefix}.vendor": catalog.vendor,
            f"{prefix}.licenses": catalog.licenses,
        },
        source=catalog.source,
        tag="" if reference.digest else str(reference.tag or image.reference.tag),
        repository=repository,
        cosign=cosign,
    )


def commands(reference: ImageRef, trust: Trust) -> tuple[tuple[str, ...], ...]:
    """What is run for an index; the same follows for each platform and SBOM, whose digests it lists."""
    insecure = is_loopback(reference.registry)
    return (
        cosign_tool.verify("cosign", str(reference), trust, insecure=insecure),
        cosign_tool.verify_attestation("cosign", str(reference), trust, insecure=insecure),
    )


def run(workspace: Workspace, published: Published, *, say: Callable[[str], None] = lambda _line: None) -> Record:
    """Pull the image into a folder of its own and prove it there; what this checkout has built plays no part.

    Raises
    ------
    UnreachableError
        The registry does not answer, so that nothing was seen.
    """
    started, clock = evidence.now(), time.monotonic()
    folder = workspace.state / STAGE / published.image
    shutil.rmtree(folder, ignore_errors=True)
    say(f"pulling {published.reference}")
    try:
        proving = proof.prove(published, folder, say)
        with history.pulling(workspace, str(published.reference), folder) as pull:
            proofs = [next(proving)]  # the first one is about the pull
            pull.reason = proofs[0].detail if proofs[0].status == "failed" else ""
        proofs += proving
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    status, reason = proof.judge(proofs, len(published.platforms))
    record = evidence.Record(
        stage=STAGE,
        image=published.image,
        platform=evidence.INDEX,
        digest=str(published.reference.digest),
        status=status,
        reason=reason,
        tool=published.cosign.tool.name,
        tool_version=published.cosign.tool.version,
        policy=(f"trust={type(published.cosign.trust).__name__.lower()}",),
        started=started,
        seconds=round(time.monotonic() - clock, 3),
        measures={"reference": str(published.reference), "proofs": msgspec.to_builtins(proofs)},
    )
    evidence.write(workspace.evidence, record)
    return record


def verdict(records: Iterable[Record]) -> GalwayError | None:
    """None where every image was proved."""
    failed = [record for record in records if record.status != "passed"]
    if not failed:
        return None
    first = failed[0]
    return VerifyError(
        f"{first.image}: {first.reason}", hint="do not run this image; publish and sign it again, or find out who did"
    )
