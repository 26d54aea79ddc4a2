"""The specification's success metrics, each beside its bar: a fold over layouts, records and the history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway import history
from galway.errors import GalwayError, NotEvaluatedError, ScanError
from galway.reference import Platform
from galway.scorecard import platforms, rates, regressions
from galway.scorecard.model import TITLES, Line, Metric, Regression, Scorecard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from galway.evidence import Record
    from galway.facts import Facts
    from galway.history import Build, History
    from galway.vulnerabilities.gate import Thresholds

__all__ = ["TITLES", "Line", "Metric", "Regression", "Scorecard", "score", "verdict"]


def score(images: Sequence[Facts], log: History, *, thresholds: Thresholds, at: str) -> Scorecard:
    """Judge every metric of every image on the platforms that are built, or on the host's where none is.

    Parameters
    ----------
    at:
        The present, RFC 3339.
    """
    lines: list[Line] = []
    runs = _runs(images, log)
    for one in images:
        for platform in [manifest.platform for manifest in one.manifests] or [Platform.of_host()]:
            lines += platforms.lines(one, platform, runs, thresholds)
    lines += [rates.signed(images), rates.reproducible(images), rates.builds(log.builds), rates.pulls(log.pulls)]
    order = list(TITLES)
    releases = {one.image.name: log.release(one.image.name) for one in images}
    return Scorecard(
        at=at,
        lines=tuple(sorted(lines, key=lambda line: order.index(line.metric))),
        regressions=tuple(found for one in images for found in regressions.find(one, releases[one.image.name])),
        compared={one.image.name: regressions.compared(one, releases[one.image.name]) for one in images},
        builds=len(log.builds),
        pulls=len(log.pulls),
        ignored=log.ignored,
        unbuilt={
            one.image.name: left
            for one in images
            if (left := tuple(str(p) for p in one.image.platforms if p not in {m.platform for m in one.manifests}))
        },
    )


def _runs(images: Sequence[Facts], log: History) -> list[Build]:
    """All builds, oldest first: the history's, and what only records know, those of one run put together again."""
    known = {run.at for run in log.builds}
    records = (one.record("build", manifest.platform) for one in images for manifest in one.manifests)
    fresh: dict[str, list[Record]] = {}
    for record in records:
        if record is not None and record.started not in known:
            fresh.setdefault(record.started, []).append(record)
    return sorted([*log.builds, *map(history.of_records, fresh.values())], key=lambda run: run.at)


def verdict(card: Scorecard) -> GalwayError | None:
    """What a gate makes of it: a failed metric, else one without a verdict, else None; regressions are only named."""
    for status, kind in (("failed", ScanError), ("not_evaluated", NotEvaluatedError)):
        found = [line for line in card.lines if line.status == status]
        if found:
            first = found[0]
            about = f" of {first.image} {first.platform}" if first.image else ""
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            words = f"{first.value}, asked for {first.bar}" if first.value else first.reason
            return kind(f"{first.title.lower()}{about}: {words}{more}", hint=first.hint)
    return None
