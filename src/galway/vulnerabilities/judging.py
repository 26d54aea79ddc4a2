"""What one scan's raw reports come to under the rules of now; a database that says nothing is no verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from galway import evidence
from galway.vulnerabilities import database, findings, gate

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from galway.evidence import Record
    from galway.vulnerabilities.findings import Report
    from galway.vulnerabilities.policy import Policy
    from galway.vulnerabilities.waivers import Waiver
    from galway.workspace import Workspace

REPORT, STAMP, CANARY = "trivy.json", "database.json", "canary.json"
"""A scan's raw reports: of the image, of the database, and of the image that every database must know."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a decision depends on besides the reports.

    Parameters
    ----------
    now:
        The time of the decision, with a zone.
    """

    policy: Policy
    waivers: Sequence[Waiver]
    now: datetime.datetime


def read(workspace: Workspace, record: Record) -> Report | None:
    """Trivy's report that a record names; None where it is missing or was changed."""
    content = evidence.artifact(workspace.evidence, record, REPORT)
    return None if content is None else findings.parse(content)


def decide(
    workspace: Workspace,
    record: Record,
    report: Report | None,
    rules: Rules,
    needed: set[Waiver],
    no_database: str,
) -> Record:
    """The record with status, reason and measures derived from its report.

    Parameters
    ----------
    needed:
        Waivers that other platforms of the image need.
    no_database:
        Why there is no database; empty where there is one.
    """
    if report is None:
        reason = record.reason or f"{REPORT} is missing or was changed after the scan"
        known = {**record.measures, "objection": reason}
        return msgspec.structs.replace(
            record, status="not_evaluated", reason=reason, policy=rules.policy.words, measures=known
        )
    objection = no_database or _objection(workspace, record, report, rules)
    decision = gate.decide(
        record.image,
        report.findings,
        elsewhere=needed,
        waivers=rules.waivers,
        thresholds=rules.policy.gate,
        today=rules.now.date(),
        whole=not objection,
    )
    status, reason = decision.status, decision.reason
    if objection and status == "passed":
        status, reason = "not_evaluated", f"vulnerabilities were not evaluated: {objection}"
    measures: dict[str, Any] = {
        **record.measures,
        "system": report.system,
        "objection": objection,
        "counts": decision.counts,
        "findings": [msgspec.to_builtins(finding) for finding in report.findings if finding.severity in gate.SERIOUS],
        "waived": [{"id": f.id, "package": f.package, "waiver": str(waiver)} for f, waiver in decision.waived],
        "warnings": list(decision.warnings),
    }
    return msgspec.structs.replace(record, status=status, reason=reason, policy=rules.policy.words, measures=measures)


def _objection(workspace: Workspace, record: Record, report: Report, rules: Rules) -> str:
    stamp = evidence.artifact(workspace.evidence, record, STAMP)
    canary = evidence.artifact(workspace.evidence, record, CANARY)
    if stamp is None or canary is None:
        return "there was no database"
    if cause := database.objection(stamp, canary, rules.policy, now=rules.now):
        return cause
    return "" if report.system else "Trivy did not recognise the operating system"
