"""The table that a person reads at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from security.model import Severity, State
from security.results import display
from security.summary import Outcome, Verdict, count, gaps

if TYPE_CHECKING:
    from security.settings import Settings

WORST = 10
SHOWN_GAPS = 10


def render(outcome: Outcome, verdict: Verdict, settings: Settings) -> str:
    """Plain text, safe on any terminal: nothing from the scanned tree reaches it unescaped."""
    sections = (findings_table(outcome), worst(outcome), coverage(outcome), not_judged(outcome), end(verdict, settings))
    return "\n".join(line for section in sections for line in section) + "\n"


def findings_table(outcome: Outcome) -> list[str]:
    """Counts by severity and state."""
    new, suppressed = (count(outcome.findings, state) for state in (State.NEW, State.SUPPRESSED))
    head = f"{'severity':<10} {'new':>6} {'suppressed':>11}"
    return [head, *(f"{name:<10} {new[name]:>6} {suppressed[name]:>11}" for name in map(str, Severity)), ""]


def worst(outcome: Outcome) -> list[str]:
    """The first few new findings, one line each and the fix below it."""
    new = [found for found in outcome.findings if found.state is State.NEW][:WORST]
    lines = []
    for found in new:
        lines.append(
            f"{found.severity:<8} {one_line(found.path)}:{found.line}  {found.rule}  {one_line(found.message)}"
        )
        if found.fix:
            lines.append(f"         fix: {one_line(found.fix)}")
    return [*lines, ""] if lines else []


def coverage(outcome: Outcome) -> list[str]:
    """How much was looked at, and what was not."""
    files = len(outcome.targets.files)
    read = ", ".join(f"{report.engine} {files - len(report.unread)}/{files}" for report in outcome.reports)
    lines = [f"coverage: {read} files; {len(outcome.targets.left_out)} folders and links left out (summary.json)"]
    uncovered = sorted(gaps(outcome.targets, outcome.reports).items())
    lines += [f"  gap: {one_line(name)}  {one_line(reason)}" for name, reason in uncovered[:SHOWN_GAPS]]
    if len(uncovered) > SHOWN_GAPS:
        lines.append(f"  and {len(uncovered) - SHOWN_GAPS} more gaps")
    return lines


def not_judged(outcome: Outcome) -> list[str]:
    """What this run says nothing about."""
    bill = outcome.sbom.reason or f"{outcome.sbom.components} components"
    return [
        f"dependencies: {outcome.dependencies.status} ({outcome.dependencies.reason})",
        f"bill of materials: {outcome.sbom.status} ({one_line(bill)})",
        f"rules: {outcome.rules_checksum[:12]}",
        "",
    ]


def end(verdict: Verdict, settings: Settings) -> list[str]:
    """The verdict, its reasons and where the reports are."""
    reasons = [f"  - {one_line(reason)}" for reason in verdict.reasons]
    return [f"{verdict.status.upper()} (exit code {int(verdict.exit)})", *reasons, f"reports: {settings.output_dir}"]


def one_line(text: str) -> str:
    """No line breaks and nothing that moves the cursor."""
    return display(" ".join(text.split()))[:400]
