"""The table that a person reads at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from security.dependencies.model import Status
from security.model import Severity, State
from security.reports.display import one_line
from security.reports.summary import Outcome, Verdict, count, gaps

if TYPE_CHECKING:
    from security.settings import Settings

WORST = 10
SHOWN = 10


def render(outcome: Outcome, verdict: Verdict, settings: Settings) -> str:
    """Plain text, safe on any terminal: nothing from the scanned tree reaches it unescaped."""
    sections = (findings_table(outcome), worst(outcome), looked_at(outcome), end(verdict, settings))
    return "\n".join(line for section in sections for line in section) + "\n"


def findings_table(outcome: Outcome) -> list[str]:
    """Counts by severity and state."""
    by_state = [count(outcome.findings, state) for state in State]
    head = f"{'severity':<10}" + "".join(f" {state:>11}" for state in State)
    return [head, *(f"{name:<10}" + "".join(f" {c[name]:>11}" for c in by_state) for name in map(str, Severity)), ""]


def worst(outcome: Outcome) -> list[str]:
    """The first few new findings, one line each and the fix below it."""
    new = [found for found in outcome.findings if found.state is State.NEW]
    lines = []
    for found in new[:WORST]:
        lines.append(
            f"{found.severity:<8} {one_line(found.path)}:{found.line}  {found.rule}  {one_line(found.message)}"
        )
        if found.fix:
            lines.append(f"         fix: {one_line(found.fix)}")
    if len(new) > WORST:
        lines.append(f"and {len(new) - WORST} more new findings (report.html, results.sarif)")
    return [*lines, ""] if lines else []


def looked_at(outcome: Outcome) -> list[str]:
    """How much was looked at, what was not, and by what."""
    files = len(outcome.targets.files)
    read = ", ".join(f"{report.engine} {files - len(report.unread)}/{files}" for report in outcome.reports)
    lines = [f"coverage: {read} files; {len(outcome.targets.left_out)} folders and files left out (summary.json)"]
    uncovered = sorted(gaps(outcome.targets, outcome.reports).items())
    lines += [f"  gap: {one_line(name)}  {one_line(reason)}" for name, reason in uncovered[:SHOWN]]
    if len(uncovered) > SHOWN:
        lines.append(f"  and {len(uncovered) - SHOWN} more gaps")
    if outcome.changes is not None and not outcome.changes.reason:
        lines.append(f"changes: {len(outcome.changes.hunks)} files since {outcome.changes.base[:12]}")
    bill = outcome.sbom.reason or f"{outcome.sbom.components} components"
    return [
        *lines,
        *dependencies(outcome),
        f"bill of materials: {outcome.sbom.status} ({one_line(bill)})",
        f"rules: {outcome.rules_checksum[:12]}",
        "",
    ]


def dependencies(outcome: Outcome) -> list[str]:
    """Counts, the advisories' date and age, and what stands in the way."""
    known = outcome.dependencies
    if known.skipped:
        return [f"dependencies: skipped ({one_line(known.skipped)})"]
    reasons = ", ".join(f"{reason} {number}" for reason, number in known.reasons.items())
    counted = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in known.counts.items())
    lines = [f"dependencies: {counted}" + (f" ({reasons})" if reasons and known.counts[Status.NOT_EVALUATED] else "")]
    if known.snapshot is not None:
        date = known.snapshot.modified.date()
        lines.append(f"advisories: {known.snapshot.total}, the newest of {date}, {known.age} days old")
    elif known.judged or known.problem:
        lines.append(f"advisories: none ({one_line(known.problem or 'mount some at /advisories')})")
    return lines + [f"  {one_line(one.path)}: {one_line(one.error)}" for one in known.errors[:SHOWN]]


def end(verdict: Verdict, settings: Settings) -> list[str]:
    """The verdict, its reasons and where the reports are."""
    warnings = [f"warning: {one_line(warning)}" for warning in verdict.warnings]
    reasons = [f"  - {one_line(reason)}" for reason in verdict.reasons]
    said = f"{verdict.status.upper()} (exit code {int(verdict.exit)})"
    return [*warnings, said, *reasons, f"reports: {one_line(str(settings.output_dir))}"]
