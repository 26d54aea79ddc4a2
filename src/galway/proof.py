"""Proves a published image as an outsider would: pulled by digest, who made it, of what, and how."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import msgspec

from galway import attachment, bom, evidence, release
from galway.errors import GalwayError, VerifyError
from galway.provenance import PREDICATE_TYPE
from galway.pull import pull
from galway.reference import Digest
from galway.registry import UnreachableError, download, referrers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from galway.layout import Layout, Manifest
    from galway.reference import ImageRef, Platform
    from galway.registry import Document, Repository
    from galway.signing import Cosign

LARGEST_SBOM = 64 << 20
"""Bytes of an SBOM that are read."""

PER_PLATFORM = ("signature", "labels", "sbom", "provenance")
ON_INDEX = ("bytes", "platforms", "signature")
"""The proofs that there must be, each once for every platform and for the index."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an outsider can hold against a published image.

    Parameters
    ----------
    platform:
        What it is about: a platform's slug, or `index`.
    name:
        `bytes`, `platforms`, `signature`, `labels`, `sbom`, `provenance`.
    detail:
        What was seen, one line; the cause of a failure.
    """

    platform: str
    name: str
    status: Literal["passed", "failed"]
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published image, and what it should be.

    Parameters
    ----------
    image:
        Its name in the catalog.
    reference:
        Repository and digest of the index.
    platforms:
        What the index must hold, no more and no less.
    labels:
        Labels that every platform must carry with these values.
    source:
        The repository that the provenance must name.
    tag:
        What it was asked for as, which its labels must bear out; empty for a digest.
    repository:
        The registry's side, without leave to write.
    cosign:
        Whom to trust.
    """

    image: str
    reference: ImageRef
    platforms: tuple[Platform, ...]
    labels: Mapping[str, str]
    source: str
    tag: str = ""
    repository: Repository
    cosign: Cosign


def prove(published: Published, folder: Path, say: Callable[[str], None]) -> Iterator[Proof]:
    """Pull the image into a folder and prove it there.

    Raises
    ------
    UnreachableError
        The registry does not answer, so that nothing was seen.
    """
    digest = published.reference.digest
    if digest is None:
        raise VerifyError(f"{published.reference} names no digest")
    try:
        layout = pull(published.repository, digest, folder)
        layout.verify()
        manifests = layout.manifests()
    except UnreachableError:
        raise
    except GalwayError as error:
        yield _proof(evidence.INDEX, "bytes", error.message)
        return
    yield _proof(evidence.INDEX, "bytes", "", f"{sum(manifest.size for manifest in manifests)} bytes pulled by digest")
    yield _platforms(published, layout)
    yield _proof(evidence.INDEX, "signature", published.cosign.unsigned(published.reference))
    for manifest in manifests:
        slug = manifest.platform.slug
        reference = replace(published.reference, tag=None, digest=manifest.digest)
        say(f"proving {reference.name}@{manifest.digest.short} ({manifest.platform})")
        yield _proof(slug, "signature", published.cosign.unsigned(reference))
        yield _proof(slug, "labels", _labels(published, manifest))
        yield _proof(slug, "sbom", _sbom(published, manifest, folder))
        yield _proof(slug, "provenance", _provenance(published, manifest))


def _proof(platform: str, name: str, cause: str, seen: str = "") -> Proof:
    """A proof that failed when there is a cause."""
    return Proof(platform=platform, name=name, status="failed" if cause else "passed", detail=cause or seen)


def _platforms(published: Published, layout: Layout) -> Proof:
    found = sorted(manifest.platform for manifest in layout.manifests())
    wanted = sorted(published.platforms)
    cause = "" if found == wanted else f"it holds {_names(found)}, not {_names(wanted)}"
    listed = len(layout.document(layout.digest).get("manifests") or [])
    if listed != len(found):  # an entry that calls itself an attestation was not pulled, and a client may run it
        cause = f"its index lists {listed} entries, of which {len(found)} are platforms' images"
    return _proof(evidence.INDEX, "platforms", cause, _names(found))


