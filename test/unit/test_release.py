"""What an image needs before it may be published."""

from __future__ import annotations

from dataclasses import replace

import pytest
import semver
import shop

from galway import release
from galway.evidence import Record
from galway.release import GATES, Verdict

IMAGE = shop.Shop.open(shop.ROOT, "ghcr.io/jpoley").image()
BASE = IMAGE.bases[0][0]
BOTH = shop.built(("amd64", "1"), ("arm64", "2"))


def record(stage: str, platform: str = "linux-amd64", digit: str = "1", **fields: object) -> Record:
    values = {"status": "passed", "measures": {"bases": {BASE: {"kind": "registry"}}}, **fields}
    return Record(stage=stage, image="ci", platform=platform, digest="sha256:" + digit * 64, **values)  # type: ignore[arg-type]


ALL = [record(stage, *where) for where in (("linux-amd64", "1"), ("linux-arm64", "2")) for stage in GATES]


def judge(records: list[Record], built: release.Built = BOTH, *, loopback: bool = False, **fields: bool) -> Verdict:
    return release.requirements(records, built, IMAGE, shop.SHA, loopback=loopback, **fields)


def changed(stage: str, **fields: object) -> list[Record]:
    """All records, the first of a stage replaced."""
    return [record(stage, **fields) if r.stage == stage and r.platform == "linux-amd64" else r for r in ALL]


def test_an_image_with_every_record_may_be_published_anywhere() -> None:
    assert judge(ALL) == Verdict(refusals=(), unevaluated=())


@pytest.mark.parametrize("stage", GATES)
@pytest.mark.parametrize("loopback", [True, False])
def test_a_missing_failed_or_foreign_record_is_refused_everywhere(stage: str, loopback: bool) -> None:
    missing = judge([r for r in ALL if r.stage != stage or r.platform != "linux-arm64"], loopback=loopback)
    assert [line for line in missing.refusals if f"{stage} on linux/arm64 has no record: run inv {stage}" in line]
    foreign = judge(changed(stage, digit="9"), loopback=loopback)
    assert [line for line in foreign.refusals if "speaks of another digest" in line]
    failed = judge(changed(stage, status="failed", reason="it is bad"), loopback=loopback)
    assert f"{stage} on linux/amd64 failed: it is bad" in failed.refusals


@pytest.mark.parametrize("status", ["not_evaluated", "skipped"])
def test_what_was_not_evaluated_is_taken_by_loopback_only_and_stays_named(status: str) -> None:
    records = changed("scan", status=status, reason="no database")
    line = f"scan on linux/amd64 was {status.replace('_', ' ')}: no database"
    assert judge(records, loopback=True) == Verdict(refusals=(), unevaluated=(line,))
    assert judge(records).refusals == (line,)


def test_a_missing_platform_is_taken_by_loopback_only() -> None:
    one = shop.built(("amd64", "1"))
    assert judge(ALL, one, loopback=True).refusals == ()
    assert judge(ALL, one).refusals == ("linux/arm64 is not built",)


def test_a_stand_in_is_taken_by_loopback_or_by_name() -> None:
    records = changed("build", measures={"bases": {BASE: {"kind": "stand-in"}}})
    assert judge(records, loopback=True).refusals == ()
    assert judge(records, stand_in=True).refusals == ()
    (line,) = judge(records).refusals
    assert "--stand-in ci" in line


def test_changed_files_are_taken_by_loopback_only() -> None:
    dirty = replace(BOTH, annotations=shop.built(revision=f"{shop.SHA}-dirty").annotations)
    assert judge(ALL, dirty, loopback=True).refusals == ()
    assert judge(ALL, dirty).refusals == ("it was built from files that differ from the commit",)


@pytest.mark.parametrize("loopback", [True, False])
def test_an_image_is_not_called_by_another_commit(loopback: bool) -> None:
    other = replace(BOTH, annotations=shop.built(revision="1" * 40).annotations)
    (line,) = judge(ALL, other, loopback=loopback).refusals
    assert "built from commit 111111111111, not from abc123400000" in line


def test_releases_under_an_alias_are_final_versions_of_it() -> None:
    tags = ["1.2.3", "1.2.10", "1.3.0", "2.0.0", "1.2.11-rc.1", "1.2", "latest", "main-abc1234", "1.2.9+b"]
    assert max(release.releases(tags, "1.2")) == semver.Version.parse("1.2.10")
    assert max(release.releases(tags, "1")) == semver.Version.parse("1.3.0")
    assert release.releases(tags, "3") == []


@pytest.mark.parametrize(
    ("said", "derived", "counts"),
    [
        ("passed", "passed", "passed"),
        ("passed", "failed", "failed"),
        ("passed", "not_evaluated", "not_evaluated"),
        ("not_evaluated", "passed", "not_evaluated"),
        ("failed", "passed", "failed"),
    ],
)
def test_the_worse_of_what_a_record_and_its_reports_say_counts(said: str, derived: str, counts: str) -> None:
    found = release.judged(
        record("scan", status=said), intact=lambda _name: True, judge=lambda _record: (derived, "why")
    )
    assert found.status == counts


def test_a_missing_report_makes_a_record_worthless() -> None:
    found = release.judged(record("scan", artifacts={"trivy.json": "sha256:0"}), intact=lambda _name: False)
    assert found.status == "failed"
    assert "run inv scan again" in found.reason
