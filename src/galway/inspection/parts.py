"""Tells what the parts of an image weigh, where several share a layer."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import zstandard

from galway.filesystem import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from galway.layout import Layout, Manifest

REST = "base and the rest"
"""What no pattern of the catalog fits."""

_LEVEL = 1


def measure(layout: Layout, manifest: Manifest, parts: Sequence[tuple[str, Iterable[str]]]) -> list[dict[str, Any]]:
    """The size of each part, the largest first; together they are the image.

    A layer is compressed as a whole, so a part's share of it is estimated: the files of each are compressed by
    themselves, and the layer's real size is divided in that proportion. A part that has its layers for itself is exact.

    Parameters
    ----------
    parts:
        Names, each with patterns of paths; the first that fits counts. None are measured where there are none.

    Raises
    ------
    BuildError
        A layer is damaged.
    """
    if not parts:
        return []
    unpacked: Counter[str] = Counter()
    weights = [_Weights() for _ in manifest.layers]
    for entry, chunks in walk(layout, manifest):
        name = _part(entry.path, parts)
        unpacked[name] += entry.stored
        for chunk in chunks:
            weights[entry.layer].add(name, chunk)
    compressed = Counter({name: 0 for name, _ in parts})
    for layer, weight in zip(manifest.layers, weights, strict=True):
        compressed.update(weight.divide(layer.size))
    return [{"name": name, "compressed": size, "unpacked": unpacked[name]} for name, size in compressed.most_common()]


class _Weights:
    """How much of one layer is whose."""

    def __init__(self) -> None:
        self.compressors: dict[str, Any] = {}
        self.sizes: Counter[str] = Counter()

    def add(self, name: str, chunk: bytes) -> None:
        if name not in self.compressors:
            self.compressors[name] = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
        self.sizes[name] += len(self.compressors[name].compress(chunk))

    def divide(self, size: int) -> Counter[str]:
        """The layer's bytes by part, none lost; a layer without files is the rest's."""
        for name, compressor in self.compressors.items():
            self.sizes[name] += len(compressor.flush())
        total = sum(self.sizes.values())
        shares = Counter({name: size * weight // total for name, weight in self.sizes.items()})
        shares[max(self.sizes, key=self.sizes.__getitem__, default=REST)] += size - shares.total()
        return shares


def _part(path: str, parts: Sequence[tuple[str, Iterable[str]]]) -> str:
    return next((name for name, patterns in parts if any(fnmatchcase(path, one) for one in patterns)), REST)