def _labels(published: Published, manifest: Manifest) -> str:
    labels = manifest.labels
    for key, value in published.labels.items():
        if labels.get(key) != value:
            return f"label {key} is {labels.get(key)!r}, not {value!r}"
    return release.misnamed(published.tag, labels)


def _sbom(published: Published, manifest: Manifest, folder: Path) -> str:
    """Why no SBOM of each format, signed and about these bytes, is attached."""
    for form, kind in attachment.SBOM_TYPES.items():
        try:
            found = referrers.find(published.repository, manifest.digest, artifact_type=kind)
        except UnreachableError:
            raise
        except GalwayError as error:
            return error.message
        causes = [_attached(published, manifest, folder, str(each.get("digest"))) for each in found]
        if not causes:
            return f"no {form} SBOM is attached"
        if all(causes):
            return f"{form}: {causes[0]}"
    return ""


def _attached(published: Published, manifest: Manifest, folder: Path, listed: str) -> str:
    """Why one referrer is no SBOM of this platform that whom we trust has signed."""
    try:
        digest = Digest.parse(listed)
    except GalwayError as error:
        return error.message
    document = published.repository.document(str(digest))
    if document is None:
        return f"{digest.short} is listed and is not there"
    try:
        cause = _about(published, manifest, folder, document)
    except UnreachableError:
        raise
    except GalwayError as error:
        cause = error.message
    except (AttributeError, LookupError, TypeError, ValueError):
        cause = "it is no SBOM"
    if not cause and (unsigned := published.cosign.unsigned(replace(published.reference, tag=None, digest=digest))):
        cause = f"it is not signed: {unsigned}"
    return f"{digest.short}: {cause}" if cause else ""


def _about(published: Published, manifest: Manifest, folder: Path, document: Document) -> str:
    """Why what an artifact holds is no list of this platform's packages."""
    if document.json()["subject"]["digest"] != str(manifest.digest):
        return "it is attached to another image"
    layer = document.json()["layers"][0]
    blob = Digest.parse(layer["digest"])
    path = folder / blob.hex
    download.blob(published.repository, blob, path, size=min(int(layer["size"]), LARGEST_SBOM))
    found = bom.read(path.read_bytes())
    if quote(str(manifest.digest)) not in found.subject and str(manifest.digest) not in found.subject:
        return f"it is about another image: {found.subject or 'it does not say which'}"
    return "" if found.packages else "it names no package"


def _provenance(published: Published, manifest: Manifest) -> str:
    """Why no signed provenance says that these bytes come from our source at the commit that their label names."""
    reference = replace(published.reference, tag=None, digest=manifest.digest)
    statements, cause = published.cosign.provenance(reference)
    if cause:
        return cause
    revision = manifest.labels.get("org.opencontainers.image.revision", "").removesuffix("-dirty")
    wanted = f"git+{published.source}@{revision}"
    for statement in statements:
        if statement.get("predicateType") != PREDICATE_TYPE:
            continue
        definition = statement.get("predicate", {}).get("buildDefinition", {})
        if any(dependency.get("uri") == wanted for dependency in definition.get("resolvedDependencies", [])):
            return ""
    return f"no signed provenance names {wanted}"


def _names(platforms: Iterable[Platform]) -> str:
    return ", ".join(map(str, platforms)) or "no platform"


def judge(proofs: Iterable[Proof], platforms: int) -> tuple[evidence.Status, str]:
    """Passed when every proof is there for the index and each platform, and none failed."""
    seen = list(proofs)
    if failed := [proof for proof in seen if proof.status == "failed"]:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return "failed", f"{failed[0].platform} {failed[0].name}: {failed[0].detail}{more}"
    counts = Counter(proof.name for proof in seen if proof.platform != evidence.INDEX)
    index = {proof.name for proof in seen if proof.platform == evidence.INDEX}
    lacking = [name for name in PER_PLATFORM if counts[name] != platforms] + sorted(set(ON_INDEX) - index)
    return ("failed", f"no proof of {', '.join(lacking)}") if lacking or not platforms else ("passed", "")
