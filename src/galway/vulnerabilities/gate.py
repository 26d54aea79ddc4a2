"""Decides whether an image's findings are within the policy; never scans, and takes the day as a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import datetime
    from collections.abc import Collection, Sequence

    from galway.evidence import Status
    from galway.vulnerabilities.findings import Finding
    from galway.vulnerabilities.waivers import Waiver


SERIOUS = ("CRITICAL", "HIGH")
"""Severities that the gate counts, and that records name one by one."""


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many findings an image may have (spec: success metrics, security posture).

    Parameters
    ----------
    critical, high:
        Most distinct vulnerabilities of that severity: 0, and 4 since the specification asks for fewer than 5.
    warning_days:
        How long before its last day a waiver is called out.
    """

    critical: int = 0
    high: int = 4
    warning_days: int = 14

    def strict(self) -> Thresholds:
        """No critical and no high vulnerability (spec: fail on high or critical)."""
        return msgspec.structs.replace(self, critical=0, high=0)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the policy says about one image on one platform.

    Parameters
    ----------
    status:
        `passed` or `failed`.
    reason:
        Every cause of a failure, one line.
    counts:
        Distinct vulnerabilities that count, by severity.
    waived:
        What was found and accepted, with the waiver.
    warnings:
        What will fail soon.
    """

    status: Status
    reason: str
    counts: dict[str, int]
    waived: tuple[tuple[Finding, Waiver], ...]
    warnings: tuple[str, ...]


def decide(
    image: str,
    findings: Sequence[Finding],
    *,
    elsewhere: Collection[Waiver] = (),
    waivers: Sequence[Waiver],
    thresholds: Thresholds,
    today: datetime.date,
    whole: bool = True,
) -> Decision:
    """Hold findings against thresholds and waivers.

    A vulnerability counts once however many packages carry it. A waiver that is past its last day waives nothing and
    fails, as does one that nothing needs: both would be forgotten otherwise.

    Parameters
    ----------
    image:
        Catalog name.
    findings:
        Of one platform.
    elsewhere:
        Waivers that another platform of the same image needs, which are not unused.
    today:
        The day of the decision.
    whole:
        Whether vulnerabilities were looked for at all; otherwise nothing is known about what a waiver covers.
    """
    ours = [waiver for waiver in waivers if waiver.image == image]
    valid = [waiver for waiver in ours if waiver.expires >= today]
    waived: list[tuple[Finding, Waiver]] = []
    counted: dict[str, set[str]] = {}
    causes: list[str] = []
    for finding in findings:
        cover = next((waiver for waiver in valid if waiver.covers(finding, image)), None)
        if cover is not None:
            waived.append((finding, cover))
        elif finding.kind == "vulnerability":
            counted.setdefault(finding.severity, set()).add(finding.id)
        elif finding.kind == "secret" or finding.severity in SERIOUS:
            causes.append(f"{finding.kind} {finding.id} in {finding.target}")
    counts = {severity: len(ids) for severity, ids in counted.items()}
    for severity, most in (("CRITICAL", thresholds.critical), ("HIGH", thresholds.high)):
        if counts.get(severity, 0) > most:
            named = ", ".join(sorted(counted[severity])[:3])
            causes.append(f"{counts[severity]} {severity} vulnerabilities, at most {most} allowed ({named})")
    needed = {waiver for _, waiver in waived} | set(elsewhere)
    for waiver in ours:
        if waiver not in valid:
            causes.append(f"the waiver of {waiver} has expired")
        elif whole and waiver not in needed:
            causes.append(f"the waiver of {waiver} is not needed")
    soon = today + timedelta(days=thresholds.warning_days)
    return Decision(
        status="failed" if causes else "passed",
        reason="; ".join(causes),
        counts=counts,
        waived=tuple(waived),
        warnings=tuple(f"the waiver of {w} ends soon" for w in valid if w in needed and w.expires <= soon),
    )
