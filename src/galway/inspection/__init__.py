"""What is in an image, for a person: layers, files, waste and settings, and how two images differ in them."""

from __future__ import annotations

from galway.inspection.difference import Comparison, FileChange, Setting, compare
from galway.inspection.examine import Inspection, LargeFile, LayerView, Waste, examine, plain

__all__ = [
    "Comparison",
    "FileChange",
    "Inspection",
    "LargeFile",
    "LayerView",
    "Setting",
    "Waste",
    "compare",
    "examine",
    "plain",
]
