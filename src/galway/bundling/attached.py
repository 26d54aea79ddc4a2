"""Carries what is attached to an image (signatures, SBOMs, provenance) from one registry to another as an OCI layout.

Cosign's tags (`sha256-….sig`, `.att`) are kept as names in the layout's `index.json`; referrers need none, since their
manifests name their subject.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from galway.errors import ConfigurationError, VerifyError
from galway.layout import DOCUMENT_LIMIT, MANIFEST_TYPE, REFERENCE_NAME, Layout
from galway.reference import Digest
from galway.registry import LyingError, Upload, download, referrers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from galway.registry import Document, Repository

SUFFIXES = (".sig", ".att", ".sbom")
"""Tags beside an image that Cosign 2 keeps things under (cosign, SIGNATURE_SPEC.md)."""

MOST = 1000
"""Attachments of one image, its attachments' own ones included."""

_TAG = re.compile(r"sha256-[0-9a-f]{64}\.(?:sig|att|sbom)")


def collect(source: Repository, subjects: Sequence[Digest], folder: Path) -> int:
    """Write a layout of all that is attached to some digests, and to what is attached to them; how many there are.

    Raises
    ------
    RegistryError
        The registry could not be asked, or does not hold what it lists.
    """
    layout = Layout(folder)
    layout.blob(Digest("sha256:" + "0" * 64)).parent.mkdir(parents=True, exist_ok=True)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    queue, seen = list(subjects), set()
    while queue:
        subject = queue.pop(0)
        if subject in seen:
            continue
        seen.add(subject)
        for tag, document in _attached(source, subject):
            _keep(source, layout, document)
            named = {"annotations": {REFERENCE_NAME: tag}} if tag else {}
            descriptor = {"mediaType": MANIFEST_TYPE, "digest": str(document.digest), "size": len(document.content)}
            found[tag, str(document.digest)] = {**descriptor, **named}
            if not tag:
                queue.append(document.digest)
        if len(found) > MOST:
            raise LyingError(f"{source.client.name} lists more than {MOST} things attached to {source.name}")
    index = {"schemaVersion": 2, "manifests": [found[key] for key in sorted(found)]}
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps(index, separators=(",", ":"), sort_keys=True))
    return len(found)


def put(folder: Path, target: Repository) -> int:
    """Put everything of a layout into a registry; how many there are. What others attached there stays.

    Raises
    ------
    VerifyError
        The layout is not what `collect` writes.
    RegistryError
        The registry did not take it.
    """
    layout = Layout(folder)
    entries = list(_entries(folder))
    for digest, tag in entries:
        document = layout.document(digest)
        for blob, _size in _blobs(document):
            path = layout.blob(blob)
            if not path.is_file():
                raise VerifyError(f"the bundle lacks blob {blob.short} of attachment {digest.short}")
            Upload(repository=target, digest=blob, path=path).run()
        content = layout.blob(digest).read_bytes()
        if tag:
            _join(target, tag, content)
        else:
            referrers.attach(target, content, media_type=MANIFEST_TYPE)
    return len(entries)


def _attached(source: Repository, subject: Digest) -> Iterator[tuple[str, Document]]:
    for suffix in SUFFIXES:
        tag = f"{referrers.fallback_tag(subject)}{suffix}"
        document = source.document(tag)
        if document is not None:
            yield tag, document
    for descriptor in referrers.find(source, subject):
        document = source.document(str(descriptor.get("digest")))
        if document is None:
            raise LyingError(f"{source.client.name} lists {descriptor.get('digest')} and does not have it")
        yield "", document


def _keep(source: Repository, layout: Layout, document: Document) -> None:
    layout.blob(document.digest).write_bytes(document.content)
    for blob, size in _blobs(document.json()):
        download.blob(source, blob, layout.blob(blob), size=size)


def _blobs(document: dict[str, Any]) -> Iterator[tuple[Digest, int]]:
    try:
        for descriptor in (document["config"], *document["layers"]):
            yield Digest.parse(descriptor["digest"]), int(descriptor["size"])
    except (LookupError, TypeError, ValueError, ConfigurationError) as error:
        raise VerifyError("an attachment is no manifest") from error


def _entries(folder: Path) -> Iterator[tuple[Digest, str]]:
    """What the layout lists: digest, and the tag of Cosign's; any other tag would be a way to move `latest`."""
    path = folder / "index.json"
    try:
        if path.stat().st_size > DOCUMENT_LIMIT:
            raise VerifyError(f"{path.name} of the attachments is too large")
        for entry in json.loads(path.read_bytes())["manifests"]:
            tag = str((entry.get("annotations") or {}).get(REFERENCE_NAME, ""))
            if tag and not _TAG.fullmatch(tag):
                raise VerifyError(f"the bundle would move the tag {tag!r}, which is no signature's")
            yield Digest.parse(str(entry["digest"])), tag
    except (OSError, LookupError, TypeError, ValueError, AttributeError, ConfigurationError) as error:
        raise VerifyError("the bundle's attachments cannot be read") from error


def _join(target: Repository, tag: str, content: bytes) -> None:
    """Put Cosign's manifest under its tag, behind the signatures that are there already, as Cosign itself adds one."""
    there = target.document(tag)
    if there is not None and there.content != content:
        known, new = there.json(), json.loads(content)
        layers = list(known.get("layers") or [])
        added = [layer for layer in new["layers"] if layer not in layers]
        if not added:
            return
        known["layers"] = [*layers, *added]
        content = json.dumps(known, separators=(",", ":")).encode()
    target.put(tag, content, MANIFEST_TYPE)
