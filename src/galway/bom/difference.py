"""Compares two lists of packages: added, removed, changed."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from galway.bom.packages import Package

if TYPE_CHECKING:
    from collections.abc import Iterable

_REBUILD = re.compile(r"\+b[0-9]+$")


class Change(msgspec.Struct, frozen=True, order=True):
    """A package that both sides hold in other versions; several where several programs bring their own."""

    kind: str
    name: str
    old: tuple[str, ...]
    new: tuple[str, ...]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What two sides do not share, sorted by kind and name."""

    added: tuple[Package, ...]
    removed: tuple[Package, ...]
    changed: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def compare(old: Iterable[Package], new: Iterable[Package]) -> Difference:
    """What came, what went and what has another version."""
    before, after = list(old), list(new)
    was, is_now = _versions(before), _versions(after)
    return Difference(
        added=tuple(sorted(p for p in after if (p.kind, p.name) not in was)),
        removed=tuple(sorted(p for p in before if (p.kind, p.name) not in is_now)),
        changed=tuple(
            Change(kind, name, was[kind, name], is_now[kind, name])
            for kind, name in sorted(was.keys() & is_now.keys())
            if was[kind, name] != is_now[kind, name]
        ),
    )


def source_version(package: Package) -> str:
    """A version without Debian's count of binary rebuilds, `+b2`, which each architecture counts for itself.

    Source: Debian Developer's Reference 5.10.2.1, "Recompilation or binary-only NMU".
    """
    return _REBUILD.sub("", package.version) if package.kind == "dpkg" else package.version


def _versions(packages: Iterable[Package]) -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for package in packages:
        found[package.kind, package.name].add(package.version)
    return {key: tuple(sorted(versions)) for key, versions in found.items()}
