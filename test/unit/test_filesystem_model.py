"""Any layers, honest or mangled, are read as the specification says or refused."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import layouts
import pytest
from hypothesis import given, strategies as st

from galway import filesystem
from galway.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

    from galway.filesystem import Filesystem


def flatten(folder: Path, *tars: bytes) -> Filesystem:
    layout = layouts.build(folder, *tars)
    return filesystem.flatten(layout, layout.manifests()[0])


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
OPERATIONS = st.tuples(PATHS, st.sampled_from(["file", "directory", "whiteout", "opaque"]))


def model(state: dict[str, tuple[str, int]], layer: list[tuple[str, str]], number: int) -> dict[str, tuple[str, int]]:
    """A simple model of the specification: paths in a dictionary, whiteouts of a layer before its entries."""
    for path, kind in layer:
        if kind == "whiteout":
            state = {p: v for p, v in state.items() if p != path and not p.startswith(f"{path}/")}
        elif kind == "opaque":
            state = {p: v for p, v in state.items() if not p.startswith(f"{path}/")}
    for path, kind in layer:
        if kind == "file":
            state = {p: v for p, v in state.items() if not p.startswith(f"{path}/")}
        if kind in ("file", "directory"):
            state[path] = (kind, number)
    return state


def honest(state: dict[str, tuple[str, int]], layer: list[tuple[str, str]], number: int) -> bool:
    """Whether no entry lies below a file."""
    whiteouts = [item for item in layer if item[1] in ("whiteout", "opaque")]
    entries = [item for item in layer if item not in whiteouts]
    state = model(state, whiteouts, number)
    for path, kind in entries:
        parts = path.split("/")
        if any(state.get("/".join(parts[:n]), ("", 0))[0] == "file" for n in range(1, len(parts))):
            return False
        state = model(state, [(path, kind)], number)
    return True


def member(path: str, kind: str) -> tuple[str, layouts.Node]:
    parent, _, name = path.rpartition("/")
    if kind == "opaque":
        return f"{path}/.wh..wh..opq", layouts.file()
    if kind == "whiteout":
        return f"{parent}/.wh.{name}".lstrip("/"), layouts.file()
    return path, layouts.directory() if kind == "directory" else layouts.file(path.encode())


@given(layers=st.lists(st.lists(OPERATIONS, max_size=6), min_size=1, max_size=4), data=st.data())
def test_any_layers_give_what_the_specification_says(
    tmp_path_factory: pytest.TempPathFactory, layers: list[list[tuple[str, str]]], data: st.DataObject
) -> None:
    state: dict[str, tuple[str, int]] = {}
    tars = []
    fine = True
    for number, layer in enumerate(layers):
        fine = fine and honest(state, layer, number)
        state = model(state, layer, number)
        whiteouts = [item for item in layer if item[1] in ("whiteout", "opaque")]
        mixed = list(layer) if not whiteouts else data.draw(interleaved(whiteouts, layer))
        tars.append(layouts.tar([member(*item) for item in mixed]))
    folder = tmp_path_factory.mktemp("layout")
    if not fine:
        with pytest.raises(BuildError, match="below the file"):
            flatten(folder, *tars)
        return
    seen = flatten(folder, *tars)
    assert {path: (entry.kind, entry.layer) for path, entry in seen.entries.items()} == state
    stored = sum(len(path) for layer in layers for path, kind in layer if kind == "file")
    shown = sum(entry.stored for entry in seen.entries.values())
    assert sum(seen.wasted) == stored - shown


def interleaved(
    whiteouts: list[tuple[str, str]], layer: list[tuple[str, str]]
) -> st.SearchStrategy[list[tuple[str, str]]]:
    """The layer with its whiteouts anywhere, its other entries in their order."""
    entries = [item for item in layer if item not in whiteouts]
    slots = st.lists(st.integers(0, len(entries)), min_size=len(whiteouts), max_size=len(whiteouts))

    def place(positions: list[int]) -> list[tuple[str, str]]:
        mixed = list(entries)
        for position, item in sorted(zip(positions, whiteouts, strict=True), reverse=True):
            mixed.insert(position, item)
        return mixed

    return slots.map(place)


@given(
    changes=st.lists(st.tuples(st.integers(0, 4095), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.integers(0, 10_240),
)
def test_a_mangled_layer_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], cut: int
) -> None:
    layer = bytearray(
        layouts.tar(
            {
                "a": layouts.Node(content=b"1" * 600, pax=(("path", "é" * 60), ("mtime", "1.5"))),
                "l": layouts.symlink("x" * 120),
                "b": b"",
            }
        )
    )
    for place, value in changes:
        layer[place] = value
    with contextlib.suppress(BuildError):
        flatten(tmp_path_factory.mktemp("layout"), bytes(layer[: len(layer) - cut]))
