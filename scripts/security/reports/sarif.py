"""SARIF 2.1.0 (OASIS), as GitHub's code scanning reads it: https://docs.github.com/code-security (SARIF support)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from security.model import Finding, State
from security.reports.display import display

if TYPE_CHECKING:
    from collections.abc import Sequence

    from security.rules import Rule

NAME = "results.sarif"
SEMGREP = "semgrep.sarif"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_RESULTS = 25_000
MAX_TAGS = 20
MAX_TEXT = 1_000
LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0", "info": "0.0"}
"""GitHub's bands: above 9.0 critical, from 7.0 high, from 4.0 medium, from 0.1 low."""

ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
STATES = {State.NEW: "new", State.EXISTING: "unchanged", State.SUPPRESSED: "unchanged"}


def document(
    findings: Sequence[Finding],
    *,
    tool: str,
    version: str,
    rules: Sequence[Rule] = (),
    complete: bool = True,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """One run. What is beyond GitHub's limit is left out from the mildest end, and a notification says so."""
    kept = list(findings[:MAX_RESULTS])
    known = {rule.id: rule for rule in rules}
    order = {name: index for index, name in enumerate(dict.fromkeys(found.rule for found in kept))}
    examples = {found.rule: found for found in reversed(kept)}
    said = [*notes]
    if len(findings) > len(kept):
        said.append(f"{len(findings) - len(kept)} findings are left out: a file holds at most {MAX_RESULTS}")
    invocation: dict[str, Any] = {"executionSuccessful": complete}
    if said:
        invocation["toolExecutionNotifications"] = [
            {"level": "warning", "message": {"text": text(note)}} for note in said
        ]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": tool,
                        "version": version or "unknown",
                        "informationUri": "https://github.com/jpoley/galway",
                        "rules": [descriptor(name, examples[name], known.get(name)) for name in order],
                    }
                },
                "invocations": [invocation],
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The scanned folder"}}},
                "results": [result(found, order[found.rule]) for found in kept],
            }
        ],
    }


def descriptor(name: str, found: Finding, rule: Rule | None) -> dict[str, Any]:
    """One rule, once; what its file says, or what its first finding does."""
    fix = rule.fix if rule else found.fix
    why = rule.why if rule else found.message
    severity = rule.severity if rule else found.severity
    confidence = rule.confidence if rule else found.confidence
    tags = [
        "security",
        *(f"external/cwe/cwe-{number:03}" for number in (rule.cwe if rule else found.cwe)),
        *(f"owasp/{display(category)}" for category in (rule.owasp if rule else found.owasp)),
    ]
    return {
        "id": display(name),
        "name": display(name),
        "shortDescription": {"text": text(why)},
        "fullDescription": {"text": text(why)},
        "help": {"text": text(f"{why} {fix}"), "markdown": text(markdown(f"{why}\n\n{fix}"))},
        "defaultConfiguration": {"level": LEVELS[severity]},
        "properties": {
            "security-severity": SCORES[severity],
            "precision": confidence if confidence in ("high", "medium", "low") else "low",
            "tags": tags[:MAX_TAGS],
        },
    }


def result(found: Finding, index: int) -> dict[str, Any]:
    """One finding; a suppressed one stays, with who accepted it."""
    region: dict[str, int] = {"startLine": max(1, found.line), "startColumn": max(1, found.column)}
    region["endLine"] = max(region["startLine"], found.end_line)
    if found.end_column > 0 and (region["endLine"] > region["startLine"] or found.end_column > region["startColumn"]):
        region["endColumn"] = found.end_column
    table: dict[str, Any] = {
        "ruleId": display(found.rule),
        "ruleIndex": index,
        "level": LEVELS[found.severity],
        "message": {"text": text(f"{found.message} Fix: {found.fix}" if found.fix else found.message)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(found.path), "uriBaseId": "%SRCROOT%"},
                    "region": region,
                }
            }
        ],
        "partialFingerprints": {
            "primaryLocationLineHash": f"{found.group}:{found.fingerprint[:8]}",
            "securityScan/v1": found.fingerprint,
        },
        "baselineState": STATES[found.state],
        "properties": {
            "severity": str(found.severity),
            "confidence": found.confidence,
            "engines": list(found.engines),
            "also": [display(name) for name in found.also],
            "cwe": [f"CWE-{number}" for number in found.cwe],
            "state": str(found.state),
        },
    }
    if found.state is State.SUPPRESSED:
        kind = "inSource" if found.reason.startswith("comment ") else "external"
        table["suppressions"] = [{"kind": kind, "status": "accepted", "justification": text(found.reason)}]
    return table


def uri(path: str) -> str:
    """A relative reference (RFC 3986): every byte that is not plain is escaped, so that no part looks like a scheme."""
    return quote(os.fsencode(path), safe="/")


def text(value: str) -> str:
    """Plain text of a bounded length."""
    return display(value)[:MAX_TEXT] or "-"


def markdown(value: str) -> str:
    """Text that Markdown shows as it is."""
    escaped = (f"\\{character}" if character in "\\`*_{}[]()#+!|~" else character for character in value)
    return "".join(ENTITIES.get(character, character) for character in escaped)
