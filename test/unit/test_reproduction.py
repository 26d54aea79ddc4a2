"""What is said of two builds that differ: which layer, which file, which aspect of it, which package."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import layouts
import msgspec

from galway import bom, evidence, reproduction
from galway.report import reproduction as report

if TYPE_CHECKING:
    from pathlib import Path

    from galway.layout import Layout, Manifest


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
