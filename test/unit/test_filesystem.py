"""Files of an image, read from its layers: what a container sees, what is hidden, and what no honest layer holds."""

from __future__ import annotations

import gzip
import io
import tarfile
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import layouts
import pytest

from galway import filesystem
from galway.errors import BuildError
from galway.filesystem import Limits

if TYPE_CHECKING:
    from galway.filesystem import Filesystem
    from galway.layout import Layout

DATA = Path(__file__).parents[1] / "data" / "layers"
Layer = "Mapping[str, layouts.Node | bytes] | bytes"


def flatten(folder: Path, *layers: Layer, limits: Limits | None = None) -> Filesystem:
    layout = layouts.build(folder, *layers)
    return filesystem.flatten(layout, layout.manifests()[0], limits)


def contents(layout: Layout) -> dict[str, bytes]:
    return {entry.path: b"".join(data) for entry, data in filesystem.walk(layout, layout.manifests()[0])}


@pytest.mark.parametrize("compression", ["zstd", "gzip", ""])
def test_each_entry_comes_with_what_tar_knows_of_it_and_its_bytes(tmp_path: Path, compression: str) -> None:
    big = bytes(range(256)) * 12_000
    files = {
        "./usr/": layouts.directory(0o1777, uid=5),
        "usr//big": layouts.file(big, 0o4755, uid=7, gid=8),
        "usr/link": layouts.symlink("../../etc"),
        "usr/same": layouts.hardlink("./usr/big"),
        "usr/null": layouts.device(),
        "usr/pipe": layouts.fifo(),
    }
    layout = layouts.build(tmp_path, {"first": b"1"}, files, compression=compression)
    found = {entry.path: entry for entry, _ in filesystem.walk(layout, layout.manifests()[0])}
    assert [entry.kind for entry in found.values()] == [
        *("file", "directory", "file", "symlink", "hardlink", "device", "fifo")
    ]
    entry = found["usr/big"]
    assert (entry.size, entry.mode, entry.uid, entry.gid, entry.layer) == (len(big), 0o4755, 7, 8, 1)
    assert found["usr"].mode == 0o1777
    assert found["usr/link"].target == "../../etc"
    assert found["usr/same"].target == "usr/big"
    assert contents(layout)["usr/big"] == big


def test_a_later_layer_replaces_and_deletes_and_what_it_hides_is_counted_where_it_lies(tmp_path: Path) -> None:
    seen = flatten(
        tmp_path,
        {
            "etc": layouts.directory(),
            "etc/kept": b"1",
            "etc/replaced": b"22",
            "srv": layouts.directory(),
            "srv/x": b"333",
        },
        {"etc/replaced": b"4444", "etc/soon": b"5555"},
        {"etc/.wh.soon": b"", ".wh.srv": b""},
    )
    assert {path: entry.layer for path, entry in seen.entries.items()} == {"etc": 0, "etc/kept": 0, "etc/replaced": 1}
    assert {(hidden.entry.path, hidden.by) for hidden in seen.hidden} == {
        *(("etc/replaced", 1), ("etc/soon", 2), ("srv", 2), ("srv/x", 2))
    }
    assert seen.wasted == (5, 4, 0)


def test_an_opaque_directory_hides_the_lower_layers_and_nothing_of_its_own_wherever_it_stands(tmp_path: Path) -> None:
    lower = {"d": layouts.directory(), "d/old": b"1", "d/sub": layouts.directory(), "d/sub/old": b"2"}
    new, opaque = ("d/new", b"3"), ("d/.wh..wh..opq", b"")
    for name, upper in {"first": [opaque, new], "last": [new, opaque]}.items():
        seen = flatten(tmp_path / name, lower, layouts.tar([("d", layouts.directory(0o700)), *upper]))
        assert set(seen.entries) == {"d", "d/new"}
        assert seen.entries["d"].mode == 0o700


