"""Files that are attached to a published image as referrers: their media types and their manifests; pure."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from galway.layout import MANIFEST_TYPE
from galway.reference import Digest

if TYPE_CHECKING:
    from galway.layout import Manifest

SBOM_TYPES = {"cyclonedx": "application/vnd.cyclonedx+json", "spdx": "application/spdx+json"}
"""Media and artifact type of each SBOM format (IANA media types)."""

EMPTY = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
"""The configuration of an artifact that needs none (OCI image specification, guidance for artifacts)."""


def digest_of(content: bytes) -> Digest:
    """The address of some bytes."""
    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")


def manifest(subject: Manifest, content: bytes, *, form: str) -> bytes:
    """The manifest that attaches an SBOM to a platform's image; the same bytes for the same file and image.

    Parameters
    ----------
    subject:
        What it is attached to.
    form:
        A key of `SBOM_TYPES`.
    """
    kind = SBOM_TYPES[form]
    layer = {
        "mediaType": kind,
        "digest": str(digest_of(content)),
        "size": len(content),
        "annotations": {"org.opencontainers.image.title": f"{form}.json"},
    }
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": kind,
        "config": {"mediaType": EMPTY_TYPE, "digest": str(digest_of(EMPTY)), "size": len(EMPTY)},
        "layers": [layer],
        "subject": {
            "mediaType": MANIFEST_TYPE,
            "digest": str(subject.digest),
            "size": int(subject.descriptor["size"]),
        },
        "annotations": {"org.opencontainers.image.created": subject.created},
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
