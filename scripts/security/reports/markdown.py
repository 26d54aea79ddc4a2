"""`report.md`: for a merge request's comment or a job's summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from security.dependencies.model import Status
from security.model import Finding, Severity, State
from security.reports.display import one_line
from security.reports.sarif import markdown
from security.reports.summary import Outcome, Verdict, count, gaps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from security.settings import Settings

NAME = "report.md"
MAX_ROWS = 200


def render(outcome: Outcome, verdict: Verdict, settings: Settings) -> str:
    """Whatever comes from the scanned tree is escaped: it can be neither a link, nor HTML, nor a table's border."""
    lines = [f"# Security scan: {verdict.status} (exit code {int(verdict.exit)})", ""]
    lines += [f"- {cell(reason)}" for reason in verdict.reasons]
    lines += [f"- warning: {cell(warning)}" for warning in verdict.warnings]
    lines += ["", *table(["severity", *map(str, State)], counts(outcome)), ""]
    lines += findings(outcome, State.NEW, "New findings")
    lines += findings(outcome, State.EXISTING, "Existing findings")
    lines += findings(outcome, State.SUPPRESSED, "Suppressed findings")
    lines += dependencies(outcome)
    lines += coverage(outcome)
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Text for a table's cell or a list item."""
    return markdown(one_line(text))


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Cells are escaped already."""
    names = list(head)
    return [line(names), line(["---"] * len(names)), *(line(row) for row in rows)]


def line(cells: Iterable[str]) -> str:
    """One row."""
    return "| " + " | ".join(cells) + " |"


def counts(outcome: Outcome) -> list[list[str]]:
    """By severity and state."""
    by_state = [count(outcome.findings, state) for state in State]
    return [[str(severity), *(str(counted[severity]) for counted in by_state)] for severity in Severity]


def findings(outcome: Outcome, state: State, title: str) -> list[str]:
    """One table; a very long one is cut, and says so."""
    found = [one for one in outcome.findings if one.state is state]
    if not found:
        return []
    rows = [row(one) for one in found[:MAX_ROWS]]
    more = [f"and {len(found) - MAX_ROWS} more, see results.sarif", ""] if len(found) > MAX_ROWS else []
    head = ["severity", "place", "rule", "what", "accepted" if state is State.SUPPRESSED else "fix"]
    return [f"## {title}", "", *table(head, rows), "", *more]


def row(found: Finding) -> list[str]:
    """One finding."""
    weakness = ", ".join(f"CWE-{number}" for number in found.cwe)
    last = found.reason if found.state is State.SUPPRESSED else found.fix
    return [
        str(found.severity),
        f"{cell(found.path)}:{found.line}",
        cell(found.rule) + (f" ({weakness})" if weakness else ""),
        cell(found.message),
        cell(last),
    ]


def dependencies(outcome: Outcome) -> list[str]:
    """Counts, dates, and every dependency that is not clean."""
    known = outcome.dependencies
    lines = ["## Dependencies", "", f"{known.status.replace('_', ' ')}"]
    lines += [f"- {number} {status.replace('_', ' ')}" for status, number in known.counts.items()]
    if known.snapshot is None:
        lines.append(f"- no advisories: {cell(known.problem or known.skipped or 'none were given')}")
    else:
        lines.append(f"- {known.snapshot.total} advisories, the newest of {known.snapshot.modified.date()}")
    lines += [f"- {cell(one.path)} could not be read: {cell(one.error)}" for one in known.errors]
    rows = [
        [cell(one.dependency.name), cell(one.dependency.version), cell(one.manifest), str(one.status).replace("_", " "),
         cell(str(one.reason or ", ".join(found.id for found in one.vulnerabilities)))]
        for one in known.judged if one.status is not Status.NO_KNOWN_VULNERABILITY
    ]  # fmt: skip
    shown = table(["name", "version", "manifest", "verdict", "why"], rows[:MAX_ROWS]) if rows else []
    return [*lines, "", *shown, *([""] if shown else [])]


def coverage(outcome: Outcome) -> list[str]:
    """What was looked at, and what was not."""
    files = len(outcome.targets.files)
    lines = ["## Coverage", "", f"{files} Python files, {len(outcome.targets.left_out)} folders and files left out."]
    lines += [f"- {report.engine} {report.version}: read {files - len(report.unread)}" for report in outcome.reports]
    uncovered = sorted(gaps(outcome.targets, outcome.reports).items())
    lines += [f"- not read by any engine: {cell(name)} ({cell(reason)})" for name, reason in uncovered[:MAX_ROWS]]
    lines.append(f"- rules: {outcome.rules_checksum[:12]}")
    return lines