def test_a_whiteout_beside_a_file_of_its_name_deletes_the_lower_one_only(tmp_path: Path) -> None:
    seen = flatten(tmp_path, {"a/x": b"1", "a/y": b"2"}, layouts.tar([("a/x", b"new"), (".wh.a", b"")]))
    assert set(seen.entries) == {"a/x"}
    assert seen.entries["a/x"].layer == 1


def test_a_file_in_a_directorys_place_hides_all_below_it(tmp_path: Path) -> None:
    seen = flatten(tmp_path, {"a": layouts.directory(), "a/b/c": b"12"}, {"a": b"file"})
    assert set(seen.entries) == {"a"}
    assert seen.wasted == (2, 0)


def test_bytes_that_a_hard_link_still_shows_are_not_wasted(tmp_path: Path) -> None:
    seen = flatten(tmp_path, {"a": b"12345", "b": layouts.hardlink("a")}, {".wh.a": b""})
    assert seen.wasted == (0, 0)
    assert set(seen.entries) == {"b"}


def test_a_file_twice_in_one_layer_is_the_later_one(tmp_path: Path) -> None:
    seen = flatten(tmp_path, layouts.tar([("a", b"first"), ("a", b"second!")]))
    assert seen.entries["a"].size == 7
    assert seen.wasted == (5,)


BAD_LAYERS: dict[str, tuple[layouts.Node | bytes | None, str, str]] = {
    "climbing": (b"", "a/../../etc/passwd", "leads out of the image"),
    "absolute": (b"", "/etc/passwd", "leads out of the image"),
    "hard link out": (layouts.hardlink("../../etc/shadow"), "x", "a hard link to '../../etc/shadow', which leads out"),
    "absolute hard link": (layouts.hardlink("/etc/shadow"), "x", "a hard link to '/etc/shadow', which leads out"),
    "hard link to nothing": (layouts.hardlink("gone"), "x", "a hard link to 'gone', which is no file of the image"),
    "hard link to itself": (layouts.hardlink("x"), "x", "a hard link to 'x', which is no file"),
    "hard link to a directory": (layouts.hardlink("dir"), "x", "a hard link to 'dir', which is no file"),
    "below a link": (b"", "link/passwd", "'link/passwd', below the symlink 'link'"),
    "below a file": (b"", "plain/x", "'plain/x', below the file 'plain'"),
    "whiteout of a parent": (b"", "dir/.wh...", "a whiteout of no file"),
    "whiteout of nothing": (b"", "dir/.wh.", "a whiteout of no file"),
    "below a whiteout": (b"", ".wh.dir/x", "below a whiteout"),
    "unknown type": (layouts.Node(type=b"Z"), "x", "of the unknown type b'Z'"),
    "long path": (b"", "d/" * 3000 + "x", "a path of 6001 characters"),
    "long link": (layouts.symlink("d/" * 3000), "x", "a link to a path of 6000 characters"),
    "long header": (layouts.Node(pax=(("comment", "x" * 70_000),)), "x", "has a header of 70144 bytes"),
    "file in the root's place": (b"", ".", "in the place of the root directory"),
    "backwards": (layouts.Node(size=-10_240), "x", "impossible size|not a readable tar|not a tar archive to its end"),
}


@pytest.mark.parametrize("case", BAD_LAYERS)
def test_what_no_honest_layer_holds_is_refused_with_image_layer_and_path(tmp_path: Path, case: str) -> None:
    node, path, words = BAD_LAYERS[case]
    lower = {"link": layouts.symlink("/etc"), "plain": b"", "dir": layouts.directory()}
    layout = layouts.build(tmp_path / "ci", lower, {path: node or b""})
    manifest = layout.manifests()[0]
    with pytest.raises(BuildError, match=words) as caught:
        filesystem.flatten(layout, manifest)
    assert str(tmp_path / "ci") in caught.value.message
    assert manifest.layers[1].digest.short in caught.value.message
    assert "\n" not in caught.value.message
    assert sorted(tmp_path.iterdir()) == [tmp_path / "ci"]


