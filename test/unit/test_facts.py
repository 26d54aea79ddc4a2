"""What counts as known of an image is what its layout and the raw reports say, whatever a record claims."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from scored import World

from galway import evidence, facts, history, judges
from galway.checks import Check
from galway.reference import Platform
from galway.stages import scan, test as tests
from galway.vulnerabilities import judging

if TYPE_CHECKING:
    from pathlib import Path

AMD64 = Platform.parse("amd64")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(root=tmp_path)


def keep(world: World, stage: str, reports: dict[str, bytes]) -> None:
    world.records["linux-amd64", stage]["artifacts"] = evidence.keep(
        world.workspace.evidence, "ci", "linux-amd64", reports
    )


def test_a_record_whose_reports_say_worse_is_worse(world: World) -> None:
    world.known()
    known = facts.read(world.workspace, world.image, judges={"scan": lambda _record: ("failed", "1 CRITICAL")})
    record = known.record("scan", AMD64)
    assert record is not None
    assert (record.status, record.reason) == ("failed", "the record says passed, its reports say failed: 1 CRITICAL")


def test_a_record_whose_report_was_changed_fails(world: World) -> None:
    keep(world, "scan", {"trivy.json": b"{}"})
    world.known()
    (world.workspace.evidence / "ci" / "linux-amd64" / "trivy.json").write_bytes(b"{ }")
    known = facts.read(world.workspace, world.image, judges={})
    record = known.record("scan", AMD64)
    assert record is not None
    assert record.status == "failed"
    assert "trivy.json is missing or was changed" in record.reason


def test_figures_are_taken_from_the_reports_and_not_from_the_record(world: World) -> None:
    checks = [Check(kind="structure", name="binary", status="failed", detail="gone")]
    keep(world, "test", {tests.CHECKS: json.dumps([{**_plain(check)} for check in checks]).encode()})
    world.known()
    derive = {"test": lambda record: judges._tested(world.workspace, record)}
    record = facts.read(world.workspace, world.image, judges={}, afresh=derive).record("test", AMD64)
    assert record is not None
    assert [check["status"] for check in record.measures["checks"]] == ["failed"]


def test_without_its_report_a_test_record_holds_no_check_and_a_scan_no_count(world: World) -> None:
    world.known()
    derive = {
        "test": lambda record: judges._tested(world.workspace, record),
        "scan": lambda record: judging.decide(world.workspace, record, None, _rules(), set(), ""),
    }
    known = facts.read(world.workspace, world.image, judges={}, afresh=derive)
    tested, scanned = known.record("test", AMD64), known.record("scan", AMD64)
    assert tested is not None
    assert scanned is not None
    assert tested.measures["checks"] == []
    assert history.counted(scanned) is None


def test_a_layout_that_is_missing_or_damaged_is_said_and_the_command_builds(world: World) -> None:
    world.known()
    (world.workspace.layout("ci") / "index.json").write_text("{}")
    known = facts.read(world.workspace, world.image, judges={})
    assert "damaged" in known.why
    assert known.command("scan", AMD64) == "inv build -i ci --platform amd64"


@pytest.mark.parametrize(
    ("signed", "told"),
    [
        ((), "3 of its 3 digests are not signed"),
        (("index", "amd64"), "1 of its 3 digests are not signed"),
        (("index", "amd64", "arm64"), ""),
    ],
)
def test_every_platform_has_to_be_signed_with_the_index(world: World, signed: tuple[str, ...], told: str) -> None:
    world.records["index", "verify"] = {}
    known = world.known()
    assert known.layout is not None
    digests = {m.platform.architecture: str(m.digest) for m in known.manifests} | {"index": str(known.layout.digest)}
    world.change("index", "sign", signed=[digests[name] for name in signed])
    assert world.known().unsigned() == told


def _plain(check: Check) -> dict[str, str]:
    return {"kind": check.kind, "name": check.name, "status": check.status, "detail": check.detail}


def _rules() -> scan.Rules:
    from shop import ROOT  # noqa: PLC0415

    from galway import prepare  # noqa: PLC0415
    from galway.workspace import Workspace  # noqa: PLC0415

    return prepare.rules(Workspace(root=ROOT, cache=ROOT))
