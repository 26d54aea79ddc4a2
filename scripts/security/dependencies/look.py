"""The part of a run that concerns dependencies: collect, load what the snapshot says of them, judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from security.dependencies import advisories, collect, evaluate
from security.dependencies.outcome import Dependencies
from security.errors import EngineError

if TYPE_CHECKING:
    from datetime import datetime

    from security.settings import Settings
    from security.targets import Targets


def look(settings: Settings, targets: Targets, *, now: datetime) -> Dependencies:
    """A snapshot that cannot be used is a problem of the run, never a verdict."""
    if settings.scan_type == "fast":
        return Dependencies(
            skipped="a fast scan does not look at dependencies", now=now, max_age=settings.max_advisory_age
        )
    manifests = collect.collect(targets.root, targets.manifests)
    wanted = frozenset(one.name for manifest in manifests for one in manifest.dependencies)
    snapshot, problem = None, ""
    if settings.advisories is not None:
        try:
            snapshot = advisories.load(settings.advisories, wanted, now=now)
        except EngineError as error:
            problem = error.message
    judged = evaluate.judge(
        manifests,
        snapshot,
        now=now,
        max_age=settings.max_advisory_age,
        private=settings.private,
        mirrors=settings.mirrors,
    )
    return Dependencies(
        manifests=manifests,
        judged=judged,
        snapshot=snapshot,
        problem=problem,
        now=now,
        max_age=settings.max_advisory_age,
    )
