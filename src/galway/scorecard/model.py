"""The scorecard as frozen values: one line for each metric of the specification, with its bar and what was measured."""

from __future__ import annotations

from typing import Literal

import msgspec

from galway.evidence import Status

Metric = Literal[
    "build-cached",
    "build-cold",
    "size",
    "cache-hits",
    "critical",
    "high",
    "signed",
    "reproducible",
    "build-success",
    "pull-success",
]
"""The specification's success metrics, in its order, and one that it only aims at: reproducible images."""

TITLES: dict[Metric, tuple[str, str]] = {
    "build-cached": ("Build performance", "Build time with cache"),
    "build-cold": ("Build performance", "Build time, cold"),
    "size": ("Build performance", "Compressed size"),
    "cache-hits": ("Build performance", "Cache hit rate"),
    "critical": ("Security posture", "Critical vulnerabilities"),
    "high": ("Security posture", "High vulnerabilities"),
    "signed": ("Security posture", "Signed images"),
    "reproducible": ("Security posture", "Reproducible images"),
    "build-success": ("Reliability", "Build success rate"),
    "pull-success": ("Reliability", "Image pull success rate"),
}
"""Heading and name of each."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of one image on one platform, or of all images together.

    Parameters
    ----------
    bar:
        What the specification or the catalog asks for.
    image, platform:
        Empty in a line about all images.
    status:
        `not_evaluated` where nothing, or not enough, was measured; never counts as passed. `skipped` where nobody
        asked for what would tell.
    value:
        What was measured, for people; empty where nothing was.
    measured:
        The same as a number: seconds, bytes, a share of 1, a count.
    reason:
        Why it did not pass, one line; where it passed, what it was measured on.
    hint:
        The next step.
    runs:
        How many builds, pulls or images a rate is of.
    """

    metric: Metric
    bar: str
    image: str = ""
    platform: str = ""
    status: Status
    value: str = ""
    measured: float | None = None
    reason: str = ""
    hint: str = ""
    runs: int | None = None

    @property
    def group(self) -> str:
        """Heading of the specification's list."""
        return TITLES[self.metric][0]

    @property
    def title(self) -> str:
        """The metric's name."""
        return TITLES[self.metric][1]


class Regression(msgspec.Struct, frozen=True, kw_only=True):
    """Something that got worse since an image was last released.

    Parameters
    ----------
    what:
        `size`, `build time`, `critical` or `high`.
    release:
        Version, registry and day.
    """

    image: str
    platform: str
    what: str
    before: str
    now: str
    release: str


class Scorecard(msgspec.Struct, frozen=True, kw_only=True):
    """All lines.

    Parameters
    ----------
    at:
        When it was made, RFC 3339, UTC.
    compared:
        For each image what it was compared with: a release, or why there is none.
    ignored:
        Lines of the history that could not be read.
    unbuilt:
        For each image the platforms that are not built, and not scored.
    """

    at: str
    lines: tuple[Line, ...]
    regressions: tuple[Regression, ...]
    compared: dict[str, str]
    builds: int
    pulls: int
    ignored: int
    unbuilt: dict[str, tuple[str, ...]]

    def count(self, status: Status) -> int:
        """Lines of a status."""
        return sum(line.status == status for line in self.lines)
