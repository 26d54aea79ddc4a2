"""Shares over many: builds and pulls that succeed, images that are signed, second builds that are the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from galway.registry import is_loopback
from galway.scorecard.model import Line, Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from galway.evidence import Status
    from galway.facts import Facts
    from galway.history import Build, Pull

BUILDS, PULLS = 0.99, 0.999
"""Shares that must be exceeded (spec: success metrics, reliability)."""


def needed(bar: float) -> int:
    """Runs without a failure from which a share above `bar` follows with 95 % confidence: the rule of three.

    300 for 99 %, 3,000 for 99.9 %.
    """
    return math.ceil(round(3 / (1 - bar), 6))


def builds(runs: Sequence[Build]) -> Line:
    """How many runs of the builder succeeded."""
    failed = [f"{', '.join(sorted({t.image for t in run.targets}))}: {run.reason}" for run in runs if not run.ok]
    return _share("build-success", BUILDS, "builds", len(runs), failed, hint="inv build")


def pulls(runs: Sequence[Pull]) -> Line:
    """How many copies out of a registry succeeded; those from this machine say nothing about a network."""
    failed = [f"{run.reference.partition('@')[0]}: {run.reason}" for run in runs if not run.ok]
    line = _share("pull-success", PULLS, "pulls", len(runs), failed, hint="inv verify")
    near = sum(is_loopback(run.reference.partition("/")[0]) for run in runs)
    if not near:
        return line
    return msgspec.structs.replace(line, reason=f"{line.reason}; {near:,} of them from a registry on this machine")


def signed(images: Sequence[Facts]) -> Line:
    """How many published images carry a signature that was proved; what was not published needs none yet."""
    bar = "100 %"
    hint = ""
    published = [one for one in images if (record := one.record("publish")) and record.status != "failed"]
    without = [(one, why) for one in published if (why := one.unsigned())]
    count = len(published)
    if not count:
        first = images[0] if images else None
        why = first.absent("publish") if first else "no image"
        if first and (record := first.record("publish")):
            why = f"publishing failed: {record.reason}"
        hint = first.command("publish") if first else ""
        return Line(
            metric="signed", bar=bar, status="not_evaluated", reason=f"nothing is published: {why}", hint=hint, runs=0
        )
    value = f"{count - len(without)} of {count} ({(count - len(without)) / count:.0%})"
    rest = [one.image.name for one in images if one not in published]
    notes = [f"{one.image.name}: {why}" for one, why in without]
    notes += [f"not published: {', '.join(rest)}"] if rest else []
    return Line(
        metric="signed",
        bar=bar,
        status="failed" if without else "passed",
        value=value,
        measured=(count - len(without)) / count,
        reason="; ".join(notes),
        hint=without[0][0].command("sign") if without else "",
        runs=count,
    )


def reproducible(images: Sequence[Facts]) -> Line:
    """How many platforms that were built a second time came out as the same bytes; a second build is nobody's duty.

    One that was asked for is judged: what differs is failed, and what could not be told is no pass.
    """
    bar = "the same bytes"
    asked = [(one, manifest.platform) for one in images for manifest in one.manifests]
    seen = [(one, platform, record) for one, platform in asked if (record := one.record("reproduce", platform))]
    if not seen:
        reason = asked[0][0].absent("reproduce", asked[0][1]) if asked else "nothing is built"
        return Line(metric="reproducible", bar=bar, status="skipped", reason=reason, hint="inv reproduce", runs=0)
    bad = sorted((each for each in seen if each[2].status != "passed"), key=lambda each: each[2].status != "failed")
    same = len(seen) - len(bad)
    notes = [f"{one.image.name} {platform}: {record.reason or record.status}" for one, platform, record in bad]
    notes += [f"{len(asked) - len(seen)} more not built again"] if len(asked) > len(seen) else []
    status: Status = "passed"
    if bad:
        status = "failed" if bad[0][2].status == "failed" else "not_evaluated"
    return Line(
        metric="reproducible",
        bar=bar,
        status=status,
        value=f"{same} of {len(seen)}",
        measured=same / len(seen),
        reason="; ".join(notes),
        hint=bad[0][0].command("reproduce", bad[0][1]) if bad else "",
        runs=len(seen),
    )


def _share(metric: Metric, bar: float, noun: str, count: int, failed: Sequence[str], *, hint: str) -> Line:
    words = f"> {bar * 100:g} %"
    if not count:
        return Line(
            metric=metric,
            bar=words,
            status="not_evaluated",
            reason=f"the history holds no {noun}",
            hint=hint,
            runs=0,
        )
    share = (count - len(failed)) / count
    value = f"{share:.2%} of {count:,} {noun}".replace("%", " %")
    if share <= bar:
        reason = f"{len(failed):,} failed, lately {failed[-1]}"
        return Line(
            metric=metric,
            bar=words,
            status="failed",
            value=value,
            measured=share,
            reason=reason,
            hint=hint,
            runs=count,
        )
    enough = needed(bar)
    short = count < enough
    note = f"{len(failed):,} failed" if failed else "none failed"
    return Line(
        metric=metric,
        bar=words,
        status="not_evaluated" if short else "passed",
        value=value,
        measured=share,
        reason=f"not enough data: {count:,} of about {enough:,} {noun}; {note}" if short else note,
        hint="it fills with use" if short else "",
        runs=count,
    )
