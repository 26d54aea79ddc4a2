"""What refers to an image (signatures, SBOMs): through the referrers API, or the tag that stands in for it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from galway.reference import Digest
from galway.registry.model import INDEX_TYPES, LyingError, RegistryError

if TYPE_CHECKING:
    from galway.registry.repository import Repository

Descriptor = dict[str, Any]


def fallback_tag(digest: Digest) -> str:
    """The tag that lists referrers where a registry has no API for it (OCI distribution specification)."""
    return str(digest).replace(":", "-")


def find(repository: Repository, digest: Digest, *, artifact_type: str = "") -> tuple[Descriptor, ...]:
    """Descriptors of what refers to a digest, from the API and from the fallback tag, each once.

    Parameters
    ----------
    artifact_type:
        Only those of this type; empty for all.

    Raises
    ------
    RegistryError
        It could not be asked.
    """
    found: dict[str, Descriptor] = {}
    for descriptor in (*_from_api(repository, digest), *_from_tag(repository, digest)):
        found.setdefault(str(descriptor.get("digest")), descriptor)
    return tuple(each for each in found.values() if artifact_type in ("", each.get("artifactType")))


def attach(repository: Repository, manifest: bytes, *, media_type: str) -> Digest:
    """Store a manifest that has a `subject`, and list it under the fallback tag where the registry does not itself.

    One writer per subject at a time: the tag is read, extended and written, and read back.

    Raises
    ------
    RegistryError
        It was not taken, or another writer took it off the list again.
    """
    document = json.loads(manifest)
    subject = Digest.parse(document["subject"]["digest"])
    digest = Digest.parse(f"sha256:{hashlib.sha256(manifest).hexdigest()}")
    answer = repository.put(str(digest), manifest, media_type)
    if not answer.headers.get("OCI-Subject"):
        descriptor = {
            "mediaType": media_type,
            "digest": str(digest),
            "size": len(manifest),
            "artifactType": document.get("artifactType") or document.get("config", {}).get("mediaType", ""),
            "annotations": document.get("annotations", {}),
        }
        others = _from_tag(repository, subject)
        if not any(each.get("digest") == str(digest) for each in others):
            index = {"schemaVersion": 2, "mediaType": INDEX_TYPES[0], "manifests": [*others, descriptor]}
            content = json.dumps(index, separators=(",", ":"), sort_keys=True).encode()
            repository.put(fallback_tag(subject), content, INDEX_TYPES[0])
    if not any(each.get("digest") == str(digest) for each in find(repository, subject)):
        raise RegistryError(
            f"{repository.client.name} does not list {digest.short} among what refers to {subject.short}",
            hint="let one command at a time attach things to an image, and run it again",
        )
    return digest


def _from_api(repository: Repository, digest: Digest) -> list[Descriptor]:
    found: list[Descriptor] = []
    for page in repository.pages(repository.url(f"referrers/{digest}"), {}):
        kind = page.headers.get("Content-Type", "").partition(";")[0].strip()
        if page.status_code in (400, 404, 405) or (page.ok and kind not in INDEX_TYPES):
            return []  # no such API here
        if not page.ok:
            raise repository.client.explain(page, f"the question for what refers to {digest.short}")
        try:
            found += _manifests(repository, page.json())
        except ValueError as error:
            raise LyingError(f"{repository.client.name} gives a list of referrers that is none") from error
    return found


def _from_tag(repository: Repository, digest: Digest) -> list[Descriptor]:
    document = repository.document(fallback_tag(digest))
    return _manifests(repository, document.json()) if document is not None and document.is_index else []


def _manifests(repository: Repository, index: Any) -> list[Descriptor]:
    found = index.get("manifests") or [] if isinstance(index, dict) else None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise LyingError(f"{repository.client.name} gives a list of referrers that is none")
    return found