def test_a_file_larger_than_its_layer_is_refused(tmp_path: Path) -> None:
    layer = layouts.tar({"a": layouts.Node(content=b"x" * 100, size=10 << 30)})
    layout = layouts.build(tmp_path, layer)
    with pytest.raises(BuildError, match="ends inside 'a'"):
        contents(layout)
    with pytest.raises(BuildError, match="not a readable tar archive: unexpected end"):
        filesystem.flatten(layout, layout.manifests()[0])


@pytest.mark.parametrize("place", [512, 1024, 1536])
def test_a_broken_header_is_not_taken_for_the_end(tmp_path: Path, place: int) -> None:
    layer = bytearray(layouts.tar({"a": b"1", "b": b"2", "c": b"3"}))
    layer[place + 5] ^= 0xFF
    if place != 1024:  # content of a; the header of b; content of b
        assert set(flatten(tmp_path, bytes(layer)).entries) == {"a", "b", "c"}
        return
    with pytest.raises(BuildError, match="not a tar archive to its end"):
        flatten(tmp_path, bytes(layer))


def test_files_behind_the_end_of_the_archive_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="not a tar archive to its end"):
        flatten(tmp_path, layouts.tar({"a": b""}) + layouts.tar({"b": b""}))


def test_an_empty_layer_is_a_layer(tmp_path: Path) -> None:
    assert flatten(tmp_path, bytes(1024)).entries == {}


@pytest.mark.parametrize("format_", ["pax-0.0", "pax-0.1", "pax-1.0", "gnu"])
def test_a_sparse_file_of_10_gb_costs_what_its_data_costs(tmp_path: Path, format_: str) -> None:
    layout = layouts.build(tmp_path, gzip.decompress((DATA / f"sparse-{format_}.tar.gz").read_bytes()))
    tracemalloc.start()
    started = time.monotonic()
    try:
        found = {e.path: (e, b"".join(data)) for e, data in filesystem.walk(layout, layout.manifests()[0])}
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    entry, data = found["hole"]
    assert entry.size == 10 << 30
    assert entry.stored < 10_000
    assert data.startswith(b"head")
    assert b"tail" in data
    assert found["next"][1] == b"after\n"
    assert peak < 16 << 20
    assert time.monotonic() - started < 5


def test_memory_does_not_grow_with_what_a_layer_unpacks_to(tmp_path: Path) -> None:
    layout = layouts.build(tmp_path, {"zeros": bytes(64 << 20)})
    tracemalloc.start()
    try:
        filesystem.flatten(layout, layout.manifests()[0])
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_entries(tmp_path: Path) -> None:
    layout = layouts.build(tmp_path, {f"{n:05}": layouts.file() for n in range(3000)})
    manifest = layout.manifests()[0]
    tracemalloc.start()
    try:
        assert sum(1 for _ in filesystem.walk(layout, manifest)) == 3000
        assert tracemalloc.get_traced_memory()[1] < 3 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(entries=2), "more than 2 entries"),
        (Limits(unpacked=15_000), "more than 15000 bytes unpacked"),
        (Limits(path=3), "a path of 4 characters"),
    ],
)
def test_more_than_the_limits_is_refused_over_all_layers_together(tmp_path: Path, limits: Limits, words: str) -> None:
    with pytest.raises(BuildError, match=words):
        flatten(tmp_path, {"a": b"", "long": b""}, {"b": b""}, limits=limits)


def test_a_name_can_be_printed_whatever_its_bytes(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as archive:
        archive.addfile(tarfile.TarInfo(b"caf\xe9\n\x1b[2J".decode(errors="surrogateescape")))
    (path,) = flatten(tmp_path, stream.getvalue()).entries
    assert filesystem.shown(path).encode().isascii()
    assert "\n" not in filesystem.shown(path)
