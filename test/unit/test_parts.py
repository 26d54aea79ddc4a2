"""What parts of an image weigh: each layer is divided whole, by the first pattern that fits."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import layouts

from galway.inspection import parts

if TYPE_CHECKING:
    from pathlib import Path

PARTS = (("tool", ("opt/tool*",)), ("optional", ("opt/*",)))


def test_every_layer_is_divided_whole_among_those_that_share_it(tmp_path: Path) -> None:
    layout = layouts.build(
        tmp_path,
        {"bin/sh": os.urandom(5_000), "etc": layouts.directory()},
        {"opt/tool/a": os.urandom(30_000), "opt/tool/b": os.urandom(30_000), "opt/rest": bytes(90_000)},
    )
    (manifest,) = layout.manifests()
    base, shared = (layer.size for layer in manifest.layers)
    found = {part["name"]: part for part in parts.measure(layout, manifest, PARTS)}
    assert found[parts.REST] == {"name": parts.REST, "compressed": base, "unpacked": 5_000}
    assert (found["tool"]["unpacked"], found["optional"]["unpacked"]) == (60_000, 90_000)
    assert found["tool"]["compressed"] + found["optional"]["compressed"] == shared
    assert found["optional"]["compressed"] < shared / 100  # zeros weigh nothing, although they are most of the bytes


def test_a_layer_without_files_and_a_part_that_is_not_there_are_told_too(tmp_path: Path) -> None:
    layout = layouts.build(tmp_path, {"etc": layouts.directory()})
    (manifest,) = layout.manifests()
    assert [(part["name"], part["compressed"]) for part in parts.measure(layout, manifest, PARTS)] == [
        (parts.REST, manifest.layers[0].size),
        ("tool", 0),
        ("optional", 0),
    ]


def test_an_image_without_named_parts_is_not_read(tmp_path: Path) -> None:
    layout = layouts.build(tmp_path, {"a": b""})
    (manifest,) = layout.manifests()
    layout.blob(manifest.layers[0].digest).unlink()
    assert parts.measure(layout, manifest, ()) == []
