"""One run: mounts, targets, engines, dependencies, verdict, reports."""

from __future__ import annotations

import dataclasses
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from security import changes, engines, rules, targets
from security.dependencies import look as dependencies, outcome as dependencies_outcome
from security.errors import Exit
from security.findings import accepted, baseline, changed, identity, inline
from security.process import Deadline, largest
from security.reports import files, html, markdown, sarif, sbom, summary, terminal
from security.reports.progress import say

if TYPE_CHECKING:
    from security.changes import Changes
    from security.dependencies.outcome import Dependencies
    from security.findings.accepted import Applied
    from security.model import EngineReport, Finding
    from security.settings import Settings
    from security.targets import Targets

TOOL = "security-scan"
CGROUP_PEAK = Path("/sys/fs/cgroup/memory.peak")
"""The whole container's, where the kernel tells (cgroup v2, Linux 5.19)."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """What a run takes from outside: the time, and a date for the bill of materials (SOURCE_DATE_EPOCH)."""

    now: datetime
    source_date: str = ""

    @classmethod
    def of(cls, epoch: str) -> Clock:
        """Now; an epoch that is no number counts as none."""
        date = datetime.fromtimestamp(int(epoch), tz=UTC).isoformat() if epoch.isdecimal() else ""
        return cls(now=datetime.now(tz=UTC), source_date=date)


def scan(settings: Settings, clock: Clock) -> Exit:
    """Do it, print the table, return the exit code; a ScannerError means that it could not begin or be written."""
    outcome, verdict = judge(settings, clock)
    sys.stdout.write(terminal.render(outcome, verdict, settings))
    return verdict.exit


def accept(settings: Settings, clock: Clock) -> Exit:
    """The `baseline` command: a scan, and today's findings written down; never from a run that is incomplete."""
    outcome, verdict = judge(dataclasses.replace(settings, baseline=None), clock)
    sys.stdout.write(terminal.render(outcome, verdict, settings))
    if any(report.failure for report in outcome.reports) or summary.shortfalls(outcome, settings):
        sys.stdout.write("no baseline: the run is incomplete\n")
        return Exit.INCOMPLETE
    document = baseline.document(outcome.findings)
    files.write(settings.output_dir, baseline.NAME, document)
    sys.stdout.write(f"baseline: {settings.output_dir / baseline.NAME}; name it with BASELINE from now on\n")
    return Exit.PASSED


def judge(settings: Settings, clock: Clock) -> tuple[summary.Outcome, summary.Verdict]:
    """Look, judge, and write every report; the summary last, because it is what says that the others are whole."""
    files.check_mounts(settings.scan_path, settings.output_dir)
    started = clock.now.isoformat(timespec="seconds")
    files.write(settings.output_dir, summary.NAME, summary.incomplete(settings, started))
    files.clear(settings.output_dir)
    known = baseline.load(settings.baseline) if settings.baseline else {}
    outcome = look(settings, clock, known)
    verdict = summary.judge(outcome, settings)
    write(outcome, verdict, settings)
    return outcome, verdict


def write(outcome: summary.Outcome, verdict: summary.Verdict, settings: Settings) -> None:
    """All reports."""
    folder = settings.output_dir
    described = rules.load(settings.rules_dir)
    complete = verdict.exit in (Exit.PASSED, Exit.FINDINGS) and not any(one.failure for one in outcome.reports)
    version = outcome.rules_checksum[:12]
    merged = sarif.document(
        outcome.findings, tool=TOOL, version=version, rules=described, complete=complete,
        notes=[*verdict.reasons, *verdict.warnings],
    )  # fmt: skip
    files.write(folder, sarif.NAME, merged)
    for report in outcome.reports:
        if report.engine == "semgrep":
            own = identity.fingerprint(report.findings, root=settings.scan_path)
            notes = [report.failure] if report.failure else []
            alone = sarif.document(
                own, tool="semgrep", version=report.version, rules=described, complete=not report.failure, notes=notes
            )
            files.write(folder, sarif.SEMGREP, alone)
        else:
            files.write(folder, f"{report.engine}.json", report.raw or {"failure": report.failure})
    files.write(folder, "dependencies.json", outcome.dependencies.document())
    if outcome.sbom.document is not None:
        files.write(folder, sbom.NAME, outcome.sbom.document)
    files.write_text(folder, markdown.NAME, markdown.render(outcome, verdict, settings))
    files.write_text(folder, html.NAME, html.render(outcome, verdict, settings))
    files.write(folder, summary.NAME, summary.document(outcome, verdict, settings))


