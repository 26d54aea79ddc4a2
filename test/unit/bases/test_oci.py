"""A layout's bytes depend on files, not on when, in which order or how often it was written."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from galway.bases.oci import Layout
from galway.errors import BuildError
from galway.reference import Platform

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from galway.bases.oci import Layer

AMD64, ARM64 = Platform.parse("amd64"), Platform.parse("arm64")
EPOCH = 1_700_000_000


def nothing() -> None:
    """Never asks to stop."""


def plant(root: Path, names: Sequence[str]) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
        os.utime(path, (EPOCH + 500, EPOCH + 500))
    return root


def pack(layout: Layout, root: Path) -> Layer:
    return layout.pack(root, epoch=EPOCH, level=3, tick=nothing)


def add(layout: Layout, platform: Platform, layer: Layer) -> None:
    layout.add(platform, layer, epoch=EPOCH, config={"Env": ["A=b"]}, annotations={"x": "y"}, history="made")


def members(layout: Layout, layer: Layer) -> dict[str, tarfile.TarInfo]:
    plain = b"".join(layout.chunks(layer))
    assert f"sha256:{hashlib.sha256(plain).hexdigest()}" == str(layer.diff_id)
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return {member.name: member for member in tar}


def test_the_order_in_which_files_came_does_not_show(tmp_path: Path) -> None:
    names = ["b/two", "a", "b/one", "c/d/e"]
    layout = Layout(tmp_path / "layout")
    first = pack(layout, plant(tmp_path / "first", names))
    assert pack(layout, plant(tmp_path / "second", names[::-1])) == first
    assert layout.blob(first.digest).stat().st_size == first.size


def test_times_are_capped_and_owners_are_numbers(tmp_path: Path) -> None:
    root = plant(tmp_path / "root", ["old", "new"])
    os.utime(root / "old", (1, 1))
    layout = Layout(tmp_path / "layout")
    found = members(layout, pack(layout, root))
    assert (found["old"].mtime, found["new"].mtime) == (1, EPOCH)
    assert all((member.uname, member.gname) == ("", "") for member in found.values())


def test_links_and_modes_are_kept(tmp_path: Path) -> None:
    root = plant(tmp_path / "root", ["bin/tool"])
    (root / "bin" / "tool").chmod(0o4755)
    os.link(root / "bin" / "tool", root / "bin" / "twin")
    (root / "sbin").symlink_to("bin")
    layout = Layout(tmp_path / "layout")
    found = members(layout, pack(layout, root))
    assert found["bin/tool"].mode == 0o4755
    assert (found["bin/twin"].islnk(), found["bin/twin"].linkname) == (True, "bin/tool")
    assert (found["sbin"].issym(), found["sbin"].linkname) == (True, "bin")


def test_the_index_does_not_depend_on_which_platform_came_first(tmp_path: Path) -> None:
    root = plant(tmp_path / "root", ["a"])
    one, other = Layout(tmp_path / "one"), Layout(tmp_path / "other")
    for layout, order in ((one, (AMD64, ARM64)), (other, (ARM64, AMD64, ARM64))):
        for platform in order:
            add(layout, platform, pack(layout, root))
    assert one.index == other.index
    assert sorted(one.manifests) == [AMD64, ARM64]
    assert one.config(ARM64)["variant"] == "v8"


def test_an_unfinished_layout_holds_nothing(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "layout")
    pack(layout, plant(tmp_path / "root", ["a"]))
    assert layout.index is None
    assert layout.manifests == {}


def test_stopping_while_packing_leaves_no_draft(tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    layout = Layout(tmp_path / "layout")
    with pytest.raises(KeyboardInterrupt):
        layout.pack(plant(tmp_path / "root", ["a"]), epoch=EPOCH, level=1, tick=stop)
    assert [path for path in layout.folder.rglob("*") if path.is_file()] == []


def test_another_layout_takes_a_layer_without_copying(tmp_path: Path) -> None:
    source, target = Layout(tmp_path / "source"), Layout(tmp_path / "target")
    layer = pack(source, plant(tmp_path / "root", ["a"]))
    target.adopt(source, layer)
    target.adopt(source, layer)
    add(target, AMD64, layer)
    assert target.blob(layer.digest).samefile(source.blob(layer.digest))
    assert target.layer(AMD64) == layer


def test_every_descriptor_is_true(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "layout")
    add(layout, AMD64, pack(layout, plant(tmp_path / "root", ["a"])))
    [outer] = json.loads((layout.folder / "index.json").read_bytes())["manifests"]
    index = json.loads((layout.folder / "blobs" / "sha256" / outer["digest"][7:]).read_bytes())
    manifest = layout.manifests[AMD64]
    for entry in (outer, *index["manifests"], manifest["config"], *manifest["layers"]):
        data = (layout.folder / "blobs" / "sha256" / entry["digest"][7:]).read_bytes()
        assert (len(data), f"sha256:{hashlib.sha256(data).hexdigest()}") == (entry["size"], entry["digest"])


@pytest.mark.parametrize("damage", ["index.json", "blob"])
def test_a_damaged_layout_says_which_folder_to_delete(tmp_path: Path, damage: str) -> None:
    layout = Layout(tmp_path / "layout")
    add(layout, AMD64, pack(layout, plant(tmp_path / "root", ["a"])))
    index = layout.index
    assert index is not None
    path = layout.folder / "index.json" if damage == "index.json" else layout.blob(index)
    path.write_bytes(b"{")
    with pytest.raises(BuildError, match="damaged") as caught:
        _ = layout.manifests
    assert caught.value.hint == "delete that folder"
