"""`Pipfile.lock`: pinned packages by category, no edges."""

from __future__ import annotations

import re

from security.dependencies.model import PYPI, Dependency, Manifest, Reason, normalise
from security.dependencies.tables import ManifestError, json_object, table, tables, text


def parse(content: str, path: str) -> Manifest:
    """A package that two categories pin at one version is one dependency."""
    document = json_object(content)
    meta = table(document.get("_meta"))
    if not meta:
        raise ManifestError("not a lock of Pipenv: it has no _meta")
    private = {
        text(source.get("name")) for source in tables(meta.get("sources")) if not PYPI.match(text(source.get("url")))
    }
    lines = {match[1]: content.count("\n", 0, match.start()) + 2 for match in
             re.finditer(r'\n {8}"([^"]+)": \{', content)}  # fmt: skip
    found: dict[tuple[str, str], Dependency] = {}
    for category, packages in document.items():
        if category == "_meta":
            continue
        for name, entry in table(packages).items():
            one = _dependency(name, table(entry), category, lines.get(name, 1), private)
            before = found.get((one.name, one.version))
            if before is not None and not (before.groups and one.groups):
                one = Dependency(**{**vars(one), "groups": ()})
            found[one.name, one.version] = one
    return Manifest(path=path, kind="Pipfile.lock", dependencies=tuple(found.values()))


def _dependency(name: str, entry: dict[str, object], category: str, line: int, private: set[str]) -> Dependency:
    pinned = text(entry.get("version"))
    version = pinned.removeprefix("==") if pinned.startswith("==") and "*" not in pinned else ""
    reason = None if version else Reason.UNPINNED
    if {"git", "hg", "svn", "url"} & entry.keys():
        reason = Reason.VCS
    elif {"path", "file"} & entry.keys() or text(entry.get("index")) in private - {""}:
        reason = Reason.PRIVATE
    listed = entry.get("hashes")
    return Dependency(
        name=normalise(name),
        version=version,
        line=line,
        unjudgeable=reason,
        detail=text(entry.get("git") or entry.get("path") or entry.get("file")) or (pinned if not version else ""),
        groups=() if category == "default" else (category.removeprefix("develop") or "dev",),
        hashes=tuple(sorted(map(str, listed))) if isinstance(listed, list) else (),
    )
