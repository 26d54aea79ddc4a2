"""Trivy's JSON becomes findings in the order in which people should see them."""

from __future__ import annotations

import json

import pytest

from galway.errors import ScanError
from galway.vulnerabilities import findings


def report(*results: dict[str, object], **fields: object) -> bytes:
    return json.dumps({"SchemaVersion": 2, "Results": list(results), **fields}).encode()


def vulnerability(name: str, severity: str, fixed: str = "") -> dict[str, str]:
    made = {"VulnerabilityID": name, "PkgName": "libc6", "InstalledVersion": "2.36", "Severity": severity}
    return made | ({"FixedVersion": fixed} if fixed else {})


def test_the_worst_come_first_and_of_those_the_mendable_ones() -> None:
    parsed = findings.parse(
        report(
            {
                "Target": "debian",
                "Vulnerabilities": [
                    vulnerability("CVE-1", "LOW"),
                    vulnerability("CVE-2", "CRITICAL"),
                    vulnerability("CVE-3", "CRITICAL", fixed="2.37"),
                ],
            }
        )
    )
    assert [finding.id for finding in parsed.findings] == ["CVE-3", "CVE-2", "CVE-1"]


def test_secrets_and_failed_settings_are_findings_and_passed_settings_are_not() -> None:
    parsed = findings.parse(
        report(
            {"Target": "key.pem", "Secrets": [{"RuleID": "private-key", "Severity": "HIGH", "Title": "a key"}]},
            {
                "Target": "Dockerfile",
                "Misconfigurations": [
                    {"ID": "DS-0002", "Severity": "HIGH", "Status": "FAIL"},
                    {"ID": "DS-0026", "Severity": "LOW", "Status": "PASS"},
                ],
            },
        )
    )
    assert [(finding.kind, finding.id) for finding in parsed.findings] == [
        ("misconfiguration", "DS-0002"),
        ("secret", "private-key"),
    ]


def test_the_operating_system_that_was_recognised_is_kept() -> None:
    known = findings.parse(report(Metadata={"OS": {"Family": "debian", "Name": "12.12"}}))
    assert known.system == "debian 12.12"
    assert findings.parse(report()).system == ""


@pytest.mark.parametrize("content", [b"", b"{}", b'{"SchemaVersion": 1}', b'{"SchemaVersion": 2, "Results": 3}'])
def test_what_is_no_report_is_no_clean_image(content: bytes) -> None:
    with pytest.raises(ScanError):
        findings.parse(content)
