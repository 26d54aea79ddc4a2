"""The files of an image, read straight from its layers: nothing is ever extracted.

`walk` streams what each layer holds; `flatten` (or a `Tree` fed while walking) gives what a container sees, and what a
later layer has replaced or deleted but everybody still downloads.
"""

from __future__ import annotations

from galway.filesystem.entries import Entry, Kind, Limits, shown, walk
from galway.filesystem.tree import Filesystem, Hidden, Tree, flatten

__all__ = ["Entry", "Filesystem", "Hidden", "Kind", "Limits", "Tree", "flatten", "shown", "walk"]
