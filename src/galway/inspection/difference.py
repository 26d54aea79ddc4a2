"""How two images differ: files, settings and packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from galway.bom import Difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from galway.inspection.examine import FileState, Inspection


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """One path that differs.

    Parameters
    ----------
    old, new:
        Sizes in bytes; 0 where there is none.
    detail:
        What of it changed: content, mode, owner, kind or a link's target.
    """

    path: str
    change: Literal["added", "removed", "changed"]
    old: int
    new: int
    detail: str = ""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting, label or annotation that differs; empty where a side has none."""

    name: str
    old: str
    new: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All that two images do not share.

    Parameters
    ----------
    old, new:
        Digests of the manifests.
    shared:
        How many of the lowest layers are the same blobs.
    compressed, unpacked:
        Bytes of each, old and new.
    files:
        The largest change of size first.
    packages:
        None where a side's packages are not known.
    """

    old: str
    new: str
    shared: int
    compressed: tuple[int, int]
    unpacked: tuple[int, int]
    files: tuple[FileChange, ...]
    settings: tuple[Setting, ...]
    packages: Difference | None


def compare(old: Inspection, new: Inspection, packages: Difference | None) -> Comparison:
    """What changed from one image to another; both must have been examined with their files' states."""
    shared = 0
    for before, after in zip(old.layers, new.layers, strict=False):
        if before.digest != after.digest:
            break
        shared += 1
    files = sorted(_files(old.states, new.states), key=lambda file: (-abs(file.new - file.old), file.path))
    return Comparison(
        old=old.digest,
        new=new.digest,
        shared=shared,
        compressed=(old.compressed, new.compressed),
        unpacked=(old.unpacked, new.unpacked),
        files=tuple(files),
        settings=tuple(_settings(_everything(old), _everything(new))),
        packages=packages,
    )


def _files(old: Mapping[str, FileState], new: Mapping[str, FileState]) -> Iterator[FileChange]:
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        if before == after:
            continue
        if before is None and after is not None:
            yield FileChange(path=path, change="added", old=0, new=after.size, detail=after.kind)
        elif after is None and before is not None:
            yield FileChange(path=path, change="removed", old=before.size, new=0, detail=before.kind)
        elif before is not None and after is not None:
            yield FileChange(path=path, change="changed", old=before.size, new=after.size, detail=_what(before, after))


def _what(old: FileState, new: FileState) -> str:
    parts = [] if old.kind == new.kind else [f"{old.kind} → {new.kind}"]
    if old.content != new.content:
        parts.append("content")
    if old.mode != new.mode:
        parts.append(f"mode {old.mode:o} → {new.mode:o}")
    if old.owner != new.owner:
        parts.append(f"owner {old.owner} → {new.owner}")
    if old.target != new.target:
        parts.append(f"target {old.target} → {new.target}")
    return ", ".join(parts)


def _everything(side: Inspection) -> dict[str, str]:
    return {
        "platform": side.platform,
        "platforms": ", ".join(side.platforms),
        **side.settings,
        **{f"label {name}": value for name, value in side.labels.items()},
        **{f"annotation {name}": value for name, value in side.annotations.items()},
    }


def _settings(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Setting]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield Setting(name=name, old=old.get(name, ""), new=new.get(name, ""))
