"""Signs what was published, by digest: the index, every platform, its SBOM, and its provenance; never a tag."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from galway import attachment, evidence, gates, release, signing
from galway.errors import PublishError
from galway.layout import MANIFEST_TYPE, Layout
from galway.registry import Repository, Upload, is_loopback, referrers
from galway.tools import cosign as cosign_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from galway.catalog import Image
    from galway.evidence import Judges, Record
    from galway.layout import Manifest
    from galway.reference import Digest, ImageRef
    from galway.registry import Client
    from galway.signing import Cosign
    from galway.tools.cosign import Trust
    from galway.workspace import Workspace

STAGE = "sign"
PROVENANCE = "provenance.json"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One published image to sign.

    Parameters
    ----------
    workspace:
        Takes the record.
    image:
        Its name in the catalog.
    reference:
        Where it was published, by digest.
    layout:
        What was published.
    repository:
        The registry's side of it, with leave to write.
    cosign:
        Who signs.
    sboms:
        For each manifest digest the SBOM files by format.
    provenance:
        For each manifest digest its SLSA predicate.
    """

    workspace: Workspace
    image: str
    reference: ImageRef
    layout: Layout
    repository: Repository
    cosign: Cosign
    sboms: Mapping[Digest, Mapping[str, bytes]]
    provenance: Mapping[Digest, bytes]


@dataclass(frozen=True, kw_only=True)
class Material:
    """What belongs to a published image, proved by its records: see `Request`."""

    layout: Layout
    sboms: Mapping[Digest, Mapping[str, bytes]]
    provenance: Mapping[Digest, bytes]


def collect(workspace: Workspace, image: Image, judges: Judges) -> Material:
    """What would be signed; asks the records and no registry, and changes nothing.

    The gates of the push are asked again, since the record of a push has no reports that it could be judged by: whoever
    wrote one by hand would have anything signed. Whether a stand-in base may be published was decided at the push.

    Parameters
    ----------
    judges:
        For each stage a function that derives status and reason from a record's raw reports again.

    Raises
    ------
    PublishError
        It was not published as it is now, a gate refuses it, or an SBOM or a provenance is missing.
    BuildError
        Its layout is missing or damaged.
    """
    layout = Layout(workspace.layout(image.name))
    layout.verify()
    published = evidence.read(workspace.evidence, image.name, evidence.INDEX, "publish")
    if published is None or published.digest != str(layout.digest) or published.status in ("failed", "skipped"):
        raise PublishError(f"{image.name} as it is now was not published", hint=f"inv push -i {image.name}")
    verdict = gates.ask(
        workspace,
        image,
        release.built(layout),
        sha="",
        judges=judges,
        loopback=is_loopback(image.reference.registry),
        stand_in=True,
    )
    hint = f"see what push says of it: inv push -i {image.name} --dry"
    if error := gates.refusal(verdict, what=f"{image.name} may not be signed", hint=hint):
        raise error
    sboms: dict[Digest, dict[str, bytes]] = {}
    predicates: dict[Digest, bytes] = {}
    for manifest in layout.manifests():
        built = evidence.read(workspace.evidence, image.name, manifest.platform.slug, "build")
        listed = evidence.read(workspace.evidence, image.name, manifest.platform.slug, "sbom")
        if built is not None and built.digest == str(manifest.digest):
            found = evidence.artifact(workspace.evidence, built, PROVENANCE)
            predicates.update({manifest.digest: found} if found is not None else {})
        if listed is not None and listed.digest == str(manifest.digest) and listed.status == "passed":
            files = {form: evidence.artifact(workspace.sboms, listed, f"{form}.json") for form in attachment.SBOM_TYPES}
            sboms[manifest.digest] = {form: content for form, content in files.items() if content is not None}
    material = Material(layout=layout, sboms=sboms, provenance=predicates)
    _complete(image.name, material)
    return material


def request(workspace: Workspace, image: Image, client: Client, cosign: Cosign, material: Material) -> Request:
    """One published image and what `collect` found of it, as `run` takes it."""
    return Request(
        workspace=workspace,
        image=image.name,
        reference=replace(image.reference, tag=None, digest=material.layout.digest),
        layout=material.layout,
        repository=Repository(client=client, name=image.reference.repository, push=True),
        cosign=cosign,
        sboms=material.sboms,
        provenance=material.provenance,
    )


def _complete(image: str, material: Material | Request) -> None:
    """Refuse before anything is signed where a platform lacks an SBOM or its provenance."""
    for manifest in material.layout.manifests():
        again = f"-i {image} --platform {manifest.platform.architecture}"
        if missing := attachment.SBOM_TYPES.keys() - material.sboms.get(manifest.digest, {}).keys():
            raise PublishError(
                f"{image} for {manifest.platform} has no {', '.join(sorted(missing))} of these bytes",
                hint=f"inv sbom {again}",
            )
        if manifest.digest not in material.provenance:
            raise PublishError(
                f"{image} for {manifest.platform} has no provenance of these bytes", hint=f"inv build {again}"
            )


