"""The verdict: counts, coverage, and one exit code that never calls an unfinished run a pass."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from security.errors import Exit
from security.model import EngineReport, Finding, Severity, State
from security.reports.display import display

if TYPE_CHECKING:
    from collections.abc import Sequence

    from security.changes import Changes
    from security.dependencies.outcome import Dependencies
    from security.findings.accepted import Acceptance
    from security.reports.sbom import Sbom
    from security.settings import Settings
    from security.targets import Targets

SCHEMA = 2
NAME = "summary.json"
VOLATILE = "run"
"""The one key whose value differs between two scans of the same tree: times, memory, ages."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All that a run learned, before it is judged.

    Parameters
    ----------
    changes:
        Of an incremental scan; None for the others.
    expired, unused:
        Suppressions of the project's file that no longer hold, and that nothing matched.
    started, seconds, memory:
        Of the whole run; bytes of the largest process.
    """

    targets: Targets
    reports: tuple[EngineReport, ...]
    findings: tuple[Finding, ...]
    dependencies: Dependencies
    sbom: Sbom
    changes: Changes | None = None
    expired: tuple[Acceptance, ...] = ()
    unused: tuple[Acceptance, ...] = ()
    rules_checksum: str
    started: str
    seconds: float
    memory: int = 0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`status` is `passed`, `failed` or `incomplete`; the reasons say why it is not `passed`, warnings never do."""

    status: str
    exit: Exit
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def incomplete(settings: Settings, started: str) -> dict[str, object]:
    """What stands in the file while the run goes on, and stays there if it is killed."""
    return {
        "schema": SCHEMA,
        "status": "incomplete",
        "exit_code": int(Exit.INCOMPLETE),
        "reasons": ["the run has not ended, or was killed"],
        "scan": {"type": settings.scan_type, "path": display(str(settings.scan_path))},
        VOLATILE: {"started": started},
    }


def gaps(targets: Targets, reports: Sequence[EngineReport]) -> dict[str, str]:
    """Files that no engine could read in full, each with what every engine said."""
    found = dict(targets.unreadable)
    for name in targets.files:
        reasons = [f"{report.engine}: {report.unread[name]}" for report in reports if name in report.unread]
        if len(reasons) == len(reports):
            found[name] = "; ".join(reasons)
    return found


def count(findings: Sequence[Finding], state: State) -> dict[str, int]:
    """By severity, all of them named."""
    counted = Counter(found.severity for found in findings if found.state is state)
    return {str(severity): counted[severity] for severity in Severity}


def judge(outcome: Outcome, settings: Settings) -> Verdict:
    """Findings first: they are certain, more looking could only add some. Then what was not looked at."""
    new = [found for found in outcome.findings if found.state is State.NEW and found.severity in settings.fail_on]
    failing = [f"{len(new)} findings at or above the threshold"] if new else []
    failing += [f"the suppression of {display(one.name)} expired on {one.expires}" for one in outcome.expired]
    missing = shortfalls(outcome, settings)
    unjudged = required(outcome.dependencies, settings)
    reasons = (*failing, *missing, *unjudged)
    if failing:
        status, code = "failed", Exit.FINDINGS
    elif missing:
        status, code = "incomplete", Exit.INCOMPLETE
    elif unjudged:
        status, code = "incomplete", Exit.DEPENDENCIES
    else:
        status, code = "passed", Exit.PASSED
    return Verdict(status=status, exit=code, reasons=reasons, warnings=tuple(warnings(outcome, settings)))


def required(dependencies: Dependencies, settings: Settings) -> list[str]:
    """What was not judged of the dependencies, where it had to be: asked for, or a lock and a snapshot are there."""
    if settings.require == "none" or dependencies.skipped:
        return [] if settings.require != "dependencies" else [f"dependencies were required: {dependencies.skipped}"]
    if settings.require == "auto" and not (dependencies.locked and settings.advisories):
        return []
    return dependencies.unjudged(loose=settings.require == "dependencies")


def shortfalls(outcome: Outcome, settings: Settings) -> list[str]:
    """Every way in which the source was not looked at."""
    missing = [f"{report.engine} failed: {display(report.failure)}" for report in outcome.reports if report.failure]
    uncovered = gaps(outcome.targets, outcome.reports)
    everything = len(outcome.targets.files) + len(outcome.targets.unreadable)
    if len(uncovered) > settings.max_gaps.of(everything):
        missing.append(f"{len(uncovered)} of {everything} files could not be read in full by any engine")
    nothing_changed = outcome.changes is not None and not outcome.changes.reason
    if not outcome.targets.files and not uncovered and not nothing_changed:
        missing.append("there is no Python file to scan")
    if outcome.sbom.status == "failed":
        missing.append(f"no bill of materials: {display(outcome.sbom.reason)}")
    return missing


