"""The vulnerability gate: counts, waivers and their days; a decision needs no scan and no clock."""

from __future__ import annotations

import datetime

import pytest

from galway.vulnerabilities import gate
from galway.vulnerabilities.findings import Finding, Kind
from galway.vulnerabilities.waivers import Waiver

TODAY = datetime.date(2026, 11, 25)


def finding(
    name: str = "CVE-2026-1", severity: str = "HIGH", package: str = "libc6", kind: Kind = "vulnerability"
) -> Finding:
    return Finding(kind=kind, id=name, severity=severity, package=package, target="app/key.pem")


def waiver(name: str = "CVE-2026-1", package: str = "libc6", days: int = 100, image: str = "ci") -> Waiver:
    expires = TODAY + datetime.timedelta(days=days)
    return Waiver(id=name, image=image, package=package, owner="@platform", reason="not reachable", expires=expires)


def decide(
    *findings: Finding,
    waivers: tuple[Waiver, ...] = (),
    strict: bool = False,
    elsewhere: tuple[Waiver, ...] = (),
    whole: bool = True,
) -> gate.Decision:
    thresholds = gate.Thresholds().strict() if strict else gate.Thresholds()
    return gate.decide(
        "ci", findings, elsewhere=elsewhere, waivers=waivers, thresholds=thresholds, today=TODAY, whole=whole
    )


def test_four_high_vulnerabilities_are_allowed_and_five_are_not() -> None:
    found = [finding(f"CVE-2026-{number}") for number in range(5)]
    assert decide(*found[:4]).status == "passed"
    refused = decide(*found)
    assert refused.status == "failed"
    assert "5 HIGH vulnerabilities, at most 4 allowed" in refused.reason


def test_one_critical_vulnerability_fails_and_is_named() -> None:
    assert "CVE-2026-1" in decide(finding(severity="CRITICAL")).reason


def test_strict_allows_no_high_vulnerability() -> None:
    assert decide(finding(), strict=True).status == "failed"


def test_a_vulnerability_that_several_packages_carry_counts_once() -> None:
    assert decide(*(finding(package=f"lib{number}") for number in range(9))).counts == {"HIGH": 1}


def test_lower_severities_never_fail() -> None:
    assert decide(*(finding(f"CVE-2026-{number}", "MEDIUM") for number in range(90)), strict=True).status == "passed"


def test_a_secret_fails_whatever_its_severity() -> None:
    assert decide(finding("private-key", "LOW", kind="secret")).reason == "secret private-key in app/key.pem"


def test_a_waived_vulnerability_passes_and_its_waiver_is_named() -> None:
    decision = decide(finding(severity="CRITICAL"), waivers=(waiver(),))
    assert decision.status == "passed"
    assert [accepted.id for _, accepted in decision.waived] == ["CVE-2026-1"]


@pytest.mark.parametrize(
    "other", [waiver(name="CVE-2026-2"), waiver(package="libssl3"), waiver(image="security-scanner")]
)
def test_a_waiver_covers_nothing_but_what_it_names(other: Waiver) -> None:
    assert decide(finding(severity="CRITICAL"), waivers=(other,)).status == "failed"


@pytest.mark.parametrize(("days", "status"), [(0, "passed"), (-1, "failed"), (-730, "failed")])
def test_a_waiver_holds_through_its_last_day(days: int, status: str) -> None:
    decision = decide(finding(severity="CRITICAL"), waivers=(waiver(days=days),))
    assert decision.status == status


def test_an_expired_waiver_fails_even_when_nothing_is_found() -> None:
    assert "has expired" in decide(waivers=(waiver(days=-1),)).reason


def test_a_waiver_that_nothing_needs_fails() -> None:
    assert "is not needed" in decide(waivers=(waiver(),)).reason


def test_where_no_vulnerability_was_looked_for_no_waiver_is_known_to_be_unused() -> None:
    assert decide(waivers=(waiver(),), whole=False).status == "passed"
    assert decide(waivers=(waiver(days=-1),), whole=False).status == "failed"


def test_a_waiver_that_another_platform_needs_is_kept() -> None:
    assert decide(waivers=(waiver(),), elsewhere=(waiver(),)).status == "passed"


def test_a_waiver_that_ends_within_two_weeks_warns() -> None:
    assert decide(finding(), waivers=(waiver(days=14),)).warnings
    assert not decide(finding(), waivers=(waiver(days=15),)).warnings
