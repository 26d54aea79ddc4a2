"""One run: mounts, targets, engines, verdict, reports."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from security import dependencies, engines, results, rules, sbom, summary, suppressions, targets, terminal
from security.process import Deadline

if TYPE_CHECKING:
    from security.errors import Exit
    from security.settings import Settings


def scan(settings: Settings) -> Exit:
    """Do it, print the table, return the exit code; a ScannerError means that it could not begin or be written."""
    results.check_mounts(settings.scan_path, settings.output_dir)
    results.clear(settings.output_dir)
    started = datetime.now(tz=UTC).isoformat(timespec="seconds")
    results.write(settings.output_dir, summary.NAME, summary.incomplete(settings, started))
    outcome = look(settings, started)
    verdict = summary.judge(outcome, settings)
    for report in outcome.reports:
        results.write(settings.output_dir, f"{report.engine}.json", report.raw or {"failure": report.failure})
    results.write(settings.output_dir, "dependencies.json", outcome.dependencies.document())
    if outcome.sbom.document is not None:
        results.write(settings.output_dir, "sbom.json", outcome.sbom.document)
    results.write(settings.output_dir, summary.NAME, summary.document(outcome, verdict, settings))
    sys.stdout.write(terminal.render(outcome, verdict, settings))
    return verdict.exit


def look(settings: Settings, started: str) -> summary.Outcome:
    """Run everything that looks at the project, one after another."""
    began = time.monotonic()
    deadline = Deadline.after(settings.timeout)
    chosen = targets.collect(settings.scan_path, results=settings.output_dir)
    reports = []
    for engine in engines.ENGINES:
        sys.stderr.write(f"{engine.NAME}: {len(chosen.files)} files\n")
        reports.append(engines.run(engine, chosen, settings, deadline))
    found = suppressions.apply(
        (found for report in reports for found in report.findings),
        root=settings.scan_path,
        rules=rules.names(settings.rules_dir),
    )
    return summary.Outcome(
        targets=chosen,
        reports=tuple(reports),
        findings=tuple(sorted(found, key=lambda one: one.order)),
        dependencies=dependencies.judge(settings.scan_path),
        sbom=sbom.make(settings.scan_path, deadline, debug=settings.debug),
        rules_checksum=rules.checksum(settings.rules_dir),
        started=started,
        seconds=time.monotonic() - began,
    )