def warnings(outcome: Outcome, settings: Settings) -> list[str]:
    """What a reader should know beside the verdict."""
    found = [f"ignored: {display(line)}" for line in settings.ignored]
    found += [f"the suppression of {display(one.name)} matches nothing" for one in outcome.unused]
    uncovered = gaps(outcome.targets, outcome.reports)
    if uncovered and len(uncovered) <= settings.max_gaps.of(len(outcome.targets.files)):
        found.append(f"{len(uncovered)} files could not be read in full by any engine (allowed: max_gaps)")
    if outcome.changes is not None and outcome.changes.reason:
        found.append(f"cannot tell what changed, so all was scanned: {display(outcome.changes.reason)}")
    snapshot = outcome.dependencies.snapshot
    if snapshot is not None and snapshot.age(outcome.dependencies.now) > 14:
        found.append(f"the newest advisory is of {snapshot.modified.date()}: older than 14 days")
    if snapshot is not None and snapshot.unreadable:
        found.append(f"{snapshot.unreadable} files of the snapshot are no advisories")
    return found


def document(outcome: Outcome, verdict: Verdict, settings: Settings) -> dict[str, object]:
    """`summary.json` of a run that ended."""
    return {
        "schema": SCHEMA,
        "status": verdict.status,
        "exit_code": int(verdict.exit),
        "reasons": list(verdict.reasons),
        "warnings": list(verdict.warnings),
        "scan": {"type": settings.scan_type, "path": display(str(settings.scan_path)),
                 "fail_on": sorted(settings.fail_on, key=lambda s: s.rank), "require": settings.require},
        "counts": {str(state): count(outcome.findings, state) for state in State},
        "coverage": coverage(outcome),
        "changes": changes(outcome),
        "engines": [
            {"name": report.engine, "version": report.version, "status": "failed" if report.failure else "completed",
             "reason": display(report.failure), "findings": len(report.findings)}
            for report in outcome.reports
        ],
        "rules": {"checksum": outcome.rules_checksum},
        "dependencies": outcome.dependencies.summary(),
        "sbom": outcome.sbom.entry(),
        "suppressions": {"expired": [acceptance(one) for one in outcome.expired],
                         "unused": [acceptance(one) for one in outcome.unused]},
        "findings": [entry(found) for found in outcome.findings],
        VOLATILE: {
            "started": outcome.started, "seconds": round(outcome.seconds, 2), "memory_peak_bytes": outcome.memory,
            "engines": {report.engine: {"seconds": report.seconds, "cpu_seconds": report.cpu_seconds,
                                         "memory_peak_bytes": report.memory}
                        for report in outcome.reports},
            "advisories_age_days": outcome.dependencies.age,
        },
    }  # fmt: skip


def coverage(outcome: Outcome) -> dict[str, object]:
    """What was looked at, by whom, and what was not."""
    files = len(outcome.targets.files)
    return {
        "files": files,
        "read_by": {report.engine: files - len(report.unread) for report in outcome.reports},
        "unread_by": {
            report.engine: {display(name): display(reason) for name, reason in sorted(report.unread.items())}
            for report in outcome.reports
        },
        "gaps": {
            display(name): display(reason) for name, reason in sorted(gaps(outcome.targets, outcome.reports).items())
        },
        "left_out": {display(name): reason for name, reason in sorted(outcome.targets.left_out.items())},
    }


def changes(outcome: Outcome) -> dict[str, object] | None:
    """What an incremental scan compared with."""
    if outcome.changes is None:
        return None
    known = not outcome.changes.reason
    return {
        "known": known,
        "reason": display(outcome.changes.reason),
        "base": outcome.changes.base,
        "files": sorted(map(display, outcome.changes.hunks)) if known else None,
    }


def acceptance(one: Acceptance) -> dict[str, str]:
    """One entry of the project's file."""
    return {name: display(str(value)) for name, value in vars(one).items()}


def entry(found: Finding) -> dict[str, object]:
    """One finding, its text made safe to print."""
    table = dataclasses.asdict(found)
    table = {name: display(value) if isinstance(value, str) else value for name, value in table.items()}
    return {**table, "also": [display(name) for name in found.also]}
