"""What was measured of an image, and how two measurements compare; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OURS = "galway"

NUMBERS = ("cold s", "unchanged s", "one line s", "cached", "MB", "unpacked MB", "layers")
"""The columns: seconds of the three builds, the share of steps from the cache after the one-line change, sizes."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One build.

    Parameters
    ----------
    seconds:
        From the command's start to its end, with the export to the engine.
    steps, cached:
        Instructions of the Dockerfile that were reached, and how many of them came from the cache.
    """

    seconds: float
    steps: int
    cached: int

    @property
    def share(self) -> float:
        """Of the steps, from the cache."""
        return self.cached / self.steps if self.steps else 0.0


@dataclass(frozen=True, kw_only=True)
class Size:
    """Of one platform's image.

    Parameters
    ----------
    compressed, unpacked:
        Bytes of all layers.
    layers:
        Their number.
    """

    compressed: int
    unpacked: int
    layers: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """An image that was built three times: from nothing, with nothing changed, with one line changed."""

    image: str
    what: str
    cold: Timing
    unchanged: Timing
    changed: Timing
    size: Size

    @property
    def values(self) -> tuple[float, ...]:
        """In the order of `NUMBERS`."""
        seconds = (self.cold.seconds, self.unchanged.seconds, self.changed.seconds)
        size = self.size
        return (*seconds, self.changed.share, size.compressed / 1e6, size.unpacked / 1e6, size.layers)

    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        *seconds, share, compressed, unpacked, layers = self.values
        times = (f"{value:.1f}" for value in seconds)
        return (self.image, self.what, *times, f"{share:.0%}", f"{compressed:.1f}", f"{unpacked:.1f}", f"{layers:.0f}")


@dataclass(frozen=True, kw_only=True)
class NotEvaluated:
    """A Dockerfile that could not be built, and why."""

    image: str
    what: str
    reason: str


Row = Measured | NotEvaluated


def ratio(ours: Measured, baseline: Measured) -> tuple[str, ...]:
    """A row of the table: each of our figures divided by the baseline's; the cached share has none."""
    shown = [
        "" if name == "cached" or not theirs else f"{mine / theirs:.2f}"
        for name, mine, theirs in zip(NUMBERS, ours.values, baseline.values, strict=True)
    ]
    return (ours.image, f"{OURS} / {baseline.what}", *shown)


def ratios(rows: Sequence[Row]) -> Mapping[str, tuple[str, ...]]:
    """For each image that was measured both ways, its ratios."""
    found = {}
    for image in dict.fromkeys(row.image for row in rows):
        measured = [row for row in rows if row.image == image and isinstance(row, Measured)]
        ours = next((row for row in measured if row.what == OURS), None)
        baseline = next((row for row in measured if row.what != OURS), None)
        if ours is not None and baseline is not None:
            found[image] = ratio(ours, baseline)
    return found
