"""`pdm.lock`: packages, each variant with extras once more, with groups, files and edges as requirements."""

from __future__ import annotations

import re
from typing import Any

from security.dependencies.model import Dependency, Manifest, Reason, normalise
from security.dependencies.tables import ManifestError, hashes, line_of, name_lines, table, tables, text, toml

NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def parse(content: str, path: str) -> Manifest:
    """A package with extras stands in the lock beside the package itself; the two are one dependency."""
    document = toml(content)
    if not {"lock_version", "content_hash"} & table(document.get("metadata")).keys():
        raise ManifestError("not a lock of PDM: it has no metadata")
    lines = name_lines(content)
    found: dict[tuple[str, str], Dependency] = {}
    for index, package in enumerate(tables(document.get("package"))):
        one = _dependency(package, line_of(lines, index))
        before = found.get((one.name, one.version))
        found[one.name, one.version] = one if before is None else _join(before, one)
    required = {name for dependency in found.values() for name in dependency.requires}
    roots = tuple(sorted({dependency.name for dependency in found.values()} - required))
    return Manifest(path=path, kind="pdm.lock", dependencies=tuple(found.values()), roots=roots)


def _dependency(package: dict[str, Any], line: int) -> Dependency:
    reason = None
    if {"git", "hg", "svn", "bzr", "url", "revision"} & package.keys():
        reason = Reason.VCS
    elif "path" in package:
        reason = Reason.PRIVATE
    groups = package.get("groups", [])
    names = tuple(sorted(map(str, groups))) if isinstance(groups, list) else ()
    name, version = normalise(text(package.get("name"))), text(package.get("version"))
    requires = package.get("dependencies", [])
    matches = [NAME.match(entry) for entry in requires if isinstance(entry, str)] if isinstance(requires, list) else []
    return Dependency(
        name=name,
        version=version,
        line=line,
        unjudgeable=reason or (None if version else Reason.UNPINNED),
        detail=text(package.get("git") or package.get("url") or package.get("path")),
        groups=() if "default" in names else names,
        requires=tuple(sorted({normalise(match[1]) for match in matches if match} - {name})),
        hashes=hashes(package.get("files")),
    )


def _join(first: Dependency, second: Dependency) -> Dependency:
    """In a group only where both are."""
    groups = tuple(sorted({*first.groups, *second.groups})) if first.groups and second.groups else ()
    return Dependency(
        **{
            **vars(first),
            "groups": groups,
            "requires": tuple(sorted({*first.requires, *second.requires})),
            "hashes": tuple(sorted({*first.hashes, *second.hashes})),
        }
    )