def look(settings: Settings, clock: Clock, known: dict[str, int]) -> summary.Outcome:
    """Run everything that looks at the project, one after another."""
    began = time.monotonic()
    deadline = Deadline.after(settings.timeout)
    everything = targets.collect(settings.scan_path, results=settings.output_dir, exclude=settings.exclude)
    difference, chosen = narrow(settings, everything, deadline)
    reports = []
    for engine in engines.chosen(settings.scan_type):
        say("engine", name=engine.NAME, files=len(chosen.files))
        reports.append(engines.run(engine, chosen, settings, deadline))
        say("engine ended", name=engine.NAME, seconds=reports[-1].seconds, findings=len(reports[-1].findings),
            unread=len(reports[-1].unread), failure=reports[-1].failure)  # fmt: skip
    judged = dependencies.look(settings, everything, now=clock.now)
    say("dependencies", status=judged.status, **judged.counts)
    applied = mark(reports, judged, difference, known, settings, clock)
    return summary.Outcome(
        targets=chosen,
        reports=tuple(reports),
        findings=applied.findings,
        dependencies=judged,
        sbom=bill(judged, settings, clock),
        changes=difference,
        expired=applied.expired,
        unused=applied.unused,
        rules_checksum=rules.checksum(settings.rules_dir),
        started=clock.now.isoformat(timespec="seconds"),
        seconds=time.monotonic() - began,
        memory=peak(),
    )


def narrow(settings: Settings, everything: Targets, deadline: Deadline) -> tuple[Changes | None, Targets]:
    """For an incremental scan the files that changed; all of them where that is not known."""
    if settings.scan_type != "incremental":
        return None, everything
    difference = changes.ask(settings, everything, deadline)
    say("changes", reason=difference.reason, base=difference.base, files=len(difference.hunks))
    if difference.reason:
        return difference, everything
    kept = tuple(name for name in everything.files if name in difference.hunks)
    return difference, dataclasses.replace(everything, files=kept)


def mark(
    reports: list[EngineReport],
    judged: Dependencies,
    difference: Changes | None,
    known: dict[str, int],
    settings: Settings,
    clock: Clock,
) -> Applied:
    """From the engines' findings to one list: merged, named, and each with its state."""
    found: list[Finding] = [one for report in reports for one in report.findings]
    found += dependencies_outcome.findings(judged)
    root = settings.scan_path
    merged = identity.fingerprint(identity.merge(found, root=root), root=root)
    marked = inline.apply(merged, root=root, rules=rules.names(settings.rules_dir))
    applied = accepted.apply(marked, settings.suppress, today=clock.now.date())
    rest = baseline.apply(applied.findings, known)
    if difference is not None and not difference.reason:
        rest = changed.apply(rest, difference, root=root)
    return dataclasses.replace(applied, findings=rest)


def bill(judged: Dependencies, settings: Settings, clock: Clock) -> sbom.Sbom:
    """The bill of materials; its failure is the run's, not a crash."""
    if judged.skipped:
        return sbom.Sbom(status="skipped", reason=judged.skipped)
    name = settings.scan_path.name or "project"
    try:
        return sbom.make(judged.manifests, name=name, tool_version="1", timestamp=clock.source_date)
    except Exception as error:
        return sbom.Sbom(status="failed", reason=f"{type(error).__name__}: {error}"[:200])


def peak() -> int:
    """Bytes at the most, of the container or of the largest engine."""
    try:
        return int(CGROUP_PEAK.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return largest()
