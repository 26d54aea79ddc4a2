"""Small line charts as geometry, which the page draws as SVG: no script, no picture to load."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from galway.facts import Facts
    from galway.history import History

WIDTH, HEIGHT = 320, 120
LEFT, RIGHT, TOP, BOTTOM = 8, 8, 10, 10
MOST = 60
"""Runs that a chart shows, the latest."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One run."""

    x: float
    y: float
    at: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One figure over time.

    Parameters
    ----------
    bar_y:
        Where the line of the bar is; None where it would be far outside.
    now:
        The last value.
    """

    title: str
    bar: str
    now: str
    points: list[Point] = field(default_factory=list)
    bar_y: float | None = None

    @property
    def line(self) -> str:
        """For `<polyline points=…>`."""
        return " ".join(f"{point.x},{point.y}" for point in self.points)

    @property
    def words(self) -> str:
        """The chart for those who do not see it."""
        first, last = self.points[0], self.points[-1]
        return (
            f"{self.title}: {len(self.points)} runs, from {first.value} on {first.at[:10]} "
            f"to {last.value} on {last.at[:10]}; bar {self.bar}"
        )


def chart(
    title: str, series: Sequence[tuple[str, float]], *, bar: float, limit: str, show: Callable[[float], str]
) -> Chart | None:
    """A chart of values in the order of their time; None where there is none.

    Parameters
    ----------
    series:
        Pairs of time and value.
    bar, limit:
        What the values are held against, as a number and in words.
    show:
        A value in words.
    """
    kept = series[-MOST:]
    if not kept:
        return None
    values = [value for _, value in kept]
    top = max(*values, bar) or 1.0
    step = (WIDTH - LEFT - RIGHT) / max(len(kept) - 1, 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM), 1)

    points = [
        Point(x=round(LEFT + number * step, 1), y=y(value), at=at, value=show(value))
        for number, (at, value) in enumerate(kept)
    ]
    return Chart(title=title, bar=limit, now=points[-1].value, points=points, bar_y=y(bar))


def of_image(one: Facts, log: History, *, seconds: Callable[[float], str]) -> list[Chart]:
    """Size, time of builds with the cache, and vulnerabilities of each built platform."""
    found: list[Chart | None] = []
    for manifest in one.manifests:
        platform, slug, name = manifest.platform, manifest.platform.slug, one.image.name
        runs = [run for run in log.builds if run.ok]
        sizes = [
            (run.at, float(target.compressed))
            for run in runs
            for target in run.targets
            if (target.image, target.platform) == (name, slug) and target.compressed
        ]
        budget = one.image.size_budget
        found.append(
            chart(
                f"Compressed size, {platform}",
                sizes,
                bar=budget,
                limit=f"{budget / 1e6:g} MB",
                show=lambda value: f"{value / 1e6:.1f} MB",
            )
        )
        mine = [run for run in runs if any((t.image, t.platform) == (name, slug) for t in run.targets)]
        for title, cold, bar, limit in (
            ("Build time with cache", False, 180.0, "3 min"),
            ("Build time, cold", True, 600.0, "10 min"),
        ):
            times = [(run.at, run.seconds) for run in mine if run.is_cold == cold]
            found.append(chart(f"{title}, {platform}", times, bar=bar, limit=limit, show=seconds))
        scans = [(scan.at, float(scan.critical + scan.high)) for scan in log.scans(name, slug)]
        found.append(
            chart(
                f"Critical and high vulnerabilities, {platform}",
                scans,
                bar=4,
                limit="4 high, 0 critical",
                show=lambda value: f"{value:.0f}",
            )
        )
    return [each for each in found if each is not None]
