"""What a Trivy report says, as values: vulnerabilities, secrets and misconfigurations of one image on one platform."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from galway.errors import ScanError

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")
"""Worst first, Trivy's words."""

Kind = Literal["vulnerability", "secret", "misconfiguration"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that Trivy found.

    Parameters
    ----------
    kind, id:
        A CVE or advisory id, or the id of the rule that a secret or a setting broke.
    severity:
        One of `SEVERITIES`.
    package, installed, fixed:
        What is vulnerable; `fixed` is empty where no version mends it, and all are for other kinds.
    target:
        Where: the file, or the operating system's package database.
    title:
        One line for people.
    """

    kind: Kind
    id: str
    severity: str
    package: str = ""
    installed: str = ""
    fixed: str = ""
    target: str = ""
    title: str = ""


class _Vulnerability(msgspec.Struct, rename="pascal"):
    vulnerability_id: str = msgspec.field(name="VulnerabilityID")
    pkg_name: str
    installed_version: str
    severity: str
    fixed_version: str = ""
    title: str = ""


class _Secret(msgspec.Struct, rename="pascal"):
    rule_id: str = msgspec.field(name="RuleID")
    severity: str
    title: str = ""


class _Misconfiguration(msgspec.Struct, rename="pascal"):
    id: str = msgspec.field(name="ID")
    severity: str
    status: str
    title: str = ""


class _Result(msgspec.Struct, rename="pascal"):
    target: str = ""
    vulnerabilities: list[_Vulnerability] = []
    secrets: list[_Secret] = []
    misconfigurations: list[_Misconfiguration] = []


class _Report(msgspec.Struct, rename="pascal"):
    schema_version: int
    results: list[_Result] = []
    metadata: dict[str, Any] = {}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report.

    Parameters
    ----------
    findings:
        Worst first; of the same severity those that a newer version mends first.
    image:
        Digest of the configuration of the image that was looked at; empty where there is none.
    system:
        The operating system that Trivy recognised, such as `debian 12.12`; empty where it recognised none, and then
        no package of it was looked up.
    """

    findings: tuple[Finding, ...]
    image: str = ""
    system: str


def parse(content: bytes) -> Report:
    """Read a report in Trivy's own JSON.

    Raises
    ------
    ScanError
        It is not such a report.
    """
    try:
        report = msgspec.json.decode(content, type=_Report)
    except msgspec.DecodeError as error:
        raise ScanError(f"Trivy's report cannot be read: {error}", hint="run `inv scan` again") from error
    if report.schema_version != 2:
        raise ScanError(
            f"Trivy's report has schema {report.schema_version}, not 2",
            hint="use the Trivy pinned in docker/tools.toml",
        )
    found = [finding for result in report.results for finding in _findings(result)]
    system = report.metadata.get("OS") or {}
    return Report(
        findings=tuple(sorted(found, key=_rank)),
        image=str(report.metadata.get("ImageID", "")),
        system=f"{system.get('Family', '')} {system.get('Name', '')}".strip(),
    )


def _findings(result: _Result) -> list[Finding]:
    target = result.target
    return [
        *(
            Finding(
                kind="vulnerability",
                id=found.vulnerability_id,
                severity=found.severity,
                package=found.pkg_name,
                installed=found.installed_version,
                fixed=found.fixed_version,
                target=target,
                title=found.title,
            )
            for found in result.vulnerabilities
        ),
        *(
            Finding(kind="secret", id=found.rule_id, severity=found.severity, target=target, title=found.title)
            for found in result.secrets
        ),
        *(
            Finding(kind="misconfiguration", id=found.id, severity=found.severity, target=target, title=found.title)
            for found in result.misconfigurations
            if found.status == "FAIL"
        ),
    ]


def _rank(finding: Finding) -> tuple[int, bool, str, str]:
    known = finding.severity in SEVERITIES
    severity = SEVERITIES.index(finding.severity) if known else len(SEVERITIES)
    return severity, not finding.fixed, finding.id, finding.package
