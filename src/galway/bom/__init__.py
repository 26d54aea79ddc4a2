"""What is inside an image, by its bill of materials: read from CycloneDX or SPDX, compared, and made reproducible."""

from __future__ import annotations

from galway.bom.difference import Change, Difference, compare
from galway.bom.packages import KINDS, Bom, Package, read

__all__ = ["KINDS", "Bom", "Change", "Difference", "Package", "compare", "read"]
