"""The verdict: counts, coverage, and one exit code that never calls an unfinished run a pass."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from security.errors import Exit
from security.model import EngineReport, Finding, Severity, State
from security.results import display

if TYPE_CHECKING:
    from collections.abc import Sequence

    from security.dependencies import Dependencies
    from security.sbom import Sbom
    from security.settings import Settings
    from security.targets import Targets

SCHEMA = 1
NAME = "summary.json"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All that a run learned, before it is judged."""

    targets: Targets
    reports: tuple[EngineReport, ...]
    findings: tuple[Finding, ...]
    dependencies: Dependencies
    sbom: Sbom
    rules_checksum: str
    started: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`status` is `passed`, `failed` or `incomplete`; the reasons say why it is not `passed`."""

    status: str
    exit: Exit
    reasons: tuple[str, ...]


def incomplete(settings: Settings, started: str) -> dict[str, object]:
    """What stands in the file while the run goes on, and stays there if it is killed."""
    reasons = ["the run has not ended, or was killed"]
    scan = {"type": settings.scan_type, "path": display(str(settings.scan_path)), "started": started}
    head = {"schema": SCHEMA, "status": "incomplete", "exit_code": int(Exit.INCOMPLETE)}
    return head | {"reasons": reasons, "scan": scan}


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
    missing = shortfalls(outcome)
    unjudged = []
    if "dependencies" in settings.require:
        unjudged.append(f"dependencies were required and {outcome.dependencies.status}: {outcome.dependencies.reason}")
    reasons = (*((f"{len(new)} findings at or above the threshold",) if new else ()), *missing, *unjudged)
    if new:
        return Verdict(status="failed", exit=Exit.FINDINGS, reasons=reasons)
    if missing:
        return Verdict(status="incomplete", exit=Exit.INCOMPLETE, reasons=reasons)
    if unjudged:
        return Verdict(status="incomplete", exit=Exit.DEPENDENCIES, reasons=reasons)
    return Verdict(status="passed", exit=Exit.PASSED, reasons=())


def shortfalls(outcome: Outcome) -> list[str]:
    """Every way in which the source was not looked at."""
    missing = [f"{report.engine} failed: {display(report.failure)}" for report in outcome.reports if report.failure]
    uncovered = gaps(outcome.targets, outcome.reports)
    if uncovered:
        missing.append(f"{len(uncovered)} files could not be read in full by any engine")
    if not outcome.targets.files and not uncovered:
        missing.append("there is no Python file to scan")
    if outcome.sbom.status == "failed":
        missing.append(f"no bill of materials: {display(outcome.sbom.reason)}")
    return missing


def document(outcome: Outcome, verdict: Verdict, settings: Settings) -> dict[str, object]:
    """`summary.json` of a run that ended."""
    uncovered = gaps(outcome.targets, outcome.reports)
    return {
        "schema": SCHEMA,
        "status": verdict.status,
        "exit_code": int(verdict.exit),
        "reasons": list(verdict.reasons),
        "scan": {"type": settings.scan_type, "path": display(str(settings.scan_path)), "started": outcome.started,
                 "seconds": round(outcome.seconds, 2), "fail_on": sorted(settings.fail_on, key=lambda s: s.rank)},
        "counts": {str(state): count(outcome.findings, state) for state in State},
        "coverage": {
            "files": len(outcome.targets.files),
            "read_by": {report.engine: len(outcome.targets.files) - len(report.unread) for report in outcome.reports},
            "gaps": {display(name): display(reason) for name, reason in sorted(uncovered.items())},
            "left_out": {display(name): reason for name, reason in sorted(outcome.targets.left_out.items())},
        },
        "engines": [
            {"name": report.engine, "version": report.version, "status": "failed" if report.failure else "completed",
             "reason": display(report.failure), "seconds": report.seconds, "findings": len(report.findings)}
            for report in outcome.reports
        ],
        "rules": {"checksum": outcome.rules_checksum},
        "dependencies": outcome.dependencies.document(),
        "sbom": outcome.sbom.entry(),
        "findings": [entry(found) for found in outcome.findings],
    }  # fmt: skip


def entry(found: Finding) -> dict[str, object]:
    """One finding, its text made safe to print."""
    return {name: display(value) if isinstance(value, str) else value for name, value in asdict(found).items()}
