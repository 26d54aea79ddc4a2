"""What a container sees of an image: its layers over each other, whiteouts applied (OCI image-spec, layer.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from galway.filesystem.entries import shown, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from galway.errors import BuildError
    from galway.filesystem.entries import Entry, Limits
    from galway.layout import Layout, Manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class Hidden:
    """An entry that everybody downloads and nobody sees.

    Parameters
    ----------
    entry:
        As its layer holds it.
    by:
        Number of the layer that replaced or deleted it.
    """

    entry: Entry
    by: int


@dataclass(frozen=True, kw_only=True)
class Filesystem:
    """The final filesystem of one platform's image.

    Parameters
    ----------
    entries:
        What is visible, by path, sorted; no whiteouts.
    hidden:
        What a later layer (or a later entry of the same one) has replaced or deleted, in that order.
    wasted:
        For each layer, the unpacked bytes of its files that are hidden and of which no hard link is left.
    """

    entries: Mapping[str, Entry]
    hidden: tuple[Hidden, ...]
    wasted: tuple[int, ...]


def flatten(layout: Layout, manifest: Manifest, limits: Limits | None = None) -> Filesystem:
    """Read all layers and lay them over each other.

    Raises
    ------
    BuildError
        As `walk`; also a hard link to what is not there, and a path below a link or a file.
    """
    tree = Tree(layout, manifest)
    for entry, _ in walk(layout, manifest, limits):
        tree.add(entry)
    return tree.finish()


@dataclass(slots=True)
class _Node:
    entry: Entry | None = None
    origin: Entry | None = None  # the file whose bytes these are: itself, or what a hard link leads to
    children: dict[str, _Node] = field(default_factory=dict)


class Tree:
    """Lays entries over each other as `walk` yields them, so that one reading of the layers can serve several ends."""

    def __init__(self, layout: Layout, manifest: Manifest) -> None:
        self._layout = layout
        self._manifest = manifest
        self._root = _Node()
        self._layer = 0
        self._pending: list[Entry] = []
        self._hidden: list[tuple[Hidden, Entry | None]] = []

    def add(self, entry: Entry) -> None:
        """Take the next entry.

        Raises
        ------
        BuildError
            The layer before it holds a hard link to what is not there, or a path below a link or a file.
        """
        if entry.layer != self._layer:
            self._apply()
            self._layer = entry.layer
        self._pending.append(entry)

    def finish(self) -> Filesystem:
        """The filesystem after the last layer.

        Raises
        ------
        BuildError
            As `add`.
        """
        self._apply()
        nodes = list(_below(".", self._root))
        wasted = [0] * len(self._manifest.layers)
        alive = {id(node.origin) for _, node in nodes}
        for hidden, origin in self._hidden:
            if origin is hidden.entry and id(origin) not in alive:
                wasted[hidden.entry.layer] += hidden.entry.stored
        return Filesystem(
            entries={path: node.entry for path, node in sorted(nodes, key=lambda item: item[0]) if node.entry},
            hidden=tuple(hidden for hidden, _ in self._hidden),
            wasted=tuple(wasted),
        )

    def _apply(self) -> None:
        """Lay one layer over the lower ones: its whiteouts first, since they never hide what is beside them."""
        for entry in self._pending:
            if entry.kind == "whiteout" and (found := self._find(entry.path)):
                parent, name = found
                self._hide(parent.children.pop(name))
            elif entry.kind == "opaque":
                found = self._find(entry.path)
                node = found[0].children[found[1]] if found else self._root
                if found or entry.path == ".":
                    for name in list(node.children):
                        self._hide(node.children.pop(name))
        for entry in self._pending:
            if entry.kind not in ("whiteout", "opaque"):
                self._place(entry)
        self._pending.clear()

    def _place(self, entry: Entry) -> None:
        *parents, name = entry.path.split("/")
        node = self._root
        for index, part in enumerate(parents):
            node = node.children.setdefault(part, _Node())
            if node.entry is not None and node.entry.kind != "directory":
                # Runtimes differ in where they put it: behind the link, or in its place.
                below = f"below the {node.entry.kind} {shown('/'.join(parents[: index + 1]))!r}"
                raise self._refuse(entry, below)
        if entry.path == ".":
            if entry.kind != "directory":
                raise self._refuse(entry, "in the place of the root directory")
            self._root.entry = entry
            return
        origin = self._linked(entry) if entry.kind == "hardlink" else entry
        old = node.children.get(name)
        if old is not None and entry.kind == "directory" and (old.entry is None or old.entry.kind == "directory"):
            old.entry = old.origin = entry  # its content stays, its permissions change
            return
        if old is not None:
            self._hide(node.children.pop(name))
        node.children[name] = _Node(entry=entry, origin=origin)

    def _linked(self, entry: Entry) -> Entry:
        found = self._find(entry.target)
        origin = found[0].children[found[1]].origin if found else None
        if origin is None or origin.kind == "directory" or entry.target == entry.path:
            raise self._refuse(entry, f"a hard link to {shown(entry.target)!r}, which is no file of the image")
        return origin

    def _find(self, path: str) -> tuple[_Node, str] | None:
        """The parent of what lies at a path, and its name there; None where nothing does, and for the root."""
        *parents, name = path.split("/")
        node: _Node | None = self._root
        for part in parents:
            node = node.children.get(part) if node else None
        return (node, name) if node and name in node.children else None

    def _hide(self, node: _Node) -> None:
        for _, gone in _below("", node):
            if gone.entry is not None:
                self._hidden.append((Hidden(entry=gone.entry, by=self._layer), gone.origin))

    def _refuse(self, entry: Entry, what: str) -> BuildError:
        layer = self._manifest.layers[entry.layer].digest.short
        return self._layout.damaged(f"layer {layer} holds {shown(entry.path)!r}, {what}")


def _below(path: str, node: _Node) -> Iterator[tuple[str, _Node]]:
    """A node and all below it; without recursion, since a layer says how deep."""
    stack = [(path, node)]
    while stack:
        path, node = stack.pop()
        yield path, node
        prefix = "" if path == "." else f"{path}/"
        stack.extend((prefix + name, child) for name, child in node.children.items())