def commands(workspace: Workspace, image: Image, trust: Trust) -> Iterator[tuple[str, ...]]:
    """What is run for one image, without the SBOMs' own digests, which are known when they are attached."""
    layout = Layout(workspace.layout(image.name))
    has = cosign_tool.Features(signing_config=False)
    insecure = is_loopback(image.reference.registry)
    for digest in (layout.digest, *(manifest.digest for manifest in layout.manifests())):
        reference = str(replace(image.reference, tag=None, digest=digest))
        yield cosign_tool.sign("cosign", reference, trust, has, insecure=insecure)
        if digest != layout.digest:
            yield cosign_tool.attest("cosign", reference, PROVENANCE, trust, has, insecure=insecure)


def run(request: Request, *, say: Callable[[str], None] = lambda _line: None) -> Record:
    """Sign what is not signed yet, so that a second run of the same changes nothing.

    Raises
    ------
    PublishError
        The registry does not hold these bytes, an SBOM or a provenance is missing, or Cosign did not sign.
    """
    started, clock = evidence.now(), time.monotonic()
    _complete(request.image, request)
    index = request.layout.digest
    manifests = request.layout.manifests()
    for digest in (index, *(manifest.digest for manifest in manifests)):
        if request.repository.digest(str(digest)) is None:
            raise PublishError(
                f"{request.reference.name} does not hold {digest.short}", hint=f"inv push -i {request.image}"
            )
    signed: list[str] = []
    for digest in (index, *(manifest.digest for manifest in manifests)):
        say(f"signing {request.reference.name}@{digest.short}")
        _sign(request, digest)
        signed.append(str(digest))
    attached: dict[str, dict[str, str]] = {}
    for manifest in manifests:
        attached[manifest.platform.slug] = _attach_sboms(request, manifest)
        signed += attached[manifest.platform.slug].values()
        _attest(request, manifest)
    record = evidence.Record(
        stage=STAGE,
        image=request.image,
        platform=evidence.INDEX,
        digest=str(index),
        status="passed",
        tool=request.cosign.tool.name,
        tool_version=request.cosign.tool.version,
        policy=(f"trust={_trust(request.cosign)}",),
        started=started,
        seconds=round(time.monotonic() - clock, 3),
        measures={"reference": f"{request.reference}", "signed": signed, "sboms": attached},
    )
    evidence.write(request.workspace.evidence, record)
    return record


def _sign(request: Request, digest: Digest) -> None:
    reference = _by_digest(request, digest)
    if not _bears(request, digest, "sig") or request.cosign.unsigned(reference):
        request.cosign.sign(reference)
        if why := request.cosign.unsigned(reference):
            raise PublishError(
                f"the signature of {reference} was made and does not hold: {why}",
                hint=(
                    f"{signing.FILE} says whose signatures hold: sign as one of them, or change it"
                    if isinstance(request.cosign.trust, cosign_tool.Identity)
                    else "check that the public key belongs to the private one"
                ),
            )


def _attach_sboms(request: Request, manifest: Manifest) -> dict[str, str]:
    files = request.sboms[manifest.digest]
    attached = {}
    with tempfile.TemporaryDirectory(prefix="galway-sbom-") as folder:
        for form in attachment.SBOM_TYPES:
            for content in (attachment.EMPTY, files[form]):
                path = Path(folder) / "blob"
                path.write_bytes(content)
                Upload(repository=request.repository, digest=attachment.digest_of(content), path=path).run()
            document = attachment.manifest(manifest, files[form], form=form)
            digest = referrers.attach(request.repository, document, media_type=MANIFEST_TYPE)
            _sign(request, digest)
            attached[form] = str(digest)
    return attached


def _attest(request: Request, manifest: Manifest) -> None:
    predicate = request.provenance[manifest.digest]
    reference = _by_digest(request, manifest.digest)
    found, _ = request.cosign.provenance(reference) if _bears(request, manifest.digest, "att") else ([], "")
    if not any(statement.get("predicate") == json.loads(predicate) for statement in found):
        request.cosign.attest(reference, predicate)


def _bears(request: Request, digest: Digest, ending: str) -> bool:
    """Whether anything is attached that could be a signature; the registry answers at once, Cosign takes a second.

    Parameters
    ----------
    ending:
        Of the tag that Cosign 2.x gives what it attaches; 3.x attaches referrers.
    """
    if request.repository.digest(f"{referrers.fallback_tag(digest)}.{ending}") is not None:
        return True
    kinds = {each.get("artifactType") for each in referrers.find(request.repository, digest)}
    return bool(kinds - set(attachment.SBOM_TYPES.values()))


def _by_digest(request: Request, digest: Digest) -> ImageRef:
    return replace(request.reference, digest=digest)


def _trust(cosign: Cosign) -> str:
    return type(cosign.trust).__name__.lower()
