"""`report.html`: one file, no script, nothing fetched; every text escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from security.dependencies.model import Judged, Status
from security.findings import source
from security.findings.identity import file
from security.model import Finding, Severity, State
from security.reports.display import display, one_line
from security.reports.summary import Outcome, Verdict, count, gaps

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from security.settings import Settings

NAME = "report.html"
MAX_SHOWN = 1_000
CONTEXT = 2
"""Lines around a finding."""

MAX_LINE = 200

STYLE = """
:root { color-scheme: light dark; --ink: #1c2128; --dim: #59636e; --paper: #ffffff; --card: #f6f8fa; --line: #d1d9e0;
  --critical: #a40e26; --high: #bc4c00; --medium: #9a6700; --low: #0969da; --info: #59636e; --good: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9198a1; --paper: #0d1117; --card: #151b23;
  --line: #3d444d; --critical: #ff7b72; --high: #ffa657; --medium: #e3b341; --low: #79c0ff; --info: #9198a1;
  --good: #56d364; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
.verdict { border: 1px solid var(--line); border-left: .5rem solid var(--tone); border-radius: 6px;
  padding: 1rem 1.25rem;
  background: var(--card); } .verdict ul { margin: .5rem 0 0; padding-left: 1.2rem; }
.passed { --tone: var(--good); } .failed { --tone: var(--critical); } .incomplete { --tone: var(--medium); }
.dim { color: var(--dim); }
table { border-collapse: collapse; width: 100%; } th { text-align: left; color: var(--dim); font-weight: 600; }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
table.counts { width: min(100%, 30rem); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.tag { display: inline-block; min-width: 5.4rem; text-align: center; border-radius: 1rem; padding: 0 .6rem;
  font-size: .8rem;
  font-weight: 600; border: 1px solid currentColor; }
.critical { color: var(--critical); } .high { color: var(--high); } .medium { color: var(--medium); }
.low { color: var(--low); } .info { color: var(--info); }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; background: var(--card); }
summary { cursor: pointer; padding: .55rem .9rem; } details > div { padding: 0 .9rem .8rem; overflow-wrap: anywhere; }
code, pre { font: 13px/1.45 ui-monospace, monospace; } code { overflow-wrap: anywhere; }
pre { margin: .6rem 0; padding: .6rem 0; overflow-x: auto; background: var(--paper); border: 1px solid var(--line);
  border-radius: 6px; } pre span { display: block; padding: 0 .8rem; } pre .hit { background: color-mix(in srgb,
  var(--tone) 16%, transparent); } pre i { color: var(--dim);
  font-style: normal; display: inline-block; width: 3.5rem; }
"""


def render(outcome: Outcome, verdict: Verdict, settings: Settings) -> str:
    """The whole page; times are left out, so that two scans of one tree give the same bytes."""
    body = "".join(
        (
            head(outcome, verdict, settings),
            counts(outcome),
            *(findings(outcome, state, settings.scan_path) for state in State),
            dependencies(outcome),
            coverage(outcome),
        )
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Security scan: {verdict.status}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )


def text(value: object) -> str:
    """One line of anything."""
    return escape(one_line(str(value)))


def head(outcome: Outcome, verdict: Verdict, settings: Settings) -> str:
    """The verdict and its reasons."""
    reasons = "".join(f"<li>{text(reason)}</li>" for reason in verdict.reasons)
    reasons += "".join(f'<li class="dim">warning: {text(warning)}</li>' for warning in verdict.warnings)
    engines = ", ".join(f"{report.engine} {report.version or '(failed)'}" for report in outcome.reports)
    threshold = ", ".join(str(one) for one in Severity if one in settings.fail_on) or "nothing"
    return (
        f'<div class="verdict {verdict.status}"><h1>Security scan: {verdict.status}</h1>'
        f'<div class="dim">exit code {int(verdict.exit)}; {settings.scan_type} scan of '
        f"{len(outcome.targets.files)} Python files by {text(engines)}; fails on {text(threshold)}; "
        f"rules {outcome.rules_checksum[:12]}</div>{f'<ul>{reasons}</ul>' if reasons else ''}</div>\n"
    )


def counts(outcome: Outcome) -> str:
    """By severity and state."""
    by_state = [count(outcome.findings, state) for state in State]
    names = "".join(f'<th class="number">{state}</th>' for state in State)
    rows = "".join(
        f'<tr><td><span class="tag {severity}">{severity}</span></td>'
        + "".join(f'<td class="number">{counted[severity] or "-"}</td>' for counted in by_state)
        + "</tr>"
        for severity in Severity
    )
    return f'<h2>Findings</h2>\n<table class="counts"><tr><th>severity</th>{names}</tr>{rows}</table>\n'


def findings(outcome: Outcome, state: State, root: Path) -> str:
    """All of one state; the new ones of the run's threshold are what a reader came for, so they stand open."""
    found = [one for one in outcome.findings if one.state is state]
    if not found:
        return ""
    more = f"<p>and {len(found) - MAX_SHOWN} more in results.sarif</p>" if len(found) > MAX_SHOWN else ""
    return f"<h2>{str(state).capitalize()}</h2>\n{''.join(finding(one, root) for one in found[:MAX_SHOWN])}{more}\n"


def finding(found: Finding, root: Path) -> str:
    """One finding: what, where, the code, the fix."""
    shown = found.state is State.NEW and found.severity in (Severity.CRITICAL, Severity.HIGH)
    weakness = ", ".join([*(f"CWE-{number}" for number in found.cwe), *found.owasp])
    also = f" (also {', '.join(found.also)})" if found.also else ""
    lines = [
        f"<p>{text(found.message)}</p>",
        "" if found.subject else code(found, root),
        f"<p><b>Fix</b> {text(found.fix)}</p>" if found.fix else "",
        f"<p><b>Accepted</b> {text(found.reason)}</p>" if found.reason else "",
        (
            f'<p class="dim">{text(f"{found.rule}{also}")} · {text(weakness)} · confidence {text(found.confidence)} · '
            f"{text(', '.join(found.engines))} · <code>{found.fingerprint}</code></p>"
        ),
    ]
    return (
        f'<details{" open" if shown else ""}><summary><span class="tag {found.severity}">{found.severity}</span> '
        f"<code>{text(found.path)}:{found.line}</code> {text(found.rule)}</summary>"
        f'<div style="--tone: var(--{found.severity})">{"".join(lines)}</div></details>\n'
    )


def code(found: Finding, root: Path) -> str:
    """The lines around it, as they stand in the file."""
    lines = source.lines(file(root, found))
    first, last = max(1, found.line - CONTEXT), min(len(lines), found.end_line + CONTEXT, found.line + 12)
    if not lines or first > last:
        return ""
    rows = []
    for number in range(first, last + 1):
        mark = ' class="hit"' if found.line <= number <= found.end_line else ""
        content = escape(display(lines[number - 1].expandtabs(4))[:MAX_LINE])
        rows.append(f"<span{mark}><i>{number}</i>{content}</span>")
    return f"<pre>{''.join(rows)}</pre>"


def dependencies(outcome: Outcome) -> str:
    """Counts, dates, and every dependency that is not clean."""
    known = outcome.dependencies
    said = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in known.counts.items())
    if known.snapshot is None:
        date = f"no advisories: {known.problem or known.skipped or 'none were given'}"
    else:
        date = f"{known.snapshot.total} advisories, the newest of {known.snapshot.modified.date()}"
    errors = "".join(f"<li>{text(one.path)} could not be read: {text(one.error)}</li>" for one in known.errors)
    rows = [judged(one) for one in known.judged if one.status is not Status.NO_KNOWN_VULNERABILITY]
    names = "<tr><th>name</th><th>version</th><th>manifest</th><th>verdict</th><th>why</th></tr>"
    return (
        f"<h2>Dependencies: {known.status.replace('_', ' ')}</h2>\n<p>{text(said)}; {text(date)}</p>"
        f"{f'<ul>{errors}</ul>' if errors else ''}"
        + (f"<table>{names}{''.join(rows[:MAX_SHOWN])}</table>\n" if rows else "\n")
    )


