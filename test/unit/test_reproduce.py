"""What a second build is held against, what is said of a difference, and which verdict follows from the kept bytes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import layouts
import msgspec
import pytest

from galway import bom, evidence, plan as planning, prepare, reproduction
from galway.bases import again, oci, shelf
from galway.bases.model import Base
from galway.errors import BuildError, NotEvaluatedError
from galway.reference import Digest, Platform
from galway.report import reproduction as report
from galway.stages import reproduce
from galway.workspace import Workspace

if TYPE_CHECKING:
    from galway.layout import Layout, Manifest

ROOT = Path(__file__).parents[2]


def side(folder: Path, *layers: Any, **options: Any) -> tuple[Layout, Manifest]:
    """One build of one platform."""
    layout = layouts.build(folder, *layers, **options)
    return layout, layout.manifests()[0]


def timed(content: bytes, seconds: int) -> bytes:
    """A layer of one file that was changed at some time."""
    return layouts.tar({"log": dataclasses.replace(layouts.file(content), pax=(("mtime", str(seconds)),))})


def files(found: reproduction.Comparison) -> dict[str, str]:
    return {file.path: file.detail for layer in found.layers for file in layer.files}


def test_the_same_bytes_are_the_same(tmp_path: Path) -> None:
    found = reproduction.compare(side(tmp_path / "a", {"app": b"x"}), side(tmp_path / "b", {"app": b"x"}))
    assert found.same
    assert not found.layers


def test_a_difference_names_layer_instruction_file_and_aspect(tmp_path: Path) -> None:
    base = {"etc/os": b"1"}
    old = {
        "same": b"same",
        "content": b"one",
        "mode": layouts.file(b"", 0o644),
        "owner": layouts.file(b"", uid=0),
        "link": layouts.symlink("a"),
        "gone": b"",
        "kind": layouts.directory(),
    }
    new = {
        "same": b"same",
        "content": b"two",
        "mode": layouts.file(b"", 0o755),
        "owner": layouts.file(b"", uid=1000, gid=5),
        "link": layouts.symlink("b"),
        "came": b"",
        "kind": b"",
    }
    steps = ["FROM base", "RUN make"]
    found = reproduction.compare(
        side(tmp_path / "a", base, old, history=steps), side(tmp_path / "b", base, new, history=steps)
    )
    (layer,) = found.layers
    assert (layer.number, layer.instruction, layer.cause, layer.differing) == (1, "RUN make", "files", 7)
    seen = files(found)
    assert "same" not in seen
    assert seen["content"] == "content"
    assert seen["mode"] == "mode 644 → 755"
    assert seen["owner"] == "owner 0:0 → 1000:5"
    assert seen["link"] == "target a → b"
    assert seen["gone"] == "only in the first build"
    assert seen["came"] == "only in the second build"
    assert seen["kind"].startswith("kind directory → file")


def test_a_time_alone_is_a_difference(tmp_path: Path) -> None:
    found = reproduction.compare(side(tmp_path / "a", timed(b"x", 1)), side(tmp_path / "b", timed(b"x", 2)))
    assert files(found)["log"].startswith("time 1")
    assert found.only_times
    assert reproduction.explain(found, None).startswith("1 files differ in their times alone")
    content = reproduction.compare(side(tmp_path / "c", timed(b"x", 1)), side(tmp_path / "d", timed(b"y", 2)))
    assert not content.only_times


def test_another_order_is_told_from_other_files(tmp_path: Path) -> None:
    first, second = [("a", b"1"), ("b", b"2")], [("b", b"2"), ("a", b"1")]
    found = reproduction.compare(
        side(tmp_path / "a", layouts.tar(first)),
        side(tmp_path / "b", layouts.tar(second)),  # type: ignore[arg-type]
    )
    assert [layer.cause for layer in found.layers] == ["archive"]
    assert "another order" in reproduction.explain(found, None)


def test_another_compression_is_told_from_other_files(tmp_path: Path) -> None:
    found = reproduction.compare(
        side(tmp_path / "a", {"a": b"1"}, compression="gzip"), side(tmp_path / "b", {"a": b"1"}, compression="zstd")
    )
    assert [layer.cause for layer in found.layers] == ["compression"]


def test_a_layer_more_is_told(tmp_path: Path) -> None:
    found = reproduction.compare(side(tmp_path / "a", {"a": b"1"}), side(tmp_path / "b", {"a": b"1"}, {"b": b"2"}))
    assert [(layer.number, layer.cause, layer.old) for layer in found.layers] == [(1, "count", "")]


def test_a_setting_that_differs_is_named_by_its_path(tmp_path: Path) -> None:
    found = reproduction.compare(
        side(tmp_path / "a", {"a": b"1"}, config={"Env": ["A=1", "B=2"]}),
        side(tmp_path / "b", {"a": b"1"}, config={"Env": ["A=1", "B=3"]}),
    )
    assert not found.layers
    assert found.settings == ("config.config.Env[1]",)
    assert reproduction.explain(found, None) == "not the same bytes: setting config.config.Env[1]"


def test_many_files_are_counted_and_not_all_kept(tmp_path: Path) -> None:
    many = reproduction.FILES + 7
    old, new = ({f"f{n}": text for n in range(many)} for text in (b"1", b"2"))
    found = reproduction.compare(side(tmp_path / "a", old), side(tmp_path / "b", new))
    assert (len(found.layers[0].files), found.layers[0].differing) == (reproduction.FILES, many)
    assert f"and {many - 3} more" in reproduction.explain(found, None)


def test_a_moved_archive_is_named_by_its_packages(tmp_path: Path) -> None:
    found = reproduction.compare(side(tmp_path / "a", {"a": b"1"}), side(tmp_path / "b", {"a": b"2"}))
    moved = bom.compare([bom.Package("dpkg", "zlib1g", "1")], [bom.Package("dpkg", "zlib1g", "2")])
    assert reproduction.explain(found, moved) == "the archive has moved on: zlib1g 1 → 2"
    nothing = bom.compare([], [])
    assert reproduction.explain(found, nothing).startswith("not the same bytes: layer 0")


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


def kept(workspace: Workspace, content: bytes, digest: str, **fields: Any) -> evidence.Record:
    """A record whose second build left some manifest."""
    artifacts = evidence.keep(workspace.evidence, "ci", "linux-amd64", {reproduce.MANIFEST: content})
    values: dict[str, Any] = {"status": "passed", **fields}
    return evidence.Record(
        stage="reproduce", image="ci", platform="linux-amd64", digest=digest, artifacts=artifacts, **values
    )


def test_the_verdict_is_the_kept_manifests_digest_whatever_the_record_says(tmp_path: Path) -> None:
    workspace = Workspace(root=tmp_path, cache=tmp_path)
    content = b'{"schemaVersion": 2}'
    digest = evidence.keep(tmp_path, "x", "y", {"z": content})["z"]
    assert reproduce.judge(workspace, kept(workspace, content, digest)) == ("passed", "")
    assert reproduce.judge(workspace, kept(workspace, b"another", digest))[0] == "failed"
    edited = kept(workspace, content, digest)
    (workspace.evidence / "ci" / "linux-amd64" / reproduce.MANIFEST).write_bytes(b"edited")
    assert reproduce.judge(workspace, edited)[0] == "failed"


def test_a_difference_fails_and_a_cached_step_proves_nothing(tmp_path: Path) -> None:
    workspace = Workspace(root=tmp_path, cache=tmp_path)
    failed = kept(workspace, b"a", "sha256:" + "0" * 64, status="failed", reason="not the same bytes")
    cached = kept(workspace, b"a", "sha256:" + "0" * 64, status="not_evaluated", reason="2 steps from a cache")
    assert reproduce.verdict([]) is None
    assert isinstance(reproduce.verdict([cached]), NotEvaluatedError)
    assert isinstance(reproduce.verdict([cached, failed]), BuildError)


def test_the_report_names_layer_file_and_moved_package(tmp_path: Path) -> None:
    found = reproduction.compare(side(tmp_path / "a", {"a": b"1"}), side(tmp_path / "b", {"a": b"2"}))
    moved = bom.compare(
        [bom.Package("dpkg", "zlib1g", "1"), bom.Package("dpkg", "old", "1")],
        [bom.Package("dpkg", "zlib1g", "2"), bom.Package("python", "new", "3")],
    )
    measures = msgspec.to_builtins(
        {"made": found.new, "layers": found.layers, "settings": found.settings, "packages": moved, "bases": []}
    )
    record = evidence.Record(
        stage="reproduce", image="ci", platform="linux-amd64", digest=found.old, status="failed", measures=measures
    )
    cells = [list(column.cells) for table in report.reproduced([record]) for column in table.columns]
    assert any("a: content" in str(cell) for column in cells for cell in column)
    assert any("dpkg zlib1g" in str(cell) for column in cells for cell in column)
    assert any("python new" in str(cell) for column in cells for cell in column)


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
