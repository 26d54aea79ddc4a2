"""What a second build is held against, what it keeps, and which verdict follows from what was kept."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import layouts
import msgspec
import pytest

from galway import bom, evidence, facts, plan as planning, prepare
from galway.bases import again, oci, shelf
from galway.bases.model import Base
from galway.errors import BuildError, NotEvaluatedError
from galway.reference import Digest, Platform
from galway.stages import reproduce
from galway.tools import buildx
from galway.workspace import Workspace

ROOT = Path(__file__).parents[2]


@pytest.mark.starts_processes  # git is asked
def test_a_second_build_reads_and_writes_no_cache_and_no_place_of_the_first() -> None:
    wanted = dataclasses.replace(
        prepare.plan(Workspace.here(), names=["ci"], environment={}),
        settings=planning.Settings(cache="registry/cache"),
    )
    uncached = reproduce._uncached(wanted)
    (target,) = planning.bake(uncached, out=reproduce._PLACE.out)["target"].values()
    assert target["no-cache"] is True
    assert "cache-from" not in target
    assert "cache-to" not in target
    assert str(planning.OUT) not in target["output"][0]
    assert ".galway/plan" not in " ".join(reproduce.command())


@pytest.mark.starts_processes  # git is asked
def test_what_was_built_from_other_files_is_not_compared(tmp_path: Path) -> None:
    workspace = Workspace(root=tmp_path, cache=tmp_path / "cache")
    wanted = prepare.plan(Workspace.here(), names=["ci"], environment={})
    (target,) = wanted.targets
    with pytest.raises(BuildError, match="no image layout"):
        reproduce.check(workspace, wanted, {})
    layout = layouts.build(workspace.layout("ci"), {"a": b"1"}, architecture=target.platform.architecture)
    digest = str(layout.manifests()[0].digest)
    with pytest.raises(BuildError, match="no record"):
        reproduce.check(workspace, wanted, {})

    def record(inputs: str) -> None:
        evidence.write(
            workspace.evidence,
            evidence.Record(
                stage="build",
                image="ci",
                platform=target.platform.slug,
                digest=digest,
                status="passed",
                measures={"inputs": inputs},
            ),
        )

    record("something else")
    with pytest.raises(BuildError, match="from other files, bases or settings"):
        reproduce.check(workspace, wanted, {})
    record(planning.inputs(wanted, target, {}))
    assert reproduce.check(workspace, wanted, {})[target.name][0].digest == layout.digest


CONTENT = b'{"schemaVersion": 2}'
SAME = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
OTHER = "sha256:" + "0" * 64
CACHED = reproduce.Making(steps=4, cached=("RUN a", "RUN b"))
MOVED = "the archive has moved on: zlib1g 1 → 2"


def kept(workspace: Workspace, digest: str, making: reproduce.Making, **fields: Any) -> evidence.Record:
    """A record of a second build that left some manifest; as passed, whatever came of it."""
    reports = {reproduce.MANIFEST: CONTENT, reproduce.MAKING: msgspec.json.encode(making)}
    artifacts = evidence.keep(workspace.evidence, "ci", "linux-amd64", reports)
    values: dict[str, Any] = {"status": "passed", "artifacts": artifacts, **fields}
    return evidence.Record(stage="reproduce", image="ci", platform="linux-amd64", digest=digest, **values)


@pytest.mark.parametrize(
    ("digest", "making", "status", "reason"),
    [
        (SAME, reproduce.Making(steps=4, bases={"BASE linux/amd64": ""}), "passed", ""),
        (SAME, CACHED, "not_evaluated", "2 of 4 steps were taken from a cache"),
        (
            SAME,
            reproduce.Making(steps=4, bases={"BASE linux/arm64": MOVED}),
            "failed",
            f"base BASE linux/arm64: {MOVED}",
        ),
        (OTHER, reproduce.Making(steps=4, difference=MOVED), "failed", MOVED),
        (OTHER, reproduce.Making(steps=4), "failed", f"the second build is {SAME[:19]}"),
    ],
)
def test_the_verdict_follows_from_the_kept_reports_whatever_the_record_says(
    tmp_path: Path, digest: str, making: reproduce.Making, status: str, reason: str
) -> None:
    workspace = Workspace(root=tmp_path, cache=tmp_path)
    edited = kept(workspace, digest, making)
    assert reproduce.judge(workspace, edited) == (status, reason)
    seen = facts.judged(workspace, edited, {"reproduce": lambda record: reproduce.judge(workspace, record)})
    assert seen.status == status
    assert reason in seen.reason


@pytest.mark.parametrize("name", [reproduce.MANIFEST, reproduce.MAKING])
def test_a_report_that_was_changed_removed_or_left_out_is_a_failure(tmp_path: Path, name: str) -> None:
    workspace = Workspace(root=tmp_path, cache=tmp_path)
    whole = kept(workspace, SAME, CACHED)
    left = {key: value for key, value in whole.artifacts.items() if key != name}
    expected = ("failed", f"its {name} is missing or was changed")
    assert reproduce.judge(workspace, msgspec.structs.replace(whole, artifacts=left)) == expected
    path = workspace.evidence / "ci" / "linux-amd64" / name
    path.write_bytes(msgspec.json.encode(reproduce.Making(steps=4)))
    assert reproduce.judge(workspace, whole) == expected
    path.unlink()
    assert reproduce.judge(workspace, whole) == expected


def small(folder: Path, bases: dict[str, str]) -> planning.Target:
    """A target, and what a second build of it would leave."""
    wanted = prepare.plan(Workspace.here(), names=["ci"], environment={})
    target = dataclasses.replace(
        wanted.targets[0], image=dataclasses.replace(wanted.targets[0].image, bases=tuple(bases.items()))
    )
    architecture = target.platform.architecture
    layouts.build(folder / reproduce._PLACE.out / target.name, {"a": b"1"}, architecture=architecture)
    return target


@pytest.mark.starts_processes  # git is asked
def test_a_finished_build_keeps_what_its_verdict_takes(tmp_path: Path) -> None:
    workspace = Workspace(root=tmp_path, cache=tmp_path)
    target = small(tmp_path, {"BASE": "debian"})
    trace = buildx.Trace([target.name])
    for number, (words, cached) in enumerate({"RUN a": True, "RUN b": False, "WORKDIR /w": True}.items()):
        name = f"[{target.name} stage-0 {number + 1}/3] {words}"
        trace.steps[words] = buildx.Step(name=name, target=target.name, cached=cached, seconds=1.0)
    remade = [again.Remade(argument=name, platform="linux/amd64", old="a", new="b") for name in ("BASE", "UNUSED")]
    first = layouts.build(tmp_path / "first", {"a": b"1"}, architecture=target.platform.architecture)
    work = reproduce._Work(
        workspace=workspace, request=None, hooks=reproduce.Hooks(packages=_none), trace=trace, remade=tuple(remade)
    )
    record = work.record(target, (first, first.manifests()[0]))
    assert (record.status, record.reason) == ("not_evaluated", "1 of 3 steps were taken from a cache")
    making = evidence.artifact(workspace.evidence, record, reproduce.MAKING)
    assert making is not None
    assert msgspec.json.decode(making, type=reproduce.Making) == reproduce.Making(
        steps=3, cached=(f"[{target.name} stage-0 1/3] RUN a",), bases={"BASE linux/amd64": ""}
    )


def _none(*_side: Any) -> bom.Bom:
    raise BuildError("nobody lists packages where the bytes are the same")


def test_a_difference_fails_and_a_cached_step_proves_nothing(tmp_path: Path) -> None:
    workspace = Workspace(root=tmp_path, cache=tmp_path)
    failed = kept(workspace, OTHER, CACHED, status="failed", reason="not the same bytes")
    cached = kept(workspace, SAME, CACHED, status="not_evaluated", reason="2 steps from a cache")
    assert reproduce.verdict([]) is None
    assert isinstance(reproduce.verdict([cached]), NotEvaluatedError)
    assert isinstance(reproduce.verdict([cached, failed]), BuildError)


def base(folder: Path, version: str, content: bytes) -> Base:
    """A stand-in as `bases` shelves it."""
    platform = Platform.parse("amd64")
    root = folder / "root"
    root.mkdir(parents=True)
    (root / "file").write_bytes(content)
    layout = oci.Layout(folder / "layout")
    layer = layout.pack(root, epoch=1, level=1, tick=lambda: None)
    package = {"name": "zlib1g", "version": version, "architecture": "amd64", "sha256": version}
    shelf.write_record(layout, platform, {"archive": {}, "packages": [package]})
    layout.add(platform, layer, epoch=1, config={}, annotations={}, history="stand-in")
    return Base(
        argument="BASE",
        reference="debian:bookworm-slim@sha256:" + "0" * 64,
        kind="stand-in",
        digest=layout.index or Digest("sha256:" + "0" * 64),
        layout=layout.folder,
        context="stand-in",
        suite="bookworm",
        description="a stand-in",
    )


@pytest.mark.parametrize(
    ("version", "content", "reason"),
    [
        ("1", b"x", ""),
        ("1", b"y", "the same packages gave other files"),
        ("2", b"y", "the archive has moved on: zlib1g 1 → 2"),
    ],
)
def test_bases_made_twice_are_compared(tmp_path: Path, version: str, content: bytes, reason: str) -> None:
    (found,) = again.compare(base(tmp_path / "a", "1", b"x"), base(tmp_path / "b", version, content))
    assert found.reason == reason
    assert (found.old == found.new) is (not reason)
