"""OCI image layouts: what they hold (`model`), read with every blob checked against its digest (`reader`)."""

from galway.compression import CHUNK
from galway.layout.model import ATTESTATION, INDEX_TYPE, LAYER_TYPE, MANIFEST_TYPE, REFERENCE_NAME, Layer, Manifest
from galway.layout.reader import DOCUMENT_LIMIT, Layout

__all__ = [
    "ATTESTATION",
    "CHUNK",
    "DOCUMENT_LIMIT",
    "INDEX_TYPE",
    "LAYER_TYPE",
    "MANIFEST_TYPE",
    "REFERENCE_NAME",
    "Layer",
    "Layout",
    "Manifest",
]
