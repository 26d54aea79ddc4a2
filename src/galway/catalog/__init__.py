"""`docker/images.toml`, the one list of images, as a frozen, validated `Catalog`."""

from __future__ import annotations

from galway.catalog.model import FILE, Catalog, Image, RunProfile
from galway.catalog.table import load

__all__ = ["FILE", "Catalog", "Image", "RunProfile", "load"]
