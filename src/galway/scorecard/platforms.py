"""The metrics of one image on one platform: build times, size, cache hits, vulnerabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from galway import history
from galway.scorecard.model import Line, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from galway.evidence import Status
    from galway.facts import Facts
    from galway.history import Build
    from galway.layout import Manifest
    from galway.reference import Platform
    from galway.vulnerabilities.gate import Thresholds

CACHED, COLD = 180.0, 600.0
"""Seconds that a build may take with the cache and without (spec: success metrics, build performance)."""

HITS = 0.8
"""Share of steps from the cache that must be exceeded (spec: layer caching)."""


def lines(one: Facts, platform: Platform, runs: Sequence[Build], thresholds: Thresholds) -> Iterator[Line]:
    """All of them, in the specification's order.

    Parameters
    ----------
    platform:
        Built or not.
    runs:
        Of the builder, oldest first.
    thresholds:
        Most critical and high vulnerabilities (`docker/scan.toml`).
    """
    sheet = _Sheet(one, platform, runs)
    yield sheet.time(cold=False)
    yield sheet.time(cold=True)
    yield sheet.size()
    yield sheet.hits()
    yield sheet.vulnerabilities("critical", thresholds.critical)
    yield sheet.vulnerabilities("high", thresholds.high)


class _Sheet:
    """One image on one platform."""

    def __init__(self, one: Facts, platform: Platform, runs: Sequence[Build]) -> None:
        self.one = one
        self.platform = platform
        key = (one.image.name, platform.slug)
        self.runs = [run for run in runs if run.ok and key in {(t.image, t.platform) for t in run.targets}]
        self.manifest: Manifest | None = next((m for m in one.manifests if m.platform == platform), None)

    def time(self, *, cold: bool) -> Line:
        """How long the last build of this kind took that this platform was part of.

        A run's time is that of all its targets together, an upper bound for each: below the bar it decides, above it
        only where the run had no other target.
        """
        metric: Metric = "build-cold" if cold else "build-cached"
        bar, words = (COLD, "< 10 min") if cold else (CACHED, "< 3 min")
        flags = f"-i {self.one.image.name} --platform {self.platform.architecture}"
        hint = f"inv build {flags} --no-cache" if cold else f"inv build {flags}"
        run = next((run for run in reversed(self.runs) if run.is_cold == cold), None)
        if run is None:
            kind = "without" if cold else "with"
            return self._line(metric, words, "not_evaluated", reason=f"no build {kind} the cache is known", hint=hint)
        with_others = f", {len(run.targets)} targets together" if len(run.targets) > 1 else ""
        reason = f"{run.cached} of {run.steps} steps from the cache{with_others}, {run.at[:10]}"
        status: Status = "passed"
        if run.seconds >= bar:
            status = "not_evaluated" if with_others else "failed"
            reason = f"measured only together with others: {reason}" if with_others else reason
        return self._line(
            metric,
            words,
            status,
            value=duration(run.seconds),
            measured=run.seconds,
            reason=reason,
            hint=hint if status != "passed" else "",
        )

    def size(self) -> Line:
        """What a pull transfers, from the manifest itself."""
        allowed = self.one.image.size_budget
        bar = f"< {allowed / 1e6:g} MB"
        if self.manifest is None:
            return self._missing("size", bar, "build")
        size = self.manifest.size
        over = size >= allowed
        return self._line(
            "size",
            bar,
            "failed" if over else "passed",
            value=f"{size / 1e6:.1f} MB",
            measured=size,
            reason=_largest(self.manifest) if over else "",
            hint=f"see what takes the room: inv inspect -i {self.one.image.name}" if over else "",
        )

    def hits(self) -> Line:
        """The share of steps that the last build of these bytes took from the cache."""
        bar = f"> {HITS:.0%}".replace("%", " %")
        record = self.one.record("build", self.platform)
        if record is None:
            return self._missing("cache-hits", bar, "build")
        run = history.of_records([record])
        if not run.steps:
            return self._line("cache-hits", bar, "not_evaluated", reason="the build took no step", hint="inv build")
        share = run.cached / run.steps
        low = share <= HITS
        return self._line(
            "cache-hits",
            bar,
            "failed" if low else "passed",
            value=f"{share:.0%}".replace("%", " %"),
            measured=share,
            reason=f"{run.cached} of {run.steps} steps",
            hint=f"build again to see what stays cached: {self.one.command('build', self.platform)}" if low else "",
        )

    def vulnerabilities(self, severity: Literal["critical", "high"], most: int) -> Line:
        """Those that count against the image: waived ones do not."""
        bar = "0" if not most else f"< {most + 1}"
        record = self.one.record("scan", self.platform)
        if record is None or self.manifest is None:
            return self._missing(severity, bar, "scan")
        counts = history.counted(record)
        if counts is None:
            return self._line(
                severity,
                bar,
                "not_evaluated",
                reason=record.measures.get("objection") or record.reason or "the record does not say",
                hint="give a current database: inv scan --database FOLDER_OR_REPOSITORY",
            )
        count = counts[severity == "high"]
        findings = record.measures.get("findings") or ()
        named = sorted({str(f.get("id")) for f in findings if f.get("severity") == severity.upper()})
        worse = count > most
        return self._line(
            severity,
            bar,
            "failed" if worse else "passed",
            value=str(count),
            measured=count,
            reason=", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "") if worse else "",
            hint="take the fixed versions, or waive with a reason in docker/exceptions.toml" if worse else "",
        )

    def _missing(self, metric: Metric, bar: str, stage: str) -> Line:
        why = self.one.why or (
            f"it is not built for {self.platform}" if self.manifest is None else self.one.absent(stage, self.platform)
        )
        step = "build" if self.manifest is None else stage
        return self._line(metric, bar, "not_evaluated", reason=why, hint=self.one.command(step, self.platform))

    def _line(
        self,
        metric: Metric,
        bar: str,
        status: Status,
        *,
        value: str = "",
        measured: float | None = None,
        reason: str = "",
        hint: str = "",
    ) -> Line:
        return Line(
            metric=metric,
            bar=bar,
            image=self.one.image.name,
            platform=str(self.platform),
            status=status,
            value=value,
            measured=measured,
            reason=reason,
            hint=hint,
        )


def duration(seconds: float) -> str:
    """Seconds as people say them: `4.2 s`, `3 min 20 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def _largest(manifest: Manifest) -> str:
    layer = max(manifest.layers, key=lambda layer: layer.size)
    words = " ".join(layer.instruction.replace("# buildkit", "").split())
    return f"its largest layer has {layer.size / 1e6:.1f} MB: {words[:60] or 'it does not say what made it'}"
