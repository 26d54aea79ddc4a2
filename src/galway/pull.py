"""Copies an image out of a registry into an OCI layout, by digest, every byte checked on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from galway.errors import VerifyError
from galway.layout import ATTESTATION, INDEX_TYPE, REFERENCE_NAME, Layout
from galway.reference import Digest
from galway.registry import LyingError, download

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from galway.registry import Repository


def pull(repository: Repository, digest: Digest, folder: Path) -> Layout:
    """Copy an index with all of its platforms.

    Parameters
    ----------
    digest:
        Of the index.
    folder:
        The layout to write; blobs that are there already are kept, so that an interrupted copy goes on.

    Raises
    ------
    VerifyError
        The registry does not hold it whole.
    LyingError
        It serves other bytes than the digest promises.
    RegistryError
        It could not be asked.
    """
    layout = Layout(folder)
    layout.blob(digest).parent.mkdir(parents=True, exist_ok=True)
    index = _document(repository, layout, digest)
    for child in _children(index):
        manifest = _document(repository, layout, child)
        for blob, size in _blobs(manifest):
            download.blob(repository, blob, layout.blob(blob), size=size)
    root = {
        "mediaType": INDEX_TYPE,
        "digest": str(digest),
        "size": layout.blob(digest).stat().st_size,
        "annotations": {REFERENCE_NAME: digest.short},
    }
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(
        json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [root]}, sort_keys=True)
    )
    return layout


def _document(repository: Repository, layout: Layout, digest: Digest) -> dict[str, Any]:
    found = repository.document(str(digest))
    if found is None:
        raise VerifyError(
            f"{repository.client.name}/{repository.name} does not hold {digest}", hint="publish it again: inv push"
        )
    layout.blob(digest).write_bytes(found.content)
    return found.json()


def _children(index: dict[str, Any]) -> Iterator[Digest]:
    try:
        for child in index.get("manifests") or []:
            if ATTESTATION not in (child.get("annotations") or {}):
                yield Digest.parse(child["digest"])
    except (AttributeError, LookupError, TypeError) as error:
        raise LyingError("the registry serves an index that is none") from error


def _blobs(manifest: dict[str, Any]) -> Iterator[tuple[Digest, int]]:
    try:
        for descriptor in (manifest["config"], *manifest["layers"]):
            yield Digest.parse(descriptor["digest"]), int(descriptor["size"])
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise LyingError("the registry serves a manifest that is none") from error