def judged(one: Judged) -> str:
    """One row."""
    why = one.reason or ", ".join(found.id for found in one.vulnerabilities)
    return cells((one.dependency.name, one.dependency.version, one.manifest, str(one.status).replace("_", " "), why))


def cells(values: Iterable[object]) -> str:
    """One row of escaped cells."""
    return "<tr>" + "".join(f"<td>{text(value)}</td>" for value in values) + "</tr>"


def coverage(outcome: Outcome) -> str:
    """What was looked at, and what was not."""
    files = len(outcome.targets.files)
    read = "".join(
        cells((report.engine, report.version or "failed", f"{files - len(report.unread)} of {files}"))
        for report in outcome.reports
    )
    uncovered = sorted(gaps(outcome.targets, outcome.reports).items())
    rows = "".join(cells((name, reason)) for name, reason in uncovered[:MAX_SHOWN])
    left = "".join(cells((name, reason)) for name, reason in sorted(outcome.targets.left_out.items())[:MAX_SHOWN])
    table = "<table><tr><th>path</th><th>why</th></tr>{}</table>".format
    return (
        "<h2>Coverage</h2>\n<table><tr><th>engine</th><th>version</th><th>files read</th></tr>"
        f"{read}</table>\n"
        + (f"<h2>Not read by any engine</h2>{table(rows)}\n" if rows else "")
        + (
            f"<details><summary>{len(outcome.targets.left_out)} left out</summary><div>{table(left)}</div></details>\n"
            if left
            else ""
        )
    )
