"""What an OCI image index holds, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from galway.reference import Digest, Platform

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
REFERENCE_NAME = "org.opencontainers.image.ref.name"
EPOCH = "1970-01-01T00:00:00Z"
ATTESTATION = "vnd.docker.reference.type"


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of a manifest.

    Parameters
    ----------
    digest, size:
        Of the compressed blob; bytes.
    diff_id:
        Digest of the decompressed tar, as the image configuration states it.
    media_type:
        Tells the compression.
    instruction:
        The history line that made it.
    """

    digest: Digest
    size: int
    diff_id: Digest
    media_type: str
    instruction: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One platform's image.

    Parameters
    ----------
    descriptor:
        As the index lists it.
    config_digest:
        Of the image configuration blob.
    config:
        The image configuration.
    layers:
        Lowest first.
    """

    digest: Digest
    platform: Platform
    descriptor: Mapping[str, Any]
    config_digest: Digest
    config: Mapping[str, Any]
    layers: tuple[Layer, ...]

    @property
    def created(self) -> str:
        """When it was made, RFC 3339: the commit's time in the label, since the configuration has the time of files."""
        return str(self.labels.get("org.opencontainers.image.created") or self.config.get("created") or EPOCH)

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its configuration, whatever stands in their place."""
        settings = self.config.get("config")
        labels = settings.get("Labels") if isinstance(settings, dict) else None
        return {k: v for k, v in labels.items() if isinstance(v, str)} if isinstance(labels, dict) else {}

    @property
    def size(self) -> int:
        """Compressed bytes of all layers: what a pull transfers."""
        return sum(layer.size for layer in self.layers)
