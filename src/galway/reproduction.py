"""Compares an image with what a second build of the same inputs made: which layers differ, and in which files; pure."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from galway.filesystem import shown, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from galway.bom import Difference
    from galway.filesystem import Entry
    from galway.layout import Layer, Layout, Manifest

FILES = 200
"""Differing files that are kept of one layer; how many there are is counted to the end."""


class FileDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One path of one layer that the second build made otherwise.

    Parameters
    ----------
    change:
        `added` is only in the second build, `removed` only in the first.
    detail:
        What of it differs: content, mode, owner, time, kind or a link's target.
    """

    path: str
    change: Literal["added", "removed", "changed"]
    detail: str


class LayerDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One layer that differs.

    Parameters
    ----------
    number:
        From 0, the lowest.
    instruction:
        The history line that made it.
    old, new:
        Digests of the blobs; empty where a side has no such layer.
    cause:
        What differs: `files`, `archive` (the same files in another order or with other headers), `compression` (of the
        same archive), or `count` (only one side has it).
    files:
        At most `FILES`, by path.
    differing:
        How many files differ.
    """

    number: int
    instruction: str
    old: str
    new: str
    cause: Literal["files", "archive", "compression", "count"]
    files: tuple[FileDifference, ...] = ()
    differing: int = 0


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What two builds of one platform do not share.

    Parameters
    ----------
    old, new:
        Digests of the manifests.
    settings:
        Paths into the image configuration and the manifest whose values differ, without what differs because of layers.
    """

    old: str
    new: str
    layers: tuple[LayerDifference, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether every byte is the same."""
        return self.old == self.new

    @property
    def only_times(self) -> bool:
        """Whether files differ in nothing but when they were last changed."""
        files = [file for layer in self.layers for file in layer.files]
        return bool(files) and not self.settings and all(_is_time(file.detail) for file in files)


def compare(old: tuple[Layout, Manifest], new: tuple[Layout, Manifest]) -> Comparison:
    """Compare two builds of one platform; where the digests are the same nothing more is read.

    Raises
    ------
    BuildError
        A layout is damaged.
    """
    (_, first), (_, second) = old, new
    if first.digest == second.digest:
        return Comparison(old=str(first.digest), new=str(second.digest))
    return Comparison(
        old=str(first.digest),
        new=str(second.digest),
        layers=tuple(_layers(old, new)),
        settings=tuple(_settings(old, new)),
    )


def explain(found: Comparison, packages: Difference | None) -> str:
    """In one line why the bytes are not the same.

    Parameters
    ----------
    packages:
        What the two builds hold in other versions; None where that is not known.
    """
    if packages:
        names = [f"{each.name} {'/'.join(each.old)} → {'/'.join(each.new)}" for each in packages.changed]
        names += [f"+{each.name} {each.version}" for each in packages.added]
        names += [f"-{each.name} {each.version}" for each in packages.removed]
        return f"the archive has moved on: {_few(names)}"
    if found.only_times:
        count = sum(layer.differing for layer in found.layers)
        return (
            f"{count} files differ in their times alone: a build took steps from a cache that were executed before the "
            "time that later ones are set to (SOURCE_DATE_EPOCH)"
        )
    parts = []
    for layer in found.layers:
        words = f"layer {layer.number} ({_line(layer.instruction)})"
        if layer.cause == "files":
            names = [f"{shown(file.path)} ({file.detail or file.change})" for file in layer.files]
            parts.append(f"{words}: {_few(names, of=layer.differing)}")
        else:
            parts.append(f"{words}: {_CAUSES[layer.cause]}")
    parts += [f"setting {name}" for name in found.settings]
    return f"not the same bytes: {_few(parts)}" if parts else "not the same bytes"


_CAUSES = {
    "archive": "the same files, archived in another order or with other headers",
    "compression": "the same archive, compressed to other bytes",
    "count": "only one of the builds has it",
}


def _layers(old: tuple[Layout, Manifest], new: tuple[Layout, Manifest]) -> Iterator[LayerDifference]:
    (_, first), (_, second) = old, new
    wanted = [number for number, (a, b) in enumerate(zip(first.layers, second.layers, strict=False)) if _files(a, b)]
    states = (_states(old, wanted), _states(new, wanted)) if wanted else ({}, {})
    for number in range(max(len(first.layers), len(second.layers))):
        a = first.layers[number] if number < len(first.layers) else None
        b = second.layers[number] if number < len(second.layers) else None
        if a is not None and b is not None and a.digest == b.digest:
            continue
        known = a or b
        found = LayerDifference(
            number=number,
            instruction=known.instruction if known else "",
            old=str(a.digest) if a else "",
            new=str(b.digest) if b else "",
            cause="count",
        )
        if a is not None and b is not None:
            changes = list(_changes(states[0].get(number, {}), states[1].get(number, {}))) if _files(a, b) else []
            cause: Literal["files", "archive", "compression"] = "files" if changes else "archive"
            found = msgspec.structs.replace(
                found,
                cause=cause if _files(a, b) else "compression",
                files=tuple(changes[:FILES]),
                differing=len(changes),
            )
        yield found


def _files(old: Layer, new: Layer) -> bool:
    """Whether the archives differ, not only their compression."""
    return old.diff_id != new.diff_id


_State = tuple[str, str, int, str, float, str]
"""Kind, digest of the content, mode, owner, time, link target."""

_ASPECTS = ("kind", "content", "mode", "owner", "time", "target")


def _states(side: tuple[Layout, Manifest], numbers: list[int]) -> dict[int, dict[str, _State]]:
    """What some layers hold, by number and path; a whiteout is one thing at its path, what it hides another."""
    found: dict[int, dict[str, _State]] = defaultdict(dict)
    for entry, chunks in walk(*side):
        if entry.layer in numbers:
            found[entry.layer][_key(entry)] = _state(entry, chunks)
    return found


def _key(entry: Entry) -> str:
    return entry.path if entry.kind not in ("whiteout", "opaque") else f"{entry.path} ({entry.kind})"


def _state(entry: Entry, chunks: Iterator[bytes]) -> _State:
    content = hashlib.sha256()
    for chunk in chunks:
        content.update(chunk)
    owner = f"{entry.uid}:{entry.gid}"
    return (entry.kind, content.hexdigest(), entry.mode, owner, entry.modified, entry.target)


def _changes(old: Mapping[str, _State], new: Mapping[str, _State]) -> Iterator[FileDifference]:
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        if before is None or after is None:
            only: Literal["added", "removed"] = "added" if before is None else "removed"
            yield FileDifference(path=path, change=only, detail=f"only in the {'second' if after else 'first'} build")
        elif before != after:
            parts = [_aspect(name, a, b) for name, a, b in zip(_ASPECTS, before, after, strict=True) if a != b and name]
            yield FileDifference(path=path, change="changed", detail=", ".join(parts))


def _aspect(name: str, old: Any, new: Any) -> str:
    if name == "content":
        return name
    if name == "mode":
        return f"mode {old:o} → {new:o}"
    return f"{name} {shown(str(old))} → {shown(str(new))}"


def _settings(old: tuple[Layout, Manifest], new: tuple[Layout, Manifest]) -> Iterator[str]:
    """Where configuration and manifest differ by themselves: layers and the digests that follow from them left out."""
    (one, first), (two, second) = old, new
    before, after = dict(first.config), dict(second.config)
    before.pop("rootfs", None)
    after.pop("rootfs", None)
    yield from _paths(before, after, "config")
    before, after = one.document(first.digest), two.document(second.digest)
    for document in (before, after):
        document.pop("layers", None)
        document.get("config", {}).pop("digest", None)
        document.get("config", {}).pop("size", None)
    yield from _paths(before, after, "manifest")


def _paths(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _paths(old.get(key), new.get(key), f"{path}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _paths(before, after, f"{path}[{number}]")
    elif json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True):
        yield path


def _is_time(detail: str) -> bool:
    return detail.startswith("time ") and ", " not in detail


def _few(names: list[str], *, most: int = 3, of: int = 0) -> str:
    left = max(of, len(names)) - most
    return ", ".join(names[:most]) + (f" (and {left} more)" if left > 0 else "")


def _line(instruction: str) -> str:
    words = " ".join(instruction.split())
    return words if len(words) <= 80 else f"{words[:78]} …"
